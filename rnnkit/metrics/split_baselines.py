"""Baselines of a text recipe: raw splits -> majority, TF-IDF with logistic regression, and NB-SVM on the test rows."""

import numpy as np

from rnnkit.features.texts import FITTED_TEXT, Texts, sampled
from rnnkit.metrics.text_baselines import LabelledTexts, text_baselines
from rnnkit.progress import Reporter
from rnnkit.sources import Splits


def score_baselines(
    splits: Splits, preparation, settings, reporter: Reporter
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores the baselines on the test split, learnt on the train split; as `Recipe.baselines` says."""
    train, valid = (
        _labelled(list(sampled(rows, limit)))
        for rows, limit in ((splits.train, FITTED_TEXT), (splits.valid, FITTED_TEXT // 4))
    )
    test = LabelledTexts(Texts(splits.test), splits.test.codes)
    if len(train.labels) < len(splits.train):
        reporter.say(f"note: the baselines learn from {len(train.labels):,} of {len(splits.train):,} train rows.")
    with reporter.task("baselines", total=3) as advance:
        done = iter(range(3))
        return text_baselines(
            train,
            valid,
            test,
            classes=len(preparation.labels),
            seed=settings.seed,
            progress=lambda name: advance(next(done), name),
        )


def _labelled(chunks):
    texts, numbers = zip(*chunks, strict=True)
    return LabelledTexts([text for chunk in texts for text in chunk], np.concatenate(numbers))
