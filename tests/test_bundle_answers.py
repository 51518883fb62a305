"""What a bundle answers: one answer a row, in the order of the rows, whatever form they come in."""

import numpy as np
import pytest


def test_answers_come_in_the_order_of_the_rows_whatever_their_length(tiny):
    texts = ["the a was dull " * 9, "fine", "", "the b was lovely", "the a was dull " * 40] * 30
    together = tiny.predict(texts)["probability"]
    assert together.shape == (150, 2)
    for place in (0, 1, 2, 3, 4, 149):
        np.testing.assert_allclose(together[place], tiny.predict(texts[place])["probability"][0], atol=1e-5)


def test_padded_answers_of_batches_of_different_length_are_joined(tiny):
    answers = tiny.predict(["one two three"] + ["one"] * 70, signature="explain")
    assert answers["attention"].shape == answers["word"].shape == (71, 3)
    assert answers["word"][0].tolist() == ["one", "two", "three"] and answers["word"][70].tolist() == ["one", "", ""]
    assert (answers["attention"][70, 1:] == 0).all()


def test_rows_may_be_texts_columns_a_data_frame_bytes_or_numbers(tiny, reviews):
    expected = tiny.predict(["7", "true", "café"])["probability"]
    for rows in ([7, True, "café".encode()], {"text": [7.0, "true", "café"]}):
        np.testing.assert_allclose(tiny.predict(rows)["probability"], expected, atol=1e-5)
    assert len(tiny.predict(reviews)["label"]) == len(reviews)


@pytest.mark.parametrize(
    ("rows", "signature", "kind", "message"),
    [
        (["a"], "explan", LookupError, r"has no signature 'explan'\. It has 'explain', 'serving_default'\."),
        ({"review": ["a"]}, "explain", LookupError, r"no column 'text'\. They have 'review'\."),
        ([["a", "b"]], "explain", ValueError, r"text must be a text, a number or a truth value .* Got a list\."),
    ],
)
def test_rows_that_cannot_be_answered_are_refused(tiny, rows, signature, kind, message):
    with pytest.raises(kind, match=message):
        tiny.predict(rows, signature=signature)
