"""Reading tunes: from books, files and folders of them; those of one title or melody together; faults by name."""

import collections
import dataclasses
import pathlib

import pandas as pd
import pytest

from rnnkit.export.run_midi import midi_bytes
from rnnkit.music.abc_writing import write_abc
from rnnkit.music.pieces import Harmony, Note, Piece
from rnnkit.music.reading import read_part, read_piece, read_tunes
from rnnkit.music.rows import kept_tunes, primers
from rnnkit.music.settings import MusicSourceSettings
from rnnkit.music.tunes import Tunes
from rnnkit.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seeded(MusicSourceSettings):
    """Settings of a recipe: a seed too."""

    seed: int = setting(0, "Of the split.")


def tune(number, title=None, transposed=0, **more):
    """A tune of two bars whose notes its number says."""
    pitches = [60 + (number * step) % 12 for step in (1, 2, 5, 7)] + [60 + number % 12, 72 - number // 12]
    notes = tuple(Note(24 * place, 24, pitch) for place, pitch in enumerate(pitches))
    facts = {"chords": (Harmony(0, "C"),), "style": "jig", **more}
    return Piece(notes, (0, 72, 144), (3, 4), title=title or f"Tune {number}", **facts).transposed(transposed)


def book(pieces):
    return "\n".join(write_abc(piece, number) for number, piece in enumerate(pieces, 1))


def split_of(splits):
    """Title -> the splits that have a tune of it."""
    found = collections.defaultdict(set)
    for name in ("train", "valid", "test"):
        for piece in getattr(splits, name).pieces:
            found[piece.title].add(name)
    return found


@pytest.fixture
def tunes(write):
    return write("tunes.abc", book([tune(number) for number in range(30)]))


def test_a_book_is_cut_into_three_and_no_tune_is_lost(tunes):
    done = []
    splits = read_tunes(tunes, settings=Seeded(valid_share=0.2), progress=lambda *told: done.append(told))
    counts = {"train": 21, "valid": 6, "test": 3}
    assert splits.card["rows"] == counts == {name: len(getattr(splits, name)) for name in counts}
    titles = split_of(splits)
    assert len(titles) == 30 and all(len(found) == 1 for found in titles.values())
    assert splits.card["path"] == "tunes.abc" and len(splits.card["sha256"]) == 64
    assert splits.card["events"] == {name: getattr(splits, name).truth().sum() for name in counts}
    size = pathlib.Path(tunes).stat().st_size
    assert done[-1] == (size, size) and splits.notes == ()
    assert splits.train.pieces[0].source.startswith("tunes.abc, tune ")


def test_the_seed_alone_says_where_a_tune_goes_and_in_which_order_they_stand(tunes):
    one, again, other = (read_tunes(tunes, settings=Seeded(seed=seed)) for seed in (4, 4, 5))
    for name in ("train", "valid", "test"):
        assert getattr(one, name).texts == getattr(again, name).texts
    assert split_of(one) == split_of(again) != split_of(other)
    assert [piece.title for piece in one.train.pieces] != sorted(piece.title for piece in one.train.pieces)


@pytest.mark.parametrize("seed", range(4))
def test_tunes_of_one_title_or_one_melody_in_any_key_are_in_one_split(write, seed):
    pieces = [tune(number) for number in range(24)]
    # Three are chained: one by its title, the other by its notes, to a third.
    pieces += [tune(40, "Rose, The"), tune(41, "The ROSE"), tune(41, "Other", transposed=5)]
    pieces += [tune(42, f"Named {number}", transposed=number) for number in range(3)]
    pieces += [tune(50, "Two"), tune(51, "Two!"), tune(52, "a two")]
    splits = read_tunes(write("tunes.abc", book(pieces)), settings=Seeded(seed=seed, valid_share=0.3, test_share=0.3))
    titles = split_of(splits)
    assert sum(splits.card["rows"].values()) == 33
    for together in (("Rose, The", "The ROSE", "Other"), ("Named 0", "Named 1", "Named 2"), ("Two", "Two!", "a two")):
        assert len(set.union(*(titles[title] for title in together))) == 1


def test_a_title_that_most_tunes_have_is_none(write):
    pieces = [tune(number, "Piano") for number in range(20)]
    assert read_tunes(write("tunes.abc", book(pieces)), settings=Seeded()).card["rows"]["valid"] == 2
    pieces = [dataclasses.replace(tune(number), title="") for number in range(20)]
    assert read_tunes(write("tunes.abc", book(pieces)), settings=Seeded()).card["rows"]["test"] == 2


def test_a_folder_is_read_with_all_files_of_tunes_in_it(write):
    pytest.importorskip("symusic")
    write("all/b.abc", book([tune(number) for number in range(8)]))
    write("all/deeper/a.ABC", book([tune(number) for number in range(8, 12)]))
    for number in range(12, 15):
        write(f"all/midi/{number}.mid", midi_bytes(tune(number).notes, metre=(3, 4), title=f"Tune {number}"))
    write("all/readme.txt", "no tunes")
    splits = read_tunes("all", settings=Seeded())
    assert sum(splits.card["rows"].values()) == 15 and len(split_of(splits)) == 15
    assert len(splits.files) == 5
    midi = next(
        piece for part in (splits.train, splits.valid, splits.test) for piece in part.pieces if piece.title == "Tune 13"
    )
    assert midi.notes == tune(13).notes and midi.metre == (3, 4) and midi.bars == (0, 72, 144)


def test_files_of_valid_and_test_are_used_whole(write):
    train, other = [tune(number) for number in range(10)], [tune(number, f"Other {number}") for number in range(8, 13)]
    names = [write("train.abc", book(train)), write("valid.abc", book(other)), write("test.abc", book([tune(20)]))]
    splits = read_tunes(*names, settings=Seeded())
    assert splits.card["rows"] == {"train": 10, "valid": 5, "test": 1}
    assert splits.notes == ("2 of 5 valid tunes are also in train; scores on them flatter.",)
    cut = read_tunes(names[0], names[1], settings=Seeded())
    assert cut.card["rows"] == {"train": 9, "valid": 5, "test": 1}


def test_a_file_that_changes_while_it_is_used_is_told(tunes):
    splits = read_tunes(tunes, settings=Seeded())
    assert splits.changed() == ()
    path = pathlib.Path(tunes)
    path.write_text(path.read_text() + "\n%")
    assert [remark.startswith("tunes.abc has changed during the run") for remark in splits.changed()] == [True]
    path.unlink()
    assert len(splits.changed()) == 1


BROKEN = "\nX:91\nT:Broken\nM:3/4\nL:1/4\nK:C\nCDE|CD|CDE|]\n\nX:92\nT:Worse\nM:3/4\nL:1/4\nK:H\nCDE|]\n"


def test_broken_tunes_are_refused_by_line_or_left_out_and_named(write):
    good = book([tune(number) for number in range(12)])
    path = write("tunes.abc", good + BROKEN)
    with pytest.raises(ValueError, match=r"tunes\.abc, tune 91, line \d+: bar 2 has 2 quarters where the metre says 3"):
        read_tunes(path, settings=Seeded())
    splits = read_tunes(path, settings=Seeded(skip_bad_rows=True))
    (note,) = splits.notes
    assert note.startswith("2 tunes can't be read and are left out: tunes.abc, tune 91, line ")
    assert "tune 92" in note and sum(splits.card["rows"].values()) == 12


def test_of_many_broken_tunes_some_are_named_and_all_are_counted(write):
    broken = "".join(f"\nX:{number}\nM:3/4\nL:1/4\nK:C\nCD|CD|CDE|]\n" for number in range(100, 109))
    path = write("tunes.abc", book([tune(number) for number in range(12)]) + broken)
    (note,) = read_tunes(path, settings=Seeded(skip_bad_rows=True)).notes
    assert note.startswith("9 tunes can't be read") and note.endswith("; and 4 more.") and note.count("tune 10") == 5


def test_a_tune_of_two_voices_is_read_and_not_counted_as_left_out(write):
    voices = "\nX:77\nT:Duet\nM:3/4\nL:1/4\nK:C\nV:1\nCDE|\nV:2\nEFG|\n"
    path = write("tunes.abc", book([tune(number) for number in range(12)]) + voices)
    splits = read_tunes(path, settings=Seeded(skip_bad_rows=True))
    assert sum(splits.card["rows"].values()) == 13
    assert not any("left out" in note for note in splits.notes) and any("2 voices" in note for note in splits.notes)


def test_notes_that_events_cannot_say_are_changed_and_counted(write):
    pytest.importorskip("symusic")
    held = [*tune(1).notes, Note(0, 100, 48)]
    for number in range(6):
        write(f"all/{number}.mid", midi_bytes([note._replace(pitch=note.pitch + number) for note in held[number:]]))
    splits = read_tunes("all", settings=Seeded())
    assert any("1 notes end sooner or later" in note for note in splits.notes)
    assert len(splits.train.texts) + len(splits.valid.texts) + len(splits.test.texts) == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.abc", r"There is no nowhere\.abc\. Name a file or folder of tunes"),
        ("tunes.txt", r"tunes\.txt is no kind of tune file\. It may end in \.abc, \.mid"),
        ("empty", r"empty holds no tunes\. Files may be \.abc"),
        ("none.abc", r"none\.abc has no tune"),
        ("few.abc", r"few\.abc has 2 tunes \(2 different ones\), too few to cut \w+ out of\. At least 3"),
        ("same.abc", r"same\.abc has 5 tunes \(1 different ones\), too few"),
        (pd.DataFrame({"text": ["n60"]}), r"Tunes come from files: .* Got a DataFrame for train"),
        (["tunes.abc"], r"Tunes come from files: .* Got a list for train"),
        (None, r"Tunes come from files: .* Got a NoneType for train"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(write, given, message):
    write("tunes.txt", "X:1")
    write("empty/readme.md", "")
    write("none.abc", "no tune in here\n")
    write("few.abc", book([tune(0), tune(1)]))
    write("same.abc", book([tune(3, f"Title {by}", transposed=by) for by in range(5)]))
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        read_tunes(given, settings=Seeded())
    assert "\n" not in str(error.value)


def test_bytes_of_another_encoding_are_told_with_their_line_and_read_where_it_is_said(write):
    text = book([tune(number, f"Émigré {number}") for number in range(12)])
    path = write("tunes.abc", text.encode("latin-1"))
    line = text[: text.index("É")].count("\n") + 1
    message = rf"tunes\.abc, line {line}: the bytes are no utf-8\. Say how they are encoded: --encoding latin-1"
    with pytest.raises(ValueError, match=message):
        read_tunes(path, settings=Seeded())
    splits = read_tunes(path, settings=Seeded(encoding="latin-1"))
    assert all(piece.title.startswith("Émigré") for piece in splits.train.pieces)
    with pytest.raises(ValueError, match=r"There is no encoding 'latin-99'\. Known are utf-8"):
        read_tunes(path, settings=Seeded(encoding="latin-99"))
    marked = write("marked.abc", b"\xef\xbb\xbf" + text.encode())
    assert len(read_part(marked, Seeded())) == 12


@pytest.mark.parametrize(("style", "expected"), [("header", "jig"), ("file", "my tunes"), ("none", "")])
def test_styles_are_of_the_header_or_the_file_or_none(write, style, expected):
    path = write("My Tunes.abc", book([tune(number) for number in range(12)]))
    splits = read_tunes(path, settings=Seeded(style=style))
    assert {piece.style.lower() for piece in splits.train.pieces} == {expected}
    word = f"style:{expected.replace(' ', '_')} "
    assert all(text.startswith(word if expected else "key:") for text in splits.train.texts)


def test_chords_are_left_out_where_they_are_not_wanted(tunes):
    for wanted in (True, False):
        texts = read_tunes(tunes, settings=Seeded(chords=wanted)).train.texts
        assert all((" ch:" in text) == wanted for text in texts)


def test_repeats_are_written_once_or_played(write):
    text = "".join(
        f"X:{number}\nT:T{number}\nM:3/4\nL:1/4\nK:C\n|:C D {note}:|\n\n" for number, note in enumerate("EFGABc", 1)
    )
    path = write("tunes.abc", text)
    for repeats, bars in (("written", 1), ("played", 2)):
        pieces = read_tunes(path, settings=Seeded(repeats=repeats)).train.pieces
        assert {len(piece.bars) - 1 for piece in pieces} == {bars}


@pytest.mark.parametrize("name", ["columns", "header", "quoting"])
def test_what_tables_alone_have_is_refused(name):
    value = {"columns": "text=a", "header": "yes", "quoting": "none"}[name]
    with pytest.raises(ValueError, match=rf"Tunes have no columns\. Got '?--{name}'?\. Leave it out\."):
        Seeded(**{name: value})


def test_a_primer_is_the_first_tune_of_a_file(write):
    path = write("tunes.abc", book([tune(5), tune(6)]))
    piece, notes = read_piece(path, Seeded())
    assert piece.notes == tune(5).notes and notes == ("tunes.abc has 2 tunes; the first is read.",)
    with pytest.raises(ValueError, match=r"empty\.abc has no tune"):
        read_piece(write("empty.abc", ""), Seeded())
    with pytest.raises(ValueError, match=r"tunes\.txt is no kind of tune file"):
        read_piece(write("tunes.txt", "X:1"), Seeded())
    with pytest.raises(FileNotFoundError, match=r"There is no nowhere\.abc"):
        read_piece("nowhere.abc", Seeded())


def test_rows_that_are_kept_are_cut_after_a_duration():
    pieces = [tune(number) for number in range(3)]
    long = Piece(tuple(Note(24 * place, 24, 60 + place % 9) for place in range(240)), tuple(range(0, 5761, 72)), (3, 4))
    rows = Tunes([*pieces, long])
    assert [len(text.split()) + 1 for text in rows.texts] == rows.truth().tolist() and len(rows.labels) == 4
    (chunk, last) = rows.chunks(3)
    assert chunk["text"] == rows.texts[:3] and last == {"text": rows.texts[3:], "ends": [True]}
    kept = kept_tunes(rows, 4, 0)
    assert len(kept) == 4 and len(kept_tunes(rows, 2, 0)) == 2
    assert {row["text"] for row in kept} >= set(rows.texts[:3])
    assert all(len(row["text"].split()) <= 150 and row["text"].split()[-1].startswith("d") for row in kept)
    (primer,) = primers(Tunes([long]), 1)["text"]
    assert primer == " ".join(rows.texts[3].split()[: len(primer.split())]) and 15 < len(primer.split()) <= 20
