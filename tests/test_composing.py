"""Composing by the command line: tunes that open again, what is asked for, what is told, and what is refused."""

import dataclasses
import json
import os
import pathlib
import types
import wave

import pytest
from toy_tunes import made_composer

from rnnkit.export.run_midi import midi_bytes
from rnnkit.music.abc_reading import read_abc
from rnnkit.music.abc_writing import write_abc
from rnnkit.music.events import bar_faults
from rnnkit.music.pieces import MODES, Harmony, Note, Piece
from rnnkit.predicting.composing import compose, key_of
from rnnkit.predicting.openings import opening
from rnnkit.progress import Reporter

NOTES = tuple(
    Note(12 * place, 12, pitch) for place, pitch in enumerate((74, 78, 81, 79, 76, 73, 74, 76, 78, 74, 69, 66))
)
PRIMER = Piece(
    NOTES,
    (0, 72, 144),
    (6, 8),
    (Harmony(0, "D"), Harmony(72, "A7")),
    tonic=2,
    tempo=150,
    title="The Start",
    style="jig",
)


@pytest.fixture(scope="session")
def bundle(made_once):
    return made_composer(made_once)


@pytest.fixture
def called(bundle, predicting):
    return predicting(bundle)


@pytest.fixture
def told():
    """A reporter that keeps what is said, and what it was told."""
    lines = []

    class Said(Reporter):
        def say(self, text):
            lines.append(text)

    return Said(), lines


def piece_in(path):
    """The tune that a file holds."""
    if path.suffix == ".abc":
        (piece,), _ = read_abc(path.read_text("utf-8"), path.name)
        return piece
    pytest.importorskip("symusic")
    from rnnkit.music.midi_reading import read_midi

    return read_midi(path)[0]


def bars_of(piece):
    assert list(bar_faults(piece)) == []
    return len(piece.bars) - 1 - (piece.bars[1] < piece.bar_ticks)


@pytest.mark.parametrize("name", ["tune.abc", "tune.mid"])
def test_a_tune_goes_on_from_a_primer_and_can_be_opened(called, write, name):
    primer = write("start.abc", write_abc(PRIMER))
    code, out, error = called("--primer", primer, "--bars", 5, "--output", name)
    assert (code, out) == (0, "") and error.startswith(f"{name}: 5 bars of 6/8 in D major, ")
    piece = piece_in(pathlib.Path(name))
    assert piece.notes[:12] == PRIMER.notes and len(piece.notes) > 14 and bars_of(piece) == 5
    assert (piece.title, piece.tempo, piece.tonic, piece.chords[:2]) == ("The Start", 150, 2, PRIMER.chords)
    assert piece.notes[-1].pitch % 12 == 2
    assert sorted(os.listdir()) == sorted([primer, name])


def test_a_primer_may_be_midi_too(called, write):
    pytest.importorskip("symusic")
    key = {"metre": (6, 8), "key": (2, "major"), "tempo": 150}
    primer = write("start.mid", midi_bytes(PRIMER.notes, chords=PRIMER.chords, title="The Start", **key))
    code, _, error = called("--primer", primer, "--output", "tune.abc", "--bars", 3)
    assert code == 0 and "markers are names of chords" in error
    assert piece_in(pathlib.Path("tune.abc")).notes[:12] == PRIMER.notes


