"""Checking: the bytes of a picture -> its size, whether it is grey, and a digest; or why it can't be decoded."""

import dataclasses
import hashlib
import io
import struct
import zlib

from rnnkit.sources.faults import Fault

FORMATS = ("JPEG", "PNG")
"""As Pillow calls them. A JPEG with further pictures behind it, which it calls MPO, is opened as a JPEG too."""
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
KINDS = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"<?xml": "SVG",
}
"""Beginnings of files of other kinds."""
BOXES = {b"hei": "HEIC", b"mif1": "HEIC", b"avif": "AVIF"}
"""The same, where they stand behind `ftyp`."""
CONVERT = "Convert them to JPEG or PNG. "
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG's segment that has its size."""
ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a segment."""
TURNED = (5, 6, 7, 8)
"""Values of the Exif orientation with which a picture lies on its side."""
ORIENTATION = 0x0112
SCAN, END = 0xDA, b"\xff\xd9"
"""Markers of a JPEG: pixels follow; and the end, with the byte before it."""
SMALL = (32, 32)
"""Pixels to which a JPEG is decoded to find damage: most of the work is left out."""


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What is known of a picture.

    Attributes:
        height, width: In pixels, after it was turned as its Exif orientation says.
        grey: Whether it is stored without colours.
        digest: 8 bytes, equal for equal bytes.
    """

    height: int
    width: int
    grey: bool
    digest: bytes


def look(content: bytes, *, most_pixels: int) -> Look | Fault:
    """Checks that a picture can be decoded, once its size is known to be no larger than allowed.

    Args:
        content: The encoded picture.
        most_pixels: Width times height of the largest picture that is decoded.
    """
    if not content.startswith((JPEG, PNG)):
        return _other(content)
    try:
        size = declared_size(content)
    except (struct.error, IndexError):
        return Fault("a damaged image", "it ends within its head")
    if size is None or 0 in size:
        return Fault("a damaged image", "it has no size")
    if size[0] * size[1] > most_pixels:
        height, width = size
        detail = f"{width:,} x {height:,} where {most_pixels:,} in all are the most"
        return Fault("too many pixels", detail, "Make them smaller, or raise --most-pixels. ")
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            grey, turned = _is_grey(image), _is_turned(image)
            image.draft(None, SMALL)
            image.load()
        fault = _end_fault(content)
    # Each decoder fails in ways of its own, and all of them mean this.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        reason = "it is not as its kind must be" if "BytesIO" in reason else reason.rstrip(".")
        return Fault("a damaged image", reason)
    if fault:
        return fault
    height, width = size[::-1] if turned else size
    return Look(height, width, grey, hashlib.blake2b(content, digest_size=8).digest())


def declared_size(content: bytes) -> tuple[int, int] | None:
    """Returns height and width as a JPEG or PNG says them; None where it doesn't.

    Raises:
        struct.error, IndexError: It ends before.
    """
    if content.startswith(PNG):
        width, height = struct.unpack(">II", content[16:24])
        return height, width
    frames = (place for marker, place in _segments(content) if marker in FRAMES)
    place = next(frames, None)
    return place and struct.unpack(">HH", content[place + 3 : place + 7])


def _segments(content):
    """Yields marker and place of each segment of a JPEG, up to that behind which pixels follow."""
    place = 2
    while True:
        while content[place] != 0xFF:
            place += 1
        while content[place] == 0xFF:
            place += 1
        marker, place = content[place], place + 1
        if marker in ALONE:
            continue
        yield marker, place
        if marker in (SCAN, END[1]):
            return
        place += struct.unpack(">H", content[place : place + 2])[0]


def _end_fault(content):
    """Returns the fault of a file that Pillow takes, but that TensorFlow doesn't: its end is missing or damaged."""
    if content.startswith(JPEG):
        scan = next((place for marker, place in _segments(content) if marker == SCAN), len(content))
        return None if END in content[scan:] else Fault("a damaged image", "its last bytes are missing")
    place = len(PNG)
    while len(content) >= place + 12:
        size, kind = struct.unpack(">I4s", content[place : place + 8])
        end = place + 8 + size
        critical = kind[:1].isupper()
        if critical and zlib.crc32(content[place + 4 : end]).to_bytes(4, "big") != content[end : end + 4]:
            return Fault("a damaged image", f"its chunk {kind!r:.12} is not as it was written")
        if kind == b"IEND":
            return None
        place = end + 4
    return Fault("a damaged image", "its last bytes are missing")


def _is_turned(image):
    try:
        return image.getexif().get(ORIENTATION) in TURNED
    # A broken note on a picture is no fault of the picture.
    except Exception:
        return False


def _is_grey(image):
    if image.mode == "P":
        colours = image.getpalette("RGB")
        return colours[::3] == colours[1::3] == colours[2::3]
    return image.mode.startswith(("1", "L", "I"))


def _other(content):
    kind = next((kind for start, kind in KINDS.items() if content.startswith(start)), None)
    if content[4:8] == b"ftyp":
        kind = next((kind for brand, kind in BOXES.items() if content[8:].startswith(brand)), "HEIC")
    if kind is None:
        return Fault("no image in it" if content else "nothing in an image file")
    return Fault("an image that is no JPEG or PNG", f"it is {kind}", CONVERT)
