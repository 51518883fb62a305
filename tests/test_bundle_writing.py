"""Writing a bundle: the next version, whole or not at all."""

import errno
import json
import os

import pytest
import tensorflow as tf
from toy_bundle import CARD, files, toy_parts, write_toy

from rnnkit import bundle as bundles


@pytest.fixture(scope="module")
def parts():
    return toy_parts()


def test_versions_are_counted_up_from_the_highest(tmp_path, parts):
    home = tmp_path / "made" / "toy"
    assert write_toy(home, parts).path == home / "1"
    (home / "1").rename(home / "9")
    (home / "notes").mkdir()
    assert write_toy(home, parts).path == home / "10"
    assert bundles.load(home).path == home / "10"
    assert bundles.load(str(home / "9")).path == home / "9"
    assert sorted(path.name for path in home.iterdir()) == ["10", "9", "notes"]
    assert json.loads((home / "10" / CARD).read_text())["version"] == 10


def test_a_version_taken_meanwhile_is_left_alone(tmp_path, parts, monkeypatch):
    rename, taken = os.rename, tmp_path / "1"

    def late(source, target):
        if not taken.exists():
            taken.mkdir()
            (taken / "other").write_text("another run's")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    written = write_toy(tmp_path, parts)
    assert written.path.name == "2" and written.card["version"] == 2
    assert [path.name for path in taken.iterdir()] == ["other"]


@pytest.mark.parametrize("full", [OSError(errno.ENOSPC, "No space left on device"), tf.errors.ResourceExhaustedError(
    None, None, "out/variables; No space left on device")])  # fmt: skip
def test_a_full_disk_leaves_earlier_versions_whole_and_nothing_else(tmp_path, parts, monkeypatch, full):
    home = tmp_path / "toy"
    before = files(write_toy(home, parts).path)

    def fail(path, *_):
        path.write_bytes(b"half")
        raise full

    monkeypatch.setattr("rnnkit.pictures.write_report", fail)
    with pytest.raises(OSError, match=r"to .*toy: no space is left on the disk\. .* Versions 1 there are whole\."):
        write_toy(home, parts)
    assert [path.name for path in home.iterdir()] == ["1"]
    assert files(home / "1") == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EIO, "Input/output error"), ValueError("odd")])
def test_whatever_ends_the_writing_no_new_folder_stays(tmp_path, parts, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("rnnkit.pictures.write_report", fail)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        write_toy(tmp_path / "saved" / "toy", parts)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "-x", "a b"])
def test_a_name_that_is_no_folders_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"^name must be letters, digits, .* Got '"):
        bundles.home(tmp_path, name)


def test_an_out_that_cannot_be_written_is_refused_before_anything_else(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        OSError, match=r"--out '.*file' can't be written: .*file: Not a directory\. Name another folder"
    ):
        bundles.home(tmp_path / "file", "toy")

    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    with pytest.raises(OSError, match=r"--out '.*made' can't be written: .*: Permission denied\."):
        bundles.home(tmp_path / "made", "toy")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
