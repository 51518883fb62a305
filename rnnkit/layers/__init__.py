"""Factories on Keras tensors, shared by all recipes; import only keras, tensorflow and each other."""

from rnnkit.layers.blend import Blend
from rnnkit.layers.characters import character_convolution
from rnnkit.layers.embedding import embedding
from rnnkit.layers.ngrams import NgramScores
from rnnkit.layers.pooling import pool
from rnnkit.layers.recurrent import GRU, LSTM, SimpleRNN, recurrent_stack
from rnnkit.layers.segments import in_segments

__all__ = [
    "Blend",
    "GRU",
    "LSTM",
    "NgramScores",
    "SimpleRNN",
    "character_convolution",
    "embedding",
    "in_segments",
    "pool",
    "recurrent_stack",
]
