"""Pictures of attention: for each text a grid, a row for each piece written, a column for each piece read."""

import math
import pathlib
from collections.abc import Mapping, Sequence

from rnnkit.messages import listed

MOST = 12
"""Texts on one picture."""
NEEDED = ("read", "written", "weights")
"""Outputs of a signature that can be drawn."""


def draw_attention(path: str | pathlib.Path, answers: Mapping[str, Sequence]) -> None:
    """Draws where each piece was written from.

    Args:
        path: A .png file.
        answers: `read (texts, time)` and `written (texts, steps)`, pieces as text or bytes, empty where padded,
            and `weights (texts, steps, time)`; at most `MOST` texts.
    """
    # Here, for it takes half a second and most predictions draw nothing.
    from matplotlib.figure import Figure

    texts = [_cut(*row) for row in zip(*(answers[name] for name in NEEDED), strict=True)]
    columns = min(len(texts), 3)
    rows = math.ceil(len(texts) / columns)
    wide = max(len(read) for read, _, _ in texts) * 0.34 + 2.2
    high = max(len(written) for _, written, _ in texts) * 0.3 + 1.8
    figure = Figure(figsize=(wide * columns, high * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for place in places[len(texts) :]:
        place.set_visible(False)
    for place, (read, written, weights) in zip(places, texts, strict=False):
        place.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        place.set_xticks(range(len(read)), read, rotation=60, ha="right", rotation_mode="anchor")
        place.set_yticks(range(len(written)), written)
        place.set(xlabel="read", ylabel="written")
    figure.savefig(path, dpi=110)


def _cut(read, written, weights):
    """Leaves out what is padded, and shows white space as it is."""
    read, written = ([_text(piece) for piece in side] for side in (read, written))
    time, steps = (max((place + 1 for place, piece in enumerate(side) if piece), default=1) for side in (read, written))
    return read[:time], written[:steps], weights[:steps, :time]


def _text(piece):
    text = piece.decode("utf-8", "replace") if isinstance(piece, bytes) else piece
    return text.replace("$", r"\$")  # Else it would begin a formula.


def check_attention(path: str, texts: Sequence[str], outputs: Sequence[str], bundle: object) -> None:
    """Checks what is asked to be drawn, before anything is answered.

    Raises:
        ValueError: There are no texts, or too many, the file is no .png, or the bundle tells no attention.
    """
    if not path.lower().endswith(".png"):
        raise ValueError(f"--attention must name a .png file. Got {path!r}.")
    if not 1 <= len(texts) <= MOST:
        raise ValueError(f"--attention draws 1 to {MOST} texts given on the line. Got {len(texts)}.")
    if missing := [name for name in NEEDED if name not in outputs]:
        raise ValueError(f"{bundle} has no attention to draw: no signature 'attention' that gives {listed(missing)}.")
