"""Optimisers and step-size schedules, from settings."""

import math

import keras

from rnnkit.settings import TrainingSettings


def optimizer(settings: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    """Returns the optimiser that the settings name.

    Args:
        settings: Names the optimiser, its schedule, clipping and averaging.
        steps: Gradient steps of the whole training, over which a schedule runs.
    """
    rate = schedule(settings, steps)
    shared = {"global_clipnorm": settings.clip_norm or None}
    if settings.average:
        shared |= {"use_ema": True, "ema_momentum": settings.average}
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=settings.momentum, **shared)
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, **shared)
    return keras.optimizers.Adam(rate, **shared)


def schedule(settings: TrainingSettings, steps: int):
    """Returns the step size as a number or as a function of the step.

    Warm-up rises in a line from 0 over its share of `steps`. `plateau` has no warm-up: its
    step size is changed between epochs by a callback.
    """
    if settings.schedule == "plateau":
        return settings.learning_rate
    warmup = math.ceil(settings.warmup * steps)
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else settings.learning_rate,
            max(steps - warmup, 1),
            warmup_target=settings.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if warmup:
        return keras.optimizers.schedules.PolynomialDecay(0.0, warmup, settings.learning_rate)
    return settings.learning_rate
