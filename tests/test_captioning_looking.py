"""Looking: what a captioner's card says of it, and which pictures its report has."""

import types

import numpy as np
import pytest
import tensorflow as tf
from toy_captions import SIDE, TEXTS, Rows, made

from rnnkit.answers import traced
from rnnkit.captioning.batches import PictureBatches, encode_pictures
from rnnkit.captioning.captioner import captioner_of, classifier_of
from rnnkit.captioning.looking import details_of, draw_report
from rnnkit.captioning.settings import LABEL
from rnnkit.writing.scoring import losses_on


def told_of(test, **how):
    """Gives what is known after the scoring, with the answers of a toy core."""
    preparation, core, wanted = made(**how)
    if wanted.answer == LABEL:
        served = classifier_of(preparation, core).signatures()
    else:
        served = captioner_of(preparation, core, wanted).signatures()
    answers = traced(served["serving_default"])(image=tf.constant(test.images))
    answers = {name: values.numpy() for name, values in answers.items()}
    return types.SimpleNamespace(
        preparation=preparation,
        core=core,
        settings=wanted,
        splits=types.SimpleNamespace(valid=Rows(), test=test),
        answers={"test": answers},
        signatures=served,
        truth={"test": test.truth()},
    )


@pytest.fixture(scope="module")
def told():
    return told_of(Rows())


def test_the_card_says_what_was_looked_at_and_answered_and_the_loss_of_each_piece(told):
    card = details_of(told)
    assert card["images"] == {"height": SIDE, "width": SIDE, "channels": 3}
    answers = [text.decode() for text in told.answers["test"]["caption"]]
    assert card["examples"] == [
        {"image": f"picture {n + 1}", "truth": TEXTS[n], "answer": answers[n]} for n in range(len(TEXTS))
    ]
    assert len(card["findings"]) == 3 and card["findings"][0].startswith(f"picture 1  →  {answers[0]}")
    # All captions of a picture count, however many there are.
    batches = {"test": PictureBatches(encode_pictures(Rows(), told.preparation), 2, 3)}
    expected = losses_on(told.core, batches)["test"]
    assert card["losses"] == {"valid": pytest.approx(expected), "test": pytest.approx(expected)}
    assert card["metrics"]


def test_a_finding_shows_the_truth_only_where_the_answer_is_another():
    told = told_of(Rows(), answer=LABEL)
    told.answers["test"]["label"] = np.array([b"a red dot", b"dots", b"", b"", b""], object)
    assert details_of(told)["findings"] == [
        "picture 1  →  a red dot",
        "picture 2  →  dots",
        "picture 3  →     (in the data: a line)",
    ]


def test_the_report_has_a_page_of_pictures_and_where_was_looked_in_four(told, tmp_path):
    draw_report(told, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"pictures.png", *(f"attention_{number}.png" for number in range(1, 5))}


@pytest.mark.parametrize(("labels", "drawn"), [([["dots"], ["a cat"], ["a line"]], True), ([["a cat"]], False)])
def test_of_classes_only_those_that_train_has_are_compared(labels, drawn, tmp_path):
    told = told_of(Rows(labels), answer=LABEL)
    card = details_of(told)
    assert "losses" not in card and [each["truth"] for each in card["examples"]] == labels
    draw_report(told, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"pictures.png"} | ({"classes.png"} if drawn else set())
