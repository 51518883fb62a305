"""Roll heads: losses and draws beside loops pitch by pitch in float64, all frames' chances, gradients, XLA, TFLite."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.layers.roll_heads import IndependentRoll, NadeRoll

BATCH, TIME, FEATURES, PITCHES, HIDDEN = 3, 4, 6, 5, 7
KINDS = {"independent": lambda pitches, **more: IndependentRoll(pitches, **more)}
KINDS["nade"] = lambda pitches, **more: NadeRoll(pitches, HIDDEN, **more)
RANDOM = np.random.default_rng(6)
TARGETS = RANDOM.random((BATCH, TIME, PITCHES)) < 0.4
TARGETS[0, 0], TARGETS[1, 2] = False, True


def normal(*shape, scale=1.0):
    return RANDOM.normal(0, scale, shape).astype("float32")


def built(name, pitches=PITCHES, **more):
    """A head with random weights, and what it reads."""
    head, x = KINDS[name](pitches, **more), tf.constant(normal(BATCH, TIME, FEATURES))
    head(x)
    for weight in head.trainable_weights:
        weight.assign(normal(*weight.shape))
    return head, x


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def next_chance(head, x, below, temperature=1.0):
    """By the definition, in float64: how probable the next pitch is after `x (features,)` and the pitches `below`."""
    read = np.float64(x) @ np.float64(head.read.kernel) + np.float64(head.read.bias)
    place = len(below)
    logit = read[place]
    if isinstance(head, NadeRoll):
        inner = read[head.pitches :].copy()
        for pitch, sounds in enumerate(below):
            inner += sounds * np.float64(head.kernel)[pitch]
        logit += sum(np.float64(head.readout)[place] * sigmoid(inner))
    return sigmoid(logit / temperature)


def nats(head, x, frame):
    chances = [next_chance(head, x, frame[:place]) for place in range(len(frame))]
    return -sum(math.log(chance if sounds else 1 - chance) for chance, sounds in zip(chances, frame, strict=True))


def frame_by(head, x, draws, temperature=1.0):
    frame = []
    for draw in draws:
        frame.append(int(draw < next_chance(head, x, frame, temperature)))
    return frame


def every_frame(pitches):
    return np.array(list(itertools.product([0, 1], repeat=pitches)))


@pytest.mark.parametrize("name", KINDS)
def test_losses_are_those_of_a_loop_over_pitches(name):
    head, x = built(name)
    found = head.losses_of(head(x), TARGETS)
    expected = [[nats(head, x[row, t], TARGETS[row, t]) for t in range(TIME)] for row in range(BATCH)]
    assert found.shape == (BATCH, TIME) and found.dtype == tf.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_all_frames_together_have_the_chance_1(name):
    head, x = built(name)
    frames, conditions = every_frame(PITCHES), head(x)[1, 2]
    losses = head.losses_of(tf.tile(conditions[None], [len(frames), 1]), frames)
    assert losses.shape == (32,) and np.ptp(losses) > 1
    assert np.exp(-np.float64(losses)).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("name", KINDS)
def test_frames_are_drawn_pitch_by_pitch(name, temperature):
    head, x = built(name, pitches=11)
    draws = RANDOM.random((BATCH * TIME, 11)).astype("float32")
    rows = tf.reshape(x, [-1, FEATURES])
    expected = [frame_by(head, row, mine, temperature) for row, mine in zip(rows, draws, strict=True)]
    found = head.drawn(head(rows), draws, temperature)
    assert found.dtype == tf.float32 and 0.2 < np.mean(expected) < 0.8
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", KINDS)
def test_a_temperature_of_0_takes_what_is_more_probable_whatever_the_draws(name):
    head, x = built(name)
    conditions = head(x)[:, 1]
    expected = [frame_by(head, row, [0.5] * PITCHES) for row in x[:, 1]]
    for draws in (np.zeros((BATCH, PITCHES), "float32"), np.full((BATCH, PITCHES), 1 - 2**-24, "float32")):
        np.testing.assert_array_equal(head.drawn(conditions, draws, 0.0), expected)


@pytest.mark.parametrize("name", KINDS)
def test_rows_may_have_temperatures_of_their_own(name):
    head, x = built(name)
    conditions, draws = head(x)[:, 0], RANDOM.random((BATCH, PITCHES)).astype("float32")
    found = head.drawn(conditions, draws, tf.constant([[0.5], [1.0], [3.0]]))
    for row, temperature in enumerate((0.5, 1.0, 3.0)):
        alone = head.drawn(conditions[row : row + 1], draws[row : row + 1], temperature)
        np.testing.assert_array_equal(found[row : row + 1], alone)


@pytest.mark.parametrize("name", KINDS)
def test_frames_are_drawn_as_often_as_they_are_probable(name):
    head, x = built(name, pitches=3)
    frames, count = every_frame(3), 20_000
    conditions = head(x)[2:, 3]
    draws = tf.random.stateless_uniform([count, 3], [4, 2])
    found = head.drawn(tf.tile(conditions, [count, 1]), draws)
    expected = np.exp(-head.losses_of(tf.tile(conditions, [8, 1]), frames))
    shares = np.bincount((found.numpy() @ [4, 2, 1]).astype(int), minlength=8) / count
    np.testing.assert_allclose(shares, expected, atol=4.5 * np.sqrt(expected.max() / count))


def gradients(head, x, losses_of):
    """Gradients of `x` and the weights; every frame weighs differently, so that none can cancel."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        losses = losses_of(head(x))
        total = tf.reduce_sum(losses * tf.reshape(tf.range(1.0, BATCH * TIME + 1), [BATCH, TIME]))
    return tape.gradient(total, [x, *(weight.value for weight in head.trainable_weights)])


