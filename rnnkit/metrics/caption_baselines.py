"""Baselines of captioning: train captions alone, or the caption of the train picture of the most similar colours."""

import collections
from collections.abc import Callable, Sequence

import numpy as np

from rnnkit.metrics.captions import score_captions, split_words
from rnnkit.metrics.cider import ORDERS, Rarity, count_ngrams, similarity
from rnnkit.metrics.picture_features import colours, decoded_pictures, nearest, standardised
from rnnkit.progress import SILENT, Reporter

FINALISTS = 50
"""Captions that are compared with others by CIDEr-D, the rest being out by a quicker measure."""
COMPARED = 2_000
"""Most train captions that each of them is compared with."""
COUNTED = 20_000
"""Most train captions that n-grams are counted in."""

Captions = Sequence[Sequence[str]]


def score_caption_baselines(
    splits, preparation, settings, reporter: Reporter = SILENT
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores the baselines on the test split; as `Recipe.baselines` says.

    Args:
        splits: Rows of encoded pictures and lists of captions.
        preparation: Its `features` decode the pictures.
        settings: Its `seed` draws.
        reporter: Tells a person what goes on.

    Returns:
        `most_frequent`, the train caption that is there most often, for all; `consensus`, the one that is most like
        those of other pictures, for all; `unigram`, words drawn as often as train has them; `nearest_image`, a caption
        of the train picture of the most similar colours: name -> `{"test": scores}`, scores as from `score_captions`.
    """
    train, test = (_captions(rows) for rows in (splits.train, splits.test))
    pictures = len(splits.train) + len(splits.test)
    with reporter.task("baselines", total=pictures, unit="pictures") as advance:
        advance(0, "captions")
        answers = {
            "most_frequent": [most_frequent(train)] * len(test),
            "consensus": [consensus(train, seed=settings.seed)] * len(test),
            "unigram": unigram(train, len(test), seed=settings.seed),
            "nearest_image": _of_nearest(splits, preparation, train, lambda done: advance(done, "nearest_image")),
        }
        return {name: {"test": score_captions(texts, test)} for name, texts in answers.items()}


def _captions(rows):
    """Reads all captions of a split."""
    return [list(texts) for chunk in rows.chunks() for texts in chunk[rows.target]]


def most_frequent(captions: Captions) -> str:
    """Returns the caption that is there most often but for white space; of equally frequent ones the first.

    Args:
        captions: One or more of each train picture.
    """
    counts = collections.Counter(" ".join(text.split()) for several in captions for text in several)
    return max(counts, key=counts.__getitem__)


def consensus(captions: Captions, *, seed: int) -> str:
    """Returns the caption that is most like the captions of other pictures, as CIDEr-D sees it.

    Where there are more than about 20,000 captions, those of drawn pictures are looked at. By a sum over them all, the
    50 different ones with the highest mean cosine are found; of these the one with the highest mean CIDEr-D against at
    most 2,000 drawn captions, those of other pictures. Where none is like another, it is the most frequent one.

    Args:
        captions: One or more of each train picture.
        seed: Of the draws.

    Devlin et al. (2015), https://arxiv.org/abs/1505.04467, choose so among the captions of similar pictures; here it is
    one caption for all.
    """
    rng = np.random.default_rng(seed)
    kept = _drawn(len(captions), max(1, COUNTED * len(captions) // sum(map(len, captions))), rng)
    texts = [(picture, " ".join(text.split())) for picture in kept for text in captions[picture]]
    counted = [count_ngrams(split_words(text)) for _, text in texts]
    pictures = collections.defaultdict(list)
    for (picture, _), counts in zip(texts, counted, strict=True):
        pictures[picture].append(counts)
    rarity = Rarity(list(pictures.values()))
    vectors = [rarity.weighed(counts) for counts in counted]
    cosines = _mean_cosines(vectors)
    finalists = _first_different([texts[place][1] for place in np.argsort(-cosines, kind="stable")], texts)
    others = _drawn(len(texts), COMPARED, rng)
    scores = []
    for place in finalists:
        elsewhere = [other for other in others if texts[other][0] != texts[place][0]]
        likeness = [similarity(vectors[place], vectors[other]) for other in elsewhere]
        scores.append(np.mean(likeness) if likeness else 0.0)
    return texts[finalists[int(np.argmax(scores))]][1] if max(scores) > 0 else most_frequent(captions)


def _drawn(count, most, rng):
    """Draws as many of the numbers below `count` as are wanted: in order."""
    return np.sort(rng.permutation(count)[:most]).tolist()


def _first_different(ranked, texts):
    """Returns where the first `FINALISTS` different texts stand."""
    places = {}
    for place, (_, text) in enumerate(texts):
        places.setdefault(text, place)
    return [places[text] for text in list(dict.fromkeys(ranked))[:FINALISTS]]


def _mean_cosines(vectors):
    """Returns the mean cosine of each text with all, over the orders of n-grams, but for a constant factor."""
    total = collections.defaultdict(float)
    for vector in vectors:
        for ngram, weight in vector.weights.items():
            if weight:
                total[ngram] += weight / vector.norms[len(ngram) - 1]
    cosines = np.zeros(len(vectors))
    for place, vector in enumerate(vectors):
        for ngram, weight in vector.weights.items():
            if weight:
                cosines[place] += weight * total[ngram] / vector.norms[len(ngram) - 1]
    return cosines / (ORDERS * max(len(vectors), 1))


def unigram(captions: Captions, count: int, *, seed: int) -> list[str]:
    """Draws words as often as train has them, as many for each caption as a drawn train caption has.

    Args:
        captions: One or more of each train picture.
        count: Captions wanted.
        seed: Of the draws.

    Returns:
        `(count,)`.
    """
    rng = np.random.default_rng(seed)
    words = [split_words(text) for several in captions for text in several]
    every = [word for text in words for word in text]
    lengths = rng.choice([len(text) for text in words], size=count)
    return [" ".join(every[place] for place in rng.integers(max(len(every), 1), size=length)) for length in lengths]


def _of_nearest(splits, preparation, captions, advance: Callable[[int], None]) -> list[str]:
    """Returns the first caption of the most similar train picture for each test picture."""
    parts, done = [], 0
    for rows in (splits.train, splits.test):
        pixels = decoded_pictures(rows, preparation, lambda seen, done=done: advance(done + seen))
        parts.append([np.concatenate(part) for part in zip(*map(colours, pixels), strict=True)])
        done += len(rows)
    train, test = parts
    places = nearest(standardised(test, train), standardised(train, train))
    return [captions[place][0] for place in places]
