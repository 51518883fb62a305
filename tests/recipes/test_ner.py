"""The ner recipe: what it serves, how it is asked, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import rnnkit
from rnnkit.cli import main
from rnnkit.recipes.ner import Settings

SIZES = {"units": 6, "embedding_units": 7, "character_units": 4, "length": 12}
LEARNT = {**SIZES, "epochs": 6, "batch_size": 8, "learning_rate": 0.02, "word_dropout": 0.3}


def sentences(seed=1, count=150):
    """Names after 'in' are places and before 'sings' persons; a number of tokens each."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        name = ["".join(random.choice(list("abcdefg"), 4)).title() for _ in range(random.integers(1, 3))]
        place = "".join(random.choice(list("hijklmn"), 5)).title()
        tags = ["B-PER", *["I-PER"] * (len(name) - 1), "O", "O", "B-LOC", "O"]
        rows += zip([*name, "sings", "in", place, "."], tags, [number] * len(tags), strict=True)
    return pd.DataFrame(rows, columns=["tokens", "tags", "sentence"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    out = tmp_path_factory.mktemp("saved_models")
    return rnnkit.run("ner", data=sentences(), columns="sentence=sentence", out=out, bundle="names", **LEARNT)


TEXTS = ["Abc Gf sings in Hijkl.", "", "Élan 🙂👍🏽 in Nmlkj, 中文 שלום", "in " * 20]


def called(bundle, signature, **inputs):
    found = bundle.model.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in found.items()}


def test_entities_are_slices_of_the_text(bundle):
    found = called(bundle, "serving_default", text=TEXTS)
    for row, text in enumerate(TEXTS):
        assert found["count"][row] == (found["end"][row] > 0).sum()
        for n in range(found["count"][row]):
            start, end = found["start"][row, n], found["end"][row, n]
            assert text[start:end].encode() == found["entity"][row, n] and 0 < found["probability"][row, n] <= 1
        assert not found["entity"][row, found["count"][row] :].any()
    assert found["cut"].tolist() == [False, False, False, True]
    assert found["count"][0] > 0 and set(found["label"].ravel()) <= {b"PER", b"LOC", b""}


def test_an_entity_is_as_likely_as_all_ways_to_write_it_together(bundle):
    """Of a single token it is the token's own probability; of several it is below each of theirs."""
    found = called(bundle, "serving_default", text=TEXTS)
    for row, text in enumerate(TEXTS):
        ends = np.cumsum([len(token) for token in found["token"][row]])
        assert len(ends)
        for n in range(found["count"][row]):
            words = found["entity"][row, n].split(b" ")
            place = list(found["token"][row]).index(words[0])
            own = found["tag_probability"][row, place : place + len(words)]
            assert found["probability"][row, n] <= own.min() + 1e-5
            if len(words) == 1:
                assert found["probability"][row, n] == pytest.approx(own[0], abs=1e-5)
        assert text is not None


def test_tokens_are_tagged_as_they_are_given(bundle):
    given = [["Abc", "Gf", "sings", "in", "Hijkl", "."], ["New York", "", "in", "", "", ""], [""] * 6]
    found = called(bundle, "tokens", tokens=given)
    assert found["token"][0].tolist() == [token.encode() for token in given[0]]
    assert found["token"][1].tolist() == [b"New York", b" ", b"in", b"", b"", b""]
    assert (found["tag"] != b"").tolist() == [[True] * 6, [True] * 3 + [False] * 3, [False] * 6]
    text = called(bundle, "serving_default", text=["Abc Gf sings in Hijkl ."])
    for name, values in text.items():
        cut = tuple(slice(size) for size in values.shape[1:])
        if values.dtype == object:
            np.testing.assert_array_equal(found[name][0][cut], values[0], err_msg=name)
        else:
            np.testing.assert_allclose(found[name][0][cut], values[0], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("head", ["crf", "softmax"])
@pytest.mark.parametrize("scheme", ["bio", "iob1", "bioes"])
def test_tags_are_whole_entities_in_the_scheme_asked_for(head, scheme):
    from rnnkit.recipes.ner import RECIPE
    from rnnkit.tagging.schemes import faults, spans

    settings = Settings(head=head, tag_scheme=scheme, columns="sentence=sentence", **SIZES)
    splits = RECIPE.read(sentences(), None, None, settings, lambda done, total: None)
    preparation = RECIPE.prepare(splits.train, settings, rnnkit.progress.SILENT)
    core = RECIPE.build(preparation.facts, settings)
    for weight in core.trainable_variables:
        # Untrained, but with a will of its own.
        weight.assign(weight + tf.random.stateless_normal(weight.shape, (1, 2)))
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(splits.train.tokens[0] + ["Abc", "x"], 11)) for _ in range(40)]
    found = RECIPE.serve(preparation, core, settings)["serving_default"].function(tf.constant(texts))
    labels = []
    for row, tags in enumerate(found["tag"].numpy()):
        tags = [tag.decode() for tag in tags if tag]
        assert len(tags) == 11 and faults(tags, scheme) == []
        marked = [label.decode() for label in found["label"].numpy()[row] if label]
        assert [span.label for span in spans(tags)] == marked
        labels += marked
    assert set(labels) == {"PER", "LOC"}


