"""Softmax heads: logits and losses beside float64, gradients beside TensorFlow's own, precision, saving, TFLite."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from rnnkit.layers.encoder_decoder import TableEmbedding
from rnnkit.layers.softmax_head import SoftmaxHead

BATCH, TIME, FEATURES, UNITS, VOCABULARY = 3, 5, 8, 6, 29
CUTOFFS = (7, 11, 20)
KINDS = {
    "full": {},
    "tied": {"tied": True},
    "tied, projected": {"tied": True},
    "sampled": {"kind": "sampled", "samples": 13},
    "sampled, tied": {"kind": "sampled", "samples": 13, "tied": True},
    "adaptive": {"kind": "adaptive", "cutoffs": CUTOFFS, "division": 2.0},
}
RANDOM = np.random.default_rng(4)
TARGETS = RANDOM.integers(1, VOCABULARY, (BATCH, TIME)).astype("int32")
TARGETS[0, :5], TARGETS[1, 2], TARGETS[2, 3:] = (6, 7, 11, 20, 28), 0, 0


def drawn(*shape, scale=1.0):
    return RANDOM.normal(0, scale, shape).astype("float32")


def built(name, **more):
    """A head with random weights, biases too, and its inputs."""
    head = SoftmaxHead(VOCABULARY, **{**KINDS[name], **more})
    units = UNITS if name == "tied, projected" else FEATURES
    hidden, table = tf.constant(drawn(BATCH, TIME, FEATURES)), tf.constant(drawn(VOCABULARY, units, scale=0.5))
    inputs = [hidden, table] if head.tied else hidden
    head(inputs)
    for weight in head.trainable_weights:
        weight.assign(drawn(*weight.shape, scale=0.5))
    return head, inputs


def log_probabilities(head, inputs):
    """By the definition, in float64."""
    hidden, table = inputs if head.tied else (inputs, getattr(head, "kernel", None))
    hidden = np.asarray(hidden, np.float64)
    if head.kind != "adaptive":
        hidden = hidden if head.projection is None else hidden @ np.float64(head.projection)
        return log_softmax(hidden @ np.float64(table).T + np.float64(head.bias), axis=-1)
    parts = head.adaptive
    outer = log_softmax(hidden @ np.float64(parts.head).T + np.float64(parts.head_bias), axis=-1)
    found = [outer[..., : CUTOFFS[0]]]
    for place, (projection, tail, bias) in enumerate(parts.tails):
        inner = log_softmax(hidden @ np.float64(projection) @ np.float64(tail).T + np.float64(bias), axis=-1)
        found.append(inner + outer[..., CUTOFFS[0] + place, None])
    return np.concatenate(found, -1)


def gradients(head, inputs, losses):
    """Gradients by the inputs and the weights; every position weighs differently, so that none can cancel."""
    weights = [weight.value for weight in head.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(losses() * np.arange(1.0, BATCH * TIME + 1).reshape(BATCH, TIME).astype("float32"))
    given = [*inputs, *weights] if head.tied else [inputs, *weights]
    return [tf.convert_to_tensor(gradient).numpy() for gradient in tape.gradient(total, given)]


def by_logits(head, inputs, targets):
    logits = tf.nn.log_softmax(head(inputs))
    return tf.where(targets == 0, 0.0, -tf.gather(logits, targets, batch_dims=2))


@pytest.mark.parametrize("name", KINDS)
def test_logits_agree_with_float64_and_normalise(name):
    head, inputs = built(name)
    logits, expected = head(inputs), log_probabilities(head, inputs)
    assert logits.shape == (BATCH, TIME, VOCABULARY) and logits.dtype == tf.float32
    np.testing.assert_allclose(tf.nn.log_softmax(logits), expected, atol=2e-5)
    if head.kind == "adaptive":
        np.testing.assert_allclose(logits, expected, atol=2e-5)
        np.testing.assert_allclose(tf.reduce_sum(tf.exp(logits), -1), np.ones((BATCH, TIME)), rtol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_losses_are_those_of_the_targets_and_0_at_padding(name):
    head, inputs = built(name)
    chosen = np.take_along_axis(log_probabilities(head, inputs), TARGETS[..., None], -1)[..., 0]
    found = head.losses_of(inputs, TARGETS)
    np.testing.assert_allclose(found, np.where(TARGETS == 0, 0, -chosen), atol=2e-5)
    if head.kind != "sampled":
        np.testing.assert_array_equal(head.training_losses(inputs, TARGETS), found)


@pytest.mark.parametrize("name", KINDS)
def test_a_single_step_without_a_time_axis_has_the_same_answers(name):
    head, inputs = built(name)
    one = [inputs[0][:, 2], inputs[1]] if head.tied else inputs[:, 2]
    np.testing.assert_allclose(head(one), head(inputs)[:, 2], atol=1e-5)
    losses = head.losses_of(inputs, TARGETS)[:, 2]
    np.testing.assert_allclose(head.losses_of(one, TARGETS[:, 2]), losses, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_gradients_of_losses_are_those_through_the_logits(name):
    head, inputs = built(name)
    found = gradients(head, inputs, lambda: head.losses_of(inputs, TARGETS))
    expected = gradients(head, inputs, lambda: by_logits(head, inputs, TARGETS))
    for one, other in zip(found, expected, strict=True):
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("ids", [[3, 6], [8], [28], [5, 25], [12, 27], [0]], ids=str)
def test_clusters_without_a_target_take_no_part(ids):
    head, inputs = built("adaptive")
    targets = np.resize(np.array(ids, "int32"), (BATCH, TIME))
    np.testing.assert_allclose(head.losses_of(inputs, targets), by_logits(head, inputs, targets), atol=2e-5)
    found = gradients(head, inputs, lambda: head.losses_of(inputs, targets))
    expected = gradients(head, inputs, lambda: by_logits(head, inputs, targets))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_large_logits_have_finite_losses_and_gradients():
    head, inputs = built("full")
    head.kernel.assign(head.kernel * 1e4)
    found = gradients(head, inputs, lambda: head.losses_of(inputs, TARGETS))
    assert all(np.isfinite(gradient).all() for gradient in found)
    np.testing.assert_allclose(head.losses_of(inputs, TARGETS), by_logits(head, inputs, TARGETS), rtol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_losses_are_traced_once_for_windows_of_any_length(name):
    head, inputs = built(name)
    hidden, table = inputs if head.tied else (inputs, None)

    @tf.function(input_signature=[tf.TensorSpec((None, None, FEATURES)), tf.TensorSpec((None, None), tf.int32)])
    def both(hidden, targets):
        given = [hidden, table] if head.tied else hidden
        return head.losses_of(given, targets), head.training_losses(given, targets)

    for time in (1, 4):
        exact, training = both(hidden[:, :time], TARGETS[:, :time])
        np.testing.assert_allclose(exact, head.losses_of(inputs, TARGETS)[:, :time], atol=1e-5)
        assert training.shape == (BATCH, time)
        assert (np.equal(training, 0) == (TARGETS[:, :time] == 0)).all()


@pytest.mark.parametrize("name", ["sampled", "sampled, tied", "adaptive"])
def test_training_holds_no_tensor_of_all_logits(name):
    head, inputs = built(name)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(head.training_losses(inputs, TARGETS))
        return tape.gradient(loss, [weight.value for weight in head.trainable_weights])

    shapes = [output.shape for op in step.get_concrete_function().graph.get_operations() for output in op.outputs]
    assert len(shapes) > 50 and not [
        shape for shape in shapes if shape.rank and shape.rank > 1 and shape[-1] == VOCABULARY
    ]


def test_many_samples_come_near_the_exact_loss_and_few_are_below_it():
    head, inputs = built("sampled", seed=7)
    exact, real = head.losses_of(inputs, TARGETS).numpy(), TARGETS != 0

    def distance(samples):
        head.samples = samples
        losses = [head.training_losses(inputs, TARGETS).numpy() for _ in range(100)]
        return np.mean(losses, 0)[real].mean() - exact[real].mean()

    assert -0.1 < distance(VOCABULARY - 1) <= 0.01
    assert distance(3) < -0.3


def test_draws_change_from_step_to_step_and_go_on_from_the_variables_of_the_model():
    def made(seed):
        x = keras.Input((None, FEATURES))
        head = SoftmaxHead(VOCABULARY, kind="sampled", samples=4, seed=seed)
        return keras.Model(x, head(x)), head

    (model, head), (other, another), hidden = made(9), made(10), drawn(BATCH, TIME, FEATURES)
    before = head.training_losses(hidden, TARGETS)
    for variable, value in zip(other.variables, model.variables, strict=True):
        variable.assign(value)
    after = head.training_losses(hidden, TARGETS)
    assert not np.allclose(before, after)
    np.testing.assert_allclose(another.training_losses(hidden, TARGETS), after, rtol=1e-6)


def model_of(name):
    """Ids to logits, in one table where it is tied."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    vectors, table = TableEmbedding(VOCABULARY, UNITS if name == "tied, projected" else FEATURES)(ids)
    hidden = keras.layers.LSTM(FEATURES, return_sequences=True)(vectors)
    head = SoftmaxHead(VOCABULARY, **KINDS[name])
    model = keras.Model(ids, head([hidden, table] if head.tied else hidden))
    for weight in model.trainable_weights:
        weight.assign(drawn(*weight.shape, scale=0.5))
    return model


