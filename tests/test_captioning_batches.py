"""Batches of pictures: what is decoded once, which rows are dealt, in what order, and how an epoch is gone on with."""

import re

import numpy as np
import pytest
from toy_captions import BROKEN, SIDE, TEXTS, Rows, made, noise, uri

from rnnkit.captioning.augmenting import Augmentation
from rnnkit.captioning.batches import PictureBatches, encode_pictures
from rnnkit.captioning.settings import LABEL
from rnnkit.layers.embedding import END


@pytest.fixture(scope="module")
def preparation():
    return made()[0]


@pytest.fixture(scope="module")
def store(preparation):
    return encode_pictures(Rows(), preparation)


def numbers(pixels):
    """Tells pictures of noise by their pixels."""
    known = {noise(number).tobytes(): number for number in range(len(TEXTS))}
    return [known[picture.tobytes()] for picture in pixels]


def dealt(preparation, batch):
    """Gives the pictures of a batch, and picture and text of each row that counts."""
    features, target, weights = batch[:3]
    np.testing.assert_array_equal(features["target"], target)
    np.testing.assert_array_equal(weights, np.count_nonzero(target, 1))
    pictures = numbers(features["pixels"])
    texts = preparation.target.get_layer("pieces").join(target).numpy()
    rows = [
        (pictures[place], text.decode())
        for place, text, weight in zip(features["picture"], texts, weights, strict=True)
        if weight
    ]
    return pictures, rows


def test_pictures_are_decoded_and_captions_encoded_once(store, preparation):
    assert len(store) == 5 and store.pixels.dtype == np.uint8 and store.pixels.shape == (SIDE, SIDE, 3)
    for number, (texts, ids) in enumerate(zip(TEXTS, store.targets, strict=True)):
        np.testing.assert_array_equal(store.pixels.row(number)[0], noise(number))
        assert [each[-1] for each in ids] == [END] * len(texts)
        joined = [preparation.target.get_layer("pieces").join(each[None]).numpy()[0].decode() for each in ids]
        assert joined == texts


def test_bytes_and_data_uris_may_stand_side_by_side(store, preparation):
    rows = Rows()
    rows.images = [uri(image) if number % 2 else image for number, image in enumerate(rows.images)]
    mixed, done = [], []
    mixed = encode_pictures(rows, preparation, done.append)
    for number in range(5):
        np.testing.assert_array_equal(mixed.pixels.row(number), store.pixels.row(number))
    assert done == [2, 4, 5]


@pytest.mark.parametrize("place", [0, 3, 4])
def test_a_picture_that_cannot_be_decoded_is_named(place, preparation):
    rows = Rows()
    rows.images[place] = BROKEN
    message = f"picture {place + 1} can't be decoded: it is damaged. Mend it, or take it out of the captions."
    with pytest.raises(ValueError, match=re.escape(message)):
        encode_pictures(rows, preparation)


@pytest.mark.parametrize("seed", [None, 3])
def test_each_picture_stands_once_in_an_epoch_with_a_row_for_each_of_its_captions(seed, store, preparation):
    batches, seen, rows = PictureBatches(store, 2, 3, seed), [], []
    for number, batch in enumerate(batches.epoch(0)):
        features, target, weights, _ = batch
        assert features["pixels"].shape == (2, SIDE, SIDE, 3)
        assert target.shape == (6, 6) and features["picture"].shape == weights.shape == (6,)
        pictures, here = dealt(preparation, batch)
        assert {picture for picture, _ in here} == set(pictures)
        # The last batch is filled up with a picture of which nothing is written.
        seen += pictures if number < 2 else pictures[:1]
        rows += here
    assert number == 2 == len(batches) - 1 and pictures[0] == pictures[1]
    assert sorted(seen) == list(range(5)) and (seen == list(range(5))) == (seed is None)
    assert sorted(rows) == sorted((number, text) for number, texts in enumerate(TEXTS) for text in texts)
    assert batches.rows_in_all == 5 and batches.looks == "pixels"
    # Each caption's words and its end.
    assert batches.steps_in_all == sum(len(text.split()) + 1 for texts in TEXTS for text in texts)


