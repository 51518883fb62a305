"""Labels: columns and JSON files of true windows -> the kind of each row, and runs of rows; what is odd is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_detections import truth_of
from toy_readings import ROWS, matches, read, refusal, several, splits_of, table, told

from rnnkit.detecting.comparing import known_scores
from rnnkit.detecting.labels import canonical, runs
from rnnkit.detecting.parts import Part
from rnnkit.detecting.reading import detection_facts, read_part, read_readings
from rnnkit.detecting.settings import DetectionSourceSettings

DAY = "2024-03-01"


def labelled(cells, **chosen):
    return read(table()[: len(cells)].assign(label=cells), **chosen)


@pytest.fixture
def windows(write):
    """Writes true windows and returns the name of their file."""
    return lambda value: write("windows.json", json.dumps(value))


@pytest.mark.parametrize(
    ("cells", "normal", "names", "kinds"),
    [
        ([0, 0, 1, 1, 0], "", ("anomaly",), [-1, -1, 0, 0, -1]),
        ([0.0, np.nan, 1.0], "", ("anomaly",), [-1, -1, 0]),
        ([False, True, False], "", ("anomaly",), [-1, 0, -1]),
        (["", "spike", None, "drift", "spike"], "", ("drift", "spike"), [-1, 1, -1, 0, 1]),
        (["0", "0", "0", "spike", "1"], "", ("anomaly", "spike"), [-1, -1, -1, 1, 0]),
        (["Normal", "normal", "NO", "False", "Attack"], "", ("Attack",), [-1, -1, -1, -1, 0]),
        (["ok", "bad", "idle", "1", "OK"], "ok,idle", ("anomaly", "bad"), [-1, 1, -1, 0, -1]),
        (["2", "2.0", "7", "-1"], "2", ("-1", "7"), [-1, -1, 1, 0]),
        ([0, 0, 0], "", ("anomaly",), [-1, -1, -1]),
    ],
)
def test_cells_of_a_label_name_kinds(cells, normal, names, kinds):
    readings = labelled(cells, normal=normal)
    assert readings.kind_names == names and readings.kinds.tolist() == kinds
    assert readings.kinds.dtype == np.int16 and readings.sensors == ("heat", "flow")


@pytest.mark.parametrize(("text", "short"), [("1.0000000e+00", "1"), ("-1.000", "-1"), ("0.5", "0.5"), (" a ", "a")])
def test_numbers_are_compared_without_needless_digits(text, short):
    assert canonical(text) == short


@given(st.lists(st.lists(st.integers(-1, 1), min_size=1, max_size=9), min_size=1, max_size=4))
def test_windows_are_runs_of_one_kind_within_a_series(series):
    expected, row = [], 0
    for kinds in series:
        for place, kind in enumerate(kinds):
            if kind >= 0 and place and kinds[place - 1] == kind:
                expected[-1][1] = row
            elif kind >= 0:
                expected.append([row, row, kind])
            row += 1
    starts = np.cumsum([0, *map(len, series)])
    assert [list(run) for run in runs(np.concatenate(series).astype(np.int16), starts)] == expected


def test_the_label_is_another_column_by_name(write):
    frame = table().rename(columns={"flow": "is_bad"}).assign(is_bad=[0] * 39 + [1])
    for chosen in ({"label": "is_bad"}, {"columns": "label=is_bad"}):
        readings = read(frame, **chosen)
        assert readings.sensors == ("heat",) and readings.windows == ((39, 39, 0),)
    both = frame.assign(label=0, anomaly=1)
    readings = read(both)
    assert readings.windows == () and readings.sensors == ("heat", "is_bad")
    told("'anomaly' is not watched, as it looks like a label", readings.notes)
    assert read(both, sensors="heat,anomaly").sensors == ("heat", "anomaly")


def test_labels_that_are_none_are_refused():
    message = refusal(lambda: labelled([0, 2, 3]))
    matches("^DataFrame: column 'label' tells where anomalies are, and has '2', '3' beside 0 and 1", message)
    matches(r"say which mean normal \(--normal 2\), or name another column \(--label\)\.$", message)
    matches("column 'time' is the only one that holds times", refusal(lambda: read(table(), label="time")))
    many = pd.concat([table(), table(time=pd.date_range("2024-04-01", periods=ROWS, freq="h").astype(str))])
    message = refusal(lambda: read(many.assign(label=[f"k{n:02}" for n in range(80)])))
    matches("has 80 kinds of anomaly, 'k00', 'k01', 'k02' and 77 more, and 50 is the most", message)
    stamps = pd.date_range("2024-03-01", periods=ROWS, freq="D")
    matches("column 'label' holds times", refusal(lambda: read(table(label=stamps))))


@pytest.mark.parametrize("name", ["plant/day/pump.csv", "plant/day/pump.csv.gz"])
def test_windows_are_found_by_the_longest_end_of_the_path(write, windows, name):
    path = write(name, table().to_csv(index=False))
    file = windows(
        {
            "pump.csv": [[f"{DAY} 01:00:00", f"{DAY} 02:00:00"]],
            "day/pump.csv": [[f"{DAY} 05:00:00.000000", f"{DAY} 07:30:00.000000"], [f"{DAY} 20:00", f"{DAY} 20:00"]],
            "night/pump.csv": [],
        }
    )
    readings = read(path, windows=file)
    assert readings.windows == ((5, 7, 0), (20, 20, 0)) and readings.kind_names == ("anomaly",)
    assert np.flatnonzero(readings.kinds == 0).tolist() == [5, 6, 7, 20]


def test_windows_by_series_may_have_kinds(windows):
    frame = several((0, 10), (0, 10))
    stamps = frame["ds"].astype(str).tolist()
    readings = read(frame, windows=windows({"s1": [[stamps[3], stamps[5], "stuck"], [stamps[8], stamps[8], "drift"]]}))
    assert readings.windows == ((13, 15, 1), (18, 18, 0)) and readings.kind_names == ("drift", "stuck")
    told("has nothing of series 's0'; taken for normal throughout", readings.notes)


def test_a_bare_list_is_for_one_series_and_unix_times_will_do(windows):
    first = int(pd.Timestamp(DAY).timestamp())
    readings = read(table(label=1), windows=windows([[first + 3600, first + 7200]]))
    assert readings.windows == ((1, 2, 0),) and readings.sensors == ("heat", "flow")
    message = refusal(lambda: read(several((0, 5), (0, 5)), windows=windows([[DAY, DAY]])))
    matches(r"^windows\.json has one list of windows for DataFrame, which has 2 series\. Write them by series", message)


def test_windows_go_by_the_clock_of_the_data(windows):
    chosen = {"time_zone": "Europe/Berlin"}
    file = windows([[f"{DAY} 05:00", f"{DAY} 06:00"]])
    assert read(table(), windows=file, **chosen).windows == ((5, 6, 0),)
    file = windows([[f"{DAY} 05:00:00+01:00", f"{DAY} 06:00:00+01:00"]])
    assert read(table(), windows=file, **chosen).windows == ((5, 6, 0),)
    matches("has times with an offset, .* --time-zone", refusal(lambda: read(table(), windows=file)))


def test_windows_that_overlap_are_joined_and_those_in_gaps_are_told(windows):
    frame = table().drop(index=[30, 31])
    pairs = [(3, 5, "a"), (5, 8, "b"), (9, 9, "a"), (30, 31, "b"), (38, 39, "a")]
    hours = pd.date_range(DAY, periods=ROWS, freq="h").astype(str)
    readings = read(frame, windows=windows([[hours[first], hours[last], kind] for first, last, kind in pairs]))
    assert readings.windows == ((3, 8, 0), (9, 9, 0), (36, 37, 0))
    told("1 true windows overlap others; joined", readings.notes)
    told("1 true windows have no row, as they lie in gaps; left out", readings.notes)
    past = windows([[hours[35], "2024-06-01"]])
    assert read(table(), windows=past).windows == ((35, 39, 0),)


@pytest.mark.parametrize(
    ("value", "kind", "pattern"),
    [
        (
            [["2024-03-01 09:00", "2024-03-01 03:00"]],
            ValueError,
            "window 1 begins at '2024-03-01 09:00', after it ends",
        ),
        (
            [["2025-01-01", "2025-01-02"]],
            ValueError,
            "window 1, '2025-01-01' to '2025-01-02', lies outside of DataFrame",
        ),
        ([["2025-01-01", "2025-01-02"]], ValueError, "rows from 2024-03-01 00:00:00 to 2024-03-02 15:00:00"),
        ([["2025-01-02", "soon"]], ValueError, "'soon' is no time"),
        (["2024-03-01 09:00"], ValueError, r"must have windows \[start, end\] .* Got \"2024-03-01 09:00\""),
        ([[1.5, 2.5]], ValueError, r"must have windows .* Got \[1\.5, 2\.5\]"),
        ("all", ValueError, 'must hold true windows: .* Got "all"'),
        (
            {"a.csv": [], "b.csv": []},
            LookupError,
            "names no series of DataFrame. It has 'a.csv', 'b.csv'. For a DataFr",
        ),
        ({}, LookupError, "names no series of DataFrame. It is empty"),
    ],
)
def test_windows_that_can_not_be_are_refused(windows, value, kind, pattern):
    message = refusal(lambda: read(table(), windows=windows(value)), kind)
    assert message.startswith("windows.json")
    matches(pattern, message)


def test_a_file_of_windows_that_is_none_is_refused(write, windows):
    matches(r"^bad\.json, line 2: no JSON", refusal(lambda: read(table(), windows=write("bad.json", "[[1, 2],\n["))))
    matches("There is no file 'no.json'", refusal(lambda: read(table(), windows="no.json"), FileNotFoundError))
    name = write("pump.csv", table().to_csv(index=False))
    message = refusal(lambda: read(name, windows=windows({"a/fan.csv": []})), LookupError)
    matches("names no series of pump.csv. It has 'a/fan.csv'. Name it 'pump.csv', or leave --windows out", message)
    message = refusal(lambda: DetectionSourceSettings(label="x", windows="a.json"))
    matches("True windows can be told in one way. Got --label 'x' and --windows 'a.json'", message)


def test_one_file_of_windows_serves_train_and_test(windows):
    frame, hours = table(), pd.date_range(DAY, periods=ROWS, freq="h").astype(str)
    file = windows([[hours[4], hours[5]], [hours[30], hours[33]]])
    splits = splits_of(frame[:25], None, frame[25:], windows=file)
    assert splits.train.readings.windows == ((4, 5, 0),) and splits.test.readings.windows == ((5, 8, 0),)
    assert splits.sources[-1].name == "windows.json" and splits.card["sha256"] != splits.train.readings.sha256
    file = windows([[hours[4], hours[5]], ["2025-01-01", "2025-01-02"]])
    message = refusal(lambda: splits_of(frame[:25], None, frame[25:], windows=file))
    matches("window 2, '2025-01-01' to '2025-01-02', lies outside", message)
    message = refusal(lambda: splits_of(frame[:25], None, frame[25:], label="attack"), LookupError)
    matches("no column 'attack'", message)
    splits = splits_of(frame[:25], None, frame[25:].assign(attack=1), label="attack")
    assert not splits.train.truth().labelled and splits.test.truth().strange.all()


def test_windows_of_the_train_data_are_no_must_for_other_data(windows):
    hours = pd.date_range(DAY, periods=ROWS, freq="h").astype(str)
    chosen = DetectionSourceSettings(windows=windows([[hours[4], hours[5]]]))
    facts = detection_facts(read_readings(table(), chosen), chosen)
    assert read_part(table(), chosen, facts).truth().windows.tolist() == [[4, 5]]
    part = read_part(table()[20:], chosen, facts)
    assert not part.truth().labelled
    told(r"all windows of windows\.json lie outside; nothing is known", part.notes)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-1, 1), min_size=12, max_size=12),
    st.lists(st.integers(0, 12), min_size=2, max_size=8, unique=True).map(sorted),
)
def test_the_truth_of_a_part_is_that_of_its_rows_and_no_window_straddles_two_spans(kinds, edges):
    cells = [["", "a", "b"][kind + 1] for kind in kinds]
    readings = labelled(["a", "b", *cells])
    edges = [2 + edge for edge in edges[: len(edges) // 2 * 2]]
    spans = np.array([(0, first, end) for first, end in zip(edges[::2], edges[1::2], strict=True)])
    part = Part(readings, spans)
    truth = part.truth()
    rows = [row for _, first, end in spans.tolist() for row in range(first, end)]
    assert part.rows.tolist() == rows and len(part) == len(rows)
    assert truth.kinds.tolist() == [kinds[row - 2] for row in rows]
    assert truth.strange.tolist() == [kinds[row - 2] >= 0 for row in rows]
    assert truth.seconds.tolist() == readings.seconds[rows].tolist()
    expected, begin = [], 0
    for _, first, end in spans.tolist():
        mine = [kinds[row - 2] for row in range(first, end)]
        found = runs(np.array(mine, np.int16), np.array([0, end - first]))
        expected += [[begin + low, begin + high] for low, high, _ in found]
        begin += end - first
    assert truth.windows.tolist() == expected and truth.bounds[-1] == begin
    assert truth.kind_names == ("a", "b") and truth.labelled and not truth.whole


@pytest.mark.parametrize("labelled", [True, False])
def test_without_a_true_window_all_methods_have_the_same_scores(labelled):
    truth = truth_of(12, labelled=labelled)
    scores = [known_scores(np.arange(12.0), np.arange(12) > least, truth) for least in (20, 3)]
    assert [list(each) for each in scores] == [["alarms_per_day"]] * 2
    assert scores[0]["alarms_per_day"] == 0 < scores[1]["alarms_per_day"]
