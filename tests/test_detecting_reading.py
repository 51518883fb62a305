"""Reading sensors: rows stay as they are, in the order of time; what is odd is told in one line."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_readings import BEGIN, ROWS, matches, read, refusal, splits_of, table, told

from rnnkit.detecting.reading import detection_facts, read_part, read_readings
from rnnkit.detecting.settings import DetectionSourceSettings


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.integers(-5, 5)), min_size=1, max_size=30))
def test_every_row_stays_and_those_of_a_series_come_in_the_order_of_time(rows):
    ids, minutes, values = zip(*rows, strict=True)
    seconds = [BEGIN + 60 * minute for minute in minutes]
    stamps = pd.to_datetime(seconds, unit="s")
    readings = read(pd.DataFrame({"unique_id": ids, "ds": stamps, "load": np.array(values, float)}))
    order = list(dict.fromkeys(ids))
    expected = sorted(range(len(rows)), key=lambda row: (order.index(ids[row]), seconds[row]))
    assert readings.ids == tuple(order) and readings.sensors == ("load",)
    assert readings.places.tolist() == expected
    assert readings.seconds.tolist() == [seconds[row] for row in expected]
    assert readings.values[:, 0].tolist() == [values[row] for row in expected]
    assert np.diff(readings.starts).tolist() == [ids.count(id) for id in order]
    assert readings.kinds is None and readings.windows == ()


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.parquet"])
def test_each_kind_of_file_reads_as_the_frame_does(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    frame = table(label=["", "spike"] * 3 + ["drift"] * 4 + [""] * 30)
    if name.endswith("parquet"):
        frame.to_parquet(name)
    elif name.endswith("jsonl"):
        frame.to_json(name, orient="records", lines=True)
    else:
        frame.to_csv(name, index=False, sep="\t" if "tsv" in name else ",")
    mine, theirs = read(name), read(frame)
    for field in ("seconds", "values", "kinds", "starts"):
        np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))
    assert mine.columns == theirs.columns and mine.sensors == ("heat", "flow")
    assert mine.kind_names == theirs.kind_names == ("drift", "spike")
    assert mine.windows == theirs.windows == ((1, 1, 1), (3, 3, 1), (5, 5, 1), (6, 9, 0))
    assert mine.period == 3600 and mine.name == name and not mine.whole


def test_sensors_are_all_numbers_without_another_role_one_called_y_among_them():
    readings = read(table(y=np.ones(ROWS), note=["dry", "wet"] * 20))
    assert readings.sensors == ("heat", "flow", "y") and readings.columns.time == "time"
    told("columns without numbers are not watched: 'note'", readings.notes)
    assert read(table(), sensors="flow,heat").sensors == ("flow", "heat")
    assert read(table().rename(columns={"heat": "h"}), columns="warmth=h").sensors == ("warmth", "flow")


def test_rows_out_of_order_are_sorted_and_told(write):
    hours = [0, 1, 2, 4, 3, 5, 6, 7]
    name = write("a.csv", "time,heat\n" + "".join(f"2024-03-01 {hour:02}:00,{hour}\n" for hour in hours))
    readings = read(name)
    assert readings.values[:, 0].tolist() == sorted(hours)
    assert readings.places.tolist() == [2, 3, 4, 6, 5, 7, 8, 9] and readings.unit == "line"
    told(r"^a\.csv: time went backwards once, first at line 6; the rows are sorted by time\.", readings.notes)
    assert read(table()).notes == ()


def test_gaps_rows_of_one_moment_and_missing_values_are_counted():
    frame = table()
    frame.loc[[3, 7], "heat"] = np.nan
    frame.loc[7, "flow"] = np.nan
    kept = [hour for hour in range(ROWS) if hour not in (5, 10, 11, 12, 13)]
    readings = read(pd.concat([frame.loc[kept], frame.loc[[20, 20]]]))
    assert len(readings.seconds) == len(kept) + 2 and readings.period == 3600
    assert (np.diff(readings.seconds) >= 0).all()
    told("2 rows have the moment of the row before them, to the second; all are kept", readings.notes)
    told(r"2 steps are longer than 1\.5 times the usual 1 h; the longest is 5 h", readings.notes)
    told(r"3 of 74 values are missing \(4\.05%\), most of 'heat'", readings.notes)


def test_an_hour_that_a_zone_has_twice_is_sorted_into_one_and_kept(write):
    times = ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00", "03:30"]
    name = write("a.csv", "time,heat\n" + "".join(f"2024-10-27 {time},{n}\n" for n, time in enumerate(times)))
    readings = read(name, time_zone="Europe/Berlin")
    assert readings.zone == "Europe/Berlin" and readings.values[:, 0].tolist() == [0, 1, 2, 4, 3, 5, 6, 7]
    told("Europe/Berlin has twice; the first one is taken", readings.notes)
    told("backwards once, first at line 6", readings.notes)
    told("2 rows have the moment of the row before", readings.notes)
    assert readings.seconds[0] == pd.Timestamp("2024-10-26 23:00").timestamp()
    offsets = ["+02:00"] * 4 + ["+01:00"] * 4
    lines = [f"2024-10-27 {time}:00{offset},{n}\n" for n, (time, offset) in enumerate(zip(times, offsets, strict=True))]
    readings = read(write("b.csv", "time,heat\n" + "".join(lines)))
    assert readings.zone == "UTC" and np.diff(readings.seconds).tolist() == [1800] * 7
    assert readings.notes == ()


def test_stamps_are_made_where_there_are_none():
    readings = read(table().drop(columns="time"), time="row", start="2024-01-01", frequency="5min")
    assert readings.columns.time == "" and readings.period == 300 and len(readings.seconds) == ROWS
    matches("--time row makes stamps", refusal(lambda: read(table(), time="row")))
    message = refusal(lambda: read(table(), frequency="1h"))
    assert message.startswith("frequency makes stamps where the table has none. Got '1h' with --time ''.")


@pytest.mark.parametrize(
    ("frame", "chosen", "kind", "pattern"),
    [
        (table(note="dry"), {"sensors": "note"}, ValueError, "column 'note', a sensor, has 'dry', which is no number"),
        (table(note="dry"), {"sensors": "note"}, ValueError, "Sensors must hold numbers: name other .* --sensors"),
        (table(note="dry")[["time", "note"]], {}, ValueError, "no column of numbers to watch: 'note' hold texts"),
        (table(label=1)[["time", "label"]], {}, ValueError, "has no column left to watch, beside time 'time'"),
        (table(), {"sensors": "heat", "label": "heat"}, ValueError, "Got it as --sensors and as --label"),
        (table(), {"sensors": "heat,heat"}, ValueError, "Column 'heat' stands twice in --sensors"),
        (table(), {"sensors": "haet"}, LookupError, "has no column 'haet'. Did you mean 'heat'"),
        (table(), {"label": "attack"}, LookupError, "^DataFrame has no column 'attack'"),
        (table()[:0], {}, ValueError, "DataFrame has no rows"),
        (table().drop(columns="time"), {}, LookupError, "DataFrame has no time column"),
        (table(flow=[*range(20), "x7", *range(19)]), {}, ValueError, "position 20: column 'flow', a sensor, has 'x7'"),
    ],
)
def test_messages_speak_of_sensors(frame, chosen, kind, pattern):
    message = refusal(lambda: read(frame, **chosen), kind)
    matches(pattern, message)
    assert "target" not in message and "forecast" not in message


def test_bad_cells_and_stamps_are_left_out_with_their_labels(write):
    rows = [f"2024-03-01 {hour:02}:00,{hour},{'spike' if hour in (3, 5) else ''}" for hour in range(8)]
    rows[2] = "soon,2,drift"
    rows[6] = "2024-03-01 06:00,x7,"
    name = write("a.csv", "\n".join(["time,heat,label", *rows]) + "\n")
    matches(r"^a\.csv, line 4: column 'time' has 'soon', which is no time", refusal(lambda: read(name)))
    readings = read(name, skip_bad_rows=True)
    assert readings.places.tolist() == [2, 3, 5, 6, 7, 8, 9] and np.isnan(readings.values[5, 0])
    assert readings.kind_names == ("spike",) and readings.kinds.tolist() == [-1, -1, 0, -1, 0, -1, -1]


def test_a_sensor_that_may_be_a_label_is_told():
    binary = [0] * 30 + [1] * 10
    readings = read(table(is_anomaly=binary))
    told("'is_anomaly' holds 0 and 1 only and is watched as a sensor. .* --label is_anomaly", readings.notes)
    readings = read(table(label=binary), label="none")
    assert readings.sensors == ("heat", "flow") and readings.kinds is None
    told("'label' is not watched, as it looks like a label", readings.notes)


def test_sensors_that_are_dead_in_train_are_named():
    splits = splits_of(table(dead=7, gone=[np.nan] * 30 + [1.0] * 10))
    told("'dead' never changes in train, and can't be judged until it does", splits.notes)
    told("'gone' has no value in train, and can't be judged until it has", splits.notes)
    assert not any("'heat'" in note and "never" in note for note in splits.notes)


def test_the_card_and_what_changes_during_a_run(write):
    name = write("a.csv", table().to_csv(index=False))
    splits = splits_of(name)
    card = {
        "path": name,
        "rows": {"train": 18, "valid": 6, "test": 16},
        "sha256": splits.train.readings.sha256,
        "series": 1,
        "span": ["2024-03-01 00:00:00", "2024-03-02 15:00:00"],
        "period": 3600,
    }
    assert splits.card == card and json.loads(json.dumps(card)) == card
    assert splits.changed() == ()
    write("a.csv", "time,heat\n")
    (remark,) = splits.changed()
    matches(r"^a\.csv has changed during the run; what was read had SHA-256 [0-9a-f]{12}…\.", remark)


def test_other_data_is_read_as_a_models_own():
    chosen = DetectionSourceSettings()
    first = read_readings(table(label=["", "spike"] * 20), chosen)
    facts = json.loads(json.dumps(detection_facts(first, chosen)))
    other = table(label=["drift"] + [""] * 39).iloc[:, [2, 0, 1, 3]][::2]
    part = read_part(other, chosen, facts)
    assert len(part) == 20 and part.readings.sensors == ("heat", "flow") and part.readings.period == 3600
    assert part.readings.kind_names == ("spike", "drift") and part.readings.windows == ((0, 0, 1),)
    told("its rows are usually 2 h apart, those of the model's data 1 h", part.notes)
    assert part.card["path"] == "DataFrame" and part.card["rows"] == 20 and part.truth().labelled
    part = read_part(table(), chosen, facts)
    assert not part.truth().labelled and not part.truth().strange.any()
    message = refusal(lambda: read_part(table().drop(columns="flow"), chosen, facts), LookupError)
    matches("DataFrame has no column 'flow'", message)
    one = read_part(table()[:1], chosen, facts)
    assert len(one) == 1 and one.readings.period == 3600


def test_a_sensor_whose_name_has_a_comma_is_found_again():
    frame = table().rename(columns={"heat": "heat, °C"})
    chosen = DetectionSourceSettings()
    facts = detection_facts(read_readings(frame, chosen), chosen)
    assert read_part(frame, chosen, facts).readings.sensors == ("heat, °C", "flow")
