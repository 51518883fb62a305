"""ABC repeats: sounds and marks as they are written -> each section once, or as often as it is played."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from rnnkit.music.abc_voices import Mark, Sound

Symbols = Sequence[Sound | Mark]


def played_out(symbols: Symbols, whole: int) -> list[Sound | Mark]:
    """Returns symbols with repeats played out, each ending in its turns.

    A repeat without a beginning goes back to the last repeat, thick bar line or P:, or else to the first note. Marks
    stay, as bars end there. A section that begins with an upbeat often lacks it at its end; where what follows has
    none, silence takes its place.

    Args:
        symbols: Of a voice.
        whole: Ticks of a whole bar.
    """
    heard = []
    for parts, repeats, upbeat in _sections(symbols, whole):
        turns = max([repeats + 1, *(turn for turns, _ in parts for turn in turns)])
        for turn in range(1, turns + 1):
            heard += [(symbol, upbeat) for turns, part in parts if not turns or turn in turns for symbol in part]
    return _filled(heard, whole)


def written_out(symbols: Symbols, whole: int) -> list[Sound | Mark]:
    """Returns symbols as they are written, endings one after the other; with silence as `played_out` has it."""
    sections = _sections(symbols, whole)
    return _filled([(symbol, upbeat) for parts, _, upbeat in sections for _, part in parts for symbol in part], whole)


def _sections(symbols, whole) -> Iterator[tuple[list[tuple[frozenset[int], list]], int, Fraction | int]]:
    """Parts of each section, with the turns of those that are endings; its repeats; and ticks of its upbeat, or 0."""
    parts, repeats, is_begun = [(frozenset(), [])], 0, False
    for place, symbol in enumerate(symbols):
        if isinstance(symbol, Mark) and symbol.turns:
            parts.append((symbol.turns, []))
        parts[-1][1].append(symbol)
        if isinstance(symbol, Sound) or symbol.turns or not symbol.is_border:
            continue
        repeats = max(repeats, symbol.repeats)
        # A thick line within |: and :| ends nothing, unless an ending is before it.
        ends = symbol.repeats or (symbol.thick and (not is_begun or parts[-1][0]))
        if symbol.begins or (ends and not _is_ending(symbols, place + 1)):
            yield parts, repeats, _upbeat(parts, whole)
            parts, repeats, is_begun = [(frozenset(), [])], 0, symbol.begins
    yield parts, repeats, _upbeat(parts, whole)


def _is_ending(symbols, place):
    """Whether an ending is next, with nothing but bar lines before it."""
    while place < len(symbols) and isinstance(symbols[place], Mark):
        if symbols[place].turns or symbols[place].begins:
            return bool(symbols[place].turns)
        place += 1
    return False


def _upbeat(parts, whole):
    ticks = _bar_from(parts[0][1], 0)
    return ticks if ticks < whole else 0


def _bar_from(symbols, place):
    """Ticks up to the next bar line with something before it."""
    ticks = 0
    for symbol in symbols[place:]:
        if isinstance(symbol, Sound):
            ticks += symbol.ticks
        elif symbol.is_bar and ticks:
            break
    return ticks


def _filled(heard, whole):
    symbols = [symbol for symbol, _ in heard]
    filled, ticks = [], 0
    for place, (symbol, upbeat) in enumerate(heard):
        if isinstance(symbol, Sound):
            ticks += symbol.ticks
        elif symbol.is_bar and ticks:
            after = _bar_from(symbols, place + 1) if symbol.is_border and ticks < whole else 0
            if after and ticks + after != whole and ticks + upbeat == whole:
                filled.append(Sound(symbol.line, upbeat, (), ""))
            # A bar that two sections share goes on.
            ticks = ticks if after and ticks + after == whole else 0
        filled.append(symbol)
    return filled
