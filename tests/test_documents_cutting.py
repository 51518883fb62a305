"""Cutting of documents: passages put together are the text, whatever the blocks and sizes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.documents.cutting import line_passages, running_passages
from rnnkit.documents.text_blocks import LINE, whole_lines

TEXTS = st.text(st.sampled_from("ab \n\u2028\r\u00e9\U0001f600"), max_size=60)


def split_up(text, places):
    cuts = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:stop] for start, stop in zip(cuts, cuts[1:], strict=False)]


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(0, 99)), st.integers(1, 9), st.integers(0, 9))
def test_passages_put_together_are_the_text_however_it_came(text, places, size, most):
    blocks = split_up(text, places)
    cut = list(running_passages(blocks, size))
    assert cut == list(running_passages([text], size))
    assert "".join(passage for passage, _ in cut) == text
    assert all(0 < len(passage) <= size for passage, _ in cut)
    assert [end for _, end in cut] == [False] * (len(cut) - 1) + [True] * bool(text)
    assert "".join(whole_lines(blocks, most)) == text


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(0, 99)))
def test_blocks_of_whole_lines_end_where_a_line_does(text, places):
    blocks = list(whole_lines(split_up(text, places), 99))
    assert all(block.endswith("\n") for block in blocks[:-1]) and all(blocks)
    assert [line for block in blocks for line in LINE.findall(block)] == LINE.findall(text)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 9))
def test_lines_of_their_own_are_all_there_but_blank_ones(text, size):
    blank, held, found = [], "", []
    for passage, end in line_passages(whole_lines([text], 99), size, blank.append):
        held += passage
        if end:
            found.append(held)
            held = ""
    lines = text.removesuffix("\n").split("\n") if text else []
    assert not held and found == [line for line in lines if line.strip()]
    assert sum(blank) == len(lines) - len(found)


def test_a_passage_ends_with_a_line_else_with_a_word():
    assert [text for text, _ in running_passages(["ab\ncd ef\ngh ij"], 7)] == ["ab\n", "cd ef\n", "gh ij"]
    assert [text for text, _ in running_passages(["abc def ghijklmno"], 8)] == ["abc def ", "ghijklmn", "o"]
