"""Optimisers and step-size schedules, from settings."""

import math
from collections.abc import Sequence

import keras

from rnnkit.settings import TrainingSettings
from rnnkit.training.layerwise import LayerwiseAdam, LayerwiseAdamW, LayerwiseSGD

PLAIN = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
LAYERWISE = {"sgd": LayerwiseSGD, "adam": LayerwiseAdam, "adamw": LayerwiseAdamW}


def optimizer(
    settings: TrainingSettings, steps: int, rates: Sequence[tuple[float, int]] | None = None
) -> keras.optimizers.Optimizer:
    """Returns the optimiser that the settings name.

    Args:
        settings: Names the optimiser, its schedule, clipping and averaging.
        steps: Gradient steps of the whole training, over which a schedule runs.
        rates: Factor of the step size, and first step, for each of the model's trainable variables,
            as `freezing.layer_rates` gives them; None: all alike.
    """
    rate = schedule(settings, steps)
    shared = {"global_clipnorm": settings.clip_norm or None}
    if settings.average:
        shared |= {"use_ema": True, "ema_momentum": settings.average}
    if settings.optimizer == "sgd":
        shared["momentum"] = settings.momentum
    if settings.optimizer == "adamw":
        shared["weight_decay"] = settings.weight_decay
    if rates is None:
        return PLAIN[settings.optimizer](rate, **shared)
    return LAYERWISE[settings.optimizer](rate, rates=rates, **shared)


def schedule(settings: TrainingSettings, steps: int):
    """Returns the step size as a number or as a function of the step.

    Warm-up rises in a line from 0 over its share of `steps`. `plateau` has no warm-up: its
    step size is changed between epochs by a callback.
    """
    if settings.schedule == "plateau":
        return settings.learning_rate
    warmup = min(math.ceil(settings.warmup * steps), steps - 1)
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
