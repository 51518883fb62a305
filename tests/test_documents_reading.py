"""Documents: files, folders, tables and the standard library become passages that are the texts, cut once."""

import dataclasses
import pathlib
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.documents import DocumentSettings, cutting, read_documents, read_passages
from rnnkit.sources.data_frames import DataFrameTable
from rnnkit.sources.some import drawn, first

SPLITS = ("train", "valid", "test")
WORDS = ["one", "two", "three", "four", "five", "six", "seven"]
TEXT = "".join(f"{n}: {' '.join(WORDS[: n % 7 + 1])}.\n" + "\n" * (n % 5 == 0) for n in range(400))
LINES = TEXT.replace("\n\n", "\n").removesuffix("\n").split("\n")


@pytest.fixture
def short(monkeypatch):
    """Makes passages of at most 97 characters."""
    monkeypatch.setattr(cutting, "PASSAGE", 97)


def read(data, valid=None, test=None, **values):
    return read_documents(data, valid, test, DocumentSettings(**values))


def passages(rows, size=11):
    """Returns the passages and their ends, once it is sure that sizes and counts are as told."""
    chunks = list(rows.chunks(size))
    texts = [text for chunk in chunks for text in chunk["text"]]
    ends = [end for chunk in chunks for end in chunk["ends"]]
    assert all(len(chunk["text"]) == size for chunk in chunks[:-1])
    assert len(texts) == len(ends) == len(rows) == len(rows.labels)
    assert all(type(end) is bool for end in ends)
    np.testing.assert_array_equal(rows.truth(), [len(text) for text in texts])
    assert rows.truth().dtype == np.int64 and rows.characters == rows.truth().sum()
    return texts, ends


def documents(rows):
    """Returns the whole texts, of passages put together."""
    texts, held = [], ""
    for text, end in zip(*passages(rows), strict=True):
        held += text
        if end:
            texts.append(held)
            held = ""
    return texts if not held else [*texts, held]


def joined(rows):
    return "".join(passages(rows)[0])


def test_a_running_file_is_cut_in_order_at_line_ends(write, short):
    splits = read(write("a.txt", TEXT), valid_share=0.2, test_share=0.1)
    parts = [joined(getattr(splits, name)) for name in SPLITS]
    assert "".join(parts) == TEXT
    assert all(part.endswith("\n") for part in parts)
    longest = max(map(len, LINES)) + 2
    for part, share in zip(parts, (0.7, 0.2, 0.1), strict=True):
        assert abs(len(part) - share * len(TEXT)) <= longest
    assert all(max(getattr(splits, name).truth()) <= 97 and len(getattr(splits, name)) > 3 for name in SPLITS)
    assert [passages(getattr(splits, name))[1].count(True) for name in SPLITS] == [0, 0, 1]
    assert splits.card["path"] == "a.txt" and splits.card["characters"] == dict(
        zip(SPLITS, map(len, parts), strict=True)
    )
    assert splits.card["rows"] == {name: len(getattr(splits, name)) for name in SPLITS}
    assert splits.changed() == ()


@pytest.mark.parametrize("mark", [" ", ""])
def test_a_text_of_one_line_is_cut_at_a_space_or_anywhere(write, short, mark):
    text = mark.join(WORDS * 40)
    splits = read(write("a.txt", text), valid_share=0.1, test_share=0.2)
    parts = [joined(getattr(splits, name)) for name in SPLITS]
    assert "".join(parts) == text
    assert [len(part) for part in parts] == pytest.approx([len(text) * share for share in (0.7, 0.1, 0.2)], abs=6)
    assert all(part.endswith(mark) for part in parts[:-1])


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("ab \n"), min_size=160, max_size=400), st.integers(5, 60), st.booleans())
def test_any_text_is_cut_into_three_parts_that_are_the_text(tmp_path_factory, text, size, given_test):
    if not text.strip():
        return
    folder = tmp_path_factory.mktemp("any")
    file = folder / "a.txt"
    file.write_text(text, newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "PASSAGE", size)
        splits = read(file, None, file if given_test else None, valid_share=0.1, test_share=0.3)
        parts = [joined(getattr(splits, name)) for name in SPLITS]
    assert all(parts)
    assert "".join(parts[:2] if given_test else parts) == text
    if given_test:
        assert parts[2] == text


