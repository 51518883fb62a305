"""Captioner: its signatures against each other and against single steps, pictures that can't be read, and classes."""

import numpy as np
import pytest
import tensorflow as tf
from toy_captions import BROKEN, SIDE, TEXTS, Rows, encoded, made, noise, settings, shaken, uri

from rnnkit.answers import answer, traced
from rnnkit.captioning.captioner import Captioner, captioner_of, classifier_of
from rnnkit.captioning.core import build_captioner, taken_apart
from rnnkit.captioning.settings import LABEL
from rnnkit.features.images import DecodeImages
from rnnkit.layers.embedding import END, NEVER_WRITTEN, START

IMAGES = [*Rows().images[:2], BROKEN, *Rows().images[2:], b""]
READABLE = np.array([True, True, False, True, True, True, False])
LENGTH = 6


@pytest.fixture(scope="module")
def captioner():
    return captioner_of(*made(length_penalty=0.0))


@pytest.fixture(scope="module")
def ask(captioner):
    """Asks a signature about the images, once."""
    found, signatures = {}, captioner.signatures()

    def call(name, images=IMAGES):
        if name not in found:
            found[name] = traced(signatures[name])
        return {key: value.numpy() for key, value in found[name](image=tf.constant(images, tf.string)).items()}

    return call


def test_a_picture_that_cannot_be_read_has_no_caption_and_a_finite_score(ask):
    for name in ("serving_default", "attention", "nbest"):
        found = ask(name)
        np.testing.assert_array_equal(found["readable"], READABLE)
        captions = found["caption"].reshape(len(IMAGES), -1)
        assert all(text == b"" for text in captions[~READABLE].ravel())
        assert all(text for text in captions[READABLE].ravel())
        if name != "attention":
            assert (
                np.isfinite(found["score"]).all() and (found["score"].reshape(len(IMAGES), -1)[~READABLE, 0] == 0).all()
            )
    looked = ask("attention")
    assert not looked["weights"][~READABLE].any() and all(text == b"" for text in looked["written"][~READABLE].ravel())


@pytest.mark.parametrize("name", ["serving_default", "attention", "nbest"])
def test_a_picture_is_answered_as_if_alone(name, ask):
    for place in (0, 2, 4):
        together, alone = ask(name), ask(name, IMAGES[place : place + 1])
        for key, values in alone.items():
            if key in ("written", "weights"):
                # As many steps as the longest of the batch may have.
                assert not together[key][place, values.shape[1] :].any()
                together[key] = together[key][:, : values.shape[1]]
            if values.dtype.kind == "f":
                np.testing.assert_allclose(values[0], together[key][place], atol=1e-4)
            else:
                np.testing.assert_array_equal(values[0], together[key][place])
    texts = ask(name, [uri(image) for image in IMAGES[:2]])
    np.testing.assert_array_equal(texts["caption"], ask(name)["caption"][:2])


def test_a_batch_of_none_is_answered_by_none(ask):
    for name in ("serving_default", "attention", "nbest", "encode"):
        assert all(len(values) == 0 for values in ask(name, []).values()), name


def test_rows_of_bytes_are_answered_in_their_order(ask, captioner):
    columns = {"image": [*IMAGES[::-1], IMAGES[0] + b"\0\0", uri(IMAGES[1])]}
    found = answer(traced(captioner.signatures()["serving_default"]), columns)
    expected = ask("serving_default")["caption"]
    np.testing.assert_array_equal(found["caption"], [*expected[::-1], expected[0], expected[1]])


def test_the_first_of_the_best_is_what_is_served_and_the_others_score_less(ask):
    served, best, looked = ask("serving_default"), ask("nbest"), ask("attention")
    np.testing.assert_array_equal(best["caption"][:, 0], served["caption"])
    np.testing.assert_array_equal(looked["caption"], served["caption"])
    np.testing.assert_allclose(best["score"][:, 0], served["score"], rtol=1e-5)
    assert best["caption"].shape == (len(IMAGES), 3) and (np.diff(best["score"][READABLE], axis=1) < 0).all()
    assert all(len(set(texts)) == 3 for texts in best["caption"][READABLE])


def stepped(ask, captioner):
    """Writes the most probable piece, one by one, as a caller of `encode` and `step` does."""
    begun = ask("encode")
    np.testing.assert_array_equal(begun["most"], np.where(READABLE, LENGTH, 0))
    assert (begun["ids"] == START).all()
    signature = captioner.signatures()["step"]
    step = tf.function(signature.function, input_signature=signature.inputs, autograph=False)
    given = {name: tf.constant(values) for name, values in begun.items() if name not in ("most", "readable")}
    written, scores = np.zeros((len(IMAGES), LENGTH), np.int32), np.zeros(len(IMAGES))
    looked, going = np.zeros((len(IMAGES), LENGTH, 64)), READABLE.copy()
    for t in range(LENGTH):
        found = {name: values.numpy() for name, values in step(*(given[name] for name in signature.names)).items()}
        allowed = found["log_probability"].copy()
        allowed[:, list(NEVER_WRITTEN)] = -np.inf
        ids = allowed.argmax(1)
        scores += np.where(going, allowed.max(1), 0)
        going &= ids != END
        written[:, t], looked[:, t] = np.where(going, ids, 0), np.where(going[:, None], found["weights"], 0)
        given |= {name: tf.constant(found[name]) for name in given if name in found}
        given["ids"] = tf.constant(ids, tf.int32)
    return written, scores, looked


