"""Models with Keras' recurrent layers and with rnnkit's: the same weights, the same answers, each other's files."""

import keras
import numpy as np
import pytest

from rnnkit import layers
from rnnkit.layers.exchange import accelerated, stock

WORDS = np.array([[1, 2, 3, 0], [4, 5, 0, 0]])


def tagger(kinds, **further):
    words = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 3, mask_zero=True)(words)
    x = keras.layers.Bidirectional(kinds.LSTM(4, return_sequences=True, **further))(x)
    x = kinds.GRU(5, return_sequences=True, **further)(x)
    inner = keras.Input((None, 5))
    x = keras.Model(inner, kinds.SimpleRNN(6, activation="relu", **further)(inner))(x)
    return keras.Model(words, keras.layers.Dense(2)(x))


def modules(model):
    recurrent = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)
    return [type(layer).__module__.split(".")[0] for layer in model._flatten_layers() if isinstance(layer, recurrent)]


def test_an_accelerated_model_answers_the_same():
    model = tagger(keras.layers)
    fast = accelerated(model)
    assert modules(model) == ["keras"] * 4 and modules(fast) == ["rnnkit"] * 4
    np.testing.assert_allclose(fast(WORDS), model(WORDS), atol=1e-6)


def test_what_is_asked_of_the_new_layers_is_set():
    fast = accelerated(tagger(keras.layers), checkpoint_every=3)
    assert {layer.checkpoint_every for layer in fast._flatten_layers() if hasattr(layer, "checkpoint_every")} == {3}


def test_a_model_made_stock_needs_no_rnnkit_and_answers_the_same():
    model = tagger(layers, weight_dropout=0.3, checkpoint_every=2)
    plain = stock(model)
    assert modules(plain) == ["keras"] * 4
    np.testing.assert_allclose(plain(WORDS), model(WORDS), atol=1e-6)


def test_a_compiled_model_stays_compiled():
    model = tagger(keras.layers)
    model.compile("adam", "mse")
    fast = accelerated(model)
    fast.fit(WORDS, np.zeros((2, 2)), verbose=0)
    assert isinstance(fast.optimizer, keras.optimizers.Adam)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
@pytest.mark.parametrize(("writer", "reader"), [(keras.layers, layers), (layers, keras.layers)], ids=["to", "from"])
def test_each_loads_the_weights_that_the_other_wrote(writer, reader, suffix, tmp_path):
    written, read = tagger(writer), tagger(reader)
    path = tmp_path / f"model{suffix}"
    written.save(path) if suffix == ".keras" else written.save_weights(path)
    read.load_weights(path)
    np.testing.assert_allclose(read(WORDS), written(WORDS), atol=1e-6)


def test_a_whole_file_goes_there_and_back(tmp_path):
    model = tagger(keras.layers)
    model.save(tmp_path / "stock.keras")
    accelerated(keras.saving.load_model(tmp_path / "stock.keras")).save(tmp_path / "fast.keras")
    back = stock(keras.saving.load_model(tmp_path / "fast.keras"))
    np.testing.assert_array_equal(back(WORDS), model(WORDS))


def test_a_model_without_recurrent_layers_is_refused_with_what_it_holds():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="flat")
    with pytest.raises(LookupError, match="'flat' has no LSTM, GRU or SimpleRNN of Keras; it holds Dense"):
        accelerated(model)
