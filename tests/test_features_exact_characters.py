"""Exact characters: nothing of a text is lost but characters that are not known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.features.exact_characters import FIRST, ExactCharacters, learn_characters
from rnnkit.layers.embedding import END, START, UNKNOWN

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd")
texts = st.lists(st.text(characters, max_size=30), min_size=1)


@given(texts)
@settings(deadline=None, max_examples=60)
def test_texts_come_back_as_they_were(texts):
    layer = ExactCharacters(learn_characters([texts]))
    ids = layer(tf.constant(texts))
    assert [text.decode() for text in layer.join(ids).numpy()] == texts
    assert np.count_nonzero(ids, 1).tolist() == [len(text) for text in texts]
    assert ids.numpy().max(initial=0) < layer.size


def test_unknown_characters_and_bytes_are_one_id():
    layer = ExactCharacters("ab\n")
    ids = layer(tf.constant([b"a\xffb", "aéb".encode(), b"\n", b""]))
    assert ids.numpy().tolist() == [[4, UNKNOWN, 5], [4, UNKNOWN, 5], [6, 0, 0], [0, 0, 0]]
    assert [text.decode() for text in layer.join(ids).numpy()] == ["a\ufffdb", "a\ufffdb", "\n", ""]
    assert ExactCharacters()(tf.constant(["ab"])).numpy().tolist() == [[UNKNOWN, UNKNOWN]]


def test_reserved_ids_and_those_there_are_none_of_have_names_but_no_text():
    layer = ExactCharacters("ab")
    ids = tf.constant([[START, 4, END, 99, -1, 0]])
    assert layer.join(ids).numpy().tolist() == [b"a"]
    assert layer.tokens(ids).numpy().tolist() == [[b"[start]", b"a", b"[end]", b"", b"", b""]]
    assert layer.join(tf.zeros([2, 3, 0], tf.int32)).shape == (2, 3)


def test_frequent_characters_come_first_and_rare_ones_are_left_out():
    chunks = [["banana"], ["bandana\n"]]
    assert learn_characters(chunks) == ["a", "n", "b", "\n", "d"]
    assert learn_characters(chunks, least=2) == ["a", "n", "b"]
    assert learn_characters(chunks, size=FIRST + 1) == ["a"]
    assert learn_characters([["\ud800a\ufffd"]]) == ["a"]


def test_it_is_kept_in_a_file(tmp_path):
    text = keras.Input((), dtype="string", name="text")
    model = keras.Model(text, ExactCharacters("xyz\t", name="tokens")(text))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again(tf.constant(["z\tq"])).numpy().tolist() == [[6, 7, UNKNOWN]]


@pytest.mark.parametrize("characters", [["ab"], ["a", "a"], [""]])
def test_what_is_no_character_is_refused(characters):
    with pytest.raises(ValueError, match="single ones that differ"):
        ExactCharacters(characters)
