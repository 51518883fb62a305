"""Baselines of translation: the source as it is, and word by word with a dictionary counted on the train pairs."""

import collections
import functools
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from rnnkit.metrics.ibm_model_1 import NULL, ibm_model_1
from rnnkit.metrics.translations import score_translations
from rnnkit.progress import SILENT, Reporter

ITERATIONS = 10
MOST_MEETINGS = 10_000_000
"""Source words times target words, over all pairs, that the dictionary is counted on; of more, pairs are drawn."""


def score_pair_baselines(
    splits, preparation, settings, reporter: Reporter = SILENT
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores the baselines on the test split; as `Recipe.baselines` says.

    Args:
        splits: Rows of a text and its translation, such as `rnnkit.pairs` reads.
        preparation: Not used.
        settings: Its `seed` draws the train pairs where there are too many.
        reporter: Tells a person what goes on.

    Returns:
        `copy`, the source as it is, and `dictionary`, word by word by IBM model 1 learnt on the train split alone:
        name -> `{"test": scores}`, scores as from `score_translations`.
    """
    texts, references = _sides(splits.test)
    with reporter.task("baselines", total=ITERATIONS + 2) as advance:
        scores = {"copy": {"test": score_translations(texts, references)}}
        advance(1, "dictionary")
        dictionary = learn_dictionary(
            *_sides(splits.train), seed=settings.seed, reporter=reporter, advance=lambda done: advance(1 + done)
        )
        scores["dictionary"] = {"test": score_translations(map(dictionary.rendered, texts), references)}
    return scores


def _sides(rows):
    """Reads all texts and translations of a split."""
    chunks = list(rows.chunks())
    return tuple([text for chunk in chunks for text in chunk[name]] for name in (rows.features[0], rows.target))


class Dictionary:
    """Puts another word in the place of each.

    Args:
        words: Lower-case source word -> target word in its usual case; a word that isn't here stays as it is.
        capitals: Whether the first letter of each text is a capital.
    """

    def __init__(self, words: dict[str, str], *, capitals: bool):
        self.words, self.capitals = words, capitals

    def rendered(self, text: str) -> str:
        """Translates a text word by word; the spaces stay where they are."""
        out = word_pattern().sub(lambda found: self.words.get(found[0].lower(), found[0]), " ".join(text.split()))
        return _with_capital(out) if self.capitals else out


def _with_capital(text):
    first = next((place for place, letter in enumerate(text) if letter.isalnum()), None)
    return text if first is None else text[:first] + text[first].upper() + text[first + 1 :]


def learn_dictionary(
    sources: Sequence[str], targets: Sequence[str], *, seed: int, reporter: Reporter = SILENT, advance=lambda done: None
) -> Dictionary:
    """Learns for each source word the most probable target word of IBM model 1.

    Words are looked at in lower case; each is written as it mostly stands in `targets` where it isn't the first.

    Args:
        sources, targets: Train texts and their translations.
        seed: Of the draw where there are more pairs than `MOST_MEETINGS` allows.
        reporter: Told of such a draw.
        advance: Called with the rounds of EM done.
    """
    split_targets = [split_words(text) for text in targets]
    source_ids, source_names = _numbered([[word.lower() for word in split_words(text)] for text in sources], first=1)
    target_ids, target_names = _numbered([[word.lower() for word in words] for words in split_targets], first=0)
    kept = _drawn(source_ids, target_ids, seed)
    if len(kept) < len(sources):
        reporter.say(f"note: the dictionary is counted on {len(kept):,} of {len(sources):,} train pairs.")
    table = ibm_model_1(
        [source_ids[place] for place in kept],
        [target_ids[place] for place in kept],
        iterations=ITERATIONS,
        advance=advance,
    )
    cases = _usual_cases(split_targets)
    words = {}
    for number, name in enumerate(source_names, start=NULL + 1):
        if number < table.shape[0] and table.indptr[number] < table.indptr[number + 1]:
            row = slice(table.indptr[number], table.indptr[number + 1])
            best = target_names[table.indices[row][table.data[row].argmax()]]
            words[name] = cases.get(best, best)
    return Dictionary(words, capitals=_begin_with_capitals(targets))


def _numbered(texts, *, first):
    """Numbers the words, most frequent first, equals as they came: ids of each text, and the words."""
    counts = collections.Counter(word for words in texts for word in words)
    names = [word for word, _ in counts.most_common()]
    ids = {word: number for number, word in enumerate(names, start=first)}
    return [np.array([ids[word] for word in words], np.int64) for words in texts], names


def _drawn(sources, targets, seed):
    """Draws as many pairs as `MOST_MEETINGS` allows: their places, in order."""
    meetings = np.array([(1 + len(ids)) * len(other) for ids, other in zip(sources, targets, strict=True)])
    if meetings.sum() <= MOST_MEETINGS:
        return np.arange(len(meetings))
    order = np.random.default_rng(seed).permutation(len(meetings))
    return np.sort(order[: max(1, np.searchsorted(np.cumsum(meetings[order]), MOST_MEETINGS, "right"))])


def _usual_cases(texts: Iterable[list[str]]) -> dict[str, str]:
    """Lower-case word -> how it is mostly written inside a text, or at its start if it is nowhere else."""
    inside, at_start = collections.Counter(), collections.Counter()
    for words in texts:
        at_start.update(words[:1])
        inside.update(words[1:])
    cases = {}
    for counts in (at_start, inside):
        ranked = sorted(counts.items(), key=lambda item: (item[1], item[0]))
        cases |= {word.lower(): word for word, _ in ranked}
    return cases


def _begin_with_capitals(texts):
    letters = [next(filter(str.isalpha, text), "") for text in texts]
    return sum(letter.isupper() for letter in letters) > sum(letter.islower() for letter in letters)


def split_words(text: str) -> list[str]:
    """Splits a text into stretches of letters, numbers and combining marks, and every other mark by itself."""
    return word_pattern().findall(text)


@functools.cache
def word_pattern() -> re.Pattern:
    """Returns what `split_words` finds; `\\w` lacks combining marks, without which Hindi falls to pieces."""
    marks = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M"]
    return re.compile(rf"(?:[^\W_]|[{''.join(marks)}])+|[^\w\s]|_")
