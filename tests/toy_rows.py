"""Toy rows: sequences that a recurrent model can learn in a moment."""

import numpy as np

from rnnkit.training import store as stores


def rows(count, seed):
    """Sequences of 3 and 4, behind a start token; the class is which of them comes first."""
    random = np.random.default_rng(seed)
    ids = random.integers(3, 5, (count, 9)).astype(np.int32)
    ids[:, 0] = 2
    for row, length in enumerate(random.integers(3, 10, count)):
        ids[row, length:] = 0
    return stores.write([({"ids": ids}, (ids[:, 1] == 4).astype(np.int32))], ("ids",))
