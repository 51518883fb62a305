"""Entities: what a bundle answers to texts -> the texts with their entities, to be shown."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnnkit.entity_pictures import ENDINGS, Entity
from rnnkit.messages import listed

if TYPE_CHECKING:
    import numpy as np

NEEDED = ("entity", "label", "start", "end", "probability", "count")
"""Outputs of a signature that marks entities."""


def entities_of(texts: Sequence[str], answers: "Mapping[str, np.ndarray]") -> list[tuple[str, list[Entity]]]:
    """Returns each text, as it was read, and the entities found in it.

    Args:
        texts: As they were answered.
        answers: Of `NEEDED`, `(texts, entities)` each, and `count (texts,)`.
    """
    rows = []
    for row, text in enumerate(texts):
        # Bytes that were no UTF-8 were read as U+FFFD, a place each.
        read = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        cells = [answers[name][row][: int(answers["count"][row])].tolist() for name in NEEDED[:-1]]
        rows.append((read, [Entity(*values) for values in zip(*cells, strict=True)]))
    return rows


def check_entities(path: str, texts: Sequence[str], outputs: Sequence[str], bundle: object) -> None:
    """Checks what is asked to be shown, before anything is answered.

    Raises:
        ValueError: There are no texts, the file is no .html, or the bundle marks no entities.
    """
    if not path.lower().endswith(ENDINGS):
        raise ValueError(f"--entities must name a .html file. Got {path!r}.")
    if not texts:
        raise ValueError("--entities shows texts given on the line. Got none. Give some after the bundle.")
    if missing := [name for name in NEEDED if name not in outputs]:
        raise ValueError(f"{bundle} marks no entities to show: its answers lack {listed(missing)}.")
