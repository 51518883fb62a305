"""By recipe: bundles whose answers to a file are no answers to its rows, such as what comes after series."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnkit import catalog
from rnnkit.predicting.files import Summary
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import from_mapping

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

DEFAULT = "serving_default"


def has_own_way(bundle: "Bundle") -> bool:
    """Whether a bundle's recipe answers files in its own way; the recipe is not imported to tell."""
    return "series" in bundle.card


def predict_by_recipe(
    bundle: "Bundle",
    input,
    output,
    given: Mapping[str, object],
    *,
    signature: str = DEFAULT,
    resume: bool = False,
    reporter: Reporter = SILENT,
    **how,
) -> Summary:
    """Lets the bundle's recipe write its answers to a table.

    Args:
        bundle: The model.
        input: Path of a table, or a DataFrame.
        output: Path, or "-" for standard output.
        given: Settings of reading; those that are None or not given are as the bundle was trained.
        signature, resume: Refused where they are not as by default.
        reporter: Tells a person what goes on.
        **how: Passed on to the recipe.

    Raises:
        ValueError, LookupError, OSError: As the message says.
    """
    if resume:
        raise ValueError(
            f"{bundle.path} forecasts series, written at once: there is nothing to --resume. Leave it out."
        )
    if signature != DEFAULT:
        raise ValueError(
            f"{bundle.path} forecasts a table of series by {DEFAULT!r}. Got --signature {signature}. "
            f"Leave it out, or ask from Python: bundle.predict(rows, signature={signature!r})."
        )
    recipe = catalog.load(bundle.card["recipe"])
    given = {name: value for name, value in given.items() if value is not None}
    settings = from_mapping(recipe.settings, {**bundle.card["settings"], "skip_bad_rows": False, **given})
    return recipe.predict(bundle, input, output, settings=settings, reporter=reporter, **how)
