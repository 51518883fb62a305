"""list and sample: which recipes there are, and what their data look like; without TensorFlow."""

import json
import pathlib
import shutil
import textwrap

from rnnkit import catalog
from rnnkit.messages import listed
from rnnkit.samples import sample_file

SHOWN = ("about", "reads", "serves", "scores")


def list_(arguments: list[str]) -> None:
    """Prints every recipe with what it reads and serves and its score on real data."""
    if {"-h", "--help"} & set(arguments):
        print("rnnkit list [--json]: what each recipe reads, what it serves and how it scores.")
        return
    as_json = _only_json(arguments, "list")
    described = {name: catalog.describe(name) for name in catalog.names()}
    for name, parts in described.items():
        _print_wrapped(f"{name:14} ", parts["about"])
        for part in SHOWN[1:]:
            if part in parts:
                _print_wrapped(f"{'':14} {part:7} ", parts[part])
    if as_json:
        print(json.dumps(described))


def _print_wrapped(start, text):
    width = max(60, shutil.get_terminal_size().columns)
    print(textwrap.fill(text, width, initial_indent=start, subsequent_indent=" " * len(start)))


def _only_json(arguments, verb):
    if others := [argument for argument in arguments if argument != "--json"]:
        raise LookupError(f"`rnnkit {verb}` takes nothing but --json. Got {' '.join(others)!r}.")
    return "--json" in arguments


def sample_(arguments: list[str]) -> None:
    """Copies a recipe's embedded sample to a folder, the current one by default."""
    from rnnkit.commands.parsing import Parser

    parser = Parser(prog="rnnkit sample", description="Writes a recipe's embedded sample, to copy its format from.")
    parser.add_argument("recipe", type=str, nargs="?", default="", metavar="RECIPE", help="Name of the recipe.")
    parser.add_argument("folder", type=str, nargs="?", default=".", metavar="DIR", help="Folder to write it to; else .")
    help = "Preset whose sample is wanted, where the recipe has one for each."
    parser.add_argument("--preset", type=str, default="", metavar="NAME", help=help)
    parser.add_json()
    values = parser.parse(arguments)
    if not values["recipe"]:
        raise ValueError("Say which: rnnkit sample RECIPE [DIR]. `rnnkit list` lists the recipes.")
    source = sample_of(values["recipe"], values["preset"])
    folder = pathlib.Path(values["folder"])
    target = folder / source.name
    if target.exists():
        raise ValueError(f"{target} exists already. Name another folder, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    preset = f" --preset {values['preset']}" if values["preset"] else ""
    with target.open(encoding="utf-8") as file:
        lines = sum(1 for _ in file)
    print(f"{target}: {lines:,} lines. Train on it: rnnkit run {values['recipe']}{preset} --data {target}")
    if values["json"]:
        print(json.dumps({"path": str(target)}))


def sample_of(name: str, preset: str = "") -> pathlib.Path:
    """Returns where the sample of a recipe lies, as the line `Sample` of its docstring says.

    Raises:
        LookupError: There is no such recipe, or no such preset with a sample of its own.
        OSError: The recipe has no sample, or it is made at first use, and can't be written.
    """
    named = catalog.describe(name).get("sample", "")
    pairs = [part.strip().rpartition(": ") for part in named.split(";") if part.strip()]
    files = {key: file for key, _, file in pairs}
    if not files:
        raise FileNotFoundError(f"The recipe {name!r} has no embedded sample. `rnnkit list` says what it reads.")
    if preset not in files:
        known = listed(key for key in files if key) or "none"
        raise LookupError(f"The recipe {name!r} has no sample of a preset {preset!r}. Presets with one: {known}.")
    return sample_file(files[preset])
