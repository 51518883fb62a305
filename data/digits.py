"""Reads scikit-learn's handwritten digits: 1,797 pictures of 8x8 pixels -> splits -> CSV with labels.

They are the test set of the Optical Recognition of Handwritten Digits, Alpaydin & Kaynak (1998), UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49, CC BY 4.0.
"""

import collections
import csv
import pathlib
import random
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rnnkit.data.scene_drawing import data_uri

# What train and valid leave is test.
SHARES = (0.64, 0.16)
NEIGHBOURS = 10
LIKE = 8


def write_digits(path: str | pathlib.Path) -> None:
    """Writes the digits in random order: columns `image`, a data URI; `caption`, "0" to "9"; and `split`.

    Raises:
        OSError: The file can't be written.
    """
    images, labels = load_digits()
    split_of = {number: split for split, numbers in splits(labels).items() for number in numbers}
    order = random.Random("digits").sample(range(len(labels)), len(labels))
    pixels = np.rint(images / 16 * 255).astype(np.uint8)
    write_rows(path, ((data_uri(pixels[number]), labels[number], split_of[number]) for number in order))


def load_digits() -> tuple[np.ndarray, list[int]]:
    """Returns the images `(1797, 8, 8)`, 0 for black to 16 for white, and the digit that each shows."""
    # Late, for it takes a second.
    from sklearn import datasets

    digits = datasets.load_digits()
    return digits.images, [int(label) for label in digits.target]


def splits(labels: Sequence[int]) -> dict[str, list[int]]:
    """Cuts the numbers of the digit images into splits, always the same, each digit by the same shares."""
    return cut(range(len(labels)), key=lambda number: labels[number], shares=SHARES, rng=random.Random("digit splits"))


def plain(images: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Says of each image whether 8 of the 10 nearest to it show the same digit; the others are hard to read."""
    values = images.reshape(len(images), -1)
    squares = (values**2).sum(axis=1)
    # All values are whole numbers, so that these distances are exact on every machine.
    distances = squares[:, None] + squares[None] - 2 * values @ values.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBOURS]
    labels = np.asarray(labels)
    return (labels[nearest] == labels[:, None]).sum(axis=1) >= LIKE


def cut(items: Iterable, *, key: Callable, shares: tuple[float, float], rng: random.Random) -> dict[str, list]:
    """Cuts items into train, valid and test by chance, those of one `key(item)` by the same shares."""
    groups = collections.defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    made = {"train": [], "valid": [], "test": []}
    for group in groups.values():
        rng.shuffle(group)
        train = round(shares[0] * len(group))
        valid = train + round(shares[1] * len(group))
        made["train"] += group[:train]
        made["valid"] += group[train:valid]
        made["test"] += group[valid:]
    return made


def write_rows(path: str | pathlib.Path, rows: Iterable[tuple]) -> None:
    """Writes rows of `image`, `caption` and `split` as CSV, with the same line ends on every system."""
    with pathlib.Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "caption", "split"])
        writer.writerows(rows)
