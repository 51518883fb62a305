"""Opened bundle: its card, its model and its kept rows, each checked before it is used; answers raw rows."""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnnkit.bundle.hashing import MEND, check_entries, check_hashes, check_links, check_sizes, hash_card
from rnnkit.bundle.layout import CARD, EDGE, PARITY, ROWS, versions
from rnnkit.messages import listed
from rnnkit.quiet import import_tensorflow
from rnnkit.sources.cells import as_text
from rnnkit.sources.faults import Fault

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CARD_KEYS = set(
    "recipe version created settings data inputs target labels scores baselines train_seconds examples_per_second "
    "epochs parameters signatures example versions".split()
)
"""What every card has; those of later rnnkits have `files` and `sha256` too."""


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A trained recipe on disk: a SavedModel directory with a card.

    Attributes:
        path: Its folder.
        verify: Whether its files are compared with the card's hashes before the first is used.
    """

    path: pathlib.Path
    verify: bool = True

    @functools.cached_property
    def card(self) -> dict:
        """How the model came about: settings, data, scores, baselines, versions."""
        return json.loads((self.path / CARD).read_text(encoding="utf-8"))

    @property
    def sha256(self) -> str | None:
        """One hash of the whole bundle: of the card, which has those of all files; None where they weren't hashed."""
        return self.card.get("sha256")

    @functools.cached_property
    def verified(self) -> bool:
        """Whether all files were compared with the card's hashes: done at first use, if at all, and then kept.

        Raises:
            ValueError: A file is missing, or another than it was.
        """
        files = self.card.get("files")
        if not self.verify or files is None:
            return False
        check_hashes(self.path, files)
        return True

    def check_edge(self) -> None:
        """Compares what an export has written into edge/ with the hashes in its parity.json; both may be missing.

        Raises:
            ValueError: A file is missing, or another than it was.
        """
        mend = f"Export it again: rnnkit export {self.path} --to tflite."
        path = self.path / PARITY
        if not self.verify or not path.exists():
            return
        try:
            files = json.loads(path.read_text(encoding="utf-8")).get("files", {})
            known = check_entries(files)
        except (ValueError, AttributeError, RecursionError):
            known = False
        if not known:
            raise ValueError(f"The bundle {self.path} is damaged: {PARITY} is none that rnnkit has written. {mend}")
        check_hashes(self.path / EDGE, files, mend=mend)

    @functools.cached_property
    def model(self):
        """The loaded SavedModel."""
        _ = self.verified
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
        _ = self.verified
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
            rows: Texts, where the recipe has one input; else a column per input of the signature. None and NaN are
                empty texts. Rows of series are nested lists or arrays; of different lengths, they are padded.
            signature: Which of the model's signatures answers.

        Returns:
            Name -> one answer per row, `(rows, …)`; texts as str.

        Raises:
            LookupError: There is no such signature or a column is missing.
            ValueError: A cell is no single value.
        """
        model = self.model
        from rnnkit.answers import answer, as_tensors

        known = self.card["signatures"]
        if signature not in known:
            raise LookupError(f"{self.path} has no signature {signature!r}. It has {listed(known)}.")
        inputs = list(known[signature]["inputs"])
        if isinstance(rows, (str, bytes)):
            rows = [rows]
        if not hasattr(rows, "keys"):
            if len(inputs) != 1:
                raise LookupError(f"{self.path} takes {listed(inputs)}. Give a mapping with a column for each.")
            rows = {inputs[0]: rows}
        missing = [name for name in inputs if name not in rows]
        if missing:
            raise LookupError(f"The rows have no column {listed(missing)}. They have {listed(rows.keys())}.")
        forms = known[signature]["inputs"]
        if all(form["dtype"] == "string" and len(form["shape"]) == 1 for form in forms.values()):
            columns = {name: [_cell(value, name) for value in rows[name]] for name in forms}
        else:
            columns = {name: _stacked(rows[name], name, forms[name]) for name in forms}
        # What is not of rows, such as a temperature or a seed, is the same for all of them.
        shared = {name: columns.pop(name) for name, form in forms.items() if form["shape"][:1] != [None]}
        answers = answer(functools.partial(model.signatures[signature], **as_tensors(shared)), columns)
        # A loaded signature gives its outputs in any order.
        return {name: _decoded(answers[name]) for name in known[signature]["outputs"] if name in answers}


def _cell(value, name):
    text = as_text(value)
    if isinstance(text, Fault):
        raise ValueError(f"{name} must be a text, a number or a truth value in each row. Got {text.detail}.")
    return text


def _stacked(rows, name, form):
    import numpy as np

    from rnnkit.answers import stacked

    if form["shape"][:1] != [None]:
        try:
            return np.array(rows, form["dtype"]).reshape(form["shape"])
        except (TypeError, ValueError):
            kind = f"a value of type {form['dtype']} and shape {form['shape']}"
            raise ValueError(f"{name} is the same for all rows, {kind}. Got {repr(rows)[:60]}.") from None
    try:
        return stacked(rows, form["dtype"], len(form["shape"]) - 1)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


def _decoded(values):
    if values.dtype != object:
        return values
    texts = [text.decode("utf-8", errors="replace") for text in values.flat]
    decoded = values.copy()
    decoded.flat = texts
    return decoded


def load(path: str | pathlib.Path, *, verify: bool = True) -> Bundle:
    """Opens a bundle.

    What this costs doesn't grow with the bundle: the card and the sizes of all files are checked. Their
    hashes are when the model, its parts or rows are first asked for. A bundle of an rnnkit that didn't
    hash has nothing to compare with.

    Args:
        path: `saved_models/sentiment`, for its newest version, or `saved_models/sentiment/3`.
        verify: Compares files with the sizes and hashes in the card.

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
    return _checked(Bundle(path, verify))


def _checked(bundle):
    path = bundle.path
    check_links(path)
    wanted = ("saved_model.pb", "variables/variables.index", str(CARD))
    missing = [name for name in wanted if not (path / name).is_file()]
    if missing:
        raise ValueError(f"The bundle {path} is damaged: it lacks {listed(missing)}. Run the recipe again.")
    try:
        card = bundle.card
        known = _is_card(card) and check_entries(card.get("files", {}))
    except (ValueError, RecursionError):
        known = False
    if not known:
        raise ValueError(f"The bundle {path} is damaged: {CARD} is no card of rnnkit. Run the recipe again.")
    # Either of the two keys says that there should be both, though the other be damaged.
    if bundle.verify and {"files", "sha256"} & card.keys():
        if "files" not in card or card.get("sha256") != hash_card(card):
            raise ValueError(
                f"The bundle {path} is damaged: {CARD} is not as it was written: "
                f"its content has another SHA-256 than it says. {MEND}"
            )
        check_sizes(path, card["files"])
    return bundle


def _is_card(card):
    if not isinstance(card, dict) or not card.keys() >= CARD_KEYS:
        return False
    kinds = {"data": dict, "scores": dict, "baselines": dict, "example": dict, "versions": dict, "labels": list}
    signatures, inputs = card["signatures"], card["inputs"]
    return (
        all(isinstance(card[name], kind) for name, kind in kinds.items())
        and isinstance(signatures, dict)
        and all(isinstance(s, dict) and isinstance(s.get("outputs"), dict) for s in signatures.values())
        and isinstance(inputs, list)
        and all(isinstance(name, str) for name in (*inputs, card["target"], card["recipe"]))
    )
