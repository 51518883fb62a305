"""Taggers: a sequence of tokens -> the tag of each, and the entities that the tags mark."""
