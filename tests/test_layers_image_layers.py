"""Layers for pictures: the grid of a residual network, vectors of places, rows taken again, and what is real."""

import keras
import numpy as np
import pytest

from rnnkit.layers.image_layers import PlaceVectors, Present, RowsTaken, residual_network


def network(height, width, **how):
    pixels = keras.Input((height, width, 2))
    return keras.Model(pixels, residual_network(pixels, **how))


@pytest.mark.parametrize(
    ("sides", "halvings", "grid"),
    [
        ((9, 7), 0, (9, 7, 3)),
        ((16, 20), 1, (8, 10, 6)),
        ((9, 7), 2, (3, 2, 12)),
        ((17, 13), 3, (3, 2, 24)),
        # From here on the first convolution halves too, and the features of one stage more are spared.
        ((33, 20), 4, (3, 2, 24)),
        ((70, 33), 5, (3, 2, 24)),
        ((3, 1), 4, (1, 1, 24)),
    ],
)
def test_each_halving_rounds_a_side_up_and_each_stage_doubles_the_features_up_to_eight_times(sides, halvings, grid):
    model = network(*sides, filters=3, halvings=halvings)
    assert model.output_shape == (None, *grid)
    assert model(np.zeros((2, *sides, 2), np.float32)).shape == (2, *grid)


@pytest.mark.parametrize(("halvings", "depth", "blocks"), [(2, 1, 2), (2, 3, 6), (5, 2, 8)])
def test_a_stage_has_as_many_blocks_of_two_convolutions_as_asked_for(halvings, depth, blocks):
    names = [layer.name for layer in network(16, 12, filters=2, halvings=halvings, depth=depth).layers]
    # Halving and doubling need a convolution of one pixel beside the first block of a stage.
    kinds = {end: sum(name.endswith(f"_{end}") for name in names) for end in ("a", "b", "skip", "add")}
    assert kinds == {"a": blocks, "b": blocks, "skip": blocks // depth, "add": blocks}
    assert len(names) == len(set(names))


def test_a_block_adds_its_input_to_what_it_makes_of_it():
    model = network(6, 5, filters=3, halvings=1, depth=2)
    weights = {weight.path.split("/")[0]: weight for weight in model.weights if "gamma" in weight.path}
    # With nothing made of it, a block gives its input, which is no less than 0.
    weights["cnn_1_2_b_norm"].assign(np.zeros(6))
    x = np.random.default_rng(1).normal(size=(2, 6, 5, 2)).astype(np.float32)
    first = keras.Model(model.input, model.get_layer("cnn_1_1_relu").output)(x)
    np.testing.assert_array_equal(model(x), first)
    assert np.any(first)


def test_whole_features_are_dropped_behind_each_stage_but_the_first_while_training():
    keras.utils.set_random_seed(3)
    model = network(16, 12, filters=4, halvings=2, dropout=0.5)
    assert [layer.name for layer in model.layers if "dropout" in layer.name] == ["cnn_2_dropout"]
    x = np.random.default_rng(1).normal(size=(3, 16, 12, 2)).astype(np.float32)
    features = keras.Model(model.input, [model.get_layer("cnn_2_1_relu").output, model.output])
    before, after = (each.numpy() for each in features(x, training=True))
    kept = np.abs(after).max((1, 2), keepdims=True) > 0
    assert kept.any() and not kept.all()
    np.testing.assert_allclose(after, np.where(kept, 2 * before, 0), rtol=1e-6)
    np.testing.assert_array_equal(*features(x))


def test_place_vectors_begin_at_0_and_add_to_each_place_its_own():
    x = np.random.default_rng(1).normal(size=(4, 2, 3, 5)).astype(np.float32)
    layer = PlaceVectors()
    np.testing.assert_array_equal(layer(x), x)
    (vectors,) = layer.trainable_variables
    learnt = np.arange(30, dtype=np.float32).reshape(2, 3, 5)
    vectors.assign(learnt)
    found = layer(x).numpy()
    for place in np.ndindex(4, 2, 3):
        np.testing.assert_allclose(found[place], x[place] + learnt[place[1:]])


def test_rows_are_taken_in_any_order_and_as_often_as_they_are_named():
    x = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
    found = RowsTaken()([x, np.array([2, 0, 0, 2, 1])])
    for row, place in zip(found.numpy(), (2, 0, 0, 2, 1), strict=True):
        np.testing.assert_array_equal(row, x[place])


def test_every_place_of_a_memory_is_real_whatever_is_in_it():
    found = Present()(np.zeros((3, 4, 5), np.float32))
    assert found.shape == (3, 4) and found.dtype == "int32" and np.all(found == 1)


def test_saved_and_loaded_a_model_of_them_answers_alike(tmp_path):
    pixels, places = keras.Input((9, 7, 2), name="pixels"), keras.Input((), dtype="int32", name="places")
    grid = PlaceVectors(name="where")(residual_network(pixels, filters=3, halvings=1, dropout=0.2))
    memory = RowsTaken()([keras.layers.Reshape((-1, 6))(grid), places])
    assert memory.shape == (None, 20, 6)
    model = keras.Model([pixels, places], [memory, Present()(memory)])
    model.get_layer("where").vectors.assign(np.arange(120, dtype=np.float32).reshape(5, 4, 6))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    given = [np.random.default_rng(1).normal(size=(3, 9, 7, 2)).astype(np.float32), np.array([2, 2, 0, 1])]
    for one, other in zip(loaded(given), model(given), strict=True):
        np.testing.assert_array_equal(one, other)
