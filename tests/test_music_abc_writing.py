"""ABC writing: what is read again is the same piece, in lines that people can read."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.music.abc_reading import read_abc
from rnnkit.music.abc_writing import write_abc
from rnnkit.music.pieces import MODES, NAMES, QUALITIES, Harmony, Note, Piece, bar_ticks

LENGTHS = [1, 3, 4, 5, 6, 8, 9, 12, 16, 18, 24, 32, 36, 48, 60, 72, 96]
TITLES = st.text('aBé %\\"#|:[]&', max_size=9).map(lambda text: " ".join(text.split()))


@st.composite
def pieces(draw):
    """Pieces with an upbeat or without, in all keys, of rests, chords, triplets and notes over bar lines."""
    metre = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2), (5, 8), (9, 8), (7, 16), (1, 32)]))
    whole = bar_ticks(metre)
    lengths = [draw(st.integers(1, whole)), *[whole] * draw(st.integers(0, 6)), draw(st.integers(1, whole))]
    bars = [sum(lengths[:place]) for place in range(len(lengths) + 1)]
    notes, start = [], draw(st.sampled_from([0, 0, 12, 7]))
    while not notes or (start < bars[-1] and draw(st.booleans())):
        start = min(start, bars[-1] - 1)
        duration = min(draw(st.sampled_from(LENGTHS)), bars[-1] - start)
        sounding = draw(st.lists(st.integers(0, 127) | st.integers(55, 80), max_size=4, unique=True).map(sorted))
        notes += [Note(start, duration, pitch) for pitch in sounding or [60] * (not notes)]
        start += duration
    starts = draw(st.lists(st.integers(0, bars[-1] - 1), max_size=5, unique=True).map(sorted))
    names = st.builds("".join, st.tuples(st.sampled_from(NAMES), st.sampled_from([*QUALITIES])))
    return Piece(
        notes=tuple(notes),
        bars=tuple(bars),
        metre=metre,
        chords=tuple(Harmony(start, draw(names)) for start in starts),
        tonic=draw(st.integers(0, 11)),
        mode=draw(st.sampled_from([*MODES])),
        tempo=draw(st.floats(0.1, 999) | st.sampled_from([120.0, 96.5])),
        title=draw(TITLES),
        style=draw(TITLES).lower(),
    )


def piece_of(durations, pitches, **chosen):
    starts = [sum(durations[:place]) for place in range(len(durations) + 1)]
    notes = [Note(*note) for note in zip(starts, durations, pitches, strict=False) if note[2]]
    return Piece(**({"notes": tuple(notes), "bars": tuple(range(0, starts[-1] + 1, 96)), "metre": (4, 4)} | chosen))


def music(piece):
    return write_abc(piece).split("\nK:")[1].split("\n", 1)[1]


@settings(max_examples=300, deadline=None)
@given(pieces())
def test_what_is_written_is_read_as_the_same_piece(piece):
    (again,), told = read_abc(write_abc(piece), "x")
    assert dataclasses.replace(again, source="") == piece and told == []


def test_a_tune_is_written_as_tune_books_have_it():
    piece = piece_of(
        [24, 24, 12, 36, 32, 32, 32, 8, 8, 8, 4, 4, 4, 60, 96],
        [69, 66, 65, 66, 62, 0, 64, 66, 67, 69, 62, 61, 60, 74, 73],
        chords=(Harmony(0, "D"), Harmony(24, "F#m7"), Harmony(144, "A7")),
        tonic=2,
        tempo=96.5,
        title="50 % off",
        style="reel",
    )
    assert write_abc(piece, 12) == (
        "X:12\nT:50 \\% off\nR:reel\nM:4/4\nL:1/8\nQ:1/4=96.5\nK:D\n"
        '"D"A2 "F#m7"F2 =F^F3|(3:2:2D4z2 "A7"(3:2:2z2E4|(3FGA (3D/C/=C/d5|c8|]\n'
    )


def test_signs_stand_where_the_key_and_the_bar_lack_them():
    assert music(piece_of([24] * 8, [66, 66, 65, 78, 66, 65, 66, 65])) == "^F2 F2 =F2 ^f2|^F2 =F2 ^F2 =F2|]\n"
    assert music(piece_of([24] * 4, [70, 69, 58, 82], tonic=5)) == "B2 A2 B,2 b2|]\n"
    assert music(piece_of([24] * 4, [68, 69, 71, 67], tonic=9, mode="minor")) == "^G2 A2 B2 =G2|]\n"


def test_keys_have_no_more_signs_than_they_need():
    keys = {
        (1, "major"): "Db",
        (6, "major"): "F#",
        (3, "minor"): "Ebm",
        (8, "phrygian"): "G#phr",
        (2, "dorian"): "Ddor",
    }
    for (tonic, mode), written in keys.items():
        assert f"\nK:{written}\n" in write_abc(piece_of([96], [60], tonic=tonic, mode=mode))


def test_notes_over_bar_lines_and_chords_are_tied():
    piece = piece_of([48, 96, 48], [60, 64, 67], chords=(Harmony(60, "C"), Harmony(120, "G7")))
    assert music(piece) == 'C4 E-"C"E3-|E2- "G7"E2 G4|]\n'
    notes = (Note(0, 144, 60), Note(0, 144, 64), Note(144, 48, 64))
    assert music(dataclasses.replace(piece, notes=notes, chords=())) == "[CE]8-|[CE]4 E4|]\n"


def test_no_line_has_more_than_four_bars_beside_an_upbeat():
    lines = music(piece_of([96] * 10, [60] * 10)).splitlines()
    assert [line.count("|") for line in lines] == [4, 4, 2] and lines[-1].endswith("|]")
    upbeat = piece_of([24] + [96] * 5, [60] * 6, bars=(0, 24, 120, 216, 312, 408, 504))
    assert [line.count("|") for line in music(upbeat).splitlines()] == [5, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"notes": (Note(0, 24, 60), Note(12, 24, 62))},
            "the note of pitch 62 at tick 12 begins before the one before",
        ),
        ({"notes": (Note(0, 24, 60), Note(0, 12, 64))}, "the note of pitch 64 at tick 0 begins before the one before"),
        ({"notes": (Note(0, 24, 60), Note(0, 24, 60))}, "the note of pitch 60 at tick 0 begins before the one before"),
        ({"notes": (Note(0, 97, 60),)}, "the last note ends at tick 97, after the last bar, 96"),
        ({"notes": ()}, " has no notes"),
        ({"chords": (Harmony(96, "C"),)}, "a chord at tick 96 lies outside of the bars"),
    ],
)
def test_what_abc_is_not_written_for_is_refused(changes, message):
    piece = dataclasses.replace(piece_of([96], [60], source="hat.abc, tune 2"), **changes)
    with pytest.raises(ValueError, match=f"^hat.abc, tune 2.*{message}"):
        write_abc(piece)


def test_music21_reads_what_is_written():
    converter = pytest.importorskip("music21.converter")
    durations, sounding = [24, 8, 8, 8, 12, 36, 96, 48, 48], [66, 67, 68, 69, 70, 71, 61, 0, 73]
    piece = piece_of(durations, sounding, tonic=2, bars=(0, 96, 192, 288), chords=(Harmony(0, "D"), Harmony(120, "A7")))
    score = converter.parse(f"%abc-2.1\n{write_abc(piece)}", format="abc").stripTies().flatten()
    theirs = [
        (note.offset * 24, note.duration.quarterLength * 24, note.pitch.midi) for note in score.notes if note.isNote
    ]
    assert theirs == [tuple(note) for note in piece.notes]


def test_tunes_of_the_nottingham_books_survive_writing(real_data):
    path = real_data / "music/nottingham/ABC_cleaned/hpps.abc"
    tunes, _ = read_abc(path.read_text(), "hpps.abc", played=True, skip=True)
    for tune in tunes:
        (again,), _ = read_abc(write_abc(tune), "x")
        assert dataclasses.replace(again, source=tune.source) == tune
    assert len(tunes) > 50
