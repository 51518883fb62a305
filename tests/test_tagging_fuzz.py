"""Fuzzing of the reader of tagged sentences: whatever files hold, sentences are read or refused in one line."""

import datetime
import gzip
import json
import pathlib
import re
import sys
import tempfile
import types

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rnnkit.tagging import TaggedSettings, read_tagged, read_tagged_rows
from rnnkit.tagging.schemes import SCHEMES, faults

PROFILE = settings(
    deadline=datetime.timedelta(seconds=5),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    max_examples=250,
)
PIECES = [
    *(
        "May",
        "#",
        "-DOCSTART-",
        "O",
        "B-X",
        "I-X",
        "E-Y",
        "S-",
        "NN",
        " ",
        "\t",
        "\t",
        " ",
        "1",
        "2",
        "1-2",
        "# text = a",
    ),
    *("# text = a", "", "\0", "\ufeff", "\udc80", "🙂", "\u2028", "\r", "\u00a0", '"', ",", "\x0b"),
]
HEADS = ["", "tokens\ttags\tsentence\n", "Word,Tag,Sentence #\n", "token,tag\n", "a\n"]


def contents():
    line = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)
    odd = st.lists(st.tuples(line, st.sampled_from(["\n", "\n", "\n\n", "\r\n", ""])), max_size=6)
    plain = st.integers(0, 9).map(
        lambda count: [(f"w{n} {'B-X' if n % 2 else 'O'}\nv O\n", "\n") for n in range(count)]
    )
    written = st.tuples(plain, odd).map(lambda both: "".join(text + end for text, end in both[0] + both[1]))
    return st.binary(max_size=60) | written.map(lambda text: text.encode("utf-8", "surrogatepass"))


def choices():
    return st.fixed_dictionaries(
        {
            "columns": st.sampled_from(["", "", "", "tokens=0,tags=1", "tags=0,tokens=2", "tokens=Word,sentence=Tag"]),
            "header": st.sampled_from(["auto", "yes", "no"]),
            "encoding": st.sampled_from(["utf-8", "utf-8", "latin-1", "utf-16", "utf-7"]),
            "skip_bad_rows": st.booleans(),
            "scheme": st.sampled_from(["auto", "auto", *SCHEMES]),
            "faulty_tags": st.sampled_from(["convert", "refuse"]),
            "misaligned": st.sampled_from(["drop", "widen", "refuse"]),
            "overlapping": st.sampled_from(["refuse", "longest"]),
        }
    )


def values():
    """JSON such as annotation tools write it, and other JSON."""
    text = st.text(max_size=6) | st.just("May in Ulm")
    number = st.integers(-2, 12)
    span = st.tuples(number, number, text).map(list) | st.fixed_dictionaries(
        {"start": number, "end": number, "labels": st.lists(text, max_size=2)}, optional={"text": text, "label": text}
    )
    anything = st.recursive(
        st.none() | st.booleans() | number | st.floats() | text | span,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    )
    spans = st.lists(span | anything, max_size=3) | anything
    words = st.lists(text, max_size=3) | anything
    tags = st.lists(st.sampled_from(["O", "B-X", "I-X", ""]), max_size=3) | anything
    studio = st.fixed_dictionaries(
        {"data": st.fixed_dictionaries({"text": text | anything}) | anything, "annotations": anything}
        | {"completions": st.lists(st.fixed_dictionaries({"result": st.lists(st.fixed_dictionaries({"value": span}))}))}
    )
    return (
        st.fixed_dictionaries({"text": text | anything, "label": spans}, optional={"document": anything})
        | st.fixed_dictionaries({"tokens": words, "tags": tags}, optional={"sentence": anything})
        | st.tuples(text, st.fixed_dictionaries({"entities": spans})).map(list)
        | studio
        | anything
    )


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path, pytest.MonkeyPatch.context() as patch:
        offsets = lambda texts: [[m.span() for m in re.finditer(r"\w+|[^\w\s]", text)] for text in texts]  # noqa: E731
        patch.setitem(sys.modules, "rnnkit.features.tokens", types.SimpleNamespace(token_offsets=offsets))
        yield pathlib.Path(path)


def check(data, chosen):
    """Reads, and proves what was read, or that what was refused is told in one line."""
    chosen = TaggedSettings(**chosen)
    for read in (read_tagged, read_tagged_rows):
        try:
            found = read(data, settings=chosen)
        except (ValueError, LookupError, OSError) as error:
            assert not isinstance(error, (KeyError, IndexError, UnicodeError)), repr(error)
            assert str(error).strip() and "\n" not in str(error) and "\r" not in str(error), repr(error)
            continue
        assert all("\n" not in note and "\r" not in note for note in found.notes)
        splits = (found.train, found.valid, found.test) if read is read_tagged else (found,)
        assert all(map(len, splits))
        for rows in splits:
            for tokens, tags in zip(rows.tokens, rows.tags, strict=True):
                assert tokens and all(token and token.encode() for token in tokens)
                assert not faults(tags, "none" if rows.scheme == "none" else "bioes")
                assert not any(character.isspace() for tag in tags for character in tag)


@PROFILE
@given(contents(), choices(), st.booleans())
@example(b"a\tO\n\tO\n", {}, False)
@example(b"#\n#\n", {}, True)
def test_files_of_columns_are_read_or_refused_in_one_line(folder, content, chosen, packed):
    name = "a.conll.gz" if packed else "a.conll"
    (folder / name).write_bytes(gzip.compress(content) if packed else content)
    check(folder / name, chosen)


@PROFILE
@given(st.sampled_from(HEADS), contents(), choices(), st.sampled_from(["x.tsv", "x.csv", "x.jsonl", "x.json"]))
def test_tables_are_read_or_refused_in_one_line(folder, head, content, chosen, name):
    (folder / name).write_bytes(head.encode() + content)
    check(folder / name, chosen)


@PROFILE
@given(st.lists(values(), max_size=4), choices(), st.sampled_from(["x.jsonl", "x.json"]))
@example([{"text": "a", "label": []}, {"text": {}, "label": [[0, 1, "X"]]}], {}, "x.json")
@example([{"tokens": ["a"], "tags": ["O"], "document": float("nan")}], {}, "x.jsonl")
def test_json_is_read_or_refused_in_one_line(folder, rows, chosen, name):
    lines = json.dumps(rows) if name == "x.json" else "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name).write_text(lines)
    check(folder / name, {**chosen, "columns": "", "encoding": "utf-8"})


@settings(PROFILE, max_examples=100)
@given(st.text(alphabet=",./ae\0\n~", max_size=8))
def test_names_of_nothing_are_refused_in_one_line(folder, name):
    check(name, {})
