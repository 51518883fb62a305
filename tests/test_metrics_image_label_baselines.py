"""Baselines of image classification on toy pictures, beside scikit-learn's own."""

import types

import numpy as np
import pytest
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier

from rnnkit.metrics import image_label_baselines as module
from rnnkit.metrics.classification import score_labels
from rnnkit.metrics.image_label_baselines import logistic, score_image_label_baselines

SETTINGS = types.SimpleNamespace(seed=0)


class LabelledRows:
    """What the baselines ask of a split."""

    features, target, names = ("image",), "caption", ()

    def __init__(self, pixels, labels):
        self.pixels, self.labels = pixels, labels

    def __len__(self):
        return len(self.pixels)

    def chunks(self, size=7):
        for start in range(0, len(self), size):
            stop = start + size
            yield {
                "image": [picture.tobytes() for picture in self.pixels[start:stop]],
                "caption": [[label] for label in self.labels[start:stop]],
            }

    def truth(self):
        return [[label] for label in self.labels]


def made(count, shape, seed):
    """Pictures with a bright top, a bright bottom or neither."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 120, (count, *shape), np.uint8)
    codes = rng.integers(0, 3, count)
    half = shape[0] // 2
    for picture, code in zip(pixels, codes, strict=True):
        picture[: half if code == 0 else 0] += 60
        picture[half if code == 1 else shape[0] :] += 60
    return pixels, np.array(["top", "below", "no"])[codes].tolist()


def scores_of(shape, sizes=(60, 20, 25), labels=("below", "no", "top"), reporter=None, train=None, odd=0):
    parts = [LabelledRows(*made(count, shape, seed)) for seed, count in enumerate(sizes)]
    for rows in parts[1:]:
        rows.labels[:odd] = ["odd"] * odd
    if train is not None:
        parts[0] = train(parts[0])
    preparation = types.SimpleNamespace(
        labels=labels,
        features=lambda inputs: {"pixels": tf.reshape(tf.io.decode_raw(inputs["image"], tf.uint8), (-1, *shape))},
    )
    splits = types.SimpleNamespace(train=parts[0], valid=parts[1], test=parts[2])
    more = () if reporter is None else (reporter,)
    return score_image_label_baselines(splits, preparation, SETTINGS, *more), parts


def test_pixels_tell_what_a_line_can_part():
    scores, (_, _, test) = scores_of((8, 6, 1))
    assert list(scores) == ["majority", "logistic", "nearest"]
    assert scores["logistic"]["test"]["accuracy"] == 1.0
    assert scores["majority"]["test"]["accuracy"] < 0.7
    assert scores["majority"]["test"]["log_loss"] < np.log(3) + 0.2


def test_the_majority_has_the_shares_of_train():
    scores, (train, _, test) = scores_of((4, 4, 1))
    names = ["below", "no", "top"]
    shares = np.array([train.labels.count(name) for name in names]) / len(train)
    truth = np.array([names.index(label) for label in test.labels])
    assert scores["majority"] == {"test": score_labels(truth, np.tile(shares, (len(truth), 1)), 3)}


def test_the_nearest_neighbour_is_that_of_scikit_learn():
    scores, (train, _, test) = scores_of((4, 5, 3))
    flat = lambda rows: rows.pixels.reshape(len(rows), -1) / 255  # noqa: E731
    model = KNeighborsClassifier(1).fit(flat(train), train.labels)
    assert scores["nearest"]["test"]["accuracy"] == pytest.approx(model.score(flat(test), test.labels))


def test_large_pictures_are_shrunk_in_their_proportions(monkeypatch):
    monkeypatch.setattr(module, "MOST_FEATURES", 48)
    assert module._sides(40, 20, 1) == (9, 4)
    assert module._sides(6, 8, 1) == (6, 8)
    assert module._sides(1000, 2, 3) == (89, 1)
    scores, _ = scores_of((40, 20, 1))
    assert scores["logistic"]["test"]["accuracy"] == 1.0


def test_of_too_many_pictures_some_are_drawn_and_it_is_told(monkeypatch):
    told = []

    class Reporter:
        say = told.append

        def task(self, title, **_):
            return self

        def __enter__(self):
            return lambda done, note="": None

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(module, "MOST_NUMBERS", 40 * 48)
    scores, _ = scores_of((8, 6, 1), reporter=Reporter())
    assert told == ["note: the baselines learn from the pixels of 40 of 60 train pictures."]
    assert scores["logistic"]["test"]["accuracy"] > 0.8


def test_train_of_one_class_gives_that_class():
    scores, (_, _, test) = scores_of((4, 4, 1), train=lambda rows: LabelledRows(rows.pixels, ["no"] * len(rows)))
    share = test.labels.count("no") / len(test)
    assert {name: found["test"]["accuracy"] for name, found in scores.items()} == pytest.approx(
        dict.fromkeys(("majority", "logistic", "nearest"), share)
    )


def test_a_class_that_train_lacks_has_probability_0():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    probability = logistic(x, np.array([0, 2] * 20), x[:4], np.array([0, 1, 2, 2]), 4)(x)
    assert probability.shape == (40, 4)
    np.testing.assert_array_equal(probability[:, [1, 3]], 0.0)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)


def test_a_label_of_test_that_train_lacks_is_never_right():
    scores, (_, _, test) = scores_of((8, 6, 1))
    odd, _ = scores_of((8, 6, 1), odd=5)
    for name in ("majority", "logistic", "nearest"):
        assert odd[name]["test"]["accuracy"] < scores[name]["test"]["accuracy"], name
    assert odd["logistic"]["test"]["accuracy"] == pytest.approx(20 / 25)


def test_without_labels_of_valid_some_regularisation_is_taken():
    x = np.array([[0.0], [1.0]] * 20)
    probability = logistic(x, np.array([0, 1] * 20), x[:0], np.array([], int), 2)(x[:2])
    np.testing.assert_array_equal(probability.argmax(axis=1), [0, 1])


def test_the_regularisation_is_the_best_on_valid(monkeypatch):
    rng = np.random.default_rng(4)
    x, codes = rng.normal(size=(60, 30)), rng.integers(0, 2, 60)
    x_valid, valid_codes = rng.normal(size=(50, 30)), rng.integers(0, 2, 50)
    # Labels of chance: the more is regularised, the better.
    monkeypatch.setattr(module, "STRENGTHS", (10.0, 1e-6, 1.0))
    found = logistic(x, codes, x_valid, valid_codes, 2)(x_valid)
    assert np.ptp(found[:, 0]) < 0.01
