"""Full disk: a file-size limit ends the writing of a bundle or an export anywhere; nothing half-written stays."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from rnnkit import bundle as bundles

TESTS = pathlib.Path(__file__).parent
LIMITED = """
import json, pathlib, resource, sys
from toy_bundle import files, toy_parts, write_toy
def limited(limit, write):
    # Python ignores the signal that would end the process, so that writing fails as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write()
        return None
    except OSError as error:
        return str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""
WRITE = """
home, parts = pathlib.Path(sys.argv[1]), toy_parts()
first = write_toy(home, parts)
before, listed = files(home), []
largest = max(len(content) for content in before.values())
for limit in (0, 1, 100, 500, 1000, 2000, 4000, 8000, 16000, largest - 1, 2 * largest):
    listed.append(limited(limit, lambda: write_toy(home, parts)))
    if listed[-1] is not None:
        assert files(home) == before, limit
    assert first.predict(["seven"])["length"].tolist() == [5]
print(json.dumps(listed))
"""
EXPORT = """
from rnnkit import load
from rnnkit.export import edge, parity
parity.latency = lambda call: {"median": float(call() is None), "p95": 1.0}
path = pathlib.Path(sys.argv[1])
edge.export_tflite(load(path))
before, listed = files(path), []
largest = (path / "edge" / "model.tflite").stat().st_size
for limit in (0, 100, 1000, largest // 2, largest - 1, 10 * largest):
    listed.append(limited(limit, lambda: edge.export_tflite(load(path), keep=True)))
    if listed[-1] is not None:
        assert files(path) == before, limit
print(json.dumps(listed))
"""


def child(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-c", LIMITED + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_wherever_the_disk_is_full_nothing_of_a_bundle_stays_and_earlier_versions_are_whole(tmp_path):
    *refused, last = child(WRITE, tmp_path / "toy")
    assert last is None and bundles.versions(tmp_path / "toy") == [1, 2]
    for message in refused:
        assert message.startswith(f"The bundle could not be written to {tmp_path / 'toy'}: ") and "\n" not in message
        reason = "a file is larger than is allowed here, see `ulimit -f`"
        assert message.endswith(f"toy: {reason}. Nothing was kept of it. Versions 1 there are whole.")
    assert sorted(path.name for path in (tmp_path / "toy").iterdir()) == ["1", "2"]


def test_wherever_the_disk_is_full_the_earlier_export_stays(tiny, tmp_path):
    copy = shutil.copytree(tiny.path, tmp_path / "tiny" / "1")
    *refused, last = child(EXPORT, copy)
    assert last is None
    for message in refused:
        reason = "a file is larger than is allowed here, see `ulimit -f`"
        assert message == f"{copy / 'edge'} could not be written: {reason}. What was there before is whole."
    assert not [path for path in copy.iterdir() if path.name.startswith(".")]
    bundles.load(copy).check_edge()


@pytest.mark.parametrize("out", ["/proc/rnnkit", "/sys/rnnkit", "file/saved_models"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_trained(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    if out.startswith("/") and not pathlib.Path(out).parent.is_dir():
        pytest.skip(f"this system has no {pathlib.Path(out).parent}")
    with pytest.raises(OSError, match=rf"^--out '{out}' can't be written: .*\. Name another folder\.$"):
        bundles.home(out, "toy")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="no folder is read-only to root")
def test_a_read_only_folder_is_refused_before_anything_is_trained(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match="can't be written: .*Permission denied"):
            bundles.home(tmp_path, "toy")
    finally:
        tmp_path.chmod(0o700)
