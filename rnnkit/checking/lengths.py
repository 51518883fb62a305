"""Lengths: steps of each input -> percentiles, what is cut, and a small picture."""

import dataclasses

import numpy as np

from rnnkit.checking.findings import Finding, percent

BLOCKS = " ▁▂▃▄▅▆▇█"
PERCENTILES = (5, 25, 50, 75, 95, 99)
BARS = 32


@dataclasses.dataclass(frozen=True)
class Lengths:
    """How long the inputs are.

    Attributes:
        steps: `(rows,)`, steps of each before any are cut.
        what: What a step is, for messages.
        cut: Steps that are read at most; 0 for no limit.
    """

    steps: np.ndarray
    what: str
    cut: int = 0

    @property
    def cut_share(self) -> float:
        """Share of the inputs that are longer than what is read of them."""
        return float(np.mean(self.steps > self.cut)) if self.cut and len(self.steps) else 0.0

    def percentiles(self) -> dict[str, int]:
        """Returns `least`, some percentiles by name, and `most`."""
        named = {f"p{p}": int(np.percentile(self.steps, p, method="higher")) for p in PERCENTILES}
        return {"least": int(self.steps.min()), **named, "most": int(self.steps.max())}

    def histogram(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns counts `(bars,)` and edges `(bars + 1,)`, whole numbers; what is past the 99.5th percentile is in
        the last bar."""
        least, most = int(self.steps.min()), int(np.percentile(self.steps, 99.5, method="higher"))
        width = max(1, -(-(most - least + 1) // BARS))
        edges = np.arange(least, most + width + 1, width)
        return np.bincount(np.minimum((self.steps - least) // width, len(edges) - 2), minlength=len(edges) - 1), edges

    def picture(self) -> str:
        """Returns the histogram as one line of block characters between its ends."""
        counts, edges = self.histogram()
        heights = np.ceil(counts / counts.max() * (len(BLOCKS) - 1)).astype(int)
        beyond = "+" if self.steps.max() >= edges[-1] else ""
        return f"{edges[0]} {''.join(BLOCKS[height] for height in heights)} {edges[-1] - 1}{beyond}"

    def findings(self) -> list[Finding]:
        """Returns what there is to say of the cut."""
        if not len(self.steps) or not self.cut_share:
            return []
        goal = int(np.percentile(self.steps, 95, method="higher"))
        message = (
            f"{percent(self.cut_share, 1)} of the inputs are longer than the {self.cut:,} {self.what} read of each; "
            f"the longest has about {int(self.steps.max()):,}."
        )
        if self.cut_share < 0.1:
            return [Finding("cut_inputs", "note", message)]
        mend = f"Read more of each input: --length {-(-goal // 50) * 50} reads 95% of them whole, and takes longer."
        return [Finding("cut_inputs", "warning", message, mend=mend)]
