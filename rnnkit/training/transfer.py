"""Transfer: a trained core's weights -> a freshly built one, by name, mixed where what they stand for has changed."""

import math
from typing import TYPE_CHECKING

import keras
import numpy as np
import scipy.sparse

from rnnkit.features.words import RESERVED, Words
from rnnkit.messages import few_of
from rnnkit.training.stages import encoder

if TYPE_CHECKING:
    from rnnkit.recipe import Parent, Preparation, Recipe

UNCLEAR = "?"


def carry(
    recipe: "Recipe", settings, parent: "Parent", preparation: "Preparation", core: keras.Model
) -> tuple[str, ...]:
    """Puts the parent's weights into `core`, layer by layer by name.

    An axis that stands for a fact in `preparation.carried`, such as `classes`, is multiplied by
    its matrix; what stands for an item with an empty row keeps its value. Which axes these are
    is told from a second core built with other facts: only axes as long as the fact itself can
    be, and a weight with an axis of another length that depends on such a fact keeps its
    values, unless the fact is as it was. So do weights that fit in no way, and the layers in
    `preparation.initial`.

    Args:
        recipe, settings: By which `core` was built.
        parent: From which to take.
        preparation: The child's.
        core: Freshly built; changed in place.

    Returns:
        One-line notes on what was taken and what begins anew.
    """
    carried = {fact: matrix.tocsr() for fact, matrix in preparation.carried.items() if not _is_identity(matrix)}
    here, there = weights_by_path(core), weights_by_path(parent.core)
    axes = _axes(recipe, settings, preparation.facts, carried, here)
    taken, anew = {}, {}
    for path, weight in here.items():
        layer = path[0]
        if layer in preparation.initial:
            continue
        reason = _misfit(weight, there.get(path), axes[path], carried)
        if reason:
            anew.setdefault(layer, reason)
        else:
            weight.assign(_mapped(there[path].numpy(), weight.numpy(), axes[path], carried))
            taken[layer] = None
    return tuple(_notes(parent, taken, anew, carried))


def weights_by_path(layer: keras.layers.Layer, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], keras.Variable]:
    """Returns all weights by the names of the layers they are in and their own.

    Within a layer that is no model parts go by their place, since Keras numbers their names.
    """
    parts = layer._flatten_layers(include_self=False, recursive=False)
    parts = [part for part in parts if part.weights]
    inner = {id(weight) for part in parts for weight in part.weights}
    found = {(*path, weight.name): weight for weight in layer.weights if id(weight) not in inner}
    named = isinstance(layer, keras.Model)
    for place, part in enumerate(parts):
        found |= weights_by_path(part, (*path, part.name if named else str(place)))
    return found


def _is_identity(matrix):
    rows, columns = matrix.shape
    return rows == columns and (matrix != scipy.sparse.identity(rows, format="csr")).nnz == 0


def _axes(recipe, settings, facts, carried, here):
    """Returns for each weight the fact each axis stands for, None where none, `UNCLEAR` where that can't be told."""
    if not carried:
        return {path: (None,) * len(weight.shape) for path, weight in here.items()}
    sizes = {}
    for fact in carried:
        sizes[fact] = _prime_above(facts[fact], {*facts.values(), *sizes.values()})
    probe = weights_by_path(recipe.build({**facts, **sizes}, settings))
    axes = {}
    for path, weight in here.items():
        other = probe[path].shape if path in probe else ()
        if len(other) != len(weight.shape):
            axes[path] = (UNCLEAR,) * len(weight.shape)
            continue
        axes[path] = tuple(
            None
            if size == probed
            else next((fact for fact in sizes if (size, probed) == (facts[fact], sizes[fact])), UNCLEAR)
            for size, probed in zip(weight.shape, other, strict=True)
        )
    return axes


def _prime_above(size, taken):
    """Returns the next prime that is none of `taken`: near, so that what suits the size suits it too."""
    while True:
        size += 1
        if size not in taken and all(size % divisor for divisor in range(2, math.isqrt(size) + 1)):
            return size


def _misfit(weight, old, axes, carried):
    """Returns why a weight can't be taken, empty where it can."""
    if old is None:
        return "not in the parent"
    expected = tuple(
        carried[fact].shape[1] if fact in carried else size for size, fact in zip(weight.shape, axes, strict=True)
    )
    if tuple(old.shape) != expected:
        return f"{tuple(weight.shape)} here, {tuple(old.shape)} in the parent"
    if UNCLEAR in axes:
        return f"{tuple(weight.shape)} depends on {few_of(sorted(carried))} in a way that can't be told"
    return ""


def _mapped(old, fresh, axes, carried):
    new, known = old, np.ones((1,) * old.ndim, bool)
    for axis, fact in enumerate(axes):
        if fact is None:
            continue
        matrix = carried[fact]
        first = np.moveaxis(new, axis, 0)
        mixed = matrix.astype(old.dtype) @ first.reshape(len(first), -1)
        new = np.moveaxis(mixed.reshape(-1, *first.shape[1:]), 0, axis)
        present = np.diff(matrix.indptr) > 0
        known = known & present.reshape([-1 if place == axis else 1 for place in range(old.ndim)])
    return np.where(known, new, fresh)


