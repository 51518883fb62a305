"""Settings of pictures: where they and their captions come from, and how large they may be."""

import dataclasses

from rnnkit.settings import SourceSettings, setting

MOST_PIXELS = 50_000_000
"""Width times height of the largest picture that is decoded, unless said otherwise."""
LIMIT = 89_478_485
"""The same, at most: from there on Pillow warns of decompression bombs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSourceSettings(SourceSettings):
    """Pictures with captions, and how they are read."""

    data: str = setting(
        "sample",
        "A table with image and caption; a file of COCO, Karpathy or Flickr8k; a folder or .zip of one and images, or "
        "of a folder of images for each label; 'sample' or tfds:NAME.",
    )
    valid: str = setting("", "The same, for validation, used whole; empty: cut from the data.")
    test: str = setting("", "The same, for the test, used whole; empty: cut from the data.")
    columns: str = setting("", "Which column is which, as image=file,caption=text,split=part.")
    images: str = setting("", "Folder or .zip with the images; empty: beside the captions.")
    most_pixels: int = setting(
        MOST_PIXELS, "Width times height of the largest picture that is decoded.", at_least=1, at_most=LIMIT
    )
