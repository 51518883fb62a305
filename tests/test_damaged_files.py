"""Damaged data files: cut short or with flipped bits they are read or refused in one line; no traceback, no hang."""

import gzip
import random
import zlib

import pandas as pd
import pytest

from rnnkit.sources import read_rows, read_splits
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.inputs import read_inputs

TRIES = 150
NAMES = ["x.csv", "x.csv.gz", "x.tsv", "x.tsv.gz", "x.jsonl", "x.jsonl.gz", "x.parquet", "x.txt.gz"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same 60 rows in each form."""
    rows = [(f'the "{noun}" was, naïvely, {word}', label) for label in ("good", "bad") for noun in "abcde" for word in
            ("fine", "dull", "warm", "cold", "rude", "🙂")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["text", "label"])
    folder = tmp_path_factory.mktemp("whole")
    frame.to_csv(folder / "x.csv", index=False)
    frame.to_json(folder / "x.jsonl", orient="records", lines=True, force_ascii=False)
    frame.to_parquet(folder / "x.parquet", row_group_size=20)
    (folder / "x.tsv").write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows))
    (folder / "x.txt").write_text("".join(f"{text}\n" for text, _ in rows))
    for name in ("x.csv", "x.tsv", "x.jsonl", "x.txt"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes(), mtime=0))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def damaged(content, chance):
    how = chance.randrange(5)
    if how == 0:
        return content[: chance.randrange(len(content))]
    if how == 1:
        start = chance.randrange(len(content))
        return content[:start] + content[start + 1 + chance.randrange(64) :]
    if how == 2:
        start = chance.randrange(len(content))
        return content[:start] + bytes(chance.randrange(64)) + content[start:]
    flipped = bytearray(content)
    for _ in range(chance.choice([1, 1, 8])):
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def tried(read):
    """Returns whether it is read; what is refused must be so in one line."""
    try:
        read()
        return True
    except (ValueError, LookupError, OSError) as error:
        assert not isinstance(error, (KeyError, IndexError, UnicodeError)), repr(error)
        assert str(error).strip() and "\n" not in str(error), repr(error)
        return False


@pytest.mark.parametrize("name", [name for name in NAMES if ".txt" not in name])
def test_labelled_rows_are_read_or_refused_in_one_line(whole, tmp_path, name):
    path, chance, outcomes = tmp_path / name, random.Random(name), []

    def read(skip, limit):
        rows = read_rows(path, format=Format(skip_bad_rows=skip), memory_limit=limit)
        assert sum(len(chunk["label"]) for chunk in rows.chunks(7)) == len(rows)

    def split():
        read_splits(path, format=Format(skip_bad_rows=True), valid_share=0.2, test_share=0.2, seed=1)

    path.write_bytes(whole[name])
    read(False, 1 << 20)
    for _ in range(TRIES):
        path.write_bytes(damaged(whole[name], chance))
        outcomes.append(tried(lambda: read(False, 1 << 20)))
        outcomes.append(tried(lambda: read(True, 100)))
        tried(split)
    assert False in outcomes and (True in outcomes or name.endswith(".gz"))


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_read_or_refused_in_one_line(whole, tmp_path, name):
    path, chance, outcomes = tmp_path / name, random.Random(name), []

    def read():
        rows = read_inputs(path, features=("text",), format=Format())
        rows.find_keys()
        for chunk in rows.chunks(7):
            assert all(type(cells) is Fault or all(type(cell) is str for cell in cells) for _, cells in chunk)
        for portion in rows.portions(size=7):
            assert len(portion.cells()) == len(portion.objects()) == len(portion)

    path.write_bytes(whole[name])
    read()
    for _ in range(TRIES):
        path.write_bytes(damaged(whole[name], chance))
        outcomes.append(tried(read))
    assert False in outcomes or not name.endswith((".gz", ".parquet"))


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".gz")])
def test_of_a_gzip_file_no_damage_of_its_content_goes_unnoticed(whole, tmp_path, name):
    path, chance, content = tmp_path / name, random.Random(name), gzip.decompress(whole[name])
    for _ in range(TRIES):
        changed = damaged(whole[name], chance)
        try:
            same = gzip.decompress(changed) == content
        except (OSError, EOFError, zlib.error):
            same = False
        path.write_bytes(changed)
        if not same:
            assert not tried(lambda: list(read_inputs(path, features=("text",), format=Format()).chunks()))


def test_a_key_that_is_no_utf_8_can_be_written_to_parquet_too(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'{"text": "a", "la\xe2el": "b"}\n')
    (portion,) = read_inputs(tmp_path / "x.jsonl", features=("text",), format=Format()).portions()
    assert portion.batch().num_rows == 1
