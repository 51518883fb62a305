"""Truth of a detector: the rows of a part -> which of them are strange, of what kind, in which windows."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class DetectionTruth:
    """Of the rows of a part, one span after the other, in their order.

    Attributes:
        strange: `(rows,)` bool, True inside a true window.
        kinds: `(rows,)` int16, place in `kind_names`, -1 outside of the windows.
        kind_names: Such as `("spike", "drift")`.
        bounds: `(spans + 1,)` int64, row each span begins at, and the end; no event straddles two spans.
        seconds: `(rows,)` int64 since 1970.
        windows: `(windows, 2)` int64, first and last row (inclusive) of each true window, rising, clipped to the spans.
        labelled: False where nothing is known of what is strange.
        whole: Each span is one example that is judged as a whole; then every array has one entry a span in place of
            one a row, and a window is a strange entry.
    """

    strange: np.ndarray
    kinds: np.ndarray
    kind_names: tuple[str, ...]
    bounds: np.ndarray
    seconds: np.ndarray
    windows: np.ndarray
    labelled: bool = True
    whole: bool = False
