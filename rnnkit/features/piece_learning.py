"""Learning pieces: training texts -> pieces and scores; and own texts -> characters or words to be added."""

import collections
import io
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from rnnkit.features.piece_splitting import FIRST, SPACE, cleaned
from rnnkit.features.pieces import KINDS, Pieces
from rnnkit.features.words import PRUNE_ABOVE
from rnnkit.layers.embedding import END, PADDING, START, UNKNOWN

OFTEN = 400
"""Occurrences in the training texts that half of the pieces are to have, where their number is not given."""
SIZES = (16_000, 8_000, 5_600, 4_000, 2_800, 2_000, 1_400, 1_000, 700, 500, 400, 300, 200)
MOST_WORDS = 30_000
"""Words known where their number is not given."""
LEAST_COVERAGE = 0.98
"""Share of the characters in texts that must be pieces; the library takes no less."""
UNTAUGHT = "\u2585"
"""The library keeps this character for itself, and learns from no word that has it."""


def learn_pieces(
    texts: Iterable[list[str]],
    *,
    kind: str,
    size: int | None,
    least: int = 1,
    normalization: str = "nfkc",
    lower: bool = False,
    seed: int = 0,
) -> tuple[list[str], list[float]]:
    """Learns the pieces of training texts.

    Args:
        texts: Chunks of texts.
        kind: bpe or unigram, learnt by the sentencepiece library from the words and how often each
            occurs; word or character, which are counted.
        size: Most ids, the 4 reserved ones included; fewer where the texts don't give as many. Of
            more characters than that, rare ones are left out, 2 % of the texts at most. None: of bpe
            and unigram as `fitting_size` says, of words the `MOST_WORDS` most frequent.
        least: Fewest occurrences of a word or character that is kept; unused for bpe and unigram.
        normalization, lower: How texts are cleaned, as for `Pieces`.
        seed: Of the library's random numbers. What is learnt depends on it, the words and their counts alone.

    Returns:
        The pieces, and the score of each (none for words and characters): the arguments of `Pieces`.

    Raises:
        ValueError: There is no such kind, `size` has no room for the characters, or the texts hold no word.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}. Got {kind!r}.")
    if size is not None and size <= FIRST:
        raise ValueError(f"size must be more than {FIRST}, the reserved ids. Got {size}.")
    if kind in ("bpe", "unigram"):
        words = _counted(texts, lambda text: _words(text, normalization, lower))
        words = collections.Counter({word: count for word, count in words.items() if UNTAUGHT not in word})
        _check_any(words)
        size = fitting_size(words) if size is None else size
        return _read_model(train_model(words, kind=kind, size=size, seed=seed))
    counts = _counted(texts, Pieces(kind=kind, normalization=normalization, lower=lower).split)
    _check_any(counts)
    return _ranked(counts, least)[: (MOST_WORDS if size is None else size) - FIRST], []


def fitting_size(words: collections.Counter) -> int:
    """Returns the most pieces, of `SIZES`, at which half of those of bpe occur `OFTEN` times or more in these words.

    Few pieces where there is little text, so that each is met often enough to be learnt (Sennrich & Zhang 2019,
    section 3.2, https://arxiv.org/abs/1905.11901; Gowda & May 2020, https://arxiv.org/abs/2004.02334).
    """
    import sentencepiece

    least = SIZES[0]
    for size in SIZES:
        try:
            model = sentencepiece.SentencePieceProcessor(model_proto=train_model(words, kind="bpe", size=size))
        except ValueError:  # No room for the characters.
            break
        least = size
        if model.get_piece_size() < size / 2:
            continue
        met = np.zeros(model.get_piece_size(), np.int64)
        for word, count in words.items():
            np.add.at(met, model.encode(word), count)
        if np.median(met[FIRST:]) >= OFTEN:
            return size
    return least


def _words(text, normalization, lower):
    return tf.strings.split(cleaned(text, normalization=normalization, lower=lower))


def _counted(texts, split) -> collections.Counter:
    """Counts what `split` makes of the texts."""
    traced = tf.function(
        lambda text: split(text).flat_values, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
    )
    counts = collections.Counter()
    for chunk in texts:
        counts.update(traced(tf.constant(list(chunk), tf.string, [len(chunk)])).numpy().tolist())
        if len(counts) > PRUNE_ABOVE:
            counts = collections.Counter({unit: count for unit, count in counts.items() if count > 1})
    counts = collections.Counter({unit.decode("utf-8"): count for unit, count in counts.items()})
    return counts


def _check_any(units):
    if not units:
        raise ValueError("The texts hold no word to learn pieces from. Give texts that aren't empty.")


def _ranked(counts, least):
    """Returns the most frequent first, equals in alphabetical order."""
    kept = (pair for pair in counts.items() if pair[1] >= least)
    return [unit for unit, _ in sorted(kept, key=lambda pair: (-pair[1], pair[0]))]


def train_model(words: collections.Counter, *, kind: str, size: int, seed: int = 0) -> bytes:
    """Trains a model of the sentencepiece library on words and their counts, and returns it as the library stores it.

    Its ids are those of `Pieces`. A word counts as often as it occurs, so that this is the same as
    training on the texts, with each word held once.
    """
    import sentencepiece

    sentencepiece.set_random_generator_seed(seed)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(f"{word}\t{words[word]}" for word in _ranked(words, 1)),
        input_format="tsv",
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=_coverage(words, size),
        normalization_rule_name="identity",
        max_sentence_length=1 << 20,
        minloglevel=2,
        pad_id=PADDING,
        unk_id=UNKNOWN,
        bos_id=START,
        eos_id=END,
    )
    return model.getvalue()


def _coverage(words, size):
    """Returns the share of the characters, by occurrence, that are to be pieces: all if there is room."""
    counts = collections.Counter({SPACE: sum(words.values())})
    for word, count in words.items():
        for character in word:
            counts[character] += count
    if len(counts) <= size - FIRST:
        return 1.0
    shares = np.cumsum([count for _, count in counts.most_common()]) / sum(counts.values())
    needed = int(np.searchsorted(shares, LEAST_COVERAGE)) + 1
    if needed > size - FIRST:
        raise ValueError(
            f"size must be at least {needed + FIRST} for these texts, which have {len(counts)} different characters. "
            f"Got {size}."
        )
    # Halfway between, rare characters leave room for longer pieces.
    return float(shares[(needed + size - FIRST) // 2 - 1])


def _read_model(model):
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    numbers = range(FIRST, processor.get_piece_size())
    return [processor.id_to_piece(number) for number in numbers], [processor.get_score(number) for number in numbers]


def grow_pieces(layer: Pieces, texts: Iterable[list[str]], *, most: int) -> list[str]:
    """Returns characters, or for kind word the words, of texts that a layer doesn't know.

    Put behind the layer's pieces, with its scores as they are, they make a layer that leaves all else
    split as before.

    Args:
        layer: The layer that is to grow.
        texts: Chunks of texts.
        most: Most pieces returned.

    Returns:
        The most frequent first, equals in alphabetical order.
    """
    kind = "word" if layer.kind == "word" else "character"
    split = Pieces(kind=kind, normalization=layer.normalization, lower=layer.lower).split
    known = set(layer.pieces)
    return [unit for unit in _ranked(_counted(texts, split), 1) if unit not in known][:most]
