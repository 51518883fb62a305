"""Bar: work that may take long -> a bar, once it does."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rnnkit.progress import Reporter

AFTER = 2.0
"""Seconds of work after which a bar is shown."""


@contextlib.contextmanager
def late_bar(reporter: Reporter, title: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Shows a bar over bytes from when the block has run for a while.

    Args:
        reporter: Tells a person.
        title: What is being done.
        total: Bytes; 0 if unknown.

    Yields:
        `advance(done, note)`.
    """
    begun, shown = time.monotonic(), []
    with contextlib.ExitStack() as stack:

        def advance(done, note=""):
            if not shown and time.monotonic() - begun > AFTER:
                shown.append(stack.enter_context(reporter.task(title, total=total or None, unit="bytes")))
            if shown:
                shown[0](done, note)

        yield advance
