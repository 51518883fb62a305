"""The linear-chain CRF against brute force over all sequences of tags, and features of windows."""

import itertools

import numpy as np
import pytest
import scipy.sparse

from rnnkit.metrics import linear_chain as module
from rnnkit.metrics.linear_chain import Chain, batch_of, expected, fit_chain, viterbi
from rnnkit.metrics.tag_windows import Windows, outline

TAGS = 3
LENGTHS = np.array([2, 4, 1, 0, 5, 4])


def made_up(seed, forbidden=()):
    """Random scores of tokens and steps; `forbidden` steps are impossible."""
    random = np.random.default_rng(seed)
    steps = random.normal(size=(TAGS + 1, TAGS + 1))
    for step in forbidden:
        steps[step] = -np.inf
    return random.normal(size=(LENGTHS.sum(), TAGS)), steps


def sequences(scores, steps):
    """All sequences of tags of one sentence, with the score of each."""
    for tags in itertools.product(range(TAGS), repeat=len(scores)):
        total = steps[-1, tags[0]] + steps[tags[-1], -1] + sum(scores[place, tag] for place, tag in enumerate(tags))
        yield tags, total + sum(steps[step] for step in itertools.pairwise(tags))


def by_sentence():
    begins = np.cumsum(LENGTHS) - LENGTHS
    return [slice(begin, begin + length) for begin, length in zip(begins, LENGTHS, strict=True) if length]


REAL = np.flatnonzero(LENGTHS)
FORBIDDEN = pytest.mark.parametrize("forbidden", [(), ((0, 0), (1, 2), (TAGS, 1), (2, TAGS))])


@FORBIDDEN
@pytest.mark.parametrize("seed", range(3))
def test_expected_tags_and_steps_are_the_sums_over_all_sequences(seed, forbidden):
    scores, steps = made_up(seed, forbidden)
    batch = batch_of(LENGTHS, REAL)
    shares, made = expected(scores[batch.tokens], batch, steps)
    true_shares, true_made = np.zeros_like(scores), np.zeros_like(steps)
    for place in by_sentence():
        every = list(sequences(scores[place], steps))
        total = np.logaddexp.reduce([score for _, score in every])
        for tags, score in every:
            probability = np.exp(score - total)
            true_shares[np.arange(place.start, place.stop), tags] += probability
            for step in itertools.pairwise((TAGS, *tags, TAGS)):
                true_made[step] += probability
    np.testing.assert_allclose(shares, true_shares[batch.tokens], atol=1e-12)
    np.testing.assert_allclose(made, true_made, atol=1e-12)


@FORBIDDEN
@pytest.mark.parametrize("seed", range(3))
def test_viterbi_finds_the_best_of_all_sequences(seed, forbidden):
    scores, steps = made_up(seed, forbidden)
    batch = batch_of(LENGTHS, REAL)
    found = np.empty(len(scores), int)
    found[batch.tokens] = viterbi(scores, batch, steps)
    for place in by_sentence():
        assert tuple(found[place]) == max(sequences(scores[place], steps), key=lambda pair: pair[1])[0]


def test_very_unlike_scores_give_numbers():
    scores, steps = made_up(0)
    scores[::2] += 4_000.0 * np.eye(TAGS)[0]
    batch = batch_of(LENGTHS, REAL)
    shares, made = expected(scores[batch.tokens], batch, steps)
    assert np.isfinite(shares).all() and np.isfinite(made).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_size_of_batches_does_not_change_the_tags(monkeypatch, size):
    scores, steps = made_up(1)
    chain = Chain(scores, steps)
    x = scipy.sparse.csr_matrix(np.eye(len(scores), dtype=np.float32))
    whole = chain.decoded(x, LENGTHS)
    monkeypatch.setattr(module, "DECODED", size)
    assert [len(tags) for tags in whole] == LENGTHS.tolist()
    for one, other in zip(whole, chain.decoded(x, LENGTHS), strict=True):
        np.testing.assert_array_equal(one, other)
    assert chain.decoded(x[:0], []) == []


