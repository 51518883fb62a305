"""Scoring: pictures as they are really captioned -> CIDEr-D, BLEU and others; or classes -> accuracy and others."""

import keras
import numpy as np
import tensorflow as tf

from rnnkit.captioning.captioner import captioner_of
from rnnkit.captioning.settings import LABEL
from rnnkit.decoding import greedy
from rnnkit.layers.embedding import END, START
from rnnkit.metrics.caption_baselines import score_caption_baselines
from rnnkit.metrics.captions import score_captions
from rnnkit.metrics.classification import score_labels
from rnnkit.metrics.image_label_baselines import score_image_label_baselines
from rnnkit.recipe import Preparation
from rnnkit.training.callbacks import Score


def judge_captions(answers, truth, labels, settings) -> dict[str, float]:
    """Scores captions against all references of their pictures, or classes; as `Recipe.judge` says."""
    if settings.answer == LABEL:
        return judge_labels(answers, truth, labels)
    return score_captions([text.decode("utf-8", "replace") for text in answers["caption"]], truth)


def judge_labels(answers, truth, labels) -> dict[str, float]:
    """Scores classes, one true label a picture; one that train doesn't have is never told rightly."""
    known = {label: number for number, label in enumerate(labels)}
    numbers = np.array([known.get(texts[0], len(labels)) for texts in truth])
    probability, classes = answers["probability"], len(labels)
    if numbers.max(initial=0) == classes:
        probability, classes = np.pad(probability, [(0, 0), (0, 1)]), classes + 1
    return score_labels(numbers, probability, classes)


def score_baselines(splits, preparation, settings, reporter):
    """Scores the baselines of what is answered; as `Recipe.baselines` says."""
    score = score_image_label_baselines if settings.answer == LABEL else score_caption_baselines
    return score(splits, preparation, settings, reporter)


def score_on_valid(preparation: Preparation, core: keras.Model, valid, settings) -> Score | None:
    """Returns a score of what is written greedily for valid pictures, spread evenly; None where the loss counts."""
    if settings.keep_by == "loss" or settings.answer == LABEL:
        return None
    captioner = captioner_of(preparation, core, settings)
    places = np.unique(np.linspace(0, len(valid) - 1, min(settings.scored_pairs, len(valid))).astype(int))
    kept, start = [], 0
    inspected = tf.function(
        captioner.decode.inspected, autograph=False, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    for chunk in valid.chunks():
        size = len(chunk[valid.target])
        here = places[(places >= start) & (places < start + size)] - start
        if len(here):
            kept.append(inspected(tf.constant([chunk["image"][place] for place in here]))[0].numpy())
        start += size
    pixels, references = np.concatenate(kept), [valid.captions[place] for place in places]
    apart, search = captioner.apart, captioner.search

    @tf.function(input_signature=[search.reads], autograph=False)
    def written(pixels):
        opened, states = apart.begin(pixels)
        steps = tf.fill(tf.shape(pixels)[:1], captioner.target.length)
        how = {"batch": tf.shape(pixels)[0], "start": START, "end": END, "controls": captioner.controls}
        found = greedy(apart.shared_step, states, steps=steps, shared=opened, **how)
        return captioner.target.join(found.ids[:, 0])

    def score(core):
        del core  # The captioner's own, whose weights it has.
        parts = [written(pixels[start : start + 64]).numpy() for start in range(0, len(pixels), 64)]
        captions = [text.decode("utf-8", "replace") for text in np.concatenate(parts)]
        return score_captions(captions, references)[settings.keep_by]

    return Score(settings.keep_by, score)
