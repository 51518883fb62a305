"""Edge: whole or not at all; run.py answers as Keras does; what was measured is kept; refusals say what to do."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from sealed import run_sealed

import rnnkit
from rnnkit import catalog
from rnnkit.export import edge, parity, tflite
from rnnkit.sources.some import drawn

FILES = {"labels.txt", "model.tflite", "parity.json", "preparation.json", "run.py", "vocabulary.txt"}


@pytest.fixture
def bundle(tiny, tmp_path):
    """A copy of the tiny bundle, to be exported."""
    return rnnkit.load(shutil.copytree(tiny.path, tmp_path / "tiny" / "1"), verify=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(parity, "latency", lambda call: {"median": float(call() is None), "p95": 1.0})


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    """The tiny bundle, exported once; not to be changed."""
    copy = rnnkit.load(shutil.copytree(tiny.path, tmp_path_factory.mktemp("exported") / "tiny" / "1"))
    return copy, edge.export_tflite(copy, quantize="dynamic")


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_folder_holds_plain_files_the_script_and_the_measure(exported):
    bundle, measured = exported
    folder = bundle.path / "edge"
    assert names(folder) == FILES
    assert json.loads((folder / "parity.json").read_text(encoding="utf-8")) == json.loads(json.dumps(measured))
    assert not [path for path in bundle.path.iterdir() if path.name.startswith(".")]
    rnnkit.load(bundle.path).predict("it still serves")


def test_all_forms_are_measured_on_the_kept_rows(exported):
    bundle, measured = exported
    assert measured["rows"] == len(bundle.rows("test")) and measured["score"] == "accuracy"
    assert measured["quantize"] == "dynamic" and measured["length"] is None and measured["fault"] is None
    forms = {form["name"]: form for form in measured["variants"]}
    assert list(forms) == ["keras", "saved_model", "tflite none", "tflite dynamic"]
    scores = bundle.card["scores"]["test"]
    assert forms["keras"]["score"] == forms["saved_model"]["score"] == pytest.approx(scores["accuracy"])
    assert forms["keras"]["difference"] == 0 and forms["saved_model"]["difference"] < 1e-5
    assert forms["tflite none"]["difference"] < 1e-5 and forms["tflite none"]["equal"] == 1
    assert forms["tflite dynamic"]["bytes"] == (bundle.path / "edge" / "model.tflite").stat().st_size
    for kind in ("none", "dynamic"):
        form = forms[f"tflite {kind}"]
        assert form["quantize"] == kind and form["rung"] == "fused" and not form["tried"]
        assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in form["ops"] and not [op for op in form["ops"] if "Flex" in op]
        assert form["latency_ms"].keys() == {"1 thread", "2 threads"}
    assert forms["keras"]["latency_ms"].keys() == {"call", "predict"}


def run(bundle, *arguments, stdin=b""):
    done = run_sealed(bundle.path / "edge", *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def test_run_answers_arguments_and_lines_alike_without_tensorflow(exported):
    bundle, _ = exported
    given = ["the a was fine", "", "cold, Naïve b", "--", b"caf\xe9"]
    answers = [json.loads(line) for line in run(bundle, "--json", "--", *given)]
    raw = b"\n".join(text if isinstance(text, bytes) else text.encode() for text in given)
    assert [json.loads(line) for line in run(bundle, "--json", stdin=raw + b"\r\n")] == answers
    assert [answer["text"] for answer in answers] == [*given[:-1], "caf\ufffd"]
    assert [list(answer["probability"]) for answer in answers] == [["bad", "good"]] * 5
    for answer in answers:
        assert answer["label"] == max(answer["probability"], key=answer["probability"].get)
        assert sum(answer["probability"].values()) == pytest.approx(1)
    (line,) = run(bundle, "the a was fine")
    label, shares = answers[0]["label"], answers[0]["probability"]
    assert line == f"{label}   bad {shares['bad']:.3f}  good {shares['good']:.3f}   the a was fine"


@pytest.mark.parametrize("quantize", ["float16", "int8"])
def test_other_quantisations_answer_too(bundle, quantize):
    measured = edge.export_tflite(bundle, quantize=quantize, keep=True)
    assert [form["quantize"] for form in measured["variants"][2:]] == ["none", quantize]
    assert names(bundle.path / "edge") == FILES


def test_a_fixed_length_cuts_long_rows_and_pads_short_ones(bundle):
    texts = ["fine", "", "the a was lovely", "the a was cold and stale and rude and " * 3]
    lines = [json.dumps({"text": text, "label": "good"}) for text in texts]
    (bundle.path / "training" / "rows.test.jsonl").write_text("\n".join(lines))
    measured = edge.export_tflite(bundle, length=6)
    (form,) = measured["variants"][2:]
    assert form["name"] == "tflite none" and form["difference"] < 1e-5 and measured["length"] == 6
    assert names(bundle.path / "edge") == FILES
    assert json.loads(run(bundle, "--json", "fine")[0])["label"] == bundle.predict("fine")["label"][0]


def test_letters_are_read_on_the_device_too(reviews, tmp_path):
    sizes = {"units": 3, "embedding_units": 5, "ngrams": 0, "epochs": 1, "characters": True, "pooling": "max"}
    made = rnnkit.run("sentiment", reviews, out=tmp_path, cell="gru", **sizes)
    form = edge.export_tflite(made)["variants"][-1]
    assert form["difference"] < 1e-5 and form["rung"] == "while"
    (answer,) = run(made, "--json", "the staff were Lovely!")
    expected = made.predict("the staff were Lovely!")["probability"][0]
    assert list(json.loads(answer)["probability"].values()) == pytest.approx(expected.tolist(), abs=1e-5)


def test_ops_that_nothing_here_can_run_are_kept_unmeasured_only_where_that_is_asked(bundle, monkeypatch):
    converted = tflite.Converted(b"odd", "while", ("ADD", "FlexOdd"), {})
    monkeypatch.setattr("rnnkit.export.tflite.convert", lambda *_, **__: converted)
    message = r"^tflite, quantize none, has FlexOdd: .* was not measured"
    with pytest.raises(edge.OutOfTolerance, match=f"{message}.* Nothing was written; --keep"):
        edge.export_tflite(bundle, allow_select_ops=True)
    assert not (bundle.path / "edge").exists()
    with pytest.raises(edge.OutOfTolerance, match=f"{message}.* Kept as asked"):
        edge.export_tflite(bundle, allow_select_ops=True, keep=True)
    assert (bundle.path / "edge" / "model.tflite").read_bytes() == b"odd"


def test_out_of_tolerance_nothing_is_written_unless_kept(bundle, exported, monkeypatch):
    shutil.copytree(exported[0].path / "edge", bundle.path / "edge")
    before = (bundle.path / "edge" / "parity.json").read_bytes()
    monkeypatch.setattr(parity, "DIFFERENCE", -1.0)
    with pytest.raises(
        edge.OutOfTolerance, match=r"^tflite, quantize none, differs .* Nothing was written; --keep does"
    ):
        edge.export_tflite(bundle)
    assert (bundle.path / "edge" / "parity.json").read_bytes() == before
    with pytest.raises(edge.OutOfTolerance, match=r"Kept as asked: .*edge\.$") as caught:
        edge.export_tflite(bundle, keep=True)
    kept = json.loads((bundle.path / "edge" / "parity.json").read_text(encoding="utf-8"))
    assert kept["fault"] == caught.value.parity["fault"] and names(bundle.path / "edge") == FILES
    assert not [path for path in bundle.path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("where", ["rnnkit.export.tflite.convert", "rnnkit.export.parity.measure", "os.rename"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space")])
def test_whatever_ends_an_export_the_earlier_one_stays(bundle, monkeypatch, where, error):
    (bundle.path / "edge").mkdir()
    (bundle.path / "edge" / "earlier").write_text("whole")
    converted = tflite.Converted(b"", "fused", (), {})
    monkeypatch.setattr("rnnkit.export.tflite.convert", lambda *_, **__: converted)
    monkeypatch.setattr("rnnkit.export.parity.measure", lambda *_: {"fault": None})

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(where, fail)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        edge.export_tflite(bundle)
    assert names(bundle.path / "edge") == {"earlier"}
    assert not [path for path in bundle.path.iterdir() if path.name.startswith(".")]


def test_a_rename_that_fails_puts_the_earlier_folder_back(tmp_path, monkeypatch):
    folder, final = tmp_path / "partial" / "edge", tmp_path / "edge"
    for made in (folder, final):
        made.mkdir(parents=True)
    (final / "earlier").write_text("whole")
    rename, failed = edge.os.rename, []

    def once(source, target):
        if source == folder and not failed:
            failed.append(True)
            raise OSError("busy")
        rename(source, target)

    monkeypatch.setattr("os.rename", once)
    with pytest.raises(OSError, match="busy"):
        edge._put(folder, final)
    assert failed and names(final) == {"earlier"}


def test_the_bundle_keeps_rows_of_its_own_splits(tiny, reviews):
    table = set(zip(reviews["text"], reviews["label"], strict=True))
    for split in ("test", "train"):
        rows = tiny.rows(split)
        assert len(rows) == tiny.card["kept_rows"][split] == tiny.card["data"]["rows"][split]
        assert {(row["text"], row["label"]) for row in rows} <= table
    assert {row["text"] for row in tiny.rows("test")}.isdisjoint(row["text"] for row in tiny.rows("train"))


@dataclasses.dataclass
class Numbers:
    """Rows 0 to 19 in chunks of 6, as a split has them."""

    target: str = "label"

    def __len__(self):
        return 20

    def chunks(self):
        for start in range(0, 20, 6):
            numbers = [str(number) for number in range(start, min(start + 6, 20))]
            yield {"text": numbers, "label": numbers}


def test_few_of_many_rows_are_drawn_by_seed_in_their_order():
    first, again, other = (drawn(Numbers(), 7, seed) for seed in (1, 1, 2))
    assert first == again != other
    numbers = [int(row["text"]) for row in first]
    assert len(numbers) == 7 and numbers == sorted(numbers)
    assert all(row == {"text": row["text"], "label": row["text"]} for row in first)
    assert len(drawn(Numbers(), 50, 1)) == 20


@pytest.mark.parametrize("name", ["core", "features", "target"])
@pytest.mark.parametrize(("change", "pattern"), [("lost", "lacks training/{}.keras"), ("cut", "{}.keras is damaged: ")])
def test_a_bundle_without_its_parts_is_refused(bundle, name, change, pattern):
    path = bundle.path / "training" / f"{name}.keras"
    content = path.read_bytes()
    path.unlink()
    if change == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"{pattern.format(name)}.*Run the recipe again\.$"):
        edge.export_tflite(bundle)


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (None, r"^The bundle .* keeps no test rows: it lacks training/rows\.test\.jsonl\. Run the recipe again\.$"),
        ("", r"rows\.test\.jsonl is damaged: a row a line, with 'label', 'text', is expected\."),
        ('{"text": "x"}', "is damaged"),
        ("[1]", "is damaged"),
        ('{"text": "x", "label"', "is damaged"),
    ],
)
def test_a_bundle_without_rows_is_refused(bundle, content, pattern):
    path = bundle.path / "training" / "rows.test.jsonl"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=pattern):
        edge.export_tflite(bundle)


def test_only_int8_needs_rows_of_train(bundle, monkeypatch):
    (bundle.path / "training" / "rows.train.jsonl").unlink()
    monkeypatch.setattr("rnnkit.export.tflite.convert", lambda *_, **__: tflite.Converted(b"", "fused", (), {}))
    monkeypatch.setattr("rnnkit.export.parity.measure", lambda *_: {"fault": None})
    edge.export_tflite(bundle, quantize="dynamic")
    with pytest.raises(ValueError, match="keeps no train rows"):
        edge.export_tflite(bundle, quantize="int8")


def test_a_core_of_mixed_precision_is_exported_in_float32(reviews, tmp_path):
    sizes = {"units": 3, "embedding_units": 4, "ngrams": 0, "epochs": 1, "pooling": "max"}
    made = rnnkit.run("sentiment", reviews, out=tmp_path, precision="mixed_bfloat16", **sizes)
    _, core = edge.load_parts(made, catalog.load("sentiment"))
    assert {layer.compute_dtype for layer in core.layers} <= {"float32", "int32"}
    mixed = keras.saving.load_model(made.path / "training" / "core.keras", compile=False)
    for ours, theirs in zip(core.get_weights(), mixed.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert keras.config.dtype_policy().name == "float32"
