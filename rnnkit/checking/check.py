"""Check: what `run` would be given -> what is in the way, before hours are spent on it.

tables --(one pass, all columns)--> findings; splits as `run` reads them -> labels; some rows prepared -> lengths,
time and memory.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from rnnkit.checking.duplicates import between
from rnnkit.checking.estimate import Estimate, estimate, estimate_batches
from rnnkit.checking.findings import Finding, by_severity, counted
from rnnkit.checking.labels import label_findings
from rnnkit.checking.lengths import Lengths
from rnnkit.checking.memory import available
from rnnkit.checking.prepared import Prepared, prepare
from rnnkit.checking.table_pass import TablePass
from rnnkit.checking.tables import open_tables
from rnnkit.progress import SILENT, Reporter
from rnnkit.sources import Splits
from rnnkit.sources.table import Meter

FEW_TEST_ROWS = 100
MEND_FIRST = ("bad_rows", "mojibake", "latin1_controls", "labels_alike", "label_missing_mark", "many_labels", "leakage")
"""Kinds of findings in the order in which they are best mended; others come after."""


@dataclasses.dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        recipe: Its name.
        path: The data as the user named it.
        passes: Split -> what was found in its table; only those that have a table of their own.
        target: What is predicted, in the recipe's words.
        rows: Rows of each split as `run` deals them; empty where it refuses.
        lengths: Of the inputs; None where it refuses.
        estimate: Of time and memory; None where it refuses.
        findings: The worst first.
        refusal: What `run` would raise; None where it would train.
    """

    recipe: str
    path: str
    passes: dict[str, TablePass]
    target: str
    rows: dict[str, int]
    lengths: Lengths | None
    estimate: Estimate | None
    findings: list[Finding]
    refusal: Exception | None

    @property
    def labels(self) -> dict[str, int]:
        """Rows of each label in the table that is trained on, the most frequent first."""
        return dict(self.passes["train"].labels.most_common()) if "train" in self.passes else {}

    @property
    def refuses_bad_rows(self) -> bool:
        """Whether `run` refuses because there are bad rows."""
        return any(finding.kind == "bad_rows" and finding.severity == "error" for finding in self.findings)

    def verdict(self) -> list[str]:
        """Returns what to mend, what matters most first; nothing where nothing is in the way."""
        ranks = {kind: rank for rank, kind in enumerate(MEND_FIRST)}
        mending = [finding for finding in self.findings if finding.severity != "note" and finding.mend]
        mending.sort(key=lambda finding: (finding.severity != "error", ranks.get(finding.kind, len(ranks))))
        return list(dict.fromkeys(finding.mend for finding in mending))

    def as_dict(self) -> dict:
        """Returns the report as plain values, ready for JSON."""
        lengths = self.lengths
        return {
            "recipe": self.recipe,
            "data": self.path,
            "tables": {split: dict(looked.facts()) for split, looked in self.passes.items()},
            "rows": self.rows,
            "labels": self.labels,
            "lengths": lengths and {**lengths.percentiles(), "cut_at": lengths.cut, "cut_share": lengths.cut_share},
            "estimate": self.estimate and dataclasses.asdict(self.estimate),
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
            "refusal": None if self.refusal is None else " ".join(str(self.refusal).split()),
            "verdict": self.verdict(),
        }


def check(recipe, settings, *, data=None, valid=None, test=None, reporter: Reporter = SILENT) -> Report:
    """Looks at the data and the settings that `run` would be given; trains only a few steps and writes nothing.

    Args:
        recipe: The application.
        settings: Of the recipe's settings class.
        data, valid, test: Paths or DataFrames that take the place of the settings.
        reporter: Tells a person what goes on.

    Returns:
        The report; what would make `run` refuse is in it and is not raised, but where nothing can be read.

    Raises:
        ValueError, LookupError, OSError: There is no such file, or it is nothing that can be read.
    """
    given = ((data, settings.data), (valid, settings.valid or None), (test, settings.test or None))
    tables = [table if table is not None else setting for table, setting in given]
    tables = [_sample(recipe, settings) if isinstance(table, str) and table == "sample" else table for table in tables]
    # A recipe that reads its rows in its own way says itself, while reading, what it met.
    passes, unreadable = ({}, None) if recipe.reread else _look(recipe, settings, tables, reporter)
    findings = [finding for looked in passes.values() for finding in looked.bad_findings(skip=settings.skip_bad_rows)]
    findings += [finding for looked in passes.values() for finding in looked.findings(markup=_markup(settings))]
    findings += between({split: looked.keys for split, looked in passes.items() if looked.inputs})
    if "train" in passes:
        findings += label_findings(passes["train"].labels, recipe.target, settings)
    splits, refusal = _splits(recipe, settings, tables, reporter)
    lengths = guess = None
    if splits is not None:
        findings += _split_findings(splits, recipe.target)
        findings += [Finding("read", "note", note) for note in splits.notes] if recipe.reread else []
        prepared, guess, late = _tried(recipe, settings, splits, passes, reporter)
        refusal = refusal or late
        lengths = prepared and prepared.lengths
        findings += lengths.findings() if lengths else []
        findings += _memory_findings(guess, settings) if guess else []
    rows = dict(splits.card["rows"]) if splits is not None else {}
    path = str(tables[0]) if isinstance(tables[0], str) or hasattr(tables[0], "__fspath__") else "DataFrame"
    if unreadable and refusal is None:
        # What run can read and this can't is no fault of the data.
        raise unreadable
    return Report(recipe.name, path, passes, recipe.target, rows, lengths, guess, by_severity(findings), refusal)


