"""Progress: on a terminal bars, in a log a line where a stage takes long, and nothing without a console."""

import io
import time

import pytest
from rich.console import Console

from rnnkit import progress
from rnnkit.progress import SILENT, Reporter


@pytest.fixture
def log():
    return io.StringIO()


def test_a_silent_reporter_says_nothing(capsys):
    SILENT.say("words")
    with SILENT.task("work", total=3) as advance:
        advance(1, "note", total=5)
    assert capsys.readouterr() == ("", "")


def test_a_line_is_said_as_it_is(log):
    Reporter(Console(file=log, width=20)).say("[bold]brackets[/bold] and more than twenty characters")
    assert log.getvalue() == "[bold]brackets[/bold] and more than twenty characters\n"


def test_a_log_does_not_name_a_stage_that_is_short(log):
    with Reporter(Console(file=log)).task("work", total=3, unit="rows") as advance:
        advance(3)
    assert log.getvalue() == ""


def test_a_log_says_how_far_a_long_stage_is(log, monkeypatch):
    monkeypatch.setattr(progress, "MINUTE", 0)
    with Reporter(Console(file=log)).task("work", total=3, unit="rows") as advance:
        advance(2, "half way")
    assert log.getvalue().startswith("work … 2 rows, ") and log.getvalue().endswith("rows/s   half way\n")


def test_a_terminal_shows_a_bar_and_clears_it(log):
    console = Console(file=log, force_terminal=True, width=120)
    with Reporter(console).task("work", unit="rows") as advance:
        advance(2, "half way", total=4)
        time.sleep(0.2)
        advance(9, "past the end")
    for text in ("work", "2/4", "half way", "4/4", "past the end"):
        assert text in log.getvalue()
