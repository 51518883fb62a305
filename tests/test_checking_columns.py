"""Columns and labels: each finding where it is, and silence where it isn't."""

import random

import pytest

from rnnkit.checking.columns import Column, GivesAway, column_findings
from rnnkit.checking.labels import label_findings


def column_of(cells, name="c", chunk=9):
    column = Column(name)
    for start in range(0, len(cells), chunk):
        part = cells[start : start + chunk]
        column.take(part, range(start + 2, start + 2 + len(part)))
    return column


def kinds(cells, **roles):
    roles = {"inputs": (), "target": None, **roles}
    return {finding.kind for finding in column_findings([column_of(cells)], "line", **roles)}


NAMES = ["cold", "rude", "warm", "fine", "dull", "stale", "clever"]


@pytest.mark.parametrize(
    ("cells", "expected", "kind"),
    [
        ([str(place) for place in range(1, 60)], {"id_column"}, "id"),
        ([f"u-{place:05}" for place in range(60)], {"id_column"}, "id"),
        ([f"tt{place * 7919 % 5000:07}" for place in range(2_000)], {"id_column"}, "id"),
        (["en"] * 60, {"constant_column"}, "constant"),
        ([""] * 60, {"empty_column"}, "empty"),
        (["x"] + [" "] * 59, {"nearly_empty_column"}, "words"),
        ([f"{random.Random(place).gauss(0, 1):.6f}" for place in range(60)], set(), "numbers"),
        ([str(random.Random(place).randrange(10**6)) for place in range(60)], set(), "numbers"),
        ([f"word {place} and more" for place in range(60)], set(), "text"),
        ([NAMES[place % 7] for place in range(60)], set(), "few values"),
        (["1", "2", "3"], set(), "numbers"),
    ],
)
def test_a_column_is_told_by_its_cells(cells, expected, kind):
    assert kinds(cells) == expected
    if kind != "words":
        assert column_of(cells).kind() == kind


def test_an_input_that_looks_like_an_id_is_a_warning():
    cells = [str(place) for place in range(60)]
    (read,) = column_findings([column_of(cells)], "line", inputs=("c",), target=None)
    (unread,) = column_findings([column_of(cells)], "line", inputs=(), target=None)
    assert (read.severity, unread.severity) == ("warning", "note") and "--columns" in read.mend


def test_marks_for_missing_values_are_told_with_their_places():
    cells = [f"text {place}" for place in range(40)]
    cells[4], cells[30] = "N/A", "null"
    (finding,) = column_findings([column_of(cells)], "line", inputs=("c",), target=None)
    assert finding.kind == "missing_marks" and finding.places == (6, 32) and "'N/A', 'null'" in finding.message


def test_missing_cells_are_counted_with_their_places():
    column = column_of(["a", "", "b", "  ", "c", "", ""])
    assert (column.rows, column.filled, column.missing.count, column.missing.places) == (7, 3, 4, [3, 5, 7])


def away(cells, targets):
    found = GivesAway("c")
    for start in range(0, len(cells), 7):
        found.take(cells[start : start + 7], targets[start : start + 7])
    return found


def test_a_column_whose_values_fix_the_target_is_told():
    targets = [NAMES[place % 2] for place in range(60)]
    stars = [{"cold": "1", "rude": "5"}[target] for target in targets]
    assert away(stars, targets).finding("label", read=False).severity == "note"
    assert away(stars, targets).finding("label", read=True).severity == "warning"
    assert "'1' is 'cold'" in away(stars, targets).finding("label", read=True).message


@pytest.mark.parametrize(
    "cells",
    [
        [NAMES[place % 7] for place in range(60)],
        [str(place) for place in range(60)],
        ["en"] * 60,
        ["1" if place % 2 == 0 or place == 59 else "5" for place in range(60)],
    ],
)
def test_a_column_that_does_not_fix_the_target_is_not(cells):
    targets = [NAMES[place % 2] for place in range(60)]
    assert away(cells, targets).finding("label", read=True) is None


def test_rows_where_a_value_is_missing_say_nothing_of_the_target():
    targets = [NAMES[place % 2] for place in range(60)]
    cells = [target.upper() if place % 5 else "" for place, target in enumerate(targets)]
    assert away(cells, targets).finding("label", read=True) is not None


def labels(counts, settings=None):
    return {finding.kind: finding for finding in label_findings(counts, "label", settings)}


def test_balanced_labels_are_passed_over_in_silence():
    assert labels({"pos": 50, "neg": 60}) == {} == labels({})


def test_labels_that_differ_in_case_or_white_space_are_told_and_not_called_rare():
    found = labels({"pos": 500, "Pos ": 3, "neg": 480})
    assert found.keys() == {"labels_alike"} and "'Pos ' (3) and 'pos' (500)" in found["labels_alike"].message


def test_uneven_labels_name_the_flag_where_there_is_one():
    class Plain:
        class_weights = "none"

    class Weighed:
        class_weights = "balanced"

    counts = {"a": 1_000, "b": 40, "c": 3}
    found = labels(counts, Plain())
    assert found.keys() == {"small_classes", "uneven_classes"} and "'c' 3" in found["small_classes"].message
    assert "--class-weights balanced" in found["uneven_classes"].mend and "333 to 1" in found["uneven_classes"].message
    assert labels(counts, Weighed())["uneven_classes"].mend == "" == labels(counts)["uneven_classes"].mend
    assert labels({"a": 400, "b": 100}, Plain())["uneven_classes"].severity == "note"


def test_a_target_of_numbers_or_of_nearly_as_many_values_as_rows_is_told():
    assert "all of them numbers" in labels({str(place): 12 for place in range(30)})["many_labels"].message
    assert "many_labels" in labels({f"t{place}": 1 for place in range(30)})
    assert "many_labels" not in labels({f"t{place}": 20 for place in range(30)})


def test_a_label_that_may_mean_unknown_is_told():
    assert "'nan'" in labels({"a": 40, "b": 50, "nan": 30})["label_missing_mark"].message
    assert "label_missing_mark" not in labels({"a": 40, "none": 50})
