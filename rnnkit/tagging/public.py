"""Public sets of tagged sentences: tfds:NAME -> the sentences of its splits, the numbers of tags as their names."""

import shlex
from collections.abc import Iterator, Mapping

from rnnkit.messages import few_of
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.public_sets import PREFIX, SPLITS, public_tables
from rnnkit.sources.table import Meter
from rnnkit.tagging.objects import listed_sentence
from rnnkit.tagging.sentences import Read, SentenceSource

TOKENS, TAGS = ("tokens", "words"), tuple("ner ner_tags tags labels".split())
"""What features are called, the first that is there; conll2003 calls parts of speech `tags`."""


def public_sources(name: str, format: Format) -> dict[str, SentenceSource]:
    """Returns the sentences of `tfds:NAME` by split.

    Raises:
        ValueError: There is no such set, or it has no split to train on.
        LookupError: A feature isn't there.
        OSError: It can't be fetched.
    """
    splits = public_tables(name, (), None, {})
    return {split: PublicSentences(name, split, format.columns) for split in splits}


class PublicSentences(SentenceSource):
    """One split of a set of tensorflow-datasets whose tokens and tags are sequences; rows are counted from 1.

    Args:
        name: As the user wrote it; the set is there already.
        split: As rnnkit calls it.
        columns: `tokens` and `tags` -> the set's features.

    Raises:
        LookupError: A feature isn't there.
    """

    def __init__(self, name: str, split: str, columns: Mapping[str, str]):
        import tensorflow_datasets as tfds

        self._builder = tfds.builder(name.removeprefix(PREFIX).replace(":", "/"))
        self._split = next(theirs for theirs, ours in SPLITS.items() if ours == split)
        self.name = name if split == "train" else f"{name} ({self._split})"
        features = self._builder.info.features
        found = list(getattr(features, "keys", list)())
        self._tokens = _feature(name, found, "tokens", TOKENS, columns)
        self.tags = _feature(name, found, "tags", TAGS, columns)
        others = [key for key in TAGS if key in found and key != self.tags]
        if split == "train" and "tags" not in columns and others:
            way = shlex.quote(f"tags={others[0]}")
            self.notes = (f"{name}: its feature {self.tags!r} is read as tags; another one: --columns {way}",)
        feature = features[self.tags]
        self._names = getattr(getattr(feature, "feature", feature), "names", None)

    def sentences(self, meter: Meter | None = None) -> Iterator[Read]:
        """Yields the sentences in the order of the set."""
        import tensorflow_datasets as tfds

        order = tfds.ReadConfig(interleave_cycle_length=1)
        rows = self._builder.as_dataset(split=self._split, shuffle_files=False, read_config=order)
        for number, example in enumerate(tfds.as_numpy(rows), 1):
            yield number, self._read(example, number)

    def _read(self, example, number):
        tokens, tags = _values(example[self._tokens]), _values(example[self.tags])
        if self._names and isinstance(tags, list):
            tags = [self._names[tag] if tag in range(len(self._names)) else tag for tag in tags]
        read = listed_sentence(tokens, tags, number, self.encoding)
        return Fault(f"{read.kind} in {self.tags!r}", read.detail) if type(read) is Fault else read


def _feature(name, found, wanted, known, columns):
    key = columns.get(wanted) or next((key for key in known if key in found), wanted)
    if key not in found:
        raise LookupError(
            f"{name} has no feature {key!r}. It has {few_of(found, 20)}. Say which is which: --columns "
            "tokens=words,tags=ner, say."
        )
    return key


def _values(value):
    """Returns a feature's value as a list of texts or numbers; what is no sequence as it is."""
    if not hasattr(value, "tolist"):
        return value
    values = value.tolist()
    if not isinstance(values, list):
        return values
    return [one.decode("utf-8", "surrogateescape") if isinstance(one, bytes) else one for one in values]
