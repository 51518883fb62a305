"""Sentiment that goes on from a parent: words and labels grow, and what was known stays."""

import dataclasses
import pathlib
import types

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from rnnkit.progress import SILENT
from rnnkit.recipe import Parent
from rnnkit.recipes.sentiment import RECIPE, Settings
from rnnkit.training.transfer import carry, take_encoder

SMALL = {"units": 5, "embedding_units": 6, "ngram_buckets": 512}
TEXTS = ["a lovely film", "dull, dull and plain", "", "never seen words", "so fine " * 9]


def frame(words, rows=60, seed=0):
    random = np.random.default_rng(seed)
    labels = [list(words)[place % len(words)] for place in range(rows)]
    texts = [f"a {random.choice(words[label])} film, number {place}" for place, label in enumerate(labels)]
    return pd.DataFrame({"text": texts, "label": labels})


OLD = frame({"bad": ["dull", "weak"], "good": ["fine", "lovely"]})
NEW = frame({"bad": ["dull", "grim"], "good": ["fine", "loveliest"], "so so": ["usual", "zzqx"]}, seed=1)


def read(data, settings):
    return RECIPE.read(data, None, None, settings, None)


def begun(settings):
    """A parent with weights of its own everywhere, as if it had been trained."""
    preparation = RECIPE.prepare(read(OLD, settings).train, settings, SILENT)
    keras.utils.set_random_seed(0)
    core = RECIPE.build(preparation.facts, settings)
    for layer, values in preparation.initial.items():
        core.get_layer(layer).set_weights(values)
    blend = core.get_layer("blend")
    blend.shares.assign(np.linspace(0.7, 0.4, blend.shares.shape[0]))
    blend.bias.assign([0.2, -0.1])
    return Parent(types.SimpleNamespace(path=pathlib.Path("old/1")), settings, preparation, core)


def grown(parent, data, settings):
    preparation = RECIPE.grow(parent, read(data, settings).train, settings, SILENT)
    core = RECIPE.build(preparation.facts, settings)
    carry(RECIPE, settings, parent, preparation, core)
    for layer, values in preparation.initial.items():
        core.get_layer(layer).set_weights(values)
    return preparation, core


def logits(preparation, core, texts=TEXTS):
    return np.asarray(core(preparation.features({"text": tf.constant(texts)}), training=False))


CHOICES = [
    {},
    {"depth": 2, "layer_normalization": True, "residual": True, "cell": "gru"},
    {"characters": True, "pooling": "mean+attention", "bidirectional": False},
    {"segment": 3, "depth": 2, "ngrams": 3},
    {"ngrams": 0, "lower": False, "punctuation": "keep"},
]


@pytest.mark.parametrize("changes", CHOICES, ids=lambda changes: next(iter(changes), "defaults"))
def test_the_same_rows_change_nothing_before_training(changes):
    settings = Settings(**SMALL, **changes, freeze="ngrams" if changes.get("ngrams") != 0 else "")
    parent = begun(settings)
    preparation, core = grown(parent, OLD, settings)
    assert preparation.facts == parent.preparation.facts and preparation.labels == ("bad", "good")
    np.testing.assert_array_equal(logits(preparation, core), logits(parent.preparation, parent.core))


@pytest.mark.parametrize("changes", CHOICES, ids=lambda changes: next(iter(changes), "defaults"))
def test_more_words_and_labels_change_no_answer_about_known_words(changes):
    settings = Settings(**SMALL, **changes, freeze="ngrams" if changes.get("ngrams") != 0 else "")
    parent = begun(settings)
    preparation, core = grown(parent, NEW, settings)
    old, new = (made.features.get_layer("words").vocabulary for made in (parent.preparation, preparation))
    assert new[: len(old)] == old and {"grim", "zzqx"} <= set(new[len(old) :])
    assert preparation.facts["vocabulary"] == len(new) + 3 and preparation.labels == ("bad", "good", "so so")
    texts = [text for text in TEXTS if "words" not in text]
    before, after = logits(parent.preparation, parent.core, texts), logits(preparation, core, texts)
    np.testing.assert_allclose(after[:, :2], before, atol=1e-6)


def test_a_new_word_begins_as_its_neighbours_or_the_unknown_one():
    settings = Settings(**SMALL)
    parent = begun(settings)
    preparation, core = grown(parent, NEW, settings)
    words = preparation.features.get_layer("words").vocabulary
    rows, before = (made.get_layer("embedding").get_weights()[0] for made in (core, parent.core))
    np.testing.assert_allclose(rows[3 + words.index("loveliest")], rows[3 + words.index("lovely")], atol=1e-6)
    np.testing.assert_array_equal(rows[3 + words.index("zzqx")], before[1])
    np.testing.assert_array_equal(rows[: len(before)], before)


