"""The contract: what every recipe in the catalogue keeps, from its sample to its served answers."""

import dataclasses
import itertools
import json
import pathlib
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import rnnkit
from rnnkit import catalog
from rnnkit.export.edge import export_tflite
from rnnkit.interrupts import Interrupted
from rnnkit.running import sample_path
from rnnkit.training.checkpoints import Checkpoints


@dataclasses.dataclass(frozen=True)
class Promise:
    """What a recipe promises on its sample.

    Attributes:
        margins: Baseline -> how far at least the recipe's first test score is above it.
        rows: Ordinary rows, of different lengths, by input.
        odd: Rows that are hard to answer, by input.
    """

    margins: dict[str, float]
    rows: dict[str, list]
    odd: dict[str, list]


PROMISES = {
    "sentiment": Promise(
        margins={"majority": 0.35, "tfidf_logistic": 0.1, "nb_svm": 0.1},
        rows={"text": ["The plot was dull.", "Not bad", "I can't say that the staff were rude, but " * 9 + "dull"]},
        odd={
            "text": [
                b"",
                b"good",
                b"zzxqwv",
                b"?!... ,;",
                b"  \t\n ",
                b"very good " * 3_000,
                b"caf\xe9 \xff\xfe",
                b"\x00",
                "naïve 非常好 🙂".encode(),
                b"<br />",
            ]
        },
    )
}
SHORT = {"epochs": 2, "steps_per_epoch": 12}


def test_every_recipe_of_the_catalogue_has_a_promise():
    assert catalog.names() and set(catalog.names()) == set(PROMISES)


