"""Grammar: what has been written of a tune -> which events may come next, so that its bars come out right.

    [style] key metre, then bars: | [from] ([chord] (note …| rest | goes on) duration) …

Tables say what each id is; all else are elementwise ops on a few numbers of each row.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rnnkit.features.pieces import RESERVED
from rnnkit.layers.embedding import END
from rnnkit.music import events
from rnnkit.music.pieces import MODES, NAMES, bar_ticks

NOTHING, STOP, STYLE, KEY, METRE, BAR, FROM, CHORD, NOTE, REST, GOES_ON, DURATION = range(12)
"""Kinds of events; what is none of them is `NOTHING`, and is never written."""
FOLLOWS = {
    NOTHING: (STYLE, KEY),
    STOP: (STYLE, KEY),
    STYLE: (KEY,),
    KEY: (METRE,),
    METRE: (BAR,),
    BAR: (FROM, CHORD, NOTE, REST, GOES_ON),
    FROM: (CHORD, NOTE, REST),
    CHORD: (NOTE, REST, GOES_ON),
    NOTE: (NOTE, DURATION),
    REST: (DURATION,),
    GOES_ON: (DURATION,),
    DURATION: (BAR, STOP, CHORD, NOTE, REST, GOES_ON),
}
GUESSED = {
    NOTHING: STYLE,
    STOP: STYLE,
    STYLE: KEY,
    KEY: METRE,
    METRE: BAR,
    BAR: NOTE,
    FROM: NOTE,
    CHORD: NOTE,
    NOTE: DURATION,
    REST: DURATION,
    GOES_ON: DURATION,
    DURATION: NOTE,
}
"""What an event of a primer that training doesn't have is taken for, by the kind of the one before."""
LONGEST = 384
"""Ticks of the longest bar that can be filled."""
STATES = ("kind", "pitch", "key", "sounding", "on_tonic", "upbeat")
"""What is kept of each row beside the clock."""
PREFIXES = {
    events.STYLE: STYLE,
    events.KEY: KEY,
    events.METRE: METRE,
    events.FROM: FROM,
    events.CHORD: CHORD,
    events.NOTE: NOTE,
    events.DURATION: DURATION,
}
WHOLE_WORDS = {events.BAR: BAR, events.REST: REST, events.GOES_ON: GOES_ON}
STAND_AFTER = {FROM: [events.BAR], DURATION: [events.REST]}


def kind_of(word: str) -> int:
    """Returns the kind of a word."""
    if word in WHOLE_WORDS:
        return WHOLE_WORDS[word]
    kind = next((kind for prefix, kind in PREFIXES.items() if word.startswith(prefix)), NOTHING)
    try:
        events.decode_words([*STAND_AFTER.get(kind, ()), word])
    except ValueError:
        return NOTHING
    return kind


def _numbers(word, kind):
    """Returns the ticks, ticks of a bar and pitch of a word."""
    if kind in (FROM, DURATION):
        return events.number_in(word, events.FROM if kind == FROM else events.DURATION), 0, -1
    if kind == METRE:
        return 0, bar_ticks(events.read_metre(word)), -1
    if kind == NOTE:
        return 0, 0, events.number_in(word, events.NOTE)
    return 0, 0, -1


