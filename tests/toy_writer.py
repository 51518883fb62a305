"""A language model of characters, some of several bytes, trained for a moment; not to be changed."""

import rnnkit
from rnnkit.predicting.writing_on import write_on

SIZES = {"units": 7, "embedding_units": 5, "batch_size": 3, "window": 11, "epochs": 1, "learning_rate": 0.03}


def made_writer(made_once, tmp_path_factory):
    """Trains it, or takes the one that was made before."""
    lines = [f"Zoë {verb} the {noun} 猫{end}" for verb in ("saw", "fed") for noun in "abcde" for end in ".!?"]

    def make(out):
        data = tmp_path_factory.mktemp("data") / "lines.txt"
        data.write_text("\n".join(lines * 9), encoding="utf-8")
        how = {"written": 9, "temperature": 0.9, "ngram_order": 2, "stop": "qq|\\n"}
        return rnnkit.run("language_model", data=data, out=out, bundle="writer", **SIZES, **how)

    return made_once("writer", make)


def seed_of_a_long_text(bundle, prompt, **how):
    """Finds a seed by which the model doesn't end at once."""
    return next(seed for seed in range(99) if len("".join(write_on(bundle, prompt, seed=seed, **how))) > 20)
