"""Tables with one token a row -> sentences, by a column that says which sentence each is in."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from rnnkit.messages import few_of, listed
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.locate import find_table
from rnnkit.sources.table import Meter, Table
from rnnkit.tagging.sentences import Read, Sentence, SentenceSource, tag_text, text_fault

KNOWN_NAMES = {
    "tokens": ("tokens", "token", "words", "word", "form", "text"),
    "tags": tuple("tags tag ner_tags ner_tag ner labels label entity".split()),
    "sentence": ("sentence", "sentence #", "sentence_id", "sentence id", "sentence_idx", "sent_id", "sentence_number"),
    "document": ("document", "document_id", "doc", "doc_id"),
}
"""What columns are called by their makers, in lower case."""
NEEDED = ("tokens", "tags", "sentence")


class TokenTable(SentenceSource):
    """A table with one token a row, those of a sentence one after the other.

    A sentence goes on while its id stays, or is missing: some tables give it on the first row only.

    Args:
        data: A .csv, .tsv, .jsonl or .parquet file, or a DataFrame.
        format: How to read it; `columns` may name tokens, tags, sentence and document.
        kind: As `sources.locate.find_table`.

    Raises:
        LookupError: A column isn't there, or none says which sentence a token is in.
        ValueError: The file is empty, or not what its ending says.
    """

    def __init__(self, data, format: Format, kind: str | None = None):
        found = find_table(data, (), None, format, kind=kind)
        columns = _columns(found, format.columns)
        self._wanted = (*NEEDED, *(["document"] if "document" in columns else []))
        format = dataclasses.replace(format, columns=columns)
        self.table: Table = find_table(data, self._wanted, None, format, kind=kind)
        self.name, self.unit, self.encoding = self.table.name, self.table.unit, self.table.encoding
        self.tags = columns["tags"]

    @property
    def size(self) -> int:
        return self.table.size

    def stamp(self) -> object:
        return self.table.stamp()

    def sentences(self, meter: Meter | None = None) -> Iterator[Read]:
        """Yields the sentences, each at its first row; one with a row that can't be used at that row."""
        key, document, documents, group = None, "", {}, None
        for place, cells in self.table.records(meter):
            if type(cells) is Fault:
                group = group or _Group(0)
                group.fault = group.fault or (place, cells)
                continue
            token, tag, *ids = cells
            document = ids[1] if len(ids) > 1 and ids[1] else document
            now = (ids[0] or (key[0] if key else ""), document)
            if now != key:
                if group and key is not None:
                    yield from group.take()
                    group = None
                key = now
            group = group or _Group(documents.setdefault(document, len(documents) + 1) if document else 0)
            group.add(place, token, tag, self.encoding)
        if group:
            yield from group.take()


def _columns(table, given: Mapping[str, str]) -> dict[str, str]:
    """Returns which column is which: as the user says, else by the names that are there."""
    columns, found = dict(given), {column.casefold(): column for column in table.columns}
    for name, known in KNOWN_NAMES.items():
        if name not in columns:
            free = [found[one] for one in known if one in found and found[one] not in columns.values()]
            if free:
                columns[name] = free[0]
    missing = [name for name in NEEDED if name not in columns]
    if not missing:
        return columns
    has = f"It has {few_of(table.columns, 20)}"
    if missing == ["sentence"]:
        raise LookupError(
            f"{table.name} has no column that says which sentence each token is in. {has}. Say which does: --columns "
            f"tokens={columns['tokens']},tags={columns['tags']},sentence=…, or give a file of columns with a blank "
            "line after each sentence."
        )
    raise LookupError(
        f"{table.name} has no column for {listed(missing)}. {has}. Say which is which: --columns "
        "tokens=Word,tags=Tag,sentence=Id, say."
    )


class _Group:
    """The rows of one sentence."""

    def __init__(self, document):
        self.tokens, self.tags, self.places, self.fault, self.document = [], [], [], None, document

    def add(self, place, token, tag, encoding):
        fault = text_fault(token, encoding) or text_fault(tag, encoding)
        fault = fault or next((Fault(f"no {n}") for n, c in (("token", token), ("tag", tag)) if not c.strip()), None)
        if fault:
            self.fault = self.fault or (place, fault)
            return
        self.tokens.append(token.strip())
        self.tags.append(tag_text(tag))
        self.places.append(place)

    def take(self) -> Iterator[Read]:
        if self.fault:
            yield self.fault
        elif self.places:
            yield self.places[0], Sentence(self.tokens, self.tags, self.places, document=self.document)


def holds_tokens(rows: Sequence[Mapping], columns: Mapping[str, str]) -> bool:
    """Says whether rows of a table that can hold lists have one token each."""
    keys = [columns["tokens"]] if "tokens" in columns else KNOWN_NAMES["tokens"]
    tags = [columns["tags"]] if "tags" in columns else KNOWN_NAMES["tags"]
    cells = [[value for key, value in row.items() if key.casefold() in keys or key in keys] for row in rows]
    others = [[value for key, value in row.items() if key.casefold() in tags or key in tags] for row in rows]
    return (
        "text" not in columns
        and "spans" not in columns
        and any(cells)
        and any(others)
        and not any(isinstance(value, (list, dict)) for row in [*cells, *others] for value in row)
    )
