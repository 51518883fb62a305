"""Tokens: where they stand in any text, what is read of them, and tags as numbers."""

import unicodedata

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnkit.features.tags import entity_labels, entity_moves, entity_tags, tag_numbers
from rnnkit.features.token_features import LETTER_IDS, SHAPE_IDS, SHAPES, TAIL, Tokens, learn_words
from rnnkit.features.token_texts import BETWEEN, cut_tokens, joined_tokens
from rnnkit.features.tokens import split_tokens, token_offsets

ALPHABET = st.one_of(
    st.sampled_from("aB1.,-'’@#/: \t\n\u00a0\u200d\u200b\u202b\u0301\ufe0fשעאب中あ한กé😀👍🏽👩🇩🇪\x00\x1e𝔘"),
    st.characters(exclude_categories=["Cs"], exclude_characters=BETWEEN),
)
TEXTS = st.text(ALPHABET, max_size=40)


def tokens_of(text):
    return [text[start:end] for start, end in token_offsets([text])[0]]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("e\u0301🙂\u200d👩🏽 שלום,中文!")
@example("a" * 200)
def test_each_token_is_a_slice_of_the_text_and_nothing_seen_is_left_out(text):
    tokens, starts, ends = (part.to_list()[0] for part in split_tokens(tf.constant([text])))
    assert [text[start:end].encode() for start, end in zip(starts, ends, strict=True)] == tokens
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    assert starts == sorted(starts) and all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    taken = {place for start, end in zip(starts, ends, strict=True) for place in range(start, end)}
    left = {unicodedata.category(text[place]) for place in range(len(text)) if place not in taken}
    assert left <= {"Zs", "Zl", "Zp", "Cc", "Cf"}


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_texts_beside_it_never_change_how_one_is_split(texts):
    together = token_offsets(texts)
    assert together == [token_offsets([text])[0] for text in texts]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(ALPHABET, min_size=1, max_size=6), max_size=6))
def test_given_tokens_stay_as_they_are_whatever_they_are(given_tokens):
    (text,) = joined_tokens([given_tokens])
    assert tokens_of(text) == given_tokens
    assert not given_tokens or cut_tokens(text) == given_tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("U.N. official Ekeus heads for Baghdad.", "U.N. official Ekeus heads for Baghdad ."),
        ("John's dog didn't; they're O'Brien's", "John 's dog did n't ; they 're O'Brien 's"),
        ("at 1,000.50 on 1996-08-22 (12:30)...", "at 1,000.50 on 1996-08-22 ( 12:30 ) ..."),
        ("J. Smith, a.b@c-d.org, https://x.y/z?a=1.", "J. Smith , a.b@c-d.org , https://x.y/z?a=1 ."),
        ("+44 .5 3.5% #tag @user AL-AIN S&P", "+44 .5 3.5 % #tag @user AL-AIN S&P"),
        ("Players' 'quoted' \"x\" -- a---b", "Players ' ' quoted ' \" x \" -- a---b"),
        ("非常好 ABC中文 ภาษา", "非 常 好 ABC 中 文 ภ า ษ า"),
        ("👩\u200d👩\u200d👧 🇩🇪🇫🇷 👍🏽!", "👩\u200d👩\u200d👧 🇩🇪 🇫🇷 👍🏽 !"),
        ("\u202bשלום עולם\u202c, العربية", "שלום עולם , العربية"),
        ("nai\u0308ve e\u0301t", "nai\u0308ve e\u0301t"),
        ("\x00 \u200b\ufeff \t", ""),
    ],
)
def test_texts_are_split_as_readers_of_newswire_would(text, expected):
    assert tokens_of(text) == expected.split(" ") if expected else tokens_of(text) == []


def test_bytes_that_are_no_text_count_as_the_character_they_become():
    layer = Tokens()
    text = b"caf\xe9 Paris"
    tokens, starts, ends = layer.split(tf.constant([text]))
    read = text.decode("utf-8", "replace")
    pairs = zip(starts.to_list()[0], ends.to_list()[0], strict=True)
    assert [read[start:end] for start, end in pairs] == [token.decode() for token in tokens.to_list()[0]]


