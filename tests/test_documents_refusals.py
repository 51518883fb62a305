"""Refusals of documents: what is wrong, with its value and place, and how to mend it, in one line."""

import gzip
import os
import pathlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.documents import DocumentSettings, cutting, read_documents, read_passages

TEXT = "".join(f"line {n} of a text\n" for n in range(200))


def refusal(kind, data, valid=None, test=None, **settings):
    """Returns the message with which `data` is refused, once it is sure to be one line."""
    with pytest.raises(kind) as caught:
        read_documents(data, valid, test, DocumentSettings(**settings))
    message = str(caught.value.args[0])
    assert len(caught.value.args) == 1 and "\n" not in message and "  " not in message
    return message


@pytest.mark.parametrize("content", ["", " \n\n", "\ufeff"])
@pytest.mark.parametrize("lines", ["running", "own"])
def test_a_file_without_text_is_refused(write, content, lines):
    assert refusal(ValueError, write("a.txt", content), lines=lines) == "a.txt is empty. It must have text."


def test_a_text_too_short_to_be_split_is_refused_with_its_length_and_what_it_needs(write):
    message = "a.txt has 12 characters, too few to be split: at least 320 are needed. Add text, or give --valid and"
    assert refusal(ValueError, write("a.txt", "hello world\n")).startswith(message)
    assert "1 character, too few" in refusal(ValueError, write("a.txt", "x"))
    assert "at least 160 are needed" in refusal(ValueError, "a.txt", valid_share=0.1, test_share=0.2)
    assert len(read_documents(write("a.txt", "x"), "a.txt", "a.txt").train) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_lines_of_their_own_are_refused(write, count):
    data = write("a.txt", "a line that is long enough to be cut somewhere\n" * count)
    message = refusal(ValueError, data, lines="own")
    if count == 1:
        assert message.startswith("a.txt has 46 characters, too few to be split: at least 320 are needed.")
    else:
        assert message.startswith("a.txt has 2 lines with text, too few to be split: at least 3 are needed.")


def test_too_few_different_files_or_rows_are_refused(write):
    write("few/a.txt", TEXT), write("few/b.txt", TEXT[:99])
    assert refusal(ValueError, "few") == (
        "few has 2 files with text (2 different ones), too few to cut test out of. At least 3 different ones are "
        "needed. Add some, put them into one text file, or give --valid and --test files."
    )
    assert "has 9 rows with text (1 different ones)" in refusal(ValueError, pd.DataFrame({"text": ["same"] * 9}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + bytes(50), "is not text but a zip archive or an Excel sheet. Name a text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not text but a picture."),
        (b"\xff\xd8\xff\xe0" + bytes(50), "is not text but a picture."),
        (b"%PDF-1.7\n" + b"text " * 50, "is not text but a PDF file."),
        (gzip.compress(TEXT.encode()), "is not text but a gzip file."),
        (bytes(range(256)) * 40, "is not text: it has control characters, as a binary file has them."),
        (TEXT.encode("utf-16-le"), "say in which encoding, such as --encoding utf-16 or utf-16-le."),
    ],
)
def test_binary_files_are_refused_with_what_they_are(write, content, said):
    message = refusal(ValueError, write("a.txt", content))
    assert message.startswith("a.txt is not text") and said in message
    write("all/a.dat", content)
    assert said in refusal(ValueError, "all")


def test_a_binary_file_inside_gzip_is_refused(write):
    assert "a.tar.gz is not text" in refusal(ValueError, write("a.tar.gz", bytes(600)))


def test_a_stray_nul_is_told_with_its_line_or_left_out(write):
    data = write("a.txt", TEXT.replace("line 7 ", "line\0 7 "))
    assert refusal(ValueError, data).startswith("a.txt has 1 row that can't be used: 1 with a NUL byte (line 8).")
    splits = read_documents(data, settings=DocumentSettings(skip_bad_rows=True))
    parts = [text for rows in (splits.train, splits.valid, splits.test) for c in rows.chunks() for text in c["text"]]
    assert "".join(parts) == TEXT.replace("line 7 of a text\n", "")
    assert splits.notes == ("a.txt: left out 1 row: 1 with a NUL byte (line 8).",)