def test_labels_in_another_order_and_fewer_keep_their_rows():
    settings = Settings(**SMALL, freeze="ngrams")
    parent = begun(settings)
    first, core = grown(parent, NEW, settings)
    middle = dataclasses.replace(parent, preparation=first, core=core)
    again, last = grown(middle, frame({"so so": ["usual"], "bad": ["dull"]}), settings)
    assert again.labels == ("bad", "so so")
    np.testing.assert_allclose(logits(again, last), logits(first, core)[:, [0, 2]], atol=1e-6)


def test_ngrams_are_adapted_to_the_own_rows_unless_frozen():
    settings = Settings(**SMALL)
    parent = begun(settings)
    swapped = OLD.assign(label=OLD.label.map({"bad": "good", "good": "bad"}))
    adapted = RECIPE.grow(parent, read(swapped, settings).train, settings, SILENT)
    kept = RECIPE.grow(
        parent, read(swapped, settings).train, dataclasses.replace(settings, freeze="embedding,ngrams"), SILENT
    )
    fine = 3 + adapted.features.get_layer("words").vocabulary.index("fine")
    before, after = parent.core.get_layer("ngrams").get_weights()[0][fine], adapted.initial["ngrams"][0][fine]
    assert before[1] > before[0] and after[1] < after[0]
    np.testing.assert_array_equal(kept.initial["ngrams"][0][fine], before)


def test_the_child_reads_words_as_its_parent_but_for_the_length():
    parent = begun(Settings(**SMALL, lower=False, markup="keep"))
    settings = dataclasses.replace(parent.settings, length=3)
    preparation, _ = grown(parent, NEW, settings)
    assert preparation.features.get_layer("words").how == {
        **parent.preparation.features.get_layer("words").how,
        "length": 3,
    }


def test_at_most_so_many_words_join_the_most_frequent_first():
    parent = begun(Settings(**SMALL))
    settings = dataclasses.replace(parent.settings, vocabulary=4, least_count=2)
    preparation, _ = grown(parent, NEW, settings)
    words = preparation.features.get_layer("words").vocabulary
    new = words[len(parent.preparation.features.get_layer("words").vocabulary) :]
    assert set(new) == {"grim", "loveliest", "usual", "zzqx"}


def test_what_is_fixed_by_the_parent_names_settings_and_parts_name_layers():
    known = {field.name for field in dataclasses.fields(Settings)}
    assert set(RECIPE.structure) <= known and "length" not in RECIPE.structure
    core = begun(Settings(**SMALL, characters=True)).core
    starts = tuple(start for part in RECIPE.groups.values() for start in part)
    assert all(layer.name.startswith((*starts, "blend")) for layer in core.layers if layer.weights)


def test_a_grown_model_has_a_form_for_devices_with_all_its_words():
    settings = Settings(**SMALL, characters=True)
    preparation, core = grown(begun(settings), NEW, settings)
    edge = RECIPE.edge(preparation, core, settings)
    assert edge.files["vocabulary.txt"].splitlines()[3:] == preparation.features.get_layer("words").vocabulary
    assert edge.files["labels.txt"] == "bad\ngood\nso so\n"
    tensors = preparation.features({"text": tf.constant(["a grim film"])})
    answer = edge.function(*(tensors[name] for name in preparation.sequences))
    np.testing.assert_allclose(
        answer["probability"], tf.nn.softmax(logits(preparation, core, ["a grim film"])), atol=1e-6
    )


def test_layers_of_a_model_of_other_labels_and_depth_are_taken_where_they_fit():
    source, mine = begun(Settings(**SMALL, depth=2)), Settings(**{**SMALL, "ngrams": 0})
    preparation = RECIPE.prepare(read(NEW, mine).train, mine, SILENT)
    core = RECIPE.build(preparation.facts, mine)
    (line,) = take_encoder(core, preparation, source.core, source.preparation, "old/1")
    shared = set(preparation.features.get_layer("words").vocabulary) & set(
        source.preparation.features.get_layer("words").vocabulary
    )
    words = len(preparation.features.get_layer("words").vocabulary)
    assert line == f"taken from old/1: embedding: {len(shared)} of {words} words; recurrent_1: all."
