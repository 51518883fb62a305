"""Data files are data: small archives that unpack to gigabytes end early, and nothing in a table is run."""

import gzip
import json
import pathlib
import random

import numpy as np
import pytest

from rnnkit.features.vectors import read_vectors
from rnnkit.sources import read_rows
from rnnkit.sources.format import Format
from rnnkit.sources.inputs import read_inputs
from rnnkit.sources.text_files import LONGEST

MEGABYTE = 1 << 20


def bomb(path, start=b"", unit=b"a"):
    """Writes a small .gz that unpacks to 160 MB; only what is read of it costs time."""
    # Members of a gzip file follow each other.
    path.write_bytes(gzip.compress(start) + gzip.compress(unit * (MEGABYTE // len(unit))) * 160)
    assert path.stat().st_size < MEGABYTE
    return path


@pytest.fixture
def counted(monkeypatch):
    """Counts the characters that are read of a file."""
    from rnnkit.sources import text_files

    read, lines = [], text_files._lines

    def counting(*arguments):
        for line in lines(*arguments):
            read.append(len(line))
            yield line

    monkeypatch.setattr(text_files, "_lines", counting)
    return read


KINDS = [
    ("x.csv.gz", b"text,label\ngood,yes\n", b"a"),
    ("x.csv.gz", b"", b"a"),
    ("x.csv.gz", b'text,label\n"', b"a" * 999 + b"\n"),
    ("x.csv.gz", b'text,label\n"', b'""'),
    ("x.tsv.gz", b"text\tlabel\n", b"a"),
    ("x.tsv.gz", b"", b"\t"),
    ("x.jsonl.gz", b'{"text": "', b"a"),
    ("x.jsonl.gz", b"", b"["),
    ("x.csv.gz", b"", b"\0"),
]


@pytest.mark.parametrize(("name", "start", "unit"), KINDS)
def test_a_record_without_end_is_refused_after_the_longest(tmp_path, counted, name, start, unit):
    path = bomb(tmp_path / name, start, unit)
    with pytest.raises(ValueError) as error:
        read_rows(path, format=Format())
    assert "\n" not in str(error.value) and str(error.value).startswith(str(path))
    assert sum(counted) <= 2 * LONGEST + MEGABYTE


def test_an_input_without_end_is_passed_over_unread(tmp_path):
    path = bomb(tmp_path / "x.txt.gz")
    (chunk,) = read_inputs(path, features=("text",), format=Format()).chunks()
    ((place, fault),) = chunk
    assert place == 1 and fault.kind == f"more than {LONGEST:,} characters"


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.tsv", "x.jsonl", "x.parquet", "x.txt"])
def test_a_pickle_by_another_name_is_no_table(tmp_path, name):
    import pickle

    class Evil:
        def __reduce__(self):
            return pathlib.Path.touch, (tmp_path / "rnnkit_was_here",)

    content = pickle.dumps({"text": Evil(), "label": "x"})
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises((ValueError, LookupError, OSError)) as error:
        read_rows(tmp_path / name, format=Format())
    assert "\n" not in str(error.value) and not (tmp_path / "rnnkit_was_here").exists()


@pytest.mark.parametrize("name", ["x.pkl", "x.npy", "x.h5", "x.xlsx", "x.feather", "x.zip"])
def test_files_of_other_kinds_are_refused_by_their_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=rf"{name}"):
        read_rows(tmp_path / name, format=Format())


def test_cells_that_look_like_programs_are_texts(tmp_path):
    cells = [
        "=cmd|'/C calc'!A0",
        "__import__('os').system('x')",
        "${HOME}",
        "{{7*7}}",
        "!!python/name:os.system",
        "%s%n",
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": cell, "label": str(n % 2)}) + "\n" for n, cell in enumerate(cells)))
    (chunk,) = read_rows(path, format=Format()).chunks()
    assert chunk["text"] == cells


def test_word_vectors_are_text_and_nothing_else(tmp_path):
    path = tmp_path / "vectors.npy"
    np.save(path, np.array([{"word": 1}], object), allow_pickle=True)
    try:
        vectors, found = read_vectors(path, ["word"])
        assert not found.any()
    except ValueError as error:
        assert "\n" not in str(error)


VECTORS = b"".join(b"%s %s\n" % (word, b"0.5 " * 9 + b"1") for word in (b"one", b"two", b"three"))


def test_damaged_word_vectors_are_refused_in_one_line(tmp_path):
    whole, chance = gzip.compress(VECTORS), random.Random(1)
    for _ in range(40):
        content = bytearray(whole[: chance.randrange(12, len(whole))])
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        (tmp_path / "v.gz").write_bytes(content)
        try:
            read_vectors(tmp_path / "v.gz", ["one", "two"])
        except (ValueError, OSError) as error:
            assert "\n" not in str(error)
