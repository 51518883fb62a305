"""Splitting readings: parts follow each other in time, at one moment for all series that overlap."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_readings import NAMES, counts, matches, read, refusal, several, splits_of, table, told

from rnnkit.detecting.parts import Part
from rnnkit.detecting.settings import DetectionSourceSettings
from rnnkit.detecting.splitting import split_rows


@pytest.mark.parametrize(
    ("split", "sizes"),
    [
        ("", (18, 6, 16)),
        ("0.12,0.03,0.85", (4, 2, 34)),
        ("0.5,0.2,0.1", (20, 8, 4)),
        ("10,5,20", (10, 5, 20)),
        ("2024-03-01 12:00,2024-03-02", (12, 12, 16)),
    ],
)
def test_the_ways_to_say_where_parts_begin(split, sizes):
    splits = splits_of(table(), split=split)
    assert counts(splits) == sizes
    assert splits.train.rows.tolist() == list(range(sizes[0]))
    assert splits.test.rows[0] == sum(sizes[:2])
    assert splits.card["rows"] == dict(zip(NAMES, sizes, strict=True))


def test_dates_of_a_split_go_by_the_clock_of_the_data():
    splits = splits_of(table(), split="2024-03-02,2024-03-02 12:00", time_zone="Europe/Berlin")
    assert counts(splits) == (24, 12, 4)


@pytest.mark.parametrize(
    "split", ["1,2", "0.5,0.5,0.5", "a,b,c", "2024-03-01", "0,0.5,0.5", "nan,1,1", "2024-03-02,2024"]
)
def test_a_split_of_another_form_is_refused(split):
    message = refusal(lambda: splits_of(table(), split=split))
    matches(rf"^split must be shares 0\.12,0\.03,0\.85, rows 600,150,3000, or the dates .* Got '{split}'\.", message)


def test_a_split_past_the_data_is_refused():
    message = refusal(lambda: splits_of(table(), split="30,30,30"))
    assert message == "split asks for 90 rows (30,30,30), and DataFrame has 40. Ask for fewer."
    message = refusal(lambda: splits_of(table(), split="2025-01-01,2025-02-01"))
    matches(r"^DataFrame has 0 rows for valid and at least 2 are needed\. It has 40 in all, from", message)
    matches("from 2024-03-01 00:00:00 to 2024-03-02 15:00:00", message)
    matches("has 18 rows for train and at least 30 are needed", refusal(lambda: splits_of(table(), least_rows=30)))
    message = refusal(lambda: DetectionSourceSettings(valid_share=0.3, test_share=0.7))
    assert message == "valid_share and test_share must leave rows to train on. Got 0.3 and 0.7."


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 40)), min_size=1, max_size=4),
    st.sampled_from(["", "0.5,0.2,0.3", "0.12,0.03,0.85"]),
)
def test_series_that_overlap_are_cut_at_one_moment_and_every_row_is_in_one_part(series, split):
    readings = read(several(*series))
    spans = split_rows(readings, DetectionSourceSettings(split=split), NAMES)
    rows = {name: Part(readings, spans[name]).rows for name in NAMES}
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(len(readings.seconds)))
    part = np.empty(len(readings.seconds), int)
    for number, name in enumerate(NAMES):
        part[rows[name]] = number
    for one, (begin, length) in enumerate(series):
        for other, (start, more) in enumerate(series):
            if begin <= start < begin + length or start <= begin < start + more:
                both = np.concatenate([np.arange(*readings.starts[place : place + 2]) for place in (one, other)])
                both = both[np.argsort(readings.seconds[both], kind="stable")]
                later, same = np.diff(part[both]), np.diff(readings.seconds[both]) == 0
                assert (later >= 0).all() and (later[same] == 0).all()


def test_series_that_do_not_overlap_are_each_cut_by_themselves():
    splits = splits_of(several((0, 20), (100, 20)))
    assert splits.train.spans.tolist() == [[0, 0, 9], [1, 20, 29]]
    assert splits.valid.spans.tolist() == [[0, 9, 12], [1, 29, 32]]
    assert splits.test.spans.tolist() == [[0, 12, 20], [1, 32, 40]]
    assert splits.card["series"] == 2


def test_dead_and_absent_series_are_named():
    frame = several((0, 20), (0, 20))
    frame.loc[frame["unique_id"] == "s1", "load"] = 3.0
    late = several((18, 2)).assign(unique_id="late")
    splits = splits_of(pd.concat([frame, late]))
    told("^DataFrame: 's1' never changes in train", splits.notes)
    told("^DataFrame: 'late' has no row in train", splits.notes)


def test_files_of_their_own_are_used_whole_and_read_as_train():
    frame = table()
    splits = splits_of(frame[:20], frame[20:25], frame[25:].assign(extra=1))
    assert counts(splits) == (20, 5, 15) and splits.test.readings.sensors == ("heat", "flow")
    assert counts(splits_of(frame[:20], None, frame[25:])) == (17, 3, 15)
    assert counts(splits_of(frame[:20], frame[25:], None, split="14,6")) == (14, 15, 6)
    splits = splits_of(frame[:20], None, frame[10:])
    told("begins at 2024-03-01 10:00:00, before train ends; scores on it may flatter", splits.notes)
    message = refusal(lambda: splits_of(frame[:20], None, frame[25:26]))
    matches(r"has 1 rows for test and at least 2 are needed\. .* Add rows\.", message)
    message = refusal(lambda: splits_of(frame[:20], None, frame[25:], split="10,5,5"))
    matches(r"split must say train and valid, as the other is given: .* Got '10,5,5'\.", message)


def test_rows_in_true_windows_are_told_or_left_out_of_training():
    frame = table(label=[0, 0, 0, 1, 1, 0, 0, 1, *[0] * 20, *[1] * 12])
    splits = splits_of(frame)
    told("of 18 rows of train, 3 are in true windows; a detector learns them as usual, --train-on normal", splits.notes)
    assert counts(splits) == (18, 6, 16)
    splits = splits_of(frame, train_on="normal")
    told("of 18 rows of train, 3 are in true windows; they are left out", splits.notes)
    assert splits.train.spans.tolist() == [[0, 0, 3], [0, 5, 7], [0, 8, 18]]
    assert counts(splits) == (15, 6, 16) and not splits.train.truth().strange.any()
    message = refusal(lambda: splits_of(frame, train_on="normal", least_rows=11, split="18,11,11"))
    matches("has 15 rows for train, the longest stretch 10, and at least 11 are needed", message)


@pytest.mark.parametrize("train_on", ["auto", "normal"])
def test_a_train_part_of_strange_rows_alone_is_refused(train_on):
    frame = table(label=[1] * 20 + [0] * 20)
    message = refusal(lambda: splits_of(frame, train_on=train_on))
    assert message.startswith(
        "DataFrame: all 18 rows of train are in true windows, so there is nothing normal to learn"
    )
    matches(r"\(--split\), or say which labels mean normal \(--normal\)\.$", message)
