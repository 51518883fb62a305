"""Pictures in the graph: encoded bytes -> pixels of one size, and whether there was a picture."""

import base64
import functools
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from image_files import COLOUR, GREY, exif, jpeg, png, rgb, samples, smooth, with_exif
from PIL import Image

from rnnkit.features.images import DecodeImages


@functools.cache
def layer(height=6, width=9, channels=3, fit="squash", most_pixels=100_000):
    return DecodeImages(height, width, channels, fit, most_pixels)


def one(content, **how):
    """Returns the pixels of one picture that must be readable."""
    pixels, readable = layer(**how).inspected([content])
    assert readable.numpy().tolist() == [True]
    return pixels[0].numpy()


def triangle(values, size):
    """Brings `(rows, …)` to `(size, …)`: the mean of the rows around each new one, weighed by a triangle."""
    rows, made = len(values), []
    ratio = rows / size
    reach = max(ratio, 1.0)
    for place in range(size):
        centre = (place + 0.5) * ratio
        weights = [max(0.0, 1 - abs(row + 0.5 - centre) / reach) for row in range(rows)]
        made.append(sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights))
    return np.array(made)


def resized(values, height, width):
    return triangle(triangle(values.astype(float), height).swapaxes(0, 1), width).swapaxes(0, 1)


def assert_rounded(pixels, expected):
    assert pixels.shape == expected.shape and np.abs(pixels - expected).max() <= 0.501


def test_a_picture_of_the_wanted_size_stays_as_it_is():
    values = samples(0, 6, 9, COLOUR, 8)
    for fit in ("squash", "pad", "crop"):
        np.testing.assert_array_equal(one(rgb(values), fit=fit), values)


@pytest.mark.parametrize(("height", "width"), [(31, 50), (3, 4), (6, 40), (1, 1), (200, 2)])
def test_other_sizes_are_squashed_by_triangles(height, width):
    values = samples(height, height, width, COLOUR, 8)
    assert_rounded(one(rgb(values)), resized(values, 6, 9))


@pytest.mark.parametrize(
    ("height", "width", "tall", "wide"),
    [(12, 30, 12, 18), (20, 12, 8, 12), (12, 18, 12, 18), (1, 9, 1, 1), (7, 1, 1, 1)],
)
def test_of_a_cropped_picture_the_middle_is_kept(height, width, tall, wide):
    values = samples(1, height, width, COLOUR, 8)
    top, left = (height - tall) // 2, (width - wide) // 2
    expected = resized(values[top : top + tall, left : left + wide], 6, 9)
    assert_rounded(one(rgb(values), fit="crop"), expected)


@pytest.mark.parametrize(
    ("height", "width", "tall", "wide"), [(12, 36, 3, 9), (24, 12, 6, 3), (12, 18, 6, 9), (1, 99, 1, 9), (99, 1, 6, 1)]
)
def test_of_a_padded_picture_all_is_kept_with_black_beside_it(height, width, tall, wide):
    values = samples(2, height, width, COLOUR, 8)
    top, left = (6 - tall) // 2, (9 - wide) // 2
    expected = np.zeros((6, 9, 3))
    expected[top : top + tall, left : left + wide] = resized(values, tall, wide)
    assert_rounded(one(rgb(values), fit="pad"), expected)


def test_grey_is_the_luma_that_pillow_has():
    values = samples(3, 6, 9, COLOUR, 8)
    expected = np.asarray(Image.fromarray(values.astype(np.uint8)).convert("L"))
    np.testing.assert_array_equal(one(rgb(values), channels=1)[..., 0], expected)
    same = samples(4, 6, 9, GREY, 8)
    np.testing.assert_array_equal(one(png(same, GREY), channels=1), same)


@pytest.mark.parametrize("side", [48, 96, 320, 1600])
def test_a_far_larger_photograph_looks_the_same(side):
    """Such a file is decoded at a half, a quarter or an eighth."""
    content = jpeg(smooth(5, side, side), quality=95)
    whole = np.asarray(Image.open(io.BytesIO(content)))
    apart = np.abs(one(content, most_pixels=10**7) - resized(whole, 6, 9))
    assert apart.mean() < 1 and apart.max() < 7


def test_pictures_keep_their_order_whatever_stands_between():
    contents = [rgb(np.full((6, 9, 3), value)) for value in range(0, 240, 8)]
    contents[3::5] = [b"", b"none", contents[0][:40], b"data:,", b"\xff\xd8\xff"] + [b"GIF89a"] * (
        len(contents[3::5]) - 5
    )
    pixels, readable = layer().inspected(contents)
    expected = np.arange(0, 240, 8)
    expected[3::5] = 0
    assert (pixels.numpy() == expected[:, None, None, None]).all()
    assert readable.numpy().tolist() == [place % 5 != 3 for place in range(len(contents))]


def test_a_batch_of_none_gives_none():
    pixels, readable = layer().inspected(tf.zeros([0], tf.string))
    assert pixels.shape == (0, 6, 9, 3) and readable.shape == (0,)


