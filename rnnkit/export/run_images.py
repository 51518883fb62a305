"""Images on a device: bytes of a JPEG or PNG file, or a data URI -> pixels of one size, as the graph makes them.

Beside run.py, as run_images.py; needs numpy and pillow.
"""

import base64
import binascii
import io
import re
import struct
import warnings
import zlib

import numpy as np
from PIL import Image

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
DAMAGED = (OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, struct.error, zlib.error, binascii.Error)
"""What pillow raises at the bytes of a file."""
SINGLE = np.float32
LUMA = np.array([19595, 38470, 7471], SINGLE)
# The size is checked before a picture is decoded.
Image.MAX_IMAGE_PIXELS = None


def pixels_of(raw: bytes, how: dict):
    """Decodes a picture and brings it to one size.

    Args:
        raw: A file's bytes or a data URI.
        how: `height`, `width`, `channels`, `fit` and `most_pixels`, as the training had them.

    Returns:
        Pixels `(height, width, channels) uint8`, black where there is no picture, and whether there is one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = decoded(file_of(raw), how)
        except DAMAGED:
            found = None
    if found is None:
        return np.zeros((how["height"], how["width"], how["channels"]), np.uint8), False
    return rounded(fitted(found, how), how["channels"]), True


def file_of(raw):
    """Returns the file that a data URI holds, and what is no such text as it is."""
    if raw[:5].lower() != b"data:":
        return raw
    content = re.sub(rb"^[^,]*;base64,", b"", raw, flags=re.IGNORECASE)
    content = re.sub(rb"[\t\n\f\r =]", b"", content).translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)


def decoded(data, how):
    """Decodes a file to upright pixels `(rows, columns, 3) uint8`, or None where it is none or too large."""
    jpeg = data.startswith(JPEG)
    if not jpeg and not data.startswith(PNG):
        return None
    image = Image.open(io.BytesIO(data), formats=["JPEG" if jpeg else "PNG"])
    columns, rows = image.size
    if not 0 < rows * columns <= how["most_pixels"] or not (whole_jpeg(data) if jpeg else whole_png(data)):
        return None
    if jpeg:
        # Several times larger than is wanted, a picture is decoded at a half, a quarter or an eighth.
        spare = min(rows, columns) // (2 * max(how["height"], how["width"]))
        ratio = max(ratio for ratio in (1, 2, 4, 8) if ratio <= max(spare, 1))
        image.draft(None, (columns // ratio, rows // ratio))
    pixels = jpeg_pixels(image) if jpeg else png_pixels(image)
    return upright(pixels, orientation(data, jpeg_exif(data) if jpeg else png_exif(data)))


def whole_jpeg(data):
    """Tells whether a JPEG file has its end, which pillow does not ask for; anything may come after it."""
    return data.find(b"\xff\xd9", max((offset for offset, _ in jpeg_segments(data)), default=2)) > 0


def whole_png(data):
    """Tells whether a PNG file has its end, and the checksums of all that it can't be shown without are right."""
    offset, kind = 8, b""
    while kind != b"IEND" and offset + 12 <= len(data):
        end, kind = offset + 8 + number(data, offset, 4), data[offset + 4 : offset + 8]
        if kind[:1].isupper() and zlib.crc32(data[offset + 4 : end]) != number(data, end, 4):
            return False
        offset = end + 4
    return kind == b"IEND"


