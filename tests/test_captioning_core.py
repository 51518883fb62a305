"""Cores of captioning: teacher forcing against single steps, parts against the whole, and what looks at what."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_captions import SIDE, noise, settings, shaken

from rnnkit.captioning.core import behind_encoder, build_captioner, halvings_to_few, taken_apart
from rnnkit.captioning.settings import LABEL

HEIGHT, WIDTH, VOCABULARY = 18, 26, 11
FACTS = {"height": HEIGHT, "width": WIDTH, "channels": 3, "vocabulary": VOCABULARY}
PICTURE = np.array([2, 0, 0, 1, 2], np.int32)
TARGET = np.array([[4, 5, 3, 0], [6, 3, 0, 0], [4, 4, 7, 3], [5, 10, 9, 3], [8, 3, 0, 0]], np.int32)
PIXELS = np.stack([noise(number, (HEIGHT, WIDTH)) for number in range(3)])
GIVEN = {"pixels": PIXELS, "picture": PICTURE, "target": TARGET}

KINDS = [
    {},
    {"attention": "general", "input_feeding": False, "cell": "gru", "decoder_depth": 2, "residual": True},
    {"attention": "concat", "look": "vector", "tied": False, "decoder_units": 9},
    {"encoder": "rows", "attention": "dot", "decoder_units": 14, "coverage": True},
    {"encoder": "rows", "bidirectional": False, "look": "vector", "halvings": 1},
]


def named(kind):
    return " ".join(str(value) for value in kind.values()) or "usual"


def core_of(facts=FACTS, **how):
    keras.utils.set_random_seed(1)
    return shaken(build_captioner(facts, settings(**how)))


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_step_by_step_the_parts_give_what_the_core_gives_of_the_whole_target(kind):
    core = core_of(**kind)
    apart = taken_apart(core)
    opened, states = apart.begin(PIXELS[PICTURE])
    step, before, logits = apart.step(opened), tf.fill([len(PICTURE)], 2), []
    for t in range(TARGET.shape[1]):
        found, states, weights = step(before, states, tf.constant(t))
        logits.append(found)
        np.testing.assert_allclose(tf.reduce_sum(weights, 1), 1, atol=1e-5)
        assert weights.shape == (len(PICTURE), np.prod(apart.grid))
        before = tf.constant(TARGET[:, t])
    np.testing.assert_allclose(np.stack(logits, 1), core(GIVEN), atol=5e-5)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_from_its_grid_on_a_core_gives_what_it_gives_of_the_pixels(kind):
    core = core_of(**kind)
    grid = core.get_layer("encoder")(PIXELS)
    behind = behind_encoder(core)
    found = behind({"grid": grid, "picture": tf.constant(PICTURE), "target": tf.constant(TARGET)})
    np.testing.assert_allclose(found, core(GIVEN), atol=1e-5)
    trained = {weight.path for weight in behind.trainable_weights}
    of_encoder = {weight.path for weight in core.get_layer("encoder").trainable_weights}
    assert trained == {weight.path for weight in core.trainable_weights} - of_encoder and of_encoder


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[4]], ids=named)
def test_the_logits_of_a_row_are_of_its_own_picture_and_target(kind):
    core = core_of(**kind)
    whole = core(GIVEN).numpy()
    order = np.array([1, 2, 0])
    # Picture n stands where order says n.
    moved = {"pixels": PIXELS[order], "picture": np.argsort(order)[PICTURE].astype(np.int32), "target": TARGET}
    np.testing.assert_allclose(core(moved), whole, atol=2e-5)
    other = core({**GIVEN, "pixels": np.concatenate([PIXELS[:2], noise(9, (1, HEIGHT, WIDTH))])}).numpy()
    np.testing.assert_allclose(other[1:4], whole[1:4], atol=2e-5)
    assert (np.abs(other - whole)[[0, 4]].max((1, 2)) > 1e-3).all()
    back = np.arange(5)[::-1]
    turned = core({"pixels": PIXELS, "picture": PICTURE[back], "target": TARGET[back]})
    np.testing.assert_allclose(turned, whole[back], atol=2e-5)


@pytest.mark.parametrize(
    ("kind", "grid", "features"),
    [
        # 18 x 26 are halved twice: 9 x 13, 5 x 7.
        ({}, (5, 7), 12),
        ({"halvings": 1}, (9, 13), 6),
        ({"halvings": 3, "encoder_depth": 2}, (3, 4), 24),
        ({"look": "vector"}, (1, 1), 12),
        ({"encoder": "rows"}, (HEIGHT, 1), 14),
        ({"encoder": "rows", "bidirectional": False, "depth": 2}, (HEIGHT, 1), 7),
        ({"encoder": "rows", "look": "vector"}, (1, 1), 14),
    ],
    ids=str,
)
def test_the_grid_has_the_places_that_the_settings_ask_for(kind, grid, features):
    core = build_captioner(FACTS, settings(**kind))
    apart = taken_apart(core)
    assert apart.grid == grid == core.get_layer("encoder").output_shape[1:3]
    assert apart.begin(PIXELS)[0].memory.shape == (3, grid[0] * grid[1], features)


def test_one_vector_for_a_picture_is_the_mean_of_its_grid():
    whole, vector = core_of(), core_of(look="vector")
    vector.set_weights(whole.get_weights())
    grid = whole.get_layer("encoder")(PIXELS).numpy()
    np.testing.assert_allclose(vector.get_layer("encoder")(PIXELS)[:, 0, 0], grid.mean((1, 2)), atol=1e-5)


def test_lines_are_read_from_the_first_to_the_last():
    core = core_of(encoder="rows", bidirectional=False)
    encoder = core.get_layer("encoder")
    changed = PIXELS.copy()
    changed[:, 7] = 255 - changed[:, 7]
    found = np.abs(encoder(changed) - encoder(PIXELS))[:, :, 0].max((0, 2))
    assert not found[:7].any() and (found[7:] > 0).all()


@pytest.mark.parametrize("encoder", ["residual", "rows"])
def test_classes_are_told_from_the_whole_picture(encoder):
    facts = {"height": SIDE, "width": SIDE, "channels": 1, "classes": 4}
    core = core_of(facts, encoder=encoder, answer=LABEL, bidirectional=False, look="vector")
    pixels = np.stack([noise(number, (SIDE, SIDE), 1) for number in range(3)])
    logits = core({"pixels": pixels}).numpy()
    assert logits.shape == (3, 4) and core.output.dtype == "float32"
    np.testing.assert_allclose(core({"pixels": pixels[1:2]}), logits[1:2], atol=1e-5)
    for corner in (0, -1):
        changed = pixels.copy()
        changed[:, corner, corner] = 255 - changed[:, corner, corner]
        assert (np.abs(core({"pixels": changed}) - logits).max(1) > 1e-5).all()
    grid = core.get_layer("encoder")(pixels).numpy()
    kernel, bias = core.get_layer("decoder_logits").get_weights()
    seen = grid[:, -1, 0] if encoder == "rows" else grid.mean((1, 2))
    np.testing.assert_allclose(logits, seen @ kernel + bias, atol=1e-4)


def test_a_side_is_halved_until_about_eight_pixels_are_left():
    sides = {1: 0, 8: 0, 12: 0, 13: 1, 16: 1, 24: 1, 25: 2, 28: 2, 48: 2, 49: 3, 64: 3, 96: 3, 97: 4, 128: 4, 224: 5}
    assert {side: halvings_to_few(side) for side in sides} == sides


def test_each_part_that_can_be_frozen_is_a_layer_of_the_core():
    from rnnkit.captioning.core import GROUPS

    names = {layer.name for layer in build_captioner(FACTS, settings()).layers}
    assert {start for starts in GROUPS.values() for start in starts} <= names
    classes = build_captioner({**FACTS, "classes": 3}, settings(answer=LABEL))
    assert all(
        any(layer.name.startswith(GROUPS[group]) for layer in classes.layers) for group in ("encoder", "decoder")
    )


def test_a_decoder_whose_size_does_not_fit_the_grid_is_refused_with_both():
    with pytest.raises(ValueError, match=r"must have one size\. Got 7 and 12\. Give the decoder 12 units, or take gen"):
        build_captioner(FACTS, settings(attention="dot"))
