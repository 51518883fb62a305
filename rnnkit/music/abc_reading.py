"""ABC books: a text of tunes -> pieces, as written or with repeats played out, and faults of those left out."""

import re
from typing import NamedTuple

from rnnkit.music.abc_repeats import played_out, written_out
from rnnkit.music.abc_scores import FIELD, Score
from rnnkit.music.abc_tokens import is_music
from rnnkit.music.abc_voices import Mark
from rnnkit.music.pieces import TICKS, Harmony, Note, Piece, bar_ticks

COMMENT = re.compile(r"(?<!\\)%.*")
DEFAULTS = frozenset("LMQR")
"""Fields that count for all tunes where they stand before the first."""


class Tune(NamedTuple):
    """A tune's lines, each with its number, the first that of X:; `number` is what X: says, '' without X:."""

    number: str
    line: int
    lines: list[tuple[int, str]]


def read_abc(text: str, name: str, *, played: bool = False, skip: bool = False) -> tuple[list[Piece], list[str]]:
    """Reads all tunes of an ABC book.

    It reads what tune books use of ABC 2.1: one voice, one metre and one tempo a tune. Decorations, grace notes and
    words are passed over, and parts stand in the order in which they are written. Two parts of a bar that a section's
    end splits are one bar; where a section's end lacks its upbeat, and what follows has none, silence fills the bar.

    Args:
        text: Of the file.
        name: The file, as the user wrote it.
        played: Whether repeats are played out; else each section stands once, and endings one after the other.
        skip: Whether broken tunes are left out.

    Returns:
        Pieces in their order, and what is told with `skip`: the faults of tunes left out, and which tunes have more
        voices than are read, each with file, tune and line.

    Raises:
        ValueError: A tune is broken, or there is none.
    """
    defaults, tunes = _split(text)
    if not tunes:
        fault = f"{name} has no tune: a tune begins with a line X: and its number."
        if not skip:
            raise ValueError(fault)
        return [], [fault]
    pieces, told = [], []
    for tune in tunes:
        where = f"{name}, tune {tune.number}" if tune.number else name
        try:
            score = _score(defaults, tune)
            pieces.append(_piece(score, f"{where} (line {tune.line})", played))
        except ValueError as error:
            if not skip:
                raise ValueError(f"{where}, {error} Mend it, or pass --skip-bad-rows to leave it out.") from None
            told.append(f"{where}, {error}")
        else:
            if skip and len(score.voices) > 1:
                told.append(f"{where}, line {tune.line}: the first of {len(score.voices)} voices is read.")
    return pieces, told


def _split(text):
    """Lines of fields before the first tune, and tunes; text between tunes is passed over."""
    defaults, tunes, is_open = [], [], False
    for line, content in _contents(text):
        field = FIELD.match(content)
        letter = field[1] if field else ""
        begins = letter == "T" or (not tunes and (letter == "K" or is_music(content)))
        if letter == "X":
            tunes.append(Tune(field[2].strip(), line, []))
            is_open = True
        elif not content:
            # An empty line ends a tune, but some books have them amid the music.
            is_open = bool(tunes) and not any(each.startswith("K:") for _, each in tunes[-1].lines)
        elif is_open:
            tunes[-1].lines.append((line, content))
        elif begins:
            tunes.append(Tune("", line, [(line, content)]))
            is_open = True
        elif not tunes:
            defaults += [(line, content)] if letter in DEFAULTS else []
        elif field or is_music(content):
            tunes[-1].lines.append((line, content))
            is_open = not field
    return defaults, tunes


def _contents(text):
    """Lines with their numbers, comments and directives taken away."""
    is_block = False
    for line, raw in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        content = raw.strip()
        if content.startswith(("%%begin", "%%end")):
            is_block = content.startswith("%%begin")
        if not is_block and not content.startswith("%"):
            yield line, COMMENT.sub("", content).rstrip() if "%" in content else content


def _score(defaults, tune):
    score = Score()
    if not re.fullmatch(r"\d+", tune.number):
        what = f"X:{tune.number} is no number." if tune.number else "a tune begins without X: and its number."
        raise ValueError(f"line {tune.line}: {what}")
    score.line = tune.line
    for line, content in (*defaults, *tune.lines):
        score.read(line, content)
    score.end()
    return score


def _piece(score, source, played):
    whole = bar_ticks(score.voice.metre)
    symbols = (played_out if played else written_out)(score.voice.symbols, whole)
    notes, chords, lines, borders = _laid_out(symbols)
    bars = _joined(list(lines), borders, whole)
    _check_bars(bars, lines, whole)
    return Piece(
        notes=notes,
        bars=tuple(bars),
        metre=score.voice.metre,
        chords=tuple(chord for chord in chords if chord.start < bars[-1]),
        tonic=score.key.tonic,
        mode=score.key.mode,
        tempo=score.tempo,
        title=score.title,
        style=score.style,
        source=source,
    )


def _laid_out(symbols):
    """Notes, chords, tick of each bar line -> line of the text, and ticks where sections meet."""
    notes, chords, lines, borders = [], {}, {0: 0}, set()
    tick, tied = 0, {}
    for symbol in symbols:
        if isinstance(symbol, Mark):
            if symbol.is_bar:
                lines.setdefault(tick, symbol.line)
            if symbol.is_border:
                borders.add(tick)
            continue
        if symbol.ticks.denominator != 1:
            quarters = f"{float(symbol.ticks) / TICKS:.3g} quarters"
            raise ValueError(
                f"line {symbol.line}: a note lasts {quarters}: lengths are whole parts of {TICKS} a quarter."
            )
        length, joined = int(symbol.ticks), {}
        if symbol.chord:
            chords[tick] = symbol.chord
        for pitch in symbol.pitches:
            place = tied.get(pitch)
            if place is None:
                place = len(notes)
                notes.append((tick, length, pitch))
            else:
                start, ticks, _ = notes[place]
                notes[place] = (start, ticks + length, pitch)
            if pitch in symbol.ties:
                joined[pitch] = place
        tick, tied = tick + length, joined
    lines.setdefault(tick, symbol.line)
    return tuple(map(Note._make, notes)), [Harmony(*each) for each in chords.items()], lines, borders


def _joined(bars, borders, whole):
    """Bars, where those of two parts that sections split are one."""
    kept = bars[:1]
    for bar, after in zip(bars[1:], bars[2:], strict=False):
        if bar not in borders or bar - kept[-1] >= whole or after - kept[-1] != whole:
            kept.append(bar)
    return kept + bars[-1:]


def _check_bars(bars, lines, whole):
    lengths = [end - start for start, end in zip(bars, bars[1:], strict=False)]
    has_upbeat = lengths[0] < whole
    for place, length in enumerate(lengths):
        if length > whole or (length < whole and place not in (0, len(lengths) - 1)):
            raise ValueError(
                f"line {lines[bars[place + 1]]}: bar {place + 1 - has_upbeat} has {length / TICKS:.3g} quarters where "
                f"the metre says {whole / TICKS:.3g}."
            )