@pytest.mark.parametrize("lines", ["running", "own"])
def test_bytes_that_are_no_utf_8_are_told_with_their_file_and_line(write, lines):
    latin = TEXT.replace("line 7 ", "café 7 ").encode("latin-1")
    message = refusal(ValueError, write("a.txt", latin), lines=lines)
    assert "1 with bytes that are not utf-8 (line 8: byte 0xe9). If the file is not in utf-8, say which it" in message
    rows = read_passages("a.txt", DocumentSettings(encoding="latin-1", lines=lines))
    assert "café 7 " in "".join(text for chunk in rows.chunks() for text in chunk["text"])
    write("all/a.txt", TEXT), write("all/b.txt", latin)
    assert "(line b.txt:8: byte 0xe9)" in refusal(ValueError, "all", lines=lines)


def test_a_character_cut_off_at_the_end_is_told(write):
    assert "byte 0xc3" in refusal(ValueError, write("a.txt", TEXT.encode() + b"caf\xc3"))


def test_a_file_in_no_such_encoding_is_told(write):
    odd = TEXT.encode("utf-16")[:-1]
    message = refusal(ValueError, write("a.txt", odd), encoding="utf-16")
    assert message.startswith("a.txt is not utf-16 after line ") and "--encoding utf-8 or latin-1" in message


