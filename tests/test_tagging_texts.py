"""Texts with spans: every tool's export gives the same tags; what ends inside a token or overlaps is told."""

import json
import pathlib
import re
import sys
import types

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.tagging import TaggedSettings, read_tagged_rows
from rnnkit.tagging.aligning import Changes, align
from rnnkit.tagging.schemes import spans
from rnnkit.tagging.sentences import Sentence, TextSpan

PROFILE = settings(derandomize=True, database=None, deadline=None, max_examples=200)


def token_offsets(texts):
    return [[match.span() for match in re.finditer(r"\w+|[^\w\s]", text)] for text in texts]


@pytest.fixture(autouse=True)
def plain_tokens(monkeypatch):
    """Words and marks, in the place of the tokeniser of the graph."""
    stand_in = types.SimpleNamespace(token_offsets=token_offsets)
    monkeypatch.setitem(sys.modules, "rnnkit.features.tokens", stand_in)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes rows as lines of JSON, or as one list, and returns the name."""
    monkeypatch.chdir(tmp_path)

    def _write(name, rows):
        lines = json.dumps(rows) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in rows)
        pathlib.Path(name).write_text(lines)
        return name

    return _write


TEXTS = ["Ada Lovelace left  New York.", "🙂 May in Ulm", "nothing here", "الرياض و दिल्ली"]
SPANS = [[(0, 12, "PER"), (19, 27, "LOC")], [(2, 5, "PER"), (9, 12, "LOC")], [], [(0, 6, "LOC"), (9, 15, "LOC")]]
TAGS = [
    ["B-PER", "E-PER", "O", "B-LOC", "E-LOC", "O"],
    ["O", "S-PER", "O", "S-LOC"],
    ["O", "O"],
]


def tasks(**data):
    """As Label Studio exports them."""
    for number, (text, marks) in enumerate(zip(TEXTS, SPANS, strict=True)):
        result = [
            {"value": {"start": a, "end": b, "text": text[a:b], "labels": [c]}, "type": "labels"} for a, b, c in marks
        ]
        choice = {"value": {"choices": ["x"]}, "type": "choices"}
        skipped = {"result": [], "was_cancelled": True}
        yield {"id": number, "annotations": [skipped, {"result": [choice, *result]}], "data": {"text": text, **data}}


def objects(start, end, label):
    return [
        [dict(zip((start, end, label), span, strict=True), id=n) for n, span in enumerate(marks)] for marks in SPANS
    ]


def rows_of(texts, **marks):
    (key, marks), *_ = marks.items()
    return [{"id": n, "text": text, key: own} for n, (text, own) in enumerate(zip(texts, marks, strict=True))]


FORMS = {
    "doccano.jsonl": rows_of(TEXTS, label=SPANS),
    "doccano_labels.jsonl": rows_of(TEXTS, labels=SPANS),
    "doccano_relations.jsonl": rows_of(TEXTS, entities=objects("start_offset", "end_offset", "label")),
    "spacy.jsonl": rows_of(TEXTS, entities=SPANS),
    "spacy.json": [[text, {"entities": marks}] for text, marks in zip(TEXTS, SPANS, strict=True)],
    "prodigy.jsonl": [
        {**row, "tokens": [{"text": "x", "id": 0}], "answer": "accept"}
        for row in rows_of(TEXTS, spans=objects("start", "end", "label"))
    ],
    "studio.json": list(tasks()),
    "studio_named.json": [{**task, "data": {"url": "x" * 99, "body": task["data"]["text"]}} for task in tasks()],
    "studio_min.json": [
        {key: value for key, value in row.items() if value != []}
        for row in rows_of(
            TEXTS, label=[[{"start": a, "end": b, "labels": [c]} for a, b, c in marks] for marks in SPANS]
        )
    ],
}


@pytest.mark.parametrize("name", FORMS)
def test_each_tool_gives_the_same_tags(write, name):
    columns = "text=body" if "named" in name else ""
    rows = read_tagged_rows(write(name, FORMS[name]), TaggedSettings(columns=columns))
    assert rows.texts == TEXTS
    assert rows.tokens[0] == ["Ada", "Lovelace", "left", "New", "York", "."]
    assert rows.tags[:3] == TAGS
    assert rows.scheme == "bioes"
    assert rows.notes == ()


def test_keys_of_other_names_and_data_frames_are_read(write):
    rows = [{"body": text, "marks": marks} for text, marks in zip(TEXTS[:3], SPANS[:3], strict=True)]
    columns = TaggedSettings(columns="text=body,spans=marks")
    assert read_tagged_rows(write("a.jsonl", rows), columns).tags == TAGS
    frame = pd.DataFrame(rows)
    assert read_tagged_rows(frame, columns).tags == TAGS


def test_tasks_that_nobody_has_marked_are_left_out_and_counted(write):
    more = [{"id": 9, "data": {"text": "May"}, "annotations": []}, {"id": 10, "data": {"text": "May"}}]
    rows = read_tagged_rows(write("a.json", [*tasks(), *more]))
    assert len(rows) == len(TEXTS)
    assert "a.json: left out 2 rows: 2 that nobody has marked." in rows.notes


def test_offsets_in_units_of_utf_16_are_seen_by_the_text_they_quote(write):
    marks = [{"start": 3, "end": 6, "text": "May", "labels": ["PER"]}]
    rows = read_tagged_rows(write("a.json", rows_of(["🙂 May in Ulm"], label=[marks])))
    assert rows.tags == [["O", "S-PER", "O", "O"]]
    assert rows.notes == ("a.json: the offsets of 1 spans count units of UTF-16, by the text they quote.",)


def read_one(write, text, marks, **chosen):
    return read_tagged_rows(write("a.jsonl", rows_of([text], label=[marks])), TaggedSettings(**chosen))


def test_white_space_at_the_ends_and_copies_of_spans_mean_nothing(write):
    rows = read_one(write, "Ada in  Ulm ", [[0, 4, "PER"], [6, 12, "LOC"], [8, 11, "LOC"], [8, 11, "LOC"]])
    assert (rows.tags, rows.notes) == ([["S-PER", "O", "S-LOC"]], ())


def test_spans_that_end_inside_a_token_are_widened_and_told(write):
    marks = [[0, 3, "PER"], [8, 12, "LOC"], [13, 13, "X"]]
    rows = read_one(write, "Adam in Ulmer .", marks)
    assert rows.tags == [["S-PER", "O", "S-LOC", "O"]]
    assert rows.notes == (
        "a.jsonl: 2 spans ending inside a token widened: line 1, 'Ada' (0-3, PER) to 'Adam'; "
        "line 1, 'Ulme' (8-12, LOC) to 'Ulmer'.",
        "a.jsonl: 1 span holding no token left out: line 1, '' (13-13, X).",
    )
    dropped = read_one(write, "Adam in Ulmer .", marks[:2], misaligned="drop")
    assert dropped.tags == [["O", "O", "O", "O"]]
    assert "2 spans ending inside a token left out: line 1, 'Ada' (0-3, PER)" in dropped.notes[0]
    with pytest.raises(ValueError, match=r"1 with a span that ends inside a token \(line 1: 'Ada' \(0-3, PER\)\)"):
        read_one(write, "Adam in Ulmer .", marks, misaligned="refuse")


def test_spans_that_overlap_are_refused_or_the_longest_is_kept(write):
    marks = [[4, 12, "LOC"], [0, 12, "ORG"], [13, 16, "PER"]]
    with pytest.raises(ValueError) as caught:
        read_one(write, "the New York May", marks)
    assert str(caught.value) == (
        "a.jsonl has 1 row that can't be used: 1 with spans that overlap (line 1: 'New York' (4-12, LOC) and "
        "'the New York' (0-12, ORG)). A token has one tag: leave one of them out, or pass --overlapping longest. "
        "Mend it, or pass --skip-bad-rows to leave it out."
    )
    rows = read_one(write, "the New York May", marks, overlapping="longest")
    assert rows.tags == [["B-ORG", "I-ORG", "E-ORG", "S-PER"]]
    assert rows.notes == (
        "a.jsonl: 1 span overlapping a longer one left out: line 1, 'New York' (4-12, LOC) beside "
        "'the New York' (0-12, ORG).",
    )


WORDS = st.sampled_from(["Ada", "ज़ू", "e\u0301", "👩🏽\u200d🚀", "東京", "שלום", "x" * 200, ",", " ", "  ", "\n", "\t"])


@PROFILE
@given(st.lists(WORDS, max_size=8).map("".join), st.data())
def test_a_span_gets_the_tokens_that_it_touches_and_no_others(text, data):
    ends = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    span = TextSpan("X", *ends)
    (offsets,) = token_offsets([text])
    sentence = Sentence([], [], [1], text, [span])
    changes = Changes()
    assert align(sentence, offsets, TaggedSettings(), "line", changes) is None
    assert sentence.tokens == [text[start:stop] for start, stop in offsets]
    touched = [n for n, (a, b) in enumerate(offsets) if set(range(a, b)) & set(range(*ends))]
    assert spans(sentence.tags) == ([("X", touched[0], touched[-1] + 1)] if touched else [])
    whole = bool(touched) and (offsets[touched[0]][0], offsets[touched[-1]][1]) == tuple(ends)
    assert bool(changes.counts) is not whole
    if len(touched) == 1 and not whole:
        assert repr(sentence.tokens[touched[0]])[:39] in changes.examples["ending inside a token widened"][0]
