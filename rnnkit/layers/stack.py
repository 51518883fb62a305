"""Recurrent stacks: a sequence -> one output per step, in one or two directions, any depth."""

from collections.abc import Mapping

import keras

from rnnkit.layers.parallel import LRU, MinGRU, MinLSTM
from rnnkit.layers.recurrent import GRU, LSTM, SimpleRNN

CELLS = {"lstm": LSTM, "gru": GRU, "simple": SimpleRNN}
PARALLEL_CELLS = {"mingru": MinGRU, "minlstm": MinLSTM, "lru": LRU}
"""Cells that read all steps at once: their gates don't see the state."""
INITIALIZERS = {"glorot": "glorot_uniform", "he": "he_uniform", "orthogonal": "orthogonal", "identity": "identity"}


def recurrent_stack(
    x,
    *,
    cell="lstm",
    units=64,
    depth=1,
    bidirectional=True,
    residual=False,
    layer_normalization=False,
    activation="tanh",
    kernel_initializer="glorot",
    recurrent_initializer="orthogonal",
    dropout=0.0,
    variational_dropout=0.0,
    recurrent_weight_dropout=0.0,
    l1=0.0,
    l2=0.0,
    last_units=0,
    states=None,
    name="recurrent",
):
    """Applies `depth` recurrent layers, each over the outputs of the one below.

    Args:
        x: `(batch, time, features)`; its Keras mask, if any, is kept. A masked step carries
            the state over unchanged, so padding on either side never matters.
        cell: Key of `CELLS`, or of `PARALLEL_CELLS`, which have no activation, initializers nor dropout of
            recurrent weights to choose; on long sequences they train fastest.
        units: Size of the state in each direction.
        depth: Number of layers.
        bidirectional: Also read backwards; the outputs of both directions are joined.
        residual: Add a layer's input to its output where their sizes agree (He et al. 2015).
        layer_normalization: Normalise each layer's output (Ba et al. 2016).
        activation: `tanh`, or `relu`, which the identity start suits (Le et al. 2015,
            https://arxiv.org/abs/1504.00941).
        kernel_initializer: Key of `INITIALIZERS`, for the input weights.
        recurrent_initializer: Key of `INITIALIZERS`, for the recurrent weights.
        dropout: Share dropped between layers.
        variational_dropout: Share of a layer's input features dropped, the same ones at
            every step (Gal & Ghahramani 2016, https://arxiv.org/abs/1512.05287).
        recurrent_weight_dropout: Share of the recurrent weights dropped once per batch
            (Merity et al. 2017, https://arxiv.org/abs/1708.02182).
        l1: Penalty on the absolute values of both kernels.
        l2: Penalty on the squares of both kernels.
        last_units: Size of the last layer's state; 0: `units`.
        states: Of one direction, where the sequence goes on from an earlier one: a list of each layer's states
            before the first step, `(batch, …)` each, sized as `state_sizes` says.
        name: Start of the layers' names.

    Returns:
        `(batch, time, units)`, or `(batch, time, 2 * units)` in two directions. With
        `depth` 0 it is `x`. With `states`, also a list of each layer's states after the last step.

    Raises:
        ValueError: What `check_cell` refuses; or states of two directions.
    """
    check_cell(cell, activation, recurrent_weight_dropout)
    penalty = keras.regularizers.L1L2(l1, l2) if l1 or l2 else None
    if cell in PARALLEL_CELLS:
        kind, further = PARALLEL_CELLS[cell], {"kernel_regularizer": penalty}
    else:
        kind, further = (
            CELLS[cell],
            {
                "activation": activation,
                "kernel_initializer": INITIALIZERS[kernel_initializer],
                "recurrent_initializer": INITIALIZERS[recurrent_initializer],
                "kernel_regularizer": penalty,
                "recurrent_regularizer": penalty,
                "weight_dropout": recurrent_weight_dropout,
            },
        )
    if states is not None and bidirectional:
        raise ValueError(
            "What is read backwards can't go on from an earlier sequence. Leave states out, or set bidirectional=False."
        )
    after = []
    for level in range(1, depth + 1):
        if variational_dropout:
            x = keras.layers.SpatialDropout1D(variational_dropout, name=f"{name}_{level}_variational")(x)
        elif dropout and level > 1:
            x = keras.layers.Dropout(dropout, name=f"{name}_{level}_dropout")(x)
        size = last_units if last_units and level == depth else units
        layer = kind(
            size, return_sequences=True, return_state=states is not None, name=f"{name}_{level}_{cell}", **further
        )
        if states is not None:
            y, *new = layer(x, initial_state=states[level - 1])
            after.append(new)
        else:
            y = keras.layers.Bidirectional(layer, name=f"{name}_{level}")(x) if bidirectional else layer(x)
        if residual and y.shape[-1] == x.shape[-1]:
            y = keras.layers.Add(name=f"{name}_{level}_residual")([x, y])
        if layer_normalization:
            y = keras.layers.LayerNormalization(name=f"{name}_{level}_normalization")(y)
        x = y
    return x if states is None else (x, after)


def state_sizes(*, cell="lstm", units=64, depth=1, last_units=0) -> list[list[int]]:
    """Returns the sizes of each layer's states, as `recurrent_stack` takes them; an LSTM has two a layer."""
    sizes = []
    for level in range(1, depth + 1):
        size = last_units if last_units and level == depth else units
        kept = (CELLS | PARALLEL_CELLS)[cell](size).cell.state_size
        sizes.append(list(kept) if isinstance(kept, (list, tuple)) else [kept])
    return sizes


def state_names(**stack) -> dict[str, int]:
    """Returns the sizes of the states by name: `state_1_1`, the first of the first layer, and so on.

    Args:
        stack: As for `state_sizes`.
    """
    return {
        f"state_{level}_{place}": size
        for level, sizes in enumerate(state_sizes(**stack), 1)
        for place, size in enumerate(sizes, 1)
    }


def by_level(states: Mapping) -> list[list]:
    """Returns states by the names of `state_names`, in their order, as `recurrent_stack` takes them."""
    levels = {}
    for name, state in states.items():
        levels.setdefault(name.rpartition("_")[0], []).append(state)
    return list(levels.values())


def check_cell(cell: str, activation: str = "tanh", recurrent_weight_dropout: float = 0.0) -> None:
    """Raises ValueError for an unknown cell, or settings that a parallel one does not have."""
    if cell not in CELLS | PARALLEL_CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS | PARALLEL_CELLS)}. Got {cell!r}.")
    if cell in PARALLEL_CELLS:
        given = {"activation": (activation, "tanh"), "recurrent_weight_dropout": (recurrent_weight_dropout, 0.0)}
        for name, (value, usual) in given.items():
            if value != usual:
                raise ValueError(
                    f"Cell {cell!r} has no {name}: its gates do not see the state. Got {value!r}. "
                    f"Leave it out, or take one of {', '.join(CELLS)}."
                )
