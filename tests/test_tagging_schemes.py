"""Schemes of tags: entities come back from each, faulty tags are read as conlleval does, schemes are told apart."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnkit.tagging.schemes import SCHEMES, Span, converted, faults, is_tag, recognise, spans, split_tag, to_tags

ENTITIES = ("bio", "iob1", "bioes")
LABELS = ["PER", "ORG", "B-LOC", "I", "O", "人", "a-b-c"]
PROFILE = settings(derandomize=True, database=None, deadline=None, max_examples=200)


@st.composite
def marked(draw):
    """Entities of a sentence that share no token, and its length."""
    found, place = [], 0
    for gap, size, label in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(LABELS)), max_size=6)
    ):
        found.append(Span(label, place + gap, place + gap + size))
        place += gap + size
    return found, place + draw(st.integers(0, 2))


def any_tags():
    tag = st.sampled_from(["O", "O", *(f"{letter}-{label}" for letter in "BIESLUWM" for label in ("PER", "LOC"))])
    return st.lists(tag, max_size=9)


@PROFILE
@given(marked(), st.sampled_from(ENTITIES))
def test_entities_come_back_from_each_scheme(sentence, scheme):
    found, length = sentence
    tags = to_tags(found[::-1], length, scheme)
    assert len(tags) == length
    assert spans(tags) == found
    assert faults(tags, scheme) == []
    assert all(is_tag(tag, scheme) for tag in tags)


@PROFILE
@given(marked(), st.sampled_from(ENTITIES), st.sampled_from(ENTITIES))
def test_converting_there_and_back_changes_nothing(sentence, first, second):
    tags = to_tags(*sentence, first)
    assert converted(converted(tags, first, second), second, first) == tags
    assert converted(tags, first, first) == tags


@PROFILE
@given(any_tags())
def test_any_tags_become_tags_that_are_allowed_and_mean_the_same(tags):
    for scheme in ENTITIES:
        mended = converted(tags, "bioes", scheme)
        assert faults(mended, scheme) == []
        assert spans(mended) == spans(tags)


@PROFILE
@given(any_tags())
def test_entities_cover_just_the_tokens_that_are_tagged(tags):
    covered = [token for span in spans(tags) for token in range(span.start, span.stop)]
    assert covered == [token for token, tag in enumerate(tags) if tag != "O"]
    for label, start, stop in spans(tags):
        assert {split_tag(tag)[1] for tag in tags[start:stop]} == {label}


def conlleval(tags):
    """Entities by the rules of conlleval's endOfChunk and startOfChunk, for B, I, E and S, one line for each rule."""
    found, start, previous, kind = [], None, "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, _, label = tag.partition("-")
        ends = any(
            [
                previous == "E",
                previous == "S",
                previous == "B" and letter in "BSO",
                previous == "I" and letter in "BSO",
                previous != "O" and kind != label,
            ]
        )
        begins = any(
            [
                letter in "BS",
                previous == "E" and letter in "EI",
                previous == "S" and letter in "EI",
                previous == "O" and letter in "EI",
                letter != "O" and kind != label,
            ]
        )
        if ends and start is not None:
            found.append(Span(kind, start, place))
            start = None
        if begins:
            start = place
        previous, kind = letter, label
    return found


@PROFILE
@given(st.lists(st.sampled_from(["O", *(f"{a}-{b}" for a in "BIES" for b in ("PER", "LOC", "X-Y"))]), max_size=12))
@example(["I-PER", "I-LOC", "B-LOC", "I-LOC", "O", "I-PER", "B-PER"])
@example(["E-PER", "E-PER", "I-PER", "S-PER", "I-PER", "B-PER", "E-PER", "I-LOC"])
def test_entities_are_those_of_conlleval(tags):
    assert spans(tags) == conlleval(tags)


def test_other_letters_mean_the_same():
    bioes = ["B-PER", "I-PER", "E-PER", "O", "S-LOC"]
    for other in (["B-PER", "I-PER", "L-PER", "O", "U-LOC"], ["B-PER", "M-PER", "E-PER", "O", "W-LOC"]):
        assert spans(other) == spans(bioes) == [Span("PER", 0, 3), Span("LOC", 4, 5)]
        assert converted(other, "bioes", "bioes") == bioes
        assert recognise([other]) == "bioes"
        assert faults(other, "bioes") == []


