"""Search: what an encoder reads, texts or pictures -> ids of the pieces written; and single steps, as served."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls, Decoded, beam_search, greedy, sample
from rnnkit.layers.attention_decoder import Opened
from rnnkit.layers.embedding import END, START

SAMPLING = (
    tf.TensorSpec([], tf.float32, name="temperature"),
    tf.TensorSpec([], tf.int32, name="top_k"),
    tf.TensorSpec([], tf.float32, name="top_p"),
    tf.TensorSpec([2], tf.int32, name="seed"),
)


@dataclasses.dataclass(frozen=True)
class Search:
    """A core in parts, and how it is searched.

    Attributes:
        apart: `begin(read) -> (Opened, states)`, `shared_step`, `step` and `decoder`, as of `encoder_decoder.Apart`.
        reads: Spec of what `begin` takes, `(batch, …)`.
        controls: What the search favours.
        width: Of the beam.
    """

    apart: Any
    reads: tf.TensorSpec
    controls: Controls
    width: int

    def decoded(self, read, steps, *, width=None, best=1, prefix=None) -> Decoded:
        """Searches what is to be written for what was read, at most `steps (batch,)` pieces."""
        width = self.width if width is None else width
        if isinstance(width, int) and width == best == 1:
            opened, states = self.apart.begin(read)
            return greedy(self.apart.shared_step, states, prefix=prefix, shared=opened, **self._how(steps))
        prefix = tf.zeros([tf.shape(steps)[0], 0], tf.int32) if prefix is None else prefix
        return self._searched(read, steps, tf.convert_to_tensor(width), tf.convert_to_tensor(best), prefix)

    @functools.cached_property
    def _searched(self) -> Callable:
        """Beam search, traced once for all signatures that ask for it: most of a bundle's writing is tracing."""
        row, steps, scalar = (tf.TensorSpec(shape, tf.int32) for shape in ([None, None], [None], []))

        @tf.function(input_signature=[self.reads, steps, scalar, scalar, row], autograph=False)
        def searched(read, steps, width, best, prefix):
            opened, states = self.apart.begin(read)
            how = {"width": width, "best": best, "prefix": prefix, "shared": opened, **self._how(steps)}
            return beam_search(self.apart.shared_step, states, **how)

        return searched

    def sampled(self, read, steps, temperature, top_k, top_p, seed) -> Decoded:
        """Draws by chance what is to be written, as `rnnkit.decoding.sample` says."""
        opened, states = self.apart.begin(read)
        chance = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        return sample(self.apart.shared_step, states, shared=opened, **chance, **self._how(steps))

    def _how(self, steps):
        return {"batch": tf.shape(steps)[0], "steps": steps, "start": START, "end": END, "controls": self.controls}

    def begun(self, read, steps) -> dict[str, tf.Tensor]:
        """Returns what a caller who goes step by step begins with: what was opened, the states, ids and `most`."""
        opened, states = self.apart.begin(read)
        return {**opened._asdict(), **states, "ids": tf.fill(tf.shape(steps), START), "most": steps}

    def step(self) -> Signature:
        """Returns one step: an id, what was opened and the states -> `log_probability`, `weights` and the states."""
        decoder, floats = self.apart.decoder, {}
        keys = decoder.features if decoder.way.attention == "dot" else decoder.key_kernel.shape[1]
        for name, size in {"memory": decoder.features, "keys": keys}.items():
            floats[name] = [None, None, size]
        floats |= {"real": [None, None]} | {name: [None, size] for name, size in decoder.state_sizes.items()}
        ids = tf.TensorSpec([None], tf.int32, name="ids")
        return Signature(self._step, (ids, *(tf.TensorSpec(shape, tf.float32, name) for name, shape in floats.items())))

    def _step(self, ids, memory, keys, real, *states):
        states = dict(zip(self.apart.decoder.state_sizes, states, strict=True))
        logits, states, weights = self.apart.step(Opened(memory, keys, real))(ids, states, tf.constant(0))
        return {"log_probability": tf.nn.log_softmax(logits), "weights": weights, **states}


def finite(scores):
    """Returns scores with the least number in the place of -inf, of hypotheses that a short limit left out."""
    return tf.where(tf.math.is_inf(scores), tf.fill(tf.shape(scores), scores.dtype.min), scores)
