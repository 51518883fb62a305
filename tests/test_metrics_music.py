"""Scores and copies of generated music against cases made by hand, and what must hold for any pieces."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.metrics.music_copies import copied_share, longest_copies
from rnnkit.metrics.music_scores import (
    duration_histogram,
    ends_on_tonic,
    histogram_distance,
    in_key_share,
    music_scores,
    pitch_class_histogram,
    right_bars,
    right_tunes,
)
from rnnkit.music.pieces import TICKS, Note, Piece

WHOLE = 3 * TICKS
SCORES = (right_bars, right_tunes, in_key_share, ends_on_tonic, pitch_class_histogram, duration_histogram)


def piece(pitches=(), durations=None, *, rests=(), bars=None, **facts):
    """A tune in 3/4; rests are ticks after notes by their place."""
    durations, notes, start = durations or [12] * len(pitches), [], 0
    for place, (pitch, duration) in enumerate(zip(pitches, durations, strict=True)):
        notes.append(Note(start, duration, pitch))
        start += duration + dict(rests).get(place, 0)
    return Piece(tuple(notes), tuple(bars or (0, max(start, 1))), (3, 4), **facts)


def barred(*lengths):
    return piece(bars=[0, *np.cumsum(lengths).tolist()])


tunes = st.lists(
    st.lists(st.tuples(st.integers(58, 62), st.sampled_from([6, 12])), max_size=9).map(
        lambda notes: piece([pitch for pitch, _ in notes], [ticks for _, ticks in notes])
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize(
    ("lengths", "right"),
    [
        ([WHOLE, WHOLE, WHOLE], [1, 1, 1]),
        ([24, WHOLE, WHOLE], [1, 1, 1]),
        ([24, WHOLE, WHOLE - 24], [1, 1, 1]),
        ([24, WHOLE, WHOLE - 12], [1, 1, 0]),
        ([WHOLE, WHOLE, WHOLE - 24], [1, 1, 0]),
        ([WHOLE + 1, WHOLE, 12], [0, 1, 0]),
        ([24, 24, WHOLE + 6, WHOLE], [1, 0, 0, 1]),
        ([24, 48], [1, 1]),
        ([24], [1]),
        ([WHOLE + 24], [0]),
        ([], []),
    ],
)
def test_a_bar_is_right_if_whole_or_an_upbeat_or_what_it_leaves_to_the_last(lengths, right):
    made = barred(*lengths)
    assert right_bars([made]) == (sum(right) / len(right) if right else 0)
    assert right_tunes([made]) == (bool(right) and all(right))


def test_bars_are_counted_over_all_pieces_and_tunes_one_by_one():
    good, bad = barred(WHOLE, WHOLE), barred(WHOLE, 30, WHOLE)
    assert right_bars([good, bad]) == pytest.approx(4 / 5)
    assert right_tunes([good, bad, good, good]) == pytest.approx(3 / 4)
    assert right_bars([dataclasses.replace(good, metre=(6, 8))]) == 1
    assert right_bars([dataclasses.replace(good, metre=(4, 4))]) == 0.5  # the first might be an upbeat


def test_the_key_is_the_scale_of_tonic_and_mode():
    pitches = [62, 64, 65, 66, 67, 69, 71, 72, 73]  # D E F F# G A B C C#
    for mode, inside in {"major": 7, "minor": 6, "dorian": 7, "mixolydian": 7}.items():
        assert in_key_share([piece(pitches, tonic=2, mode=mode)]) == pytest.approx(inside / 9)
    assert in_key_share([piece([60, 61, 62]), piece([60])]) == pytest.approx(3 / 4)
    assert in_key_share([piece()]) == 0


def test_the_end_is_the_last_note_and_of_several_the_lowest():
    assert ends_on_tonic([piece([60, 67]), piece([67, 72]), piece([67, 72], tonic=7), piece([62], tonic=2)]) == 0.5
    chord = piece([67]).notes + (Note(12, 12, 60), Note(12, 12, 64), Note(12, 6, 67))
    assert ends_on_tonic([dataclasses.replace(piece(), notes=chord)]) == 1
    assert ends_on_tonic([dataclasses.replace(piece(), notes=chord, tonic=7)]) == 0
    assert ends_on_tonic([piece(), piece([60])]) == 0.5


def test_histograms_count_notes_however_long():
    pieces = [piece([60, 62, 72], [12, 36, 12]), piece([67], [24], tonic=7), piece()]
    shares = np.zeros(12)
    shares[[0, 2]] = 3 / 4, 1 / 4
    np.testing.assert_allclose(pitch_class_histogram(pieces), shares)
    assert duration_histogram(pieces) == {12: 0.5, 24: 0.25, 36: 0.25}
    assert duration_histogram([piece()]) == {} and not pitch_class_histogram([piece()]).any()


@pytest.mark.parametrize(
    ("p", "q", "distance"),
    [
        ({6: 0.5, 12: 0.5}, {12: 0.75, 24: 0.25}, 0.5),
        ({6: 1.0}, {12: 1.0}, 1.0),
        ({}, {12: 1.0}, 1.0),
        ({}, {}, 0.0),
        ([0.2, 0.3, 0.5], [0.5, 0.3, 0.2], 0.3),
        ([0, 0], np.array([0.5, 0.5]), 1.0),
    ],
)
def test_the_distance_is_the_share_that_would_have_to_move(p, q, distance):
    assert histogram_distance(p, q) == histogram_distance(q, p) == pytest.approx(distance)


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([0.5, 0.6], [0.5, 0.5], r"add up to 1\. Got 1\.1 in all, the least 0\.5"),
        ({6: 1.5, 12: -0.5}, {6: 1.0}, r"at least 0 .* Got 1 in all, the least -0\.5"),
        ([1.0], [0.5, 0.5], "Got 1 and 2 shares"),
        ({6: 1.0}, [1.0], "two dicts or two arrays. Got one of each"),
        ([[1.0]], [[1.0]], r"Got the shape \(1, 1\)"),
        ([float("nan"), 1.0], [0.5, 0.5], "Got nan in all"),
    ],
)
def test_what_is_no_distribution_is_refused(p, q, message):
    with pytest.raises(ValueError, match=message):
        histogram_distance(p, q)


@given(tunes, tunes, st.integers(-3, 3))
def test_scores_are_shares_and_no_matter_of_the_key(some, others, by):
    scores = music_scores(some, others)
    assert list(scores) == [
        *("bar_validity", "tune_validity", "in_key", "ends_on_tonic", "pitch_class_distance", "duration_distance")
    ]
    assert all(0 <= score <= 1 and isinstance(score, float) for score in scores.values())
    assert music_scores([one.transposed(by) for one in some], others) == pytest.approx(scores)
    back = music_scores(others, some)
    for name in ("pitch_class_distance", "duration_distance"):
        assert back[name] == pytest.approx(scores[name]) and music_scores(some, some)[name] == 0


def test_a_run_is_copied_in_any_key_and_with_rests_for_length_but_not_in_another_rhythm():
    song = [60, 62, 64, 65, 67, 65, 64, 62, 60]
    train = [piece([70, 71]), piece(song)]
    assert copied_share([piece(song)], train, run=9) == 1
    assert copied_share([piece([pitch + 5 for pitch in song])], train, run=9) == 1
    assert copied_share([piece(song, [6] * 8 + [12], rests=[(place, 6) for place in range(8)])], train, run=9) == 1
    assert copied_share([piece(song, [12, 12, 12, 6] + [12] * 5)], train, run=4) == pytest.approx(2 / 6)
    assert copied_share([piece(song[:5] + [77] + song[5:])], train, run=4) == pytest.approx((2 + 1) / 7)


def test_a_run_goes_on_within_one_piece_only_and_its_last_note_counts_with_its_length():
    train = [piece([60, 62, 64]), piece([66, 68])]
    assert copied_share([piece([60, 62, 64, 66, 68])], train, run=4) == 0
    assert copied_share([piece([60, 62, 64, 66])], train, run=3) == 1  # whole tones, twice
    assert copied_share([piece([60, 62, 64], [12, 12, 6])], train, run=3) == 0
    assert copied_share([piece([60, 62, 50], [12, 12, 6])], train, run=2) == 0.5
    assert copied_share([piece([60, 62]), piece()], train, run=3) == 0  # no run so long
    assert copied_share([piece([60, 62])], [piece()], run=2) == 0


def test_the_longest_copies_come_first_and_share_no_note():
    train = [piece([60, 61, 63, 66, 70], source="book, tune 1"), piece([50, 57, 52, 59], title="Lost", source="")]
    novel = piece([70, 71, 73, 76, 80, 81, 40, 47, 42, 60, 67], title="New", source="made")
    other = piece([30, 31, 90], source="made 2")
    assert longest_copies([novel, other], train) == [
        {"notes": 5, "generated": "New", "train": "book, tune 1"},
        {"notes": 3, "generated": "New", "train": "Lost"},
        {"notes": 2, "generated": "New", "train": "Lost"},
        {"notes": 2, "generated": "made 2", "train": "book, tune 1"},
    ]
    assert longest_copies([novel, other], train, most=1) == longest_copies([novel, other], train)[:1]
    assert longest_copies([piece([60]), piece()], train) == longest_copies([novel], [piece()]) == []


def runs(pieces, length):
    """The runs of notes of all pieces, one by one."""
    for one in pieces:
        notes = one.notes
        ends = [note.start for note in notes[1:]] + [note.start + note.duration for note in notes[-1:]]
        told = [(note.pitch, end - note.start) for note, end in zip(notes, ends, strict=True)]
        for start in range(len(told) - length + 1):
            part = told[start : start + length]
            yield tuple((pitch - part[0][0], ticks) for pitch, ticks in part)


@settings(max_examples=200, deadline=None)
@given(tunes, tunes, st.integers(2, 6))
def test_shares_and_lengths_are_those_of_counting_runs_one_by_one(some, train, length):
    known = set(runs(train, length))
    copied = [run in known for run in runs(some, length)]
    share = copied_share(some, train, run=length)
    assert share == pytest.approx(sum(copied) / len(copied) if copied else 0)
    longest = [n for n in range(2, 10) if set(runs(some, n)) & set(runs(train, n))]
    found = longest_copies(some, train)
    assert [copy["notes"] for copy in found[:1]] == longest[-1:]
    lengths = [copy["notes"] for copy in found]
    assert lengths == sorted(lengths, reverse=True) and all(notes >= 2 for notes in lengths)


@settings(deadline=None)
@given(tunes, tunes, st.integers(-3, 3), st.integers(2, 5))
def test_moving_tunes_to_other_keys_copies_as_much_and_a_copy_is_all_copied(some, train, by, length):
    share = copied_share(some, train, run=length)
    assert copied_share([one.transposed(by) for one in some], train, run=length) == share
    assert copied_share(some, [*train, *some[::-1]], run=length) in (0, 1)
    assert copied_share(some, [*train, *train], run=length) == share


@pytest.mark.parametrize("score", SCORES)
def test_no_piece_has_no_score(score):
    with pytest.raises(ValueError, match=r"pieces must hold at least 1 piece\. Got 0\."):
        score([])


@pytest.mark.parametrize("score", [music_scores, copied_share, longest_copies])
def test_two_sets_must_both_have_pieces(score):
    with pytest.raises(ValueError, match=r"^generated must hold at least 1 piece\. Got 0\."):
        score([], [piece()])
    with pytest.raises(ValueError, match=r"^(test|train) must hold at least 1 piece\. Got 0\."):
        score([piece()], [])


def test_runs_too_short_to_be_any_are_refused():
    with pytest.raises(ValueError, match=r"run must be at least 2 notes\. Got 1\."):
        copied_share([piece()], [piece()], run=1)
    with pytest.raises(ValueError, match=r"most must be at least 1\. Got 0\."):
        longest_copies([piece()], [piece()], most=0)
