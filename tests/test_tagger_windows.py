"""The linear chain of a tagger: learnt from windows of words, carried to a child, weighed on valid."""

import dataclasses
import types

import keras
import numpy as np
import pytest

from rnnkit.progress import SILENT
from rnnkit.recipes.ner import RECIPE, Settings
from rnnkit.tagger.core import BLEND, CHAIN, SCORES
from rnnkit.tagger.serving import tagger_of
from rnnkit.tagger.windows import fit_windows, weigh_parts
from rnnkit.tagging.rows import TaggedRows
from rnnkit.training.batches import Batches
from rnnkit.training.store import encode

SMALL = {"units": 4, "embedding_units": 4, "character_units": 4}


def rows(seed, count=120):
    """A word is a place after 'in', a person after 'with', and else nothing, whatever it is."""
    random = np.random.default_rng(seed)
    tokens, tags = [], []
    for _ in range(count):
        sentence, marks = [], []
        for _ in range(random.integers(1, 4)):
            kind = random.choice(["in", "with", "of"])
            sentence += [str(kind), "".join(random.choice(list("abcde"), 3))]
            marks += ["O", {"in": "S-LOC", "with": "S-PER", "of": "O"}[kind]]
        tokens.append(sentence)
        tags.append(marks)
    return TaggedRows(tokens, tags, scheme="bioes")


def fitted(settings, train, valid):
    keras.utils.set_random_seed(1)
    preparation = RECIPE.prepare(train, settings, SILENT)
    core = RECIPE.build(preparation.facts, settings)
    batches = [Batches(encode(split, preparation, RECIPE.target), 16) for split in (train, valid)]
    notes = fit_windows(core, *batches, settings, SILENT)
    return preparation, core, batches, notes


@pytest.mark.parametrize("head", ["crf", "softmax"])
def test_what_only_the_neighbour_tells_is_learnt_without_a_gradient_step(head):
    settings = Settings(**SMALL, head=head)
    train, valid = rows(1), rows(2)
    preparation, core, batches, notes = fitted(settings, train, valid)
    assert "features" in notes[0]
    before = [weight.numpy() for weight in core.trainable_weights]
    (note,) = weigh_parts(core, batches[1])
    shares = core.get_layer(BLEND).shares.numpy()
    # An untrained recurrence says nothing.
    assert shares[1] > 0.5 and f"{shares[1]:.2f}" in note
    assert all(np.array_equal(*pair) for pair in zip(before, (w.numpy() for w in core.trainable_weights), strict=True))
    tagger = tagger_of(preparation, core, settings)
    found = tagger.answer([" ".join(sentence) for sentence in valid.tokens])
    tags = [[tag.decode() for tag in row if tag] for row in found["tag"].numpy()]
    expected = [[tag.replace("S-", "B-") for tag in sentence] for sentence in valid.tags]
    assert np.mean([one == other for one, other in zip(tags, expected, strict=True)]) > 0.95


def test_scores_and_moves_taken_apart_make_the_potentials():
    settings = Settings(**SMALL)
    train = rows(1)
    preparation, core, batches, _ = fitted(settings, train, rows(2))
    core.get_layer("crf").transitions.assign(np.random.default_rng(1).normal(size=(9, 9)))
    core.get_layer(BLEND).shares.assign([0.7, 0.4])
    tagger = tagger_of(preparation, core, settings)
    model, (moves, begin, end) = tagger.apart()
    features, _, _ = batches[1].batch(*batches[1].order(0)[0])
    scores = model(features, training=False).numpy()
    whole = core(features, training=False).numpy()
    length = np.count_nonzero(features["ids"], axis=1)
    for row, steps in enumerate(length):
        expected = scores[row, :steps, None, :] + np.where(np.arange(steps)[:, None, None] == 0, begin, moves)
        expected[-1] += end
        np.testing.assert_allclose(whole[row, :steps], expected, rtol=1e-5, atol=1e-4)


def test_a_child_goes_on_from_its_parents_weights():
    """Of rows that say nothing of places the child has what the parent knew of them."""
    settings = Settings(**SMALL)
    preparation, core, _, _ = fitted(settings, rows(1), rows(2))
    bundle = types.SimpleNamespace(path="parent")
    parent = types.SimpleNamespace(preparation=preparation, settings=settings, bundle=bundle)
    own = TaggedRows([["met", "Xy"], ["met", "Zz"]] * 8, [["O", "S-ORG"]] * 16, scheme="bioes")
    grown = RECIPE.grow(parent, own, dataclasses.replace(settings, epochs=1), SILENT)
    carried = {name: matrix.toarray() for name, matrix in grown.carried.items() if name in ("windows", "tags")}
    old = core.get_layer(SCORES).table.numpy()
    assert grown.facts["windows"] == len(carried["windows"]) > len(old)
    child = RECIPE.build(grown.facts, settings)
    child.get_layer(SCORES).table.assign(carried["windows"] @ old @ carried["tags"].T)
    theirs, ours = (
        RECIPE.build(made.facts, settings).get_layer(SCORES) and made.features({"text": np.array(["of abc in cab"])})
        for made in (preparation, grown)
    )
    there = keras.Model(core.input, core.get_layer(SCORES).output)(theirs).numpy()
    here = keras.Model(child.input, child.get_layer(SCORES).output)(ours).numpy()
    np.testing.assert_allclose(here, there @ carried["tags"].T, rtol=1e-5, atol=1e-5)


def test_without_windows_there_is_no_chain_beside():
    settings = Settings(**SMALL, windows=0)
    preparation, core, batches, notes = fitted(settings, rows(1), rows(2))
    names = {layer.name for layer in core.layers}
    assert notes == () and weigh_parts(core, batches[1]) == () and not names & {SCORES, CHAIN, BLEND}
    assert "windows" not in preparation.sequences


def test_frozen_weights_stay():
    settings = Settings(**SMALL, freeze="windows")
    _, core, _, notes = fitted(settings, rows(1), rows(2))
    assert notes == () and not core.get_layer(SCORES).table.numpy().any()
