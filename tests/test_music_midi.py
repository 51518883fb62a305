"""MIDI: what is written is read as it was; what a file lacks or MIDI can't say is told or refused."""

import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.export import run_midi
from rnnkit.export.run_midi import midi_bytes, quantity
from rnnkit.music.midi_reading import read_midi
from rnnkit.music.pieces import MODES, NAMES, QUALITIES, Harmony, Note
from rnnkit.music.quantising import apart

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
TUNE = [Note(24 * place, 24, pitch) for place, pitch in enumerate(SCALE)]


@pytest.fixture
def read(tmp_path):
    """Reads bytes as those of tune.mid; skips the test where symusic isn't installed."""
    pytest.importorskip("symusic")

    def call(data, **chosen):
        (tmp_path / "tune.mid").write_bytes(data)
        piece, told = read_midi(tmp_path / "tune.mid", **chosen)
        assert all(line.startswith("tune.mid: ") and line.endswith(".") for line in told)
        return piece, [line[len("tune.mid: ") : -1] for line in told]

    return call


def metas(data, kind):
    """What meta events of a kind hold, in order; good for those of less than 128 bytes."""
    found, place = [], data.find(bytes([0xFF, kind]))
    while place >= 0:
        found.append(data[place + 3 : place + 3 + data[place + 2]])
        place = data.find(bytes([0xFF, kind]), place + 3)
    return found


notes_of_one_line = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 400), st.integers(0, 127)), min_size=1, max_size=30
).map(lambda triples: apart(Note(*triple) for triple in triples)[0])
metres = st.tuples(st.integers(1, 12), st.sampled_from([1, 2, 4, 8, 16, 32]))
chord_names = st.tuples(st.sampled_from(NAMES), st.sampled_from(list(QUALITIES))).map("".join)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_written_is_read_as_it_was(tmp_path_factory, data):
    pytest.importorskip("symusic")
    notes, metre = data.draw(notes_of_one_line), data.draw(metres)
    end = max(note.start + note.duration for note in notes)
    chords = data.draw(st.dictionaries(st.integers(0, end - 1), chord_names, max_size=5))
    chords = tuple(Harmony(start, chords[start]) for start in sorted(chords))
    tempo = data.draw(st.floats(20, 300).map(lambda tempo: round(tempo, 2)))
    key = data.draw(st.tuples(st.integers(0, 11), st.sampled_from(["major", "minor"])))
    path = tmp_path_factory.getbasetemp() / "written.mid"
    path.write_bytes(midi_bytes(notes, tempo=tempo, metre=metre, key=key, chords=chords, title="A tune — ♯"))
    piece, told = read_midi(path)
    assert (piece.notes, piece.chords, piece.metre) == (notes, chords, metre)
    assert (piece.tonic, piece.mode) == key and piece.tempo == pytest.approx(tempo, abs=0.011)
    assert (piece.title, piece.source) == ("A tune — ♯", "written.mid")
    bar = 96 * metre[0] // metre[1]
    assert piece.bars[-2] < end <= piece.bars[-1] and set(range(0, end, bar)) | {piece.bars[-1]} == set(piece.bars)
    assert told == [f"written.mid: {len(chords)} markers are names of chords; taken for chords."] * bool(chords)


@pytest.mark.parametrize("metre", [(4, 4), (6, 8), (3, 2)])
def test_every_upbeat_comes_back(read, metre):
    bar = 96 * metre[0] // metre[1]
    for upbeat in range(1, bar):
        piece, told = read(midi_bytes([(0, upbeat, 60), (upbeat, bar, 62)], metre=metre, upbeat=upbeat))
        assert piece.bars == (0, upbeat, upbeat + bar) and piece.metre == metre
        assert told == [f"begins with an upbeat of {upbeat / 24:g} quarters"]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, "00"),
        (0x40, "40"),
        (0x7F, "7f"),
        (0x80, "8100"),
        (0x2000, "c000"),
        (0x3FFF, "ff7f"),
        (0x4000, "818000"),
        (0x1FFFFF, "ffff7f"),
        (0x08000000, "c0808000"),
        (0x0FFFFFFF, "ffffff7f"),
    ],
)
def test_quantities_are_those_of_the_standard(number, written):
    assert quantity(number).hex() == written


def test_late_notes_stand_where_they_should(read):
    late = 96 * 3_000
    assert read(midi_bytes([(late, 12, 60)]))[0].notes == (Note(late, 12, 60),)
    with pytest.raises(ValueError, match=r"ticks between two events must be 0 to 268435455 in MIDI\. Got 268435456\."):
        midi_bytes([(0x10000000, 12, 60)])
    with pytest.raises(ValueError, match=r"tune\.mid has 1,000,001 bars, and 20,000 is the most"):
        read(midi_bytes([(96_000_000, 12, 60)]))