def uri(content, kind="image/png", **replaced):
    text = base64.b64encode(content).decode()
    for old, new in replaced.items():
        text = text.replace({"plus": "+", "slash": "/", "equals": "="}[old], new)
    return f"data:{kind};base64,{text}"


def test_a_data_uri_is_the_file_that_it_holds():
    values = samples(6, 6, 9, COLOUR, 8)
    content = rgb(values)
    assert "+" in uri(content) and "/" in uri(content)[30:]
    broken = "\r\n ".join(uri(content)[place : place + 60] for place in range(0, len(uri(content)), 60))
    texts = [
        uri(content),
        uri(content).replace("data:", "DATA:").replace("base64", "Base64"),
        uri(content, plus="-", slash="_"),
        uri(content, equals=""),
        uri(content, kind="image/png;charset=utf-8"),
        "data:image/png;base64," + broken.partition(",")[2],
    ]
    pixels, readable = layer().inspected(texts)
    assert readable.numpy().all() and (pixels.numpy() == values).all()


def test_a_data_uri_without_a_picture_is_not_readable():
    good = uri(rgb(samples(6, 6, 9, COLOUR, 8)))
    texts = [
        *("data:", "data:;base64,", "data:image/png;base64,????", "data:image/png;base64,é", "data:image/png,abcd"),
        *(good[:-9], good.replace(";base64", ""), good.replace(",", ""), good[:40] + "!" + good[40:], f"x{good}"),
    ]
    assert not layer().inspected(texts)[1].numpy().any()


def test_too_many_pixels_are_refused_by_the_header_alone():
    content, far = rgb(samples(7, 10, 11, COLOUR, 8)), (20_000, 20_000)
    assert layer(most_pixels=110).inspected([content])[1].numpy() == [True]
    assert layer(most_pixels=109).inspected([content])[1].numpy() == [False]
    values = samples(8, 6, 9, COLOUR, 8)
    photograph = jpeg(values.astype(np.uint8))
    large = photograph.replace(bytes([0, 6, 0, 9]), bytes([250, 0, 250, 0]), 1)
    assert large != photograph
    told = [png(values, COLOUR, size=far), png(values, COLOUR, size=(2**31, 2**31)), large]
    told += [png(values, COLOUR, size=size) for size in ((0, 9), (6, 0), (2**32 - 1, 1))]
    assert not layer().inspected(told)[1].numpy().any()


def test_a_photograph_lies_as_its_camera_was_held_and_then_is_cropped():
    pixels = smooth(9, 24, 48)
    content = with_exif(jpeg(pixels, quality=95), exif(6))
    turned = np.asarray(Image.open(io.BytesIO(content))).swapaxes(0, 1)[:, ::-1]
    assert turned.shape == (48, 24, 3)
    assert_rounded(one(content, fit="crop"), resized(turned[16:32], 6, 9))


def test_as_a_layer_it_gives_pixels():
    image = keras.Input((), dtype="string", name="image")
    model = keras.Model({"image": image}, {"pixels": DecodeImages(6, 9, 1, name="decode")(image)})
    assert model.output["pixels"].shape == (None, 6, 9, 1) and model.output["pixels"].dtype == "uint8"
    values = samples(10, 6, 9, GREY, 8)
    np.testing.assert_array_equal(model({"image": tf.constant([png(values, GREY)])})["pixels"][0], values)
    again = keras.Model.from_config(model.get_config()).get_layer("decode")
    assert again.get_config() == model.get_layer("decode").get_config() and again.shape == (6, 9, 1)


def test_in_a_saved_model_it_runs_without_keras_in_a_session(tmp_path):
    """As TensorFlow Serving runs it."""
    values = samples(11, 6, 9, COLOUR, 8)
    served = tf.Module()
    image = [tf.TensorSpec([None], tf.string, name="image")]
    names = ("pixels", "readable")
    served.answer = tf.function(lambda image: dict(zip(names, layer().inspected(image), strict=True)), image)
    tf.saved_model.save(served, str(tmp_path), signatures=served.answer)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path)).signature_def["serving_default"]
        asked = {name: loaded.outputs[name].name for name in names}
        for contents in ([b"none", rgb(values), rgb(values)[:60]], []):
            answer = session.run(asked, {loaded.inputs["image"].name: np.array(contents, object)})
            assert answer["readable"].tolist() == [False, True, False][: len(contents)]
            assert (answer["pixels"][1:2] == values).all()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"height": 0}, r"^height must be at least 1\. Got 0\. Give the number of pixels\.$"),
        ({"width": -2}, r"^width must be at least 1\. Got -2\."),
        ({"most_pixels": 0}, r"^most_pixels must be at least 1\. Got 0\."),
        ({"channels": 4}, r"^channels must be 1 \(grey\) or 3 \(colour\)\. Got 4\."),
        ({"fit": "stretch"}, r"^fit must be one of squash, pad, crop\. Got 'stretch'\."),
    ],
)
def test_what_can_not_be_is_refused_with_its_value(how, message):
    with pytest.raises(ValueError, match=message):
        DecodeImages(**{"height": 6, "width": 9, **how})
