"""A model of the sample's tunes, trained until it knows more than a Markov chain; not to be changed."""

import rnnkit

SIZES = {"units": 48, "embedding_units": 24, "attention_units": 16, "bars_back": 8, "events_back": 128}
TRAINED = {**SIZES, "epochs": 6, "batch_size": 8, "window": 64, "learning_rate": 0.012, "bars": 4}


def made_composer(made_once):
    """Trains it, or takes the one that was made before."""
    return made_once("tunes", lambda out: rnnkit.run("music", out=out, bundle="tunes", **TRAINED))
