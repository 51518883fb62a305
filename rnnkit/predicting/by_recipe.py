"""By recipe: bundles whose answers to a file are no answers to its rows, such as what comes after series."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnkit import catalog
from rnnkit.predicting.files import Summary
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import from_mapping
from rnnkit.sources.table import STDIN

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

DEFAULT = "serving_default"


FORECASTS, WATCHES = "series", "readings"
"""Keys of the cards of bundles that forecast what comes after a table, and that watch its rows one after the other."""


def has_own_way(bundle: "Bundle") -> bool:
    """Whether a bundle's recipe answers files in its own way; the recipe is not imported to tell."""
    return FORECASTS in bundle.card or WATCHES in bundle.card


def check_own_way(bundle: "Bundle", *, texts, input, kind) -> None:
    """Refuses what a recipe's own way has no use for.

    Raises:
        ValueError: Values, a kind of file, or standard input where a file is needed.
    """
    if WATCHES in bundle.card:
        if texts or kind:
            raise ValueError(
                f"{bundle.path} watches rows over time, of a file whose name says what it is, or csv from stdin. "
                f"Give that, and no values and no --format: rnnkit predict {bundle.path} --input rows.csv"
            )
    elif texts or kind or input == STDIN:
        raise ValueError(
            f"{bundle.path} forecasts series, from a file of their past whose name says what it is. "
            f"Give that, and no values and no --format: rnnkit predict {bundle.path} --input history.csv"
        )


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
    what = "forecasts series" if FORECASTS in bundle.card else "watches rows over time"
    if resume:
        raise ValueError(f"{bundle.path} {what}, written at once: there is nothing to --resume. Leave it out.")
    if signature != DEFAULT:
        raise ValueError(
            f"{bundle.path} {what}, a table of them by {DEFAULT!r}. Got --signature {signature}. "
            f"Leave it out, or ask from Python: bundle.predict(rows, signature={signature!r})."
        )
    recipe = catalog.load(bundle.card["recipe"])
    given = {name: value for name, value in given.items() if value is not None}
    settings = from_mapping(recipe.settings, {**bundle.card["settings"], "skip_bad_rows": False, **given})
    return recipe.predict(bundle, input, output, settings=settings, reporter=reporter, **how)
