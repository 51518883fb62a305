"""Pictures of detections: they are drawn whatever is given, and found, missed and false can be told apart."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from toy_courses import made, unlabelled

from rnnkit.course_pictures import RIGHT, WRONG
from rnnkit.detection_pictures import draw_recall, draw_scores, write_detection_report

pytestmark = pytest.mark.filterwarnings("error")


def report(folder, readings, spans, answers, threshold=100.0, recall=None):
    """Draws a report, whose pictures must be whole, and returns them, name -> `(height, width, 4)`."""
    names = write_detection_report(folder / "report", readings, spans, answers, threshold, recall, name="model")
    pictures = {name: imread(folder / "report" / name) for name in names}
    assert sorted(path.name for path in (folder / "report").iterdir()) == sorted(names)
    for picture in pictures.values():
        assert 100 < picture.shape[0] < 6000 and 500 < picture.shape[1] < 1500
        assert len(np.unique(picture[..., 0])) > 5
    return pictures


def pixels(picture, colour):
    """How many are of a colour."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return int((np.abs(picture[..., :3] - wanted).max(axis=-1) < 0.01).sum())


@pytest.mark.parametrize("sensors", [1, 8])
def test_the_report_has_its_pictures_and_six_sensors_at_most(tmp_path, sensors):
    pictures = report(tmp_path, *made(sensors=sensors), recall={"spike": (0.5, 2), "drift": (1.0, 1)})
    assert list(pictures) == ["detections.png", "errors.png", "recall.png"]
    # About 1.1 inches a sensor.
    assert round(pictures["detections.png"].shape[0] / 126 - 3) == {1: 1, 8: 6}[sensors]


def test_found_windows_and_false_alarms_have_their_own_colours(tmp_path):
    readings, spans, answers = made()
    counts = {}
    for name, rows in {"none": [], "found": [45], "false": [110]}.items():
        answers["flag"] = np.isin(np.arange(211), rows)
        picture = report(tmp_path / name, readings, spans, answers)["detections.png"]
        counts[name] = pixels(picture, RIGHT), pixels(picture, WRONG)
    assert counts["found"][0] > counts["none"][0] == counts["false"][0]
    assert counts["false"][1] > counts["none"][1] > counts["found"][1]


@pytest.mark.parametrize("expected", [True, False])
def test_a_report_is_drawn_without_labels(tmp_path, expected):
    readings, spans, answers = made()
    unlabelled(readings)
    if not expected:
        del answers["expected"]
    assert list(report(tmp_path, readings, spans, answers)) == ["detections.png", "errors.png"]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_report_of_one_row_is_drawn(tmp_path, labelled):
    readings, spans, answers = made((1,), [(0, 0)])
    if not labelled:
        unlabelled(readings)
    report(tmp_path, readings, spans, answers)


@pytest.mark.parametrize("score", [0.0, 0.3, 1e30])
@pytest.mark.parametrize("threshold", [0.5, 1e6, np.inf])
def test_equal_scores_are_drawn(tmp_path, score, threshold):
    readings, spans, answers = made(sensors=1)
    flags = np.full(211, score >= threshold)
    report(tmp_path, readings, spans, {"score": np.full(211, score, np.float32), "flag": flags}, threshold)


def test_sensors_without_values_and_rows_between_gaps_are_drawn(tmp_path):
    readings, spans, answers = made(sensors=3)
    readings.values[:, 1] = np.nan
    readings.values[1::2, 2] = np.nan
    readings.seconds[100:] += 90_000
    report(tmp_path, readings, spans, answers)


def test_many_windows_in_many_series_are_drawn(tmp_path):
    windows = [(row, row + row % 4) for row in range(3, 11_990, 12)]
    readings, spans, answers = made((5000, 3000, 10, 1990, 2000), windows, ids=tuple("abcde"))
    readings.zone = "Europe/Berlin"
    report(tmp_path, readings, spans, answers)


def test_names_in_any_script_and_of_any_length_are_drawn(tmp_path):
    readings, spans, answers = made((100, 111), sensors=3, ids=("насос_$1", "ポンプ" * 40))
    readings.columns.targets = ("$\\frac{", "_温度", "давление " * 30)
    readings.kind_names = ("всплеск_$x$", "ドリフト" * 20)
    picture = report(tmp_path, readings, spans, answers, recall=dict.fromkeys(readings.kind_names, (float("nan"), 0)))
    assert picture["detections.png"].shape[1] == 1320


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(("examples", "sensors"), [(1, 1), (30, 1), (7, 3)])
def test_examples_that_are_judged_as_a_whole_are_drawn_one_by_one(tmp_path, labelled, examples, sensors):
    lengths = tuple(20 + number % 3 for number in range(examples))
    windows = [(0, 3), (sum(lengths) - 5, sum(lengths) - 2)]
    readings, spans, answers = made(lengths, windows[: 1 + (examples > 1)], sensors=sensors, whole=True)
    if not labelled:
        unlabelled(readings)
    assert list(report(tmp_path, readings, spans, answers)) == ["examples.png", "errors.png"]


def test_the_scores_inside_and_outside_of_windows_are_counted_with_the_share_flagged():
    axes = Figure().subplots()
    score = np.array([1.0, 2.0, 3.0, 4.0, 50.0, 60.0, 2.0, 1.0])
    strange = np.isin(np.arange(8), [4, 5, 6])
    draw_scores(axes, {"score": score, "flag": score > 3.5}, strange, 3.5)
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(named) == [
        "rows in true windows: 3, 66.7 % flagged",
        "rows outside of them: 5, 20 % flagged",
        "threshold 3.5",
    ]
    assert axes.get_yscale() == "log"


def test_the_highest_score_is_in_the_distribution():
    axes = Figure().subplots()
    score = np.append(np.linspace(0.1, 1, 997), 12345.678)
    draw_scores(axes, {"score": score, "flag": score > 1}, None, 1.0)
    corners = axes.patches[0].get_path().vertices
    assert corners[:, 0].max() == pytest.approx(12345.678)
    assert corners[corners[:, 0] > 12000, 1].max() == 1


def test_recall_is_told_in_windows():
    axes = Figure().subplots()
    draw_recall(axes, {"spike": (0.75, 4), "drift": (float("nan"), 0)})
    assert [text.get_text() for text in axes.texts] == [" 3 of 4", " none"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["spike", "drift"]
    assert [bar.get_width() for bar in axes.patches] == [0.75, 0]
