"""LSTM variants: inputs -> all projected in one matmul -> loop over time (normalised, zoned out, coupled) -> states."""

import inspect

import keras
from keras import ops

# Keras exports its loop over time only inside keras.layers.RNN, which would project the inputs step by step.
from keras.src.backend import rnn as loop_over_time


class Cell(keras.layers.Layer):
    """Base: a cell that is saved by its `units` and keyword-only arguments, which are its attributes too."""

    def settings(self):
        """Returns the arguments that made this cell."""
        return saved(self, "units", *keywords_of(type(self)))

    def get_config(self):
        return {**super().get_config(), **self.settings()}


@keras.saving.register_keras_serializable(package="rnnkit")
class VariantLSTMCell(Cell):
    """One step of an LSTM with any of its published variants.

    ```
    a      = LN(W x) + LN(U h) + b                      gates in the order i, f, g, o
    i, f   = sigmoid(a_i + p_i c), sigmoid(a_f + p_f c)
    c~     = f c + i tanh(a_g)
    h~     = sigmoid(a_o + p_o c~) tanh(LN(c~))
    c', h' = d_c c + (1 - d_c) c~,  d_h h + (1 - d_h) h~
    ```
    LN is there with `layer_normalization`, p with `peephole`; d is 1 or 0 by chance while training,
    else the chance itself. With everything off it is `keras.layers.LSTMCell`, weight by weight.

    Args:
        units: Size of the state.
        layer_normalization: Normalise W x, U h and the cell before its tanh, with gains and, for
            the cell, shifts (Ba et al. 2016, supplement eq. 20-22, https://arxiv.org/abs/1607.06450).
            The shifts of W x and U h are left out: they would only add to the bias.
        zoneout: Chance of a unit of the state to stay as it was (Krueger et al. 2017, eq. 5,
            https://arxiv.org/abs/1606.01305).
        cell_zoneout: The same for the cell.
        peephole: Let i and f see the cell before the step, and o the one after it (Gers &
            Schmidhuber 2000). These weights start at 0.
        coupled: Forget what is written over: f = 1 - i (Greff et al. 2017,
            https://arxiv.org/abs/1503.04069). The gates are then i, g, o.
        unit_forget_bias: Start the forget gate's bias at 1; with `coupled`, the input gate's
            at -1, which is the same.
        seed: Of zoneout.

    Call arguments:
        inputs: `(batch, features)`.
        states: State and cell, each `(batch, units)`.
        training: Whether zoneout draws; where a cell runs alone, the only thing that training changes.
    """

    def __init__(
        self,
        units,
        *,
        layer_normalization=False,
        zoneout=0.0,
        cell_zoneout=0.0,
        peephole=False,
        coupled=False,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        unit_forget_bias=True,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = check_units("units", units)
        self.state_size, self.output_size = [units, units], units
        self.zoneout, self.cell_zoneout = check_share("zoneout", zoneout), check_share("cell_zoneout", cell_zoneout)
        self.layer_normalization, self.peephole, self.coupled = layer_normalization, peephole, coupled
        start, penalty = keras.initializers.get, keras.regularizers.get
        self.kernel_initializer, self.kernel_regularizer = start(kernel_initializer), penalty(kernel_regularizer)
        self.recurrent_initializer = start(recurrent_initializer)
        self.recurrent_regularizer = penalty(recurrent_regularizer)
        self.bias_initializer, self.bias_regularizer = start(bias_initializer), penalty(bias_regularizer)
        self.unit_forget_bias = unit_forget_bias
        self.seed, self.seeds = seed, keras.random.SeedGenerator(seed)

    def build(self, shape):
        gates = (3 if self.coupled else 4) * self.units
        self.kernel = self.add_weight(
            (shape[-1], gates), self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, gates),
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            name="recurrent_kernel",
        )
        start = self._forgetting_little if self.unit_forget_bias else self.bias_initializer
        self.bias = self.add_weight((gates,), start, regularizer=self.bias_regularizer, name="bias")
        if self.layer_normalization:
            self.kernel_gain = self.add_weight((gates,), "ones", name="kernel_gain")
            self.recurrent_gain = self.add_weight((gates,), "ones", name="recurrent_gain")
            self.cell_gain = self.add_weight((self.units,), "ones", name="cell_gain")
            self.cell_shift = self.add_weight((self.units,), "zeros", name="cell_shift")
        if self.peephole:
            rows = 2 if self.coupled else 3
            self.peepholes = self.add_weight((rows, self.units), "zeros", name="peepholes")

    def _forgetting_little(self, shape, dtype=None):
        if self.coupled:
            start = [-ops.ones((self.units,), dtype)]
        else:
            start = [self.bias_initializer((self.units,), dtype=dtype), ops.ones((self.units,), dtype)]
        return ops.concatenate([*start, self.bias_initializer((2 * self.units,), dtype=dtype)])

    def call(self, inputs, states, training=False):
        kept = self.kept(ops.shape(inputs)[:1]) if training else (self.zoneout, self.cell_zoneout)
        return self.step(self.project(inputs), states, recurrent_kernel=self.recurrent_kernel, kept=kept)

    def project(self, inputs):
        """Returns the share of the inputs `(…, features)` in the gates, with the bias: `(…, gates)`."""
        # Not matmul: with three axes on the left, TensorFlow multiplies row by row.
        projected = ops.tensordot(inputs, self.kernel, axes=1)
        if self.layer_normalization:
            projected = _normalised(projected) * self.kernel_gain
        return projected + self.bias

    def kept(self, shape):
        """Draws which units of state and cell zoneout keeps: 1 or 0, `(*shape, units)` each, or 0.0 for none."""
        return [self._drawn(share, (*shape, self.units)) for share in (self.zoneout, self.cell_zoneout)]

    def _drawn(self, share, shape):
        if not share:
            return 0.0
        return ops.cast(keras.random.uniform(shape, dtype="float32", seed=self.seeds) < share, self.compute_dtype)

    def step(self, projected, states, *, recurrent_kernel, kept, scale=None):
        """Does a step from inputs already projected: `(batch, gates)`, from `project`.

        Args:
            recurrent_kernel: The cell's, or what a dropout has left of it.
            kept: Shares of the old state and cell in the new ones: numbers or `(batch, units)`.
            scale: `(batch, units)`, how much the recurrent kernel sees of the state; None for 1.
        """
        h, c = states
        recurrent = ops.matmul(h if scale is None else h * scale, recurrent_kernel)
        if self.layer_normalization:
            recurrent = _normalised(recurrent) * self.recurrent_gain
        *to_write, candidate, to_output = ops.split(projected + recurrent, 3 if self.coupled else 4, axis=-1)
        if self.peephole:
            to_write = [gate + c * self.peepholes[row] for row, gate in enumerate(to_write)]
        i = ops.sigmoid(to_write[0])
        f = 1 - i if self.coupled else ops.sigmoid(to_write[1])
        new_c = f * c + i * ops.tanh(candidate)
        if self.peephole:
            to_output = to_output + new_c * self.peepholes[-1]
        shown = _normalised(new_c) * self.cell_gain + self.cell_shift if self.layer_normalization else new_c
        new_h = ops.sigmoid(to_output) * ops.tanh(shown)
        h, c = _mixed(h, new_h, kept[0]), _mixed(c, new_c, kept[1])
        return h, [h, c]


