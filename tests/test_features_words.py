"""Words, characters, labels, vectors and n-grams: from raw texts to what the core eats."""

import gzip

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.features.characters import Characters
from rnnkit.features.labels import class_numbers, label_lookup, label_names
from rnnkit.features.ngrams import fit_ngrams
from rnnkit.features.vectors import read_vectors, rows_of_embedding
from rnnkit.features.words import Words, learn_vocabulary
from rnnkit.layers.embedding import START, UNKNOWN


def split(text, **settings):
    return [word.decode() for word in Words(**settings).split(tf.constant([text]))[0].numpy()]


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        ("Not bad, at all!", {}, ["not", "bad", ",", "at", "all", "!"]),
        ("Not bad, at all!", {"lower": False}, ["Not", "bad", ",", "at", "all", "!"]),
        ("Not bad, at all!", {"punctuation": "drop"}, ["not", "bad", "at", "all"]),
        ("Not bad, at all!", {"punctuation": "keep"}, ["not", "bad,", "at", "all!"]),
        ("I don't 'like' it", {}, ["i", "don't", "'", "like", "'", "it"]),
        ("so<br /><br/>bad", {}, ["so", "bad"]),
        ("so<br />bad", {"markup": "keep", "punctuation": "keep"}, ["so<br", "/>bad"]),
        ("5 < 6 and 7 > 3", {}, ["5", "<", "6", "and", "7", ">", "3"]),
        ("ÀÉÎ naïve ЖЗИ 東京", {}, ["àéî", "naïve", "жзи", "東京"]),
        ("one two three", {"length": 2}, ["one", "two"]),
        ("a\tb\u00a0c\nd", {}, ["a", "b", "c", "d"]),
        ("", {}, []),
        (" \t ", {}, []),
    ],
)
def test_a_text_is_split_as_the_settings_say(text, settings, words):
    assert split(text, **settings) == words


def test_bytes_that_are_not_utf_8_become_replacement_characters():
    assert Words().split(tf.constant([b"caf\xe9 bar"]))[0].numpy().tolist() == [
        b"caf",
        "\ufffd".encode(),
        b"bar",
    ]


def test_ids_begin_with_the_start_token_and_end_in_padding():
    words = Words(["good", "film"])
    ids = words(tf.constant(["good film", "", "odd film good"])).numpy()
    np.testing.assert_array_equal(ids, [[2, 3, 4, 0], [2, 0, 0, 0], [2, UNKNOWN, 4, 3]])
    assert START == 2


def test_other_rows_never_change_a_row():
    words = Words(["good", "film"])
    alone = words(tf.constant(["good film"])).numpy()[0]
    beside = words(tf.constant(["good film", "good " * 30])).numpy()[0]
    np.testing.assert_array_equal(beside[: len(alone)], alone)
    assert (beside[len(alone) :] == 0).all()


class TestVocabulary:
    CHUNKS = (["the film the end", "The cast"], ["a film"])

    def learn(self, **settings):
        return learn_vocabulary(Words(), self.CHUNKS, **{"size": 100, **settings})

    def test_words_come_by_frequency_and_equals_by_the_alphabet(self):
        assert self.learn() == ["the", "film", "a", "cast", "end"]

    def test_the_size_counts_the_reserved_ids(self):
        assert self.learn(size=5) == ["the", "film"]

    def test_rare_words_are_left_out(self):
        assert self.learn(least=2) == ["the", "film"]

    def test_a_text_cannot_smuggle_in_a_reserved_word(self):
        learnt = learn_vocabulary(Words(punctuation="keep"), (["[unknown] [start] x"],), size=100)
        assert learnt == ["x"]


def test_characters_fold_code_points_and_leave_the_start_without_letters():
    layer = Characters(Words().how, letters=4, size=256)
    ids = layer(tf.constant(["Abc de", ""])).numpy()
    assert ids.shape == (2, 3, 4)
    assert (ids[:, 0] == 0).all() and (ids[1] == 0).all()
    np.testing.assert_array_equal(ids[0, 1:], [[2 + 97, 2 + 98, 2 + 99, 0], [2 + 100, 2 + 101, 0, 0]])


def test_labels_and_their_numbers_are_inverse():
    target = label_lookup(["bad", "good", "so so"])
    np.testing.assert_array_equal(target(tf.constant(["so so", "bad"])), [2, 0])
    assert label_names(target) == ["bad", "good", "so so"]
    np.testing.assert_array_equal(class_numbers(["so so", "bad"], ["bad", "good", "so so"]), [2, 0])


