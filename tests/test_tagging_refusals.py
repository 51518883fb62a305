"""Refusals of tagged sentences: named with value and place, what is allowed, and how to mend it, in one line."""

import json
import pathlib

import pandas as pd
import pytest

from rnnkit.tagging import TaggedSettings, read_tagged, read_tagged_rows

GOOD = "".join(f"w{n} NN B-X\nv VB O\n\n" for n in range(9))


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a text, bytes, or rows as lines of JSON to a file in the working directory and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(name, content):
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        content = content if isinstance(content, bytes) else content.encode()
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).write_bytes(content)
        return name

    return write


def refusal(kind, data, valid=None, test=None, **settings):
    """Returns the message with which `data` is refused, once it is sure to be one line."""
    with pytest.raises(kind) as caught:
        read_tagged(data, valid, test, TaggedSettings(**settings))
    message = caught.value.args[0]
    assert type(caught.value) is kind
    assert len(caught.value.args) == 1 and "\n" not in message and "  " not in message
    return message


def test_ragged_columns_are_told_with_their_line(file):
    name = file("a.conll", GOOD + "a NN O\nb O\n\nc NN O O\n")
    assert refusal(ValueError, name) == (
        "a.conll has 2 rows that can't be used: 2 with a wrong number of columns (lines 29, 31; line 29: 2 where "
        "others have 3). Columns must stand between spaces, one line for each token. Mend them, or pass "
        "--skip-bad-rows to leave them out."
    )


def test_tags_that_the_scheme_does_not_have_are_told_with_their_line(file):
    name = file("a.conll", GOOD + "a NN B-X\nb NN X-Y\n")
    assert refusal(ValueError, name) == (
        "a.conll has 1 row that can't be used: 1 with tags that bio doesn't have (line 29: 'X-Y'). Its tags are O, "
        "B-LABEL and I-LABEL; tags that each stand alone are read with --scheme none. Mend it, or pass "
        "--skip-bad-rows to leave it out."
    )
    assert "1 with tags that iob1 doesn't have (line 1: 'S-X')" in refusal(
        ValueError, file("b.conll", "a S-X\n\nb B-X\n"), scheme="iob1"
    )
    assert "'B-'" in refusal(ValueError, file("c.conll", GOOD + "a NN B-\n"))


def test_tags_in_wrong_places_are_refused_on_demand(file):
    name = file("a.conll", GOOD + "a NN O\nb NN I-X\n")
    assert refusal(ValueError, name, faulty_tags="refuse") == (
        "a.conll has 1 row that can't be used: 1 with tags that bio doesn't allow there (line 29: I-X after O). With "
        "--faulty-tags convert they are read as conlleval does. Mend it, or pass --skip-bad-rows to leave it out."
    )
    assert len(read_tagged_rows(name, TaggedSettings(faulty_tags="refuse", skip_bad_rows=True))) == 9


def test_columns_that_are_not_there_are_told_with_how_many_there_are(file):
    name = file("a.conll", GOOD)
    assert refusal(LookupError, name, columns="tags=3") == (
        "a.conll has no column 3. Columns are counted from 0; the last is 2."
    )
    assert refusal(LookupError, name, columns="tags=NER").startswith(
        "a.conll has no column 'NER': it is a file of columns without names, counted from 0, the last being 2."
    )
    assert refusal(LookupError, name, columns="label=2").startswith("--columns names 'label', which this recipe")
    assert "a column of its own. Got '1' for 'tokens', 'tags'" in refusal(ValueError, name, columns="tokens=1,tags=1")
    assert "Got 2 for both, of 3 in a.conll." in refusal(ValueError, name, columns="tokens=2")


def test_a_file_of_one_column_or_of_no_sentence_is_told(file):
    assert refusal(ValueError, file("a.txt", "May\nin\n\nUlm\n")).startswith("a.txt has one column only.")
    for content in ("", "\n \n", "# text = a\n\n", "-DOCSTART- -X- O\n\n"):
        assert refusal(ValueError, file("b.txt", content)).startswith("b.txt has no sentence.")
    empty = file("a.jsonl", [{"tokens": [], "tags": []}])
    assert refusal(ValueError, empty) == (
        "a.jsonl has no sentence that can be used: left out 1 row: 1 without tokens. It must have tokens with tags."
    )


def test_data_without_anything_to_learn_are_told(file):
    name = file("a.conll", "a NN O\nb NN O\n\n" * 4)
    assert refusal(ValueError, name) == (
        "a.conll has no entity: all 8 tags in column 2 are 'O'. Is it the right column? Say which is: --columns tags=…"
    )
    assert refusal(ValueError, name, columns="tags=1").startswith("a.conll has one tag only in column 1: 'NN'.")
    assert refusal(ValueError, file("b.conll", "a B-X\n\n" * 9)).startswith(
        "b.conll has 9 sentences (1 different ones), too few to cut valid sentences out of."
    )
    assert len(read_tagged_rows(name)) == 4


def test_splits_with_tags_of_another_kind_are_told(file):
    good, plain = file("a.conll", GOOD), file("b.conll", "a NN\nb VB\n\n")
    message = refusal(ValueError, good, plain)
    assert message.startswith(
        "b.conll has tags that each stand alone in column 1 and a.conll entities in column 2. Name the same column"
    )


