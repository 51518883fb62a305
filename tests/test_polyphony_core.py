"""The core of polyphony: windows of pieces, losses beside plain loops, answers whatever stands beside and after."""

import types

import numpy as np
import pytest
import tensorflow as tf

from rnnkit.polyphony.batches import FrameBatches
from rnnkit.polyphony.core import build_roll_model, taken_apart
from rnnkit.polyphony.features import before, read_roll
from rnnkit.polyphony.listening import Listening
from rnnkit.polyphony.player import Player
from rnnkit.polyphony.rolls import KEPT_FRAMES, Rolls, example_rolls, kept_rolls, truth_of_rolls
from rnnkit.polyphony.scoring import answer_rolls, judge_rolls
from rnnkit.settings import RecurrentSettings

PITCHES, UNITS, HIDDEN = 5, 4, 3
SIZES = (7, 3, 11, 6, 1, 9)
HEADS = ("independent", "nade")
RANDOM = np.random.default_rng(4)
ROLLS = [RANDOM.random((size, PITCHES)) < 0.4 for size in SIZES]


def made(head, **more):
    """A core with random weights."""
    stack = RecurrentSettings(units=UNITS, bidirectional=False, dropout=0.0).as_dict()
    own = {"head": head, "hidden": HIDDEN, "output_dropout": 0.0}
    core = build_roll_model({"pitches": PITCHES}, types.SimpleNamespace(**{**stack, **own, **more}))
    random = np.random.default_rng(9)
    core.set_weights([random.normal(0, 0.7, weight.shape) for weight in core.get_weights()])
    return core


@pytest.fixture(scope="module", params=HEADS)
def core(request):
    return made(request.param)


@pytest.fixture(scope="module")
def player(core):
    return Player(taken_apart(core))


def padded(*rolls, frames=None):
    whole = np.full((len(rolls), frames or max(map(len, rolls)), PITCHES), np.nan, np.float32)
    for row, roll in zip(whole, rolls, strict=True):
        row[: len(roll)] = roll
    return tf.constant(whole)


def batches(columns=2, window=4, seed=None):
    return FrameBatches(ROLLS, columns, window, seed)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(("columns", "window"), [(2, 4), (3, 2), (1, 5), (6, 50)])
def test_each_frame_is_foretold_once_an_epoch_from_the_one_before(seed, columns, window):
    dealt = batches(columns, window, seed)
    for epoch in range(2):
        pairs, windows = [], list(dealt.epoch(epoch))
        assert len(windows) == len(dealt)
        for features, _, weights in windows:
            real = features["real"] > 0
            np.testing.assert_array_equal(weights, real.sum(1))
            pairs += np.concatenate([features["frames"][real], features["target"][real]], 1).tolist()
            assert features["frames"].shape == (columns, window, PITCHES)
        expected = np.concatenate([np.concatenate([before(roll[None])[0], roll], 1) for roll in ROLLS])
        assert sorted(pairs) == sorted(expected.astype(float).tolist())
        assert dealt.rows_in_all == len(ROLLS) and dealt.steps_in_all == sum(SIZES)


def test_another_epoch_has_another_order_and_the_same_seed_the_same():
    def targets(dealt, epoch):
        return [features["target"].tolist() for features, _, _ in dealt.epoch(epoch)]

    assert targets(batches(seed=3), 1) == targets(batches(seed=3), 1) != targets(batches(seed=3), 2)
    assert targets(batches(seed=3), 1) != targets(batches(seed=5), 1)
    assert targets(batches(), 1) == targets(batches(), 2)


def test_an_epoch_goes_on_from_any_of_its_windows():
    dealt = batches(seed=3)
    for skipped, (ours, theirs) in enumerate(zip(dealt.epoch(1, 2), list(dealt.epoch(1))[2:], strict=True)):
        np.testing.assert_array_equal(ours[0]["target"], theirs[0]["target"], err_msg=str(skipped))


