"""Writing on a device: in plain Python and NumPy texts are cut, spelled, drawn and stopped as in the graph."""

import itertools
import json
import types

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from toy_language_model import TEXTS, language_model, written

from rnnkit.decoding import Controls
from rnnkit.decoding.choices import choices
from rnnkit.decoding.sampling import drawn
from rnnkit.export import run_language as script
from rnnkit.export.edge_language import language_edge
from rnnkit.layers.embedding import END

KINDS = {
    "characters": {"tokens": "character", "least_count": 2},
    "words": {"tokens": "word"},
    "words, lower, on their marks": {"tokens": "word", "lower": True, "punctuation": "keep", "markup": "drop"},
    "bpe": {"tokens": "bpe", "vocabulary": 45},
    "unigram, lower": {"tokens": "unigram", "vocabulary": 40, "lower": True},
}
ODD = [
    *"aAtThHeΣςσéÄ'.,;<>/▁🙂🏽中½\0\t\n\v\f\r \x1c\x85\xa0\u2028\u3000\u0301\ufeff\ufffd\U0010ffff",
    *["the", "Hat", " cat's ", "[end]", "[start]", "[unknown]", "  ", "<br/>", "mat\n"],
]
texts = st.one_of(
    st.lists(st.sampled_from(ODD), max_size=15).map("".join),
    st.lists(st.characters(exclude_categories=["Cs"]), max_size=15).map("".join),
    st.binary(max_size=30),
).map(lambda text: text if isinstance(text, bytes) else text.encode())


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """By kind: the units in the graph, and those of the script."""

    def make(how):
        generator, _ = language_model(**how)
        folder = written(tmp_path_factory.mktemp("edge"), language_edge(generator))
        units = generator.units
        spec = tf.TensorSpec([None], tf.string)
        cut = tf.function(units.ids, input_signature=[spec], autograph=False)
        join = tf.function(units.join, input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)
        graph = types.SimpleNamespace(ids=cut, join=join, size=units.size)
        return graph, script.Units(folder, json.loads((folder / "preparation.json").read_text("utf-8")))

    return {kind: make(how) for kind, how in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@given(raw=st.lists(texts, min_size=1, max_size=40))
@example(raw=[text.encode() for text in TEXTS])
@example(raw=[b"caf\xe9 \xed\xa0\x80 \xf0\x9f\x99", b"", b" ", b"\xff", "ΟΔΟΣ".encode(), b"a\0b [end] [end"])
def test_any_bytes_are_cut_as_in_the_graph(both, kind, raw):
    graph, device = both[kind]
    for text, expected in zip(raw, graph.ids(tf.constant(raw)).numpy().tolist(), strict=True):
        ids = device.ids(text)
        assert ids == expected[: len(ids)] and not any(expected[len(ids) :])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.integers(0, 1_000), max_size=20))
@example(places=[0, 1, 2, 3])
def test_ids_are_spelled_as_in_the_graph(both, kind, places):
    graph, device = both[kind]
    ids = [place % graph.size for place in places]
    assert len(device.spelled) == len(device.names) == graph.size
    (expected,) = graph.join(tf.constant([ids], tf.int32, [1, len(ids)])).numpy().tolist()
    assert device.joined(device.spelled[number] for number in ids).encode() == expected
    model = types.SimpleNamespace(units=device)
    for before in ("", "the", "the "):
        streamed = "".join(script.Model.spaced(model, before, ids))
        assert device.joined([streamed]).encode() == expected
        if not device.exact:
            assert "  " not in before + streamed and not (before + streamed).startswith(" ")


