"""Sound: notes and chords in ticks -> decaying tones of six partials each, mixed -> the bytes of a .wav file."""

import functools
import io
import math
import wave
from collections.abc import Sequence

import numpy as np

from rnnkit.music.pieces import TICKS, chord_classes, chord_name

PARTIALS = 6
ATTACK, RELEASE = 0.005, 0.03
DECAY = 1.2
"""Seconds in which the first partial falls to 37 %; the higher ones fall faster."""
SILENCE = 1e-4
"""What is softer than that share of a tone's beginning isn't computed."""
SOFT = 0.3
"""Of a chord's notes, beside 1 of the others."""
BASS = 48
"""The C an octave below middle C: chords lie from here on."""
PEAK = 10 ** (-3 / 20)
LONGEST = 30 * 60
RATES = 8_000, 96_000


def wav_bytes(
    notes: Sequence[tuple[int, int, int]],
    *,
    tempo: float,
    ticks: int = TICKS,
    rate: int = 22_050,
    chords: Sequence[tuple[int, str]] = (),
) -> bytes:
    """Plays notes and returns the recording: 16 bits, mono, its loudest sample at -3 dBFS.

    Args:
        notes: `(start, duration, pitch)` each, in ticks; pitch 60 is middle C.
        tempo: Quarters a minute.
        ticks: Of a quarter.
        rate: Samples a second.
        chords: `(start, name)` each, as `pieces.chord_name` spells them; each holds until the next, the last until
            the notes end. They sound softly, as triads below the middle.

    Raises:
        ValueError: Nothing sounds, it is longer than half an hour, or a number can't be.
    """
    _check(notes, tempo, ticks, rate)
    second, end = tempo * ticks / 60, max(start + duration for start, duration, _ in notes)
    if end / second > LONGEST:
        raise ValueError(
            f"A recording lasts {LONGEST // 60} minutes at most. Got {end / second / 60:,.1f}: {end:,} ticks at a "
            f"tempo of {tempo:g}. Take fewer notes, or a faster tempo."
        )
    samples = np.zeros(math.ceil((end / second + RELEASE) * rate) + 1, np.float32)
    every = [(*note, 1.0) for note in notes] + [(*note, SOFT) for note in triads(chords, end)]
    # Tunes say the same again and again.
    played = functools.lru_cache(256)(tone)
    for start, duration, pitch, loudness in every:
        made = played(440 * 2 ** ((pitch - 69) / 12), duration / second, rate)
        first = round(start / second * rate)
        samples[first : first + len(made)] += loudness * made[: len(samples) - first]
    peak = float(np.abs(samples).max())
    if not peak:
        raise ValueError(f"Nothing sounds: all notes are too high for a rate of {rate:,}. Take a higher rate.")
    samples *= PEAK * 32_767 / peak
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, len(samples), "NONE", ""))
        out.writeframes(np.round(samples).astype("<i2").tobytes())
    return file.getvalue()


def _check(notes, tempo, ticks, rate):
    if not notes:
        raise ValueError("Nothing sounds: there are no notes. Give at least one.")
    if not (math.isfinite(tempo) and tempo > 0):
        raise ValueError(f"tempo must be above 0 quarters a minute. Got {tempo}.")
    if ticks < 1:
        raise ValueError(f"ticks of a quarter must be at least 1. Got {ticks}.")
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"rate must be {RATES[0]:,} to {RATES[1]:,} samples a second. Got {rate:,}.")
    for start, duration, pitch in notes:
        if start < 0 or duration < 1 or not 0 <= pitch <= 127:
            raise ValueError(
                "A note must start at tick 0 or later, last at least 1 and have a pitch of 0 to 127. "
                f"Got start {start}, duration {duration}, pitch {pitch}."
            )


def triads(chords: Sequence[tuple[int, str]], end: int) -> list[tuple[int, int, int]]:
    """Returns notes `(start, duration, pitch)` of chords, each held until the next, the last until `end`.

    Raises:
        ValueError: A name is that of no chord.
    """
    held = {start: name for start, name in sorted(chords, key=lambda chord: chord[0]) if 0 <= start < end}
    made = []
    for (start, name), following in zip(held.items(), [*list(held)[1:], end], strict=False):
        if not chord_name(name):
            raise ValueError(f"A chord must be such as 'F#m7'. Got {name!r} at tick {start}.")
        made += [(start, following - start, BASS + place) for place in chord_classes(chord_name(name))[:3]]
    return made


def tone(frequency: float, seconds: float, rate: int) -> np.ndarray:
    """Returns a tone that is struck, decays, and fades out within 30 ms after its end.

    Args:
        frequency: Hertz, of the first partial; the n-th has a n-th of its loudness. Those that a rate can't hold are
            left out.
        seconds: Until it fades out.
        rate: Samples a second.

    Returns:
        `(samples,)` float32, 1 at most for each partial's beginning.
    """
    heard = min(seconds + RELEASE, -DECAY * math.log(SILENCE))
    time = np.arange(math.ceil(heard * rate)) / rate
    shape = np.minimum(time / ATTACK, 1) * np.clip((heard - time) / RELEASE, 0, 1)
    made = np.zeros(len(time))
    for partial in range(1, PARTIALS + 1):
        if partial * frequency >= rate / 2:
            break
        made += np.sin(2 * np.pi * partial * frequency * time) * np.exp(-time * math.sqrt(partial) / DECAY) / partial
    return (made * shape).astype(np.float32)
