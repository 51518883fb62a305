"""list and sample: which recipes there are, and what their data look like; without TensorFlow."""

import importlib.util
import json
import pathlib
import shutil

from rnnkit import catalog

SHOWN = ("about", "reads", "serves", "scores")


def list_(arguments: list[str]) -> None:
    """Prints every recipe with what it reads and serves and its score on real data."""
    as_json = _only_json(arguments, "list")
    described = {name: catalog.describe(name) for name in catalog.names()}
    for name, parts in described.items():
        print(f"{name:14} {parts['about']}")
        for part in SHOWN[1:]:
            if part in parts:
                print(f"{'':14}   {part:7} {parts[part]}")
    if as_json:
        print(json.dumps(described))


def _only_json(arguments, verb):
    if [argument for argument in arguments if argument not in ("--json", "-h", "--help")]:
        raise LookupError(f"`rnnkit {verb}` takes nothing but --json. Got {' '.join(arguments)!r}.")
    return "--json" in arguments


def sample_(arguments: list[str]) -> None:
    """Copies a recipe's embedded sample to a folder, the current one by default."""
    names = [argument for argument in arguments if not argument.startswith("-")]
    if "-h" in arguments or "--help" in arguments:
        print("rnnkit sample RECIPE [DIR]: writes the recipe's embedded sample into DIR, '.' by default.")
        return
    if not 1 <= len(names) <= 2:
        raise ValueError("Say which: rnnkit sample RECIPE [DIR]. `rnnkit list` lists the recipes.")
    source = sample_of(names[0])
    folder = pathlib.Path(names[1] if len(names) == 2 else ".")
    target = folder / source.name
    if target.exists():
        raise ValueError(f"{target} exists already. Name another folder, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    with target.open(encoding="utf-8") as file:
        lines = sum(1 for _ in file)
    print(f"{target}: {lines:,} lines. Train on it: rnnkit run {names[0]} --data {target}")
    if "--json" in arguments:
        print(json.dumps({"path": str(target)}))


def sample_of(name: str) -> pathlib.Path:
    """Returns where the sample of a recipe lies: the file of its name in rnnkit.data."""
    catalog.find(name)
    folder = pathlib.Path(importlib.util.find_spec("rnnkit.data").submodule_search_locations[0])
    found = sorted(folder.glob(f"{name}.*"))
    if not found:
        raise FileNotFoundError(f"The recipe {name!r} has no embedded sample. `rnnkit list` says what it reads.")
    return found[0]
