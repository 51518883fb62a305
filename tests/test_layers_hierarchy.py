"""Words -> sentences -> document: against the same layers applied by hand, and under any padding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.layers import pool, recurrent_stack
from rnnkit.layers.hierarchy import hierarchical

BATCH, SENTENCES, WORDS, FEATURES, UNITS, VOCABULARY = 3, 4, 5, 2, 7, 11


def over_words(x):
    return pool(recurrent_stack(x, units=UNITS, cell="gru"), by="attention+last", units=6)


def over_sentences(x):
    return pool(recurrent_stack(x, units=UNITS, name="document"), by="attention", units=8, name="document_pooling")


def network(words=over_words, sentences=over_sentences, shape=(None, None, FEATURES)):
    x = keras.Input(shape)
    return randomised(keras.Model(x, hierarchical(x, words, sentences)))


def randomised(model, seed=1):
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture
def documents():
    x = np.random.default_rng(0).normal(size=(BATCH, SENTENCES, WORDS, FEATURES)).astype("float32")
    lengths = np.array([[5, 2, 1, 3], [4, 0, 0, 0], [1, 5, 2, 0]])
    return x, np.arange(WORDS) < lengths[..., None]


def test_it_equals_a_loop_over_documents_and_sentences(model, documents):
    x, mask = documents
    inner = model.get_layer("hierarchy").inner
    vectors = keras.Input((None, inner.output_shape[-1]))
    outer = keras.Model(vectors, over_sentences(vectors))
    # The outer layers were built anew, so they take their weights, which come after the inner ones.
    outer.set_weights(model.get_weights()[len(inner.weights) :])
    expected = []
    for document, real in zip(x, mask, strict=True):
        sentences = [inner(words[keep][None])[0] for words, keep in zip(document, real, strict=True) if keep.any()]
        expected.append(outer(np.stack(sentences)[None])[0])
    np.testing.assert_allclose(model(x, mask=mask), expected, atol=1e-5)


def test_a_sentence_without_a_word_is_masked_and_zero(documents):
    x, mask = documents
    layer = network().get_layer("hierarchy")
    np.testing.assert_array_equal(layer.compute_mask(x, mask), mask.any(axis=2))
    vectors = layer(x, mask=mask).numpy()
    assert (vectors[~mask.any(axis=2)] == 0).all() and (vectors[mask.any(axis=2)] != 0).any()


def test_without_a_mask_every_word_is_real(model, documents):
    x, mask = documents
    np.testing.assert_allclose(model(x), model(x, mask=np.ones_like(mask)), atol=1e-6)


@settings(max_examples=12, deadline=None)
@given(
    sentences=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    words=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    filling=st.sampled_from([0.0, -3.0, 50.0]),
    seed=st.integers(0, 99),
)
def test_padding_of_words_and_sentences_never_matters(model, sentences, words, filling, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(BATCH, SENTENCES, WORDS, FEATURES)).astype("float32")
    mask = np.arange(WORDS) < random.integers(0, WORDS + 1, (BATCH, SENTENCES, 1))
    padded = np.pad(x, [(0, 0), sentences, words, (0, 0)], constant_values=filling)
    expected = model(x, mask=mask)
    np.testing.assert_allclose(model(padded, mask=np.pad(mask, [(0, 0), sentences, words])), expected, atol=1e-5)


@settings(max_examples=6, deadline=None)
@given(order=st.permutations(range(BATCH)), seed=st.integers(0, 99))
def test_documents_do_not_influence_each_other_in_any_order(model, order, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(BATCH, SENTENCES, WORDS, FEATURES)).astype("float32")
    mask = random.random((BATCH, SENTENCES, WORDS)) < 0.6
    together = model(x, mask=mask).numpy()
    np.testing.assert_allclose(model(x[order], mask=mask[order]), together[order], atol=1e-5)
    alone = np.concatenate([model(x[[row]], mask=mask[[row]]) for row in order])
    np.testing.assert_allclose(alone, together[order], atol=1e-5)


def test_an_empty_document_gives_finite_numbers_and_gradients(model, documents):
    x, mask = documents
    mask = mask & (np.arange(BATCH) != 1)[:, None, None]
    with tf.GradientTape() as tape:
        outputs = model(x, mask=mask)
        total = tf.reduce_sum(outputs**2)
    gradients = tape.gradient(total, [weight.value for weight in model.trainable_weights])
    assert np.isfinite(outputs).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_stays_finite(policy, documents):
    keras.config.set_dtype_policy(policy)
    try:
        outputs = network()(documents[0] * 30, mask=documents[1])
    finally:
        keras.config.set_dtype_policy("float32")
    assert outputs.dtype == policy.removeprefix("mixed_") and np.isfinite(np.asarray(outputs, "float32")).all()


def test_ids_give_the_mask_by_themselves_and_the_whole_learns(tmp_path):
    """Label: does word 3 stand in the document's first sentence?"""
    keras.utils.set_random_seed(0)
    ids = keras.Input((None, None), dtype="int32")
    x = keras.layers.Embedding(VOCABULARY, 6, mask_zero=True)(ids)
    model = keras.Model(ids, keras.layers.Dense(1)(hierarchical(x, over_words, over_sentences)))
    random = np.random.default_rng(0)
    documents = random.integers(1, VOCABULARY, (96, SENTENCES, WORDS)) * (random.random((96, SENTENCES, WORDS)) < 0.8)
    labels = (documents[:, 0] == 3).any(axis=1)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    losses = model.fit(documents, labels, batch_size=32, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 3

    model.save(tmp_path / "documents.keras")
    again = keras.saving.load_model(tmp_path / "documents.keras")
    np.testing.assert_array_equal(again(documents), model(documents))
    padded = np.pad(documents, [(0, 0), (2, 1), (1, 3)])
    np.testing.assert_allclose(again(padded), model(documents), atol=1e-5)


def test_xla_and_plain_agree(documents):
    x, mask = documents
    model = network(shape=(SENTENCES, WORDS, FEATURES))
    compiled = tf.function(lambda x, mask: model(x, mask=mask), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(x), tf.constant(mask)), model(x, mask=mask), atol=1e-5)


def test_dynamic_axes_work_in_a_graph(model, documents):
    x, mask = documents
    signature = [tf.TensorSpec([None, None, None, FEATURES]), tf.TensorSpec([None, None, None], tf.bool)]
    graph = tf.function(lambda x, mask: model(x, mask=mask), input_signature=signature)
    np.testing.assert_allclose(graph(x, mask), model(x, mask=mask), atol=1e-5)


def test_words_that_keep_the_time_axis_are_refused_with_their_shape():
    with pytest.raises(ValueError, match=r"one vector per sentence.*Got \(None, None, 14\)\. Let it end in pool"):
        network(words=lambda x: recurrent_stack(x, units=UNITS))


def test_an_input_that_is_no_document_is_refused_with_its_axes():
    with pytest.raises(ValueError, match=r"x must be \(batch, sentences, words, features\)\. Got 3 axes"):
        network(shape=(None, FEATURES))
