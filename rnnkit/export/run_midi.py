"""Standard MIDI files: notes in ticks, tempo, metre, key and chords' names -> the bytes of a .mid file.

Standard library only: it is also copied beside a device's run.py.
"""

import math

SHARPS = {"major": 0, "minor": 3, "dorian": 10, "phrygian": 8, "lydian": 7, "mixolydian": 5, "locrian": 1}
"""Mode -> how far its tonic lies below that of the major key of the same signature, in semitones."""
SOFT, LOUD = 36, 80
"""Velocities of chords and of notes."""
BASS = 48
"""The C below middle C: sounded chords lie in the octave above it."""
LONGEST = 0x0FFFFFFF
"""A variable-length quantity has four bytes of seven bits."""


def midi_bytes(
    notes,
    *,
    tempo=120.0,
    metre=(4, 4),
    key=(0, "major"),
    chords=(),
    title="",
    ticks=24,
    program=0,
    harmony=(),
    sound_chords=False,
    upbeat=0,
) -> bytes:
    """Writes a Standard MIDI File: of format 0, or of format 1 where chords sound, on a track of their own.

    MIDI has no two notes of a pitch at a time: where they overlap, the earlier ends where the later begins.

    Args:
        notes: `(start, duration, pitch)` each, in ticks; pitch 60 is middle C.
        tempo: Quarters a minute.
        metre: Beats, and what a beat is: a power of 2.
        key: Pitch class of the tonic, and mode. MIDI knows major and minor; another mode is written as the one of
            these that has its signature and its third.
        chords: `(start, name)` each, written as markers.
        title: Name of the track.
        ticks: Of a quarter.
        program: Of General MIDI, 0 for a piano.
        harmony: `(start, end, pitch classes)` each: what chords sound as, softly, below middle C.
        sound_chords: Whether `harmony` is written.
        upbeat: Ticks of a first bar shorter than the metre says; 0 where there is none.

    Raises:
        ValueError: MIDI can't say it.
    """
    _check("ticks of a quarter", ticks, 1, 0x7FFF)
    _check("program", program, 0, 127)
    events = [(0, 0, _meta(0x03, title.encode("utf-8")))] if title else []
    events += [(0, 1, _meta(0x51, _microseconds(tempo).to_bytes(3, "big"))), (0, 3, _meta(0x59, _key(*key)))]
    events += [(start, 2, _meta(0x58, signature)) for start, signature in _signatures(metre, upbeat, ticks)]
    events += [(_tick(start), 4, _meta(0x06, name.encode("utf-8"))) for start, name in chords]
    tracks = [_track(events + list(_sounds(notes, 0, program, LOUD)))]
    if sound_chords and harmony:
        held = [(start, end - start, BASS + pitch % 12) for start, end, pitches in harmony for pitch in pitches]
        tracks.append(_track([(0, 0, _meta(0x03, b"chords")), *_sounds(held, 1, program, SOFT)]))
    header = b"".join(number.to_bytes(2, "big") for number in (len(tracks) > 1, len(tracks), ticks))
    return b"".join([_chunk(b"MThd", header), *tracks])


def quantity(number: int) -> bytes:
    """Returns a number as MIDI writes a time: seven bits a byte, the highest first, the last without the eighth bit.

    Raises:
        ValueError: It is negative or longer than 28 bits.
    """
    _check("ticks between two events", number, 0, LONGEST)
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))


def _check(what, number, low, high):
    if not low <= number <= high:
        raise ValueError(f"{what} must be {low} to {high} in MIDI. Got {number}.")


def _tick(number):
    if number < 0 or number != int(number):
        raise ValueError(f"Times in MIDI must be whole ticks from 0 on. Got {number}.")
    return int(number)


def _chunk(name, data):
    return name + len(data).to_bytes(4, "big") + data


def _meta(kind, data):
    return bytes([0xFF, kind]) + quantity(len(data)) + data


def _track(events):
    """Returns a track of `(tick, rank, message)`; at one tick those of lower rank come first."""
    parts, now = [], 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        parts += [quantity(tick - now), message]
        now = tick
    return _chunk(b"MTrk", b"".join([*parts, b"\0", _meta(0x2F, b"")]))


def _sounds(notes, channel, program, velocity):
    """Yields the events of notes; their ends come before their beginnings."""
    yield 0, 5, bytes([0xC0 | channel, program])
    ends = {}
    for start, duration, pitch in notes:
        _check("pitch", pitch, 0, 127)
        if duration < 1:
            raise ValueError(f"A note must last at least 1 tick. Got {duration}, of pitch {pitch} at tick {start}.")
        first, of = _tick(start), ends.setdefault(pitch, {})
        of[first] = max(_tick(start + duration), of.get(first, 0))
    for pitch, of in ends.items():
        starts = sorted(of)
        for start, following in zip(starts, [*starts[1:], math.inf]):  # noqa: B905, as Python 3.9 has no strict
            yield start, 7, bytes([0x90 | channel, pitch, velocity])
            yield min(of[start], following), 6, bytes([0x80 | channel, pitch, 0])


def _microseconds(tempo):
    """Returns those of a quarter."""
    if not (math.isfinite(tempo) and tempo > 0):
        raise ValueError(f"tempo must be above 0 quarters a minute. Got {tempo}.")
    microseconds = round(60_000_000 / tempo)
    if not 1 <= microseconds < 1 << 24:
        raise ValueError(f"tempo must be 3.6 to 60,000,000 quarters a minute in MIDI. Got {tempo}.")
    return microseconds


def _signatures(metre, upbeat, ticks):
    """Yields the tick and the bytes of each time signature: that of an upbeat, and the metre."""
    beats, unit = map(int, metre)
    if not 1 <= unit <= 128 or unit & (unit - 1) or not 1 <= beats <= 255:
        raise ValueError(f"A metre must be such as 4/4 or 6/8 in MIDI, its unit a power of 2. Got {beats}/{unit}.")
    if upbeat:
        if not 0 < upbeat < 4 * ticks * beats / unit:
            raise ValueError(f"An upbeat must be shorter than a bar of {beats}/{unit}. Got {upbeat} of {ticks} ticks.")
        # 64 / 64 is the shortest that programs know; what isn't such is a bar of the metre that is cut off.
        of = math.gcd(upbeat, 4 * ticks)
        first, part = upbeat // of, 4 * ticks // of
        sayable = part & (part - 1) == 0 and part <= 64 and first <= 255
        yield 0, _signature(*((first, part) if sayable else metre))
    yield upbeat, _signature(beats, unit)


def _signature(beats, unit):
    # The last two: MIDI clocks between two clicks of a metronome, and 32nds of a quarter.
    click = 36 if unit == 8 and beats % 3 == 0 else max(1, 96 // unit)
    return bytes([beats, unit.bit_length() - 1, click, 8])


def _key(tonic, mode):
    """Returns sharps, flats being negative, and 1 for minor."""
    if mode not in SHARPS or not 0 <= tonic <= 11:
        raise ValueError(f"A key must be a pitch class, 0 to 11, and one of {', '.join(SHARPS)}. Got {tonic} {mode!r}.")
    # The tonics of major keys go up by fifths: seven semitones a sharp. From 5 flats to 6 sharps.
    sharps = (7 * (tonic + SHARPS[mode]) + 5) % 12 - 5
    return bytes([sharps % 256, mode in ("minor", "dorian", "phrygian", "locrian")])
