"""Openings: a tune's beginning, and what is asked of the tune -> events as the model of a bundle has them."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnkit.messages import few_of
from rnnkit.music.events import DURATION, GOES_ON, NOTE, REST, encode_piece, moved_word
from rnnkit.music.pieces import HIGHEST, LOWEST, NAMES, Piece
from rnnkit.progress import SILENT, Reporter

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

ENCODE = "encode"
UNKNOWN = 1
OCTAVES = (0, 12, -12, 24, -24)
LONGEST = 384
"""Ticks of the longest duration that is said by others."""


def opening(
    bundle: "Bundle",
    primer: Piece,
    *,
    key: str = "",
    metre: str = "",
    style: str = "",
    reporter: Reporter = SILENT,
) -> list[str]:
    """Writes a primer as events of which training has as many as can be.

    It is moved to the key asked for, and by octaves; durations that training doesn't have are said by several, tied.

    Args:
        bundle: Its signature `encode` says which events training has.
        primer: The beginning.
        key, metre, style: Asked for, such as 'D_major', '6/8' and 'jig'; '' for those of the primer.
        reporter: Told what a person should know.

    Raises:
        ValueError: The primer has another mode or metre.
    """
    words = _in_range(bundle, encode_piece(_as_asked(primer, key, metre, style)), reporter)
    words = _with_known_durations(bundle, words)
    if unknown := unknown_words(bundle, words):
        reporter.say(f"note: training has no {few_of(sorted(set(unknown)))}; the model reads them as unknown events.")
    return words


def unknown_words(bundle: "Bundle", words: Sequence[str]) -> list[str]:
    """Returns those of the words that training doesn't have."""
    if not words:
        return []
    ids = bundle.predict({"text": [" ".join(words)]}, signature=ENCODE)["ids"][0]
    return [word for word, number in zip(words, ids.tolist(), strict=False) if number == UNKNOWN]


def _as_asked(primer, key, metre, style):
    """Returns a primer in the key asked for, moved by half an octave at most, and of the style asked for."""
    name, _, mode = key.partition("_")
    if mode and mode != primer.mode:
        raise ValueError(
            f"The primer is in {NAMES[primer.tonic]} {primer.mode}, which can't become {mode}. Got key {key!r}. "
            f"Ask for {name}_{primer.mode}, or leave --key out."
        )
    if metre and metre != "/".join(map(str, primer.metre)):
        raise ValueError(
            f"The primer is in {'/'.join(map(str, primer.metre))}. Got metre {metre!r}. Leave --metre out."
        )
    by = (NAMES.index(name) - primer.tonic + 6) % 12 - 6 if name else 0
    pitches = [note.pitch + by for note in primer.notes]
    if pitches and (max(pitches) > HIGHEST or min(pitches) < LOWEST):
        by += 12 if by < 0 else -12
    return dataclasses.replace(primer.transposed(by), style=style or primer.style)


def _in_range(bundle, words: Sequence[str], reporter: Reporter) -> list[str]:
    """Returns the words moved by octaves, if that makes more of them known; tells what was done."""
    best = None
    for octave in OCTAVES:
        moved = [moved_word(word, octave) if word.startswith(NOTE) else word for word in words]
        if "" in moved:
            continue
        unknown = len(unknown_words(bundle, moved))
        if best is None or unknown < best[2]:
            best = octave, moved, unknown
    octave, moved, _ = best
    if octave:
        reporter.say(f"note: the primer is moved by {octave:+d} semitones, where training has its notes.")
    return moved


def _with_known_durations(bundle, words):
    """Returns words whose durations that training doesn't have are the fewest that it has, tied, where this goes."""
    ticks = {word: int(word.removeprefix(DURATION)) for word in words if word.startswith(DURATION)}
    wanted = {ticks[word] for word in unknown_words(bundle, list(ticks)) if ticks[word] <= LONGEST}
    if not wanted:
        return words
    every = [f"{DURATION}{number}" for number in range(1, max(wanted) + 1)]
    known = set(every) - set(unknown_words(bundle, every))
    parts = {0: []}
    for number in range(1, max(wanted) + 1):
        sums = [
            [*parts[number - part], part]
            for part in range(1, number + 1)
            if f"{DURATION}{part}" in known and number - part in parts
        ]
        if sums:
            parts[number] = min(sums, key=len)
    found, sounds = [], ""
    for word in words:
        sounds = REST if word == REST else GOES_ON if word == GOES_ON or word.startswith(NOTE) else sounds
        split = parts.get(ticks[word], []) if ticks.get(word) in wanted else []
        tied = [each for part in sorted(split, reverse=True) for each in (f"{DURATION}{part}", sounds)]
        found += tied[:-1] or [word]
    return found
