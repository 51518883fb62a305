"""Names: a table's columns and a signature's outputs -> what the added columns are called."""

from collections.abc import Sequence

from rnnkit.messages import listed

ERROR = "error"
CLASH = "predicted_"
"""Put before the name of what is added, where the table has a column of that name."""


def added_names(names: Sequence[str], columns: Sequence[str], *, prefix: str, table: str) -> dict[str, str]:
    """Returns what each of `names` is called beside a table's own columns.

    Args:
        names: Of the outputs, and `error`.
        columns: The table's.
        prefix: Put before each name; where it is empty, `predicted_` is put before those that clash.
        table: Its name, for messages.

    Raises:
        ValueError: A name is taken even so.
    """
    taken = set(columns)
    chosen = {name: f"{prefix}{name}" if prefix or name not in taken else f"{CLASH}{name}" for name in names}
    clashes = [name for name in chosen.values() if name in taken or list(chosen.values()).count(name) > 1]
    if clashes:
        raise ValueError(
            f"{table} has columns called as the answers would be: {listed(dict.fromkeys(clashes))}. "
            "Name the answers otherwise, such as --prefix new_"
        )
    return chosen
