"""Rows to be scored: one checked table, whole, in its order, with the labels that it has."""

import pandas as pd
import pytest

from rnnkit.sources import Format, read_rows

ROWS = [("one", "b"), ("two", "a"), ("three", "b"), ("four", "b")]
FRAME = pd.DataFrame(ROWS, columns=["text", "label"])


def read(data, **format):
    return read_rows(data, format=Format(**format))


@pytest.fixture
def table(tmp_path):
    FRAME.to_csv(tmp_path / "r.csv", index=False)
    return tmp_path / "r.csv"


@pytest.mark.parametrize("limit", [0, 1 << 20])
def test_all_rows_come_in_their_order_from_memory_or_file(table, limit):
    rows = read_rows(table, format=Format(), memory_limit=limit)
    assert rows.in_memory == bool(limit)
    assert len(rows) == 4 and rows.names == ("a", "b") and rows.labels.tolist() == ["b", "a", "b", "b"]
    for _ in range(2):
        chunks = list(rows.chunks(3))
        assert [len(chunk["text"]) for chunk in chunks] == [3, 1]
        assert [row for chunk in chunks for row in zip(chunk["text"], chunk["label"], strict=True)] == ROWS


def test_a_data_frame_is_read_as_a_file_is(table):
    for data in (FRAME, table):
        assert next(read(data).chunks()) == {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}


def test_one_class_and_one_row_will_do(tmp_path):
    (tmp_path / "r.csv").write_text("text,label\nonly,one\n")
    assert read(tmp_path / "r.csv").labels.tolist() == ["one"]


def test_other_columns_are_mapped(tmp_path):
    FRAME.rename(columns={"text": "review", "label": "stars"}).to_csv(tmp_path / "r.csv", index=False)
    rows = read(tmp_path / "r.csv", columns={"text": "review", "label": "stars"})
    assert next(rows.chunks(1)) == {"text": ["one"], "label": ["b"]}
    with pytest.raises(LookupError, match=r"no column 'text'\. .*--columns text=review,label=stars$"):
        read(tmp_path / "r.csv")


def test_bad_rows_are_refused_or_left_out(tmp_path):
    (tmp_path / "r.csv").write_text("text,label\none,b\n,a\ntwo,\nthree,a\n")
    with pytest.raises(ValueError, match=r"has 2 rows that can't be used: .*\(line 3\).*\(line 4\)"):
        read(tmp_path / "r.csv")
    rows = read(tmp_path / "r.csv", skip_bad_rows=True)
    assert next(rows.chunks()) == {"text": ["one", "three"], "label": ["b", "a"]}


def test_missing_files_and_empty_ones_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*r\.csv'"):
        read(tmp_path / "r.csv")
    (tmp_path / "r.csv").write_text("text,label\n")
    with pytest.raises(ValueError, match=r"r\.csv has no rows"):
        read(tmp_path / "r.csv")


def test_progress_ends_at_the_size_of_the_file(table):
    told = []
    read_rows(table, format=Format(), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (table.stat().st_size,) * 2
