"""Scores of translations against known values, IBM model 1 against loops, and the baselines on tiny made-up pairs."""

import collections
import csv
import gzip
import random
import types
from pathlib import Path

import numpy as np
import pytest

from rnnkit.metrics import translation_baselines as module
from rnnkit.metrics.ibm_model_1 import ibm_model_1
from rnnkit.metrics.translation_baselines import learn_dictionary, score_pair_baselines, split_words
from rnnkit.metrics.translations import score_translations, signatures

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "phrases.tsv"
SETTINGS = types.SimpleNamespace(seed=0)


class PairRows:
    """What the baselines ask of a split."""

    features, target, names = ("text",), "translation", ()

    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def chunks(self, size=3):
        for start in range(0, len(self.pairs), size):
            texts, translations = zip(*self.pairs[start : start + size], strict=True)
            yield {"text": list(texts), "translation": list(translations)}


def splits(train, test):
    return types.SimpleNamespace(train=PairRows(train), valid=PairRows(test), test=PairRows(test))


def test_the_reference_itself_scores_highest():
    texts = ["Der Hund schläft nicht.", "Zwei Männer stehen vor einem Haus."]
    assert score_translations(texts, texts) == pytest.approx({"bleu": 100.0, "chrf": 100.0, "exact_match": 1.0})


def test_bleu_is_the_geometric_mean_of_the_precisions_with_a_penalty_for_brevity():
    # 4 of 5 words, 3 of 4 pairs, 2 of 3 triples and 1 of 2 quadruples, 5 words for 6
    scores = score_translations(["a b c d x"], ["a b c d e f"])
    assert scores["bleu"] == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25 * np.exp(1 - 6 / 5))
    assert scores["exact_match"] == 0.0


def test_bleu_is_cased_and_knows_the_mark_at_the_end_of_a_word():
    assert score_translations(["Das ist ein altes Haus."], ["das ist ein altes haus."])["bleu"] < 70
    assert score_translations(["Das ist ein altes Haus ."], ["Das ist ein altes Haus."])["bleu"] == pytest.approx(100)


def test_exact_match_is_a_share_of_rows_and_skips_white_space_at_the_ends():
    assert score_translations(["a b ", "c", "D"], ["a b", "c\n", "d"])["exact_match"] == pytest.approx(2 / 3)


def test_empty_hypotheses_score_0_and_warn_of_nothing(caplog, recwarn):
    assert score_translations(["", ""], ["a b .", "c"]) == {"bleu": 0.0, "chrf": 0.0, "exact_match": 0.0}
    score_translations(["a ."] * 200, ["a ."] * 200)
    assert not caplog.records and not recwarn.list


def test_the_signatures_name_case_tokeniser_and_version():
    written = signatures()
    assert list(written) == ["bleu", "chrf"]
    for part in ("nrefs:1", "case:mixed", "tok:13a", "version:"):
        assert part in written["bleu"]
    assert "nc:6" in written["chrf"]


def test_no_rows_rows_of_unlike_number_and_a_single_text_are_refused():
    with pytest.raises(ValueError, match=r"at least 1 translation to score\. Got 0\."):
        score_translations([], [])
    with pytest.raises(ValueError, match=r"each of the 2 references\. Got 1\."):
        score_translations(["a"], ["a", "b"])
    with pytest.raises(ValueError, match=r"references must be a list of texts\. Got one text, 'ab'"):
        score_translations(["a", "b"], "ab")


def by_loops(sources, targets, iterations):
    """IBM model 1 as in figure 3 of Brown et al., with dictionaries and a NULL word 0."""
    words = {word for target in targets for word in target}
    met = {(s, t) for source, target in zip(sources, targets, strict=True) for s in (0, *source) for t in target}
    probability = dict.fromkeys(met, 1 / len(words))
    likelihoods = []
    for _ in range(iterations):
        counts, totals, likelihood = collections.Counter(), collections.Counter(), 0.0
        for source, target in zip(sources, targets, strict=True):
            for t in target:
                total = sum(probability[s, t] for s in (0, *source))
                likelihood += np.log(total / (1 + len(source)))
                for s in (0, *source):
                    counts[s, t] += probability[s, t] / total
                    totals[s] += probability[s, t] / total
        probability = {(s, t): count / totals[s] for (s, t), count in counts.items()}
        likelihoods.append(likelihood)
    return probability, likelihoods


@pytest.fixture(scope="module")
def numbers():
    """30 pairs of random ids, empty sentences and repeated words among them."""
    rng = np.random.default_rng(7)
    draw = lambda low, high: [rng.integers(low, high, rng.integers(0, 6)) for _ in range(30)]  # noqa: E731
    return draw(1, 9), draw(0, 11)


@pytest.mark.parametrize("iterations", [1, 4])
def test_ibm_model_1_equals_loops(numbers, iterations):
    sources, targets = numbers
    table = ibm_model_1(sources, targets, iterations=iterations)
    expected, _ = by_loops([s.tolist() for s in sources], [t.tolist() for t in targets], iterations)
    found = table.tocoo()
    assert len(expected) == found.nnz
    for s, t, probability in zip(found.row, found.col, found.data, strict=True):
        assert probability == pytest.approx(expected[s, t], rel=1e-9), (s, t)


def test_each_row_of_a_word_that_occurs_sums_to_1_and_rounds_are_told(numbers):
    told = []
    sums = np.asarray(ibm_model_1(*numbers, iterations=3, advance=told.append).sum(axis=1)).ravel()
    assert told == [1, 2, 3]
    np.testing.assert_allclose(sums, 1.0)


