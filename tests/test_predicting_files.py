"""Predicting on files: types, digits and names are kept, and rows the model fails at are found."""

import csv
import functools
import gzip
import json
import os

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from stand_in_bundle import Lengths, Said, names, write_table

from rnnkit.predicting import files, partial, predict_file
from rnnkit.sources import Format


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(files, "SIZE", 7)
    monkeypatch.setattr(partial, "EVERY", 0.0)


@pytest.fixture
def source(tmp_path):
    return functools.partial(write_table, tmp_path)


def test_parquet_keeps_its_types_and_what_is_missing_is_null(tmp_path):
    types = {
        "text": pyarrow.string(),
        "n": pyarrow.int8(),
        "when": pyarrow.timestamp("us", "UTC"),
        "price": pyarrow.decimal128(9, 2),
        "kind": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
        "tags": pyarrow.list_(pyarrow.string()),
    }
    rows = [{"text": "a", "n": k, "when": k, "price": k, "kind": "xy"[k % 2], "tags": ["t"] * k} for k in range(5)]
    rows += [{name: None for name in types}] * 20
    table = pyarrow.Table.from_pylist(rows, pyarrow.schema(types.items(), metadata={"from": "here"}))
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    done = predict_file(Lengths(), tmp_path / "in.parquet", tmp_path / "out.parquet", format=Format())
    read = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert read.select(list(types)).equals(table) and read.schema.metadata[b"from"] == b"here"
    assert done.failed == 0 and read["error"].null_count == len(rows)
    kinds = [str(read.schema.field(name).type) for name in ("label", "probability_odd", "length", "error")]
    assert kinds == ["string", "float", "int64", "string"]
    done = predict_file(
        Lengths(), tmp_path / "in.parquet", tmp_path / "two.parquet", format=Format(columns={"text": "tags"})
    )
    frame = pd.read_parquet(tmp_path / "two.parquet")
    assert done.failed == 5 and frame.label.isna().sum() == 5
    assert frame.error[0] == "row 1: a cell of many values: a list"


def test_json_lines_keep_every_digit_and_numbers_of_a_table_stay_text(tmp_path):
    lines = [
        '{"text": "a", "n": 1.10}',
        '{ "big": 12345678901234567890, "text":"b" }',
        "{}",
        "{broken",
        '{"text": "\\ud800"}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    predict_file(Lengths(), tmp_path / "in.jsonl", tmp_path / "out.jsonl", format=Format())
    out = (tmp_path / "out.jsonl").read_text().splitlines()
    assert out[0].startswith('{"text": "a", "n": 1.10, "label": "odd", "probability": {"odd": 0.5, "even": 0.5}, ')
    assert out[1].startswith('{ "big": 12345678901234567890, "text":"b", "label": "odd"')
    assert out[2].startswith('{"label": "even"') and json.loads(out[2])["length"] == 0
    assert json.loads(out[3]) == {
        "label": None,
        "probability": None,
        "length": None,
        "error": "line 4: broken JSON: Expecting property name enclosed in double quotes at character 2",
    }
    assert json.loads(out[4])["error"] == "line 5: half a character: \\ud800" and '"text": "\\ud800"' in out[4]
    predict_file(Lengths(), tmp_path / "in.jsonl", tmp_path / "out.csv", format=Format())
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="", encoding="utf-8")))
    assert [(row["text"], row["n"], row["big"]) for row in rows][:2] == [
        ("a", "1.1", ""),
        ("b", "", "12345678901234567890"),
    ]
    assert rows[4]["text"] == "\\ud800"


def test_a_text_the_model_fails_at_is_found_among_the_others(tmp_path, source):
    class Picky(Lengths):
        def predict(self, rows, *, signature):
            if any(len(text) > 33 for text in rows["text"]):
                raise MemoryError("too long")
            return super().predict(rows, signature=signature)

    table = source("csv")
    predict_file(Lengths(), table, tmp_path / "all.csv", format=Format())
    done = predict_file(Picky(), table, tmp_path / "out.csv", format=Format())
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="")))
    every = list(csv.DictReader((tmp_path / "all.csv").open(newline="")))
    too_long = [len(row["text"]) > 33 for row in every]
    assert sum(too_long) > 3 and done.failed == sum(too_long) + 1
    for row, other, failed in zip(rows, every, too_long, strict=True):
        expected = (
            {**other, **dict.fromkeys(["label", "probability_odd", "probability_even", "length"], "")}
            if failed
            else other
        )
        assert {**row, "error": ""} == {**expected, "error": ""}
        assert ("too long" in row["error"]) == failed

    class Broken(Lengths):
        def predict(self, rows, *, signature):
            raise MemoryError("none left")

    with pytest.raises(ValueError, match=r"lengths/3 can't answer: none left\."):
        predict_file(Broken(), table, tmp_path / "never.csv", format=Format())
    assert names(tmp_path) == ["all.csv", "in.csv", "out.csv"]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_input_leaves_nothing_behind(tmp_path, source, damage):
    content = gzip.compress(source("csv").read_bytes() * 40)
    content = content[: len(content) * 2 // 3] if damage == "cut" else content[:-6] + b"\0" + content[-5:]
    (tmp_path / "in.csv.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"in\.csv\.gz is damaged after line \d+"):
        predict_file(Lengths(), tmp_path / "in.csv.gz", tmp_path / "out.csv", format=Format())
    assert names(tmp_path) == ["in.csv", "in.csv.gz"]


def test_a_frame_is_answered_into_a_file(tmp_path):
    frame = pd.DataFrame({"text": ["a", None, "ccc"], "x": [1.5, float("nan"), 2.0]})
    for ending in ("csv", "jsonl", "parquet"):
        done = predict_file(Lengths(), frame, tmp_path / f"out.{ending}", format=Format())
        assert (done.rows, done.answered, done.failed) == (3, 3, 0)
    assert pd.read_parquet(tmp_path / "out.parquet").length.tolist() == [1, 0, 3]
    assert [json.loads(line)["x"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [1.5, None, 2.0]
    with pytest.raises(ValueError, match=r"--resume reads the input again, which DataFrame can't be\."):
        predict_file(Lengths(), frame, tmp_path / "out.csv", format=Format(), resume=True)


def test_an_input_that_changes_meanwhile_is_told(tmp_path, source):
    table, reports = source("csv"), Said()

    class Changing(Lengths):
        def predict(self, rows, *, signature):
            os.utime(table, (1, 1))
            return super().predict(rows, signature=signature)

    predict_file(Changing(), table, tmp_path / "out.csv", format=Format(), reporter=reports)
    assert reports.lines == [f"note: {table} has changed meanwhile; the answers are to what was read."]
