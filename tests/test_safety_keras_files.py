"""A .keras file can run no code of its own, reach no other file, and fill no memory: built by hand, and refused."""

import base64
import io
import json
import marshal
import stat
import zipfile

import keras
import numpy as np
import pytest

from rnnkit import catalog, keras_files
from rnnkit.parts import load_parts

MARK = "rnnkit_was_here"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small model in a file."""
    ids = keras.Input((3,), name="ids")
    model = keras.Model(ids, keras.layers.Dense(2, name="logits")(ids))
    path = tmp_path_factory.mktemp("saved") / "core.keras"
    model.save(path)
    return path


@pytest.fixture
def rewritten(saved, tmp_path, monkeypatch):
    """Writes the file again with its config changed, or with other members."""
    monkeypatch.chdir(tmp_path)

    def write(change=None, **more):
        path = tmp_path / "changed.keras"
        with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if change and name == "config.json":
                    config = json.loads(content)
                    change(config)
                    content = json.dumps(config).encode()
                new.writestr(name, more.pop(name, content))
            for name, content in more.items():
                new.writestr(name, content)
        return path

    return write


def layer(config, /, **changes):
    """Changes the entry of the dense layer."""
    (entry,) = [entry for entry in config["config"]["layers"] if entry["class_name"] == "Dense"]
    entry.update(changes)


def lambda_config():
    code = (lambda x: open("rnnkit_was_here", "w") and x).__code__
    value = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    return {"name": "logits", "function": {"class_name": "__lambda__", "config": {"value": value}}}


def test_what_keras_wrote_is_loaded(saved):
    model = keras_files.load_model(saved)
    assert not model.compiled and model(np.zeros((4, 3))).shape == (4, 2)


CODE = {
    "a Lambda": {"class_name": "Lambda", "module": "keras.layers", "config": lambda_config()},
    "a lambda as activation": {"config": {"units": 2, "activation": lambda_config()["function"]}},
    "a SavedModel": {"class_name": "TFSMLayer", "module": "keras.layers", "config": {"filepath": "/tmp/x"}},
    "a TorchModuleWrapper": {"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {"module": ""}},
}


@pytest.mark.parametrize("kind", CODE)
def test_python_code_in_a_layer_is_refused(rewritten, tmp_path, kind):
    path = rewritten(lambda config: layer(config, **CODE[kind]))
    with pytest.raises(ValueError, match=r"^\S+changed\.keras holds a \w+, which may run any code\. Train with layers"):
        keras_files.load_model(path)
    assert not (tmp_path / MARK).exists()


FOREIGN = [
    {"class_name": "system", "module": "os", "config": {"command": f"touch {MARK}"}},
    {"class_name": "Popen", "module": "subprocess", "registered_name": None},
    {"class_name": "function", "module": "os", "config": "system", "registered_name": "system"},
    {"class_name": "Evil", "module": "kerasevil.layers"},
    {"class_name": "Evil", "module": "keras_hub.layers"},
    {"class_name": "Dense", "module": "keras.layers", "registered_name": "evil>Dense"},
    {"class_name": "Evil", "module": None, "registered_name": "evil>Evil"},
    {"class_name": "Evil", "module": ["os"]},
    {"class_name": "__typespec__", "spec_name": "system", "module": "os", "registered_name": None, "config": []},
]


@pytest.mark.parametrize("entry", FOREIGN, ids=str)
def test_a_layer_of_another_package_is_refused_and_its_module_not_imported(rewritten, tmp_path, monkeypatch, entry):
    def imported(name, *_):
        raise AssertionError(f"{name} was imported")

    path = rewritten(lambda config: layer(config, **entry))
    with monkeypatch.context() as patched:
        patched.setattr("importlib.import_module", imported)
        with pytest.raises(ValueError, match=r"changed\.keras holds .* Layers may come from keras, rnnkit only\.$"):
            keras_files.load_model(path)
    assert not (tmp_path / MARK).exists()


def test_foreign_classes_are_found_however_deep_they_lie(rewritten):
    def bury(config):
        inner = {"class_name": "system", "module": "os", "config": {}}
        for _ in range(200):
            inner = {"a": [inner]}
        config["config"]["more"] = inner

    with pytest.raises(ValueError, match=r"holds 'system' of 'os'\."):
        keras_files.load_model(rewritten(bury))


def test_a_recipes_own_package_may_have_layers(tmp_path):
    @keras.saving.register_keras_serializable(package="theirs")
    class Their(keras.layers.Dense):
        __module__ = "theirs.layers"

    ids = keras.Input((3,), name="ids")
    path = tmp_path / "core.keras"
    keras.Model(ids, Their(2)(ids)).save(path)
    with pytest.raises(
        ValueError, match=r"holds 'Their' of 'theirs\.layers'\. Layers may come from keras, rnnkit only"
    ):
        keras_files.load_model(path)
    assert type(keras_files.load_model(path, packages=["theirs"]).layers[-1]) is Their


def test_a_vocabulary_that_is_a_path_is_not_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("password")
    label = keras.Input((), dtype="string", name="label")
    keras.Model(label, keras.layers.StringLookup(vocabulary=["a"])(label)).save(tmp_path / "target.keras")
    with zipfile.ZipFile(tmp_path / "target.keras") as old, zipfile.ZipFile(tmp_path / "odd.keras", "w") as new:
        for name in old.namelist():
            content = old.read(name).decode("latin-1").replace('["a"]', json.dumps(str(secret)))
            new.writestr(name, content.encode("latin-1"))
    assert str(secret) in zipfile.ZipFile(tmp_path / "odd.keras").read("config.json").decode()
    with pytest.raises(ValueError, match=r"odd\.keras is damaged: ") as refused:
        keras_files.load_model(tmp_path / "odd.keras")
    assert "password" not in str(refused.value)


def test_keras_itself_refuses_a_lambda_where_ours_would_not(rewritten, monkeypatch, tmp_path):
    monkeypatch.setattr(keras_files, "PYTHON", ())
    path = rewritten(lambda config: layer(config, **CODE["a Lambda"]))
    with pytest.raises(ValueError, match=r"changed\.keras is damaged: .*lambda"):
        keras_files.load_model(path)
    assert not (tmp_path / MARK).exists()


def test_weights_that_point_to_another_file_are_refused(rewritten, tmp_path):
    import h5py

    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones((3, 2), np.float32)
    content = io.BytesIO()
    with h5py.File(content, "w") as weights:
        weights["layers/dense/vars/0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
        weights["layers/dense/vars/1"] = np.zeros(2, np.float32)
    path = rewritten(**{"model.weights.h5": content.getvalue()})
    with pytest.raises(ValueError, match=r"changed\.keras is damaged: "):
        keras_files.load_model(path)


NAMES = [
    "../evil",
    "/etc/evil",
    "assets/../../evil",
    "assets//etc/evil",
    "evil.py",
    "C:\\evil",
    "assets/a b",
    "x" * 500,
]


@pytest.mark.parametrize("name", NAMES)
def test_members_of_other_names_are_refused(rewritten, name):
    with pytest.raises(ValueError, match=r"changed\.keras holds .*, which is none of Keras' files\."):
        keras_files.load_model(rewritten(**{name: b"x"}))


def test_a_link_in_the_archive_is_refused(rewritten):
    path = rewritten()
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(ValueError, match=r"holds 'assets/link', which is none of Keras' files"):
        keras_files.load_model(path)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "assets/big"])
def test_a_member_that_unpacks_to_far_more_than_it_is_is_refused_before_it_is_read(saved, tmp_path, name, monkeypatch):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for other in {*old.namelist(), name}:
            new.writestr(other, bytes(300 << 20) if other == name else old.read(other))
    assert path.stat().st_size < 1 << 20
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ValueError, match=rf"holds '{name}' of 314,572,800 bytes in \d+,\d+: more than Keras writes so"):
        keras_files.load_model(path)


def test_a_second_config_is_refused(rewritten):
    path = rewritten()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match=r"changed\.keras is damaged: it is no file of Keras"):
        keras_files.load_model(path)


CONFIGS = ["", "{", "[]", "null", "[" * 100_000, '{"class_name": 1, "config": {}}', '{"a": NaN}', '"keras"', "{}"]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config[:40])
def test_an_odd_config_is_refused_in_one_line(rewritten, config):
    with pytest.raises(ValueError, match=r"^\S+changed\.keras (is damaged: |holds ).*\.$") as refused:
        keras_files.load_model(rewritten(**{"config.json": config}))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89HDF\r\n\x1a\n", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "odd.keras"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"odd\.keras is damaged: .*\. Run the recipe again\.$"):
        keras_files.load_model(path)


def test_parts_are_loaded_by_the_checked_way_only(tiny, monkeypatch):
    asked = []
    load = keras_files.load_model

    def noted(path, **more):
        asked.append(path.name)
        return load(path, **more)

    monkeypatch.setattr(keras_files, "load_model", noted)
    preparation, core = load_parts(tiny, catalog.load("sentiment"))
    assert asked == ["core.keras", "features.keras", "target.keras"]
    assert preparation.labels == tuple(tiny.card["labels"]) and core.count_params() == tiny.card["parameters"]