def _normalised(x):
    # In float32: the square of a float16 overflows at 256.
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    mean, variance = ops.moments(wide, axes=-1, keepdims=True)
    return ops.cast((wide - mean) * ops.rsqrt(variance + 1e-5), x.dtype)


def _mixed(old, new, kept):
    # Not new + kept * (old - new), which misses the old by a rounding where it is kept.
    return new if isinstance(kept, float) and kept == 0 else kept * old + (1 - kept) * new


class LayerOfCell(keras.layers.RNN):
    """Base: a recurrent layer that takes its own cell's arguments beside those of `keras.layers.RNN`."""

    cell_type = None

    def __init__(self, units, **kwargs):
        settings = {name: kwargs.pop(name) for name in keywords_of(self.cell_type) if name in kwargs}
        shared = {name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs}
        super().__init__(self.cell_type(units, name="cell", **settings, **shared), **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def get_config(self):
        config = {**super().get_config(), **self.cell.settings()}
        del config["cell"]
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="rnnkit")
class VariantLSTM(LayerOfCell):
    """An LSTM with any of its published variants and regularisers, over a whole sequence.

    The equations are those of `VariantLSTMCell`; all inputs are projected in one matmul before
    the loop. A masked step carries state and cell as they are, whatever zoneout draws.

    Args:
        units: Size of the state.
        variational_dropout: Share of the input features dropped while training, for a row the
            same ones at all steps (Gal & Ghahramani 2016, https://arxiv.org/abs/1512.05287). Unlike
            there, and as in Keras, all gates see the same.
        recurrent_variational_dropout: The same for what the recurrent kernel sees of the state.
        weight_dropout: Share of the recurrent weights dropped once per batch while training
            (Merity et al. 2017, https://arxiv.org/abs/1708.02182).
        seed: Of all that is drawn.
        **kwargs: The keywords of `VariantLSTMCell`, and those of `keras.layers.RNN`:
            return_sequences, return_state, go_backwards, stateful and so on.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: State and cell, each `(batch, units)`; zeros by default.
        mask: `(batch, time)`, True where a step is real.
        training: Whether anything is dropped or zoned out.
    """

    cell_type = VariantLSTMCell

    def __init__(
        self, units, *, variational_dropout=0.0, recurrent_variational_dropout=0.0, weight_dropout=0.0, **kwargs
    ):
        super().__init__(units, **kwargs)
        self.variational_dropout = check_share("variational_dropout", variational_dropout)
        self.recurrent_variational_dropout = check_share("recurrent_variational_dropout", recurrent_variational_dropout)
        self.weight_dropout = check_share("weight_dropout", weight_dropout)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        cell = self.cell
        kernel, scale, kept = ops.convert_to_tensor(cell.recurrent_kernel), None, (cell.zoneout, cell.cell_zoneout)
        if training:
            rows = (ops.shape(sequences)[0], 1, sequences.shape[-1])
            sequences = self._dropped(sequences, self.variational_dropout, noise_shape=rows)
            kernel = self._dropped(kernel, self.weight_dropout)
            if self.recurrent_variational_dropout:
                scale = self._dropped(ops.ones_like(initial_state[0]), self.recurrent_variational_dropout)
            kept = cell.kept(ops.shape(sequences)[:2])
        projected = cell.project(sequences)
        # Zoneout is drawn for all steps before the loop: inside, each step would have to wait for the seed.
        drawn = [share for share in kept if not isinstance(share, float)]
        gates = projected.shape[-1]

        def step(inputs, states):
            shares = iter(ops.split(inputs[:, gates:], len(drawn), axis=-1) if drawn else ())
            now = [share if isinstance(share, float) else next(shares) for share in kept]
            return cell.step(inputs[:, :gates], states, recurrent_kernel=kernel, kept=now, scale=scale)

        return loop_over_time(
            step,
            ops.concatenate([projected, *drawn], axis=-1) if drawn else projected,
            initial_state,
            go_backwards=self.go_backwards,
            mask=mask[0] if isinstance(mask, (list, tuple)) else mask,
            unroll=self.unroll,
            input_length=sequences.shape[1],
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )

    def _dropped(self, x, share, **shape):
        return keras.random.dropout(x, share, seed=self.cell.seeds, **shape) if share else x

    def get_config(self):
        names = ("variational_dropout", "recurrent_variational_dropout", "weight_dropout")
        return {**super().get_config(), **saved(self, *names)}


def keywords_of(kind) -> list[str]:
    """Lists the keyword-only arguments of a class."""
    parameters = inspect.signature(kind).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def saved(layer, *names) -> dict:
    """Returns the attributes of these names as a Keras config holds them."""
    return {name: keras.saving.serialize_keras_object(getattr(layer, name)) for name in names}


def check_units(name: str, units: int) -> int:
    """Returns the number of units, or raises ValueError unless it is at least 1."""
    if units < 1:
        raise ValueError(f"{name} must be at least 1. Got {units}.")
    return units


def check_share(name: str, share: float) -> float:
    """Returns the share, or raises ValueError unless it is from 0 to below 1."""
    if not 0 <= share < 1:
        raise ValueError(f"{name} must be from 0 to 1 (1 excluded). Got {share}.")
    return float(share)
