"""Reading: MIDI, MusicXML, tune books, frame files, or a folder -> piano rolls, split by piece and by title."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from rnnkit.export.run_midi import BASS
from rnnkit.music.events import shift_of
from rnnkit.music.frames import piece_of, roll_of
from rnnkit.music.pieces import Note, Piece, chord_classes
from rnnkit.music.reading import SHOWN, Book, TuneSplits, cut_pieces, digest_of, notes_on, notes_on_seen, read_books
from rnnkit.polyphony.frame_files import ENDING, read_frames
from rnnkit.polyphony.rolls import Rolls
from rnnkit.polyphony.settings import RollSourceSettings
from rnnkit.sources.splits import PARTS

NAMED_BY_FILE = (".mid", ".midi")
"""What their first track is called, such as 'Soprano', is no title: so the file's name is."""


@dataclasses.dataclass(frozen=True)
class RollSplits(TuneSplits):
    """Three splits of piano rolls; see `Splits`. The card also has `frames`, of each split."""

    train: Rolls
    valid: Rolls
    test: Rolls


@dataclasses.dataclass(frozen=True)
class Heard:
    """A piece and its roll, `(frames, pitches)` booleans."""

    piece: Piece
    roll: np.ndarray


def read_rolls(
    data, valid=None, test=None, settings: RollSourceSettings | None = None, progress: Callable | None = None
) -> RollSplits:
    """Reads and splits pieces: whole ones, drawn by the seed; those of one title, or the same notes, together.

    Args:
        data: A path of an .abc, .mid, .midi, .xml, .musicxml, .mxl or .json file, or of a folder of all but the last.
        valid, test: The same, used whole, instead of what `data` may hold.
        settings: How they are read; they are cut by its `seed`, where it has one.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: A file is none of these, a piece can't be read or has pitches outside of the roll, or there are too
            few.
        OSError: A file isn't there or can't be read.
    """
    settings = settings or RollSourceSettings()
    given = {"train": data, **{name: each for name, each in (("valid", valid), ("test", test)) if each is not None}}
    heard, files, faults = _read(given, settings, progress)
    pieces = {name: [each.piece for each in every] for name, every in heard.items()}
    shares = {PARTS[name]: getattr(settings, f"{name}_share") for name in ("valid", "test") if name not in heard}
    train = heard["train"]
    parts = np.full(len(train), PARTS["train"])
    if shares:
        parts = cut_pieces(pieces["train"], shares, getattr(settings, "seed", 0), os.fspath(data))
    splits = {}
    for name, part in PARTS.items():
        cut = name not in heard or name == "train"
        splits[name] = _rolls([train[place] for place in np.flatnonzero(parts == part)] if cut else heard[name])
    card = {
        "path": os.fspath(data),
        "rows": {name: len(split) for name, split in splits.items()},
        "frames": {name: split.frames for name, split in splits.items()},
        "sha256": digest_of([file.sha256 for file in files]),
    }
    return RollSplits(**splits, card=card, notes=(*faults, *notes_on(files), *notes_on_seen(pieces)), files=files)


def read_part(data, settings: RollSourceSettings, progress: Callable | None = None) -> Rolls:
    """Reads pieces to be scored and not split; takes and raises what `read_rolls` does."""
    heard, files, faults = _read({"train": data}, settings, progress)
    return _rolls([each for every in heard.values() for each in every], (*faults, *notes_on(files)))


def _rolls(heard: Sequence[Heard], notes=()) -> Rolls:
    return Rolls([each.roll for each in heard], [each.piece.title for each in heard], notes)


def _read(given, settings, progress):
    """Returns what is heard, by split; the files; and a remark on pieces that are left out."""
    framed = {name: path for name, path in given.items() if pathlib.Path(str(path)).suffix.lower() == ENDING}
    others = {name: path for name, path in given.items() if name not in framed}
    books = read_books(others, settings, progress, reduced=_whole)
    heard, faults = {}, []
    for name, every in books.items():
        heard[name] = [each for book in every for each in _heard(book, settings, faults)]
        if not heard[name]:
            raise ValueError(f"{given[name]} has no piece that fits: {faults[0]}.")
    files = [book for every in books.values() for book in every]
    for name, path in framed.items():
        book, found = _framed(pathlib.Path(path), settings)
        files.append(book)
        if name != "train":
            found = {name: [each for every in found.values() for each in every]}
        heard |= {split: every for split, every in found.items() if split == name or split not in given}
    more = f"; and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
    left_out = f"{len(faults):,} pieces are left out: {'; '.join(faults[:SHOWN])}{more}."
    return heard, tuple(files), (left_out,) if faults else ()


def _whole(piece):
    """Keeps a piece as it is: nothing of it is changed."""
    return piece, 0


def _heard(book: Book, settings, faults):
    for piece in book.pieces:
        if book.path.suffix.lower() in NAMED_BY_FILE:
            piece = dataclasses.replace(piece, title=book.path.stem)
        try:
            yield Heard(piece, roll_of_piece(piece, settings))
        except ValueError as error:
            if not settings.skip_bad_rows:
                raise
            faults.append(str(error).rstrip("."))


def roll_of_piece(piece: Piece, settings: RollSourceSettings) -> np.ndarray:
    """Returns the roll of a piece, moved and with its chords as the settings say.

    Raises:
        ValueError: A note is outside of the pitches.
    """
    if settings.moved:
        piece = piece.transposed(shift_of(piece.tonic, piece.mode))
    if settings.chords:
        piece = sounded(piece)
    return roll_of(piece, step=settings.frame, lowest=settings.lowest, highest=settings.highest)


def sounded(piece: Piece) -> Piece:
    """Returns a piece with its chords as notes, from the C below middle C on; as it is where notes sound together."""
    ends = [note.start + note.duration for note in piece.notes]
    together = any(note.start < end for note, end in zip(piece.notes[1:], ends, strict=False))
    if together or not piece.chords:
        return piece
    stops = [*(chord.start for chord in piece.chords[1:]), piece.bars[-1]]
    added = [
        Note(chord.start, stop - chord.start, BASS + pitch)
        for chord, stop in zip(piece.chords, stops, strict=True)
        for pitch in chord_classes(chord.name)
        if stop > chord.start
    ]
    return dataclasses.replace(piece, notes=tuple(sorted({*piece.notes, *added}, key=lambda note: note[::2])))


def _framed(path, settings):
    """Reads a .json file: a book that names it, and what is heard, by split."""
    content, told = path.read_bytes(), path.stat()
    rolls = read_frames(path, content, settings.lowest, settings.highest)
    how = {"step": settings.frame, "lowest": settings.lowest}
    heard = {
        name: [
            Heard(dataclasses.replace(piece_of(roll, **how), title=f"{path.stem} {name} {place}"), roll)
            for place, roll in enumerate(every, 1)
        ]
        for name, every in rolls.items()
    }
    if empty := [name for name, every in heard.items() if not every]:
        raise ValueError(f"{path} has no pieces in {empty[0]}. Leave that split out, or add some.")
    stamp = told.st_mtime_ns, told.st_size
    return Book(path, (), (), (), stamp, hashlib.sha256(content).hexdigest()), heard
