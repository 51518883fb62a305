"""Progress: what a person sees while work goes on; on a terminal bars, in a log a line where a stage takes long."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

LONG, MINUTE = 10, 60
"""Seconds after which a log names the stage it is in, and between two lines on how far it is."""


class Reporter:
    """Tells a person what goes on.

    Args:
        console: Where to; None keeps silent.
    """

    def __init__(self, console: Console | None = None):
        self.console = console

    def say(self, text: str) -> None:
        """Prints one line, as it is."""
        if self.console:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def task(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Callable[..., None]]:
        """Shows a bar while the block runs.

        Args:
            title: What is being done.
            total: How much there is to do, if known.
            unit: What is counted, for the rate.

        Yields:
            `advance(done, note="", total=None)`, to be called with how much is done so far.
        """
        if self.console is None:
            yield lambda done, note="", total=None: None
            return
        if not self.console.is_terminal:
            with _log(self.say, title, unit) as advance:
                yield advance
            return
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24)]
        columns += [MofNCompleteColumn(), _Rate(unit), TimeRemainingColumn(), TextColumn("{task.fields[note]}")]
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=total, note="")

            def advance(done, note="", total=None):
                if total is not None:
                    progress.update(task, total=total)
                whole = progress.tasks[0].total
                progress.update(task, completed=done if whole is None else min(done, whole), note=note)

            yield advance


@contextlib.contextmanager
def _log(say, title, unit):
    """Says what is being done once that takes long, and then every minute how far it is."""
    begun = told = time.monotonic()
    first = threading.Timer(LONG, say, [f"{title} …"])
    first.daemon = True
    first.start()

    def advance(done, note="", total=None):
        nonlocal told
        now = time.monotonic()
        if now - told >= MINUTE:
            told = now
            rate = f" {unit}, {done / (now - begun):,.0f} {unit}/s" if unit else ""
            say(f"{title} … {done:,}{rate}   {note}".rstrip())

    try:
        yield advance
    finally:
        first.cancel()


class _Rate(TextColumn):
    def __init__(self, unit):
        super().__init__("")
        self.unit = unit

    def render(self, task):
        speed = task.finished_speed or task.speed
        return super().render(task) if not speed or not self.unit else f"{speed:,.0f} {self.unit}/s"


SILENT = Reporter()
