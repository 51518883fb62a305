"""Refusals of pairs: named with value and place, what is allowed, and how to mend it, in one line."""

import pathlib
import re

import pandas as pd
import pytest

from rnnkit.pairs import PairRows, PairSettings, read_pair_rows, read_pairs

SOURCES = [f"the small {noun} sees {n} red stones" for n in range(9) for noun in ("dog", "man", "cook")]
TARGETS = [f"der kleine {noun} sieht {n} rote Steine" for n in range(9) for noun in ("Hund", "Mann", "Koch")]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes lines or bytes to a file in the working directory and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(name, content):
        content = content if isinstance(content, bytes) else "".join(f"{line}\n" for line in content).encode()
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).write_bytes(content)
        return name

    return write


@pytest.fixture
def both(file):
    """Two good files."""
    return f"{file('a.en', SOURCES)},{file('a.de', TARGETS)}"


def refusal(kind, data, valid=None, test=None, **settings):
    """Returns the message with which `data` is refused, once it is sure to be one line."""
    with pytest.raises(kind) as caught:
        read_pairs(data, valid, test, PairSettings(**settings))
    message = caught.value.args[0]
    assert type(caught.value) is kind
    assert len(caught.value.args) == 1 and "\n" not in message and "  " not in message
    return message


def test_files_of_different_length_are_told_with_both_counts(file):
    file("a.en", SOURCES), file("a.de", TARGETS[:-2])
    assert refusal(ValueError, "a.en,a.de") == (
        "a.en has 27 and a.de has 25 lines. They must have as many, for line n belongs to line n. "
        "Find where a line is missing, or is broken in two."
    )
    assert refusal(ValueError, "a.de,a.en").startswith("a.de has 25 and a.en has 27 lines.")
    file("a.de", [*TARGETS, "", " "])
    message = refusal(ValueError, "a.en,a.de", skip_bad_rows=True)
    assert message.startswith("a.en has 27 and a.de has 29 lines.")
    assert message.endswith("Delete the empty ones at the end of a.de.")
    file("none", b"")
    assert refusal(ValueError, "none,a.en").startswith("none has 0 and a.en has 27 lines.")


def test_empty_lines_are_told_with_their_file_and_number(file, both):
    file("a.de", [*TARGETS[:4], "", *TARGETS[5:7], "\t", *TARGETS[8:]])
    assert refusal(ValueError, both) == (
        "a.en,a.de has 2 rows that can't be used: 2 with an empty line in a.de (lines 5, 8). "
        "Mend them, or pass --skip-bad-rows to leave them out."
    )


def test_bytes_that_are_no_utf_8_are_told_with_their_file_and_number(file, both):
    file("a.de", "\n".join([*TARGETS[:-1], "Fürst"]).encode("latin-1"))
    assert re.search(
        r"1 with bytes that are not utf-8 in a\.de \(line 27: byte 0xfc\)\. .*--encoding latin-1",
        refusal(ValueError, both),
    )
    pairs = read_pair_rows(both, PairSettings(encoding="latin-1"))
    assert pairs.translations[-1] == "Fürst"


def test_a_third_file_and_a_missing_one_are_told(file, both):
    assert refusal(ValueError, f"{both},{file('a.fr', TARGETS)}") == (
        "--data must name two files with a comma between them, what is read and what is written. "
        "Got 3: 'a.en', 'a.de', 'a.fr'."
    )
    assert refusal(ValueError, both, "a.en,").endswith("Got 1: 'a.en'.")
    assert refusal(ValueError, "a.en").startswith(
        "a.en has no partner: give two files with a comma between, what is read and what is written, such as "
        "--data a.en,a.de; or a table that ends in one of .csv, .tsv"
    )
    assert "--valid lone.txt,lone.xx; or" in refusal(ValueError, both, file("lone.txt", SOURCES))
    assert refusal(FileNotFoundError, "a.en,a.dd") == "There is no file 'a.dd'. Did you mean 'a.de'?"
    assert refusal(ValueError, "a.en,./a.en") == "--data must name two different files. Got 'a.en' twice."


def test_what_is_no_file_of_lines_is_told(file, both):
    file("a.tsv", ["text\ttranslation"])
    assert refusal(ValueError, "a.tsv,a.en").startswith("a.tsv is a table, which holds both sides: name it alone.")
    file("folder/x", SOURCES)
    assert refusal(IsADirectoryError, "folder,a.en").startswith("folder is a folder. Name a file in it")
    assert refusal(IsADirectoryError, both, "folder").startswith("folder is a folder.")
    assert refusal(ValueError, f"{file('b.en', b'PK' + bytes([3, 4]))},a.en").startswith("b.en is not text but a zip")
    assert refusal(ValueError, {"text": []}).startswith("Data must be a path, a DataFrame or tfds:NAME. Got a dict.")
    assert refusal(ValueError, f"{file('c.en', b'')},{file('c.de', b'')}").startswith("c.en,c.de has no rows.")


