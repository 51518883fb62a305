"""Parquet files: batches of rows -> cells; never more than a batch in memory."""

from collections.abc import Iterator, Mapping, Sequence

from rnnkit.sources.cells import texts
from rnnkit.sources.columns import SAMPLE, find_columns
from rnnkit.sources.format import Format
from rnnkit.sources.table import Cells, FileTable, Meter
from rnnkit.sources.text_files import BUFFER, open_bytes

BATCH = 1_024


class ParquetTable(FileTable):
    """A .parquet file; see `DelimitedTable` for the arguments. Rows are counted from 1."""

    def __init__(self, path, wanted: Sequence[str], target, columns: Mapping[str, str], format: Format):
        super().__init__(path)
        with self._opened() as file:
            found, self._rows = file.schema_arrow.names, file.metadata.num_rows
        if not found:
            raise ValueError(f"{self.name} has no columns. It must have {', '.join(map(repr, wanted))}.")
        places = find_columns(self.name, found, wanted, columns, lambda: self._sample(found), target=target)
        self._columns = [found[place] for place in places]

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        if meter:
            self._digest(meter)
        number = 0
        for values in self._batches(self._columns):
            for row in zip(*values, strict=True):
                number += 1
                yield number, texts(row)
            if meter:
                meter.advance(self.size * len(values[0]) // max(self._rows, 1))

    def _opened(self):
        import pyarrow.parquet

        open_bytes(self.path, self.name).close()
        try:
            return pyarrow.parquet.ParquetFile(self.path)
        except (pyarrow.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _batches(self, columns):
        import pyarrow

        with self._opened() as file:
            try:
                for batch in file.iter_batches(batch_size=BATCH, columns=columns):
                    yield [batch.column(name).to_pylist() for name in columns]
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
        values = next(self._batches(list(dict.fromkeys(found))), [])
        return [[str(cell) for cell in row] for row in list(zip(*values, strict=True))[:SAMPLE]]
