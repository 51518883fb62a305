"""Scoring: what events cost -> nats an event, beside chance, single events and Markov chains of the same events."""

import math
from collections.abc import Mapping

import numpy as np

from rnnkit.language.preparing import encode_passages
from rnnkit.language.scoring import sums_of
from rnnkit.language.units import units_of
from rnnkit.metrics.ngram_models import KneserNey, Unigram
from rnnkit.progress import SILENT, Reporter


def judge_tunes(answers: Mapping[str, np.ndarray], truth: np.ndarray, labels, settings) -> dict[str, float]:
    """Scores what events cost.

    Args:
        answers: `nats`, `tokens` and `unknown`, `(tunes,)`.
        truth, labels, settings: Not used.

    Returns:
        `event_loss`, nats an event, the end of a tune among them; `perplexity` of an event; `tune_loss`, nats a tune;
        `unknown`, share of events that train never has, which are paid for as one and the same.
    """
    nats, events = float(answers["nats"].sum()), float(answers["tokens"].sum())
    loss = nats / max(events, 1)
    return {
        "event_loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "tune_loss": nats / max(len(answers["nats"]), 1),
        "unknown": float(answers["unknown"].sum()) / max(events, 1),
    }


def score_music_baselines(
    splits, preparation, settings, reporter: Reporter = SILENT
) -> dict[str, Mapping[str, Mapping[str, float]]]:
    """Scores the baselines on the test split; as `Recipe.baselines` says.

    Returns:
        `uniform`, all events equally probable; `unigram`, as often as in train; `bigram` and `markov_3`, or what
        `ngram_order` makes of it, Markov chains with interpolated modified Kneser-Ney: name -> `{"test": scores}`.
    """
    units = units_of(preparation.features)
    train, test = (encode_passages(rows.chunks(), units) for rows in (splits.train, splits.test))
    ids, order = train.ids(), settings.ngram_order
    models = {"unigram": Unigram(ids, units.size), "bigram": KneserNey(ids, units.size, order=2)}
    with reporter.task("baselines", total=order * len(ids), unit="events") as advance:
        models[f"markov_{order - 1}"] = KneserNey(ids, units.size, order=order, advance=advance)
    # Padding, and a start that stands nowhere, are never drawn.
    found = {"uniform": np.full(len(test), math.log(units.size - 2))}
    found |= {name: -np.asarray(model.log_probabilities(test.ids())) for name, model in models.items()}
    return {
        name: {"test": judge_tunes(sums_of(test, nats), splits.test.truth(), (), settings)}
        for name, nats in found.items()
    }
