"""Quiet: TensorFlow imported without the lines its C++ part writes to stderr before logging can be set."""

import contextlib
import os
import sys
import tempfile


def import_tensorflow() -> None:
    """Imports TensorFlow; what it writes to stderr meanwhile is shown only if it fails."""
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _stderr_held_back():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def _stderr_held_back():
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except (ImportError, OSError):
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
