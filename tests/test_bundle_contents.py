"""What a bundle holds: a card that says how it came about, and everything that its readers need."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from toy_bundle import CARD

from rnnkit import bundle as bundles
from rnnkit.settings import from_mapping


def test_the_card_says_how_the_model_came_about(tiny):
    text = (tiny.path / CARD).read_text(encoding="utf-8")
    card = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert bundles.CARD_KEYS <= card.keys()
    assert card["data"].keys() >= {"path", "rows", "sha256"} and card["data"]["rows"].keys() == {
        "train",
        "valid",
        "test",
    }
    assert card["scores"].keys() == {"valid", "test"}
    assert all(scores.keys() == {"test"} for scores in card["baselines"].values())
    assert card["settings"]["units"] == 5 and card["version"] == 1 and card["recipe"] == "sentiment"
    assert card["versions"].keys() >= {"python", "rnnkit", "tensorflow", "keras"}
    assert card["signatures"]["serving_default"] == {
        "inputs": {"text": {"dtype": "string", "shape": [None]}},
        "outputs": {
            "label": {"dtype": "string", "shape": [None]},
            "probability": {"dtype": "float32", "shape": [None, 2]},
        },
    }


def test_the_training_part_gives_the_same_answers_as_what_is_served(tiny, reviews):
    loaded = {
        name: keras.saving.load_model(tiny.path / "training" / f"{name}.keras", compile=False)
        for name in ("core", "features", "target")
    }
    texts = reviews["text"][:6].tolist()
    logits = loaded["core"](loaded["features"]({"text": tf.constant(texts)}), training=False)
    probability = tf.nn.softmax(logits).numpy()
    served = tiny.predict(texts)
    np.testing.assert_allclose(probability, served["probability"], atol=1e-5)
    numbers = loaded["target"](tf.constant(served["label"].astype(str))).numpy()
    assert (numbers == probability.argmax(axis=1)).all()


def test_the_training_part_holds_settings_and_history(tiny):
    from rnnkit import catalog

    settings = yaml.safe_load((tiny.path / "training" / "settings.yaml").read_text())
    assert settings == tiny.card["settings"]
    assert from_mapping(catalog.load("sentiment").settings, settings).units == 5
    with open(tiny.path / "training" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == tiny.card["epochs"] and float(rows[0]["valid_loss"]) > 0
    assert (tiny.path / "training" / "report.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_pickled(tiny):
    names = [path.suffix for path in tiny.path.rglob("*") if path.is_file()]
    assert names and not {".pkl", ".pickle", ".joblib", ".npy"} & set(names)