def test_damaged_gzip_is_told(write):
    write("b.txt.gz", TEXT * 50)
    content = pathlib.Path("b.txt.gz").read_bytes()
    pathlib.Path("b.txt.gz").write_bytes(content[: len(content) // 2])
    assert refusal(ValueError, "b.txt.gz").startswith("b.txt.gz is damaged after line ")
    pathlib.Path("b.txt.gz").write_text(TEXT)
    assert "b.txt.gz is damaged after line 0: Not a gzipped file" in refusal(ValueError, "b.txt.gz")


def test_folders_without_text_are_refused_with_what_they_have(write, tmp_path):
    (tmp_path / "none").mkdir()
    assert refusal(ValueError, "none") == (
        "none has no text files: it is empty. Put .txt files into it, or name a file."
    )
    write("tables/a.csv", "text\na\n"), write("tables/b.csv", "text\na\n")
    assert refusal(ValueError, "tables") == "tables has no text files, but 2 tables. Name one, such as tables/a.csv."
    write("binary/a.png", b"\x89PNG\r\n"), write("binary/b.png", b"\x89PNG\r\n")
    assert refusal(ValueError, "binary").startswith(
        "binary has 2 files, and none is text. binary/a.png is not text but a picture."
    )
    write("empty/a.txt", "")
    assert refusal(ValueError, "empty") == "empty is empty. It must have text."


def test_names_that_are_not_there_are_told(write):
    write("stories.txt", TEXT)
    assert refusal(FileNotFoundError, "story.txt") == "There is no file 'story.txt'. Did you mean 'stories.txt'?"
    assert "There is no file 'v.txt'." in refusal(FileNotFoundError, "stories.txt", "v.txt")
    assert refusal(ValueError, "stories.txt", "tfds:lm1b") == (
        "--valid must be a file, a folder or a DataFrame. Got 'tfds:lm1b'."
    )
    assert "Got a int" in refusal(ValueError, 7)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "must be a file or a folder, for it is read more than once" in refusal(ValueError, tmp_path / "pipe")


@pytest.mark.parametrize("count", ["", "many", "0", "-3", "1.5", "²"])
def test_a_count_of_characters_that_is_none_is_refused(count):
    assert refusal(ValueError, f"python:{count}") == (
        f"python must be followed by how many characters, such as python:3000000. Got 'python:{count}'."
    )


def test_a_machine_without_the_standard_librarys_sources_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    assert refusal(FileNotFoundError, "python").endswith("Name a file or folder: --data PATH")


def test_tables_are_refused_as_everywhere(write):
    write("a.csv", "number,review\n1,some long text\n2,another long text\n")
    assert "It has 'number', 'review'. Say which is which: --columns text=review" in refusal(LookupError, "a.csv")
    assert "--columns names 'label'" in refusal(LookupError, "a.csv", columns="label=review")
    frame = pd.DataFrame({"text": ["a b c", None, " ", "d e f", "g h i"]})
    assert "DataFrame has 2 rows that can't be used: 2 with no text (positions 1, 2)." in refusal(ValueError, frame)
    splits = read_documents(frame, settings=DocumentSettings(skip_bad_rows=True))
    assert sum(splits.card["rows"].values()) == 3
    assert splits.notes == ("DataFrame: left out 2 rows: 2 with no text (positions 1, 2).",)
    assert "DataFrame has nothing that can be used: 1 with no text" in refusal(
        ValueError, frame[1:2], skip_bad_rows=True
    )


@pytest.mark.parametrize("name", ["a.txt", "all"])
def test_texts_that_change_while_they_are_read_are_noticed(write, monkeypatch, name):
    monkeypatch.setattr(cutting, "PASSAGE", 97)
    for n in range(5):
        write(f"all/{n}.txt", TEXT[n:])
    path = write("a.txt" if name == "a.txt" else "all/2.txt", TEXT)
    splits = read_documents(name)
    assert splits.changed() == ()
    with open(path, "a") as file:
        file.write("more\n")
    (note,) = splits.changed()
    assert note.startswith(f"{name} has changed during the run; what was read had SHA-256 ")
    with pytest.raises(OSError, match=rf"^{name} has changed since it was read first\. Leave it alone"):
        list(splits.train.chunks())
    os.remove(path)
    assert splits.changed() == (note,)
    with pytest.raises(OSError, match=rf"^{name} has changed since it was read first\."):
        list(splits.valid.chunks())


@pytest.mark.parametrize("change", [lambda text: text[: len(text) // 2], lambda text: text.replace("line 0", "row 0")])
def test_texts_that_change_without_a_trace_are_noticed_by_their_lengths(write, change):
    path = write("a.txt", TEXT)
    splits = read_documents(path)
    status = os.stat(path)
    for scan in splits.scans:
        scan.table.stamp = lambda: (("same",),)
        object.__setattr__(scan, "stamp", (("same",),))
    pathlib.Path(path).write_text(change(TEXT))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(OSError, match="has changed since it was read first"):
        for rows in (splits.train, splits.valid, splits.test):
            list(rows.chunks())


def test_reading_tells_how_far_it_is(write):
    told = []
    read_documents(write("a.txt", TEXT), settings=DocumentSettings(), progress=lambda *where: told.append(where))
    assert told == [(len(TEXT), len(TEXT))]


PIECES = st.sampled_from(
    [b"word ", b"\n", b"\r\n", b"\0", b"\xff\xfe", b"\xc3", "é".encode(), b"PK\x03\x04", b"\x1f\x8b"]
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.one_of(PIECES, st.binary(max_size=9)), max_size=40),
    st.sampled_from(["a.txt", "a.txt.gz", "packed.txt.gz"]),
    st.sampled_from(["utf-8", "utf-16", "latin-1", "shift_jis"]),
    st.sampled_from(["running", "own"]),
    st.booleans(),
)
def test_any_bytes_are_read_the_same_twice_or_refused_in_one_line(
    tmp_path_factory, pieces, name, encoding, lines, skip
):
    content = b"".join(pieces)
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(gzip.compress(content) if name.startswith("packed") else content)
    try:
        rows = read_passages(path, DocumentSettings(encoding=encoding, lines=lines, skip_bad_rows=skip))
    except ValueError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return
    assert list(rows.chunks(3)) == list(rows.chunks(3))
    texts = [text for chunk in rows.chunks() for text in chunk["text"]]
    assert sum(map(len, texts)) == rows.characters > 0
    assert all(text.encode() and not set(text) & {"\0", "\r"} for text in texts)
