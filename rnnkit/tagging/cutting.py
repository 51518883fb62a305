"""Cutting: tagged sentences -> which split each is in, by seed; equal ones together, and those of one document."""

from collections.abc import Mapping

import numpy as np

from rnnkit.sources.splitting import NONE, TEST, TRAIN, VALID, assign
from rnnkit.tagging.scan import TaggedScan
from rnnkit.tagging.schemes import split_tag

LEAST_DOCUMENTS = 20
"""Documents from which on they are kept together."""
NO_LABEL = ""


def cut(scan: TaggedScan, shares: Mapping[int, float], seed: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Deals sentences out to splits.

    Sentences of equal tokens go together. With `LEAST_DOCUMENTS` or more documents those of one go together, and
    sentences that an earlier split (of train, valid, test) has too are left out: else whatever stands in many
    documents, as a date or a by-line, would tie them all together. Without, each split gets its share of the
    sentences of each label, told by the rarest one of each sentence. Each label that occurs occurs in train.

    Args:
        scan: The sentences.
        shares: Of the splits to be cut, `splitting.VALID` or `TEST`; the rest is train.
        seed: Of the deal.

    Returns:
        `(sentences,)` uint8, the split of each, `splitting.NONE` for one left out; and remarks.
    """
    shares = {part: share for part, share in shares.items() if share > 0}
    labels = [_labels(tags, scan.scheme) for tags in scan.tags]
    if not shares:
        return np.full(len(labels), TRAIN, np.uint8), ()
    documents = scan.documents
    if len(np.unique(documents[documents > 0])) < LEAST_DOCUMENTS:
        parts = assign(_rarest(labels), scan.hashes, shares, seed)
        if not np.isin(list(shares), parts).all():
            # So few sentences of each label that none could be spared.
            parts = assign(np.zeros(len(labels), np.int32), scan.hashes, shares, seed)
        return _with_all_labels(parts, scan.hashes, labels), ()
    parts = assign(np.zeros(len(labels), np.int32), documents.astype(np.uint64), shares, seed)
    parts = _with_all_labels(parts, documents, labels)
    repeated = np.zeros(len(labels), bool)
    for part, earlier in ((VALID, (TRAIN,)), (TEST, (TRAIN, VALID))):
        repeated |= (parts == part) & np.isin(scan.hashes, scan.hashes[np.isin(parts, earlier)])
    parts[repeated] = NONE
    count = int(repeated.sum())
    if not count:
        return parts, ()
    return parts, (
        f"{scan.table.name}: its documents stay together; {count:,} sentence{'s' * (count != 1)} of valid and test "
        "that stand in more than one split are left out there.",
    )


def _labels(tags, scheme):
    return set(tags) if scheme == "none" else {split_tag(tag)[1] for tag in tags} - {NO_LABEL}


def _rarest(labels):
    """Returns a class for each sentence: its label that fewest sentences have, counted from the rarest on."""
    counts = {NO_LABEL: len(labels) + 1}
    for own in labels:
        for label in own:
            counts[label] = counts.get(label, 0) + 1
    order = {label: place for place, label in enumerate(sorted(counts, key=lambda label: (counts[label], label)))}
    return np.array([min((order[label] for label in own), default=order[NO_LABEL]) for own in labels], np.int32)


def _with_all_labels(parts, groups, labels):
    """Moves groups of sentences to train that have a label which train has nowhere else."""
    known = set().union(*(own for own, part in zip(labels, parts.tolist(), strict=True) if part == TRAIN))
    for row in np.flatnonzero(parts != TRAIN).tolist():
        if labels[row] - known:
            moved = groups == groups[row]
            parts[moved] = TRAIN
            known.update(*(labels[n] for n in np.flatnonzero(moved).tolist()))
    return parts
