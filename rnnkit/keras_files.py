""".keras files -> Keras models, with nothing in the file that could run code of its own.

zip with config.json, metadata.json, model.weights.h5 -> names, sizes and classes checked -> keras.saving.load_model
"""

import json
import pathlib
import re
import stat
import zipfile
from collections.abc import Iterable

PACKAGES = ("keras", "rnnkit")
NAMES = re.compile(r"config\.json|metadata\.json|model\.weights\.h5|assets/[\w.\-]+(/[\w.\-]+)*")
"""Of what Keras puts into the file."""
EXPANSION, SLACK = 50, 1 << 20
"""Keras stores what it writes as it is; compressed again by another hand, weights shrink to a half."""
LONGEST_CONFIG = 64 << 20
PYTHON = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
"""Classes that hold Python code, or name a file that does."""


def load_model(path: pathlib.Path, *, packages: Iterable[str] = ()):
    """Loads a .keras file, not compiled.

    Args:
        path: The file.
        packages: Names of packages beside Keras and rnnkit whose layers may be in it, such as a recipe's own.

    Raises:
        ValueError: It is damaged, or holds what could run code or fill the memory.
        OSError: It can't be read.
    """
    import keras

    check(path, packages=packages)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__} where a model should be")
        return model
    except Exception as error:
        # Of a damaged file Keras lets any error through: those of HDF5, zlib, TensorFlow and of its own layers.
        raise _damaged(path, error) from error


def check(path: pathlib.Path, *, packages: Iterable[str] = ()) -> None:
    """Refuses a .keras file that holds anything but what Keras, rnnkit and `packages` make layers of.

    Keras' safe mode refuses Python code in a file; this refuses whatever names other code, and archives
    that would unpack to elsewhere or to far more than they are.

    Raises:
        ValueError: As the message says.
        OSError: The file can't be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _check_member(path, member)
            names = archive.namelist()
            if len(set(names)) < len(names) or "config.json" not in names:
                raise ValueError("it is no file of Keras")
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise _damaged(path, error) from None
    _check_classes(path, config, {*PACKAGES, *packages})


class Refused(ValueError):
    """A .keras file that holds what it must not."""


def _damaged(path, error):
    text = repr(error) if isinstance(error, LookupError) else str(error).strip() or type(error).__name__
    reason = text.partition("\n")[0].rstrip(".")
    return ValueError(f"{path} is damaged: {reason}. Run the recipe again.")


def _check_member(path, member):
    name = member.filename
    if stat.S_ISLNK(member.external_attr >> 16) or not NAMES.fullmatch(name) or {".", ".."} & set(name.split("/")):
        raise Refused(f"{path} holds {name[:80]!r}, which is none of Keras' files. Load bundles of rnnkit only.")
    most = EXPANSION * member.compress_size + SLACK
    if member.file_size > (min(most, LONGEST_CONFIG) if name.endswith(".json") else most):
        raise Refused(
            f"{path} holds {name!r} of {member.file_size:,} bytes in {member.compress_size:,}: more than Keras writes "
            "so. Load bundles of rnnkit only."
        )


def _check_classes(path, config, packages):
    """Walks a config, without recursion for its depth is the file's choice."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            if "class_name" in value:
                _check_class(path, value, packages)


def _check_class(path, value, packages):
    name, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
    if name in PYTHON:
        raise Refused(f"{path} holds a {name}, which may run any code. Train with layers that are classes.")
    # A class is looked up by its registered name, "package>name", or else imported from its module.
    origins = [module, *([registered.partition(">")[0]] if ">" in str(registered) else [])]
    for origin in origins:
        root = str(origin).partition(".")[0]
        if origin is not None and root != "builtins" and root not in packages:
            known = ", ".join(sorted(packages))
            raise Refused(f"{path} holds {name!r} of {origin!r}. Layers may come from {known} only.")
