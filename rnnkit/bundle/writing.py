"""Writing: model + preparation + card -> the next version, hashed, on the disk, whole or not at all."""

import contextlib
import dataclasses
import errno
import json
import os
import pathlib
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

import yaml

from rnnkit.bundle.hashing import hash_card, hash_files
from rnnkit.bundle.layout import CARD, ROWS, versions
from rnnkit.bundle.opened import Bundle
from rnnkit.bundle.partial import partial_folder
from rnnkit.disk import sync, sync_names, why
from rnnkit.messages import listed
from rnnkit.settings import Settings

if TYPE_CHECKING:
    import keras

    from rnnkit.answers import Signature

WARMUP_ROWS = 8
KEPT_ROWS = {"test": 500, "train": 200}
"""Most rows of each split that a bundle keeps: to compare an export with, and to calibrate it on."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a run leaves behind and a bundle holds.

    `rows` are raw ones by split, each a text or nested lists by column; `report` draws
    what goes into the folder report/.
    """

    core: "keras.Model"
    features: "keras.Model"
    target: "keras.Model"
    history: list[dict[str, float]]
    settings: Settings
    signatures: "Mapping[str, Signature]"
    rows: Mapping[str, list[dict]] = dataclasses.field(default_factory=dict)
    report: Callable[[pathlib.Path], object] | None = None


def write(
    home: pathlib.Path, parts: Parts, card: dict, example: Mapping[str, Sequence], pictures: Mapping[str, tuple]
) -> Bundle:
    """Writes the next version under `home`, whole or not at all.

    Args:
        home: Folder of the versions.
        parts: What to write.
        card: What is known of the run; version, signatures and versions are added here.
        example: Rows for the warm-up requests, texts by column or arrays `(rows, …)`.
        pictures: Title -> function and arguments, drawn into training/report.png.

    Raises:
        OSError: It could not be written; nothing is left of it then.
    """
    import tensorflow as tf

    new = [folder for folder in (home, *home.parents) if not folder.exists()]
    try:
        with partial_folder(home) as partial:
            return _write(home, partial, parts, card, example, pictures)
    except (OSError, tf.errors.OpError) as error:
        earlier = f"Versions {listed(versions(home))} there are whole." if versions(home) else ""
        raise OSError(
            f"The bundle could not be written to {home}: {why(error)}. Nothing was kept of it. {earlier}".rstrip()
        ) from None
    finally:
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
    signatures = write_saved_model(folder, [parts.features, parts.target, parts.core], parts.signatures)
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
    if parts.report:
        (folder / "report").mkdir()
        parts.report(folder / "report")
    shown = {name: plain(values) for name, values in first.items()}
    whole = {**card, "signatures": signatures, "example": shown, "versions": _installed()}
    whole["kept_rows"] = {split: len(rows) for split, rows in parts.rows.items()}
    sync(folder)
    return Bundle(_put(home, folder, {**whole, "files": hash_files(folder)}))


def plain(values) -> list:
    """Returns the rows of an array as nested lists, its texts as str; other rows as they are."""
    if not hasattr(values, "dtype"):
        return values
    texts = values.dtype.kind in "OS"
    return _decoded(values.tolist()) if texts else values.tolist()


def _decoded(value):
    return [_decoded(part) for part in value] if isinstance(value, list) else value.decode("utf-8", "replace")


def _put(home, folder, card):
    """Writes the card and renames the folder to the next version, which is returned."""
    version = max(versions(home), default=0) + 1
    while True:
        # As it will be read: with lists for tuples.
        numbered = json.loads(json.dumps({**card, "version": version}))
        numbered["sha256"] = hash_card(numbered)
        (folder / CARD).write_text(json.dumps(numbered, indent=2, ensure_ascii=False), encoding="utf-8")
        sync(folder / CARD.parent)
        try:
            os.rename(folder, home / str(version))
            sync_names(home)
            return home / str(version)
        except OSError as error:
            # Another run took the number meanwhile.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            version += 1


def _installed() -> dict[str, str]:
    names: Iterable[str] = ("rnnkit", "tensorflow", "keras", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}
