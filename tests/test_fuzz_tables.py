"""Fuzzing of the readers of csv, tsv and jsonl: whatever a file holds, it is read or refused in one line, soon."""

import contextlib
import datetime
import json
import pathlib
import tempfile

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rnnkit.sources import read_rows, read_splits
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import HEADERS, QUOTINGS, Format
from rnnkit.sources.inputs import read_inputs

PROFILE = settings(
    deadline=datetime.timedelta(seconds=5),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    max_examples=600,
)
ENDS = ["\n", "\r\n", "\r", "\n\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", ""]
ODD = [
    '"',
    '""',
    "'",
    ",",
    "\t",
    "\0",
    "\ufeff",
    "\ud800",
    "\udc80",
    "\udfff",
    "🙂",
    "é",
    "\\",
    "\\u0000",
    "=",
    "0",
    " ",
]
NUMBERS = ["1e999", "-1e999", "9" * 5000, "NaN", "Infinity", "-0.0", "1" * 400 + ".5", "0x10", "1_000", "true", "null"]
ENCODINGS = (
    "utf-8 utf-8-sig latin-1 cp1252 ascii utf-16 utf-16-le utf-32 utf-7 gb18030 shift_jis big5 iso2022_jp".split()
)
ENCODINGS += ["idna", "punycode", "unicode_escape", "raw_unicode_escape"]


def cells():
    piece = st.sampled_from([*ODD, *NUMBERS, "good", "bad", "text", "label"]) | st.text(max_size=6)
    return st.lists(piece, max_size=4).map("".join)


def lines():
    """Lines of a table that is nearly right."""
    quoted = cells().map(lambda cell: '"' + cell.replace('"', '""') + '"')
    row = st.lists(cells() | quoted, min_size=1, max_size=4)
    return st.tuples(row, st.sampled_from([",", "\t", ";"]), st.sampled_from(ENDS)).map(
        lambda t: t[1].join(t[0]) + t[2]
    )


def tables():
    head = st.sampled_from(["text,label\n", "text\tlabel\n", '"text","label"\r\n', "text,label,text\n", "0,1\n", ""])
    good = st.lists(
        st.sampled_from(["a fine day,good\n", "a dull day,bad\n", "fine\tgood\n", "dull\tbad\n"]), max_size=9
    )
    return st.tuples(head, good, st.lists(lines(), max_size=5)).map(lambda t: t[0] + "".join([*t[1], *t[2]]))


def objects():
    """Lines of JSON, nearly right ones too."""
    scalar = st.none() | st.booleans() | st.integers() | st.floats() | cells()
    value = st.recursive(
        scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cells(), inner, max_size=3)
    )
    row = st.fixed_dictionaries({"text": value | cells(), "label": st.sampled_from(["a", "b", 1, 1.0, True, None])})
    deep = st.integers(1, 40_000).map(lambda depth: '{"text": ' + "[" * depth)
    closed = st.integers(1, 1_200).map(lambda depth: '{"text": "a", "more": ' + "[" * depth + "]" * depth + "}")
    huge = st.sampled_from(NUMBERS).map(lambda number: f'{{"text": {number}, "label": "a"}}')
    line = (
        (row | value).map(json.dumps)
        | deep
        | closed
        | huge
        | cells()
        | st.just('{"text": "a", "text": "b", "label": 1}')
    )
    return st.lists(st.tuples(line, st.sampled_from(ENDS)), max_size=8).map(lambda t: "".join(map("".join, t)))


