"""MusicXML, and what it shares with MIDI: bars, ties, chord symbols; the grid, keys, one line of notes."""

import dataclasses
import sys
import zipfile
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.music.events import bar_faults, decode_words, encode_piece
from rnnkit.music.pieces import MODES, Harmony, Note, Piece
from rnnkit.music.quantising import apart, bars_until, estimated_key, melody_of, nearest_tick, quantised
from rnnkit.music.xml_reading import read_musicxml

FIRST = "<divisions>6</divisions><key><fifths>-1</fifths><mode>minor</mode></key>"
FOUR, THREE = (f"<time><beats>{beats}</beats><beat-type>4</beat-type></time>" for beats in (4, 3))
TEMPO = '<direction><sound tempo="96"/></direction>'


def sounding(*pitches, sixths=6, tie="", grace=False):
    """Notes that begin together, of so many sixths of a quarter."""
    made = ""
    for place, pitch in enumerate(pitches):
        step, alter = "C C D D E F F G G A A B".split()[pitch % 12], int(pitch % 12 in (1, 3, 6, 8, 10))
        of = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{pitch // 12 - 1}</octave></pitch>"
        chord, ties = "<chord/>" * (place > 0), "".join(f'<tie type="{one}"/>' for one in tie.split())
        made += (
            f"<note>{chord}<grace/>{of}</note>"
            if grace
            else f"<note>{chord}{of}<duration>{sixths}</duration>{ties}</note>"
        )
    return made


def symbol(step, kind, alter=0):
    root = f"<root><root-step>{step}</root-step><root-alter>{alter}</root-alter></root>"
    return f"<harmony>{root}<kind>{kind}</kind></harmony>"


def score(*bars, head=FIRST + FOUR, titled=True):
    """A score of one part, or several where bars are lists, from the insides of its bars."""
    parts = bars if isinstance(bars[0], list) else [list(bars)]
    names = "".join(f'<score-part id="P{n}"><part-name>part {n}</part-name></score-part>' for n in range(len(parts)))
    title = "<work><work-title>A tune</work-title></work>" * titled
    made = f'<?xml version="1.0"?><score-partwise version="4.0">{title}<part-list>{names}</part-list>'
    for number, part in enumerate(parts):
        made += f'<part id="P{number}">'
        for place, bar in enumerate(part, 1):
            attributes = f"<attributes>{head}</attributes>" * (place == 1)
            made += f'<measure number="{place}">{attributes}{bar}</measure>'
        made += "</part>"
    return f"{made}</score-partwise>"


@pytest.fixture
def read(tmp_path):
    """Reads a text as that of tune.xml; skips the test where music21 isn't installed."""
    pytest.importorskip("music21")

    def call(text):
        (tmp_path / "tune.xml").write_text(text)
        piece, told = read_musicxml(tmp_path / "tune.xml")
        assert all(line.startswith("tune.xml: ") and line.endswith(".") for line in told)
        return piece, [line[len("tune.xml: ") : -1] for line in told]

    return call


BAR = sounding(60, sixths=12) + sounding(62, 65) + sounding(64)


def test_notes_key_tempo_and_title_are_read(read):
    piece, told = read(score(TEMPO + BAR, sounding(67, sixths=24)))
    assert piece.notes == (Note(0, 48, 60), Note(48, 24, 62), Note(48, 24, 65), Note(72, 24, 64), Note(96, 96, 67))
    assert (piece.bars, piece.metre, piece.tonic, piece.mode) == ((0, 96, 192), (4, 4), 2, "minor")
    assert (piece.tempo, piece.title, piece.source, told) == (96.0, "A tune", "tune.xml", [])


def test_compressed_files_are_the_same(read, tmp_path):
    text = score(TEMPO + BAR)
    container = '<container><rootfiles><rootfile full-path="tune.xml"/></rootfiles></container>'
    with zipfile.ZipFile(tmp_path / "tune.mxl", "w") as file:
        file.writestr("META-INF/container.xml", container)
        file.writestr("tune.xml", text)
    piece, _ = read(text)
    assert read_musicxml(tmp_path / "tune.mxl")[0] == dataclasses.replace(piece, source="tune.mxl")


def test_tied_notes_are_one_and_triplets_lie_on_the_grid(read):
    triplet = "".join(sounding(pitch, sixths=2) for pitch in (60, 62, 64))
    bars = [sounding(60, sixths=18) + sounding(62, 65, tie="start"), sounding(62, 65, sixths=18, tie="stop") + triplet]
    piece, told = read(score(TEMPO + bars[0], bars[1]))
    assert piece.notes[1:3] == (Note(72, 96, 62), Note(72, 96, 65)) and not told
    assert piece.notes[3:] == (Note(168, 8, 60), Note(176, 8, 62), Note(184, 8, 64))
    through = [sounding(60, sixths=24, tie=tie) for tie in ("start", "stop start", "stop")]
    assert read(score(*through))[0].notes == (Note(0, 288, 60),)


def test_short_bars_are_upbeats_halves_or_filled(read):
    one, three, four = sounding(60), sounding(62, sixths=18), sounding(64, sixths=24)
    piece, told = read(score(TEMPO + one, four, three, one, four, three))
    assert piece.bars == (0, 24, 120, 216, 312, 384) and told == ["begins with an upbeat of 1 quarters"]
    assert not list(bar_faults(piece)) and piece.notes[3] == Note(192, 24, 60)
    assert decode_words(encode_piece(piece)).notes == piece.notes
    piece, told = read(score(TEMPO + four, three, four, one))
    assert piece.bars == (0, 96, 192, 288, 384) and piece.notes[2] == Note(192, 96, 64)
    assert told == ["2 bars are short; filled with rests: '2', '4'"]


def test_chord_symbols_have_our_names(read):
    bars = [symbol("B", "half-diminished", -1) + BAR, symbol("F", "minor-seventh", 1) + sounding(60, sixths=12)]
    bars[1] += symbol("E", "suspended-fourth", -1) + sounding(60, sixths=12)
    kinds = ["power", "dominant-ninth", "major-13th", "none", "suspended-second", "dominant-11th", "augmented"]
    piece, told = read(score(TEMPO + bars[0], bars[1], *(symbol("G", kind) + BAR for kind in kinds)))
    assert piece.chords[:3] == (Harmony(0, "Bbdim"), Harmony(96, "F#m7"), Harmony(144, "Ebsus4"))
    assert [chord.name for chord in piece.chords[3:]] == ["G", "G9", "Gmaj7", "G", "G9", "Gaug"]
    assert told == ["1 chord symbols without pitches, such as N.C., left out"]


def test_transposing_instruments_are_read_as_they_sound(read):
    trumpet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    piece, _ = read(score(symbol("D", "minor") + BAR, head=FIRST + FOUR + trumpet))
    assert [note.pitch for note in piece.notes] == [58, 60, 63, 62] and (piece.tonic, piece.mode) == (0, "minor")
    assert piece.chords == (Harmony(0, "Cm"),)


def test_what_is_left_out_or_assumed_is_told(read):
    drum = "<note><unpitched/><duration>6</duration></note>"
    repeat = '<barline location="right"><repeat direction="backward"/></barline>'
    voice = sounding(60, grace=True) + sounding(60, sixths=18) + drum + repeat
    head = "<divisions>6</divisions><key><fifths>1</fifths></key>"
    piece, told = read(score([drum * 4], [voice], [BAR], head=head, titled=False))
    assert piece.notes == (Note(0, 72, 60),) and (piece.tonic, piece.mode, piece.title) == (7, "major", "tune")
    assert told == [
        "has 3 parts; only the first with notes is read: part 1",
        "has repeats; nothing is played twice",
        "says no metre; taken for 4/4",
        "1 grace notes left out",
        "1 notes of drums left out",
        "says 1 sharps and no mode; G major estimated from its notes",
        "says no tempo; taken for 120 quarters a minute",
    ]
    faster = '<direction><sound tempo="120"/></direction><attributes><key><fifths>2</fifths></key></attributes>'
    piece, told = read(score(TEMPO + BAR, faster + BAR))
    assert (piece.tempo, piece.tonic) == (96.0, 2)
    assert told == ["the key changes; the first is kept", "the tempo changes, 96 to 120; the first, 96, is kept"]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", "can't be read as MusicXML: no element found.* leave it out"),
        ("<html/>", "can't be read as MusicXML: .*'html'"),
        (score(BAR).replace("<duration>12<", "<duration>x<"), "can't be read as MusicXML: .*'x'"),
        (score("<note><rest/><duration>24</duration></note>"), r"has no notes\. Leave it out"),
        (score("<note><unpitched/><duration>24</duration></note>"), "has only drums"),
        (score(BAR, sounding(60, sixths=27)), "bar 2 has 4.5 quarters where the metre says 4. Mend the bar, or"),
        (
            score(BAR, f"<attributes>{THREE}</attributes>{sounding(60, sixths=18)}"),
            "the metre changes from 4/4 to 3/4 in bar 2. A piece has one metre",
        ),
        (score(sounding(60, grace=True) + sounding(132)), "pitch 132, and pitches are 0 to 127"),
        (score(BAR).replace(">-1<", ">9<"), "has a key of 9 sharps; -7 to 7 are allowed"),
    ],
)
def test_files_that_can_not_be_read_are_refused(read, text, pattern):
    with pytest.raises(ValueError, match=rf"^tune\.xml.*{pattern}"):
        read(text)


