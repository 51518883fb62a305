"""Piano rolls: drawn whatever is given; the key, the primer and chords are seen; long pieces go on in further rows."""

import dataclasses

import numpy as np
import pytest
from matplotlib.image import imread

from rnnkit.music.pieces import Harmony, Note, Piece
from rnnkit.roll_pictures import GIVEN, IN_KEY, MOST_ROWS, OUT_OF_KEY, draw_roll

pytestmark = pytest.mark.filterwarnings("error")


def piece(bars=4, *, upbeat=0, pitches=(62, 64, 66, 67), **changed):
    """Quarters in D major, four a bar."""
    lines = (*([0] if upbeat else []), *(upbeat + 96 * bar for bar in range(bars + 1)))
    notes = tuple(Note(tick, 24, pitches[tick // 24 % len(pitches)]) for tick in range(0, lines[-1], 24))
    return dataclasses.replace(Piece(notes, lines, (4, 4), tonic=2), **changed)


@pytest.fixture
def drawn(tmp_path):
    """Draws a roll and returns the picture, `(height, width, 4)`."""

    def call(*arguments, **chosen):
        draw_roll(tmp_path / "roll.png", *arguments, **chosen)
        picture = imread(tmp_path / "roll.png")
        assert picture.shape[1] == 1320 and 150 < picture.shape[0] < 5200
        return picture

    return call


def pixels(picture, colour):
    """How many are of a colour."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return int((np.abs(picture[..., :3] - wanted).max(axis=-1) < 0.01).sum())


def test_notes_out_of_the_key_have_another_colour(drawn):
    within, without = drawn(piece()), drawn(piece(pitches=(62, 65, 66, 67)))
    assert pixels(within, IN_KEY) > pixels(without, IN_KEY) > pixels(without, OUT_OF_KEY) > pixels(within, OUT_OF_KEY)
    dorian = drawn(piece(pitches=(62, 65, 69, 71), mode="dorian"))
    assert pixels(dorian, OUT_OF_KEY) == pixels(within, OUT_OF_KEY)


def test_a_note_is_as_long_as_it_lasts(drawn):
    short, long = (pixels(drawn(piece(notes=(Note(0, length, 62), Note(300, 1, 70)))), IN_KEY) for length in (48, 144))
    rest = pixels(drawn(piece(notes=())), IN_KEY)
    assert (long - rest) / (short - rest) == pytest.approx(3, rel=0.1)


def test_the_primer_is_shaded_over_rows_as_far_as_it_goes(drawn):
    plain, one, many = (pixels(drawn(piece(20), primer_ticks=ticks), GIVEN) for ticks in (0, 96, 96 * 12))
    assert not plain and 0 < one < many / 8
    every = pixels(drawn(piece(20), primer_ticks=10**9), GIVEN)
    assert many < every == pixels(drawn(piece(20), primer_ticks=96 * 20), GIVEN)
    with pytest.raises(ValueError, match=r"primer_ticks must be at least 0\. Got -5\."):
        drawn(piece(), primer_ticks=-5)


def test_long_pieces_go_on_in_further_rows_to_a_limit(drawn):
    heights = [drawn(piece(bars)).shape[0] for bars in (4, 8, 9, 16, 17, 24, 8 * MOST_ROWS, 1_000)]
    one, eight, nine, two, seventeen, three, most, endless = heights
    # A last bar alone isn't given a row.
    assert one == eight == nine < two == seventeen < three < most == endless
    assert three - two == pytest.approx(two - one, abs=2)
    assert drawn(piece(9, upbeat=24)).shape[0] == one


def test_notes_go_on_in_the_next_row(drawn):
    held = piece(16, notes=(Note(0, 96 * 16, 62),))
    half = piece(16, notes=(Note(0, 96 * 8, 62),))
    rest = pixels(drawn(piece(16, notes=())), IN_KEY)
    assert pixels(drawn(held), IN_KEY) - rest == pytest.approx(2 * (pixels(drawn(half), IN_KEY) - rest), rel=0.02)


def test_chords_stand_above_the_notes(drawn):
    plain, named = (drawn(piece(chords=chords)) for chords in ((), (Harmony(0, "D"), Harmony(12, "F#m7"))))
    assert named.shape[0] > plain.shape[0] and pixels(named, "#000000") > pixels(plain, "#000000")


@pytest.mark.parametrize(
    "odd",
    [
        piece(notes=()),
        piece(1, upbeat=12),
        piece(notes=(Note(0, 1, 0), Note(380, 400, 127))),
        piece(title="costs $5\nand $6 " * 40, tempo=96.99995),
        piece(chords=tuple(Harmony(tick, "Abmaj7") for tick in range(0, 384, 3))),
        Piece((Note(0, 3, 60),), (0, 3), (1, 32)),
        Piece((Note(0, 900, 60),), (0, 24 * 4 * 50), (50, 1)),
    ],
)
def test_odd_pieces_are_drawn(drawn, odd):
    assert len(np.unique(drawn(odd)[..., 0])) > 5
    assert len(np.unique(drawn(odd, title="$x$", primer_ticks=7)[..., 0])) > 5
