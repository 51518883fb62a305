"""Preparing: what pictures are decoded to, the pieces or classes of captions, and what a child adds to its parent's."""

import types

import numpy as np
import pytest
import tensorflow as tf
from toy_captions import SIDE, Rows, encoded, noise, prepared, settings

from rnnkit.captioning.preparing import classes_of, grow_captions, usual_side
from rnnkit.captioning.settings import LABEL
from rnnkit.layers.embedding import END
from rnnkit.progress import SILENT


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(30, 20), (10, 33), (28, 28)], 32),
        ([(8, 8)], 8),
        ([(3, 2), (1, 1)], 8),
        ([(19, 4)], 20),
        ([(21, 4)], 20),
        ([(28, 28)] * 3 + [(900, 700)] * 2, 28),
        ([(480, 640), (600, 800)], 128),
    ],
)
def test_the_side_is_that_of_most_pictures_in_steps_of_4_and_128_at_most(sizes, side):
    assert usual_side(np.array(sizes, np.int32)) == side


@pytest.mark.parametrize(
    ("grey", "channels", "said"), [([True] * 5, 1, "grey"), ([True] * 4 + [False], 3, "in colour")]
)
def test_pictures_are_looked_at_in_grey_only_where_all_are(grey, channels, said):
    preparation, _ = prepared(Rows(grey=grey, sizes=[(30, 40)] * 5), image_size=0)
    facts = {name: preparation.facts[name] for name in ("height", "width", "channels")}
    assert facts == {"height": 40, "width": 40, "channels": channels}
    assert preparation.notes == (f"pictures are looked at as 40 x 40 pixels, {said}.",)
    assert preparation.sequences == ("pixels",)
    pixels = preparation.features({"image": tf.constant([encoded(noise(1))])})["pixels"]
    assert pixels.shape == (1, 40, 40, channels) and pixels.dtype == "uint8"


def test_pictures_are_decoded_as_the_settings_say():
    preparation, _ = prepared(fit="pad", most_pixels=77, image_size=24)
    decode = preparation.features.get_layer("decode")
    assert (decode.shape, decode.fit, decode.most_pixels) == ((24, 24, 3), "pad", 77)


def test_captions_become_the_ids_of_their_words_and_an_end():
    preparation, _ = prepared()
    layer = preparation.target.get_layer("pieces")
    words = {"a", "red", "dot", "two", "dots", "pair", "of", "line", "one", "and"}
    assert {piece.strip("▁") for piece in layer.pieces} == words
    assert preparation.facts["vocabulary"] == layer.size == len(words) + 4 and preparation.labels == ()
    ids = preparation.target(tf.constant(["A  red DOT", "dots"])).numpy()
    assert ids.shape == (2, 4) and ids[0, 3] == ids[1, 1] == END and not ids[1, 2:].any()
    assert layer.join(ids).numpy().tolist() == [b"a red dot", b"dots"]


def test_pieces_of_other_kinds_and_sizes_are_learnt_from_all_captions_of_a_picture():
    preparation, _ = prepared(pieces="character", lower=False, least_count=5)
    assert set(preparation.target.get_layer("pieces").pieces) <= set("▁adonetsilr")
    rare, _ = prepared(least_count=3)
    assert {piece.strip("▁") for piece in rare.target.get_layer("pieces").pieces} == {"a", "dots", "line"}
    few, _ = prepared(vocabulary=6)
    assert few.facts["vocabulary"] == 6


def test_different_captions_are_the_classes_where_labels_are_answered():
    rows = Rows([["cat"], ["dog"], ["Cat"], ["dog"]])
    assert classes_of(rows) == ["Cat", "cat", "dog"]
    preparation, _ = prepared(rows, answer=LABEL)
    assert preparation.labels == ("Cat", "cat", "dog")
    assert preparation.facts == {"height": SIDE, "width": SIDE, "channels": 3, "classes": 3}
    assert preparation.target(tf.constant(["dog", "Cat", "cat"])).numpy().tolist() == [2, 0, 1]


def child_of(preparation, rows, **how):
    return grow_captions(types.SimpleNamespace(preparation=preparation), rows, settings(**how), SILENT)


def test_a_child_keeps_its_parents_pieces_and_adds_new_words_behind_them():
    parent, _ = prepared()
    old = parent.target.get_layer("pieces").pieces
    child = child_of(parent, Rows([["a blue dot", "blue dots"], ["two red lines"]]))
    new = child.target.get_layer("pieces").pieces
    assert new[: len(old)] == old and {piece.strip("▁") for piece in new[len(old) :]} == {"blue", "lines"}
    assert child.facts == {**parent.facts, "vocabulary": parent.facts["vocabulary"] + 2}
    assert child.features is parent.features
    carried = child.carried["vocabulary"].toarray()
    kept = parent.facts["vocabulary"]
    np.testing.assert_array_equal(carried[:kept], np.eye(kept))
    assert carried.shape == (kept + 2, kept) and (carried[kept:].sum(1) > 0).all()
    assert child.notes == ("pieces that join: '▁blue', '▁lines'.",)
    for text in ("two dots", "a red dot"):
        np.testing.assert_array_equal(child.target(tf.constant([text])), parent.target(tf.constant([text])))


def test_a_child_whose_captions_have_no_new_words_says_nothing_of_them():
    parent, _ = prepared()
    child = child_of(parent, Rows())
    assert child.notes == () and child.facts == parent.facts


def test_a_childs_classes_are_its_own_and_begin_as_those_of_its_parent():
    parent, _ = prepared(Rows([["cat"], ["dog"]]), answer=LABEL)
    child = child_of(parent, Rows([["dog"], ["fox"], ["Cat"]]), answer=LABEL)
    assert child.labels == ("Cat", "dog", "fox") and child.facts["classes"] == 3
    np.testing.assert_array_equal(child.carried["classes"].toarray(), [[0, 0], [0, 1], [0, 0]])
    assert child.features is parent.features
    (note,) = child.notes
    assert note.startswith("the label 'Cat' is not the parent's 'cat'")
