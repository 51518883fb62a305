"""Transfer: a parent's weights go on by name, mapped where what they stand for has changed."""

import dataclasses
import pathlib
import types

import keras
import numpy as np
import pytest
import scipy.sparse

from rnnkit.features.growth import map_labels
from rnnkit.layers import embedding, in_segments, pool, recurrent_stack
from rnnkit.recipe import Preparation
from rnnkit.training.transfer import carry, take_encoder, weights_by_path


@keras.saving.register_keras_serializable(package="tests")
class Pairs(keras.layers.Layer):
    """`(batch, classes) -> (batch, classes)` by a square of weights, as the transitions of a CRF are."""

    def build(self, shape):
        self.square = self.add_weight(shape=(shape[-1], shape[-1]), name="square")
        self.both = self.add_weight(shape=(2, shape[-1], 3), name="both")

    def call(self, x):
        return x @ self.square


def build(facts, settings):
    """A core with an axis of covariates, one of classes, and a weight that has the classes twice."""
    x = keras.Input((None, facts["covariates"]), name="series")
    y = recurrent_stack(x, units=5, depth=2, layer_normalization=True)
    y = keras.layers.Dense(facts["classes"], name="logits")(pool(y, by="mean"))
    y = Pairs(name="pairs")(y)
    return keras.Model(x, keras.layers.Dense(facts["classes"] + facts["covariates"], name="sum")(y), name="core")


RECIPE = types.SimpleNamespace(build=build)
SAME = {name: scipy.sparse.identity(size, format="csr") for name, size in (("classes", 3), ("covariates", 4))}


def parent(facts, core=None):
    kept = types.SimpleNamespace(facts=facts)
    core = core or build(facts, None)
    for weight in core.weights:
        weight.assign(np.random.default_rng(len(weight.path)).normal(size=weight.shape))
    return types.SimpleNamespace(core=core, preparation=kept, bundle=types.SimpleNamespace(path=pathlib.Path("old/1")))


def child(facts, carried, initial=None, begin=build):
    core = begin(facts, None)
    fresh = {path: weight.numpy() for path, weight in weights_by_path(core).items()}
    return core, fresh, types.SimpleNamespace(facts=facts, carried=carried, initial=initial or {})


