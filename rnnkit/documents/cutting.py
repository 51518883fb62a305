"""Cutting: blocks of text -> passages of bounded length, and whether a text ends with each."""

from collections.abc import Callable, Iterable, Iterator

PASSAGE = 8_192
"""Most characters of a passage."""


def running_passages(blocks: Iterable[str], size: int) -> Iterator[tuple[str, bool]]:
    """Cuts one text into passages at the last line end that fits, else at the last space, else anywhere.

    Put together they are the text. The passages don't depend on how the text was cut into blocks.

    Args:
        blocks: The text.
        size: Most characters of a passage, at least 1.

    Yields:
        A passage, never empty, and whether the text ends with it.
    """
    held = ""
    for block in blocks:
        held, start = held + block, 0
        while len(held) - start > size:
            stop = _stop(held, start, start + size)
            yield held[start:stop], False
            start = stop
        held = held[start:]
    if held:
        yield held, True


def _stop(text, start, most):
    for mark in "\n ":
        if place := text.rfind(mark, start, most) + 1:
            return place
    return most


def line_passages(blocks: Iterable[str], size: int, left_out: Callable[[int], object]) -> Iterator[tuple[str, bool]]:
    """Cuts lines that are each a text of its own, and those that are too long as `running_passages` does.

    Args:
        blocks: Whole lines.
        size: Most characters of a passage.
        left_out: Is told how many blank lines there were, block by block.
    """
    for block in blocks:
        lines = block.removesuffix("\n").split("\n")
        used = [line for line in lines if line and not line.isspace()]
        if blank := len(lines) - len(used):
            left_out(blank)
        for line in used:
            if len(line) <= size:
                yield line, True
            else:
                yield from running_passages((line,), size)
