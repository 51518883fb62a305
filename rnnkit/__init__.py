"""rnnkit: recurrent networks from raw data to a served model, one recipe per application.

bundle = rnnkit.run("sentiment", data=frame, columns={"text": "review"}, units=128)
bundle.predict(["a joy from start to finish"])
rnnkit.finetune(bundle, other_frame).card["parent"]
rnnkit.load("saved_models/sentiment").card["scores"]
"""

import importlib

_WHERE = {
    "check": "rnnkit.verbs",
    "run": "rnnkit.verbs",
    "finetune": "rnnkit.verbs",
    "evaluate": "rnnkit.verbs",
    "predict": "rnnkit.verbs",
    "load": "rnnkit.bundle",
    "Bundle": "rnnkit.bundle",
}
__all__ = list(_WHERE)


def __getattr__(name):
    # Looked up late, so that `import rnnkit` and the light verbs need no TensorFlow.
    if name not in _WHERE:
        raise AttributeError(f"module 'rnnkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__():
    return __all__
