"""Samples that are made at first use: once, as a whole, in a folder of the user's; others lie with the package."""

import errno
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

from rnnkit import catalog, data, samples
from rnnkit.cli import main
from rnnkit.data import digits
from rnnkit.running import sample_path

EMBEDDED = pathlib.Path(data.__path__[0])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def quick(monkeypatch):
    """Makes the sample of digits in no time, and says how often."""
    made = []

    def write(path):
        made.append(path)
        path.write_text("image,caption,split\n")

    monkeypatch.setattr(digits, "write_digits", write)
    return made


def files(folder):
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def test_a_sample_is_made_at_first_use_and_not_again(cache, quick):
    path = samples.sample_file("digits.csv")
    assert path.name == "digits.csv" and path.read_text() == "image,caption,split\n"
    assert samples.sample_file("digits.csv") == path and len(quick) == 1
    assert files(cache) == [path]


def test_each_made_sample_has_its_function_and_its_sources():
    assert data.MADE and data.SOURCES
    for name, made in data.MADE.items():
        module, function = made.split(":")
        assert callable(getattr(__import__(f"rnnkit.data.{module}", fromlist=[function]), function))
        assert f"{module}.py" in data.SOURCES and not (EMBEDDED / name).exists()
    for source in data.SOURCES:
        imported = [line.split()[1] for line in (EMBEDDED / source).read_text().splitlines() if "rnnkit.data." in line]
        assert {f"{module.removeprefix('rnnkit.data.')}.py" for module in imported} <= set(data.SOURCES)


def test_a_sample_of_the_package_is_where_it_was(cache):
    seen = 0
    for name in catalog.names():
        recipe = catalog.load(name)
        if isinstance(recipe.sample, str) and not samples.is_made(recipe.sample):
            assert sample_path(recipe) == EMBEDDED / recipe.sample and sample_path(recipe).is_file()
            seen += 1
    assert seen and not cache.exists()


def test_listing_and_naming_make_no_sample(cache, capsys):
    assert main(["list"]) == 0 and capsys.readouterr().out
    assert samples.is_made("scenes.csv") and not samples.is_made("weather.csv")
    assert not cache.exists()


def test_a_changed_generator_or_library_makes_another_file(cache, quick, monkeypatch):
    first = samples.sample_file("digits.csv")
    monkeypatch.setattr(data, "SOURCES", data.SOURCES[:1])
    second = samples.sample_file("digits.csv")
    monkeypatch.setattr("importlib.metadata.version", lambda package: "99.0")
    third = samples.sample_file("digits.csv")
    assert len({first, second, third}) == 3 and files(cache) == sorted([first, second, third])


def test_without_the_variable_it_is_made_in_the_cache_folder_of_the_user(tmp_path, quick, monkeypatch):
    monkeypatch.delenv("RNNKIT_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert samples.sample_file("digits.csv").is_relative_to(tmp_path / "xdg" / "rnnkit")
    for none in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", none)
        assert samples.sample_file("digits.csv").is_relative_to(tmp_path / "home" / ".cache" / "rnnkit")


@pytest.fixture
def homeless(tmp_path, monkeypatch):
    """Nothing can be written below the home folder, which is a file; returns the folder of temporary files."""
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.delenv("RNNKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def test_where_the_home_folder_cant_be_written_it_is_made_among_the_temporary_files(homeless, quick):
    path = samples.sample_file("digits.csv")
    own = homeless / f"rnnkit-{os.getuid()}"
    assert path.is_relative_to(own) and own.stat().st_mode & 0o777 == 0o700
    assert samples.sample_file("digits.csv") == path and len(quick) == 1


@pytest.mark.parametrize("how", ["writable", "link"])
def test_a_temporary_folder_that_others_can_write_is_not_trusted(homeless, quick, how):
    own = homeless / f"rnnkit-{os.getuid()}"
    if how == "link":
        own.symlink_to(homeless.parent)
    else:
        own.mkdir()
        own.chmod(0o777)
    with pytest.raises(OSError, match=rf"can't be made in .*Not a directory; {own}: others can write there\. Name a"):
        samples.sample_file("digits.csv")
    assert not quick


def test_a_named_folder_that_cant_be_written_is_told_in_one_line(tmp_path, quick, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RNNKIT_CACHE", str(tmp_path / "file"))
    message = (
        f"The sample digits.csv can't be made in {tmp_path / 'file'}: Not a directory. "
        "Name a folder where it can: RNNKIT_CACHE=FOLDER"
    )
    with pytest.raises(OSError) as raised:
        samples.sample_file("digits.csv")
    assert str(raised.value) == message


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_of_a_sample_that_wasnt_finished_nothing_stays(cache, monkeypatch, error):
    def write(path):
        path.write_text("image,ca")
        raise error

    monkeypatch.setattr(digits, "write_digits", write)
    with pytest.raises(type(error)) as raised:
        samples.sample_file("digits.csv")
    assert files(cache) == [] and not [path for path in cache.rglob(".making*")]
    if isinstance(error, OSError):
        assert f"{cache}: no space is left on the disk." in str(raised.value)


def test_processes_that_make_it_at_once_all_get_the_whole(cache, tmp_path):
    program = """
import pathlib, sys, time
from rnnkit.samples import sample_file
from rnnkit.data import digits
digits.load_digits()
ready, others = pathlib.Path(sys.argv[1]), sys.argv[2:]
ready.touch()
while not all(pathlib.Path(other).exists() for other in others):
    time.sleep(0.01)
path = sample_file("digits.csv")
print(path, len(path.read_bytes()))
"""
    ready = [str(tmp_path / f"ready{number}") for number in range(4)]
    commands = [[sys.executable, "-c", program, one, *ready] for one in ready]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    said = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 4
    digits.write_digits(tmp_path / "digits.csv")
    (made,) = files(cache)
    assert made.read_bytes() == (tmp_path / "digits.csv").read_bytes()
    assert said == {f"{made} {made.stat().st_size}\n"}


def test_making_a_sample_loads_no_tensorflow(cache):
    program = "import sys; from rnnkit.samples import sample_file; sample_file('digits.csv')"
    program += "; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