def clock_table(words: Sequence[str]) -> np.ndarray:
    """Returns what `BarClock` must know of each id, `(ids, 5)`; `words` are those from id 4 on."""
    table = np.zeros((len(RESERVED) + len(words), 5), np.float32)
    table[END, 4] = 1
    for place, word in enumerate(words, len(RESERVED)):
        kind = kind_of(word)
        ticks, length, _ = _numbers(word, kind)
        table[place] = ticks, kind == BAR, length, kind == CHORD, 0
    return table


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a tune must be, tensors.

    Attributes:
        bars: `(batch,)` int32, after which it ends, an upbeat not counted.
        right_bars, in_key, on_tonic: Scalars, bool.
        style, key, metre: `(batch,)` int32, ids of the only ones allowed; 0 where any may be.
    """

    bars: tf.Tensor
    right_bars: tf.Tensor
    in_key: tf.Tensor
    on_tonic: tf.Tensor
    style: tf.Tensor
    key: tf.Tensor
    metre: tf.Tensor


class Grammar:
    """What may come next.

    Args:
        words: From id 4 on, as the model has them.
    """

    def __init__(self, words: Sequence[str]):
        kinds = [NOTHING] * len(RESERVED) + [kind_of(word) for word in words]
        kinds[END] = STOP
        self.tables = _tables(words, kinds)

    def begin(self, rows) -> dict[str, tf.Tensor]:
        """Returns the states before a tune, `(rows, 1)` float32 each."""
        return {name: tf.zeros([rows, 1]) for name in STATES}

    def after(self, ids, states: Mapping) -> dict[str, tf.Tensor]:
        """Returns the states after an id a row, `(batch,)`."""
        old = {name: state[:, 0] for name, state in states.items()}
        kind, pitch = (tf.gather(tf.constant(self.tables[name]), ids) for name in ("kind", "pitch"))
        is_note, is_rest, is_key = (tf.equal(kind, each) for each in (NOTE, REST, KEY))
        begins = tf.equal(kind, STOP)
        guessed = tf.gather(tf.constant(self.tables["guessed"]), tf.cast(tf.round(old["kind"]), tf.int32))
        key = tf.where(is_key, tf.cast(ids, tf.float32), tf.where(begins, 0.0, old["key"]))
        tonics = tf.gather(tf.constant(self.tables["tonic"]), tf.cast(key, tf.int32))
        here = tf.cast(tf.equal(tf.math.floormod(pitch, 12), tonics), tf.float32)
        new = {
            "kind": tf.cast(tf.where(tf.equal(kind, NOTHING), guessed, kind), tf.float32),
            "pitch": tf.where(is_note, tf.cast(pitch, tf.float32), -1.0),
            "key": key,
            "sounding": tf.where(is_note, 1.0, tf.where(is_rest | begins, 0.0, old["sounding"])),
            "on_tonic": tf.where(is_note, here, tf.where(begins, 0.0, old["on_tonic"])),
            "upbeat": tf.where(tf.equal(kind, FROM), 1.0, tf.where(begins, 0.0, old["upbeat"])),
        }
        return {name: new[name][:, None] for name in STATES}

    def allowed(self, states: Mapping, clock, asked: Asked) -> tf.Tensor:
        """Returns which ids may come next, `(batch, vocabulary)` bool; there is always one.

        Args:
            states: After the last id.
            clock: `(batch, 5)`, of the core, after it.
            asked: What the tune must be.
        """
        table = {name: tf.constant(array) for name, array in self.tables.items()}
        now = {name: tf.cast(tf.round(state[:, 0]), tf.int32) for name, state in states.items()}
        position, bar, length = (tf.cast(tf.round(clock[:, place]), tf.int32) for place in range(3))
        kinds = table["kind"][None]
        may = tf.gather(table["follows"], now["kind"])
        may &= (kinds != FROM) | (bar == 1)[:, None]
        may &= (kinds != GOES_ON) | (now["sounding"] > 0)[:, None]
        may &= (kinds != NOTE) | (table["pitch"][None] > now["pitch"][:, None])
        enough = self.enough(states, clock, asked)
        may &= ~tf.equal(kinds, STOP) | enough
        # Left to itself, a model may write any event anywhere once a bar has begun, and end where it likes.
        may |= ~asked.right_bars & (bar > 0)[:, None] & (tf.equal(kinds, STOP) | (kinds >= BAR))
        may &= self._asked_words(table, kinds, asked)
        begins = (now["kind"] == NOTHING) | (now["kind"] == STOP)
        may &= (kinds != KEY) | ~(begins & (asked.style > 0))[:, None]
        may &= (kinds != BAR) | ~enough
        scale = tf.gather(table["scale"], now["key"])
        inside = tf.gather(scale, table["class"], axis=1)
        may &= ~asked.in_key | (kinds != NOTE) | inside
        may &= ~asked.right_bars | table["fills"][None] | tf.equal(self._ids(table), asked.metre[:, None])
        right = self._right(table, kinds, now, length - position, enough, asked)
        known = (length > 0)[:, None]
        may &= ~asked.right_bars | ~known | right
        # Where nothing may come, as in a bar that can't be filled, what is begun is ended, then the bar or the tune.
        opened = (now["kind"] == NOTE) | (now["kind"] == REST) | (now["kind"] == GOES_ON)
        ends = tf.where(opened[:, None], tf.equal(kinds, DURATION), ~enough & tf.equal(kinds, BAR))
        may |= ~tf.reduce_any(may, 1, keepdims=True) & ends
        return may | (~tf.reduce_any(may, 1, keepdims=True) & tf.equal(kinds, STOP))

    @staticmethod
    def enough(states: Mapping, clock, asked: Asked) -> tf.Tensor:
        """Returns whether a tune has the bars asked for, the last one begun, `(batch, 1)`; an upbeat is none."""
        return clock[:, 1:2] - states["upbeat"] > tf.cast(asked.bars, tf.float32)[:, None] - 0.5

    @staticmethod
    def _ids(table):
        return tf.range(tf.shape(table["kind"])[0])[None]

    def _asked_words(self, table, kinds, asked):
        ids = self._ids(table)
        may = tf.ones_like(kinds, tf.bool)
        for kind, wanted in ((STYLE, asked.style), (KEY, asked.key), (METRE, asked.metre)):
            wanted = wanted[:, None]
            may &= (kinds != kind) | (wanted == 0) | (ids == wanted)
        return may

    @staticmethod
    def _right(table, kinds, now, left, enough, asked):
        """Returns which ids leave a bar that can be filled, to its end and no further."""
        left = tf.clip_by_value(left, 0, LONGEST)[:, None]
        full = left == 0
        may = tf.where((kinds == BAR) | tf.equal(kinds, STOP), full, True)
        inner = (kinds == CHORD) | (kinds == NOTE) | (kinds == REST) | (kinds == GOES_ON)
        may &= ~inner | ~full
        after = tf.clip_by_value(left - table["ticks"][None], -1, LONGEST)
        fits = (after >= 0) & tf.gather(table["fillable"], tf.maximum(after, 0))
        may &= (kinds != DURATION) | fits
        # An upbeat leaves something of its bar.
        may &= (kinds != FROM) | (fits & (after > 0))
        tonics = tf.gather(table["tonic"], now["key"])[:, None]
        strict = asked.on_tonic & enough & (tonics >= 0)
        lands = tf.where(kinds == NOTE, tf.equal(table["class"][None], tonics), (now["on_tonic"] > 0)[:, None])
        goes_on = tf.gather(table["splittable"], left)
        sounds = (kinds == NOTE) | (kinds == REST) | (kinds == GOES_ON)
        may &= ~strict | ~sounds | lands | goes_on
        ends = (kinds == DURATION) & (after == 0) & ~(now["on_tonic"] > 0)[:, None]
        return may & (~strict | ~ends)


def _tables(words, kinds):
    """Returns what is known of each id, and of lengths that may be left of a bar."""
    count = len(kinds)
    ticks, lengths, pitches = np.zeros(count, np.int32), np.zeros(count, np.int32), np.full(count, -1, np.int32)
    tonics, scales = np.full(count, -1, np.int32), np.ones((count, 12), bool)
    for place, word in enumerate(words, len(RESERVED)):
        ticks[place], lengths[place], pitches[place] = _numbers(word, kinds[place])
        if kinds[place] == KEY:
            name, _, mode = word.removeprefix(events.KEY).partition("_")
            tonics[place] = NAMES.index(name)
            scales[place] = np.isin(np.arange(12), (tonics[place] + np.array(MODES[mode])) % 12)
    known = sorted({int(tick) for tick, kind in zip(ticks, kinds, strict=True) if kind == DURATION})
    fillable = np.zeros(LONGEST + 1, bool)
    fillable[0] = True
    for left in range(1, LONGEST + 1):
        fillable[left] = any(tick <= left and fillable[left - tick] for tick in known)
    splittable = [any(tick < left and fillable[left - tick] for tick in known) for left in range(LONGEST + 1)]
    kinds = np.array(kinds, np.int32)
    # A tonic that no note has can't be asked for.
    classes = set((pitches[pitches >= 0] % 12).tolist())
    tonics = np.where(np.isin(tonics, list(classes)), tonics, -1)
    fills = fillable[np.minimum(lengths, LONGEST)]
    follows = np.array([np.isin(kinds, FOLLOWS[kind]) for kind in range(len(FOLLOWS))])
    return {
        "kind": kinds,
        "ticks": ticks,
        "pitch": pitches,
        "class": np.where(pitches >= 0, pitches % 12, 0).astype(np.int32),
        "tonic": tonics.astype(np.int32),
        "scale": scales,
        "fillable": fillable,
        "splittable": np.array(splittable),
        # Where no metre has bars that can be filled, any may be.
        "fills": fills | (not fills[kinds == METRE].any()),
        "follows": follows,
        "guessed": np.array([GUESSED[kind] for kind in range(len(GUESSED))], np.int32),
    }
