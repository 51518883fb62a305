"""Partial folders: removed when their writer is gone, never while it writes; real processes, really killed."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest
from toy_bundle import toy_parts, write_toy

from rnnkit import bundle as bundles
from rnnkit.bundle.partial import LOCK, PREFIX, TRIES, UNLOCKED_SECONDS, partial_folder, remove_stale

TESTS = pathlib.Path(__file__).parent


def python(code, *arguments):
    """Starts a Python process that runs `code`; its lines are read as they come."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def partials(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(PREFIX)]


HOLD = """
import pathlib, sys
from rnnkit.bundle.partial import partial_folder
with partial_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_removed_when_its_writer_was_killed_and_not_before(tmp_path):
    writer = python(HOLD, tmp_path)
    assert writer.stdout.readline() == "ready\n"
    held = partials(tmp_path)
    assert len(held) == 1 and remove_stale(tmp_path) == []
    with partial_folder(tmp_path) as own:
        assert sorted(partials(tmp_path)) == sorted([*held, own.name])
    assert partials(tmp_path) == held
    kill(writer)
    assert partials(tmp_path) == held
    with partial_folder(tmp_path) as own:
        assert partials(tmp_path) == [own.name]
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_lock_is_removed_when_it_is_a_day_old(tmp_path):
    folder = tmp_path / f"{PREFIX}old"
    (folder / "bundle").mkdir(parents=True)
    assert remove_stale(tmp_path) == [] and folder.exists()
    then = folder.stat().st_mtime - UNLOCKED_SECONDS - 60
    os.utime(folder, (then, then))
    assert remove_stale(tmp_path) == [folder] and not folder.exists()


def test_links_files_and_folders_of_other_names_are_left_alone(tmp_path):
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "home"
    for folder in (elsewhere, home, home / "1"):
        folder.mkdir()
        (folder / LOCK).write_text("")
    (home / f"{PREFIX}link").symlink_to(elsewhere)
    (home / f"{PREFIX}file").write_text("x")
    assert remove_stale(home) == []
    assert sorted(path.name for path in home.iterdir()) == [f"{PREFIX}file", f"{PREFIX}link", "1", LOCK]
    assert (elsewhere / LOCK).exists()


def test_where_the_file_system_has_no_locks_nothing_is_taken_for_stale(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    with partial_folder(tmp_path) as folder:
        assert remove_stale(tmp_path) == [] and folder.exists()
    assert not folder.exists()


def test_a_writer_whose_new_folder_was_swept_before_it_was_locked_takes_another(tmp_path, monkeypatch):
    import fcntl

    flock, swept = fcntl.flock, []

    def late(lock, how):
        if len(swept) < 3:
            swept.extend(tmp_path.iterdir())
            for folder in tmp_path.iterdir():
                (folder / LOCK).unlink()
                folder.rmdir()
        return flock(lock, how)

    monkeypatch.setattr("fcntl.flock", late)
    with partial_folder(tmp_path) as folder:
        assert len(swept) == 3 and folder.is_dir() and folder not in swept


def test_a_parent_that_is_removed_again_and_again_ends_in_an_error(tmp_path, monkeypatch):
    tried = []

    def gone(**_):
        tried.append(True)
        raise FileNotFoundError("gone")

    monkeypatch.setattr("tempfile.mkdtemp", gone)
    with pytest.raises(FileNotFoundError), partial_folder(tmp_path):
        pass
    assert len(tried) == TRIES


PUT = """
import pathlib, sys
from rnnkit.bundle.partial import partial_folder
from rnnkit.bundle.writing import _put
home, own = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
for number in range(12):
    with partial_folder(home) as partial:
        (partial / "bundle" / "assets.extra").mkdir(parents=True)
        (partial / "bundle" / "content").write_text(f"{own} {number}")
        print(_put(home, partial / "bundle", {"own": own}).name)
"""


def test_processes_that_write_at_once_take_different_versions(tmp_path):
    home = tmp_path / "saved" / "toy"
    writers = [python(PUT, home, own) for own in range(5)]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    taken = {own: writer.communicate()[0].split() for own, writer in enumerate(writers)}
    assert all(writer.returncode == 0 for writer in writers)
    assert sorted(int(name) for names in taken.values() for name in names) == list(range(1, 61))
    for own, names in taken.items():
        content = [(home / name / "content").read_text() for name in names]
        assert content == [f"{own} {number}" for number in range(12)]
    assert not partials(home)


WRITE = """
import pathlib, sys
from toy_bundle import toy_parts, write_toy
parts = toy_parts()
print("ready", flush=True)
while sys.stdin.readline():
    print(write_toy(pathlib.Path(sys.argv[1]), parts).path.name, flush=True)
"""


def test_of_writers_killed_at_any_moment_only_whole_versions_stay(tmp_path):
    home = tmp_path / "toy"
    writers = [python(WRITE, home) for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n" * 50)
        writer.stdin.flush()
    # One is killed between two versions or within the next, the other while it writes one.
    writers[0].stdout.readline()
    kill(writers[0])
    while not partials(home):
        assert writers[1].poll() is None
    kill(writers[1])
    before = bundles.versions(home)
    assert before
    last = write_toy(home, toy_parts())
    assert bundles.versions(home) == [*before, last.card["version"]]
    for version in bundles.versions(home):
        bundle = bundles.load(home / str(version))
        assert bundle.verified and bundle.card["version"] == version
        assert bundle.predict(["seven"])["length"].tolist() == [5]
    assert sorted(path.name for path in home.iterdir()) == sorted(map(str, bundles.versions(home)))
