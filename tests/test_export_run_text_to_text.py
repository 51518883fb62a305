"""Search on a device: in NumPy it finds what the search in the graph finds, whatever the controls."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from rnnkit.decoding import Controls, beam_search, greedy
from rnnkit.export import run_text_to_text as script
from rnnkit.layers.embedding import END, START

CONTROLS = {
    "plain": {},
    "penalties": {"length_penalty": 0.8, "coverage_penalty": 0.4, "repetition_penalty": 1.3},
    "blocked": {"blocked_ngram": 2, "length_penalty": 0.3, "banned": (0, 1, 2)},
    "each once": {"blocked_ngram": 1, "banned": (0, 4)},
    "hasty": {"length_penalty": 1.0, "patience": 0.6},
}


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("name", CONTROLS)
def test_the_search_finds_what_the_graph_finds(name, width):
    """Steps that depend on the token and on a state, drawn by chance; the state must move with its beginning."""
    random, vocabulary, time = np.random.default_rng(width), 7, 4
    moves, looks = random.normal(0, 2, (2, vocabulary, vocabulary)).astype("float32")
    controls = Controls(**CONTROLS[name])
    how = dataclasses.asdict(controls)
    for limit in (1, 2, 9):
        start = random.normal(0, 1, (1, vocabulary)).astype("float32")

        def step(ids, states, t):
            state = 0.5 * states["h"] + tf.gather(moves, ids)
            return state, {"h": state}, tf.nn.softmax(tf.matmul(state, looks)[:, :time])

        def device_step(ids, states):
            logits, states, weights = step(ids, states, 0)
            return logits.numpy(), weights.numpy(), {"h": states["h"].numpy()}

        given = {"batch": 1, "steps": limit, "start": START, "end": END, "controls": controls}
        graph = greedy if width == 1 else beam_search
        expected = graph(step, {"h": tf.constant(start)}, **given, **({} if width == 1 else {"width": width}))
        ids, score, places = script.Search(how).best(device_step, {"h": start}, width=width, limit=limit)
        size = int(expected.lengths[0, 0])
        assert ids == expected.ids[0, 0, :size].numpy().tolist()
        assert score == pytest.approx(float(expected.scores[0, 0]), rel=1e-5)
        assert places == np.argmax(expected.weights[0, 0, :size], -1).tolist()


def test_of_equal_values_the_first_are_the_highest():
    values, places = script.highest(np.array([1, 3, -np.inf, 3, 2, 3], np.float32), 2)
    assert values.tolist() == [3, 3] and places.tolist() == [1, 3]
    assert script.highest(np.full(3, -np.inf, np.float32), 3)[1].tolist() == [0, 1, 2]
