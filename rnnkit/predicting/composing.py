"""Composing: a bundle of tunes, an opening or what a tune is to be like -> tunes, and files that can be played.

No recipe is known by name: any bundle will do whose signature `generate` takes what is asked for here.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rnnkit.messages import listed
from rnnkit.music import events
from rnnkit.music.events import KEY, decode_words
from rnnkit.music.pieces import NAMES, Piece
from rnnkit.predicting.openings import opening, unknown_words
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import Settings, from_mapping, setting

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

GENERATE = "generate"
NEEDED = {"text", "style", "key", "metre", "variation", "bars"}
"""Inputs of the signature, some of them."""
OTHERS = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb", "Cb": "B", "B#": "C", "E#": "F", "Fb": "E"}
"""Other spellings of tonics."""
ENDINGS = (".mid", ".abc", ".wav", ".png")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish(Settings):
    """What a tune is to be like."""

    style: str = setting("", "Style of the tune, as training has them, such as jig; empty: any.")
    key: str = setting("", "Key of the tune, such as D or A_minor; empty: the primer's, or any.")
    metre: str = setting("", "Metre of the tune, such as 6/8; empty: any.")
    bars: int = setting(16, "Bars of the tune, the primer's among them, an upbeat not.", at_least=1, at_most=1_000)
    temperature: float = setting(1.0, "Chances are sharper below 1; 0: always the most probable.", at_least=0.0)
    top_p: float = setting(1.0, "Only the events that make up this share of the chances.", above=0.0, at_most=1.0)
    seed: int = setting(0, "The same seed draws the same tune.", at_least=0, below=2**31)
    right_bars: bool = setting(True, "Bars are as long as the metre says.")
    in_key: bool = setting(False, "Only notes of the key.")
    on_tonic: bool = setting(True, "The last note is the tonic; with right bars alone.")

    def __post_init__(self):
        super().__post_init__()
        key_of(self.key)
        if self.metre:
            try:
                events.read_metre(self.metre)
            except ValueError:
                raise ValueError(f"metre must be such as 4/4 or 6/8. Got {self.metre!r}.") from None


def key_of(text: str) -> str:
    """Returns a key as models know it, such as 'Bb_minor', of 'Bb minor', 'Bbm' or 'Bb'; '' of ''.

    Raises:
        ValueError: It is none.
    """
    words = text.replace("_", " ").split()
    if len(words) == 1 and words[0].endswith("m"):
        words = [words[0][:-1], "minor"]
    if not words:
        return ""
    name = OTHERS.get(words[0].capitalize(), words[0].capitalize())
    found = f"{name}_{words[1].lower() if len(words) > 1 else 'major'}"
    if len(words) > 2 or KEY + found not in events.key_words():
        raise ValueError(f"key must be such as D, F#m, Bb_major or A_dorian. Got {text!r}.")
    return found


@dataclasses.dataclass(frozen=True)
class Composed:
    """A tune that was composed.

    Attributes:
        piece: The tune.
        primer_ticks: Of it, those of the primer.
        log_probability: Of the whole tune, in nats.
    """

    piece: Piece
    primer_ticks: int
    log_probability: float


def compose(
    bundle: "Bundle",
    primer: Piece | None = None,
    *,
    count: int = 1,
    skip_broken: bool = False,
    reporter: Reporter = SILENT,
    **wish,
) -> list[Composed]:
    """Composes tunes, all of one opening.

    Args:
        bundle: The model.
        primer: The opening; None for none. It is moved to the key asked for, and by octaves where training has no such
            notes; what is asked of the style is its style.
        count: How many tunes; they differ in what is drawn.
        skip_broken: Leaves out what is no tune, as may come of free bars, and says how many, if any is one; else the
            first is an error.
        reporter: Told what a person should know of the primer, and of tunes that are left out.
        **wish: Of `Wish`; what is None or not given is as the bundle was trained.

    Raises:
        ValueError, LookupError: As the message says.
    """
    check_bundle(bundle)
    made = wish_of(bundle, wish)
    if count < 1:
        raise ValueError(f"count must be at least 1. Got {count}.")
    words = []
    if primer is not None:
        words = opening(bundle, primer, key=key_of(made.key), metre=made.metre, style=made.style, reporter=reporter)
    _check_words(bundle, made)
    asked = {"text": " ".join(words), "style": _style(made.style), "key": key_of(made.key), "metre": made.metre}
    columns = {name: [value] * count for name, value in asked.items()}
    single = {
        name: getattr(made, name) for name in ("bars", "temperature", "top_p", "right_bars", "in_key", "on_tonic")
    }
    rows = {**columns, **single, "variation": np.arange(count, dtype=np.int32), "seed": [0, made.seed]}
    answers = bundle.predict(rows, signature=GENERATE)
    # Of the primer, its own words: those that the model doesn't know are lost on it.
    texts = [[*words, *text.split()[len(words) :]] for text in answers["generated"]]
    found, faults = _read(texts, answers["log_probability"].tolist(), words, primer)
    if faults and not (found and skip_broken):
        raise ValueError(f"{faults[0]} Ask for right bars and for the tonic at the end, or take another seed.")
    if faults:
        reporter.say(f"note: {len(faults)} of {count} tunes are left out: {faults[0]}")
    return found


def _read(texts, log_probabilities, words, primer):
    """Returns the tunes that texts say, and what is wrong with those that say none."""
    tempo, title = (primer.tempo, primer.title) if primer is not None else (120.0, "")
    ticks, found, faults = decode_words(words).bars[-1], [], []
    for text, log_probability in zip(texts, log_probabilities, strict=True):
        try:
            piece = decode_words(text, title=title, tempo=tempo, source="what was composed")
            if not piece.notes:
                raise ValueError("what was composed has no notes.")
        except ValueError as error:
            faults.append(str(error))
        else:
            found.append(Composed(piece, ticks, log_probability))
    return found, faults


def _style(style):
    return "_".join(style.lower().split())


def wish_of(bundle: "Bundle", given: Mapping[str, object]) -> Wish:
    """Returns a wish; what is None or not given is as the bundle was trained.

    Raises:
        LookupError, ValueError: As the message says.
    """
    trained = bundle.card["settings"]
    names = ("bars", "temperature", "top_p", "seed", "right_bars", "in_key", "on_tonic")
    values = {name: trained[name] for name in names if name in trained}
    return from_mapping(Wish, values | {name: value for name, value in given.items() if value is not None})


def check_bundle(bundle: "Bundle") -> None:
    """Checks that a bundle composes tunes.

    Raises:
        ValueError: It doesn't.
    """
    known = bundle.card["signatures"].get(GENERATE, {"inputs": {}})
    if not NEEDED <= set(known["inputs"]):
        raise ValueError(
            f"{bundle.path} composes no tunes: its signature {GENERATE!r} takes {listed(known['inputs'])}."
        )


def _check_words(bundle, wish):
    asked = {"style": f"style:{_style(wish.style)}", "key": KEY + key_of(wish.key), "metre": f"metre:{wish.metre}"}
    for name, word in asked.items():
        if getattr(wish, name) and unknown_words(bundle, [word]):
            raise ValueError(
                f"Training has no {name} {getattr(wish, name)!r}, so none can be asked for. Leave --{name} out."
            )


def write_tune(path: str | os.PathLike, composed: Composed) -> None:
    """Writes a tune as .mid, .abc, .wav or, as a piano roll, .png; it appears under its name when it is whole.

    Raises:
        ValueError: The path ends in something else.
        OSError: It can't be written.
    """
    path, piece = pathlib.Path(path), composed.piece
    ending = check_path(path)
    partial = path.with_name(f".{path.name}-{os.getpid()}{ending}")
    try:
        if ending == ".png":
            from rnnkit.roll_pictures import draw_roll

            draw_roll(partial, piece, title=piece.title, primer_ticks=composed.primer_ticks)
        else:
            partial.write_bytes(_content(ending, piece))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_path(path: str | os.PathLike) -> str:
    """Checks what can be told of a path before there is a tune; returns how it ends, in lower case.

    Raises:
        ValueError: In nothing that a tune can be written as.
        OSError: There is no such folder, it can't be written to, or the path is a folder.
    """
    path, shown = pathlib.Path(path), repr(os.fspath(path))
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"A tune is written as {', '.join(ENDINGS)}. Got {shown}.")
    if path.is_dir():
        raise IsADirectoryError(f"{shown} is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{shown} can't be written: there is no folder {str(path.parent)!r}.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{shown} can't be written: the folder {str(path.parent)!r} is not yours to write to.")
    return ending


def _content(ending, piece) -> bytes:
    if ending == ".abc":
        from rnnkit.music.abc_writing import write_abc

        return write_abc(piece).encode()
    if ending == ".wav":
        from rnnkit.music.sound import wav_bytes

        return wav_bytes(piece.notes, tempo=piece.tempo, chords=piece.chords)
    from rnnkit.export.run_midi import midi_bytes

    key = (piece.tonic, piece.mode)
    upbeat = piece.bars[1] if has_upbeat(piece) else 0
    how = {"tempo": piece.tempo, "metre": piece.metre, "key": key, "title": piece.title, "upbeat": upbeat}
    return midi_bytes(piece.notes, chords=piece.chords, **how)


def has_upbeat(piece: Piece) -> bool:
    """Whether the first of several bars is shorter than the metre says."""
    return len(piece.bars) > 2 and piece.bars[1] < piece.bar_ticks


def sentence(composed: Composed) -> str:
    """Says what a tune is like, in a line."""
    piece = composed.piece
    faults = list(events.bar_faults(piece))
    right = f"; {faults[0]}" if faults else ""
    beats = "/".join(map(str, piece.metre))
    key = f"{NAMES[piece.tonic]} {piece.mode}"
    upbeat = has_upbeat(piece)
    bars = f"{len(piece.bars) - 1 - upbeat} bars{' and an upbeat' if upbeat else ''}"
    return f"{bars} of {beats} in {key}, {len(piece.notes)} notes{right}"
