"""rnnkit, driven: a text -> its first windows, in a file for the other side; seconds of training steps on them.

All of it runs in a process of its own, which keeps the model that is trained.
"""

import math
from collections.abc import Mapping

import numpy as np

_RUNNING = {}
"""What this process trains."""


def prepare(preset: str, settings: Mapping[str, object], steps: int, threads: int, path: str) -> dict:
    """Builds the recipe's model, and its batches: the first windows of the text, the same ones at each `train`.

    Args:
        preset: Of the recipe.
        settings: That win over it.
        steps: Gradient steps of a call.
        threads: Of TensorFlow.
        path: File to which the windows are written: `ids`, `targets (steps, batch, time)`.

    Returns:
        `parameters`, `threads`, and what both sides must have alike.
    """
    from rnnkit.quiet import import_tensorflow

    import_tensorflow()
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    from rnnkit import presets
    from rnnkit.progress import SILENT
    from rnnkit.recipes.language_model import RECIPE
    from rnnkit.training.fit import fit

    few = {"epochs": 2, "steps_per_epoch": 0, "patience": 1_000}
    chosen = presets.chosen(RECIPE, {"preset": preset, **settings, **few})
    splits = RECIPE.read(chosen.data, chosen.valid, chosen.test, chosen, lambda done, total: None)
    keras.utils.set_random_seed(chosen.seed)
    preparation = RECIPE.prepare(splits.train, chosen, SILENT)
    core = RECIPE.build(preparation.facts, chosen)
    train, valid = (FirstWindows(batches, steps) for batches in RECIPE.batches(preparation, splits, chosen, SILENT))
    model = RECIPE.trained(core, train, valid, chosen)
    objective = RECIPE.objective(preparation.facts, chosen)
    _RUNNING["epochs"] = lambda: fit(core, train, valid, objective, chosen, trained=model).epochs
    _RUNNING["counts"] = {"steps": len(train), "words": train.steps_in_all}
    np.savez(path, **train.arrays())
    same = ("units", "depth", "embedding_units", "learning_rate", "momentum", "clip_norm", "dropout")
    return {
        "parameters": sum(math.prod(weight.shape) for weight in core.trainable_variables),
        "threads": threads,
        "vocabulary": preparation.facts["vocabulary"],
        "settings": dict(settings),
        **{name: getattr(chosen, name) for name in same},
    }


def train() -> dict:
    """Trains two epochs by rnnkit's `fit`: the first traces and compiles, the second counts."""
    first, second = _RUNNING["epochs"]()
    told = {"seconds": second["seconds"], "first_seconds": first["seconds"], "loss": second["loss"]}
    return told | _RUNNING["counts"]


class FirstWindows:
    """The first windows of a text, for `fit`, as if they were all.

    Attributes:
        columns: Rows of a batch.
        steps_in_all: Tokens of them.
        rows_in_all: Counts for nothing.
    """

    def __init__(self, batches, count: int):
        self.batches, self.count = batches, min(count, len(batches))
        self.columns, self.rows_in_all = batches.columns, 1
        self.steps_in_all = int(sum(weights.sum() for _, _, weights in self._each()))

    def __len__(self):
        return self.count

    def _each(self):
        return (batch for _, batch in zip(range(self.count), self.batches.epoch(0), strict=False))

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns `ids` and `targets (steps, batch, time)`."""
        features = [features for features, _, _ in self._each()]
        names = {"ids": "ids", "targets": "target"}
        return {name: np.stack([each[own] for each in features]) for name, own in names.items()}

    def dataset(self, *, repeat: bool, start: int = 0):
        """Returns them once, or again and again."""
        made = self.batches.dataset(repeat=False).take(self.count)
        return (made.repeat() if repeat else made).skip(start)
