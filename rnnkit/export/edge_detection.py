"""Detectors on a device: a detector -> plain files and one signature by which run_detection.py answers row by row."""

import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.detecting.detector import ANSWERS, STATE, Detector
from rnnkit.detecting.features import read_rows
from rnnkit.export import edge_series
from rnnkit.export.edge import Edge, Parts

SCRIPT = pathlib.Path(__file__).with_name("run_detection.py")
SIGNATURE = "step"
EXAMPLE_ROWS = 32
"""Rows of a series that int8 may be calibrated by."""


def detection_edge(detector: Detector) -> Edge:
    """Describes what a detector needs on a device.

    Args:
        detector: As it is served.
    """
    part = _Part(detector)
    row = [1, None, detector.sensors]
    return Edge(
        # Compiled, for step by step in Python a series takes a hundred times as long.
        function=tf.function(detector.detect, autograph=False, reduce_retracing=True),
        inputs=(tf.TensorSpec(row[:2], tf.string, "time"), tf.TensorSpec(row, tf.float32, "values")),
        files=_files(detector),
        script=SCRIPT,
        padded=False,
        parts=Parts({SIGNATURE: part.signature()}, part.examples),
    )


class _Part:
    """One row and the states in, its answer and the states out, without stamps."""

    def __init__(self, detector):
        self.detector = detector
        self.states = {STATE.format(name): name for name in detector.begun}

    def signature(self):
        detector = self.detector
        row = [1, detector.sensors]
        specs = [tf.TensorSpec(row, tf.float32, name) for name in ("values", "known")]
        specs.append(tf.TensorSpec([1], tf.float32, "steps"))
        if "usual" in detector.begun:
            specs.append(tf.TensorSpec([1], tf.int32, "place"))
        if detector.facts["calendar"]:
            specs.append(tf.TensorSpec([1, detector.facts["calendar"]], tf.float32, "calendar"))
        for state, name in self.states.items():
            kind = tf.int32 if name == "rows" else tf.float32
            specs.append(tf.TensorSpec([1, *np.shape(detector.begun[name])], kind, state))
        names = [spec.name for spec in specs]

        def step(*given, **named):
            return self.step({**dict(zip(names, given, strict=False)), **named})

        return Signature(step, tuple(specs))

    def step(self, given: Mapping):
        states = {name: given[state] for state, name in self.states.items()}
        own = {name: tensor for name, tensor in given.items() if name not in self.states}
        answers, after = self.detector.advance(own, states)
        return {**answers, **{state: after[name] for state, name in self.states.items()}}

    def examples(self, rows: Iterable[Mapping]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Yields the first rows of each series, with the states that come to them."""
        names = [spec.name for spec in self.signature().inputs]
        for row in rows:
            seconds, _ = self.detector.clock(tf.constant(row["time"]))
            own = read_rows(self.detector.features.layers, seconds, tf.constant(row["values"]))
            states = {state: self.detector.begin(1)[name] for state, name in self.states.items()}
            for place in range(min(seconds.shape[1], EXAMPLE_ROWS)):
                given = {name: tensor[:, place] for name, tensor in own.items()} | {"steps": tf.ones([1])} | states
                given = {name: given[name] for name in names}
                yield SIGNATURE, {name: tensor.numpy() for name, tensor in given.items()}
                states = {state: tensor for state, tensor in self.step(given).items() if state in self.states}


def _files(detector):
    layers = {layer.name: layer for layer in detector.features.layers}
    means, spreads = (np.asarray(column, np.float64).tolist() for column in detector.scale.columns)
    how = {
        "sensors": detector.sensors,
        "names": layers["sensors"].names,
        "means": means,
        "spreads": spreads,
        "clock": layers["clock"].how,
        "calendar": layers["calendar"].names if "calendar" in layers else [],
        "period": detector.facts["period"],
        "season": detector.facts["season"],
        "threshold": detector.chain.threshold,
        "states": [STATE.format(name) for name in detector.begun],
        "answers": list(ANSWERS),
    }
    text = json.dumps(how, ensure_ascii=False, separators=(",", ":"))
    script = edge_series.SCRIPT
    return {"preparation.json": f"{text}\n", script.name: script.read_text("utf-8")}