def test_columns_that_are_not_there_are_told(file):
    file("a.csv", ["en,de,id", *(f"{a},{b},{n}" for n, (a, b) in enumerate(zip(SOURCES, TARGETS, strict=True)))])
    message = refusal(LookupError, "a.csv")
    assert message.startswith("a.csv has no column 'text'. It has 'en', 'de', 'id'. Say which is which: --columns ")
    assert "has no column 'xx'" in refusal(LookupError, "a.csv", columns="text=en,translation=xx")
    assert refusal(LookupError, "a.csv", columns="text=en,label=de").startswith("--columns names 'label', which")
    assert "a column of its own. Got 'en'" in refusal(ValueError, "a.csv", columns="text=en,translation=en")


def test_files_in_an_order_that_columns_contradict_are_told(both):
    assert refusal(ValueError, both, columns="text=de,translation=en") == (
        "The first file is what is read, and --columns says that is 'de'. Got 'a.en,a.de'. "
        "Give --data a.de,a.en, or leave --columns out."
    )
    assert read_pairs(both, settings=PairSettings(columns="text=en,translation=de")).train


def test_the_wrong_language_order_is_told_with_the_right_one(file, both):
    file("b.en", SOURCES[:5]), file("b.de", TARGETS[:5])
    assert refusal(ValueError, both, "b.de,b.en") == (
        "b.de,b.en looks swapped, beside a.en,a.de: of its words to be read, train writes 100% and reads 14%. "
        "Give --valid b.en,b.de or --data a.de,a.en."
    )
    assert refusal(ValueError, both, test="b.de,b.en").endswith("Give --test b.en,b.de or --data a.de,a.en.")
    frame = pd.DataFrame({"text": TARGETS, "translation": SOURCES})
    assert refusal(ValueError, both, frame).startswith("DataFrame looks swapped, beside a.en,a.de")
    ours = pd.DataFrame({"text": SOURCES, "translation": TARGETS})
    assert refusal(ValueError, ours, frame).endswith("Let both have the same language on the same side.")


def test_too_few_pairs_and_none_left_are_told(both):
    frame = pd.DataFrame({"text": ["a b", "a  b", "c"], "translation": list("xyz")})
    assert refusal(ValueError, frame) == (
        "DataFrame has 3 pairs (2 different texts), too few to cut valid pairs out of. At least 3 different texts "
        "are needed. Add pairs, or give --valid and --test files."
    )
    assert refusal(ValueError, both, most_words=2) == (
        "a.en,a.de has no pair left: 27 pairs left out, 27 longer than 2 words. Loosen --least-words, --most-words "
        "or --most-ratio, or keep copies and duplicates."
    )
    frame = pd.DataFrame({"text": ["", None], "translation": ["x", "y"]})
    assert refusal(ValueError, frame) == (
        "DataFrame has 2 rows that can't be used: 2 with no text (positions 0, 1). "
        "Mend them, or pass --skip-bad-rows to leave them out."
    )
    assert refusal(ValueError, frame, skip_bad_rows=True).startswith("DataFrame has no row that can be used: 2 with")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train.en", "train.de"], r"^many has 'train\.de', 'train\.en'\. Say which is read and which is written: --c"),
        (["train.en"], r"^many/train\.en has no partner: .*--data many/train\.en,many/train\.xx"),
        (["train.src", "train.tgt", "test.src"], r"^many/test\.src has no partner: .*--test many/test\.src,many/test"),
        (
            ["train.en", "train.en.gz"],
            r"one table or two files of lines for each split\. Got 'train\.en', 'train\.en\.gz'",
        ),
        (["train.tsv", "train.src"], r"one table or two files of lines .*Got 'train\.src', 'train\.tsv'"),
        (["train.src", "train.tgt", "test_a.src", "test_b.src"], r"Got 'test_a\.src', 'test_b\.src'"),
        (
            ["valid.en", "valid.de"],
            r"^many is a folder of no known layout\. It has 'valid\.de', 'valid\.en'\. Known: t",
        ),
    ],
)
def test_folders_that_do_not_say_what_is_what_are_told(file, files, message):
    for name in files:
        file(f"many/{name}", SOURCES)
    assert re.search(message, refusal(ValueError, "many"))


def test_settings_out_of_range_are_told():
    with pytest.raises(ValueError, match=r"^most_words must be at least least_words, 5, or 0 for no limit\. Got 3\.$"):
        PairSettings(least_words=5, most_words=3)
    with pytest.raises(ValueError, match=r"^most_ratio must be at least 1, or 0 for any\. Got 0\.5\.$"):
        PairSettings(most_ratio=0.5)
    with pytest.raises(ValueError, match=r"^Each text must have a translation\. Got 2 and 1\.$"):
        PairRows(["a", "b"], ["c"])
