"""Makes captioned pictures: handwritten digits -> scenes of two to four of them -> pictures with captions, as CSV."""

import collections
import dataclasses
import itertools
import pathlib
import random
from collections.abc import Iterator

import numpy as np

from rnnkit.data import digits
from rnnkit.data.scene_drawing import Placed, data_uri, draw, place
from rnnkit.data.scene_grammar import BETWEEN, Meaning, captions, meanings

SCENES = {"train": 7000, "valid": 500, "test": 500}
# Of train and valid; the rest is test.
COMPANY_SHARES = (0.84, 0.08)
BETWEEN_SHARE = 0.14


@dataclasses.dataclass(frozen=True)
class Scene:
    """A picture and what is known of it.

    Attributes:
        split: "train", "valid" or "test".
        meaning: What its captions tell.
        placed: Where its digits lie.
        pixels: `(28, 28)` of uint8.
    """

    split: str
    meaning: Meaning
    placed: tuple[Placed, ...]
    pixels: np.ndarray


def write_scenes(path: str | pathlib.Path, seed: int = 0) -> None:
    """Writes 8,000 scenes of two captions: a row a caption, those of a scene one after the other.

    The columns are `image`, a data URI of a grey PNG of 28x28 pixels; `caption`; and `split`. A seed always gives the
    same bytes.

    Raises:
        OSError: The file can't be written.
    """
    digits.write_rows(path, (row for scene in scenes(seed) for row in _rows(scene)))


def _rows(scene):
    uri = data_uri(scene.pixels)
    return [(uri, caption, scene.split) for caption in captions(scene.meaning)]


def scenes(seed: int = 0) -> list[Scene]:
    """Makes the scenes of all splits, in random order.

    What lies together in a split, such as a seven and two threes, lies together in no other, in whatever relation; and
    no digit's image is in two splits.
    """
    rng = random.Random(f"scenes {seed}")
    images, labels = digits.load_digits()
    choices = _choices(images, labels)
    told = _cut_meanings(rng)
    made = []
    for split, count in SCENES.items():
        for meaning in _drawn(rng, told[split], count):
            placed = place(rng, meaning, images, choices[split])
            made.append(Scene(split, meaning, placed, draw(rng, placed, images)))
    rng.shuffle(made)
    return made


def _choices(images, labels):
    """Returns the numbers of the images to choose from, by split and digit, without those that are hard to read."""
    plain = digits.plain(images, labels)
    return {
        split: {
            digit: [number for number in numbers if labels[number] == digit and plain[number]] for digit in range(10)
        }
        for split, numbers in digits.splits(labels).items()
    }


def _cut_meanings(rng):
    companies = sorted({meaning.company for meaning in meanings()})
    splits = digits.cut(companies, key=_counts, shares=COMPANY_SHARES, rng=rng)
    split_of = {company: split for split, some in splits.items() for company in some}
    told = collections.defaultdict(list)
    for meaning in meanings():
        told[split_of[meaning.company]].append(meaning)
    return told


def _counts(company):
    return tuple(sorted(count for _, count in company))


def _drawn(rng, choices, count) -> Iterator[Meaning]:
    """Draws `count` meanings: "between" has its share, and otherwise each comes about as often as the others."""
    between = round(BETWEEN_SHARE * count)
    for some, number in ((True, between), (False, count - between)):
        kind = [meaning for meaning in choices if (meaning.relation == BETWEEN) == some]
        rng.shuffle(kind)
        yield from itertools.islice(itertools.cycle(kind), number)
