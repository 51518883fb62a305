"""Public data sets: tfds:NAME -> the tables of its splits, as tensorflow-datasets provides them."""

from collections.abc import Iterator, Mapping, Sequence

from rnnkit.messages import did_you_mean, listed
from rnnkit.sources.cells import texts
from rnnkit.sources.columns import SAMPLE, find_columns
from rnnkit.sources.table import Cells, Meter, Table

PREFIX = "tfds:"
SPLITS = {"train": "train", "validation": "valid", "test": "test"}


def public_tables(name: str, wanted: Sequence[str], target: str, columns: Mapping[str, str]) -> dict[str, Table]:
    """Returns the tables of `tfds:NAME`, `tfds:NAME:config` or `tfds:NAME/config` by our names of splits.

    Raises:
        ValueError: There is no such data set or configuration, or it has no split to train on.
        LookupError: A column isn't there.
        OSError: It can't be fetched.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise OSError(_incomplete(name, error)) from None
    spec = name.removeprefix(PREFIX).replace(":", "/")
    try:
        builder = tfds.builder(spec)
    except tfds.core.DatasetNotFoundError:
        near = did_you_mean(spec, tfds.list_builders(with_community_datasets=False))
        listing = "https://www.tensorflow.org/datasets/catalog/overview"
        raise ValueError(f"There is no public data set {spec!r}. {near}All are listed at {listing}.") from None
    except ImportError as error:
        raise OSError(_incomplete(name, error)) from None
    except ValueError as error:
        raise ValueError(f"{name} can't be read: {_line(error)}. Name it as tfds:NAME or tfds:NAME:CONFIG.") from None
    try:
        builder.download_and_prepare()
    except ImportError as error:
        raise OSError(_incomplete(name, error)) from None
    except Exception as error:  # each data set fails in ways of its own, and all of them mean this
        raise OSError(
            f"{name} can't be fetched: {_line(error)}. Check the network, or pass a file of your own."
        ) from error
    splits = [split for split in SPLITS if split in builder.info.splits]
    if "train" not in splits:
        raise ValueError(f"{name} has no split 'train'. It has {listed(builder.info.splits)}.")
    return {SPLITS[split]: PublicTable(name, builder, split, wanted, target, columns) for split in splits}


def _incomplete(name, error):
    return f"{name} needs the Python package {error.name!r}. Install it: pip install {error.name}"


def _line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


class PublicTable(Table):
    """One split of a tensorflow-datasets builder; rows are counted from 1."""

    def __init__(self, name, builder, split, wanted: Sequence[str], target: str, columns: Mapping[str, str]):
        self.name = name if split == "train" else f"{name} ({split})"
        self._builder, self._split = builder, split
        features = builder.info.features
        if not hasattr(features, "keys"):
            raise ValueError(f"{name} has no named columns. It needs {listed(wanted)}.")
        found = list(features.keys())
        places = find_columns(self.name, found, wanted, columns, lambda: self._sample(found), target=target)
        self._columns = [found[place] for place in places]
        self._names = [getattr(features[column], "names", None) for column in self._columns]

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        for number, example in enumerate(self._examples(), 1):
            yield number, texts([_named(example[c], n) for c, n in zip(self._columns, self._names, strict=True)])

    def _examples(self):
        import tensorflow_datasets as tfds

        order = tfds.ReadConfig(interleave_cycle_length=1)
        return tfds.as_numpy(self._builder.as_dataset(split=self._split, shuffle_files=False, read_config=order))

    def _sample(self, found):
        return [[str(e[c]) for c in found] for _, e in zip(range(SAMPLE), self._examples(), strict=False)]


def _named(value, names):
    if not names:
        return value
    return names[value] if 0 <= value < len(names) else None
