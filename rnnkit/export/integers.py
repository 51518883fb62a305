"""Integers: a SavedModel and rows of data -> a TFLite file whose activations are int8 too; run as a script.

python integers.py FOLDER CALIBRATION.npz MODEL.tflite
"""

import pathlib
import sys


def main(folder, calibration, result):
    """Converts those signatures of the SavedModel in `folder` whose rows `calibration` has: `signature/row/input`."""
    import numpy as np
    import tensorflow as tf

    rows = {}
    for name, value in np.load(calibration).items():
        signature, place, name = name.split("/", 2)
        rows.setdefault((signature, place), {})[name] = value
    names = list(dict.fromkeys(signature for signature, _ in rows))
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=names)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ((name, row) for (name, _), row in rows.items())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    pathlib.Path(result).write_bytes(converter.convert())


if __name__ == "__main__":
    main(*sys.argv[1:])
