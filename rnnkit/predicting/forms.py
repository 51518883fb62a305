"""Forms: rows and their answers -> csv, JSON lines or Arrow, portion by portion."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from typing import Protocol

from rnnkit.predicting.answers import Answers, Output
from rnnkit.predicting.names import CLASH, ERROR, added_names
from rnnkit.sources.portions import UNWRITABLE, Portion, escaped, readable
from rnnkit.sources.table import Table

ENDINGS = (".csv", ".jsonl", ".parquet", ".csv.gz", ".jsonl.gz")


class Form(Protocol):
    """How rows and answers are written."""

    def head(self) -> bytes:
        """Returns what stands before the first row."""

    def rows(self, portion: Portion, answers: Answers) -> bytes:
        """Returns the rows of a portion with their answers."""


class CsvForm:
    """Comma-separated cells under a header; probabilities in a column for each class, other lists as JSON.

    Args:
        table: Where the rows come from.
        outputs: What is added.
        prefix: See `added_names`.
        errors: Whether the column `error` is added as well.
    """

    def __init__(self, table: Table, outputs: Sequence[Output], *, prefix: str = "", errors: bool = True):
        self._outputs, self._errors, self._columns = outputs, errors, table.columns
        names = [*flat_names(outputs), *[ERROR][: int(errors)]]
        self._added = added_names(names, table.columns, prefix=prefix, table=table.name)
        self._unit = table.unit

    def head(self):
        return _csv([[*self._columns, *self._added.values()]]).encode()

    def rows(self, portion, answers):
        added = [column for output in self._outputs for column in _flat(answers, output)]
        if self._errors:
            added.append(reasons(portion, self._unit))
        rows = [[*cells, *more] for cells, more in zip(portion.cells(), zip(*added, strict=True), strict=True)]
        text = _csv(rows)
        try:
            if "\0" not in text:
                return text.encode()
        except UnicodeEncodeError:
            pass
        return _csv([[readable(c) if type(c) is str else c for c in row] for row in rows]).encode()


class JsonForm:
    """One JSON object a line, what was read and then the answers; see `CsvForm` for the arguments."""

    def __init__(self, table: Table, outputs: Sequence[Output], *, prefix: str = "", errors: bool = True):
        refuse_doubles(table)
        self._outputs, self._errors, self._unit = outputs, errors, table.unit
        names = [*(output.name for output in outputs), *[ERROR][: int(errors)]]
        self._added = added_names(names, table.columns, prefix=prefix, table=table.name)

    def head(self):
        return b""

    def rows(self, portion, answers):
        columns = [_nested(answers, output) for output in self._outputs]
        if self._errors:
            columns.append(reasons(portion, self._unit))
        names = list(self._added.values())
        late = not portion.others().isdisjoint(names)
        lines = []
        for row, values in zip(portion.objects(), zip(*columns, strict=True), strict=True):
            added = json.dumps(dict(zip(_free(names, row) if late else names, values, strict=True)), ensure_ascii=False)
            own = row[:-1].rstrip()
            lines.append(f"{own}{'' if own == '{' else ', '}{added[1:]}\n")
        text = "".join(lines)
        try:
            return text.encode()
        except UnicodeEncodeError:
            # Within a JSON text the backslash itself must be escaped.
            return UNWRITABLE.sub(lambda match: "\\" + escaped(match), text).encode()


def _free(names, row):
    """Names as `added_names` gives them, for a row of stdin with a key that the first one had not."""
    taken = json.loads(row).keys()
    return [f"{CLASH}{name}" if name in taken else name for name in names]


class ParquetForm:
    """Arrow streams end to end, of which `rnnkit.predicting.join` makes a parquet file; types as they were.

    See `CsvForm` for the arguments. What is missing is null.
    """

    def __init__(self, table: Table, outputs: Sequence[Output], *, prefix: str = ""):
        import pyarrow

        refuse_doubles(table)
        self._outputs, self._unit = outputs, table.unit
        added = added_names([*flat_names(outputs), ERROR], table.columns, prefix=prefix, table=table.name)
        types = [kind for output in outputs for kind in _arrow_types(output)]
        fields = zip(added.values(), [*types, pyarrow.string()], strict=True)
        own = table.schema()
        self.schema = pyarrow.schema([*own, *(pyarrow.field(*field) for field in fields)], metadata=own.metadata)

    def head(self):
        return b""

    def rows(self, portion, answers):
        import pyarrow

        batch = portion.batch()
        added = [column for output in self._outputs for column in _exact_columns(answers, output)]
        added.append(reasons(portion, self._unit))
        arrays = [*batch.columns]
        for column in added:
            arrays.append(pyarrow.array(column, self.schema.field(len(arrays)).type))
        stream = io.BytesIO()
        options = pyarrow.ipc.IpcWriteOptions(compression="zstd")
        with pyarrow.ipc.new_stream(stream, self.schema, options=options) as writer:
            writer.write_batch(pyarrow.RecordBatch.from_arrays(arrays, schema=self.schema))
        return stream.getvalue()


class Zipped:
    """Another form in gzip, a member for each portion: members end to end are one file."""

    def __init__(self, form: Form):
        self._form = form

    def head(self):
        return _zipped(self._form.head())

    def rows(self, portion, answers):
        return _zipped(self._form.rows(portion, answers))


def _zipped(content):
    # No time stamp, so that the same rows give the same bytes.
    return gzip.compress(content, mtime=0) if content else b""


def flat_names(outputs: Sequence[Output]) -> list[str]:
    """Returns the names of the outputs in a table, where each class has its own probability."""
    names = []
    for output in outputs:
        names += [f"{output.name}_{label}" for label in output.labels] or [output.name]
    return names


def reasons(portion: Portion, unit: str) -> list[str | None]:
    """Returns why each row of a portion has no answer, None where it has one."""
    texts = [None] * len(portion)
    for row, fault in portion.faults.items():
        detail = f": {fault.detail}" if fault.detail else ""
        texts[row] = readable(f"{unit} {portion.places[row]}: {fault.kind}{detail}")
    return texts


def refuse_doubles(table: Table) -> None:
    """Refuses a table that has two columns of one name, which only .csv can hold.

    Raises:
        ValueError: It has.
    """
    double = next((name for name in table.columns if table.columns.count(name) > 1), None)
    if double is not None:
        raise ValueError(
            f"{table.name} has {table.columns.count(double)} columns named {double!r}. "
            "Give each a name of its own, or write .csv."
        )


def _csv(rows):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _flat(answers, output):
    values = answers.rounded(output)
    if output.labels:
        return _by_class(values, len(output.labels))
    if output.rank:
        values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return [values]


def _by_class(values, classes):
    return [[None if value is None else value[place] for value in values] for place in range(classes)]


def _nested(answers, output):
    values = answers.rounded(output)
    if not output.labels:
        return values
    return [None if value is None else dict(zip(output.labels, value, strict=True)) for value in values]


def _exact_columns(answers, output):
    values = answers.exact(output)
    return _by_class(values, len(output.labels)) if output.labels else [values]


def _arrow_types(output):
    import pyarrow

    if "float" in output.dtype:
        kind = pyarrow.float64() if output.dtype == "float64" else pyarrow.float32()
    else:
        kind = pyarrow.type_for_alias(output.dtype)
    if output.labels:
        return [kind] * len(output.labels)
    for _ in range(output.rank):
        kind = pyarrow.list_(kind)
    return [kind]
