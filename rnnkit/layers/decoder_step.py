"""A decoder's step: cells and attention, on tensors by name, for `scan` as for search."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from rnnkit.layers.cpu.scan import Products, grouped
from rnnkit.layers.decoder_cells import CELLS

NEVER = -1e9
"""Added to the score of a step that isn't real."""


@dataclasses.dataclass(frozen=True)
class DecoderStep:
    """What happens at a step, by the names of the tensors it uses.

    States: `h_LEVEL`, and `c_LEVEL` of an LSTM; `found`, what attention found or made, where the next step reads it or
    it is found in the loop; `covered` `(rows, time)`, how much each step of the memory was looked at so far.

    Attributes:
        cell, depth, residual, attention, input_feeding, coverage: As in `AttentionDecoder`.
    """

    cell: str
    depth: int
    residual: bool
    attention: str
    input_feeding: bool
    coverage: bool

    @property
    def looks_first(self) -> bool:
        """Whether attention comes before the cell."""
        return self.attention == "bahdanau"

    @property
    def additive(self) -> bool:
        """Whether a query is compared with keys by a small network, and not by a product."""
        return self.attention in ("bahdanau", "concat")

    @property
    def looks_in_loop(self) -> bool:
        """Whether a step needs what attention gave the one before, or itself."""
        return self.looks_first or self.input_feeding or self.coverage

    @property
    def emits_in_loop(self) -> bool:
        """Whether a step reads the output of the one before."""
        return self.input_feeding and not self.looks_first

    def names(self, level: int) -> list[str]:
        """Names the states of a level."""
        return [f"{kind}_{level}" for kind in "hc"[: CELLS[self.cell].states]]

    def advance(self, inputs, states, fixed, constant, products: Products) -> dict[str, tf.Tensor]:
        """Gives the states after a step whose projected input is `inputs["x"]`, `(rows, gates * units)`."""
        return self.look_and_advance(inputs, states, fixed, constant, products)[0]

    def look_and_advance(self, inputs, states, fixed, constant, products):
        """Gives the states after a step, and the weights of attention where it is in the loop, else None."""
        now, weights, below = {}, None, None
        if self.looks_first:
            below, weights = self.look(self.top(states), states.get("covered"), fixed, constant, products)
            now["found"] = below
        elif self.input_feeding:
            below = states["found"]
        now |= self._cells(inputs["x"], below, states, fixed, constant, products)
        if self.looks_in_loop and not self.looks_first:
            top = self.top(now)
            found, weights = self.look(top, states.get("covered"), fixed, constant, products)
            inner = tf.concat([top, found], 1)
            if self.emits_in_loop:
                found = tf.tanh(products.times(inner, "output_kernel") + fixed["output_bias"])
            now["found"] = found
        if self.coverage:
            now["covered"] = states["covered"] + weights
        return now, weights

    def top(self, states: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Gives the output of the highest level; with `residual` each adds to the one below."""
        if not self.residual:
            return states[f"h_{self.depth - 1}"]
        return tf.add_n([states[f"h_{level}"] for level in range(self.depth)])

    def _cells(self, x, below, states, fixed, constant, products):
        cell, now, output = CELLS[self.cell], {}, None
        for level in range(self.depth):
            if level:
                x, below = fixed[f"bias_{level}"], output * constant.get(f"between_{level}", 1.0)
            before = [states[name] for name in self.names(level)]
            # Rows have dropped the same features at every step.
            read = [before[0] * constant.get(f"kept_{level}", 1.0), *before[1:]]
            after = cell.step(
                x,
                below,
                read,
                lambda value, place, level=level: products.times(value, f"matrix_{level}_{place}"),
                fixed.get(f"recurrent_bias_{level}", 0.0),
            )
            now |= dict(zip(self.names(level), after, strict=True))
            output = after[0] if output is None or not self.residual else after[0] + output
        return now

    def look(self, query, covered, fixed, constant, products):
        """Looks up what matters for a query `(rows, units)`: contexts `(rows, features)`, weights `(rows, time)`."""
        real = constant["real"]
        if self.additive:
            inner = grouped(products.times(query, "query_kernel"), real)[:, :, None] + fixed["keys"][:, None]
            if covered is not None:
                inner += tf.expand_dims(grouped(covered, real), -1) * fixed["coverage_kernel"]
            scores = tf.reduce_sum(tf.tanh(inner) * fixed["score"], -1)
        else:
            scores = grouped(products.fit(query, "keys"), real)
            if covered is not None:
                scores += grouped(covered, real) * fixed["coverage_kernel"]
        weights = tf.nn.softmax(scores + (1 - real[:, None]) * NEVER)
        weights = tf.reshape(weights, tf.concat([tf.shape(query)[:1], tf.shape(weights)[2:]], 0))
        return products.mean(weights, "memory"), weights
