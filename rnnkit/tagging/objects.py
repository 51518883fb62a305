"""Rows that hold lists (.jsonl, .json, .parquet, DataFrames) -> sentences of tokens and tags, or texts with spans."""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

from rnnkit.messages import few_of
from rnnkit.sources.faults import Fault
from rnnkit.sources.json_lines import JsonLinesTable
from rnnkit.sources.table import Meter, Table
from rnnkit.tagging.json_arrays import JsonArray
from rnnkit.tagging.marks import read_spans, shown
from rnnkit.tagging.sentences import Read, Sentence, SentenceSource, tag_text, text_fault

TOKENS, TAGS = ("tokens", "words"), tuple("tags ner_tags ner labels".split())
TEXTS, SPANS = ("text", "data", "sentence"), ("label", "labels", "entities", "spans", "annotations")
DOCUMENTS = ("document", "document_id", "doc_id")
LABEL_STUDIO = ("annotations", "completions")
"""Keys under one of which a task of Label Studio holds what people have marked."""
LOOKED_AT = 50
"""Rows by which it is told which key is which."""
SIZE, CHARACTERS = 1_024, 8 << 20
"""Rows and text read at a time."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which key of a row holds what: `tokens` and `tags`, or `text` and `spans`; "" for what there is not."""

    tokens: str = ""
    tags: str = ""
    text: str = ""
    spans: str = ""
    document: str = ""


class ObjectTable(SentenceSource):
    """A table whose rows are objects, each a sentence.

    Args:
        table: Gives name, place and bytes.
        columns: `tokens` and `tags`, or `text` and `spans` -> which key; else by the names that are known.

    Raises:
        LookupError: There are no such keys.
        ValueError: There are no rows.
    """

    def __init__(self, table: Table, columns: Mapping[str, str]):
        self.table = table
        self.name, self.unit, self.encoding = table.name, table.unit, table.encoding
        rows = [row for _, row in itertools.islice(objects(table), LOOKED_AT) if type(row) is dict]
        self.layout = _layout(table.name, rows, columns)
        self.tags = self.layout.tags or self.layout.spans
        self.scheme = None if self.layout.tokens else "bioes"

    @property
    def size(self) -> int:
        return self.table.size

    def stamp(self) -> object:
        return self.table.stamp()

    def sentences(self, meter: Meter | None = None) -> Iterator[Read]:
        """Yields the sentences, those of Label Studio that nobody has marked as such."""
        documents = {}
        for place, row in objects(self.table, meter):
            read = row if type(row) is Fault else self._read(row, place)
            if type(read) is Sentence and isinstance(document := row.get(self.layout.document), (str, int)):
                read.document = documents.setdefault(document, len(documents) + 1)
            yield place, read

    def _read(self, row, place):
        if self.layout.tokens:
            return listed_sentence(row.get(self.layout.tokens), row.get(self.layout.tags), place, self.encoding)
        text, marks = _marked(row, self.layout)
        if marks is UNMARKED:
            return Sentence([], [], [place], unmarked=True)
        if not isinstance(text, str):
            return Fault(f"no text under {self.layout.text!r}", shown(text))
        if fault := text_fault(text, self.encoding):
            return fault
        spans = read_spans(text, marks)
        return spans if type(spans) is Fault else Sentence([], [], [place], text, spans[0], recounted=spans[1])


def objects(table: Table, meter: Meter | None = None) -> Iterator[tuple[int | str, dict | Fault]]:
    """Yields each row's place and its values by key, lists as they are."""
    if isinstance(table, JsonArray):
        yield from table.objects(meter)
        return
    if isinstance(table, JsonLinesTable):
        for number, (_, value), fault in table.rows(meter):
            yield number, fault or value
        return
    for portion in table.portions(size=SIZE, characters=CHARACTERS, meter=meter):
        for row, (place, line) in enumerate(zip(portion.places, portion.objects(), strict=True)):
            yield place, portion.faults.get(row) or json.loads(line)


