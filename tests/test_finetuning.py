"""Fine-tuning: what a child takes from its parent, what it learns, what is refused."""

import dataclasses
import itertools
import time

import numpy as np
import pandas as pd
import pytest

import rnnkit
from rnnkit import catalog, finetuning
from rnnkit.parts import load_parts

SHORT = {"epochs": 1, "scratch": False}


def parts(bundle):
    return load_parts(bundle, catalog.load(bundle.card["recipe"]))


def layer(core, name):
    return core.get_layer(name).get_weights()


def with_more_labels(reviews):
    return reviews.assign(label=np.where(np.arange(len(reviews)) % 3, reviews["label"], "odd"))


@pytest.fixture(scope="module")
def other():
    """Rows with words that `reviews` lacks."""
    words = {"good": ["lovely", "sparkling"], "bad": ["dull", "dreary"]}
    rows = [(f"a {noun} was {word}", label) for label in words for word in words[label] for noun in "fghijklmnop"]
    return pd.DataFrame(rows, columns=["text", "label"])


@pytest.fixture(scope="module")
def frozen(tiny, other, tmp_path_factory):
    """A child of other words, some parts of which were frozen."""
    out = tmp_path_factory.mktemp("frozen")
    return rnnkit.finetune(tiny, other, out=out, freeze="embedding,encoder", batch_size=4, **SHORT)


@pytest.fixture(scope="module")
def family(tiny, reviews, tmp_path_factory):
    """A child with a label more, and its child without it, made while the clock goes backwards."""
    clock, out = itertools.count(2e9, -3600), tmp_path_factory.mktemp("family")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: next(clock))
        child = rnnkit.finetune(tiny, with_more_labels(reviews), out=out, **SHORT)
        return child, rnnkit.finetune(child, reviews, out=out, **SHORT)


def test_words_join_the_vocabulary_and_the_old_keep_their_places(tiny, frozen):
    child = frozen
    (old, old_core), (new, new_core) = parts(tiny), parts(child)
    before, after = (preparation.features.get_layer("words").vocabulary for preparation in (old, new))
    assert after[: len(before)] == before and {"sparkling", "dreary"} <= set(after[len(before) :])
    rows = layer(old_core, "embedding")[0]
    assert np.array_equal(layer(new_core, "embedding")[0][: len(rows)], rows)
    assert child.card["facts"]["vocabulary"] == old.facts["vocabulary"] + len(after) - len(before)


def test_rows_of_the_head_go_with_their_labels(tiny, reviews, tmp_path):
    # 'bad' stays, in another place; 'a joy' is new.
    rows = reviews.assign(label=reviews["label"].map({"good": "a joy", "bad": "bad"}))
    # At a rate of nearly 0 the weights are those that were taken over.
    child = rnnkit.finetune(tiny, rows, out=tmp_path, learning_rate=1e-12, **SHORT)
    (old, old_core), (new, new_core) = parts(tiny), parts(child)
    for place, label in enumerate(new.labels):
        for mine, theirs in zip(layer(new_core, "logits"), layer(old_core, "logits"), strict=True):
            same = label in old.labels and np.allclose(
                mine[..., place], theirs[..., old.labels.index(label)], atol=1e-9
            )
            assert same == (label in old.labels)
    assert child.card["parent"]["scores"]


def test_labels_may_become_more_and_fewer(tiny, family):
    child, grandchild = family
    assert child.card["labels"] == ["bad", "good", "odd"]
    rates = [finetuning.child_defaults(catalog.load("sentiment"), bundle).learning_rate for bundle in (tiny, child)]
    assert rates[0] == rates[1] == child.card["settings"]["learning_rate"]
    assert grandchild.card["labels"] == ["bad", "good"] and grandchild.path.name == "2"
    assert grandchild.card["parent"] | {"scores": None} == {
        "path": str(child.path),
        "recipe": "sentiment",
        "version": 1,
        "sha256": child.sha256,
        "learning_rate_anew": tiny.card["settings"]["learning_rate"],
        "scores": None,
    }