def test_tags_that_stand_alone_are_learnt_from_another_column(tmp_path):
    rows = sentences().assign(pos=lambda table: np.where(table["tokens"].isin(["sings", "in", "."]), "word", "name"))
    columns = "sentence=sentence,tags=pos"
    bundle = rnnkit.run("ner", data=rows, columns=columns, out=tmp_path, **LEARNT)
    assert bundle.card["labels"] == ["word", "name"]
    assert list(bundle.card["scores"]["test"]) == ["accuracy", "macro_f1"]
    assert set(bundle.card["baselines"]) == {"most_frequent", "linear"}
    found = bundle.predict(["Abc sings", ""])
    assert set(found) == {"token", "tag", "tag_probability", "cut"}
    assert set(found["tag"][0]) <= {"word", "name"} and not any(found["tag"][1])


def test_the_card_tells_labels_seen_and_unseen_entities_and_what_was_taken_for_what(bundle):
    card = bundle.card
    assert list(card["scores"]["test"]) == ["entity_f1", "entity_precision", "entity_recall", "token_accuracy"]
    assert set(card["per_label"]) <= {"LOC", "PER"} and card["per_label"]["PER"]["support"] == 15
    assert card["seen_unseen"]["seen_support"] + card["seen_unseen"]["unseen_support"] == 30
    assert np.shape(card["confusion"]["counts"]) == (len(card["confusion"]["labels"]) + 1,) * 2
    page = (bundle.path / "report" / "entities.html").read_text("utf-8")
    assert "sings" in page and "PER" in page


def test_predict_marks_entities_in_the_terminal_and_on_a_page(bundle, run, capsys):
    out = run("predict", bundle.path, "Abc & sings in Hijkl.", "--entities", "page.html")
    assert "sings" in out and ("PER]" in out or "LOC]" in out)
    page = open("page.html", encoding="utf-8").read()
    assert "&amp;" in page and "<mark" in page.split("<main>")[1]
    answer = json.loads(run("predict", bundle.path, "Abc sings", "--json"))
    assert answer["token"] == ["Abc", "sings"] and len(answer["tag"]) == 2
    for arguments, message in (
        (["--input", "none.txt", "--entities", "page.html"], "--entities shows texts given on the line. Got none."),
        (["a", "--entities", "page.pdf"], "--entities must name a .html file. Got 'page.pdf'."),
    ):
        assert main(["predict", str(bundle.path), *arguments]) == 2
        assert message in capsys.readouterr().err


def test_a_child_of_entities_is_no_child_of_plain_tags(bundle, tmp_path):
    rows = sentences().assign(tags=lambda table: np.where(table["tokens"] == "in", "x", "y"))
    with pytest.raises(ValueError, match="marks entities .*, and the data have tags that each stand alone"):
        rnnkit.finetune(bundle, rows, columns="sentence=sentence", out=tmp_path, epochs=1)


def test_a_word_of_200_letters_is_one_token(bundle):
    word = "A" * 200
    found = called(bundle, "serving_default", text=[f"{word} sings"])
    assert found["token"][0].tolist() == [word.encode(), b"sings"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"label_smoothing": 0.1}, "label_smoothing is of tags chosen each by itself. Got 0.1 with the head crf."),
        ({"class_weights": "balanced"}, "class_weights are of rows, and a row has many tags. Got 'balanced'."),
        ({"head": "crff"}, "head must be one of 'crf', 'softmax'. Got 'crff'."),
        ({"cell": "mingru", "activation": "relu"}, "Cell 'mingru' has no activation"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_their_value(given, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        Settings(**given)
