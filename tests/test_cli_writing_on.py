"""predict of a language model: texts shown as they are drawn, flags on how to write, and what a text costs."""

import csv
import io
import json
import re

import pytest
from toy_writer import made_writer, seed_of_a_long_text

from rnnkit.cli import main
from rnnkit.interrupts import Interrupted
from rnnkit.predicting.writing_on import write_on


@pytest.fixture(scope="session")
def writer(made_once, tmp_path_factory):
    return made_writer(made_once, tmp_path_factory)


@pytest.fixture
def called(writer, predicting):
    return predicting(writer)


def text_of(writer, *arguments, **how):
    return "".join(write_on(writer, *arguments, **how))


def test_a_stream_is_what_follows_each_value_and_a_line_end(predict, writer):
    how = ["--length", 25, "--temperature", 1.5, "--seed", 3, "--top-k", 9, "--top-p", 0.9]
    out = predict("the", "", "--stream", *how, "--repetition-penalty", 1.2, "--stop", "")
    same = {"length": 25, "temperature": 1.5, "seed": 3, "top_k": 9, "top_p": 0.9, "repetition_penalty": 1.2}
    assert out == "".join(text_of(writer, prompt, **same, stop=()) + "\n" for prompt in ("the", ""))


def test_a_stream_is_flushed_after_each_piece(predict, writer, monkeypatch):
    class Terminal(io.StringIO):
        shown = []

        def flush(self):
            self.shown.append(self.getvalue())

    monkeypatch.setattr("sys.stdout", Terminal())
    predict("the", "--stream", "--length", 30, "--stop", "")
    pieces = list(write_on(writer, "the", length=30, stop=()))
    assert len(pieces) > 1
    places = range(1, len(pieces) + 1)
    assert Terminal.shown[: len(pieces)] == ["".join(pieces[:place]) for place in places]


def test_stops_are_given_one_by_one_and_may_be_line_ends(predict, writer):
    same = {"length": 60, "temperature": 1.5, "stop": ()}
    same["seed"] = seed_of_a_long_text(writer, "the", **same)
    whole = text_of(writer, "the", **same)
    how = ["--length", 60, "--temperature", 1.5, "--seed", same["seed"], "--stream"]
    assert predict("the", *how, "--stop", "|", "--stop", whole[4:6]) == whole[: whole.find(whole[4:6])] + "\n"
    assert predict("the", *how, "--stop", "\\n") == whole.partition("\n")[0] + "\n"


def test_what_was_never_seen_is_told_beside_the_text(called):
    code, _, error = called("Ж", "--stream", "--length", 2)
    assert (code, error) == (0, "note: 1 token of 'Ж' was never seen in training: read as unknown.\n")


def test_flags_on_how_to_write_have_the_usual_answers(predict, writer, tmp_path):
    how = ["--length", 12, "--temperature", 0]
    expected = [text_of(writer, text, length=12, temperature=0) for text in ("the", "Zoë ")]
    plain = [json.loads(line) for line in predict("the", "Zoë ", *how).splitlines()]
    assert [row["generated"] for row in plain] == expected
    rows = [json.loads(line) for line in predict("the", "Zoë ", *how, "--json").splitlines()]
    assert [row["text"] for row in rows] == ["the", "Zoë "]
    assert [row["generated"] for row in rows] == expected
    predict("the", "Zoë ", *how, "--output", "o.csv")
    table = csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text(encoding="utf-8")))
    assert [row["generated"] for row in table] == expected


def test_the_texts_of_a_file_are_written_on_the_same(predict, writer, tmp_path):
    (tmp_path / "t.txt").write_text("the\n\nthe a\n", encoding="utf-8")
    how = ["--length", 21, "--temperature", 1.2, "--seed", 8, "--top-k", 7]
    rows = [json.loads(line) for line in predict("--input", "t.txt", *how, "--json").splitlines()]
    same = {"length": 21, "temperature": 1.2, "seed": 8, "top_k": 7}
    assert [row["generated"] for row in rows] == [text_of(writer, text, **same) for text in ("the", "", "the a")]
    assert predict("--input", "t.txt", *how, "--output", "o.jsonl") == ""
    lines = (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["generated"] for line in lines] == [row["generated"] for row in rows]


def test_what_a_text_costs_is_shown_token_by_token(predict, writer):
    first, *tokens = predict("the\n猫", "--signature", "score").splitlines()
    scored = writer.predict(["the\n猫"], signature="score")
    assert first.startswith(f"perplexity {scored['perplexity'][0]:.2f}   ")
    shown = [line.split() for line in tokens[1:]]
    assert [json.loads(token) for _, token in shown] == list("the\n猫")
    assert [float(cost) for cost, _ in shown] == [round(float(cost), 3) for cost in scored["log_probability"][0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["the", "--temperature", "-1"], "temperature must be at least 0.0. Got -1.0."),
        (["the", "--stream", "--length", "0"], "length must be at least 1. Got 0."),
        (["the", "--top-p", "x"], "top_p must be a number. Got 'x'."),
        (["--stream"], "Give either values, or --input FILE (- for standard input), and not both."),
        (["--input", "t.txt", "--stream"], "Got --input too. Leave one of them out."),
        (["the", "--stream", "--json"], "Got --json too. Leave one of them out."),
        (["the", "--stream", "--output", "o.csv"], "Got --output too. Leave one of them out."),
        (["the", "--stream", "--signature", "score"], "Got --signature score too. Leave one of them out."),
        (["the", "--seed", "1", "--signature", "score"], "--seed says how a text is written on."),
        (["--input", "t.txt", "--stop", "x"], "--stop is for values, such as 'Once'. Got --input."),
        (["--input", "t.txt", "--repetition-penalty", "2"], "--repetition-penalty is for values"),
        (
            ["--input", "t.txt", "--seed", "2", "--resume", "--output", "o.csv"],
            "--resume goes on with answers as trained. Got --seed too.",
        ),
    ],
)
def test_what_can_not_go_together_is_refused_in_one_line(called, tmp_path, arguments, message):
    (tmp_path / "t.txt").write_text("the\n", encoding="utf-8")
    code, out, error = called(*arguments)
    assert (code, out) == (2, "")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("flags", [["--stream"], ["--length", "3"], ["--stop", "x", "--json"]])
def test_a_bundle_that_does_not_write_is_refused(tiny, capsys, flags):
    assert main(["predict", str(tiny.path), "the", *flags]) == 2
    error = capsys.readouterr().err
    assert re.search(r"can't write a text on: it has no signature 'encode', 'join', 'step'\.", error)
    assert error.count("\n") == 1


def test_a_bundle_that_does_not_write_on_many_texts_is_refused(tiny, capsys, write):
    write("t.txt", "the\n")
    assert main(["predict", str(tiny.path), "--input", "t.txt", "--seed", "1"]) == 2
    assert "can't write on the texts of a file: it has no signature 'generate' of" in capsys.readouterr().err


@pytest.mark.parametrize(("stopped", "code"), [(KeyboardInterrupt(), 130), (Interrupted("terminated.", 15), 143)])
def test_ctrl_c_ends_a_stream_with_what_is_written(called, monkeypatch, stopped, code):
    def pieces(*arguments, **how):
        yield from ("On", "ce")
        raise stopped

    monkeypatch.setattr("rnnkit.commands.writing_on.write_on", pieces)
    assert called("the", "--stream") == (code, "Once\n", "rnnkit: interrupted. What was drawn is written.\n")
