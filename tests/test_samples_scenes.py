"""The sample of scenes: captions are true of the pictures, and what is tested was never seen."""

import base64
import csv
import io
import itertools
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from rnnkit.data import digits
from rnnkit.data.scene_drawing import SIDE
from rnnkit.data.scene_grammar import captions, meanings
from rnnkit.data.scenes import SCENES, scenes, write_scenes

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PLURALS = ("zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines")
NUMBERS = {"a": 1, "an": 1, "two": 2, "three": 3}
SPLITS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def made():
    return scenes()


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenes") / "scenes.csv"
    write_scenes(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def rows(content):
    return list(csv.DictReader(io.StringIO(content.decode("ascii"))))


@pytest.fixture(scope="module")
def digit_rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.csv"
    digits.write_digits(path)
    return list(csv.DictReader(io.StringIO(path.read_text("ascii"))))


def test_each_caption_is_true_of_the_places_of_the_digits(made):
    for scene in made:
        for caption in captions(scene.meaning):
            assert is_true(caption, scene.placed), (caption, scene.placed)


def test_a_caption_is_false_of_scenes_that_mean_something_else(made):
    some = made[:60]
    for scene in some:
        others = [other for other in some if other.meaning != scene.meaning]
        assert others and not any(is_true(captions(other.meaning)[0], scene.placed) for other in others)


def is_true(caption, placed):
    """Reads a caption by its words, and says whether it is all there is to say of the boxes."""
    if found := re.fullmatch("(.+) (above|below|left of|right of) (.+)", caption):
        first, relation, second = found.groups()
        return counts_are(placed, first, second) and lies(of(placed, first), relation, of(placed, second))
    if found := re.fullmatch("(.+) with (.+) between them", caption):
        return counts_are(placed, found[1], found[2]) and is_between(of(placed, found[2]), placed)
    first, second = re.fullmatch("(.+) between (.+)", caption).groups()
    return counts_are(placed, first, second) and is_between(of(placed, first), placed)


def counts_are(placed, *nouns):
    return Counter(item.digit for item in placed) == dict(map(parsed, nouns))


def parsed(noun):
    number, name = noun.split()
    assert (number == "an") == (noun == "an eight")
    return (NAMES if NUMBERS[number] == 1 else PLURALS).index(name), NUMBERS[number]


def of(placed, noun):
    return [item for item in placed if item.digit == parsed(noun)[0]]


def span(items, axis):
    if axis == "x":
        return min(item.left for item in items), max(item.left + item.width for item in items)
    return min(item.top for item in items), max(item.top + item.height for item in items)


def apart(one, other, axis):
    (begin, end), (other_begin, other_end) = span(one, axis), span(other, axis)
    return end <= other_begin or other_end <= begin


def in_line(placed, axis):
    across = "y" if axis == "x" else "x"
    pairs = [([one], [other]) for one in placed for other in placed if one is not other]
    return all(apart(*pair, axis) and not apart(*pair, across) for pair in pairs)


def lies(first, relation, second):
    """The relation that a person would tell: along the axis on which the middles are clearly further apart."""
    along, across = ("y", "x") if relation in ("above", "below") else ("x", "y")
    if relation in ("below", "right of"):
        first, second = second, first
    if is_between(first, first + second) or is_between(second, first + second):
        return False
    middles = {axis: (sum(span(first, axis)) / 2, sum(span(second, axis)) / 2) for axis in "xy"}
    distance = {axis: other - one for axis, (one, other) in middles.items()}
    return apart(first, second, along) and distance[along] > 0 and distance[along] >= 1.5 * abs(distance[across])


def is_between(items, placed):
    if len(items) != 1 or len(placed) != 3:
        return False
    axes = [axis for axis in "xy" if in_line(placed, axis)]
    return any(sorted(placed, key=lambda item: span([item], axis))[1] is items[0] for axis in axes)


def test_no_two_meanings_share_a_caption():
    told = [caption for meaning in meanings() for caption in captions(meaning)]
    assert len(set(meanings())) == len(meanings()) == 1080 + 90 and len(set(told)) == len(told) == 2 * (1080 + 90)


def test_all_digits_lie_on_the_canvas_and_none_overlap(made):
    for scene in made:
        for item in scene.placed:
            assert item.left >= 0 and item.top >= 0
            assert item.left + item.width <= SIDE and item.top + item.height <= SIDE
        pairs = [(one, other) for one in scene.placed for other in scene.placed if one is not other]
        assert all(apart([one], [other], "x") or apart([one], [other], "y") for one, other in pairs)


def test_a_picture_shows_its_digits_where_they_are_said_to_lie_and_nothing_else(made):
    images, labels = digits.load_digits()
    for scene in made[:300]:
        rest = scene.pixels.astype(int)
        for item in scene.placed:
            assert labels[item.image] == item.digit
            columns = np.flatnonzero(images[item.image].any(axis=0))
            cut = images[item.image][:, columns[0] : columns[-1] + 1]
            there = slice(item.top, item.top + item.height), slice(item.left, item.left + item.width)
            bright = rest[there].max() / cut.max()
            assert 0.69 * 255 / 16 <= bright <= 256 / 16
            np.testing.assert_allclose(rest[there], cut * bright, atol=1)
            rest[there] = 0
        assert not rest.any()


def test_what_lies_together_in_a_split_does_so_in_no_other(rows):
    """Read from the captions: a seven and two threes, however they lie."""
    together = {split: set() for split in SPLITS}
    for row in rows:
        first, second = re.split(
            " (?:above|below|left of|right of|between|with) ", row["caption"].removesuffix(" between them")
        )
        together[row["split"]].add(frozenset((parsed(first), parsed(second))))
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert together[one] and together[other] and not together[one] & together[other]


def test_no_image_of_a_digit_is_in_two_splits(made):
    images, _ = digits.load_digits()
    used = {split: {item.image for scene in made if scene.split == split for item in scene.placed} for split in SPLITS}
    looks = {split: {images[number].tobytes() for number in numbers} for split, numbers in used.items()}
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert not used[one] & used[other] and not looks[one] & looks[other]
    assert min(map(len, used.values())) > 250


def test_all_splits_have_every_relation_with_every_count_and_train_every_number_of_every_digit(made):
    for split in SPLITS:
        told = {scene.meaning for scene in made if scene.split == split}
        assert len({(meaning.relation, meaning.first[1], meaning.second[1]) for meaning in told}) == 13
    trained = [scene.meaning for scene in made if scene.split == "train"]
    for group in itertools.product(range(10), (1, 2, 3)):
        assert {meaning.relation for meaning in trained if group == meaning.first} >= {"above", "left of"}
        assert {meaning.relation for meaning in trained if group == meaning.second} >= {"above", "left of"}


def test_digits_that_are_hard_to_read_are_left_out():
    images, labels = digits.load_digits()
    plain = digits.plain(images, labels)
    for number in range(0, 1797, 29):
        distances = ((images - images[number]) ** 2).sum(axis=(1, 2))
        distances[number] = np.inf
        like = sum(labels[near] == labels[number] for near in np.argsort(distances, kind="stable")[:10])
        assert plain[number] == (like >= 8)
    assert 0.94 < plain.mean() < 0.97


def test_a_row_is_a_caption_and_those_of_a_scene_are_one_after_the_other(rows, made):
    assert list(rows[0]) == ["image", "caption", "split"]
    told = [(scene, caption) for scene in made for caption in captions(scene.meaning)]
    assert [(row["caption"], row["split"]) for row in rows] == [(caption, scene.split) for scene, caption in told]
    assert Counter(scene.split for scene in made) == SCENES
    pictures = [image for image, _ in itertools.groupby(row["image"] for row in rows)]
    assert len(pictures) == len(set(pictures)) == len(made)


def test_an_image_is_a_png_that_pillow_reads(rows, made):
    pictures = [image for image, _ in itertools.groupby(row["image"] for row in rows)]
    for image, scene in list(zip(pictures, made, strict=True))[:200]:
        picture = decoded(image)
        assert picture.format == "PNG" and picture.mode == "L" and picture.size == (SIDE, SIDE)
        np.testing.assert_array_equal(np.asarray(picture), scene.pixels)


def decoded(uri):
    kind, _, code = uri.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(code, validate=True)))


