"""Formats: the same rows in any format a user may have give the same splits."""

import csv
import gzip
import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.sources import Format, read_splits

ROWS = [(f'text {n}, with "quotes" and\na second line é{n % 3}', ("neg", "pos")[n % 2]) for n in range(23)]
PLAIN = [(text.replace("\n", " "), label) for text, label in ROWS]


def read(data, *, format=None, **more):
    options = {"valid_share": 0.2, "test_share": 0.3, "seed": 11, **more}
    return read_splits(data, format=format or Format(), **options)


def rows(split):
    return [row for chunk in split.chunks(4) for row in zip(*chunk.values(), strict=True)]


def content(splits):
    return {name: rows(getattr(splits, name)) for name in ("train", "valid", "test")}


def write_csv(path, table=ROWS, header=("text", "label"), **options):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, **options).writerows([header, *table] if header else table)
    return path


def write_tsv(path, table=PLAIN):
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in table), encoding="utf-8")
    return path


def write_jsonl(path, table=ROWS):
    lines = [json.dumps({"id": 1, "text": text, "label": label}) for text, label in table]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_parquet(path, table=ROWS):
    pd.DataFrame(table, columns=["text", "label"]).to_parquet(path, row_group_size=5)
    return path


def compressed(path):
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def write_folder(path, table=ROWS):
    for number, (text, label) in enumerate(table):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{number:02}.txt").write_text(text, encoding="utf-8", newline="")
    return path


WRITERS = {"r.csv": write_csv, "r.tsv": write_tsv, "r.jsonl": write_jsonl, "r.parquet": write_parquet}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_rows_of_the_same_data_frame(tmp_path, name):
    table = PLAIN if name == "r.tsv" else ROWS
    frame = pd.DataFrame(table, columns=["text", "label"])
    assert content(read(WRITERS[name](tmp_path / name, table))) == content(read(frame))


@pytest.mark.parametrize("name", ["r.csv", "r.tsv", "r.jsonl"])
def test_a_gzipped_file_gives_the_rows_of_the_plain_one(tmp_path, name):
    path = WRITERS[name](tmp_path / name)
    assert content(read(compressed(path))) == content(read(path))


@pytest.mark.parametrize("name", [*WRITERS, "r.csv.gz", "folder", "DataFrame"])
def test_streamed_rows_equal_those_in_memory(tmp_path, name):
    if name == "DataFrame":
        data = pd.DataFrame(ROWS, columns=["text", "label"])
    elif name == "folder":
        data = write_folder(tmp_path / "folder")
    else:
        data = WRITERS[name.removesuffix(".gz")](tmp_path / name.removesuffix(".gz"))
        data = compressed(data) if name.endswith(".gz") else data
    kept, streamed = read(data), read(data, memory_limit=10)
    assert kept.train.in_memory and not streamed.train.in_memory
    assert content(streamed) == content(kept)
    assert streamed.card == kept.card


@given(st.lists(st.tuples(st.text("ab \n,é", min_size=1), st.sampled_from("xyz")), min_size=30), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_any_table_splits_alike_in_memory_and_streamed(tmp_path_factory, table, seed):
    path = write_csv(tmp_path_factory.mktemp("any") / "any.csv", table)
    outcomes = []
    for limit in (1 << 20, 0):
        try:
            format = Format(skip_bad_rows=True)
            splits = read(path, memory_limit=limit, seed=seed, format=format)
            outcomes.append((content(splits), splits.notes))
        except ValueError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    if isinstance(outcomes[0], tuple):
        splits = outcomes[0][0]
        kept = [row for row in table if row[0].strip()]
        assert sorted(row for part in splits.values() for row in part) == sorted(kept)
        texts = [{text for text, _ in part} for part in splits.values()]
        assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])


