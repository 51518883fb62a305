"""Events: pieces drawn by chance come back from their words; words in a wrong place are refused by name and place."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.music.events import (
    bar_faults,
    decode_words,
    encode_piece,
    key_words,
    moved_word,
    shift_of,
    style_word,
)
from rnnkit.music.pieces import MODES, NAMES, QUALITIES, Harmony, Note, Piece, bar_ticks

METRES = [(4, 4), (6, 8), (7, 8), (3, 4), (2, 2), (5, 16), (3, 2)]
ABOUT = {"title": "The Ladder", "tempo": 90.0, "source": "book.abc"}


@st.composite
def pieces(draw, lowest=0, highest=127):
    """A piece with an upbeat or none, of rests and of notes, several at once, that end wherever, over bar lines too."""
    metre = draw(st.sampled_from(METRES))
    whole = bar_ticks(metre)
    bars = [0]
    if upbeat := draw(st.integers(0, whole - 1)):
        bars.append(upbeat)
    for _ in range(draw(st.integers(0 if upbeat else 1, 4))):
        bars.append(bars[-1] + whole)
    notes, tick = [], 0
    while tick < bars[-1]:
        duration = min(draw(st.integers(1, 2 * whole)), bars[-1] - tick)
        pitches = draw(st.sets(st.integers(lowest, highest), max_size=3))
        notes += [Note(tick, duration, pitch) for pitch in sorted(pitches)]
        tick += duration
    starts = sorted(draw(st.sets(st.integers(0, bars[-1] - 1), max_size=4)))
    names = st.builds(lambda root, quality: root + quality, st.sampled_from(NAMES), st.sampled_from(list(QUALITIES)))
    return Piece(
        notes=tuple(notes),
        bars=tuple(bars),
        metre=metre,
        chords=tuple(Harmony(start, draw(names)) for start in starts),
        tonic=draw(st.integers(0, 11)),
        mode=draw(st.sampled_from(list(MODES))),
        style=draw(st.sampled_from(["", "jig", "slow air"])),
        **ABOUT,
    )


@given(pieces())
def test_a_piece_comes_back_from_its_words(piece):
    words = encode_piece(piece)
    assert decode_words(words, **ABOUT) == piece
    assert encode_piece(decode_words(words)) == words


@given(pieces(lowest=12, highest=115), st.integers(-12, 12))
def test_moving_the_words_is_moving_the_piece(piece, by):
    words = encode_piece(piece)
    moved = [moved_word(word, by) for word in words]
    assert moved == encode_piece(piece.transposed(by))
    assert [moved_word(word, -by) for word in moved] == words


@given(pieces(lowest=12, highest=115))
@settings(max_examples=30)
def test_all_pieces_are_moved_to_c_or_a_by_half_an_octave_at_most(piece):
    by = shift_of(piece.tonic, piece.mode)
    assert -5 <= by <= 6
    tonic = NAMES[piece.transposed(by).tonic]
    assert tonic == ("A" if piece.mode in ("minor", "dorian", "phrygian", "locrian") else "C")


def test_the_words_are_as_the_first_line_says():
    notes = (Note(0, 12, 69), Note(12, 24, 74), Note(36, 12, 78), Note(60, 48, 62), Note(60, 48, 66))
    chords = (Harmony(12, "D"), Harmony(84, "A7"))
    piece = Piece(notes, (0, 12, 84, 156), (6, 8), chords, tonic=2, style="Slow  Jig")
    assert " ".join(encode_piece(piece)) == (
        "style:slow_jig key:D_major metre:6/8 | from:60 n69 d12 | ch:D n74 d24 n78 d12 r d12 n62 n66 d24 "
        "| ch:A7 ~ d24 r d48"
    )


def test_a_note_leaves_what_midi_has_and_nothing_else_does():
    assert moved_word("n127", 1) == moved_word("n0", -1) == ""
    for word in ("|", "r", "~", "n", "d24", "from:12", "metre:6/8", "style:n60"):
        assert moved_word(word, 7) == word
    assert moved_word("key:B_minor", 3) == "key:D_minor" and moved_word("ch:F#m7", -7) == "ch:Bm7"
    assert len(set(key_words())) == 12 * len(MODES)
    assert style_word(" Slow\tAir ") == "style:slow_air"


@pytest.mark.parametrize(
    ("words", "place", "word"),
    [
        ("key:C_major metre:4/4 | n60 | d24", 5, "|"),
        ("key:C_major | d24", 3, "d24"),
        ("| n60 d24 d12", 4, "d12"),
        ("| n60 d0", 3, "d0"),
        ("| n60 d-4", 3, "d-4"),
        ("| n60 d²", 3, "d²"),
        ("| n60 d1234567", 3, "d1234567"),
        ("| n128 d4", 2, "n128"),
        ("| n d4", 2, "n"),
        ("| nought d4", 2, "nought"),
        ("| n60 ch:C d4", 3, "ch:C"),
        ("| n60 r d4", 3, "r"),
        ("| r n60 d4", 3, "n60"),
        ("| ~ ~ d4", 3, "~"),
        ("| ch:H n60 d4", 2, "ch:H"),
        ("| ch:Dwhat n60 d4", 2, "ch:Dwhat"),
        ("| ch: n60 d4", 2, "ch:"),
        ("| from:x n60 d4", 2, "from:x"),
        ("| n60 from:4 d4", 3, "from:4"),
        ("from:4 | n60 d4", 1, "from:4"),
        ("| n60 d4 from:4 n60 d4", 4, "from:4"),
        ("| n60 d4 | from:4 n60 d4", 5, "from:4"),
        ("key:H_major |", 1, "key:H_major"),
        ("key:C_sad |", 1, "key:C_sad"),
        ("key:C |", 1, "key:C"),
        ("key:C_major key:D_major | n60 d4", 2, "key:D_major"),
        ("metre:4/0 |", 1, "metre:4/0"),
        ("metre:4/5 |", 1, "metre:4/5"),
        ("metre:four |", 1, "metre:four"),
        ("metre:4 |", 1, "metre:4"),
        ("| n60 d4 key:C_major", 4, "key:C_major"),
        ("n60 key:C_major d4", 2, "key:C_major"),
        ("ch:D style:jig n60 d4", 2, "style:jig"),
        ("| n60 d4 what", 4, "what"),
        ("| [end]", 2, "[end]"),
        ("| \ufffd", 2, "\ufffd"),
    ],
)
def test_a_word_that_is_none_or_stands_where_it_cannot_is_named_with_its_place(words, place, word):
    with pytest.raises(ValueError, match=rf"book\.abc: event {place}, {re.escape(repr(word))}, can't stand there"):
        decode_words(words.split(), source="book.abc")


@given(pieces(), st.data())
@settings(max_examples=60)
def test_whatever_words_are_left_out_or_swapped_a_piece_or_a_line_of_text_comes_of_it(piece, data):
    words = encode_piece(piece)
    places = st.integers(0, len(words) - 1)
    one, other = data.draw(places), data.draw(places)
    words[one], words[other] = words[other], words[one]
    del words[data.draw(places)]
    try:
        found = decode_words(words)
    except ValueError as error:
        assert "event " in str(error) and "\n" not in str(error)
    else:
        assert decode_words(encode_piece(found)) == dataclasses.replace(found, source="events")
        assert list(found.bars) == sorted(set(found.bars)) and found.bars[0] == 0


def test_what_is_left_open_at_the_end_is_none():
    assert decode_words("| n60 d24 | ch:G n62".split()) == decode_words("| n60 d24".split())
    nothing = decode_words([])
    assert nothing.notes == () and nothing.bars == (0,) and (nothing.metre, nothing.mode) == ((4, 4), "major")


def test_what_events_cannot_say_is_refused_with_its_tick():
    def piece(*notes):
        return Piece(tuple(Note(*note) for note in notes), (0, 96), (4, 4), source="book.abc")

    with pytest.raises(ValueError, match=r"book\.abc: notes that start at tick 24 don't end together"):
        encode_piece(piece((24, 12, 60), (24, 24, 64)))
    with pytest.raises(ValueError, match=r"book\.abc: a note at tick 12 starts before another has ended"):
        encode_piece(piece((0, 24, 60), (12, 24, 64)))
    with pytest.raises(ValueError, match=r"book\.abc: a note at tick 72 lasts to tick 108, after the last bar, 96"):
        encode_piece(piece((72, 36, 60)))


@pytest.mark.parametrize(
    ("bars", "faults"),
    [
        ((0, 96, 192), []),
        ((0, 24, 120, 216), []),
        ((0, 24, 120, 192), []),
        ((0, 24, 120, 168), ["bar 3 has 2 quarters where the metre says 4"]),
        ((0, 96, 168), ["bar 2 has 3 quarters where the metre says 4"]),
        ((0, 108, 204), ["bar 1 has 9/2 quarters where the metre says 4"]),
        ((0, 96, 160, 300), ["bar 2 has 8/3 quarters", "bar 3 has 35/6 quarters"]),
        ((0, 30), []),
        ((0,), []),
    ],
)
def test_bars_of_a_wrong_length_are_told_with_their_number(bars, faults):
    found = list(bar_faults(Piece((), bars, (4, 4))))
    assert len(found) == len(faults)
    assert all(line.startswith(fault) for line, fault in zip(found, faults, strict=True))