def test_nothing_changed_takes_everything():
    old = parent({"classes": 3, "covariates": 4})
    core, _, preparation = child(old.preparation.facts, SAME)
    (note,) = carry(RECIPE, None, old, preparation, core)
    for mine, theirs in zip(core.get_weights(), old.core.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert note.startswith("taken from old/1: recurrent_1, recurrent_1_normalization, recurrent_2,")


@pytest.mark.parametrize("labels", ["cab", "bcda", "xay", "b"])
def test_rows_go_by_what_they_stand_for_on_every_axis(labels):
    facts = {"classes": 3, "covariates": 4}
    old = parent(facts)
    carried = {**SAME, "classes": map_labels("abc", labels)}
    core, fresh, preparation = child({**facts, "classes": len(labels)}, carried)
    carry(RECIPE, None, old, preparation, core)
    made, before = (
        {path: weight.numpy() for path, weight in weights_by_path(model).items()} for model in (core, old.core)
    )
    places = ["abc".find(label) for label in labels]
    for new, was in enumerate(places):
        for name, axis in ((("logits", "kernel"), 1), (("logits", "bias"), 0), (("pairs", "both"), 1)):
            expected = fresh[name].take(new, axis) if was < 0 else before[name].take(was, axis)
            np.testing.assert_array_equal(made[name].take(new, axis), expected)
        for other, earlier in enumerate(places):
            known = was >= 0 and earlier >= 0
            expected = before["pairs", "square"][was, earlier] if known else fresh["pairs", "square"][new, other]
            assert made["pairs", "square"][new, other] == expected
    for path, weight in made.items():
        if path[0].startswith("recurrent"):
            np.testing.assert_array_equal(weight, before[path])


def test_an_axis_of_which_nobody_can_tell_what_is_what_begins_anew():
    facts = {"classes": 3, "covariates": 4}
    old = parent(facts)
    core, fresh, preparation = child(facts, {**SAME, "classes": map_labels("abc", "cab")})
    notes = carry(RECIPE, None, old, preparation, core)
    np.testing.assert_array_equal(core.get_layer("sum").get_weights()[1], fresh["sum", "bias"])
    assert any(note.startswith("begins anew: sum, (3, 7) depends on 'classes'") for note in notes)


def test_more_and_fewer_covariates_keep_the_kernels_of_those_known():
    facts = {"classes": 3, "covariates": 4}
    old = parent(facts)
    chosen = scipy.sparse.csr_matrix(np.eye(4)[[2, 0]])
    core, _, preparation = child({**facts, "covariates": 2}, {**SAME, "covariates": chosen})
    notes = carry(RECIPE, None, old, preparation, core)
    kernels = [model.get_layer("recurrent_1").get_weights()[0] for model in (core, old.core)]
    np.testing.assert_array_equal(kernels[0], kernels[1][[2, 0]])
    assert "covariates: 2 as in the parent, 2 of the parent's left out." in notes


def test_a_mixture_is_the_weighted_sum_of_rows():
    facts = {"classes": 3, "covariates": 4}
    old = parent(facts)
    mixed = scipy.sparse.csr_matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.25, 0.75, 0], [0, 0, 0]])
    core, fresh, preparation = child({**facts, "classes": 5}, {**SAME, "classes": mixed})
    notes = carry(RECIPE, None, old, preparation, core)
    bias, before = core.get_layer("logits").get_weights()[1], old.core.get_layer("logits").get_weights()[1]
    np.testing.assert_array_equal(bias[:3], before)
    assert bias[3] == pytest.approx(0.25 * before[0] + 0.75 * before[1], rel=1e-6)
    assert bias[4] == fresh["logits", "bias"][4]
    assert "classes: 3 as in the parent, 1 begun from others of the parent's, 1 anew." in notes


def test_initial_layers_are_left_and_what_does_not_fit_is_told():
    facts = {"classes": 3, "covariates": 4}

    def larger(facts, settings):
        core = build(facts, settings)
        wide = keras.layers.Dense(6, name="logits")(core.get_layer("recurrent_2_normalization").output)
        return keras.Model(core.input, keras.layers.Dense(2, name="further")(wide))

    old = parent(facts)
    core, fresh, preparation = child(facts, SAME, {"recurrent_1": []}, begin=larger)
    notes = carry(types.SimpleNamespace(build=larger), None, old, preparation, core)
    np.testing.assert_array_equal(
        core.get_layer("recurrent_1").weights[0].numpy(), fresh["recurrent_1", "0", "0", "kernel"]
    )
    assert "begins anew: logits, (10, 6) here, (10, 3) in the parent." in notes
    assert "begins anew: further, not in the parent." in notes
    assert "recurrent_1," not in notes[0]


def test_paths_are_the_same_for_a_core_built_twice_and_one_read_from_a_file(tmp_path):
    def nested():
        x = keras.Input((None, 3))
        y = in_segments(x, 4, lambda x: recurrent_stack(x, units=2, depth=2))
        y = keras.layers.TimeDistributed(keras.layers.Dense(4), name="each")(y)
        return keras.Model(x, pool(y, by="attention"))

    core = nested()
    paths = list(weights_by_path(core))
    assert len(paths) == len(core.weights) == len(set(paths))
    assert ("segments", "0", "recurrent_2", "1", "0", "kernel") in paths
    assert list(weights_by_path(nested())) == paths
    core.save(tmp_path / "core.keras")
    again = keras.saving.load_model(tmp_path / "core.keras", compile=False)
    assert list(weights_by_path(again)) == paths


