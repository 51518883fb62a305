"""Reading: a tune book, a MIDI or MusicXML file, or a folder of them -> tunes, split by tune and by title."""

import collections
import dataclasses
import hashlib
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rnnkit.music.abc_reading import read_abc
from rnnkit.music.midi_reading import read_midi
from rnnkit.music.pieces import Piece
from rnnkit.music.quantising import melody_of
from rnnkit.music.settings import FILE, HEADER, MusicSourceSettings
from rnnkit.music.tunes import Tunes
from rnnkit.music.xml_reading import read_musicxml
from rnnkit.sources.splits import PARTS, Splits
from rnnkit.sources.splitting import LEAST_GROUPS, assign

ABC = (".abc",)
READERS = {".mid": read_midi, ".midi": read_midi, **dict.fromkeys((".xml", ".musicxml", ".mxl"), read_musicxml)}
KINDS = (*ABC, *READERS)
VOICES = "voices is read."
"""How what `read_abc` tells ends where it is no fault."""
SHOWN = 5
"""Faults and changes that are named one by one."""


@dataclasses.dataclass(frozen=True)
class TuneSplits(Splits):
    """Three splits of tunes; see `Splits`. The card also has `events`, of each split."""

    train: Tunes
    valid: Tunes
    test: Tunes
    files: tuple["Book", ...] = ()

    def changed(self) -> tuple[str, ...]:
        """Returns a remark for each file that is no longer as it was when it was read."""
        remarks = []
        for book in self.files:
            try:
                same = _stamp(book.path) == book.stamp
            except OSError:
                same = False
            if not same:
                remarks.append(
                    f"{book.path} has changed during the run; what was read had SHA-256 {book.sha256[:12]}…."
                )
        return tuple(remarks)


@dataclasses.dataclass(frozen=True)
class Book:
    """A file and what was read of it.

    Attributes:
        path: As the user wrote it.
        pieces: As the event form can say them.
        faults: Of tunes that were left out.
        notes: On what was changed.
        stamp, sha256: Of then.
    """

    path: pathlib.Path
    pieces: tuple[Piece, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    stamp: tuple[int, int]
    sha256: str


def read_tunes(
    data,
    valid=None,
    test=None,
    settings: MusicSourceSettings | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> TuneSplits:
    """Reads, checks and splits tunes: whole ones, drawn by the seed; those of one title, or the same notes, together.

    Args:
        data: A path of an .abc, .mid, .midi, .xml, .musicxml or .mxl file, or of a folder of them.
        valid, test: The same, used whole, instead of what `data` may hold.
        settings: How they are read; they are cut by its `seed`, where it has one.
        progress: `progress(done, total)` in bytes.

    Raises:
        ValueError: A file is none of these, a tune can't be read, or there are too few.
        OSError: A file isn't there or can't be read.
    """
    settings = settings or MusicSourceSettings()
    given = {"train": data, **{name: each for name, each in (("valid", valid), ("test", test)) if each is not None}}
    books = read_books(given, settings, progress)
    pieces = {name: [piece for book in each for piece in book.pieces] for name, each in books.items()}
    shares = {PARTS[name]: getattr(settings, f"{name}_share") for name in ("valid", "test") if name not in pieces}
    parts = cut_pieces(pieces["train"], shares, getattr(settings, "seed", 0), os.fspath(data))
    splits = {}
    for name, part in PARTS.items():
        own = pieces[name] if name in pieces and name != "train" else None
        chosen = own if own is not None else [pieces["train"][place] for place in np.flatnonzero(parts == part)]
        splits[name] = Tunes(_shuffled(chosen, getattr(settings, "seed", 0)))
    every = [book for each in books.values() for book in each]
    card = {
        "path": os.fspath(data),
        "rows": {name: len(split) for name, split in splits.items()},
        "events": {name: int(split.truth().sum()) for name, split in splits.items()},
        "sha256": digest_of([book.sha256 for book in every]),
    }
    return TuneSplits(**splits, card=card, notes=(*notes_on(every), *notes_on_seen(pieces)), files=tuple(every))


def read_part(data, settings: MusicSourceSettings, progress: Callable | None = None) -> Tunes:
    """Reads tunes to be scored and not split; takes and raises what `read_tunes` does."""
    books = read_books({"train": data}, settings, progress)["train"]
    return Tunes([piece for book in books for piece in book.pieces], notes_on(books))


def read_piece(path: str | os.PathLike, settings: MusicSourceSettings) -> tuple[Piece, tuple[str, ...]]:
    """Reads one tune, such as a primer; of several in a file the first. Returns it and remarks."""
    book = _book(_files(path, "the primer")[0], settings)
    if not book.pieces:
        raise ValueError(f"{path}: {(*book.faults, 'has no tune')[0]}")
    more = (f"{path} has {len(book.pieces):,} tunes; the first is read.",) if len(book.pieces) > 1 else ()
    return book.pieces[0], (*book.notes, *more)


def read_books(given: Mapping, settings, progress=None, reduced: Callable = melody_of) -> dict[str, list[Book]]:
    """Reads files; `given` is split -> path, `reduced` piece -> what is kept of it and how many notes were changed."""
    files = {name: _files(data, name) for name, data in given.items()}
    total = sum(path.stat().st_size for each in files.values() for path in each)
    books, done = {}, 0
    for name, paths in files.items():
        books[name] = []
        for path in paths:
            books[name].append(_book(path, settings, reduced))
            done += path.stat().st_size
            if progress:
                progress(done, total)
        if not any(book.pieces for book in books[name]):
            faults = [fault for book in books[name] for fault in book.faults]
            why = f": {faults[0]}" if faults else ""
            raise ValueError(f"{given[name]} has no tune that can be read{why}. Give other files.")
    return books


def _files(data, name) -> list[pathlib.Path]:
    if not isinstance(data, str | os.PathLike):
        article = f"a {type(data).__name__}"
        raise ValueError(f"Tunes come from files: {', '.join(KINDS)}, or a folder of them. Got {article} for {name}.")
    path = pathlib.Path(data)
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.suffix.lower() in KINDS and each.is_file())
        if not found:
            raise ValueError(f"{data} holds no tunes. Files may be {', '.join(KINDS)}, in folders of any depth.")
        return found
    if not path.exists():
        raise FileNotFoundError(
            f"There is no {data}. Name a file or folder of tunes ({', '.join(KINDS)}), or 'sample'."
        )
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"{data} is no kind of tune file. It may end in {', '.join(KINDS)}.")
    return [path]


