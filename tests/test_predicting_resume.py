"""Outputs killed at any moment and gone on with: they are what they would have been, byte for byte."""

import csv
import functools
import os
import signal
import subprocess
import sys

import pytest
from stand_in_bundle import ROWS, Lengths, Said, names, write_table

from rnnkit.interrupts import Interrupted
from rnnkit.predicting import files, partial, predict_file
from rnnkit.sources import Format

CHILD = """
import os, resource, signal, sys
from stand_in_bundle import Lengths, small_portions
from rnnkit.predicting import predict_file
from rnnkit.sources import Format

small_portions()
resume, moment, limit, source, target = sys.argv[1:]
events = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")
count = 0

def hook(event, arguments):
    global count
    if event in events and ".partial" in str(arguments[0]) + str(arguments[1:2]):
        count += 1
        if count == int(moment):
            os.kill(os.getpid(), signal.SIGKILL)

if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
sys.addaudithook(hook)
try:
    predict_file(Lengths(), source, target, format=Format(), resume=resume == "yes")
except (OSError, ValueError) as error:
    sys.exit(str(error))
print(count)
"""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(files, "SIZE", 7)
    monkeypatch.setattr(partial, "EVERY", 0.0)


@pytest.fixture
def source(tmp_path):
    return functools.partial(write_table, tmp_path)


def child(source, target, *, resume="no", moment=0, limit=0):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    arguments = [resume, str(moment), str(limit), str(source), str(target)]
    command = [sys.executable, "-c", CHILD, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)


