"""Pairs: parallel files, tables, folders, public sets -> checked, split pairs of a text and its translation."""

from rnnkit.pairs.languages import known_words, swapped
from rnnkit.pairs.reading import PairSplits, read_pair_rows, read_pairs
from rnnkit.pairs.rows import PAIR, PairRows
from rnnkit.pairs.settings import PairSettings

__all__ = ["PAIR", "PairRows", "PairSettings", "PairSplits", "known_words", "read_pair_rows", "read_pairs", "swapped"]
