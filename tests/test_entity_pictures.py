"""Pictures of entities: a page shows the texts as they are and each entity with its label, whatever is in them."""

import html.parser
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from rnnkit.entity_pictures import (
    COLOURS,
    THEMES,
    Entity,
    draw_type_confusion,
    entities_html,
    entities_text,
    write_entities,
)

VOID = {"meta"}
ADA = "Ada Lovelace went to Bath."
FOUND = [Entity("Ada Lovelace", "PER", 0, 12, 0.93), Entity("Bath", "LOC", 21, 25, 0.5)]


class Page(html.parser.HTMLParser):
    """Reads a page: its paragraphs, marks and cells, with every tag closed in its turn."""

    def __init__(self, page):
        super().__init__()
        self.open, self.paragraphs, self.marks, self.rows = [], [], [], []
        self.attributes = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        self.open.append(tag)
        attributes = dict(attrs)
        self.attributes.append((tag, attributes))
        if tag == "p":
            self.paragraphs.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "mark" and "p" in self.open:
            self.marks.append({"text": "", "told": "", **attributes})

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "bdi" in self.open:
            self.marks[-1]["told"] += data
        elif "p" in self.open:
            self.paragraphs[-1] += data
            if "mark" in self.open:
                self.marks[-1]["text"] += data
        elif "tr" in self.open and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_entities_are_marked_with_their_label_and_probability():
    page = Page(entities_html([(ADA, FOUND)], title="Found"))
    assert page.paragraphs == [ADA]
    assert [(mark["text"], mark["told"], mark["title"]) for mark in page.marks] == [
        ("Ada Lovelace", "PER", "PER, 93.0 %"),
        ("Bath", "LOC", "LOC, 50.0 %"),
    ]
    first, second = (float(mark["style"].removeprefix("--p:")) for mark in page.marks)
    assert first > second > 0.3
    assert page.marks[0]["class"] != page.marks[1]["class"]
    assert page.rows == [["", "found"], ["LOC", "1"], ["PER", "1"], ["all", "2"]]


def test_a_page_needs_nothing_else_and_runs_nothing():
    page = entities_html([(ADA, FOUND)], title="Found", truth=[FOUND[:1]])
    assert not re.search(r"https?:|<script|<link|<img|@import|url\(", page)


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '" onmouseover="x', "&amp; {title} %s", "</style>"])
def test_what_looks_like_html_is_shown_as_it_is(evil):
    rows = [(f"a {evil} b", [Entity(evil, evil, 2, 2 + len(evil), 0.5)])]
    page = Page(entities_html(rows, title=evil, truth=[[]]))
    assert page.paragraphs == [rows[0][0]] * 2
    assert page.marks[0]["text"] == evil
    assert page.marks[0]["told"] == f"{evil} false"
    tags = {tag for tag, _ in page.attributes}
    names = {name for _, had in page.attributes for name in had}
    assert tags <= set("html head title style body h1 table tr th td mark main section small p bdi".split())
    assert names <= set("class style title dir lang scope".split())


def test_false_and_missed_entities_are_told_in_words_and_counted():
    """A wrong label is both: false as it was found, missed as it is."""
    rows = [(ADA, FOUND), ("Bath slept.", [Entity("Bath", "LOC", 0, 4, 0.6)]), ("Nobody came.", [])]
    truth = [FOUND, [Entity("Bath", "PER", 0, 4)], []]
    page = Page(entities_html(rows, title="Compared", truth=truth))
    assert page.paragraphs == [ADA, "Bath slept.", "Bath slept.", "Nobody came."]
    assert [mark["told"] for mark in page.marks] == ["PER", "LOC", "LOC false", "PER missed"]
    assert page.rows[1:] == [["LOC", "1", "1", "0"], ["PER", "1", "0", "1"], ["all", "2", "1", "1"]]
    assert page.rows[0] == ["", "right", "false", "missed"]


def test_each_paragraph_takes_its_direction_from_its_text():
    hebrew = "דוד גר בחיפה"
    page = Page(entities_html([(hebrew, [Entity("דוד", "PER", 0, 3, 1.0)])], title="x"))
    assert page.paragraphs == [hebrew] and page.marks[0]["text"] == "דוד"
    assert all(had.get("dir") == "auto" for tag, had in page.attributes if tag == "p")