@settings(max_examples=60, deadline=None)
@given(
    history=st.lists(st.integers(4, 8), max_size=12),
    size=st.integers(0, 4),
    penalty=st.sampled_from([1.0, 1.3, 50.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_text_forbids_and_penalises_what_it_does_in_the_graph(history, size, penalty, seed):
    controls = {"repetition_penalty": penalty, "blocked_ngram": size, "banned": [0, 1, 2]}
    logits = np.random.default_rng(seed).normal(0, 3, 9).astype(np.float32)
    given = tf.constant([[*history, 0, 0]], tf.int32)
    expected = choices(tf.constant(logits[None]), given, tf.constant(len(history)), Controls(**controls)).allowed
    device = script.History(9, controls)
    for number in history:
        device.add(number)
    np.testing.assert_allclose(device.heeded(logits.copy()), expected[0], rtol=1e-6)


@settings(max_examples=80, deadline=None)
@given(
    temperature=st.sampled_from([0.3, 1.0, 4.0]),
    top_k=st.integers(0, 9),
    top_p=st.sampled_from([1e-6, 0.2, 0.5, 0.9, 1.0]),
    draw=st.floats(0, 1, exclude_max=True, width=32),
    seed=st.integers(0, 2**32 - 1),
)
@example(temperature=1.0, top_k=2, top_p=0.5, draw=0.0, seed=0)
def test_the_same_draw_is_the_same_token(temperature, top_k, top_p, draw, seed):
    random = np.random.default_rng(seed)
    # Some are equally probable, and some forbidden.
    logits = random.integers(-6, 6, 8).astype(np.float32) / 2
    logits[random.integers(0, 8, 2)] = -np.inf
    chances = np.exp((logits - logits.max()) / temperature, dtype=float)
    if top_k:
        chances[chances < np.sort(chances)[-min(top_k, 8)]] = 0
    falling = np.sort(chances)[::-1]
    shares = np.cumsum(falling) / chances.sum()
    # Right between two, rounding decides.
    assume(top_p == 1 or np.abs(shares - top_p).min() > 1e-5)
    if top_p < 1:
        chances[chances < falling[np.argmax(shares >= top_p)]] = 0
    sums = np.cumsum(chances) / chances.sum()
    assume(np.abs(sums - draw).min() > 1e-5)
    choose = script.Choice(temperature=temperature, top_k=top_k, top_p=top_p)
    choose.random = types.SimpleNamespace(random=lambda: draw)
    expected = drawn(tf.constant(logits[None]), tf.constant([draw]), temperature, top_k, top_p)
    assert choose(logits.copy()) == np.argmax(sums > draw) == expected[0]


def test_what_may_not_be_drawn_isnt():
    choose = script.Choice(temperature=1.0)
    assert choose(np.full(5, -np.inf, np.float32)) == 0
    only = np.where(np.arange(5) == 3, -9.0, -np.inf).astype(np.float32)
    assert {choose(only.copy()) for _ in range(20)} == {3}
    assert script.Choice(temperature=1e-300)(np.array([1, 3, 2], np.float32)) == 1
    assert {script.Choice(temperature=1e30, seed=seed)(np.array([1, 3, 2], np.float32)) for seed in range(20)} == {
        0,
        1,
        2,
    }


parts = st.lists(st.text("ab\n", max_size=3), max_size=8)


@settings(max_examples=300, deadline=None)
@given(stops=st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), parts=parts)
@example(stops=["aab"], parts=["a", "a", "a", "b", "b"])
def test_a_text_ends_before_its_first_stop_however_it_comes(stops, parts):
    told = list(script.until(stops, iter(parts)))
    wholes = ["".join(parts[:count]) for count in range(len(parts) + 1)]
    stopped = [whole for whole in wholes if any(stop in whole for stop in stops)]
    expected = wholes[-1]
    if stopped:
        expected = stopped[0][: min(place for stop in stops if (place := stopped[0].find(stop)) >= 0)]
    assert "".join(told) == expected
    # As soon as it is sure.
    for count, whole in enumerate(itertools.islice(wholes, 1, None), 1):
        if whole not in stopped and len(told) > count:
            held = len(whole) - len("".join(told[:count]))
            assert held <= max((len(stop) - 1 for stop in stops), default=0)


def test_a_prompt_that_has_ended_is_not_written_on(both):
    graph, device = both["words, lower, on their marks"]
    (ids,) = graph.ids(tf.constant([b"the [end] cat"])).numpy().tolist()
    assert device.ids(b"the [end] cat") == ids and ids[1] == END
    model = script.Model.__new__(script.Model)
    model.how, model.numbers = (
        {"prompt": 9, "controls": {"repetition_penalty": 1, "blocked_ngram": 0, "banned": []}},
        ids,
    )
    assert list(model.follow(ids, None)) == []
