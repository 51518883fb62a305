"""Bundle: whole or not at all, versions counted up, and everything in it that its readers need."""

import csv
import errno
import json
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml

import rnnkit
from rnnkit import bundle as bundles
from rnnkit.answers import Signature
from rnnkit.settings import TrainingSettings, from_mapping

CARD = "assets.extra/card.json"


@pytest.fixture(scope="module")
def parts():
    """The smallest model: a text's length as a number, twice."""
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


def card():
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


def write(home, parts):
    return bundles.write(home, parts, card(), {"text": ["one", "three"]}, {})


def test_versions_are_counted_up_from_the_highest(tmp_path, parts):
    home = tmp_path / "made" / "toy"
    assert write(home, parts).path == home / "1"
    (home / "1").rename(home / "9")
    (home / "notes").mkdir()
    assert write(home, parts).path == home / "10"
    assert bundles.load(home).path == home / "10"
    assert bundles.load(str(home / "9")).path == home / "9"
    assert sorted(path.name for path in home.iterdir()) == ["10", "9", "notes"]
    assert json.loads((home / "10" / CARD).read_text())["version"] == 10


def test_a_version_taken_meanwhile_is_left_alone(tmp_path, parts, monkeypatch):
    rename, taken = os.rename, tmp_path / "1"

    def late(source, target):
        if not taken.exists():
            taken.mkdir()
            (taken / "other").write_text("another run's")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    written = write(tmp_path, parts)
    assert written.path.name == "2" and written.card["version"] == 2
    assert [path.name for path in taken.iterdir()] == ["other"]


@pytest.mark.parametrize("full", [OSError(errno.ENOSPC, "No space left on device"), tf.errors.ResourceExhaustedError(
    None, None, "out/variables; No space left on device")])  # fmt: skip
def test_a_full_disk_leaves_earlier_versions_whole_and_nothing_else(tmp_path, parts, monkeypatch, full):
    home = tmp_path / "toy"
    before = files(write(home, parts).path)

    def fail(path, *_):
        path.write_bytes(b"half")
        raise full

    monkeypatch.setattr("rnnkit.pictures.write_report", fail)
    with pytest.raises(OSError, match=r"to .*toy: no space is left on the disk\. .* Versions 1 there are whole\."):
        write(home, parts)
    assert [path.name for path in home.iterdir()] == ["1"]
    assert files(home / "1") == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EIO, "Input/output error"), ValueError("odd")])
def test_whatever_ends_the_writing_no_new_folder_stays(tmp_path, parts, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("rnnkit.pictures.write_report", fail)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        write(tmp_path / "saved" / "toy", parts)
    assert not list(tmp_path.iterdir())


def files(folder):
    found = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found
    return found


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


def test_answers_come_in_the_order_of_the_rows_whatever_their_length(tiny):
    texts = ["the a was dull " * 9, "fine", "", "the b was lovely", "the a was dull " * 40] * 30
    together = tiny.predict(texts)["probability"]
    assert together.shape == (150, 2)
    for place in (0, 1, 2, 3, 4, 149):
        np.testing.assert_allclose(together[place], tiny.predict(texts[place])["probability"][0], atol=1e-5)


def test_padded_answers_of_batches_of_different_length_are_joined(tiny):
    answers = tiny.predict(["one two three"] + ["one"] * 70, signature="explain")
    assert answers["attention"].shape == answers["word"].shape == (71, 3)
    assert answers["word"][0].tolist() == ["one", "two", "three"] and answers["word"][70].tolist() == ["one", "", ""]
    assert (answers["attention"][70, 1:] == 0).all()


def test_rows_may_be_texts_columns_a_data_frame_bytes_or_numbers(tiny, reviews):
    expected = tiny.predict(["7", "true", "café"])["probability"]
    for rows in ([7, True, "café".encode()], {"text": [7.0, "true", "café"]}):
        np.testing.assert_allclose(tiny.predict(rows)["probability"], expected, atol=1e-5)
    assert len(tiny.predict(reviews)["label"]) == len(reviews)


@pytest.mark.parametrize(
    ("rows", "signature", "kind", "message"),
    [
        (["a"], "explan", LookupError, r"has no signature 'explan'\. It has 'explain', 'serving_default'\."),
        ({"review": ["a"]}, "explain", LookupError, r"no column 'text'\. They have 'review'\."),
        ([["a", "b"]], "explain", ValueError, r"text must be a text, a number or a truth value .* Got a list\."),
    ],
)
def test_rows_that_cannot_be_answered_are_refused(tiny, rows, signature, kind, message):
    with pytest.raises(kind, match=message):
        tiny.predict(rows, signature=signature)


def test_what_is_no_bundle_is_named(tmp_path, tiny):
    with pytest.raises(FileNotFoundError, match=r"There is no bundle '.*nowhere'\. `rnnkit run RECIPE` makes one"):
        rnnkit.load(tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match=r"is no bundle: it holds neither saved_model\.pb nor assets\.extra/card\.json"
    ):
        rnnkit.load(tmp_path)
    with pytest.raises(ValueError, match=r"is no bundle but holds some\. Name one: '.*tiny'\."):
        rnnkit.load(tiny.path.parents[1])
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=r"file is no bundle"):
        rnnkit.load(tmp_path / "file")


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", CARD])
def test_a_missing_file_is_named(tmp_path, tiny, name):
    copy = shutil.copytree(tiny.path, tmp_path / "copy")
    (copy / name).unlink()
    with pytest.raises(ValueError, match=rf"The bundle .*copy is damaged: it lacks '{name}'\. Run the recipe again\."):
        rnnkit.load(copy)


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", CARD]
)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_truncated_file_is_found_out(tmp_path, tiny, name, share):
    copy = shutil.copytree(tiny.path, tmp_path / "copy")
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"^The bundle .*copy is damaged: .*\. Run the recipe again\.$"):
        rnnkit.load(copy).predict("text")


def test_a_card_of_something_else_is_refused(tmp_path, tiny):
    copy = shutil.copytree(tiny.path, tmp_path / "copy")
    for content in ("[]", '{"recipe": "sentiment"}'):
        (copy / CARD).write_text(content)
        with pytest.raises(ValueError, match=r"card\.json is no card of rnnkit"):
            rnnkit.load(copy)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "-x", "a b"])
def test_a_name_that_is_no_folders_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"^name must be letters, digits, .* Got '"):
        bundles.home(tmp_path, name)


def test_an_out_that_cannot_be_written_is_refused_before_anything_else(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        OSError, match=r"--out '.*file' can't be written: .*file: Not a directory\. Name another folder"
    ):
        bundles.home(tmp_path / "file", "toy")

    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    with pytest.raises(OSError, match=r"--out '.*made' can't be written: .*: Permission denied\."):
        bundles.home(tmp_path / "made", "toy")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