class TestEncoder:
    """Taking the layers of another model, by words and by names."""

    @staticmethod
    def made(words, *, units=5, size=6, depth=1, heads=2, name="embedding", segment=0, **stack):
        from rnnkit.features.texts import text_features

        ids = keras.Input((None,), dtype="int32", name="ids")
        x = embedding(ids, vocabulary=len(words) + 3, units=size, name=name)

        def build(x):
            return recurrent_stack(x, units=units, depth=depth, **stack)

        x = in_segments(x, segment, build) if segment else build(x)
        core = keras.Model({"ids": ids}, keras.layers.Dense(heads, name="logits")(pool(x, by="attention")))
        for weight in core.weights:
            weight.assign(np.random.default_rng(len(words)).normal(size=weight.shape))
        how = {"lower": True, "punctuation": "split", "markup": "drop", "length": 9}
        features = text_features(list(words), how, characters=False)
        return core, Preparation(features, None, {"vocabulary": len(words) + 3}, ("ids",))

    def test_words_go_by_name_and_layers_by_shape(self):
        core, mine = self.made("abcd", depth=2)
        source, theirs = self.made("xdb", depth=2, heads=3)
        before = core.get_layer("embedding").get_weights()[0].copy()
        head = core.get_layer("logits").get_weights()
        (line,) = take_encoder(core, mine, source, theirs, "other/3")
        assert line == "taken from other/3: embedding: 2 of 4 words; recurrent_1: all; recurrent_2: all."
        rows, other = (model.get_layer("embedding").get_weights()[0] for model in (core, source))
        np.testing.assert_array_equal(rows[[0, 1, 2, 4, 6]], other[[0, 1, 2, 5, 4]])
        np.testing.assert_array_equal(rows[[3, 5]], before[[3, 5]])
        for layer in ("recurrent_1", "recurrent_2"):
            for weight, theirs in zip(core.get_layer(layer).weights, source.get_layer(layer).weights, strict=True):
                np.testing.assert_array_equal(weight, theirs)
        np.testing.assert_array_equal(core.get_layer("logits").get_weights()[0], head[0])

    def test_what_does_not_fit_is_told_with_both_shapes(self):
        core, mine = self.made("abc", depth=3, size=7)
        source, theirs = self.made("abcd", depth=2, units=4, size=7)
        lines = take_encoder(core, mine, source, theirs, "other/3")
        assert lines[0] == "taken from other/3: embedding: 3 of 3 words."
        assert "recurrent_1: (7, 20) here, (7, 16) there; " in lines[1] and "recurrent_3: not there." in lines[1]

    def test_a_model_of_one_direction_gives_the_forward_half(self):
        core, mine = self.made("abc")
        source, theirs = self.made("abcd", bidirectional=False)
        (line,) = take_encoder(core, mine, source, theirs, "lm/1")
        assert line.endswith("recurrent_1_lstm: all, the forward direction.")
        np.testing.assert_array_equal(
            core.get_layer("recurrent_1").forward_layer.weights[1], source.get_layer("recurrent_1_lstm").weights[1]
        )
        (line,) = take_encoder(source, theirs, core, mine, "both/1")
        assert line.endswith("recurrent_1_lstm: all, from the forward direction.")

    def test_segments_and_other_names_of_the_embedding_do_not_matter(self):
        core, mine = self.made("abc", segment=4)
        source, theirs = self.made("abcd", name="words")
        source.trainable = False
        (line,) = take_encoder(core, mine, source, theirs, "other/3")
        assert line == "taken from other/3: embedding: 3 of 3 words; recurrent_1: all."

    def test_another_cell_is_no_fit_though_shapes_may_agree(self):
        core, mine = self.made("abc", cell="gru")
        source, theirs = self.made("abc", cell="simple", units=15)
        assert "recurrent_1: GRU here, SimpleRNN there" in take_encoder(core, mine, source, theirs, "other/3")[1]

    def test_nothing_that_fits_is_refused(self):
        core, mine = self.made("abc", size=7)
        source, theirs = self.made("xyz", units=4)
        with pytest.raises(ValueError, match=r"Nothing of other/3 fits this model: embedding: 7 units here, 6 there;"):
            take_encoder(core, mine, source, theirs, "other/3")


def test_preparation_carries_nothing_by_default():
    assert next(field for field in dataclasses.fields(Preparation) if field.name == "carried").default_factory() == {}
