"""What only the language model promises: texts of any kind, an encoder for others, scores with a cache, presets."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import rnnkit
from rnnkit import catalog, presets
from rnnkit.language.units import units_of
from rnnkit.parts import load_parts
from rnnkit.running import sample_path

SIZES = {"units": 6, "embedding_units": 7, "window": 8, "batch_size": 4, "epochs": 1, "written": 8, "ngram_order": 3}
WORDS = {"tokens": "word", "lower": True, "markup": "drop", **SIZES}


@pytest.fixture(scope="module")
def texts(reviews):
    return pd.DataFrame({"body": list(reviews["text"]) * 3})


@pytest.fixture(scope="module")
def bundle(texts, tmp_path_factory):
    """Trained on rows of a table, in words, and scored with a cache."""
    out = tmp_path_factory.mktemp("saved_models")
    more = {"cache": 20, "shown_units": "0,5", "random_windows": True, "activation_penalty": 0.1, "change_penalty": 0.1}
    return rnnkit.run("language_model", texts, columns="text=body", out=out, **WORDS, **more)


def test_the_card_has_texts_their_variety_and_a_score_with_a_cache(bundle):
    card = bundle.card
    assert len(card["samples"]) == 3 and all(len(text.split()) <= 8 for text in card["samples"])
    assert set(card["diversity"]) == {"distinct_1", "distinct_2", "distinct_3", "repetition"}
    assert card["unknown"]["valid"] == 0
    cache = card["cache"]
    assert cache["size"] == 20 and 0 <= cache["share"] < 1
    assert cache["valid"]["perplexity"] <= card["scores"]["valid"]["perplexity"] * (1 + 1e-5)
    assert cache["test"].keys() == card["scores"]["test"].keys()
    assert {file.name for file in (bundle.path / "report").iterdir()} >= {"units.png", "losses.png"}


def test_scores_are_those_of_the_whole_test_text(bundle, texts):
    """Read again by hand: one row after the other, from the state that the one before left."""
    scores = rnnkit.evaluate(bundle, texts, columns="text=body")
    recipe = catalog.load("language_model")
    preparation, core = load_parts(bundle, recipe)
    units, nats, before = units_of(preparation.features), [], 3
    states = {name: tf.zeros([1, size]) for name, size in (("state_1_1", 6), ("state_1_2", 6))}
    for text in texts["body"]:
        for target in [*units.ids(tf.constant([text])).numpy()[0].tolist(), 3]:
            found = core({"ids": tf.constant([[before]]), **states}, training=False)
            nats.append(-tf.nn.log_softmax(found["logits"])[0, 0, target].numpy())
            states, before = {name: found[name] for name in states}, target
    assert scores["token_loss"] == pytest.approx(np.mean(nats), rel=1e-4)
    assert scores["perplexity"] == pytest.approx(np.exp(np.mean(nats)), rel=1e-4)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_text_recipe_begins_from_its_vectors_and_layers(bundle, reviews, tmp_path, bidirectional):
    sizes = {"units": 6, "embedding_units": 7, "ngram_buckets": 64, "epochs": 1, "learning_rate": 1e-9}
    child = rnnkit.run(
        "sentiment", reviews, encoder_from=str(bundle.path), bidirectional=bidirectional, out=tmp_path, **sizes
    )
    (note,) = (note for note in child.card["notes"] if note.startswith("taken from"))
    assert "embedding: 15 of 15 words" in note and "recurrent_1" in note and ("forward" in note) == bidirectional
    cores = {
        name: load_parts(each, catalog.load(name))[1]
        for name, each in (("sentiment", child), ("language_model", bundle))
    }
    theirs = cores["language_model"].get_layer("recurrent_1_lstm").get_weights()
    mine = cores["sentiment"].get_layer("recurrent_1" if bidirectional else "recurrent_1_lstm").get_weights()
    for one, other in zip(theirs, mine, strict=False):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_tagger_begins_from_its_layers(bundle, tmp_path):
    sizes = {"units": 6, "embedding_units": 7, "characters": "none", "shapes": False, "windows": 0, "epochs": 1}
    part = tmp_path / "part.conll"
    lines = sample_path(catalog.load("ner")).read_text("utf-8").splitlines(keepends=True)
    part.write_text("".join(lines[:700]), encoding="utf-8")
    child = rnnkit.run("ner", part, encoder_from=str(bundle.path), out=tmp_path, steps_per_epoch=2, **sizes)
    assert any(note.startswith("taken from") and "recurrent_1" in note for note in child.card["notes"])


@pytest.mark.parametrize(
    "settings",
    [
        {"tokens": "bpe", "vocabulary": 60},
        {"tokens": "character", "cell": "gru", "head": "sampled", "samples": 5},
        {"tokens": "word", "cell": "mingru", "depth": 2, "last_units": 5, "average_epochs": 2},
        {
            "tokens": "character",
            "lines": "own",
            "variational_dropout": 0.2,
            "input_dropout": 0.2,
            "vector_dropout": 0.1,
        },
    ],
)
def test_tokens_cells_and_heads_of_all_kinds_are_trained_and_served(settings, texts, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(texts["body"]), encoding="utf-8")
    bundle = rnnkit.run("language_model", path, out=tmp_path, **{**SIZES, **settings})
    assert np.isfinite(bundle.card["scores"]["test"]["perplexity"])
    answers = bundle.predict({"text": ["the ", ""]})
    assert len(answers["generated"]) == 2 and np.isfinite(answers["log_probability"]).all()
    scored = bundle.predict({"text": ["the cat"]}, signature="score")
    assert scored["tokens"][0] == np.count_nonzero(scored["log_probability"][0]) > 0


def test_sources_of_the_standard_library_are_the_default(tmp_path):
    bundle = rnnkit.run("language_model", "python:20000", out=tmp_path, **SIZES, steps_per_epoch=2)
    assert catalog.load("language_model").settings().data == "python"
    assert bundle.card["data"]["path"].startswith("python") and bundle.card["facts"]["vocabulary"] > 40


@pytest.mark.parametrize("name", catalog.load("language_model").presets)
def test_presets_are_settings_that_build(name):
    recipe = catalog.load("language_model")
    settings = presets.chosen(recipe, {"preset": name, "units": 5, "embedding_units": 4, "last_units": 0})
    core = recipe.build({"vocabulary": 30}, settings)
    assert core.output["logits"].shape[-1] == 30


def test_units_that_there_are_none_of_are_refused(texts, tmp_path):
    with pytest.raises(ValueError, match=r"shown_units must be numbers from 0 to 5, as 3,17\. Got '6'\."):
        rnnkit.run("language_model", texts, columns="text=body", out=tmp_path, **{**WORDS, "shown_units": "1,6"})
    assert not (tmp_path / "language_model").exists()
