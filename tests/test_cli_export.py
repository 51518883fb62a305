"""export: what it writes and prints, and that each bad input is one line with nothing written."""

import json
import re
import shutil
import sys

import pytest

from rnnkit.cli import main
from rnnkit.export import parity, tflite
from rnnkit.export.model_config import FIRST


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder of 80 columns and returns its exit code, output and last line of errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        capsys.readouterr()
        code = main(["export", *(str(argument) for argument in arguments)])
        out, error = capsys.readouterr()
        return code, out, error.splitlines()[-1] if error else ""

    return call


@pytest.fixture
def copies(tiny, tmp_path):
    """Copies the tiny bundle under given names."""

    def copy(*names):
        return [str(shutil.copytree(tiny.path, tmp_path / name).relative_to(tmp_path)) for name in names]

    return copy


def listing(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_tflite_prints_what_was_measured_and_what_comes_next(run, copies, monkeypatch):
    monkeypatch.setattr(parity, "latency", lambda call: {"median": 1.234, "p95": 12.5})
    (path,) = copies("models/one/1")
    code, out, error = run("models/one", "--to", "tflite", "--quantize", "float16", "--json")
    assert (code, error) == (0, "")
    *shown, last = out.splitlines()
    measured = json.loads(last)
    assert measured["path"] == "models/one/1/edge" and measured["quantize"] == "float16"
    text = "\n".join(shown)
    for form in measured["variants"]:
        assert re.search(rf"^{form['name']} +{form['score']:.4f} .*{form['bytes'] / 1e6:.3f}", text, re.MULTILINE)
    for words in ("4 test rows", "accuracy", "same texts", "1.23 (12.50)", "form  fused", "GATHER"):
        assert words in text
    assert max(map(len, shown)) <= 80 and "…" not in text
    assert f"next  python {path}/edge/run.py" in text


def test_out_of_tolerance_prints_the_table_and_fails(run, copies, monkeypatch, tmp_path):
    monkeypatch.setattr(parity, "latency", lambda call: {"median": 1.0, "p95": 1.0})
    monkeypatch.setattr(parity, "DIFFERENCE", -1.0)
    copies("one/1")
    before = listing(tmp_path)
    code, out, error = run("one", "--to", "tflite")
    assert code == 2 and "tflite none" in out and listing(tmp_path) == before
    assert re.search(r"^rnnkit: tflite, quantize none, differs .* Nothing was written; --keep does so", error)
    code, out, error = run("one", "--to", "tflite", "--keep")
    assert code == 2 and "Kept as asked: one/1/edge." in error
    assert (tmp_path / "one" / "1" / "edge" / "model.tflite").is_file()


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["one"], r"^--to must be one of 'tflite', 'serving'\. Say which: rnnkit export BUNDLE --to tflite\."),
        (["one", "--to", "tflit"], r"^--to must be one of 'tflite', 'serving'\. Got 'tflit'\. Did you mean 'tflite'\?"),
        (["--to", "tflite"], r"^Say which bundle: rnnkit export BUNDLE --to tflite\."),
        (["one", "two", "--to", "tflite"], r"^--to tflite takes one bundle at a time\. Got 'one', 'two'\."),
        (["nowhere", "--to", "tflite"], r"^There is no bundle 'nowhere'\. `rnnkit run RECIPE` makes one"),
        (["one", "--to", "tflite", "--model-config"], r"^--model-config belongs to --to serving\."),
        (["one", "--to", "tflite", "--quantize", "int4"], r"^quantize must be one of 'none', .*'int8'\. Got 'int4'\."),
        (["one", "--to", "tflite", "--quantize", "dynamics"], r"Got 'dynamics'\. Did you mean 'dynamic'\?$"),
        (["one", "--to", "tflite", "--length", "0"], r"^length must be at least 1\. Got 0\."),
        (["one", "--to", "tflite", "--length", "long"], r"^length must be a whole number\. Got 'long'\."),
        (["one", "--to", "tflite", "--quantise", "int8"], r"^There is no setting --quantise\. Did you mean --quant"),
        (["one", "--to", "serving"], r"^A bundle is a SavedModel already, .* Add --model-config"),
        (["one", "nowhere", "--to", "serving", "--model-config"], r"^There is no bundle 'nowhere'\."),
        (["one", "more/one", "--to", "serving", "--model-config"], r"^Two bundles are called 'one': '.*/one', "),
        (["loose", "--to", "serving", "--model-config"], r"^loose is no version of a bundle: TensorFlow Serving wants"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused_in_one_line(run, copies, tmp_path, arguments, pattern):
    copies("one/1", "two/1", "more/one/1", "loose")
    before = listing(tmp_path)
    code, out, error = run(*arguments)
    assert (code, out) == (2, "") and listing(tmp_path) == before
    assert re.search(pattern, error.removeprefix("rnnkit: ")), error


@pytest.mark.parametrize(
    "lost", ["core.keras", "features.keras", "target.keras", "rows.test.jsonl", "rows.train.jsonl"]
)
def test_a_bundle_that_lacks_a_part_is_refused(run, copies, tmp_path, lost):
    copies("one/1")
    (tmp_path / "one" / "1" / "training" / lost).unlink()
    before = listing(tmp_path)
    code, out, error = run("one", "--to", "tflite", "--quantize", "int8")
    assert (code, out) == (2, "") and listing(tmp_path) == before
    assert re.search(
        rf"^rnnkit: The bundle one/1 is damaged: it lacks 'training/{lost}'\. Copy the bundle again, or pass", error
    )


def test_without_the_interpreter_the_line_to_install_it_is_told(run, copies, tmp_path, monkeypatch):
    copies("one/1")
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    before = listing(tmp_path)
    code, out, error = run("one", "--to", "tflite")
    assert (code, out) == (2, "") and listing(tmp_path) == before
    assert re.search(r"^rnnkit: ai-edge-litert is not installed, .*: pip install ai-edge-litert$", error)


def test_a_recipe_without_a_form_for_devices_is_refused(run, copies, monkeypatch):
    import dataclasses

    from rnnkit import catalog

    plain = dataclasses.replace(catalog.load("sentiment"), edge=None)
    monkeypatch.setattr(catalog, "load", lambda name: plain)
    copies("one/1")
    code, _, error = run("one", "--to", "tflite")
    assert code == 2 and error.startswith("rnnkit: The recipe 'sentiment' has no form for devices. Serve one/1 as a")


def test_what_cannot_be_converted_is_refused(run, copies, monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise tflite.ConversionError("The model can't be converted to TFLite. while: no built-in op for Odd.")

    monkeypatch.setattr(tflite, "convert", refuse)
    copies("one/1")
    before = listing(tmp_path)
    code, out, error = run("one", "--to", "tflite")
    assert (code, out) == (2, "") and listing(tmp_path) == before
    assert error == "rnnkit: The model can't be converted to TFLite. while: no built-in op for Odd."


class TestModelConfig:
    def test_bundles_are_listed_where_they_all_lie(self, run, copies, tmp_path):
        copies("models/one/1", "models/one/2", "models/sub/two/3")
        code, out, _ = run("models/one", "models/sub/two/3", "--to", "serving", "--model-config", "--json")
        file = tmp_path / "models" / "models.config"
        assert code == 0 and json.loads(out.splitlines()[-1])["path"] == str(file)
        text = file.read_text(encoding="utf-8")
        assert text in out and f"--model_config_file={file}" in out
        assert text == FIRST + (
            "model_config_list {\n"
            "  config {\n"
            '    name: "one"\n'
            f'    base_path: "{tmp_path}/models/one"\n'
            '    model_platform: "tensorflow"\n'
            "  }\n"
            "  config {\n"
            '    name: "two"\n'
            f'    base_path: "{tmp_path}/models/sub/two"\n'
            '    model_platform: "tensorflow"\n'
            "    model_version_policy { specific { versions: 3 } }\n"
            "  }\n"
            "}\n"
        )
        assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["models.config"]

    def test_its_own_file_is_replaced_and_anothers_is_not(self, run, copies, tmp_path):
        copies("one/1", "two/1")
        file = tmp_path / "models.config"
        assert run("one", "--to", "serving", "--model-config")[0] == 0
        first = file.read_text(encoding="utf-8")
        assert run("one", "two", "--to", "serving", "--model-config")[0] == 0
        assert "two" in file.read_text(encoding="utf-8") != first
        file.write_text("model_config_list {}")
        code, _, error = run("one", "--to", "serving", "--model-config")
        assert code == 2 and re.search(r"models\.config is there already and was not written by rnnkit\. Move", error)
        assert file.read_text(encoding="utf-8") == "model_config_list {}"

    def test_it_needs_no_tensorflow(self, copies, tmp_path):
        import subprocess

        copies("one/1")
        code = "import sys; sys.modules['tensorflow'] = None; from rnnkit.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "export", "one", "--to", "serving", "--model-config"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
