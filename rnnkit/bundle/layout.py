"""Layout: where bundles and their files lie: <out>/<name>/<version>/…"""

import pathlib
import re
import tempfile

CARD = pathlib.PurePath("assets.extra", "card.json")
ROWS = "training/rows.{}.jsonl"
EDGE = "edge"
PARITY = pathlib.PurePath(EDGE, "parity.json")


def versions(home: pathlib.Path) -> list[int]:
    """Returns the version numbers below a bundle's folder, lowest first."""
    found = (path for path in home.glob("*") if re.fullmatch("0|[1-9][0-9]*", path.name))
    return sorted(int(path.name) for path in found if path.is_dir())


def home(out: str | pathlib.Path, name: str) -> pathlib.Path:
    """Returns the folder of the bundles called `name`, having checked that it can be written.

    Raises:
        ValueError: The name can't be one of a folder.
        OSError: The folder can't be written.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise ValueError(f"name must be letters, digits, '.', '_' and '-', a letter or digit first. Got {name!r}.")
    folder = pathlib.Path(out) / name
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryDirectory(dir=existing, prefix=".rnnkit-"):
            return folder
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"--out {str(out)!r} can't be written: {existing}: {reason}. Name another folder.") from None
