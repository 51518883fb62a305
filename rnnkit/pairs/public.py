"""Public sets of translations: tfds:NAME -> the tables of its splits, and which language is read."""

import re
import shlex

from rnnkit.pairs.rows import PAIR
from rnnkit.sources.format import Format
from rnnkit.sources.public_sets import PREFIX, public_tables
from rnnkit.sources.table import Table


def public_pair_tables(name: str, format: Format) -> tuple[dict[str, Table], tuple[str, ...]]:
    """Returns the tables of `tfds:NAME` by split, and remarks on which language is which.

    Without `format.columns` the order is that of the two languages in the set's name, as in
    `ted_hrlr_translate/pt_to_en`, else that of its supervised keys, else that of its features.

    Raises:
        ValueError, LookupError, OSError: As `public_tables`.
    """
    if format.columns:
        return public_tables(name, PAIR, None, format.columns), ()
    info = _info(name)
    found = list(getattr(info.features, "keys", list)())
    if set(PAIR) <= set(found) or not (order := _order(name, found, info.supervised_keys)):
        return public_tables(name, PAIR, None, {}), ()
    columns = dict(zip(PAIR, order, strict=True))
    way = shlex.quote(f"text={order[1]},translation={order[0]}")
    note = f"{name}: {order[0]!r} is read and {order[1]!r} written; the other way round: --columns {way}"
    return public_tables(name, PAIR, None, columns), (note,)


def _info(name):
    """Returns what the set says of itself, once `public_tables` has found and fetched it."""
    public_tables(name, (), None, {})
    import tensorflow_datasets as tfds

    return tfds.builder(name.removeprefix(PREFIX).replace(":", "/")).info


def _order(name, found, supervised):
    places = {token: place for place, token in enumerate(re.split(r"[^A-Za-z0-9]+|_", name))}
    named = sorted((feature for feature in found if feature in places), key=places.get)
    for order in (named, supervised or (), found):
        if len(order) == 2 and set(order) <= set(found):
            return tuple(order)
    return None
