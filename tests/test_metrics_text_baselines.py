"""Text baselines on tiny made-up rows, and once on SST-2."""

import os
import pathlib

import numpy as np
import pytest
import scipy.sparse

from rnnkit.metrics import one_against_rest
from rnnkit.metrics import text_baselines as module
from rnnkit.metrics.one_against_rest import log_count_ratio
from rnnkit.metrics.text_baselines import (
    BASELINES,
    ClassShares,
    LabelledTexts,
    majority,
    nb_svm,
    text_baselines,
    tfidf_logistic,
)

WORDS = {
    0: ["dull", "flat", "weak", "sour"],
    1: ["warm", "sharp", "bright", "kind"],
    2: ["red", "blue", "green", "grey"],
}
FILLER = ["the", "film", "is", "a", "I", "don't"]
WORD_BASELINES = pytest.mark.parametrize("baseline", [tfidf_logistic, nb_svm])


def made_up(rows, *, seed, codes=(0, 1)):
    """Returns texts of filler words and one word that tells the class, mostly."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(codes, size=rows)
    texts = []
    for label in labels:
        told = label if generator.random() < 0.9 else generator.choice(codes)
        texts.append(" ".join(generator.permutation([*generator.choice(FILLER, 5), generator.choice(WORDS[told])])))
    return LabelledTexts(texts, labels)


def splits(codes=(0, 1)):
    return [made_up(rows, seed=rows, codes=codes) for rows in (90, 31, 53)]


class CountedStream:
    """Texts that can be read again and again, counting how often."""

    def __init__(self, texts):
        self.texts = texts
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        yield from self.texts


@pytest.mark.parametrize("codes", [(0, 1), (0, 1, 2)])
def test_word_baselines_learn_what_the_majority_cannot(codes):
    results = text_baselines(*splits(codes), classes=len(codes), seed=0)
    assert list(results) == ["majority", "tfidf_logistic", "nb_svm"]
    assert all(list(result) == ["test"] for result in results.values())
    assert results["majority"]["test"]["accuracy"] < 0.6
    assert results["tfidf_logistic"]["test"]["accuracy"] > 0.75
    assert results["nb_svm"]["test"]["accuracy"] > 0.75


def test_the_same_seed_gives_the_same_scores():
    assert text_baselines(*splits(), classes=2, seed=3) == text_baselines(*splits(), classes=2, seed=3)


def test_progress_hears_each_name_before_its_baseline_starts():
    heard = []

    def spy(train, valid, *, classes, seed):
        heard.append("fit")
        return majority(train, valid, classes=classes, seed=seed)

    text_baselines(*splits(), classes=2, seed=0, progress=heard.append, baselines={"first": spy, "second": spy})
    assert heard == ["first", "fit", "second", "fit"]


def test_majority_gives_the_class_shares_of_train():
    train = LabelledTexts(["a", "b", "c", "d"], [2, 0, 2, 2])
    fitted = majority(train, train, classes=4, seed=0)
    assert fitted.probability(["x", ""]).tolist() == [[0.25, 0.0, 0.75, 0.0]] * 2


@pytest.mark.parametrize("codes", [(0, 1), (0, 1, 2), (0, 2)])
@WORD_BASELINES
def test_probabilities_sum_to_one_and_unmet_classes_get_none(baseline, codes):
    train, valid, test = splits(codes)
    probability = baseline(train, valid, classes=4, seed=0).probability(test.texts)
    assert probability.shape == (53, 4)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    unmet = [code for code in range(4) if code not in codes]
    assert (probability[:, unmet] == 0.0).all()
    assert (probability[:, list(codes)] > 0.0).all()


@WORD_BASELINES
def test_the_test_texts_do_not_change_what_is_learnt(baseline):
    train, valid, test = splits()
    fitted = baseline(train, valid, classes=2, seed=0)
    alone = np.concatenate([fitted.probability([text]) for text in test.texts])
    np.testing.assert_allclose(fitted.probability(test.texts), alone)


@WORD_BASELINES
def test_a_stream_of_texts_is_read_once_in_batches(baseline, monkeypatch):
    train, valid, test = splits()
    fitted = baseline(train, valid, classes=2, seed=0)
    whole = fitted.probability(test.texts)
    monkeypatch.setattr(module, "BATCH", 7)
    stream = CountedStream(test.texts)
    np.testing.assert_allclose(fitted.probability(stream), whole)
    assert stream.passes == 1
    assert fitted.probability([]).shape == (0, 2)


def test_train_and_test_may_be_streams():
    train, valid, test = splits()
    streamed = [LabelledTexts(CountedStream(split.texts), split.labels) for split in (train, valid, test)]
    assert text_baselines(*streamed, classes=2, seed=0) == text_baselines(train, valid, test, classes=2, seed=0)


@WORD_BASELINES
def test_texts_without_a_known_word_all_get_one_probability(baseline):
    train, valid, _ = splits()
    probability = baseline(train, valid, classes=2, seed=0).probability(["zebra xylophone", "", "?!", "été"])
    assert np.isfinite(probability).all()
    np.testing.assert_array_equal(probability, np.tile(probability[0], (4, 1)))


@WORD_BASELINES
def test_case_does_not_change_the_probability(baseline):
    train, valid, _ = splits()
    fitted = baseline(train, valid, classes=2, seed=0)
    np.testing.assert_array_equal(fitted.probability(["The WARM film"]), fitted.probability(["the warm film"]))


@pytest.mark.parametrize("texts", [["", "", ""], ["...", "?!", " - "]])
@WORD_BASELINES
def test_a_train_split_without_words_falls_back_to_the_majority(baseline, texts):
    train = LabelledTexts(texts, [1, 0, 1])
    with pytest.warns(UserWarning, match="falls back to the majority: train holds no word"):
        fitted = baseline(train, made_up(5, seed=0), classes=2, seed=0)
    assert isinstance(fitted, ClassShares)
    np.testing.assert_allclose(fitted.probability(["warm"]), [[1 / 3, 2 / 3]])


@WORD_BASELINES
def test_a_train_split_of_one_class_falls_back_to_the_majority(baseline):
    train = LabelledTexts(["warm", "kind film"], [1, 1])
    with pytest.warns(UserWarning, match="falls back to the majority: train holds one class"):
        fitted = baseline(train, made_up(5, seed=0), classes=3, seed=0)
    assert fitted.probability(["dull"]).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "texts",
    [["ok", "ok ok", "ok", "ok"], ["the", "a the", "of", "is a"], ["", "kind", "", "..."], ["a", "b", "c", "d"]],
    ids=["one distinct word", "stop words", "mostly empty", "one-letter words"],
)
@pytest.mark.parametrize("valid_labels", [[0, 1, 0, 1], [1, 1, 1, 1]])
@WORD_BASELINES
def test_poor_texts_are_still_learnt_from(baseline, texts, valid_labels):
    train, valid = LabelledTexts(texts, [0, 1, 0, 1]), LabelledTexts(texts, valid_labels)
    probability = baseline(train, valid, classes=2, seed=0).probability([*texts, "new"])
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)


def test_labels_of_one_class_in_valid_do_not_turn_every_answer_into_it():
    train, _, test = splits()
    valid = LabelledTexts(["warm film"] * 5, [1] * 5)
    predicted = nb_svm(train, valid, classes=2, seed=0).probability(test.texts).argmax(axis=1)
    assert (predicted == test.labels).mean() > 0.75


def test_log_count_ratio_matches_a_loop_over_rows():
    generator = np.random.default_rng(0)
    presence = generator.integers(2, size=(9, 5)).astype(float)
    positive = generator.random(9) < 0.4
    in_class, in_rest = np.ones(5), np.ones(5)
    for row, is_positive in zip(presence, positive, strict=True):
        for word in range(5):
            (in_class if is_positive else in_rest)[word] += row[word]
    expected = np.log((in_class / in_class.sum()) / (in_rest / in_rest.sum()))
    np.testing.assert_allclose(log_count_ratio(scipy.sparse.csr_matrix(presence), positive), expected)


def test_swapping_the_classes_flips_the_log_count_ratio():
    presence = scipy.sparse.csr_matrix(np.random.default_rng(1).integers(2, size=(8, 3)))
    positive = np.arange(8) < 3
    np.testing.assert_allclose(log_count_ratio(presence, positive), -log_count_ratio(presence, ~positive))


def test_nb_svm_is_as_sure_on_valid_as_it_is_right():
    train, valid, _ = splits()
    probability = nb_svm(train, valid, classes=2, seed=0).probability(valid.texts)
    # Platt's offset makes the mean probability meet the mean of his smoothed targets
    ones = valid.labels.sum()
    zeros = valid.labels.size - ones
    targets = np.where(valid.labels == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    assert probability[:, 1].mean() == pytest.approx(targets.mean(), abs=1e-4)


def test_nb_svm_counts_a_repeated_word_once():
    train, valid, _ = splits()
    fitted = nb_svm(train, valid, classes=2, seed=0)
    np.testing.assert_array_equal(fitted.probability(["warm warm warm"]), fitted.probability(["warm warm"]))


@WORD_BASELINES
def test_tuning_on_a_part_of_train_still_learns_from_all_of_it(baseline, monkeypatch):
    train, valid, test = splits()
    monkeypatch.setattr(one_against_rest, "TUNING_ROWS", 40)
    fitted = baseline(train, valid, classes=2, seed=0)
    assert fitted.coefficients.shape[0] == len(fitted.vectorizer.vocabulary_)
    assert (fitted.probability(test.texts).argmax(axis=1) == test.labels).mean() > 0.75


@WORD_BASELINES
def test_a_class_of_one_row_survives_tuning_on_a_part_of_train(baseline, monkeypatch):
    train, valid, _ = splits()
    train = LabelledTexts([*train.texts, "red film"], [*train.labels, 2])
    monkeypatch.setattr(one_against_rest, "TUNING_ROWS", 40)
    probability = baseline(train, valid, classes=3, seed=0).probability(["red film", "warm film"])
    assert probability[0, 2] > probability[1, 2] > 0.0


@WORD_BASELINES
def test_words_met_in_one_text_are_left_out_of_a_large_train_split(baseline, monkeypatch):
    train, valid, _ = splits()
    train = LabelledTexts([*train.texts[:-1], "quixotic film"], train.labels)
    assert "quixotic" in baseline(train, valid, classes=2, seed=0).vectorizer.vocabulary_
    monkeypatch.setattr(module, "LARGE_TRAIN", 90)
    assert "quixotic" not in baseline(train, valid, classes=2, seed=0).vectorizer.vocabulary_


def test_one_text_in_place_of_a_list_is_refused():
    with pytest.raises(ValueError, match=r"texts must be a list of texts\. Got one text, 'a film'\."):
        LabelledTexts("a film", [0])


def test_a_generator_of_texts_is_refused():
    with pytest.raises(ValueError, match=r"texts must be readable more than once\. Got a generator\."):
        LabelledTexts((text for text in ["a film"]), [0])


@pytest.mark.parametrize("place", ["train", "valid", "test"])
@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ([], [], r"{} must have at least 1 row\. Got 0\."),
        (["warm", "dull"], [0], r"{} must have one label for each of its 2 texts\. Got labels of shape \(1,\)\."),
        (["warm", "dull"], [1, 2], r"Labels of {} must be codes from 0 to 1\. Got 2\."),
        (["warm", "dull"], [1, -1], r"Labels of {} must be codes from 0 to 1\. Got -1\."),
        (["warm", "dull"], ["1", "0"], r"Labels of {} must be whole numbers\. Got <U1\."),
    ],
)
def test_labels_that_make_no_sense_are_refused_naming_their_split(place, texts, labels, message):
    named = dict(zip(("train", "valid", "test"), splits(), strict=True)) | {place: LabelledTexts(texts, labels)}
    with pytest.raises(ValueError, match=message.format(place)):
        text_baselines(*named.values(), classes=2, seed=0, baselines={"majority": BASELINES["majority"]})


@pytest.mark.skipif("RNNKIT_DATA" not in os.environ, reason="RNNKIT_DATA, the folder of data sets, is not set")
def test_baselines_reach_their_known_accuracy_on_sst2():
    folder = pathlib.Path(os.environ["RNNKIT_DATA"], "sentiment", "sst2")
    rows = [read_sst2(folder / f"{name}.tsv") for name in ("train", "dev", "test")]
    results = text_baselines(*rows, classes=2, seed=0)
    assert results["nb_svm"]["test"]["accuracy"] >= 0.815
    assert results["tfidf_logistic"]["test"]["accuracy"] >= 0.80


def read_sst2(path):
    rows = [line.rsplit("\t", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    return LabelledTexts([text for text, _ in rows], np.array([int(label) for _, label in rows]))
