"""Scoring: what a tagger answers, beside the truth; while it is trained, on valid."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import answer
from rnnkit.features.tags import OUTSIDE, entity_tags
from rnnkit.features.token_texts import joined_tokens
from rnnkit.metrics.entities import score_entities, score_tags
from rnnkit.recipe import Preparation
from rnnkit.tagger.preparing import names_of
from rnnkit.tagger.serving import tagger_of
from rnnkit.tagging.schemes import spans, to_tags
from rnnkit.training.callbacks import Score


def predicted_tags(answers: Mapping[str, np.ndarray], truth: Sequence[Sequence[str]], labels: Sequence[str]):
    """Returns the tags of each sentence, as many as the truth has; those of entities in BIOES, as the truth is.

    Args:
        answers: `tag (rows, time)` as bytes.
        truth: Tags of each sentence.
        labels: The model's tags, in order; tokens that were not read get the first, O or the most frequent one.
    """
    tags = [[tag.decode("utf-8", "replace") for tag in row if tag] for row in answers["tag"]]
    tags = [own + [labels[0]] * (len(true) - len(own)) for own, true in zip(tags, truth, strict=True)]
    return [to_tags(spans(own), len(own), "bioes") for own in tags] if are_entities(labels) else tags


def score_answers(answers: Mapping[str, np.ndarray], truth, labels: Sequence[str]) -> dict[str, float]:
    """Scores answers by entity F1, or, where tags stand alone, by their accuracy.

    Args:
        answers, truth, labels: As for `predicted_tags`.
    """
    found = predicted_tags(answers, truth, labels)
    return score_entities(found, truth) if are_entities(labels) else score_tags(found, truth)


def are_entities(tags: Sequence[str]) -> bool:
    """Says whether tags are those of entities, as `entity_tags` orders them."""
    return tags[0] == OUTSIDE and list(tags) == entity_tags(names_of(tags, True))


def score_on_valid(preparation: Preparation, core: keras.Model, valid, settings) -> Score | None:
    """Returns the score of valid as it is really tagged; None where the loss counts."""
    if settings.keep_by == "loss":
        return None
    tagger, truth = tagger_of(preparation, core, settings), valid.truth()
    texts = joined_tokens(valid.tokens)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def tagged(text):
        return {"tag": tagger.tags_of(text)}

    name = "entity_f1" if tagger.entities else "accuracy"

    def score(core):
        del core  # The tagger's own, whose weights it has.
        return score_answers(answer(lambda text: tagged(text), {"text": texts}), truth, tagger.tags)[name]

    return Score(name, score)
