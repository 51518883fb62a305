"""Sources: files, folders, DataFrames, public data sets -> checked, split, streamed raw rows."""

from rnnkit.sources.format import Format, parse_columns
from rnnkit.sources.inputs import read_inputs
from rnnkit.sources.rows import Rows
from rnnkit.sources.splits import Splits, read_rows, read_splits

__all__ = ["Format", "Rows", "Splits", "parse_columns", "read_inputs", "read_rows", "read_splits"]
