"""Refusals: bad input is named with its value and place, what is allowed, and how to mend it, in one line."""

import csv
import gzip
import pathlib
import re

import pandas as pd
import pytest

from rnnkit.sources import Format, parse_columns, read_rows, read_splits

ROWS = [(f"text {n}", ("neg", "pos")[n % 2]) for n in range(12)]
LINES = "text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS)


def read(data, *, format=None, **more):
    options = {"valid_share": 0.2, "test_share": 0.2, "seed": 3, **more}
    return read_splits(data, format=format or Format(), **options)


def refusal(kind, data, **more):
    """Returns the message with which `data` is refused, once it is sure to be one line."""
    with pytest.raises(kind) as caught:
        read(data, **more)
    assert type(caught.value) is kind or kind is OSError
    message = caught.value.args[0]
    assert len(caught.value.args) == 1 and "\n" not in message and "  " not in message
    return message


def matches(pattern, message):
    assert re.search(pattern, message), message


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes bytes or text to a file in the working directory and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(name, content):
        content = content if isinstance(content, bytes) else content.encode("utf-8")
        pathlib.Path(name).write_bytes(content)
        return name

    return write


def test_a_missing_file_is_named_with_its_like(file):
    file("reviews.csv", LINES)
    assert refusal(FileNotFoundError, "revews.csv") == "There is no file 'revews.csv'. Did you mean 'reviews.csv'?"
    matches(r"'nowhere/a\.csv': there is no folder 'nowhere'", refusal(FileNotFoundError, "nowhere/a.csv"))
    matches(r"no file 'test\.csv'", refusal(FileNotFoundError, "reviews.csv", test="test.csv"))
    matches(r"no file 'xxx", refusal(FileNotFoundError, "x" * 5000))


def test_an_unknown_ending_is_answered_with_the_known_ones(file):
    message = refusal(ValueError, file("reviews.xlsx", "x"))
    matches(r"^reviews\.xlsx must end in one of \.csv, \.tsv, \.jsonl, \.parquet, .*Got '\.xlsx'\.", message)
    matches(r"Got '\.parquet\.gz'", refusal(ValueError, file("r.parquet.gz", "x")))
    matches(r"Got ''", refusal(ValueError, file("reviews", "x")))


def test_what_is_no_path_is_named_by_its_type():
    matches(r"must be a path, a DataFrame or tfds:NAME\. Got a dict\.", refusal(ValueError, {"text": []}))


def test_a_folder_of_no_known_layout_is_answered_with_what_it_has_and_the_known_ones(file, tmp_path):
    (tmp_path / "things" / "pictures").mkdir(parents=True)
    file("things/notes.md", "x")
    message = refusal(ValueError, "things")
    matches(r"^things is a folder of no known layout\. It has 'notes\.md', 'pictures/'\. Known: LABEL/\*\.txt", message)


def test_two_files_of_one_split_are_both_named(file):
    file("train.csv", LINES), file("val.csv", LINES), file("dev.tsv", LINES)
    matches(r"one table for each split\. Got 'val\.csv', 'dev\.tsv'", refusal(ValueError, "."))


@pytest.mark.parametrize(
    ("name", "content", "pattern"),
    [
        ("r.csv", "", r"^r\.csv is empty"),
        ("r.csv", "\n\n", r"^r\.csv is empty"),
        ("r.jsonl", "", r"^r\.jsonl is empty"),
        ("r.csv", "text,label\n", r"^r\.csv has no rows"),
        ("r.csv.gz", gzip.compress(b"", mtime=0), r"^r\.csv\.gz is empty"),
    ],
)
def test_a_file_without_rows_is_refused(file, name, content, pattern):
    matches(pattern, refusal(ValueError, file(name, content)))


def test_a_data_frame_without_rows_or_columns_is_refused():
    matches("^DataFrame has no rows", refusal(ValueError, pd.DataFrame({"text": [], "label": []})))
    matches("^DataFrame has no columns", refusal(ValueError, pd.DataFrame()))


