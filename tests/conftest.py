"""Quiet TensorFlow, and the folder of real data sets."""

import os
import pathlib

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real data sets; skips the test where RNNKIT_DATA isn't set."""
    folder = os.environ.get("RNNKIT_DATA")
    if not folder:
        pytest.skip("RNNKIT_DATA is not set: it names the folder of real data sets")
    return pathlib.Path(folder)
