"""Events on a device: in plain Python and NumPy texts are read, moved, allowed and played as rnnkit.music has it."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from toy_composer import TEXTS, toy_composer

from rnnkit.export import run_events as script
from rnnkit.export.edge_music import music_edge
from rnnkit.music import grammar
from rnnkit.music.events import decode_words, key_words, moved_word
from rnnkit.music.grammar import STATES, Asked
from rnnkit.music.pieces import NAMES, QUALITIES
from rnnkit.predicting.composing import has_upbeat, key_of

KINDS = {"moved": {}, "in their own keys": {"moved": False}}
ROWS = 64
ODD = [
    *["|", "r", "~", "n0", "n3", "n60", "n127", "n128", "n060", "n", "d12", "d0", "d", "d-1", "d1000000", "from:60"],
    *["key:D_major", "key:F#_minor", "key:F_locrian", "key:H_major", "key:C_jazz", "key:", "Key:D_major", "metre:6/8"],
    *["metre:3/4", "metre:0/4", "metre:4/0", "metre:5/7", "metre:4", "style:jig", "style:réel", "ch:C", "ch:Bbm7"],
    *["ch:F#maj7", "ch:Dbm", "ch:", "ch:H", "[end]", "[unknown]", "\ufffd", "🙂", "from:60", "r2"],
]
GAPS = [" ", " ", " ", "", "  ", "\n", "\t", "\v", "\r\n", "\0", "\x1c", "\x85", "\xa0", "\u1680", "\u2028", "\u3000"]
raw_texts = st.one_of(
    st.lists(st.tuples(st.sampled_from(ODD), st.sampled_from(GAPS)), max_size=15).map(
        lambda pairs: "".join(word + gap for word, gap in pairs).encode()
    ),
    st.lists(st.characters(exclude_categories=["Cs"]), max_size=15).map(lambda letters: "".join(letters).encode()),
    st.binary(max_size=30),
)


@pytest.fixture(scope="module")
def both():
    """By kind: the composer, and the words and the grammar of the script."""

    def make(how):
        composer, _ = toy_composer(**how)
        told = json.loads(music_edge(composer).files["preparation.json"])
        return composer, script.Words(told), script.Grammar(told["tables"])

    return {kind: make(how) for kind, how in KINDS.items()}


@pytest.fixture(scope="module")
def read(both):
    """By kind: the ids and shifts of texts, and texts moved back, in the graph; traced once."""

    def make(composer):
        spec = tf.TensorSpec([None], tf.string)
        read = tf.function(composer.encoded, input_signature=[spec], autograph=False)
        back = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
        return read, tf.function(composer.joined, input_signature=back, autograph=False)

    return {kind: make(composer) for kind, (composer, _, _) in both.items()}


def test_kinds_are_numbered_as_in_the_graph():
    names = "NOTHING STOP STYLE KEY METRE BAR FROM CHORD NOTE REST GOES_ON DURATION".split()
    assert [getattr(script, name) for name in names] == [getattr(grammar, name) for name in names]
    assert len(grammar.FOLLOWS) == len(names)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(raw=st.lists(raw_texts, min_size=1, max_size=30))
@example(raw=[text.encode() for text in TEXTS])
@example(raw=[b"caf\xe9 key:D_major n60", b"", b" ", b"\xff", b"n60 \xa0key:E_minor\x0bn127\x00n3"])
def test_any_bytes_are_read_and_spelled_as_in_the_graph(both, read, kind, raw):
    _, words, _ = both[kind]
    encode, join = read[kind]
    found = {name: values.numpy().tolist() for name, values in encode(tf.constant(raw)).items()}
    joined = join(tf.constant(found["ids"], tf.int32, [len(raw), len(found["ids"][0])]), found["shift"])["text"]
    for row, text in enumerate(raw):
        split = words.split(text.decode("utf-8", "replace"))
        ids = words.ids(split)
        assert ids == found["ids"][row][: len(ids)] and not any(found["ids"][row][len(ids) :])
        assert words.shift(split) == found["shift"][row]
        spelled = " ".join(words.moved(words.spelled[number], -words.shift(split)) for number in ids)
        assert spelled.encode() == joined[row]


def test_words_are_moved_as_pieces_are_and_notes_stay_within_midi(both):
    _, words, _ = both["moved"]
    every = [*key_words(), *(f"n{pitch}" for pitch in range(128)), "|", "r", "d12", "style:n60", "n060", "n128"]
    every += [f"ch:{name}{quality}" for name in NAMES for quality in QUALITIES]
    for by in range(-11, 12):
        for word in every:
            expected = word if word in ("n060", "n128") else moved_word(word, by)
            moved = words.moved(word, by)
            assert moved == expected or not expected and moved == f"n{int(word[1:]) + by - (12 if by > 0 else -12)}"


@pytest.mark.parametrize("text", ["D", "f#m", "Bb_major", "A dorian", "bb minor", "G_mixolydian"])
def test_keys_are_named_as_they_are_to_predict(both, text):
    assert both["moved"][1].key(text) == f"key:{key_of(text)}"


@pytest.mark.parametrize("text", ["H", "", "D jazz", "Dm minor", "C##", "4/4", "D\n"])
def test_what_is_no_key_is_refused(both, text):
    if text == "D\n":
        assert both["moved"][1].key(text) == "key:D_major"
        return
    with pytest.raises(ValueError, match=r"^key must be such as D, F#m, Bb_major or A_dorian\. Got "):
        both["moved"][1].key(text)


def random_rows(composer, random):
    """States, clocks and what is asked of rows, likely and not."""
    size, kinds = composer.words.size, composer.grammar.tables["kind"]

    def ids_of(kind):
        return random.choice([0, 1, *np.flatnonzero(kinds == kind)], ROWS).astype(np.int32)

    longest = random.choice([0, 12, 72, 96, 500], ROWS)
    states = {
        "kind": random.integers(0, 12, ROWS),
        "pitch": random.choice([-1, 0, 57, 65, 127], ROWS),
        "key": random.choice([*ids_of(grammar.KEY), random.integers(0, size)], ROWS),
        **{name: random.integers(0, 2, ROWS) for name in ("sounding", "on_tonic", "upbeat")},
    }
    position = np.maximum(0, longest - random.choice([0, 1, 8, 12, 24, 36, 60, 99, -5], ROWS))
    clock = np.stack([position, random.integers(0, 5, ROWS), longest, ids_of(grammar.CHORD), longest * 0], 1)
    rules = {name: bool(random.integers(0, 4)) for name in ("right_bars", "in_key", "on_tonic")}
    asked = {"bars": random.integers(1, 4, ROWS, np.int32), **rules}
    asked |= {name: ids_of(kind) for name, kind in script.ASKED.items()}
    return states, clock.astype(np.float32), asked


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_the_same_events_may_come_next_as_in_the_graph(both, kind, seed):
    composer, _, rules = both[kind]
    states, clock, asked = random_rows(composer, np.random.default_rng(seed))
    columns = {name: tf.constant(state[:, None], tf.float32) for name, state in states.items()}
    assert tuple(states) == STATES and {*asked} == {*Asked.__dataclass_fields__}
    wanted = Asked(**{name: tf.constant(value) for name, value in asked.items()})
    expected = composer.grammar.allowed(columns, tf.constant(clock), wanted).numpy()
    enough = composer.grammar.enough(columns, tf.constant(clock), wanted).numpy()[:, 0]
    for row in range(ROWS):
        now = {name: int(state[row]) for name, state in states.items()}
        mine = {name: value[row] if np.ndim(value) else value for name, value in asked.items()}
        np.testing.assert_array_equal(rules.allowed(now, clock[row], mine), expected[row], str((now, clock[row], mine)))
        assert rules.enough(now, clock[row], mine) == enough[row]
    assert expected.any(1).all() and len({row.tobytes() for row in expected}) > 8


@pytest.mark.parametrize("kind", KINDS)
def test_events_change_what_is_known_as_in_the_graph(both, kind):
    composer, _, rules = both[kind]
    random = np.random.default_rng(1)
    states, mine = composer.grammar.begin(ROWS), [rules.begin() for _ in range(ROWS)]
    for _ in range(40):
        ids = random.integers(0, composer.words.size, ROWS)
        states = composer.grammar.after(tf.constant(ids, tf.int32), states)
        mine = [rules.after(int(number), before) for number, before in zip(ids, mine, strict=True)]
        for name in STATES:
            np.testing.assert_array_equal([now[name] for now in mine], states[name][:, 0])


likely = st.sampled_from([*ODD, *["|", "n60", "n64", "d12", "d24", "r", "~", "ch:C", "from:60"] * 4])
begun = st.sampled_from([[], ["key:D_dorian", "metre:3/4"], ["style:jig", "metre:6/8", "key:Bb_major", "|"]])


@settings(max_examples=600, deadline=None)
@given(begun=begun, rest=st.lists(likely, max_size=14))
@example(begun=[], rest=TEXTS[0].split())
@example(begun=[], rest=TEXTS[1].split())
def test_words_are_played_as_pieces_are_read(both, begun, rest):
    words = begun + rest
    try:
        piece = decode_words(words)
    except ValueError as fault:
        place = str(fault).split(",")[0].removeprefix("events: ")
        with pytest.raises(ValueError, match=f"^{place}, .* can't stand there$"):
            script.played(words, both["moved"][1])
        return
    told = script.played(words, both["moved"][1])
    assert told["notes"] == [tuple(note) for note in piece.notes]
    assert told["chords"] == [tuple(chord) for chord in piece.chords]
    assert (told["metre"], told["key"]) == (piece.metre, (piece.tonic, piece.mode))
    assert told["upbeat"] == (piece.bars[1] if has_upbeat(piece) else 0) and told["ticks"] == 24
