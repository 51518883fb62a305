"""Prepared: some rows and the recipe -> its preparation, the lengths before any are cut, and the rows encoded."""

import dataclasses

import numpy as np
import tensorflow as tf

from rnnkit.checking.lengths import Lengths
from rnnkit.checking.some_rows import SomeRows
from rnnkit.progress import SILENT, Reporter
from rnnkit.training import store

SAMPLE = 4_096
"""Rows that the recipe prepares here, at most."""
LONG = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What the recipe makes of some rows.

    Attributes:
        rows: The rows.
        preparation: Learnt on them, with no cut if there is one to be lifted.
        lengths: Of the inputs, before the cut.
        store: The rows encoded, and cut.
        characters: Of a row, on average.
        longer: How much longer a row of the whole split is, on average, than one of these.
    """

    rows: SomeRows
    preparation: object
    lengths: Lengths
    store: store.Store
    characters: float = 0.0
    longer: float = 1.0

    def scaled(self, characters: float) -> "Prepared":
        """Returns this as it would be for rows of so many characters on average, where these are only the first."""
        if self.rows.spread or not self.characters or not characters:
            return self
        ratio = characters / self.characters
        steps = np.maximum(np.rint(self.lengths.steps * ratio), 1).astype(int)
        read = [np.minimum(s, self.lengths.cut or LONG).mean() for s in (steps, self.lengths.steps)]
        return dataclasses.replace(
            self, lengths=dataclasses.replace(self.lengths, steps=steps), longer=read[0] / read[1]
        )


def prepare(recipe, settings, rows, reporter: Reporter = SILENT) -> Prepared:
    """Has the recipe prepare some of `rows` and counts the steps of each.

    Raises:
        ValueError, LookupError, OSError: As the recipe's own preparation.
    """
    some = SomeRows(rows, SAMPLE)
    cut = getattr(settings, "length", 0)
    if cut:
        field = next(field for field in dataclasses.fields(settings) if field.name == "length")
        longest = field.metadata.get("at_most") or LONG
        settings = dataclasses.replace(settings, length=longest)
    preparation = recipe.prepare(some, settings, reporter)
    ids = preparation.sequences[0]
    # An empty input has the steps that stand before any, such as a start token.
    inputs = [tensor.name for tensor in preparation.features.inputs]
    of_texts = all(tensor.dtype == "string" for tensor in preparation.features.inputs)
    empty = {name: tf.constant([""]) for name in inputs}
    before = int(_real(preparation.features(empty)[ids])[0]) if cut and of_texts else 0
    steps, characters = [], 0

    def chunks():
        nonlocal characters
        features = tf.function(lambda columns: preparation.features(columns), reduce_retracing=True)
        for chunk in some.chunks():
            characters += sum(len(text) for name in inputs for text in chunk[name]) if of_texts else 0
            encoded = features({name: tf.constant(chunk[name]) for name in inputs})
            encoded = {name: tensor.numpy() for name, tensor in encoded.items()}
            steps.append(_real(encoded[ids]) - before)
            if cut:
                encoded |= {name: encoded[name][:, : cut + before] for name in preparation.sequences}
            yield encoded, preparation.target(tf.constant(chunk[recipe.target])).numpy()

    with reporter.task("encoding some rows"):
        stored = store.write(chunks(), preparation.sequences)
    lengths = Lengths(np.concatenate(steps), "steps", cut)
    return Prepared(some, preparation, lengths, stored, characters / len(some))


def _real(ids):
    return np.count_nonzero(np.asarray(ids), axis=1)
