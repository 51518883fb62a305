"""Frame files: .json of pieces, each frame a list of the pitches that sound -> piano rolls, by split where it has any.

    [[[60, 64], [60, 64, 67], []], …]      pieces; or {"train": […], "valid": […], "test": […]}, as the JSB chorales of
Boulanger-Lewandowski et al. (2012) are handed round; -1 stands for a voice that rests.
"""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

from rnnkit.sources.splits import PARTS

ENDING = ".json"
REST = -1


def read_frames(path: pathlib.Path, content: bytes, lowest: int, highest: int) -> dict[str, list[np.ndarray]]:
    """Reads a file.

    Args:
        path: For messages.
        content: Of the file.
        lowest, highest: Pitches of the first and the last column.

    Returns:
        Split -> rolls, `(frames, pitches)` booleans each; all under `train` where the file has no splits.

    Raises:
        ValueError: The file is none such, or a pitch lies outside.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is no JSON. Give lists of pieces, each a list of frames of pitches.") from None
    if not isinstance(told, Mapping):
        told = {"train": told}
    if odd := [name for name in told if name not in PARTS] or ("train" not in told and ["no train"]):
        raise ValueError(f"{path} must have the splits {', '.join(PARTS)}, or a list of pieces. Got {odd[0]!r}.")
    return {
        name: [_roll(piece, f"{path}, {name} {number}", lowest, highest) for number, piece in enumerate(pieces, 1)]
        for name, pieces in ((name, _listed(pieces, f"{path}, {name}")) for name, pieces in told.items())
    }


def _listed(value, where):
    if not isinstance(value, list):
        raise ValueError(f"{where} must be a list: pieces of frames of pitches. Got {str(value)[:40]!r}.")
    return value


def _roll(piece, where, lowest, highest):
    frames = _listed(piece, where)
    if not frames:
        raise ValueError(f"{where} has no frames. Leave it out.")
    roll = np.zeros((len(frames), highest - lowest + 1), bool)
    for place, pitches in enumerate(frames):
        for pitch in _listed(pitches, f"{where}, frame {place + 1}"):
            whole = isinstance(pitch, int | float) and pitch == int(pitch)
            if pitch == REST:
                continue
            if not whole or not lowest <= pitch <= highest:
                raise ValueError(
                    f"{where}, frame {place + 1} must have pitches from {lowest} to {highest}, or -1. Got {pitch!r}. "
                    "Widen it by --lowest and --highest, or mend the file."
                )
            roll[place, int(pitch) - lowest] = True
    return roll