def test_a_missing_column_is_answered_with_which_is_which_by_content(file):
    rows = "".join(f'{n},"long words, many of them {n}",{n % 2},2020-01-0{n}\n' for n in range(9))
    assert refusal(LookupError, file("reviews.csv", "id,review,stars,date\n" + rows)) == (
        "reviews.csv has no column 'text'. It has 'id', 'review', 'stars', 'date'. "
        "Say which is which: --columns text=review,label=stars"
    )


def test_a_missing_column_is_answered_with_which_is_which_by_like_names(file):
    content = "Label,a much longer column,Text\n" + "x,yyyyyyyyyyyyyyyyyyyyyy,z\n" * 3
    matches(r"--columns text=Text,label=Label$", refusal(LookupError, file("r.csv", content)))


@pytest.mark.parametrize("name", ["r.jsonl", "r.parquet", "DataFrame"])
def test_every_format_answers_a_missing_column_with_which_is_which(tmp_path, name):
    frame = pd.DataFrame({"stars": [1, 2] * 4, "review": [f"some words {n}" for n in range(8)]})
    data = frame if name == "DataFrame" else tmp_path / name
    if name == "r.jsonl":
        frame.to_json(data, orient="records", lines=True)
    elif name == "r.parquet":
        frame.to_parquet(data)
    matches(r"has no column 'text'\..*--columns text=review,label=stars$", refusal(LookupError, data))


def test_a_column_named_wrongly_is_named_as_typed(file):
    message = refusal(LookupError, file("r.csv", LINES), format=Format(columns={"label": "stras"}))
    matches(r"^r\.csv has no column 'stras'\. It has 'text', 'label'\. .*--columns text=text,label=label$", message)


def test_a_table_of_too_few_columns_is_told_what_it_needs(file):
    matches(r"It needs 2 columns, for 'text', 'label'", refusal(LookupError, file("r.csv", "review\nfine\n")))


def test_semicolons_are_recognised(file):
    matches("separated by ';'", refusal(LookupError, file("r.csv", LINES.replace(",", ";"))))


def test_a_file_that_seems_to_have_no_header_is_told_of_the_flag(file):
    rows = "".join(f"{n % 2},this is a rather long text in place of a name {n}\n" for n in range(5))
    matches(r"--header no --columns text=1,label=0$", refusal(LookupError, file("r.csv", rows)))


def test_an_index_out_of_range_is_named_with_the_last(file):
    message = refusal(LookupError, file("r.csv", LINES), format=Format(columns={"text": "0", "label": "5"}))
    matches(r"^r\.csv has no column 5\. Without a header columns are counted from 0; the last is 1\.", message)


def test_a_name_that_the_recipe_does_not_read_is_answered_with_those_it_does(file):
    message = refusal(LookupError, file("r.csv", LINES), format=Format(columns={"txt": "text"}))
    matches(r"names 'txt'.*Did you mean 'text'\? Known: 'text', 'label'\.", message)


def test_two_names_for_one_column_and_one_name_for_two_columns_are_refused(file):
    path = file("r.csv", LINES)
    matches(r"Got 'text' for 'text', 'label'", refusal(ValueError, path, format=Format(columns={"label": "text"})))
    matches(r"2 columns named 'text'", refusal(ValueError, file("d.csv", "text,text,label\na,b,c\n")))


@pytest.mark.parametrize("text", ["text", "text=", "=review", "text=review,,label=stars", "a=b=,c"])
def test_columns_of_another_form_are_refused_as_typed(text):
    with pytest.raises(ValueError, match=re.escape(f"Got {text!r}.")):
        parse_columns(text)


def test_columns_are_parsed():
    assert parse_columns("text=review, label=stars") == {"text": "review", "label": "stars"}
    assert parse_columns("") == {}
    with pytest.raises(ValueError, match="Got 'text' twice in 'text=a,text=b'"):
        parse_columns("text=a,text=b")


