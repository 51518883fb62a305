"""Attention decoder: what an encoder remembers, and the units written so far -> logits of the unit that comes next.

One step, `DecoderStep`, serves teacher forcing, where `scan` runs it over the whole target, and search and streaming,
where `step` runs it once for each unit.
"""

import dataclasses
from typing import NamedTuple

import keras
import tensorflow as tf

from rnnkit.layers.attention import times
from rnnkit.layers.attention_balance import side_by_side, unevenness
from rnnkit.layers.cpu import choice
from rnnkit.layers.cpu.scan import Given, Products, scan
from rnnkit.layers.decoder_cells import CELLS, check_decoder_cell, forgetting
from rnnkit.layers.decoder_step import DecoderStep
from rnnkit.layers.embedding import PADDING, START, UNKNOWN

ATTENTIONS = ("bahdanau", "dot", "general", "concat")


class Opened(NamedTuple):
    """What stays the same from step to step, of `batch` sequences."""

    memory: tf.Tensor
    """`(batch, time, features)`, the encoder's outputs."""
    keys: tf.Tensor
    """`(batch, time, size)`, what a query is compared with."""
    real: tf.Tensor
    """`(batch, time)` float32, 1 where a step of the memory is real."""


@keras.saving.register_keras_serializable(package="rnnkit")
class AttentionDecoder(keras.layers.Layer):
    """Writes a sequence, looking at each step for what of another sequence matters now.

    `bahdanau` looks with the state before the step, and the cell reads what was found (Bahdanau, Cho & Bengio 2015,
    https://arxiv.org/abs/1409.0473). `dot`, `general` and `concat` look with the state after it (Luong, Pham & Manning
    2015, https://arxiv.org/abs/1508.04025), whose result the next step reads with `input_feeding`; without it the
    recurrence runs by itself, and attention for all steps at once.

    Args:
        vocabulary: Number of units that can be written.
        units: State size.
        cell: `lstm` or `gru`.
        depth: Recurrent levels.
        residual: Whether a level's input is added to its output, from the second on.
        attention: One of `ATTENTIONS`.
        attention_units: Size of the additive score's inner layer; None: `units`.
        input_feeding: See above; `bahdanau` reads what it finds in any case.
        coverage: Whether a step's score knows how much it was looked at before (Tu et al. 2016, section 3.1.1 with a
            plain sum, https://arxiv.org/abs/1601.04811).
        tied: Whether logits are scalar products with the table of the inputs (Press & Wolf 2017,
            https://arxiv.org/abs/1608.05859); the output layer then has the size of its vectors, else `units`.
        dropout: Share of the inputs', the outputs' and the lower levels' features dropped.
        variational_dropout: Share of the inputs' and the states' features dropped, the same at every step
            (Gal & Ghahramani 2016, https://arxiv.org/abs/1512.05287).
        word_dropout: Share of the teacher's units read as unknown.
        scheduled_sampling: Share of the teacher's units replaced by what the model itself would write, by a first
            pass without a gradient (Duckworth et al. 2019, https://arxiv.org/abs/1906.04331).
        balance: Weight of `attention_balance.unevenness`, a loss that is added while training; not with `coverage`.

    Call arguments:
        given: `memory (batch, time, features)`; `ids (batch, time)` of the source, 0 where it is padded; `target
            (batch, steps)`, the units to be written, 0 after the last; `table (vocabulary, width)`, their vectors.

    Returns:
        Logits `(batch, steps, vocabulary)`; those of a step depend on the target's earlier units alone.

    Raises:
        ValueError: An unknown cell or attention, or `dot` where the memory has another size than the state.
    """

    def __init__(
        self,
        vocabulary,
        units,
        *,
        cell="lstm",
        depth=1,
        residual=False,
        attention="bahdanau",
        attention_units=None,
        input_feeding=False,
        coverage=False,
        tied=True,
        dropout=0.0,
        variational_dropout=0.0,
        word_dropout=0.0,
        scheduled_sampling=0.0,
        balance=0.0,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        check_decoder_cell(cell)
        check_attention(attention)
        self.vocabulary, self.units, self.attention_units = vocabulary, units, attention_units or units
        self.way = DecoderStep(cell, depth, residual, attention, input_feeding, coverage)
        self.tied, self.dropout, self.variational_dropout = tied, dropout, variational_dropout
        self.word_dropout, self.scheduled_sampling, self.balance = word_dropout, scheduled_sampling, balance
        self.seed = keras.random.SeedGenerator()
        # What is padded is told by the ids; a mask that comes with the memory is taken and not used.
        self.supports_masking = True
        # Past Keras, which would track it: functions compiled for this layer are no part of it.
        self.__dict__["functions"] = {}

    def build(self, shapes):
        memory, _, _, table = shapes
        self.features, self.width = memory[-1], table[-1]
        self.output_units = self.width if self.tied else self.units
        way, add, units = self.way, self.add_weight, self.units
        if way.attention == "dot" and self.features != units:
            raise ValueError(
                f"attention dot compares the decoder's state with what the encoder remembers, and they must have one "
                f"size. Got {units} and {self.features}. Give the decoder {self.features} units, or take general."
            )
        cell = CELLS[way.cell]
        below = self.features if way.looks_first else self.output_units if way.input_feeding else 0
        self.kernel = add(shape=(self.width, cell.gates * units), name="kernel")
        self.biases, self.recurrent_biases, self.matrices, self.starts = [], [], {}, {}
        for level in range(way.depth):
            bias = {"shape": (cell.gates * units,), "initializer": "zeros"}
            self.biases.append(add(**{**bias, "initializer": forgetting(way.cell)}, name=f"bias_{level}"))
            if way.cell == "gru":
                self.recurrent_biases.append(add(**bias, name=f"recurrent_bias_{level}"))
            for place, size in enumerate(cell.matrices(units, units if level else below)):
                name = f"matrix_{level}_{place}"
                self.matrices[name] = add(shape=size, name=name)
            for name in way.names(level):
                self.starts[name] = add(shape=(self.features, units), name=f"start_{name}")
        if way.attention != "dot":
            self.key_kernel = add(shape=(self.features, self.attention_units if way.additive else units), name="keys")
        if way.additive:
            self.query_kernel = add(shape=(units, self.attention_units), name="query_kernel")
            self.score = add(shape=(self.attention_units, 1), name="score")
        if way.coverage:
            size = self.attention_units if way.additive else 1
            self.coverage_kernel = add(shape=(size,), name="coverage_kernel", initializer="zeros")
        inner = units + self.features + (self.width if way.looks_first else 0)
        self.output_kernel = add(shape=(inner, self.output_units), name="output_kernel")
        self.output_bias = add(shape=(self.output_units,), name="output_bias", initializer="zeros")
        if not self.tied:
            self.logits_kernel = add(shape=(self.output_units, self.vocabulary), name="logits_kernel")
        self.logits_bias = add(shape=(self.vocabulary,), name="logits_bias", initializer="zeros")

    def call(self, given, training=False):
        memory, ids, target, table = given
        opened = self.open(memory, ids)
        before = tf.concat([tf.fill([tf.shape(target)[0], 1], START), tf.cast(target, tf.int32)[:, :-1]], 1)
        if training and self.scheduled_sampling:
            written = tf.argmax(self._taught(opened, before, table, False), -1, output_type=tf.int32)
            written = tf.concat([before[:, :1], tf.stop_gradient(written)[:, :-1]], 1)
            before = tf.where(self._drawn(before, self.scheduled_sampling) & (before != PADDING), written, before)
        if training and self.word_dropout:
            before = tf.where(self._drawn(before, self.word_dropout) & (before > START), UNKNOWN, before)
        real = tf.cast(target != PADDING, tf.float32) if training and self.balance else None
        return self._taught(opened, before, table, training, real)

    def compute_mask(self, given, previous=None):
        return None

    def compute_output_spec(self, given, training=False):
        return keras.KerasTensor((*given[2].shape, self.vocabulary), "float32")

    def open(self, memory, ids) -> Opened:
        """Gives what all steps share, of memories `(batch, time, features)` whose ids are 0 where they are padded."""
        memory = tf.cast(memory, tf.float32)
        keys = memory if self.way.attention == "dot" else times(memory, self.key_kernel)
        return Opened(memory, keys, tf.cast(tf.cast(ids, tf.int32) != PADDING, tf.float32))

    @property
    def state_sizes(self) -> dict[str, int | None]:
        """Features of each state; None for as many as the memory has steps."""
        sizes = dict.fromkeys(self.starts, self.units)
        if self.way.looks_in_loop:
            sizes["found"] = self.output_units if self.way.emits_in_loop else self.features
        return sizes | ({"covered": None} if self.way.coverage else {})

    def first_states(self, opened: Opened) -> dict[str, tf.Tensor]:
        """Gives the states before the first step, `(batch, …)` each, from the mean of the memory's real steps."""
        shares = opened.real / tf.maximum(tf.reduce_sum(opened.real, 1, keepdims=True), 1)
        mean = tf.squeeze(tf.matmul(shares[:, None], opened.memory), 1)
        states = {name: tf.tanh(tf.matmul(mean, start)) for name, start in self.starts.items()}
        nothing = tf.zeros_like(opened.real)
        for name, size in self.state_sizes.items():
            if name not in states:
                states[name] = nothing if size is None else nothing[:, :1] * tf.zeros([1, size])
        return states

    def step(self, opened: Opened, ids, states, table):
        """Reads one unit and scores the next.

        Args:
            opened: Of `batch` sequences.
            ids: `(rows,)`, the unit before; rows of one sequence lie together, as many for each.
            states: Name -> `(rows, …)`.
            table: `(vocabulary, width)`.

        Returns:
            Logits `(rows, vocabulary)`, the states after, and the weights `(rows, time)` of what was looked at.
        """
        vectors = tf.gather(table, ids)
        inputs = {"x": tf.matmul(vectors, self.kernel) + self.biases[0]}
        shared = *self._shared(opened), self._products(opened)
        states, weights = self.way.look_and_advance(inputs, states, *shared)
        features, looked = self._emit(states, vectors, opened, *shared)
        return self._logits(features, table), states, looked if weights is None else weights

    def _taught(self, opened, before, table, training, real=None):
        """Gives the logits of all steps, the unit before each given: `(batch, steps, vocabulary)`."""
        batch, steps = tf.shape(before)[0], tf.shape(before)[1]
        share = self.dropout if training else 0
        vectors = tf.gather(table, before)
        if training and self.variational_dropout:
            vectors *= self._kept([batch, 1, self.width], self.variational_dropout)
        vectors = self._dropped(vectors, share)
        inputs = {"x": tf.transpose(times(vectors, self.kernel) + self.biases[0], [1, 0, 2])}
        fixed, constant = self._shared(opened)
        products = self._products(opened)
        masks = self._masks(batch) if training else {}
        given = Given(inputs, self.first_states(opened), products.weights, products.memories, fixed, constant | masks)
        loop = choice.chosen("auto", training=training, batch=before.shape[0], time=before.shape[1], units=self.units)
        after = scan(self.way.advance, given, xla=loop in ("xla", "halves"), functions=self.functions)
        # The steps of a sequence side by side: where attention is not in the loop, they are its rows.
        rows = {name: side_by_side(each) for name, each in after.items() if name != "covered"}
        features, _ = self._emit(rows, tf.reshape(vectors, [-1, self.width]), opened, fixed, constant, products)
        if real is not None:
            self.add_loss(self.balance * unevenness(self.way, after, given, real, products))
        logits = self._logits(self._dropped(features, share), table)
        return tf.reshape(logits, [batch, steps, self.vocabulary])

    def _emit(self, states, vectors, opened, fixed, constant, products):
        """Gives the features `(rows, output units)` by which units are scored, and weights where none were before."""
        if self.way.emits_in_loop:
            return states["found"], None
        top, weights = self.way.top(states), None
        if self.way.looks_in_loop:
            found = states["found"]
        else:
            found, weights = self.way.look(top, None, fixed, constant, products)
        inner = tf.concat([top, found, *([vectors] if self.way.looks_first else [])], 1)
        return tf.tanh(tf.matmul(inner, self.output_kernel) + self.output_bias), weights

    def _logits(self, features, table):
        if self.tied:
            return tf.matmul(features, tf.cast(table, tf.float32), transpose_b=True) + self.logits_bias
        return tf.matmul(features, self.logits_kernel) + self.logits_bias

    def _products(self, opened):
        weights = {name: tf.convert_to_tensor(matrix) for name, matrix in self.matrices.items()}
        memories = {"memory": opened.memory}
        if self.way.additive:
            weights["query_kernel"] = tf.convert_to_tensor(self.query_kernel)
        else:
            memories["keys"] = opened.keys
        if self.way.emits_in_loop:
            weights["output_kernel"] = tf.convert_to_tensor(self.output_kernel)
        return Products(weights, memories)

    def _shared(self, opened):
        """Gives what every step sees, with and without a gradient."""
        fixed = {f"bias_{level}": bias for level, bias in enumerate(self.biases) if level}
        fixed |= {f"recurrent_bias_{level}": bias for level, bias in enumerate(self.recurrent_biases)}
        if self.way.additive:
            fixed |= {"keys": opened.keys, "score": tf.squeeze(tf.convert_to_tensor(self.score), 1)}
        if self.way.coverage:
            fixed["coverage_kernel"] = self.coverage_kernel
        if self.way.emits_in_loop:
            fixed["output_bias"] = self.output_bias
        return {name: tf.convert_to_tensor(each) for name, each in fixed.items()}, {"real": opened.real}

    def _masks(self, batch):
        """Draws which features rows drop at every step."""
        shares = {f"kept_{level}": self.variational_dropout for level in range(self.way.depth)}
        shares |= {f"between_{level}": self.dropout for level in range(1, self.way.depth)}
        return {name: self._kept([batch, self.units], share) for name, share in shares.items() if share}

    def _kept(self, shape, share):
        """Draws 0 for what is dropped, and else what keeps the mean."""
        return tf.where(keras.random.uniform(shape, seed=self.seed) < share, 0.0, 1 / (1 - share))

    def _drawn(self, like, share):
        return keras.random.uniform(tf.shape(like), seed=self.seed) < share

    def _dropped(self, x, share):
        return keras.random.dropout(x, share, seed=self.seed) if share else x

    def get_config(self):
        names = ("vocabulary", "units", "attention_units", "tied", "dropout", "variational_dropout", "word_dropout")
        own = {name: getattr(self, name) for name in (*names, "scheduled_sampling")}
        return {**super().get_config(), **dataclasses.asdict(self.way), **own, "balance": self.balance}


def check_attention(attention: str) -> None:
    """Raises ValueError for an attention that a decoder can't have."""
    if attention not in ATTENTIONS:
        raise ValueError(f"attention must be one of {', '.join(ATTENTIONS)}. Got {attention!r}.")
