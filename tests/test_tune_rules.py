"""The sample of tunes: read without a fault, it keeps its rules, and bars before tell what the last notes don't."""

import importlib
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from rnnkit.metrics.music_copies import longest_copies
from rnnkit.metrics.music_scores import ends_on_tonic, in_key_share, right_tunes
from rnnkit.music.abc_reading import read_abc
from rnnkit.music.pieces import MODES, TICKS, chord_classes

DATA = Path(__file__).resolve().parent.parent / "data"
STYLES = {(4, 4): "reel", (3, 4): "waltz", (6, 8): "jig", (2, 4): "polka"}
FIELDS = r"T:[\w' -]+\nR:\w+\nM:\d/\d\nL:1/8\nQ:1/4=\d+\nK:[A-G][b#]?(?:m|dor|mix)?\n"
MUSIC = r"(?:[^|\n]+\|){4,5}\n(?:[^|\n]+\|){3}[^|\n]+\|\|\n(?:[^|\n]+\|){4}\n(?:[^|\n]+\|){3}[^|\n]+\|\]"


@pytest.fixture(scope="module")
def text():
    return (DATA / "tunes.abc").read_text("utf-8")


@pytest.fixture(scope="module")
def pieces(text):
    made, faults = read_abc(text, "tunes.abc")
    assert len(made) == 300 and faults == []
    return made


@pytest.fixture(scope="module")
def twins(pieces):
    """The pairs of tunes of one title."""
    by_title = defaultdict(list)
    for piece in pieces:
        by_title[piece.title].append(piece)
    return [named for named in by_title.values() if len(named) > 1]


@pytest.fixture
def rules(monkeypatch):
    """The module that composes the tunes."""
    monkeypatch.syspath_prepend(str(DATA))
    return importlib.import_module("tune_rules")


def test_the_same_seed_composes_the_same_tunes_and_another_one_others(rules, text):
    assert rules.tunes(random.Random("tunes"), count=300, variants=10) == text
    assert rules.tunes(random.Random(5), count=300, variants=10) != text


def test_a_tune_is_its_fields_and_two_parts_of_8_bars_in_4_lines(text):
    assert len(text) < 250_000 and text.isascii() and ":|" not in text
    head, *tunes = text.rstrip("\n").split("\n\n")
    assert head == "%abc-2.1" and len(tunes) == 300
    for number, tune in enumerate(tunes, 1):
        assert re.fullmatch(f"X:{number}\n{FIELDS}{MUSIC}", tune), tune


def test_bars_are_full_notes_in_key_and_the_tonic_comes_last_and_stays(pieces):
    assert right_tunes(pieces) == ends_on_tonic(pieces) == 1
    assert in_key_share(pieces) > 0.97
    for piece in pieces:
        upbeat = piece.bars[1] % piece.bar_ticks
        close = max(note for note in piece.notes if note.start < part_end(piece) - upbeat)
        for last in (close, piece.notes[-1]):
            assert last.pitch % 12 == piece.tonic and last.duration >= TICKS, piece.source


def part_end(piece):
    return piece.bars[8 + (piece.bars[1] < piece.bar_ticks)]


def strong_beats(piece):
    """Returns where a bar, and in metres of an even number of beats its half, begins; upbeats don't."""
    half = piece.bar_ticks // (1 if piece.metre == (3, 4) else 2)
    return {tick for start in whole_bars(piece) for tick in range(start, start + piece.bar_ticks, half)}


def whole_bars(piece):
    return piece.bars[piece.bars[1] < piece.bar_ticks : -1]


def test_all_metres_modes_and_many_keys_occur_and_the_metre_tells_the_style(pieces):
    assert {piece.metre: piece.style for piece in pieces} == STYLES
    assert len({(piece.metre, piece.style) for piece in pieces}) == 4
    for count in (Counter(piece.metre for piece in pieces), Counter(piece.mode for piece in pieces)):
        assert len(count) == 4 and min(count.values()) > 40
    assert len({(piece.tonic, piece.mode) for piece in pieces}) == 20
    assert 0.2 < sum(piece.bars[1] < piece.bar_ticks for piece in pieces) / len(pieces) < 0.4
    assert all(len(whole_bars(piece)) == 16 for piece in pieces)


def test_ten_titles_stand_twice_and_tunes_of_one_title_share_their_first_part(pieces, twins):
    assert len({piece.title for piece in pieces}) == 290 and list(map(len, twins)) == [2] * 10
    assert any(one.tonic != other.tonic for one, other in twins)
    for one, other in twins:
        assert (one.metre, one.mode) == (other.metre, other.mode) and one.notes != other.notes
        first = sum(note.start < part_end(one) for note in one.notes)
        assert longest_copies([one], [other], most=1)[0]["notes"] >= first - 3


