"""Training of captioners: batches of both splits, a frozen encoder that sees once, and scores while training."""

import numpy as np
import pytest
import tensorflow as tf
from toy_captions import BROKEN, SIDE, TEXTS, Rows, made, prepared, settings, shaken

from rnnkit.captioning.batches import PictureBatches, encode_pictures, picture_batches
from rnnkit.captioning.captioner import captioner_of
from rnnkit.captioning.core import build_captioner
from rnnkit.captioning.frozen import behind_frozen, see_once
from rnnkit.captioning.scoring import judge_captions, score_on_valid
from rnnkit.captioning.settings import LABEL
from rnnkit.metrics.captions import score_captions
from rnnkit.progress import SILENT
from rnnkit.sources import Splits
from rnnkit.training.fit import fit
from rnnkit.training.writing_objective import writing
from rnnkit.writing.scoring import losses_on


@pytest.fixture
def splits():
    rows = Rows([["dots", "a line", "a dot", "one line"], ["red dots"]], first=20)
    return Splits(Rows(), rows, rows, ())


def batches_of(splits, preparation, **how):
    return picture_batches(preparation, splits, settings(**how), SILENT)


def test_valid_is_dealt_as_it_is_and_train_by_seed_and_varied(splits):
    preparation = made()[0]
    train, valid = batches_of(splits, preparation, batch_size=3, seed=7, captions_at_once=9, flip=True)
    assert (len(train), len(valid), train.batch_size, valid.batch_size) == (2, 1, 3, 2)
    # No picture has more than four captions.
    assert train.captions == valid.captions == 4
    assert train.seed == 7 and train.vary.flip and valid.seed is None and valid.vary is None
    assert [batches.captions for batches in batches_of(splits, made(answer=LABEL)[0], answer=LABEL)] == [0, 0]


def test_a_broken_picture_of_valid_is_named(splits):
    splits.valid.images[1] = BROKEN
    with pytest.raises(ValueError, match="picture 2 can't be decoded: it is damaged"):
        batches_of(splits, made()[0])


@pytest.fixture
def core():
    """A core of its own, whose encoder is frozen."""
    preparation, _, wanted = made()
    core = shaken(build_captioner(preparation.facts, wanted), seed=6)
    core.get_layer("encoder").trainable = False
    return core


def test_behind_a_frozen_encoder_that_sees_once_the_losses_are_those_of_the_pixels(splits, core):
    preparation = made()[0]
    how = {"flip": False, "shift": 0.0, "zoom": 0.0, "brighten": 0.0, "batch_size": 2}
    named = dict(zip(("train", "valid"), batches_of(splits, preparation, **how), strict=True))
    before = losses_on(core, named)
    assert see_once(core, *named.values(), settings(**how), SILENT) == ()
    assert [batches.looks for batches in named.values()] == ["grid", "grid"]
    (features, *_), *_ = named["valid"].dataset(repeat=False)
    assert features.keys() == {"grid", "picture", "target"} and features["grid"].shape == (2, 8, 8, 6)
    behind = behind_frozen(core, *named.values(), settings(**how))
    after = losses_on(behind, named)
    for split, losses in before.items():
        assert losses == pytest.approx(after[split], rel=1e-5)


def test_what_is_seen_lies_on_disk_where_it_is_much(splits, core, monkeypatch):
    train, _ = batches_of(splits, made()[0], batch_size=5, captions_at_once=2)
    assert train.captions == 2
    monkeypatch.setattr("rnnkit.training.store.MEMORY_LIMIT", 100)
    monkeypatch.setattr("rnnkit.captioning.batches.AT_ONCE", 2)
    train.store.keep_grids(core.get_layer("encoder"))
    assert train.store.grids.path.stat().st_size == 5 * 8 * 8 * 6 * 4
    expected = core.get_layer("encoder")(tf.constant(train.store.pixels.padded(np.arange(5), 1)[:, 0]))
    np.testing.assert_allclose(train.store.grids.padded(np.arange(5), 1)[:, 0], expected, atol=1e-5)


def test_an_encoder_that_is_trained_or_tells_classes_sees_each_time_anew(splits, core):
    train, valid = batches_of(splits, made()[0])
    core.get_layer("encoder").trainable = True
    assert see_once(core, train, valid, settings(), SILENT) == () and behind_frozen(core, train, valid, None) is None
    preparation, classes, wanted = made(answer=LABEL)
    train, valid = batches_of(splits, preparation, answer=LABEL)
    classes.get_layer("encoder").trainable = False
    assert see_once(classes, train, valid, wanted, SILENT) == () and train.looks == "pixels"
    classes.get_layer("encoder").trainable = True


