"""Scoring while training and after: valid as it is really written -> BLEU; the given truth -> loss of each piece."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import answer
from rnnkit.decoding import greedy
from rnnkit.layers.embedding import END, START
from rnnkit.metrics.translations import score_translations
from rnnkit.recipe import Preparation, Reported
from rnnkit.training.callbacks import Score
from rnnkit.training.pair_batches import PairBatches, encode_pairs, pair_encoder
from rnnkit.training.writing_objective import writing
from rnnkit.writing.batches import VALIDATION_ROWS
from rnnkit.writing.writer import limits, writer_of


def score_on_valid(preparation: Preparation, core: keras.Model, valid, settings) -> Score | None:
    """Returns BLEU of what is written greedily for validation pairs, spread evenly; None where the loss counts."""
    if settings.keep_by == "loss":
        return None
    writer = writer_of(preparation, core, settings)
    places = np.unique(np.linspace(0, len(valid) - 1, min(settings.scored_pairs, len(valid))).astype(int))
    rows = [row for chunk in valid.chunks() for row in zip(chunk["text"], chunk[valid.target], strict=True)]
    texts, truth = zip(*(rows[place] for place in places), strict=True)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def written(text):
        # Not writer.read, which may refuse: a long text is cut here.
        ids = writer.source(text)
        opened, states = writer.apart.begin(ids)
        how = {"batch": tf.shape(ids)[0], "start": START, "end": END, "controls": writer.controls}
        found = greedy(writer.apart.shared_step, states, steps=limits(ids), shared=opened, **how)
        return {"translation": writer.target.join(found.ids[:, 0])}

    def bleu(core):
        del core  # The writer's own, whose weights it has.
        answers = answer(lambda text: written(text), {"text": list(texts)})["translation"]
        return score_translations([text.decode() for text in answers], truth)["bleu"]

    return Score("bleu", bleu)


def unit_losses(told: Reported) -> dict[str, dict[str, float]]:
    """Returns `token_loss`, in nats, and `perplexity` of the pieces of valid and test, each given those before it."""
    batches, encoded = {}, pair_encoder(told.preparation)
    for split in ("valid", "test"):
        rows = getattr(told.splits, split)
        batches[split] = PairBatches(encode_pairs(rows, encoded), min(VALIDATION_ROWS, len(rows)))
    return losses_on(told.core, batches)


def losses_on(core: keras.Model, splits: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Returns `token_loss` and `perplexity` of a core on the batches of each split, as `unit_losses` says."""
    losses, sums = {}, _sums(core)
    for split, batches in splits.items():
        parts = np.array([[float(part) for part in sums(*batch)] for batch in batches.dataset(repeat=False)])
        loss = float(np.divide(*parts.sum(0)))
        losses[split] = {"token_loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    return losses


def _sums(core):
    per_row = writing().valid

    @tf.function(reduce_retracing=True, autograph=False)
    def sums(features, targets, weights):
        return tf.reduce_sum(per_row(targets, core(features, training=False)) * weights), tf.reduce_sum(weights)

    return sums