@pytest.mark.parametrize("name", KINDS)
def test_a_saved_model_answers_the_same(name, tmp_path):
    model = model_of(name)
    assert model.output.shape == (None, None, VOCABULARY)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(TARGETS), model(TARGETS), atol=1e-6)
    assert model.layers[-1].get_config() == loaded.layers[-1].get_config()


def test_a_tied_table_learns_from_what_is_read_and_from_what_is_written():
    model = model_of("tied")
    parts = keras.Model(model.input, model.layers[-1].input)
    table = next(layer for layer in model.layers if isinstance(layer, TableEmbedding)).embeddings

    def slope(stopped):
        with tf.GradientTape() as tape:
            hidden, vectors = parts(TARGETS[:1, :2])
            hidden = tf.stop_gradient(hidden) if stopped else hidden
            loss = tf.reduce_sum(model.layers[-1].losses_of([hidden, vectors], TARGETS[:1, 1:3]))
        return tf.convert_to_tensor(tape.gradient(loss, table.value)).numpy()

    changed = np.abs(slope(False) - slope(True)).max(1) > 1e-6
    assert sorted(np.flatnonzero(changed)) == sorted(set(TARGETS[0, :2]))
    assert (np.abs(slope(True)).max(1) > 0).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", KINDS)
def test_mixed_precision_answers_in_float32(name, policy):
    head, inputs = built(name, dtype=policy)
    exact = log_probabilities(head, inputs)
    logits, losses = head(inputs), head.losses_of(inputs, TARGETS)
    assert {logits.dtype, losses.dtype, head.training_losses(inputs, TARGETS).dtype} == {tf.float32}
    np.testing.assert_allclose(tf.nn.log_softmax(logits), exact, atol=0.2)
    found = gradients(head, inputs, lambda: head.losses_of(inputs, TARGETS))
    expected = gradients(head, inputs, lambda: by_logits(head, inputs, TARGETS))
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max() < 0.05 * np.abs(other).max()


