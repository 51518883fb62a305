"""Templates of windows: what is looked at around each token, for the linear chains over windows of words."""

import itertools

REACH = 2
"""How many tokens to each side one sees."""
WORD_SLOTS = ("word", "lower", "outline", "brief")
"""What is said of each token nearby: its letters, the same as small ones, their kinds, and these without repeats."""
AFFIXES = tuple(f"{side}{size}" for side in ("head", "tail") for size in (1, 2, 3, 4))
"""What is said of the token itself besides: its first and last small letters, if it has more."""
SLOTS = (*WORD_SLOTS, *AFFIXES)

Template = tuple[tuple[int, str], ...]
"""Slots of tokens near one: `((-1, "lower"), (0, "lower"))` is what the one before is in small letters, and itself."""


def _templates():
    alone = [((offset, slot),) for offset in range(-REACH, REACH + 1) for slot in WORD_SLOTS]
    alone += [((0, slot),) for slot in AFFIXES]
    several = itertools.product(("lower", "brief"), ((-1, 0), (0, 1), (-1, 1), (-1, 0, 1)))
    return [*alone, *(tuple((offset, slot) for offset in offsets) for slot, offsets in several)]


TEMPLATES: list[Template] = _templates()
"""What is looked at for each token, those of a single slot first."""
