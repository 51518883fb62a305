"""Faults: rows that can't be used -> how many, where, and what to do about them, in one line."""

import dataclasses

PLACES = 3
"""Places named for each kind of fault."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """Stands in the place of a row's cells.

    Attributes:
        kind: What is wrong, to be read after "with"; faults are counted by it.
        detail: What is wrong with this row.
        hint: What may mend all faults of the kind, a sentence.
    """

    kind: str
    detail: str = ""
    hint: str = ""


NUL = Fault(
    "a NUL byte", hint="If every other byte is NUL, the file is in another encoding: --encoding utf-16 or utf-16-le. "
)
QUOTES = (
    "broken quotes",
    "If quotes have no meaning here: --quoting none. Else close them, and double those inside a cell. ",
)


class FaultLog:
    """Counts the faults of one table.

    Args:
        unit: What a place is: `line`, `row`, `position` or `file`.
    """

    def __init__(self, unit: str):
        self.unit = unit
        self.total = 0
        self._kinds = {}

    def add(self, place: int | str, fault: Fault) -> None:
        """Counts one row."""
        self.total += 1
        entry = self._kinds.setdefault(fault.kind, {"count": 0, "places": [], "fault": fault})
        entry["count"] += 1
        if len(entry["places"]) < PLACES:
            entry["places"].append(place)

    def __str__(self):
        return ", ".join(self._describe(kind, **entry) for kind, entry in self._kinds.items())

    def _describe(self, kind, count, places, fault):
        where = f"{self.unit}{'s' if count > 1 else ''} {', '.join(map(str, places))}"
        more = ", …" if count > len(places) else ""
        detail = f"; {self.unit} {places[0]}: {fault.detail}" if count > 1 else f": {fault.detail}"
        return f"{count} with {kind} ({where}{more}{detail if fault.detail else ''})"

    def refusal(self, name: str) -> str:
        """Returns the message that refuses the table called `name`."""
        hints = "".join(entry["fault"].hint for entry in self._kinds.values())
        rows, them = ("1 row that", "it") if self.total == 1 else (f"{self.total} rows that", "them")
        mend = f"Mend {them}, or pass --skip-bad-rows to leave {them} out."
        return f"{name} has {rows} can't be used: {self}. {hints}{mend}"

    def note(self, name: str) -> str:
        """Returns the remark on what was left out of the table called `name`."""
        return f"{name}: left out {self.total} {'row' if self.total == 1 else 'rows'}: {self}."
