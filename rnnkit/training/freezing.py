"""Freezing: which layers of a core are trained, from which step on, and how fast."""

import math
from collections.abc import Iterable, Mapping

import keras

from rnnkit.messages import did_you_mean, listed
from rnnkit.settings import Settings, TransferSettings
from rnnkit.training.stages import layers_of_stages, stages


def freeze(core: keras.Model, groups: Mapping[str, Iterable[str]], names: str) -> tuple[str, ...]:
    """Keeps the weights of some layers as they are while the others are trained.

    Args:
        core: Changed in place.
        groups: Name of a part -> starts of the names of its layers.
        names: Names of parts, or of layers, joined by commas; empty: none.

    Returns:
        A line on what is frozen.

    Raises:
        ValueError: A name is neither a part nor a layer, or nothing is left to be trained.
    """
    wanted = frozen_names(names)
    if not wanted:
        return ()
    layers = {layer.name: layer for layer in (*layers_of_stages(core), *core.layers) if layer.weights}
    parts = {part: [name for name in layers if name.startswith(tuple(starts))] for part, starts in groups.items()}
    parts = {part: found for part, found in parts.items() if found}
    for name in wanted:
        if name not in parts and name not in layers:
            raise ValueError(
                f"There is no part or layer {name!r} to freeze. {did_you_mean(name, (*parts, *layers))}"
                f"Parts: {listed(parts)}. Layers: {listed(layers)}."
            )
        for layer in parts.get(name, [name]):
            layers[layer].trainable = False
    if not core.trainable_weights:
        raise ValueError(
            f"--freeze {','.join(wanted)} leaves nothing to be trained. Leave out one of {listed(wanted)}."
        )
    trained = sum(math.prod(weight.shape) for weight in core.trainable_weights)
    return (f"frozen: {', '.join(wanted)}; {trained:,} of {core.count_params():,} weights are trained.",)


def frozen_names(names: str) -> list[str]:
    """Returns the names in the setting `freeze`, each once."""
    return list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))


def layer_rates(core: keras.Model, settings: Settings, steps: int) -> list[tuple[float, int]] | None:
    """Says how fast, and from which step on, each weight is trained.

    The layers are grouped as `stages` says. The last stage has the full step size, each earlier
    one `layer_decay` times the next one's (discriminative fine-tuning), and the stage `k` before
    the last is trained from `k * unfreeze_every` epochs on (gradual unfreezing): Howard & Ruder
    (2018), sections 3.2 and 3.3, https://aclanthology.org/P18-1031, with a decay of 1 / 2.6 and
    one epoch each. Frozen layers are no stage.

    Args:
        core: Frozen as it is to be trained.
        settings: `unfreeze_every` and `layer_decay`, if any, and `epochs`.
        steps: Gradient steps in an epoch.

    Returns:
        Factor and first step for each of `core.trainable_variables`, in their order; None where
        all are trained alike.

    Raises:
        ValueError: A stage would never be trained.
    """
    if not isinstance(settings, TransferSettings):
        return None
    decay, every = settings.layer_decay, settings.unfreeze_every
    if decay == 1 and not every:
        return None
    grouped = stages(core)
    if every and (len(grouped) - 1) * every >= settings.epochs:
        raise ValueError(
            f"unfreeze_every must be below {settings.epochs / (len(grouped) - 1):.4g}, so that all {len(grouped)} "
            f"stages of this model are trained within {settings.epochs} epochs. Got {every:g}. "
            "Lower it, raise --epochs, or hold layers with --freeze."
        )
    rates = {
        id(weight): (decay**back, round(back * every * steps))
        for back, layers in enumerate(reversed(grouped))
        for layer in layers
        for weight in layer.trainable_weights
    }
    return [rates[id(weight)] for weight in core.trainable_variables]
