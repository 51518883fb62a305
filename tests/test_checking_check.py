"""check: planted faults are found, run's refusals are told beforehand, and a clean sample has nothing in the way."""

import datetime
import json
import random

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from rnnkit import catalog
from rnnkit.checking import short_form
from rnnkit.checking.check import check
from rnnkit.checking.report import print_report, seconds
from rnnkit.checking.some_rows import SomeRows
from rnnkit.commands.checking import check_
from rnnkit.settings import from_mapping
from rnnkit.sources import Format, read_splits

TINY = {"units": 5, "embedding_units": 7, "ngram_buckets": 64, "epochs": 2}
FLAGS = [part for name, value in TINY.items() for part in (f"--{name.replace('_', '-')}", str(value))]
WORDS = {"good": ["fine", "lovely", "clever", "warm"], "bad": ["dull", "stale", "rude", "cold"]}


def table(rows=120, seed=0):
    """Reviews of different lengths, none twice, with columns that the recipe does not read."""
    draw = random.Random(seed)
    labels = [("good", "bad")[place % 2] for place in range(rows)]
    said = [
        " and ".join(f"the {draw.choice('abcde')} was {draw.choice(WORDS[label])}" for _ in range(1 + place % 4))
        for place, label in enumerate(labels)
    ]
    texts = [f"{text}, {place} of {rows}" for place, text in enumerate(said)]
    return pd.DataFrame({"text": texts, "label": labels})


def looked(data, **settings):
    made = catalog.load("sentiment")
    return check(made, from_mapping(made.settings, {**TINY, **settings}), data=data)


def by_kind(report):
    return {finding.kind: finding for finding in report.findings}


def printed(report):
    console = Console(width=100, record=True, file=open("/dev/null", "w"))
    print_report(report, console)
    return console.export_text()


@pytest.fixture
def untimed(monkeypatch):
    """Leaves out what needs a model."""
    monkeypatch.setattr("rnnkit.checking.check._tried", lambda *arguments: (None, None, None))


