"""Packaging: what setup.cfg installs is all there is, and imports point one way."""

import ast
import configparser
import pathlib
import subprocess
import sys

import pytest

from rnnkit import catalog
from rnnkit.commands.catalogue import sample_of
from rnnkit.samples import is_made

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser(delimiters=("=",))
    assert parser.read(ROOT / "setup.cfg")
    return parser


def folders(top):
    found = [path.parent for path in (ROOT / top).rglob("__init__.py")]
    assert found
    return found


def test_every_package_folder_is_installed(setup):
    there = {".".join(folder.relative_to(ROOT).parts) for folder in folders("rnnkit")}
    there |= {f"rnnkit.{top}" for top in ("recipes", "data") if folders(top)}
    assert set(setup["options"]["packages"].split()) == there


def test_every_folder_with_code_is_a_package():
    code = {path.parent for path in (ROOT / "rnnkit").rglob("*.py")}
    assert code == set(folders("rnnkit"))


def test_every_recipe_file_has_its_entry_point_and_none_is_missing(setup):
    files = {path.stem for path in (ROOT / "recipes").glob("*.py")} - {"__init__"}
    lines = dict(line.split(" = ") for line in setup["options.entry_points"]["rnnkit.recipes"].strip().splitlines())
    assert files and lines == {name: f"rnnkit.recipes.{name}:RECIPE" for name in files}


def test_every_recipe_is_installed_under_its_name_and_has_its_sample():
    assert catalog.names()
    for name in catalog.names():
        recipe = catalog.load(name)
        assert recipe.name == name
        for preset, sample in samples(recipe).items():
            assert (ROOT / "data" / sample).is_file() != is_made(sample)
            assert sample_of(name, preset).name == sample
        assert {"about", "reads", "serves", "sample"} <= catalog.describe(name).keys()


def samples(recipe):
    return {"": recipe.sample} if isinstance(recipe.sample, str) else recipe.sample


def test_every_sample_is_installed(setup):
    patterns = [part.strip() for part in setup["options.package_data"]["rnnkit.data"].split(",")]
    for name in catalog.names():
        for sample in map(pathlib.PurePath, samples(catalog.load(name)).values()):
            assert any(sample.match(pattern) for pattern in patterns), sample


def test_the_package_is_typed(setup):
    assert (ROOT / "rnnkit" / "py.typed").is_file()
    assert "py.typed" in setup["options.package_data"]["rnnkit"]


def imports(top):
    """Yields each file below a folder of the repository and the modules that it imports anywhere."""
    files = sorted((ROOT / top).rglob("*.py"))
    assert files, top
    for file in files:
        modules = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: a relative import"
                modules |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        yield file, modules


def test_rnnkit_never_imports_a_recipe():
    for file, modules in imports("rnnkit"):
        assert not [module for module in modules if module.startswith(("rnnkit.recipes", "recipes"))], file


WORDS = {"anomaly", "caption", "forecast"}
"""Names of recipes that are words of other things too: what answers about series and pictures are called."""


def test_rnnkit_knows_no_recipe_by_name():
    for file, _ in imports("rnnkit"):
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
        assert not (set(catalog.names()) - WORDS) & {text for text in texts if isinstance(text, str)}, file
        verbs = {f"catalog.{verb}" for verb in ("load", "find", "describe")}
        asked = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) in verbs]
        assert not [node for node in asked for given in node.args if isinstance(given, ast.Constant)], file


def test_layers_import_keras_tensorflow_numpy_and_each_other_only():
    allowed = {"keras", "tensorflow", "numpy", "scipy"}
    inner = 0
    for top in ("layers", "decoding"):
        if not (ROOT / "rnnkit" / top).is_dir():
            continue
        for file, modules in imports(f"rnnkit/{top}"):
            for module in modules:
                # A picture of the gradients is drawn only when asked for.
                draws = file.name == "gradient_flow.py" and module.startswith("matplotlib.figure")
                known = draws or module.split(".")[0] in allowed | sys.stdlib_module_names
                inner += module.startswith("rnnkit.")
                assert known or module.startswith(("rnnkit.layers", "rnnkit.decoding")), f"{file}: {module}"
    assert inner


def test_recipes_import_rnnkit_but_no_other_recipe():
    for file, modules in imports("recipes"):
        assert not [module for module in modules if module.startswith(("rnnkit.recipes", "recipes"))], file


LIGHT = """
import contextlib, io, sys
from rnnkit.cli import main
import rnnkit
with contextlib.redirect_stdout(io.StringIO()) as out:
    assert main([{arguments}]) == 0
assert out.getvalue()
heavy = {{"tensorflow", "keras", "pandas", "sklearn", "matplotlib"}} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize("arguments", ["'--help'", "'list'", "'--version'", "'list', '--json'"])
def test_light_verbs_import_nothing_heavy(arguments, tmp_path):
    command = [sys.executable, "-c", LIGHT.format(arguments=arguments)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