def alternating():
    """Tags 1 and 2 by turns after a token that is told to be 1, in sentences of any length: features don't tell which.

    Returns:
        Features, lengths, codes, and the sentences' tags.
    """
    lengths = np.tile(np.arange(1, 8), 5)
    tags = [np.arange(length) % 2 + 1 for length in lengths]
    first = np.concatenate([np.arange(length) == 0 for length in lengths])
    x = scipy.sparse.csr_matrix(np.stack([first, ~first], axis=1).astype(np.float32))
    return x, lengths, np.concatenate(tags), tags


def fitted(possible=None, **changes):
    x, lengths, codes, tags = alternating()
    seen = []

    def score(chain):
        seen.append(np.mean(np.concatenate(chain.decoded(x, lengths)) == codes))
        return seen[-1]

    possible = np.ones((TAGS + 1,) * 2, bool) if possible is None else possible
    options = {"possible": possible, "epochs": 30, "seed": 0, "score": score} | changes
    return fit_chain(x, lengths, codes, **options), seen


def test_steps_from_tag_to_tag_are_learnt():
    chain, seen = fitted()
    x, lengths, codes, _ = alternating()
    assert np.mean(np.concatenate(chain.decoded(x, lengths)) == codes) == max(seen) == 1.0


def test_the_epoch_that_scores_best_is_kept():
    scores = iter([0.1, 0.7, 0.7, 0.2])
    met = []

    def score(chain):
        met.append(chain)
        return next(scores)

    told = []
    chain, _ = fitted(epochs=4, score=score, advance=told.append)
    assert chain is met[1] and told == [1, 2, 3, 4]
    assert not np.array_equal(met[1].weights, met[3].weights)


def test_what_is_impossible_stays_so():
    possible = np.ones((TAGS + 1,) * 2, bool)
    possible[0, 0] = possible[1, 1] = False
    chain, _ = fitted(possible, epochs=3)
    np.testing.assert_array_equal(np.isneginf(chain.steps), ~possible)
    assert np.isfinite(chain.weights).all()


def test_the_same_seed_gives_the_same_chain():
    one, other = (fitted(epochs=3)[0] for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)
    np.testing.assert_array_equal(one.steps, other.steps)


SENTENCES = [["The", "Bank", "of", "Reading", "opened", "."], ["I", "saw", "Reading"], [], ["Reading"]]


def test_a_token_has_the_features_of_its_own_sentence_only():
    windows = Windows(SENTENCES)
    whole = windows.matrix(SENTENCES).toarray()
    assert whole.shape == (10, windows.size)
    alone = np.concatenate([windows.matrix([words]).toarray() for words in SENTENCES])
    np.testing.assert_array_equal(whole, alone)
    assert set(np.unique(whole)) == {0.0, 1.0}


def test_a_word_is_seen_with_its_neighbours():
    windows = Windows(SENTENCES)
    x = windows.matrix([["of", "Reading", "opened"], ["of", "Reading", "ЖЖ"], ["saw", "Reading"], ["of", "Reading"]])
    x = x.toarray().astype(bool)
    opened, unknown, saw, of = x[1], x[4], x[7], x[9]
    assert (unknown <= opened).all() and (opened != unknown).any()  # what is unknown is left out
    assert (of & ~saw).any() and (saw & ~of).any()


def test_unseen_words_have_only_features_of_seen_parts():
    windows = Windows(SENTENCES)
    x = windows.matrix([["Reading"], ["Leading"], ["42"]]).toarray().astype(bool)
    assert (x[0] & x[1]).sum() > (x[0] & x[2]).sum()
    assert x[0].sum() > x[1].sum()


def test_every_feature_occurs_in_train():
    windows = Windows(SENTENCES)
    assert (windows.matrix(SENTENCES).sum(axis=0) >= 1).all()


def test_without_words_there_are_no_features():
    windows = Windows([[]])
    assert windows.size == 0 and windows.matrix([["a", "b"]]).shape == (2, 0)


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("McDonald's", "XxXxxxxx'x"),
        ("U.S.", "X.X."),
        ("1996-08-22", "0000-00-00"),
        ("東京", "cc"),
        ("Éa", "Xx"),
        ("", ""),
    ],
)
def test_the_outline_tells_the_kinds_of_letters(word, kinds):
    assert outline(word) == kinds
