"""Pictures with captions: tables, COCO, Flickr8k, folders, archives, public sets -> checked, split pictures."""

from rnnkit.images.reading import ImageSplits, read_caption_rows, read_captions
from rnnkit.images.rows import ImageRows
from rnnkit.images.settings import ImageSourceSettings

__all__ = ["ImageRows", "ImageSourceSettings", "ImageSplits", "read_caption_rows", "read_captions"]
