"""Preparing: rolls need nothing learnt -> the models that read them, and their sizes; a child has its parent's."""

from rnnkit.polyphony.features import roll_features, roll_target
from rnnkit.polyphony.rolls import Rolls
from rnnkit.recipe import Parent, Preparation


def prepare_rolls(train: Rolls, settings, reporter) -> Preparation:
    """Takes the sizes from the settings.

    Args:
        train: Rows.
        settings: Of `RollSourceSettings`.
        reporter: Not used.
    """
    pitches = settings.highest - settings.lowest + 1
    facts = {"pitches": pitches, "lowest": settings.lowest, "frame": settings.frame}
    features = roll_features(pitches, settings.lowest, settings.frame)
    return Preparation(features, roll_target(pitches), facts, ("frames",))


def grow_rolls(parent: Parent, train: Rolls, settings, reporter) -> Preparation:
    """Goes on with a parent's: pitches and frames stay."""
    return prepare_rolls(train, settings, reporter)
