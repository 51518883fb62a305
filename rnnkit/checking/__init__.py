"""Checking: data and settings -> what is in the way of training on them, and how long it will take."""

from rnnkit.checking.findings import Finding
from rnnkit.checking.short import short_form

__all__ = ["Finding", "short_form"]
