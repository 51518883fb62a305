"""Quiet TensorFlow, the folder of real data sets, and one of samples that are made at first use."""

import fcntl
import gc
import gzip
import os
import pathlib
import tempfile

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

if "RNNKIT_CACHE" not in os.environ:
    # The first process to come here removes it at its end; workers are told of it by the variable.
    CACHE = tempfile.TemporaryDirectory(prefix="rnnkit-cache-")
    os.environ["RNNKIT_CACHE"] = CACHE.name


CONTRACT = "test_every_recipe.py"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keeps the tests of a file in one process, those of the contract by recipe, for they share what is trained.

    The contract comes first, as it takes longest.
    """
    for item in items:
        recipe = getattr(item, "callspec", None) and item.callspec.params.get("name")
        contract = item.path.name == CONTRACT
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{recipe}" if contract else str(item.path.stem)))
    items.sort(key=lambda item: item.path.name != CONTRACT)


def pytest_collection_finish(session):
    """Leaves what was imported out of the collector's rounds, which are else a tenth of the time of a test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real data sets; skips the test where RNNKIT_DATA isn't set."""
    folder = os.environ.get("RNNKIT_DATA")
    if not folder:
        pytest.skip("RNNKIT_DATA is not set: it names the folder of real data sets")
    return pathlib.Path(folder)


@pytest.fixture(scope="session")
def reviews():
    """40 short reviews, a DataFrame of text and label."""
    import pandas as pd

    words = {"good": ["fine", "lovely", "clever", "warm"], "bad": ["dull", "stale", "rude", "cold"]}
    rows = [(f"the {noun} was {word}", label) for label in words for word in words[label] for noun in "abcde"]
    return pd.DataFrame(rows, columns=["text", "label"])


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Makes a bundle of a name, `(name, out -> bundle) -> bundle`, or takes the one that another worker has made."""
    import rnnkit

    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def call(name, make):
        with open(base / f"{name}.made", "a+") as made:
            fcntl.flock(made, fcntl.LOCK_EX)
            made.seek(0)
            if path := made.read():
                return rnnkit.load(path)
            bundle = make(tmp_path_factory.mktemp("saved_models"))
            made.write(str(bundle.path))
            return bundle

    return call


@pytest.fixture(scope="session")
def tiny(reviews, made_once):
    """A sentiment bundle of odd, small sizes, trained for a moment; not to be changed."""
    import rnnkit

    sizes = {"units": 5, "embedding_units": 7, "ngram_buckets": 64, "epochs": 1}
    return made_once("tiny", lambda out: rnnkit.run("sentiment", data=reviews, out=out, bundle="tiny", **sizes))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command that must succeed, in an empty folder of 80 columns, and returns what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    from rnnkit.cli import main

    def call(*arguments):
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a text to a file in the working directory and returns its name."""
    monkeypatch.chdir(tmp_path)

    def _write(name, text):
        path = pathlib.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return name

    return _write


@pytest.fixture
def predicting(tmp_path, monkeypatch, capsys):
    """Returns `bundle -> call`; a call runs predict on it and returns exit code, stdout and stderr."""
    from rnnkit.cli import main

    def of(bundle):
        monkeypatch.chdir(tmp_path)
        # Loading it takes longer than all else.
        monkeypatch.setattr("rnnkit.bundle.load", lambda path, **how: bundle)

        def call(*arguments):
            capsys.readouterr()
            code = main(["predict", str(bundle.path), *map(str, arguments)])
            return code, *capsys.readouterr()

        return call

    return of


@pytest.fixture
def predict(called):
    """Runs what a test file calls `called`, which must succeed, and returns what it printed."""

    def call(*arguments):
        code, out, error = called(*arguments)
        assert code == 0, error
        return out

    return call
