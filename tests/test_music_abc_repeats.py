"""ABC repeats: what is played how often, and bars that sections split or lack an upbeat of."""

import pytest

from rnnkit.music.abc_reading import read_abc


def tune(music):
    return f"X:7\nT:Toy\nM:4/4\nL:1/4\nK:C\n{music}\n"


def read(music, *, played=False):
    (piece,), told = read_abc(tune(music), "toy.abc", played=played)
    assert told == []
    return piece


def letters(piece):
    return "".join({60: "C", 62: "D", 64: "E", 65: "F", 67: "G"}[note.pitch] for note in piece.notes)


def bars(piece):
    """Quarters of each bar."""
    return [(end - start) / 24 for start, end in zip(piece.bars, piece.bars[1:], strict=False)]


@pytest.mark.parametrize(
    ("music", "once", "played"),
    [
        ("|:C4|D4:|E4|", "CDE", "CDCDE"),
        ("C4|D4:|E4|F4:|", "CDEF", "CDCDEFEF"),
        ("C4||D4:|E4|]F4:|", "CDEF", "CDDEFF"),
        ("C4|\nP:B\nD4:|", "CD", "CDD"),
        ("|:C4||D4:|", "CD", "CDCD"),
        ("|:C4::D4:||:E4:|", "CDE", "CCDDEE"),
        ("|:C4|1 D4:|2 E4||F4:|", "CDEF", "CDCEFF"),
        ("C4|[1D4:|[2E4:|F4|", "CDEF", "CDCEF"),
        ("C4|[1D4:|[2E4|F4|G4|]", "CDEFG", "CDCEFG"),
        ("|:C4|[1,3D4:|[2E4:|F4", "CDEF", "CDCECDF"),
        ("|:C4|[1-2D4:|[3E4|]F4", "CDEF", "CDCDCEF"),
        ("|:C4|[1D4|[2E4||F4", "CDEF", "CDCEF"),
        ("|:C4|[1D4:| |[2E4|:F4:|", "CDEF", "CDCEFF"),
        ("|:C4::|D4", "CD", "CCCD"),
        ("C4|:D4|[1E4:||:F4:|", "CDEF", "CDEDFF"),
    ],
)
def test_repeats_are_played_out_or_stand_once(music, once, played):
    for how, expected in ((False, once), (True, played)):
        piece = read(music, played=how)
        assert letters(piece) == expected
        assert piece.bars == tuple(range(0, 96 * len(expected) + 1, 96))


@pytest.mark.parametrize(
    ("music", "once", "played"),
    [
        ("C|D4|E3:|", [1, 4, 3], [1, 4, 4, 4, 3]),
        ("|:C|D4|E3:||:F|G4|A3:|", [1, 4, 4, 4, 3], [1, 4, 4, 4, 4, 4, 4, 4, 3]),
        ("||:C|D4|]E3||F|G4|", [1, 4, 4, 4], [1, 4, 4, 4]),
        ("C4|[|D2||E2|]F4||", [4, 4, 4], [4, 4, 4]),
        ("|| |C4| ||", [4], [4]),
    ],
)
def test_bars_that_sections_split_are_one(music, once, played):
    assert bars(read(music)) == once and bars(read(music, played=True)) == played


@pytest.mark.parametrize("played", [False, True])
def test_silence_takes_the_place_of_an_upbeat_that_does_not_come_again(played):
    music = "C|D4|[1E3:|[2F4|]G4|"
    piece = read(music, played=played)
    assert letters(piece) == ("CDECDFG" if played else "CDEFG")
    assert bars(piece) == ([1, 4, 4, 4, 4, 4] if played else [1, 4, 4, 4, 4])
    piece = read("C|D4|E3:|F4|F4|", played=played)
    assert [note.start for note in piece.notes][-2:] == [piece.bars[-3], piece.bars[-2]] and bars(piece)[-3:] == [4] * 3


@pytest.mark.parametrize(
    ("music", "message"),
    [
        ("C4|D4 E|F4", "line 6: bar 2 has 5 quarters where the metre says 4."),
        ("C|D4|\nE3/|F4", "line 7: bar 2 has 1.5 quarters where the metre says 4."),
        ("C5", "line 6: bar 1 has 5 quarters where the metre says 4."),
        ("C4|D3:|E4|", "line 6: bar 2 has 3 quarters where the metre says 4."),
        ("C4|D2|E2|F4", "line 6: bar 2 has 2 quarters where the metre says 4."),
    ],
)
@pytest.mark.parametrize("played", [False, True])
def test_bars_of_a_wrong_length_are_told_with_file_tune_and_line(music, message, played):
    with pytest.raises(ValueError) as caught:
        read_abc(tune(music), "toy.abc", played=played)
    assert str(caught.value) == f"toy.abc, tune 7, {message} Mend it, or pass --skip-bad-rows to leave it out."
    assert read_abc(tune(music), "toy.abc", played=played, skip=True) == ([], [f"toy.abc, tune 7, {message}"])


def test_a_tie_goes_on_into_what_is_played_next():
    piece = read("|:C4|[1D4-:|[2D4-|]D4", played=True)
    assert [tuple(note) for note in piece.notes] == [(0, 96, 60), (96, 96, 62), (192, 96, 60), (288, 192, 62)]
    piece = read("|:C4|[1D4-:|[2D4-|]D4")
    assert [tuple(note) for note in piece.notes] == [(0, 96, 60), (96, 288, 62)]