@pytest.mark.parametrize("name", ["header", "quoting"])
def test_a_choice_that_is_none_is_refused_with_the_choices(name):
    with pytest.raises(ValueError, match=rf"--{name} must be one of 'auto', .*Got 'maybe'\."):
        Format(**{name: "maybe"})


@pytest.mark.parametrize("encoding", ["utf9", "", "base64", "rot13", "a\0b"])
def test_an_unknown_encoding_is_refused(encoding):
    with pytest.raises(ValueError, match=re.escape(f"Got {encoding!r}.")):
        Format(encoding=encoding)


def test_one_label_only_is_named(file):
    assert refusal(ValueError, file("r.csv", "text,label\na,pos\nb,pos\n")) == (
        "r.csv has one label only: 'pos'. There must be at least 2 to tell apart."
    )


def test_a_label_of_one_row_is_named_unless_nothing_is_cut(file):
    path = file("r.csv", LINES + "once,odd\n")
    matches(r"^r\.csv has one row only of label 'odd'\. .*leave the label out", refusal(ValueError, path))
    other = file("o.csv", LINES)
    assert read(path, valid=other, test=other).train.names == ("neg", "odd", "pos")


def test_a_label_that_train_never_has_is_named_and_counted(file):
    path, test = file("r.csv", LINES), file("t.csv", "text,label\na,pos\nb,good\nc,good\n")
    matches(r"^t\.csv has 2 rows of label 'good', which r\.csv never has\. It has 'neg', 'pos'", refusal(
        ValueError, path, test=test))  # fmt: skip


def test_too_many_labels_are_taken_for_the_wrong_column(file, monkeypatch):
    monkeypatch.setattr("rnnkit.sources.scan.MOST_CLASSES", 5)
    path = file("r.csv", LINES)
    message = refusal(ValueError, path, format=Format(columns={"text": "label", "label": "text"}))
    matches(r"more than 5 different values of label, the last one 'text 5'\. Is it the right column\?", message)


def test_too_few_rows_to_split_are_counted(file):
    message = refusal(ValueError, file("r.csv", "text,label\na,x\nb,x\nc,y\nd,y\n"))
    matches(r"^r\.csv has 4 rows \(4 different ones\), too few to cut valid rows.*At least 3 different rows", message)


