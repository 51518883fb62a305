"""Scan: one pass over a source -> its sentences as tokens and tags, entities in BIOES, and the faults."""

import dataclasses
import hashlib

import numpy as np

from rnnkit.messages import few_of
from rnnkit.sources.faults import Fault, FaultLog
from rnnkit.sources.table import Meter
from rnnkit.tagging import schemes
from rnnkit.tagging.aligning import Changes, align, cut_texts
from rnnkit.tagging.rows import TaggedRows
from rnnkit.tagging.sentences import Sentence, SentenceSource
from rnnkit.tagging.settings import TaggedSettings

MOST_LABELS = 2_000
TOLD = 3
"""Faulty tags that a note tells one by one."""


@dataclasses.dataclass(frozen=True)
class TaggedScan:
    """What a source holds.

    Attributes:
        table: What was read.
        tokens, tags: Of each sentence that is used; tags of entities in BIOES.
        texts: What tokens were cut from, None where they came as tokens.
        documents: `(sentences,)` int64, the document of each, from 1; 0 where none is told.
        hashes: `(sentences,)` uint64, equal where the tokens are.
        scheme: What the tags were written in.
        sha256: Of the bytes of the file, or of the sentences where there is none.
        faults: The sentences that can't be used.
        notes: Remarks on what was guessed, changed or left out.
        stamp: The source's when it was read.
    """

    table: SentenceSource
    tokens: list[list[str]]
    tags: list[list[str]]
    texts: list[str | None]
    documents: np.ndarray
    hashes: np.ndarray
    scheme: str
    sha256: str
    faults: FaultLog
    notes: tuple[str, ...]
    stamp: object

    @property
    def codes(self) -> np.ndarray:
        """`(sentences,)` int32, 0: each is used."""
        return np.zeros(len(self.tokens), np.int32)

    def rows(self, chosen: np.ndarray | None = None, notes: tuple[str, ...] = ()) -> TaggedRows:
        """Returns those sentences for which `chosen`, `(sentences,)` bool, is True; without it all."""
        places = range(len(self.tokens)) if chosen is None else np.flatnonzero(chosen).tolist()
        tokens, tags, texts = ([column[n] for n in places] for column in (self.tokens, self.tags, self.texts))
        texts = None if all(text is None for text in texts) else texts
        return TaggedRows(tokens, tags, texts, notes, scheme=self.scheme)

    def labels(self) -> dict[str, int]:
        """Returns each label of entities, or each tag where they stand alone, with how many tokens have it."""
        counts = {}
        for tags in self.tags:
            for tag in tags:
                label = tag if self.scheme == "none" else schemes.split_tag(tag)[1]
                counts[label] = counts.get(label, 0) + 1
        counts.pop("", None)
        return counts


def scan_tagged(
    source: SentenceSource, settings: TaggedSettings, meter: Meter, *, like: str | None = None
) -> TaggedScan:
    """Reads and checks every sentence of a source.

    Args:
        source: Where they are read from.
        settings: The scheme of the tags, and what becomes of those it doesn't allow.
        meter: Counts and digests what is read.
        like: The scheme of the sentences trained on, taken here too where nothing speaks against it.

    Raises:
        ValueError: There are sentences that can't be used, or none at all.
    """
    meter.begin()
    stamp, log = source.stamp(), FaultLog(source.unit)
    found, empty, unmarked = [], 0, 0
    for place, read in source.sentences(meter):
        if type(read) is Fault:
            log.add(place, read)
        elif read.tokens or (read.text and not read.text.isspace()):
            found.append(read)
        elif read.unmarked:
            unmarked += 1
        else:
            empty += 1
    if not found and not log.total:
        left = f": {_left_out(empty, unmarked)}" if empty or unmarked else ""
        raise ValueError(f"{source.name} has no sentence that can be used{left}. It must have tokens with tags.")
    found, changes = _aligned(found, source, settings, log)
    empty += sum(not sentence.tokens for sentence in found)
    found = [sentence for sentence in found if sentence.tokens]
    scheme = _scheme(source, found, settings, like)
    found, notes = _checked(found, source, scheme, settings, log)
    if log.total and not settings.skip_bad_rows:
        raise ValueError(log.refusal(source.name))
    if not found:
        raise ValueError(f"{source.name} has no sentence that can be used: {log}.".replace(": .", "."))
    notes = (*source.notes, *_notes(source, log, empty, unmarked), *changes, *notes)
    if not meter.digested:
        for sentence in found:
            meter.digest("\0".join([*sentence.tokens, *sentence.tags, ""]).encode())
    return TaggedScan(
        source,
        [sentence.tokens for sentence in found],
        [sentence.tags for sentence in found],
        [sentence.text for sentence in found],
        np.array([sentence.document for sentence in found], np.int64),
        np.frombuffer(b"".join(_hashed(sentence.tokens) for sentence in found), "<u8"),
        scheme,
        meter.hexdigest(),
        log,
        notes,
        stamp,
    )


