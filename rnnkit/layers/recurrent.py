"""Recurrent layers: Keras' LSTM, GRU and SimpleRNN, the same in value and in file, faster on a CPU."""

import contextlib

import keras
import tensorflow as tf

from rnnkit.layers.cpu import choice, driver, gru, lstm, simple


class FastRecurrence:
    """Mixed into a recurrent layer of Keras: replaces the loop over time where it has a faster one.

    Values, weights and files are those of the Keras layer. What the fast loops don't know, such as
    other activations or `recurrent_dropout`, is left to Keras; so is a GPU, which has cuDNN.

    Args:
        units: Size of the state.
        arguments, further: Those of the Keras layer.
        weight_dropout: Share of the recurrent weights dropped, once per batch, while training
            (Merity et al. 2017, https://arxiv.org/abs/1708.02182).
        loop: One of `rnnkit.layers.cpu.choice.LOOPS`, which says what they are; `auto` chooses by size.
        checkpoint_every: Keep the states of only every so many steps for the gradient, and compute the
            others again: less memory for long sequences, about a third more time.
        truncate_every: Cut the gradient after every so many steps (truncated back-propagation through
            time, Williams & Peng 1990); the state goes on. A multiple of `checkpoint_every`.

    Raises:
        ValueError: A value out of range, or a forced loop, checkpoints or truncation asked of a cell
            that only Keras' loop can run.
    """

    def __init__(
        self,
        units,
        *arguments,
        weight_dropout=0.0,
        loop="auto",
        checkpoint_every=None,
        truncate_every=None,
        **further,
    ):
        super().__init__(units, *arguments, **further)
        if not 0 <= weight_dropout < 1:
            raise ValueError(f"weight_dropout must be from 0 to 1 (1 excluded). Got {weight_dropout}.")
        self.weight_dropout = weight_dropout
        self.weight_seed = keras.random.SeedGenerator()
        self.loop = choice.known(loop)
        self.checkpoint_every, self.truncate_every = checkpoint_every, truncate_every
        self._check()

    def _check(self):
        for name in ("checkpoint_every", "truncate_every"):
            steps = getattr(self, name)
            if steps is not None and steps < 1:
                raise ValueError(f"{name} must be at least 1, or None. Got {steps}.")
        if self.checkpoint_every and self.truncate_every and self.truncate_every % self.checkpoint_every:
            raise ValueError(
                f"truncate_every must be a multiple of checkpoint_every. "
                f"Got {self.truncate_every} and {self.checkpoint_every}."
            )
        wanted = [
            *(f"loop={self.loop!r}" for _ in range(self.loop not in ("auto", "keras"))),
            *(
                f"{name}={getattr(self, name)}"
                for name in ("checkpoint_every", "truncate_every")
                if getattr(self, name)
            ),
        ]
        if wanted and self._steps() is None:
            raise ValueError(
                f"{wanted[0]} needs a cell with a fast loop: {self.known_cells}, without recurrent_dropout "
                f"and unroll. Leave it out, or change the cell; {self.name!r} has {self._described()}."
            )

    def _described(self):
        names = ("activation", "recurrent_activation", "reset_after", "recurrent_dropout", "unroll")
        values = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return ", ".join(f"{name}={getattr(value, '__name__', value)}" for name, value in values.items())

    def call(self, sequences, initial_state=None, mask=None, training=False):
        with _dropped(self, training):
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        steps = self._steps()
        loop = "keras"
        if steps:
            batch, time = sequences.shape[:2]
            # Pieces of a fixed length are compiled once, however long the sequences are.
            time = self.checkpoint_every or self.truncate_every or time
            loop = choice.chosen(self.loop, training=training, batch=batch, time=time, units=self.cell.units)
            if loop == "keras" and (self.checkpoint_every or self.truncate_every):
                loop = "plain"
        if loop == "keras":
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        if training and self.cell.dropout:
            sequences = sequences * self.cell.get_dropout_mask(sequences[:, 0])[:, None]
        if self.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        outputs, states = driver.run(
            steps,
            tf.cast(sequences, tf.float32),
            mask,
            [tf.cast(state, tf.float32) for state in initial_state],
            *self._weights(),
            every=self.return_sequences,
            training=training,
            xla=loop in ("xla", "halves"),
            parts=choice.PARTS[loop],
            checkpoint_every=self.checkpoint_every,
            truncate_every=self.truncate_every,
        )
        return *self._shown(outputs, states[0], mask), states

    def _shown(self, outputs, last, mask):
        """Puts zeros where Keras has them: at masked steps, or only at those before the first real one."""
        if mask is None:
            return last, last[:, None] if outputs is None else outputs
        if outputs is None:
            real = mask[:, -1:] if self.zero_output_for_mask else tf.reduce_any(mask, 1, keepdims=True)
            last = last * tf.cast(real, last.dtype)
            return last, last[:, None]
        shown = tf.cast(mask, outputs.dtype)
        if not self.zero_output_for_mask:
            shown = tf.minimum(tf.cumsum(shown, axis=1), 1)
        outputs = outputs * shown[:, :, None]
        return outputs[:, -1], outputs

    def _weights(self):
        """Gives kernel, bias and the list of the cell's other weights, in float32."""
        cell = self.cell
        kernel, recurrent_kernel = tf.cast(cell.kernel, tf.float32), tf.cast(cell.recurrent_kernel, tf.float32)
        bias = tf.cast(cell.bias, tf.float32) if cell.use_bias else tf.zeros([kernel.shape[1]])
        return kernel, bias, [recurrent_kernel]

    def _steps(self):
        """Gives the fast steps of this layer's cell, or None."""
        cell = self.cell
        # Per-gate masks of dropout are Keras' own (`implementation=1`).
        several_masks = cell.recurrent_dropout or (cell.dropout and getattr(cell, "implementation", 2) == 1)
        return None if several_masks or self.unroll else self._steps_of_cell(cell)

    def get_config(self):
        # Only what was set: with none of it, the Keras layer reads the configuration too.
        extras = {"weight_dropout": 0.0, "loop": "auto", "checkpoint_every": None, "truncate_every": None}
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name, usual in extras.items() if getattr(self, name) != usual},
        }


