"""MusicXML -> pieces: one part's notes on the grid, bars, chord symbols; what was changed is told in a line each."""

import collections
import pathlib
import warnings
from fractions import Fraction

from rnnkit.messages import few_of
from rnnkit.music.pieces import MODES, NAMES, QUALITIES, TICKS, Harmony, Piece, bar_ticks
from rnnkit.music.quantising import bars_until, estimated_key, nearest_tick, quantised

SAME_MODES = {"ionian": "major", "aeolian": "minor"}
MOST_WARNINGS = 3


def read_musicxml(path: str | pathlib.Path) -> tuple[Piece, list[str]]:
    """Reads a piece from .xml, .musicxml or .mxl: the first part that has notes, as it sounds.

    Repeats are not played twice. A short first bar is an upbeat. A short bar later on is joined with the next where
    both make a whole one, and else filled with a rest. Grace notes are left out.

    Args:
        path: Of the file.

    Returns:
        The piece, and a line, which begins with the file's name, for each thing that was changed, assumed or left out.

    Raises:
        ImportError: music21 is not installed.
        OSError: The file can't be read.
        ValueError: It is no MusicXML, has no notes, its metre changes, or a bar is too long.
    """
    path = pathlib.Path(path)
    score, notes = _score(path)
    part = _part(score, notes, path.name)
    metre = _metre(part, notes, path.name)
    measures = list(part.getElementsByClass("Measure"))
    starts, bars = _bars(measures, bar_ticks(metre), notes, path.name)
    heard, told = quantised(_spans(measures, starts, notes, path.name))
    notes += told
    beyond = max(note.start + note.duration for note in heard) - bars[-1]
    if beyond > 0:
        more = bars_until(beyond, bar_ticks(metre), where=path.name)
        bars += [bars[-1] + line for line in more[1:]]
    tonic, mode = _key(part, heard, notes)
    piece = Piece(
        heard,
        tuple(bars),
        metre,
        chords=_chords(measures, starts, notes),
        tonic=tonic,
        mode=mode,
        tempo=_tempo(score, notes),
        title=_title(score, path),
        source=path.name,
    )
    return piece, [f"{path.name}: {note}." for note in notes]


def _score(path):
    try:
        import music21
    except ImportError:
        raise ImportError('music21 is not installed, which reads MusicXML: pip install "rnnkit[music]"') from None
    with path.open("rb"):
        pass
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            score = music21.converter.parseFile(path, format="musicxml", forceSource=True, storePickle=False)
    # What a faulty file makes music21 raise is of any kind: ZeroDivisionError, KeyError, its own, ….
    except Exception as error:
        raise _fault(path.name, error) from None
    told = dict.fromkeys(f"music21: {' '.join(str(one.message).split())}" for one in caught)
    return score, list(told)[:MOST_WARNINGS]


def _fault(name, error):
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return ValueError(f"{name} can't be read as MusicXML: {reason}. Write it anew, or leave it out.")


def _part(score, notes, name):
    """Returns the first part with notes, at the pitch it sounds."""
    parts = list(score.parts)
    kept = [part for part in parts if any(_pitched(element) for element in part.recurse().notes)]
    if not kept:
        drums = any(not _is(element, "Harmony") for part in parts for element in part.recurse().notes)
        raise ValueError(f"{name} has {'only drums' if drums else 'no notes'}. Leave it out.")
    if len(parts) > 1:
        which = "first" if kept[0] is parts[0] else "first with notes"
        notes.append(f"has {len(parts)} parts; only the {which} is read: {kept[0].partName or 'without a name'}")
    if kept[0].recurse().getElementsByClass("Repeat"):
        notes.append("has repeats; nothing is played twice")
    return _sounding(kept[0], name)


def _sounding(part, name):
    """Returns a part of a transposing instrument, such as a trumpet's, at the pitch that is heard."""
    for signature in part.recurse().getElementsByClass("KeySignature"):
        # music21 would go through all fifths one by one.
        if not -7 <= (signature.sharps or 0) <= 7:
            raise ValueError(f"{name} has a key of {signature.sharps:,} sharps; -7 to 7 are allowed. Mend it.")
    try:
        return part.toSoundingPitch()
    except Exception as error:
        raise _fault(name, error) from None


def _is(element, kind):
    return kind in element.classSet


def _pitched(element):
    return not _is(element, "Harmony") and bool(element.pitches)


def _metre(part, notes, name):
    found = {(each.numerator, each.denominator): each for each in part.recurse().getElementsByClass("TimeSignature")}
    if not found:
        notes.append("says no metre; taken for 4/4")
    metres = list(found) or [(4, 4)]
    if len(metres) > 1:
        (beats, unit), (others, other_unit), *_ = metres
        measure = found[metres[1]].getContextByClass("Measure")
        raise ValueError(
            f"{name}: the metre changes from {beats}/{unit} to {others}/{other_unit} in bar {measure.number}. "
            "A piece has one metre. Cut it where the metre changes, or leave it out."
        )
    try:
        bar_ticks(metres[0])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return metres[0]


