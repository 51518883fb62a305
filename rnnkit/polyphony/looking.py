"""Looking: a trained model -> how a piece of the test begins, beside what was foretold of it."""

import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from rnnkit.music.pieces import NAMES
from rnnkit.polyphony.core import Apart, taken_apart
from rnnkit.polyphony.features import before
from rnnkit.recipe import Reported

FRAMES = 96
"""Of the picture."""
SOUNDED, FORETOLD = "Greys", "Blues"


def draw_reports(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ how the first piece of the test begins: what sounded, and how probable it was."""
    rows, facts = told.splits.test, told.preparation.facts
    roll = rows.rolls[0][:FRAMES]
    nats, how = told.answers["test"]["nats"][: len(roll)], {"lowest": facts["lowest"], "title": rows.titles[0]}
    draw_frames(folder / "frames.png", roll, foretold(taken_apart(told.core), roll), nats, **how)


def foretold(apart: Apart, roll: np.ndarray) -> np.ndarray:
    """Returns how probable each pitch of a roll `(frames, pitches)` was, given the frames before."""
    conditions, _ = apart.read(tf.constant(before(roll[None].astype(np.float32))), apart.begin(1))
    return apart.chances(conditions[0]).numpy()


def draw_frames(
    path: str | pathlib.Path, roll: np.ndarray, chance: np.ndarray, nats: np.ndarray, *, lowest: int, title: str = ""
) -> None:
    """Draws what sounded, how probable it was given the frames before, and what each frame cost.

    Args:
        path: A .png file.
        roll: `(frames, pitches)`, what sounded.
        chance: The same shape, from 0 to 1.
        nats: `(frames,)`.
        lowest: Pitch of the first column.
        title: Of the piece.
    """
    shown = np.flatnonzero(roll.any(0) | (chance > 0.1).any(0))
    low, high = (shown[0] - 1, shown[-1] + 1) if len(shown) else (0, roll.shape[1] - 1)
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    for place, values, colours, name in (
        (axes[0], roll, SOUNDED, "what sounded"),
        (axes[1], chance, FORETOLD, "how probable it was, given the frames before"),
    ):
        extent = (-0.5, len(roll) - 0.5, lowest - 0.5, lowest + roll.shape[1] - 0.5)
        how = {"origin": "lower", "aspect": "auto", "extent": extent, "interpolation": "nearest"}
        place.imshow(np.asarray(values, float).T, cmap=colours, vmin=0, vmax=1, **how)
        named = [pitch for pitch in range(lowest + low, lowest + high + 1) if pitch % 12 == 0]
        place.set_yticks(named, [f"{NAMES[0]}{pitch // 12 - 1}" for pitch in named])
        place.set(ylim=(lowest + low - 0.5, lowest + high + 0.5), ylabel="pitch")
        place.set_title(name, fontsize="medium")
    axes[2].step(range(len(nats)), nats, where="mid", color="#d9602b")
    axes[2].set(ylabel="nats", xlabel="frame", ylim=(0, None))
    figure.suptitle(" ".join(title.split()), parse_math=False)
    figure.savefig(path, dpi=110)
