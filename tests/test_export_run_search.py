"""Search on a device: in NumPy it finds what the search in the graph finds, whatever the controls."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from rnnkit.decoding import Controls, beam_search, greedy
from rnnkit.export import run_search as script
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
        ids, score, weights = script.Search(how).best(device_step, {"h": start}, width=width, limit=limit)
        size = int(expected.lengths[0, 0])
        assert ids == expected.ids[0, 0, :size].numpy().tolist()
        assert score == pytest.approx(float(expected.scores[0, 0]), rel=1e-5)
        np.testing.assert_allclose(weights, expected.weights[0, 0, :size], rtol=1e-5, atol=1e-6)


def test_of_equal_values_the_first_are_the_highest():
    values, places = script.highest(np.array([1, 3, -np.inf, 3, 2, 3], np.float32), 2)
    assert values.tolist() == [3, 3] and places.tolist() == [1, 3]
    assert script.highest(np.full(3, -np.inf, np.float32), 3)[1].tolist() == [0, 1, 2]


def test_rows_are_filled_up_to_those_of_a_file_and_left_out_again():
    def file(ids, memory, h):
        assert ids.shape == (4,) and h.shape == (4, 2) and memory == "kept"
        return {"logits": h + 1, "weights": h + 2, "h": ids[:, None] * h}

    step = script.stepper(file, {"memory": "kept"}, 4)
    logits, weights, states = step(np.array([5, 6], np.int32), {"h": np.ones((2, 2), np.float32)})
    assert logits.tolist() == [[2, 2]] * 2 and weights.tolist() == [[3, 3]] * 2
    assert states["h"].tolist() == [[5, 5], [6, 6]]


def test_a_width_beyond_the_rows_of_a_file_is_refused():
    search = script.Search({})
    search.check(7, -1)
    search.check(3, 3)
    with pytest.raises(ValueError, match=r"^beam must be at least 1 and at most 3, as exported\. Got 4\.$"):
        search.check(4, 3)


def test_pieces_are_spelled_without_the_reserved_ones():
    pieces = ["", "[unknown]", "[start]", "[end]", "▁a", "▁", "▁b", "!"]
    assert script.spelled(pieces, [2, 4, 5, 6, 7, 1, 0, 3]) == "a b!\ufffd"
    assert script.spelled(pieces, []) == ""