def jpeg_pixels(image):
    pixels = np.asarray(image)
    if image.mode == "CMYK":
        # Pillow takes all such files for Adobe's, whose inks are inverted.
        light = pixels.astype(np.uint16)
        light = 255 - light if "adobe" in image.info else light
        return (light[..., :3] * light[..., 3:] // 255).astype(np.uint8)
    return pixels if image.mode == "RGB" else np.repeat(pixels[..., None], 3, -1)


def png_pixels(image):
    """Returns red, green and blue on white; of 16 bits the upper 8."""
    if image.mode.startswith("I"):
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, -1)
    transparent = image.mode in ("LA", "RGBA") or (image.mode == "P" and "transparency" in image.info)
    if not transparent:
        # The colour that stands for none is one all the same.
        image.info.pop("transparency", None)
        return np.asarray(image.convert("RGB"))
    pixels = np.asarray(image.convert("RGBA")).astype(np.uint16)
    colour, opacity = pixels[..., :3], pixels[..., 3:]
    return ((colour * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)


def number(data, offset, size, order="big"):
    """Reads a number; what lies outside of the file is 0."""
    return int.from_bytes(data[offset : offset + size].ljust(size, b"\0") if offset >= 0 else b"", order)


def jpeg_segments(data):
    """Yields where each segment of a JPEG file begins, and its code, up to the first scan."""
    offset = 2
    for _ in range(1000):
        first, code, size = number(data, offset, 1), number(data, offset + 1, 1), number(data, offset + 2, 2)
        alone = code == 0x01 or 0xD0 <= code <= 0xD8
        if first == code == 0xFF:
            offset += 1
        elif first == 0xFF and alone:
            offset += 2
        elif first != 0xFF or code == 0xD9 or size < 2:
            return
        else:
            yield offset, code
            offset += 2 + size
            if code == 0xDA:
                return


def jpeg_exif(data):
    """Returns where the Exif block of a JPEG file begins, or -1."""
    found = (at for at, code in jpeg_segments(data) if code == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0")
    return next(found, -11) + 10


def png_exif(data):
    """Returns where the Exif block of a PNG file begins, or -1; it must lie before the picture."""
    offset = 8
    for _ in range(1000):
        size, kind = number(data, offset, 4), data[offset + 4 : offset + 8]
        if kind == b"eXIf":
            return offset + 8
        if size >= 1 << 24 or kind in (b"IDAT", b"IEND") or offset + 12 > len(data):
            break
        offset += 12 + size
    return -1


def orientation(data, start):
    """Reads the orientation, 1 to 8, in the first directory of the Exif block at `start`, if it isn't -1."""
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(data[start : start + 4] if start >= 0 else b"")
    if not order:
        return 1
    directory = start + min(number(data, start + 4, 4, order), 1 << 24)
    for entry in range(number(data, directory, 2, order)):
        place = directory + 2 + 12 * entry
        if number(data, place, 2, order) == 0x0112 and number(data, place + 2, 2, order) == 3:
            value = number(data, place + 8, 2, order)
            return value if 1 <= value <= 8 else 1
    return 1


def upright(pixels, turn):
    """Turns and mirrors pixels as an Exif orientation asks."""
    if turn >= 5:
        pixels, turn = pixels.transpose(1, 0, 2), (1, 2, 3, 4)[turn - 5]
    return pixels[:: -1 if turn in (3, 4) else 1, :: -1 if turn in (2, 3) else 1]


def fitted(pixels, how):
    """Brings pixels `(rows, columns, 3)` to the wanted size, not yet rounded: squashed, cropped or padded."""
    height, width, (rows, columns, _) = how["height"], how["width"], pixels.shape
    if how["fit"] == "crop":
        tall, wide = min(rows, max(1, columns * height // width)), min(columns, max(1, rows * width // height))
        top, left = (rows - tall) // 2, (columns - wide) // 2
        return resized(pixels[top : top + tall, left : left + wide], height, width)
    if how["fit"] == "pad":
        tall = min(height, max(1, (2 * rows * width + columns) // (2 * columns)))
        wide = min(width, max(1, (2 * columns * height + rows) // (2 * rows)))
        top, left, whole = (height - tall) // 2, (width - wide) // 2, np.zeros((height, width, 3), SINGLE)
        whole[top : top + tall, left : left + wide] = resized(pixels, tall, wide)
        return whole
    return resized(pixels, height, width)


def resized(pixels, height, width):
    """Weighs the pixels that lie under each new one by a triangle: rows first, then columns."""
    across = along_rows(pixels, height).transpose(1, 0, 2)
    return along_rows(across, width).transpose(1, 0, 2)


def along_rows(pixels, size):
    """Brings `(rows, …)` to `(size, …) float32`, in single precision and in the order of TensorFlow's resizing."""
    rows, half = len(pixels), SINGLE(0.5)
    step = SINGLE(1) / (SINGLE(size) / SINGLE(rows))
    reach = max(step, SINGLE(1))
    centre = (np.arange(size, dtype=SINGLE) + half) * step
    start = np.clip(np.ceil(centre - reach - half).astype(int), 0, rows - 1)
    end = np.clip(np.floor(centre + reach - half).astype(int), 0, rows - 1) + 1
    under = start[:, None] + np.arange((end - start).max())
    far = np.abs(under.astype(SINGLE) + half - centre[:, None]) * (SINGLE(1) / reach)
    weights = np.where(under < end[:, None], np.maximum(SINGLE(1) - far, SINGLE(0)), SINGLE(0))
    # Summed one by one.
    weights *= SINGLE(1) / np.cumsum(weights, 1)[:, -1:]
    made, axes = np.zeros((size, *pixels.shape[1:]), SINGLE), (1,) * (pixels.ndim - 1)
    for place, weight in zip(np.minimum(under, rows - 1).T, weights.T, strict=True):
        made += pixels[place] * weight.reshape(-1, *axes)
    return made


def rounded(pixels, channels):
    if channels == 1:
        grey = pixels[..., 0] * LUMA[0] + pixels[..., 1] * LUMA[1] + pixels[..., 2] * LUMA[2]
        pixels = np.floor((grey + SINGLE(32768)) / SINGLE(65536))[..., None]
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
