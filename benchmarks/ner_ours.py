"""rnnkit, driven: CoNLL-2003 -> a file for flair; seconds of training steps.

All of it runs in a process of its own, which keeps the model that is trained.
"""

import math
import os
import pathlib
from collections.abc import Mapping

from translate_ours import FirstBatches

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_RUNNING = {}
"""What this process trains."""


def write_for_flair(files: Mapping[str, str], path: str) -> None:
    """Writes the train sentences as flair reads them: a token and its BIO tag a line, a tab between.

    Args:
        files: Of CoNLL-2003, by the setting that names each.
        path: File to write to.
    """
    from rnnkit.tagging.reading import read_tagged
    from rnnkit.tagging.schemes import converted

    rows = read_tagged(files["data"], files["valid"], files["test"]).train
    sentences = (
        "".join(f"{token}\t{tag}\n" for token, tag in zip(tokens, converted(tags, "bioes", "bio"), strict=True))
        for tokens, tags in zip(rows.tokens, rows.tags, strict=True)
    )
    pathlib.Path(path).write_text("\n".join(sentences), encoding="utf-8")


def prepare(settings: Mapping[str, object], steps: int, threads: int) -> dict:
    """Builds the recipe's model, and its batches: the first of an epoch, the same ones at each call of `train`.

    Args:
        settings: Of the recipe.
        steps: Gradient steps of a call.
        threads: Of TensorFlow, within an op.
    """
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    from rnnkit.progress import SILENT
    from rnnkit.recipes.ner import RECIPE
    from rnnkit.settings import from_mapping
    from rnnkit.training.batches import Batches
    from rnnkit.training.fit import fit
    from rnnkit.training.store import encode

    chosen = from_mapping(RECIPE.settings, {**settings, "epochs": 2, "steps_per_epoch": steps, "patience": 1_000})
    splits = RECIPE.read(chosen.data, chosen.valid, chosen.test, chosen, lambda done, total: None)
    keras.utils.set_random_seed(chosen.seed)
    preparation = RECIPE.prepare(splits.train, chosen, SILENT)
    core = RECIPE.build(preparation.facts, chosen)
    train, valid = (encode(rows, preparation, RECIPE.target) for rows in (splits.train, splits.valid))
    first = FirstBatches(Batches(train, chosen.batch_size, chosen.token_budget, chosen.seed), steps)
    few = FirstBatches(Batches(valid, chosen.batch_size), 1)
    objective = RECIPE.objective(preparation.facts, chosen)
    _RUNNING["epochs"] = lambda: fit(core, first, few, objective, chosen).epochs
    _RUNNING["counts"] = first.counts()
    return {
        "parameters": sum(math.prod(weight.shape) for weight in core.trainable_variables),
        "vocabulary": preparation.facts["vocabulary"],
        "tags": preparation.facts["tags"],
        "sentences": len(splits.train),
        "threads": threads,
        "xla": chosen.xla,
        "settings": dict(settings),
    }


def train() -> dict:
    """Trains two epochs by rnnkit's `fit`: the first traces and compiles, the second counts."""
    first, second = _RUNNING["epochs"]()
    told = {"seconds": second["seconds"], "first_seconds": first["seconds"], "loss": second["loss"]}
    return told | _RUNNING["counts"]
