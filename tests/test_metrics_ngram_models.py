"""N-gram models against dictionaries of tuples, written here from the formulas, and against a published perplexity."""

import collections
import gzip
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnkit.layers.embedding import END
from rnnkit.metrics.ngram_models import KneserNey, Unigram

SIZE = 7
START_OF_LINE = "start"

streams = st.lists(st.integers(0, SIZE - 1), max_size=40)
orders = st.integers(1, 5)


def stream(ids):
    return np.array(ids, np.int32)


def skewed(tokens, size, seed=0):
    """A stream of few frequent and many rare ids, whose n-grams occur again."""
    generator = np.random.default_rng(seed)
    drawn = (size * generator.random(tokens) ** 3).astype(np.int32)
    return np.where(generator.random(tokens) < 0.6, np.roll(drawn, 3), drawn)


class Dictionaries:
    """Interpolated modified Kneser-Ney, one n-gram at a time."""

    def __init__(self, ids, size, order):
        self.size, self.order = size, order
        occurrences = [collections.Counter() for _ in range(order + 1)]
        line = [START_OF_LINE]
        for token in ids:
            line.append(token)
            for length in range(1, min(order, len(line)) + 1):
                occurrences[length][tuple(line[-length:])] += 1
            if token == END:
                line = [START_OF_LINE]
        self.counts = list(occurrences)
        for length in range(1, order):
            before = collections.defaultdict(set)
            for gram in occurrences[length + 1]:
                before[gram[1:]].add(gram[0])
            self.counts[length] = {
                gram: count if gram[0] == START_OF_LINE else len(before[gram])
                for gram, count in occurrences[length].items()
            }
        self.discounts = [self.rule(list(counts.values())) for counts in self.counts[1:]]

    @staticmethod
    def rule(counts):
        n1, n2, n3, n4 = (counts.count(number) for number in (1, 2, 3, 4))
        if n1 == 0 or n2 == 0:
            return None
        y = n1 / (n1 + 2 * n2)
        if n3 > 0 and n4 > 0:
            found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
            if all(discount > 0 for discount in found):
                return found
        return y, y, y

    def probability(self, token, context):
        lower = self.probability(token, context[1:]) if context else 1 / self.size
        counts = self.counts[len(context) + 1]
        followers = [count for gram, count in counts.items() if gram[:-1] == context]
        if not followers:
            return lower
        count, total = counts.get((*context, token), 0), sum(followers)
        discounts = self.discounts[len(context)]
        if discounts is None:
            return (count + len(followers) * lower) / (total + len(followers))
        held = sum(discounts[min(follower, 3) - 1] for follower in followers)
        kept = count - discounts[min(count, 3) - 1] if count else 0
        return (kept + held * lower) / total

    def log_probabilities(self, ids):
        line, result = [START_OF_LINE], []
        for token in ids:
            context = tuple(line[-(self.order - 1) :]) if self.order > 1 else ()
            result.append(math.log(self.probability(token, context)))
            line = [START_OF_LINE] if token == END else [*line, token]
        return result


def distribution(model, context, size):
    """Probabilities of every id after a context."""
    rows = [model.log_probabilities(stream([*context, token]))[-1] for token in range(size)]
    return np.exp(rows)


@settings(deadline=None, max_examples=60)
@given(train=streams, test=streams, order=orders)
@example(train=[], test=[4, END, 0], order=3)
@example(train=[5], test=[5, 5, END, 6], order=4)
@example(train=[END, END, END], test=[END, END, 4], order=3)
@example(train=[4] * 30, test=[4, 4, 5, 4, END], order=5)
def test_kneser_ney_agrees_with_dictionaries_on_any_stream(train, test, order):
    found = KneserNey(stream(train), SIZE, order).log_probabilities(stream(test))
    np.testing.assert_allclose(found, Dictionaries(train, SIZE, order).log_probabilities(test), rtol=1e-9)