def test_ends_come_before_beginnings_at_one_tick():
    data = midi_bytes([(0, 24, 60), (24, 24, 60), (24, 12, 67)])
    assert b"\x18\x80\x3c\x00\x00\x90\x3c\x50" in data
    assert data.count(b"\x80\x3c\x00") == data.count(b"\x90\x3c\x50") == 2


def test_overlapping_notes_of_a_pitch_are_written_one_after_the_other(read):
    piece, _ = read(midi_bytes([(0, 48, 60), (12, 24, 60), (12, 6, 60), (0, 36, 64)]))
    assert piece.notes == (Note(0, 12, 60), Note(0, 36, 64), Note(12, 24, 60))


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        ((0, "major"), (0, 0)),
        ((9, "minor"), (0, 1)),
        ((2, "dorian"), (0, 1)),
        ((4, "phrygian"), (0, 1)),
        ((5, "lydian"), (0, 0)),
        ((7, "mixolydian"), (0, 0)),
        ((11, "locrian"), (0, 1)),
        ((10, "major"), (-2, 0)),
        ((7, "minor"), (-2, 1)),
        ((9, "mixolydian"), (2, 0)),
        ((6, "minor"), (3, 1)),
        ((1, "major"), (-5, 0)),
        ((6, "major"), (6, 0)),
    ],
)
def test_modes_have_their_signature(key, signature):
    (written,) = metas(midi_bytes(TUNE, key=key), 0x59)
    assert (int.from_bytes(written[:1], "big", signed=True), written[1]) == signature
    assert set(run_midi.SHARPS) == set(MODES)


def test_chords_sound_softly_on_a_track_of_their_own():
    symusic = pytest.importorskip("symusic")
    spans = [(0, 96, (7, 11, 2)), (96, 192, (0, 4, 7))]
    assert midi_bytes(TUNE, harmony=spans) == midi_bytes(TUNE)
    melody, chords = symusic.Score.from_midi(midi_bytes(TUNE, harmony=spans, sound_chords=True, program=73)).tracks
    assert {note.velocity for note in melody.notes} == {80} and (melody.program, chords.program) == (73, 73)
    held = {(note.time, note.duration, note.pitch) for note in chords.notes}
    assert held == {(0, 96, 55), (0, 96, 59), (0, 96, 50), (96, 96, 48), (96, 96, 52), (96, 96, 55)}
    assert max(note.velocity for note in chords.notes) < 80


@pytest.mark.parametrize(
    ("chosen", "pattern"),
    [
        ({"tempo": 0}, r"tempo must be above 0 quarters a minute\. Got 0\."),
        ({"tempo": 3}, r"tempo must be 3\.6 to 60,000,000 .* Got 3\."),
        ({"tempo": float("nan")}, "Got nan"),
        ({"metre": (4, 3)}, r"its unit a power of 2\. Got 4/3\."),
        ({"metre": (0, 4)}, r"Got 0/4\."),
        ({"upbeat": 96}, r"shorter than a bar of 4/4\. Got 96 of 24 ticks"),
        ({"key": (12, "major")}, "Got 12 'major'"),
        ({"key": (0, "blues")}, "one of major, minor, dorian, .* Got 0 'blues'"),
        ({"program": 128}, r"program must be 0 to 127 in MIDI\. Got 128\."),
        ({"ticks": 0}, "ticks of a quarter must be 1 to 32767"),
        ({"chords": [(-1, "C")]}, r"whole ticks from 0 on\. Got -1"),
        ({"notes": [(0, 0, 60)]}, r"at least 1 tick\. Got 0, of pitch 60 at tick 0"),
        ({"notes": [(0, 1, 128)]}, r"pitch must be 0 to 127 in MIDI\. Got 128\."),
        ({"notes": [(-3, 5, 60)]}, "Got -3"),
        ({"notes": [(0.5, 5, 60)]}, r"Got 0\.5"),
    ],
)
def test_what_midi_can_not_say_is_refused(chosen, pattern):
    with pytest.raises(ValueError, match=pattern):
        midi_bytes(**{"notes": TUNE, **chosen})