@keras.saving.register_keras_serializable(package="rnnkit")
class LSTM(FastRecurrence, keras.layers.LSTM):
    """Keras' LSTM (Hochreiter & Schmidhuber 1997), faster on a CPU; see `FastRecurrence` for what it adds."""

    known_cells = "activation tanh and recurrent_activation sigmoid"

    def _steps_of_cell(self, cell):
        return lstm.LSTM if _gates_are_standard(cell) else None


@keras.saving.register_keras_serializable(package="rnnkit")
class GRU(FastRecurrence, keras.layers.GRU):
    """Keras' GRU (Cho et al. 2014), faster on a CPU; see `FastRecurrence` for what it adds."""

    known_cells = "activation tanh, recurrent_activation sigmoid and reset_after"

    def _steps_of_cell(self, cell):
        return gru.GRU if _gates_are_standard(cell) and cell.reset_after else None

    def _weights(self):
        kernel, bias, weights = super()._weights()
        inputs, recurrent = tf.unstack(bias) if self.cell.use_bias else (bias, bias)
        return kernel, inputs, [*weights, recurrent]


@keras.saving.register_keras_serializable(package="rnnkit")
class SimpleRNN(FastRecurrence, keras.layers.SimpleRNN):
    """Keras' SimpleRNN (Elman 1990), faster on a CPU; see `FastRecurrence` for what it adds.

    With activation relu and the identity as recurrent start it is the IRNN (Le et al. 2015,
    https://arxiv.org/abs/1504.00941).
    """

    known_cells = "activation tanh or relu"

    def _steps_of_cell(self, cell):
        return {keras.activations.tanh: simple.TANH, keras.activations.relu: simple.RELU}.get(cell.activation)


def _gates_are_standard(cell):
    return cell.activation is keras.activations.tanh and cell.recurrent_activation is keras.activations.sigmoid


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