def test_rows_come_in_the_same_order_each_time_in_chunks_of_the_size_asked(tmp_path):
    train = read(write_csv(tmp_path / "r.csv"), memory_limit=10).train
    assert rows(train) == rows(train)
    assert [len(chunk["text"]) for chunk in train.chunks(5)] == [5] * (len(train) // 5) + [len(train) % 5]


def test_labels_are_there_without_a_pass(tmp_path):
    train = read(write_csv(tmp_path / "r.csv")).train
    assert train.labels.tolist() == [label for _, label in rows(train)]
    assert [train.names[code] for code in train.codes] == train.labels.tolist()
    assert train.names == ("neg", "pos")


def test_the_card_says_path_rows_and_digest_of_the_bytes(tmp_path):
    path = write_csv(tmp_path / "r.csv")
    splits = read(str(path))
    assert splits.card["path"] == str(path)
    assert splits.card["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert splits.card["rows"] == {name: len(part) for name, part in content(splits).items()}
    assert sum(splits.card["rows"].values()) == len(ROWS)
    json.dumps(splits.card)


def test_splits_are_the_same_in_another_process(tmp_path):
    path = write_csv(tmp_path / "r.csv")
    program = (
        "import sys; from rnnkit.sources import *\n"
        f"s = read_splits({str(path)!r}, format=Format(), valid_share=0.2, test_share=0.3, seed=11)\n"
        "print(next(s.test.chunks())['text'])\n"
        "assert not {'tensorflow', 'pandas', 'pyarrow'} & set(sys.modules)"
    )
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": ".", "PYTHONIOENCODING": "utf-8"}
    output = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
    assert output.decode("utf-8").strip() == str([text for text, _ in rows(read(path).test)])


def test_columns_are_found_by_the_names_given(tmp_path):
    table = [(n, label, text) for n, (text, label) in enumerate(ROWS)]
    path = write_csv(tmp_path / "r.csv", table, ("id", "stars", "review"))
    format = Format(columns={"text": "review", "label": "stars"})
    assert content(read(path, format=format)) == content(read(write_csv(tmp_path / "plain.csv")))


@pytest.mark.parametrize("header", ["auto", "no"])
def test_without_a_header_columns_are_counted_from_0(tmp_path, header):
    path = write_csv(tmp_path / "r.csv", [(label, text) for text, label in ROWS], None)
    format = Format(columns={"text": "1", "label": "0"}, header=header)
    assert content(read(path, format=format)) == content(read(write_csv(tmp_path / "plain.csv")))


def test_numbers_in_the_first_line_are_names_if_they_are_asked_for(tmp_path):
    path = write_csv(tmp_path / "r.csv", ROWS, ("2019", "2020"))
    assert sum(read(path, format=Format(columns={"text": "2019", "label": "2020"})).card["rows"].values()) == len(ROWS)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    path = write_csv(tmp_path / "r.csv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert content(read(path)) == content(read(write_csv(tmp_path / "plain.csv")))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_other_encodings_are_read_as_named(tmp_path, encoding):
    path = write_csv(tmp_path / "r.csv")
    expected = content(read(path))
    path.write_bytes(path.read_text("utf-8").replace("\r\n", "\n").encode(encoding))
    assert content(read(path, format=Format(encoding=encoding))) == expected


def test_tsv_with_quotes_and_csv_without_are_read_as_said(tmp_path):
    tsv = write_csv(tmp_path / "r.tsv", delimiter="\t")
    expected = content(read(write_csv(tmp_path / "r.csv")))
    assert content(read(tsv, format=Format(quoting="double"))) == expected
    bare = tmp_path / "bare.csv"
    bare.write_text("text,label\n" + "".join(f'"{n}" is 5" wide,{n % 2}\n' for n in range(9)))
    parts = content(read(bare, format=Format(quoting="none"))).values()
    assert sorted(text for part in parts for text, _ in part) == [f'"{n}" is 5" wide' for n in range(9)]


def test_labels_of_any_type_become_texts():
    values = [1, 1.0, True, 2, 2.0, False] * 2
    frame = pd.DataFrame({"text": list("abcdefghijkl"), "label": values}, dtype=object)
    assert read(frame).train.names == ("1", "2", "false", "true")
    assert read(pd.DataFrame({"text": list("abcdef"), "label": [1.0, 2.0] * 3})).train.names == ("1", "2")
    assert read(pd.DataFrame({"text": list("abcdef"), "label": [1.5, 2.0] * 3})).train.names == ("1.5", "2")
    assert read(pd.DataFrame({"text": list("abcdef"), "label": np.int8([0, 1] * 3)})).train.names == ("0", "1")
    categories = pd.Categorical(["u", "v"] * 3)
    assert read(pd.DataFrame({"text": list("abcdef"), "label": categories})).train.names == ("u", "v")


def test_numbers_and_truth_values_in_json_and_parquet_become_texts(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(json.dumps({"text": n, "label": v}) for n, v in enumerate([1, 1.0, True, False] * 4)))
    assert read(path).train.names == ("1", "false", "true")
    pd.DataFrame({"text": list("abcdef"), "label": [True, False] * 3}).to_parquet(tmp_path / "r.parquet")
    assert read(tmp_path / "r.parquet").train.names == ("false", "true")


def test_the_texts_na_and_null_are_texts(tmp_path):
    table = [("NA", "null"), ("null", "NA"), ("nan", "null"), ("None", "NA"), ("x", "NA"), ("y", "null")]
    splits = read(write_csv(tmp_path / "r.csv", table))
    assert sorted(sum(content(splits).values(), [])) == sorted(table)


def test_several_features_are_read_side_by_side(tmp_path):
    table = [(f"q{n}", f"a{n // 2}", str(n % 2)) for n in range(12)]
    path = write_csv(tmp_path / "r.csv", table, ("question", "answer", "same"))
    for limit in (0, 1 << 20):
        splits = read(path, features=("question", "answer"), target="same", memory_limit=limit)
        assert next(splits.train.chunks()).keys() == {"question", "answer", "same"}
        assert sorted(sum(content(splits).values(), [])) == sorted(table)


def test_a_folder_of_classes_gives_text_and_label_of_each_file(tmp_path):
    splits = read(write_folder(tmp_path / "reviews"))
    assert sorted(sum(content(splits).values(), [])) == sorted(ROWS)


def test_a_folder_of_split_folders_keeps_its_splits_and_leaves_unlabelled_texts_out(tmp_path):
    train, test = ROWS[:14], ROWS[14:]
    write_folder(tmp_path / "train", train)
    write_folder(tmp_path / "test", test)
    write_folder(tmp_path / "train", [("no label", "unsup")])
    splits = read(tmp_path)
    assert sorted(rows(splits.test)) == sorted(test)
    assert sorted(rows(splits.train) + rows(splits.valid)) == sorted(train)
    assert splits.train.names == ("neg", "pos")
    assert any("unsup" in note and "no labels" in note for note in splits.notes)


@pytest.mark.parametrize("name", ["valid", "val", "dev", "validation"])
def test_a_folder_of_split_files_keeps_its_splits(tmp_path, name):
    write_csv(tmp_path / "train.csv", ROWS[:11])
    write_jsonl(tmp_path / f"{name}.jsonl", ROWS[11:17])
    compressed(write_tsv(tmp_path / "test.tsv", PLAIN[17:])).rename(tmp_path / "test.tsv.gz")
    (tmp_path / "test.tsv").unlink()
    splits = read(tmp_path)
    assert content(splits) == {"train": ROWS[:11], "valid": ROWS[11:17], "test": PLAIN[17:]}


def test_given_valid_and_test_are_used_as_they_are(tmp_path):
    path = write_csv(tmp_path / "r.csv", ROWS[:10])
    valid = write_jsonl(tmp_path / "v.jsonl", ROWS[10:15])
    splits = read(path, valid=valid, test=pd.DataFrame(ROWS[15:], columns=["text", "label"]))
    assert content(splits) == {"train": ROWS[:10], "valid": ROWS[10:15], "test": ROWS[15:]}


def test_only_the_split_not_given_is_cut_out(tmp_path):
    splits = read(write_csv(tmp_path / "r.csv"), test=write_csv(tmp_path / "t.csv", ROWS[:3]))
    assert splits.card["rows"] == {"train": 19, "valid": 4, "test": 3}


def test_progress_ends_at_the_total_and_never_falls(tmp_path, monkeypatch):
    monkeypatch.setattr("rnnkit.sources.table.STEP", 1)
    path, calls = write_csv(tmp_path / "r.csv"), []
    read(path, test=write_parquet(tmp_path / "t.parquet"), progress=lambda done, total: calls.append((done, total)))
    size = path.stat().st_size + (tmp_path / "t.parquet").stat().st_size
    assert calls[-1] == (size, size)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
