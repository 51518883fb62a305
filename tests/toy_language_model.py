"""A language model that nobody trained, whose weights are large enough to have opinions."""

import dataclasses

import keras
import numpy as np

from rnnkit.language.core import build_language_model
from rnnkit.language.generator import generator_of
from rnnkit.language.settings import GeneratingSettings, LanguageSettings, TokenSettings
from rnnkit.language.units import learn_units
from rnnkit.layers.embedding import END
from rnnkit.recipe import Preparation
from rnnkit.settings import RecurrentSettings, setting

TEXTS = [
    "The cat's hat, 'tis a hat.\n",
    "the mat sat; a cat sat on the mat\t\n",
    "née Ännchen 🙂 Ας",
    "[end] of [start]",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TokenSettings, RecurrentSettings, LanguageSettings, GeneratingSettings):
    """All that a language model needs."""

    bidirectional: bool = setting(False, "Not here.")
    units: int = setting(5, "State size.")
    embedding_units: int = setting(7, "Size of a vector.")
    seed: int = setting(0, "Of what is drawn.")


def language_model(texts=TEXTS, scale=0.6, **how):
    """Returns the generator and its core; `how` are settings."""
    how = Settings(**how)
    units = learn_units([texts], how)
    text = keras.Input((), dtype="string", name="text")
    features = keras.Model({"text": text}, {"ids": units.layer(text)})
    core = build_language_model({"vocabulary": units.size}, how)
    random = np.random.default_rng(3)
    for weight in core.trainable_weights:
        drawn = random.normal(0, scale, weight.shape)
        if weight.shape == (units.size,):
            # Seldom, so that there is a text to compare.
            drawn[END] -= 2
        weight.assign(drawn)
    return generator_of(Preparation(features, None, {}, ("ids",)), core, how), core


def written(folder, edge):
    """Writes what stands beside the model."""
    folder.mkdir(exist_ok=True)
    for name, text in edge.files.items():
        (folder / name).write_bytes(text.encode())
    (folder / "run.py").write_bytes(edge.script.read_bytes())
    return folder
