"""Settings of pairs: where texts and their translations come from, and which pairs are trained on."""

import dataclasses

from rnnkit.settings import SourceSettings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairSettings(SourceSettings):
    """Pairs of a text and its translation, and how they are read."""

    data: str = setting(
        "sample", "Two files of lines with a comma between, a table, a folder, 'sample' or tfds:NAME; the text first."
    )
    valid: str = setting("", "Validation pairs, two files or a table; empty: cut from the data.")
    test: str = setting("", "Test pairs, two files or a table; empty: cut from the data.")
    columns: str = setting("", "Which column is which, as text=en,translation=de; numbers for a file without header.")
    least_words: int = setting(1, "Fewest words, by spaces, of either side of a pair of the data.", at_least=1)
    most_words: int = setting(0, "Most words of either side of a pair of the data; 0: no limit.", at_least=0)
    most_ratio: float = setting(
        0.0, "How many times the longer side of a pair has the words of the shorter, at most; 0: any.", at_least=0.0
    )
    copies: str = setting("keep", "Pairs of the data whose two texts are equal.", choices=("keep", "drop"))
    duplicates: str = setting("keep", "Pairs that the data have had before.", choices=("keep", "drop"))

    def __post_init__(self):
        super().__post_init__()
        if 0 < self.most_words < self.least_words:
            raise ValueError(
                f"most_words must be at least least_words, {self.least_words}, or 0 for no limit. "
                f"Got {self.most_words}."
            )
        if 0 < self.most_ratio < 1:
            raise ValueError(f"most_ratio must be at least 1, or 0 for any. Got {self.most_ratio}.")
