"""Cells: a value of any kind -> its text, or the fault it is."""

import math

from rnnkit.sources.faults import Fault

ESCAPED = range(0xDC80, 0xDD00)
"""Code points that stand for bytes 0x80-0xFF which could not be decoded (Python's surrogateescape)."""


def as_text(value: object) -> str | Fault:
    """Returns a value as a text: 1 and 1.0 become "1", True "true", None and NaN ""."""
    kind = type(value)
    if kind is str:
        return value
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return _number(value)
    if kind is bytes:
        return value.decode("utf-8", "surrogateescape")
    return _foreign(value)


def _number(value):
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else repr(value)


def _foreign(value):
    if isinstance(value, (list, tuple, dict, set)) or getattr(value, "ndim", 0):
        shown = "list" if getattr(value, "ndim", 0) else type(value).__name__
        return Fault("a cell of many values", f"a {shown}", "A cell must be a text, a number or a truth value. ")
    if hasattr(value, "item"):
        return as_text(value.item())
    return "" if type(value).__name__ in ("NAType", "NaTType") else str(value)


def texts(values: list) -> list[str] | Fault:
    """Returns a row's values as texts, or the first fault among them."""
    cells = [value if type(value) is str else as_text(value) for value in values]
    return next((cell for cell in cells if type(cell) is Fault), cells)


def undecodable(text: str, encoding: str) -> Fault:
    """Returns the fault of a text that can't be written as UTF-8."""
    code = next(ord(c) for c in text if 0xD800 <= ord(c) < 0xE000)
    if code in ESCAPED:
        hint = f"If the file is not in {encoding}, say which it is, such as --encoding latin-1 or cp1252. "
        return Fault(f"bytes that are not {encoding}", f"byte 0x{code - 0xDC00:02x}", hint)
    return Fault("half a character", f"\\u{code:04x}", "A surrogate needs its other half. ")
