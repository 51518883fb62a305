"""Lines: each is an example, its label first; dealt out by chance, each label in proportion; what is odd is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from toy_readings import counts, matches, read, refusal, splits_of, told

from rnnkit.detecting.reading import detection_facts, read_part, read_readings
from rnnkit.detecting.settings import DetectionSourceSettings

LINES = {"layout": "lines"}


def beats(labels, length=5, start=0.0):
    """Lines of an example for each label, no two alike."""
    return [[label, *(start + number + step / 8 for step in range(length))] for number, label in enumerate(labels)]


def text(rows, between=" "):
    return "".join(between.join(map(str, row)) + "\n" for row in rows)


@pytest.mark.parametrize("between", [" ", "\t", ",", ", ", "   "])
@pytest.mark.parametrize("name", ["BEATS_TRAIN", "beats.txt.gz", "beats.csv"])
def test_each_line_is_an_example_that_is_judged_as_a_whole(write, name, between):
    rows = beats(["1.000e+00", "-1.00", "1.0", "1"])
    readings = read(write(name, " " + text(rows, between) + "\n"), **LINES)
    assert readings.whole and readings.unit == "line" and readings.period == 1
    assert readings.ids == ("1", "2", "3", "4") and readings.starts.tolist() == [0, 5, 10, 15, 20]
    assert readings.values[:, 0].tolist() == [value for row in rows for value in row[1:]]
    assert readings.seconds.tolist() == list(range(5)) * 4
    assert readings.kinds.tolist() == [-1] * 5 + [0] * 5 + [-1] * 10 and readings.kind_names == ("-1",)
    assert readings.windows == ((5, 9, 0),) and readings.places.tolist() == np.repeat([1, 2, 3, 4], 5).tolist()
    told("label '1', that of 3 of 4 lines, is taken for normal; --normal says so", readings.notes)


def test_a_frame_reads_as_the_file_does(write):
    rows = beats(["a", "b", "a", "c"])
    mine = read(pd.DataFrame(rows), **LINES, normal="a")
    theirs = read(write("beats.txt", text(rows)), **LINES, normal="a")
    for field in ("values", "kinds", "starts", "seconds"):
        np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))
    assert mine.windows == theirs.windows == ((5, 9, 0), (15, 19, 1)) and mine.kind_names == ("b", "c")
    assert mine.notes == () and mine.places[0] == 0


def test_examples_are_dealt_in_proportion_and_equal_ones_go_together():
    rows = beats(["1"] * 60 + ["2"] * 20)
    rows += [["1", *row[1:]] for row in rows[:20]]
    frame = pd.DataFrame(rows)
    splits = splits_of(frame, **LINES, train_on="all")
    assert sum(counts(splits)) == 100
    values, taken = np.array([row[1] for row in rows]), []
    for name, share in (("train", 0.45), ("valid", 0.15), ("test", 0.4)):
        part = getattr(splits, name)
        assert abs(len(part) - 100 * share) <= 4
        assert abs(int(part.truth().strange.sum()) - 20 * share) <= 1
        taken.append(set(values[part.spans[:, 0]].tolist()))
    assert not taken[0] & taken[1] and not taken[0] & taken[2] and not taken[1] & taken[2]
    assert splits.card["span"] is None and splits.card["rows"]["train"] == len(splits.train)


def test_train_has_normal_lines_only_unless_it_is_asked_for_all():
    frame = pd.DataFrame(beats(["1"] * 30 + ["2"] * 10 + ["3"]))
    splits = splits_of(frame, **LINES)
    assert not splits.train.truth().strange.any() and splits.test.truth().strange.any()
    told("of 18 lines of train, 5 are not normal; they are left out", splits.notes)
    told("fewer than 3 lines have label '3', so not every part has one", splits.notes)
    everything = splits_of(frame, **LINES, train_on="all")
    assert everything.train.truth().strange.any()
    assert len(everything.test) == len(splits.test) and len(everything.train) > len(splits.train)


def test_the_truth_of_examples_has_one_entry_each():
    splits = splits_of(pd.DataFrame(beats(["1"] * 30 + ["2"] * 10)), **LINES)
    truth, part = splits.test.truth(), splits.test
    assert truth.whole and truth.labelled and len(truth.strange) == len(part) == len(part.spans)
    assert truth.bounds.tolist() == list(range(len(part) + 1))
    assert truth.windows.tolist() == [[place, place] for place in np.flatnonzero(truth.strange)]
    assert len(part.rows) == 5 * len(part)


def test_shares_of_lines_may_be_said_and_nothing_else():
    frame = pd.DataFrame(beats(["1"] * 40))
    assert counts(splits_of(frame, **LINES, split="0.5,0.25,0.25")) == (20, 10, 10)
    for split in ("20,10,10", "2024-03-01,2024-04-01", "0.5,0.5", "0.2,0.2,0.2"):
        message = refusal(lambda split=split: splits_of(frame, **LINES, split=split))
        matches(rf"^split of lines must be shares such as .* Got '{split}'\.", message)


def test_other_lines_are_read_as_a_models_own():
    chosen = DetectionSourceSettings(**LINES)
    facts = json.loads(json.dumps(detection_facts(read_readings(pd.DataFrame(beats("aab")), chosen), chosen)))
    part = read_part(pd.DataFrame(beats("cb", start=9.0)), chosen, facts)
    assert len(part) == 2 and part.card["rows"] == 2
    assert part.readings.kind_names == ("b", "c") and part.truth().kinds.tolist() == [1, 0]
    message = refusal(lambda: read_part(pd.DataFrame(beats("ab", length=4)), chosen, facts))
    matches("^DataFrame has 4 values a line, and the model's examples have 5. Cut them alike", message)
    frame = pd.DataFrame(beats("a" * 9))
    splits = splits_of(frame[:5], frame[5:7], frame[7:], **LINES)
    assert counts(splits) == (5, 2, 2)


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        ("label,v1,v2\n1,2,3\n1,4,5\n", r"1 with a value that is no number \(line 1: 'v1'\)\. .* --header yes"),
        ("1 2 3\n1 4\n1 5 6\n", r"1 with a wrong number of values \(line 2: 1 where line 1 has 2\)"),
        ("1 2 3\n? 4 5\n", r"1 with no label \(line 2\)"),
        ("1 2 3\n1 4 inf\n", r"1 with an infinite value \(line 2\)"),
        ("1;2;3\n1;4;5\n", r"2 with no values \(lines 1, 2; line 1: '1;2;3'\)\. Write blanks, commas or tabs"),
        ("1 2 3\n2 4 5\n", r"'1' and '2' are the most frequent labels, with 1 lines each\. .* --normal 1$"),
        ("\n \n", "has no lines that can be used"),
        ("".join(f"{n} 1 2\n" for n in [0, *range(60)]), "first column has 59 kinds of anomaly, .* 50 is the most"),
    ],
)
def test_lines_that_are_none_are_refused(write, content, pattern):
    message = refusal(lambda: read(write("beats.txt", content), **LINES))
    assert message.startswith("beats.txt")
    matches(pattern, message)


def test_bad_lines_are_left_out_by_setting_and_missing_values_stay(write):
    name = write("beats.txt", "1 2 NaN 4\n1 2 x 4\n1 ? 6 7\n")
    readings = read(name, **LINES, skip_bad_rows=True)
    assert readings.ids == ("1", "3")
    assert np.isnan(readings.values[:, 0]).tolist() == [False, True, False, True, False, False]
    told(r"left out 1 row: 1 with a value that is no number \(line 2: 'x'\)", readings.notes)
    told(r"2 of 6 values are missing \(33\.33%\)", readings.notes)
    assert read(write("b.txt", "k v w\n1 2 3\n"), **LINES, header="yes").ids == ("2",)
    frame = pd.DataFrame([["1", 2.0, 3.0], ["1", 4.0, np.inf]])
    matches(r"1 with an infinite value \(position 1\)", refusal(lambda: read(frame, **LINES)))


def test_settings_and_labels_that_lines_do_not_have_are_refused():
    message = refusal(lambda: DetectionSourceSettings(layout="lines", sensors="a", time_zone="UTC"))
    assert message.startswith("With --layout lines there are no columns")
    matches(r"Got '--sensors', '--time-zone'\. Leave it out\.", message)
    frame = pd.DataFrame(beats(["1"] * 9 + ["2"]))
    message = refusal(lambda: read(frame, **LINES, normal="7"), LookupError)
    matches("^DataFrame has no line with label '7'. It has '1', '2'. Say which of them mean normal", message)
    message = refusal(lambda: splits_of(frame, **LINES, normal="2"))
    matches("has 1 lines with label '2', which means normal, and at least 3 are needed", message)
    message = refusal(lambda: splits_of(frame[:8], None, frame[8:8], **LINES))
    matches("DataFrame has no lines that can be used", message)
