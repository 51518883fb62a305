"""The flatbuffer of a TFLite file: names of its ops; bounds of LSTM's cells that the converter adds, taken off."""

import struct
from collections.abc import Iterator

UNBOUNDED = 0.0
CELL_CLIP = 6
"""Where the field of that name stands in the table of UnidirectionalSequenceLSTMOptions."""


def ops(content: bytes) -> tuple[str, ...]:
    """Names the ops of a TFLite file, those inside of its loops too, sorted; a custom op by its own name."""
    from ai_edge_litert import schema_py_generated as schema

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    model = schema.Model.GetRootAs(content)
    codes = [model.OperatorCodes(place) for place in range(model.OperatorCodesLength())]
    # Numbers up to 127 stand in the older field.
    found = {code.CustomCode() or names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] for code in codes}
    return tuple(sorted(name.decode() if isinstance(name, bytes) else name for name in found))


def unbounded_cells(content: bytes) -> bytes:
    """Lets the cells of fused LSTMs grow as they do in Keras.

    The converter (TensorFlow 2.21) writes `cell_clip` 10 into each fused LSTM that it makes of a Keras one, whose cells
    have no such bound: from the step on at which a cell passes 10, what the file answers is another thing.

    Args:
        content: A TFLite file.

    Returns:
        The same file, with 0, which is no bound, in these fields.
    """
    changed = bytearray(content)
    for options in _lstm_options(content):
        if place := options.Offset(CELL_CLIP):
            struct.pack_into("<f", changed, options.Pos + place, UNBOUNDED)
    return bytes(changed)


def _lstm_options(content: bytes) -> Iterator:
    """Yields the tables of options of all fused LSTMs."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for op in map(graph.Operators, range(graph.OperatorsLength())):
            if op.BuiltinOptionsType() == schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions:
                yield op.BuiltinOptions()
