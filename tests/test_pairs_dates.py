"""Dates as people write them: each text means one day, whichever the locale, and the same seed gives the same pairs."""

import datetime
import random
import re
import sys

import pytest

from rnnkit.pairs.dates import CASES, FIRST_DAY, LAST_DAY, LOCALES, date_pairs, date_patterns, written

babel = pytest.importorskip("babel")


@pytest.fixture(scope="module")
def pairs():
    return date_pairs(3000, 5)


def test_there_are_as_many_different_pairs_as_asked_for(pairs):
    assert len(pairs) == len({text for text, _ in pairs}) == 3000


def test_each_translation_is_a_day_from_1900_to_2099(pairs):
    days = [datetime.date.fromisoformat(iso) for _, iso in pairs]
    assert FIRST_DAY <= min(days) < datetime.date(1905, 1, 1)
    assert datetime.date(2095, 1, 1) < max(days) <= LAST_DAY


def test_the_same_seed_gives_the_same_pairs_and_another_seed_others():
    assert date_pairs(40, 3) == date_pairs(40, 3)
    assert date_pairs(60, 3)[:40] == date_pairs(40, 3)
    assert date_pairs(40, 4) != date_pairs(40, 3)


def test_no_text_means_two_days_in_any_locale_style_and_case():
    days = [
        datetime.date(year, month, day) for year in (1931, 1975, 2012) for month in range(1, 13) for day in (1, 5, 12)
    ]
    days += [datetime.date(year, 5, month) for year in (1975, 2012) for month in range(1, 13)]
    meant = {}
    for locale in LOCALES:
        for pattern in date_patterns(locale):
            for day in days:
                for case in sorted(set(CASES)):
                    text = written(day, pattern, locale, case)
                    assert text is None or meant.setdefault(text, day) == day, (text, locale)
    assert len(meant) > 5000


def test_numbers_alone_are_day_month_year_or_year_month_day(pairs):
    alone = [(re.findall(r"\d+", text), iso) for text, iso in pairs if not re.search(r"[^\W\d]", text)]
    assert len(alone) > 300
    for numbers, iso in alone:
        read = numbers if len(numbers[0]) == 4 else numbers[::-1]
        year, month, day = map(int, read)
        if len(read[0]) == 2:
            year += 1900 if year >= 69 else 2000
        assert datetime.date(year, month, day).isoformat() == iso


def test_a_year_of_two_digits_stands_for_1969_to_2068_only(pairs):
    short = [iso for text, iso in pairs if max(map(len, re.findall(r"\d+", text))) == 2]
    assert short and all("1969" <= iso[:4] <= "2068" for iso in short)


def test_the_styles_hold_weekdays_names_abbreviations_and_both_cases():
    day = datetime.date(1983, 5, 3)
    styles = {
        locale: {written(day, pattern, locale, "as it is") for pattern in date_patterns(locale)} for locale in LOCALES
    }
    assert {"Dienstag, 3. Mai 1983", "03.05.83", "3. Mai 1983"} <= styles["de"]
    assert {"Tuesday, May 3, 1983", "May 3, 1983"} <= styles["en"]
    assert {"martes, 3 de mayo de 1983", "3/5/1983"} <= styles["es"]
    assert "1983-05-03" in styles["sv"]
    assert min(len(date_patterns(locale)) for locale in LOCALES) >= 5
    assert not any(re.fullmatch(r"\D*5/3/\d+", text) for text in styles["en"])


def test_capitals_are_those_of_the_language():
    assert written(datetime.date(1983, 4, 3), "d MMMM y", "tr", "upper") == "3 NİSAN 1983"
    assert written(datetime.date(1983, 4, 3), "EEEE d MMMM y", "fr", "upper") == "DIMANCHE 3 AVRIL 1983"


def test_only_plain_spaces_stand_between_words(pairs):
    assert not [text for text, _ in pairs if re.search(r"[^\S ]|  |^ | $", text)]


def test_chosen_locales_alone_are_used():
    texts = [text for text, _ in date_pairs(200, 1, locales=("nl",))]
    assert any("maart" in text.lower() for text in texts)
    assert not any("märz" in text.lower() for text in texts)


def test_progress_ends_at_the_whole():
    told = []
    date_pairs(1500, 1, progress=lambda done, total: told.append((done, total)))
    assert told == [(1000, 1500), (1500, 1500)]


def test_the_state_of_chance_elsewhere_does_not_matter():
    random.seed(1)
    first = date_pairs(20, 0)
    random.seed(2)
    assert date_pairs(20, 0) == first


@pytest.mark.parametrize("count", [0, -2, 73_050])
def test_a_count_that_cannot_be_is_refused_with_its_value(count):
    with pytest.raises(ValueError, match=rf"1 to 73,049 dates .*Got {count:,}\."):
        date_pairs(count, 0, locales=("de",))


def test_an_unknown_locale_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"no dates of the locale 'hr'\. Known: en, en_GB"):
        date_pairs(3, 0, locales=("de", "hr"))


def test_without_babel_the_error_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(ImportError, match=r'Babel is not installed.*pip install "rnnkit\[dates\]"'):
        date_pairs(3, 0)
