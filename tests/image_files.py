"""Image files made by hand: PNG of every colour type and depth, Exif blocks, JPEG by pillow."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), COLOUR: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), COLOUR_ALPHA: (8, 16)}


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def samples(seed, height, width, kind, depth, top=None):
    """Draws samples `(height, width, channels)` of a colour type and a depth."""
    return np.random.default_rng(seed).integers(0, top or 1 << depth, (height, width, CHANNELS[kind]))


def png(values, kind, depth=8, *, palette=None, opacity=None, before=b"", size=None):
    """Returns the PNG file of samples `(height, width, channels)`.

    Args:
        values, kind, depth: The samples, their colour type and bits.
        palette: `(colours, 3)`.
        opacity: Content of tRNS.
        before: Further chunks before the picture.
        size: Height and width that the header tells, if other ones.
    """
    height, width, channels = values.shape
    bits = (values[..., None] >> np.arange(depth)[::-1]) & 1
    rows = np.packbits(bits.reshape(height, width * channels * depth).astype(np.uint8), axis=1)
    told = size or (height, width)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", told[1], told[0], depth, kind, 0, 0, 0))]
    if palette is not None:
        parts.append(chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes()))
    if opacity is not None:
        parts.append(chunk(b"tRNS", opacity))
    content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return SIGNATURE + b"".join([*parts, before, chunk(b"IDAT", content), chunk(b"IEND", b"")])


def rgb(pixels):
    """Returns the PNG file of red, green and blue `(height, width, 3)`."""
    return png(np.asarray(pixels), COLOUR)


def jpeg(pixels, **how):
    """Returns the JPEG file of pixels, grey `(height, width)`, in colour `(…, 3)` or of four inks `(…, 4)`."""
    file, mode = io.BytesIO(), "CMYK" if pixels.shape[-1] == 4 and pixels.ndim == 3 else None
    image = Image.fromarray(pixels) if mode is None else Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())
    image.save(file, "JPEG", **how)
    return file.getvalue()


def smooth(seed, height, width, channels=3):
    """Draws pixels that change slowly, as those of photographs do."""
    few = np.random.default_rng(seed).integers(0, 256, (4, 5, channels), np.uint8)
    planes = [
        Image.fromarray(few[..., each]).resize((width, height), Image.Resampling.BICUBIC) for each in range(channels)
    ]
    return np.stack([np.asarray(plane) for plane in planes], -1)


def exif(orientation, order="<", kind=3, others=2):
    """Returns a TIFF block whose first directory has an orientation, behind a few other entries."""
    entries = [struct.pack(order + "HHIHH", 0x0100 + place, 3, 1, 7, 0) for place in range(others)]
    value = struct.pack(order + "HH", orientation, 0) if kind == 3 else struct.pack(order + "I", orientation)
    entries.append(struct.pack(order + "HHI", 0x0112, kind, 1) + value)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)


def with_exif(content, block):
    """Puts an Exif block behind the first two bytes of a JPEG file."""
    block = b"Exif\0\0" + block
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]
