"""Recurrent stacks against loops in NumPy, and under any padding."""

import keras
import numpy as np
import pytest

from rnnkit.layers import recurrent_stack
from rnnkit.layers.segments import in_segments
from rnnkit.layers.stack import CELLS, PARALLEL_CELLS

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 7


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_loop(x, mask, kernel, recurrent_kernel, bias):
    """Hochreiter & Schmidhuber's cell with a forget gate, gates in the order i f g o, masked steps skipped."""
    h, c = np.zeros((2, len(x), UNITS))
    outputs = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        new_h = sigmoid(o) * np.tanh(new_c)
        real = mask[:, t, None]
        h, c = np.where(real, new_h, h), np.where(real, new_c, c)
        outputs.append(h)
    return np.stack(outputs, 1)


def gru_loop(x, mask, kernel, recurrent_kernel, bias):
    """Cho et al.'s cell with the reset after the product, gates in the order z r candidate."""
    h = np.zeros((len(x), UNITS))
    outputs = []
    for t in range(x.shape[1]):
        xz, xr, xh = np.split(x[:, t] @ kernel + bias[0], 3, axis=1)
        hz, hr, hh = np.split(h @ recurrent_kernel + bias[1], 3, axis=1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        new = z * h + (1 - z) * np.tanh(xh + r * hh)
        h = np.where(mask[:, t, None], new, h)
        outputs.append(h)
    return np.stack(outputs, 1)


def simple_loop(x, mask, kernel, recurrent_kernel, bias):
    """Elman's cell."""
    h = np.zeros((len(x), UNITS))
    outputs = []
    for t in range(x.shape[1]):
        h = np.where(mask[:, t, None], np.tanh(x[:, t] @ kernel + h @ recurrent_kernel + bias), h)
        outputs.append(h)
    return np.stack(outputs, 1)


LOOPS = {"lstm": lstm_loop, "gru": gru_loop, "simple": simple_loop}


def stack(**settings):
    x = keras.Input((None, FEATURES))
    return keras.Model(x, recurrent_stack(x, units=UNITS, **settings))


def randomised(model, seed=1):
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


def masked(model, x, mask):
    return model(x, mask=mask).numpy()


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 0]], bool)
    return random.normal(size=(BATCH, TIME, FEATURES)).astype("float32"), mask


@pytest.mark.parametrize("cell", CELLS)
def test_one_direction_equals_a_loop_in_numpy(cell, rows):
    x, mask = rows
    model = randomised(stack(cell=cell, bidirectional=False))
    expected = LOOPS[cell](x, mask, *model.get_weights())
    np.testing.assert_allclose(masked(model, x, mask), expected, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_two_directions_equal_two_loops_in_numpy(cell, rows):
    x, mask = rows
    model = randomised(stack(cell=cell))
    weights = model.get_weights()
    half = len(weights) // 2
    forward = LOOPS[cell](x, mask, *weights[:half])
    backward = LOOPS[cell](x[:, ::-1], mask[:, ::-1], *weights[half:])[:, ::-1]
    expected = np.concatenate([forward, backward], 2)
    # Keras' Bidirectional puts zeros where a step is masked.
    np.testing.assert_allclose(masked(model, x, mask), expected * mask[:, :, None], atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "lstm", "depth": 2},
        {"cell": "gru", "depth": 2, "residual": True},
        {"cell": "simple", "depth": 3, "layer_normalization": True},
        {"cell": "simple", "activation": "relu", "recurrent_initializer": "identity", "kernel_initializer": "he"},
        *({"cell": cell, "depth": 2, "l2": 0.01} for cell in PARALLEL_CELLS),
    ],
)
def test_padding_on_the_right_changes_no_real_step(settings, rows):
    x, _ = rows
    mask = np.arange(TIME) < np.array([[5], [3], [1]])
    model = randomised(stack(**settings))
    padded = np.concatenate([x, np.full((BATCH, 4, FEATURES), 9.0, "float32")], 1)
    longer = np.concatenate([mask, np.zeros((BATCH, 4), bool)], 1)
    short, long = masked(model, x, mask), masked(model, padded, longer)[:, :TIME]
    np.testing.assert_allclose(short[mask], long[mask], rtol=1e-5, atol=1e-5)


