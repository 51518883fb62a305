"""Predicting: rows of a table -> the same rows with their answers, in constant memory, gone on with after a crash."""

from rnnkit.predicting.files import Summary, check_output, predict_file
from rnnkit.predicting.reading import trained_format

__all__ = ["Summary", "check_output", "predict_file", "trained_format"]
