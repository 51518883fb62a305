"""The package's own code has nothing that would run what it reads: no pickle, no eval, no unsafe loader, no shell."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("rnnkit", "recipes", "data")
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code", "tarfile"}
NAMES = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "os.system",
    "os.popen",
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    "pd.read_pickle",
    "pandas.read_pickle",
    "keras.config.enable_unsafe_deserialization",
    "keras.models.load_model",
    "shutil.unpack_archive",
}
METHODS = {"to_pickle", "read_pickle", "extractall", "extract", "func_load", "load_pickle"}
VALUES = {"allow_pickle": False, "safe_mode": True, "shell": False}


def dotted(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""


def faults(source):
    """Returns what of the source could run what is read."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"import {name}" for name in modules if name.split(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in NAMES | CALLS or name.split(".")[-1] in METHODS:
                yield f"{name}()"
            if name.split(".")[-1] == "load_model" and name not in (
                "keras_files.load_model",
                "keras.saving.load_model",
            ):
                yield f"{name}()"
            for keyword in node.keywords:
                if keyword.arg in VALUES and getattr(keyword.value, "value", None) is not VALUES[keyword.arg]:
                    yield f"{name}({keyword.arg}=…)"


def test_nothing_runs_what_is_read():
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if not file.is_symlink()]
    assert len(files) > 50
    found = {str(file.relative_to(ROOT)): list(faults(file.read_text(encoding="utf-8"))) for file in files}
    assert {name: listed for name, listed in found.items() if listed} == {}


def test_keras_files_are_loaded_in_one_place():
    texts = {file: file.read_text(encoding="utf-8") for file in (ROOT / "rnnkit").rglob("*.py")}
    places = [file.name for file, text in texts.items() if "keras.saving.load_model(" in text]
    assert places == ["keras_files.py"]
    assert "keras.saving.load_model(path, compile=False, safe_mode=True)" in texts[ROOT / "rnnkit" / "keras_files.py"]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "yaml.load(text, Loader=yaml.Loader)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "subprocess.run('ls', shell=True)",
        "keras.saving.load_model(path, safe_mode=False)",
        "keras.models.load_model(path)",
        "archive.extractall(folder)",
        "frame.to_pickle(path)",
    ],
)
def test_what_would_is_found(source):
    assert list(faults(source))


@pytest.mark.parametrize("source", ["re.compile('x')", "yaml.safe_load(text)", "np.load(path, allow_pickle=False)"])
def test_what_would_not_is_left_alone(source):
    assert not list(faults(source))
