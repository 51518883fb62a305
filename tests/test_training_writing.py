"""Training of what is written unit by unit: its batches, its objective, its score and the mean of its best weights."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.settings import TrainingSettings
from rnnkit.training.callbacks import Score
from rnnkit.training.fit import fit
from rnnkit.training.objectives import Objective
from rnnkit.training.pair_batches import PairBatches, encode_pairs, pair_encoder
from rnnkit.training.writing_objective import writing

TEXTS = ["a b c", "d", "a a a a a a a a a a a", "b c", "c", "", "d d d d d", "a", "b b", "c c c"]


class Rows:
    """Pairs whose translation is the text backwards."""

    target = "translation"

    def chunks(self):
        for part in (TEXTS[:4], TEXTS[4:]):
            yield {"text": part, "translation": [text[::-1] for text in part]}


def ids_of(text, end):
    ragged = tf.ragged.map_flat_values(
        lambda word: tf.strings.unicode_decode(word, "UTF-8").flat_values - 93, tf.strings.split(text)
    )
    return tf.concat([tf.fill([tf.shape(text)[0], 1], end), ragged], 1).to_tensor()


PREPARATION = types.SimpleNamespace(
    features=lambda columns: {"ids": ids_of(columns["text"], 2)}, target=lambda text: ids_of(text, 3)
)


@pytest.fixture
def store():
    return encode_pairs(Rows(), pair_encoder(PREPARATION))


def test_encoded_pairs_are_those_of_the_rows(store):
    assert len(store) == len(TEXTS)
    assert store.ids.row(0).tolist() == [2, 4, 5, 6] and store.target.row(0).tolist() == [3, 6, 5, 4]
    assert store.ids.row(5).tolist() == [2]


@pytest.mark.parametrize("seed", [None, 3])
def test_every_pair_is_dealt_once_an_epoch_beside_its_own_translation(store, seed):
    batches = PairBatches(store, 3, seed)
    dealt = []
    for features, target, weights in batches.epoch(0):
        assert features["ids"].shape[0] == features["target"].shape[0] == len(weights) == 3
        np.testing.assert_array_equal(features["target"], target)
        for ids, written, weight in zip(features["ids"], target, weights, strict=True):
            if weight:
                assert weight == np.count_nonzero(written)
                assert written[written > 0][1:].tolist() == ids[ids > 0][1:][::-1].tolist()
                dealt.append(tuple(ids[ids > 0]))
    assert sorted(dealt) == sorted(tuple(store.ids.row(row)) for row in range(len(TEXTS)))
    assert len(batches) == len(list(batches.epoch(0))) and batches.rows_in_all == len(TEXTS)
    assert batches.steps_in_all == sum(len(text.split()) + 1 for text in TEXTS)


def test_longer_pairs_come_in_smaller_batches_where_there_is_a_budget(store):
    batches = PairBatches(store, 6, 1, token_budget=24)
    sizes = {target.shape for _, target, _ in batches.epoch(0)}
    assert {rows for rows, _ in sizes} == {2, 3} and all(rows * steps <= 24 for rows, steps in sizes)
    assert len(batches) == len(list(batches.epoch(0))) == len(list(batches.dataset(repeat=False)))
    assert sum((weights > 0).sum() for *_, weights in batches.epoch(0)) == len(TEXTS)


def test_the_order_depends_on_seed_and_epoch_alone(store):
    def order(seed, epoch):
        return [rows.tolist() for rows in PairBatches(store, 2, seed).order(epoch)]

    assert order(1, 0) == order(1, 0) != order(1, 1) != order(2, 1)
    batches = PairBatches(store, 2, 1)
    count = len(batches)
    late = [target for _, target, _ in batches.dataset(repeat=True, start=count + 1).take(2)]
    for one, (_, other, _) in zip(late, batches.epoch(1, 1), strict=False):
        np.testing.assert_array_equal(one, other)


def test_the_loss_is_the_mean_over_real_units_and_smoothing_spreads_a_share():
    random = np.random.default_rng(1)
    logits = random.normal(size=(2, 3, 5)).astype(np.float32)
    targets = np.array([[3, 1, 2], [4, 0, 0]])
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    own = [[logs[row, t, targets[row, t]] for t in range(3)] for row in range(2)]
    plain = [-np.mean(own[0]), -own[1][0]]
    objective = writing(label_smoothing=0.3)
    np.testing.assert_allclose(objective.valid(targets, logits), plain, rtol=1e-5)
    mean = logs.mean(-1)
    smoothed = [-0.7 * np.mean(own[0]) - 0.3 * mean[0].mean(), -0.7 * own[1][0] - 0.3 * mean[1, 0]]
    np.testing.assert_allclose(objective.train(targets, logits), smoothed, rtol=1e-5)


class Numbers:
    """Batches of a line's points, and of the same to validate by."""

    steps_in_all = rows_in_all = 8

    def __len__(self):
        return 4

    def dataset(self, *, repeat, start=0):
        x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
        made = tf.data.Dataset.from_tensor_slices(({"x": x}, 3 * x, np.ones(8, np.float32))).batch(2)
        return made.repeat() if repeat else made


def line():
    x = keras.Input((1,), name="x")
    return keras.Model({"x": x}, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x))


def squares(targets, outputs):
    return tf.reduce_mean((targets - outputs) ** 2, -1)


def fitted(score=None, **settings):
    core = line()
    given = {"epochs": 6, "patience": 6, "learning_rate": 0.4, "schedule": "constant", "warmup": 0.0, **settings}
    history = fit(core, Numbers(), Numbers(), Objective(squares, squares), TrainingSettings(**given), score=score)
    return core, history


def slope(core):
    return float(core.get_weights()[0][0, 0])


def test_weights_are_kept_by_the_score_where_there_is_one():
    seen = []

    def nearest_to_two(core):
        seen.append(slope(core))
        return -abs(slope(core) - 2)

    core, history = fitted(Score("nearness", nearest_to_two))
    assert len(seen) == 6 and slope(core) == min(seen, key=lambda value: abs(value - 2))
    assert [row["valid_nearness"] for row in history.epochs] == [-abs(value - 2) for value in seen]
    best_loss = min(history.epochs, key=lambda row: row["valid_loss"])["epoch"]
    assert history.best != best_loss


def test_the_mean_of_the_best_epochs_is_kept_only_if_it_is_better():
    apart = []

    def two_sided(core):
        apart.append(slope(core))
        return -min(abs(slope(core) - goal) for goal in goals)

    goals = [0.0]
    fitted(Score("nearness", two_sided))
    first, second = apart[:2]
    # Only what lies between both is better than either.
    goals = [(first + second) / 2]
    core, history = fitted(Score("nearness", two_sided), average_epochs=2, epochs=2)
    assert slope(core) == pytest.approx(goals[0], rel=1e-5)
    assert "mean of the weights of epochs 1, 2" in history.notes[0] and "the mean is kept" in history.notes[0]
    goals = [first]
    core, history = fitted(Score("nearness", two_sided), average_epochs=2, epochs=2)
    assert slope(core) == pytest.approx(first) and "the epoch is kept" in history.notes[0]


def test_an_epoch_without_a_better_score_ends_the_training_by_patience():
    _, history = fitted(Score("constant", lambda core: 1.0), patience=2)
    assert len(history.epochs) == 3 and history.best == 1