@pytest.mark.parametrize("window", [2, 4, 50])
def test_losses_of_windows_are_those_of_whole_pieces_for_states_go_on(core, window):
    rolls = ROLLS[:3]
    dealt = FrameBatches(rolls, 2, window)
    assert len(dealt.pieces) == 3
    model, total = Listening(core, (2, 2)), 0.0
    for features, _, weights in dealt.epoch(0):
        losses = model({name: tf.constant(array) for name, array in features.items()}, training=False)
        total += float(np.sum(losses.numpy() * weights))
    nats = answer_rolls(None, core, Rolls(rolls, ["a", "b", "c"]), None)["nats"]
    assert total == pytest.approx(float(nats.sum()), rel=1e-5)


def test_long_pieces_are_cut_and_go_on_from_the_frame_before():
    dealt = FrameBatches([ROLLS[2], ROLLS[0]], 4, 2)
    assert dealt.pieces.tolist() == [[0, 0, 6], [0, 6, 11], [1, 0, 4], [1, 4, 7]]
    first = next(dealt.epoch(0))[0]["frames"][:, 0]
    np.testing.assert_array_equal(first[[0, 2]], 0)
    np.testing.assert_array_equal(first[[1, 3]], [ROLLS[2][5], ROLLS[0][3]])


def test_states_of_training_and_of_validation_are_kept_apart(core):
    model = Listening(core, (2, 2))
    dealt = batches()
    (first, *_), (second, *_) = (features for features in list(dealt.epoch(0))[:2])
    first, second = ({name: tf.constant(array) for name, array in each.items()} for each in (first, second))
    model(first, training=False)
    alone = model(second, training=False).numpy()
    model(first, training=False)
    model({**first, "begin": tf.ones(2)}, training=True)
    np.testing.assert_allclose(model(second, training=False), alone, rtol=1e-6)


def test_scores_are_what_is_served(core, player):
    answers = answer_rolls(None, core, Rolls(ROLLS, [""] * len(ROLLS)), None)
    served = player.scored(padded(*ROLLS))
    nats = [row[:size] for row, size in zip(served["nats"].numpy(), SIZES, strict=True)]
    np.testing.assert_allclose(answers["nats"], np.concatenate(nats), rtol=1e-5, atol=1e-5)
    scores = judge_rolls(answers, ROLLS, (), None)
    assert scores["frame_nll"] == pytest.approx(np.mean(np.concatenate(nats)), rel=1e-5)
    assert judge_rolls({"nats": served["nats"].numpy()}, ROLLS, (), None)["frame_nll"] == pytest.approx(
        scores["frame_nll"], rel=1e-5
    )


def test_nats_are_those_of_the_probabilities(player):
    served = player.scored(padded(*ROLLS))
    for row, roll in enumerate(ROLLS):
        chance = served["probability"].numpy()[row, : len(roll)].astype(float)
        nats = -np.log(np.where(roll, chance, 1 - chance)).sum(1)
        np.testing.assert_allclose(served["nats"][row, : len(roll)], nats, rtol=1e-4)


def test_what_pads_a_row_costs_nothing_and_silence_within_does(player):
    roll = np.float32(ROLLS[2])
    odd = roll.copy()
    odd[4] = np.nan
    silent = np.where(np.isnan(odd), 0, odd)
    wide = player.scored(padded(odd, frames=15))
    np.testing.assert_allclose(wide["nats"][0, :11], player.scored(padded(silent))["nats"][0], rtol=1e-5)
    assert not wide["nats"].numpy()[0, 11:].any() and not wide["probability"].numpy()[0, 11:].any()


@pytest.mark.parametrize("shape", [(2, 0, 0), (2, 0, PITCHES), (1, 3, PITCHES)])
def test_rows_of_no_frames_are_answered_by_none(player, shape):
    served = player.scored(tf.fill(shape, np.nan))
    assert served["nats"].shape == shape[:2] and served["probability"].shape == (*shape[:2], PITCHES)
    assert not np.any(served["nats"])


