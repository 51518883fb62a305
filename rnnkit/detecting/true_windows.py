"""True windows: a JSON file of first and last moments -> the rows inside them, for each table that is read."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np

from rnnkit.detecting.labels import UNNAMED
from rnnkit.detecting.moments import moment_text, read_moments
from rnnkit.detecting.readings import Readings
from rnnkit.messages import few_of
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.locate import existing
from rnnkit.sources.table import FileTable
from rnnkit.sources.text_files import open_bytes

FORMS = '{"file.csv": [[start, end], …]}, {"series": [[start, end], …]} or [[start, end], …]'


class TrueWindows:
    """The windows of a JSON file, in which something was strange.

    The file is `{"folder/file.csv": windows, …}`, as the Numenta benchmark has it, of which the longest name is taken
    that the table's path ends in; or `{"series": windows, …}`; or windows, for a table of one series. Windows are
    `[[start, end], …]`, both inclusive; `[start, end, kind]` names the kind.

    Args:
        path: Of the file.

    Attributes:
        name: As the user wrote it.
        sha256: Of the file.
        source, stamp: To see whether it changes, as in `Readings`.

    Raises:
        ValueError: It is no JSON of these forms.
        OSError: It can't be read.
    """

    def __init__(self, path: str | os.PathLike):
        self.name = os.fspath(path)
        existing(path)
        self.source = FileTable(path)
        self.stamp = self.source.stamp()
        with open_bytes(path, self.name) as file:
            content = file.read()
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._value = _parsed(content, self.name)
        self._inside: set[tuple[str, int]] = set()
        self._outside: dict[tuple[str, int], str] = {}

    def place(self, data, readings: Readings) -> tuple[list[tuple[int, int, str]], tuple[str, ...]]:
        """Finds the rows of the windows.

        Args:
            data: Path of the table, or a DataFrame.
            readings: The table's rows.

        Returns:
            First row, last row (inclusive) and kind of each window, rising; and one-line remarks. Windows that lie
            outside of the table are kept in mind for `refuse_outside`.

        Raises:
            LookupError: The file names no series of the table.
            ValueError: A window is of no known form, is no time, or begins after it ends.
        """
        told = self._told(data, readings)
        texts = [text for window in told for text in window[3:5]]
        moments = read_moments(texts, readings.zone, self.name).tolist() if told else []
        found, hollow = [], 0
        for (series, key, number, start, end, kind), begin, stop in zip(told, moments[::2], moments[1::2], strict=True):
            which = f"{self.name}: window {number + 1}{f' of {key!r}' if key else ''}"
            if begin > stop:
                raise ValueError(f"{which} begins at {start!r}, after it ends at {end!r}. Mend it.")
            first = int(readings.starts[series])
            own = readings.seconds[first : readings.starts[series + 1]]
            if stop < own[0] or begin > own[-1]:
                edges = " to ".join(moment_text(edge, readings.zone) for edge in (own[0], own[-1]))
                message = f"{which}, {start!r} to {end!r}, lies outside of {readings.name}, which has rows from {edges}"
                self._outside.setdefault((key, number), f"{message}. Mend it, or leave it out.")
                continue
            self._inside.add((key, number))
            low, high = np.searchsorted(own, begin), np.searchsorted(own, stop, "right")
            if low == high:
                hollow += 1
            else:
                found.append((first + int(low), first + int(high) - 1, kind))
        joined = _joined(found)
        notes = []
        if hollow:
            notes.append(f"{readings.name}: {hollow:,} true windows have no row, as they lie in gaps; left out.")
        if len(joined) < len(found):
            notes.append(f"{readings.name}: {len(found) - len(joined):,} true windows overlap others; joined.")
        return joined, (*notes, *self._unnamed(readings))

    def refuse_outside(self) -> None:
        """Refuses windows that lie outside of all tables that they were looked for in.

        Raises:
            ValueError: There are some.
        """
        for mark, message in self._outside.items():
            if mark not in self._inside:
                raise ValueError(message)

    @property
    def missed(self) -> bool:
        """Whether there were windows, and all lie outside."""
        return bool(self._outside) and not self._inside

    def _told(self, data, readings):
        """Returns series, key, number, start, end and kind of each window that is for this table."""
        told = []
        for series, (key, windows) in self._of_series(data, readings).items():
            where = f"{self.name}: {key!r}" if key else self.name
            if not isinstance(windows, list):
                raise ValueError(f"{where} must be a list of windows, [[start, end], …]. Got {_shown(windows)}.")
            for number, window in enumerate(windows):
                told.append((series, key, number, *_checked(window, where)))
        return told

    def _of_series(self, data, readings) -> dict[int, tuple[str, object]]:
        """Returns, for each series that there is something of, its name in the file and its windows."""
        value, ids = self._value, readings.ids
        if isinstance(value, list):
            key, value = "", {"": value}
        else:
            named = {series: (id, value[id]) for series, id in enumerate(ids) if id and id in value}
            if named:
                return named
            key = _by_path(data, value)
        if key is None:
            raise LookupError(self._names_none(data, readings))
        if len(ids) > 1:
            raise ValueError(
                f"{self.name} has one list of windows for {readings.name}, which has {len(ids):,} series. "
                f'Write them by series: {{"{ids[0]}": [[start, end], …], …}}'
            )
        return {0: (key, value[key])}

    def _names_none(self, data, readings):
        has = f"It has {few_of(list(self._value), 3)}." if self._value else "It is empty."
        if readings.ids != ("",):
            mend = f"Name them, such as {readings.ids[0]!r}"
        elif is_data_frame(data):
            mend = "For a DataFrame of one series write a list: [[start, end], …]"
        else:
            mend = f"Name it {os.path.basename(os.path.abspath(data))!r}"
        return f"{self.name} names no series of {readings.name}. {has} {mend}, or leave --windows out."

    def _unnamed(self, readings):
        if isinstance(self._value, list) or len(readings.ids) < 2:
            return ()
        others = [id for id in readings.ids if id not in self._value]
        if not others:
            return ()
        return (f"{readings.name}: {self.name} has nothing of series {few_of(others)}; taken for normal throughout.",)


def _parsed(content, name):
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}, line {error.lineno}: no JSON: {error.msg}. Write {FORMS}.") from None
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is no JSON. Write {FORMS}.") from None
    if not isinstance(value, (dict, list)):
        raise ValueError(f"{name} must hold true windows: {FORMS}. Got {_shown(value)}.")
    return value


def _shown(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _checked(window, where) -> tuple[str, str, str]:
    """Returns start, end and kind of a window."""
    if isinstance(window, list) and len(window) in (2, 3):
        start, end, kind = (*window, UNNAMED)[:3]
        # Unix times may be numbers.
        if all(type(stamp) in (str, int) for stamp in (start, end)) and isinstance(kind, str):
            return str(start), str(end), kind.strip() or UNNAMED
    raise ValueError(f"{where} must have windows [start, end] or [start, end, kind]. Got {_shown(window)}.")


def _by_path(data, keys: Mapping) -> str | None:
    """Returns the longest of the keys that the path of the data ends in."""
    if is_data_frame(data):
        return None
    path = _parts(os.path.abspath(data))
    fitting = [key for key in keys if (parts := _parts(key)) and path[-len(parts) :] == parts]
    return max(fitting, key=lambda key: len(_parts(key)), default=None)


def _parts(path):
    pieces = path.replace("\\", "/").removesuffix(".gz").split("/")
    return tuple(piece for piece in pieces if piece not in ("", "."))


def _joined(windows: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Joins windows that share rows; the kind of the first stands for all."""
    joined = []
    for first, last, kind in sorted(windows):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last), joined[-1][2])
        else:
            joined.append((first, last, kind))
    return joined