def test_only_the_first_hyphen_parts_letter_and_label():
    assert spans(["B-B-PER", "I-B-PER"]) == [Span("B-PER", 0, 2)]
    assert to_tags([Span("a-b", 0, 1)], 1, "bioes") == ["S-a-b"]


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["I-PER", "I-PER", "O"], ["I-LOC", "B-LOC", "O"]], "iob1"),
        ([["I-PER", "O", "I-LOC", "I-PER"]], "iob1"),
        ([["B-PER", "I-PER", "O"], ["B-LOC", "B-LOC"]], "bio"),
        ([["B-PER"], ["B-PER"], ["O", "I-PER"]], "bio"),
        ([["S-PER", "O"]], "bioes"),
        ([["B-PER", "I-PER", "L-PER"]], "bioes"),
        ([["NN", "VB", "."]], "none"),
        ([["PER", "O", "O", "person-artist"]], "none"),
        ([["O", "O"]], "bio"),
        ([], "bio"),
        ([["B-PER", "O"], ["B-PER", "I-PER", "X-PER"]], "bio"),
        ([["O", "B-", "-PER", "B", "I"]], "none"),
    ],
)
def test_schemes_are_recognised(sentences, scheme):
    assert recognise(sentences) == scheme


@PROFILE
@given(st.lists(marked(), min_size=1, max_size=4), st.sampled_from(ENTITIES))
def test_what_a_scheme_wrote_is_read_without_fault(sentences, scheme):
    tags = [to_tags(*sentence, scheme) for sentence in sentences]
    found = recognise(tags)
    assert [spans(one) for one in tags] == [sentence for sentence, _ in sentences]
    if scheme != "bioes" and any(letter in "BI" for one in tags for tag in one for letter in tag[:1]):
        assert found != "none"
    if found in ("bio", "iob1") and scheme == "bio":
        assert not any(faults(one, "bio") for one in tags)
        assert found == "bio"


@pytest.mark.parametrize(
    ("tags", "scheme", "expected"),
    [
        (["O", "I-PER", "I-PER"], "bio", [(1, "I-PER after O")]),
        (["I-PER", "B-LOC", "I-PER"], "bio", [(0, "I-PER at the start"), (2, "I-PER after B-LOC")]),
        (["B-PER", "B-PER", "O", "B-PER"], "iob1", [(0, "B-PER at the start"), (3, "B-PER after O")]),
        (["B-PER", "O"], "bioes", [(0, "B-PER before O")]),
        (["O", "E-PER", "I-PER"], "bioes", [(1, "E-PER after O"), (2, "I-PER after E-PER")]),
        (["B-PER", "I-PER"], "bioes", [(1, "I-PER at the end")]),
        (["B-PER", "E-LOC"], "bioes", [(0, "B-PER before E-LOC"), (1, "E-LOC after B-PER")]),
        (["B-PER", "S-PER", "X"], "bio", [(1, "'S-PER' is no tag"), (2, "'X' is no tag")]),
        (["NN", "", "B-"], "none", [(1, "'' is no tag")]),
    ],
)
def test_faults_are_told_with_their_places(tags, scheme, expected):
    assert faults(tags, scheme) == expected


def test_plain_tags_are_kept_and_never_made_entities():
    assert converted(["NN", "O", "B-PER"], "none", "none") == ["NN", "O", "B-PER"]
    assert spans(["NN", "VB", "O", "-LRB-", "B", "PER-X"]) == []
    with pytest.raises(ValueError, match=r"^The scheme of entities must be one of 'bio', 'iob1', 'bioes'\. Got 'none'"):
        converted(["O"], "bio", "none")
    with pytest.raises(ValueError, match="Got 'none'"):
        converted(["O"], "none", "bio")
    with pytest.raises(ValueError, match="Got 'iob3'"):
        to_tags([], 3, "iob3")
    assert SCHEMES == (*ENTITIES, "none")


def test_what_can_not_be_written_is_refused_with_its_value():
    with pytest.raises(ValueError, match=r"^Tags must be those of bio: O, B-LABEL and I-LABEL\. Got 'E-PER'\.$"):
        converted(["O", "E-PER"], "bio", "bioes")
    with pytest.raises(ValueError, match=r"must not share a token\. Got 'PER' from 0 to 2 and 'LOC' from 1 to 3\."):
        to_tags([Span("LOC", 1, 3), Span("PER", 0, 2)], 3, "bio")
    for start, stop in ((2, 2), (0, 5), (-1, 1)):
        with pytest.raises(ValueError, match=f"Got 'PER' from {start} to {stop} of 4"):
            to_tags([Span("PER", start, stop)], 4, "bio")
