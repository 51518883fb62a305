"""Fine-tuning: a bundle and own rows -> a child that goes on from its weights and its preparation."""

import dataclasses
from collections.abc import Mapping

from rnnkit import bundle as bundles
from rnnkit import catalog, running
from rnnkit.parts import load_parts
from rnnkit.progress import SILENT, Reporter
from rnnkit.recipe import Parent, Recipe
from rnnkit.settings import Settings, SourceSettings, TransferSettings, from_mapping

RATE = 0.3
"""The learning rate of a child as a share of that of a model begun anew, where none is given."""


def finetune(
    parent: bundles.Bundle,
    given: Mapping[str, object],
    order: running.Order | None = None,
    *,
    scratch: bool = True,
    reporter: Reporter = SILENT,
) -> bundles.Bundle:
    """Trains a bundle further on other rows and writes the result as a new version.

    Args:
        parent: The bundle to go on from.
        given: Settings that differ from `child_defaults`, `data` among them.
        order: Tables and where to write; its name is the parent's by default, its `parent` and `scratch` are set here.
        scratch: Also train a model anew on the same rows, to see what the parent is worth.
        reporter: Tells a person what goes on.

    Raises:
        ValueError: A setting is fixed by the parent's weights, or as `running.run`.
        LookupError, OSError, Interrupted: As `running.run`.
    """
    recipe = catalog.load(parent.card["recipe"])
    if recipe.grow is None:
        raise ValueError(f"The recipe {recipe.name!r} can't be fine-tuned yet. Train anew: rnnkit run {recipe.name}.")
    learnt = parent_settings(recipe, parent)
    settings = from_mapping(recipe.settings, {**child_defaults(recipe, parent).as_dict(), **given})
    for name in recipe.structure:
        if getattr(settings, name) != getattr(learnt, name):
            raise ValueError(
                f"{name} of a child is its parent's, {getattr(learnt, name)!r}. Got {getattr(settings, name)!r}. "
                f"Leave it out, or train anew: rnnkit run {recipe.name}."
            )
    if isinstance(settings, TransferSettings) and settings.encoder_from:
        raise ValueError(
            f"--encoder-from is for new models: a child begins from its parent. Got {settings.encoder_from!r}. "
            f"Leave it out, or use `rnnkit run {recipe.name}`."
        )
    preparation, core = load_parts(parent, recipe)
    order = order or running.Order()
    order = dataclasses.replace(
        order,
        name=order.name or parent.path.absolute().parent.name,
        parent=Parent(parent, learnt, preparation, core, rate_anew(parent)),
        scratch=_anew(recipe, learnt, settings, rate_anew(parent)) if scratch else None,
    )
    return running.run(recipe, settings, order, reporter)


def parent_settings(recipe: Recipe, parent: bundles.Bundle) -> Settings:
    """Returns the settings a bundle was trained with; those it doesn't know, being older, have their defaults."""
    known = {field.name for field in dataclasses.fields(recipe.settings)}
    return from_mapping(recipe.settings, {k: v for k, v in parent.card["settings"].items() if k in known})


def rate_anew(parent: bundles.Bundle) -> float:
    """Returns the learning rate of a model begun anew: the parent's or, of a child, its first ancestor's."""
    own = parent.card.get("learning_rate", parent.card["settings"]["learning_rate"])
    return parent.card.get("parent", {}).get("learning_rate_anew", own)


def child_defaults(recipe: Recipe, parent: bundles.Bundle) -> Settings:
    """Returns what a child is trained with where nothing else is given.

    Its rows are read by the defaults, for they are other rows; what is taken over, and frozen, begins
    anew too; the learning rate is lower than that of a model begun anew, given or found, in children of
    children no lower still, and is not looked for; all else is as the parent had it.
    """
    learnt = parent_settings(recipe, parent)
    kinds = [kind for kind in (SourceSettings, TransferSettings) if isinstance(learnt, kind)]
    anew = {field.name: field.default for kind in kinds for field in dataclasses.fields(kind)}
    if recipe.inherited:
        anew |= recipe.inherited(parent.card)
    return dataclasses.replace(learnt, **anew, learning_rate=RATE * rate_anew(parent), find_rate=False)


def _anew(recipe, learnt, settings, rate):
    """The parent's settings for the child's rows: what `run` would have made of them."""
    sources = [kind for kind in type(settings).__mro__[1:] if issubclass(kind, SourceSettings)]
    names = {f.name for kind in sources for f in dataclasses.fields(kind)} - set(recipe.structure)
    taken = {name: getattr(settings, name) for name in names}
    kept = {name: getattr(settings, name) for name in ("seed", "precision", "xla", "checkpoint_minutes")}
    begun = {f.name: f.default for f in dataclasses.fields(TransferSettings) if isinstance(learnt, TransferSettings)}
    return dataclasses.replace(learnt, **begun, **taken, **kept, learning_rate=rate)