def test_the_likelihood_never_falls(numbers):
    _, likelihoods = by_loops([s.tolist() for s in numbers[0]], [t.tolist() for t in numbers[1]], 6)
    assert (np.diff(likelihoods) >= -1e-9).all()


def test_pairs_without_a_word_on_either_side_are_no_obstacle():
    empty, two = np.array([], np.int64), np.array([1, 2])
    assert ibm_model_1([two, empty], [empty, empty]).shape == (3, 0)
    table = ibm_model_1([two, empty], [empty, np.array([1])])
    assert table[0, 1] == pytest.approx(1.0)


def test_pairs_of_unlike_number_are_refused():
    with pytest.raises(ValueError, match=r"as many sources as targets, 1 or more\. Got 1 and 2\."):
        ibm_model_1([np.array([1])], [np.array([0]), np.array([0])])
    with pytest.raises(ValueError, match=r"Got 0 and 0\."):
        ibm_model_1([], [])


@pytest.mark.parametrize(
    "text, words",
    [
        ("Don't go, Mr. X!", ["Don", "'", "t", "go", ",", "Mr", ".", "X", "!"]),
        ("a_b  3.5 %", ["a", "_", "b", "3", ".", "5", "%"]),
        ("e\u0301te\u0301 हिन्दी", ["e\u0301te\u0301", "हिन्दी"]),
        (" \n", []),
    ],
)
def test_words_are_letters_numbers_and_combining_marks(text, words):
    assert split_words(text) == words


def learnt(pairs):
    return learn_dictionary(*zip(*pairs, strict=True), seed=0)


PAIRS = [
    ("The dog sleeps.", "Der Hund schläft."),
    ("A dog, a house.", "Ein Hund, ein Haus."),
    ("The house burns.", "Das Haus brennt."),
    ("The dog burns.", "Der Hund brennt."),
    ("A cat sleeps!", "Eine Katze schläft!"),
    ("The cat runs.", "Die Katze rennt."),
    ("A house burns!", "Ein Haus brennt!"),
]


def test_the_dictionary_keeps_order_spaces_and_marks_and_the_case_of_the_target():
    dictionary = learnt(PAIRS)
    assert dictionary.rendered("dog  burns, cat sleeps!") == "Hund brennt, Katze schläft!"
    assert dictionary.rendered("sleeps dog.") == "Schläft Hund."
    assert dictionary.rendered("") == ""


def test_an_unknown_word_stays_as_it_is():
    assert learnt(PAIRS).rendered("dog Rex burns.") == "Hund Rex brennt."


def test_a_target_that_begins_small_gives_texts_that_begin_small():
    small = [(text, translation[0].lower() + translation[1:]) for text, translation in PAIRS]
    assert learnt(small).rendered("Sleeps dog.") == "schläft Hund."


def test_the_baselines_look_at_train_alone_and_score_test():
    test = [("The dog burns.", "Der Hund brennt."), ("xyz", "xyz")]
    scores = score_pair_baselines(splits(PAIRS, test), (), SETTINGS)
    assert list(scores) == ["copy", "dictionary"]
    assert scores["copy"] == {"test": score_translations([text for text, _ in test], [t for _, t in test])}
    assert scores["copy"]["test"]["exact_match"] == 0.5
    assert scores["dictionary"]["test"]["bleu"] > scores["copy"]["test"]["bleu"]
    turned = [(text, "nichts") for text, _ in test]
    assert score_pair_baselines(splits(PAIRS, turned), (), SETTINGS)["dictionary"]["test"]["bleu"] < 5


def test_too_many_pairs_are_drawn_by_the_seed_and_it_is_told(monkeypatch):
    said = []
    reporter = types.SimpleNamespace(say=said.append)
    texts, translations = zip(*PAIRS * 9, strict=True)
    monkeypatch.setattr(module, "MOST_MEETINGS", 200)
    first, again = (learn_dictionary(texts, translations, seed=3, reporter=reporter).words for _ in range(2))
    assert first == again
    assert len(said) == 2 and said[0].startswith("note: the dictionary is counted on ")
    assert said[0].endswith(" of 63 train pairs.")


def test_word_by_word_fails_on_the_sample():
    with open(SAMPLE, encoding="utf-8", newline="") as file:
        pairs = [(row["text"], row["translation"]) for row in csv.DictReader(file, delimiter="\t")]
    random.Random(1).shuffle(pairs)
    scores = score_pair_baselines(splits(pairs[700:], pairs[:700]), (), SETTINGS)
    assert scores["dictionary"]["test"]["bleu"] < 20
    assert scores["dictionary"]["test"]["chrf"] > 2 * scores["copy"]["test"]["chrf"]
    assert max(baseline["test"]["exact_match"] for baseline in scores.values()) < 0.05


def test_word_by_word_on_multi30k_is_far_better_than_copying_and_far_from_good(real_data):
    folder = real_data / "translation" / "multi30k"
    read = lambda name: gzip.decompress((folder / name).read_bytes()).decode("utf-8").splitlines()  # noqa: E731
    train, test = (
        list(zip(read(f"{name}.en.gz"), read(f"{name}.de.gz"), strict=True)) for name in ("train", "test_2016_flickr")
    )
    scores = score_pair_baselines(splits(train, test), (), SETTINGS)
    assert scores["copy"]["test"]["bleu"] < 2
    assert 8 < scores["dictionary"]["test"]["bleu"] < 20