def _bars(measures, whole, notes, name):
    """Returns the first tick of each measure, and the bar lines."""
    edges = [Fraction(measure.offset) for measure in measures]
    edges.append(edges[-1] + (Fraction(measures[-1].highestTime) or Fraction(whole, TICKS)))
    lengths = [nearest_tick(end - begin) for begin, end in zip(edges[:-1], edges[1:], strict=True)]
    last, filled = len(measures) - 1, []
    upbeat = lengths[0] if last and lengths[0] < whole else 0
    starts, lines, tick, open_until = [], [], 0, 0
    for place, length in enumerate(lengths):
        if length > whole:
            raise ValueError(
                f"{name}: bar {measures[place].number} has {length / TICKS:g} quarters where the metre says "
                f"{whole / TICKS:g}. Mend the bar, or leave the file out."
            )
        starts.append(tick)
        if open_until:
            tick, open_until = open_until, 0
            continue
        lines.append(tick)
        if place < last and 0 < place and 0 < length < whole and length + lengths[place + 1] == whole:
            tick, open_until = tick + length, tick + whole
        elif (place == 0 and upbeat) or (place == last and upbeat and length == whole - upbeat):
            tick += length
        else:
            tick += whole
            filled += [str(measures[place].number)] if length < whole else []
    if upbeat:
        notes.append(f"begins with an upbeat of {upbeat / TICKS:g} quarters")
    if filled:
        notes.append(f"{len(filled):,} bars are short; filled with rests: {few_of(filled)}")
    return starts, [*lines, tick]


def _spans(measures, starts, notes, name):
    """Returns `(start, end, pitch)` of what sounds, tied notes as one, in quarters."""
    spans, tied, left = [], {}, collections.Counter()
    for measure, first in zip(measures, starts, strict=True):
        for element in measure.flatten().notes:
            if not _pitched(element):
                left["notes of drums"] += not _is(element, "Harmony")
            elif element.duration.isGrace:
                left["grace notes"] += 1
            else:
                within, length = Fraction(element.offset), Fraction(element.duration.quarterLength)
                # Ties are found by when notes are written: bars that are filled would part them.
                written, start = Fraction(measure.offset) + within, Fraction(first, TICKS) + within
                for note in element.notes if _is(element, "ChordBase") else [element]:
                    if _is(note, "Note"):
                        _take(spans, tied, note, written, start, length)
    notes += [f"{count:,} {what} left out" for what, count in left.items() if count]
    if not spans:
        raise ValueError(f"{name} has no notes but grace notes. Leave it out.")
    for _, _, pitch in spans:
        if not 0 <= pitch <= 127:
            raise ValueError(f"{name} has a note of pitch {pitch}, and pitches are 0 to 127. Mend it, or leave it out.")
    return spans


def _take(spans, tied, note, written, start, length):
    """Adds a note, or makes that longer which it is tied to."""
    pitch, tie = round(note.pitch.ps), note.tie.type if note.tie else ""
    place = tied.pop((pitch, written), None) if tie in ("stop", "continue") else None
    if place is None:
        place = len(spans)
        spans.append([start, start + length, pitch])
    else:
        spans[place][1] += length
    if tie in ("start", "continue"):
        tied[pitch, written + length] = place


def _key(part, heard, notes):
    """Returns tonic and mode."""
    found = list(part.recurse().getElementsByClass("KeySignature"))
    sharps = [each.sharps for each in found]
    if len(set(sharps)) > 1:
        notes.append("the key changes; the first is kept")
    mode = getattr(found[0], "mode", None) if found else None
    mode = SAME_MODES.get(mode, mode)
    if mode in MODES:
        return found[0].tonic.pitchClass, mode
    tonic, mode = estimated_key(heard, sharps=sharps[0] if sharps else None)
    known = "no key"
    if sharps and sharps[0] is not None:
        known = f"{abs(sharps[0])} {'flats' if sharps[0] < 0 else 'sharps'} and no mode"
    notes.append(f"says {known}; {NAMES[tonic]} {mode} estimated from its notes")
    return tonic, mode


def _chords(measures, starts, notes):
    chords, others = {}, 0
    for measure, first in zip(measures, starts, strict=True):
        for symbol in measure.flatten().getElementsByClass("Harmony"):
            tick = first + nearest_tick(Fraction(symbol.offset))
            if symbol.pitches:
                chords[tick] = Harmony(tick, _chord(symbol))
            else:
                others += 1
    if others:
        notes.append(f"{others:,} chord symbols without pitches, such as N.C., left out")
    return tuple(chords[tick] for tick in sorted(chords))


def _chord(symbol):
    """Returns the name of a chord, of those here the one most like it: that of the largest share of common notes."""
    root = symbol.root().pitchClass
    classes = {(pitch.pitchClass - root) % 12 for pitch in symbol.pitches}
    # A fifth or a suspended second has notes enough for a triad only.
    known = {name: set(own) for name, own in QUALITIES.items() if len(own) <= max(len(classes), 3)}
    return NAMES[root] + max(known, key=lambda name: len(known[name] & classes) / len(known[name] | classes))


def _tempo(score, notes):
    marks = sorted(
        score.recurse().getElementsByClass("MetronomeMark"), key=lambda mark: mark.getOffsetInHierarchy(score)
    )
    tempos = [float(round(mark.getQuarterBPM(), 2)) for mark in marks if mark.getQuarterBPM()]
    if not tempos:
        notes.append("says no tempo; taken for 120 quarters a minute")
        return 120.0
    if len(set(tempos)) > 1:
        notes.append(f"the tempo changes, {min(tempos):g} to {max(tempos):g}; the first, {tempos[0]:g}, is kept")
    return tempos[0]


def _title(score, path):
    # music21 takes the file's name where a score has no title.
    titles = (score.metadata.title, score.metadata.movementName)
    return next((title.strip() for title in titles if title and title.strip() and title != path.name), path.stem)