def test_no_caption_is_common(rows):
    for split in SPLITS:
        told = [row["caption"] for row in rows if row["split"] == split]
        assert max(Counter(told).values()) <= 0.03 * len(told)
    assert all(re.fullmatch("[a-z ]+", row["caption"]) for row in rows)


def test_all_splits_are_in_the_first_lines(rows):
    assert {row["split"] for row in rows[:100]} == set(SPLITS)


def test_a_seed_gives_the_same_bytes_and_another_gives_others(content, tmp_path):
    write_scenes(tmp_path / "again.csv")
    write_scenes(tmp_path / "other.csv", seed=1)
    assert (tmp_path / "again.csv").read_bytes() == content != (tmp_path / "other.csv").read_bytes()


def test_digits_one_by_one_have_their_labels_and_splits_by_the_same_shares(digit_rows):
    assert len(digit_rows) == 1797
    for digit in "0123456789":
        splits = Counter(row["split"] for row in digit_rows if row["caption"] == digit)
        shares = {split: count / splits.total() for split, count in splits.items()}
        assert shares == pytest.approx({"train": 0.64, "valid": 0.16, "test": 0.2}, abs=0.01)


def test_a_digit_is_the_picture_that_scikit_learn_has(digit_rows):
    images, labels = digits.load_digits()
    known = Counter(
        (np.rint(image * 255 / 16).astype(np.uint8).tobytes(), str(label))
        for image, label in zip(images, labels, strict=True)
    )
    assert Counter((np.asarray(decoded(row["image"])).tobytes(), row["caption"]) for row in digit_rows) == known
