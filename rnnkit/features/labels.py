"""Labels: class names <-> class numbers, in the graph."""

from collections.abc import Sequence

import keras
import numpy as np


def label_lookup(names: list[str]) -> keras.Model:
    """Returns a model `label (batch,) string -> class (batch,) int32`.

    Args:
        names: The classes' names in the order of their numbers.

    The model raises on a name that isn't there.
    """
    lookup = keras.layers.StringLookup(vocabulary=names, num_oov_indices=0, output_mode="int", name="lookup")
    label = keras.Input((), dtype="string", name="label")
    return keras.Model(label, keras.ops.cast(lookup(label), "int32"), name="target")


def label_names(target: keras.Model) -> list[str]:
    """Returns the names that `label_lookup` was made with, in order."""
    return [str(name) for name in target.get_layer("lookup").get_vocabulary()]


def class_numbers(labels: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Returns the number of each label, outside the graph.

    Raises:
        KeyError: A label is not among `names`.
    """
    numbers = {name: number for number, name in enumerate(names)}
    return np.asarray([numbers[label] for label in labels])