class TestVectors:
    def write(self, tmp_path, text, name="vectors.txt"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_known_words_take_their_vectors_and_case_matters_least(self, tmp_path):
        path = self.write(tmp_path, "Film 1 2 3\nfilm 4 5 6\nGood 7 8 9\n")
        vectors, found = read_vectors(path, ["film", "odd", "good"])
        np.testing.assert_array_equal(vectors, [[4, 5, 6], [0, 0, 0], [7, 8, 9]])
        np.testing.assert_array_equal(found, [True, False, True])

    def test_an_exact_match_is_not_overwritten_by_another_case(self, tmp_path):
        path = self.write(tmp_path, "film 4 5 6\nFILM 1 2 3\n")
        assert read_vectors(path, ["film"])[0].tolist() == [[4, 5, 6]]

    def test_the_header_line_of_word2vec_is_passed_over(self, tmp_path):
        path = self.write(tmp_path, "2 3\nfilm 4 5 6\n")
        assert read_vectors(path, ["film", "2"])[1].tolist() == [True, False]

    def test_a_compressed_file_is_read_too(self, tmp_path):
        path = tmp_path / "vectors.txt.gz"
        path.write_bytes(gzip.compress(b"film 4 5 6\n"))
        assert read_vectors(path, ["film"])[1].all()

    def test_a_line_with_a_word_in_place_of_a_number_is_named(self, tmp_path):
        path = self.write(tmp_path, "odd 1 2 3\nfilm 4 five 6\n")
        with pytest.raises(ValueError, match=r"vectors\.txt, line 2: 3 numbers are expected"):
            read_vectors(path, ["film"])

    def test_an_empty_file_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match=r"vectors\.txt holds no word vectors"):
            read_vectors(self.write(tmp_path, ""), ["film"])

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"There is no file '.*none\.txt' of word vectors"):
            read_vectors(tmp_path / "none.txt", ["film"])

    def test_words_without_a_vector_start_at_random_and_padding_at_zero(self):
        vectors, found = np.array([[1.0, -1], [0, 0]], "float32"), np.array([True, False])
        rows = rows_of_embedding(vectors, found, reserved=3, seed=0)
        assert rows.shape == (5, 2)
        np.testing.assert_array_equal(rows[[0, 3]], [[0, 0], [1, -1]])
        assert (rows[[1, 2, 4]] != 0).all()


class TestFittedNgrams:
    TEXTS = ["not good", "good not at all", "not bad", "bad not at all"] * 25
    LABELS = np.array([0, 1, 1, 0] * 25)

    def fit(self, classes=2, labels=None, longest=2):
        words = Words(["not", "good", "bad", "at", "all"])
        rows = [(self.TEXTS, self.LABELS if labels is None else labels)]
        return fit_ngrams(words, rows, classes=classes, longest=longest, vocabulary=8, buckets=100, seed=0)

    def scores(self, fitted, text, longest=2):
        from rnnkit.layers import NgramScores

        layer = NgramScores(longest, 8, 100, fitted[0].shape[1])
        layer.build((None, None))
        layer.set_weights(fitted)
        return np.asarray(layer(Words(["not", "good", "bad", "at", "all"])(tf.constant([text]))))[0]

    def test_pairs_tell_apart_what_single_words_cannot(self):
        fitted = self.fit()
        assert [self.scores(fitted, text).argmax() for text in self.TEXTS[:4]] == [0, 1, 1, 0]

    def test_more_than_two_classes_get_a_column_each(self):
        fitted = self.fit(classes=3, labels=np.array([0, 1, 2, 2] * 25))
        assert fitted[0].shape == (108, 3) and fitted[1].shape == (3,)
        assert [self.scores(fitted, text).argmax() for text in self.TEXTS[:2]] == [0, 1]

    def test_a_text_said_twice_scores_no_more_than_the_words_in_it(self):
        fitted = self.fit(longest=1)
        once, twice = (self.scores(fitted, text, longest=1) for text in ("not good", "not good not good"))
        np.testing.assert_allclose(once, twice, atol=1e-6)


def test_the_layers_of_a_preparation_can_be_saved_and_loaded(tmp_path):
    text = keras.Input((), dtype="string", name="text")
    words = Words(["good", "film"], punctuation="drop", name="words")
    letters = Characters(words.how, name="letters")
    model = keras.Model({"text": text}, {"ids": words(text), "letters": letters(text)})
    model.save(tmp_path / "features.keras")
    again = keras.saving.load_model(tmp_path / "features.keras")
    rows = {"text": tf.constant(["A good, odd film", ""])}
    for name, expected in model(rows).items():
        np.testing.assert_array_equal(again(rows)[name], expected)
