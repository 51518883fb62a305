"""Inputs: rows to be answered, one for one and in order, with empty cells as empty texts."""

import csv
import gzip
import io
import os

import pandas as pd
import pytest

from rnnkit.sources import Format, read_inputs


def read(path, *, features=("text",), format=None):
    chunks = list(read_inputs(path, features=features, format=format or Format()))
    assert all(list(chunk) == list(features) for chunk in chunks)
    return [row for chunk in chunks for row in zip(*chunk.values(), strict=True)]


def test_a_table_needs_no_target(tmp_path):
    with open(tmp_path / "r.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "review"), (1, "one, two"), (2, ""), (3, " \t"), (4, "NA")])
    format = Format(columns={"text": "review", "label": "stars"})
    assert read(tmp_path / "r.csv", format=format) == [("one, two",), ("",), ("",), ("NA",)]


def test_missing_values_of_typed_tables_are_empty_texts(tmp_path):
    frame = pd.DataFrame({"text": ["a", None, "c"], "other": [1.0, float("nan"), 3.0]})
    expected = [("a", "1"), ("", ""), ("c", "3")]
    assert read(frame, features=("text", "other")) == expected
    frame.to_parquet(tmp_path / "r.parquet")
    assert read(tmp_path / "r.parquet", features=("text", "other")) == expected
    (tmp_path / "r.jsonl").write_text('{"text": "a", "other": 1}\n{"text": null}\n{"text": "c", "other": 3.0}\n')
    assert read(tmp_path / "r.jsonl", features=("text", "other")) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_file_gives_one_row_a_line_blank_ones_too(tmp_path, end):
    content = end.join(["first, line", "", 'an "open quote', "é\u2028x"]).encode() + end.encode()
    (tmp_path / "r.txt").write_bytes(b"\xef\xbb\xbf" + content)
    (tmp_path / "r.txt.gz").write_bytes(gzip.compress(content))
    expected = [("first, line",), ("",), ('an "open quote',), ("é\u2028x",)]
    assert read(tmp_path / "r.txt") == read(tmp_path / "r.txt.gz") == expected


def test_a_dash_is_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo")))
    assert read("-") == [("one",), ("two",)]


def test_a_slow_pipe_gives_each_line_before_the_next_is_written(monkeypatch):
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", buffering=0) as pipe:
        monkeypatch.setattr("sys.stdin", stdin)
        chunks = read_inputs("-", features=("text",), format=Format(), size=1)
        for line in (b"one\n", b"two\n"):
            pipe.write(line)
            assert next(chunks) == {"text": [line.decode().strip()]}


def test_rows_come_in_chunks_before_the_file_is_read_whole(tmp_path):
    (tmp_path / "r.txt").write_text("a line\n" * 300_000 + "b\0d\n")
    chunks = read_inputs(tmp_path / "r.txt", features=("text",), format=Format())
    assert len(next(chunks)["text"]) == 1_024
    with pytest.raises(ValueError, match=r"r\.txt has 1 row .*a NUL byte \(line 300001\)"):
        list(chunks)


def test_text_lines_are_refused_for_recipes_of_several_columns(tmp_path):
    for path in ("-", tmp_path / "r.txt"):
        with pytest.raises(ValueError, match=r"is read as one text a line, and this recipe reads 'a', 'b'\."):
            read_inputs(path, features=("a", "b"), format=Format())


def test_bad_lines_are_named_or_left_out(tmp_path):
    (tmp_path / "r.txt").write_bytes(b"fine\ncaf\xe9\nlast\n")
    with pytest.raises(ValueError, match=r"r\.txt .*not utf-8 \(line 2: byte 0xe9\)\. .*--encoding latin-1"):
        read(tmp_path / "r.txt")
    assert read(tmp_path / "r.txt", format=Format(skip_bad_rows=True)) == [("fine",), ("last",)]
    assert read(tmp_path / "r.txt", format=Format(encoding="latin-1"))[1] == ("café",)


def test_missing_files_folders_and_columns_are_named_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*r\.txt'"):
        read_inputs(tmp_path / "r.txt", features=("text",), format=Format())
    with pytest.raises(IsADirectoryError, match="is a folder. Name a file"):
        read_inputs(tmp_path, features=("text",), format=Format())
    (tmp_path / "r.csv").write_text("review,id\nfine words,1\n")
    with pytest.raises(LookupError, match=r"has no column 'text'\..* --columns text=review$"):
        read_inputs(tmp_path / "r.csv", features=("text",), format=Format())
    with pytest.raises(ValueError, match=r"must end in one of .*Got '\.doc'"):
        (tmp_path / "r.doc").write_text("x")
        read_inputs(tmp_path / "r.doc", features=("text",), format=Format())
