"""Reading of polyphony: files -> rolls, chords that sound, pieces of one title together; and what is refused."""

import json

import numpy as np
import pytest

from rnnkit.export.run_midi import midi_bytes
from rnnkit.music.frames import LOWEST
from rnnkit.music.pieces import Harmony, Note, Piece
from rnnkit.polyphony.reading import read_part, read_rolls, roll_of_piece, sounded
from rnnkit.polyphony.settings import RollSettings, RollSourceSettings

LINE = Piece((Note(0, 24, 74), Note(24, 24, 76)), (0, 48), (2, 4), chords=(Harmony(0, "D"), Harmony(24, "A")), tonic=2)


def pitches(frame):
    return (np.flatnonzero(frame) + LOWEST).tolist()


def settings(**given):
    return RollSourceSettings(**given)


def test_chords_above_a_line_sound_below_middle_c_in_c():
    roll = roll_of_piece(LINE, settings())
    # A tone lower: C, then D over G.
    assert [pitches(frame) for frame in roll] == [[48, 52, 55, 72]] * 2 + [[50, 55, 59, 74]] * 2


def test_neither_chords_nor_keys_count_where_it_is_said():
    roll = roll_of_piece(LINE, settings(chords=False, moved=False, frame=24))
    assert [pitches(frame) for frame in roll] == [[74], [76]]


def test_chords_of_what_is_no_single_line_are_names_alone():
    both = Piece((Note(0, 48, 74), Note(24, 24, 76)), (0, 48), (2, 4), chords=LINE.chords)
    assert sounded(both) is both and sounded(LINE) is not LINE


BOOK = "".join(
    f"X:{number}\nT:{title}\nM:2/4\nL:1/8\nK:C\n{bars}|\n\n"
    for number, (title, bars) in enumerate(
        [("One", "CDEF|G4"), ("Two", "EFGA|B4"), ("The Two", "c4|C4"), ("Four", "GFED|C4"), ("Five", "C2E2|G4")], 1
    )
)


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text(BOOK)
    return path


def test_pieces_of_one_title_are_in_one_split(book):
    for seed in range(5):
        own = type("Own", (RollSourceSettings,), {"seed": seed})(valid_share=0.2, test_share=0.2)
        splits = read_rolls(book, settings=own)
        titles = [set(getattr(splits, name).titles) for name in ("train", "valid", "test")]
        assert sorted(map(len, titles))[0] and sum(map(len, titles)) == 5
        assert any({"Two", "The Two"} <= each for each in titles)
    assert splits.card["rows"] == {
        name: len(each) for name, each in zip(("train", "valid", "test"), titles, strict=True)
    }
    assert sum(splits.card["frames"].values()) == 40 and not splits.changed()
    book.write_text(BOOK + "\n")
    assert "has changed during the run" in splits.changed()[0]


def test_midi_files_are_told_apart_by_their_own_names(tmp_path):
    pytest.importorskip("symusic")
    for place in range(4):
        notes = [(0, 48, 60 + place), (0, 24, 64 + place), (24, 24, 65 + 2 * place)]
        (tmp_path / f"piece {place}.mid").write_bytes(midi_bytes(notes, title="Piano"))
    splits = read_rolls(tmp_path, settings=settings(moved=False))
    assert {*splits.train.titles, *splits.valid.titles, *splits.test.titles} == {f"piece {place}" for place in range(4)}
    part = read_part(tmp_path / "piece 0.mid", settings(moved=False))
    assert [pitches(frame) for frame in part.rolls[0]][:4] == [[60, 64]] * 2 + [[60, 65]] * 2


def frame_file(tmp_path, told):
    path = tmp_path / "chorales.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    return path


def test_a_frame_file_brings_its_splits(tmp_path):
    told = {"train": [[[60, 64.0], [], [-1, 67]], [[62]]], "valid": [[[65]]], "test": [[[66], [66]]]}
    splits = read_rolls(frame_file(tmp_path, told), settings=settings())
    assert [[pitches(frame) for frame in roll] for roll in splits.train.rolls] == [[[60, 64], [], [67]], [[62]]]
    assert splits.card["frames"] == {"train": 4, "valid": 1, "test": 2}


def test_splits_given_win_over_those_of_a_frame_file(tmp_path, book):
    path = frame_file(tmp_path, {"train": [[[60]]], "valid": [[[61]]], "test": [[[62], []]]})
    splits = read_rolls(path, test=book, settings=settings())
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (1, 1, 5)
    assert len(read_part(path, settings())) == 3


def test_pieces_of_a_frame_file_without_splits_are_cut(tmp_path):
    told = [[[60 + place, 64], [62 + 2 * place]] for place in range(5)]
    splits = read_rolls(frame_file(tmp_path, told), settings=settings())
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (3, 1, 1)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("[[[60", "is no JSON"),
        ({"train": [[[60]]], "dev": []}, "Got 'dev'"),
        ({"test": [[[60]]]}, "Got 'no train'"),
        ([[[60]], [[200]]], r"train 2, frame 1 must have pitches from 21 to 108, or -1\. Got 200\."),
        ([[[60.5]]], r"Got 60\.5"),
        ([[[60], ["C"]]], "frame 2 must have pitches .* Got 'C'"),
        ([[[60, None]]], "Got None"),
        ([[60]], r"frame 1 must be a list: .* Got '60'"),
        ([[]], "train 1 has no frames"),
        ({"train": [[[60]]], "valid": []}, "has no pieces in valid"),
        ("7", "must be a list: .* Got '7'"),
    ],
)
def test_a_frame_file_that_is_none_is_refused(tmp_path, told, said):
    with pytest.raises(ValueError, match=said):
        read_rolls(frame_file(tmp_path, told), settings=settings())


def test_pitches_outside_of_the_roll_are_refused_or_left_out(book):
    narrow = {"lowest": 60, "highest": 71, "valid_share": 0.25, "test_share": 0.25}
    with pytest.raises(ValueError, match="pitch 72 lies outside of the roll, 60 to 71"):
        read_rolls(book, settings=settings(**narrow))
    splits = read_rolls(book, settings=settings(**narrow, skip_bad_rows=True))
    assert sum(splits.card["rows"].values()) == 4
    assert splits.notes[0].startswith("1 pieces are left out: ") and "pitch 72" in splits.notes[0]
    with pytest.raises(ValueError, match="has no piece that fits: .* pitch 60"):
        read_rolls(book, settings=settings(lowest=20, highest=30, skip_bad_rows=True))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "Got a NoneType for train"),
        (np.zeros((3, 88)), "Got a ndarray for train"),
        ("nowhere.mid", r"There is no nowhere\.mid"),
        ("pieces.txt", r"pieces\.txt is no kind of tune file"),
    ],
)
def test_what_is_no_file_of_pieces_is_refused(given, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pieces.txt").write_text("X:1")
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        read_rolls(given, settings=settings())


@pytest.mark.parametrize(
    ("make", "given", "said"),
    [
        (RollSourceSettings, {"lowest": 61, "highest": 60}, r"lowest must be at most highest, 60\. Got 61\."),
        (RollSourceSettings, {"columns": "a=b"}, r"Pieces have no columns\. Got '--columns'\."),
        (RollSourceSettings, {"frame": 0}, r"frame must be at least 1\. Got 0\."),
        (RollSourceSettings, {"highest": 128}, r"highest must be at most 127\. Got 128\."),
        (RollSettings, {"head": "rbm"}, r"head must be one of .*independent.* Got 'rbm'\."),
    ],
)
def test_settings_out_of_range_are_refused_with_their_value(make, given, said):
    with pytest.raises(ValueError, match=said):
        make(**given)
