"""Rows: the sentences of one split as tokens and their tags, from memory."""

from collections.abc import Iterator, Sequence

from rnnkit.features.token_texts import joined_tokens


class TaggedRows:
    """Sentences of one split, in the order of their table.

    Args:
        tokens: Of each sentence.
        tags: As many as tokens; those of entities in BIOES.
        texts: What each sentence's tokens were cut from, None for one that came as tokens; or None for all.
        notes: One-line remarks on what was left out or changed, for the user.
        scheme: What the tags were written in where they came from, one of `schemes.SCHEMES`.

    Attributes:
        features: Names of what is read.
        target: Name of what is predicted.
        names: Of classes: there are none.
        in_memory: Whether the rows are kept: they are.

    Raises:
        ValueError: Sentences and their tags, or texts, differ in number.
    """

    features, target, names, in_memory = ("text",), "tags", (), True

    def __init__(
        self,
        tokens: Sequence[list[str]],
        tags: Sequence[list[str]],
        texts: Sequence[str | None] | None = None,
        notes: tuple[str, ...] = (),
        *,
        scheme: str = "bioes",
    ):
        if len(tokens) != len(tags) or (texts is not None and len(texts) != len(tokens)):
            counts = f"{len(tokens)} and {len(tags)}" + (f", and {len(texts)} texts" if texts is not None else "")
            raise ValueError(f"Each sentence must have its tags. Got {counts}.")
        for number, (words, own) in enumerate(zip(tokens, tags, strict=True)):
            if len(words) != len(own):
                raise ValueError(f"Each token must have a tag. Sentence {number} has {len(words)} and {len(own)}.")
        self.tokens, self.tags, self.notes, self.scheme = list(tokens), list(tags), notes, scheme
        self.texts = None if texts is None else list(texts)

    def __len__(self):
        return len(self.tokens)

    def truth(self) -> list[list[str]]:
        """Returns the tags of each sentence."""
        return [list(tags) for tags in self.tags]

    def chunks(self, size: int = 1024) -> Iterator[dict[str, list[str]]]:
        """Yields the sentences by column, `size` at a time, the last ones fewer.

        `text` and `tags` are the tokens and the tags of each, as `joined_tokens` writes them.
        """
        for start in range(0, len(self), size):
            stop = start + size
            yield {"text": joined_tokens(self.tokens[start:stop]), "tags": joined_tokens(self.tags[start:stop])}
