"""CIDEr-D against plain formulas by hand, and what follows from its definition."""

import math

import numpy as np
import pytest

from rnnkit.metrics.cider import CiderD, cider_d


def words(*texts):
    return [text.split() for text in texts]


def test_a_case_by_hand():
    # 2 pictures: "a" and "dog" stand at both, all else at one, so only that has a rarity, of log 2.
    references = [words("a dog runs"), words("a dog sits")]
    captions = words("a dog runs fast", "a sits")
    rarity = math.log(2)
    # words: caption runs, fast; reference runs
    first = rarity * rarity / (math.sqrt(2) * rarity * rarity)
    # pairs: caption a-dog (0), dog-runs, runs-fast; reference a-dog (0), dog-runs
    first += rarity**2 / (math.sqrt(2 * rarity**2) * rarity)
    # triples: caption a-dog-runs, dog-runs-fast; reference a-dog-runs; no quadruples
    first += rarity**2 / (math.sqrt(2 * rarity**2) * rarity)
    # words: both have sits alone; pairs: a-sits, which the reference lacks
    second = 1.0
    expected = [10 / 4 * first * math.exp(-1 / 72), 10 / 4 * second * math.exp(-1 / 72)]
    np.testing.assert_allclose(cider_d(captions, references), expected, rtol=1e-12)


def test_each_reference_counts_the_same():
    references = [words("x y", "z"), words("u")]
    # "x y" in full: words and pairs, 2 of 4 orders; nothing in common with "z"
    np.testing.assert_allclose(cider_d(words("x y", "v"), references), [10 * (2 / 4 + 0) / 2, 0.0])


def test_a_word_said_again_counts_no_higher_than_in_the_reference():
    references = [words("x y"), words("z")]
    (score, _) = cider_d(words("x x x y", "z"), references)
    rarity = math.log(2)
    # words: (3, 1) against (1, 1), of which min (1, 1); pairs: x-x twice, x-y against x-y
    one = 2 * rarity**2 / (math.sqrt(10) * math.sqrt(2) * rarity**2)
    two = rarity**2 / (math.sqrt(5) * rarity**2)
    assert score == pytest.approx(10 / 4 * (one + two) * math.exp(-4 / 72))


def test_a_word_of_more_pictures_weighs_less():
    references = [words("b x"), words("b y"), words("z"), words("u")]
    common, rare = math.log(4 / 2), math.log(4)
    scores = cider_d(words("b", "y", "", "v"), references)
    norm = math.hypot(common, rare)
    penalty = 10 / 4 * math.exp(-1 / 72)
    np.testing.assert_allclose(scores, [penalty * common / norm, penalty * rare / norm, 0.0, 0.0])


def test_a_word_that_no_reference_has_makes_the_caption_longer():
    references = [words("x"), words("z"), words("u")]
    scores = cider_d(words("x q", "z", "u"), references)
    # q is as rare as a word of one picture: words (log 3, log 3) against (log 3), half the angle of a right one
    np.testing.assert_allclose(scores, [10 / 4 / math.sqrt(2) * math.exp(-1 / 72), 2.5, 2.5])


@pytest.mark.parametrize("count, expected", [(1, 2.5), (2, 5.0), (3, 7.5), (4, 10.0), (7, 10.0)])
def test_the_reference_itself_has_10_from_4_words_on(count, expected):
    caption = [f"w{number}" for number in range(count)]
    scores = cider_d([caption, ["z"]], [[caption], words("z")])
    assert scores[0] == pytest.approx(expected)


def test_pictures_with_the_same_references_have_0():
    references = [words("a b c d e")] * 3
    np.testing.assert_array_equal(cider_d(words(*["a b c d e"] * 3), references), np.zeros(3))


def test_one_picture_alone_has_0():
    np.testing.assert_array_equal(cider_d(words("a b c d"), [words("a b c d")]), [0.0])


def test_a_caption_of_no_words_and_a_reference_of_none_have_0():
    references = [words("a b c d"), [[]], words("e")]
    np.testing.assert_array_equal(cider_d([[], ["e"], []], references), np.zeros(3))


def test_the_order_of_references_and_of_pictures_does_not_matter():
    rng = np.random.default_rng(5)
    draw = lambda: [f"w{number}" for number in rng.integers(0, 9, rng.integers(1, 12))]  # noqa: E731
    captions = [draw() for _ in range(13)]
    references = [[draw() for _ in range(rng.integers(1, 5))] for _ in range(13)]
    scores = cider_d(captions, references)
    assert scores.min() >= 0 and scores.max() <= 10 and scores.std() > 0
    np.testing.assert_allclose(cider_d(captions, [several[::-1] for several in references]), scores)
    np.testing.assert_allclose(cider_d(captions[::-1], references[::-1]), scores[::-1])


def test_prepared_references_score_the_same_each_time():
    references = [words("a b", "b c"), words("c d e")]
    prepared = CiderD(references)
    for captions in (words("a b", "c d"), words("b", "e d c")):
        np.testing.assert_array_equal(prepared.score(captions), cider_d(captions, references))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"at least 1 picture\. Got 0\."):
        cider_d([], [])
    with pytest.raises(ValueError, match=r"at least 1 reference\. Got 0 of picture 2\."):
        cider_d([["a"], ["b"]], [[["a"]], []])
    with pytest.raises(ValueError, match=r"each of the 2 pictures\. Got 3\."):
        CiderD([[["a"]], [["b"]]]).score([["a"]] * 3)