def test_a_tune_is_heard_and_seen(called, write):
    primer = write("start.abc", write_abc(PRIMER))
    for name in ("tune.wav", "tune.PNG"):
        assert called("--primer", primer, "--bars", 3, "--output", name)[0] == 0
    with wave.open("tune.wav") as sound:
        # Three bars of 6/8, three quarters each, at 150 quarters a minute.
        assert sound.getnframes() / sound.getframerate() >= 3.5
    assert pathlib.Path("tune.PNG").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_several_tunes_differ_and_have_files_of_their_own(called, tmp_path):
    code, _, error = called("--tunes", 3, "--bars", 4, "--style", "Jig", "--output", "tune.abc", "--key", "Gm")
    assert code == 0 and sorted(os.listdir(tmp_path)) == [f"tune-{number}.abc" for number in (1, 2, 3)]
    pieces = [piece_in(tmp_path / f"tune-{number}.abc") for number in (1, 2, 3)]
    assert len({piece.notes for piece in pieces}) == 3
    for piece in pieces:
        assert bars_of(piece) == 4 and (piece.style, piece.tonic, piece.mode) == ("jig", 7, "minor")
    assert error.count("\n") == 3 and "tune-2.abc: 4 bars" in error


def test_the_same_seed_composes_the_same_tune_and_others_others(called):
    def tune(*flags):
        return called("--bars", 4, *flags)[1]

    assert tune() == tune() == tune("--seed", 0, "--tunes", 1)
    assert len({tune("--seed", seed) for seed in range(3)} | {tune("--temperature", 0.3)}) == 4
    assert tune("--temperature", 0, "--seed", 5) == tune("--temperature", 0)


def test_without_an_output_tunes_are_printed_as_a_book(called):
    code, out, error = called("--tunes", 2, "--bars", 3, "--key", "A dorian", "--metre", "4/4", "--in-key", "yes")
    pieces, _ = read_abc(out, "out")
    assert code == 0 and len(pieces) == 2 and error.startswith("tune 1: 3 bars of 4/4 in A dorian")
    for piece in pieces:
        scale = {(9 + step) % 12 for step in MODES["dorian"]}
        assert bars_of(piece) == 3 and {note.pitch % 12 for note in piece.notes} <= scale


