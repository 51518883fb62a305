"""Inputs: all rows with all their cells, in order, those that can't be used as well."""

import csv
import gzip
import io
import json
import os

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.sources import Format, read_inputs
from rnnkit.sources.faults import Fault
from rnnkit.sources.pipes import read_ahead
from rnnkit.sources.whole import read_whole


def read(path, *, features=("text",), format=None, **more):
    """Returns places and cells or faults of all rows."""
    rows = read_inputs(path, features=features, format=format or Format(), **more)
    return [row for chunk in rows.chunks(3) for row in chunk]


def cells(path, **more):
    return [row for _, row in read(path, **more)]


def asked(path, *, features=("text",), format=None):
    """Returns the features' texts alone."""
    rows = read_inputs(path, features=features, format=format or Format())
    columns = [[text for portion in rows.portions() for text in portion.column(p)] for p in rows.features.values()]
    return list(zip(*columns, strict=True))


def test_a_table_needs_no_target_and_keeps_every_column(tmp_path):
    table = [["id", "review", "x"], ["1", "one, two", " "], ["2", "", 'say "hi"'], ["3", " \t", "NA"]]
    with open(tmp_path / "r.csv", "w", newline="") as file:
        csv.writer(file).writerows(table)
    format = Format(columns={"text": "review", "label": "stars"})
    rows = read_inputs(tmp_path / "r.csv", features=("text",), format=format)
    assert rows.columns == ("id", "review", "x") and rows.features == {"text": 1}
    assert read(tmp_path / "r.csv", format=format) == list(zip([2, 3, 4], table[1:], strict=True))


def test_columns_of_a_table_without_header_are_counted(tmp_path):
    (tmp_path / "r.csv").write_text("7,fine\n2,dull\n")
    rows = read_inputs(tmp_path / "r.csv", features=("text",), format=Format(columns={"text": "1"}))
    assert rows.columns == ("0", "1")
    assert list(rows.chunks()) == [[(1, ["7", "fine"]), (2, ["2", "dull"])]]


def test_missing_values_of_typed_tables_are_empty_texts(tmp_path):
    frame = pd.DataFrame({"text": ["a", None, "c"], "other": [1.0, float("nan"), 3.0]})
    expected = [("a", "1"), ("", ""), ("c", "3")]
    features = ("text", "other")
    assert asked(frame, features=features) == expected
    frame.to_parquet(tmp_path / "r.parquet")
    assert asked(tmp_path / "r.parquet", features=features) == expected
    (tmp_path / "r.jsonl").write_text('{"text": "a", "other": 1}\n{"text": null}\n{"text": "c", "other": 3.0}\n')
    assert asked(tmp_path / "r.jsonl", features=features) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_file_gives_one_row_a_line_blank_ones_too(tmp_path, end):
    content = end.join(["first, line", "", 'an "open quote', "é\u2028x"]).encode() + end.encode()
    (tmp_path / "r.txt").write_bytes(b"\xef\xbb\xbf" + content)
    (tmp_path / "r.txt.gz").write_bytes(gzip.compress(content))
    expected = [["first, line"], [""], ['an "open quote'], ["é\u2028x"]]
    assert cells(tmp_path / "r.txt") == cells(tmp_path / "r.txt.gz") == expected


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (None, b"one\ntwo", [["one"], ["two"]]),
        ("csv", b'text,n\n"a,b",1\n', [["a,b", "1"]]),
        ("tsv", b'text\tn\n"a\t1\n', [['"a', "1"]]),
        ("jsonl", b'{"text": "a", "n": 1}\n{"n": true}\n', [["a", "1"], ["", "true"]]),
    ],
)
def test_a_dash_is_stdin(monkeypatch, kind, content, expected):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert cells("-", kind=kind) == expected


@pytest.mark.parametrize(("kind", "head"), [("txt", b""), ("csv", b"text\n"), ("jsonl", b"")])
def test_a_slow_pipe_gives_each_line_before_the_next_is_written(monkeypatch, kind, head):
    lines = [b'{"text": "one"}\n', b'{"text": "two"}\n'] if kind == "jsonl" else [b"one\n", b"two\n"]
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", buffering=0) as pipe:
        monkeypatch.setattr("sys.stdin", stdin)
        pipe.write(head + lines[0])
        portions = read_inputs("-", features=("text",), format=Format(), kind=kind).portions_as_they_come()
        assert next(portions).column(0) == ["one"]
        pipe.write(lines[1])
        assert next(portions).column(0) == ["two"]
        # The reading thread ends before what it reads from is closed.
        pipe.close()
        assert list(portions) == []


def test_items_that_are_there_are_joined_and_never_weigh_more_than_is_allowed():
    def items():
        yield from range(50)
        raise ValueError("item 50 is odd")

    come = []
    with pytest.raises(ValueError, match="item 50 is odd"):
        for part in read_ahead(items(), lambda item: 10, most=7, weight=35):
            assert 1 <= len(part) <= 4
            come += part
    assert come == list(range(50))


