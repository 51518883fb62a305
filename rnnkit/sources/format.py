"""Format: what a user says about a file that the file doesn't say itself."""

import codecs
import dataclasses
from collections.abc import Mapping

from rnnkit.messages import listed

HEADERS = ("auto", "yes", "no")
QUOTINGS = ("auto", "double", "none")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """How to read the tables of one run.

    Attributes:
        columns: Recipe's name -> the file's name or, without a header, its index from "0" on;
            a name that isn't here stands for itself.
        header: `auto` takes the first line for names unless all `columns` are whole numbers
            that aren't all among its cells; `yes` and `no` say so. Only csv and tsv look at it.
        encoding: Of text files; a leading byte order mark is dropped.
        quoting: `double` takes what stands in double quotes for one cell, `none` leaves quotes alone;
            `auto` is `double` for .csv and `none` for .tsv.
        skip_bad_rows: Leaves rows out that can't be read, instead of refusing the file.

    Raises:
        ValueError: A choice isn't one of those above, or there is no such encoding.
    """

    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    header: str = "auto"
    encoding: str = "utf-8"
    quoting: str = "auto"
    skip_bad_rows: bool = False

    def __post_init__(self):
        for name, choices in (("header", HEADERS), ("quoting", QUOTINGS)):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"--{name} must be one of {listed(choices)}. Got {value!r}.")
        if not _is_text_encoding(self.encoding):
            raise ValueError(
                f"--encoding must be one that Python knows, such as utf-8, utf-16, latin-1 or cp1252. "
                f"Got {self.encoding!r}."
            )


def _is_text_encoding(name):
    try:
        return isinstance(codecs.decode(b"", name), str)
    except (LookupError, ValueError, TypeError):
        return False


def parse_columns(text: str) -> dict[str, str]:
    """Reads `text=review,label=stars` as a mapping from the recipe's names to the file's.

    Raises:
        ValueError: A part isn't of the form name=column, or a name comes twice.
    """
    columns = {}
    for part in text.split(",") if text.strip() else ():
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not (name and equals and column):
            raise ValueError(
                f"--columns must be name=column pairs with commas between, such as text=review,label=stars. "
                f"Got {text!r}."
            )
        if name in columns:
            raise ValueError(f"--columns must name each column once. Got {name!r} twice in {text!r}.")
        columns[name] = column
    return columns
