"""Scores of captions against values by hand and against sacreBLEU itself."""

import collections
import csv
import math

import numpy as np
import pytest
import sacrebleu

from rnnkit.metrics.captions import score_captions, signatures, split_words
from rnnkit.metrics.cider import cider_d

NAMES = ["cider_d", "bleu_4", "bleu_3", "bleu_2", "bleu_1", "chrf", "exact_match", "distinct"]


def test_a_reference_itself_scores_highest():
    references = [
        ["a dog sees a ball", "the brown dog runs after it"],
        ["two men eat soup at home", "men with soup", "they eat"],
    ]
    scores = score_captions(["the brown dog runs after it", "two men eat soup at home"], references)
    assert list(scores) == NAMES
    for name in ("bleu_4", "bleu_3", "bleu_2", "bleu_1", "chrf"):
        assert scores[name] == pytest.approx(100), name
    assert scores["exact_match"] == scores["distinct"] == 1.0


def test_bleu_counts_against_all_references_and_takes_the_closest_length():
    # "a b" is 2 words: of 1 and 3, as far from it, the shorter is taken, so nothing is lost for brevity.
    scores = score_captions(["a b", "c d e"], [["x y b", "a"], ["c d e f"]])
    # words: a, b, c, d, e of 5; pairs: c-d, d-e of 3; 5 words written for 1 + 4
    assert scores["bleu_1"] == pytest.approx(100)
    assert scores["bleu_2"] == pytest.approx(100 * math.sqrt(2 / 3))
    assert scores["bleu_3"] == pytest.approx(100 * (2 / 3 * 1) ** (1 / 3))


def test_a_picture_with_fewer_references_than_others_has_no_empty_ones():
    # An empty reference would be the closest to 1 word, of length 0, and take the penalty for brevity away.
    scores = score_captions(["a", "b c"], [["a x y z"], ["b c", "q", "b", "c"]])
    assert scores["bleu_1"] == pytest.approx(100 * math.exp(1 - 6 / 3))


def test_each_order_of_bleu_is_what_sacrebleu_gives():
    captions = ["A dog runs on the wet grass.", "Two men", "", "the the the cat"]
    references = [
        ["The dog runs over the grass", "a brown dog on the grass!", "grass"],
        ["two men talk", "Men."],
        ["nothing to see"],
        ["the cat sits", "a cat"],
    ]
    plain = lambda text: " ".join(split_words(text))  # noqa: E731
    columns = [[plain(s[column]) if column < len(s) else None for s in references] for column in range(3)]
    scores = score_captions(captions, references)
    for order in (1, 2, 3, 4):
        metric = sacrebleu.BLEU(max_ngram_order=order, tokenize="none", force=True)
        expected = metric.corpus_score([plain(text) for text in captions], columns).score
        assert scores[f"bleu_{order}"] == pytest.approx(expected), order
    columns = [[s[column] if column < len(s) else None for s in references] for column in range(3)]
    assert scores["chrf"] == pytest.approx(sacrebleu.CHRF().corpus_score(captions, columns).score)


def test_cider_d_is_the_mean_over_the_pictures_of_their_words():
    captions, references = ["A dog, running!", "two Men"], [["a dog running", "dog"], ["Two men."]]
    split = [[split_words(text) for text in several] for several in references]
    expected = cider_d([split_words(text) for text in captions], split)
    assert score_captions(captions, references)["cider_d"] == pytest.approx(np.mean(expected))
    assert expected[1] == pytest.approx(5.0)


def test_case_and_punctuation_count_for_chrf_and_the_exact_match_alone():
    references = [["A dog runs over grass."], ["Two men eat warm soup."]]
    exact = score_captions([text for (text,) in references], references)
    loose = score_captions(["a dog runs over grass", "two men, eat warm soup"], references)
    for name in NAMES[:5]:
        assert loose[name] == pytest.approx(exact[name]), name
    assert loose["chrf"] < exact["chrf"]
    assert (loose["exact_match"], exact["exact_match"]) == (0.0, 1.0)


def test_exact_match_is_any_reference_and_distinct_a_share_but_for_white_space():
    captions = [" a  b\n", "a b", "c", "D"]
    scores = score_captions(captions, [["x", "a b"], ["b a"], ["c\t"], ["d"]])
    assert scores["exact_match"] == pytest.approx(2 / 4)
    assert scores["distinct"] == pytest.approx(3 / 4)


def test_empty_captions_score_0_and_warn_of_nothing(caplog, recwarn):
    scores = score_captions(["", " "], [["a b ."], ["c", "d"]])
    assert scores == dict.fromkeys(NAMES, 0.0) | {"distinct": 0.5}
    score_captions(["a ."] * 200, [["a ."]] * 200)
    assert not caplog.records and not recwarn.list


@pytest.mark.parametrize(
    "text, words",
    [
        ("A man's t-shirt, isn't (don't) 3.5 m.", "a man 's t-shirt is n't do n't 3.5 m"),
        ("the girl 's hat; dogs' bowls, 'quoted'", "the girl 's hat dogs bowls quoted"),
        ("at 10:30, 1,000 men - two -- go!", "at 10:30 1,000 men two go"),
        ("It’s  5 o'clock … 100%", "it 's 5 o 'clock 100"),
        ("e\u0301te\u0301 हिन्दी STRASSE straße", "été हिन्दी strasse straße"),
        ("那只黑狗 is ＢＩＧ", "那 只 黑 狗 is big"),
        ("犬がはしる", "犬 が は し る"),
        ("a\u2764\ufe0fb snake_case", "a b snake case"),
        ("4071", "4071"),
        ("?! …", "?! ..."),
        ("  \n", ""),
    ],
)
def test_words_are_lower_case_and_without_punctuation(text, words):
    assert split_words(text) == words.split()


def test_the_signatures_say_that_the_words_come_split_and_the_number_of_references_varies():
    written = signatures()
    assert list(written) == ["bleu", "chrf"]
    for part in ("nrefs:var", "tok:none", "smooth:exp", "version:"):
        assert part in written["bleu"]
    assert "nc:6" in written["chrf"]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"at least 1 caption to score\. Got 0\."):
        score_captions([], [])
    with pytest.raises(ValueError, match=r"each of the 2 pictures\. Got 1\."):
        score_captions(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match=r"captions must be a list\. Got one text, 'ab'"):
        score_captions("ab", [["a"], ["b"]])
    with pytest.raises(ValueError, match=r"of picture 2 must be a list of texts\. Got one text, 'cd'"):
        score_captions(["a", "b"], [["a"], "cd"])
    with pytest.raises(ValueError, match=r"Picture 2 must have at least 1 reference\. Got 0\."):
        score_captions(["a", "b"], [["a"], []])


def test_people_score_on_flickr_as_the_usual_program_scores_them(real_data):
    """The first caption of 1,000 photographs against the other four.

    https://github.com/tylin/coco-caption gives CIDEr 0.76588, BLEU 63.877, 44.739, 30.797 and 20.894; it splits a few
    words otherwise ("cannot").
    """
    references = collections.defaultdict(list)
    with open(real_data / "captioning" / "flickr8k_1000" / "captions.txt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            references[row["image"]].append(row["caption"])
    several = list(references.values())
    scores = score_captions([texts[0] for texts in several], [texts[1:] for texts in several])
    assert scores["cider_d"] == pytest.approx(0.76588, abs=5e-4)
    wanted = {"bleu_1": 63.877, "bleu_2": 44.739, "bleu_3": 30.797, "bleu_4": 20.894}
    assert {name: scores[name] for name in wanted} == pytest.approx(wanted, abs=0.05)
    assert scores["exact_match"] == 0.0