def test_rows_come_in_portions_before_the_file_is_read_whole(tmp_path):
    (tmp_path / "r.txt").write_text("a line\n" * 300_000 + "b\0d\n")
    rows = read_inputs(tmp_path / "r.txt", features=("text",), format=Format())
    assert len(next(rows.portions(size=1_024))) == 1_024
    assert [len(portion.faults) for portion in rows.portions()][-2:] == [0, 1]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "txt"])
def test_a_portion_ends_where_its_text_passes_the_limit(tmp_path, ending):
    texts = [str(n) * (1_000 if n % 5 == 0 else 1) for n in range(10, 60)]
    path = tmp_path / f"r.{ending}"
    if ending == "parquet":
        pd.DataFrame({"text": texts}).to_parquet(path)
    elif ending == "jsonl":
        path.write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    else:
        path.write_text("text\n" * (ending == "csv") + "".join(f"{text}\n" for text in texts))
    rows = read_inputs(path, features=("text",), format=Format())
    portions = [portion.column(0) for portion in rows.portions(size=20, characters=3_500)]
    assert [text for portion in portions for text in portion] == texts
    assert max(map(len, portions)) <= 20 and len(portions) > 5
    assert max(sum(map(len, portion)) for portion in portions) < 3 * 3_500


def test_rows_that_cannot_be_used_keep_their_place_and_what_is_known_of_them(tmp_path):
    lines = [
        b"id,text,n",
        b'1,"a,b",7',
        b"2,too,many,cells",
        b"3,few",
        b'4,"x" y,8',
        b"5,n\0l,9",
        b"6,caf\xe9,9",
        b"7,b,1",
    ]
    (tmp_path / "r.csv").write_bytes(b"\n".join(lines) + b"\n")
    rows = read_whole(tmp_path / "r.csv", features=("text",), format=Format())
    (portion,) = rows.portions()
    assert portion.places == [2, 3, 4, 5, 6, 7, 8]
    assert portion.cells() == [
        ["1", "a,b", "7"],
        ["2", "too", "many"],
        ["3", "few", ""],
        ["4", "x", ""],
        ["5", "n\0l", "9"],
        ["6", "caf\udce9", "9"],
        ["7", "b", "1"],
    ]
    kinds = {row: fault.kind for row, fault in portion.faults.items()}
    cells = "a wrong number of cells"
    assert kinds == {1: cells, 2: cells, 3: "broken quotes", 4: "a NUL byte", 5: "bytes that are not utf-8"}
    (chunk,) = rows.chunks()
    assert [type(row) is Fault for _, row in chunk] == [False, True, True, True, True, True, False]


@pytest.mark.parametrize("rows", [1, 300])
def test_a_quote_that_is_never_closed_costs_its_own_line(tmp_path, rows):
    lines = [f"{n},text" for n in range(rows)]
    (tmp_path / "r.csv").write_text("\n".join(["id,text", *lines, '"x, y",good', 'z,"open', *lines]))
    *before, (place, fault), last = [row for row in read(tmp_path / "r.csv")][: rows + 3]
    assert before == [*enumerate((line.split(",") for line in lines), 2), (rows + 2, ["x, y", "good"])]
    assert place == rows + 3 and fault.detail == "a quote opened here is never closed"
    assert last == (rows + 4, ["0", "text"])
    assert len(read(tmp_path / "r.csv")) == 2 * rows + 2


def test_lines_taken_for_an_open_cell_past_the_limit_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr("rnnkit.sources.delimited.LONGEST", 50)
    lines = [f"{n},text" for n in range(30)]
    (tmp_path / "r.csv").write_text("\n".join(["id,text", *lines, '0,"open', *lines, '0,"open', *lines]))
    rows = read(tmp_path / "r.csv")
    assert [place for place, row in rows if type(row) is Fault] == [32, 63]
    assert [row for _, row in rows if type(row) is list] == 3 * [line.split(",") for line in lines]


@pytest.mark.parametrize(
    ("ending", "head", "row"), [("csv", "text\n", "{}\n"), ("txt", "", "{}\n"), ("jsonl", "", '{{"text": "{}"}}\n')]
)
def test_a_line_past_the_limit_costs_itself(tmp_path, monkeypatch, ending, head, row):
    monkeypatch.setattr("rnnkit.sources.text_files.LONGEST", 50)
    path = tmp_path / f"r.{ending}"
    path.write_text(head + "".join(row.format(text) for text in ["a", "b" * 240, "c"]))
    (_, a), (place, fault), (_, c) = read(path)
    assert (a, c) == (["a"], ["c"]) and fault.kind == "more than 50 characters"
    assert place == 2 + bool(head)


