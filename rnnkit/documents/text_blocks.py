"""Text blocks: the bytes of a file, perhaps gzipped -> its text, block by block, of constant memory."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator

from rnnkit.sources import text_files
from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import NUL, Fault
from rnnkit.sources.table import Meter

BLOCK = 1 << 16
"""Bytes read at once."""
FOREIGN = {
    **text_files.FOREIGN,
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF file",
    b"\x7fELF": "a program",
}
LOOKED_AT = 1 << 13
"""Characters at the start of a file by which it is told from binary ones."""
CONTROLS = re.compile(r"[\0-\x07\x0e-\x1a\x1c-\x1f]")
BINARY = 0.01
"""Share of control characters from which on a file isn't text."""
LINE = re.compile(r"[^\n]*\n|[^\n]+")


class NotText(ValueError):
    """The file isn't text."""


def text_blocks(path, name: str, encoding: str, meter: Meter | None = None) -> Iterator[str]:
    r"""Yields the text of a file, `\r\n` and `\r` as `\n`, without a byte order mark.

    Bytes that aren't in the encoding become lone surrogates, for `without_bad_lines` to find.

    Args:
        path: A file; one that ends in .gz is unpacked.
        name: What to call it in messages.
        encoding: Of its bytes.
        meter: Counts and digests them.

    Raises:
        NotText: It is a picture, an archive or the like.
        ValueError: Its gzip is damaged, or its bytes can't be stepped over in this encoding.
        OSError: It can't be opened.
    """
    lines, begun = 0, False
    with text_files.open_bytes(path, name) as raw:
        source = text_files.Metered(raw, meter or Meter())
        if str(path).lower().endswith(".gz"):
            source = gzip.GzipFile(fileobj=source)
        decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        try:
            content = source.read(BLOCK)
            _check_start(content, name)
            while True:
                text = decoder.decode(content, final=not content)
                if text and not begun:
                    begun, text = True, text.removeprefix("\ufeff")
                    _check_text(text, name)
                lines += text.count("\n")
                if text:
                    yield text
                if not content:
                    return
                content = source.read(BLOCK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{name} is damaged after line {lines}: {error}. Copy or compress it again; only gzip files end in .gz."
            ) from None
        except UnicodeError as error:
            # Codecs of several bytes a character, such as UTF-16, can't step over a broken one.
            reason = getattr(error, "reason", None) or error
            raise ValueError(
                f"{name} is not {encoding} after line {lines}: {reason}. "
                "Say which encoding it is in, such as --encoding utf-8 or latin-1."
            ) from None


def _check_start(content, name):
    for magic, kind in FOREIGN.items():
        if content.startswith(magic):
            raise NotText(f"{name} is not text but {kind}. Name a text file, or end its name as what it is.")


def _check_text(text, name):
    start = text[:LOOKED_AT]
    if len(CONTROLS.findall(start)) > BINARY * len(start):
        raise NotText(
            f"{name} is not text: it has control characters, as a binary file has them. If it is text, say in which "
            "encoding, such as --encoding utf-16 or utf-16-le."
        )


def whole_lines(blocks: Iterable[str], most: int) -> Iterator[str]:
    """Yields the same text in blocks that end where a line does, or else after more than `most` characters."""
    held, size = [], 0
    for block in blocks:
        end = block.rfind("\n") + 1
        if end:
            yield "".join((*held, block[:end]))
            held, size, block = [], 0, block[end:]
        held.append(block)
        size += len(block)
        if size > most:
            yield "".join(held)
            held, size = [], 0
    if size:
        yield "".join(held)


def without_bad_lines(blocks: Iterable[str], encoding: str, leave_out: Callable[[int, Fault], object]) -> Iterator[str]:
    """Yields blocks of whole lines without those that have a NUL or what could not be decoded.

    Args:
        blocks: See `whole_lines`.
        encoding: What they were decoded by, for messages.
        leave_out: Is told the number, from 1, of each such line and what is wrong with it.
    """
    number = 1
    for block in blocks:
        lines = block.count("\n")
        if fault_of(block, encoding):
            kept = []
            for place, line in enumerate(LINE.findall(block), number):
                if fault := fault_of(line, encoding):
                    leave_out(place, fault)
                else:
                    kept.append(line)
            block = "".join(kept)
        number += lines
        if block:
            yield block


def fault_of(text: str, encoding: str) -> Fault | None:
    """Returns why a text can't be used, if it can't."""
    if "\0" in text:
        return NUL
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return undecodable(error.object, encoding)
    return None