def test_rows_do_not_influence_each_other(rows):
    x, mask = rows
    model = randomised(stack(depth=2))
    together = masked(model, x, mask)
    alone = np.concatenate([masked(model, x[row : row + 1], mask[row : row + 1]) for row in range(BATCH)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_row_of_nothing_but_padding_gives_numbers(rows):
    x, _ = rows
    outputs = masked(randomised(stack(depth=2)), x, np.zeros((BATCH, TIME), bool))
    assert np.isfinite(outputs).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "lstn"}, "cell must be one of lstm, gru, simple, mingru, minlstm, lru. Got 'lstn'."),
        ({"cell": "mingru", "activation": "relu"}, "Cell 'mingru' has no activation: .* Got 'relu'."),
        ({"cell": "lru", "recurrent_weight_dropout": 0.5}, "Cell 'lru' has no recurrent_weight_dropout: .* Got 0.5."),
    ],
)
def test_a_cell_that_lacks_what_is_asked_of_it_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        stack(**settings)


def test_depth_zero_hands_the_input_through(rows):
    x = keras.Input((None, FEATURES))
    assert recurrent_stack(x, units=UNITS, depth=0) is x


def test_residual_adds_the_input_only_where_sizes_agree():
    names = [layer.name for layer in stack(depth=2, residual=True).layers]
    assert "recurrent_2_residual" in names and "recurrent_1_residual" not in names


def test_weight_dropout_drops_recurrent_weights_while_training_only(rows):
    x, mask = rows
    model = randomised(stack(bidirectional=False, recurrent_weight_dropout=0.5))
    kernel = model.layers[-1].cell.recurrent_kernel
    expected = lstm_loop(x, mask, *model.get_weights())
    np.testing.assert_allclose(model(x, mask=mask, training=False), expected, atol=1e-5)
    trained = [model(x, mask=mask, training=True).numpy() for _ in range(2)]
    assert np.abs(trained[0] - expected).max() > 1e-3
    assert np.abs(trained[0] - trained[1]).max() > 1e-3
    assert model.layers[-1].cell.recurrent_kernel is kernel
    # The first step has no state yet to multiply, so it is the same whatever is dropped.
    np.testing.assert_allclose(trained[0][:2, 0], expected[:2, 0], atol=1e-5)


def test_variational_dropout_drops_the_same_features_at_every_step():
    x = keras.Input((None, 64))
    model = keras.Model(x, recurrent_stack(x, units=UNITS, depth=1, variational_dropout=0.5))
    layer = next(layer for layer in model.layers if layer.name.endswith("variational"))
    dropped = layer(np.ones((1, TIME, 64), "float32"), training=True).numpy() == 0
    assert 0 < dropped.sum() < dropped.size
    assert (dropped == dropped[:, :1]).all()


def test_penalties_grow_with_the_weights():
    model = randomised(stack(l1=0.1, l2=0.01, bidirectional=False))
    kernel, recurrent_kernel, _ = model.get_weights()
    expected = sum(0.1 * np.abs(w).sum() + 0.01 * (w**2).sum() for w in (kernel, recurrent_kernel))
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_a_saved_stack_answers_as_before(rows, tmp_path):
    x, mask = rows
    model = randomised(stack(recurrent_weight_dropout=0.2, depth=2))
    model.save(tmp_path / "stack.keras")
    again = keras.saving.load_model(tmp_path / "stack.keras")
    np.testing.assert_array_equal(masked(model, x, mask), masked(again, x, mask))


class TestSegments:
    LENGTH = 2

    def model(self):
        x = keras.Input((None, FEATURES))
        layers = lambda piece: recurrent_stack(piece, units=UNITS)  # noqa: E731
        return randomised(keras.Model(x, in_segments(x, self.LENGTH, layers)))

    def test_each_piece_is_read_as_a_row_of_its_own(self, rows):
        x, mask = rows
        model = self.model()
        inner = model.layers[-1].inner
        pieces = [slice(start, start + self.LENGTH) for start in range(0, TIME, self.LENGTH)]
        expected = np.concatenate([masked(inner, x[:, piece], mask[:, piece]) for piece in pieces], 1)
        np.testing.assert_allclose(masked(model, x, mask), expected, atol=1e-5)

    def test_padding_on_the_right_changes_no_real_step(self, rows):
        x, _ = rows
        mask = np.arange(TIME) < np.array([[5], [3], [1]])
        model = self.model()
        padded = np.pad(x, [(0, 0), (0, 3), (0, 0)], constant_values=9)
        long = masked(model, padded, np.pad(mask, [(0, 0), (0, 3)]))[:, :TIME]
        np.testing.assert_allclose(masked(model, x, mask)[mask], long[mask], atol=1e-5)

    def test_it_can_be_saved_and_loaded(self, rows, tmp_path):
        x, mask = rows
        model = self.model()
        model.save(tmp_path / "segments.keras")
        again = keras.saving.load_model(tmp_path / "segments.keras")
        np.testing.assert_array_equal(masked(model, x, mask), masked(again, x, mask))
