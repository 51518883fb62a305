"""What only the recipe of captions promises: pictures of any kind, attention, frozen encoders, labels line by line."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import rnnkit
from rnnkit import catalog, presets
from rnnkit.parts import load_parts

SIZES = {"image_size": 16, "filters": 4, "halvings": 2, "units": 6, "embedding_units": 5, "epochs": 1, "batch_size": 8}
COLOURS = {"red": (220, 30, 20), "green": (30, 200, 40), "blue": (20, 40, 230)}


def square(colour, place, size=(20, 16), kind="PNG", mode="RGB"):
    """Returns a picture with a square of a colour on one side."""
    picture = Image.new("RGB", size, (0, 0, 0))
    picture.paste(
        COLOURS[colour], (2 if place == "left" else size[0] - 8, 4, 8 if place == "left" else size[0] - 2, 10)
    )
    file = io.BytesIO()
    picture.convert(mode).save(file, kind)
    return file.getvalue()


def uri(content):
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """36 pictures in a folder, some of them JPEG, and a table with two captions of each."""
    folder, rows = tmp_path_factory.mktemp("squares"), []
    for number in range(36):
        colour, place = list(COLOURS)[number % 3], ("left", "right")[number // 3 % 2]
        kind = "JPEG" if number % 4 == 0 else "PNG"
        name = f"{number:02}.{'jpg' if kind == 'JPEG' else 'png'}"
        (folder / name).write_bytes(square(colour, place, (20 + number, 16), kind))
        rows += [(name, f"a {colour} square"), (name, f"{colour} on the {place}")]
    pd.DataFrame(rows, columns=["file", "said"]).to_csv(folder / "said.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def bundle(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("saved_models")
    return rnnkit.run("caption", folder / "said.csv", columns="image=file,caption=said", out=out, **SIZES, balance=1.0)


def test_the_card_says_what_pictures_become_and_the_report_shows_them(bundle):
    card = bundle.card
    assert card["images"] == {"height": 16, "width": 16, "channels": 3}
    assert card["data"]["rows"] == {"train": 28, "valid": 4, "test": 4}
    assert len(card["examples"]) == 4 and all(len(example["truth"]) == 2 for example in card["examples"])
    assert card["losses"]["test"]["perplexity"] > 1
    files = {file.name for file in (bundle.path / "report").iterdir()}
    assert files >= {"pictures.png", "attention_1.png", "attention_4.png"}


def test_kinds_of_pictures_are_answered_and_what_is_none_is_said_to_be(bundle):
    grey, clear = square("red", "left", mode="L"), square("red", "left", mode="RGBA")
    images = [
        grey,
        clear,
        square("red", "left", kind="JPEG"),
        uri(square("blue", "right")),
        b"no picture",
        b"",
        clear[:90],
    ]
    answers = bundle.predict({"image": images})
    assert answers["readable"].tolist() == [True] * 4 + [False] * 3
    assert answers["caption"][4:].tolist() == [""] * 3 and np.isfinite(answers["score"]).all()
    again = bundle.predict({"image": [uri(clear)]})
    assert again["caption"][0] == answers["caption"][1]


def test_the_n_best_begin_with_the_caption_and_attention_is_a_share_of_the_grid(bundle):
    images = {"image": [square("green", "left"), square("blue", "right")]}
    best, looked = bundle.predict(images, signature="nbest"), bundle.predict(images, signature="attention")
    answers = bundle.predict(images)
    assert best["caption"][:, 0].tolist() == answers["caption"].tolist() == looked["caption"].tolist()
    assert (np.diff(best["score"], axis=1) <= 1e-6).all()
    assert looked["weights"].shape[2:] == (4, 4)
    real = looked["written"] != ""
    np.testing.assert_allclose(looked["weights"].sum((2, 3))[real], 1, atol=1e-5)


def test_a_frozen_encoder_keeps_its_weights_and_is_run_once(bundle, folder, tmp_path, monkeypatch):
    from rnnkit.captioning.batches import PictureStore

    kept = []
    keep = PictureStore.keep_grids
    monkeypatch.setattr(PictureStore, "keep_grids", lambda self, *rest: kept.append(len(self)) or keep(self, *rest))
    child = rnnkit.finetune(
        bundle, folder / "said.csv", columns="image=file,caption=said", out=tmp_path, scratch=False, freeze="encoder",
        epochs=2,
    )  # fmt: skip
    assert kept == [28, 4]
    cores = [load_parts(each, catalog.load("caption"))[1] for each in (bundle, child)]
    before, after = ({name: core.get_layer(name).get_weights() for name in ("encoder", "decoder")} for core in cores)
    for one, other in zip(before["encoder"], after["encoder"], strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(not np.array_equal(*pair) for pair in zip(before["decoder"], after["decoder"], strict=True))


@pytest.mark.parametrize(
    "settings",
    [
        {"look": "vector", "cell": "gru", "attention": "dot", "decoder_units": 16, "pieces": "bpe"},
        {"encoder": "rows", "attention": "general", "flip": True, "fit": "pad", "pieces": "character", "beam_width": 1},
        {"encoder": "rows", "answer": "label", "fit": "crop", "depth": 2},
    ],
)  # fmt: skip
def test_encoders_looks_and_pieces_of_all_kinds_are_trained_and_served(settings, folder, tmp_path):
    table = pd.read_csv(folder / "said.csv").rename(columns={"file": "image", "said": "caption"})
    if "answer" in settings:
        table = table[::2]
    bundle = rnnkit.run("caption", table, images=str(folder), out=tmp_path, **{**SIZES, **settings})
    answers = bundle.predict({"image": [square("red", "left"), b"none"]})
    assert answers["readable"].tolist() == [True, False]
    if "answer" in settings:
        assert bundle.card["labels"] == [f"a {colour} square" for colour in sorted(COLOURS)]
        assert answers["label"][1] == "" and answers["probability"][1] == pytest.approx([1 / 3] * 3)


def test_check_tells_how_long_it_will_take(folder):
    report = rnnkit.check("caption", folder / "said.csv", columns="image=file,caption=said", **SIZES)
    assert report.refusal is None and report.estimate.epoch_seconds > 0 and report.estimate.rows == 28


def test_digits_are_told_line_by_line_by_a_preset(tmp_path):
    bundle = rnnkit.run("caption", preset="row-digits", epochs=2, units=12, out=tmp_path)
    assert bundle.card["labels"] == [str(digit) for digit in range(10)]
    assert bundle.path.parent.name == "row-digits" and bundle.card["images"]["channels"] == 1
    assert set(bundle.card["baselines"]) >= {"majority", "logistic"}
    assert "classes.png" in {file.name for file in (bundle.path / "report").iterdir()}
    assert presets.chosen(catalog.load("caption"), {"preset": "row-digits"}).encoder == "rows"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "EficientNetB0"}, r"Got 'EficientNetB0'\. Did you mean 'EfficientNetB0'\?"),
        ({"encoder_weights": "imagenet"}, "encoder_weights are of a network of keras.applications"),
        ({"coverage": True, "balance": 1.0}, "balance"),
        ({"cell": "simple"}, "cell must be one of lstm, gru"),
        ({"encoder": "MobileNetV2", "encoder_weights": "none.h5"}, "there is no file 'none.h5'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message, folder, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        rnnkit.run("caption", folder / "said.csv", columns="image=file,caption=said", out=tmp_path, **settings)
    assert not (tmp_path / "caption").exists()
