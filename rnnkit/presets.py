"""Presets: settings that a recipe ships under a name; what is given beside them wins."""

from collections.abc import Mapping

import yaml

from rnnkit.messages import did_you_mean, listed
from rnnkit.recipe import Recipe
from rnnkit.settings import Settings, from_mapping


def chosen(recipe: Recipe, given: Mapping[str, object]) -> Settings:
    """Returns the recipe's settings: those given, else those of the preset that is among them, else the defaults.

    Raises:
        LookupError: There is no such preset or setting.
        ValueError: A value is of the wrong type or out of range.
    """
    return from_mapping(recipe.settings, {**values_of(recipe, str(given.get("preset", ""))), **given})


def values_of(recipe: Recipe, preset: str) -> dict[str, object]:
    """Returns the settings of a preset, its name among them; none of the preset ''.

    Raises:
        LookupError: There is no such preset.
    """
    if not preset:
        return {}
    if preset not in recipe.presets:
        known = f"It has {listed(recipe.presets)}." if recipe.presets else "It has none."
        raise LookupError(
            f"The recipe {recipe.name!r} has no preset {preset!r}. {did_you_mean(preset, recipe.presets)}{known}"
        )
    return {**yaml.safe_load(recipe.presets[preset]), "preset": preset}
