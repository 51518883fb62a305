"""predict: every way in and out gives the same answers, row by row, as they come."""

import csv
import io
import json
import threading

import numpy as np
import pytest

from rnnkit.cli import main
from rnnkit.commands.predicting import CHUNK, _as_they_come

TEXTS = ["the a was dull", "", 'quoted "words", commas', "caffè crème"]


@pytest.fixture
def predict(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        capsys.readouterr()
        assert main(["predict", str(tiny.path), *arguments]) == 0
        return capsys.readouterr().out

    return call


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


def flat(lines):
    rows = [json.loads(line) for line in lines.splitlines()]
    return [{**row, **{f"probability_{name}": share for name, share in row["probability"].items()}} for row in rows]


def test_values_are_answered_for_a_person(predict, tiny):
    lines = predict(*TEXTS).splitlines()
    expected = tiny.predict(TEXTS)
    assert len(lines) == len(TEXTS)
    for place, line in enumerate(lines):
        assert line.split()[:2] == [expected["label"][place], f"{expected['probability'][place].max():.3f}"]
        assert line.endswith(TEXTS[place])


def test_values_are_explained_word_by_word(predict):
    first, *words = predict("the a was dull", "fine", "--signature", "explain").splitlines()
    assert first.endswith("the a was dull")
    assert [line.split()[-1] for line in words] == ["the", "a", "was", "dull", "fine", "fine"]


def test_a_byte_that_is_no_utf_8_is_answered_and_shown_as_its_number(predict):
    assert predict("caf\udce9").endswith("caf\\udce9\n")


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.txt"])
def test_every_kind_of_file_gives_the_same_rows(predict, tiny, tmp_path, name):
    with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
        if name == "r.csv":
            csv.writer(file).writerows([["id", "text"], *enumerate(TEXTS)])
        else:
            file.writelines((json.dumps({"text": text}) if name == "r.jsonl" else text) + "\n" for text in TEXTS)
    check(tiny, list(csv.DictReader(io.StringIO(predict("--input", name)))))
    check(tiny, flat(predict("--input", name, "--json")))
    assert predict("--input", name, "--output", "o.csv") == predict("--input", name, "--output", "o.jsonl") == ""
    with open(tmp_path / "o.csv", newline="", encoding="utf-8") as file:
        check(tiny, list(csv.DictReader(file)))
    check(tiny, flat((tmp_path / "o.jsonl").read_text(encoding="utf-8")))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "o.csv", "o.jsonl"])


def test_standard_input_is_read_line_by_line(predict, tiny, stdin):
    stdin("\n".join(TEXTS).encode())
    check(tiny, flat(predict("--input", "-", "--json")))
    stdin(b"")
    assert predict("--input", "-") == ""


def test_a_file_longer_than_a_chunk_is_answered_row_for_row(predict, tiny, tmp_path):
    texts = [f"the {'a ' * (n % 7)}was {('dull', 'fine')[n % 2]}" for n in range(CHUNK + 9)]
    (tmp_path / "r.txt").write_text("\n".join(texts))
    check(tiny, flat(predict("--input", "r.txt", "--json")), texts=texts)


def test_explanations_are_written_without_padding(predict, tmp_path):
    (tmp_path / "r.txt").write_text("one\none two three\n\n")
    rows = [json.loads(line) for line in predict("--input", "r.txt", "--signature", "explain", "--json").splitlines()]
    assert [row["word"] for row in rows] == [["one"], ["one", "two", "three"], []]
    assert [len(row["attention"]) for row in rows] == [1, 3, 0]
    assert [len(row["probability"]) for row in rows] == [2, 2, 2]
    cells = list(csv.DictReader(io.StringIO(predict("--input", "r.txt", "--signature", "explain"))))
    assert json.loads(cells[1]["word"]) == ["one", "two", "three"]


def test_the_columns_of_the_training_are_those_of_predict_unless_told_otherwise(predict, tmp_path):
    (tmp_path / "r.csv").write_text("review,x\nfine,1\n")
    assert json.loads(predict("--input", "r.csv", "--columns", "text=review", "--json"))["text"] == "fine"


def test_rows_that_are_there_are_joined_and_later_ones_not_waited_for():
    more = threading.Event()

    def rows():
        yield {"text": ["one"]}
        assert more.wait(20)
        yield from ({"text": [str(n)]} for n in range(2 * CHUNK))

    chunks = _as_they_come(rows())
    assert next(chunks) == {"text": ["one"]}
    more.set()
    rest = list(chunks)
    assert [text for chunk in rest for text in chunk["text"]] == [str(n) for n in range(2 * CHUNK)]
    assert max(len(chunk["text"]) for chunk in rest) <= CHUNK


def test_an_error_of_a_later_row_comes_after_the_answers_before_it():
    def rows():
        yield {"text": ["one"]}
        raise ValueError("line 2 is odd")

    chunks = _as_they_come(rows())
    assert next(chunks) == {"text": ["one"]}
    with pytest.raises(ValueError, match="line 2 is odd"):
        next(chunks)
