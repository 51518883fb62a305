"""JSON arrays, as annotation tools export them: one list of objects -> the objects."""

import gzip
import json
import zlib
from collections.abc import Iterator

from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.table import FileTable, Meter
from rnnkit.sources.text_files import Lines, open_bytes


class JsonArray(FileTable):
    """A .json file, plain or .gz, that is one list of objects; rows are counted from 1.

    spaCy's pairs `[text, {"entities": …}]` are objects with a `text`, too.

    Args:
        path: The file.
        format: How to read it.
    """

    def __init__(self, path, format: Format):
        super().__init__(path)
        self.encoding = format.encoding

    def objects(self, meter: Meter | None = None) -> Iterator[tuple[int, dict | Fault]]:
        """Yields each place and object, or why it is none.

        Raises:
            ValueError: The file is no list, or no JSON.
            OSError: It can't be read.
        """
        for number, value in enumerate(self._read(meter), 1):
            if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
                value = {"text": value[0], **value[1]}
            if type(value) is not dict:
                value = Fault("JSON that is no object", f"a {type(value).__name__}", "Each must be one JSON object. ")
            yield number, value

    def _read(self, meter):
        with open_bytes(self.path, self.name) as file:
            content = file.readall()
        if meter:
            meter.digest(content)
            meter.advance(len(content))
        try:
            if self.name.lower().endswith(".gz"):
                content = gzip.decompress(content)
            text = content.decode(self.encoding, "surrogateescape").removeprefix("\ufeff")
            found = json.loads(text)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{self.name} is damaged: {error}. Copy or compress it again.") from None
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, character {error.colno}"
            raise ValueError(f"{self.name}, {where}: broken JSON, {error.msg}. Export the file again.") from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self.name} is no JSON of {self.encoding}: {_line(error)}. Export it again.") from None
        if type(found) is not list:
            raise ValueError(f"{self.name} must be a list of JSON objects. Got a {type(found).__name__}.")
        return found


def _line(error):
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def is_array(path, format: Format) -> bool:
    """Says whether the first character of a .json file begins a list."""
    with Lines(path, str(path), format.encoding, newline="\n").peek() as lines:
        first = next((line.strip() for line in lines if line.strip()), "")
    return first.startswith("[")