def _hashed(tokens):
    # Python's own hash() differs from process to process.
    return hashlib.blake2b("\0".join(tokens).encode(), digest_size=8).digest()


def _aligned(found, source, settings, log):
    """Cuts texts into tokens; returns the sentences that can be used, and remarks on their spans."""
    texts = [sentence for sentence in found if sentence.text is not None]
    if not texts:
        return found, ()
    changes, bad = Changes(), set()
    for sentence, offsets in zip(texts, cut_texts([sentence.text for sentence in texts]), strict=True):
        if fault := align(sentence, offsets, settings, source.unit, changes):
            log.add(sentence.place(), fault)
            bad.add(id(sentence))
    notes = changes.notes(source.name)
    if recounted := sum(sentence.recounted for sentence in texts):
        notes += (f"{source.name}: the offsets of {recounted:,} spans count units of UTF-16, by the text they quote.",)
    return [sentence for sentence in found if id(sentence) not in bad], notes


def _scheme(source, found, settings, like):
    if source.scheme:
        return source.scheme
    if settings.scheme != "auto":
        return settings.scheme
    if like in ("bio", "iob1", "bioes") and not any(schemes.faults(sentence.tags, like) for sentence in found):
        return like
    return schemes.recognise(sentence.tags for sentence in found)


def _checked(found: list[Sentence], source, scheme, settings, log):
    """Brings tags into BIOES; returns the sentences that can be used, and remarks on their tags."""
    if scheme == "none":
        _check_count({tag for sentence in found for tag in sentence.tags}, source)
        return found, _plain_notes(found, source, settings)
    kept, count, told = [], 0, []
    for sentence in found:
        faults = schemes.faults(sentence.tags, scheme)
        unknown = next((n for n, _ in faults if not schemes.is_tag(sentence.tags[n], scheme)), None)
        if unknown is not None:
            log.add(sentence.place(unknown), _unknown(sentence.tags[unknown], scheme))
            continue
        if faults and settings.faulty_tags == "refuse":
            log.add(sentence.place(faults[0][0]), _misplaced(faults[0][1], scheme))
            continue
        count += len(faults)
        told += [f"{source.unit} {sentence.place(n)}, {what}" for n, what in faults[: TOLD - len(told)]]
        sentence.tags = schemes.to_tags(schemes.spans(sentence.tags), len(sentence.tags), schemes.INSIDE)
        kept.append(sentence)
    _check_count({schemes.split_tag(tag)[1] for sentence in kept for tag in sentence.tags}, source)
    if not count:
        return kept, ()
    more = "; …" if count > len(told) else ""
    tags = f"{count:,} tag{'s' * (count != 1)} that {scheme} doesn't allow there"
    return kept, (f"{source.name}: {tags}, read as conlleval does: {'; '.join(told)}{more}.",)


def _unknown(tag, scheme):
    return Fault(
        f"tags that {scheme} doesn't have",
        repr(tag if len(tag) <= 40 else f"{tag[:39]}…"),
        f"Its tags are {schemes.described(scheme)}; tags that each stand alone are read with --scheme none. ",
    )


def _misplaced(what, scheme):
    return Fault(
        f"tags that {scheme} doesn't allow there", what, "With --faulty-tags convert they are read as conlleval does. "
    )


def _check_count(labels, source):
    if len(labels) > MOST_LABELS:
        raise ValueError(
            f"{source.name} has {len(labels):,} different tags in column {source.tags}, more than {MOST_LABELS:,}. "
            "Is it the right column? Say which is: --columns tags=…"
        )


def _plain_notes(found, source, settings):
    outside = sum(sentence.tags.count(schemes.OUTSIDE) for sentence in found)
    if settings.scheme == "none" or not outside:
        return ()
    others = sorted({tag for sentence in found for tag in sentence.tags} - {schemes.OUTSIDE})
    return (
        f"{source.name}: its tags, such as {few_of(others, 3)}, have no letter as B-PER has, and are read as tags that "
        "each stand alone, not as entities.",
    )


def _notes(source, log, empty, unmarked):
    notes = (log.note(source.name),) if log.total else ()
    return notes + ((f"{source.name}: {_left_out(empty, unmarked)}.",) if empty or unmarked else ())


def _left_out(empty, unmarked):
    told = [f"{empty:,} without tokens"] if empty else []
    told += [f"{unmarked:,} that nobody has marked"] if unmarked else []
    total = empty + unmarked
    return f"left out {total:,} row{'s' * (total != 1)}: {' and '.join(told)}"
