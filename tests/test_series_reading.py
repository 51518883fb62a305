"""Reading series: columns find their roles, stamps and cells are read, and what can't be is told in one line."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest

from rnnkit.series import SeriesSettings, read_splits
from rnnkit.series.loading import load

ROWS = 40
HOURS = pd.date_range("2024-03-01", periods=ROWS, freq="h")
SMALL = {"window": 5, "horizon": 3, "valid_share": 0.2, "test_share": 0.2}


def table(**more):
    """A frame of a wide table: 40 hours, two columns of numbers."""
    rng = np.random.default_rng(11)
    return pd.DataFrame(
        {"date": HOURS.astype(str), "load": rng.normal(size=ROWS).round(3), "heat": range(ROWS), **more}
    )


def read(data, **settings):
    return load(data, SeriesSettings(**{**SMALL, **settings}))


def refusal(data, kind=ValueError, **settings):
    with pytest.raises(kind) as caught:
        read_splits(data, settings=SeriesSettings(**{**SMALL, **settings}))
    assert type(caught.value) is kind
    message = caught.value.args[0]
    assert len(caught.value.args) == 1 and "\n" not in message and "  " not in message
    return message


def matches(pattern, message):
    assert re.search(pattern, message), message


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a text to a file in the working directory and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        if name.endswith(".gz"):
            (tmp_path / name).write_bytes(gzip.compress(text.encode()))
        else:
            (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.txt.gz", "a.parquet"])
def test_each_kind_of_file_reads_as_the_frame_does(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    frame = table(wind=["NW", "SE", None, "calm"] * 10)
    if name.endswith("parquet"):
        frame.to_parquet(name)
    elif name.endswith("jsonl"):
        frame.to_json(name, orient="records", lines=True)
    else:
        frame.to_csv(name, index=False, sep="\t" if "tsv" in name else ",")
    settings = {"target": "load", "past": "heat,wind"}
    mine, theirs = read(name, **settings), read(frame, **settings)
    assert (mine.seconds == theirs.seconds).all() and (mine.categories == theirs.categories).all()
    np.testing.assert_array_equal(mine.values, theirs.values)
    assert mine.columns == theirs.columns
    assert mine.columns.past == ("heat",) and mine.columns.past_categories == ("wind",)
    assert mine.category_names == (("NW", "SE", "calm"),)
    assert mine.categories[:4, 0].tolist() == [0, 1, -1, 2]


def test_all_numbers_without_another_role_are_targets():
    rows = read(table(wind="NW", note=[None] * ROWS))
    assert rows.columns.targets == ("load", "heat") and rows.columns.time == "date"
    matches("'wind', 'note'", rows.notes[0])


def test_the_long_form_of_neuralforecast_needs_no_settings():
    frame = pd.DataFrame(
        {"unique_id": ["b"] * 20 + ["a"] * 20, "ds": [*HOURS[:20], *HOURS[:20]], "y": range(40), "x": range(40)}
    )
    rows = read(frame)
    assert (rows.columns.time, rows.columns.id, rows.columns.targets) == ("ds", "unique_id", ("y",))
    assert rows.ids == ("b", "a") and rows.values.shape == (40, 1)


def test_other_names_of_columns_are_translated():
    frame = table().rename(columns={"load": "Last", "date": "Zeit"})
    rows = read(frame, columns="y=Last,ds=Zeit")
    assert (rows.columns.time, rows.columns.targets) == ("ds", ("y",))


def test_a_file_without_header_is_told_by_its_first_line(file):
    name = file("rates.csv", "".join(f"{n},{n % 7}.5\n" for n in range(30)))
    rows = read(name, time="row", start="1990-01-01", frequency="1bd")
    assert rows.values.shape == (30, 2) and rows.columns.targets == ("0", "1") and rows.columns.time == ""
    assert str(rows.seconds[5].astype("datetime64[s]")) == "1990-01-08T00:00:00"
    matches("first line is taken for a row", rows.notes[0])
    assert read(name, time="row", start="1990-01-01", frequency="1d", target="1").values.shape == (30, 1)


def test_an_unknown_zone_is_refused_with_its_like():
    matches(
        r"time_zone must be .* Got 'Europe/Berln'\. Did you mean 'Europe/Berlin'\?",
        refusal(table(), time_zone="Europe/Berln"),
    )


def test_a_stamp_that_is_none_is_named_by_line_or_left_out(file):
    lines = table().to_csv(index=False).splitlines()
    lines[8] = "soon,1,2"
    lines[30] = ",1,2"
    name = file("heat.csv", "\n".join(lines) + "\n")
    message = refusal(name)
    matches(
        r"^heat\.csv, line 9: column 'date' has 'soon', which is no time, and 1 more\. The others are ISO 8601\.",
        message,
    )
    matches(r"2024-03-01 12:00:00, or pass --skip-bad-rows", message)
    rows = read(name, skip_bad_rows=True)
    assert len(rows.seconds) == ROWS - 2
    matches(r"left out 2 rows whose 'date' is no time \(line 9: 'soon', …\)", rows.notes[0])


def test_a_cell_that_is_no_number_is_named_by_line_or_taken_as_missing(file):
    lines = table().to_csv(index=False).splitlines()
    lines[4] = lines[4].rpartition(",")[0] + ",x7"
    lines[5] = ""
    lines[9] = lines[9].rpartition(",")[0] + ",inf"
    name = file("heat.csv", "\n".join(lines) + "\n")
    message = refusal(name)
    matches(
        r"^heat\.csv, line 5: column 'heat', a target, has 'x7', which is no number\. Mend it, .*--skip-bad-rows",
        message,
    )
    rows = read(name, skip_bad_rows=True)
    assert np.flatnonzero(np.isnan(rows.values[:, 1])).tolist() == [3, 7]
    matches(r"line 5: .*1 cells taken as missing, the first of them 'x7'", rows.notes[0])
    matches(r"line 10: .*an infinite value", rows.notes[1])


def test_an_infinite_value_is_refused_with_its_place():
    frame = table()
    frame.loc[13, "load"] = -np.inf
    matches(r"^DataFrame, position 13: column 'load', a target, has an infinite value\.", refusal(frame))


def test_marks_of_missing_cells_are_no_numbers_and_no_faults(file):
    marks = ["NA", "n/a", "NaN", "null", "None", "?", "-", "", " "]
    cells = [*marks, *map(str, range(ROWS - len(marks)))]
    name = file("m.csv", "ds,y\n" + "".join(f"{time},{cell}\n" for time, cell in zip(HOURS, cells, strict=True)))
    values = read(name).values[:, 0]
    assert np.isnan(values[: len(marks)]).all() and not np.isnan(values[len(marks) :]).any()


def test_a_row_of_another_width_is_refused_as_in_every_table(file):
    lines = table().to_csv(index=False).splitlines()
    lines[6] += ",9"
    name = file("w.csv", "\n".join(lines) + "\n")
    matches(
        r"^w\.csv has 1 row that can't be used: 1 with a wrong number of cells \(line 7: 4 where line 1 has 3\)",
        refusal(name),
    )
    rows = read(name, skip_bad_rows=True)
    assert len(rows.seconds) == ROWS - 1
    matches("left out 1 row", rows.notes[0])


def test_a_target_of_texts_is_refused_and_its_first_line_named():
    message = refusal(table(wind="NW"), target="wind")
    matches(r"^DataFrame, position 0: column 'wind', a target, has 'NW', which is no number; so are 39 more", message)
    matches(r"Targets must hold numbers: name other columns with --target", message)


def test_missing_columns_are_named_with_their_like():
    message = refusal(table(), LookupError, target="laod")
    assert message.startswith("DataFrame has no column 'laod'. Did you mean 'load'? It has 'date', 'load', 'heat'.")
    matches("--columns laod=load", message)
    matches("no column 'wind'", refusal(table(), LookupError, past="wind"))


def test_a_table_without_times_is_told_how_to_make_them():
    frame = table().drop(columns="date")
    message = refusal(frame, LookupError)
    matches("^DataFrame has no time column: none of its columns 'load', 'heat' holds times", message)
    matches("--time row --start 2024-03-01 --frequency 1h", message)
    matches(
        r"--time row makes stamps: .* Got --start '' and --frequency '1d'", refusal(frame, time="row", frequency="1d")
    )
    message = refusal(frame, time="row", frequency="1d", start="soon")
    matches("start must be a time such as 1990-01-01.* Got 'soon'", message)


def test_a_column_has_one_role():
    matches(
        "Column 'heat' can have one role. Got it as --past and as --future",
        refusal(table(), past="heat", future="heat"),
    )


def test_static_columns_stay_the_same():
    frame = table(place="Ulm", height=[2.5] * ROWS)
    rows = read(frame, target="load", static="place,height")
    assert rows.static_names == (("Ulm",),) and rows.static_values.tolist() == [[2.5]]
    matches(
        "column 'heat' is static, but it changes from one row to another", refusal(frame, target="load", static="heat")
    )


def test_a_folder_an_empty_file_and_a_table_without_rows_are_refused(file, tmp_path):
    matches("is a folder", refusal(str(tmp_path), IsADirectoryError))
    matches("is empty", refusal(file("e.csv", "")))
    matches(r"^h\.csv has no ", refusal(file("h.csv", "ds,y\n"), target="y", time="ds"))
    matches("no file 'nowhere.csv'", refusal("nowhere.csv", FileNotFoundError))
    matches("Series are read from a file", refusal("tfds:imdb"))


def test_an_empty_name_of_a_series_is_refused_or_left_out():
    frame = pd.DataFrame({"unique_id": ["a"] * 20 + [None] + ["a"] * 19, "ds": HOURS, "y": range(40)})
    matches(r"position 20: column 'unique_id', which tells series apart, is empty", refusal(frame))
    assert len(read(frame, skip_bad_rows=True).seconds) == 39


@pytest.mark.parametrize("cell", ["1,5", "1.234,5", "12,345"])
def test_commas_in_numbers_are_not_guessed_at(cell):
    message = refusal(table(load=[cell] * ROWS), target="load")
    matches(rf"has '{cell}', which is no number; .* Write numbers as 1234\.5: a point before the decimals", message)


def test_row_numbers_are_no_times():
    message = refusal(table(date=range(ROWS)), time="date")
    matches(r"column 'date' has '0', which is no time, .* If it numbers the rows: --time row --start", message)


def test_a_frame_without_rows_or_columns_is_refused():
    assert refusal(table()[:0]).startswith("DataFrame has no rows.")
    assert refusal(pd.DataFrame()).startswith("DataFrame has no columns.")


def test_a_column_that_is_there_twice_is_refused_even_where_no_flag_names_it(file):
    name = file("a.csv", "date,y,y\n" + "".join(f"2024-03-01 {hour:02}:00,{hour},0\n" for hour in range(24)))
    matches(r"a\.csv has 2 columns named 'y'\. Give each a name of its own\.", refusal(name))


def test_a_column_named_twice_in_one_role_is_told_so():
    matches(r"Column 'load' stands twice in --target\. Leave one out\.", refusal(table(), target="load,load"))


def test_the_time_column_as_target_is_told_so():
    matches(r"column 'date' is the only one that holds times, and it is named as some", refusal(table(), target="date"))


def test_cells_with_semicolons_between_are_told_as_such(file):
    name = file("a.csv", "date;y\n" + "".join(f"2024-03-01 {hour:02}:00;{hour}\n" for hour in range(24)))
    matches(r"a\.csv has the one column 'date;y': its cells seem to have ';' between them\. Write", refusal(name))