def test_what_is_above_0_sounds():
    values = tf.constant([[[1.0, 0.0, -1.0, 0.3, 127.0], [np.inf, -np.inf, np.nan, 0.0, 1e30]]])
    frames, real = read_roll(values, 5)
    assert frames.numpy().tolist() == [[[1, 0, 0, 1, 1], [1, 0, 0, 0, 1]]] and real.numpy().tolist() == [[1, 1]]


def test_step_by_step_it_foretells_what_it_does_at_once(core, player):
    roll = np.float32(ROLLS[2])[None]
    states, found = [tf.zeros((1, size)) for size in player.apart.sizes.values()], []
    for frame in before(roll)[0]:
        told = player.one(tf.constant(frame[None]), *states)
        states = [told[name] for name in player.apart.sizes]
        found.append(told["probability"].numpy()[0])
    conditions, _ = player.apart.read(tf.constant(before(roll)), player.apart.begin(1))
    np.testing.assert_allclose(found, player.apart.chances(conditions[0]), atol=1e-5)
    if player.apart.head.__class__.__name__ == "IndependentRoll":
        np.testing.assert_allclose(found, player.scored(tf.constant(roll))["probability"][0], atol=1e-5)


def test_chances_of_a_nade_are_about_those_of_all_frames():
    apart = taken_apart(made("nade"))
    every = np.float32([[number >> place & 1 for place in range(PITCHES)] for number in range(1 << PITCHES)])
    conditions = tf.constant(RANDOM.normal(0, 1, (1, PITCHES + HIDDEN)).astype("float32"))
    nats = apart.head.losses_of(tf.repeat(conditions, len(every), 0), every).numpy()
    assert np.exp(-nats).sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(apart.chances(conditions)[0], np.exp(-nats) @ every, atol=0.12)
    flat = tf.repeat(conditions, len(every), 0)
    np.testing.assert_allclose(apart.logits_at_once(flat, every), apart.logits(flat, every), atol=1e-5)


def generated(player, primers, length=6, temperature=1.0, seed=(0, 1)):
    how = tf.constant(length), tf.constant(temperature), tf.constant(seed, tf.int32)
    return player.written(primers, *how)["generated"].numpy()


def test_what_is_written_hangs_on_the_seed_and_the_primer_alone(player):
    together = generated(player, padded(*ROLLS[:3], frames=13))
    assert together.shape == (3, 6, PITCHES) and set(np.unique(together)) <= {0, 1}
    for row, roll in enumerate(ROLLS[:3]):
        np.testing.assert_array_equal(generated(player, padded(roll))[0], together[row])
    assert (generated(player, padded(*ROLLS[:3]), seed=(0, 2)) != together).any()


def test_without_chance_it_goes_on_from_what_it_wrote(player):
    cold = generated(player, padded(ROLLS[1]), temperature=0.0)
    longer = np.concatenate([ROLLS[1], cold[0, :4]])
    np.testing.assert_array_equal(generated(player, padded(longer), length=2, temperature=0.0), cold[:, 4:])
    # As `likely` tells the frame after a primer.
    conditions, _ = player.apart.read(tf.constant(before(np.float32(longer)[None])), player.apart.begin(1))
    np.testing.assert_array_equal(player.apart.likely(conditions[0])[3], longer[3])


def test_it_writes_from_nothing(player):
    found = generated(player, tf.zeros((2, 0, PITCHES)), length=4)
    assert found.shape == (2, 4, PITCHES)
    np.testing.assert_array_equal(found[0], found[1])
    assert generated(player, tf.zeros((1, 0, PITCHES)), length=0).shape == (1, 0, PITCHES)


def test_kept_rows_are_how_pieces_begin():
    long = np.tile(ROLLS[0], (40, 1))
    rows = Rolls([long, ROLLS[1]], ["long", "short"])
    kept = truth_of_rolls(kept_rolls(rows, 9, 0))
    np.testing.assert_array_equal(kept[0], long[:KEPT_FRAMES])
    np.testing.assert_array_equal(kept[1], ROLLS[1])
    example = example_rolls(rows, 2)["roll"]
    assert example.shape == (2, KEPT_FRAMES, PITCHES) and np.isnan(example[1, 3:]).all()
