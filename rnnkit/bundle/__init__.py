"""Bundle: one directory that serves, can be trained on, and says how it came about; the only saving and loading.

model + preparation + card -> <out>/<name>/<version>/ -> predict
"""

from rnnkit.bundle.layout import CARD, ROWS, home, versions
from rnnkit.bundle.opened import CARD_KEYS, Bundle, load
from rnnkit.bundle.writing import KEPT_ROWS, WARMUP_ROWS, Parts, write

__all__ = [
    "CARD",
    "CARD_KEYS",
    "KEPT_ROWS",
    "ROWS",
    "WARMUP_ROWS",
    "Bundle",
    "Parts",
    "home",
    "load",
    "versions",
    "write",
]
