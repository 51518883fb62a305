"""Bundle: one directory that serves, can be trained on, and says how it came about; the only saving and loading.

model + preparation + card -> <out>/<name>/<version>/ -> predict
"""

import contextlib
import dataclasses
import errno
import functools
import json
import os
import pathlib
import platform
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

import yaml

from rnnkit.messages import listed
from rnnkit.quiet import import_tensorflow
from rnnkit.settings import Settings
from rnnkit.sources.cells import as_text
from rnnkit.sources.faults import Fault

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd

    from rnnkit.answers import Signature

WARMUP_ROWS = 8
KEPT_ROWS = {"test": 500, "train": 200}
"""Most rows of each split that a bundle keeps: to compare an export with, and to calibrate it on."""

CARD_KEYS = set(
    "recipe version created settings data inputs target labels scores baselines train_seconds examples_per_second "
    "epochs parameters signatures example versions".split()
)
CARD = pathlib.PurePath("assets.extra", "card.json")
ROWS = "training/rows.{}.jsonl"


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a run leaves behind and a bundle holds; `rows` are raw ones by split, each a text by column."""

    core: "keras.Model"
    features: "keras.Model"
    target: "keras.Model"
    history: list[dict[str, float]]
    settings: Settings
    signatures: "Mapping[str, Signature]"
    rows: Mapping[str, list[dict[str, str]]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A trained recipe on disk: a SavedModel directory with a card."""

    path: pathlib.Path

    @functools.cached_property
    def card(self) -> dict:
        """How the model came about: settings, data, scores, baselines, versions."""
        return json.loads((self.path / CARD).read_text(encoding="utf-8"))

    @functools.cached_property
    def model(self):
        """The loaded SavedModel."""
        # Imported where it is needed, so that a card can be shown in half a second.
        import_tensorflow()
        import tensorflow as tf

        try:
            return tf.saved_model.load(str(self.path))
        except (OSError, ValueError, LookupError, RuntimeError, tf.errors.OpError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise ValueError(f"The bundle {self.path} is damaged: {reason}. Run the recipe again.") from None

    def rows(self, split: str) -> list[dict[str, str]]:
        """Reads the rows of a split that were kept: of each the raw inputs and the target.

        Raises:
            ValueError: None were kept, or the file is damaged.
        """
        path = self.path / ROWS.format(split)
        if not path.is_file():
            raise ValueError(
                f"The bundle {self.path} keeps no {split} rows: it lacks {ROWS.format(split)}. Run the recipe again."
            )
        wanted = {*self.card["inputs"], self.card["target"]}
        try:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            whole = bool(rows) and all(row.keys() >= wanted for row in rows)
        except (ValueError, AttributeError):
            whole = False
        if not whole:
            columns = listed(sorted(wanted))
            raise ValueError(f"{path} is damaged: a row a line, with {columns}, is expected. Run the recipe again.")
        return rows

    def predict(
        self, rows: "Sequence[str] | Mapping[str, Sequence[str]] | pd.DataFrame", *, signature: str = "serving_default"
    ) -> "dict[str, np.ndarray]":
        """Answers raw rows.

        Args:
            rows: Texts, where the recipe has one input; else a column per input. None and NaN are empty texts.
            signature: Which of the model's signatures answers.

        Returns:
            Name -> one answer per row, `(rows, …)`; texts as str.

        Raises:
            LookupError: There is no such signature or a column is missing.
            ValueError: A cell is no single value.
        """
        model = self.model
        from rnnkit.answers import answer

        known = self.card["signatures"]
        if signature not in known:
            raise LookupError(f"{self.path} has no signature {signature!r}. It has {listed(known)}.")
        inputs = self.card["inputs"]
        if isinstance(rows, (str, bytes)):
            rows = [rows]
        if not hasattr(rows, "keys"):
            if len(inputs) != 1:
                raise LookupError(f"{self.path} takes {listed(inputs)}. Give a mapping with a column for each.")
            rows = {inputs[0]: rows}
        missing = [name for name in inputs if name not in rows]
        if missing:
            raise LookupError(f"The rows have no column {listed(missing)}. They have {listed(rows.keys())}.")
        columns = {name: [_cell(value, name) for value in rows[name]] for name in inputs}
        answers = answer(model.signatures[signature], columns)
        # A loaded signature gives its outputs in any order.
        return {name: _decoded(answers[name]) for name in known[signature]["outputs"] if name in answers}


def _cell(value, name):
    text = as_text(value)
    if isinstance(text, Fault):
        raise ValueError(f"{name} must be a text, a number or a truth value in each row. Got {text.detail}.")
    return text


def _decoded(values):
    if values.dtype != object:
        return values
    texts = [text.decode("utf-8", errors="replace") for text in values.flat]
    decoded = values.copy()
    decoded.flat = texts
    return decoded


def load(path: str | pathlib.Path) -> Bundle:
    """Opens a bundle.

    Args:
        path: `saved_models/sentiment`, for its newest version, or `saved_models/sentiment/3`.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: The folder is no bundle, or files of it are missing or damaged.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no bundle {str(path)!r}. `rnnkit run RECIPE` makes one under saved_models/.")
    numbers = versions(path)
    if numbers:
        path = path / str(numbers[-1])
    if not (path / "saved_model.pb").is_file() and not (path / CARD).is_file():
        inside = sorted(str(folder.parent) for folder in path.glob("*/[0-9]*") if (folder / CARD).is_file())
        if inside:
            raise ValueError(f"{path} is no bundle but holds some. Name one: {listed(inside)}.")
        raise ValueError(
            f"{path} is no bundle: it holds neither saved_model.pb nor {CARD}. "
            "Name a folder that `rnnkit run` has written, such as saved_models/sentiment."
        )
    wanted = ("saved_model.pb", "variables/variables.index", str(CARD))
    missing = [name for name in wanted if not (path / name).is_file()]
    if missing:
        raise ValueError(f"The bundle {path} is damaged: it lacks {listed(missing)}. Run the recipe again.")
    bundle = Bundle(path)
    try:
        known = bundle.card.keys() >= CARD_KEYS
    except (ValueError, AttributeError):
        known = False
    if not known:
        raise ValueError(f"The bundle {path} is damaged: {CARD} is no card of rnnkit. Run the recipe again.")
    return bundle


def versions(home: pathlib.Path) -> list[int]:
    """Returns the version numbers below a bundle's folder, lowest first."""
    return sorted(int(path.name) for path in home.glob("*") if re.fullmatch("[0-9]+", path.name) and path.is_dir())


def home(out: str | pathlib.Path, name: str) -> pathlib.Path:
    """Returns the folder of the bundles called `name`, having checked that it can be written.

    Raises:
        ValueError: The name can't be one of a folder.
        OSError: The folder can't be written.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise ValueError(f"name must be letters, digits, '.', '_' and '-', a letter or digit first. Got {name!r}.")
    folder = pathlib.Path(out) / name
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryDirectory(dir=existing, prefix=".rnnkit-"):
            return folder
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"--out {str(out)!r} can't be written: {existing}: {reason}. Name another folder.") from None


def write(
    home: pathlib.Path, parts: Parts, card: dict, example: Mapping[str, Sequence[str]], pictures: Mapping[str, tuple]
) -> Bundle:
    """Writes the next version under `home`, whole or not at all.

    Args:
        home: Folder of the versions.
        parts: What to write.
        card: What is known of the run; version, signatures and versions are added here.
        example: Rows for the warm-up requests.
        pictures: Title -> function and arguments, drawn into training/report.png.

    Raises:
        OSError: It could not be written; nothing is left of it then.
    """
    import tensorflow as tf

    new = [folder for folder in (home, *home.parents) if not folder.exists()]
    home.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix=".partial-", dir=home))
    try:
        return _write(home, partial, parts, card, example, pictures)
    except (OSError, tf.errors.OpError) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        reason = "no space is left on the disk" if full else str(error).strip().splitlines()[0]
        earlier = f"Versions {listed(versions(home))} there are whole." if versions(home) else ""
        raise OSError(
            f"The bundle could not be written to {home}: {reason}. Nothing was kept of it. {earlier}".rstrip()
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(OSError):
            # Folders that were made for this and stay empty; what holds a bundle can't be removed so.
            for folder in new:
                folder.rmdir()


def _write(home, partial, parts, card, example, pictures):
    import pandas as pd

    from rnnkit.export.saved_model import write_saved_model
    from rnnkit.export.warmup import write_warmup
    from rnnkit.pictures import write_report

    folder = partial / "bundle"
    signatures = write_saved_model(folder, [parts.features, parts.core], parts.signatures)
    extra, training = folder / "assets.extra", folder / "training"
    extra.mkdir()
    training.mkdir()
    first = {name: values[:1] for name, values in example.items()}
    write_warmup(extra / "tf_serving_warmup_requests", [first, example], model=home.name)
    parts.core.save(training / "core.keras")
    parts.features.save(training / "features.keras")
    parts.target.save(training / "target.keras")
    pd.DataFrame(parts.history).to_csv(training / "history.csv", index=False)
    (training / "settings.yaml").write_text(yaml.safe_dump(parts.settings.as_dict(), sort_keys=False), encoding="utf-8")
    for split, rows in parts.rows.items():
        (folder / ROWS.format(split)).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    write_report(training / "report.png", parts.history, card, pictures)
    version = max(versions(home), default=0) + 1
    while True:
        whole = {**card, "version": version, "signatures": signatures, "example": first, "versions": _installed()}
        whole["kept_rows"] = {split: len(rows) for split, rows in parts.rows.items()}
        (folder / CARD).write_text(json.dumps(whole, indent=2, ensure_ascii=False), encoding="utf-8")
        try:
            os.rename(folder, home / str(version))
            return Bundle(home / str(version))
        except OSError as error:
            # Another run took the number meanwhile.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            version += 1


def _installed() -> dict[str, str]:
    names: Iterable[str] = ("rnnkit", "tensorflow", "keras", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}