def test_a_file_larger_than_blocks_and_passages_is_streamed(write):
    text = "".join(f"line {n}, é\r\n" for n in range(60_000))
    splits = read(write("a.txt", text))
    for chunk in splits.train.chunks(3):
        assert max(map(len, chunk["text"])) <= cutting.PASSAGE
    assert "".join(joined(getattr(splits, name)) for name in SPLITS) == text.replace("\r\n", "\n")
    assert splits.train.in_memory is False


def test_the_lines_of_windows_and_old_macs_and_a_byte_order_mark_are_read_as_those_of_unix(write):
    text = "\ufeff" + TEXT.replace("\n", "\r\n", 90).replace("\n", "\r")
    assert joined(read_passages(write("a.txt", text))).count("\n") > TEXT.count("\n")
    assert joined(read_passages(write("b.txt", "\ufeff" + TEXT.replace("\n", "\r\n")))) == TEXT
    assert joined(read_passages(write("c.txt", TEXT.replace("\n", "\r")))) == TEXT
    utf_16 = write("d.txt", TEXT.replace("\n", "\r\n").encode("utf-16"))
    assert joined(read_passages(utf_16, DocumentSettings(encoding="utf-16"))) == TEXT


@pytest.mark.parametrize("lines", ["running", "own"])
def test_a_gzipped_file_is_read_as_the_plain_one(write, lines):
    plain, packed = read(write("a.txt", TEXT), lines=lines), read(write("b.txt.gz", TEXT), lines=lines)
    for name in SPLITS:
        assert passages(getattr(plain, name)) == passages(getattr(packed, name))


def test_lines_of_their_own_are_cut_in_order_without_blank_ones(write):
    splits = read(write("a.txt", TEXT), lines="own", valid_share=0.1, test_share=0.1)
    parts = [passages(getattr(splits, name)) for name in SPLITS]
    assert [line for texts, _ in parts for line in texts] == LINES
    assert all(all(ends) for _, ends in parts)
    assert [splits.card["characters"][name] for name in SPLITS] == pytest.approx(
        [share * sum(map(len, LINES)) for share in (0.8, 0.1, 0.1)], abs=40
    )
    assert splits.notes == ("a.txt: left out 80 blank lines.",)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_few_lines_of_their_own_leave_one_in_each_split(write, count):
    splits = read(write("a.txt", "short\n" * (count - 1) + "long " * 90), lines="own")
    assert sum(splits.card["rows"].values()) == count and min(splits.card["rows"].values()) == 1


def test_a_long_line_of_its_own_is_several_passages_and_ends_once(write, short):
    rows = read_passages(write("a.txt", f"{'word ' * 50}\nshort\n"), DocumentSettings(lines="own"))
    texts, ends = passages(rows)
    assert documents(rows) == ["word " * 50, "short"]
    assert len(texts) > 3 and max(map(len, texts)) <= 97 and ends.count(True) == 2


@pytest.fixture
def folder(write):
    """A folder of 20 files of text in two folders, one of them the same as another."""
    for n in range(19):
        write(f"corpus/{'ab'[n % 2]}/{n:02}.txt", TEXT[: 200 + 90 * n])
    write("corpus/a/19.txt.gz", TEXT[:200])
    return "corpus"


def test_whole_files_of_a_folder_are_drawn_equal_ones_together(folder, short):
    splits = read(folder, valid_share=0.2, test_share=0.2)
    parts = {name: documents(getattr(splits, name)) for name in SPLITS}
    assert sorted(len(text) for texts in parts.values() for text in texts) == [200, *range(200, 1900, 90)]
    assert sum(TEXT[:200] in texts for texts in parts.values()) == 1
    assert all(TEXT.startswith(text) for texts in parts.values() for text in texts)
    total = sum(splits.card["characters"].values())
    for name in ("valid", "test"):
        assert 0.1 * total < splits.card["characters"][name] <= 0.2 * total + 30
    assert splits.notes == ("corpus: reads files of several kinds: 19 .txt, 1 .gz.",)


