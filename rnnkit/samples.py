"""Samples: file name -> where it lies, with the package or, of one that is made at first use, in a cache folder.

Nothing here imports TensorFlow, and what makes a sample is imported only when it is made.
"""

import contextlib
import hashlib
import importlib
import importlib.metadata
import os
import pathlib
import stat
import tempfile

from rnnkit import data, disk

VARIABLE = "RNNKIT_CACHE"


def sample_file(name: str) -> pathlib.Path:
    """Returns where a sample lies; one that is made at first use is made now if it hasn't been.

    It is made in the folder that the variable RNNKIT_CACHE names; else in `rnnkit` in XDG_CACHE_HOME or `~/.cache`, or
    where that can't be written, in a folder of the user's own among the temporary files. XDG Base Directory
    Specification 0.8, https://specifications.freedesktop.org/basedir-spec/.

    Raises:
        OSError: It can't be written anywhere.
    """
    folder = pathlib.Path(data.__path__[0])
    if name not in data.MADE or (folder / name).is_file():
        return folder / name
    below = pathlib.Path("samples", f"{pathlib.Path(name).stem}-{_version(folder)}", name)
    reasons = []
    for cache in _caches():
        try:
            _check_private(cache)
            if not (cache / below).is_file():
                _make(name, cache / below)
            return cache / below
        except OSError as error:
            reasons.append(f"{cache}: {disk.why(error)}")
    where = "; ".join(reasons)
    raise OSError(f"The sample {name} can't be made in {where}. Name a folder where it can: {VARIABLE}=FOLDER")


def is_made(name: str) -> bool:
    """Says whether a sample is made at first use."""
    return name in data.MADE


def _version(folder):
    """Returns a digest of all that a made sample follows from, so that a change of it makes another file."""
    digest = hashlib.sha256(importlib.metadata.version("scikit-learn").encode())
    for source in data.SOURCES:
        digest.update((folder / source).read_bytes())
    return digest.hexdigest()[:12]


def _caches():
    if named := os.environ.get(VARIABLE):
        return [pathlib.Path(named).absolute()]
    # Relative ones are to be ignored, as the specification says.
    homes = [os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")]
    homes = [home for home in homes if os.path.isabs(home)][:1]
    return [*(pathlib.Path(home, "rnnkit") for home in homes), _temporary()]


def _temporary():
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return pathlib.Path(tempfile.gettempdir(), f"rnnkit-{user}")


def _check_private(cache):
    """Makes the folder among the temporary files, which others can write, or sees that it is nobody else's."""
    if cache != _temporary() or not hasattr(os, "getuid"):
        return
    with contextlib.suppress(FileExistsError):
        cache.mkdir(mode=0o700)
    found = cache.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError("others can write there")


def _make(name, target):
    """Makes a sample beside its place and moves it there, so that no reader ever sees a part of it."""
    module, _, function = data.MADE[name].partition(":")
    write = getattr(importlib.import_module(f"{data.__name__}.{module}"), function)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        made = pathlib.Path(folder, name)
        write(made)
        disk.sync(made.parent)
        try:
            os.replace(made, target)
        except PermissionError:
            # On Windows, another process has made it and reads it.
            if not target.is_file():
                raise