@pytest.fixture(scope="module", params=catalog.names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def promise(name):
    return PROMISES[name]


@pytest.fixture(scope="module")
def bundle(name, tmp_path_factory):
    """The recipe trained on its sample with its own defaults."""
    return rnnkit.run(name, out=tmp_path_factory.mktemp("saved_models"))


def signatures(bundle):
    """Every signature as a function of raw columns, with numbers and bytes coming back."""
    names = list(bundle.card["signatures"])
    assert "serving_default" in names
    for name in names:
        served = bundle.model.signatures[name]

        def call(columns, served=served):
            outputs = served(**{key: tf.constant(values) for key, values in columns.items()})
            return {key: output.numpy() for key, output in outputs.items()}

        yield name, call


def picked(columns, rows):
    return {key: [values[row] for row in rows] for key, values in columns.items()}


def count(columns):
    return len(next(iter(columns.values())))


def test_it_beats_its_baselines_on_its_sample(bundle, promise):
    card = bundle.card
    metric = next(iter(card["scores"]["test"]))
    assert set(promise.margins) == set(card["baselines"])
    for baseline, margin in promise.margins.items():
        assert card["scores"]["test"][metric] >= card["baselines"][baseline]["test"][metric] + margin, baseline


def test_its_baselines_are_scored_by_its_own_metrics(bundle):
    for scores in bundle.card["baselines"].values():
        assert list(scores["test"]) == list(bundle.card["scores"]["test"]) == list(bundle.card["scores"]["valid"])


ALONE = """
import json, sys
sys.modules["keras"] = sys.modules["rnnkit"] = None
import numpy as np
import tensorflow as tf

folder, columns, answers = sys.argv[1:]
served = tf.saved_model.load(folder).signatures["serving_default"]
outputs = served(**{name: tf.constant(values) for name, values in json.loads(columns).items()})
assert sys.modules["keras"] is sys.modules["rnnkit"] is None
np.savez(answers, **{name: output.numpy().astype(str) if output.dtype == tf.string else output.numpy()
                     for name, output in outputs.items()})
"""


def test_it_answers_where_neither_keras_nor_rnnkit_can_be_imported(bundle, promise, tmp_path):
    answers = tmp_path / "answers.npz"
    command = [sys.executable, "-c", ALONE, str(bundle.path), json.dumps(promise.rows), str(answers)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = bundle.predict(promise.rows)
    with np.load(answers) as alone:
        assert set(alone) == set(expected)
        for name, values in expected.items():
            assert_same(alone[name], values.astype(str) if values.dtype == object else values)


def test_other_rows_and_their_length_never_change_an_answer(bundle, promise):
    rows = list(range(count(promise.rows)))
    for name, call in signatures(bundle):
        for batch in (rows, rows[::-1], [*rows, *rows]):
            together = call(picked(promise.rows, batch))
            for place, row in enumerate(batch):
                alone = call(picked(promise.rows, [row]))
                for output, values in alone.items():
                    whole = together[output][place]
                    cut = tuple(slice(size) for size in values.shape[1:])
                    assert_same(whole[cut] if cut else whole, values[0], f"{name}, {output}, row {row} of {batch}")


def test_rows_that_are_hard_to_answer_get_finite_answers(bundle, promise):
    rows = count(promise.odd)
    for _, call in signatures(bundle):
        for batch in [[row] for row in range(rows)] + [list(range(rows))]:
            for output, values in call(picked(promise.odd, batch)).items():
                assert len(values) == len(batch)
                assert values.dtype == object or np.isfinite(values).all(), (output, batch)


def test_no_rows_get_no_answers(bundle, promise):
    assert bundle.predict({name: [] for name in promise.rows}) == {}


def test_missing_values_are_answered_as_empty_ones(bundle, promise):
    empty, missing = ({name: [value] * 2 for name in promise.rows} for value in ("", None))
    for output, values in bundle.predict(missing).items():
        assert_same(values, bundle.predict(empty)[output])


def test_the_same_seed_gives_the_same_scores_and_weights(name, tmp_path):
    first, second = (rnnkit.run(name, out=tmp_path, seed=3, **SHORT) for _ in range(2))
    assert (first.path.name, second.path.name) == ("1", "2")
    for split in ("valid", "test"):
        assert first.card["scores"][split] == pytest.approx(second.card["scores"][split], abs=1e-5)
    weights = [_core_weights(bundle.path) for bundle in (first, second)]
    assert len(weights[0]) > 1
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_stopped_and_gone_on_with_it_gives_the_weights_it_would_have_had(name, tmp_path, monkeypatch):
    whole = rnnkit.run(name, out=tmp_path, seed=3, **SHORT)
    steps = itertools.count(1)

    def save_and_stop(self, state, save=Checkpoints.save):
        save(self, state)
        if next(steps) == 15:
            raise Interrupted("stopped", signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_stop)
        with pytest.raises(Interrupted):
            rnnkit.run(name, out=tmp_path, seed=3, checkpoint_steps=1, **SHORT)
    resumed = rnnkit.run(name, out=tmp_path, seed=3, checkpoint_steps=1, resume=True, **SHORT)
    assert resumed.path.name == "2" and not (tmp_path / ".runs").exists()
    for one, other in zip(_core_weights(whole.path), _core_weights(resumed.path), strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole.card["scores"] == resumed.card["scores"]


def test_it_is_finetuned_on_other_columns_and_an_unseen_label(bundle, tmp_path):
    recipe = catalog.load(bundle.card["recipe"])
    rows = pd.read_csv(sample_path(recipe)).sample(400, random_state=1)
    if labels := bundle.card["labels"]:
        kept = rows[recipe.target].astype(str)
        rows[recipe.target] = kept.where(kept.index % 3 > 0, "never seen before")
    columns = {column: f"my {column}" for column in (*recipe.inputs, recipe.target)}
    rows = rows.rename(columns=columns).assign(other=1)
    before = _core_weights(bundle.path)
    child = rnnkit.finetune(bundle, rows, columns=columns, out=tmp_path, epochs=1)
    for one, other in zip(before, _core_weights(bundle.path), strict=True):
        np.testing.assert_array_equal(one, other)
    assert child.path == tmp_path / bundle.path.parent.name / "1"
    assert child.card["labels"] == sorted({*labels, "never seen before"} if labels else ())
    assert child.card["parent"]["sha256"] == bundle.sha256
    metric = next(iter(child.card["scores"]["test"]))
    for scores in (child.card, child.card["parent"], child.card["scratch"]):
        assert np.isfinite(scores["scores"]["test"][metric])
    for values in child.predict({name: list(rows[columns[name]]) for name in recipe.inputs}).values():
        assert len(values) == 400 and (values.dtype == object or np.isfinite(values).all())


@pytest.fixture(scope="module")
def exported(bundle, tmp_path_factory):
    """The trained bundle in its form for devices, floats and all, and what was measured."""
    if catalog.load(bundle.card["recipe"]).edge is None:
        pytest.skip("the recipe has no form for devices")
    copy = rnnkit.load(shutil.copytree(bundle.path, tmp_path_factory.mktemp("edge") / "copy" / "1"))
    return copy, export_tflite(copy)


def test_on_a_device_it_answers_the_test_rows_as_keras_does(exported):
    bundle, measured = exported
    form = measured["variants"][-1]
    assert measured["rows"] == min(500, bundle.card["data"]["rows"]["test"])
    assert form["name"] == "tflite none" and form["difference"] <= 1e-5 and form["equal"] == 1
    assert not [op for op in form["ops"] if op.startswith(("Flex", "CUSTOM"))]


def test_the_script_answers_every_row_as_the_bundle_does_without_tensorflow(exported, promise, tmp_path):
    bundle, _ = exported
    columns = {name: [*promise.rows[name], *promise.odd[name]] for name in promise.rows}
    served = bundle.model.signatures["serving_default"]
    raw = [[as_bytes(columns[name][row]) for name in bundle.card["inputs"]] for row in range(count(columns))]
    (tmp_path / "rows.json").write_text(json.dumps([[text.decode("latin-1") for text in row] for row in raw]))
    command = [sys.executable, "-c", ON_A_DEVICE, str(bundle.path / "edge"), str(tmp_path / "rows.json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    assert len(answers) == len(raw) > 3
    for row, answer in zip(raw, answers, strict=True):
        inputs = {name: tf.constant([text]) for name, text in zip(bundle.card["inputs"], row, strict=True)}
        expected = {name: value.numpy()[0] for name, value in served(**inputs).items()}
        assert answer.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(answer[name], value.decode() if isinstance(value, bytes) else value, f"{name} of {row}")


ON_A_DEVICE = """
import json, pathlib, sys
for name in ("tensorflow", "keras", "rnnkit"):
    sys.modules[name] = None
folder = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(folder))
import run

model = run.Model()
rows = [[text.encode("latin-1") for text in row] for row in json.loads(pathlib.Path(sys.argv[2]).read_text())]
answers = [model.answer(*row) for row in rows]
print(json.dumps([{k: v if isinstance(v, str) else v.tolist() for k, v in answer.items()} for answer in answers]))
"""


def as_bytes(value):
    return value if isinstance(value, bytes) else value.encode()


def _core_weights(path: pathlib.Path):
    return keras.saving.load_model(path / "training" / "core.keras", compile=False).get_weights()


def assert_same(values, expected, message=""):
    if np.asarray(expected).dtype.kind in "OSU":
        assert np.array_equal(values, expected), message
    else:
        np.testing.assert_allclose(values, expected, atol=1e-5, err_msg=message)
