"""Delimited tables: what is read is what csv wrote, and each broken record is named by its line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.sources.delimited import split_plain, split_quoted
from rnnkit.sources.faults import Fault

ALPHABET = st.one_of(st.sampled_from('",\r\n\t ab'), st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
CELL = st.text(ALPHABET, max_size=12)
TABLE = st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=6)


def read(text, separator=","):
    return list(split_quoted(io.StringIO(text, newline=""), separator, "x.csv"))


@given(TABLE, st.sampled_from(",\t"))
def test_cells_written_by_csv_are_read_back(table, separator):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator).writerows(table)
    assert [cells for _, cells in read(file.getvalue(), separator)] == table


@given(TABLE, st.sampled_from(["\n", "\r\n", "\r"]))
def test_cells_that_are_all_quoted_are_read_back_whatever_ends_a_line(table, end):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    assert [cells for _, cells in read(file.getvalue())] == table


@given(st.text(st.sampled_from('"",,\n\r ab'), max_size=30))
def test_any_text_is_read_as_strict_csv_reads_it(text):
    expected, reason = [], None
    try:
        expected += (row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row)
    except csv.Error as error:
        reason = str(error)
    try:
        got = [cells for _, cells in read(text)]
    except ValueError as error:
        assert "never closed" in str(error)
        got = [None]
    if reason is None:
        assert got == expected
    else:
        assert None in got or any(isinstance(cells, Fault) for cells in got)


@given(TABLE)
def test_a_record_is_numbered_by_the_line_it_begins_at(table):
    expected, number, text = [], 1, ""
    for row in table:
        file = io.StringIO(newline="")
        csv.writer(file).writerow(row)
        expected.append(number)
        text += file.getvalue()
        number = 1 + len(list(io.StringIO(text, newline="")))
    assert [place for place, _ in read(text)] == expected


def test_a_quote_inside_a_cell_without_quotes_is_an_ordinary_character():
    assert read('5" pipe,7" pipe\n') == [(1, ['5" pipe', '7" pipe'])]


def test_reading_goes_on_after_text_behind_a_closing_quote():
    (first, fault), second = read('"a"b,pos\n"c",neg\n')
    assert (first, fault.kind) == (1, "broken quotes")
    assert second == (2, ["c", "neg"])


def test_an_unclosed_quote_is_named_by_the_line_its_record_begins_at():
    with pytest.raises(ValueError, match=r"x\.csv, line 3: a quote opened here is never closed.*--quoting none"):
        read('a,b\nc,d\n"e,f\ng,h\n')


def test_a_record_past_the_limit_is_named_by_its_first_line(monkeypatch):
    monkeypatch.setattr("rnnkit.sources.delimited.LONGEST", 20)
    with pytest.raises(ValueError, match=r"x\.csv, line 2: the record that begins here has more than"):
        read('a,b\n"' + "words\n" * 9)


def test_blank_lines_are_no_records():
    assert read('a,b\n\n\r\n"c",d\n') == [(1, ["a", "b"]), (4, ["c", "d"])]


def test_without_quoting_quotes_are_ordinary_characters():
    lines = io.StringIO('say "hi\t1\n"bye"\t0\n', newline="")
    assert list(split_plain(lines, "\t", "x.tsv")) == [(1, ['say "hi', "1"]), (2, ['"bye"', "0"])]