def by_pitches(head, conditions):
    """Losses whose gradient is TensorFlow's own: one pitch after the other, all of them written out."""
    inner, total = conditions[..., PITCHES:], 0.0
    for pitch in range(PITCHES):
        notes = tf.cast(TARGETS[..., pitch], tf.float32)
        logits = conditions[..., pitch]
        if isinstance(head, NadeRoll):
            logits += tf.reduce_sum(tf.sigmoid(inner) * head.readout[pitch], -1)
            inner += notes[..., None] * head.kernel[pitch]
        total += tf.nn.sigmoid_cross_entropy_with_logits(notes, logits)
    return total


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("name", KINDS)
def test_gradients_are_those_of_the_loop_over_pitches(name, compiled):
    head, x = built(name)
    run = tf.function(gradients, jit_compile=True, autograph=False) if compiled else gradients
    found = run(head, x, lambda conditions: head.losses_of(conditions, TARGETS))
    expected = gradients(head, x, lambda conditions: by_pitches(head, conditions))
    assert len(found) == {"independent": 3, "nade": 5}[name]
    for one, other in zip(found, expected, strict=True):
        assert np.abs(other).max() > 1e-2
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_large_weights_have_finite_losses_and_gradients(name):
    head, x = built(name)
    for weight in head.trainable_weights:
        weight.assign(weight * 1e4)
    found = gradients(head, x, lambda conditions: head.losses_of(conditions, TARGETS))
    assert all(np.isfinite(gradient).all() for gradient in found)
    assert np.isfinite(head.losses_of(head(x), TARGETS)).all()


def test_training_holds_nothing_for_each_pitch_and_hidden_unit_together():
    head, x = built("nade")
    step = tf.function(gradients, autograph=False)
    graph = step.get_concrete_function(head, x, lambda conditions: head.losses_of(conditions, TARGETS)).graph
    definition = graph.as_graph_def()
    ops = [node.op for function in definition.library.function for node in function.node_def]
    assert "MatMul" in ops and not [op for op in ops if op.startswith("TensorList")]
    # Both loops, that of the losses and that of their gradients, have a condition and a body.
    inner = [graph._get_function(function.signature.name).graph for function in definition.library.function]
    assert len(inner) == 4
    sizes = [out.shape.num_elements() for each in (graph, *inner) for op in each.get_operations() for out in op.outputs]
    assert len(sizes) > 100 and max(filter(None, sizes)) < BATCH * TIME * PITCHES * HIDDEN


@pytest.mark.parametrize("name", KINDS)
def test_shapes_may_be_unknown_while_tracing(name):
    head, x = built(name)
    conditions = head(x)
    for rows, frames in itertools.product([(None, None), (BATCH, TIME)], repeat=2):
        spec = tf.TensorSpec((*rows, conditions.shape[-1])), tf.TensorSpec((*frames, PITCHES), tf.bool)
        losses = tf.function(head.losses_of, input_signature=spec, autograph=False)(conditions, TARGETS)
        np.testing.assert_allclose(losses, head.losses_of(conditions, TARGETS), rtol=1e-6)
    draws = RANDOM.random((BATCH, PITCHES)).astype("float32")
    for rows, frames in itertools.product([None, BATCH], repeat=2):
        spec = tf.TensorSpec((rows, conditions.shape[-1])), tf.TensorSpec((frames, PITCHES))
        found = tf.function(head.drawn, input_signature=spec, autograph=False)(conditions[:, 0], draws)
        np.testing.assert_array_equal(found, head.drawn(conditions[:, 0], draws))


