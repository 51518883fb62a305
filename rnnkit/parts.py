"""Parts: bundle -> the preparation and the core that it was made of, to export it or to train it further."""

import keras

from rnnkit import keras_files
from rnnkit.bundle import Bundle
from rnnkit.recipe import Preparation, Recipe
from rnnkit.settings import from_mapping
from rnnkit.training.precision import precision

PARTS = ("core", "features", "target")


def load_parts(bundle: Bundle, recipe: Recipe) -> tuple[Preparation, keras.Model]:
    """Loads what a bundle was made of; the core in float32, whatever it was trained in.

    Layers may be those of Keras, of rnnkit, and of the package that the recipe is in.

    Raises:
        ValueError: A part is missing or damaged, or holds what could run code.
    """
    _ = bundle.verified
    packages = {function.__module__.partition(".")[0] for function in (recipe.build, recipe.prepare, recipe.settings)}
    parts = {}
    for name in PARTS:
        path = bundle.path / "training" / f"{name}.keras"
        if not path.is_file():
            raise ValueError(f"The bundle {bundle.path} lacks training/{name}.keras. Run the recipe again.")
        parts[name] = keras_files.load_model(path, packages=packages)
    facts, features = bundle.card["facts"], parts["features"]
    sequences, labels = tuple(features.output), tuple(bundle.card["labels"])
    core = parts["core"]
    if any(layer.compute_dtype not in ("float32", "int32", "string") for layer in core._flatten_layers()):
        with precision("float32"):
            whole = recipe.build(facts, from_mapping(recipe.settings, bundle.card["settings"]))
        whole.set_weights(core.get_weights())
        core = whole
    return Preparation(features, parts["target"], facts, sequences, labels), core
