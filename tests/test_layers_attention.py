"""Attention: weights of the real steps, whatever the padding."""

import keras
import numpy as np
import pytest

from rnnkit.layers.attention import SCORES, Attention, attend

BATCH, QUERIES, TIME, FEATURES, UNITS = 3, 2, 5, 4, 6


def given():
    random = np.random.default_rng(1)
    query = random.normal(size=(BATCH, QUERIES, UNITS)).astype(np.float32)
    return query, random.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)


@pytest.mark.parametrize("score", SCORES)
def test_weights_sum_to_one_and_leave_padding_out(score):
    query, values = given()
    mask = np.arange(TIME)[None] < np.array([TIME, 2, 0])[:, None]
    layer = Attention(score, 7)
    context, weights = layer(query, values, mask=mask)
    assert np.allclose(np.sum(weights, -1), [[1] * QUERIES, [1] * QUERIES, [0] * QUERIES], atol=1e-5)
    assert not np.any(weights[1, :, 2:])
    changed = np.where(mask[..., None], values, 9.0).astype(np.float32)
    assert np.allclose(layer(query, changed, mask=mask)[0], context, atol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_a_single_query_is_one_of_several(score):
    query, values = given()
    layer = Attention(score, 7)
    contexts, weights = layer(query, values)
    context, weight = layer(query[:, 1], values, keys=layer.project(values))
    assert np.allclose(context, contexts[:, 1], atol=1e-6) and np.allclose(weight, weights[:, 1], atol=1e-6)


def test_additive_scores_are_those_of_the_paper():
    query, values = given()
    layer = Attention("additive", 7)
    _, weights = layer(query, values)
    score = {weight.name: weight.numpy() for weight in layer.scoring.weights}
    for row in range(BATCH):
        scores = [
            score["score"][:, 0] @ np.tanh(query[row, 0] @ score["query_kernel"] + value @ score["key_kernel"])
            for value in values[row]
        ]
        assert np.allclose(weights[row, 0], np.exp(scores) / np.exp(scores).sum(), atol=1e-5)


def test_multiplicative_scores_are_those_of_the_paper():
    query, values = given()
    layer = Attention("multiplicative")
    _, weights = layer(query, values)
    scores = query[0, 0] @ (values[0] @ layer.scoring.key_kernel.numpy()).T / UNITS**0.5
    assert np.allclose(weights[0, 0], np.exp(scores) / np.exp(scores).sum(), atol=1e-5)


def test_a_mask_of_nothing_unreal_changes_nothing():
    query, values = given()
    scores = query @ np.random.default_rng(2).normal(size=(BATCH, UNITS, TIME)).astype(np.float32)
    plain, masked = attend(scores, values), attend(scores, values, np.ones((BATCH, TIME), bool))
    assert np.allclose(plain[0], masked[0], atol=1e-5)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match=r"attention must be one of additive, multiplicative\. Got 'dot'\."):
        Attention("dot")


def test_a_model_with_attention_is_saved(tmp_path):
    query, values = keras.Input((UNITS,)), keras.Input((TIME, FEATURES))
    model = keras.Model([query, values], Attention("additive", 7)(query, values)[0])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    given_query, given_values = given()
    rows = [given_query[:, 0], given_values]
    assert np.allclose(again(rows), model(rows))
