"""Pictures in the graph and on a device: no bytes raise an error, and both read what is damaged alike."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import COLOUR_ALPHA, PALETTE, SIGNATURE, exif, jpeg, png, rgb, samples, smooth, with_exif

from rnnkit.export.run_images import pixels_of
from rnnkit.features.images import DecodeImages

HOW = {"height": 5, "width": 4, "channels": 3, "fit": "crop", "most_pixels": 100_000}
FILES = {
    "photograph": jpeg(smooth(0, 25, 34), quality=60),
    "progressive": jpeg(smooth(1, 15, 14), progressive=True),
    "inks": jpeg(smooth(2, 9, 14, 4)),
    "restarts": with_exif(jpeg(smooth(3, 25, 34), quality=30, restart_marker_blocks=1), exif(6)),
    "drawing": rgb(smooth(4, 16, 13)),
    "transparent": png(samples(5, 9, 7, COLOUR_ALPHA, 16), COLOUR_ALPHA, 16),
    "palette": png(samples(6, 9, 13, PALETTE, 4, top=9), PALETTE, 4, palette=np.eye(9, 3) * 255, opacity=b"abc"),
}


@functools.cache
def layer():
    return DecodeImages(**HOW)


def both(contents):
    """Returns pixels and readable of the graph, and asserts that those of a device are the same where both read."""
    pixels, readable = (found.numpy() for found in layer().inspected(contents))
    device = [pixels_of(content, HOW) for content in contents]
    for found, expected, there, here in zip(pixels, *zip(*device, strict=True), readable, strict=False):
        assert here or not found.any()
        if here and there:
            assert np.abs(found.astype(int) - expected).max() <= 1
    return readable, np.array([there for _, there in device])


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_cut_is_not_readable(name):
    content = FILES[name]
    readable, device = both(
        [content, *(content[:size] for size in [*range(0, len(content) - 2, 10), len(content) - 2])]
    )
    assert readable.tolist() == device.tolist() == [True] + [False] * (len(readable) - 1)


@pytest.mark.parametrize("name", FILES)
def test_bytes_that_were_changed_raise_no_error(name):
    random, contents = np.random.default_rng(7), []
    for _ in range(150):
        content = bytearray(FILES[name])
        for place in random.integers(0, len(content), random.integers(1, 4)):
            content[place] = random.integers(0, 256)
        contents.append(bytes(content))
    readable, device = both(contents)
    assert not readable.all() and np.mean(readable == device) > 0.95


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(
        st.builds(
            lambda head, rest: head + rest,
            st.sampled_from(
                [b"", b"\xff\xd8\xff", SIGNATURE, FILES["drawing"][:40], FILES["photograph"][:30], b"data:"]
            ),
            st.one_of(st.binary(max_size=60), st.text("aB+/=-_,;: \n", max_size=30).map(str.encode)),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_random_bytes_are_no_picture(contents):
    readable, device = both(contents)
    assert not readable.any() and not device.any()
