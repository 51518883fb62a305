"""27 sentences of people in places, their tags in BIO and BIOES, and what reads them as a recipe does."""

import dataclasses
import itertools

from rnnkit.settings import TrainingSettings
from rnnkit.tagging import TaggedSettings, read_tagged
from rnnkit.tagging.schemes import converted

PEOPLE, PLACES = ["Ada Lovelace", "May", "Will Hope"], ["Reading", "New York", "Ulm"]
SENTENCES = []
for number, (person, place) in enumerate(itertools.product(PEOPLE, PLACES)):
    for verb in ("saw", "left", "likes"):
        words = [(word, f"{'BI'[n > 0]}-PER") for n, word in enumerate(person.split())] + [(verb, "O")]
        words += [(word, f"{'BI'[n > 0]}-LOC") for n, word in enumerate(place.split())]
        words += [("May", "B-PER"), ("#", "O"), (str(number), "O")]
        SENTENCES.append(tuple(zip(*words, strict=True)))
TOKENS = [list(tokens) for tokens, _ in SENTENCES]
BIO = [list(tags) for _, tags in SENTENCES]
BIOES = [converted(tags, "bio", "bioes") for tags in BIO]
ALL = sorted(zip(TOKENS, BIOES, strict=True))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeededSettings(TaggedSettings, TrainingSettings):
    """As a recipe has them."""


def read(data, valid=None, test=None, *, progress=None, **settings):
    return read_tagged(data, valid, test, SeededSettings(**settings), progress)


def pairs_of(rows):
    return list(zip(rows.tokens, rows.tags, strict=True))


def all_of(splits):
    return sorted(pair for rows in (splits.train, splits.valid, splits.test) for pair in pairs_of(rows))


def column_text(tags=None, *, between=" ", extra=(), tokens=None):
    lines = []
    for words, own in zip(tokens or TOKENS, tags or BIO, strict=True):
        lines += [between.join([word, *extra, tag]) for word, tag in zip(words, own, strict=True)]
        lines.append("")
    return "\n".join(lines) + "\n"