@st.composite
def marked(draw):
    """A text of any characters, and entities in it that don't overlap."""
    text = draw(st.text(min_size=1, max_size=30))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    labels = st.sampled_from(["PER", "LOC", "<b>", "שם"])
    return text, [
        Entity(text[start:end], draw(labels), start, end, draw(st.floats(0, 1)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]


def shown(text):
    """What stands for a text: characters that would steer are replaced, one by one."""
    return "".join(
        chr(0x2400 + ord(one)) if one < " " and one not in "\t\n" else "\ufffd" if "\x7f" <= one < "\xa0" else one
        for one in text
    )


@given(st.lists(marked(), max_size=4))
def test_any_text_is_shown_whole_with_the_entities_where_they_are(rows):
    page = Page(entities_html(rows, title="Any"))
    assert page.paragraphs == [shown(text) for text, _ in rows]
    entities = [entity for _, found in rows for entity in found]
    assert [mark["text"] for mark in page.marks] == [shown(entity.text) for entity in entities]
    assert [mark["told"] for mark in page.marks] == [entity.label for entity in entities]


@given(marked(), st.data())
def test_right_false_and_missed_add_up(row, data):
    text, found = row
    kept = data.draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found)))
    true = [entity for entity, keep in zip(found, kept, strict=True) if keep]
    page = Page(entities_html([row], title="Any", truth=[true]))
    assert page.rows[-1] == ["all", str(sum(kept)), str(len(found) - sum(kept)), "0"]
    assert page.paragraphs == [shown(text)] * (1 if all(kept) else 2)


@given(marked())
def test_the_terminal_shows_each_entity_in_brackets_with_its_label(row):
    text, found = row
    expected, done = "", 0
    for entity in found:
        expected += f"{text[done : entity.start]}[{entity.text} {entity.label}]"
        done = entity.end
    assert entities_text(text, found).plain == shown(expected + text[done:])


def test_the_terminal_is_not_steered_by_a_text():
    assert entities_text("a \x1b[31mred", [Entity("\x1b[31mred", "X\x1b", 2, 10, 1.0)]).plain == "a [␛[31mred X␛]"


def test_emoji_and_combining_marks_are_marked_where_python_slices_them():
    text = "👩‍🚀 Zoe\u0301 naar 東京"
    start = text.index("Z")
    page = Page(entities_html([(text, [Entity("Zoe\u0301", "PER", start, start + 4, 1.0)])], title="x"))
    assert page.marks[0]["text"] == text[start : start + 4] == "Zoe\u0301"


def test_offsets_outside_the_text_are_refused():
    with pytest.raises(ValueError, match=r"PER at 3-9 is not within text 2\. Offsets count its 5 code points"):
        entities_html([("", []), ("abcde", [Entity("de", "PER", 3, 9, 1.0)])], title="x")


def test_entities_that_overlap_are_refused_with_both():
    both = [Entity("bcd", "LOC", 1, 4, 1.0), Entity("abc", "PER", 0, 3, 1.0)]
    with pytest.raises(ValueError, match=r"text 1 overlap: 'PER at 0-3', 'LOC at 1-4'"):
        entities_html([("abcde", both)], title="x")


def test_truth_of_another_number_of_texts_is_refused():
    with pytest.raises(ValueError, match=r"There are 1 texts, and true entities of 2\."):
        entities_html([("abc", [])], title="x", truth=[[], []])


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "entities.html"
    write_entities(path, [("lone \ud800", [])], title="Ünïcode")
    written = path.read_text(encoding="utf-8")
    assert Page(written).paragraphs == ["lone \ufffd"]
    with pytest.raises(ValueError, match="not within"):
        write_entities(path, [("a", [Entity("b", "PER", 1, 2, 1.0)])], title="x")
    assert path.read_text(encoding="utf-8") == written
    assert [file.name for file in tmp_path.iterdir()] == ["entities.html"]
    with pytest.raises(ValueError, match=r"must be a \.html file\. Got .*entities\.png"):
        write_entities(tmp_path / "entities.png", [], title="x")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("colour", COLOURS)
def test_ink_can_be_read_on_every_colour(theme, colour):
    """A contrast of 4.5 at least, WCAG 2.2, https://www.w3.org/TR/WCAG22/#contrast-minimum."""
    paper, ink, share = THEMES[theme]
    for strength in (0.3, 1.0):
        behind = share * strength * channels(colour) + (1 - share * strength) * channels(paper)
        light, dark = sorted([luminance(channels(ink)), luminance(behind)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5


def channels(colour):
    return np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255


def luminance(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_the_confusion_of_types_has_its_counts_and_what_is_no_entity_last():
    counts = np.array([[12, 3, 1], [2, 1000, 0], [4, 5, 0]])
    axes = Figure().subplots()
    draw_type_confusion(axes, ["PER", "$X$"], counts)
    assert Counter(text.get_text() for text in axes.texts) == Counter(["12", "3", "1", "2", "1,000", "0", "4", "5"])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["PER", r"\$X\$", "no entity"]
    axes.figure.canvas.draw()
