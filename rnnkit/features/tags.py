"""Tags: names of the tags of each token -> their numbers, in the graph, in an order that tells their scheme."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.features.token_texts import BETWEEN

OUTSIDE, KINDS = "O", "BIES"
"""No entity; and the places in one: the beginning, inside, the end, and a single token."""


def entity_tags(labels: Sequence[str]) -> list[str]:
    """Returns all tags of entities: O, and B-, I-, E-, S- of one label after the other."""
    return [OUTSIDE, *(f"{kind}-{label}" for label in labels for kind in KINDS)]


def entity_labels(tags: Sequence[str]) -> list[str]:
    """Returns the labels of such tags, in order."""
    return [tag[2:] for tag in tags[1 :: len(KINDS)]]


def entity_moves(count: int) -> np.ndarray:
    """Says which of so many tags, in the order of `entity_tags`, may follow which.

    Returns:
        `(count + 1, count + 1)` booleans for `rnnkit.layers.CRF`, the last row and column for beginning and end.

    Raises:
        ValueError: Tags of entities can't be so many.
    """
    labels, rest = divmod(count - 1, len(KINDS))
    if rest or labels < 0:
        raise ValueError(f"Entities have one tag and four for each label, such as 5 or 17. Got {count}.")
    kinds = np.array([-1, *np.tile(np.arange(len(KINDS)), labels)])
    labels = np.array([-1, *np.repeat(np.arange(labels), len(KINDS))])
    opens, closes = np.isin(kinds, (0, 1)), np.isin(kinds, (1, 2))
    # After B and I there is I or E of the same label; after all others what stands in no entity begun before.
    allowed = np.where(opens[:, None], closes[None] & (labels[:, None] == labels[None]), ~closes[None])
    return np.block([[allowed, ~opens[:, None]], [~closes[None], np.ones((1, 1), bool)]])


def tag_numbers(tags: Sequence[str]) -> keras.Model:
    """Returns a model from tags `(batch,) string`, cut at `BETWEEN`, to `(batch, time) int32`, from 1; 0 is padding.

    Args:
        tags: The names in the order of their numbers. One that isn't among them becomes the first: what train
            never had can't be learnt.
    """
    text = keras.Input((), dtype="string", name="tags")
    return keras.Model(text, TagNumbers(tags, name="numbers")(text), name="target")


@keras.saving.register_keras_serializable(package="rnnkit")
class TagNumbers(keras.layers.Layer):
    """Splits and looks up; see `tag_numbers`."""

    def __init__(self, tags, **kwargs):
        super().__init__(**kwargs)
        self.tags = list(tags)
        self.lookup = keras.layers.StringLookup(
            vocabulary=["", *self.tags], mask_token="", oov_token=self.tags[0], name="lookup"
        )
        self.built = True

    def call(self, text):
        names = tf.strings.split(tf.strings.regex_replace(text, f"{BETWEEN}$", ""), BETWEEN).to_tensor("")
        return tf.cast(self.lookup(names), tf.int32)

    def compute_output_spec(self, text):
        return keras.KerasTensor((text.shape[0], None), "int32")

    def get_config(self):
        return {**super().get_config(), "tags": self.tags}