def test_with_a_beam_of_one_it_writes_what_single_steps_write(ask, captioner):
    written, scores, looked = stepped(ask, captioner)
    found = captioner.write(tf.constant(IMAGES), width=1)
    joined = captioner.signatures()["join"].function(tf.constant(written))["caption"]
    np.testing.assert_array_equal(found["caption"], joined)
    np.testing.assert_allclose(found["score"], scores, atol=1e-4)
    pixels, steps, _ = captioner.read(tf.constant(IMAGES))
    weights = captioner.search.decoded(pixels, steps, width=1).weights[:, 0]
    np.testing.assert_allclose(weights, looked, atol=1e-5)
    # A width that is a tensor, as a caller gives it, takes the way of a beam.
    np.testing.assert_array_equal(captioner.write(tf.constant(IMAGES), width=tf.constant(1))["caption"], joined)
    assert len(set(joined.numpy())) > 2


def test_drawn_by_chance_the_likeliest_alone_are_the_greedy_ones_and_the_seed_decides_else(captioner):
    draw = traced(captioner.signatures()["sample"])

    def drawn(temperature, top_k, seed):
        chance = {"temperature": temperature, "top_k": top_k, "top_p": 1.0, "seed": [seed, 0]}
        found = draw(image=tf.constant(IMAGES), **{name: tf.constant(value) for name, value in chance.items()})
        return found["caption"].numpy()

    greedy = captioner.write(tf.constant(IMAGES), width=1)["caption"]
    np.testing.assert_array_equal(drawn(1.0, 1, 5), greedy)
    np.testing.assert_array_equal(drawn(1.5, 0, 5), drawn(1.5, 0, 5))
    assert (drawn(1.5, 0, 5) != drawn(1.5, 0, 6))[READABLE].any()
    assert all(text == b"" for text in drawn(1.5, 0, 5)[~READABLE])


def test_where_was_looked_sums_to_1_for_each_piece_and_has_the_pictures_rows_and_columns():
    # 20 x 28 pixels, halved once: 10 x 14 places.
    preparation, _, wanted = made(length_penalty=0.0)
    facts = {"height": 20, "width": 28, "channels": 3, "vocabulary": preparation.facts["vocabulary"]}
    core = shaken(build_captioner(facts, settings(halvings=1)))
    wide = Captioner(
        DecodeImages(20, 28), preparation.target.get_layer("pieces"), taken_apart(core), wanted.controls(), 1
    )
    images = tf.constant([encoded(noise(1, (20, 28))), BROKEN])
    found = {name: values.numpy() for name, values in wide.attention(images).items()}
    assert found["weights"].shape == (2, LENGTH, 10, 14)
    sums = found["weights"].sum((2, 3))
    np.testing.assert_allclose(sums, found["written"] != b"", atol=1e-5)
    assert (found["written"][0] != b"").any()
    # The places of a row of the grid lie together in the memory.
    pixels, steps, _ = wide.read(images)
    memory, grid = wide.apart.encoder(pixels), core.get_layer("encoder")(pixels)
    np.testing.assert_array_equal(memory[0, 14 * 3 + 5], grid[0, 3, 5])
    flat = wide.search.decoded(pixels, steps).weights[:, 0]
    np.testing.assert_allclose(found["weights"][0, 0, 3, 5], flat[0, 0, 14 * 3 + 5])


@pytest.fixture(scope="module")
def classifier():
    preparation, core, _ = made(answer=LABEL)
    return classifier_of(preparation, core)


def test_a_picture_has_the_label_of_the_likeliest_class(classifier):
    found = traced(classifier.signatures()["serving_default"])(image=tf.constant(IMAGES))
    found = {name: values.numpy() for name, values in found.items()}
    labels = sorted({text for texts in TEXTS for text in texts})
    np.testing.assert_array_equal(found["readable"], READABLE)
    np.testing.assert_allclose(found["probability"].sum(1), 1, atol=1e-5)
    for label, probability in zip(found["label"][READABLE], found["probability"][READABLE], strict=True):
        assert label.decode() == labels[probability.argmax()]
    pixels = np.stack([noise(number) for number in range(5)])
    logits = classifier.core({"pixels": pixels}).numpy()
    np.testing.assert_allclose(found["probability"][READABLE], tf.nn.softmax(logits), atol=1e-5)


def test_a_picture_that_cannot_be_read_has_no_label_and_no_class_that_is_likelier(classifier):
    found = classifier.answer(tf.constant([BROKEN, IMAGES[0], b"no picture"]))
    assert found["label"].numpy()[[0, 2]].tolist() == [b"", b""] and found["label"].numpy()[1]
    np.testing.assert_allclose(found["probability"].numpy()[[0, 2]], 1 / len(classifier.labels))
    alone = classifier.answer(tf.constant([IMAGES[0]]))
    np.testing.assert_allclose(found["probability"][1], alone["probability"][0], atol=1e-5)


def test_no_pictures_have_no_labels(classifier):
    found = classifier.answer(tf.constant([], tf.string))
    assert {name: values.shape.as_list() for name, values in found.items()} == {
        "label": [0],
        "probability": [0, len(classifier.labels)],
        "readable": [0],
    }
    assert classifier.probability(tf.zeros([0, SIDE, SIDE, 3], tf.uint8))["probability"].shape == (0, 7)
