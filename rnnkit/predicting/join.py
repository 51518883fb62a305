"""Join: Arrow streams end to end -> one parquet file, a group of rows at a time."""

import pathlib

GROUP_ROWS = 1 << 16
GROUP_BYTES = 32 << 20


def join_parquet(rows: pathlib.Path, joined: pathlib.Path, schema) -> None:
    """Writes `joined` from the streams in `rows`, the same bytes for the same streams.

    Raises:
        OSError: It can't be written.
    """
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(joined, schema) as writer:
        group = []
        for batch in _batches(rows):
            group.append(batch)
            if sum(map(len, group)) >= GROUP_ROWS or sum(part.nbytes for part in group) >= GROUP_BYTES:
                _write(writer, group, schema)
                group = []
        if group:
            _write(writer, group, schema)


def _batches(path):
    import pyarrow

    size = path.stat().st_size
    with pyarrow.OSFile(str(path)) as file:
        while file.tell() < size:
            yield from pyarrow.ipc.open_stream(file)


def _write(writer, group, schema):
    import pyarrow

    table = pyarrow.Table.from_batches(group, schema).unify_dictionaries()
    writer.write_table(table, row_group_size=max(len(table), 1))
