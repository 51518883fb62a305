"""Files of columns, as of CoNLL: a token a line, a blank line between sentences -> sentences."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from rnnkit.messages import listed
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.table import FileTable, Meter
from rnnkit.sources.text_files import Lines, nul_fault
from rnnkit.tagging.sentences import Read, Sentence, SentenceSource, tag_text, text_fault

BLANK = " \t\r\n"
"""White space between columns. Other kinds, such as no-break spaces, are part of a token."""
BETWEEN = re.compile(r"[ \t]+")
DOCUMENT = "-DOCSTART-"
COMMENT = re.compile(r"#\s*(\w[\w.:-]*\s*=|(begin|end)\s+document\b|(id|newdoc|newpar|sent_id|text)\b)")
"""Comments that may have as many words as there are columns."""
BEGINNING = re.compile(r"#\s*(begin\s+document|newdoc)\b")
COUNTED = re.compile(r"\d+[-.]\d+")
"""Numbers of CoNLL-U's lines of several tokens, as 3-4, and of words left unsaid, as 8.1."""
LOOKED_AT = 50
"""Lines by which separator and columns are told."""
CONLL_U, PART_OF_SPEECH = 10, 3
"""Columns of CoNLL-U, and the one that has a tag for each token."""


class ColumnFile(FileTable, SentenceSource):
    """A file of columns between white space, or between tabs where each line has one; plain or .gz.

    Comments stand between sentences and begin with "#"; a token may, too. `-DOCSTART-`, `#begin document`
    and `# newdoc` begin a document.

    Args:
        path: The file.
        columns: `tokens` and `tags` -> which column, counted from "0"; else the first and the last. Where the first
            one numbers the tokens it is the second, and CoNLL-U's tags are its parts of speech.
        format: How to read it.

    Raises:
        LookupError: A column isn't there.
        ValueError: There is no sentence, or one column only.
    """

    unit = "line"

    def __init__(self, path, columns: Mapping[str, str], format: Format):
        FileTable.__init__(self, path)
        self.encoding, self.notes = format.encoding, ()
        self._lines = Lines(path, self.name, self.encoding, newline="\n")
        with self._lines.peek() as lines:
            first = list(itertools.islice(filter(_is_token, lines), LOOKED_AT))
        if not first:
            raise ValueError(f"{self.name} has no sentence. It must have lines of a token and its tag.")
        self._tabbed = all("\t" in line.strip(BLANK) for line in first)
        cells = [self._cells(line) for line in first]
        self._width = Counter(map(len, cells)).most_common(1)[0][0]
        self._numbered = self._width > 2 and _is_numbered(cells)
        self._token, self._tag = self._places(columns)
        self.tags = str(self._tag)

    def _places(self, columns):
        width, places = self._width, {}
        if width == 1:
            raise ValueError(
                f"{self.name} has one column only. It must have a token and its tag on each line, with white space "
                "between, and a blank line after each sentence."
            )
        defaults = {"tokens": int(self._numbered), "tags": width - 1}
        if self._numbered and width == CONLL_U:
            defaults["tags"] = PART_OF_SPEECH
        for name, column in columns.items():
            if name not in defaults or not (column.isascii() and column.isdecimal()):
                raise LookupError(
                    f"{self.name} has no column {column!r}: it is a file of columns without names, counted from 0, "
                    f"the last being {width - 1}. Say which is which: --columns tokens=0,tags={width - 1}"
                )
            if int(column) >= width:
                raise LookupError(
                    f"{self.name} has no column {column}. Columns are counted from 0; the last is {width - 1}."
                )
            places[name] = int(column)
        token, tag = (places.get(name, default) for name, default in defaults.items())
        if token == tag:
            raise ValueError(
                f"Tokens and tags must be in columns of their own. Got {token} for both, of {width} in {self.name}. "
                "Say which is which: --columns tokens=0,tags=1, say."
            )
        if self._numbered and len(places) < 2:
            self.notes = (
                f"{self.name}: its first column numbers the tokens; tokens are read from column {token} and tags from "
                f"{tag}; others: --columns tokens=…,tags=…",
            )
        return token, tag

    def _cells(self, line):
        if self._tabbed:
            return [cell.strip(BLANK) for cell in line.rstrip(BLANK).split("\t")]
        return BETWEEN.split(line.strip(BLANK))

    def sentences(self, meter: Meter | None = None) -> Iterator[Read]:
        """Yields the sentences, each at its first line; one with a line that can't be used at that line."""
        group, document = _Group(), 0
        with self._lines.opened(meter, cut=True) as lines:
            for number, line in enumerate(lines, 1):
                blank = not line.strip(BLANK)
                if blank or line.lstrip(BLANK).startswith(DOCUMENT):
                    yield from group.take()
                    group, document = _Group(), document + (not blank)
                elif line[0] == "#" and not group.places and not group.fault and self._is_comment(line):
                    document += bool(BEGINNING.match(line))
                else:
                    self._add(group, number, line)
                    group.document = document
            yield from group.take()

    def _is_comment(self, line):
        return bool(COMMENT.match(line)) or len(self._cells(line)) != self._width

    def _add(self, group, number, line):
        fault = nul_fault(line) if "\0" in line else None
        cells = () if fault else self._cells(line)
        if not fault and self._numbered and COUNTED.fullmatch(cells[0]):
            return
        fault = fault or self._fault(line, cells)
        if fault:
            group.fault = group.fault or (number, fault)
            return
        group.places.append(number)
        group.tokens.append(cells[self._token])
        group.tags.append(tag_text(cells[self._tag]))

    def _fault(self, line, cells):
        if len(cells) != self._width:
            return Fault(
                "a wrong number of columns",
                f"{len(cells)} where others have {self._width}",
                f"Columns must stand between {'tabs' if self._tabbed else 'spaces'}, one line for each token. ",
            )
        if fault := text_fault(line, self.encoding):
            return fault
        missing = next((name for name, n in (("token", self._token), ("tag", self._tag)) if not cells[n]), None)
        return Fault(f"no {missing}") if missing else None


