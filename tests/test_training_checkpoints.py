"""Checkpoints: each is whole or passed over, whatever happens to the file."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from rnnkit.training.checkpoints import Checkpoints, State


def state(number):
    return State({"a": np.full(1_000, number, np.float32), "b": np.arange(3)}, {"number": number, "lowest": np.inf})


@pytest.fixture
def kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "stage")
    for number in range(1, 4):
        checkpoints.save(state(number))
    return checkpoints


def test_what_is_saved_comes_back(kept):
    newest, notes = kept.newest()
    assert newest.facts == {"number": 3, "lowest": np.inf} and not notes
    np.testing.assert_array_equal(newest.arrays["a"], state(3).arrays["a"])
    assert newest.arrays["a"].dtype == np.float32 and list(newest.arrays) == ["a", "b"]


def test_the_last_two_are_kept(kept):
    assert [file.stem for file in sorted(kept.folder.iterdir())] == ["000002", "000003"]


def test_without_any_there_is_none(tmp_path):
    assert Checkpoints(tmp_path / "none").newest() == (None, [])


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_one_is_passed_over_for_the_one_before(kept, seed):
    draw = random.Random(seed)
    file = kept.folder / "000003.checkpoint"
    content = bytearray(file.read_bytes())
    if draw.random() < 0.5:
        content = content[: draw.randrange(len(content))]
    else:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)
    newest, notes = kept.newest()
    assert newest.facts["number"] == 2 and len(notes) == 1 and "000003.checkpoint is damaged" in notes[0]


def test_pickled_values_are_not_loaded(kept):
    import hashlib
    import io

    from rnnkit.training.checkpoints import MARK

    content = io.BytesIO()
    np.savez(content, facts=np.frombuffer(b"{}", np.uint8), evil=np.array([print], dtype=object))
    digest = hashlib.sha256(content.getvalue()).hexdigest().encode()
    (kept.folder / "000009.checkpoint").write_bytes(content.getvalue() + MARK + digest)
    newest, notes = kept.newest()
    assert newest.facts["number"] == 3 and "allow_pickle" in notes[0]


WRITER = """
import sys, numpy as np
from pathlib import Path
from rnnkit.training.checkpoints import Checkpoints, State
checkpoints, number = Checkpoints(Path(sys.argv[1])), 0
while True:
    number += 1
    checkpoints.save(State({"a": np.full(300_000, number, np.float32)}, {"number": number}))
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_one(tmp_path):
    folder, draw, reached = tmp_path / "stage", random.Random(3), 0
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)])
        while not any(folder.glob("*.checkpoint")) or Checkpoints(folder)._files()[-1].stem == f"{reached:06}":
            assert writer.poll() is None
            time.sleep(0.002)
        time.sleep(draw.random() * 0.05)
        writer.kill()
        writer.wait()
        newest, _ = Checkpoints(folder).newest()
        assert (newest.arrays["a"] == newest.facts["number"]).all()
        reached = int(Checkpoints(folder)._files()[-1].stem)


def test_a_full_disk_leaves_the_earlier_ones(kept):
    import resource

    size = (kept.folder / "000003.checkpoint").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
    try:
        with pytest.raises(OSError, match=r"000004.checkpoint could not be written: .* go on with --resume"):
            kept.save(state(4))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert kept.newest()[0].facts["number"] == 3 and len(os.listdir(kept.folder)) == 2
