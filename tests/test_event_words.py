"""Event words: the same tune in any key has the same ids, and comes back in its own; what is no event is unknown."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.features.event_words import REPLACEMENT, EventWords, learn_events
from rnnkit.features.pieces import RESERVED
from rnnkit.music.events import encode_piece, key_words, moved_word
from rnnkit.music.pieces import MODES, Harmony, Note, Piece

PIECE = Piece(
    notes=(Note(0, 24, 60), Note(24, 48, 64), Note(24, 48, 67), Note(96, 60, 71), Note(180, 12, 59)),
    bars=(0, 96, 192),
    metre=(4, 4),
    chords=(Harmony(0, "C"), Harmony(96, "G7")),
    style="reel",
)
MINOR = Piece(notes=(Note(0, 24, 69), Note(24, 12, 71)), bars=(0, 36), metre=(3, 8), tonic=9, mode="minor")


def text_of(piece):
    return " ".join(encode_piece(piece))


TEXTS = [text_of(PIECE), text_of(MINOR)]


@pytest.fixture(scope="module")
def layer():
    return EventWords(learn_events(EventWords(), [TEXTS]))


def ids(layer, *texts):
    return layer(tf.constant(list(texts))).numpy()


def texts_of(strings):
    return [text.decode() for text in strings.numpy()]


@pytest.mark.parametrize("by", range(-6, 6))
def test_a_tune_has_the_same_ids_in_every_key_and_comes_back_in_its_own(layer, by):
    moved = [text_of(piece.transposed(by)) for piece in (PIECE, MINOR)]
    assert ids(layer, *moved).tolist() == ids(layer, *TEXTS).tolist()
    shifts = layer.shifts(tf.constant(moved))
    assert shifts.numpy().tolist() == [-by, -by]
    assert texts_of(layer.moved_back(layer.join(layer(tf.constant(moved))), shifts)) == moved
    assert texts_of(layer.moved_back(tf.constant(TEXTS), shifts)) == moved


@pytest.mark.parametrize("word", key_words())
def test_every_key_is_moved_to_c_or_a(layer, word):
    (shift,) = layer.shifts(tf.constant([f"style:reel {word} metre:4/4"])).numpy()
    mode = word.partition("_")[2]
    tonic = "A" if mode in ("minor", "dorian", "phrygian", "locrian") else "C"
    (moved,) = texts_of(layer.moved_back(tf.constant([word]), tf.constant([-shift])))
    assert moved == f"key:{tonic}_{mode}" == moved_word(word, int(shift)) and mode in MODES


def test_ids_are_from_4_on_by_how_often_the_words_occur(layer):
    counts = {word: sum(text.split().count(word) for text in TEXTS) for word in layer.pieces}
    assert [-counts[word] for word in layer.pieces] == sorted(-count for count in counts.values())
    equal = [word for word in layer.pieces if counts[word] == 1]
    assert equal == sorted(equal) and layer.size == len(layer.pieces) + 4
    assert ids(layer, layer.pieces[0]).tolist() == [[4]]
    assert learn_events(EventWords(), [[TEXTS[0]], [TEXTS[1]]]) == layer.pieces
    assert learn_events(EventWords(), [TEXTS], least=100) == []


def test_rows_are_padded_on_the_right_and_say_nothing_of_each_other(layer):
    together = ids(layer, TEXTS[1], "", TEXTS[0])
    for row, text in zip(together, (TEXTS[1], "", TEXTS[0]), strict=True):
        alone = ids(layer, text)[0]
        assert row[: len(alone)].tolist() == alone.tolist() and not row[len(alone) :].any()
    assert ids(layer, "", "").shape == (2, 0)
    assert layer(tf.zeros([0], tf.string)).shape == (0, 0)


def test_what_is_no_event_of_training_is_unknown_and_reads_as_such(layer):
    found = ids(layer, "| n61 d24 what n60")
    assert found[0].tolist().count(1) == 2 and found[0, 1] == found[0, 3] == 1
    (text,) = texts_of(layer.join(tf.constant(found)))
    assert text == f"| {REPLACEMENT} d24 {REPLACEMENT} n60"
    assert layer.tokens(tf.constant([0, 1, 3, -1, layer.size])).numpy()[-2:].tolist() == [b"", b""]


@pytest.mark.parametrize("word", [word for word in RESERVED.values() if word])
def test_reserved_words_in_a_text_are_unknown(layer, word):
    assert 1 in ids(layer, f"| {word} n60")[0] and not np.isin(ids(layer, f"| {word} n60"), [0, 2, 3]).any()
    learnt = learn_events(EventWords(), [[f"| {word} n60 d24"]])
    assert all(not piece.startswith("[") for piece in learnt)


def test_texts_without_a_key_and_of_an_unknown_one_stay_as_they_are(layer):
    texts = ["| n62 d24", "key:H_major | n62 d24", "key: n62", "xkey:D_major n62", ""]
    assert layer.shifts(tf.constant(texts)).numpy().tolist() == [0] * 5
    assert texts_of(tf.strings.reduce_join(layer.split(tf.constant(texts)), 1, separator=" ")) == texts


def test_the_first_key_says_from_where_a_text_is_moved(layer):
    texts = ["key:D_major n62 key:E_major", "n62 key:D_major", "\n\tkey:D_major\r\nn62", "key:H_major key:D_major"]
    assert layer.shifts(tf.constant(texts)).numpy().tolist() == [-2, -2, -2, 0]


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\v", "\f\t", "\u3000", " \u2028 "])
def test_words_and_keys_are_parted_by_white_space_of_any_kind(layer, space):
    text = text_of(PIECE.transposed(2)).replace(" ", space)
    (shift,) = layer.shifts(tf.constant([text])).numpy()
    assert shift == -2 and ids(layer, text).tolist() == ids(layer, TEXTS[0]).tolist()


def test_bytes_that_are_no_text_are_unknown_words_and_the_rest_is_moved_as_ever(layer):
    broken = b"\xff\xfe " + text_of(PIECE.transposed(2)).encode() + b" \xc3"
    found, (shift,) = ids(layer, broken)[0], layer.shifts(tf.constant([broken])).numpy()
    assert shift == -2 and found[0] == found[-1] == 1
    assert found[1:-1].tolist() == ids(layer, TEXTS[0])[0].tolist()


@given(st.text(max_size=60) | st.binary(max_size=60))
@settings(max_examples=25, deadline=None)
def test_any_text_has_ids_that_there_are(text):
    layer = EventWords(["|", "n60", "d24", "key:C_major"])
    found = ids(layer, text)[0]
    assert ((found == 1) | (found > 3)).all() and (found < layer.size).all()
    layer.moved_back(layer.join(tf.constant([found], tf.int32)), layer.shifts(tf.constant([text])))


def test_a_note_that_would_leave_what_midi_has_goes_an_octave_the_other_way():
    layer = EventWords([f"n{pitch}" for pitch in range(128)])
    # F# goes up to C by 6, G down to it by 7 less 12: by 5 up.
    texts = ["key:F#_major n121 n122 n127", "key:F_major n5 n4 n0"]
    words = texts_of(tf.strings.reduce_join(layer.split(tf.constant(texts)), 1, separator=" "))
    assert words == ["key:C_major n127 n116 n121", "key:C_major n0 n11 n7"]


def test_unmoved_words_stay_in_their_keys():
    layer = EventWords(["key:D_major", "n62"], moved=False)
    texts = tf.constant(["key:D_major n62", ""])
    assert ids(layer, "key:D_major n62 n60").tolist() == [[4, 5, 1]]
    assert layer.shifts(texts).numpy().tolist() == [0, 0]
    assert texts_of(layer.moved_back(texts, tf.constant([3, 3]))) == ["key:D_major n62", ""]


@pytest.mark.parametrize("moved", [True, False])
def test_a_saved_model_has_the_same_ids(layer, moved, tmp_path):
    made = EventWords(layer.pieces, moved=moved, name="tokens")
    text = keras.Input((), dtype="string")
    keras.Model(text, made(text)).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    texts = tf.constant([*(text_of(PIECE.transposed(by)) for by in range(-5, 6)), TEXTS[1], "", "ж"])
    np.testing.assert_array_equal(loaded(texts), made(texts))
    again = loaded.get_layer("tokens")
    assert again.pieces == made.pieces and again.moved == moved
