"""Locate: what the user named -> the listings of pictures with captions that it stands for."""

import os
import pathlib

from rnnkit.images.captions_files import open_listing
from rnnkit.images.folders import folder_listings, zip_listings
from rnnkit.images.listings import COLUMNS, Listing
from rnnkit.images.public import public_listings
from rnnkit.images.settings import ImageSourceSettings
from rnnkit.images.stores import ARCHIVE, Archive, Folder, Store, beside, open_zip
from rnnkit.sources.columns import check_names
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.locate import existing
from rnnkit.sources.public_sets import PREFIX


def find_listings(data, settings: ImageSourceSettings, images: Store | None = None) -> dict[str, Listing]:
    """Returns the listings of `data` by split; at least `train`.

    Args:
        data: What the user named.
        settings: How captions files are read.
        images: Where the user says that images are, opened; None where nothing is said.

    Raises:
        ValueError: The kind of data isn't known, or there is nothing in it.
        LookupError: A column isn't there.
        OSError: There is no such file.
    """
    format = settings.format()
    check_names(format.columns, COLUMNS)
    if isinstance(data, str) and data.startswith(PREFIX):
        return public_listings(data, format)
    if is_data_frame(data):
        return {"train": open_listing(data, format, images or Folder(pathlib.Path("."), deep=False))}
    path = existing(data)
    if path.is_dir():
        return folder_listings(path, format, images)
    if path.name.lower().endswith(ARCHIVE):
        return zip_listings(Archive(open_zip(path)), format, images)
    return {"train": open_listing(path, format, images or beside(path))}


def find_listing(data, settings: ImageSourceSettings, images: Store | None, flag: str) -> Listing:
    """Returns the one listing that `data` is; takes and raises what `find_listings` does.

    Args:
        data, settings, images: As there.
        flag: As which it was named: `data`, `valid` or `test`.
    """
    if isinstance(data, str) and data.startswith(PREFIX):
        raise ValueError(f"--{flag} must be a file, a folder or a DataFrame. Got {data!r}.")
    listings = find_listings(data, settings, images)
    if len(listings) > 1:
        raise ValueError(
            f"--{flag} must be one captions file, or a folder of one. {path_of(data)} has {', '.join(listings)}. "
            "Name one of them."
        )
    return listings["train"]


def path_of(data) -> str:
    """Returns what to call `data` on a card."""
    return "DataFrame" if is_data_frame(data) else os.fspath(data)