def test_json_tells_of_each_tune(called):
    code, out, _ = called("--tunes", 2, "--bars", 3, "--output", "tune.mid", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [line["path"] for line in told] == ["tune-1.mid", "tune-2.mid"]
    assert all(line["log_probability"] < 0 and "3 bars of " in line["about"] for line in told)


def test_a_primer_is_moved_to_the_key_and_given_the_style_asked_for(bundle):
    for key, by in (("F", 3), ("C#", -1), ("Ab", -6), ("E", 2)):
        (found,) = compose(bundle, PRIMER, key=key, bars=3, style="Reel")
        piece = found.piece
        assert piece.notes[:12] == PRIMER.transposed(by).notes and piece.tonic == (2 + by) % 12
        assert piece.style == "reel" and found.primer_ticks == 144
        # What follows stands where the primer does.
        assert all(abs(note.pitch - 75 - by) <= 24 for note in piece.notes[12:])


def test_a_primer_far_from_what_training_has_is_moved_by_octaves_and_told(bundle, told):
    reporter, lines = told
    words = opening(bundle, PRIMER.transposed(24), reporter=reporter)
    assert lines == ["note: the primer is moved by -24 semitones, where training has its notes."]
    assert words == opening(bundle, PRIMER) and [word for word in words if word[0] == "n"][0] == "n74"
    (found,) = compose(bundle, PRIMER.transposed(-36), bars=2, reporter=reporter)
    assert found.piece.notes == PRIMER.transposed(-12).notes and lines[1].startswith("note: the primer is moved by +24")


def test_durations_that_training_does_not_have_are_said_by_those_it_has(bundle, told):
    notes = (Note(0, 42, 74), Note(54, 18, 76))
    primer = Piece(notes, (0, 72), (6, 8), tonic=2)
    reporter, lines = told
    assert " ".join(opening(bundle, primer, reporter=reporter)) == (
        "key:D_major metre:6/8 | n74 d36 ~ d6 r d12 n76 d18"
    )
    (found,) = compose(bundle, primer, bars=3)
    assert found.piece.notes[:2] == notes and bars_of(found.piece) == 3
    silent = dataclasses.replace(primer, notes=notes[1:])
    assert " ".join(opening(bundle, silent, reporter=reporter)).endswith("| r d48 r d6 n76 d18")


def test_what_a_primer_has_and_training_has_not_is_told_and_kept(bundle, told):
    notes = (Note(0, 7, 74), Note(7, 65, 73), Note(72, 72, 110))
    primer = Piece(notes, (0, 72, 144), (6, 8), (Harmony(0, "Ebdim7"),), tonic=2, style="mazurka")
    reporter, lines = told
    (found,) = compose(bundle, primer, bars=4, reporter=reporter)
    (line,) = lines
    for word in ("ch:Ebdim7", "d7", "d65", "n110", "style:mazurka"):
        assert word in line
    piece = found.piece
    assert piece.notes[:3] == notes and piece.chords[0].name == "Ebdim7" and piece.style == "mazurka"
    assert len(piece.bars) >= 5 and piece.notes[-1].start >= 144


def test_a_primer_of_rests_and_one_of_more_bars_than_asked_for_are_primers_too(bundle):
    rests = Piece((), (0, 72), (6, 8), tonic=2)
    (found,) = compose(bundle, rests, bars=3)
    assert found.piece.notes[0].start >= 72 and bars_of(found.piece) == 3
    (found,) = compose(bundle, PRIMER, bars=1)
    assert found.piece.notes == PRIMER.notes and found.piece.bars == PRIMER.bars


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--style", "mazurka"], "Training has no style 'mazurka', so none can be asked for. Leave --style out."),
        (["--key", "F locrian"], "Training has no key 'F locrian', so none can be asked for. Leave --key out."),
        (["--metre", "13/8"], "Training has no metre '13/8', so none can be asked for. Leave --metre out."),
        (["--key", "H"], "key must be such as D, F#m, Bb_major or A_dorian. Got 'H'."),
        (["--metre", "four"], "metre must be such as 4/4 or 6/8. Got 'four'."),
        (["--metre", "4/0"], "metre must be such as 4/4 or 6/8. Got '4/0'."),
        (["--bars", 0], "bars must be at least 1. Got 0."),
        (["--bars", 2, "--temperature", -1], "temperature must be at least 0.0. Got -1.0."),
        (["--top-p", 0, "--bars", 2], "top_p must be above 0.0. Got 0.0."),
        (["--tunes", 0], "--tunes must be at least 1. Got 0."),
        (["--primer", "nowhere.abc"], "There is no nowhere.abc. Name a file or folder of tunes"),
        (["--primer", "folder"], "folder holds no tunes. Files may be .abc, .mid"),
        (["--primer", "start.txt"], "start.txt is no kind of tune file. It may end in .abc"),
        (["--primer", "bad.abc"], "bad.abc, tune 1, line 4: bar 2 has 2 quarters where the metre says 4."),
        (["--primer", "none.abc"], "none.abc, tune 1, line 3: the tune has no notes."),
        (
            ["n60 d24", "--primer", "start.abc"],
            "A tune is composed from --primer FILE, or from nothing. Got 'n60 d24' too.",
        ),
        (["--primer", "start.abc", "--input", "a.csv"], "Got --input too. Leave it out."),
        (["--primer", "start.abc", "--stream"], "Got --stream too."),
        (["--bars", 2, "--top-k", 3], "Got --top-k too."),
        (["--bars", 2, "--signature", "score"], "Got --signature too."),
        (
            ["--primer", "start.abc", "--key", "Em"],
            "The primer is in D major, which can't become minor. Got key 'E_minor'.",
        ),
        (["--primer", "start.abc", "--metre", "4/4"], "The primer is in 6/8. Got metre '4/4'. Leave --metre out."),
        (["--primer", "start.abc", "--output", "start.abc"], "--output 'start.abc' is the primer itself."),
        (["--output", "nowhere/tune.mid"], "'nowhere/tune.mid' can't be written: there is no folder 'nowhere'."),
        (["--output", "folder.mid"], "'folder.mid' is a folder. Name a file in it."),
        (["--bars", 2, "--output", "tune.mp3"], "A tune is written as .mid, .abc, .wav, .png. Got 'tune.mp3'."),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_nothing_is_written(called, write, flags, message):
    write("start.abc", write_abc(PRIMER))
    write("start.txt", "X:1")
    write("bad.abc", "X:1\nM:4/4\nK:C\nC8|C4|C8|]\n")
    write("none.abc", "X:1\nL:1/4\nK:C\n")
    for folder in ("folder", "folder.mid"):
        os.mkdir(folder)
    before = sorted(os.listdir())
    code, out, error = called(*flags)
    assert (code, out) == (2, "") and message in error and error.count("\n") == 1
    assert sorted(os.listdir()) == before and pathlib.Path("start.abc").read_text() == write_abc(PRIMER)


def test_a_folder_that_cannot_be_written_to_is_told_before_the_model_is_loaded(predicting, tmp_path, monkeypatch):
    unloaded = types.SimpleNamespace(path="tunes/1")
    called = predicting(unloaded)
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: pathlib.Path(path).name != "mine")
    code, _, error = called("--output", "mine/tune.mid")
    assert code == 2 and "'mine/tune.mid' can't be written: the folder 'mine' is not yours to write to." in error
    assert called("--bars", 2, "--output", "tune.csv")[0] == called("--key", "H")[0] == 2