def test_kneser_ney_agrees_with_dictionaries_under_each_kind_of_discount():
    kinds = set()
    for tokens, size in ((5_000, 11), (700, 23), (300, 53)):
        ids = skewed(tokens, size)
        model, slow = KneserNey(ids, size, 4), Dictionaries(ids.tolist(), size, 4)
        for ours, theirs in zip(model.discounts, slow.discounts, strict=True):
            assert ours == (theirs if theirs is None else pytest.approx(theirs))
            kinds.add(ours and len(set(ours)))
        test = skewed(60, size, seed=1)
        np.testing.assert_allclose(model.log_probabilities(test), slow.log_probabilities(test.tolist()), rtol=1e-9)
    assert kinds == {None, 1, 3}


@settings(deadline=None, max_examples=40)
@given(train=streams, context=st.lists(st.integers(0, SIZE - 1), max_size=6), order=orders)
def test_probabilities_after_any_context_sum_to_one(train, context, order):
    for model in (KneserNey(stream(train), SIZE, order), Unigram(stream(train), SIZE)):
        probability = distribution(model, context, SIZE)
        assert probability.min() > 0 and probability.sum() == pytest.approx(1)


def test_probabilities_sum_to_one_with_discounts_of_each_kind():
    for tokens, size in ((5_000, 11), (700, 23), (300, 53)):
        ids = skewed(tokens, size)
        model = KneserNey(ids, size, 4)
        for place in (0, 7, tokens // 2, tokens - 5):
            assert distribution(model, ids[place : place + 3], size).sum() == pytest.approx(1)


@settings(deadline=None, max_examples=25)
@given(
    lines=st.lists(st.lists(st.integers(4, SIZE - 1), max_size=6), min_size=1, max_size=8), test=streams, order=orders
)
def test_the_order_of_lines_does_not_matter(lines, test, order):
    train, reversed_train = (
        stream([token for line in some for token in [*line, END]]) for some in (lines, lines[::-1])
    )
    found, other = (KneserNey(ids, SIZE, order).log_probabilities(stream(test)) for ids in (train, reversed_train))
    np.testing.assert_allclose(found, other)


@settings(deadline=None, max_examples=25)
@given(before=streams, after=streams, order=orders)
def test_what_stands_before_the_end_of_a_line_changes_nothing_after_it(before, after, order):
    model = KneserNey(skewed(500, SIZE), SIZE, order)
    whole = model.log_probabilities(stream([*before, END, *after]))
    parts = [model.log_probabilities(stream(part)) for part in ([*before, END], after)]
    np.testing.assert_allclose(whole, np.concatenate(parts))


def test_a_context_reaches_back_to_the_start_of_the_line():
    # 5 follows 4 at the start of a line, 6 elsewhere
    model = KneserNey(stream([4, 5, END, 6, 4, 6, END, 5, 4, 6, END, 4, 5, END] * 4), SIZE, 3)
    first, second = (model.log_probabilities(stream(ids))[-1] for ids in ([4, 5], [6, 4, 5]))
    assert first > math.log(0.8) and second < math.log(0.2)


def test_counts_of_shorter_n_grams_are_of_distinct_ids_before():
    # 6 occurs often but after 5 only, 4 after any id
    ids = stream([5, 6] * 30 + [0, 4, 1, 4, 2, 4])
    continuing, counting = KneserNey(ids, SIZE, 2), Unigram(ids, SIZE)
    unseen = [4, 6], [4, 4]  # bigrams that tell nothing themselves
    assert counting.log_probabilities(stream([6])) > counting.log_probabilities(stream([4]))
    assert continuing.log_probabilities(stream(unseen[0]))[1] < continuing.log_probabilities(stream(unseen[1]))[1]


def test_a_longer_order_tells_more_of_text_that_repeats():
    ids = stream([4, 5, 4, 6, 4, 5, 4, 0] * 50)
    losses = [-KneserNey(ids, SIZE, order).log_probabilities(ids).mean() for order in (1, 2, 3, 4)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.2 < losses[0] - 1


def test_ids_that_never_occur_in_train_have_a_finite_cost():
    test = stream([4, 19, 19, END, 17, 5])
    for model in (KneserNey(skewed(90, 11), 20, 5), Unigram(skewed(90, 11), 20)):
        assert np.isfinite(model.log_probabilities(test)).all()


def test_unigram_has_counts_one_more_than_seen():
    found = Unigram(stream([4, 4, END]), SIZE).log_probabilities(stream([4, END, 6]))
    np.testing.assert_allclose(np.exp(found), [3 / 10, 2 / 10, 1 / 10])


def test_an_empty_train_stream_gives_a_uniform_distribution():
    for model in (KneserNey(stream([]), SIZE, 3), Unigram(stream([]), SIZE)):
        np.testing.assert_allclose(np.exp(model.log_probabilities(stream([0, 5, END]))), 1 / SIZE)
        assert model.log_probabilities(stream([])).shape == (0,)


def test_streams_on_disk_are_left_as_they_are_and_give_the_same(tmp_path):
    ids = skewed(200, 13)
    ids.tofile(tmp_path / "ids")
    mapped = np.memmap(tmp_path / "ids", np.int32, "r")
    found = KneserNey(mapped, 13, 3).log_probabilities(mapped)
    assert found.dtype == np.float64 and type(found) is np.ndarray
    np.testing.assert_array_equal(found, KneserNey(ids, 13, 3).log_probabilities(ids))


def test_keys_of_long_n_grams_of_many_ids_do_not_overflow():
    # 9 ids below 2 ** 20 hold 180 bits
    size = 2**20
    ids = np.random.default_rng(0).integers(size - 50, size, 300).astype(np.int32)
    assert np.exp(KneserNey(ids, size, 9).log_probabilities(ids)[10:]).min() > 0.01


def test_progress_is_told_after_each_order():
    done = []
    KneserNey(skewed(30, 5), 5, 3, done.append)
    assert done == [30, 60, 90]


@pytest.mark.parametrize(
    ("ids", "size", "order", "message"),
    [
        ([4, 9, 2], 7, 3, r"ids must lie from 0 to 6, one below size\. Got 9\."),
        ([4, -2], 7, 3, r"ids must lie from 0 to 6, one below size\. Got -2\."),
        ([[4, 5]], 7, 3, r"ids must be integers, \(tokens,\)\. Got int64 of shape \(1, 2\)\."),
        ([0.5], 7, 3, r"ids must be integers, \(tokens,\)\. Got float64 of shape \(1,\)\."),
        ([1], 3, 3, r"size must be at least 4: id 3 ends a line\. Got 3\."),
        ([4], 7, 0, r"order must be at least 1\. Got 0\."),
    ],
)
def test_what_cannot_be_counted_is_refused(ids, size, order, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        KneserNey(np.array(ids), size, order)


def test_ids_a_model_cannot_know_are_refused_when_scored():
    for model in (KneserNey(stream([4]), SIZE, 2), Unigram(stream([4]), SIZE)):
        with pytest.raises(ValueError, match=r"^ids must lie from 0 to 6, one below size\. Got 7\.$"):
            model.log_probabilities(stream([4, 7]))


def test_the_published_perplexity_on_the_penn_treebank(real_data):
    folder = real_data / "language_modeling" / "ptb"
    train, test = (
        [line.split() for line in text.splitlines()]
        for text in (
            gzip.decompress((folder / "ptb.train.txt.gz").read_bytes()).decode(),
            (folder / "ptb.test.txt").read_text(),
        )
    )
    number = {word: place for place, word in enumerate(sorted({word for line in train for word in line}), END + 1)}
    train, test = (
        stream([token for line in lines for token in [*(number[word] for word in line), END]])
        for lines in (train, test)
    )
    assert (len(train), len(test)) == (929_589, 82_430)
    model = KneserNey(train, len(number) + END + 1, 5)
    # KN5 of Mikolov & Zweig (2012): 141.2, https://doi.org/10.1109/SLT.2012.6424228
    assert np.exp(-model.log_probabilities(test).mean()) == pytest.approx(141.2, abs=0.2)
