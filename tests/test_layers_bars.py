"""Layers of bars: the clock and the attention against loops in plain Python, read in pieces, row by row, at once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.layers.bar_attention import BarAttention, kept_sizes
from rnnkit.layers.bar_clock import MOST_BAR, MOST_PIECES, NAMES, BarClock
from rnnkit.layers.bar_places import PHRASE, BarPlaces
from rnnkit.layers.embedding import END
from rnnkit.music.grammar import clock_table

WORDS = ["|", "metre:3/8", "metre:2/4", "from:12", "ch:G", "ch:D7", "n60", "r", "d12", "d24", "d5"]
SIZE = len(WORDS) + 4
FEATURES, VECTOR, UNITS = 6, 5, 4
CUTS = [(0, 31), (0, 1, 31), (0, 7, 8, 19, 31), tuple(range(32))]


@pytest.fixture(scope="module")
def clock():
    layer = BarClock(SIZE)
    layer.build()
    layer.table.assign(clock_table(WORDS))
    return layer


def ids_of(*words):
    names = {word: place for place, word in enumerate(WORDS, 4)} | {"end": END, "": 0, "?": 1}
    return np.array([[names[word] for word in words]], np.int32)


def random_ids(rows=3, time=31, seed=0):
    # Ends are rare and bars frequent, as in tunes.
    likely = np.array([1, 1, 0, 1, 9, 1, 1, 1, 2, 2, 3, 2, 5, 5, 3], float)
    return np.random.default_rng(seed).choice(SIZE, (rows, time), p=likely / likely.sum()).astype(np.int32)


def by_loop(ids, state=(0, 0, 0, 0, 0)):
    """What the clock tells after each event of one row."""
    (position, bar, length, chord, piece), told = state, []
    for number in ids:
        word = WORDS[number - 4] if number > 3 else ""
        if number == END:
            position, bar, length, chord, piece = 0, 0, 0, 0, (piece + 1) % MOST_PIECES
        elif word == "|":
            position, bar = 0, min(bar + 1, MOST_BAR)
        elif word.startswith("metre:"):
            length = {"metre:3/8": 36, "metre:2/4": 48}[word]
        elif word.startswith("ch:"):
            chord = number
        elif word.startswith(("d", "from:")):
            position += int(word.strip("from:d"))
        told.append((position, bar, length, chord, piece))
    return np.array(told, np.float32)


def read_in_pieces(layer, cut, state, *inputs):
    """Calls a layer on windows, the state going on from each to the next."""
    parts = []
    for start, stop in zip(cut[:-1], cut[1:], strict=True):
        found, state = layer(*(tf.constant(each[:, start:stop]) for each in inputs), state)
        parts.append(found.numpy())
    return np.concatenate(parts, 1), state.numpy()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cut", CUTS)
def test_the_clock_counts_as_a_loop_does_wherever_the_window_is_cut(clock, cut, seed):
    ids = random_ids(seed=seed)
    told, state = read_in_pieces(clock, cut, tf.zeros([3, 5]), ids)
    np.testing.assert_array_equal(told, [by_loop(row) for row in ids])
    np.testing.assert_array_equal(state, told[:, -1])


def test_a_tune_by_hand(clock):
    words = ["metre:3/8", "|", "from:12", "ch:G", "n60", "d24", "|", "r", "d5", "ch:D7", "end", "|", ""]
    (told,), _ = clock(ids_of(*words), tf.zeros([1, 5]))
    assert NAMES == ("position", "bar", "length", "chord", "piece")
    assert told.numpy().astype(int).T.tolist() == [
        [0, 0, 12, 12, 12, 36, 0, 0, 5, 5, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 0, 1, 1],
        [36, 36, 36, 36, 36, 36, 36, 36, 36, 36, 0, 0, 0],
        [0, 0, 0, 8, 8, 8, 8, 8, 8, 9, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
    ]


def test_bars_and_pieces_are_counted_up_to_a_most(clock):
    (told,), state = clock(ids_of("|", "|", "end", "|"), tf.constant([[7.0, MOST_BAR - 1, 48, 8, MOST_PIECES - 1]]))
    assert told[:, 1].numpy().tolist() == [MOST_BAR, MOST_BAR, 0, 1]
    assert told[:, 4].numpy().tolist() == [MOST_PIECES - 1, MOST_PIECES - 1, 0, 0] and state[0, 0] == 0


def test_the_clock_is_not_trained_and_exact_in_half_precision(clock):
    assert clock.trainable_weights == [] and clock.table.dtype == "float32"
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = BarClock(SIZE)
        layer.build()
        layer.table.assign(clock.table)
    finally:
        keras.config.set_dtype_policy("float32")
    told, _ = layer(ids_of(*["|"] * 3, *["d5"] * 900), tf.zeros([1, 5]))
    assert told.dtype == tf.float32 and told[0, -1].numpy().tolist()[:2] == [4500, 3]


def places_of(**told):
    """A row of what the clock tells, one event for each value."""
    count = max(len(values) for values in told.values())
    return np.array([[told.get(name, [0] * count) for name in NAMES]], np.float32).transpose(0, 2, 1)


@pytest.fixture(scope="module")
def places():
    keras.utils.set_random_seed(5)
    layer = BarPlaces(SIZE, 3, longest=48)
    layer(places_of(position=[0]))
    return layer


def test_equal_places_have_equal_vectors_and_others_have_others(places):
    told = places_of(position=[12, 12, 13, 12, 12, 12], bar=[2, 2, 2, 3, 2, 2], length=[48, 48, 48, 48, 36, 48])
    told[0, 5, 3] = 8
    vectors = places(told).numpy()[0]
    assert vectors.shape == (6, 3) and (vectors[0] == vectors[1]).all()
    assert len({tuple(vector) for vector in vectors.tolist()}) == 5
    told[0, :, 4] = 9
    np.testing.assert_array_equal(places(told).numpy()[0], vectors)


def test_bars_are_alike_after_a_phrase_but_none_is_like_what_stands_before_the_first(places):
    vectors = places(places_of(bar=[1, 1 + PHRASE, 1 + 3 * PHRASE, 0, PHRASE, MOST_BAR])).numpy()[0]
    assert (vectors[0] == vectors[1]).all() and (vectors[0] == vectors[2]).all()
    assert (vectors[3] != vectors[0]).any() and (vectors[3] != vectors[4]).any()


def test_past_the_end_of_a_bar_is_one_place_and_long_bars_are_no_error(places):
    vectors = places(places_of(position=[48, 49, 60, 9_999], length=[48, 48, 48, 48])).numpy()[0]
    left = places.tables["left"].numpy()
    np.testing.assert_allclose(vectors[1] - vectors[0], left[0] - left[1], atol=1e-6)
    assert (vectors[1] == vectors[2]).all() and (vectors[2] == vectors[3]).all()
    far = places(places_of(position=[0, 0], length=[48, 9_999])).numpy()[0]
    assert (far[0] == far[1]).all()


def test_clock_and_places_and_attention_come_back_from_their_configs():
    for layer in (BarClock(7, name="a"), BarPlaces(7, 3, longest=50), BarAttention(4, bars=3, events=9)):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
    assert kept_sizes(FEATURES, UNITS, 9) == BarAttention(UNITS, 3, 9).sizes(FEATURES) == (36, 36, 18, 8)


def attention_of(bars=2, events=200, seed=6):
    """A layer whose biases are drawn too, for at first they are 0 and 1."""
    keras.utils.set_random_seed(seed)
    layer = BarAttention(UNITS, bars=bars, events=events)
    layer(tf.zeros([1, 1, FEATURES]), tf.zeros([1, 1, VECTOR]), tf.zeros([1, 1, 5]), begun(layer, 1))
    random = np.random.default_rng(seed)
    layer.set_weights([random.normal(0, 0.8, weight.shape) for weight in layer.get_weights()])
    return layer


def begun(layer, rows=3):
    return tf.zeros([rows, sum(layer.sizes(FEATURES))])


def inputs_of(seed=0, rows=3, time=31):
    random = np.random.default_rng(seed + 100)
    told = np.stack([by_loop(row) for row in random_ids(rows, time, seed)])
    return *(random.normal(0, 1, (rows, time, size)).astype("float32") for size in (FEATURES, VECTOR)), told


def attended(layer, hidden, vectors, told):
    """What is looked back at, event by event, of one row."""
    weights = {weight.name: weight.numpy().astype(float) for weight in layer.weights}
    before, entries, found = np.zeros(FEATURES), [], []
    place, bar, piece = 0.0, 0.0, 0.0
    for state, vector, (now_place, now_bar, _, _, now_piece) in zip(hidden, vectors, told, strict=True):
        value = np.concatenate([before, vector]) @ weights["value"]
        entries = [*entries, (before @ weights["key"], value, place, bar, piece)][-layer.events - 1 :]
        context, total = np.zeros(UNITS), 1.0
        for key, value, entry_place, entry_bar, entry_piece in entries:
            back = int(now_bar - entry_bar)
            if entry_piece != now_piece or entry_bar < 1 or not 1 <= back <= layer.bars:
                continue
            score = state @ weights["query"] @ key / np.sqrt(UNITS) + weights["back"][back - 1]
            score += weights["alike"][back - 1] * (entry_place == now_place)
            context, total = context + np.exp(score) * value, total + np.exp(score)
        found.append(context / total)
        before, place, bar, piece = state, now_place, now_bar, now_piece
    return np.array(found)


@pytest.mark.parametrize(("bars", "events"), [(1, 200), (3, 200), (3, 9), (8, 8)])
@pytest.mark.parametrize("cut", CUTS)
def test_the_attention_looks_back_as_a_loop_does_wherever_the_window_is_cut(bars, events, cut):
    layer, inputs = attention_of(bars, events), inputs_of(bars)
    found, _ = read_in_pieces(layer, cut, begun(layer), *inputs)
    expected = [attended(layer, *row) for row in zip(*inputs, strict=True)]
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_state_is_the_same_wherever_the_window_is_cut():
    layer, inputs = attention_of(events=9), inputs_of(4)
    states = [read_in_pieces(layer, cut, begun(layer), *inputs)[1] for cut in CUTS]
    for state in states[1:]:
        np.testing.assert_allclose(state, states[0], atol=1e-5)


def test_later_events_never_change_what_was_seen_before():
    layer, inputs = attention_of(), inputs_of(2)
    found, _ = layer(*map(tf.constant, inputs), begun(layer))
    for time in (1, 12, 25):
        others = [np.concatenate([each[:, :time], other[:, time:]], 1) for each, other in zip(inputs, inputs_of(9))]  # noqa: B905
        changed, _ = layer(*map(tf.constant, others), begun(layer))
        np.testing.assert_array_equal(changed[:, :time], found[:, :time])
        assert np.abs(changed[:, time:] - found[:, time:]).max() > 0.01


def test_rows_and_padding_say_nothing_of_one_another():
    layer, inputs = attention_of(), inputs_of(3)
    found, state = layer(*map(tf.constant, inputs), begun(layer))
    for row in range(3):
        alone, own = layer(*(tf.constant(each[row : row + 1]) for each in inputs), begun(layer, 1))
        np.testing.assert_allclose(alone[0], found[row], atol=1e-6)
        np.testing.assert_allclose(own[0], state[row], atol=1e-6)
    padded = [np.pad(each, [(0, 0), (0, 5), (0, 0)], mode="edge") for each in inputs]
    longer, _ = layer(*map(tf.constant, padded), begun(layer))
    np.testing.assert_allclose(longer[:, :31], found, atol=1e-6)


@pytest.mark.parametrize("piece", [1, MOST_PIECES - 1])
def test_a_piece_never_looks_at_the_one_before_it(piece):
    layer = attention_of(bars=64)
    hidden, vectors, _ = inputs_of(rows=1, time=8)
    bars = np.array([1, 2, 3, MOST_BAR, 1, 2, 3, 4], float)
    ended = np.array([piece - 1] * 4 + [piece % MOST_PIECES] * 4, float)
    told = places_of(position=[0] * 8, bar=bars, length=[48] * 8, piece=ended)
    found, _ = layer(hidden, vectors, told, begun(layer, 1))
    assert not np.allclose(found[0, :3], 0, atol=1e-3)
    alone, _ = layer(hidden[:, 4:], vectors[:, 4:], told[:, 4:], begun(layer, 1))
    other = layer(np.concatenate([hidden[:, :3] + 1, hidden[:, 3:]], 1), vectors + 0, told, begun(layer, 1))[0]
    np.testing.assert_array_equal(other[:, 4:], found[:, 4:])
    # The first entry of the window alone differs: what stood before its event is known in one and not in the other.
    np.testing.assert_allclose(alone[0, 1:], found[0, 5:], atol=1e-6)


def test_where_there_is_nothing_to_look_back_at_there_is_nothing():
    layer = attention_of()
    hidden, vectors, _ = inputs_of(time=6)
    for bars in ([0] * 6, [1] * 6, [0, 0, 0, 1, 1, 1]):
        told = np.repeat(places_of(bar=bars), 3, 0)
        found, _ = layer(hidden, vectors, told, begun(layer))
        assert not found.numpy().any()
    found, _ = layer(hidden, vectors, np.repeat(places_of(bar=[1, 1, 2, 2, 2, 9]), 3, 0), begun(layer))
    assert [bool(np.any(found[:, time])) for time in range(6)] == [False, False, True, True, True, False]


def test_gradients_reach_all_weights_and_what_is_read():
    layer, inputs = attention_of(), [tf.constant(each) for each in inputs_of(5)]
    with tf.GradientTape() as tape:
        tape.watch(inputs[:2])
        found, _ = layer(*inputs, begun(layer))
        loss = tf.reduce_sum(found**2)
    gradients = tape.gradient(loss, [*inputs[:2], *layer.trainable_variables])
    assert len(gradients) == 7
    for gradient in map(tf.convert_to_tensor, gradients):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-4


def test_half_precision_tells_bars_and_pieces_apart_as_single_does():
    single, inputs = attention_of(bars=3), list(inputs_of(6))
    # 2,001 bars of the 900th piece: in half precision neither is a number of its own.
    inputs[2][:, :, 1] += 2_000 * (inputs[2][:, :, 1] > 0)
    inputs[2][:, :, 4] += 900
    half = BarAttention(UNITS, bars=3, events=200, dtype="mixed_float16")
    half(*inputs, begun(half))
    half.set_weights(single.get_weights())
    found, state = half(*inputs, begun(half))
    assert found.dtype == tf.float16 and state.dtype == tf.float32
    np.testing.assert_allclose(found, single(*inputs, begun(single))[0], atol=0.03)
