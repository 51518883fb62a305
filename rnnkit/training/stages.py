"""Stages: the layers of a core in the order in which they read, so that each can be trained at its own pace."""

import keras

NORMALIZATIONS = (
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
)


def stages(core: keras.Model) -> list[list[keras.layers.Layer]]:
    """Groups the layers with trainable weights, from the input to the output.

    All layers before the first recurrent one, such as the embeddings of words and of letters,
    are the first stage; each recurrent layer is one, with what leads from it to the next, and
    its normalisation; all others, from which no recurrent layer is reached, such as pooling and
    heads, are the last. Recurrent layers side by side share a stage. Layers within a layer that
    holds a model, as `layers.Segments` does, count as if they stood outside.
    """
    grouped = {}
    for layer, level in _levels(core).values():
        if layer.trainable_weights:
            grouped.setdefault(level, []).append(layer)
    return [grouped[level] for level in sorted(grouped)]


def encoder(core: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers with weights, trainable or not, up to the last recurrent one; its normalisation too."""
    placed = _levels(core)
    last = max((level for _, level in placed.values()), default=0)
    return [layer for layer, level in placed.values() if level < last]


def layers_of_stages(core: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers with weights, trainable or not, in order; those inside others instead of these."""
    return [layer for layer, _ in _levels(core).values()]


def is_recurrent(layer: keras.layers.Layer) -> bool:
    """Says whether a layer is a recurrent one, or holds one, as `Bidirectional` does."""
    return any(isinstance(part, keras.layers.RNN) for part in layer._flatten_layers())


def _levels(core):
    """Returns the layers with weights and the number of each one's stage, by their ids."""
    graph = {}
    _trace(core, [], graph)
    levels, leading = {}, set()
    for key, (layer, before) in graph.items():
        # A layer met twice stays where it reads first.
        levels[key] = max((levels.get(id(other), 0) for other in before), default=0) + is_recurrent(layer)
    for key, (layer, before) in reversed(graph.items()):
        if is_recurrent(layer) or key in leading:
            leading |= {id(other) for other in before}
    head = max(levels.values(), default=0) + 1
    for key, (layer, before) in graph.items():
        normalizes = isinstance(layer, NORMALIZATIONS) and any(is_recurrent(other) for other in before)
        if not (is_recurrent(layer) or normalizes or key in leading):
            levels[key] = head
    return {key: (layer, levels[key]) for key, (layer, _) in graph.items()}


def _trace(model, entering, graph):
    """Notes the layers with weights, in order, each with those before it; returns those before the outputs."""
    leaving = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            before = [layer for other in node.parent_nodes for layer in leaving[id(other.operation)]]
            leaving[id(node.operation)] = _step(node.operation, before if node.parent_nodes else entering, graph)
    return [layer for output in model.outputs for layer in leaving[id(output._keras_history.operation)]]


def _step(operation, before, graph):
    if not isinstance(operation, keras.layers.Layer):
        return before
    parts = [operation, *operation._flatten_layers(include_self=False, recursive=False)]
    inner = next((part for part in parts if isinstance(part, keras.Model)), None)
    if inner is not None:
        return _trace(inner, before, graph)
    if not operation.weights:
        return before
    graph.setdefault(id(operation), (operation, []))[1].extend(before)
    return [operation]
