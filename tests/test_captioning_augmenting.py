"""Augmenting: against a NumPy loop, exactly where it can be, the same by the same seed."""

import numpy as np
import pytest
import tensorflow as tf
from toy_captions import noise, settings

from rnnkit.captioning.augmenting import Augmentation, augmentation

HEIGHT, WIDTH = 6, 9


def pictures(count, channels=3):
    return np.stack([noise(number, (HEIGHT, WIDTH), channels) for number in range(count)])


def applied(pixels, seed=(3, 4), *, flip=False, shift=0.0, zoom=0.0, brighten=0.0):
    return Augmentation(flip, shift, zoom, brighten).apply(tf.constant(pixels), tf.constant(seed, tf.int32)).numpy()


def drawn(count, seed=(3, 4)):
    """Gives what is drawn for each picture: zoom, mirror, shift across and down, contrast and light, -1 to 1."""
    return tf.random.stateless_uniform([6, count], seed, -1.0, 1.0).numpy()


def between(picture, y, x):
    """Looks a place between pixels up, those beyond the edge being as those at it."""
    y, x = np.clip(y, 0, HEIGHT - 1), np.clip(x, 0, WIDTH - 1)
    top, left = int(y), int(x)
    below, right = min(top + 1, HEIGHT - 1), min(left + 1, WIDTH - 1)
    above = picture[top, left] * (left + 1 - x) + picture[top, right] * (x - left)
    under = picture[below, left] * (left + 1 - x) + picture[below, right] * (x - left)
    return above * (top + 1 - y) + under * (y - top)


def expected(pixels, *, flip, shift, zoom, brighten):
    result = np.zeros(pixels.shape)
    for number, picture in enumerate(pixels.astype(float)):
        grown, mirror, across, down, contrast, light = drawn(len(pixels))[:, number]
        for y, x in np.ndindex(HEIGHT, WIDTH):
            # Places are counted from the middle, which stays but for the shift.
            from_middle = np.array([y - (HEIGHT - 1) / 2, x - (WIDTH - 1) / 2]) / (1 + zoom * grown)
            if flip and mirror < 0:
                from_middle[1] *= -1
            moved = from_middle + [(HEIGHT - 1) / 2 + shift * HEIGHT * down, (WIDTH - 1) / 2 + shift * WIDTH * across]
            result[number, y, x] = between(picture, *moved)
        mean = result[number].mean()
        result[number] = (result[number] - mean) * (1 + brighten * contrast) + mean + 255 * brighten * light
    return np.clip(np.round(result), 0, 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_asked_for_changes_nothing(channels):
    pixels = pictures(5, channels)
    np.testing.assert_array_equal(applied(pixels), pixels)
    assert not Augmentation(False, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "how",
    [
        {"flip": False, "shift": 0.3, "zoom": 0.0, "brighten": 0.0},
        {"flip": False, "shift": 0.0, "zoom": 0.4, "brighten": 0.0},
        {"flip": False, "shift": 0.0, "zoom": 0.0, "brighten": 0.3},
        {"flip": True, "shift": 0.2, "zoom": 0.2, "brighten": 0.2},
    ],
    ids=str,
)
def test_pictures_are_moved_grown_mirrored_and_lit_as_drawn(how, channels):
    pixels = pictures(4, channels)
    found, wanted = applied(pixels, **how), expected(pixels, **how)
    assert Augmentation(**how) and found.dtype == np.uint8
    assert (found != pixels).mean() > 0.3
    # What lies between two whole numbers may be rounded either way.
    assert np.abs(found - wanted).max() <= 1 and (found == wanted).mean() > 0.97


def test_a_mirrored_picture_is_exactly_that_and_about_half_of_them_are():
    pixels = pictures(200)
    found = applied(pixels, flip=True)
    same = (found == pixels).all((1, 2, 3))
    turned = (found == pixels[:, :, ::-1]).all((1, 2, 3))
    assert (same ^ turned).all() and 75 < turned.sum() < 125
    np.testing.assert_array_equal(turned, drawn(200)[1] < 0)


def test_no_picture_is_moved_further_than_asked_for_and_the_edge_goes_on():
    # Each column has a number of its own, which tells where it was; a shift of a third is three of nine at most.
    pixels = np.broadcast_to(np.arange(WIDTH, dtype=np.uint8)[None, None, :, None] * 25, (300, HEIGHT, WIDTH, 1))
    moved = (applied(pixels, shift=1 / 3)[:, 2, 4, 0].astype(float) - 100) / 25
    assert -3 <= moved.min() < -2.5 and 2.5 < moved.max() <= 3 and abs(moved.mean()) < 0.3
    one = np.full((9, HEIGHT, WIDTH, 3), 77, np.uint8)
    np.testing.assert_array_equal(applied(one, shift=0.9, zoom=0.9, flip=True), one)


def test_the_same_seed_varies_alike_and_another_otherwise():
    pixels, how = pictures(6), {"flip": True, "shift": 0.2, "zoom": 0.1, "brighten": 0.1}
    first = applied(pixels, (7, 0), **how)
    np.testing.assert_array_equal(applied(pixels, (7, 0), **how), first)
    for other in ((8, 0), (7, 1)):
        assert (applied(pixels, other, **how) != first).any((1, 2, 3)).all()
    # Each picture of a batch has draws of its own.
    alike = applied(np.repeat(pixels[:1], 6, 0), **how)
    assert len(np.unique(alike.reshape(6, -1), axis=0)) == 6


def test_light_and_dark_stay_within_what_a_pixel_can_be():
    black, white = (np.full((40, HEIGHT, WIDTH, 3), value, np.uint8) for value in (0, 255))
    dark, light = applied(black, brighten=0.9), applied(white, brighten=0.9)
    brighter = drawn(40)[5] > 0
    assert brighter.any() and not brighter.all()
    assert not dark[~brighter].any() and (dark[brighter] > 0).all()
    assert (light[brighter] == 255).all() and (light[~brighter] < 255).all()


def test_it_is_as_the_settings_say():
    given = {"flip": True, "shift": 0.1, "zoom": 0.2, "brighten": 0.3}
    assert augmentation(settings(**given)) == Augmentation(**given)