def test_words_are_looked_up_lower_cased_and_with_digits_alike():
    sentences = [["Paris", "in", "1996"], ["PARIS", "in", "2004", "in"]]
    words = learn_words(Tokens(), sentences, size=10)
    assert words == ["in", "0000", "paris"]
    assert learn_words(Tokens(), sentences, size=4) == ["in"]
    assert learn_words(Tokens(lower=False, digits=False), sentences, size=10, least=2) == ["in"]
    ids = Tokens(words)(tf.constant(["paris IN 1848 Rome", ""]))["ids"].numpy()
    assert ids.tolist() == [[5, 3, 4, 1], [0, 0, 0, 0]]


def test_what_is_read_of_a_token():
    layer = Tokens(["x"], letters=12)
    text = "small Capital I USA 1999 3-1 4th McDonald 中 ? éa ÉA"
    read = {name: values.numpy()[0] for name, values in layer(tf.constant([text])).items()}
    names = [name for name, _ in SHAPES] + ["sign"]
    assert [names[shape - 1] for shape in read["shapes"]] == [
        *("small", "capital", "initial", "capitals", "digits", "number"),
        *("letters and digits", "mixed", "no case", "sign", "small", "capitals"),
    ]
    assert max(read["shapes"]) < SHAPE_IDS and read["letters"].max() < LETTER_IDS
    for letters, token in zip(read["letters"], text.split(), strict=True):
        assert letters.tolist() == [ord(c) % 510 + 2 for c in token] + [0] * (12 - len(token))
    long = "abcdefghijklmnopqrstuvwxyz"
    head, tail = long[: 12 - min(TAIL, 6)], long[-min(TAIL, 6) :]
    assert layer(tf.constant([long]))["letters"].numpy()[0, 0].tolist() == [ord(c) + 2 for c in head + tail]


def test_texts_without_tokens_have_one_step_that_is_none():
    read = Tokens(["x"])(tf.constant(["", "  "]))
    assert {name: values.shape.as_list() for name, values in read.items()} == {
        "ids": [2, 1],
        "letters": [2, 1, 20],
        "shapes": [2, 1],
    }
    assert not any(values.numpy().any() for values in read.values())


def test_long_texts_are_cut_and_say_so():
    layer = Tokens(["x"], length=3)
    text = tf.constant(["x x x", "x x x x"])
    assert layer(text)["ids"].shape == (2, 3) and layer.cut(text).numpy().tolist() == [False, True]


def test_it_is_saved_and_loaded_with_its_words(tmp_path):
    text = keras.Input((), dtype="string")
    model = keras.Model(text, Tokens(["paris", "in"], lower=False, length=5, letters=8)(text))
    model.save(tmp_path / "m.keras")
    loaded, rows = keras.models.load_model(tmp_path / "m.keras"), tf.constant(["Paris in paris " * 3, ""])
    for name, values in model(rows).items():
        np.testing.assert_array_equal(values, loaded(rows)[name])


def test_tags_become_numbers_and_unknown_ones_the_first():
    tags = entity_tags(["LOC", "PER"])
    assert tags == ["O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PER", "I-PER", "E-PER", "S-PER"]
    assert entity_labels(tags) == ["LOC", "PER"]
    rows = joined_tokens([["O", "B-LOC", "E-LOC"], ["S-PER"], ["S-ORG", "O"]])
    assert tag_numbers(tags)(tf.constant(rows)).numpy().tolist() == [[1, 2, 4], [9, 0, 0], [1, 1, 0]]


def test_which_tag_may_follow_which():
    tags = entity_tags(["A", "B"])
    moves = entity_moves(len(tags))
    for one, row in zip([*tags, "edge"], moves, strict=True):
        for other, allowed in zip([*tags, "edge"], row, strict=True):
            if one == other == "edge":
                continue
            opened, inside = one[0] in "BI", other[0] in "IE"
            assert allowed == (opened == inside and (not opened or one[2:] == other[2:])), (one, other)
    with pytest.raises(ValueError, match="one tag and four"):
        entity_moves(4)
