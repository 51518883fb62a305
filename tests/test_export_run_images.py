"""Pictures on a device: numpy and pillow make the pixels that the graph makes."""

import base64
import functools
import zipfile

import numpy as np
import pytest
from image_files import COLOUR, DEPTHS, GREY, PALETTE, chunk, exif, jpeg, png, rgb, samples, smooth, with_exif

from rnnkit.export.run_images import pixels_of
from rnnkit.features.images import DecodeImages

WANTED = [
    (height, width, channels, fit)
    for height, width in ((12, 20), (40, 33))
    for channels in (1, 3)
    for fit in ("squash", "pad", "crop")
]


@functools.cache
def pictures():
    """Name -> file, of every kind and of many sizes."""
    made = {}
    for kind, depths in DEPTHS.items():
        for depth in depths:
            palette = {"palette": samples(depth, 2, 3, COLOUR, 8)[..., 0]} if kind == PALETTE else {}
            for size in ((12, 20), (31, 17)):
                values = samples(depth, *size, kind, depth, top=2 if palette else None)
                made[f"png {kind} {depth} {size}"] = png(values, kind, depth, **palette)
    see_through = {"palette": [[9, 99, 199], [0, 50, 100]], "opacity": b"\x50"}
    made["palette with opacity"] = png(samples(0, 12, 20, PALETTE, 8, top=2), PALETTE, **see_through)
    for size in ((12, 20), (100, 150), (333, 90), (64, 700), (900, 800), (1, 60), (60, 1)):
        made[f"jpeg {size}"], made[f"large png {size}"] = jpeg(smooth(1, *size)), rgb(smooth(2, *size))
        made[f"grey jpeg {size}"] = jpeg(smooth(3, *size, 1)[..., 0], progressive=True)
        made[f"inks {size}"] = jpeg(smooth(4, *size, 4))
    for orientation in range(10):
        made[f"turned jpeg {orientation}"] = with_exif(
            jpeg(smooth(5, 31, 47)), exif(orientation, "<>"[orientation % 2])
        )
        block = chunk(b"eXIf", exif(orientation, ">"))
        made[f"turned png {orientation}"] = png(samples(6, 31, 47, COLOUR, 8), COLOUR, before=block)
    made["uri"] = b"data:image/png;base64," + base64.b64encode(made["turned png 6"])
    made["inks not by Adobe"] = made["inks (100, 150)"].replace(b"Adobe", b"Other", 1)
    made["none"], made["cut"] = b"none", made["uri"][:-50]
    return made


def apart(contents, height, width, channels, fit):
    """Returns by how many levels each pixel differs, of each picture; whether it is readable is asserted."""
    how = {"height": height, "width": width, "channels": channels, "fit": fit, "most_pixels": 1_000_000}
    expected, readable = DecodeImages(**how).inspected(list(contents))
    found = [pixels_of(content, how) for content in contents]
    assert [there for _, there in found] == readable.numpy().tolist()
    for pixels, _ in found:
        assert pixels.shape == (height, width, channels) and pixels.dtype == np.uint8
    return np.abs(np.stack([pixels for pixels, _ in found]).astype(int) - expected.numpy())


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_every_kind_of_picture_becomes_the_same_pixels(wanted):
    made = pictures()
    levels = apart(made.values(), *wanted)
    # Sums of single precision may be rounded another way, and of exact sizes there are none.
    assert levels.max() <= 1 and np.mean(levels > 0) < 1e-3
    exact = [place for place, name in enumerate(made) if "(12, 20)" in name]
    assert wanted[:2] != (12, 20) or (len(exact) > 15 and not levels[exact].any())


def test_real_photographs_become_the_same_pixels(real_data):
    with zipfile.ZipFile(real_data / "captioning" / "flickr8k_1000" / "images.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")][:100]
        contents = [archive.read(name) for name in names]
    assert len(contents) == 100
    for wanted in ((96, 96, 3, "squash"), (32, 48, 1, "pad")):
        levels = apart(contents, *wanted)
        assert levels.max() <= 1 and np.mean(levels > 0) < 1e-3


def test_too_many_pixels_and_broken_headers_are_not_readable():
    how = {"height": 3, "width": 4, "channels": 1, "fit": "squash", "most_pixels": 200}
    values = samples(0, 10, 20, COLOUR, 8)
    assert pixels_of(rgb(values), how)[1] and not pixels_of(rgb(values), {**how, "most_pixels": 199})[1]
    for size in ((20_000, 20_000), (0, 9), (9, 0), (2**31, 1)):
        pixels, readable = pixels_of(png(values, COLOUR, size=size), how)
        assert not readable and pixels.shape == (3, 4, 1) and not pixels.any()


def test_a_photograph_with_a_film_behind_it_is_read():
    """As telephones write them."""
    how = {"height": 3, "width": 4, "channels": 3, "fit": "squash", "most_pixels": 5_000}
    content = jpeg(smooth(7, 30, 40))
    pixels, readable = pixels_of(content + b"ftypmp42\xff\xda" + bytes(50), how)
    assert readable and (pixels == pixels_of(content, how)[0]).all()


def test_a_size_beyond_the_bound_that_pillow_has_is_only_asked_of_most_pixels():
    how = {"height": 3, "width": 4, "channels": 3, "fit": "squash", "most_pixels": 400_000_000}
    told = png(np.zeros((1, 9, 1), int), GREY, 1, size=(20_000, 10_000))
    assert not pixels_of(told, how)[1] and not pixels_of(told, {**how, "most_pixels": 1})[1]
