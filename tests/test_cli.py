"""Command line: what each verb prints, and that it does what its Python twin does."""

import csv
import io
import json
import pathlib
import re

import pytest

import rnnkit
from rnnkit import bundle as bundles
from rnnkit import catalog
from rnnkit.cli import VERBS, main


@pytest.fixture
def table(tmp_path, reviews):
    reviews.to_csv(tmp_path / "r.csv", index=False)
    return "r.csv"


def test_help_names_every_verb(run):
    for word in ("--help", "-h", "help"):
        assert set(VERBS) == set(re.findall(r"^    rnnkit (\w+)", run(word), re.MULTILINE))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_within_eighty_columns(run, verb):
    text = run(verb, "--help")
    assert f"rnnkit {verb}" in text and max(map(len, text.splitlines())) <= 90


def test_version_is_that_of_the_package(run):
    assert re.fullmatch(r"rnnkit \d+\.\d+\.\d+\n", run("--version"))


def test_list_says_what_each_recipe_reads_and_serves(run):
    text, described = run("list"), json.loads(run("list", "--json").splitlines()[-1])
    assert list(described) == catalog.names()
    for name, parts in described.items():
        assert name in text and {"about", "reads", "serves"} <= parts.keys()
    assert max(map(len, text.splitlines())) <= 80


def test_sample_writes_what_run_can_read(run, tmp_path):
    text = run("sample", "sentiment", "data", "--json")
    assert json.loads(text.splitlines()[-1]) == {"path": "data/sentiment.csv"}
    with open(tmp_path / "data" / "sentiment.csv") as file:
        assert next(csv.reader(file)) == ["text", "label"]
    assert "rnnkit run sentiment --data data/sentiment.csv" in text


def test_run_writes_a_bundle_and_says_how_it_scored_and_what_comes_next(run, table, tmp_path):
    flags = ["--units", "3", "--embedding-units", "4", "--epochs", "1", "--ngrams", "0", "--pooling", "max", "--json"]
    text = run("run", "sentiment", "--data", table, "--out", "out", "--name", "mine", *flags)
    card = json.loads(text.splitlines()[-1])
    assert card["path"] == "out/mine/1" and (tmp_path / "out" / "mine" / "1" / "saved_model.pb").is_file()
    assert card["settings"]["units"] == 3 and card["settings"]["data"] == "r.csv"
    assert not list(tmp_path.glob("**/.*"))
    for word in (*card["baselines"], *card["scores"]["test"], "the strongest baseline", "out/mine/1"):
        assert word in text
    next_commands = re.findall(r"rnnkit (\w+) out/mine", text)
    assert next_commands == ["predict", "evaluate", "show"]


def test_scores_fit_eighty_columns_uncut(run, tiny):
    from rnnkit.commands.training import print_scores

    text = run("show", tiny.path)
    rows = text[: text.index("signatures")].splitlines()[-9:]
    assert "…" not in "".join(rows) and max(map(len, rows)) <= 80
    print_scores(tiny)


def test_show_says_what_the_bundle_is_and_how_to_serve_it(run, tiny):
    text = run("show", tiny.path.parent, "--json")
    assert json.loads(text.splitlines()[-1]) == tiny.card
    assert f"-v {tiny.path.parent}:/models/tiny -e MODEL_NAME=tiny tensorflow/serving" in text
    body = re.search(r"curl -d '(.*)' http://localhost:8501/v1/models/tiny:predict", text)[1]
    assert json.loads(body)["instances"][0].keys() == {"text"}
    for file in tiny.path.rglob("*"):
        assert file.is_dir() or str(file.relative_to(tiny.path)) in text


def test_evaluate_scores_as_its_twin_does(run, tiny, table, reviews):
    text = run("evaluate", tiny.path, "--data", table, "--json")
    scores = json.loads(text.splitlines()[-1])
    assert scores == pytest.approx(rnnkit.evaluate(tiny, reviews))
    assert list(scores) == list(tiny.card["scores"]["test"])
    assert all(name in text for name in scores)


def test_evaluate_reads_as_the_bundle_was_trained_unless_told_otherwise(tmp_path, reviews, tiny, monkeypatch):
    swapped = reviews.rename(columns={"text": "review", "label": "stars"})
    columns = {"text": "review", "label": "stars"}
    expected = rnnkit.evaluate(tiny, reviews)
    assert rnnkit.evaluate(tiny, swapped, columns=columns) == pytest.approx(expected)
    trained = bundles.Bundle(tiny.path)
    trained.__dict__["card"] = {
        **tiny.card,
        "settings": {**tiny.card["settings"], "columns": "text=review,label=stars"},
    }
    assert rnnkit.evaluate(trained, swapped) == pytest.approx(expected)
    with pytest.raises(LookupError, match="no column 'review'"):
        rnnkit.evaluate(trained, reviews)
    assert rnnkit.evaluate(trained, reviews, columns="text=text,label=label") == pytest.approx(expected)


def test_an_unknown_label_of_a_data_frame_is_named_without_the_frame(tiny, reviews):
    frame = reviews.assign(label=reviews["text"])
    with pytest.raises(ValueError, match=r"^DataFrame has 40 rows with labels .* and 35 more\. It knows 'bad', 'good'"):
        rnnkit.evaluate(tiny, frame)


def test_the_twin_of_run_refuses_unknown_recipes_settings_and_columns(reviews, tmp_path):
    with pytest.raises(LookupError, match="There is no recipe 'sentimnt'"):
        rnnkit.run("sentimnt", reviews, out=tmp_path)
    with pytest.raises(LookupError, match="There is no setting 'unit'. Did you mean 'units'?"):
        rnnkit.run("sentiment", reviews, out=tmp_path, unit=3)
    with pytest.raises(LookupError, match="DataFrame has no column 'words'"):
        rnnkit.run("sentiment", reviews, columns={"text": "words"}, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_fault_of_ours_is_not_passed_off_as_the_users(monkeypatch):
    monkeypatch.setattr("rnnkit.catalog.names", lambda: {}["gone"])
    with pytest.raises(KeyError, match="gone"):
        main(["list"])


def test_debugging_shows_where_an_error_came_from(monkeypatch):
    monkeypatch.setenv("RNNKIT_DEBUG", "1")
    with pytest.raises(FileNotFoundError):
        main(["show", "nowhere"])


def test_an_error_of_many_lines_becomes_one(monkeypatch, capsys):
    def fail():
        raise ValueError("one\n  two\n")

    monkeypatch.setattr("rnnkit.catalog.names", fail)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == "rnnkit: one two\n"


def test_a_reader_that_has_left_is_no_error(tiny, monkeypatch, capfd):
    class Left(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

        def fileno(self):
            return 1

    monkeypatch.setattr("sys.stdout", Left())
    assert main(["predict", str(tiny.path), "x"]) == 0
    assert capfd.readouterr().err == ""


def test_the_module_runs_as_the_command_does(monkeypatch, capsys):
    import runpy

    monkeypatch.setattr("sys.argv", ["rnnkit", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("rnnkit", run_name="__main__")
    assert end.value.code == 0 and capsys.readouterr().out.startswith("rnnkit ")
    assert pathlib.Path(rnnkit.__file__).with_name("__main__.py").is_file()
