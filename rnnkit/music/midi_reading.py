"""Standard MIDI files -> pieces: notes on the grid, bars from the metre, what was changed told in a line each."""

import pathlib
import re

from rnnkit.messages import few_of
from rnnkit.music.pieces import NAMES, OTHERS, QUALITIES, TICKS, Harmony, Piece, bar_ticks, chord_name
from rnnkit.music.quantising import bars_until, estimated_key, nearest_tick, quantised

KINDS = "|".join(sorted((re.escape(kind) for kind in {*QUALITIES, *OTHERS}), key=len, reverse=True))
MARKER = re.compile(rf"[A-G][#b♯♭]?(?:{KINDS})(?:/[A-G][#b♯♭]?)?")
"""A marker that is a chord's name and nothing else, as others, such as 'Bridge', begin with a letter of a chord too."""


def read_midi(path: str | pathlib.Path, *, keep_drums: bool = False) -> tuple[Piece, list[str]]:
    """Reads a piece from a .mid file: the notes of all its tracks.

    Markers such as `G7` or `ch:G7` are chords. A first bar is an upbeat where its time signature is short of the
    metre, which follows, or where the metre is said again before a bar is over. Where the file says no key, it is
    estimated.

    Args:
        path: Of the file.
        keep_drums: Whether notes on channel 10 are read, which are else left out.

    Returns:
        The piece, and a line, which begins with the file's name, for each thing that was changed, assumed or left out.

    Raises:
        ImportError: symusic is not installed.
        OSError: The file can't be read.
        ValueError: It is no MIDI file, has no notes, or its metre changes.
    """
    path = pathlib.Path(path)
    score = _score(path)
    spans, notes = _spans(score, keep_drums, path.name)
    heard, told = quantised(spans, score.tpq)
    notes += told
    end = max(note.start + note.duration for note in heard)
    metre, upbeat = _metre(score, end, notes, path.name)
    bars = bars_until(end, bar_ticks(metre), upbeat, where=path.name)
    tonic, mode = _key(score, heard, notes)
    piece = Piece(
        heard,
        bars,
        metre,
        chords=_chords(score, bars[-1], notes),
        tonic=tonic,
        mode=mode,
        tempo=_tempo(score, notes),
        title=next((track.name.strip() for track in score.tracks if track.name.strip()), path.stem),
        source=path.name,
    )
    return piece, [f"{path.name}: {note}." for note in notes]


def _score(path):
    try:
        import symusic
    except ImportError:
        raise ImportError('symusic is not installed, which reads MIDI: pip install "rnnkit[music]"') from None
    try:
        score = symusic.Score.from_midi(path.read_bytes())
    except RuntimeError as error:
        reason = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error").rstrip("!")
        raise ValueError(
            f"{path.name} can't be read as a Standard MIDI file: {reason}. Write it anew, or leave it out."
        ) from None
    if score.tpq < 1:
        raise ValueError(f"{path.name} says {score.tpq} ticks a quarter, which must be at least 1. Write it anew.")
    return score


def _spans(score, keep_drums, name):
    """Returns `(start, end, pitch)` of the notes, in the file's ticks, and what was left out."""
    every = [(track.is_drum, note) for track in score.tracks for note in track.notes]
    kept = [note for drum, note in every if keep_drums or not drum]
    if not kept:
        if every:
            raise ValueError(f"{name} has only drums, {len(every):,} notes on channel 10. Keep them, or leave it out.")
        raise ValueError(f"{name} has no notes. Leave it out.")
    for note in kept:
        # symusic counts in 32 bits.
        if note.time < 0 or note.duration < 0 or not 0 <= note.pitch <= 127:
            raise ValueError(
                f"{name} has a note of pitch {note.pitch} at tick {note.time} that lasts {note.duration} ticks. "
                "Pitches are 0 to 127 and times below 2,147,483,648. Write it anew, or leave it out."
            )
    left = [f"{len(every) - len(kept):,} notes of drums left out"] if len(kept) < len(every) else []
    return [(note.time, note.time + note.duration, note.pitch) for note in kept], left


def _metre(score, end, notes, name):
    """Returns the metre, and the ticks of an upbeat."""
    found = [(nearest_tick(each.time, score.tpq), each.numerator, each.denominator) for each in score.time_signatures]
    # Of those at one tick the last holds; those after the last note say nothing.
    held = {tick: (beats, unit) for tick, beats, unit in sorted(found, key=lambda one: one[0]) if tick < end}
    if not held:
        notes.append("says no metre; taken for 4/4")
        return (4, 4), 0
    ticks, metres = list(held), list(held.values())
    try:
        bars = [bar_ticks(metre) for metre in metres]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    short = len(ticks) > 1 and ticks[0] == 0 and ticks[1] < bars[1]
    upbeat = ticks[1] if short and (bars[0] == ticks[1] or metres[0] == metres[1]) else 0
    metre = metres[bool(upbeat)]
    for tick, other in zip(ticks, metres, strict=True):
        if other != metre and not (upbeat and tick == 0):
            raise ValueError(
                f"{name}: the metre changes from {_written(metre)} to {_written(other)} at quarter {tick / TICKS:g}. "
                "A piece has one metre. Cut it where the metre changes, or leave it out."
            )
    if upbeat:
        notes.append(f"begins with an upbeat of {upbeat / TICKS:g} quarters")
    return metre, upbeat


def _written(metre):
    return f"{metre[0]}/{metre[1]}"


def _key(score, heard, notes):
    """Returns tonic and mode."""
    found = [(each.key, each.tonality) for each in sorted(score.key_signatures, key=lambda each: each.time)]
    known = [(sharps, minor) for sharps, minor in found if -7 <= sharps <= 7 and minor in (0, 1)]
    if not known:
        tonic, mode = estimated_key(heard)
        notes.append(f"says no key; {NAMES[tonic]} {mode} estimated from its notes")
        return tonic, mode
    if len(set(known)) > 1:
        notes.append("the key changes; the first is kept")
    sharps, minor = known[0]
    return (7 * sharps + 9 * minor) % 12, "minor" if minor else "major"


def _tempo(score, notes):
    # Without a tempo MIDI means 120. Microseconds are whole, so that 97 comes back as 96.99995.
    found = [each.mspq for each in sorted(score.tempos, key=lambda each: each.time) if each.mspq > 0]
    tempos = [round(60_000_000 / microseconds, 2) for microseconds in found] or [120.0]
    if len(set(tempos)) > 1:
        notes.append(f"the tempo changes, {min(tempos):g} to {max(tempos):g}; the first, {tempos[0]:g}, is kept")
    return tempos[0]


def _chords(score, end, notes):
    chords, others = {}, []
    for marker in sorted(score.markers, key=lambda each: each.time):
        text = marker.text.strip()
        known = text.startswith("ch:") or MARKER.fullmatch(text)
        name = chord_name(text.removeprefix("ch:")) if known else ""
        tick = nearest_tick(marker.time, score.tpq)
        if name and 0 <= tick < end:
            chords[tick] = Harmony(tick, name)
        else:
            others.append(text)
    if chords:
        notes.append(f"{len(chords):,} markers are names of chords; taken for chords")
    if others:
        notes.append(f"{len(others):,} markers are no chords within the piece; left out: {few_of(others, 3)}")
    return tuple(chords.values())
