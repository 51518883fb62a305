"""Kept: pictures of a split -> rows for JSON, small enough for a bundle: data URIs."""

import base64
import io

import numpy as np

from rnnkit.sources.some import drawn

SMALL, SIDE, QUALITY = 48 << 10, 256, 90
"""Bytes of a file that is kept as it is; the longer side, in pixels, and the JPEG quality of what is made of others."""
TINY, TINY_SIDE = 6 << 10, 96
"""The same bytes and side of examples, which stand in the card."""


def kept_pictures(rows, most: int, seed: int) -> list[dict]:
    """Draws pictures by chance, with their captions; large files as smaller pictures."""
    return [{**row, "image": small_uri(row["image"])} for row in drawn(rows, most, seed)]


def example_pictures(rows, count: int) -> dict[str, list[str]]:
    """Returns the first pictures of a split, large files as small pictures."""
    return {"image": [small_uri(image, TINY, TINY_SIDE) for image in next(rows.chunks(count))["image"][:count]]}


def small_uri(image: bytes | str, most: int = SMALL, side: int = SIDE) -> str:
    """Returns a picture as a data URI: the file itself of up to `most` bytes, else a JPEG of at most `side` pixels."""
    if isinstance(image, str):
        return image
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    if len(image) > most:
        from PIL import Image, ImageOps

        picture = _opaque(ImageOps.exif_transpose(Image.open(io.BytesIO(image))))
        picture.thumbnail((side, side))
        file, kind = io.BytesIO(), "jpeg"
        picture.save(file, "JPEG", quality=QUALITY)
        image = file.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"


def _opaque(picture):
    """Returns a picture in red, green and blue: transparent parts on white, and of 16 bits the upper 8."""
    from PIL import Image

    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")
