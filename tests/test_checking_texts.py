"""Texts and lengths: scripts, wrong encodings, tags, odd characters; percentiles and what is cut."""

import numpy as np
import pytest

from rnnkit.checking.encodings import EncodingGuess
from rnnkit.checking.lengths import Lengths
from rnnkit.checking.texts import TextChecks, script
from rnnkit.sources.cells import undecodable

PLAIN = ["The plot was dull, I'd say.", "3 of 5; a <b but not a tag & no entity", "naïve café, Ærø, œuvre", ""]


def checks_of(texts, chunk=3):
    checks = TextChecks("r.csv, text", "line")
    for start in range(0, len(texts), chunk):
        part = texts[start : start + chunk]
        checks.take(part, range(start + 2, start + 2 + len(part)))
    return checks


def found(texts, **how):
    return {finding.kind: finding for finding in checks_of(texts).findings(**how)}


def test_plain_texts_are_passed_over_in_silence():
    assert found(PLAIN * 5) == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a good film<br />and more", "html_tags"),
        ("</p>", "html_tags"),
        ("Tom &amp; Jerry", "html_entities"),
        ("it&#39;s", "html_entities"),
        ("cafÃ© au lait", "mojibake"),
        ("itâ€™s good", "mojibake"),
        ("itâ\x80\x99s good", "mojibake"),
        ("Ð¿Ð»Ð¾Ñ…Ð¾", "mojibake"),
        ("good ðŸ™‚", "mojibake"),
        ("caf\ufffd", "replacement_characters"),
        ("a\x07bell", "control_characters"),
        ("it\x92s", "latin1_controls"),
        ("zero\u200bwidth", "invisible_characters"),
        ("p\u0430ypal", "look_alikes"),
        ("это плохо", "other_scripts"),
    ],
)
def test_each_mark_is_found_where_it_is(text, kind):
    findings = found([*PLAIN * 5, text])
    assert kind in findings and findings[kind].places == (22,) and "line 22" in findings[kind].message
    assert set(findings) <= {kind, "other_scripts", "latin1_controls"}


@pytest.mark.parametrize(
    "written", ["Größe", "naïve – déjà vu", "«Ça va?» ÀÉÈ", "œuvre", "it’s", "Москва", "🙂 ok", "東京"]
)
def test_utf_8_read_as_cp1252_is_found_and_the_text_itself_is_not(written):
    try:
        broken = written.encode().decode("cp1252")
    except UnicodeDecodeError:
        broken = written.encode().decode("latin-1")
    assert "mojibake" in found([broken]) and "mojibake" not in found([written])


def test_the_advice_depends_on_how_the_file_was_read():
    broken = ["cafÃ©"]
    assert "--encoding utf-8" in found(broken, encoding="cp1252")["mojibake"].mend
    assert "--encoding" not in found(broken)["mojibake"].mend
    assert "--encoding cp1252" in found(["it\x92s"], encoding="latin-1")["latin1_controls"].mend


def test_tags_are_a_warning_only_where_they_are_kept():
    texts = ["so<br />so"] * 5
    assert found(texts, markup="drop")["html_tags"].severity == "note"
    assert "--markup drop" in found(texts, markup="keep")["html_tags"].mend


def test_scripts_are_counted_by_letters_and_rows():
    checks = checks_of(["abcd", "ab вг", "東京 ひらがな", "12 !?"])
    assert checks.letters == {"Latin": 6, "Cyrillic": 2, "CJK": 6}
    assert {name: tally.count for name, tally in checks.scripts.items()} == {"Latin": 2, "Cyrillic": 1, "CJK": 1}
    assert sum(checks.shares().values()) == pytest.approx(1)


def test_the_main_script_need_not_be_latin():
    findings = found(["плохой фильм", "хороший фильм", "плохой iPhone"])
    assert "most letters are Cyrillic" in findings["other_scripts"].message
    assert findings["other_scripts"].places == (4,)


@pytest.mark.parametrize(
    ("letter", "name"),
    [("é", "Latin"), ("ж", "Cyrillic"), ("Ａ", "Latin"), ("カ", "CJK"), ("µ", ""), ("7", ""), ("ª", "")],
)
def test_a_letter_has_the_script_of_its_name(letter, name):
    assert script(letter) == name


@pytest.mark.parametrize(
    ("written", "encoding", "flag"),
    [("the café was très bon, said the naïve guest", "cp1252", "cp1252"), ("очень плохой фильм", "cp1251", "cp1251")],
)
def test_the_encoding_of_undecodable_texts_is_guessed(written, encoding, flag):
    guess, text = EncodingGuess("utf-8"), written.encode(encoding).decode("utf-8", "surrogateescape")
    fault = guess.take(undecodable(text, "utf-8"), text)
    assert f"--encoding {flag}" in guess.hint(fault.kind) and guess.hint("broken quotes") == ""


def test_lengths_say_how_many_are_cut_and_what_would_read_most():
    lengths = Lengths(np.arange(1, 1_001), "steps", 400)
    (finding,) = lengths.findings()
    assert lengths.cut_share == 0.6 and "60.0%" in finding.message and "--length 1000" in finding.mend
    assert Lengths(np.arange(1, 401), "steps", 400).findings() == []
    assert Lengths(np.arange(1, 411), "steps", 400).findings()[0].severity == "note"
    assert Lengths(np.arange(1, 1_001), "steps").findings() == []


@pytest.mark.parametrize("steps", [[5], [3, 3, 3], [1, 2, 9], list(range(7, 90)), [1] * 300 + [5_000]])
def test_the_histogram_has_every_input_once(steps):
    lengths = Lengths(np.array(steps), "steps")
    counts, edges = lengths.histogram()
    assert counts.sum() == len(steps) and len(edges) == len(counts) + 1 and edges[0] == min(steps)
    for count, low, high in list(zip(counts, edges, edges[1:], strict=False))[:-1]:
        assert count == sum(low <= step < high for step in steps)
    assert len(lengths.picture()) < 60
