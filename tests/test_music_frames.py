"""Frames: pieces -> piano rolls by hand, and rolls that come back from the pieces they make."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnkit.music.frames import HIGHEST, LOWEST, piece_of, roll_of
from rnnkit.music.pieces import Note, Piece

STEP, LOW = 6, 60


def piece(*notes, bars=(0, 24), **more):
    return Piece(tuple(Note(*note) for note in notes), bars, (1, 4), **more)


def drawing(roll):
    """Frames as text, a line for each, `#` where a pitch sounds."""
    return ["".join(".#"[on] for on in frame) for frame in roll.tolist()]


def frames_of(*notes, **more):
    return drawing(roll_of(piece(*notes, **more), step=STEP, lowest=LOW, highest=LOW + 2))


def test_a_frame_shows_what_sounds_when_it_begins():
    assert frames_of((0, 12, 60), (6, 18, 62), (12, 6, 61)) == ["#..", "#.#", ".##", "..#"]


def test_the_roll_is_of_a_piano_unless_told_otherwise():
    roll = roll_of(piece((0, 6, LOWEST), (6, 6, HIGHEST)), step=STEP)
    assert roll.shape == (4, 88) and roll.dtype == bool
    assert np.argwhere(roll).tolist() == [[0, 0], [1, 87]]


@pytest.mark.parametrize(
    ("start", "duration", "sounding"),
    [
        (2, 12, [0, 1]),
        (4, 12, [1, 2]),
        (3, 12, [1, 2]),
        (6, 1, [1]),
        (7, 3, [1]),
        (8, 2, [1]),
        (6, 10, [1, 2]),
        (6, 8, [1]),
    ],
)
def test_both_ends_move_to_the_nearest_frame_and_no_note_vanishes(start, duration, sounding):
    found = roll_of(piece((start, duration, 61)), step=STEP, lowest=61, highest=61)
    assert np.flatnonzero(found[:, 0]).tolist() == sounding


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 9))
def test_notes_that_follow_one_another_do_so_in_the_roll(durations, step):
    ends = np.cumsum([0, *durations]).tolist()
    notes = [(ends[place], duration, 60 + place % 2) for place, duration in enumerate(durations)]
    roll = roll_of(piece(*notes, bars=(0, ends[-1])), step=step, lowest=60, highest=61)
    if min(durations) >= step:
        assert (roll.sum(axis=1) == 1)[: len(roll) - 1].all()
    assert roll.any(axis=1)[:-1].all() and (np.diff(roll.argmax(axis=1)) != 0).sum() <= len(durations)


def test_notes_of_one_pitch_that_touch_or_overlap_become_one():
    once = frames_of((0, 18, 60))
    assert frames_of((0, 6, 60), (6, 12, 60)) == once == frames_of((0, 12, 60), (6, 12, 60))
    assert piece_of(roll_of(piece((0, 6, 60), (6, 6, 60)), step=STEP), step=STEP).notes == (Note(0, 12, 60),)


@pytest.mark.parametrize(
    ("bars", "note", "frames"), [((0, 24), (0, 6, 60), 4), ((0, 25), (0, 6, 60), 5), ((0, 24), (18, 12, 60), 5)]
)
def test_frames_reach_to_the_end_of_the_last_bar_or_note(bars, note, frames):
    assert len(frames_of(note, bars=bars)) == frames


def test_a_piece_without_notes_is_a_roll_of_empty_frames():
    roll = roll_of(piece(bars=(0, 24, 48)), step=8)
    assert roll.shape == (6, 88) and not roll.any()


ROLLS = arrays(bool, st.tuples(st.integers(0, 23), st.integers(1, 5)))
METRES = st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 8), (1, 16)])


@settings(max_examples=200, deadline=None)
@given(ROLLS, st.integers(0, 5), st.integers(0, 5), st.integers(1, 25), METRES)
def test_a_roll_comes_back_from_its_piece_with_empty_frames_after_it(roll, before, after, step, metre):
    roll = np.pad(roll, [(before, after), (0, 0)])
    made = piece_of(roll, step=step, metre=metre, lowest=LOW)
    found = roll_of(made, step=step, lowest=LOW, highest=LOW + roll.shape[1] - 1)
    assert len(found) >= len(roll)
    np.testing.assert_array_equal(found[: len(roll)], roll)
    assert not found[len(roll) :].any() and len(found) * step < len(roll) * step + made.bar_ticks + step
    if len(roll) and len(roll) * step % made.bar_ticks == 0:
        assert len(found) == len(roll)


@settings(deadline=None)
@given(ROLLS, st.integers(1, 25), METRES)
def test_pieces_have_whole_bars_and_notes_in_order(roll, step, metre):
    made = piece_of(roll, step=step, metre=metre)
    assert set(np.diff(made.bars).tolist()) == {made.bar_ticks} and made.bars[0] == 0
    assert made.bars[-2] < max(len(roll) * step, 1) <= made.bars[-1]
    assert list(made.notes) == sorted(made.notes, key=lambda note: (note.start, note.pitch))
    assert sum(note.duration for note in made.notes) == roll.sum() * step


def test_a_piece_has_runs_as_notes_and_what_is_told_of_it():
    roll = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [1, 0, 1]])
    made = piece_of(roll, step=8, metre=(3, 8), tonic=2, mode="minor", tempo=90.0, lowest=50)
    assert made.notes == (Note(0, 16, 50), Note(0, 8, 52), Note(16, 16, 52), Note(24, 8, 50))
    assert (made.bars, made.metre, made.tonic, made.mode, made.tempo) == ((0, 36), (3, 8), 2, "minor", 90.0)
    assert all(type(number) is int for note in made.notes for number in note)


def refused(function, *arguments, **more):
    with pytest.raises(ValueError) as error:
        function(*arguments, **more)
    return str(error.value)


def test_a_note_outside_of_the_roll_is_refused_with_its_piece_and_pitch():
    message = refused(roll_of, piece((0, 6, 60), (6, 6, 110), source="tunes.abc, tune 3, line 40"), step=STEP)
    assert message == (
        "tunes.abc, tune 3, line 40: pitch 110 lies outside of the roll, 21 to 108. "
        "Widen it by lowest and highest, or transpose the piece."
    )
    assert refused(roll_of, piece((0, 6, 59), title="Reel"), step=STEP, lowest=60).startswith("Reel: pitch 59 lies")


@pytest.mark.parametrize("step", [0, -6])
def test_a_step_below_one_tick_is_refused(step):
    expected = f"step must be at least 1 tick. Got {step}."
    assert refused(roll_of, piece(), step=step) == expected == refused(piece_of, np.zeros((2, 3)), step=step)


@pytest.mark.parametrize(("lowest", "highest"), [(61, 60), (-1, 60), (60, 128)])
def test_pitches_that_are_no_range_are_refused(lowest, highest):
    message = refused(roll_of, piece(), step=STEP, lowest=lowest, highest=highest)
    assert message == f"lowest and highest must rise, from 0 to 127. Got {lowest} and {highest}."


@pytest.mark.parametrize(
    ("roll", "more", "pattern"),
    [
        (np.zeros(4), {}, r"the shape \(frames, pitches\)\. Got \(4,\)\."),
        (np.full((2, 3), 0.25), {}, r"booleans, or 0 and 1\. Got 0\.25\. Compare"),
        (np.full((2, 3), np.nan), {}, r"booleans, or 0 and 1\. Got nan\."),
        (np.zeros((2, 88)), {"lowest": 41}, r"Pitches must be 0 to 127\. Got 88 columns from 41 on\. Say"),
        (np.zeros((2, 3)), {"lowest": -1}, r"Got 3 columns from -1 on"),
        (np.zeros((2, 3)), {"metre": (4, 7)}, r"A metre must be such as 4/4 or 6/8\. Got 4/7\."),
    ],
)
def test_what_is_no_roll_is_refused(roll, more, pattern):
    assert re.search(pattern, refused(piece_of, roll, step=STEP, **more))
