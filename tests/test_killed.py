"""Killed: whenever a verb ends, bundles are whole, and what is gone on with ends as if it had never been stopped."""

import random
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from processes import Verbs

import rnnkit
from rnnkit import bundle as bundles
from rnnkit import catalog
from rnnkit.parts import load_parts

SHORT = ["--epochs", "3", "--checkpoint-steps", "1"]
SMALL = ["--units", "4", "--embedding-units", "6", "--ngram-buckets", "64", "--no-bidirectional", *SHORT]
MOMENTS = 2
"""Random moments at which each verb is killed."""


@pytest.fixture(scope="module")
def verbs(tmp_path_factory):
    started = Verbs(tmp_path_factory.mktemp("log"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def data(reviews, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    reviews.to_csv(path, index=False)
    return path


def weights(bundle):
    return load_parts(bundle, catalog.load(bundle.card["recipe"]))[1].get_weights()


def assert_only_whole(out):
    for home in (path for path in out.iterdir() if path.name != ".runs"):
        for version in bundles.versions(home):
            assert rnnkit.load(home / str(version)).verified


def survives(verbs, arguments, out, seed):
    """Kills a verb at random moments, goes on each time, and returns what it wrote without and with being killed."""
    code, seconds = verbs.run(*arguments, "--name", "whole")
    assert code == 0, verbs.said()
    draw, killed = random.Random(seed), 0
    for _ in range(3 * MOMENTS):
        resume = ["--resume"] if (out / ".runs" / "killed").is_dir() else []
        code = verbs.kill(draw.uniform(0.1, 0.9) * seconds, *arguments, "--name", "killed", *resume)
        assert code in (0, -signal.SIGKILL), verbs.said()
        assert_only_whole(out)
        killed += code != 0
        if killed == MOMENTS:
            break
    resume = ["--resume"] if (out / ".runs" / "killed").is_dir() else []
    code, _ = verbs.run(*arguments, "--name", "killed", *resume)
    assert code == 0 and killed == MOMENTS, verbs.said()
    assert not (out / ".runs").exists() and not list(out.glob("*/.partial*"))
    return rnnkit.load(out / "whole"), [rnnkit.load(out / "killed" / str(n)) for n in bundles.versions(out / "killed")]


def assert_same(whole, others):
    for other in others:
        for mine, theirs in zip(weights(whole), weights(other), strict=True):
            assert np.array_equal(mine, theirs)
        for name in ("scores", "baselines", "labels", "facts", "epochs", "best_epoch"):
            assert whole.card[name] == other.card[name]


def test_run(verbs, data, tmp_path):
    arguments = ["run", "sentiment", "--data", data, "--out", tmp_path, *SMALL]
    assert_same(*survives(verbs, arguments, tmp_path, seed=1))


def test_finetune(verbs, data, tiny, tmp_path):
    arguments = ["finetune", tiny.path, "--data", data, "--out", tmp_path, *SHORT, "--freeze", "embedding"]
    whole, killed = survives(verbs, arguments, tmp_path, seed=2)
    assert_same(whole, killed)
    for child in killed:
        assert child.card["parent"] == whole.card["parent"]
        assert child.card["scratch"]["scores"] == whole.card["scratch"]["scores"]


def test_export(verbs, tiny, tmp_path):
    home = tmp_path / "tiny"
    shutil.copytree(tiny.path.parent, home)
    arguments = ["export", home, "--to", "tflite"]
    code, seconds = verbs.run(*arguments)
    assert code == 0, verbs.said()
    draw, before = random.Random(3), (home / "1/edge/model.tflite").read_bytes()
    for _ in range(MOMENTS):
        verbs.kill(draw.uniform(0.1, 0.9) * seconds, *arguments)
        assert (home / "1/edge/model.tflite").read_bytes() == before
        rnnkit.load(home)
    assert verbs.run(*arguments)[0] == 0, verbs.said()
    assert not list((home / "1").glob(".partial*"))
    assert_only_whole(tmp_path)


def test_predict(verbs, tiny, reviews, tmp_path):
    many = pd.concat([reviews] * 400).assign(number=range(400 * len(reviews)))
    many.to_csv(tmp_path / "many.csv", index=False)
    arguments = ["predict", tiny.path, "--input", tmp_path / "many.csv", "--output"]
    code, seconds = verbs.run(*arguments, tmp_path / "whole.csv")
    assert code == 0, verbs.said()
    draw, target = random.Random(4), tmp_path / "killed.csv"
    for _ in range(MOMENTS):
        target.unlink(missing_ok=True)
        assert verbs.kill(draw.uniform(0.1, 0.9) * seconds, *arguments, target, "--resume") in (0, -signal.SIGKILL)
        assert not target.exists() or target.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert verbs.run(*arguments, target, "--resume")[0] == 0, verbs.said()
    assert target.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed.csv", "many.csv", "whole.csv"]


def begun_training(out):
    return lambda: any(out.glob(".runs/*/*/*/*.checkpoint"))


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_says_how_to_go_on_and_does(verbs, data, tmp_path, by):
    arguments = ["run", "sentiment", "--data", data, "--out", tmp_path, *SMALL, "--epochs", "400", "--patience", "400"]
    verbs.start(*arguments)
    verbs.signal_when(begun_training(tmp_path), by)
    assert verbs.wait() == 128 + by, verbs.said()
    assert verbs.said().splitlines()[-1].startswith("rnnkit: stopped ")
    assert verbs.said().endswith(f"Go on with: rnnkit run sentiment --out {tmp_path} --resume\n")
    assert not (tmp_path / "sentiment").exists()
    # Another setting than the run began with is refused, and loses nothing.
    assert verbs.run("run", "sentiment", "--out", tmp_path, "--resume", "--units", "5")[0] == 2
    assert "units is 4 in the interrupted run. Got 5." in verbs.said()
    verbs.start("run", "sentiment", "--out", tmp_path, "--resume")
    verbs.signal_when(lambda: "epoch" in verbs.said(), by)
    assert verbs.wait() == 128 + by and "the training goes on in epoch" in verbs.said(), verbs.said()


def test_a_second_ctrl_c_stops_at_once(verbs, data, tmp_path):
    verbs.start("run", "sentiment", "--data", data, "--out", tmp_path, *SMALL, "--epochs", "400", "--patience", "400")
    # Both arrive before the step is done, if the process is not let run between them.
    verbs.signal_when(begun_training(tmp_path), signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT)
    assert verbs.wait() in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert "--resume" in verbs.said()
    assert list(tmp_path.glob(".runs/*/*/*/*.checkpoint")) and not (tmp_path / "sentiment").exists()


def test_a_changed_file_is_told_at_the_end_and_not_gone_on_with(verbs, data, tmp_path):
    changing = tmp_path / "changing.csv"
    changing.write_bytes(data.read_bytes())
    arguments = ["run", "sentiment", "--data", changing, "--out", tmp_path / "out", *SMALL]
    verbs.start(*arguments)
    verbs.signal_when(begun_training(tmp_path / "out"), signal.SIGSTOP)
    changing.write_bytes(data.read_bytes() + b"the a was fine,good\n")
    verbs.signal_when(lambda: True, signal.SIGCONT)
    assert verbs.wait() == 0, verbs.said()
    notes = rnnkit.load(tmp_path / "out" / "sentiment").card["notes"]
    assert any("changing.csv has changed during the run" in note for note in notes)
    verbs.start(*arguments, "--epochs", "400", "--patience", "400")
    verbs.signal_when(begun_training(tmp_path / "out"), signal.SIGKILL)
    verbs.wait()
    changing.write_bytes(data.read_bytes())
    assert verbs.run("run", "sentiment", "--out", tmp_path / "out", "--resume")[0] == 2
    assert "The data have changed since the run began" in verbs.said()


def test_runs_of_one_name_at_the_same_time_take_versions_of_their_own(data, tmp_path):
    arguments = [sys.executable, "-m", "rnnkit", "run", "sentiment", "--data", data, "--out", tmp_path, *SMALL]
    both = [subprocess.Popen([*map(str, arguments), "--seed", str(seed)], stderr=subprocess.PIPE) for seed in (1, 2)]
    assert [run.wait() for run in both] == [0, 0], [run.stderr.read() for run in both]
    found = [rnnkit.load(tmp_path / "sentiment" / version) for version in ("1", "2")]
    assert {bundle.card["settings"]["seed"] for bundle in found} == {1, 2}
    assert [bundle.card["version"] for bundle in found] == [1, 2]
    assert_only_whole(tmp_path)
    assert not (tmp_path / ".runs").exists()
