"""Fuzzing of the reader of pairs: whatever files hold and settings say, pairs are read or refused in one line."""

import datetime
import gzip
import pathlib
import tempfile

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rnnkit.pairs import PairSettings, read_pair_rows, read_pairs

PROFILE = settings(
    deadline=datetime.timedelta(seconds=5),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    max_examples=300,
)
PIECES = [
    "the dog",
    "der Hund",
    "sieht 3",
    "",
    " ",
    "\t",
    ",",
    '"',
    "\0",
    "\ufeff",
    "\udc80",
    "🙂",
    "é",
    "\u2028",
    "\r",
]
HEADS = ["", "text\ttranslation\n", "en\tde\n", "en,de\n", "a\ta\n", "text\tde\n", "de\ttext\n", "0\t1\n", "x\n"]


def lines():
    line = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=5).map("".join)
    odd = st.lists(st.tuples(line, st.sampled_from(["\n", "\n", "\r\n", ""])), max_size=6)
    plain = st.integers(0, 12).map(lambda count: [(f"the {n} dogs\tdie {n} Hunde", "\n") for n in range(count)])
    return st.tuples(plain, odd).map(lambda both: "".join(text + end for text, end in both[0] + both[1]))


def contents():
    return st.binary(max_size=60) | lines().map(
        lambda text: text.encode(
            "utf-8",
            "surrogateescape",
        )
    )


def choices():
    return st.fixed_dictionaries(
        {
            "columns": st.sampled_from(["", "", "", "text=0,translation=1", "text=en,translation=de", "text=de"]),
            "header": st.sampled_from(["auto", "yes", "no"]),
            "encoding": st.sampled_from(["utf-8", "utf-8", "latin-1", "utf-16", "utf-7"]),
            "skip_bad_rows": st.booleans(),
            "most_words": st.sampled_from([0, 0, 2]),
            "most_ratio": st.sampled_from([0.0, 1.0]),
            "copies": st.sampled_from(["keep", "drop"]),
            "duplicates": st.sampled_from(["keep", "drop"]),
        }
    )


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path:
        yield pathlib.Path(path)


def check(data, chosen):
    """Reads, and proves what was read, or that what was refused is told in one line."""
    chosen = PairSettings(**chosen)
    for read in (read_pairs, read_pair_rows):
        try:
            found = read(data, settings=chosen)
        except (ValueError, LookupError, OSError) as error:
            assert not isinstance(error, (KeyError, IndexError, UnicodeError)), repr(error)
            assert str(error).strip() and "\n" not in str(error) and "\r" not in str(error), repr(error)
            continue
        splits = (found.train, found.valid, found.test) if read is read_pairs else (found,)
        assert all(map(len, splits))
        for rows in splits:
            for text, translation in zip(rows.texts, rows.translations, strict=True):
                assert text.strip() and translation.strip() and text.encode() and translation.encode()


@PROFILE
@given(contents(), contents(), choices(), st.booleans())
@example(b"a\nb\nc\nd", b"a\nb\nc\nd\n\n", {}, False)
@example(b"", b"\n", {}, True)
def test_two_files_are_read_or_refused_in_one_line(folder, first, second, chosen, packed):
    (folder / "a.en").write_bytes(first)
    name = "a.de.gz" if packed else "a.de"
    (folder / name).write_bytes(gzip.compress(second) if packed else second)
    check(f"{folder}/a.en,{folder}/{name}", chosen)


@PROFILE
@given(st.sampled_from(HEADS), contents(), choices(), st.sampled_from(["x.tsv", "x.csv", "x.jsonl"]))
@example("", b'{"en": "a", "de": "b"}\n{"en": "c", "de": "d"}\n{"en": "e", "de": "f"}\n', {}, "x.jsonl")
@example("", b'{"text": [1], "translation": "b"}\n', {}, "x.jsonl")
def test_tables_are_read_or_refused_in_one_line(folder, head, content, chosen, name):
    (folder / name).write_bytes(head.encode() + content)
    check(folder / name, chosen)


@settings(PROFILE, max_examples=150)
@given(st.text(alphabet=",./ae\0\n~", max_size=8))
def test_names_of_nothing_are_refused_in_one_line(folder, name):
    check(name, {})
