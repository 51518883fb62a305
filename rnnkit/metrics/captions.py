"""Scores of captions: written texts and all references of each picture -> CIDEr-D, BLEU, chrF and exact match."""

import functools
import re
import sys
import unicodedata
from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from rnnkit.metrics.cider import ORDERS, cider_d


def score_captions(captions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores a written caption of each picture against all its references.

    CIDEr-D and BLEU compare the words that `split_words` finds, so neither case nor punctuation counts for them. Where
    white space and marks are the matter, as in formulas, chrF and the exact match tell more.

    Args:
        captions: Texts written, `(pictures,)`; empty ones are fine.
        references: Texts wanted, one or more for each picture; their number may differ.

    Returns:
        In this order, each higher where better:
        `cider_d`, 0 to 10, mean over the pictures, as `rnnkit.metrics.cider.cider_d` says: 0 of a single picture, and
        at most 2.5 where references are one word;
        `bleu_4`, `bleu_3`, `bleu_2`, `bleu_1`, 0 to 100, over the whole corpus: n-grams up to that order, the reference
        of the closest length (of two the shorter), exponential smoothing of orders without a match (Papineni et al.
        2002, https://aclanthology.org/P02-1040);
        `chrf`, 0 to 100, over the whole corpus, cased: F-score, beta 2, of character n-grams up to 6, each caption
        against its best reference (Popović 2015, https://aclanthology.org/W15-3049);
        `exact_match`, 0 to 1, the share of captions that equal a reference but for white space;
        `distinct`, 0 to 1, the different captions among all, but for white space: low where a model always says the
        same.

    Raises:
        ValueError: There are no pictures, not as many captions as pictures, or a picture has no reference.
    """
    captions, references = _checked(captions, references)
    ours = [split_words(text) for text in captions]
    wanted = [[split_words(text) for text in several] for several in references]
    plain = [_spaced(text) for text in captions]
    same = sum(text in map(_spaced, several) for text, several in zip(plain, references, strict=True))
    bleu, chrf = _metrics()
    return {
        "cider_d": float(np.mean(cider_d(ours, wanted))),
        **_bleu_scores(bleu, ours, wanted),
        "chrf": float(chrf.corpus_score(captions, _in_columns(references)).score),
        "exact_match": same / len(captions),
        "distinct": len(set(plain)) / len(captions),
    }


def signatures() -> dict[str, str]:
    """Returns how BLEU and chrF are computed, as sacreBLEU writes it, to be named beside the scores.

    BLEU is given words of `split_words`, lower-case and without punctuation: it splits and lowers nothing itself.
    """
    written = {}
    for name, metric in zip(("bleu", "chrf"), _metrics(), strict=True):
        metric.corpus_score(["", ""], [["."] * 2, [None, "."]])  # sacreBLEU knows the number of references only then
        written[name] = metric.get_signature().format()
    return written


def split_words(text: str) -> list[str]:
    """Splits a text into lower-case words and numbers, and drops punctuation and symbols.

    What stands after an apostrophe is a word of its own ("man's" -> "man", "'s"; "don't" -> "do", "n't"), a hyphen
    within a word stays ("t-shirt"), and so do marks between digits ("3.5"): about what is left of the Penn treebank
    tokens in https://github.com/tylin/coco-caption. Han, hiragana and katakana are a word a character. Unicode is
    brought to NFKC. A text without a word is split at white space.
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    return word_pattern().findall(text) or text.split()


@functools.cache
def word_pattern() -> re.Pattern:
    """Returns what `split_words` finds; `\\w` lacks combining marks, without which Hindi falls to pieces."""
    marks = "".join(chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M")
    single = "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
    first = rf"(?![{single}])[^\W_]"
    letter = rf"(?:{first}|[{marks}])"
    number = r"\d+(?:[.,:/]\d+)+"
    negated = rf"{first}{letter}*?(?=n't(?!{letter}))|n't(?!{letter})"
    word = rf"{first}{letter}*(?:-{letter}+)*"
    return re.compile(rf"[{single}]|{number}|{negated}|{word}|(?<={letter})'{letter}+|'(?:s|re|ve|ll|d|m)(?!{letter})")


def _bleu_scores(bleu, captions, references):
    """Returns BLEU of each order, the highest first, from one count of the n-grams."""
    joined = [[" ".join(text) for text in several] for several in references]
    counted = bleu.corpus_score([" ".join(text) for text in captions], _in_columns(joined))
    scores = {}
    for order in range(ORDERS, 0, -1):
        found = bleu.compute_bleu(
            counted.counts[:order],
            counted.totals[:order],
            counted.sys_len,
            counted.ref_len,
            smooth_method=bleu.smooth_method,
            max_ngram_order=order,
        )
        scores[f"bleu_{order}"] = float(found.score)
    return scores


def _in_columns(references):
    """Turns the references of each picture into sacreBLEU's columns of texts; None where a picture has no more."""
    most = max(map(len, references))
    return [[several[column] if column < len(several) else None for several in references] for column in range(most)]


def _metrics():
    return BLEU(max_ngram_order=ORDERS, tokenize="none", force=True), CHRF()


def _spaced(text):
    return " ".join(text.split())


def _checked(captions, references):
    for name, given in (("captions", captions), ("references", references)):
        if isinstance(given, str):
            raise ValueError(f"{name} must be a list. Got one text, {given[:40]!r}. Put it in a list.")
    captions, references = list(captions), list(references)
    if not references:
        raise ValueError("There must be at least 1 caption to score. Got 0.")
    if len(captions) != len(references):
        wanted, got = f"{len(references):,}", f"{len(captions):,}"
        raise ValueError(f"There must be one caption for each of the {wanted} pictures. Got {got}.")
    for number, several in enumerate(references, 1):
        if isinstance(several, str):
            raise ValueError(
                f"The references of picture {number:,} must be a list of texts. Got one text, {several[:40]!r}. Put it "
                "in a list."
            )
        if not len(several):
            raise ValueError(f"Picture {number:,} must have at least 1 reference. Got 0. Leave the picture out.")
    return captions, [list(several) for several in references]
