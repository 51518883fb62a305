"""Judging: a trained model and the raw rows of a split -> the answers that are scored."""

from collections.abc import Callable, Sequence

import numpy as np

from rnnkit.answers import answer_rows, traced
from rnnkit.progress import Reporter


def answering(recipe, preparation, core, settings, signature) -> Callable:
    """Returns `(rows, advance) -> answers`, what is judged: the recipe's own way, or what the signature answers."""
    if recipe.answer:
        return lambda rows, advance: recipe.answer(preparation, core, rows, settings, advance)
    return by_rows(traced(signature), signature.names)


def by_rows(function: Callable, inputs: Sequence[str]) -> Callable:
    """Returns `(rows, advance) -> answers` of a function that takes these inputs by name."""
    return lambda rows, advance: answer_rows(function, rows, inputs, advance)


def answered(ask: Callable, rows, title: str, reporter: Reporter) -> dict[str, np.ndarray]:
    """Asks for the answers to a split, and shows how far it is."""
    with reporter.task(title, total=len(rows), unit="rows") as advance:
        return ask(rows, advance)
