"""Exchange: a model with Keras' recurrent layers <-> the same model, same weights, with rnnkit's."""

import keras

from rnnkit.layers.recurrent import GRU, LSTM, SimpleRNN

KINDS = {kind.__name__: kind for kind in (LSTM, GRU, SimpleRNN)}


def accelerated(model: keras.Model, **settings) -> keras.Model:
    """Copies a model with every LSTM, GRU and SimpleRNN of Keras replaced by rnnkit's.

    Layers inside others (Bidirectional, TimeDistributed, nested models) are replaced too;
    subclasses are not. Weights are copied; a compiled model is compiled again, with its
    optimizer's state new.

    Args:
        model: Functional, Sequential, or any that Keras can serialise.
        settings: Further arguments of the new layers, such as `checkpoint_every=64`.

    Raises:
        LookupError: The model has no such layer.
    """
    theirs = {f"keras.layers>{name}": kind for name, kind in KINDS.items()}
    return _replaced(model, theirs, "LSTM, GRU or SimpleRNN of Keras", lambda config: {**config, **settings})


def stock(model: keras.Model) -> keras.Model:
    """Copies a model with rnnkit's LSTM, GRU and SimpleRNN replaced by Keras'.

    Its `.keras` file is read by Keras alone, without rnnkit. What only rnnkit's layers know
    (`weight_dropout`, `checkpoint_every`, ...) matters in training alone and is left out.

    Raises:
        LookupError: The model has no such layer.
    """
    ours = {f"{kind.__module__}>{name}": getattr(keras.layers, name) for name, kind in KINDS.items()}
    known = set(keras.layers.LSTM(1).get_config()) | set(keras.layers.GRU(1).get_config())
    return _replaced(
        model, ours, "LSTM, GRU or SimpleRNN of rnnkit", lambda config: {k: v for k, v in config.items() if k in known}
    )


def _replaced(model, kinds, sought, changed):
    found = []

    def walk(value):
        if isinstance(value, (list, tuple)):
            return type(value)(walk(each) for each in value)
        if not isinstance(value, dict):
            return value
        kind = kinds.get(f"{value.get('module')}>{value.get('class_name')}")
        value = {name: walk(each) for name, each in value.items()}
        if kind is None:
            return value
        found.append(kind)
        twin = keras.saving.serialize_keras_object(kind(1))
        return {
            **value,
            **{name: twin[name] for name in ("module", "registered_name")},
            "config": changed(value["config"]),
        }

    config = walk(keras.saving.serialize_keras_object(model))
    if not found:
        raise LookupError(f"{model.name!r} has no {sought}; it holds {_kinds(model)}.")
    copy = keras.saving.deserialize_keras_object(config)
    copy.set_weights(model.get_weights())
    return copy


def _kinds(model):
    return (
        ", ".join(sorted({type(layer).__name__ for layer in model._flatten_layers(include_self=False)})) or "no layer"
    )