def test_the_same_seed_draws_the_same_files_and_another_one_others(folder):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Seeded(DocumentSettings):
        seed: int = 0

        def __post_init__(self):
            pass

    drawn_files = [joined(read_documents(folder, settings=Seeded(seed=seed)).valid) for seed in (1, 1, 2, 3)]
    assert drawn_files[0] == drawn_files[1] and len(set(drawn_files)) > 1


def test_the_files_of_a_folder_come_sorted_by_their_paths(folder):
    texts = documents(read_passages(folder))
    order = sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*.txt*"))
    lengths = [200 if "19" in name else 200 + 90 * int(name[2:4]) for name in order]
    assert [len(text) for text in texts] == lengths


def test_hidden_binary_and_empty_files_and_tables_of_a_folder_are_left_out(folder, write):
    before = documents(read_passages(folder))
    write("corpus/.hidden.txt", "hidden"), write("corpus/.git/a.txt", "hidden")
    write("corpus/a.png", b"\x89PNG\r\n\x1a\n\0\0"), write("corpus/b.bin", bytes(range(256)) * 9)
    write("corpus/empty.txt", ""), write("corpus/blank.txt", "\n \n"), write("corpus/a.csv", "text\na\n")
    rows = read_passages(folder)
    assert documents(rows) == before
    assert rows.notes[1:] == (
        "corpus: left out 1 table; name one to read its texts.",
        "corpus: left out 2 files that are no text: 'corpus/a.png', 'corpus/b.bin'.",
    )


def test_lines_of_their_own_stay_with_their_file(folder):
    splits = read(folder, lines="own", valid_share=0.2, test_share=0.2)
    counts = [passages(getattr(splits, name))[0].count("0: one.") for name in SPLITS]
    assert sum(counts) == 20 and min(counts) >= 1
    lines = passages(splits.valid)[0]
    starts = [n for n, line in enumerate(lines) if line == "0: one."]
    assert starts[0] == 0
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        assert TEXT.replace("\n\n", "\n").startswith("\n".join(lines[start:stop]))


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("ptb.train", "ptb.dev", "ptb.test")])
def test_a_folder_of_files_called_so_has_splits_of_its_own(write, names):
    for number, name in enumerate(names):
        write(f"own/{name}.txt", TEXT[number * 100 : number * 100 + 99])
    write("own/README.md", "about")
    splits = read("own")
    assert [joined(getattr(splits, name)) for name in SPLITS] == [TEXT[:99], TEXT[100:199], TEXT[200:299]]
    assert splits.notes[0].startswith("own: read as splits of its own: ")


def test_a_folder_of_folders_called_so_has_splits_of_its_own_and_the_missing_one_is_cut(write):
    for n in range(9):
        write(f"own/train/{n}.txt", f"train {n} " * 9), write(f"own/test/{n}.txt", f"test {n} " * 9)
    splits = read("own")
    assert len(documents(splits.test)) == 9 and all(text.startswith("test") for text in documents(splits.test))
    assert len(documents(splits.train)) + len(documents(splits.valid)) == 9 and len(splits.valid) >= 1


