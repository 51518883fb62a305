"""Freezing and pace: which layers move, from when on, and how fast."""

import dataclasses

import keras
import numpy as np
import pytest

from rnnkit.layers import embedding, in_segments, pool, recurrent_stack
from rnnkit.layers.hierarchy import EachSentence
from rnnkit.settings import TrainingSettings, TransferSettings
from rnnkit.training.freezing import freeze, frozen_names, layer_rates
from rnnkit.training.objectives import RowLoss, classification
from rnnkit.training.optimizers import optimizer
from rnnkit.training.stages import encoder, stages
from rnnkit.training.transfer import weights_by_path

GROUPS = {"embedding": ("embedding", "characters"), "encoder": ("recurrent", "segments"), "head": ("pooling", "logits")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings, TransferSettings):
    """Training with transfer."""


def core(*, segment=0, trainable=True, **stack):
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = embedding(ids, vocabulary=11, units=6, trainable=trainable)

    def build(x):
        return recurrent_stack(x, units=5, **stack)

    x = in_segments(x, segment, build) if segment else build(x)
    return keras.Model({"ids": ids}, keras.layers.Dense(3, name="logits")(pool(x, by="attention")))


def names(layers):
    return [[layer.name for layer in stage] for stage in layers]


class TestStages:
    @pytest.mark.parametrize("segment", [0, 4])
    def test_each_recurrent_layer_is_one_with_its_normalisation(self, segment):
        made = core(segment=segment, depth=2, layer_normalization=True, residual=True)
        assert names(stages(made)) == [
            ["embedding"],
            ["recurrent_1", "recurrent_1_normalization"],
            ["recurrent_2", "recurrent_2_normalization"],
            ["pooling_attention", "logits"],
        ]

    def test_layers_that_read_side_by_side_share_a_stage_and_heads_are_one(self):
        words, letters = keras.Input((None, 3)), keras.Input((None, 4))
        both = [recurrent_stack(x, units=2, name=name) for x, name in ((words, "left"), (letters, "right"))]
        x = recurrent_stack(keras.layers.Concatenate()(both), units=3, name="top")
        beside = keras.layers.Dense(2, name="beside")(pool(both[0], by="mean"))
        made = keras.Model([words, letters], [keras.layers.Dense(2, name="head")(x), beside])
        assert [set(stage) for stage in names(stages(made))] == [{"left_1", "right_1"}, {"top_1"}, {"head", "beside"}]

    def test_a_model_in_a_layer_counts_as_if_it_stood_outside(self):
        inner = keras.Input((None, 4))
        words = keras.Model(inner, pool(recurrent_stack(inner, units=3, name="words"), by="attention", name="w"))
        x = keras.Input((None, None, 4))
        y = recurrent_stack(EachSentence(words, name="each")(x), units=3, name="sentences")
        made = keras.Model(x, keras.layers.Dense(2, name="head")(pool(y, by="mean")))
        assert names(stages(made)) == [["words_1", "w_attention"], ["sentences_1"], ["head"]]

    def test_frozen_layers_are_no_stage_but_belong_to_the_encoder(self):
        made = core(trainable=False)
        assert names(stages(made)) == [["recurrent_1"], ["pooling_attention", "logits"]]
        assert [layer.name for layer in encoder(made)] == ["embedding", "recurrent_1"]