@pytest.mark.parametrize("name", KINDS)
def test_no_rows_have_no_losses_and_no_frames(name):
    head, x = built(name)
    conditions = head(x)[:0]
    assert head.losses_of(conditions, TARGETS[:0]).shape == (0, TIME)
    assert head.drawn(conditions[:, 0], np.zeros((0, PITCHES), "float32")).shape == (0, PITCHES)


@pytest.mark.parametrize("name", KINDS)
def test_a_head_begins_with_few_notes(name):
    head = KINDS[name](88)
    losses = head.losses_of(head(tf.zeros((1, 1, FEATURES))), np.eye(1, 88)[None])
    assert 4 < losses.numpy().item() < 12


@pytest.mark.parametrize("name", KINDS)
def test_a_saved_model_answers_the_same(name, tmp_path):
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, KINDS[name](PITCHES)(keras.layers.GRU(4, return_sequences=True)(x)))
    width = {"independent": PITCHES, "nade": PITCHES + HIDDEN}[name]
    assert model.output.shape == (None, None, width) and model.output.dtype == "float32"
    for weight in model.trainable_weights:
        weight.assign(normal(*weight.shape))
    model.save(tmp_path / "model.keras")
    loaded, inputs = keras.models.load_model(tmp_path / "model.keras"), normal(BATCH, TIME, FEATURES)
    assert model.layers[-1].get_config() == loaded.layers[-1].get_config()
    losses = [each.layers[-1].losses_of(each(inputs), TARGETS) for each in (model, loaded)]
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", KINDS)
def test_mixed_precision_answers_in_float32(name, policy):
    head, x = built(name, dtype=policy)
    conditions = head(x)
    losses = head.losses_of(conditions, TARGETS)
    assert conditions.dtype == losses.dtype == tf.float32
    expected = [[nats(head, x[row, t], TARGETS[row, t]) for t in range(TIME)] for row in range(BATCH)]
    np.testing.assert_allclose(losses, expected, atol=0.2)


@tf.function(autograph=False)
def _learn(head, optimizer, x, frames):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(head.losses_of(head(x), frames))
    weights = head.trainable_weights
    optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
    return loss


def test_hidden_units_learn_what_pitches_alone_can_not():
    frames = tf.constant([[1, 0, 1], [0, 1, 0]] * 8, tf.float32)
    x = tf.ones((16, 2))
    reached = {}
    for name in KINDS:
        keras.utils.set_random_seed(3)
        head, optimizer = KINDS[name](3), keras.optimizers.Adam(0.1)
        head(x)
        optimizer.build(head.trainable_weights)
        reached[name] = [_learn(head, optimizer, x, frames).numpy() for _ in range(150)][-1]
    # Two frames, as probable as one another: one bit, where independent pitches need three.
    assert reached["nade"] == pytest.approx(math.log(2), abs=0.1)
    assert reached["independent"] == pytest.approx(3 * math.log(2), abs=0.1)


@pytest.mark.parametrize("name", KINDS)
def test_tflite_draws_the_same_by_built_in_ops(name):
    pytest.importorskip("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    from rnnkit.export.tflite import SIGNATURE, convert

    head, _ = built(name)
    inputs = keras.Input((FEATURES,))
    model = keras.Model(inputs, head(inputs))
    specs = [tf.TensorSpec((1, FEATURES), name="x"), tf.TensorSpec((1, PITCHES), name="draws")]
    found = convert([model], lambda x, draws: {"frame": head.drawn(model(x), draws)}, specs)
    assert not [op for op in found.ops if op.startswith("Flex")] and ("WHILE" in found.ops) == (name == "nade")
    run = Interpreter(model_content=found.content).get_signature_runner(SIGNATURE)
    for _ in range(9):
        x, draws = normal(1, FEATURES), RANDOM.random((1, PITCHES)).astype("float32")
        np.testing.assert_array_equal(run(x=x, draws=draws)["frame"], head.drawn(head(x), draws))


@pytest.mark.parametrize("size", [0, -2])
def test_sizes_below_one_are_refused_with_their_value(size):
    for make in (IndependentRoll, lambda size: NadeRoll(size, 3)):
        with pytest.raises(ValueError, match=rf"^pitches must be at least 1\. Got {size}\.$"):
            make(size)
    with pytest.raises(ValueError, match=rf"^hidden must be at least 1\. Got {size}\.$"):
        NadeRoll(3, size)


@pytest.mark.parametrize("name", KINDS)
def test_targets_of_other_pitches_are_refused(name):
    head, x = built(name)
    with pytest.raises(ValueError, match=r"must have 5 pitches, as the head\. Got the shape \(3, 4, 1\)\."):
        head.losses_of(head(x), TARGETS[..., :1])