def test_what_is_missing_is_told(read, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="none.xml"):
        read_musicxml(tmp_path / "none.xml")
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ImportError, match=r'music21 is not installed, .* pip install "rnnkit\[music\]"'):
        read(score(BAR))


@given(st.fractions(0, 100, max_denominator=960))
def test_the_nearest_tick_is_at_most_half_a_tick_away(time):
    assert abs(nearest_tick(time) - 24 * time) <= Fraction(1, 2)
    assert nearest_tick(time.numerator, time.denominator) == nearest_tick(time)


some_notes = st.lists(
    st.builds(Note, st.integers(0, 60), st.integers(1, 30), st.integers(57, 62)), min_size=1, max_size=25
)


@given(some_notes)
def test_notes_apart_never_overlap_and_none_begins_elsewhere(notes):
    kept, cut = apart(notes)
    assert {(note.start, note.pitch) for note in kept} == {(note.start, note.pitch) for note in notes}
    assert all(note in notes for note in kept) if not cut else set(kept) != set(notes) or len(kept) < len(notes)
    for pitch in {note.pitch for note in kept}:
        own = [note for note in kept if note.pitch == pitch]
        assert all(note.start + note.duration <= later.start for note, later in zip(own[:-1], own[1:], strict=True))
    assert apart(kept) == (kept, 0) and list(kept) == sorted(kept, key=lambda note: (note.start, note.pitch))
    spans = [(4 * note.start, 4 * (note.start + note.duration), note.pitch) for note in kept]
    assert quantised(spans, 96) == (kept, [])


