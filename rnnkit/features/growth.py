"""Growth: a parent's words and labels, and the own data's -> more words, other labels, and what each begins from."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from sklearn.feature_extraction.text import TfidfVectorizer

NEIGHBOURS = 5
LEAST_SIMILARITY = 0.5
"""Of common words of 20,000 IMDB reviews, taken for new ones, 85 % then had neighbours, whose n-gram weights told
the sign of a large weight of theirs in 66 % of all cases; 97 % and 65 % from 0.35 on, 65 % and 71 % from 0.6 on."""
BLOCK = 256
"""New words compared with all old ones at once: a few tens of MB."""
SPREAD = 200
COMMON = 0.02
"""Letter runs in more than this share of the old words say little and are passed over."""


def grow_vocabulary(
    old: Sequence[str], candidates: Sequence[str], *, most: int, reserved: int, unknown: int | None
) -> tuple[list[str], scipy.sparse.csr_matrix]:
    """Adds new words behind the old ones, and says from which old words each begins.

    Args:
        old: The parent's words, without the reserved ones.
        candidates: Words of the own train split, most frequent first; those in `old` are passed over.
        most: Most words added.
        reserved: Ids before the first word.
        unknown: Id as which a word begins that is spelled like no other; None: as the mean of `SPREAD` old words
            spread evenly over all ranks.

    Returns:
        All words, and `(reserved + all words, reserved + old words)`: old ids keep theirs, a new
        word is a mixture of those old words that share most runs of letters with it, as
        `similar_words` weighs them.
    """
    known = set(old)
    new = [word for word in candidates if word not in known][:most]
    kept = reserved + len(old)
    mixtures = similar_words(old, new)
    otherwise = [unknown] if unknown is not None else reserved + _spread(len(old))
    lone = np.flatnonzero(np.diff(mixtures.indptr) == 0)
    mean = scipy.sparse.csr_matrix(
        (
            np.full(len(lone) * len(otherwise), 1 / max(len(otherwise), 1)),
            (np.repeat(lone, len(otherwise)), np.tile(np.asarray(otherwise), len(lone))),
        ),
        (len(new), kept),
    )
    shifted = scipy.sparse.hstack([scipy.sparse.csr_matrix((len(new), reserved)), mixtures])
    carried = scipy.sparse.vstack([scipy.sparse.identity(kept), shifted + mean], format="csr")
    return [*old, *new], carried


def _spread(count):
    return np.unique(np.linspace(0, count - 1, min(SPREAD, count)).astype(int))


def similar_words(old: Sequence[str], new: Sequence[str]) -> scipy.sparse.csr_matrix:
    """Weighs the old words that are spelled most like each new one.

    Words are compared by the cosine of the TF-IDF of their runs of 3 to 5 letters, the word's
    ends among them, as fastText cuts them (Bojanowski et al. 2017, section 3.2,
    https://aclanthology.org/Q17-1010), in any case.

    Returns:
        `(new words, old words)`, shares by the square of that cosine, which sum to 1 over at
        most `NEIGHBOURS` words, each at least `LEAST_SIMILARITY` alike; empty where there is none.
    """
    shape = len(new), len(old)
    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), max_df=COMMON, dtype=np.float32)
    if len(old) < 1 / COMMON:
        runs.set_params(max_df=1.0)
    try:
        of_old = runs.fit_transform(old).T.tocsr()
    except ValueError:  # no old word, or none long enough for one run of letters
        return scipy.sparse.csr_matrix(shape)
    blocks = [scipy.sparse.csr_matrix((0, len(old)))]
    for start in range(0, len(new), BLOCK):
        alike = runs.transform(new[start : start + BLOCK]) @ of_old
        alike.data[alike.data < LEAST_SIMILARITY] = 0
        alike.eliminate_zeros()
        blocks.append(_largest(alike))
    return scipy.sparse.vstack(blocks, format="csr")


def _largest(alike):
    """Keeps the largest values of each row and scales their squares to a sum of 1."""
    indices, values, ends = [], [], [0]
    for start, stop in zip(alike.indptr, alike.indptr[1:], strict=False):
        row = alike.data[start:stop].astype(np.float64) ** 2
        # Equals in the order of their columns, so that the result is the same everywhere.
        chosen = np.lexsort((alike.indices[start:stop], -row))[:NEIGHBOURS]
        indices.append(alike.indices[start:stop][chosen])
        values.append(row[chosen] / row[chosen].sum() if len(chosen) else row[chosen])
        ends.append(ends[-1] + len(chosen))
    shape = alike.shape
    return scipy.sparse.csr_matrix((np.concatenate(values), np.concatenate(indices), ends), shape)


def map_labels(old: Sequence[str], new: Sequence[str]) -> scipy.sparse.csr_matrix:
    """Returns `(new labels, old labels)`: 1 where the name is the same, to the letter; other rows are empty."""
    places = {label: place for place, label in enumerate(old)}
    pairs = [(row, places[label]) for row, label in enumerate(new) if label in places]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    return scipy.sparse.csr_matrix((np.ones(len(pairs)), (rows, columns)), (len(new), len(old)))


def label_notes(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """Returns a remark for each new label that is an old one in another case or with other spaces."""
    folded = {" ".join(label.casefold().split()): label for label in old}
    near = [(label, folded.get(" ".join(label.casefold().split()))) for label in new if label not in old]
    return tuple(
        f"the label {label!r} is not the parent's {other!r}, and begins anew. Write it so in the data if it is meant."
        for label, other in near
        if other is not None
    )
