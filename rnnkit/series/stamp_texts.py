"""Stamp texts: seconds -> ISO 8601, as the served model takes it."""

import numpy as np


def stamp_text(seconds: np.ndarray, zone: str = "") -> np.ndarray:
    """Returns stamps as `2016-07-01 00:00:00`, bytes of type S; with a zone as `…+00:00`."""
    texts = np.datetime_as_string(np.asarray(seconds, np.int64).astype("datetime64[s]")).astype("S19")
    letters = texts.view(np.uint8).reshape(*texts.shape, 19)
    letters[..., 10] = ord(" ")
    if not zone:
        return texts
    offset = np.broadcast_to(np.frombuffer(b"+00:00", np.uint8), (*texts.shape, 6))
    return np.ascontiguousarray(np.concatenate([letters, offset], axis=-1)).view("S25")[..., 0]