@settings(max_examples=60, deadline=None)
@given(some_notes)
def test_a_melody_can_be_said_in_events_and_stays_as_it_is(notes):
    end = max(note.start + note.duration for note in notes)
    piece = Piece(apart(notes)[0], bars_until(end, 96, where="tune"), (4, 4))
    melody, changed = melody_of(piece)
    assert decode_words(encode_piece(melody)).notes == melody.notes
    assert changed == len(set(piece.notes) - set(melody.notes)) and (changed > 0) == (melody.notes != piece.notes)
    again, changed = melody_of(melody)
    assert again is melody and changed == 0
    highest = {note.start: note.pitch for note in piece.notes}
    assert {note.start: note.pitch for note in melody.notes} == highest


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_the_key_of_a_scale_with_a_long_tonic_is_told(tonic, mode):
    scale = [Note(24 * place, 24, 48 + tonic + step) for place, step in enumerate(MODES[mode])]
    triad = [Note(200, 48, 60 + tonic + step) for step in (0, 3 + (mode == "major"), 7)]
    assert estimated_key(scale + triad) == (tonic, mode)
    sharps = (7 * (tonic + 3 * (mode == "minor")) + 5) % 12 - 5
    assert estimated_key(scale + triad, sharps=sharps) == (tonic, mode)


def test_keys_without_notes_or_preference():
    assert estimated_key([Note(0, 5, 60 + pitch) for pitch in range(12)]) == (0, "major")
    with pytest.raises(ValueError, match="Got none"):
        estimated_key([])


@given(st.integers(1, 900), st.integers(1, 100), st.data())
def test_bars_reach_the_end_and_no_further(end, bar, data):
    upbeat = data.draw(st.integers(0, bar - 1))
    bars = bars_until(end, bar, upbeat, where="tune")
    assert bars[0] == 0 and bars[-1] >= end and (len(bars) == 2 or bars[-2] < end)
    lengths = [later - line for line, later in zip(bars[:-1], bars[1:], strict=True)]
    assert lengths == [upbeat] * (upbeat > 0) + [bar] * (len(lengths) - (upbeat > 0))