def test_two_tunes_of_other_titles_share_stock_phrases_only(pieces, twins):
    alone = [piece for piece in pieces if not any(piece in named for named in twins)]
    assert longest_copies(alone[:60], alone[60:], most=1)[0]["notes"] < 16


def test_notes_on_strong_beats_belong_to_the_chord_and_parts_close_on_the_tonic_chord(pieces):
    for piece in pieces:
        strong = strong_beats(piece)
        for note in piece.notes:
            if note.start in strong:
                assert note.pitch % 12 in chord_classes(chord_at(piece, note.start)), (piece.source, note)
        for end in (part_end(piece), piece.bars[-1]):
            assert chord_classes(chord_at(piece, end - 1))[0] == piece.tonic


def chord_at(piece, tick):
    return [chord.name for chord in piece.chords if chord.start <= tick][-1]


def test_only_the_seventh_of_minor_is_raised_over_its_dominant(pieces):
    outside = Counter()
    for piece in pieces:
        for note in piece.notes:
            if (note.pitch - piece.tonic) % 12 not in MODES[piece.mode]:
                outside[piece.mode, (note.pitch - piece.tonic) % 12] += 1
                assert (chord_classes(chord_at(piece, note.start))[0] - piece.tonic) % 12 == 7
    assert list(outside) == [("minor", 11)]


def steps(piece):
    """Returns of each note the bar it is in, steps of the scale since the last note, and ticks to the next."""
    heights = []
    for note in piece.notes:
        octave, degree = divmod(note.pitch - piece.tonic, 12)
        scale = MODES[piece.mode]
        heights.append(7 * octave + (scale.index(degree) if degree in scale else 6))
    starts = [note.start for note in piece.notes] + [piece.bars[-1]]
    return [
        (sum(bar <= note.start for bar in piece.bars), height - before, after - note.start)
        for note, height, before, after in zip(piece.notes, heights, heights[:1] + heights, starts[1:], strict=False)
    ]


def bars_of(piece):
    """Returns of each bar its notes as steps and ticks; the step to its first note is left out."""
    bars = defaultdict(list)
    for bar, step, ticks in steps(piece):
        bars[bar].append((step, ticks))
    return [[(0, bar[0][1]), *bar[1:]] for bar in bars.values()]


def test_many_bars_are_like_one_of_the_two_before_and_many_of_these_stand_elsewhere(pieces):
    alike, moved, whole = 0, 0, 0
    for piece in pieces:
        bars, starts = bars_of(piece), [note.start for note in piece.notes]
        first_pitch = {bar: piece.notes[starts.index(tick)].pitch for bar, tick in enumerate(piece.bars[:-1])}
        for place in range(2, len(bars)):
            same = [back for back in (1, 2) if bars[place] == bars[place - back]]
            alike, whole = alike + bool(same), whole + 1
            moved += bool(same) and all(first_pitch[place] != first_pitch[place - back] for back in same)
    assert alike > 0.35 * whole
    assert moved > 0.3 * alike


def test_who_looks_one_or_two_bars_back_tells_more_notes_than_who_knows_the_last_three(pieces):
    """Both tell the most frequent note after the longest known context; one first looks for a bar begun alike."""
    after = defaultdict(Counter)
    for piece in pieces[:250]:
        line = [(step, ticks) for _, step, ticks in steps(piece)]
        for place, note in enumerate(line):
            for order in range(min(place, 3) + 1):
                after[tuple(line[place - order : place])][note] += 1
    markov, looker, count = 0, 0, 0
    for piece in pieces[250:]:
        line, bars = steps(piece), bars_of(piece)
        for place, (bar, *note) in enumerate(line):
            context = [tuple(told[1:]) for told in line[max(place - 3, 0) : place]]
            known = next(tuple(context[drop:]) for drop in range(4) if tuple(context[drop:]) in after)
            guess = after[known].most_common(1)[0][0]
            markov += guess == tuple(note)
            looker += (remembered(line, bars, place, bar) or guess) == tuple(note)
            count += 1
    assert markov / count < 0.2
    assert looker / count > markov / count + 0.2


def remembered(line, bars, place, bar):
    """Returns the note that followed in a bar one or two before, if that began like this one; else None."""
    now = line[0][0]
    begun = [told for told in line[:place] if told[0] == bar]
    for back in (1, 2):
        if begun and bar - back >= now:
            before, length = bars[bar - back - now], len(begun)
            if before[:length] == bars[bar - now][:length] and length < len(before):
                return before[length]
    return None


@pytest.mark.parametrize("seed", range(3))
def test_books_of_other_seeds_keep_the_rules_too(rules, seed):
    pieces, faults = read_abc(rules.tunes(random.Random(seed), count=40, variants=3), "book.abc")
    assert len(pieces) == 40 and faults == []
    assert right_tunes(pieces) == ends_on_tonic(pieces) == 1
    assert len({piece.title for piece in pieces}) == 37