def test_bytes_that_are_no_utf_8_are_told_with_their_line(file):
    name = file("a.conll", GOOD.encode() + "Fürst NN O\n".encode("latin-1"))
    assert "1 with bytes that are not utf-8 (line 28: byte 0xfc)" in refusal(ValueError, name)
    assert read_tagged_rows(name, TaggedSettings(encoding="latin-1")).tokens[-1] == ["Fürst"]
    assert "1 with a NUL byte (line 28)" in refusal(ValueError, file("b.conll", GOOD + "a\0 NN O\n"))
    assert refusal(ValueError, file("c.conll", b"PK\x03\x04 a b")).startswith("c.conll is not text but a zip archive")


def test_a_table_without_sentences_is_told(file):
    name = file("a.csv", "Word,Tag\na,O\nb,B-X\n")
    assert refusal(LookupError, name) == (
        "a.csv has no column that says which sentence each token is in. It has 'Word', 'Tag'. Say which does: "
        "--columns tokens=Word,tags=Tag,sentence=…, or give a file of columns with a blank line after each sentence."
    )
    assert refusal(LookupError, file("b.csv", "a,b,c\n1,2,3\n")).startswith(
        "b.csv has no column for 'tokens', 'tags', 'sentence'. It has 'a', 'b', 'c'."
    )
    frame = pd.DataFrame({"token": ["a", None], "tag": ["O", "B-X"], "sentence": [1, 1]})
    assert "1 with no token (position 1)" in refusal(ValueError, frame)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "1 with another number of tags than of tokens (line 3: 1 for 2)"),
        ({"tokens": ["a"], "tags": [3]}, "1 with tags that are no texts (line 3: 3). Tags must be texts, as B-PER"),
        ({"tokens": ["a", None], "tags": ["O", "O"]}, "1 with tokens that are no texts (line 3: None)"),
        ({"tokens": ["a", " "], "tags": ["O", "O"]}, "1 with an empty one among its tokens (line 3)"),
        ({"tokens": "a b", "tags": ["O", "O"]}, "1 with no list of tokens (line 3: 'a b')"),
        ({"tokens": ["\udc80"], "tags": ["O"]}, "(line 3: byte 0x80)"),
        ([1], "1 with JSON that is no object (line 3: a list)"),
    ],
)
def test_rows_of_lists_that_do_not_fit_are_told(file, row, message):
    rows = [{"tokens": ["a"], "tags": ["B-X"]}, {"tokens": ["b"], "tags": ["O"]}, row]
    assert message in refusal(ValueError, file("a.jsonl", rows))
    assert len(read_tagged_rows("a.jsonl", TaggedSettings(skip_bad_rows=True))) == 2


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ([[0, 9, "X"]], "1 with offsets beyond the text (line 1: 0-9 (X) of 8 characters). Offsets must count"),
        ([[3, 1, "X"]], "1 with offsets beyond the text (line 1: 3-1 (X) of 8"),
        ([[-1, 1, "X"]], "1 with offsets beyond the text (line 1: -1-1 (X)"),
        ([[0, "3", "X"]], "1 with offsets that are no whole numbers (line 1: 0 and '3')"),
        ([[0, 3]], "1 with a span of no known form (line 1)"),
        ([[0, 3, " "]], "1 with a span without a label (line 1: ' ')"),
        ([{"start": 0, "end": 3, "labels": ["X", "Y"]}], "1 with a span of more than one label (line 1: ['X', 'Y'])"),
        ([{"start": 0, "end": 3, "label": "X", "text": "Ulm"}], "not those of the text they quote (line 1: 0-3 for"),
    ],
)
def test_spans_that_can_not_be_are_told(file, marks, message):
    assert message in refusal(ValueError, file("a.jsonl", [{"text": "May, Ulm", "label": marks}]))


def test_rows_of_no_known_keys_are_told(file):
    assert refusal(LookupError, file("a.jsonl", [{"a": 1, "b": [2]}])) == (
        "a.jsonl has neither tokens with tags nor a text with spans. It has 'a', 'b'. Say which is which: --columns "
        "tokens=words,tags=ner for two lists a row, or text=text,spans=label for [start, end, label]."
    )
    assert refusal(LookupError, "a.jsonl", columns="tokens=c,tags=b") == "a.jsonl has no key 'c'. It has 'a', 'b'."
    assert refusal(ValueError, file("a.json", '[{"text": "a",')).startswith("a.json, line 1, character 15: broken JSON")
    assert refusal(ValueError, file("b.json", "[]")).startswith("b.json has no rows.")


def test_folders_and_files_that_are_not_there_are_told(file):
    file("x/eng.train", GOOD), file("x/deu.train", GOOD)
    assert refusal(ValueError, "x") == (
        "x must have one file for each split. Got 'deu.train', 'eng.train' for train. Name files alone."
    )
    file("y/notes.txt", GOOD)
    assert refusal(ValueError, "y").startswith("y is a folder of no known layout. It has 'notes.txt'. Known: files")
    assert refusal(FileNotFoundError, "y/notes.txd").endswith("Did you mean 'y/notes.txt'?")
    assert refusal(IsADirectoryError, "y/notes.txt", "y") == "y is a folder. Name a file in it."
    assert refusal(ValueError, "y/notes.txt", "tfds:x") == "--valid must be a file or a DataFrame. Got 'tfds:x'."
    assert refusal(ValueError, {"tokens": []}).startswith("Data must be a path, a DataFrame or tfds:NAME. Got a dict.")


@pytest.mark.parametrize("name", ["scheme", "faulty_tags", "misaligned", "overlapping"])
def test_settings_of_no_known_choice_are_told(name):
    with pytest.raises(ValueError, match=rf"^{name} must be one of .*Got 'x'"):
        TaggedSettings(**{name: "x"})