def _layout(name, rows: Sequence[Mapping], columns) -> Layout:
    if not rows:
        raise ValueError(f"{name} has no rows. It must have an object for each sentence.")
    keys = list(dict.fromkeys(key for row in rows for key in row))
    chosen = dict(columns)
    for column in columns.values():
        if column not in keys and not _within(rows, column):
            raise LookupError(f"{name} has no key {column!r}. It has {few_of(keys, 20)}.")
    document = chosen.pop("document", next((key for key in DOCUMENTS if key in keys), ""))
    if not {"text", "spans"} & set(chosen):
        tokens = chosen.get("tokens") or _holding(rows, TOKENS, _is_plain)
        tags = chosen.get("tags") or _holding(rows, TAGS, _is_plain)
        if tokens and tags:
            return Layout(tokens=tokens, tags=tags, document=document)
    if not {"tokens", "tags"} & set(chosen):
        text = chosen.get("text") or _holding(rows, TEXTS, _is_text)
        spans = chosen.get("spans") or _holding(rows, (*LABEL_STUDIO, *SPANS), _is_marks)
        if text and spans:
            return Layout(text=text, spans=spans, document=document)
    raise LookupError(
        f"{name} has neither tokens with tags nor a text with spans. It has {few_of(keys, 20)}. Say which is which: "
        "--columns tokens=words,tags=ner for two lists a row, or text=text,spans=label for [start, end, label]."
    )


def _within(rows, column):
    return any(isinstance(row.get("data"), dict) and column in row["data"] for row in rows)


def _holding(rows, names, fits):
    """Returns the first of some keys under which a row has a value that fits."""
    return next((name for name in names if any(fits(row.get(name)) for row in rows)), "")


def _is_text(value):
    return isinstance(value, (str, dict))


def _is_plain(value):
    """Whether a value is a list of texts or numbers, one for each token."""
    return isinstance(value, list) and not any(isinstance(one, (list, dict)) for one in value)


def _is_marks(value):
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(one, (list, dict)) for one in value))


def listed_sentence(tokens: object, tags: object, place: int | str, encoding: str) -> Sentence | Fault:
    """Returns the sentence of two lists, one without tokens where both are None, or why it can't be one."""
    if tokens is None and tags is None:
        return Sentence([], [], [place])
    for name, values in (("tokens", tokens), ("tags", tags)):
        if not isinstance(values, list):
            return Fault(f"no list of {name}", shown(values))
        odd = next((value for value in values if not isinstance(value, str)), None)
        if odd is not None or None in values:
            hint = "Tags must be texts, as B-PER: write each number's name. " if name == "tags" else ""
            return Fault(f"{name} that are no texts", shown(odd), hint)
        for value in values:
            if not value.strip():
                return Fault(f"an empty one among its {name}")
            if fault := text_fault(value, encoding):
                return fault
    if len(tokens) != len(tags):
        return Fault("another number of tags than of tokens", f"{len(tags)} for {len(tokens)}")
    return Sentence([token.strip() for token in tokens], [tag_text(tag) for tag in tags], [place])


UNMARKED = object()
"""Stands for the marks of a task of Label Studio that nobody has done."""


def _marked(row, layout):
    """Returns a row's text and its marks, of Label Studio's exports those of the first annotation that counts."""
    text, marks, data = row.get(layout.text), row.get(layout.spans), row.get("data")
    if isinstance(data, dict):
        texts = [value for value in data.values() if isinstance(value, str)]
        named = (data.get(layout.text), data.get("text"), max(texts, key=len, default=None))
        text = next((value for value in named if isinstance(value, str)), None)
        if layout.spans in LABEL_STUDIO:
            return text, _done(marks)
    if isinstance(marks, dict):
        marks = marks.get("entities", marks.get("spans", marks))
    return text, marks


def _done(annotations):
    """Returns the marks of the first annotation of a task that isn't cancelled."""
    done = annotations if isinstance(annotations, list) else ()
    done = [one for one in done if isinstance(one, dict) and not one.get("was_cancelled")]
    if not done:
        return UNMARKED
    results = done[0].get("result")
    values = [one.get("value") for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    return [value for value in values if isinstance(value, dict) and ("labels" in value or "label" in value)]
