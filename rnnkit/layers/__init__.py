"""Factories on Keras tensors, shared by all recipes; import only keras, tensorflow and each other."""

from rnnkit.layers.blend import Blend
from rnnkit.layers.characters import character_convolution
from rnnkit.layers.convolution import convolutional_front, recurrent_convolution
from rnnkit.layers.cpu.choice import recurrent_loop
from rnnkit.layers.crf import CRF, CRFLoss
from rnnkit.layers.embedding import embedding
from rnnkit.layers.exchange import accelerated, stock
from rnnkit.layers.gradient_flow import GradientFlow, gradient_flow
from rnnkit.layers.hierarchy import hierarchical
from rnnkit.layers.ngrams import NgramScores
from rnnkit.layers.parallel import LRU, LRUCell, MinGRU, MinGRUCell, MinLSTM, MinLSTMCell
from rnnkit.layers.pooling import pool
from rnnkit.layers.recurrent import GRU, LSTM, SimpleRNN
from rnnkit.layers.segments import in_segments
from rnnkit.layers.stack import recurrent_stack
from rnnkit.layers.variants import VariantLSTM, VariantLSTMCell
from rnnkit.layers.window_scores import WindowScores

__all__ = [
    "Blend",
    "CRF",
    "CRFLoss",
    "GRU",
    "GradientFlow",
    "LRU",
    "LRUCell",
    "LSTM",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "NgramScores",
    "SimpleRNN",
    "VariantLSTM",
    "VariantLSTMCell",
    "WindowScores",
    "accelerated",
    "character_convolution",
    "convolutional_front",
    "embedding",
    "gradient_flow",
    "hierarchical",
    "in_segments",
    "pool",
    "recurrent_convolution",
    "recurrent_loop",
    "recurrent_stack",
    "stock",
]
