"""Pictures in the graph: every kind of PNG and JPEG file, and how a camera was held."""

import functools
import io
import struct

import numpy as np
import pytest
from image_files import (
    CHANNELS,
    COLOUR,
    COLOUR_ALPHA,
    DEPTHS,
    GREY,
    GREY_ALPHA,
    PALETTE,
    chunk,
    exif,
    jpeg,
    png,
    rgb,
    samples,
    smooth,
    with_exif,
)
from PIL import Image, ImageOps

from rnnkit.features.images import DecodeImages

SIZE = (8, 11)
KINDS = [(kind, depth) for kind, depths in DEPTHS.items() for depth in depths]


@functools.cache
def layer(height=SIZE[0], width=SIZE[1], channels=3):
    return DecodeImages(height, width, channels)


def one(content, **how):
    pixels, readable = layer(**how).inspected([content])
    assert readable.numpy().tolist() == [True]
    return pixels[0].numpy()


def pillow(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def on_white(colour, opacity):
    return np.floor(colour * (opacity / 255) + 255 * (1 - opacity / 255) + 0.5)


@pytest.mark.parametrize(("kind", "depth"), KINDS)
def test_png_files_of_every_kind_are_read(kind, depth):
    palette = np.random.default_rng(0).integers(0, 256, (min(1 << depth, 200), 3))
    values = samples(depth, *SIZE, kind, depth, top=len(palette) if kind == PALETTE else None)
    content = png(values, kind, depth, palette=palette if kind == PALETTE else None)
    # Few bits are spread over 0 to 255, and of 16 the upper 8 are taken.
    bright = values >> 8 if depth == 16 else values if depth == 8 else values * 255 // ((1 << depth) - 1)
    expected = palette[values[..., 0]] if kind == PALETTE else bright
    if kind in (GREY_ALPHA, COLOUR_ALPHA):
        expected = on_white(bright[..., :-1], bright[..., -1:])
    np.testing.assert_array_equal(one(content), np.broadcast_to(expected, (*SIZE, 3)))
    assert CHANNELS[kind] == values.shape[-1]


def test_colours_of_a_palette_may_be_transparent():
    palette, values = np.array([[10, 20, 30], [200, 100, 0], [5, 6, 7]]), samples(1, *SIZE, PALETTE, 2, top=3)
    content = png(values, PALETTE, 2, palette=palette, opacity=bytes([255, 51]))
    colours = on_white(palette, np.array([[255], [51], [255]]))
    np.testing.assert_array_equal(one(content), colours[values[..., 0]])


@pytest.mark.parametrize(("kind", "opacity"), [(GREY, struct.pack(">H", 3)), (COLOUR, struct.pack(">HHH", 1, 2, 3))])
def test_a_single_transparent_colour_shows_as_that_colour(kind, opacity):
    values = samples(2, *SIZE, kind, 8)
    values[:4] = (1, 2, 3)[-values.shape[-1] :]
    expected = np.broadcast_to(values, (*SIZE, 3))
    np.testing.assert_array_equal(one(png(values, kind, opacity=opacity)), expected)


@pytest.mark.parametrize(
    "how",
    [{}, {"quality": 30}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"restart_marker_blocks": 2}],
    ids=str,
)
def test_jpeg_files_have_the_pixels_that_pillow_gives(how):
    content = jpeg(smooth(3, 37, 53), **how)
    np.testing.assert_array_equal(one(content, height=37, width=53), pillow(content))
    grey = jpeg(smooth(4, 37, 53, 1)[..., 0], **{name: value for name, value in how.items() if name != "subsampling"})
    np.testing.assert_array_equal(one(grey, height=37, width=53), pillow(grey))


def test_jpeg_files_of_four_inks_are_read():
    """As a printer's photograph, whose inks Adobe's files have inverted."""
    inks = smooth(5, 37, 53, 4)
    content = jpeg(inks, quality=95)
    found = np.asarray(Image.open(io.BytesIO(content))).astype(int)
    expected = (255 - found[..., :3]) * (255 - found[..., 3:]) // 255
    np.testing.assert_array_equal(one(content, height=37, width=53), expected)
    other = content.replace(b"Adobe", b"Other", 1)
    expected = found[..., :3] * found[..., 3:] // 255
    np.testing.assert_array_equal(one(other, height=37, width=53), expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_the_camera_was_held(orientation, order):
    block, values = exif(orientation, order), samples(orientation, *SIZE, COLOUR, 8)
    photograph = with_exif(jpeg(smooth(6, *SIZE)), block)
    drawing = png(values, COLOUR, before=chunk(b"tEXt", b"a\0b") + chunk(b"eXIf", block))
    for content in (photograph, drawing):
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
        height, width = expected.shape[:2]
        assert (height > width) == (orientation >= 5)
        np.testing.assert_array_equal(one(content, height=height, width=width), expected)


def test_an_orientation_that_makes_no_sense_turns_nothing():
    plain, values = jpeg(smooth(7, *SIZE)), samples(8, *SIZE, COLOUR, 8)
    blocks = [exif(0), exif(9), exif(6, kind=4), exif(6)[:12], exif(6)[:-9], b"", b"II*\0", b"XX" + exif(6)[2:]]
    blocks += [b"II*\0" + bytes([255] * 4) + exif(6)[8:], exif(6)[:8] + b"\xff\xff" + exif(1)[10:]]
    for block in blocks:
        np.testing.assert_array_equal(one(with_exif(plain, block)), pillow(plain))
        np.testing.assert_array_equal(one(png(values, COLOUR, before=chunk(b"eXIf", block))), values)


def test_an_orientation_is_found_behind_other_segments_and_fillers():
    plain = jpeg(smooth(9, *SIZE))
    rest = with_exif(plain, exif(3))[2:]
    other = b"\xff\xe1\0\x08Other\0" + b"\xff\xfe\0\x04hi"
    for before in (other, other * 40, b"\xff\xff", b"\xff\x01" + other):
        np.testing.assert_array_equal(one(plain[:2] + before + rest), pillow(plain)[::-1, ::-1])


def test_of_several_pictures_in_a_file_the_first_is_read():
    first, second = smooth(10, *SIZE), smooth(11, *SIZE)
    file = io.BytesIO()
    Image.fromarray(first).save(file, "MPO", save_all=True, append_images=[Image.fromarray(second)])
    np.testing.assert_array_equal(one(file.getvalue()), pillow(jpeg(first)))
    np.testing.assert_array_equal(one(rgb(first) + rgb(second)), first)
    np.testing.assert_array_equal(one(jpeg(first) + b"\0ftypmp42 \xff\xda"), pillow(jpeg(first)))


@pytest.mark.parametrize("name", ["GIF", "BMP", "WEBP", "TIFF", "ICO"])
def test_other_kinds_of_files_are_not_readable(name):
    file = io.BytesIO()
    Image.fromarray(smooth(12, *SIZE)).save(file, name)
    assert not layer().inspected([file.getvalue()])[1].numpy().any()
