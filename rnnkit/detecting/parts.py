"""Parts: readings and where a split lies in them -> its rows, its truth, and the three of a run with their card."""

import dataclasses
import functools
from typing import ClassVar

import numpy as np

from rnnkit.detecting.readings import Readings
from rnnkit.detecting.settings import DetectionSourceSettings
from rnnkit.detecting.true_windows import TrueWindows
from rnnkit.detecting.truth import DetectionTruth
from rnnkit.sources.splits import Splits


@dataclasses.dataclass(frozen=True)
class Part:
    """The rows of one split.

    Attributes:
        readings: They are of.
        spans: `(n, 3)` int64: series, first row and end row (excluded), in the order of the rows.
        notes: One-line remarks, where it was read by itself.
        card: Where it comes from, then.
        target: Key of the truth.
    """

    readings: Readings
    spans: np.ndarray
    notes: tuple[str, ...] = ()
    card: dict | None = None
    target: ClassVar[str] = "label"

    def __len__(self):
        return len(self.spans) if self.readings.whole else int(self.lengths.sum())

    @property
    def lengths(self) -> np.ndarray:
        """`(n,)` rows of each span."""
        return self.spans[:, 2] - self.spans[:, 1]

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """`(rows,)` int64, those of all spans, in order."""
        ends = np.cumsum(self.lengths)
        return np.arange(self.lengths.sum()) + np.repeat(self.spans[:, 1] - ends + self.lengths, self.lengths)

    @property
    def strange(self) -> np.ndarray:
        """`(rows,)` bool, those inside true windows; nowhere if nothing is known of these."""
        kinds = self.readings.kinds
        return np.zeros(len(self.rows), bool) if kinds is None else kinds[self.rows] >= 0

    def truth(self) -> DetectionTruth:
        """Returns what is known of these rows; of each span where it is judged as a whole."""
        readings, whole = self.readings, self.readings.whole
        rows = self.spans[:, 1] if whole else self.rows
        kinds = np.full(len(rows), -1, np.int16) if readings.kinds is None else readings.kinds[rows]
        if whole:
            strange = np.flatnonzero(kinds >= 0)
            windows = np.stack([strange, strange], axis=1)
        else:
            windows = self._clipped()
        return DetectionTruth(
            strange=kinds >= 0,
            kinds=kinds,
            kind_names=readings.kind_names,
            bounds=np.arange(len(rows) + 1) if whole else np.concatenate([[0], np.cumsum(self.lengths)]),
            seconds=readings.seconds[rows],
            windows=windows.astype(np.int64),
            labelled=readings.kinds is not None,
            whole=whole,
        )

    def _clipped(self):
        """Returns `(windows, 2)`, the true windows as far as they lie in spans, counted in this part's rows."""
        given = np.array(self.readings.windows, np.int64).reshape(-1, 3)
        found, begin = [], 0
        for _, first, end in self.spans.tolist():
            # Windows rise and share no rows, so both of their ends rise.
            some = given[np.searchsorted(given[:, 1], first) : np.searchsorted(given[:, 0], end)]
            edges = np.stack([np.maximum(some[:, 0], first), np.minimum(some[:, 1], end - 1)], axis=1)
            found.append(edges - first + begin)
            begin += end - first
        return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


@dataclasses.dataclass(frozen=True)
class DetectionSplits(Splits):
    """Three splits of readings; see `Splits`.

    Attributes:
        card: `path` as given, `rows` of each split, `sha256` of what was read; how many `series`; `span`, the first
            and last stamp, None for examples; `period`, the usual seconds between rows.
        settings: They were read and cut by.
        sources: What was read, with its stamp and hash of then.
    """

    settings: DetectionSourceSettings | None = None
    sources: tuple[Readings | TrueWindows, ...] = ()

    def changed(self) -> tuple[str, ...]:
        """Returns a remark for each file that is no longer as it was when it was read."""
        remarks = []
        for read in self.sources:
            try:
                same = read.source.stamp() == read.stamp
            except OSError:
                same = False
            if not same:
                remarks.append(
                    f"{read.name} has changed during the run; what was read had SHA-256 {read.sha256[:12]}…."
                )
        return tuple(remarks)