def test_a_file_that_could_not_be_written_leaves_what_was_there(called, monkeypatch):
    pathlib.Path("tune.mid").write_bytes(b"mine")
    monkeypatch.setattr(pathlib.Path, "write_bytes", lambda path, content: (_ for _ in ()).throw(OSError(28, "full")))
    assert called("--bars", 2, "--output", "tune.mid")[0] == 2
    assert os.listdir() == ["tune.mid"] and pathlib.Path("tune.mid").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "inputs", [{}, {"generate": {"inputs": {"text": {}, "length": {}, "seed": {}}, "outputs": {}}}]
)
def test_a_bundle_that_composes_no_tunes_is_refused(predicting, inputs):
    other = types.SimpleNamespace(path="sentiment/1", card={"signatures": inputs, "settings": {}})
    code, _, error = predicting(other)("--bars", 3)
    assert code == 2 and "sentiment/1 composes no tunes: its signature 'generate' takes " in error


KEYS = {"": "", "D": "D_major", "bb": "Bb_major", "F#m": "F#_minor", "Gb": "F#_major", "A#m": "Bb_minor"}
KEYS |= {"a dorian": "A_dorian", "C#_Mixolydian": "C#_mixolydian", "Cb": "B_major", "E#m": "F_minor"}


@pytest.mark.parametrize(("text", "key"), KEYS.items())
def test_keys_are_read_as_people_write_them(text, key):
    assert key_of(text) == key


def test_free_bars_may_be_no_tunes_which_are_left_out_and_told(bundle, told, monkeypatch):
    answers = bundle.predict
    broken = iter([True, False, True])

    def predict(rows, *, signature):
        found = answers(rows, signature=signature)
        if signature == "generate":
            found["generated"] = [f"{text} n60 |" if next(broken) else text for text in found["generated"]]
        return found

    monkeypatch.setattr(type(bundle), "predict", lambda self, rows, signature="": predict(rows, signature=signature))
    reporter, lines = told
    assert len(compose(bundle, count=3, bars=2, skip_broken=True, reporter=reporter)) == 1
    assert len(lines) == 1 and lines[0].startswith("note: 2 of 3 tunes are left out: what was composed: event ")
    broken = iter([True])
    with pytest.raises(ValueError, match=r"what was composed: event \d+, '\|', can't stand there.* Ask for right bars"):
        compose(bundle, bars=2, skip_broken=True)
    broken = iter([False, True])
    with pytest.raises(ValueError, match=r"or take another seed"):
        compose(bundle, bars=2, count=2)