def contents():
    encoded = st.tuples(tables() | objects(), st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-32-be", "utf-8-sig"]))
    return st.binary(max_size=300) | encoded.map(
        lambda t: t[0].encode(t[1], "replace" if "8" not in t[1] else "surrogatepass")
    )


def formats():
    columns = st.sampled_from(["text=0,label=1", "", "text=text", "label=2", "text=label,label=text", "text=review"])
    return st.tuples(columns, st.sampled_from(HEADERS), st.sampled_from(QUOTINGS), st.booleans(), st.booleans())


@contextlib.contextmanager
def refused_in_one_line(name):
    """Lets the errors through that a user can mend, if they are as they must be."""
    try:
        yield
    except (ValueError, LookupError, OSError) as error:
        assert not isinstance(error, (KeyError, IndexError, UnicodeError)), repr(error)
        assert str(error).strip() and "\n" not in str(error), repr(error)


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path:
        yield pathlib.Path(path)


def made(choice, encoding):
    columns, header, quoting, skip, _ = choice
    pairs = dict(pair.split("=") for pair in columns.split(",") if pair)
    return Format(columns=pairs, header=header, quoting=quoting, skip_bad_rows=skip, encoding=encoding)


@PROFILE
@given(contents(), st.sampled_from(["x.csv", "x.tsv", "x.jsonl"]), formats(), st.sampled_from(ENCODINGS))
@example(b"\xff\xfe", "x.csv", ("", "auto", "auto", False, False), "utf-16")
@example(b'text,label\n"', "x.csv", ("", "auto", "auto", True, False), "utf-8")
@example(b'{"text": ' + b"9" * 5000 + b', "label": 1}\n', "x.jsonl", ("", "auto", "auto", False, False), "utf-8")
def test_labelled_rows_are_read_or_refused_in_one_line(folder, content, name, choice, encoding):
    path = folder / name
    path.write_bytes(content)
    with refused_in_one_line(name):
        # The small limit has the rows read again from the file.
        rows = read_rows(path, format=made(choice, encoding), memory_limit=100 if choice[-1] else 1 << 20)
        chunks = list(rows.chunks(3))
        assert sum(len(chunk["label"]) for chunk in chunks) == len(rows) > 0
        for text in (text for chunk in chunks for column in chunk.values() for text in column):
            assert type(text) is str and text.strip() and text.encode()


@PROFILE
@given(contents(), st.sampled_from(["x.csv", "x.tsv", "x.jsonl", "x.txt"]), formats(), st.sampled_from(ENCODINGS))
def test_inputs_are_read_or_refused_in_one_line(folder, content, name, choice, encoding):
    path = folder / name
    path.write_bytes(content)
    with refused_in_one_line(name):
        rows = read_inputs(path, features=("text",), format=made(choice, encoding))
        if choice[-1]:
            rows.find_keys()
        for chunk in rows.chunks(3):
            assert 0 < len(chunk) <= 3
            for _, cells in chunk:
                assert type(cells) is Fault or all(type(cell) is str and cell.encode() is not None for cell in cells)
        for portion in rows.portions(size=3):
            # What predict writes: as a table, as JSON and as parquet.
            assert len(portion.cells()) == len(portion.objects()) == portion.batch().num_rows == len(portion)
            assert all(type(json.loads(text)) is dict for text in portion.objects())


@settings(PROFILE, max_examples=300)
@given(tables() | objects(), st.sampled_from(["x.csv", "x.tsv", "x.jsonl"]), formats())
def test_rows_are_split_or_refused_in_one_line(folder, content, name, choice):
    path = folder / name
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with refused_in_one_line(name):
        splits = read_splits(path, format=made(choice, "utf-8"), valid_share=0.2, test_share=0.2, seed=3)
        assert sum(splits.card["rows"].values()) == sum(map(len, (splits.train, splits.valid, splits.test)))
        assert min(splits.card["rows"].values()) > 0


def valid_rows():
    texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=12)
    row = st.tuples(texts.filter(str.strip), st.sampled_from(["good", "bad", 'so "so"', "a,b"]))
    return st.lists(row, min_size=1, max_size=6)


@settings(PROFILE, max_examples=200)
@given(valid_rows(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.booleans())
def test_what_csv_and_json_write_is_read_back_the_same(folder, rows, encoding, tabled):
    import csv
    import io

    if tabled:
        made = io.StringIO(newline="")
        writer = csv.writer(made, quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "label"), *rows])
        text, path = made.getvalue(), folder / "x.csv"
    else:
        text = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
        path = folder / "x.jsonl"
    path.write_bytes(text.encode(encoding))
    (chunk,) = read_rows(path, format=Format(encoding=encoding)).chunks()
    assert list(zip(chunk["text"], chunk["label"], strict=True)) == rows