class _Group:
    """The lines of one sentence."""

    def __init__(self):
        self.tokens, self.tags, self.places, self.fault, self.document = [], [], [], None, 0

    def take(self) -> Iterator[Read]:
        if self.fault:
            yield self.fault
        elif self.places:
            yield self.places[0], Sentence(self.tokens, self.tags, self.places, document=self.document)


def _is_token(line):
    return bool(line.strip(BLANK)) and line[0] != "#" and not line.lstrip(BLANK).startswith(DOCUMENT)


def _is_numbered(rows):
    """Says whether the first column counts the tokens of each sentence from 1."""
    numbers = [row[0] for row in rows if not COUNTED.fullmatch(row[0])]
    counted = all(
        number == "1" or (before.isdecimal() and number == str(int(before) + 1))
        for before, number in zip(["0", *numbers], numbers, strict=False)
    )
    return counted and len(set(numbers)) > 1


def is_column_file(path, format: Format) -> bool:
    """Says whether a .tsv is a file of columns: it has a blank line between others, and --columns no names.

    A file whose columns are named is a table; in tables blank lines mean nothing.
    """
    if format.header == "yes" or not all(column.isdecimal() for column in format.columns.values()):
        return False
    if "sentence" in format.columns:
        return False
    with Lines(path, str(path), format.encoding, newline="\n").peek() as lines:
        blank = [not line.strip(BLANK) for line in itertools.islice(lines, 10 * LOOKED_AT)]
    inner = list(itertools.dropwhile(bool, blank))
    return any(before and not after for before, after in itertools.pairwise(inner))


def check_columns(columns: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuses what `--columns` names and no source of tagged text has, or two names for one column.

    Raises:
        LookupError: A name isn't among `known`.
        ValueError: Two names stand for the same column.
    """
    for name, column in columns.items():
        if name not in known:
            raise LookupError(f"--columns names {name!r}, which this recipe does not read. Known: {listed(known)}.")
        twice = [other for other in columns if columns[other] == column]
        if len(twice) > 1:
            raise ValueError(f"--columns must give each name a column of its own. Got {column!r} for {listed(twice)}.")
