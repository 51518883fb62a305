"""Pictures that a bundle keeps: small files as they are, large ones shrunk as they are seen, texts untouched."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from toy_captions import TEXTS, Rows, encoded, noise, uri

from rnnkit.captioning.kept import SMALL, example_pictures, kept_pictures, small_uri

LARGE = (300, 400)


def opened(text):
    head, content = text.split(",", 1)
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def saved(picture, kind="PNG", **how):
    """Gives the bytes of a file that is too large to be kept as it is."""
    file = io.BytesIO()
    picture.save(file, kind, **how)
    assert len(file.getvalue()) > SMALL
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_small_file_is_kept_byte_for_byte(kind):
    image = encoded(noise(1, (30, 20)), kind)
    head, content = small_uri(image).split(",", 1)
    assert head == f"data:image/{kind.lower()};base64" and base64.b64decode(content) == image
    edge = encoded(noise(1)) + b"\0" * (SMALL - len(encoded(noise(1))))
    assert base64.b64decode(small_uri(edge).split(",")[1]) == edge


def test_a_data_uri_is_kept_as_it_is():
    text = uri(encoded(noise(1, LARGE)))
    assert len(text) > SMALL and small_uri(text) is text


def test_a_large_file_becomes_a_jpeg_whose_longer_side_is_256():
    smooth = np.broadcast_to(np.linspace(0, 255, LARGE[1])[None, :, None], (*LARGE, 3)).astype(np.uint8)
    picture = opened(small_uri(encoded(smooth) + b"\0" * SMALL))
    assert picture.format == "JPEG" and picture.size == (256, 192)
    found = np.asarray(picture).astype(float)
    assert np.abs(found - np.linspace(0, 255, 256)[None, :, None]).max() < 6
    assert max(opened(small_uri(encoded(noise(1, (400, 150), 1)))).size) == 256


def test_a_large_file_is_turned_as_its_exif_orientation_asks():
    # Dark on its left, which is its top once it is turned by a quarter to the right.
    pixels = noise(1, LARGE) // 4
    pixels[:, 200:] += 180
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = opened(small_uri(saved(Image.fromarray(pixels), "JPEG", quality=95, exif=exif)))
    assert picture.size == (192, 256) and not picture.getexif().get(0x0112)
    found = np.asarray(picture)
    assert found[:120].mean() < 60 and found[136:].mean() > 180


def test_what_is_transparent_in_a_large_file_is_white():
    pixels = noise(1, LARGE, 4)
    pixels[..., 3] = np.where(np.arange(LARGE[1]) < 200, 0, 255)
    found = np.asarray(opened(small_uri(saved(Image.fromarray(pixels)))))
    assert found[:, :120].min() > 240 and found[:, 140:].mean() < 140
    few = Image.fromarray(noise(1, LARGE, 1)[..., 0])
    few.putpalette(list(range(256)) * 3)
    assert np.asarray(opened(small_uri(saved(few, transparency=bytes(256))))).min() > 250


def test_of_16_bits_the_upper_8_are_kept():
    deep = np.random.default_rng(1).integers(0x7F00, 0x8100, LARGE).astype(np.uint16)
    picture = opened(small_uri(saved(Image.fromarray(deep))))
    assert picture.mode == "RGB" and 125 < np.asarray(picture).min() <= np.asarray(picture).max() < 131


def test_rows_that_are_kept_are_ready_for_json_and_those_that_the_seed_draws():
    rows = Rows()
    rows.images[2] = uri(rows.images[2])
    whole = kept_pictures(rows, 9, seed=1)
    assert json.loads(json.dumps(whole)) == whole
    assert [row["caption"] for row in whole] == TEXTS and whole[2]["image"] is rows.images[2]
    assert whole[0]["image"] == uri(rows.images[0])
    some = kept_pictures(rows, 3, seed=1)
    assert len(some) == 3 and some == kept_pictures(rows, 3, seed=1) and all(row in whole for row in some)
    assert len({tuple(row["image"] for row in kept_pictures(rows, 2, seed)) for seed in range(9)}) > 2


def test_the_example_is_the_first_pictures():
    rows = Rows()
    assert example_pictures(rows, 2) == {"image": [uri(image) for image in rows.images[:2]]}
    assert example_pictures(rows, 9) == {"image": [uri(image) for image in rows.images]}
