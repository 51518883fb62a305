"""Grammar: tunes drawn by chance alone, from any vocabulary, keep the rules that are asked for, and always end."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from rnnkit.layers.bar_clock import BarClock
from rnnkit.layers.embedding import END, UNKNOWN
from rnnkit.music import grammar as kinds
from rnnkit.music.events import bar_faults, decode_words
from rnnkit.music.grammar import Asked, Grammar, clock_table, kind_of
from rnnkit.music.pieces import MODES

HEADERS = ["style:jig", "style:slow_air", "key:C_major", "key:A_minor", "key:A_dorian"]
SHAPES = ["|", "r", "~", "ch:C", "ch:Am", "from:12", "from:24", "from:36"]
NOTES = [f"n{pitch}" for pitch in range(57, 75)]
PLAIN = [*HEADERS, *SHAPES, *NOTES]
VOCABULARIES = {
    "usual": [*PLAIN, "metre:2/4", "metre:6/8", "metre:3/4", *(f"d{ticks}" for ticks in (6, 12, 18, 24, 36, 48))],
    "odd metres": [*PLAIN, "metre:7/8", "metre:5/16", "metre:3/2", *(f"d{ticks}" for ticks in (2, 3, 6, 24, 48))],
    "two durations": [*PLAIN, "metre:2/4", "metre:4/4", "metre:2/2", "d16", "d24"],
    "a whole bar alone": [*PLAIN, "metre:6/8", "d72"],
    "few kinds": ["|", "key:C_major", "metre:3/8", "n60", "n64", "n67", "d4", "d12", "d36"],
    "one tonic above": [*HEADERS, "|", "r", "~", "metre:2/4", "n62", "n65", "n69", "n72", "d6", "d12", "d24"],
    "without the tonic": [*HEADERS, *SHAPES, "metre:2/4", "n62", "n65", "n67", "d12", "d24"],
}
MOST = 3_000
ROWS = 40


@functools.cache
def traced(words):
    """The grammar of a vocabulary, and what reads an event a row and says which may come next."""
    grammar, clock = Grammar(words), BarClock(len(words) + 4)
    clock.build()
    clock.table.assign(clock_table(words))

    @tf.function(reduce_retracing=True, autograph=False)
    def read(ids, states, told, asked):
        states = grammar.after(ids, states)
        told = clock(ids[:, None], told)[1]
        return states, told, grammar.allowed(states, told, Asked(**asked))

    return grammar, read


class Drawing:
    """Tunes that are drawn side by side, event by event."""

    def __init__(self, words, rows=ROWS, bars=4, right_bars=True, in_key=False, on_tonic=True, seed=0, **asked):
        self.words, self.random, self.rows = words, np.random.default_rng(seed), rows
        self.grammar, self.step = traced(tuple(words))
        ids = {name: self.id(f"{name}:{asked[name]}") if name in asked else 0 for name in ("style", "key", "metre")}
        one = {name: tf.fill([rows], number) for name, number in ids.items()}
        rules = {"right_bars": right_bars, "in_key": in_key, "on_tonic": on_tonic}
        rules = {name: tf.constant(rule) for name, rule in rules.items()}
        self.asked = {"bars": tf.fill([rows], bars), **rules, **one}
        self.states, self.told = self.grammar.begin(rows), tf.zeros([rows, 5])
        self.read(np.full(rows, END))

    def id(self, word):
        return self.words.index(word) + 4 if word in self.words else UNKNOWN

    def read(self, ids):
        self.states, self.told, may = self.step(tf.constant(ids, tf.int32), self.states, self.told, self.asked)
        self.may = may.numpy()
        assert self.may.any(1).all(), "no event may come next"
        assert not self.may[:, [0, UNKNOWN, 2]].any()

    def may_come(self):
        """The words that may come next, of the first row; '' is the end."""
        return {"" if place == END else self.words[place - 4] for place in np.flatnonzero(self.may[0])}

    def tunes(self, primer=()):
        """Draws each event by chance from those that may come, until all tunes have ended."""
        written = [list(primer) for _ in range(self.rows)]
        for word in primer:
            self.read(np.full(self.rows, self.id(word)))
        going = np.ones(self.rows, bool)
        for _ in range(MOST):
            ids = np.where(self.may, self.random.random(self.may.shape), -1).argmax(1)
            going &= ids != END
            if not going.any():
                return written
            for row in np.flatnonzero(going):
                written[row].append(self.words[ids[row] - 4])
            self.read(np.where(going, ids, END))
        raise AssertionError("tunes go on for ever")


def full_bars(piece):
    """Checks that all bars are right, and returns how many there are, an upbeat not counted."""
    assert list(bar_faults(piece)) == []
    upbeat = piece.bars[1] < piece.bar_ticks
    assert piece.bars[-1] - piece.bars[-2] == piece.bar_ticks
    return len(piece.bars) - 1 - upbeat, upbeat


@pytest.mark.parametrize(("bars", "in_key"), [(1, False), (3, True)])
@pytest.mark.parametrize("name", VOCABULARIES)
def test_tunes_have_right_bars_end_after_those_asked_for_and_on_the_tonic(name, bars, in_key):
    pieces = [decode_words(words) for words in Drawing(VOCABULARIES[name], bars=bars, in_key=in_key).tunes()]
    upbeats = 0
    for piece in pieces:
        count, upbeat = full_bars(piece)
        assert count == bars
        upbeats += upbeat
        assert piece.notes and (name == "without the tonic" or piece.notes[-1].pitch % 12 == piece.tonic)
        scale = {(piece.tonic + step) % 12 for step in MODES[piece.mode]}
        assert not in_key or {note.pitch % 12 for note in piece.notes} <= scale
    assert (upbeats > 0) == any(word.startswith("from:") for word in VOCABULARIES[name]) - (name == "a whole bar alone")


def test_what_is_not_asked_for_is_free():
    drawn = Drawing(VOCABULARIES["usual"], on_tonic=False).tunes()
    pieces = [decode_words(words) for words in drawn]
    assert len({piece.metre for piece in pieces}) == 3 and len({piece.mode for piece in pieces}) == 3
    assert any(piece.notes[-1].pitch % 12 != piece.tonic for piece in pieces)
    assert any(note.pitch % 12 in (1, 3, 6, 8, 10) for piece in pieces for note in piece.notes if piece.tonic == 0)
    assert len({words[0] for words in drawn}) == 5 and all(full_bars(piece)[0] == 4 for piece in pieces)


@pytest.mark.parametrize("right_bars", [True, False])
def test_style_key_and_metre_asked_for_are_those_written(right_bars):
    asked = {"style": "slow_air", "key": "A_dorian", "metre": "6/8"}
    for words in Drawing(VOCABULARIES["usual"], bars=2, right_bars=right_bars, **asked).tunes():
        assert words[:3] == [f"{name}:{value}" for name, value in asked.items()]
        assert not any(word.startswith(tuple(asked)) for word in words[3:])


def test_left_to_itself_a_model_may_write_anything_but_more_bars_than_asked_for():
    drawn = Drawing(VOCABULARIES["usual"], bars=2, right_bars=False).tunes()
    assert max(words.count("|") for words in drawn) == 3 and min(map(len, drawn)) < 9
    drawing = Drawing(VOCABULARIES["usual"], right_bars=False)
    assert drawing.may_come() == {word for word in drawing.words if word.startswith(("style", "key"))}
    for word in ("key:A_minor", "metre:6/8", "|"):
        drawing.read(np.full(ROWS, drawing.id(word)))
    assert drawing.may_come() == {"", *drawing.words} - {word for word in drawing.words if word[0] in "skm"}


IMPOSSIBLE = {
    "bars that can't be filled": [*PLAIN, "metre:5/8", "metre:7/8", "d16", "d24"],
    "no durations": [*PLAIN, "metre:2/4"],
    "no notes or rests": ["key:C_major", "metre:2/4", "|", "ch:C", "d24", "~"],
    "no metres": [*PLAIN, "d24"],
    "no bars": ["key:C_major", "metre:2/4", "n60", "d24"],
    "nothing but bars": ["|"],
    "nothing": [],
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_where_no_tune_is_possible_what_is_drawn_ends_and_can_be_read(name):
    for words in Drawing(IMPOSSIBLE[name], bars=3, rows=8).tunes():
        piece = decode_words(words)
        assert len(piece.bars) <= 5
        assert name != "bars that can't be filled" or len(list(bar_faults(piece))) == len(piece.bars) - 1


def test_a_metre_whose_bars_cannot_be_filled_is_written_only_where_it_is_asked_for():
    words = [*PLAIN, "metre:2/4", "metre:5/8", "d16", "d24"]
    assert {decode_words(tune).metre for tune in Drawing(words).tunes()} == {(2, 4)}
    assert {decode_words(tune).metre for tune in Drawing(words, metre="5/8", rows=8).tunes()} == {(5, 8)}


PRIMERS = {
    "amid a bar": "key:C_major metre:2/4 | n62 d24",
    "at a bar's end": "key:C_major metre:2/4 | n62 d24 n65 d24",
    "a bar begun": "key:C_major metre:2/4 | n62 d48 |",
    "an upbeat": "key:C_major metre:2/4 | from:36 n62 d12",
    "notes that stand open": "style:jig key:C_major metre:2/4 | ch:C n62 n65",
    "a chord": "key:C_major metre:2/4 | r d24 ch:Am",
    "the header alone": "style:slow_air key:A_minor metre:2/4",
    "a style alone": "style:jig",
}


@pytest.mark.parametrize("primer", PRIMERS.values(), ids=PRIMERS)
def test_a_primer_is_gone_on_from_wherever_it_ends(primer):
    for words in Drawing(VOCABULARIES["without the tonic"], bars=3, rows=8).tunes(primer.split()):
        assert full_bars(decode_words(words))[0] == 3


@pytest.mark.parametrize(
    ("primer", "bars"),
    [("amid a bar", 1), ("at a bar's end", 1), ("a bar begun", 2)],
)
def test_a_primer_that_has_all_bars_is_gone_on_from_to_the_end_of_its_last_and_no_further(primer, bars):
    primer = PRIMERS[primer].split()
    for asked in range(1, bars + 1):
        for words in Drawing(VOCABULARIES["usual"], bars=asked, rows=8).tunes(primer):
            assert full_bars(decode_words(words))[0] == bars and words[: len(primer)] == primer
    longer = [*primer, *"| n60 d24 n62 d24 | n60 d48".split()] if bars == 1 else primer
    for words in Drawing(VOCABULARIES["usual"], bars=1, rows=8).tunes(longer):
        assert words[: len(longer)] == longer and words.count("|") == longer.count("|")


@pytest.mark.parametrize(
    "primer",
    [
        "what",
        "what key:C_major metre:2/4 | n62 d24",
        "key:C_major metre:2/4 | n62 what",
        "key:C_major metre:2/4 | what d24",
        "key:C_major metre:2/4 | n62 d24 what n60 d12",
        "key:C_major what | n62 d24",
        "d24 d24 n60 | |",
        "n72 n60",
    ],
)
def test_what_follows_a_primer_of_unknown_and_misplaced_words_ends_and_has_no_second_header(primer):
    words = VOCABULARIES["usual"]
    for tune in Drawing(words, bars=2, rows=8).tunes(primer.split()):
        written = tune[len(primer.split()) :]
        assert tune.count("|") <= max(2, primer.count("|")) + 1
        assert not {"style", "key", "metre"} & {word.partition(":")[0] for word in written} or "|" not in primer


def test_an_unknown_duration_ends_the_note_before_it_and_no_header_follows():
    drawing = Drawing(VOCABULARIES["usual"])
    for word in "key:C_major metre:2/4 | n62 d7".split():
        drawing.read(np.full(ROWS, drawing.id(word)))
    assert drawing.may_come() <= {word for word in drawing.words if word[0] in "dnr~c|"}
    assert "~" in drawing.may_come() and "n60" in drawing.may_come()


def test_single_steps_by_hand():
    drawing = Drawing(["style:jig", "key:C_major", "metre:2/4", "|", "from:24", "r", "~", "n60", "n64", "d24", "d48"])

    def may(*words):
        for word in words:
            drawing.read(np.full(ROWS, drawing.id(word)))
        return drawing.may_come()

    assert may() == {"style:jig", "key:C_major"}
    assert may("style:jig") == {"key:C_major"} and may("key:C_major") == {"metre:2/4"} and may("metre:2/4") == {"|"}
    assert may("|") == {"from:24", "r", "n60", "n64"}
    assert may("from:24") == {"r", "n60", "n64"}
    assert may("n60") == {"n64", "d24"} and may("n64") == {"d24"}
    assert may("d24") == {"|"}
    assert may("|") == {"r", "~", "n60", "n64"}
    assert may("~") == {"d24", "d48"} and may("d24") == {"r", "~", "n60", "n64"}
    assert may("r") == {"d24"} and may("d24") == {"|"}
    assert may("|") == {"r", "n60", "n64"}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("|", kinds.BAR),
        ("r", kinds.REST),
        ("~", kinds.GOES_ON),
        ("d24", kinds.DURATION),
        ("d0", kinds.NOTHING),
        ("n127", kinds.NOTE),
        ("n128", kinds.NOTHING),
        ("from:12", kinds.FROM),
        ("from:", kinds.NOTHING),
        ("ch:F#m7", kinds.CHORD),
        ("ch:H", kinds.NOTHING),
        ("key:A_dorian", kinds.KEY),
        ("key:A_sad", kinds.NOTHING),
        ("metre:4/4", kinds.METRE),
        ("metre:4/0", kinds.NOTHING),
        ("style:", kinds.STYLE),
        ("[end]", kinds.NOTHING),
        ("", kinds.NOTHING),
    ],
)
def test_kinds_are_told_by_what_can_be_read(word, kind):
    assert kind_of(word) == kind
    Grammar([word])
    assert clock_table([word]).shape == (5, 5)
