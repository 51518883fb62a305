"""What only the sentiment recipe promises."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import rnnkit
from rnnkit.features.words import Words
from rnnkit.layers.blend import Blend, best_shares
from rnnkit.progress import SILENT
from rnnkit.recipes import sentiment
from rnnkit.recipes.sentiment import RECIPE, Settings

SMALL = {"units": 5, "embedding_units": 6, "epochs": 1, "ngram_buckets": 512, "batch_size": 16}


@pytest.fixture(scope="module")
def frame():
    random = np.random.default_rng(0)
    words = {"good": ["fine", "great", "lovely"], "bad": ["dull", "weak", "poor"], "so so": ["usual", "plain", "mild"]}
    rows = []
    for number in range(240):
        label = list(words)[number % 3]
        rows.append({"review": f"a {random.choice(words[label])} film, number {number}", "stars": label})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def bundle(frame, tmp_path_factory):
    columns = {"text": "review", "label": "stars"}
    out = tmp_path_factory.mktemp("models")
    return rnnkit.run("sentiment", frame, columns=columns, out=out, **{**SMALL, "epochs": 12}, learning_rate=0.02)


def test_three_classes_from_a_data_frame_are_learnt_and_named(bundle):
    assert bundle.card["labels"] == ["bad", "good", "so so"]
    answers = bundle.predict(["a lovely film", "a poor film", "a plain film"])
    assert answers["label"].tolist() == ["good", "bad", "so so"]
    np.testing.assert_allclose(answers["probability"].sum(1), 1, atol=1e-5)
    assert "roc_auc" not in bundle.card["scores"]["test"]


def test_explain_gives_each_word_its_weight(bundle):
    answers = bundle.predict(["a lovely film", "dull"], signature="explain")
    assert answers["word"].tolist() == [["a", "lovely", "film"], ["dull", "", ""]]
    weights = answers["attention"].sum(1) + answers["start"]
    np.testing.assert_allclose(weights, 1, atol=1e-5)
    np.testing.assert_array_equal(answers["attention"][1, 1:], 0)


def test_baselines_stand_beside_the_score_with_the_same_metrics(bundle):
    assert list(bundle.card["baselines"]) == ["majority", "tfidf_logistic", "nb_svm"]
    for scores in bundle.card["baselines"].values():
        assert scores["test"].keys() == bundle.card["scores"]["test"].keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "gru", "pooling": "last", "ngrams": 0},
        {"cell": "simple", "activation": "relu", "recurrent_initializer": "identity", "pooling": "max"},
        {"bidirectional": False, "pooling": "last", "depth": 2, "residual": True, "ngrams": 3},
        {"characters": True, "pooling": "mean+max", "layer_normalization": True},
        {"segment": 4, "recurrent_weight_dropout": 0.3, "variational_dropout": 0.2},
        {"class_weights": "balanced", "label_smoothing": 0.1, "average": 0.9, "optimizer": "adamw"},
        {"lower": False, "punctuation": "keep", "markup": "keep", "token_budget": 64, "schedule": "plateau"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_choice_trains_and_answers_alike_whatever_stands_beside(changes, frame, tmp_path):
    made = rnnkit.run("sentiment", frame, columns="text=review,label=stars", out=tmp_path, **{**SMALL, **changes})
    alone = made.predict(["a dull film"])["probability"]
    beside = made.predict(["a dull film", "", "a plain film of many, many words " * 5])["probability"]
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)
    assert ("explain" in made.card["signatures"]) == ("attention" in changes.get("pooling", "attention"))


def test_build_reads_no_file_and_gives_logits(monkeypatch):
    monkeypatch.setattr("builtins.open", None)
    core = sentiment.build({"vocabulary": 11, "classes": 4}, Settings(**SMALL))
    assert core({"ids": np.array([[2, 5, 0], [2, 0, 0]])}).shape == (2, 4)


def test_given_vectors_start_the_embedding_and_their_coverage_is_told(frame, tmp_path):
    (tmp_path / "vectors.txt").write_text("film 1 2 3 4\nlovely 4 3 2 1\nunused 0 0 0 0\n")
    settings = Settings(
        **SMALL, vectors=str(tmp_path / "vectors.txt"), freeze_vectors=True, columns="text=review,label=stars"
    )
    splits = RECIPE.read(frame, None, None, settings, None)
    preparation = RECIPE.prepare(splits.train, settings, SILENT)
    assert preparation.facts["embedding_units"] == 4
    place = preparation.features.get_layer("words").vocabulary.index("film") + 3
    np.testing.assert_array_equal(preparation.initial["embedding"][0][place], [1, 2, 3, 4])
    assert "has vectors for 2 of" in preparation.notes[0]
    core = RECIPE.build(preparation.facts, settings)
    assert core.get_layer("embedding").trainable_weights == []


def test_what_is_learnt_comes_from_the_train_split_alone(frame):
    settings = Settings(**SMALL, columns="text=review,label=stars")
    splits = RECIPE.read(frame, None, None, settings, None)
    known = set(RECIPE.prepare(splits.train, settings, SILENT).features.get_layer("words").vocabulary)
    texts = {name: [t for chunk in getattr(splits, name).chunks() for t in chunk["text"]] for name in ("train", "test")}
    words = {
        name: {str(w.numpy(), "utf-8") for t in texts[name] for w in Words().split(tf.constant([t]))[0]}
        for name in texts
    }
    assert known == words["train"]
    assert words["test"] - known


class TestBlend:
    def test_training_sees_the_first_part_alone(self):
        first, second = np.array([[1.0, 2.0]], "float32"), np.array([[5.0, 0.0]], "float32")
        layer = Blend()
        layer.build([(None, 2), (None, 2)])
        layer.shares.assign([0.5, 2.0])
        np.testing.assert_array_equal(layer([first, second], training=True), first)
        layer.bias.assign([0.0, 3.0])
        np.testing.assert_allclose(layer([first, second]), 0.5 * first + 2 * second + [0, 3])

    def test_a_useless_part_gets_no_weight_and_a_right_one_does(self):
        random = np.random.default_rng(0)
        targets = random.integers(0, 3, 500)
        right = 2 * np.eye(3)[targets] + random.normal(0, 1, (500, 3))
        noise = random.normal(0, 1, (500, 3))
        shares, _ = best_shares([right, noise], targets)
        assert shares[0] > 0.5 and shares[1] < 0.3

    def test_a_lean_to_one_class_is_put_right(self):
        random = np.random.default_rng(0)
        targets = random.integers(0, 2, 2000)
        logits = np.eye(2)[targets] + random.normal(0, 1, (2000, 2)) + [4, 0]
        (share,), bias = best_shares([logits], targets)
        assert bias[1] - bias[0] == pytest.approx(4 * share, abs=0.2)

    def test_a_few_rows_move_the_weights_little(self):
        shares, bias = best_shares([np.array([[3.0, -3]]), np.array([[-9.0, 9]])], np.array([0]))
        np.testing.assert_allclose(shares, [1, 0], atol=0.05)
        np.testing.assert_allclose(bias, 0, atol=0.05)

    def test_one_part_is_tempered_towards_honest_probabilities(self):
        random = np.random.default_rng(0)
        targets = random.integers(0, 2, 2000)
        wrong = random.uniform(size=2000) < 0.2
        logits = 10 * np.eye(2)[np.where(wrong, 1 - targets, targets)]
        (share,), _ = best_shares([logits], targets)
        assert 1 / (1 + np.exp(-10 * share)) == pytest.approx(1 - wrong.mean(), abs=0.01)


def test_the_recurrent_part_trains_without_the_ngrams(frame):
    settings = Settings(**SMALL, columns="text=review,label=stars")
    splits = RECIPE.read(frame, None, None, settings, None)
    preparation = RECIPE.prepare(splits.train, settings, SILENT)
    keras.utils.set_random_seed(0)
    core = RECIPE.build(preparation.facts, settings)
    core.get_layer("ngrams").set_weights(preparation.initial["ngrams"])
    keras.utils.set_random_seed(0)
    bare = RECIPE.build(preparation.facts, dataclasses.replace(settings, ngrams=0))
    ids = {"ids": np.array([[2, 5, 7, 0]])}
    np.testing.assert_allclose(core(ids), bare(ids), atol=1e-6)
    assert len(core.trainable_weights) == len(bare.trainable_weights)
