"""Catalogue: finding recipes by name, and what each says of itself, without importing any."""

import ast
import importlib.util
import re
from importlib.metadata import EntryPoint, entry_points

from rnnkit.messages import did_you_mean

GROUP = "rnnkit.recipes"


def names() -> list[str]:
    """Returns the names of the installed recipes."""
    return sorted(entry_points(group=GROUP).names)


def load(name: str):
    """Imports the recipe called `name`.

    Raises:
        LookupError: No installed package declares it.
    """
    return find(name).load()


def find(name: str) -> EntryPoint:
    """Returns where the recipe called `name` lies, without importing it.

    Raises:
        LookupError: No installed package declares it.
    """
    known = names()
    if name not in known:
        raise LookupError(
            f"There is no recipe {name!r}. {did_you_mean(name, known)}Known: {', '.join(known)}. "
            "If its line in setup.cfg is new, run `pip install -e .` again."
        )
    return entry_points(group=GROUP)[name]


def describe(name: str) -> dict[str, str]:
    """Reads what a recipe says of itself from its module's docstring.

    Returns:
        `about`, the first line, and `reads`, `serves`, `scores` and `sample` where the docstring has
        lines that start with those words.
    """
    spec = importlib.util.find_spec(find(name).module)
    with open(spec.origin, encoding="utf-8") as file:
        text = ast.get_docstring(ast.parse(file.read())) or ""
    about, *_ = text.splitlines() or [""]
    parts = {"about": about}
    for word in ("Reads", "Serves", "Scores", "Sample"):
        if found := re.search(rf"^{word}\s+(.+(?:\n[ \t]+\S.*)*)", text, re.MULTILINE):
            parts[word.lower()] = " ".join(found[1].split())
    return parts
