"""Baselines of captioning on toy pictures whose colour tells the caption."""

import types

import numpy as np
import pytest
import tensorflow as tf

from rnnkit.metrics import caption_baselines as module
from rnnkit.metrics.caption_baselines import consensus, most_frequent, score_caption_baselines, unigram
from rnnkit.metrics.captions import score_captions

SIDE = 9
SETTINGS = types.SimpleNamespace(seed=0)
PREPARATION = types.SimpleNamespace(
    features=lambda inputs: {"pixels": tf.reshape(tf.io.decode_raw(inputs["image"], tf.uint8), (-1, SIDE, SIDE, 3))}
)


class PictureRows:
    """What the baselines ask of a split."""

    features, target, names = ("image",), "caption", ()

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def chunks(self, size=4):
        for start in range(0, len(self.rows), size):
            images, captions = zip(*self.rows[start : start + size], strict=True)
            yield {"image": list(images), "caption": list(captions)}

    def truth(self):
        return [list(captions) for _, captions in self.rows]


def picture(colour, number):
    """Noise around a colour."""
    pixels = np.array(colour) + np.random.default_rng(number).integers(-40, 41, (SIDE, SIDE, 3))
    return pixels.clip(0, 255).astype(np.uint8).tobytes()


def splits(train, test):
    return types.SimpleNamespace(train=PictureRows(train), valid=PictureRows(test), test=PictureRows(test))


RED, BLUE = (200, 50, 50), (50, 50, 200)
WORDS = {RED: "a red ball on the grass", BLUE: "one blue car in a street"}


def rows(count, first=0):
    found = []
    for number in range(first, first + count):
        colour = (RED, BLUE)[number % 2]
        found.append((picture(colour, number), [WORDS[colour], f"{WORDS[colour]} number {number}"]))
    return found


def test_the_caption_of_the_most_similar_picture_is_right_where_colour_tells_it():
    scores = score_caption_baselines(splits(rows(20), rows(7, 100)), PREPARATION, SETTINGS)
    assert list(scores) == ["most_frequent", "consensus", "unigram", "nearest_image"]
    assert scores["nearest_image"]["test"]["exact_match"] == 1.0
    assert scores["nearest_image"]["test"]["distinct"] == pytest.approx(2 / 7)
    # 4 red ones among 7, and red came first in train
    truth = [captions for _, captions in rows(7, 100)]
    assert scores["most_frequent"] == {"test": score_captions([WORDS[RED]] * 7, truth)}
    assert scores["unigram"]["test"]["exact_match"] == 0.0


def test_the_first_caption_of_the_nearest_picture_is_given():
    train = [(picture(RED, 1), ["first", "second"]), (picture(BLUE, 2), ["other"])]
    test = [(picture(RED, 3), ["first"]), (picture(RED, 4), ["second"])]
    assert (
        score_caption_baselines(splits(train, test), PREPARATION, SETTINGS)["nearest_image"]["test"]["exact_match"]
        == 0.5
    )


def test_only_train_is_looked_at():
    test = [(image, ["nothing that was ever said"]) for image, _ in rows(5, 50)]
    scores = score_caption_baselines(splits(rows(20), test), PREPARATION, SETTINGS)
    assert all(found["test"]["bleu_1"] == 0.0 for found in scores.values())


def test_the_most_frequent_caption_skips_white_space_and_of_equals_is_the_first():
    assert most_frequent([["b", "a"], ["a "], [" a", "b", "c"]]) == "a"
    assert most_frequent([["y y", "x"], ["x", "y  y"]]) == "y y"


def test_the_consensus_is_most_like_the_captions_of_other_pictures():
    captions = [["a dog runs"], ["a dog runs fast"], ["the dog runs there"], ["nine men sing"], ["one cat"]]
    assert consensus(captions, seed=0) == "a dog runs"


def test_captions_of_the_same_picture_are_no_consensus():
    captions = [["nine men sing loud songs"] * 5, ["a dog runs"], ["a dog sits"], ["x"], ["y"]]
    assert consensus(captions, seed=0) in ("a dog runs", "a dog sits")


def test_captions_that_have_nothing_in_common_give_the_most_frequent():
    assert consensus([["u"], ["v", "w", "w"], ["x"]], seed=0) == "w"
    assert consensus([["p q", "r", "r"]], seed=0) == "r"


def test_many_captions_are_drawn_by_the_seed(monkeypatch):
    monkeypatch.setattr(module, "COUNTED", 30)
    monkeypatch.setattr(module, "COMPARED", 20)
    monkeypatch.setattr(module, "FINALISTS", 3)
    animals = ("dog", "cat", "cow", "hen")
    captions = [[f"{animals[number % 4]} {number}", f"{animals[number % 3]} sits"] for number in range(100)]
    found = {seed: consensus(captions, seed=seed) for seed in range(3)}
    assert found == {seed: consensus(captions, seed=seed) for seed in range(3)}
    assert len(set(found.values())) > 1


def test_drawn_words_are_as_frequent_and_captions_as_long_as_in_train():
    captions = [["a a b"], ["A", "b!", "c"]]
    found = [text.split() for text in unigram(captions, 4000, seed=1)]
    assert found == [text.split() for text in unigram(captions, 4000, seed=1)]
    assert {len(words) for words in found} == {1, 3}
    assert np.mean([len(words) == 3 for words in found]) == pytest.approx(1 / 4, abs=0.03)
    words = [word for text in found for word in text]
    for word, share in (("a", 3 / 6), ("b", 2 / 6), ("c", 1 / 6)):
        assert words.count(word) / len(words) == pytest.approx(share, abs=0.03), word


def test_progress_tells_all_pictures():
    told = []

    class Reporter:
        def say(self, text):
            told.append(text)

        def task(self, title, *, total, unit):
            assert (title, total, unit) == ("baselines", 27, "pictures")
            return self

        def __enter__(self):
            return lambda done, note="": told.append(done)

        def __exit__(self, *_):
            pass

    score_caption_baselines(splits(rows(20), rows(7, 100)), PREPARATION, SETTINGS, Reporter())
    assert told == sorted(told) and told[-1] == 27
