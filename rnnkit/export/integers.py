"""Integers: a SavedModel and rows of data -> a TFLite file whose activations are int8 too; run as a script.

python integers.py FOLDER SIGNATURE CALIBRATION.npz MODEL.tflite
"""

import pathlib
import sys


def main(folder, signature, calibration, result):
    """Converts the signature of the SavedModel in `folder`; entries of `calibration` are called `row/input`."""
    import numpy as np
    import tensorflow as tf

    rows = {}
    for name, value in np.load(calibration).items():
        place, name = name.split("/", 1)
        rows.setdefault(place, {})[name] = value
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[signature])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter([(signature, row) for row in rows.values()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    pathlib.Path(result).write_bytes(converter.convert())


if __name__ == "__main__":
    main(*sys.argv[1:])
