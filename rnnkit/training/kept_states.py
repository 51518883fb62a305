"""Kept states: where a batch ended -> where the next begins; those of training and of validation apart."""

from collections.abc import Mapping

import keras
import tensorflow as tf

SIDES = ("train", "valid")


class KeptStates:
    """States that go on from one batch to the next, kept in a model's weights.

    Attributes:
        kept: Side, `train` or `valid` -> name -> weight `(rows, size)`.

    Args:
        model: Whose weights they are; they are not trained.
        sizes: Sizes of the states by name.
        rows: Rows of a batch, in training and in validation.
    """

    def __init__(self, model: keras.Model, sizes: Mapping[str, int], rows: tuple[int, int]):
        self.kept = {
            side: {
                name: model.add_weight((count, size), "zeros", trainable=False, name=f"{side}_{name}", dtype="float32")
                for name, size in sizes.items()
            }
            for side, count in zip(SIDES, rows, strict=True)
        }

    def before(self, begin, training: bool) -> dict[str, tf.Tensor]:
        """Returns the states `(batch, size)` before a batch, 0 in the rows whose `begin (batch,)` is 1."""
        going_on = 1 - begin[:, None]
        return {name: state * going_on for name, state in self._side(training).items()}

    def keep(self, after: Mapping[str, tf.Tensor], training: bool) -> None:
        """Keeps the states after a batch; gradients end there."""
        for name, state in self._side(training).items():
            state.assign(tf.stop_gradient(after[name]))

    def _side(self, training):
        return self.kept[SIDES[0] if training else SIDES[1]]