BAD = [
    pytest.param("r.csv", LINES + ",pos\n  ,neg\nfine,\n", 3,
                 r"3 rows .*: 2 with no text \(lines 14, 15\), 1 with no label \(line 16\)", id="missing"),
    pytest.param("r.csv", LINES + "a,b,pos\nc\n", 2,
                 r"2 with a wrong number of cells \(lines 14, 15; line 14: 3 where line 1 has 2\)", id="width"),
    pytest.param("r.csv", LINES + ",pos\n" * 5, 5, r"5 with no text \(lines 14, 15, 16, …\)", id="many"),
    pytest.param("r.csv", LINES.encode() + b"caf\xe9,pos\n", 1,
                 r"1 with bytes that are not utf-8 \(line 14: byte 0xe9\)\. .*--encoding latin-1", id="bytes"),
    pytest.param("r.csv", LINES.encode() + b"cafe,p\xff\n", 1, r"\(line 14: byte 0xff\)", id="label bytes"),
    pytest.param("r.csv", LINES + "a\0b,pos\n", 1, r"a NUL byte \(line 14\)\. .*--encoding utf-16", id="nul"),
    pytest.param("r.csv", LINES + '"a"b,pos\n', 1,
                 r"broken quotes \(line 14: text after a closing quote\)\. .*--quoting none", id="quotes"),
    pytest.param("r.tsv", LINES.replace(",", "\t") + "a\tb\tc\n", 1, r"\(line 14: 3 where line 1 has 2\)", id="tsv"),
    pytest.param("r.csv.gz", gzip.compress((LINES + ",pos\n").encode()), 1, r"no text \(line 14\)", id="gz"),
]  # fmt: skip
JSON = '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n' * 1 + "".join(
    f'{{"text": "t{n}", "label": "{"xy"[n % 2]}"}}\n' for n in range(10)
)
BAD += [
    pytest.param("r.jsonl", JSON + '{"text": \n', 1, r"broken JSON \(line 13: Expecting value at character 10\)"),
    pytest.param("r.jsonl", JSON + "[1]\n", 1, r"JSON that is no object \(line 13: a list\)"),
    pytest.param("r.jsonl", JSON + "[" * 5000 + "\n", 1, r"broken JSON \(line 13"),
    pytest.param("r.jsonl", JSON + '{"text": null, "label": "x"}\n{"text": "q"}\n{"text": NaN, "label": "x"}\n', 3,
                 r"2 with no text \(lines 13, 15\), 1 with no label \(line 14\)"),
    pytest.param("r.jsonl", JSON + '{"text": ["a"], "label": "x"}\n', 1, r"many values \(line 13: a list\)"),
    pytest.param("r.jsonl", JSON + '{"text": "\\ud83d", "label": "x"}\n', 1, r"half a character \(line 13: \\ud83d\)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "count", "pattern"), BAD)
def test_bad_rows_are_counted_and_placed_or_left_out_with_a_note(file, name, content, count, pattern):
    path = file(name, content)
    message = refusal(ValueError, path)
    matches(pattern, message)
    matches(rf"^{re.escape(name)} has {count} rows? that can't be used: .*pass --skip-bad-rows to leave", message)
    for limit in (0, 1 << 20):
        splits = read(path, format=Format(skip_bad_rows=True), memory_limit=limit)
        assert sum(splits.card["rows"].values()) == 12
        assert sum(len(chunk["text"]) for chunk in splits.train.chunks(5)) == len(splits.train)
        matches(rf"{re.escape(name)}: left out {count} rows?: ", splits.notes[0])


def test_missing_cells_of_typed_tables_are_placed(tmp_path):
    frame = pd.DataFrame({"text": ["a", None, "c", float("nan"), "e"], "label": ["x", "y", None, "x", "y"]})
    pattern = r"2 with no text \({}s {}, {}\), 1 with no label \({} {}\)"
    matches(pattern.format("position", 1, 3, "position", 2), refusal(ValueError, frame))
    frame.to_parquet(tmp_path / "r.parquet")
    matches(pattern.format("row", 2, 4, "row", 3), refusal(ValueError, tmp_path / "r.parquet"))
    numbers = pd.DataFrame({"text": list("abc"), "label": pd.array([1, None, 2], dtype="Int64")})
    matches(r"1 with no label \(position 1\)", refusal(ValueError, numbers))


def test_an_empty_file_of_a_text_folder_is_named(tmp_path):
    for label in ("neg", "pos"):
        (tmp_path / label).mkdir()
        for number in range(4):
            (tmp_path / label / f"{number}.txt").write_bytes(b"" if number == 2 else b"text %d" % number)
    matches(r"2 with no text \(files neg/2\.txt, pos/2\.txt\)", refusal(ValueError, tmp_path))
    matches(r"reads 'a', 'b'", refusal(ValueError, tmp_path, features=("a", "b")))


def test_no_usable_row_is_refused_even_where_bad_rows_are_left_out(file):
    path = file("r.csv", "text,label\n,x\n,y\n")
    matches(r"no row that can be used: 2 with no text", refusal(ValueError, path, format=Format(skip_bad_rows=True)))


def test_an_unclosed_quote_is_refused_even_where_bad_rows_are_left_out(file):
    path = file("r.csv", LINES + '"open,pos\na,b\n')
    matches(r"^r\.csv, line 14: a quote opened here is never closed\.", refusal(
        ValueError, path, format=Format(skip_bad_rows=True)))  # fmt: skip


def test_a_line_without_end_is_refused(file, monkeypatch):
    monkeypatch.setattr("rnnkit.sources.text_files.LONGEST", 50)
    matches(r"^r\.csv, line 14: .*more than 50 characters", refusal(ValueError, file("r.csv", LINES + "x" * 99)))


def test_utf_16_read_as_utf_8_is_told_so(file):
    matches(r"line 1: a NUL byte.*--encoding utf-16", refusal(ValueError, file("r.csv", LINES.encode("utf-16"))))


def test_utf_8_read_as_utf_16_is_refused(file):
    message = refusal(ValueError, file("r.csv", LINES + "x"), format=Format(encoding="utf-16"))
    matches(r"^r\.csv is not utf-16 after line 0: .*--encoding utf-8", message)


def test_bytes_of_another_encoding_in_the_header_are_named(file):
    message = refusal(ValueError, file("r.csv", LINES.replace("text,", "texté,", 1).encode("latin-1")))
    matches(r"^r\.csv, line 1: byte 0xe9 is not utf-8\. .*--encoding latin-1", message)


def test_damaged_gzip_is_named(file):
    packed = gzip.compress((LINES * 2000).encode())
    matches(r"^r\.csv\.gz is damaged after line \d+", refusal(ValueError, file("r.csv.gz", packed[:-200])))
    matches(r"^r\.csv\.gz is damaged", refusal(ValueError, file("r.csv.gz", packed[:90] + b"\xff" * 60 + packed[150:])))
    matches(r"^p\.csv\.gz is damaged after line 0: Not a gzipped file", refusal(ValueError, file("p.csv.gz", LINES)))


def test_damaged_parquet_is_named(file, tmp_path):
    pd.DataFrame(ROWS, columns=["text", "label"]).to_parquet(tmp_path / "r.parquet")
    whole = (tmp_path / "r.parquet").read_bytes()
    matches(r"^r\.parquet is damaged or no parquet file", refusal(ValueError, file("r.parquet", whole[:-20])))
    matches(r"^t\.parquet is damaged or no parquet file", refusal(ValueError, file("t.parquet", LINES)))


@pytest.mark.parametrize(("start", "kind"), [(b"PK\x03\x04", "zip"), (b"PAR1", "parquet"), (b"\x1f\x8b", "gzip")])
def test_a_file_of_another_kind_is_named_as_what_it_is(file, start, kind):
    matches(rf"^r\.csv is not text but a {kind}", refusal(ValueError, file("r.csv", start + b"\0" * 20)))


def test_a_file_that_changes_after_the_check_is_refused(file):
    path = file("r.csv", LINES)
    train = read(path, memory_limit=0).train
    file("r.csv", LINES + "more,pos\n")
    with pytest.raises(OSError, match=r"r\.csv has changed since it was checked"):
        next(train.chunks())


def test_rows_of_test_that_are_also_in_train_are_counted(file):
    path = file("r.csv", LINES)
    test = file("t.csv", "text,label\ntext 1,pos\ntext 2,neg\nnew,neg\n")
    assert read(path, test=test).notes == ("t.csv: 2 of 3 rows are also in train; scores on them flatter.",)


def test_inputs_of_two_labels_are_counted(file):
    notes = read(file("r.csv", LINES + "text 0,pos\ntext 2,pos\ntext 2,pos\n")).notes
    assert notes == ("r.csv: 2 inputs have more than one label, in different rows.",)


def test_a_record_of_many_kilobytes_is_read(file):
    with open("r.csv", "w", newline="") as opened:
        csv.writer(opened).writerows([("text", "label"), *ROWS, ('"long" ' * 100_000, "pos")])
    assert sum(read("r.csv").card["rows"].values()) == 13


def test_names_with_spaces_are_told_as_a_shell_takes_them(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("Review Text,Stars\na long enough text,1\nanother long text,2\n")
    with pytest.raises(LookupError, match="--columns 'text=Review Text,label=Stars'$"):
        read_rows(path, format=Format())
