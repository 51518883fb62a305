"""Reading: how a bundle's own rows were read -> how those to be answered are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnkit.settings import SourceSettings
from rnnkit.sources import Format

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

TRAINED = ("columns", "header", "encoding", "quoting")


def trained_format(bundle: "Bundle", given: Mapping[str, object]) -> Format:
    """Returns what is given, and for the rest what the bundle was trained with.

    Args:
        bundle: Its card has the settings.
        given: `columns`, `header`, `encoding`, `quoting` and `skip_bad_rows`; None where not given.
    """
    settings = {name: bundle.card["settings"][name] for name in TRAINED}
    settings |= {name: value for name, value in given.items() if value is not None}
    return SourceSettings(**settings).format()
