"""Sound: recordings last as long as the music, hold its pitches and no others, and are as loud as they may be."""

import io
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.music.pieces import chord_classes
from rnnkit.music.sound import DECAY, PARTIALS, RELEASE, tone, triads, wav_bytes

RATE = 8_000


def heard(data, rate):
    """Returns the samples of a recording, -1 to 1."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, rate)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_767


def strength(samples, rate, frequency):
    """How much of a frequency is in samples."""
    time = np.arange(len(samples)) / rate
    return abs(np.exp(-2j * np.pi * frequency * time) @ (samples * np.hanning(len(samples)))) / len(samples)


def hertz(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(20, 100)), min_size=1, max_size=6),
    st.sampled_from([8_000, 11_025]),
    st.integers(90, 200),
)
def test_recordings_last_as_long_as_the_notes_and_peak_at_minus_3_decibels(notes, rate, tempo):
    samples = heard(wav_bytes(notes, tempo=tempo, rate=rate, chords=[(0, "C")]), rate)
    end = max(start + duration for start, duration, _ in notes)
    assert len(samples) / rate == pytest.approx(end * 60 / tempo / 24 + RELEASE, abs=3 / rate)
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-3, abs=0.01)
    assert abs(samples[0]) < 1e-3 and abs(samples[-1]) < 1e-3


def test_notes_sound_when_they_should_at_their_pitch():
    samples = heard(wav_bytes([(24, 24, 60), (72, 48, 67)], tempo=120, rate=RATE), RATE)
    quarter = RATE // 2
    assert not samples[:quarter].any() and not samples[int(quarter * 2.1) : 3 * quarter].any()
    first, second = samples[quarter : 2 * quarter], samples[3 * quarter : 5 * quarter]
    assert strength(first, RATE, hertz(60)) > 50 * strength(first, RATE, hertz(67))
    assert strength(second, RATE, hertz(67)) > 50 * strength(second, RATE, hertz(60))


def test_a_tempo_twice_as_fast_takes_half_as_long():
    slow, fast = (heard(wav_bytes([(0, 96, 60)], tempo=tempo, rate=RATE), RATE) for tempo in (60, 120))
    assert len(slow) == pytest.approx((4 + RELEASE) * RATE, abs=3)
    assert len(slow) - len(fast) == pytest.approx(2 * RATE, abs=1)


def test_a_tone_is_the_sum_of_its_decaying_partials():
    rate, frequency = 22_050, 110.0
    made = tone(frequency, 1.0, rate)
    middle = np.arange(int(0.01 * rate), rate)
    expected = np.zeros(len(middle))
    for partial in range(1, 7):
        for place, sample in enumerate(middle):
            time = sample / rate
            decay = np.exp(-time * partial**0.5 / DECAY)
            expected[place] += np.sin(2 * np.pi * partial * frequency * time) / partial * decay
    np.testing.assert_allclose(made[middle], expected, atol=1e-5)
    assert made.dtype == np.float32 and abs(made[0]) < 1e-6 and abs(made[-1]) < 1e-2


@pytest.mark.parametrize("pitch", [60, 96, 103, 107])
def test_no_partial_lies_above_what_the_rate_holds(pitch):
    made = tone(hertz(pitch), 1.0, RATE)
    for partial in range(1, PARTIALS + 1):
        frequency = partial * hertz(pitch)
        # What lies above half the rate would be mirrored at it.
        seen = frequency if frequency < RATE / 2 else abs((frequency + RATE / 2) % RATE - RATE / 2)
        others = [n * hertz(pitch) for n in range(1, PARTIALS + 1) if n * hertz(pitch) < RATE / 2]
        if frequency < RATE / 2:
            assert strength(made, RATE, seen) > 0.01
        elif min(abs(seen - other) for other in others) > 40:
            assert strength(made, RATE, seen) < 1e-3


def test_chords_are_soft_triads_below_the_middle_until_the_next():
    assert triads([(0, "C"), (24, "Bm7")], 40) == [
        *((0, 24, pitch) for pitch in (48, 52, 55)),
        *((24, 16, pitch) for pitch in (59, 50, 54)),
    ]
    assert triads([], 40) == triads([(40, "C")], 40) == []
    assert {pitch % 12 for _, _, pitch in triads([(0, "Eb7")], 9)} == set(chord_classes("Eb7")[:3])
    alone = heard(wav_bytes([(0, 48, 72)], tempo=60, rate=RATE), RATE)
    both = heard(wav_bytes([(0, 48, 72)], tempo=60, rate=RATE, chords=[(0, "Am")]), RATE)
    low, loud = strength(both, RATE, hertz(57)), strength(both, RATE, hertz(72))
    assert 100 * strength(alone, RATE, hertz(57)) < low < 0.5 * loud


@pytest.mark.parametrize(
    ("chosen", "pattern"),
    [
        ({"notes": []}, r"^Nothing sounds: there are no notes\."),
        ({"notes": [(0, 24, 127)], "rate": 8_000}, r"too high for a rate of 8,000\. Take a higher rate"),
        ({"notes": [(0, 24 * 3_601, 60)]}, r"30 minutes at most\. Got 30\.0: 86,424 ticks at a tempo of 120\."),
        ({"notes": [(0, 24, 60)], "tempo": 0.01}, r"Got 100\.0: 24 ticks at a tempo of 0\.01"),
        ({"tempo": 0}, r"tempo must be above 0 quarters a minute\. Got 0\."),
        ({"tempo": float("inf")}, "Got inf"),
        ({"ticks": 0}, r"ticks of a quarter must be at least 1\. Got 0\."),
        ({"rate": 400}, r"rate must be 8,000 to 96,000 samples a second\. Got 400\."),
        ({"notes": [(0, 0, 60)]}, "Got start 0, duration 0, pitch 60"),
        ({"notes": [(-1, 5, 60)]}, "Got start -1, duration 5, pitch 60"),
        ({"notes": [(0, 5, 128)]}, "Got start 0, duration 5, pitch 128"),
        ({"chords": [(0, "H7")]}, r"A chord must be such as 'F#m7'\. Got 'H7' at tick 0\."),
    ],
)
def test_what_can_not_sound_is_refused(chosen, pattern):
    with pytest.raises(ValueError, match=pattern):
        wav_bytes(**{"notes": [(0, 24, 60)], "tempo": 120, **chosen})
