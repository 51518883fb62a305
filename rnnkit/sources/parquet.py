"""Parquet files: batches of rows -> cells; never more than a batch in memory."""

from collections.abc import Iterator, Mapping, Sequence

from rnnkit.sources.cells import texts
from rnnkit.sources.columns import SAMPLE, find_columns
from rnnkit.sources.format import Format
from rnnkit.sources.portions import Portion, ValuePortion
from rnnkit.sources.table import Cells, FileTable, Meter
from rnnkit.sources.text_files import BUFFER, open_bytes

BATCH = 1_024


class ParquetTable(FileTable):
    """A .parquet file; see `DelimitedTable` for the arguments. Rows are counted from 1."""

    def __init__(self, path, wanted: Sequence[str], target, columns: Mapping[str, str], format: Format):
        super().__init__(path)
        with self._opened() as file:
            self._schema, self._rows = file.schema_arrow, file.metadata.num_rows
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        found = self._schema.names
        self._row_bytes = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
        if not found:
            raise ValueError(f"{self.name} has no columns. It must have {', '.join(map(repr, wanted))}.")
        places = find_columns(self.name, found, wanted, columns, lambda: self._sample(found), target=target)
        self._columns = [found[place] for place in places]
        self.columns, self.wanted = tuple(found), tuple(places)

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        if meter:
            self._digest(meter)
        number = 0
        for batch in self._batches(self._columns):
            values = [_listed(batch.column(name)) for name in self._columns]
            for row in zip(*values, strict=True):
                number += 1
                yield number, texts(row)
            if meter:
                meter.advance(self.size * len(batch) // max(self._rows, 1))

    def portions(self, *, size: int, characters: int, meter: Meter | None = None) -> Iterator[Portion]:
        number = 0
        # Row groups say how much their rows hold on average, before long rows are read.
        size = max(1, min(size, int(characters / max(self._row_bytes, 1))))
        for whole in self._batches(None, size):
            rows = max(1, int(len(whole) * characters / max(whole.nbytes, 1)))
            for start in range(0, len(whole), rows):
                batch = whole.slice(start, rows)
                places = list(range(number + 1, number + 1 + len(batch)))
                number += len(batch)
                values = [_listed(column) for column in batch.columns]
                yield ValuePortion(self.columns, places, {}, values, lambda batch=batch: batch)
                if meter:
                    meter.advance(self.size * len(batch) // max(self._rows, 1))

    def schema(self):
        return self._schema

    def _opened(self):
        import pyarrow.parquet

        open_bytes(self.path, self.name).close()
        try:
            # With a buffer a column is read page by page, and not all of a row group's at once.
            return pyarrow.parquet.ParquetFile(self.path, buffer_size=BUFFER)
        except (pyarrow.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _batches(self, columns, size=BATCH):
        import pyarrow

        with self._opened() as file:
            try:
                yield from file.iter_batches(batch_size=size, columns=columns)
            except (pyarrow.ArrowException, OSError) as error:
                raise self._damaged(error) from None

    def _damaged(self, error):
        reason = str(error).splitlines()[0].rstrip(".")
        return ValueError(f"{self.name} is damaged or no parquet file: {reason}. Write it again from its source.")

    def _digest(self, meter):
        with open_bytes(self.path, self.name) as file:
            while block := file.read(BUFFER):
                meter.digest(block)

    def _sample(self, found):
        for batch in self._batches(None, SAMPLE):
            return [[str(cell) for cell in row] for row in zip(*map(_listed, batch.columns), strict=True)]
        return []


def _listed(column):
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        # Whoever wrote the file took bytes for texts; which rows these are is seen by their cells.
        import pyarrow

        return column.cast(pyarrow.binary()).to_pylist()