def test_the_parent_and_a_model_begun_anew_are_scored_on_the_same_rows(tiny, reviews, tmp_path):
    child = rnnkit.finetune(tiny, reviews, out=tmp_path, bundle="mine", epochs=1)
    assert child.path == tmp_path / "mine" / "1"
    held = pd.DataFrame(child.rows("test"))
    assert len(held) == child.card["data"]["rows"]["test"]
    again = rnnkit.evaluate(tiny, held)
    assert child.card["parent"]["scores"]["test"] == pytest.approx(again, abs=1e-5)
    names = set(child.card["scores"]["test"])
    assert set(child.card["scratch"]["scores"]["test"]) == names == set(child.card["parent"]["scores"]["test"])


def test_a_child_is_written_though_no_model_can_be_begun_anew(tiny, reviews, tmp_path, monkeypatch):
    anew = finetuning._anew
    monkeypatch.setattr(finetuning, "_anew", lambda *args: dataclasses.replace(anew(*args), vectors="gone.txt"))
    child = rnnkit.finetune(tiny, reviews, out=tmp_path, epochs=1)
    assert "scratch" not in child.card and child.card["parent"]["scores"]


def test_frozen_parts_stay_and_the_others_move(tiny, frozen, reviews, tmp_path):
    (_, old_core), (_, new_core) = parts(tiny), parts(frozen)
    for name, moves in {"embedding": False, "recurrent_1": False, "logits": True}.items():
        pairs = zip(layer(old_core, name), layer(new_core, name), strict=True)
        # New words come after the old.
        assert all(np.array_equal(a, b[: len(a)]) for a, b in pairs) != moves, name
    # What was frozen once is trained again by a later child.
    later = rnnkit.finetune(frozen, reviews, out=tmp_path, batch_size=4, **SHORT)
    assert not np.array_equal(layer(parts(later)[1], "recurrent_1")[0], layer(new_core, "recurrent_1")[0])


def test_it_goes_by_its_own_rows_and_otherwise_by_the_parents_settings(tiny):
    recipe = catalog.load("sentiment")
    learnt = finetuning.parent_settings(recipe, tiny)
    child = finetuning.child_defaults(recipe, tiny)
    assert (learnt.units, child.units) == (5, 5) and (child.data, child.columns, child.freeze) == ("sample", "", "")
    assert child.learning_rate == pytest.approx(finetuning.RATE * learnt.learning_rate)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"units": 6},
            "units of a child is its parent's, 5. Got 6. Leave it out, or train anew: rnnkit run sentiment.",
        ),
        ({"freeze": "embeding"}, "There is no part or layer 'embeding' to freeze. Did you mean 'embedding'?"),
        ({"encoder_from": "x"}, "--encoder-from is for new models"),
        ({"unfreeze_every": 3.0}, "unfreeze_every must be below"),
        ({"colour": 6}, "There is no setting 'colour'."),
    ],
)
def test_what_a_child_cannot_have_is_refused_and_nothing_written(tiny, reviews, tmp_path, given, message):
    with pytest.raises((ValueError, LookupError)) as error:
        rnnkit.finetune(tiny, reviews, out=tmp_path, **SHORT | given)
    assert str(error.value).startswith(message) and not list(tmp_path.iterdir())


def test_a_new_model_begins_from_the_encoder_of_another(tiny, other, tmp_path, capsys):
    new = rnnkit.run(
        "sentiment",
        data=other,
        out=tmp_path,
        encoder_from=str(tiny.path),
        freeze="encoder",
        units=5,
        embedding_units=7,
        ngrams=0,
        epochs=1,
    )
    (old, old_core), (mine, core) = parts(tiny), parts(new)
    words, others = (p.features.get_layer("words").vocabulary for p in (mine, old))
    shared = set(words) & set(others)
    assert shared and any("recurrent_1" in note for note in new.card["notes"])
    for mine_, theirs in zip(layer(core, "recurrent_1"), layer(old_core, "recurrent_1"), strict=True):
        assert np.array_equal(mine_, theirs)
    with pytest.raises(ValueError, match="fits"):
        rnnkit.run("sentiment", data=other, out=tmp_path, encoder_from=str(tiny.path), units=6, embedding_units=8)


def test_a_clock_that_goes_backwards_changes_nothing(family):
    assert [bundle.path.name for bundle in family] == ["1", "2"]
    assert rnnkit.load(family[0].path.parent).path == family[1].path
    assert all(bundle.card["train_seconds"] >= 0 for bundle in family)
