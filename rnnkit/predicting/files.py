"""Files: a table and a bundle -> the table with its answers, whole under its name or not there at all."""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import time
from typing import TYPE_CHECKING

from rnnkit.interrupts import Wish, asked_to_stop
from rnnkit.messages import listed
from rnnkit.predicting.answers import Output, Predictor, predictor_of
from rnnkit.predicting.bar import late_bar
from rnnkit.predicting.forms import ENDINGS, CsvForm, Form, JsonForm, ParquetForm, Zipped
from rnnkit.predicting.join import join_parquet
from rnnkit.predicting.partial import Partial, held
from rnnkit.predicting.pictures import input_rows
from rnnkit.predicting.reading import trained_format
from rnnkit.predicting.tally import Tally
from rnnkit.progress import SILENT, Reporter
from rnnkit.sources import Format
from rnnkit.sources.table import Counter
from rnnkit.sources.whole import CHARACTERS, SIZE, WholeRows

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

LAYOUT = 1
"""Raised when portions or forms change, so that what another version began is not gone on with."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """What came of a file.

    Attributes:
        path: The output.
        rows: Rows read.
        answered: Those with an answer.
        failed: Those without: marked in the output, or left out.
        sentence: The same as a text, with what is wrong with them and where.
    """

    path: pathlib.Path
    rows: int
    answered: int
    failed: int
    sentence: str


def predict_file(
    bundle: "Bundle",
    input,
    output: str | os.PathLike,
    *,
    signature: str = "serving_default",
    format: Format | None = None,
    kind: str | None = None,
    prefix: str = "",
    resume: bool = False,
    images: str = "",
    reporter: Reporter = SILENT,
) -> Summary:
    """Writes a table's rows with all their cells, the answers to them, and in `error` why one has none.

    Memory does not grow with the table. The output appears under its name when it is whole; until then
    it is made in the folder `.NAME.partial` beside it.

    Args:
        bundle: The model.
        input: A table, a file of text lines, "-" for stdin, a DataFrame, or rows that are opened; where the bundle
            reads pictures, also a folder or a .zip of images, a row each.
        output: Ends in .csv, .jsonl, either also .gz, or .parquet.
        signature: Which of the model's signatures answers.
        format: How to read the input; with `skip_bad_rows`, rows without an answer are left out. By
            default as the bundle was trained.
        kind: `csv`, `tsv`, `jsonl` or `txt`, where the input's name doesn't say.
        prefix: Put before the name of each added column; else `predicted_` before those that clash.
        resume: Goes on where a process that wrote this output was killed; the result is the same,
            byte for byte, as if it had not been.
        images: A folder or .zip with the images that a table names; empty: beside the table.
        reporter: Tells a person what goes on.

    Raises:
        ValueError: A name, a format or the input can't be used; or another process writes this output.
        LookupError: There is no such column or signature.
        OSError: The input can't be read or the output can't be written.
        Interrupted: Ctrl-C or SIGTERM came; the portion was finished, and `resume` goes on after it.
    """
    target = check_output(output, input)
    format = format or trained_format(bundle, {})
    rows = input
    if not isinstance(input, WholeRows):
        rows = input_rows(bundle, input, format, kind)
    if resume and not rows.again:
        raise ValueError(f"--resume reads the input again, which {rows.name} can't be. Write it to a file first.")
    flags = {
        "output": target.name,
        "signature": signature,
        "kind": kind,
        "prefix": prefix,
        **({"images": images} if images else {}),
        **dataclasses.asdict(format),
    }
    predictor = predictor_of(bundle, rows, signature, skip=format.skip_bad_rows, images=images)
    job = _Job(predictor, rows, target, os.fspath(output), flags, reporter)
    job.form()
    with held(target, job.name) as partial:
        return job.run(partial, resume=resume)


def check_output(output: str | os.PathLike, input) -> pathlib.Path:
    """Returns the path an output is to have, having checked what can be told at once.

    Raises:
        ValueError: Its ending isn't known, or it is the input.
        OSError: There is no such folder, or it is a folder itself.
    """
    shown, target = os.fspath(output), pathlib.Path(os.path.realpath(output))
    if not target.name.lower().endswith(ENDINGS):
        raise ValueError(f"--output must end in one of {', '.join(ENDINGS)}, or be - for stdout. Got {shown!r}.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"--output {shown!r}: there is no folder {str(target.parent)!r}.")
    if target.is_dir():
        raise IsADirectoryError(f"--output {shown!r} is a folder. Name a file in it.")
    if target.exists() and not target.is_file():
        raise ValueError(f"--output {shown!r} is no ordinary file. Write to stdout, --output -, and from there to it.")
    if (
        isinstance(input, (str, os.PathLike))
        and os.path.exists(input)
        and target.exists()
        and os.path.samefile(input, target)
    ):
        raise ValueError(f"--output {shown!r} is the input itself. Name another file.")
    return target


def form_for(name: str, rows: WholeRows, outputs: tuple[Output, ...], prefix: str) -> Form:
    """Returns how rows are written to a file of this name."""
    name = name.lower()
    if name.endswith(".parquet"):
        return ParquetForm(rows.table, outputs, prefix=prefix)
    kind = JsonForm if name.removesuffix(".gz").endswith(".jsonl") else CsvForm
    form = kind(rows.table, outputs, prefix=prefix)
    return Zipped(form) if name.endswith(".gz") else form


@dataclasses.dataclass(frozen=True)
class _Job:
    """One output: what it is made of, and how far it is told to a person."""

    predictor: Predictor
    rows: WholeRows
    target: pathlib.Path
    name: str
    flags: dict
    reporter: Reporter

    def form(self) -> Form:
        """Returns how rows are written; refuses names that clash."""
        return form_for(self.target.name, self.rows, self.predictor.outputs, self.flags["prefix"])

    def run(self, partial: Partial, *, resume: bool) -> Summary:
        """Makes the output, or what lacks of it."""
        identity = self._identity()
        progress = self._earlier(partial, identity, resume)
        if progress is None:
            self._find_keys()
            form, tally = self.form(), Tally()
            partial.begin()
            partial.write(form.head())
        else:
            self.rows.use_keys(progress["columns"])
            form, tally = self.form(), Tally(progress["rows"], progress["faults"])
            if not partial.placed:
                partial.go_on()
        if not (progress and progress["whole"]):
            self._write(form, partial, tally, identity)
        if not partial.placed:
            joined = isinstance(form, ParquetForm)
            partial.place((lambda rows, whole: join_parquet(rows, whole, form.schema)) if joined else None)
        partial.remove()
        if self._stamp() != identity["input"]:
            self.reporter.say(f"note: {self.rows.name} has changed meanwhile; the answers are to what was read.")
        sentence = f"{self.name}: {tally.sentence(self.rows.unit, left_out=self.predictor.skip)}"
        return Summary(self.target, tally.rows, tally.answered, tally.failed, sentence)

    def _identity(self):
        """What must be the same to go on with what another process has begun."""
        card = self.predictor.bundle.card
        sha256 = hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()
        layout = [LAYOUT, SIZE, CHARACTERS]
        return {"layout": layout, "input": self._stamp(), "bundle": [card["version"], sha256], "flags": self.flags}

    def _stamp(self):
        if not self.rows.again:
            return None
        try:
            return [os.path.realpath(self.rows.table.path), *self.rows.table.stamp()]
        except OSError:
            return None

    def _earlier(self, partial, identity, resume):
        """Returns what was noted of an output to go on with, None where all is to be done."""
        progress = partial.progress if partial.placed or partial.usable else None
        if not resume:
            if progress:
                self.reporter.say(
                    f"{self.name}: {progress['rows']:,} rows that an interrupted command left are dropped, "
                    "for --resume was not given."
                )
            return None
        if progress is None:
            self.reporter.say(f"{self.name}: there is nothing to go on with, so that all rows are answered.")
            return None
        begun = progress["identity"]
        different = [name for name in identity if begun.get(name) != identity[name]]
        if different:
            what = {
                "layout": "another version of rnnkit",
                "input": f"another input, or {self.rows.name} has changed since",
                "bundle": f"another bundle, of version {begun['bundle'][0]}",
                "flags": f"other flags: {self._differing(begun['flags'])}",
            }
            raise ValueError(
                f"{self.name} was begun with {what[different[0]]}. "
                "Give what it was begun with, or leave out --resume to begin anew."
            )
        self.reporter.say(f"{self.name}: going on after {progress['rows']:,} rows.")
        return progress

    def _differing(self, begun):
        return listed(name for name in self.flags if begun.get(name) != self.flags[name])

    def _find_keys(self):
        with late_bar(self.reporter, "looking for keys", self.rows.size) as advance:
            self.rows.find_keys(Counter(lambda done, total: advance(done)))

    def _write(self, form, partial, tally, identity):
        """Answers and writes the rows after those that the tally has."""
        meter = Counter()
        stop = asked_to_stop(self.reporter.say) if self.rows.again else contextlib.nullcontext(Wish())
        size = self.predictor.at_once(SIZE)
        passed, begun, clock = 0, tally.rows, time.monotonic()
        with stop as wish, late_bar(self.reporter, "answering", self.rows.size) as advance:
            for portion in self.rows.portions(size=size, characters=CHARACTERS, meter=meter):
                passed += len(portion)
                if passed <= begun:
                    continue
                partial.write(form.rows(*self.predictor.answer(portion, tally)))
                if self.rows.again:
                    partial.note(self._facts(tally, identity), now=wish.signal is not None)
                    wish.heed("interrupted")
                rate = (tally.rows - begun) / (time.monotonic() - clock)
                advance(meter.done, f"{tally.rows:,} rows, {rate:,.0f}/s")
        if self.rows.again:
            partial.note(self._facts(tally, identity), whole=True, now=True)

    def _facts(self, tally, identity):
        return {"identity": identity, "columns": self.rows.columns, **dataclasses.asdict(tally)}