def _sample(recipe, settings):
    # Late, for running imports the short form from this package.
    from rnnkit.running import sample_path

    return sample_path(recipe, settings)


def _look(recipe, settings, tables, reporter):
    """Reads every table once; what ends the reading is returned beside what was read before it."""
    opened = open_tables(*tables, inputs=recipe.inputs, target=recipe.target, format=settings.format())
    passes = {}
    with reporter.task("checking", unit="bytes") as advance:
        total = sum(one.table.size for one in opened.values())
        meter = Meter(lambda done, total: advance(done, total=total), total)
        for split, one in opened.items():
            table = one.table
            passes[split] = TablePass(
                table.name, table.unit, one.columns, inputs=one.inputs, target=one.target, encoding=table.encoding
            )
            try:
                for chunk in one.chunks(meter):
                    passes[split].take(chunk)
            except REFUSALS as error:
                _reraise_own(error)
                return passes, error
        meter.finish()
    return passes, None


REFUSALS = (ValueError, LookupError, OSError)


def _reraise_own(error):
    # A missing key or place is a fault of ours; what the user can mend is a plain LookupError.
    if isinstance(error, (KeyError, IndexError)):
        raise error


def _splits(recipe, settings, tables, reporter) -> tuple[Splits | None, Exception | None]:
    """Reads as `run` does; where it refuses bad rows, once more without them, for what else there is to find."""
    refusal = None
    attempts = [settings] if settings.skip_bad_rows else [settings, dataclasses.replace(settings, skip_bad_rows=True)]
    for attempt in attempts:
        try:
            with reporter.task("reading", unit="bytes") as advance:
                return recipe.read(*tables, attempt, lambda done, total: advance(done, total=total)), refusal
        except REFUSALS as error:
            _reraise_own(error)
            refusal = refusal or error
    return None, refusal


def _markup(settings):
    return getattr(settings, "markup", "")


def _split_findings(splits, target):
    findings = []
    names = getattr(splits.train, "names", ())
    if names and 0 < len(splits.test) < FEW_TEST_ROWS:
        spread = 98 / np.sqrt(len(splits.test))
        message = (
            f"{counted(len(splits.test), 'test row')}: a share of right answers measured on so few "
            f"is good to about {spread:.0f} points either way."
        )
        findings.append(Finding("few_test_rows", "note", message))
    for split in ("valid", "test"):
        rows = getattr(splits, split)
        if names and len(rows):
            absent = [name for code, name in enumerate(names) if not (rows.codes == code).any()]
            if absent:
                shown = ", ".join(repr(name[:40]) for name in absent[:5])
                more = f" and {len(absent) - 5:,} more" if len(absent) > 5 else ""
                message = f"the {split} rows have no {target} {shown}{more}: scores say nothing of it."
                findings.append(Finding("label_without_rows", "note", message))
    return findings


def _tried(recipe, settings, splits, passes, reporter) -> tuple[Prepared | None, Estimate | None, Exception | None]:
    """Prepares some rows and trains a few steps, as far as that goes."""
    prepared = None
    try:
        if recipe.batches:
            return None, estimate_batches(recipe, settings, splits, reporter), None
        prepared = prepare(recipe, settings, splits.train, reporter)
        if "train" in passes:
            prepared = prepared.scaled(passes["train"].mean_characters)
        return prepared, estimate(recipe, settings, prepared, splits.card["rows"], reporter), None
    except REFUSALS as error:
        _reraise_own(error)
        return prepared, None, error
    except tf.errors.ResourceExhaustedError:
        mend = f"Lower --batch-size from {settings.batch_size}, or set --token-budget."
        return prepared, None, MemoryError(f"One training step does not fit into memory. {mend}")


def _memory_findings(guess, settings):
    room = available()
    if not room or guess.growth < room:
        return []
    message = f"training takes about {size(guess.growth)} more than now, and {size(room)} are free."
    mend = f"Lower --batch-size from {settings.batch_size}, or set --token-budget."
    return [Finding("memory", "warning", message, mend=mend)]


def size(count: float) -> str:
    """Returns bytes as `940 MB` or `3.2 GB`."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
