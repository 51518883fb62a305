"""predict: every way in and out gives the same answers, row by row, beside all that the rows had."""

import csv
import gzip
import io
import json
import os
import re

import numpy as np
import pandas as pd
import pytest

from rnnkit.sources.whole import SIZE

TEXTS = ["the a was dull", "", 'quoted "words", commas', "caffè crème"]


@pytest.fixture
def called(tiny, predicting):
    return predicting(tiny)


@pytest.fixture
def stdin(monkeypatch):
    def give(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


def check(tiny, rows, *, texts=TEXTS):
    expected = tiny.predict(texts)
    assert [row["text"] for row in rows] == texts
    assert [row["label"] for row in rows] == expected["label"].tolist()
    probability = [[float(row["probability_bad"]), float(row["probability_good"])] for row in rows]
    np.testing.assert_allclose(probability, expected["probability"], atol=1e-6)
    assert all(not row["error"] for row in rows)


def flat(lines):
    rows = [json.loads(line) for line in lines.splitlines()]
    return [{**row, **{f"probability_{name}": share for name, share in row["probability"].items()}} for row in rows]


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_values_are_answered_for_a_person(predict, tiny):
    lines = predict(*TEXTS).splitlines()
    expected = tiny.predict(TEXTS)
    assert len(lines) == len(TEXTS)
    for place, line in enumerate(lines):
        assert line.split()[:2] == [expected["label"][place], f"{expected['probability'][place].max():.3f}"]
        assert line.endswith(TEXTS[place])


def test_values_are_answered_as_a_table(predict, tiny, tmp_path):
    check(tiny, flat(predict(*TEXTS, "--json")))
    assert predict(*TEXTS, "--output", "o.csv") == ""
    check(tiny, table((tmp_path / "o.csv").read_text(encoding="utf-8")))


def test_values_are_explained_word_by_word(predict):
    first, *words = predict("the a was dull", "fine", "--signature", "explain").splitlines()
    assert first.endswith("the a was dull")
    assert [line.split()[-1] for line in words] == ["the", "a", "was", "dull", "fine", "fine"]


def test_a_byte_that_is_no_utf_8_is_answered_and_shown_as_its_number(predict):
    assert predict("caf\udce9").endswith("caf\\udce9\n")


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.txt", "r.csv.gz", "r.parquet"])
def test_every_kind_of_file_gives_the_same_rows(predict, tiny, tmp_path, name):
    content = io.StringIO(newline="")
    if name.endswith((".csv", ".gz")):
        csv.writer(content).writerows([["id", "text"], *enumerate(TEXTS)])
    else:
        content.writelines((json.dumps({"text": t}) if name == "r.jsonl" else t) + "\n" for t in TEXTS)
    content = content.getvalue().encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    if name == "r.parquet":
        pd.DataFrame({"text": TEXTS, "n": range(4)}).to_parquet(name)
    check(tiny, table(predict("--input", name)))
    check(tiny, flat(predict("--input", name, "--json")))
    for output in ("o.csv", "o.jsonl", "o.csv.gz", "o.jsonl.gz", "o.parquet"):
        assert predict("--input", name, "--output", output) == ""
    for output, opened in (("o.csv", open), ("o.csv.gz", gzip.open)):
        with opened(tmp_path / output, "rt", newline="", encoding="utf-8") as file:
            check(tiny, list(csv.DictReader(file)))
    check(tiny, flat((tmp_path / "o.jsonl").read_text(encoding="utf-8")))
    check(tiny, flat(gzip.decompress((tmp_path / "o.jsonl.gz").read_bytes()).decode()))
    check(tiny, pd.read_parquet("o.parquet").astype(object).where(lambda cells: cells.notna(), None).to_dict("records"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [name, "o.csv", "o.jsonl", "o.csv.gz", "o.jsonl.gz", "o.parquet"]
    )


@pytest.mark.parametrize(
    ("flags", "content"),
    [
        ([], "\n".join(TEXTS)),
        (["--format", "csv"], 'text,n\nthe a was dull,1\n,2\n"quoted ""words"", commas",3\ncaffè crème,4\n'),
        (["--format", "tsv"], 'text\tn\nthe a was dull\t1\n\t2\nquoted "words", commas\t3\ncaffè crème\t4\n'),
        (["--format", "jsonl"], "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)),
    ],
)
def test_standard_input_is_lines_or_a_table(predict, tiny, stdin, tmp_path, flags, content):
    stdin(content.encode())
    check(tiny, flat(predict("--input", "-", "--json", *flags)))
    stdin(content.encode())
    check(tiny, table(predict("--input", "-", *flags)))
    stdin(content.encode())
    predict("--input", "-", *flags, "--output", "o.csv")
    check(tiny, table((tmp_path / "o.csv").read_text(encoding="utf-8")))


def test_no_lines_give_a_header_alone(predict, stdin):
    stdin(b"")
    assert predict("--input", "-") == "text,label,probability_bad,probability_good,error\n"
    stdin(b"")
    assert predict("--input", "-", "--json") == ""


def test_a_file_longer_than_a_portion_is_answered_row_for_row(predict, tiny, tmp_path):
    texts = [f"the {'a ' * (n % 7)}was {('dull', 'fine')[n % 2]}" for n in range(SIZE + 9)]
    (tmp_path / "r.txt").write_text("\n".join(texts))
    check(tiny, flat(predict("--input", "r.txt", "--json")), texts=texts)
    predict("--input", "r.txt", "--output", "o.csv")
    check(tiny, table((tmp_path / "o.csv").read_text()), texts=texts)


def test_explanations_are_written_without_padding(predict, tmp_path):
    (tmp_path / "r.txt").write_text("one\none two three\n\n")
    rows = [json.loads(line) for line in predict("--input", "r.txt", "--signature", "explain", "--json").splitlines()]
    assert [row["word"] for row in rows] == [["one"], ["one", "two", "three"], []]
    assert [len(row["attention"]) for row in rows] == [1, 3, 0]
    assert [len(row["probability"]) for row in rows] == [2, 2, 2]
    cells = table(predict("--input", "r.txt", "--signature", "explain"))
    assert json.loads(cells[1]["word"]) == ["one", "two", "three"]
    predict("--input", "r.txt", "--signature", "explain", "--output", "o.parquet")
    frame = pd.read_parquet("o.parquet")
    assert frame.word[1].tolist() == ["one", "two", "three"] and len(frame.attention[2]) == 0


def test_the_columns_of_the_training_are_those_of_predict_unless_told_otherwise(predict, tmp_path):
    (tmp_path / "r.csv").write_text("review,x\nfine,1\n")
    row = json.loads(predict("--input", "r.csv", "--columns", "text=review", "--json"))
    assert list(row) == ["review", "x", "label", "probability", "error"] and row["review"] == "fine"


def test_what_a_table_had_comes_first_and_a_name_it_has_is_not_taken(predict, tmp_path):
    (tmp_path / "r.csv").write_text('label,text,error,"a,b"\ngood,fine,e,"c\nd"\n')
    predict("--input", "r.csv", "--output", "o.csv")
    header, row = csv.reader((tmp_path / "o.csv").open(newline=""))
    assert header[:4] == ["label", "text", "error", "a,b"] and row[:4] == ["good", "fine", "e", "c\nd"]
    assert header[4:] == ["predicted_label", "probability_bad", "probability_good", "predicted_error"]
    predict("--input", "o.csv", "--output", "p.csv", "--prefix", "second_")
    (second,) = table((tmp_path / "p.csv").read_text())
    assert list(second) == [
        *header,
        "second_label",
        "second_probability_bad",
        "second_probability_good",
        "second_error",
    ]
    assert second["second_label"] == second["predicted_label"]


def test_a_name_that_is_taken_twice_is_refused_before_a_row_is_read(called, tmp_path):
    (tmp_path / "r.csv").write_text("label,text,predicted_label\n" + "a,b\n" * 3)
    code, out, error = called("--input", "r.csv", "--output", "o.csv")
    assert code == 2 and out == "" and len(error.splitlines()) == 1
    assert "r.csv has columns called as the answers would be: 'predicted_label'. Name" in error and "--prefix" in error
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_rows_that_cannot_be_answered_are_marked_and_counted(called, tmp_path):
    (tmp_path / "r.csv").write_bytes(b"id,text\n1,fine\n2,caf\xe9\n3,a,b\n4,dull\n")
    code, out, error = called("--input", "r.csv", "--output", "o.csv")
    rows = table((tmp_path / "o.csv").read_text(encoding="utf-8"))
    assert code == 0 and out == ""
    assert [(row["id"], row["text"], bool(row["label"])) for row in rows] == [
        ("1", "fine", True),
        ("2", "caf\\xe9", False),
        ("3", "a", False),
        ("4", "dull", True),
    ]
    assert [row["error"] for row in rows] == [
        "",
        "line 3: bytes that are not utf-8: byte 0xe9",
        "line 4: a wrong number of cells: 3 where line 1 has 2",
        "",
    ]
    assert re.fullmatch(r"o\.csv: 2 rows answered, 2 not: 1 with bytes .* \(line 3: byte 0xe9\), 1 with .*\n", error)
    code, out, error = called("--input", "r.csv", "--skip-bad-rows")
    assert [row["id"] for row in table(out)] == ["1", "4"] and "2 rows answered, 2 left out: " in error


def test_the_exit_code_is_1_where_no_row_could_be_answered(called, tmp_path):
    (tmp_path / "r.csv").write_bytes(b"id,text\n2,caf\xe9\n")
    code, _, error = called("--input", "r.csv", "--output", "o.jsonl")
    assert code == 1 and "0 rows answered, 1 not" in error and "--encoding latin-1" in error
    assert json.loads((tmp_path / "o.jsonl").read_text())["label"] is None
    (tmp_path / "empty.csv").write_text("id,text\n")
    assert called("--input", "empty.csv", "--output", "o.csv")[0] == 0


def test_the_counts_are_one_json_object(predict, tmp_path):
    (tmp_path / "r.txt").write_text("fine\nb\0d\n")
    counts = json.loads(predict("--input", "r.txt", "--output", "o.csv", "--json"))
    assert counts == {"path": str(tmp_path / "o.csv"), "rows": 2, "answered": 1, "failed": 1}


def test_a_later_key_of_standard_input_keeps_its_value(predict, stdin):
    stdin(b'{"text": "fine"}\n{"text": "dull", "label": "mine"}\n')
    first, second = map(json.loads, predict("--input", "-", "--format", "jsonl", "--json").splitlines())
    assert "predicted_label" not in first
    assert second["label"] == "mine" and second["predicted_label"] in ("bad", "good")


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--output", "o.pdf"], r"--output must end in one of \.csv, \.jsonl, \.parquet, .* Got 'o\.pdf'\."),
        (["--output", "b/o.csv"], r"--output 'b/o\.csv': there is no folder '.*b'\."),
        (["--output", "r.csv"], r"--output 'r\.csv' is the input itself\. Name another file\."),
        (["--output", "link.csv"], r"--output 'link\.csv' is the input itself\."),
        (["--output", "f.csv"], r"--output 'f\.csv' is a folder\. Name a file in it\."),
        (["--output", "pipe.csv"], r"--output 'pipe\.csv' is no ordinary file\."),
        (["--resume"], r"--resume goes on with a file: it needs --input FILE and --output FILE\."),
        (["--output", "o.csv", "--format", "xls"], r"--format must be one of 'csv', .* Got 'xls'\."),
        (["--output", "o.jsonl", "--columns", "text=a"], r"r\.csv has 2 columns named 'a'\."),
        (["--output", "o.parquet"], r"r\.csv has 2 columns named 'a'\. Give each a name of its own, or write \.csv\."),
    ],
)
def test_outputs_that_cannot_be_made_are_refused_in_one_line(called, tmp_path, arguments, pattern):
    (tmp_path / "r.csv").write_text("text,a,a\nfine,1,2\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "r.csv")
    (tmp_path / "f.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, error = called("--input", "r.csv", *arguments)
    assert code == 2 and out == "" and len(error.splitlines()) == 1
    assert re.search(pattern, error), error
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_resume_of_standard_input_is_refused(called, stdin):
    stdin(b"fine\n")
    code, _, error = called("--input", "-", "--output", "o.csv", "--resume")
    assert code == 2 and "--resume reads the input again, which stdin can't be." in error


def test_a_table_whose_columns_share_a_name_is_kept_in_csv(predict, tmp_path):
    (tmp_path / "r.csv").write_text("text,a,a\nfine,1,2\n")
    predict("--input", "r.csv", "--output", "o.csv")
    assert (
        (tmp_path / "o.csv").read_text().startswith("text,a,a,label,probability_bad,probability_good,error\nfine,1,2,")
    )