def test_files_given_are_used_whole_and_what_they_share_with_train_is_told(write):
    splits = read(write("a.txt", TEXT), write("v.txt", "tiny"), write("t.txt", TEXT))
    assert joined(splits.train) == TEXT == joined(splits.test) and joined(splits.valid) == "tiny"
    assert splits.notes == ("t.txt: 1 of 1 texts are also in train; scores on them flatter.",)
    splits = read("a.txt", "v.txt")
    assert joined(splits.train) + joined(splits.test) == TEXT and len(splits.test) == 1


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "frame"])
def test_the_rows_of_a_table_are_texts_of_their_own(tmp_path, monkeypatch, short, kind):
    monkeypatch.chdir(tmp_path)
    texts = [TEXT[n * 100 : n * 100 + 150].replace("\n", "\r\n") for n in range(40)]
    texts = [text.replace("\r\n", " ") for text in texts] if kind == "tsv" else texts
    frame = pd.DataFrame({"number": range(40), "body": texts})
    writers = {
        "csv": lambda: frame.to_csv("a.csv", index=False),
        "tsv": lambda: frame.to_csv("a.tsv", index=False, sep="\t"),
        "jsonl": lambda: frame.to_json("a.jsonl", orient="records", lines=True),
        "parquet": lambda: frame.to_parquet("a.parquet"),
    }
    data = frame if kind == "frame" else f"a.{kind}"
    if kind != "frame":
        writers[kind]()
    splits = read(data, frame[:2], frame[2:3], columns="text=body")
    expected = [text.replace("\r\n", "\n") for text in texts]
    assert documents(splits.train) == expected
    assert documents(splits.valid) == expected[:2] and documents(splits.test) == expected[2:3]
    splits = read(data, columns="text=body", lines="own", valid_share=0.2, test_share=0.1)
    parts = [documents(getattr(splits, name)) for name in SPLITS]
    assert sorted(text for part in parts for text in part) == sorted(expected)
    assert [len(part) for part in parts] == pytest.approx([28, 8, 4], abs=1)
    assert splits.card["path"] == ("DataFrame" if kind == "frame" else data)


def test_a_public_set_is_read_with_the_splits_it_has(monkeypatch):
    def tables(name, wanted, target, columns):
        assert (name, wanted, target, columns) == ("tfds:tales", ("text",), None, {"text": "tale"})
        parts = {"train": [TEXT[n * 9 : n * 9 + 50] for n in range(20)], "test": [TEXT[:30], TEXT[40:90]]}
        frames = {name: pd.DataFrame({"tale": texts}) for name, texts in parts.items()}
        return {name: DataFrameTable(frame, wanted, target, columns) for name, frame in frames.items()}

    monkeypatch.setattr("rnnkit.documents.locate.public_tables", tables)
    splits = read("tfds:tales", columns="text=tale")
    assert documents(splits.test) == [TEXT[:30], TEXT[40:90]]
    assert len(documents(splits.train)) == 19 and len(documents(splits.valid)) == 1


def test_one_row_alone_is_cut_as_a_running_text():
    splits = read(pd.DataFrame({"text": [TEXT]}))
    assert "".join(joined(getattr(splits, name)) for name in SPLITS) == TEXT


def test_the_standard_library_is_read_spread_over_its_names():
    pytest.importorskip("this")
    splits = read("python:300000")
    assert 300_000 <= sum(splits.card["characters"].values()) < 700_000
    assert splits.card["path"] == "python:300000"
    texts = [text for name in SPLITS for text in documents(getattr(splits, name))]
    assert len(texts) > 5
    import rnnkit.documents.standard_library as library

    root, files, notes = library.standard_library("python:300000")
    names = [file.relative_to(root).as_posix() for file in files]
    assert names == sorted(names, key=lambda name: pathlib.PurePath(name)) and names[0][0] < "d" < "s" < names[-1][0]
    assert sorted(file.read_text("utf-8") for file in files) == sorted(texts)
    assert not any({*name.split("/")} & {"test", "tests", "site-packages", "idlelib"} for name in names)
    assert splits.notes == notes and str(root) not in notes[0] and f"{sys.version_info[0]}." in notes[0]
    assert files == library.standard_library("python:300000")[1]


def test_some_passages_are_drawn_and_the_first_are_taken_as_of_other_rows(write, short):
    rows = read_passages(write("a.txt", TEXT))
    texts, _ = passages(rows)
    assert first(rows, 3) == {"text": texts[:3]}
    assert all(row["text"] in texts for row in drawn(rows, 5, seed=1)) and len(drawn(rows, 5, seed=1)) == 5
