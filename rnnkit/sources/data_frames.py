"""DataFrames: rows -> cells; nothing is copied."""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence

from rnnkit.sources.cells import texts
from rnnkit.sources.columns import SAMPLE, find_columns
from rnnkit.sources.portions import Portion, ValuePortion
from rnnkit.sources.table import Cells, Meter, Table

BATCH = 1_024


def is_data_frame(data: object) -> bool:
    """Says whether `data` is a pandas DataFrame, without importing pandas."""
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "iloc") and hasattr(data, "columns")


class DataFrameTable(Table):
    """A pandas DataFrame; see `DelimitedTable` for the other arguments. Places are those of `.iloc`."""

    name = "DataFrame"
    unit = "position"

    def __init__(self, frame, wanted: Sequence[str], target, columns: Mapping[str, str]):
        found = [str(column) for column in frame.columns]
        if not found:
            raise ValueError(f"DataFrame has no columns. It must have {', '.join(map(repr, wanted))}.")

        def sample():
            return [[str(cell) for cell in row] for row in frame.head(SAMPLE).values]

        places = find_columns(self.name, found, wanted, columns, sample, target=target)
        self.columns, self.wanted, self._frame = tuple(found), tuple(places), frame
        self._series = [frame.iloc[:, place] for place in places]

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        number = 0
        while values := [_values(series.iloc[number : number + BATCH]) for series in self._series]:
            if not values[0]:
                return
            for place, row in enumerate(zip(*values, strict=True), number):
                yield place, texts(row)
            number += BATCH

    def portions(self, *, size: int, characters: int, meter: Meter | None = None) -> Iterator[Portion]:
        for start in range(0, len(self._frame), size):
            frame = self._frame.iloc[start : start + size]
            values = [_values(frame.iloc[:, place]) for place in range(len(self.columns))]
            places = list(range(start, start + len(frame)))
            yield ValuePortion(self.columns, places, {}, values, functools.partial(self._batch, frame))

    def schema(self):
        import pyarrow

        with self._conversion():
            return pyarrow.Schema.from_pandas(self._named(self._frame), preserve_index=False)

    def _batch(self, frame):
        import pyarrow

        with self._conversion():
            return pyarrow.RecordBatch.from_pandas(self._named(frame), self.schema(), preserve_index=False)

    def _named(self, frame):
        return frame.set_axis(list(self.columns), axis=1)

    @contextlib.contextmanager
    def _conversion(self):
        import pyarrow

        try:
            yield
        except (pyarrow.ArrowException, TypeError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise ValueError(f"DataFrame can't be written as parquet: {reason}. Write .csv or .jsonl.") from None


def _values(series):
    missing = series.isna().tolist()
    return [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)]
