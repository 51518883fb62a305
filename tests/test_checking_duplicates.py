"""Duplicates: repeated, near-equal, contradicting and leaking rows, against plain loops."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.checking.duplicates import Keys, between, contradictions, folded, repeats, within
from rnnkit.checking.hashing import SKETCH, DistinctCount, hashes_of, rows_of

WORDS = st.sampled_from(
    ["dull", "Dull", "dull!", " dull  ", "fine", "FINE", "très bon", "TRÈS  bon.", "?", "!", "a b", "ab"]
)


def keys_of(texts, targets=None, name="r.csv", start=2):
    targets = None if targets is None else np.array(targets, np.int32)
    near = hashes_of([folded(text) for text in texts])
    return Keys(name, "line", hashes_of(texts), near, targets, range(start, start + len(texts)))


def by_kind(findings):
    return {finding.kind: finding for finding in findings}


@given(st.lists(st.tuples(WORDS, st.integers(0, 2)), max_size=40))
@settings(max_examples=200, deadline=None)
def test_repeats_and_contradictions_agree_with_a_plain_loop(rows):
    texts, targets = [text for text, _ in rows], [target for _, target in rows]
    seen, again, near_seen, near_again, first, torn = set(), [], set(), [], {}, set()
    for place, (text, target) in enumerate(rows):
        if text in seen:
            again.append(place)
        elif folded(text) in near_seen:
            near_again.append(place)
        seen.add(text)
        near_seen.add(folded(text))
        place_of, known = first.setdefault(text, (place, target))
        if known != target:
            torn.add(place_of)
    hashes = hashes_of(texts)
    assert repeats(hashes).tolist() == again
    assert contradictions(hashes, np.array(targets)).tolist() == sorted(torn)
    found = by_kind(within(keys_of(texts, targets)))
    for kind, places in (("duplicates", again), ("near_duplicates", near_again), ("contradictions", sorted(torn))):
        assert (kind in found) == bool(places)
        if places:
            assert found[kind].places == tuple(place + 2 for place in places[:3])
            assert f" {len(places)} " in found[kind].message


@given(st.lists(WORDS, max_size=20), st.lists(WORDS, max_size=20))
@settings(max_examples=200, deadline=None)
def test_leakage_agrees_with_a_plain_loop(train, test):
    found = by_kind(between({"train": keys_of(train), "test": keys_of(test, name="t.csv", start=50)}))
    near_train = {folded(text) for text in train}
    equal = [50 + place for place, text in enumerate(test) if text in train]
    near = [50 + place for place, text in enumerate(test) if text not in train and folded(text) in near_train]
    for kind, places in (("leakage", equal), ("near_leakage", near)):
        assert (kind in found) == bool(places)
        if places:
            assert found[kind].places == tuple(places[:3]) and "t.csv" in found[kind].message


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_folding_is_the_same_for_ascii_and_for_other_texts(text):
    slow = re.sub(r"[\W_]+", " ", text.casefold()).strip() or text
    assert folded(text) == slow and folded(folded(text)) == folded(text)


def test_rows_of_several_inputs_are_equal_only_where_each_is():
    pairs = [("a", "b"), ("b", "a"), ("a", "b"), ("ab", ""), ("", "ab")]
    hashes = rows_of([list(column) for column in zip(*pairs, strict=True)])
    assert repeats(hashes).tolist() == [2]


def test_texts_that_can_not_be_encoded_have_hashes_too():
    odd, plain = hashes_of(["caf\udce9", "fine"]), hashes_of(["fine"])
    assert odd[1] == plain[0] != odd[0]


def test_many_repeats_are_a_warning_with_something_to_do():
    few = by_kind(within(keys_of([str(place) for place in range(100)] + ["7"])))["duplicates"]
    many = by_kind(within(keys_of([str(place % 50) for place in range(100)])))["duplicates"]
    assert (few.severity, few.mend) == ("note", "") and many.severity == "warning" and "r.csv" in many.mend


def test_different_values_are_counted_exactly_while_few_and_nearly_when_many():
    few, many = DistinctCount(), DistinctCount()
    for start in range(0, 900, 90):
        few.take(hashes_of([str(place % 300) for place in range(start, start + 90)]))
    assert few.exact and int(few) == 300
    for start in range(0, 40_000, 4_000):
        many.take(hashes_of([str(place) for place in range(start, start + 4_000)]))
    assert not many.exact and abs(int(many) - 40_000) < 6 * 40_000 / SKETCH**0.5
