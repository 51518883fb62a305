"""Runs: a folder each, held while its process lives, and there to go on from when that has died."""

import subprocess
import sys
import time

import numpy as np
import pytest

from rnnkit import runs
from rnnkit.training.checkpoints import State

WHAT = {"verb": "run", "units": 3}


def left_behind(out, name="a", checkpoint=True):
    """A run that a killed process leaves."""
    code = (
        "import os, sys, numpy as np; from rnnkit import runs; from rnnkit.training.checkpoints import State\n"
        "with runs.begin(sys.argv[1], sys.argv[2], {'verb': 'run', 'units': 3}) as run:\n"
        "    run.check_data('abc')\n"
        "    if sys.argv[3] == 'True': run.checkpoints('training').save(State({'a': np.arange(3)}, {'n': 1}))\n"
        "    os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(out), name, str(checkpoint)])


def test_a_run_that_ends_well_leaves_nothing(tmp_path):
    with runs.begin(tmp_path, "a", WHAT) as run:
        run.checkpoints("training").save(State({"a": np.arange(3)}, {}))
        assert run.description == WHAT and not runs.interrupted(tmp_path, "a")
    assert not list(tmp_path.iterdir())


def test_a_run_that_fails_before_a_checkpoint_leaves_nothing(tmp_path):
    with pytest.raises(ValueError), runs.begin(tmp_path, "a", WHAT):
        raise ValueError
    assert not list(tmp_path.iterdir())


def test_a_run_that_fails_after_one_can_be_gone_on_with(tmp_path):
    with pytest.raises(OSError), runs.begin(tmp_path, "a", WHAT) as run:
        run.checkpoints("training").save(State({"a": np.arange(3)}, {"n": 1}))
        raise OSError
    with runs.resume(tmp_path, "a") as run:
        assert run.description == WHAT and run.checkpoints("training").newest()[0].facts == {"n": 1}
    assert not list(tmp_path.iterdir())


def test_a_killed_run_can_be_gone_on_with_once_at_a_time(tmp_path):
    left_behind(tmp_path)
    assert [run.description for run in runs.interrupted(tmp_path, "a")] == [WHAT]
    with runs.resume(tmp_path, "a") as run:
        assert run.checkpoints("training").newest()[0].facts == {"n": 1}
        with pytest.raises(LookupError, match="There is no interrupted run 'a' under .* Run without --resume"):
            runs.resume(tmp_path, "a")
    assert not list(tmp_path.iterdir())


def test_the_newest_of_several_is_gone_on_with_first(tmp_path):
    left_behind(tmp_path)
    left_behind(tmp_path)
    with runs.resume(tmp_path, "a") as run:
        assert run.path.name == "2"
    assert [run.path.name for run in runs.interrupted(tmp_path, "a")] == ["1"]


def test_a_killed_run_without_a_checkpoint_is_cleared_away_by_the_next(tmp_path):
    left_behind(tmp_path)
    left_behind(tmp_path, checkpoint=False)
    assert sorted(path.name for path in (tmp_path / ".runs/a").iterdir()) == ["1", "2"]
    with runs.begin(tmp_path, "a", WHAT) as run:
        assert run.path.name == "2"
        assert [run.path.name for run in runs.interrupted(tmp_path, "a")] == ["1"]


def test_other_names_are_other_runs(tmp_path):
    left_behind(tmp_path, "b")
    assert not runs.interrupted(tmp_path, "a")
    with pytest.raises(LookupError):
        runs.resume(tmp_path, "a")


def test_other_data_than_those_begun_with_are_refused(tmp_path):
    left_behind(tmp_path)
    with (
        pytest.raises(ValueError, match="The data have changed since the run began"),
        runs.resume(tmp_path, "a") as run,
    ):
        run.check_data("abc")
        run.check_data("abd")
    assert runs.interrupted(tmp_path, "a")


def test_many_at_once_have_folders_of_their_own(tmp_path):
    code = (
        "import sys, time; from rnnkit import runs\n"
        "for _ in range(40):\n"
        "    with runs.begin(sys.argv[1], 'a', {'who': sys.argv[2]}) as run:\n"
        "        run.check_data(sys.argv[2])\n"
        "        assert run.description == {'who': sys.argv[2]}\n"
        "        runs.interrupted(sys.argv[1], 'a')\n"
        "        run.check_data(sys.argv[2])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(who)]) for who in range(5)]
    assert [writer.wait(timeout=120) for writer in writers] == [0] * 5
    assert not list(tmp_path.iterdir())


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path, monkeypatch):
    left_behind(tmp_path)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    left_behind(tmp_path)
    with runs.resume(tmp_path, "a") as run:
        assert run.path.name == "2"
