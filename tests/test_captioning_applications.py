"""Networks of keras.applications as encoders: their grids, what is refused, and weights from files."""

import re
import sys
import zipfile

import keras
import numpy as np
import pytest
from toy_captions import Rows, noise, prepared, settings

from rnnkit.captioning.applications import application_names, build_application
from rnnkit.captioning.core import ENCODER, build_captioner, build_encoder

SIDE = 40
FACTS = {"height": SIDE, "width": SIDE, "channels": 3, "vocabulary": 9}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return keras.applications.MobileNet(include_top=False, weights=None, input_shape=(SIDE, SIDE, 3))


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    """Weights of that network in a file."""
    path = tmp_path_factory.mktemp("weights") / "mobile.weights.h5"
    network.save_weights(path)
    return str(path)


def refused(weights, side=SIDE):
    """Gives the one line that is said of weights."""
    pixels = keras.Input((side, side, 3), dtype="uint8")
    with pytest.raises(ValueError) as caught:
        build_application("MobileNet", pixels, weights)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_each_network_known_is_one_that_says_what_it_wants_done_to_pixels():
    names = application_names()
    assert {"EfficientNetB0", "MobileNetV2", "ResNet50"} <= set(names) and len(names) > 30
    for name in names:
        module = sys.modules[getattr(keras.applications, name).__module__]
        assert callable(module.preprocess_input), name


def test_a_picture_becomes_the_grid_that_the_network_gives_of_what_it_wants_done_to_it(network, weights):
    encoder = build_encoder(FACTS, settings(encoder="MobileNet"), weights)
    pixels = np.stack([noise(number, (SIDE, SIDE)) for number in range(2)])
    # MobileNet wants -1 to 1.
    expected = network(pixels.astype(np.float32) / 127.5 - 1)
    assert encoder.output_shape == (None, 1, 1, 1024)
    np.testing.assert_allclose(encoder(pixels), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["file", "keras"])
def test_weights_of_a_file_are_what_the_core_begins_with(kind, network, weights, tmp_path):
    if kind == "keras":
        weights = str(tmp_path / "mobile.keras")
        network.save(weights)
    grey = Rows(grey=[True] * 5)
    preparation, wanted = prepared(grey, encoder="MobileNet", encoder_weights=weights, image_size=SIDE)
    # Also of grey pictures such a network is given three colours.
    assert preparation.facts["channels"] == 3
    (values,) = preparation.initial.values()
    assert list(preparation.initial) == [ENCODER] and len(values) == len(network.weights)
    core = build_captioner(preparation.facts, wanted)
    encoder = core.get_layer(ENCODER)
    assert not all(np.array_equal(*pair) for pair in zip(encoder.get_weights(), values, strict=True))
    encoder.set_weights(values)
    pixels = noise(3, (SIDE, SIDE))[None]
    np.testing.assert_allclose(encoder(pixels), network(pixels.astype(np.float32) / 127.5 - 1), atol=1e-5)


def test_without_weights_nothing_is_given_to_begin_with():
    preparation, _ = prepared(encoder="MobileNet", image_size=SIDE)
    assert preparation.initial == {} and preparation.facts["channels"] == 3


def test_pictures_too_small_for_a_network_are_named_with_their_size():
    message = refused(None, side=20)
    assert message.startswith("MobileNet can't be made for pictures of 20 x 20 pixels with weights none: ")
    assert "at least 32x32" in message and message.endswith("Change --image-size, --encoder or --encoder-weights.")


def damaged(path, network):
    path.write_bytes(b"no weights")


def cut(path, network):
    network.save_weights(path.with_name("whole.weights.h5"))
    whole = path.with_name("whole.weights.h5").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def hollow(path, network):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


def foreign(path, network):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    (other.save_weights if path.name.endswith(".weights.h5") else other.save)(path)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (damaged, "a.h5"),
        (damaged, "a.keras"),
        (cut, "a.weights.h5"),
        (hollow, "a.keras"),
        (foreign, "a.weights.h5"),
        (foreign, "a.keras"),
    ],
)
def test_a_file_that_is_damaged_or_of_another_network_is_refused_in_one_line(make, name, network, tmp_path):
    path = tmp_path / name
    make(path, network)
    assert f"with weights {path}: " in refused(str(path))


def test_weights_that_cannot_be_fetched_are_said_to_be_so(monkeypatch):
    def fails(*_, **__):
        raise Exception("URL fetch failure on https://example.org/mobilenet.h5: None -- unreachable")

    monkeypatch.setattr("keras.src.applications.mobilenet.file_utils.get_file", fails)
    # The network's own sizes are those that there are weights for.
    assert "with weights imagenet: URL fetch failure on https://example.org" in refused("imagenet", side=128)


def test_a_file_that_is_not_there_is_named_when_it_is_needed_and_not_before():
    # A bundle that was trained with it goes on without.
    assert settings(encoder="MobileNet", encoder_weights="gone.h5").encoder_weights == "gone.h5"
    message = "encoder_weights: there is no file 'gone.h5'. Name one, or take none or imagenet."
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        prepared(encoder="MobileNet", encoder_weights="gone.h5", image_size=SIDE)
