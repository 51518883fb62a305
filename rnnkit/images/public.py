"""Public sets of pictures with captions: tfds:NAME -> the listings of its splits; pictures stay encoded as they are."""

from rnnkit.images.listings import COLUMNS, SPLIT_WORDS, Listing, Mention
from rnnkit.messages import listed
from rnnkit.sources.columns import check_names
from rnnkit.sources.format import Format
from rnnkit.sources.public_sets import PREFIX, public_tables

IMAGE, CAPTIONS = "image", ("captions", "caption", "text", "label")
"""Names under which public sets have pictures, and what is said of them."""
TEXT = "text"


def public_listings(name: str, format: Format) -> dict[str, Listing]:
    """Returns the listings of `tfds:NAME` by our names of splits.

    Raises:
        ValueError: There is no such data set or configuration, or it has no pictures.
        LookupError: A column isn't there.
        OSError: It can't be fetched.
    """
    check_names(format.columns, COLUMNS)
    # Finds and fetches it, or says why not.
    public_tables(name, (), None, {})
    import tensorflow_datasets as tfds

    builder = tfds.builder(name.removeprefix(PREFIX).replace(":", "/"))
    features = builder.info.features
    found = list(features.keys())
    image = format.columns.get("image", IMAGE)
    asked = format.columns.get("caption")
    caption = asked or next((each for each in CAPTIONS if each in found), CAPTIONS[0])
    for wanted, column in (("image", image), ("caption", caption)):
        if column not in found:
            raise LookupError(
                f"{name} has no column {column!r}. It has {listed(found)}. Say which is which: --columns {wanted}=…"
            )
    if not isinstance(features[image], tfds.features.Image):
        raise ValueError(f"{name} has no pictures in {image!r}. It has {listed(found)}. Say which: --columns image=…")
    listings = {}
    for split in builder.info.splits:
        ours = SPLIT_WORDS.get(str(split).lower())
        if ours:
            listings.setdefault(ours, []).append(str(split))
    return {ours: PublicListing(name, builder, splits, image, caption) for ours, splits in listings.items()}


class PublicListing(Listing):
    """Splits of a public set that are one of ours."""

    unit = "row"

    def __init__(self, name, builder, splits, image, caption):
        self.name = name if splits == ["train"] else f"{name} ({', '.join(splits)})"
        self._builder, self._splits, self._image, self._caption = builder, splits, image, caption
        self._names = getattr(builder.info.features[caption], "names", None)
        self.size = sum(builder.info.splits[split].num_bytes for split in splits)

    def records(self, meter):
        for number, example in enumerate(self._examples(), 1):
            content = bytes(example[self._image])
            meter.advance(len(content))
            yield number, Mention(content, tuple(self._texts(example[self._caption])))

    def _examples(self):
        import tensorflow_datasets as tfds

        for split in self._splits:
            yield from tfds.as_numpy(
                self._builder.as_dataset(
                    split=split,
                    shuffle_files=False,
                    read_config=tfds.ReadConfig(interleave_cycle_length=1),
                    decoders={self._image: tfds.decode.SkipDecoding()},
                )
            )

    def _texts(self, value):
        """Yields the texts of what may be one, a list of them, an object with them, or a number of a label."""
        if isinstance(value, dict):
            value = value.get(TEXT, next(iter(value.values()), ()))
        if getattr(value, "ndim", 0):
            for part in value.tolist():
                yield from self._texts(part)
        elif isinstance(value, bytes):
            yield value.decode("utf-8", "surrogateescape")
        elif self._names:
            yield self._names[int(value)] if 0 <= int(value) < len(self._names) else ""
        else:
            yield str(value)