@given(st.lists(st.tuples(st.text(st.sampled_from('ab,"\n')), st.sampled_from(["", "x", "é"])), min_size=1, max_size=8))
def test_what_the_stdlib_writes_is_read_whole(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("whole") / "r.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("text", "n"), *rows])
    assert cells(path) == [list(row) for row in rows]


def test_json_lines_are_kept_as_they_were(tmp_path):
    lines = ['{"text": "a", "n": 1.10, "big": 12345678901234567890.5}', '{"text": ["a"]}', "{", '{"late": {"k": [1]}}']
    (tmp_path / "r.jsonl").write_text("\n".join(lines) + "\n\n[1]\n")
    rows = read_inputs(tmp_path / "r.jsonl", features=("text",), format=Format())
    (portion,) = rows.portions()
    assert portion.objects() == [lines[0], lines[1], "{}", lines[3], "{}"]
    assert portion.places == [1, 2, 3, 4, 6]
    kinds = {row: fault.kind for row, fault in portion.faults.items()}
    assert kinds == {1: "a cell of many values", 2: "broken JSON", 4: "JSON that is no object"}
    assert portion.cells()[3] == ["", "", "", '{"k": [1]}'] and rows.columns == ("text", "n", "big", "late")


def test_keys_of_later_lines_become_columns_once_they_are_looked_for(tmp_path):
    lines = ['{"text": "a"}'] * 60 + ['{"late": 1, "text": "b"}']
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    rows = read_inputs(tmp_path / "r.jsonl", features=("text",), format=Format())
    assert rows.columns == ("text",)
    (portion,) = rows.portions()
    assert portion.others() == {"late"}
    rows.find_keys()
    assert rows.columns == ("text", "late")
    (portion,) = rows.portions()
    assert portion.others() == set() and portion.cells()[60] == ["b", "1"]


def test_typed_rows_keep_their_types_and_are_shown_as_text_and_json(tmp_path):
    table = pyarrow.table(
        {
            "text": ["a", None, "c"],
            "n": pyarrow.array([1, None, 3], pyarrow.int16()),
            "list": [[1, 2], None, []],
            "when": pyarrow.array([0, 1, None], pyarrow.timestamp("s", "UTC")),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "r.parquet")
    rows = read_inputs(tmp_path / "r.parquet", features=("text",), format=Format())
    (portion,) = rows.portions()
    assert pyarrow.Table.from_batches([portion.batch()]).cast(table.schema).equals(table)
    assert portion.cells()[0] == ["a", "1", "[1, 2]", "1970-01-01 00:00:00+00:00"]
    assert json.loads(portion.objects()[1]) == {
        "text": None,
        "n": None,
        "list": None,
        "when": "1970-01-01 00:00:01+00:00",
    }
    assert portion.kept([2]).cells() == [["c", "3", "[]", ""]]


def test_bytes_that_a_parquet_file_calls_text_are_a_fault_of_their_row(tmp_path):
    raw = pyarrow.array([b"fine", b"caf\xe9"], pyarrow.binary())
    text = pyarrow.Array.from_buffers(pyarrow.string(), 2, raw.buffers())
    pyarrow.parquet.write_table(pyarrow.table({"text": text}), tmp_path / "r.parquet")
    (fine, (place, fault)) = read(tmp_path / "r.parquet")
    assert fine == (1, ["fine"]) and place == 2 and fault.detail == "byte 0xe9"


def test_text_lines_are_refused_for_recipes_of_several_columns(tmp_path):
    for path in ("-", tmp_path / "r.txt"):
        with pytest.raises(ValueError, match=r"is read as one text a line, and this recipe reads 'a', 'b'\."):
            read_inputs(path, features=("a", "b"), format=Format())


def test_missing_files_folders_and_columns_are_named_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*r\.txt'"):
        read_inputs(tmp_path / "r.txt", features=("text",), format=Format()).chunks().__next__()
    with pytest.raises(IsADirectoryError, match="is a folder. Name a file"):
        read_inputs(tmp_path, features=("text",), format=Format())
    (tmp_path / "r.csv").write_text("review,id\nfine words,1\n")
    with pytest.raises(LookupError, match=r"has no column 'text'\..* --columns text=review$"):
        read_inputs(tmp_path / "r.csv", features=("text",), format=Format())
    with pytest.raises(ValueError, match=r"must end in one of .*Got '\.doc'"):
        (tmp_path / "r.doc").write_text("x")
        read_inputs(tmp_path / "r.doc", features=("text",), format=Format())
    with pytest.raises(ValueError, match=r"--format must be one of 'csv', .*Got 'xls'"):
        read_inputs(tmp_path / "r.doc", features=("text",), format=Format(), kind="xls")
    with pytest.raises(ValueError, match="A parquet file is read from its end"):
        read_inputs("-", features=("text",), format=Format(), kind="parquet")


def test_a_format_can_be_said_where_the_name_does_not(tmp_path):
    (tmp_path / "r.log").write_text('{"text": "a"}\n')
    assert cells(tmp_path / "r.log", kind="jsonl") == [["a"]]
