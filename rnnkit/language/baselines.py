"""Baselines of a language model: ids of the train split -> single tokens, and n-grams, on those of test."""

from collections.abc import Mapping

import numpy as np

from rnnkit.language.preparing import encode_passages
from rnnkit.language.scoring import judge_passages, sums_of
from rnnkit.language.units import units_of
from rnnkit.metrics.ngram_models import KneserNey, Unigram
from rnnkit.progress import SILENT, Reporter

ORDERS = {"character": 7}
ORDER = 5
MOST = 20_000_000
"""Tokens of train that n-grams are counted in; of longer texts the first."""


def score_language_baselines(
    splits, preparation, settings, reporter: Reporter = SILENT
) -> dict[str, Mapping[str, Mapping[str, float]]]:
    """Scores the baselines on the test split; as `Recipe.baselines` says.

    Returns:
        `unigram`, how often each token is in train, and `kneser_ney`, n-grams of up to `ngram_order` tokens: name ->
        `{"test": scores}`, scores as from `judge_passages`.
    """
    units = units_of(preparation.features)
    train, test = (encode_passages(rows.chunks(), units) for rows in (splits.train, splits.test))
    order = settings.ngram_order or ORDERS.get(settings.tokens, ORDER)
    ids = train.ids(0, min(len(train), MOST))
    if len(ids) < len(train):
        reporter.say(f"note: the baselines learn from the first {len(ids):,} of {len(train):,} train tokens.")
    with reporter.task("baselines", total=order * len(ids), unit="tokens") as advance:
        models = {
            "unigram": Unigram(ids, units.size),
            "kneser_ney": KneserNey(ids, units.size, order=order, advance=advance),
        }
        truth, scores = splits.test.truth(), {}
        for name, model in models.items():
            nats = -np.asarray(model.log_probabilities(test.ids()))
            scores[name] = {"test": judge_passages(sums_of(test, nats), truth, (), settings)}
    return scores
