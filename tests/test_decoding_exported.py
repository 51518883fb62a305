"""The searches inside a SavedModel: any number of sentences, width and seed as inputs."""

import numpy as np
import pytest
import tensorflow as tf
from decoding_toy import END, START

from rnnkit.decoding import Controls, beam_search, greedy, sample

UNITS, VOCABULARY = 6, 1500
CONTROLS = Controls(0.6, 0.2, 1.1, 3, (0, 1, START))


class Writer(tf.Module):
    """Writes while it looks at `(batch, source, units)`, of any sizes."""

    def __init__(self):
        random = np.random.default_rng(0)
        self.embedded = tf.Variable(random.normal(size=(VOCABULARY, UNITS)), dtype=tf.float32)
        self.written = tf.Variable(random.normal(size=(UNITS, VOCABULARY)), dtype=tf.float32)

    def search(self, source, kind, **settings):
        batch = tf.shape(source)[0]

        def step(ids, states, t):
            inner = tf.tanh(states + tf.gather(self.embedded, ids))
            by_sentence = tf.reshape(inner, [batch, -1, UNITS])
            weights = tf.nn.softmax(tf.matmul(by_sentence, source, transpose_b=True))
            context = tf.reshape(weights @ source, [-1, UNITS])
            return tf.matmul(inner + context, self.written), inner, tf.reshape(weights, [-1, tf.shape(source)[1]])

        limit = tf.fill([batch], 2 * tf.shape(source)[1])
        settings = {"batch": batch, "steps": limit, "start": START, "end": END, "controls": CONTROLS, **settings}
        return kind(step, tf.reduce_mean(source, 1), **settings)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None, None, UNITS]), *[tf.TensorSpec([], tf.int32)] * 2]
    )
    def beam(self, source, width, best):
        return self.search(source, beam_search, width=width, best=best)._asdict()

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, UNITS])])
    def most_probable(self, source):
        return self.search(source, greedy)._asdict()

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, UNITS]), tf.TensorSpec([2], tf.int32)])
    def drawn(self, source, seed):
        return self.search(source, sample, seed=seed, top_k=5, top_p=0.9, temperature=0.8)._asdict()


def test_one_sentence_of_known_size_converts_to_built_in_operations(tmp_path):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    writer = Writer()

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([1, 4, UNITS])])
    def write(source):
        def step(ids, states, t):
            inner = tf.tanh(states + tf.gather(writer.embedded, ids))
            weights = tf.nn.softmax(tf.matmul(inner, source[0], transpose_b=True))
            return tf.matmul(inner + weights @ source[0], writer.written), inner, weights

        controls = Controls(0.6, 0.2, 1.4, 2, (0, 1, START))
        fixed = {"batch": 1, "steps": 7, "start": START, "end": END, "controls": controls}
        return beam_search(step, tf.reduce_mean(source, 1), width=3, best=2, **fixed)._asdict()

    writer.write = write
    tf.saved_model.save(writer, str(tmp_path), signatures={"serving_default": write.get_concrete_function()})
    converted = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path)).convert()
    runner = interpreter.Interpreter(model_content=converted).get_signature_runner()
    for seed in range(4):
        source = 2 * tf.random.stateless_normal([1, 4, UNITS], [seed, 0])
        found, expected = runner(source=source.numpy()), write(source)
        for key, values in expected.items():
            np.testing.assert_allclose(found[key], values, atol=1e-4)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    writer, path = Writer(), str(tmp_path_factory.mktemp("saved"))
    signatures = {name: getattr(writer, name).get_concrete_function() for name in ("beam", "most_probable", "drawn")}
    tf.saved_model.save(writer, path, signatures=signatures)
    return writer, tf.saved_model.load(path)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("beam", {"width": tf.constant(3), "best": tf.constant(2)}),
        ("most_probable", {}),
        ("drawn", {"seed": tf.constant([5, 6])}),
    ],
)
def test_a_saved_search_finds_the_same(both, name, inputs):
    writer, saved = both
    for batch, time in [(1, 2), (4, 3)]:
        source = tf.random.stateless_normal([batch, time, UNITS], [batch, time])
        expected = getattr(writer, name)(source, **inputs)
        found = saved.signatures[name](source=source, **inputs)
        assert found["ids"].shape == (batch, 2 if name == "beam" else 1, 2 * time)
        for key in ("ids", "lengths", "scores", "weights"):
            np.testing.assert_allclose(found[key], expected[key], atol=1e-5)


def test_a_saved_search_refuses_a_width_of_0_in_words(both):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"width must be at least 1\. Got"):
        both[1].signatures["beam"](source=tf.zeros([1, 2, UNITS]), width=tf.constant(0), best=tf.constant(1))