class TestFreeze:
    def test_parts_and_layers_are_frozen_and_told(self):
        made = core(depth=2)
        (note,) = freeze(made, GROUPS, "embedding, recurrent_1")
        assert names(stages(made)) == [["recurrent_2"], ["pooling_attention", "logits"]]
        trained = sum(np.size(weight) for weight in made.trainable_weights)
        assert note == f"frozen: embedding, recurrent_1; {trained:,} of {made.count_params():,} weights are trained."

    @pytest.mark.parametrize("name", ["encoder", "segments", "recurrent_2"])
    def test_layers_inside_others_can_be_frozen(self, name):
        made = core(depth=2, segment=4)
        freeze(made, GROUPS, name)
        moved = [layer for stage in names(stages(made)) for layer in stage]
        assert "recurrent_2" not in moved and ("recurrent_1" in moved) == (name == "recurrent_2")

    def test_no_name_freezes_nothing(self):
        made = core()
        assert freeze(made, GROUPS, "") == freeze(made, GROUPS, " , ") == ()
        assert len(made.trainable_weights) == len(made.weights)
        assert frozen_names(" a,b ,,a") == ["a", "b"]

    def test_a_wrong_name_is_told_with_those_that_there_are(self):
        match = (
            r"no part or layer 'enocder' to freeze. Did you mean 'encoder'\? Parts: 'embedding', 'encoder', 'head'\. "
        )
        with pytest.raises(ValueError, match=match + r"Layers: 'embedding', 'recurrent_1', 'pooling_attention'"):
            freeze(core(), GROUPS, "enocder")

    def test_a_part_without_layers_here_is_a_wrong_name(self):
        with pytest.raises(ValueError, match="no part or layer 'ngrams' to freeze"):
            freeze(core(), {**GROUPS, "ngrams": ("ngrams",)}, "ngrams")

    def test_freezing_everything_is_refused(self):
        with pytest.raises(ValueError, match="--freeze head,embedding,encoder leaves nothing to be trained"):
            freeze(core(), GROUPS, "head,embedding,encoder")

    def test_the_order_of_weights_stays_through_a_saved_file(self, tmp_path):
        made = core(depth=2, layer_normalization=True)
        freeze(made, GROUPS, "embedding,recurrent_1")
        made.save(tmp_path / "core.keras")
        again = keras.saving.load_model(tmp_path / "core.keras", compile=False)
        fresh = core(depth=2, layer_normalization=True)
        for other in (again, fresh):
            other.set_weights(made.get_weights())
            assert list(weights_by_path(other)) == list(weights_by_path(made))
        assert len(fresh.trainable_weights) == len(fresh.weights)
        assert len(again.trainable_weights) == len(made.trainable_weights)


class TestRates:
    def test_none_where_all_are_trained_alike(self):
        assert layer_rates(core(), Settings(), 10) is None
        assert layer_rates(core(), TrainingSettings(), 10) is None

    def test_earlier_stages_are_slower_and_later_to_begin(self):
        made = core(depth=2)
        rates = layer_rates(made, Settings(layer_decay=0.5, unfreeze_every=1.5, epochs=9), 10)
        expected = {"embedding": (0.125, 45), "recurrent_1": (0.25, 30), "recurrent_2": (0.5, 15)}
        assert len(rates) == len(made.trainable_variables)
        for weight, rate in zip(made.trainable_variables, rates, strict=True):
            assert rate == expected.get(weight.path.split("/")[0], (1.0, 0))

    def test_frozen_layers_take_no_turn(self):
        made = core(depth=2)
        freeze(made, GROUPS, "recurrent_2")
        rates = layer_rates(made, Settings(unfreeze_every=1.0), 10)
        assert sorted({first for _, first in rates}) == [0, 10, 20]

    def test_a_stage_that_would_never_be_trained_is_refused(self):
        with pytest.raises(
            ValueError, match=r"unfreeze_every must be below 2, so that all 3 stages .* 4 epochs\. Got 2"
        ):
            layer_rates(core(), Settings(unfreeze_every=2.0, epochs=4), 10)

    @pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
    def test_stages_wait_their_turn_in_a_real_training(self, name):
        made, settings = core(), Settings(unfreeze_every=1.0, epochs=3, optimizer=name, warmup=0.0)
        made.compile(optimizer(settings, 6, layer_rates(made, settings, 2)), RowLoss(classification(3).train))
        ids, labels = np.random.default_rng(0).integers(1, 11, (8, 4)), np.arange(8) % 3
        moved = []
        for _ in range(3):
            before = {layer.name: layer.get_weights()[0] for layer in made.layers if layer.weights}
            made.fit({"ids": ids}, labels, batch_size=4, verbose=0, shuffle=False)
            moved.append([name for name, was in before.items() if (made.get_layer(name).get_weights()[0] != was).any()])
        assert moved[0] == ["pooling_attention", "logits"]
        assert moved[1] == ["recurrent_1", *moved[0]]
        assert moved[2] == ["embedding", *moved[1]]
