"""Frame source: a DataFrame, or a .parquet file, -> a sheet."""

import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np

from rnnkit.series.cells import Mixed, Texts
from rnnkit.series.sheet import SAMPLE, Instants, Sheet
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.faults import FaultLog
from rnnkit.sources.table import Meter
from rnnkit.sources.text_files import BUFFER, open_bytes


class FrameSource:
    """A DataFrame, or a .parquet file that is read as one."""

    guessed = False

    def __init__(self, data, wanted_index: str = ""):
        self._path = None if is_data_frame(data) else pathlib.Path(data)
        self.name = "DataFrame" if self._path is None else str(data)
        self.unit = "position" if self._path is None else "row"
        if self._path is None:
            self._frame = _with_index(data, wanted_index)
            self.columns = tuple(str(column) for column in self._frame.columns)
        else:
            with self._opened() as file:
                self.columns = tuple(file.schema_arrow.names)
        for column in self.columns:
            if self.columns.count(column) > 1:
                count = self.columns.count(column)
                raise ValueError(f"{self.name} has {count} columns named {column!r}. Give each a name of its own.")

    @property
    def size(self) -> int:
        """Bytes to be read; 0 for a DataFrame."""
        return 0 if self._path is None else self._path.stat().st_size

    def stamp(self) -> object:
        """Returns a value that changes when the file does."""
        if self._path is None:
            return None
        status = self._path.stat()
        return status.st_size, status.st_mtime_ns

    def sample(self) -> dict[str, list[str]]:
        """Returns the first cells of each column."""
        if self._path is None:
            head = self._frame.head(SAMPLE)
        else:
            with self._opened() as file:
                head = next((batch.to_pandas() for batch in file.iter_batches(SAMPLE)), None)
        if head is None:
            return {name: [] for name in self.columns}
        return {name: [str(cell) for cell in head.iloc[:, place]] for place, name in enumerate(self.columns)}

    def read(self, texts: Sequence[str], values: Sequence[str], meter: Meter) -> Sheet:
        """Reads these columns, once."""
        meter.begin()
        collected, read = {name: Mixed() for name in values}, {}
        rows = 0
        for name in (*texts, *values):
            column = self._column(name)
            rows = len(column)
            if self._path is None:
                _digest(meter, column)
            if name in collected:
                collected[name].take_values(column)
            else:
                read[name] = _texts_or_instants(column)
        if self._path is not None:
            self._digest_file(meter)
        finished = {name: column.finish() for name, column in collected.items()}
        places = np.arange(rows, dtype=np.int64) + (self._path is not None)
        return Sheet(self.name, self.unit, places, read, finished, FaultLog(self.unit), meter.hexdigest())

    def _column(self, name):
        if self._path is None:
            return self._frame.iloc[:, self.columns.index(name)]
        import pyarrow

        with self._opened() as file:
            try:
                return file.read(columns=[name]).to_pandas().iloc[:, 0]
            except (pyarrow.ArrowException, OSError) as error:
                raise self._damaged(error) from None

    def _opened(self):
        import pyarrow.parquet

        open_bytes(self._path, self.name).close()
        try:
            return pyarrow.parquet.ParquetFile(self._path)
        except (pyarrow.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error):
        reason = str(error).splitlines()[0].rstrip(".")
        return ValueError(f"{self.name} is damaged or no parquet file: {reason}. Write it again from its source.")

    def _digest_file(self, meter):
        with open_bytes(self._path, self.name) as file:
            while block := file.read(BUFFER):
                meter.digest(block)
                meter.advance(len(block))


def _with_index(frame, wanted):
    """Makes a column of an index that holds times, or is asked for by name."""
    import pandas as pd

    index = frame.index
    named = index.name is not None and index.name == wanted
    if isinstance(index, pd.PeriodIndex):
        index, frame = index.to_timestamp(), frame.set_axis(index.to_timestamp())
    if not named and not isinstance(index, pd.DatetimeIndex) and not isinstance(index, pd.MultiIndex):
        return frame
    if isinstance(index, pd.MultiIndex):
        return frame.reset_index()
    name = index.name if index.name is not None else wanted or "time"
    return frame if name in frame.columns else frame.rename_axis(name).reset_index()


def _texts_or_instants(column):
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return Instants(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]"), True)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return Instants(column.to_numpy("datetime64[us]"), False)
    texts = Texts()
    texts.take_values(column)
    return texts


def _digest(meter, column):
    import pandas as pd

    hashed = pd.util.hash_pandas_object(column.astype(str) if column.dtype == object else column, index=False)
    meter.digest(hashlib.blake2b(hashed.to_numpy().tobytes()).digest())
