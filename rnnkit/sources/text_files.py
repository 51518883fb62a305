"""Text files: bytes, perhaps gzipped -> numbered lines, every byte counted."""

import contextlib
import functools
import gzip
import io
import itertools
import sys
import zlib
from collections.abc import Iterator

from rnnkit.sources.faults import NUL, Fault
from rnnkit.sources.table import STDIN, Meter

LONGEST = 1 << 24
"""Most characters of one record: past that a quote is open or the file isn't lines of text."""
BUFFER = 1 << 20
ENDLESS = "\0endless\0"
"""Stands for a line past that limit."""
FOREIGN = {b"PK\x03\x04": "a zip archive or an Excel sheet", b"PAR1": "a parquet file", b"\x1f\x8b": "a gzip file"}


@contextlib.contextmanager
def open_lines(
    path, name: str, encoding: str, meter: Meter | None = None, *, newline="", cut: bool = False
) -> Iterator[Iterator[str]]:
    """Opens a text file, or stdin for "-", as an iterator of its lines with their ends.

    Bytes that aren't in the encoding become lone surrogates, to be found by who writes them
    as UTF-8: so they are found row by row, at no cost to the others. With `cut` a line without an
    end becomes `ENDLESS`, to be found by its NUL.

    Raises:
        ValueError: The file isn't text, or its gzip is damaged, or a line has no end and isn't cut.
        OSError: It can't be opened.
    """
    meter = meter or Meter()
    with contextlib.ExitStack() as stack:
        # Unbuffered, stdin gives what a slow pipe holds so far and does not wait for a full buffer.
        stdin = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer) if str(path) == STDIN else None
        raw = stdin or stack.enter_context(open_bytes(path, name))
        source = io.BufferedReader(Metered(raw, meter), BUFFER)
        if name.lower().endswith(".gz"):
            source = stack.enter_context(gzip.GzipFile(fileobj=source))
        yield _lines(source, name, encoding, newline, cut)


class Lines:
    """The lines of a text file with their ends, from the start as often as asked.

    Those of stdin come once; what was peeked at comes again.

    Args:
        path, name, encoding, newline: See `open_lines`.
    """

    def __init__(self, path, name: str, encoding: str, *, newline=""):
        self._path, self._how = path, {"name": name, "encoding": encoding, "newline": newline}
        self._stdin = self._open_stdin() if str(path) == STDIN else None
        self._seen = []

    def peek(self) -> contextlib.AbstractContextManager[Iterator[str]]:
        """Opens the lines to look at the first few."""
        if self._stdin is None:
            return self.opened(cut=True)
        return contextlib.nullcontext(self._seen.append(line) or line for line in self._stdin)

    def opened(
        self, meter: Meter | None = None, *, cut: bool = False
    ) -> contextlib.AbstractContextManager[Iterator[str]]:
        """Opens the lines to read all."""
        if self._stdin is None:
            return open_lines(self._path, meter=meter, cut=cut, **self._how)
        seen, self._seen = self._seen, []
        return contextlib.nullcontext(itertools.chain(seen, self._stdin))

    @property
    def peekable(self) -> bool:
        """Whether a look at many lines costs nothing: on a pipe it would wait for them."""
        return self._stdin is None

    def _open_stdin(self):
        with open_lines(STDIN, cut=True, **self._how) as lines:
            yield from lines


def open_bytes(path, name: str) -> io.RawIOBase:
    """Opens a file to read its bytes; an error names it in one line."""
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise type(error)(f"{name} can't be read: {(error.strerror or str(error)).lower()}.") from None


class Metered(io.RawIOBase):
    """The bytes of a file, counted and digested as they are read."""

    def __init__(self, raw, meter):
        self._raw, self._meter = raw, meter

    def readable(self):
        return True

    def readinto(self, buffer):
        count = self._raw.readinto(buffer)
        if count:
            self._meter.digest(memoryview(buffer)[:count])
            self._meter.advance(count)
        return count


def _lines(source, name, encoding, newline, cut):
    number = 0
    try:
        start = source.peek(4)[:4]
        for magic, kind in FOREIGN.items():
            if start.startswith(magic):
                raise ValueError(f"{name} is not text but {kind}. End its name as what it is, or save it as .csv.")
        text = io.TextIOWrapper(source, encoding=encoding, errors="surrogateescape", newline=newline)
        for number, line in enumerate(iter(functools.partial(text.readline, LONGEST), ""), 1):
            if number == 1:
                line = line.removeprefix("\ufeff")
            if len(line) == LONGEST and line[-1] not in "\r\n":
                if not cut:
                    raise ValueError(too_long(name, number))
                while (more := text.readline(LONGEST)) and more[-1] not in "\r\n":
                    pass
                line = ENDLESS
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{name} is damaged after line {number}: {error}. Copy or compress it again; only gzip files end in .gz."
        ) from None
    except UnicodeError as error:
        # Codecs of several bytes a character, such as UTF-16, can't step over a broken one.
        reason = getattr(error, "reason", None) or error
        raise ValueError(
            f"{name} is not {encoding} after line {number}: {reason}. "
            "Say which encoding it is in, such as --encoding utf-8 or latin-1."
        ) from None


def nul_fault(line: str) -> Fault:
    """Returns the fault of a line that has a NUL."""
    return Fault(f"more than {LONGEST:,} characters") if line == ENDLESS else NUL


def too_long(name: str, number: int) -> str:
    """Returns the message for a record past the limit."""
    return (
        f"{name}, line {number}: the record that begins here has more than {LONGEST:,} characters. "
        "Close its quote, or pass --quoting none if quotes have no meaning in this file."
    )