def _book(path, settings, reduced=melody_of) -> Book:
    content, stamp, faults, notes = path.read_bytes(), _stamp(path), [], []
    if path.suffix.lower() in ABC:
        text = _decoded(content, path, settings)
        pieces, told = read_abc(text, str(path), played=settings.repeats == "played", skip=settings.skip_bad_rows)
        # Of several voices the first is read: such tunes are not left out.
        notes = [remark for remark in told if remark.endswith(VOICES)]
        faults = [fault for fault in told if not fault.endswith(VOICES)]
    else:
        pieces = []
        try:
            piece, notes = READERS[path.suffix.lower()](path)
            pieces.append(piece)
        except ValueError as error:
            if not settings.skip_bad_rows:
                raise
            faults = [str(error)]
    kept, changed = [], 0
    for piece in pieces:
        piece, moved = reduced(piece)
        changed += moved
        kept.append(_styled(piece, path, settings))
    if changed:
        notes = [
            *notes,
            f"{path}: {changed:,} notes end sooner or later, so that those that start together end together.",
        ]
    return Book(path, tuple(kept), tuple(faults), tuple(notes), stamp, hashlib.sha256(content).hexdigest())


def _decoded(content, path, settings):
    try:
        return content.decode(settings.encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: the bytes are no {settings.encoding}. Say how they are encoded: --encoding latin-1"
        ) from None
    except LookupError:
        raise ValueError(f"There is no encoding {settings.encoding!r}. Known are utf-8, latin-1, cp1252 …") from None


def _styled(piece, path, settings):
    style = {HEADER: piece.style, FILE: path.stem}.get(settings.style, "")
    return dataclasses.replace(piece, style=style, chords=piece.chords if settings.chords else ())


def _stamp(path):
    told = path.stat()
    return told.st_mtime_ns, told.st_size


def digest_of(digests: Sequence[str]) -> str:
    """Returns one hash of several."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def cut_pieces(pieces: Sequence[Piece], shares: Mapping[int, float], seed: int, name: str) -> np.ndarray:
    """Deals pieces out, those of one title or the same notes together: a value of `PARTS` for each."""
    groups = np.array(_groups(pieces))
    parts = assign(np.zeros(len(pieces), np.int32), groups, shares, seed)
    for split, part in PARTS.items():
        if part in shares and not np.any(parts == part):
            raise ValueError(
                f"{name} has {len(pieces)} tunes ({len(set(groups.tolist()))} different ones), too few to cut "
                f"{split} out of. At least {LEAST_GROUPS} different ones are needed. Add some, or give --valid, --test."
            )
    return parts


def _groups(pieces) -> list[int]:
    """Returns a number for each piece: those of one title, or of the same notes, have the same."""
    numbers, known = list(range(len(pieces))), {}
    # What most are called, such as Piano, is no title.
    titles = collections.Counter(_title(piece.title) for piece in pieces)
    shared = {title for title, count in titles.items() if 2 * count > len(pieces)}

    def root(place):
        while numbers[place] != place:
            place = numbers[place]
        return place

    for place, piece in enumerate(pieces):
        title = _title(piece.title)
        for mark in ("" if title in shared else title, _melody(piece)):
            if mark and mark in known:
                numbers[root(place)] = root(known[mark])
            known.setdefault(mark, place)
    return [root(place) for place in range(len(pieces))]


def _title(title):
    """Returns a title without what differs between its spellings."""
    words = re.sub(r"[^\w ]", "", title.casefold()).split()
    return "title " + " ".join(word for word in words if word not in ("the", "a", "an")) if words else ""


def _melody(piece):
    first = piece.notes[0].pitch if piece.notes else 0
    return " ".join(f"{note.pitch - first},{note.duration}" for note in piece.notes)


def _shuffled(pieces, seed):
    # What stands beside a tune in its book says much of it, and no tune that is composed has such a neighbour.
    return [pieces[place] for place in np.random.default_rng(seed).permutation(len(pieces))]


def notes_on(books: Sequence[Book]) -> tuple[str, ...]:
    """Returns remarks on what was left out and changed."""
    faults = [fault for book in books for fault in book.faults]
    changes = [note for book in books for note in book.notes]
    more = f"; and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
    notes = (
        [f"{len(faults):,} tunes can't be read and are left out: {'; '.join(faults[:SHOWN])}{more}."] if faults else []
    )
    return (*notes, *changes[:SHOWN], *([f"and {len(changes) - SHOWN:,} more."] if len(changes) > SHOWN else []))


def notes_on_seen(pieces: Mapping[str, Sequence[Piece]]) -> tuple[str, ...]:
    """Returns remarks on pieces of other splits that are also in train."""
    marks = {_melody(piece) for piece in pieces["train"]}
    return tuple(
        f"{seen:,} of {len(each):,} {name} tunes are also in train; scores on them flatter."
        for name, each in pieces.items()
        if name != "train" and (seen := sum(_melody(piece) in marks for piece in each))
    )
