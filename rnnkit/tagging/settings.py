"""Settings of tagged sentences: where they come from, how their tags are written, and what becomes of faulty ones."""

import dataclasses

from rnnkit.settings import SourceSettings, setting
from rnnkit.tagging.schemes import SCHEMES


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggedSettings(SourceSettings):
    """Sentences with a tag for each token, or with spans, and how they are read."""

    data: str = setting(
        "sample", "A file of columns, a table, .jsonl or .json, a folder of train, valid, test, 'sample' or tfds:NAME."
    )
    valid: str = setting("", "File of validation sentences; empty: cut from the data.")
    test: str = setting("", "File of test sentences; empty: cut from the data.")
    columns: str = setting(
        "",
        "Which column is which: tokens=0,tags=1 in a file of columns, counted from 0 (else the first and the last); "
        "tokens=Word,tags=Tag,sentence=Id in a table; text=body,spans=entities in .jsonl.",
    )
    scheme: str = setting(
        "auto", "How entities are tagged; none: tags that each stand alone; auto: seen.", choices=("auto", *SCHEMES)
    )
    faulty_tags: str = setting(
        "convert",
        "Tags where their scheme doesn't allow them, as I- after O: read as conlleval does, or refused.",
        choices=("convert", "refuse"),
    )
    misaligned: str = setting(
        "widen", "A span of a text that ends inside a token.", choices=("widen", "drop", "refuse")
    )
    overlapping: str = setting(
        "refuse", "Spans that share a token: refused, or the longest is kept.", choices=("refuse", "longest")
    )
