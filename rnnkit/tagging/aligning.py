"""Aligning: spans of a text -> tags of the tokens it is cut into, each span that ends inside a token told."""

import bisect
import dataclasses
from collections.abc import Sequence

from rnnkit.sources.faults import Fault
from rnnkit.tagging.schemes import INSIDE, Span, to_tags
from rnnkit.tagging.sentences import Sentence, TextSpan
from rnnkit.tagging.settings import TaggedSettings

TOLD = 3
"""Spans of a kind that a note tells one by one."""
AT_ONCE = 1_024
"""Texts cut into tokens at a time."""


@dataclasses.dataclass
class Changes:
    """Counts spans that were changed or left out, and keeps the first few as texts.

    Attributes:
        counts: What was done -> how many spans.
        examples: What was done -> the first few.
    """

    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    examples: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def add(self, kind: str, example: str) -> None:
        """Counts one span."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= TOLD:
            self.examples.setdefault(kind, []).append(example)

    def notes(self, name: str) -> tuple[str, ...]:
        """Returns a remark for each kind on the table called `name`."""
        remarks = []
        for kind, count in self.counts.items():
            told = "; ".join(self.examples[kind]) + ("; …" if count > TOLD else "")
            remarks.append(f"{name}: {count:,} span{'s' * (count != 1)} {kind}: {told}.")
        return tuple(remarks)


def cut_texts(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Returns starts and ends of each text's tokens, in code points."""
    # TensorFlow is imported with it, and files of tokens don't need that.
    from rnnkit.features.tokens import token_offsets

    found = []
    for start in range(0, len(texts), AT_ONCE):
        found += token_offsets(list(texts[start : start + AT_ONCE]))
    return found


def align(
    sentence: Sentence, offsets: Sequence[tuple[int, int]], settings: TaggedSettings, unit: str, changes: Changes
) -> Fault | None:
    """Gives a sentence the tokens of its text, and the tags of its spans in BIOES.

    Args:
        sentence: Has a text and its spans.
        offsets: Starts and ends of its tokens, in order.
        settings: What becomes of spans that end inside a token or share one.
        unit: What places are counted in, for messages.
        changes: Where spans that are changed or left out are counted.

    Returns:
        Why the sentence can't be used, None where it can.
    """
    text, found = sentence.text, []
    for span in sentence.spans:
        first, stop = _covered(span, offsets)
        whole = first < stop and offsets[first][0] == span.start and offsets[stop - 1][1] == span.stop
        if not whole and settings.misaligned == "refuse":
            return Fault("a span that ends inside a token", span.shown(text), MEND_ENDS)
        where = f"{unit} {sentence.place()}, {span.shown(text)}"
        if first == stop:
            changes.add("holding no token left out", where)
        elif not whole and settings.misaligned == "drop":
            changes.add("ending inside a token left out", where)
        else:
            if not whole:
                changes.add("ending inside a token widened", f"{where} to {_widened(text, offsets, first, stop)}")
            found.append((Span(span.label, first, stop), span))
    kept = _apart(found, sentence, settings, unit, changes)
    if type(kept) is Fault:
        return kept
    sentence.tokens = [text[start:stop] for start, stop in offsets]
    sentence.tags = to_tags(kept, len(offsets), INSIDE)
    return None


MEND_ENDS = "Mend its ends, or pass --misaligned widen, which takes whole tokens, or drop. "


def _covered(span: TextSpan, offsets):
    """Returns the tokens that a span touches, as first and the one after the last; as many as none for none."""
    if span.start == span.stop:
        return 0, 0
    first = bisect.bisect_right(offsets, span.start, key=lambda ends: ends[1])
    return first, max(first, bisect.bisect_left(offsets, span.stop, key=lambda ends: ends[0]))


def _widened(text, offsets, first, stop):
    start, end = offsets[first][0], offsets[stop - 1][1]
    held = text[start:end]
    return repr(held if len(held) <= 40 else f"{held[:39]}…")


def _apart(found, sentence, settings, unit, changes):
    """Returns the spans of tokens with none that shares a token with another, or the fault where two do."""
    owners, kept = {}, []
    longest = settings.overlapping == "longest"
    # Of spans that are as long the first is kept.
    for pair in sorted(found, key=lambda pair: pair[0].start - pair[0].stop) if longest else found:
        span, written = pair
        other = next((owners[token] for token in range(span.start, span.stop) if token in owners), None)
        if other is None:
            kept.append(span)
            owners.update(dict.fromkeys(range(span.start, span.stop), pair))
        elif other[0] != span:
            both = other[1].shown(sentence.text), written.shown(sentence.text)
            if not longest:
                return Fault("spans that overlap", " and ".join(both), MEND_OVERLAP)
            where = f"{unit} {sentence.place()}, {both[1]}"
            changes.add("overlapping a longer one left out", f"{where} beside {both[0]}")
    return kept


MEND_OVERLAP = "A token has one tag: leave one of them out, or pass --overlapping longest. "
