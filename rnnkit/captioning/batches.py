"""Batches: pictures and captions -> pixels decoded once -> batches that read each picture once for all its captions."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from rnnkit.captioning.augmenting import Augmentation, augmentation
from rnnkit.captioning.preparing import DECODE
from rnnkit.captioning.settings import LABEL
from rnnkit.training.batches import dealt, epochs
from rnnkit.training.store import Column

GROWTH = 1.4
"""Ratio of neighbouring lengths that captions are padded to: each is compiled once."""
AT_ONCE = 32
"""Pictures that go through an encoder at once where what it sees is kept."""


@dataclasses.dataclass
class PictureStore:
    """Decoded pictures and encoded captions.

    Attributes:
        pixels: `(1, height, width, channels)` a picture.
        targets: Of each picture: the ids of its captions, `(steps,)` each; or its class, `(1,)`.
        grids: What a frozen encoder sees, `(1, rows, columns, features)` a picture; None where it is trained.
        folder: Of what doesn't fit into memory.
    """

    pixels: Column
    targets: Sequence[Sequence[np.ndarray]]
    folder: tempfile.TemporaryDirectory
    grids: Column | None = None

    def __len__(self):
        return len(self.targets)

    def keep_grids(self, encoder: Callable, advance=lambda done: None) -> None:
        """Runs all pictures through an encoder once, and keeps what it sees, on disk where it is much."""
        grids = Column(pathlib.Path(self.folder.name), "grids")
        for start in range(0, len(self), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(self)))
            grids.append(list(encoder(tf.constant(self.pixels.padded(rows, 1)[:, 0])).numpy()[:, None]))
            advance(int(rows[-1]) + 1)
        grids.close()
        self.grids = grids


def encode_pictures(rows, preparation, advance=lambda done: None) -> PictureStore:
    """Decodes the pictures of a split, and encodes their captions, once.

    Args:
        rows: With `chunks()`, `name(place)`, and pictures in `image`, lists of captions in `caption`.
        preparation: What the train split taught.
        advance: Told the number of pictures done.

    Raises:
        ValueError: A picture can't be decoded.
    """
    folder = tempfile.TemporaryDirectory(prefix="rnnkit-")
    pixels, targets, done = Column(pathlib.Path(folder.name), "pixels"), [], 0
    image, text = (tf.TensorSpec([None], tf.string) for _ in range(2))
    decoded = tf.function(preparation.features.get_layer(DECODE).inspected, autograph=False)
    decoded = decoded.get_concrete_function(image)
    classes = {name: number for number, name in enumerate(preparation.labels)}
    encoded = None if classes else tf.function(preparation.target, autograph=False).get_concrete_function(text)
    for chunk in rows.chunks():
        found, readable = (tensor.numpy() for tensor in decoded(tf.constant(chunk["image"])))
        if not readable.all():
            name = rows.name(done + int(np.argmin(readable)))
            raise ValueError(f"{name} can't be decoded: it is damaged. Mend it, or take it out of the captions.")
        pixels.append(list(found[:, None]))
        captions = chunk[rows.target]
        if classes:
            # -1: a class that train doesn't have, which nothing is learnt or told from.
            targets += [[np.array([classes.get(texts[0], -1)], np.int32)] for texts in captions]
        else:
            ids = encoded(tf.constant([text for texts in captions for text in texts])).numpy()
            cut = iter([row[: np.count_nonzero(row)] for row in ids])
            targets += [[next(cut) for _ in texts] for texts in captions]
        done += len(captions)
        advance(done)
    pixels.close()
    return PictureStore(pixels, targets, folder)


@dataclasses.dataclass(frozen=True)
class PictureBatches:
    """Deals pictures into batches.

    Attributes:
        store: The pictures.
        batch_size: Pictures in a batch; the last one is filled up with pictures whose rows weigh 0.
        captions: Most captions of a picture in a batch: a row each; 0 where a picture has a class.
        seed: Seed of the order, of which captions, and of how pictures vary; None keeps all as it is, for evaluation.
        vary: How pictures vary.
    """

    store: PictureStore
    batch_size: int
    captions: int
    seed: int | None = None
    vary: Augmentation | None = None

    def __len__(self):
        """Batches in an epoch; the same for each."""
        return -(-len(self.store) // self.batch_size)

    @property
    def rows_in_all(self) -> int:
        """Pictures of the split."""
        return len(self.store)

    @property
    def steps_in_all(self) -> int:
        """Pieces to be written of what is dealt in an epoch; where there are classes, pictures."""
        if not self.captions:
            return len(self.store)
        return sum(sum(sorted(map(len, texts))[-self.captions :]) for texts in self.store.targets)

    @property
    def looks(self) -> str:
        """Name of what is dealt of a picture: `pixels`, or the `grid` that a frozen encoder sees."""
        return "grid" if self.store.grids else "pixels"

    def batch(self, pictures: np.ndarray, random=None) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns features, targets, and the weight of each row: the pieces in it, or 1."""
        filled = np.concatenate([pictures, np.repeat(pictures[:1], self.batch_size - len(pictures))])
        column = self.store.grids or self.store.pixels
        features = {self.looks: column.padded(filled, 1)[:, 0]}
        if not self.captions:
            targets = np.array([self.store.targets[picture][0][0] for picture in filled], np.int32)
            weights = np.float32(targets >= 0)
            weights[len(pictures) :] = 0
            return features, np.maximum(targets, 0), weights
        rows = [(place, ids) for place, picture in enumerate(pictures) for ids in self._some(picture, random)]
        size = self.batch_size * self.captions
        steps = _rounded(max(len(ids) for _, ids in rows))
        target, weights, picture = (
            np.zeros((size, steps), np.int32),
            np.zeros(size, np.float32),
            np.zeros(size, np.int32),
        )
        for row, (place, ids) in enumerate(rows):
            target[row, : len(ids)], weights[row], picture[row] = ids, len(ids), place
        return {**features, "picture": picture, "target": target}, target, weights

    def _some(self, picture, random):
        texts = self.store.targets[picture]
        if len(texts) <= self.captions:
            return texts
        drawn = range(self.captions) if random is None else random.permutation(len(texts))[: self.captions]
        return [texts[place] for place in drawn]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple]:
        """Yields the batches of an epoch, from number `start` on, each with a seed `(2,)` of its own."""
        order = np.arange(len(self.store))
        if self.seed is not None:
            order = np.random.default_rng((self.seed, epoch)).permutation(order)
        for number in range(start, len(self)):
            key = (self.seed or 0, epoch, number)
            random = None if self.seed is None else np.random.default_rng(key)
            pictures = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield *self.batch(pictures, random), np.random.SeedSequence(key).generate_state(2).view(np.int32)

    def dataset(self, *, repeat: bool, start: int = 0) -> tf.data.Dataset:
        """Returns the batches as a dataset: one epoch, or epoch after epoch without end, from batch `start` on."""
        column = self.store.grids or self.store.pixels
        looks = tf.TensorSpec([self.batch_size, *column.shape], column.dtype)
        rows = self.batch_size * (self.captions or 1)
        weights, seed = tf.TensorSpec([rows], tf.float32), tf.TensorSpec([2], tf.int32)
        features, target = {self.looks: looks}, tf.TensorSpec([rows], tf.int32)
        if self.captions:
            target = tf.TensorSpec([rows, None], tf.int32)
            features |= {"picture": tf.TensorSpec([rows], tf.int32), "target": target}

        def varied(features, targets, weights, seed):
            if self.vary and self.looks == "pixels":
                features = {**features, "pixels": self.vary.apply(features["pixels"], seed)}
            return features, targets, weights

        signature = features, target, weights, seed
        return dealt(lambda: epochs(self, repeat=repeat, start=start), signature, varied)


def _rounded(length):
    """Rounds a number of pieces up to one of few: 6, 9, 13, 19, …"""
    size = 6
    while size < length:
        size = int(np.ceil(size * GROWTH))
    return size


def picture_batches(preparation, splits, settings, reporter) -> tuple[PictureBatches, PictureBatches]:
    """Decodes both splits once; returns the batches of train and of valid."""
    stores = []
    for split in ("train", "valid"):
        rows = getattr(splits, split)
        with reporter.task(f"decoding {split}", total=len(rows), unit="pictures") as advance:
            stores.append(encode_pictures(rows, preparation, advance))
    most = 0
    if settings.answer != LABEL:
        most = min(settings.captions_at_once, max(len(texts) for store in stores for texts in store.targets))
    sizes = [min(settings.batch_size, len(store)) for store in stores]
    return (
        PictureBatches(stores[0], sizes[0], most, settings.seed, augmentation(settings)),
        PictureBatches(stores[1], sizes[1], most),
    )
