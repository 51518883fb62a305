"""Attention decoder: values against NumPy, steps against teacher forcing, gradients against a plain loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from plain_scan import in_a_plain_loop

from rnnkit.layers import attention_decoder as module
from rnnkit.layers.attention_decoder import AttentionDecoder

BATCH, TIME, STEPS, VOCABULARY, WIDTH, FEATURES, UNITS = 3, 5, 4, 11, 6, 8, 7
IDS = np.array([[2, 5, 6, 3, 0], [2, 3, 0, 0, 0], [2, 4, 4, 9, 3]])
TARGET = np.array([[4, 5, 3, 0], [6, 3, 0, 0], [4, 4, 7, 3]])
RANDOM = np.random.default_rng(3)
MEMORY = RANDOM.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)
TABLE = RANDOM.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)

KINDS = [
    {"attention": "bahdanau"},
    {"attention": "bahdanau", "cell": "gru", "depth": 2, "coverage": True},
    {"attention": "bahdanau", "input_feeding": True, "tied": False, "attention_units": 5},
    {"attention": "dot", "units": FEATURES, "coverage": True},
    {"attention": "general", "depth": 2, "residual": True},
    {"attention": "general", "cell": "gru", "input_feeding": True},
    {"attention": "concat", "tied": False, "attention_units": 5},
    {"attention": "concat", "input_feeding": True, "coverage": True, "depth": 2, "residual": True},
]


def named(kind):
    return " ".join(str(value) for value in kind.values())


def decoder(units=UNITS, **kind):
    layer = AttentionDecoder(VOCABULARY, units, **kind)
    layer([MEMORY, IDS, TARGET, TABLE])
    random = np.random.default_rng(5)
    for weight in layer.trainable_variables:
        weight.assign(weight + random.normal(size=weight.shape) * 0.2)
    return layer


def one_by_one(layer, ids=IDS, memory=MEMORY):
    """Gives logits and weights of all steps, each by `step`."""
    opened = layer.open(tf.constant(memory), tf.constant(ids))
    states, before, logits, weights = layer.first_states(opened), tf.fill([len(ids)], 2), [], []
    assert {name: state.shape[1] for name, state in states.items() if name != "covered"} == {
        name: size for name, size in layer.state_sizes.items() if name != "covered"
    }
    for t in range(STEPS):
        found, states, looked = layer.step(opened, before, states, TABLE)
        logits.append(found)
        weights.append(looked)
        before = tf.constant(TARGET[:, t], tf.int32)
    return np.stack(logits, 1), np.stack(weights, 1)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_step_by_step_it_gives_what_teacher_forcing_gives(kind):
    layer = decoder(**kind)
    logits, weights = one_by_one(layer)
    np.testing.assert_allclose(logits, layer([MEMORY, IDS, TARGET, TABLE]), atol=2e-5)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    assert not weights[np.repeat(IDS[:, None] == 0, STEPS, 1)].any()


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_its_gradients_are_those_of_a_plain_loop(kind, monkeypatch):
    layer = decoder(**kind)

    def gradients():
        memory, table = tf.constant(MEMORY), tf.constant(TABLE)
        with tf.GradientTape() as tape:
            tape.watch([memory, table])
            loss = tf.reduce_sum(tf.sin(layer([memory, IDS, TARGET, table])))
        return tape.gradient(loss, [memory, table, *(weight.value for weight in layer.trainable_variables)])

    found = gradients()
    monkeypatch.setattr(module, "scan", in_a_plain_loop)
    for one, other in zip(found, gradients(), strict=True):
        np.testing.assert_allclose(tf.convert_to_tensor(one), tf.convert_to_tensor(other), atol=3e-5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    shares = np.exp(x - x.max())
    return shares / shares.sum()


def test_bahdanaus_lstm_is_that_of_the_paper_in_numpy():
    layer = decoder(attention="bahdanau", attention_units=5, tied=False)
    w = {weight.name: weight.numpy() for weight in layer.weights}
    expected = np.zeros((BATCH, STEPS, VOCABULARY))
    for row in range(BATCH):
        memory = MEMORY[row][IDS[row] > 0]
        h, c = (np.tanh(memory.mean(0) @ w[f"start_{name}_0"]) for name in "hc")
        for t in range(STEPS):
            vector = TABLE[TARGET[row, t - 1] if t else 2]
            scores = np.tanh(h @ w["query_kernel"] + memory @ w["keys"]) @ w["score"][:, 0]
            context = softmax(scores) @ memory
            gates = vector @ w["kernel"] + w["bias_0"] + np.concatenate([context, h]) @ w["matrix_0_0"]
            i, f, g, o = np.split(gates, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            features = np.tanh(np.concatenate([h, context, vector]) @ w["output_kernel"] + w["output_bias"])
            expected[row, t] = features @ w["logits_kernel"] + w["logits_bias"]
    np.testing.assert_allclose(layer([MEMORY, IDS, TARGET, TABLE]), expected, atol=2e-5)


def test_luongs_gru_with_input_feeding_is_that_of_the_paper_in_numpy():
    layer = decoder(attention="general", cell="gru", input_feeding=True)
    w = {weight.name: weight.numpy() for weight in layer.weights}
    expected = np.zeros((BATCH, STEPS, VOCABULARY))
    for row in range(BATCH):
        memory = MEMORY[row][IDS[row] > 0]
        h, found = np.tanh(memory.mean(0) @ w["start_h_0"]), np.zeros(WIDTH)
        for t in range(STEPS):
            x = TABLE[TARGET[row, t - 1] if t else 2] @ w["kernel"] + w["bias_0"] + found @ w["matrix_0_1"]
            inner = h @ w["matrix_0_0"] + w["recurrent_bias_0"]
            z, r = sigmoid(x[:UNITS] + inner[:UNITS]), sigmoid(x[UNITS : 2 * UNITS] + inner[UNITS : 2 * UNITS])
            h = z * h + (1 - z) * np.tanh(x[2 * UNITS :] + r * inner[2 * UNITS :])
            context = softmax(memory @ w["keys"] @ h) @ memory
            found = np.tanh(np.concatenate([h, context]) @ w["output_kernel"] + w["output_bias"])
            expected[row, t] = found @ TABLE.T + w["logits_bias"]
    np.testing.assert_allclose(layer([MEMORY, IDS, TARGET, TABLE]), expected, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS[:3] + KINDS[5:6], ids=named)
def test_later_units_and_what_is_padded_change_nothing(kind):
    layer = decoder(**kind)
    logits = layer([MEMORY, IDS, TARGET, TABLE])
    later = TARGET.copy()
    later[:, 2:] = 9
    np.testing.assert_array_equal(layer([MEMORY, IDS, later, TABLE])[:, :3], logits[:, :3])
    noise = np.where(IDS[..., None] == 0, 100.0, MEMORY)
    np.testing.assert_allclose(layer([noise, IDS, TARGET, TABLE]), logits, atol=1e-5)
    longer = [np.pad(MEMORY, [(0, 0), (0, 3), (0, 0)]), np.pad(IDS, [(0, 0), (0, 3)]), TARGET, TABLE]
    np.testing.assert_allclose(layer(longer), logits, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS[2:6], ids=named)
def test_several_rows_of_one_sequence_are_each_as_if_alone(kind):
    layer = decoder(**kind)
    opened = layer.open(tf.constant(MEMORY), tf.constant(IDS))
    states = layer.first_states(opened)
    before = tf.constant([4, 5, 6, 7, 8, 9])
    twice = {name: tf.repeat(state, 2, axis=0) for name, state in states.items()}
    together, after, weights = layer.step(opened, before, twice, TABLE)
    for place in range(2):
        alone, states_alone, weights_alone = layer.step(opened, before[place::2], states, TABLE)
        np.testing.assert_allclose(together[place::2], alone, atol=1e-5)
        np.testing.assert_allclose(weights[place::2], weights_alone, atol=1e-6)
        for name, state in states_alone.items():
            np.testing.assert_allclose(after[name][place::2], state, atol=1e-5)


def test_what_only_helps_training_is_drawn_then_and_by_the_seed():
    shares = {"dropout": 0.3, "variational_dropout": 0.3, "word_dropout": 0.3, "scheduled_sampling": 0.5}

    def logits(training, **kind):
        keras.utils.set_random_seed(4)
        layer = AttentionDecoder(VOCABULARY, UNITS, depth=2, attention="general", input_feeding=True, **kind)
        return layer([MEMORY, IDS, TARGET, TABLE], training=training).numpy()

    plain = logits(False)
    for name, share in shares.items():
        np.testing.assert_array_equal(logits(False, **{name: share}), plain)
        drawn = logits(True, **{name: share})
        assert np.isfinite(drawn).all() and not np.allclose(drawn, plain), name
        np.testing.assert_array_equal(logits(True, **{name: share}), drawn)


def test_with_the_models_own_units_given_it_learns_from_what_it_would_write():
    layer = decoder(attention="general", scheduled_sampling=0.999)
    written = layer([MEMORY, IDS, TARGET, TABLE]).numpy().argmax(-1)
    assert (written[:, :-1] != TARGET[:, :-1]).any()
    before = np.concatenate([written[:, :-1], TARGET[:, -1:]], 1)
    # The place of a unit that is padding stays so.
    before[:, :-1][TARGET[:, :-1] == 0] = 0
    expected = layer([MEMORY, IDS, before, TABLE])
    np.testing.assert_allclose(layer([MEMORY, IDS, TARGET, TABLE], training=True), expected, atol=1e-5)


def test_saved_and_loaded_it_answers_alike(tmp_path):
    ids, target = (keras.Input((None,), dtype="int32", name=name) for name in ("ids", "target"))
    memory, table = keras.Input((None, FEATURES), name="memory"), keras.Input(batch_shape=TABLE.shape, name="table")
    kind = {"attention": "concat", "coverage": True, "depth": 2, "residual": True, "dropout": 0.1}
    layer = AttentionDecoder(VOCABULARY, UNITS, **kind)
    model = keras.Model([memory, ids, target, table], layer([memory, ids, target, table]))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    given = [MEMORY, IDS, TARGET, TABLE]
    np.testing.assert_array_equal(loaded(given), model(given))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({"cell": "mingru"}, "cell must be one of lstm, gru. Got 'mingru'."),
        ({"attention": "soft"}, "attention must be one of bahdanau, dot, general, concat. Got 'soft'."),
        ({"attention": "dot"}, "one size. Got 7 and 8. Give the decoder 8 units, or take general."),
    ],
)
def test_what_a_decoder_cannot_have_is_refused_with_its_value(kind, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        decoder(**kind)