@pytest.mark.parametrize(("kind", "ending"), [("csv", "csv"), ("jsonl", "jsonl.gz"), ("parquet", "parquet")])
def test_an_output_killed_at_any_moment_is_gone_on_with_to_the_same_bytes(tmp_path, source, kind, ending):
    table = source(kind)
    whole, target = tmp_path / f"whole.{ending}", tmp_path / f"out.{ending}"
    ended = child(table, whole)
    assert ended.returncode == 0, ended.stderr
    moments = int(ended.stdout)
    assert moments > 40
    # The first, some between, and the last: around the renaming and the removal.
    for moment in [2, moments // 3, moments // 2, *range(moments - 5, moments + 1)]:
        target.write_bytes(b"earlier")
        killed = child(table, target, moment=moment)
        assert killed.returncode == -signal.SIGKILL
        assert target.read_bytes() in (b"earlier", whole.read_bytes())
        reports = Said()
        predict_file(Lengths(), table, target, format=Format(), resume=True, reporter=reports)
        assert target.read_bytes() == whole.read_bytes()
        assert names(tmp_path) == sorted([table.name, target.name, whole.name])
        # Before the first note there is nothing to go on with, and nothing left to do when all but the folder is gone.
        assert ("going on after" in reports.lines[0]) == (2 < moment < moments - 1), moment


def test_rows_written_before_the_kill_are_not_answered_again(tmp_path, source, monkeypatch):
    table, target = source("csv"), tmp_path / "out.csv"
    child(table, target, moment=30)
    asked = []
    monkeypatch.setattr(
        Lengths,
        "predict",
        lambda self, rows, signature, old=Lengths.predict: (
            asked.append(len(rows["text"])) or old(self, rows, signature=signature)
        ),
    )
    done = predict_file(Lengths(), table, target, format=Format(), resume=True)
    assert 0 < sum(asked) < ROWS - 14 and (done.rows, done.failed) == (ROWS, 1)


def test_without_resume_leftovers_are_dropped_with_a_word(tmp_path, source):
    table, target, reports = source("csv"), tmp_path / "out.csv", Said()
    assert child(table, target, moment=30).returncode == -signal.SIGKILL
    predict_file(Lengths(), table, target, format=Format(), reporter=reports)
    (line,) = reports.lines
    assert line.endswith("rows that an interrupted command left are dropped, for --resume was not given.")
    assert names(tmp_path) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("changed", ["input", "bundle", "flags"])
def test_what_was_begun_otherwise_is_not_gone_on_with(tmp_path, source, changed):
    table, target = source("csv"), tmp_path / "out.csv"
    child(table, target, moment=30)
    left = names(tmp_path)
    bundle, how = Lengths(version=4 if changed == "bundle" else 3), {"prefix": "p_" if changed == "flags" else ""}
    if changed == "input":
        table.write_text(table.read_text() + "\n91,new")
    with pytest.raises(ValueError, match=rf"was begun with another {changed}|was begun with other flags: 'prefix'"):
        predict_file(bundle, table, target, format=Format(), resume=True, **how)
    assert names(tmp_path) == left


def test_a_damaged_note_of_progress_is_none(tmp_path, source):
    table, target, reports = source("csv"), tmp_path / "out.csv", Said()
    child(table, target, moment=30)
    (tmp_path / ".out.csv.partial" / "progress.json").write_text('{"rows": 14')
    predict_file(Lengths(), table, target, format=Format(), resume=True, reporter=reports)
    assert "there is nothing to go on with" in reports.lines[0]
    assert len(list(csv.reader(target.open(newline="")))) == ROWS + 1


def test_a_full_disk_is_one_line_and_gone_on_with(tmp_path, source):
    table, whole, target = source("csv"), tmp_path / "whole.csv", tmp_path / "out.csv"
    child(table, whole)
    ended = child(table, target, limit=whole.stat().st_size // 2)
    (line,) = ended.stderr.splitlines()
    assert (
        ended.returncode == 1
        and "out.csv can't be written: a file is larger than is allowed here, see `ulimit -f`. " in line
    )
    assert line.endswith("rows are kept: make room, then go on with --resume.")
    assert not target.exists()
    assert child(table, target, resume="yes").returncode == 0
    assert target.read_bytes() == whole.read_bytes()
    ended = child(table, tmp_path / "new.csv", limit=10)
    assert "Nothing of it is kept" in ended.stderr and names(tmp_path) == ["in.csv", "out.csv", "whole.csv"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_ends_the_portion_and_says_how_to_go_on(tmp_path, source, monkeypatch, number):
    table, whole, target = source("csv"), tmp_path / "whole.csv", tmp_path / "out.csv"
    predict_file(Lengths(), table, whole, format=Format())
    monkeypatch.setattr(partial, "EVERY", 1e9)
    calls = []

    class Stopped(Lengths):
        def predict(self, rows, *, signature):
            calls.append(rows)
            if len(calls) == 3:
                os.kill(os.getpid(), number)
            return super().predict(rows, signature=signature)

    with pytest.raises(Interrupted, match=r"interrupted\. 21 rows of .*out\.csv are kept; .*--resume") as stopped:
        predict_file(Stopped(), table, target, format=Format())
    assert stopped.value.signal == number and not target.exists()
    predict_file(Lengths(), table, target, format=Format(), resume=True)
    assert target.read_bytes() == whole.read_bytes()


def test_two_writers_of_one_output_do_not_meet(tmp_path, source):
    table, target = source("csv"), tmp_path / "out.csv"
    refusals = []

    class Nested(Lengths):
        def predict(self, rows, *, signature):
            with pytest.raises(ValueError, match=r"out\.csv is being written by another process\. Wait") as refused:
                predict_file(Lengths(), table, target, format=Format())
            refusals.append(refused)
            return super().predict(rows, signature=signature)

    predict_file(Nested(), table, target, format=Format())
    assert len(refusals) == -(-ROWS // 7)
    whole = target.read_bytes()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    command = [sys.executable, "-c", CHILD, "no", "0", "0", str(table), str(target)]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(4)
    ]
    errors = [process.communicate(timeout=100)[1].decode() for process in running]
    assert any(process.returncode == 0 for process in running)
    assert all(not error or "is being written by another process" in error for error in errors)
    assert target.read_bytes() == whole and names(tmp_path) == ["in.csv", "out.csv"]
