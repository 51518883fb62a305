"""Dates: days drawn by chance -> as people of several countries write them, and their ISO form; by Babel, an extra."""

import datetime
import random
import re
from collections.abc import Callable, Sequence

LOCALES = ("en", "en_GB", "de", "fr", "es", "it", "pt", "nl", "sv", "pl", "tr", "hu")
"""Countries of Latin script whose month names don't contradict each other, as those of Poland and Croatia do."""

FIRST_DAY, LAST_DAY = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
SHORT_YEARS = range(1969, 2069)
"""Years that are also written with two digits, where a locale does: 69 to 99 and 00 to 68, as POSIX reads them."""

CASES = ("as it is",) * 8 + ("lower",) + ("upper",)
TURKISH_CAPITALS = str.maketrans("iı", "İI")
CHUNK = 1_000
"""Pairs between two calls of `progress`."""


def date_pairs(
    count: int,
    seed: int,
    locales: Sequence[str] = LOCALES,
    progress: Callable[[int, int], object] | None = None,
) -> list[tuple[str, str]]:
    """Draws dates from 1900 to 2099 and writes each in one style of one locale.

    The styles are those of the CLDR as Babel has them (https://babel.pocoo.org): short to full, with and without
    weekday, and each with the month abbreviated; a fifth of all in lower or upper case. One text never means two days,
    whichever the locale: numbers alone stand in the order day, month, year, or with the year of four digits first.

    Args:
        count: How many pairs.
        seed: Same seed, same pairs (with the same version of Babel).
        locales: Any of `LOCALES`.
        progress: `progress(done, total)` in pairs.

    Returns:
        Different pairs such as `("Dienstag, 3. Mai 1983", "1983-05-03")`.

    Raises:
        ImportError: Babel is not installed.
        ValueError: `count` is below 1 or above what there is, or a locale is none of `LOCALES`.
    """
    patterns = {locale: date_patterns(locale) for locale in locales}
    days = (LAST_DAY - FIRST_DAY).days + 1
    if not 1 <= count <= days * len(patterns):
        most = f"{days:,} for each of {len(patterns)} locales"
        raise ValueError(f"There can be 1 to {days * len(patterns):,} dates ({most}). Got {count:,}. Ask for fewer.")
    rng, seen, made = random.Random(seed), set(), []
    names = list(patterns)
    while len(made) < count:
        locale = rng.choice(names)
        day = FIRST_DAY + datetime.timedelta(days=rng.randrange(days))
        text = written(day, rng.choice(patterns[locale]), locale, rng.choice(CASES))
        if text is not None and text not in seen:
            seen.add(text)
            made.append((text, day.isoformat()))
            if progress is not None and (len(made) % CHUNK == 0 or len(made) == count):
                progress(len(made), count)
    return made


def date_patterns(locale: str) -> list[str]:
    """Returns the CLDR patterns in which dates of a locale are written here.

    Raises:
        ImportError: Babel is not installed.
        ValueError: The locale is none of `LOCALES`.
    """
    if locale not in LOCALES:
        raise ValueError(f"There are no dates of the locale {locale!r}. Known: {', '.join(LOCALES)}.")
    try:
        import babel
    except ImportError:
        raise ImportError('Babel is not installed, which writes the dates: pip install "rnnkit[dates]"') from None
    data = babel.Locale.parse(locale)
    found = [data.date_formats[width].pattern for width in ("short", "medium", "long", "full")]
    skeletons = data.datetime_skeletons
    found += [skeletons[name].pattern for name in SKELETONS if name in skeletons]
    found += [re.sub("M{4}", "MMM", pattern) for pattern in found]
    return [pattern for pattern in dict.fromkeys(found) if _plain(pattern)]


SKELETONS = ("yMd", "yMEd", "yMMMd", "yMMMEd", "yMMMMd", "yMMMMEd", "yMMMMEEEEd")
"""What a date is made of, in the CLDR's letters; each locale puts it in its order."""


def _plain(pattern):
    """Whether a pattern names the month, or its numbers stand as day, month, year or year, month, day."""
    fields = re.sub("'[^']*'", "", pattern)
    order = "".join(dict.fromkeys(re.findall("[yMd]", fields)))
    return "MMM" in fields or order == "dMy" or (order == "yMd" and "yy" not in fields)


def written(day: datetime.date, pattern: str, locale: str, case: str) -> str | None:
    """Writes a day in a pattern; None where that would leave the century open."""
    from babel.dates import format_date

    if re.search(r"(?<!y)yy(?!y)", pattern) and day.year not in SHORT_YEARS:
        return None
    # Babel puts no-break spaces of several widths where a person types a space.
    text = " ".join(format_date(day, pattern, locale).split())
    if case == "upper":
        return (text.translate(TURKISH_CAPITALS) if locale == "tr" else text).upper()
    return text.lower() if case == "lower" else text