def test_half_precision_bears_a_vocabulary_whose_exponentials_sum_to_more_than_it_holds():
    vocabulary = 70_000
    head, hidden = SoftmaxHead(vocabulary, dtype="mixed_float16"), tf.zeros((1, 2, 1))
    head.build(hidden.shape)
    with tf.GradientTape() as tape:
        losses = head.losses_of(hidden, np.array([[1, 2]]))
    np.testing.assert_allclose(losses, np.full((1, 2), np.log(vocabulary)), rtol=1e-5)
    assert np.isfinite(tape.gradient(losses, head.bias.value)).all()


@pytest.mark.parametrize("name", KINDS)
def test_tflite_answers_the_same_for_any_length(name):
    pytest.importorskip("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    from rnnkit.export.tflite import SIGNATURE, convert

    model = model_of(name)
    specs = [tf.TensorSpec((1, None), tf.int32, name="ids")]
    found = convert([model], lambda ids: {"y": model(ids, training=False)}, specs)
    assert found.rung == "fused" and not [op for op in found.ops if op.startswith("Flex")]
    run = Interpreter(model_content=found.content).get_signature_runner(SIGNATURE)
    for length in (1, 2, 9):
        ids = RANDOM.integers(1, VOCABULARY, (1, length)).astype("int32")
        np.testing.assert_allclose(run(ids=ids)["y"], model(ids, training=False), atol=1e-4)


REFUSED = [
    ({"kind": "hierarchical"}, "kind must be one of full, sampled, adaptive. Got 'hierarchical'."),
    ({"vocabulary": 0}, "vocabulary must be at least 1. Got 0."),
    ({"kind": "adaptive", "cutoffs": (7,), "division": 0.5}, "division must be at least 1. Got 0.5."),
    (
        {"kind": "adaptive", "tied": True},
        "An adaptive softmax can't be tied: its clusters have fewer features. Take kind full or sampled.",
    ),
    (
        {"kind": "sampled", "samples": 29},
        "samples must be from 1 to less than the vocabulary, 29. Got 29. Draw fewer, or take kind full.",
    ),
]


@pytest.mark.parametrize("values, message", REFUSED)
def test_what_does_not_fit_is_refused(values, message):
    with pytest.raises(ValueError) as error:
        SoftmaxHead(**{"vocabulary": VOCABULARY, **values})
    assert str(error.value) == message


def test_a_table_of_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"The table must have a row for each of 29 ids\. Got the shape \(28, 8\)\."):
        SoftmaxHead(VOCABULARY, tied=True)([tf.zeros((2, 3, 8)), tf.zeros((28, 8))])
