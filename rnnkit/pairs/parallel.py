"""Parallel files: line n of one file and line n of another -> a pair."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Iterator, Sequence

from rnnkit.messages import listed
from rnnkit.pairs.rows import PAIR
from rnnkit.sources.cells import undecodable
from rnnkit.sources.faults import Fault
from rnnkit.sources.format import Format
from rnnkit.sources.locate import ENDINGS, existing, table_ending
from rnnkit.sources.table import Cells, Meter, Table
from rnnkit.sources.text_lines import TextLines


class ParallelFiles(Table):
    """Two files of lines, each plain or .gz; what isn't a line of both is refused when it is read.

    Args:
        paths: The file that is read and the one that is written.
        encoding: Of both.
    """

    unit = "line"
    columns, wanted = PAIR, (0, 1)

    def __init__(self, paths: Sequence[str | os.PathLike], encoding: str):
        self.sides = tuple(TextLines(path, name, encoding) for path, name in zip(paths, PAIR, strict=True))
        self.name = ",".join(side.name for side in self.sides)
        self.encoding = encoding

    @property
    def size(self) -> int:
        return sum(side.size for side in self.sides)

    def stamp(self) -> object:
        return tuple(side.stamp() for side in self.sides)

    def records(self, meter: Meter | None = None) -> Iterator[tuple[int, Cells]]:
        """Yields the lines of both, side by side.

        Raises:
            ValueError: One has more lines than the other.
        """
        meters = [meter and _SideMeter(meter) for _ in self.sides]
        sides = [side.rows(own) for side, own in zip(self.sides, meters, strict=True)]
        for number, lines in enumerate(itertools.zip_longest(*sides), 1):
            if None in lines:
                raise ValueError(self._uneven(number, lines, sides))
            (_, (text,), fault), (_, (translation,), other_fault) = lines
            pair = [text, translation]
            faults = fault or _encodable(text, self.encoding), other_fault or _encodable(translation, self.encoding)
            yield number, self._named(faults) or self._blank(pair) or pair
        for own in meters if meter else ():
            meter.digest(own.hexdigest().encode())

    def swapped(self) -> str:
        """Returns the two files as the user would name them the other way round."""
        return ",".join(side.name for side in reversed(self.sides))

    def _named(self, faults) -> Fault | None:
        """Returns the first fault, saying which of the files has it."""
        for side, fault in zip(self.sides, faults, strict=True):
            if fault is not None:
                return dataclasses.replace(fault, kind=f"{fault.kind} in {side.name}")
        return None

    def _blank(self, pair) -> Fault | None:
        blank = [not text or text.isspace() for text in pair]
        if all(blank):
            return Fault("nothing in both files")
        return Fault(f"an empty line in {self.sides[blank.index(True)].name}") if any(blank) else None

    def _uneven(self, number, lines, sides):
        """Counts what is left of the longer file, after line `number - 1` of both."""
        longer = lines.index(None) ^ 1
        counts, blank = [number - 1, number - 1], True
        for place, (text,), _ in itertools.chain([lines[longer]], sides[longer]):
            counts[longer] = place
            blank &= not text or text.isspace()
        mend = f"Delete the empty ones at the end of {self.sides[longer].name}."
        if not blank:
            mend = "Find where a line is missing, or is broken in two."
        told = " and ".join(f"{side.name} has {count:,}" for side, count in zip(self.sides, counts, strict=True))
        return f"{told} lines. They must have as many, for line n belongs to line n. {mend}"


class _SideMeter(Meter):
    """Digests one file by itself, for the two are read in turns; counts for both."""

    def __init__(self, both: Meter):
        super().__init__()
        self._both = both

    def advance(self, count):
        self._both.advance(count)


def _encodable(text, encoding) -> Fault | None:
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return undecodable(text, encoding)
    return None


def parallel_files(data, format: Format, flag: str) -> ParallelFiles | None:
    """Returns the two files that `data` names with a comma between them; None where it names something else.

    Args:
        data: What the user named.
        format: How to read it.
        flag: As which it was named: `data`, `valid` or `test`.

    Raises:
        ValueError: There are more or fewer than two, or they are no two files of lines.
        OSError: One of them isn't there.
    """
    if not isinstance(data, str) or "," not in data or os.path.exists(data):
        return None
    parts = data.split(",")
    # A comma may be part of a name.
    ways = [(",".join(parts[:n]).strip(), ",".join(parts[n:]).strip()) for n in range(1, len(parts))]
    found = next((way for way in ways if all(map(os.path.isfile, way))), None)
    if not found and (len(parts) > 2 or not all(ways[0])):
        named = [part.strip() for part in parts if part.strip()]
        raise ValueError(
            f"--{flag} must name two files with a comma between them, what is read and what is written. "
            f"Got {len(named)}: {listed(named[:5])}{', …' * (len(named) > 5)}."
        )
    paths = found or ways[0]
    for path in paths:
        if existing(path).is_dir():
            raise IsADirectoryError(f"{path} is a folder. Name a file in it, or the folder alone.")
        if table_ending(path) or path.lower().endswith(".parquet.gz"):
            raise ValueError(
                f"{path} is a table, which holds both sides: name it alone. Two files with a comma between them "
                "hold one text a line."
            )
    if os.path.samefile(*paths):
        raise ValueError(f"--{flag} must name two different files. Got {paths[0]!r} twice.")
    _check_order(paths, format.columns, flag)
    return ParallelFiles(paths, format.encoding)


def _check_order(paths, columns, flag):
    """Refuses files in one order where --columns says the other, by the ends of their names."""
    tags = [split_name(pathlib.Path(path).name)[1] for path in paths]
    if tags[0] != tags[1] and [columns.get(name) for name in PAIR] == tags[::-1]:
        raise ValueError(
            f"The first file is what is read, and --columns says that is {tags[1]!r}. "
            f"Got {','.join(paths)!r}. Give --{flag} {','.join(reversed(paths))}, or leave --columns out."
        )


def split_name(name: str) -> tuple[str, str]:
    """Returns a file's name without its last ending, and that ending; of `train.en.gz` 'train' and 'en'."""
    name = name.removesuffix(".gz")
    if name.endswith(".txt") and "." in name[:-4].lstrip("."):
        name = name.removesuffix(".txt")
    stem, _, tag = name.rpartition(".")
    return stem, tag


def no_partner(path: pathlib.Path, flag: str) -> ValueError:
    """Returns the refusal of one file of lines."""
    stem, tag = split_name(path.name)
    beside = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file() and entry.name != path.name)
    beside = [name for name in beside if stem and split_name(name)[0] == stem and not table_ending(name)]
    partner = path.parent / (beside[0] if beside else f"{stem or path.name}.{'xx' if tag != 'xx' else 'yy'}")
    return ValueError(
        f"{path} has no partner: give two files with a comma between, what is read and what is written, such as "
        f"--{flag} {path},{partner}; or a table that ends in one of {', '.join(ENDINGS)}."
    )
