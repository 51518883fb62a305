"""Inputs: rows to be answered, with no target -> all their cells; from tables, or from lines of text."""

import os
from collections.abc import Sequence

from rnnkit.messages import listed
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.format import Format
from rnnkit.sources.locate import existing
from rnnkit.sources.table import STDIN
from rnnkit.sources.text_lines import TextLines
from rnnkit.sources.whole import WholeRows, read_whole

KINDS = ("csv", "tsv", "jsonl", "parquet", "txt")
"""What a file can be said to be, where its name doesn't say."""


def read_inputs(data, *, features: Sequence[str], format: Format, kind: str | None = None) -> WholeRows:
    """Opens rows to be answered: those of a table, or each line of a .txt, a .txt.gz or stdin.

    Args:
        data: As for `read_whole`, or text.
        features: Names of the columns; what `format.columns` says of others is ignored.
        format: How to read it.
        kind: One of `KINDS`, where the name doesn't say; stdin is `txt` unless told.

    Raises:
        ValueError, LookupError, OSError: As `read_whole`.
    """
    if kind not in (None, *KINDS):
        raise ValueError(f"--format must be one of {listed(KINDS)}. Got {kind!r}.")
    if is_data_frame(data):
        return read_whole(data, format=format, features=features)
    kind = kind or _kind_of_text(str(data))
    if str(data) == STDIN and kind == "parquet":
        raise ValueError("A parquet file is read from its end, which stdin has not. Name the file.")
    if kind != "txt":
        return read_whole(data, format=format, features=features, kind=kind)
    name = "stdin" if str(data) == STDIN else os.fspath(data)
    if len(features) != 1:
        raise ValueError(
            f"{name} is read as one text a line, and this recipe reads {listed(features)}. "
            "Give it a table with a column for each, such as a .csv, or --format csv on stdin."
        )
    if str(data) != STDIN and existing(data).is_dir():
        raise IsADirectoryError(f"{name} is a folder. Name a file.")
    return WholeRows(TextLines(data, features[0], format.encoding), tuple(features))


def _kind_of_text(path):
    return "txt" if path == STDIN or path.lower().endswith((".txt", ".txt.gz")) else None
