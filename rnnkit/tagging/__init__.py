"""Tagging: files of columns, tables, annotated texts, public sets -> checked, split sentences of tokens and tags."""

from rnnkit.tagging.reading import TaggedSplits, read_tagged, read_tagged_rows
from rnnkit.tagging.rows import TaggedRows
from rnnkit.tagging.settings import TaggedSettings

__all__ = ["TaggedRows", "TaggedSettings", "TaggedSplits", "read_tagged", "read_tagged_rows"]
