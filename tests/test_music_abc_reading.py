"""ABC reading: notes, lengths and keys are what the text says, and what is broken is told with its line."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.music.abc_reading import read_abc

BOOKS = "music/nottingham/ABC_cleaned"


def tune(music, *, key="C", metre="4/4", unit="1/4", more=""):
    return f"X:7\nT:Toy\nM:{metre}\nL:{unit}\n{more}K:{key}\n{music}\n"


def read(music, *, played=False, **header):
    (piece,), told = read_abc(tune(music, **header), "toy.abc", played=played)
    assert told == []
    return piece


def pitches(music, **header):
    return [note.pitch for note in read(music, **header).notes]


def lengths(music, **header):
    return [note.duration for note in read(music, **header).notes]


def bars(piece):
    """Quarters of each bar."""
    return [(end - start) / 24 for start, end in zip(piece.bars, piece.bars[1:], strict=False)]


def refusal(text, **how):
    with pytest.raises(ValueError) as caught:
        read_abc(text, "toy.abc", **how)
    assert read_abc(text, "toy.abc", skip=True)[0] == []
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_book_of_two_tunes_becomes_two_pieces():
    text = (
        "%abc-2.1\nA book\n\nX: 3\nT:The  Old Hat\nT:Other name\nC:Ann\nS:Bo\nR:Slow Jig\nM:6/8\nL:1/8\nQ:3/8=100\n"
        'K:Ador\nE|"Am"A2B "G/b"c3-|c2 e "Em"z3:|\n\nFree text.\n\nX:4\nM:C|\nK:Bb\n B4 d4|]\n'
    )
    first, second = read_abc(text, "book.abc")[0]
    assert [tuple(note) for note in first.notes] == [
        (0, 12, 64),
        (12, 24, 69),
        (36, 12, 71),
        (48, 60, 72),
        (108, 12, 76),
    ]
    assert first.bars == (0, 12, 84, 156) and first.metre == (6, 8) and first.tempo == 150
    assert [tuple(chord) for chord in first.chords] == [(12, "Am"), (48, "G"), (120, "Em")]
    assert (first.tonic, first.mode, first.title, first.style) == (9, "dorian", "The Old Hat", "slow jig")
    assert first.source == "book.abc, tune 3 (line 4)" and second.source == "book.abc, tune 4 (line 18)"
    assert [tuple(note) for note in second.notes] == [(0, 48, 70), (48, 48, 74)]
    assert (second.metre, second.tonic, second.title, second.style, second.tempo) == ((2, 2), 10, "", "", 120)


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C,, C, C c c' c''", [36, 48, 60, 72, 84, 96]),
        ("F ^F F f _B B|F B =B B, _B, b", [65, 66, 66, 77, 70, 70, 65, 71, 71, 59, 58, 83]),
        ("^^C __D C D =C ^C,", [62, 60, 62, 60, 60, 49]),
        ('{^cd}G ~A .B !trill!c ud "^slow"T"Em"e', [67, 69, 71, 72, 74, 76]),
        ("+fermata+G (A (B) c) y2 d` e \\", [67, 69, 71, 72, 74, 76]),
        ("^c6-|c d c3 e", [73, 74, 72, 76]),
        ("[CEG]2 [+GB] [^FF]3", [60, 64, 67, 67, 71, 66]),
    ],
)
def test_letters_are_pitches_and_accidentals_hold_to_the_bar_line_in_their_octave(music, expected):
    assert pitches(music, metre="6/4") == expected


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C2 D3/2 E/ F/4 G3/ A// B/2", [48, 36, 12, 6, 36, 6, 12]),
        ("A>B c<d A>>B c<<<d", [36, 12, 12, 36, 42, 6, 3, 45]),
        ("(3ABc (3A/B/c/ (2AB", [16, 16, 16, 8, 8, 8, 36, 36]),
        ("(3:2:2A2B (3::4ABcd (4abcd (6abcdef", [32, 16] + [16] * 4 + [18] * 4 + [8] * 6),
        ("(3A>Bc (3zBc A", [24, 8, 16, 16, 16, 24]),
        ("A-A B-c d- z [Ac]-[Ac]2 [A-c]A", [48, 24, 24, 24, 72, 72, 48, 24]),
        ("[Ace]3/2 [A2c]/ [Ac]2", [36] * 3 + [24] * 2 + [48] * 2),
    ],
)
def test_lengths_are_ticks(music, expected):
    assert lengths(music, metre="24/4") == expected


def test_what_is_tied_over_bar_lines_is_one_note():
    piece = read('"C"C2- C2-|"F"C4-|C3 C')
    assert [tuple(note) for note in piece.notes] == [(0, 264, 60), (264, 24, 60)] and piece.bars == (0, 96, 192, 288)
    assert [tuple(chord) for chord in piece.chords] == [(0, "C"), (96, "F")]


def test_rests_take_their_time():
    piece = read("z2 C x|Z2|D2 z2")
    assert [note.start for note in piece.notes] == [48, 288] and piece.bars == (0, 96, 192, 288, 384)


@pytest.mark.parametrize(
    ("key", "tonic", "mode", "signature"),
    [
        ("D", 2, "major", "^F^C"),
        ("Dm", 2, "minor", "_B"),
        ("Ddor", 2, "dorian", ""),
        ("A mix", 9, "mixolydian", "^F^C"),
        ("F# Minor", 6, "minor", "^F^C^G"),
        ("Eb lydian", 3, "lydian", "_B_E"),
        ("Bloc", 11, "locrian", ""),
        ("EPhrygian clef=bass", 4, "phrygian", ""),
        ("Cb", 11, "major", "_C_D_E_F_G_A_B"),
        ("Hp", 2, "major", "^F^C"),
        ("none", 0, "major", ""),
        ("D phr ^f", 2, "phrygian", "^F_B_E"),
        ("D exp _b ^f", 2, "major", "^F_B"),
        ("treble", 0, "major", ""),
    ],
)
def test_keys_have_their_tonic_mode_and_signature(key, tonic, mode, signature):
    piece = read("CDEFGAB", key=key, metre="7/4")
    altered = {letter: {"^": 1, "_": -1}[sign] for sign, letter in zip(signature[::2], signature[1::2], strict=True)}
    scale = zip("CDEFGAB", (60, 62, 64, 65, 67, 69, 71), strict=True)
    assert [note.pitch for note in piece.notes] == [pitch + altered.get(letter, 0) for letter, pitch in scale]
    assert (piece.tonic, piece.mode) == (tonic, mode)


@pytest.mark.parametrize(
    ("text", "tempo"),
    [("1/4=132", 132), ('"Slow" 3/8=100', 150), ("90", 45), ("1/4 3/8=40", 100), ('"Allegro"', 120), ("C3=40", 60)],
)
def test_tempos_are_quarters_a_minute(text, tempo):
    assert read("C4 D4", more=f"Q:{text}\n", unit="1/8").tempo == tempo


def test_the_unit_follows_from_the_metre():
    for metre, ticks in {"2/4": 6, "3/4": 12, "C": 12, "(2+3)/8": 6}.items():
        (piece,), _ = read_abc(f"X:1\nM:{metre}\nK:C\nC\n", "toy.abc")
        assert piece.notes[0].duration == ticks


def test_keys_and_units_may_change_and_fields_may_stand_in_the_music():
    piece = read("[Q:1/4=66] F F [K:G] F [L:1/8] F2|\nK:F\nL:1/4\nM:4/4\nBBBB|[M:4/4][r:x] C4")
    assert [note.pitch for note in piece.notes] == [65, 65, 66, 66, 70, 70, 70, 70, 60]
    assert (piece.tonic, piece.tempo, piece.bars) == (0, 66, (0, 96, 192, 288))


def test_what_is_no_music_is_passed_over():
    music = "C D % E\n%%MIDI program 74\n%%begintext\nd|\n%%endtext\nw: la la | la\nE F|\\\n% c d|\nG4|"
    assert pitches(music) == [60, 62, 64, 65, 67]
    assert pitches("C4|\n\nD4|\n\nThe end | of it\n") == [60, 62]
    text = "Notes | on it\nL:1/2\nR:reel\n\n" + tune("C D").replace("L:1/4\n", "")
    piece = read_abc("\ufeff" + text.replace("\n", "\r\n"), "toy.abc")[0][0]
    assert [note.duration for note in piece.notes] == [48, 48] and piece.style == "reel"


def test_annotations_are_no_chords_and_the_last_chord_of_a_note_counts():
    piece = read('"^slow""G"C "_x"D "Am""D7"E "<("F|"A+7/c"C2"@1,2 x"D2')
    assert [tuple(chord) for chord in piece.chords] == [(0, "G"), (48, "D7"), (96, "Bb7")]


def test_only_the_first_of_several_voices_is_read():
    header = "V:1 name=One\nV:2\n"
    text = tune("V:1\nC4|\nV:2\nL:1/8\n(3E|\nV:1\nD4|[V:2]F4|[V:1]G4|", more=header)
    for skip in (False, True):
        (piece,), told = read_abc(text, "toy.abc", skip=skip)
        assert [note.pitch for note in piece.notes] == [60, 62, 67] and bars(piece) == [4, 4, 4]
        assert told == ["toy.abc, tune 7, line 1: the first of 2 voices is read."] * skip
    assert pitches("C4|\nV:2\nD4|") == [60] and pitches("C4|D4", more=header) == [60, 62]


@pytest.mark.parametrize(
    ("music", "message"),
    [
        ("C4|D4 E|F4", "line 6: bar 2 has 5 quarters where the metre says 4."),
        ("C4|\nM:6/8\nC3|", "line 7: the metre changes from 4/4 to 6/8, and a piece has one."),
        ("C4|[M:3/4]C3|", "line 6: the metre changes from 4/4 to 3/4, and a piece has one."),
        ("C/64 D", "line 6: a note lasts 0.0156 quarters: lengths are whole parts of 24 a quarter."),
        ("C0 D", "line 6: '0' is no length of a note. Lengths are such as 2, 3/2 or /."),
        ("C/0 D", "line 6: '/0' is no length of a note. Lengths are such as 2, 3/2 or /."),
        ("C4 & E4|", "line 6: '&' begins another voice, and one is read."),
        ("C D # E", "line 6: '# E' is no music."),
        ('C "D E|', "line 6: '\"D E|' is no music."),
        ("C4|hi", "line 6: 'hi' is no music."),
        ("C [CE|", "line 6: a chord's '[' has no ']'."),
        ("C [CE", "line 6: a chord's '[' has no ']'."),
        ("[C[E]", "line 6: '[' stands inside of a chord's brackets."),
        ("C E]", "line 6: ']' closes no chord of notes."),
        ("C []", "line 6: ']' closes no chord of notes."),
        ("(3AB", "line 6: the last tuplet lacks 1 of its notes."),
        ("(3AB(3ABC", "line 6: '(3' begins where the tuplet before lacks 1 of its notes."),
        ("(0AB", "line 6: (0 is no tuplet. Tuplets are such as (3abc or (3:2:2a2b."),
        ("C3>|D4", "line 6: '>' or '<' stands at the end of a bar, and needs a note after it."),
        ("C3|>D4", "line 6: '>' makes the note before it longer or shorter, and there is none."),
        ("z4|", "line 6: the tune has no notes."),
        ("C4|[99 D4|", "line 6: [99 is no ending. Endings are such as [1, [2 or [1,3; 16 is the most."),
        ("C4|[0 D4|", "line 6: [0 is no ending. Endings are such as [1, [2 or [1,3; 16 is the most."),
        ("Z999 C", "line 6: 'Z999' is a rest of 999 bars: 1 to 200 are allowed."),
        ("C,,,,,,", "line 6: 'C,,,,,,' would be pitch -12: pitches are 0 to 127."),
        ("C99999999", "line 6: 99999999 is more than any number in a tune can be."),
        ("K:H\nC", "line 6: K:H is no key. Keys are such as K:D, K:Am, K:Edor or K:none."),
        ("[K:G#]C", "line 6: K:G# has 8 sharps; 7 is the most."),
        ("K:Dfoo\nC", "line 6: K: has 'foo', which is neither mode, accidental nor clef."),
        ("K:D octave=1\nC", "line 6: K: has 'octave=1', which is not read. Write the notes as they sound."),
        ("L:0\nC", "line 6: L:0 is no length of a note. Lengths are such as L:1/8."),
        ("Q:1/4=0\nC", "line 6: Q:1/4=0 is no tempo. Tempos are such as Q:1/4=120."),
    ],
)
def test_broken_music_is_told_with_file_tune_and_line(music, message):
    told = refusal(tune(music))
    assert told == f"toy.abc, tune 7, {message} Mend it, or pass --skip-bad-rows to leave it out."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (tune("C").replace("K:C\n", ""), "toy.abc, tune 7, line 5: 'C' stands before K:, the header's last line."),
        ("X:2\nM:C", "toy.abc, tune 2, line 2: K: is missing, the header's last line, with the key."),
        (tune("C", key="X"), "toy.abc, tune 7, line 5: K:X is no key."),
        (tune("C", metre="4"), "toy.abc, tune 7, line 3: M:4 is no metre, and bars need one."),
        (tune("C", metre="none"), "toy.abc, tune 7, line 3: M:none is no metre, and bars need one."),
        (tune("C", metre="0/4"), r"toy.abc, tune 7, line 3: A metre must be such as 4/4 or 6/8. Got 0/4."),
        (tune("C", unit="1/0"), "toy.abc, tune 7, line 4: L:1/0 is no length"),
        (tune("C", more="Q:fast\n"), "toy.abc, tune 7, line 5: Q:fast is no tempo."),
        ("X:2\nK:C\nC", "toy.abc, tune 2, line 3: M: is missing before the first note."),
        (tune("C").replace("X:7", "X:seven"), "toy.abc, tune seven, line 1: X:seven is no number."),
        (tune("C").replace("X:7\n", "\n"), "toy.abc, line 2: a tune begins without X: and its number."),
        (tune("C") + "\nT:B\nK:C\nD", "toy.abc, line 8: a tune begins without X: and its number."),
        ("C D E|\n", "toy.abc, line 1: a tune begins without X: and its number."),
        ("", "toy.abc has no tune: a tune begins with a line X: and its number."),
    ],
)
def test_broken_headers_are_told_with_file_tune_and_line(text, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        read_abc(text, "toy.abc")


def test_broken_tunes_are_left_out_and_told():
    text = "\n\n".join([tune("C4|"), tune("C5|").replace("X:7", "X:8"), tune("D4|").replace("X:7", "X:9")])
    pieces, told = read_abc(text, "my tunes.abc", skip=True)
    assert [piece.notes[0].pitch for piece in pieces] == [60, 62]
    assert told == ["my tunes.abc, tune 8, line 14: bar 1 has 5 quarters where the metre says 4."]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*"ABcz[](){}|:|><-23/\"^=_,'&Z \n", "K:", "M:", "3/4", "[1", ":|", "V:2", "Q:"])))
def test_whatever_the_text_nothing_but_a_fault_is_told(parts):
    text = tune("".join(parts))
    for played in (False, True):
        pieces, told = read_abc(text, "toy.abc", played=played, skip=True)
        assert all(fault.startswith("toy.abc, ") for fault in told) and (pieces or told)
        for piece in pieces:
            assert piece.notes and piece.bars[0] == 0 and all(length > 0 for length in bars(piece))
            assert list(piece.notes) == sorted(piece.notes) and piece.notes[-1].start < piece.bars[-1]


@pytest.mark.parametrize("played", [False, True])
def test_nearly_all_tunes_of_the_nottingham_books_are_read(real_data, played):
    count, pieces, faults = 0, [], []
    for path in sorted((real_data / BOOKS).glob("*.abc")):
        text = path.read_text()
        count += len(re.findall("^X:", text, re.MULTILINE))
        found, told = read_abc(text, path.name, played=played, skip=True)
        pieces, faults = pieces + found, faults + told
    assert count == 1034 == len(pieces) + len(faults) and len(pieces) >= 0.95 * count
    assert all(re.match(r"[a-z-]+\.abc, tune \d+, line \d+: .+\.$", fault) for fault in faults)
    for piece in pieces:
        assert all(length * 24 == piece.bar_ticks for length in bars(piece)[1:-1]) and piece.title and piece.notes
        assert re.fullmatch(r"[a-z-]+\.abc, tune \d+ \(line \d+\)", piece.source)


@pytest.mark.parametrize(
    ("book", "number"), [("playford", 2), ("playford", 7), ("xmas", 4), ("jigs", 8), ("hpps", 33), ("reelsa-c", 16)]
)
def test_tunes_sound_as_music21_reads_them(real_data, book, number):
    converter = pytest.importorskip("music21.converter")
    text = (real_data / BOOKS / f"{book}.abc").read_text()
    text = re.search(rf"^X: {number}\n.*?(?=^X:|\Z)", text, re.MULTILINE | re.DOTALL)[0]
    (piece,), _ = read_abc(text, "toy.abc")
    score = converter.parse(f"%abc-2.1\n%%propagate-accidentals octave\n{text}", format="abc").stripTies().flatten()
    theirs = [
        (note.offset * 24, note.duration.quarterLength * 24, pitch.midi)
        for note in score.notes
        if "ChordSymbol" not in note.classes
        for pitch in note.pitches
    ]
    assert sorted(theirs) == [tuple(note) for note in piece.notes] and len(theirs) > 40
