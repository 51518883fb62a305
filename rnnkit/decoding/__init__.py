"""Search in the graph: a step function -> the tokens it makes likely; imports only keras, tensorflow and layers.

All searches take `step(ids, states, t) -> (logits, states, weights)`, by operations on tensors alone:

    ids     `(rows,)` int32, the tokens before; `start` at first
    states  any nest of tensors whose first axis is rows
    t       scalar int32, from 0
    logits  `(rows, vocabulary)`
    weights `(rows, source)`, the attention that chose the token; or None

Rows of one sentence lie together: row = sentence * width + hypothesis. What stays the same from step to step, as an
encoder's outputs, has a row per sentence. It is captured by the function; or it is given to the search as `shared`, and
the step is called as `step(ids, states, t, shared)`: with the sentences that still go on, and what is shared of those.

Tags that hang together are found by `viterbi`, `n_best` and `marginals`, of log potentials.
"""

from rnnkit.decoding.beam import beam_search
from rnnkit.decoding.controls import Controls
from rnnkit.decoding.decoded import Decoded
from rnnkit.decoding.greedy import greedy
from rnnkit.decoding.sampling import sample
from rnnkit.decoding.viterbi import marginals, n_best, viterbi

__all__ = ["Controls", "Decoded", "beam_search", "greedy", "marginals", "n_best", "sample", "viterbi"]
