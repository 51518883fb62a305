"""Answers: a portion of rows -> what a signature says of each, the rows it can't answer told apart."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnnkit.messages import listed
from rnnkit.predicting.pictures import SIZE as PICTURES
from rnnkit.predicting.pictures import Pictures, pictures_of
from rnnkit.predicting.tally import Tally
from rnnkit.quiet import import_tensorflow
from rnnkit.sources.faults import Fault
from rnnkit.sources.portions import Portion
from rnnkit.sources.whole import WholeRows

if TYPE_CHECKING:
    import numpy as np

    from rnnkit.bundle import Bundle


@dataclasses.dataclass(frozen=True)
class Output:
    """One output of a signature.

    Attributes:
        name: Its name.
        dtype: Of its values, as the card says it.
        rank: Axes of a row's answer, 0 for a single value.
        padded: Whether the first of these axes is as long as the longest row of a batch needs.
        labels: Names of the classes, where these are probabilities of such.
    """

    name: str
    dtype: str
    rank: int
    padded: bool
    labels: tuple[str, ...] = ()


def outputs_of(bundle: "Bundle", signature: str) -> tuple[Output, ...]:
    """Returns the outputs of a bundle's signature.

    Raises:
        LookupError: There is no such signature.
    """
    known = bundle.card["signatures"]
    if signature not in known:
        raise LookupError(f"{bundle.path} has no signature {signature!r}. It has {listed(known)}.")
    labels, outputs = tuple(bundle.card["labels"]), []
    for name, spec in known[signature]["outputs"].items():
        shape = spec["shape"]
        named = labels if name == "probability" and shape[1:] == [len(labels)] else ()
        outputs.append(Output(name, spec["dtype"], len(shape) - 1, len(shape) > 1 and shape[1] is None, named))
    return tuple(outputs)


class Answers:
    """What a signature says of the rows of a portion.

    Args:
        size: Rows of the portion.
        rows: Those that were answered.
        arrays: Name of an output -> `(answered rows, …)`.
        outputs: The signature's.
    """

    def __init__(self, size: int, rows: Sequence[int], arrays: "Mapping[str, np.ndarray]", outputs: Sequence[Output]):
        self.rows = rows
        self._size, self._arrays, self._outputs = size, arrays, outputs

    def only(self) -> "Answers":
        """Returns the same for a portion of nothing but the rows that were answered."""
        return Answers(len(self.rows), range(len(self.rows)), self._arrays, self._outputs)

    def exact(self, output: Output) -> list:
        """Returns for each row the answer as it is; None for none."""
        if output.name not in self._arrays:
            return [None] * self._size
        values = self._arrays[output.name].tolist()
        if output.padded and self._lengths is not None:
            values = [value[:length] for value, length in zip(values, self._lengths, strict=True)]
        if len(values) == self._size:
            return values
        spread = [None] * self._size
        for row, value in zip(self.rows, values, strict=True):
            spread[row] = value
        return spread

    def rounded(self, output: Output) -> list:
        """Returns for each row the answer, of fractions the digits that float32 holds; None for none."""
        values = self.exact(output)
        return values if output.dtype in ("string", "bool") or "int" in output.dtype else [_rounded(v) for v in values]

    @functools.cached_property
    def _lengths(self):
        """Steps of each row that are real, where texts tell: those after the last word are padding."""
        texts = [self._arrays[o.name] for o in self._outputs if o.padded and self._arrays[o.name].dtype == object]
        if not texts:
            return None
        rows = zip(*texts, strict=True)
        return [
            max((place + 1 for words in row for place, word in enumerate(words) if _any(word)), default=0)
            for row in rows
        ]


def _any(word):
    return any(map(_any, word)) if hasattr(word, "tolist") else bool(word)


def _rounded(value):
    if type(value) is float:
        return float(f"{value:.7g}")
    return [_rounded(part) for part in value] if type(value) is list else value


@dataclasses.dataclass(frozen=True)
class Predictor:
    """One of a bundle's signatures, asked for the rows of a table.

    Attributes:
        bundle: The model.
        signature: Which of its signatures answers.
        features: Name of an input -> its place among the table's columns.
        skip: Whether rows without an answer are left out.
        outputs: What the signature answers.
        pictures: Opens the pictures that the rows name; None where the features are texts.
    """

    bundle: "Bundle"
    signature: str
    features: Mapping[str, int]
    skip: bool
    outputs: tuple[Output, ...]
    pictures: Pictures | None = None

    def at_once(self, size: int) -> int:
        """Returns how many rows a portion has at most: `size` of texts, fewer of pictures."""
        return min(size, PICTURES) if self.pictures else size

    def answer(self, portion: Portion, tally: Tally) -> tuple[Portion, Answers]:
        """Answers the rows that have no fault; those the model fails at get one.

        Args:
            portion: The rows.
            tally: Counts them.

        Returns:
            The rows to be written and their answers.

        Raises:
            ValueError: The model fails at every one of several rows, so that it is not for the rows.
        """
        rows = [row for row in range(len(portion)) if row not in portion.faults]
        columns = {}
        for name, place in self.features.items():
            column = portion.column(place)
            columns[name] = ["" if column[row].isspace() else column[row] for row in rows]
        parts, failed = [], {}
        predict = functools.partial(self.bundle.predict, signature=self.signature)
        for some, opened in self._opened(rows, columns, portion.faults):
            begun = len(parts)
            _answer(predict, opened, some, parts, failed)
            if self.pictures:
                contents = dict(zip(some, *opened.values(), strict=True))
                parts[begun:] = [self._readable(*part, contents, portion.faults) for part in parts[begun:]]
        if len(failed) == len(rows) > 1:
            raise ValueError(f"{self.bundle.path} can't answer: {next(iter(failed.values())).detail}.")
        if self.pictures:
            kind = "an image that the model can't answer"
            failed = {row: dataclasses.replace(fault, kind=kind) for row, fault in failed.items()}
        portion.faults.update(failed)
        tally.add(portion.places, portion.faults)
        answered = [row for done, _ in parts for row in done]
        answers = Answers(len(portion), answered, _joined([arrays for _, arrays in parts]), self.outputs)
        return (portion.kept(answered), answers.only()) if self.skip and portion.faults else (portion, answers)

    def _opened(self, rows, columns, faults):
        """Yields rows and their columns: all at once, or with the contents of their pictures, a few at a time."""
        if not self.pictures:
            yield rows, columns
            return
        ((name, cells),) = columns.items()
        missing = {}
        for places, contents in self.pictures.opened(cells, missing):
            yield [rows[place] for place in places], {name: contents}
        faults.update({rows[place]: fault for place, fault in missing.items()})

    def _readable(self, rows, arrays, contents, faults):
        """Returns rows and their answers without those whose pictures could not be decoded."""
        wrong = self.pictures.unreadable([contents[row] for row in rows], arrays)
        if not wrong:
            return rows, arrays
        faults.update({rows[place]: fault for place, fault in wrong.items()})
        kept = [place for place in range(len(rows)) if place not in wrong]
        return [rows[place] for place in kept], {name: values[kept] for name, values in arrays.items()}


def predictor_of(bundle: "Bundle", rows: WholeRows, signature: str, *, skip: bool, images: str = "") -> Predictor:
    """Returns what asks a bundle for the answers to rows.

    Args:
        bundle: The model.
        rows: Of the table.
        signature: Which of its signatures answers.
        skip: Whether rows without an answer are left out.
        images: Where the images are that the rows name; empty: beside their table.

    Raises:
        LookupError: There is no such signature.
        ValueError, OSError: The images can't be found.
    """
    outputs = outputs_of(bundle, signature)
    return Predictor(bundle, signature, rows.features, skip, outputs, pictures_of(bundle, rows, images))


def _answer(predict, columns, rows, parts, failed):
    """Answers all rows at once; where the model fails, each half, down to the rows it fails at."""
    if not rows:
        return
    try:
        parts.append((rows, predict(columns)))
    except Exception as error:
        if not _of_the_model(error):
            raise
        if len(rows) == 1:
            reason = (str(error).strip().splitlines() or ["no memory is left"])[0]
            failed[rows[0]] = Fault("a text that the model can't answer", reason[:200].rstrip("."))
            return
        middle = len(rows) // 2
        for half in (slice(middle), slice(middle, None)):
            _answer(predict, {name: column[half] for name, column in columns.items()}, rows[half], parts, failed)


def _of_the_model(error):
    if isinstance(error, MemoryError):
        return True
    import_tensorflow()
    from tensorflow.errors import OpError

    return isinstance(error, OpError)


def _joined(parts):
    if len(parts) < 2:
        return parts[0] if parts else {}
    from rnnkit.answers import joined

    return {name: joined([part[name] for part in parts]) for name in parts[0]}
