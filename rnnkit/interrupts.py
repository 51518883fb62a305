"""Interrupts: Ctrl-C and SIGTERM -> a wish to stop, heeded where the work can be gone on with."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Work that was asked to stop has stopped.

    Attributes:
        signal: Number of the signal that asked.
    """

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal


class Wish:
    """Whether, and by which signal, the work is asked to stop."""

    signal: int | None = None

    def heed(self, message: str) -> None:
        """Raises Interrupted if the work is asked to stop."""
        if self.signal is not None:
            raise Interrupted(message, self.signal)


@contextlib.contextmanager
def asked_to_stop(say: Callable[[str], object]) -> Iterator[Wish]:
    """Takes the first Ctrl-C or SIGTERM for a wish while the block runs; a second one stops at once.

    Outside the main thread signals are left alone.

    Args:
        say: Told that the wish was heard.
    """
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    def hear(number, frame):
        if wish.signal is not None:
            raise Interrupted("interrupted again: stopped at once", number)
        wish.signal = number
        say("stopping after this step; Ctrl-C once more stops at once")

    before = {number: signal.signal(number, hear) for number in SIGNALS}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Has SIGTERM raise Interrupted while the block runs, so that what is half done is cleaned up, as after Ctrl-C."""

    def stop(number, frame):
        raise Interrupted("terminated. Nothing was written; earlier versions are whole.", number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
