"""Scores of translations: written texts and references -> BLEU, chrF and exact match, by sacreBLEU."""

from collections.abc import Iterable

from sacrebleu.metrics import BLEU, CHRF


def score_translations(hypotheses: Iterable[str], references: Iterable[str]) -> dict[str, float]:
    """Scores detokenised texts against one reference each.

    Args:
        hypotheses: Texts written, `(rows,)`; empty ones are fine.
        references: Texts wanted, `(rows,)`.

    Returns:
        In this order, each higher where better:
        `bleu`, 0 to 100, over the whole corpus: cased, tokenised as `13a` does, exponential smoothing of n-gram orders
        without a match (Papineni et al. 2002, https://aclanthology.org/P02-1040; Post 2018,
        https://aclanthology.org/W18-6319);
        `chrf`, 0 to 100, over the whole corpus: F-score, beta 2, of character n-grams up to 6
        (Popović 2015, https://aclanthology.org/W15-3049);
        `exact_match`, 0 to 1, the share of texts that are the reference but for white space at the ends.

    Raises:
        ValueError: There are no rows, or not as many hypotheses as references.
    """
    hypotheses, references = _texts("hypotheses", hypotheses), _texts("references", references)
    if not references:
        raise ValueError("There must be at least 1 translation to score. Got 0.")
    if len(hypotheses) != len(references):
        wanted, got = f"{len(references):,}", f"{len(hypotheses):,}"
        raise ValueError(f"There must be one hypothesis for each of the {wanted} references. Got {got}.")
    same = sum(ours.strip() == theirs.strip() for ours, theirs in zip(hypotheses, references, strict=True))
    bleu, chrf = _metrics()
    return {
        "bleu": float(bleu.corpus_score(hypotheses, [references]).score),
        "chrf": float(chrf.corpus_score(hypotheses, [references]).score),
        "exact_match": same / len(references),
    }


def signatures() -> dict[str, str]:
    """Returns how `bleu` and `chrf` are computed, as sacreBLEU writes it, to be named beside the scores."""
    written = {}
    for name, metric in zip(("bleu", "chrf"), _metrics(), strict=True):
        metric.corpus_score([""], [["."]])  # sacreBLEU knows the number of references only then
        written[name] = metric.get_signature().format()
    return written


def _metrics():
    # force: without it sacreBLEU warns on stderr about texts that end in " .", which is how some data are written.
    return BLEU(force=True), CHRF()


def _texts(name, given):
    if isinstance(given, str):
        raise ValueError(f"{name} must be a list of texts. Got one text, {given[:40]!r}. Put it in a list.")
    return list(given)