def test_the_writer_needs_the_standard_library_only(tmp_path):
    shutil.copy(run_midi.__file__, tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import run_midi; print(run_midi.midi_bytes([])[:4])"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "b'MThd'\n"


def test_music21_reads_the_same_notes_in_the_same_bars(tmp_path):
    converter = pytest.importorskip("music21.converter")
    notes = [(0, 24, 67), *((24 + 24 * place, 24, pitch) for place, pitch in enumerate(SCALE[:6]))]
    data = midi_bytes(notes, metre=(3, 4), upbeat=24, key=(7, "major"), tempo=90, title="A waltz")
    (tmp_path / "waltz.mid").write_bytes(data)
    part = converter.parseFile(tmp_path / "waltz.mid", format="midi", forceSource=True, storePickle=False).parts[0]
    bars = [[note.pitch.midi for note in bar.notes] for bar in part.getElementsByClass("Measure")]
    assert bars == [[67], SCALE[:3], SCALE[3:6]]
    flat = part.flatten()
    assert [note.quarterLength for note in flat.notes] == [1.0] * 7
    assert [metre.ratioString for metre in flat.getTimeSignatures()] == ["1/4", "3/4"]
    assert flat.getElementsByClass("MetronomeMark")[0].number == 90 and part.partName == "A waltz"


def test_notes_off_the_grid_are_moved_and_told(read):
    piece, told = read(midi_bytes([(0, 479, 60), (490, 470, 62), (960, 5, 64)], ticks=480))
    assert piece.notes == (Note(0, 24, 60), Note(25, 23, 62), Note(48, 1, 64))
    assert told == [
        "3 of 3 notes lay off the grid of 24 ticks a quarter; moved by 0.5 ticks at most",
        "1 notes had no length on the grid; they last 1 tick",
    ]


def test_what_a_file_does_not_say_is_told(read):
    data = midi_bytes([*TUNE, (192, 24, 72)])
    for kind in (0x58, 0x59):
        data = data.replace(bytes([0xFF, kind]), bytes([0xFF, 0x7F]))
    piece, told = read(data)
    assert (piece.metre, piece.tonic, piece.mode, piece.tempo, piece.title) == ((4, 4), 0, "major", 120.0, "tune")
    assert told == ["says no metre; taken for 4/4", "says no key; C major estimated from its notes"]


def changed(data, meta):
    """A file with one more meta event, after 24 ticks."""
    at, size = data.index(b"MTrk") + 4, 4 + len(meta)
    place = data.index(b"\x18\x80")
    body = data[at + 4 : place] + b"\x18" + meta + b"\x00" + data[place + 1 :]
    return data[:at] + (int.from_bytes(data[at : at + 4], "big") + size - 3).to_bytes(4, "big") + body


def test_changes_of_tempo_and_key_are_told_and_those_of_the_metre_refused(read):
    piece, told = read(changed(midi_bytes(TUNE, tempo=90), b"\xff\x51\x03\x07\xa1\x20"))
    assert piece.tempo == 90 and told == ["the tempo changes, 90 to 120; the first, 90, is kept"]
    piece, told = read(changed(midi_bytes(TUNE, key=(2, "minor")), b"\xff\x59\x02\x02\x00"))
    assert (piece.tonic, piece.mode) == (2, "minor") and told == ["the key changes; the first is kept"]
    pattern = r"^tune\.mid: the metre changes from 4/4 to 3/4 at quarter 1\. A piece has one metre\. Cut it where"
    with pytest.raises(ValueError, match=pattern):
        read(changed(midi_bytes(TUNE), b"\xff\x58\x04\x03\x02\x18\x08"))


def test_markers_that_are_no_chords_are_left_out(read):
    chords = [(0, "Bridge"), (24, "Dm7/A"), (48, "ch:Bb"), (72, "End"), (5_000, "G")]
    piece, told = read(midi_bytes(TUNE, chords=chords))
    assert piece.chords == (Harmony(24, "Dm7"), Harmony(48, "Bb"))
    assert told[0].startswith("2 markers are names") and told[1].endswith("left out: 'Bridge', 'End', 'G'")


def test_drums_are_left_out_unless_they_are_kept(read):
    drums = midi_bytes(TUNE, harmony=[(0, 192, (0,))], sound_chords=True)
    drums = drums.replace(b"\x91", b"\x99").replace(b"\x81\x30\x00", b"\x89\x30\x00")
    piece, told = read(drums)
    assert piece.notes == tuple(TUNE) and told == ["1 notes of drums left out"]
    piece, told = read(drums, keep_drums=True)
    assert len(piece.notes) == 9 and not told
    only = midi_bytes(TUNE).replace(b"\x90", b"\x99").replace(b"\x80", b"\x89").replace(b"\xc0", b"\xc9")
    with pytest.raises(ValueError, match=r"^tune\.mid has only drums, 8 notes on channel 10\."):
        read(only)


def test_files_that_are_none_are_refused(read, tmp_path):
    for data in (b"", b"MThd", b"X" * 99, midi_bytes(TUNE)[:-9]):
        with pytest.raises(ValueError, match=r"^tune\.mid can't be read as a Standard MIDI file: .* leave it out\.$"):
            read(data)
    with pytest.raises(ValueError, match=r"^tune\.mid has no notes\. Leave it out\.$"):
        read(midi_bytes([]))
    with pytest.raises(ValueError, match="says 0 ticks a quarter, which must be at least 1"):
        read(midi_bytes(TUNE).replace(b"\0\x18MTrk", b"\0\0MTrk"))
    with pytest.raises(FileNotFoundError, match="none.mid"):
        read_midi(tmp_path / "none.mid")


def test_a_missing_symusic_is_told(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "symusic", None)
    with pytest.raises(ImportError, match=r'symusic is not installed, .* pip install "rnnkit\[music\]"'):
        read(midi_bytes(TUNE))
