"""The smallest bundle: parts, card and writing, for tests of what bundles are, in this process or another."""

import keras
import tensorflow as tf

from rnnkit import bundle as bundles
from rnnkit.answers import Signature
from rnnkit.settings import TrainingSettings

CARD = "assets.extra/card.json"


def toy_parts():
    """A text's length as a number, twice."""
    text = keras.Input((), dtype="string", name="text")
    features = keras.Model({"text": text}, {"ids": keras.layers.Lambda(tf.strings.length, output_shape=())(text)})
    label = keras.Input((), dtype="string", name="label")
    ids = keras.Input((1,), name="ids")
    core = keras.Model({"ids": ids}, keras.layers.Dense(2, name="logits")(ids))

    def serve(text):
        return {"length": tf.strings.length(text)}

    signature = Signature(serve, (tf.TensorSpec([None], tf.string, name="text"),))
    history = [{"epoch": 1, "loss": 0.5, "valid_loss": 0.25}]
    settings = TrainingSettings(epochs=3)
    target = keras.Model(label, keras.layers.StringLookup(vocabulary=["a"])(label))
    return bundles.Parts(core, features, target, history, settings, {"serving_default": signature})


def toy_card():
    """What a run knows of itself, with odd values."""
    scores = {"accuracy": 0.75}
    return {
        "recipe": "toy",
        "created": "2026-01-01",
        "settings": {},
        "data": {"path": "r.csv", "rows": {"train": 5, "valid": 3, "test": 2}, "sha256": "0"},
        "inputs": ["text"],
        "target": "label",
        "labels": [],
        "scores": {"valid": scores, "test": scores},
        "baselines": {"majority": {"test": {"accuracy": 0.5}}},
        "train_seconds": 1.5,
        "examples_per_second": 7.0,
        "epochs": 1,
        "best_epoch": 1,
        "parameters": 4,
    }


def write_toy(home, parts):
    return bundles.write(home, parts, toy_card(), {"text": ["one", "three"]}, {})


def files(folder):
    """The content of each file under a folder."""
    found = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found
    return found