def _notes(parent, taken, anew, carried):
    whole = [layer for layer in taken if layer not in anew]
    if whole:
        yield f"taken from {parent.bundle.path}: {', '.join(whole)}."
    for layer, reason in anew.items():
        yield f"begins anew{' in part' if layer in taken else ''}: {layer}, {reason}."
    for fact, matrix in carried.items():
        yield f"{fact}: {_counted(matrix)}."


def _counted(matrix):
    counts = np.diff(matrix.indptr)
    # The first to be nothing but one of the parent's is that one; others only begin as it.
    same = [
        start for start, count in zip(matrix.indptr, counts, strict=False) if count == 1 and matrix.data[start] == 1
    ]
    kept = len(set(matrix.indices[same]))
    parts = {
        "as in the parent": kept,
        "begun from others of the parent's": int((counts > 0).sum()) - kept,
        "anew": int((counts == 0).sum()),
        "of the parent's left out": matrix.shape[1] - len(set(matrix.indices)),
    }
    return ", ".join(f"{count:,} {how}" for how, count in parts.items() if count)


def take_encoder(
    core: keras.Model,
    preparation: "Preparation",
    source_core: keras.Model,
    source_preparation: "Preparation",
    name: str,
) -> tuple[str, ...]:
    """Puts the embedding and the recurrent layers of another model into `core` wherever names and shapes fit.

    The embedding of words goes by word. A layer in one direction fits the forward half of one
    in two, and the other way round. Layers behind the last recurrent one stay as they are.

    Args:
        core, preparation: What is to be trained; `core` is changed in place.
        source_core, source_preparation: From which to take.
        name: What the source is called in messages.

    Returns:
        A line on what was taken, and one on what was not, and why.

    Raises:
        ValueError: Nothing fits.
    """
    words = [_words(prepared.features) for prepared in (preparation, source_preparation)]
    sources = {layer.name: layer for layer in encoder(source_core)}
    taken, left = [], []
    for layer in encoder(core):
        try:
            if _is_of_words(layer, preparation, words[0]):
                taken.append(_take_words(layer, words, source_preparation, sources))
            else:
                taken.append(_take_layer(layer, sources))
        except _Misfit as misfit:
            left.append(f"{layer.name}: {misfit}")
    if not taken:
        raise ValueError(
            f"Nothing of {name} fits this model: {'; '.join(left)}. "
            "Give --encoder-from a bundle of texts, or make the sizes the same."
        )
    lines = [f"taken from {name}: {'; '.join(taken)}."]
    return (*lines, f"not taken from {name}: {'; '.join(left)}.") if left else tuple(lines)


class _Misfit(Exception):
    """Why a layer can't be taken."""


def _words(features):
    return next((layer for layer in features._flatten_layers() if isinstance(layer, Words)), None)


def _is_of_words(layer, preparation, words):
    size = preparation.facts.get("vocabulary")
    return words is not None and isinstance(layer, keras.layers.Embedding) and layer.input_dim == size


def _take_words(layer, words, source_preparation, sources):
    mine, theirs = words
    if theirs is None:
        raise _Misfit("no words there")
    embeddings = [other for other in sources.values() if _is_of_words(other, source_preparation, theirs)]
    source = next((other for other in embeddings if other.name == layer.name), next(iter(embeddings), None))
    if source is None:
        raise _Misfit("not there")
    if source.output_dim != layer.output_dim:
        raise _Misfit(f"{layer.output_dim} units here, {source.output_dim} there")
    places = {word: place for place, word in enumerate(theirs.vocabulary, len(RESERVED))}
    pairs = [(row, places[word]) for row, word in enumerate(mine.vocabulary, len(RESERVED)) if word in places]
    if not pairs:
        raise _Misfit("no word in common")
    rows, from_rows = (np.array([*RESERVED, *side]) for side in zip(*pairs, strict=True))
    (values,), (other,) = layer.get_weights(), source.get_weights()
    values[rows] = other[from_rows]
    layer.set_weights([values])
    return f"{layer.name}: {len(pairs):,} of {len(mine.vocabulary):,} words"


def _take_layer(layer, sources):
    both = isinstance(layer, keras.layers.Bidirectional)
    inside = layer.forward_layer if both else layer
    source, half = sources.get(layer.name), ""
    if source is None and both:
        source, layer, half = sources.get(inside.name.removeprefix("forward_")), inside, ", the forward direction"
    elif source is None:
        halves = {other.forward_layer.name: other for other in sources.values() if _is_bidirectional(other)}
        source = halves.get(f"forward_{layer.name}")
        source, half = source and source.forward_layer, ", from the forward direction"
    if source is None:
        raise _Misfit("not there")
    kinds = [_kind(part) for part in (layer, source)]
    if kinds[0] != kinds[1]:
        raise _Misfit(f"{kinds[0]} here, {kinds[1]} there")
    for mine, theirs in zip(layer.weights, source.weights, strict=False):
        if mine.shape != theirs.shape:
            raise _Misfit(f"{tuple(mine.shape)} here, {tuple(theirs.shape)} there")
    if len(layer.weights) != len(source.weights):
        raise _Misfit(f"{len(layer.weights)} weights here, {len(source.weights)} there")
    layer.set_weights(source.get_weights())
    return f"{layer.name.removeprefix('forward_') if half else layer.name}: all{half}"


def _is_bidirectional(layer):
    return isinstance(layer, keras.layers.Bidirectional)


def _kind(layer):
    return type(layer.forward_layer if _is_bidirectional(layer) else layer).__name__