@pytest.fixture(scope="module")
def clean():
    return looked(table())


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A csv with a fault of each kind, as (path, report)."""
    frame = table()
    frame.insert(0, "id", range(1, 121))
    start = datetime.datetime(2024, 1, 1)
    frame["when"] = [(start + datetime.timedelta(hours=place + 5 * (place > 60))).isoformat() for place in range(120)]
    frame["lang"], frame["empty"], frame["stars"] = "en", "", frame["label"].map({"good": 5, "bad": 1})
    frame.loc[2:3, "text"] = frame.loc[1, "text"]
    frame.loc[4, "text"] = frame.loc[1, "text"].upper() + "!"
    frame.loc[6, "text"], frame.loc[8, "text"], frame.loc[10, "text"] = "cafÃ©", "a <br /> b &amp; c", "это плохо"
    frame.loc[12, "text"], frame.loc[13, "label"] = "", ""
    frame.loc[20:24, "label"], frame.loc[20:24, "stars"] = "Good", 4
    path = tmp_path_factory.mktemp("planted") / "r.csv"
    frame.to_csv(path, index=False)
    return path, looked(path)


def test_a_clean_table_has_nothing_in_the_way(clean):
    assert clean.verdict() == [] and clean.refusal is None
    assert {finding.kind for finding in clean.findings} == {"few_test_rows"}
    assert clean.rows == {"train": 96, "valid": 12, "test": 12} and clean.labels == {"good": 60, "bad": 60}
    assert printed(clean).rstrip().endswith("nothing in the way")


@pytest.mark.parametrize(
    ("kind", "severity", "places"),
    [
        ("bad_rows", "error", (15,)),
        ("contradictions", "warning", (3,)),
        ("duplicates", "note", (4, 5)),
        ("near_duplicates", "note", (6,)),
        ("mojibake", "warning", (8,)),
        ("html_tags", "note", (10,)),
        ("html_entities", "note", (10,)),
        ("other_scripts", "note", (12,)),
        ("labels_alike", "warning", ()),
        ("id_column", "note", ()),
        ("constant_column", "note", ()),
        ("empty_column", "note", ()),
        ("gives_target_away", "note", ()),
        ("time_gaps", "note", (63,)),
    ],
)
def test_what_is_planted_is_found_where_it_is(planted, kind, severity, places):
    finding = by_kind(planted[1])[kind]
    assert (finding.severity, finding.places) == (severity, places)


def test_a_refusal_is_told_beside_what_else_was_found(planted):
    path, report = planted
    assert "2 rows that can't be used" in str(report.refusal) and report.estimate.epoch_seconds > 0
    assert sum(report.rows.values()) == 118
    assert any("--skip-bad-rows" in mend for mend in report.verdict())
    text = printed(report)
    assert "run would refuse this" in text and "once the bad rows are left out" in text


def test_bad_rows_that_are_left_out_are_no_refusal(planted, untimed):
    skipped = looked(planted[0], skip_bad_rows=True)
    assert skipped.refusal is None and by_kind(skipped)["bad_rows"].severity == "warning"


def test_the_verb_prints_a_report_and_ends_with_json(planted, capsys):
    with pytest.raises(ValueError, match="2 rows that can't be used"):
        check_(["sentiment", "--data", str(planted[0]), "--json", *FLAGS])
    *lines, last = capsys.readouterr().out.splitlines()
    values = json.loads(last)
    assert any("looks like" in line for line in lines)
    assert values["tables"]["train"]["rows"] == 120 and values["tables"]["train"]["columns"]["when"]["kind"] == "times"
    assert "--skip-bad-rows" in values["refusal"] and values["estimate"]["steps"] > 0
    assert {finding["kind"] for finding in values["findings"]} >= {"mojibake", "labels_alike"}


def test_the_embedded_sample_has_nothing_in_the_way(capsys):
    check_(["sentiment", "--json", *FLAGS])
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[-1] == "nothing in the way" and json.loads(last)["verdict"] == []


def test_the_verb_asks_for_a_recipe():
    with pytest.raises(ValueError, match="Say for which recipe"):
        check_(["--data", "r.csv"])
    with pytest.raises(LookupError, match="There is no recipe 'sentimnt'"):
        check_(["sentimnt"])


def test_time_and_memory_are_positive_and_time_grows_with_the_rows():
    few, many = looked(table(60), steps_per_epoch=3).estimate, looked(table(3_000)).estimate
    assert 0 < few.epoch_seconds < many.epoch_seconds and 0 < many.epoch_seconds < many.training_seconds
    assert few.steps == 3 < many.steps and 0 < few.growth < few.memory


def test_a_missing_column_is_refused_and_the_others_are_looked_at(tmp_path, untimed):
    table().rename(columns={"text": "review"}).to_csv(tmp_path / "r.csv", index=False)
    report = looked(tmp_path / "r.csv")
    assert "has no column 'text'" in str(report.refusal) and report.estimate is None
    assert report.passes["train"].rows == 120 and "review" in printed(report)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"vectors": "nowhere.txt"}, "no file 'nowhere.txt'"), ({"columns": "foo=text"}, "names 'foo'")],
)
def test_what_the_settings_make_run_refuse_is_told(settings, message):
    assert message in str(looked(table(), **settings).refusal)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        looked(tmp_path / "r.csv")


def test_another_encoding_is_guessed(tmp_path, untimed):
    frame = table()
    frame["text"] += " très café"
    frame.to_csv(tmp_path / "r.csv", index=False, encoding="cp1252")
    report = looked(tmp_path / "r.csv")
    assert by_kind(report)["bad_rows"].severity == "error" and "--encoding cp1252" in report.verdict()[0]
    assert looked(tmp_path / "r.csv", encoding="cp1252").verdict() == []


def test_rows_in_two_given_splits_are_found(tmp_path, untimed):
    frame = table()
    frame[:100].to_csv(tmp_path / "train.csv", index=False)
    frame[90:].to_csv(tmp_path / "test.csv", index=False)
    report = looked(tmp_path)
    assert by_kind(report)["leakage"].places == (2, 3, 4) and "10 rows of 30" in by_kind(report)["leakage"].message
    assert list(report.passes) == ["train", "test"] and report.rows["test"] == 30


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "folder"])
def test_other_kinds_of_data_are_looked_at_alike(tmp_path, kind, clean, untimed):
    frame = table()
    path = tmp_path / f"r.{kind}"
    if kind == "folder":
        for place, row in enumerate(frame.itertuples()):
            (path / row.label).mkdir(parents=True, exist_ok=True)
            (path / row.label / f"{place}.txt").write_text(row.text)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    report = looked(path)
    assert report.verdict() == [] and report.labels == clean.labels and report.rows == clean.rows


def test_long_inputs_are_counted_before_they_are_cut(clean):
    report = looked(table(), length=6)
    assert report.lengths.steps.tolist() == clean.lengths.steps.tolist() and report.lengths.cut_share > 0.5
    assert "--length" in " ".join(report.verdict())


def splits_of(frame, **given):
    return read_splits(frame, format=Format(skip_bad_rows=True), valid_share=0.1, test_share=0.1, seed=0, **given)


def test_the_short_form_says_rows_labels_and_repeats_without_reading(tmp_path):
    made, frame = catalog.load("sentiment"), table()
    frame.loc[100:104, "text"] = frame.loc[0:4, "text"].tolist()
    frame.loc[7, "label"] = ""
    frame.to_csv(tmp_path / "r.csv", index=False)
    splits = splits_of(tmp_path / "r.csv")
    (tmp_path / "r.csv").unlink()
    text = "\n".join(short_form(made, splits))
    assert f"{len(splits.train)} train" in text and "good 50." in text and "5 rows (4.2%)" in text
    assert "left out 1 row" in text and len(text.splitlines()) <= 6


def test_the_short_form_of_clean_rows_is_two_lines():
    assert len(short_form(catalog.load("sentiment"), splits_of(table()))) == 2


def test_some_rows_are_spread_and_look_like_a_split():
    train = splits_of(table()).train
    some, every = SomeRows(train, 7), SomeRows(train, 5_000)
    assert len(some) == 7 == sum(len(chunk["text"]) for chunk in some.chunks(11)) and not some.whole
    assert every.whole and list(every.chunks(11)) == list(train.chunks(11))
    whole = next(train.chunks(1_000))
    assert [row for chunk in some.chunks(11) for row in chunk["text"]] == [whole["text"][p] for p in some.places]
    assert np.array_equal(some.codes, train.codes[some.places]) and some.names == train.names
    assert some.labels.tolist() == [whole["label"][p] for p in some.places]


def test_spans_are_said_in_fitting_units():
    assert [seconds(count) for count in (0.01, 4, 33, 600, 9_000)] == ["0.1 s", "4.0 s", "33 s", "10 min", "2.5 h"]