def test_behind_a_frozen_encoder_the_rest_of_the_core_is_trained(splits, core):
    preparation = made()[0]
    wanted = settings(epochs=3, batch_size=5, learning_rate=0.03, balance=0.1, warmup=0.0)
    train, valid = batches_of(splits, preparation, batch_size=5)
    (note,) = see_once(core, train, valid, wanted, SILENT)
    assert note == "the encoder is frozen and sees each picture once: pictures are not varied while training."
    encoder, decoder = (core.get_layer(name).get_weights() for name in ("encoder", "decoder"))
    trained = behind_frozen(core, train, valid, wanted)
    history = fit(core, train, valid, writing(), wanted, trained=trained)
    assert history.epochs[-1]["loss"] < 0.9 * history.epochs[0]["loss"]
    for before, after in zip(encoder, core.get_layer("encoder").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    changed = [
        (a != b).any() for a, b in zip(decoder, core.get_layer("decoder").get_weights(), strict=True) if a.size > 1
    ]
    assert sum(changed) > len(changed) / 2


def test_weights_are_kept_by_what_is_written_greedily_for_pictures_spread_evenly():
    preparation, core, _ = made()
    valid, wanted = Rows(), settings(keep_by="bleu_4", scored_pairs=3)
    score = score_on_valid(preparation, core, valid, wanted)
    captioner = captioner_of(preparation, core, wanted)
    places = [0, 2, 4]
    written = captioner.write(tf.constant([valid.images[place] for place in places]), width=1)["caption"].numpy()
    expected = score_captions([text.decode() for text in written], [TEXTS[place] for place in places])
    assert (
        score.name == "bleu_4" and score.function(core) == pytest.approx(expected["bleu_4"]) and expected["bleu_4"] > 0
    )


def test_classes_and_whoever_asks_for_it_are_kept_by_the_loss():
    preparation, core, wanted = made(answer=LABEL)
    assert score_on_valid(preparation, core, Rows(), wanted) is None
    preparation, core, _ = made()
    assert score_on_valid(preparation, core, Rows(), settings(keep_by="loss")) is None


def test_captions_are_judged_against_all_of_a_picture_and_labels_by_their_class():
    answers = {"caption": np.array([b"a dot", "größe".encode(), b"bad \xff"], object)}
    truth = [["two", "a dot"], ["größe"], ["bad"]]
    found = judge_captions(answers, truth, (), settings())
    assert found == score_captions(["a dot", "größe", "bad \ufffd"], truth) and found["exact_match"] == 2 / 3
    probability = np.array([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1], [0.2, 0.8]])
    wanted = settings(answer=LABEL)
    known = judge_captions({"probability": probability}, [["a"], ["b"], ["b"], ["b"]], ("a", "b"), wanted)
    assert known["accuracy"] == 3 / 4
    assert known["log_loss"] == pytest.approx(-np.log([0.7, 0.6, 0.1, 0.8]).mean())
    # A class that train doesn't have is never told rightly.
    other = judge_captions({"probability": probability}, [["a"], ["c"], ["b"], ["b"]], ("a", "b"), wanted)
    assert other["accuracy"] == 2 / 4 and other["log_loss"] > 8


def test_pictures_with_a_class_train_does_not_have_change_no_loss():
    preparation, core, _ = made(answer=LABEL)
    rows = Rows([["dots"], ["a cat"], ["a line"]])
    few = Rows([["dots"], ["a line"]], images=[rows.images[0], rows.images[2]])
    sums = []
    for each in (rows, few):
        loss = weight = 0.0
        for features, target, weights in PictureBatches(encode_pictures(each, preparation), 2, 0).dataset(repeat=False):
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, core(features))
            loss, weight = loss + float(tf.reduce_sum(losses * weights)), weight + float(tf.reduce_sum(weights))
        sums.append((loss, weight))
    assert sums[0] == pytest.approx(sums[1], rel=1e-4) and sums[0][1] == 2


def test_grey_pictures_have_one_channel_all_the_way():
    rows = Rows(grey=[True] * 5)
    preparation, wanted = prepared(rows)
    core = build_captioner(preparation.facts, wanted)
    store = encode_pictures(rows, preparation)
    (batch,) = PictureBatches(store, 5, 3).dataset(repeat=False)
    assert batch[0]["pixels"].shape == (5, SIDE, SIDE, 1) and core(batch[0]).shape == (
        15,
        6,
        preparation.facts["vocabulary"],
    )