def test_of_more_captions_than_fit_others_are_drawn_each_epoch_and_all_come(store, preparation):
    batches, counts = PictureBatches(store, 5, 2, 1), {}
    for epoch in range(24):
        (batch,) = batches.epoch(epoch)
        drawn = [text for picture, text in dealt(preparation, batch)[1] if picture == 1]
        assert len(set(drawn)) == len(drawn) == 2
        for text in drawn:
            counts[text] = counts.get(text, 0) + 1
    assert set(counts) == set(TEXTS[1]) and min(counts.values()) > 8
    for epoch in range(2):
        (batch,) = PictureBatches(store, 5, 2).epoch(epoch)
        assert [text for picture, text in dealt(preparation, batch)[1] if picture == 1] == TEXTS[1][:2]
    # "dots", of two pieces, is left out of the three of its picture.
    assert batches.steps_in_all == PictureBatches(store, 5, 3).steps_in_all - 2


def test_captions_are_padded_to_few_lengths(preparation):
    texts = [["dots " * count] for count in (1, 5, 6, 8, 9, 12)]
    layer = preparation.target.get_layer("pieces")
    # The layer cuts what is longer.
    length, layer.length = layer.length, 20
    try:
        store = encode_pictures(Rows(texts), preparation)
    finally:
        layer.length = length
    steps = [target.shape[1] for _, target, _, _ in PictureBatches(store, 1, 1).epoch(0)]
    assert steps == [6, 6, 9, 9, 13, 13]


def same(one, other):
    for left, right in zip(one, other, strict=True):
        assert isinstance(left, dict) == isinstance(right, dict)
        if isinstance(left, dict):
            same([left[name] for name in sorted(left)], [right[name] for name in sorted(right)])
        else:
            np.testing.assert_array_equal(left, right)
    return True


def test_order_draws_and_variation_depend_on_seed_and_epoch_alone(store):
    def pixels(seed, epoch, vary=None):
        found = PictureBatches(store, 2, 2, seed, vary).dataset(repeat=True, start=3 * epoch).take(3)
        return np.concatenate([features["pixels"] for features, _, _ in found])

    np.testing.assert_array_equal(pixels(4, 1), pixels(4, 1))
    others = [pixels(4, 1), pixels(4, 0), pixels(5, 1)]
    assert len({other.tobytes() for other in others}) == 3
    vary = Augmentation(True, 0.1, 0.1, 0.1)
    varied = pixels(4, 1, vary)
    np.testing.assert_array_equal(varied, pixels(4, 1, vary))
    assert (varied != pixels(4, 1)).any((1, 2, 3)).all()


@pytest.mark.parametrize("start", [0, 2, 3, 7])
def test_from_any_batch_on_the_dataset_goes_on_as_the_whole_would(start, store):
    batches = PictureBatches(store, 2, 2, 6, Augmentation(True, 0.2, 0.0, 0.1))
    whole = list(batches.dataset(repeat=True).take(9).as_numpy_iterator())
    rest = list(batches.dataset(repeat=True, start=start).take(9 - start).as_numpy_iterator())
    assert len(rest) == 9 - start and all(same(one, other) for one, other in zip(rest, whole[start:], strict=True))


def test_one_epoch_is_dealt_as_it_is_where_nothing_is_drawn(store):
    batches = PictureBatches(store, 2, 3)
    found = list(batches.dataset(repeat=False).as_numpy_iterator())
    assert len(found) == 3
    for one, other in zip(found, batches.epoch(0), strict=True):
        assert same(one, other[:3])


def test_batches_are_the_same_where_pictures_lie_on_disk(store, preparation, monkeypatch):
    monkeypatch.setattr("rnnkit.training.store.MEMORY_LIMIT", 3 * SIDE * SIDE * 3)
    large = encode_pictures(Rows(), preparation)
    assert large.pixels.path.stat().st_size == 5 * SIDE * SIDE * 3 and not store.pixels.path.exists()
    pairs = zip(PictureBatches(large, 2, 3, 1).epoch(0), PictureBatches(store, 2, 3, 1).epoch(0), strict=True)
    assert all(same(one, other) for one, other in pairs)


def test_a_class_that_train_does_not_have_weighs_nothing():
    preparation, _, _ = made(answer=LABEL)
    # The classes of train are all the captions of the toy rows.
    assert preparation.labels == tuple(sorted({text for texts in TEXTS for text in texts}))
    rows = Rows([["dots"], ["a cat"], ["a line"]])
    store = encode_pictures(rows, preparation)
    batches = PictureBatches(store, 2, 0)
    first, second = batches.dataset(repeat=False).as_numpy_iterator()
    assert first[1].tolist() == [preparation.labels.index("dots"), 0] and first[2].tolist() == [1, 0]
    assert second[1].tolist() == [preparation.labels.index("a line")] * 2 and second[2].tolist() == [1, 0]
    assert list(first[0]) == ["pixels"] and numbers(first[0]["pixels"]) == [0, 1]
    assert batches.steps_in_all == batches.rows_in_all == 3
