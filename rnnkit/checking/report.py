"""Report: what a check found -> lines and tables for a person."""

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnnkit.checking.check import Report, size
from rnnkit.checking.findings import percent

LABELS, COLUMNS, FINDINGS = 12, 20, 40
"""Lines of each part that are shown."""
BAR = 24
STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
INDENT = (0, 0, 0, 2)


def print_report(report: Report, console: Console | None = None) -> None:
    """Prints a report, the verdict last."""
    console = console or Console()

    def say(text="", style=None):
        console.print(Text(text), style=style, highlight=False)

    say(f"{report.recipe} on {report.path}", "bold")
    for part in (_rows, _columns, _labels, _lengths, _estimate, _findings):
        part(report, console, say)
    _verdict(report, console, say)


def _rows(report, console, say):
    for split, looked in report.passes.items():
        bad = looked.rows - looked.usable
        where = f"{looked.name}" if len(report.passes) == 1 else f"{split}, {looked.name}"
        left = f", {bad:,} of them bad" if bad else ""
        say(f"  {looked.rows:,} rows in {where}{left}")
    if report.rows:
        dealt = ", ".join(f"{count:,} {split}" for split, count in report.rows.items())
        say(f"  {dealt}" + (" once the bad rows are left out" if report.refuses_bad_rows else ""))


def _columns(report, console, say):
    looked = report.passes.get("train")
    if not looked:
        return
    table = _table()
    for title, justify in (("column", "left"), ("read as", "left"), ("looks like", "left")):
        table.add_column(title, justify=justify, overflow="fold")
    for title in ("missing", "different"):
        table.add_column(title, justify="right")
    facts = looked.facts()["columns"]
    for column in looked.columns[:COLUMNS]:
        fact, role = facts[column.name], ""
        if column.name in looked.inputs:
            role = "input"
        elif column.name == looked.target:
            role = "target"
        missing = f"{fact['missing']:,}" if fact["missing"] else "-"
        different = f"{'' if column.exact else '~'}{fact['distinct']:,}"
        table.add_row(column.name[:40], role or "-", fact["kind"], missing, different)
    console.print()
    console.print(Padding(table, INDENT, expand=False))
    if len(looked.columns) > COLUMNS:
        say(f"  … {len(looked.columns) - COLUMNS} more columns")


def _labels(report, console, say):
    labels = report.labels
    if not labels:
        return
    table, total, most = _table(), sum(labels.values()), max(labels.values())
    table.add_column(report.target, overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    names = list(labels)
    shown = names if len(names) <= LABELS else [*names[: LABELS - 3], None, *names[-2:]]
    for name in shown:
        if name is None:
            table.add_row(f"… {len(names) - LABELS + 1:,} more", "", "", "")
        else:
            bar = "█" * max(1, round(BAR * labels[name] / most))
            table.add_row(name[:40], f"{labels[name]:,}", percent(labels[name], total), bar)
    console.print()
    console.print(Padding(table, INDENT, expand=False))


def _lengths(report, console, say):
    lengths = report.lengths
    if not lengths:
        return
    parts = lengths.percentiles()
    say()
    say(
        f"  {lengths.what} of an input: half have up to {parts['p50']:,}, 95% up to {parts['p95']:,}, 99% up to "
        f"{parts['p99']:,}, the longest {parts['most']:,}"
    )
    share = percent(lengths.cut_share, 1) if lengths.cut_share else "none"
    cut = f"; {share} {'are' if lengths.cut_share else 'is'} cut at {lengths.cut:,}" if lengths.cut else ""
    say(f"  {lengths.picture()}{cut}")


def _estimate(report, console, say):
    guess = report.estimate
    if not guess:
        return
    say()
    say(
        f"  about {seconds(guess.epoch_seconds)} an epoch of {guess.steps:,} steps, at most about "
        f"{seconds(guess.training_seconds)} of training, on {guess.device}"
    )
    words = f", a vocabulary of about {guess.vocabulary:,}" if guess.vocabulary else ""
    say(f"  about {size(guess.memory)} of memory; {guess.parameters:,} parameters{words}")
    say(f"  measured on {guess.rows:,} rows and a few steps; baselines and export come on top")


def _findings(report, console, say):
    if not report.findings:
        return
    table = Table(box=None, show_header=False, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("", overflow="fold")
    for finding in report.findings[:FINDINGS]:
        table.add_row(Text(finding.severity, STYLES[finding.severity]), Text(finding.message))
    console.print()
    console.print(Padding(table, INDENT, expand=False))
    if len(report.findings) > FINDINGS:
        say(f"  … {len(report.findings) - FINDINGS} more; --json has all")


def _verdict(report, console, say):
    say()
    mends = report.verdict()
    if report.refusal is not None:
        say(f"run would refuse this: {' '.join(str(report.refusal).split())}", "bold red")
    elif not mends:
        say("nothing in the way", "bold")
    if mends:
        say("to mend first:" if report.refusal else "run would train on this. Better first:", "bold")
        for mend in mends:
            console.print(Padding(Text(f"- {mend}"), INDENT, expand=False), highlight=False)


def seconds(count: float) -> str:
    """Returns a span as `0.4 s`, `12 s`, `3 min` or `2.5 h`."""
    if count < 9.5:
        return f"{max(count, 0.1):.1f} s"
    if count < 90:
        return f"{count:.0f} s"
    return f"{count / 60:.0f} min" if count < 5_400 else f"{count / 3_600:,.1f} h"


def _table():
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
