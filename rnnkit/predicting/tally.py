"""Tally: rows answered and not -> one line that says how many and where, kept over an interruption."""

import dataclasses

from rnnkit.sources.faults import PLACES, Fault
from rnnkit.sources.portions import readable


@dataclasses.dataclass
class Tally:
    """Counts rows.

    Attributes:
        rows: All rows read.
        faults: Kind of fault -> how many, the first places, and the first detail and hint.
    """

    rows: int = 0
    faults: dict[str, dict] = dataclasses.field(default_factory=dict)

    def add(self, places: list, faults: dict[int, Fault]) -> None:
        """Counts the rows of a portion."""
        self.rows += len(places)
        for row in sorted(faults):
            fault = faults[row]
            entry = self.faults.setdefault(
                fault.kind, {"count": 0, "places": [], "detail": readable(fault.detail), "hint": fault.hint}
            )
            entry["count"] += 1
            if len(entry["places"]) < PLACES:
                entry["places"].append(places[row])

    @property
    def failed(self) -> int:
        """Rows without an answer."""
        return sum(entry["count"] for entry in self.faults.values())

    @property
    def answered(self) -> int:
        """Rows with an answer."""
        return self.rows - self.failed

    def sentence(self, unit: str, *, left_out: bool) -> str:
        """Returns how many rows were answered, how many not, and what is wrong with those."""
        said = f"{self.answered:,} {'row' if self.answered == 1 else 'rows'} answered"
        if not self.failed:
            return f"{said}."
        kinds = ", ".join(_kind(kind, unit, entry) for kind, entry in self.faults.items())
        hints = "".join(f" {entry['hint'].strip()}" for entry in self.faults.values() if entry["hint"])
        return f"{said}, {self.failed:,} {'left out' if left_out else 'not'}: {kinds}.{hints}"


def _kind(kind, unit, entry):
    count, places = entry["count"], entry["places"]
    where = f"{unit}{'s' if count > 1 else ''} {', '.join(map(str, places))}{', …' if count > len(places) else ''}"
    detail = f"; {unit} {places[0]}: " if count > 1 else ": "
    return f"{count:,} with {kind} ({where}{detail + entry['detail'] if entry['detail'] else ''})"
