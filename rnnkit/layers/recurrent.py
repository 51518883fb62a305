"""Recurrent stacks: a sequence -> one output per step, in one or two directions, any depth."""

import contextlib

import keras
import tensorflow as tf

from rnnkit.layers import fast_lstm

INITIALIZERS = {"glorot": "glorot_uniform", "he": "he_uniform", "orthogonal": "orthogonal", "identity": "identity"}


def recurrent_stack(
    x,
    *,
    cell="lstm",
    units=64,
    depth=1,
    bidirectional=True,
    residual=False,
    layer_normalization=False,
    activation="tanh",
    kernel_initializer="glorot",
    recurrent_initializer="orthogonal",
    dropout=0.0,
    variational_dropout=0.0,
    recurrent_weight_dropout=0.0,
    l1=0.0,
    l2=0.0,
    name="recurrent",
):
    """Applies `depth` recurrent layers, each over the outputs of the one below.

    Args:
        x: `(batch, time, features)`; its Keras mask, if any, is kept. A masked step carries
            the state over unchanged, so padding on either side never matters.
        cell: Key of `CELLS`.
        units: Size of the state in each direction.
        depth: Number of layers.
        bidirectional: Also read backwards; the outputs of both directions are joined.
        residual: Add a layer's input to its output where their sizes agree (He et al. 2015).
        layer_normalization: Normalise each layer's output (Ba et al. 2016).
        activation: `tanh`, or `relu`, which the identity start suits (Le et al. 2015,
            https://arxiv.org/abs/1504.00941).
        kernel_initializer: Key of `INITIALIZERS`, for the input weights.
        recurrent_initializer: Key of `INITIALIZERS`, for the recurrent weights.
        dropout: Share dropped between layers.
        variational_dropout: Share of a layer's input features dropped, the same ones at
            every step (Gal & Ghahramani 2016, https://arxiv.org/abs/1512.05287).
        recurrent_weight_dropout: Share of the recurrent weights dropped once per batch
            (Merity et al. 2017, https://arxiv.org/abs/1708.02182).
        l1: Penalty on the absolute values of both kernels.
        l2: Penalty on the squares of both kernels.
        name: Start of the layers' names.

    Returns:
        `(batch, time, units)`, or `(batch, time, 2 * units)` in two directions. With
        `depth` 0 it is `x`.
    """
    penalty = keras.regularizers.L1L2(l1, l2) if l1 or l2 else None
    for level in range(1, depth + 1):
        if variational_dropout:
            x = keras.layers.SpatialDropout1D(variational_dropout, name=f"{name}_{level}_variational")(x)
        elif dropout and level > 1:
            x = keras.layers.Dropout(dropout, name=f"{name}_{level}_dropout")(x)
        layer = CELLS[cell](
            units,
            activation=activation,
            kernel_initializer=INITIALIZERS[kernel_initializer],
            recurrent_initializer=INITIALIZERS[recurrent_initializer],
            kernel_regularizer=penalty,
            recurrent_regularizer=penalty,
            weight_dropout=recurrent_weight_dropout,
            return_sequences=True,
            name=f"{name}_{level}_{cell}",
        )
        y = keras.layers.Bidirectional(layer, name=f"{name}_{level}")(x) if bidirectional else layer(x)
        if residual and y.shape[-1] == x.shape[-1]:
            y = keras.layers.Add(name=f"{name}_{level}_residual")([x, y])
        if layer_normalization:
            y = keras.layers.LayerNormalization(name=f"{name}_{level}_normalization")(y)
        x = y
    return x


class WeightDropout:
    """Mixed into a recurrent Keras layer: drops recurrent weights, once per batch, while training.

    Unlike `recurrent_dropout` it leaves the loop over time untouched, so the layer stays on
    whatever fast path it has.
    """

    def __init__(self, units, *, weight_dropout=0.0, **kwargs):
        super().__init__(units, **kwargs)
        self.weight_dropout = weight_dropout
        self.weight_seed = keras.random.SeedGenerator()

    def call(self, sequences, initial_state=None, mask=None, training=False):
        with _dropped(self, training):
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def get_config(self):
        return {**super().get_config(), "weight_dropout": self.weight_dropout}


@keras.saving.register_keras_serializable(package="rnnkit")
class LSTM(WeightDropout, keras.layers.LSTM):
    """Keras' LSTM (Hochreiter & Schmidhuber 1997) with dropout of recurrent weights, trained faster on a CPU.

    Attributes:
        xla: Compile the training loops with XLA: faster again, for a second or two per new shape.
    """

    xla = False

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not (training and self._has_fast_path(sequences)):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        real = tf.ones(tf.shape(sequences)[:2], tf.bool) if mask is None else mask
        if self.go_backwards:
            sequences, real = tf.reverse(sequences, [1]), tf.reverse(real, [1])
        cell = self.cell
        weights = [tf.convert_to_tensor(weight) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)]
        states, last, last_cell = fast_lstm.lstm(sequences, real, *initial_state, *weights, xla=self.xla)
        if mask is not None:
            # Keras gives zeros at masked steps, or only before the first real one.
            shown = tf.cast(real, states.dtype)
            shown = shown if self.zero_output_for_mask else tf.minimum(tf.cumsum(shown, axis=1), 1)
            states = states * shown[:, :, None]
        return states[:, -1], states, [last, last_cell]

    def _has_fast_path(self, sequences):
        cell = self.cell
        standard = cell.activation is keras.activations.tanh and cell.recurrent_activation is keras.activations.sigmoid
        plain = cell.use_bias and not (cell.dropout or cell.recurrent_dropout or self.unroll)
        on_cpu = not tf.config.list_logical_devices("GPU")
        return standard and plain and on_cpu and sequences.dtype == tf.float32 and self.compute_dtype == "float32"


@keras.saving.register_keras_serializable(package="rnnkit")
class GRU(WeightDropout, keras.layers.GRU):
    """Keras' GRU (Cho et al. 2014) with dropout of recurrent weights."""


@keras.saving.register_keras_serializable(package="rnnkit")
class SimpleRNN(WeightDropout, keras.layers.SimpleRNN):
    """Keras' SimpleRNN (Elman 1990) with dropout of recurrent weights."""


CELLS = {"lstm": LSTM, "gru": GRU, "simple": SimpleRNN}


@contextlib.contextmanager
def _dropped(layer, training):
    if not training or not layer.weight_dropout:
        yield
        return
    # Set through __dict__: an assignment would have Keras track the tensor as a weight.
    attributes = layer.cell.__dict__
    kernel = attributes["recurrent_kernel"]
    attributes["recurrent_kernel"] = keras.random.dropout(kernel, layer.weight_dropout, seed=layer.weight_seed)
    try:
        yield
    finally:
        attributes["recurrent_kernel"] = kernel
