"""Looking: a scored captioner -> what its card says of it, and the pictures of its report."""

import pathlib
import re

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from rnnkit.answers import traced
from rnnkit.caption_pictures import draw_overlays, draw_page
from rnnkit.captioning.batches import PictureBatches, encode_pictures
from rnnkit.captioning.preparing import DECODE
from rnnkit.captioning.settings import LABEL
from rnnkit.metrics.captions import signatures as metric_signatures
from rnnkit.pictures import draw_calibration, draw_confusion
from rnnkit.recipe import Reported
from rnnkit.writing.scoring import losses_on

SHOWN, OVERLAID, BATCH = 20, 4, 32
"""Test pictures on a page, those whose attention is drawn, and pictures that a loss is measured on at once."""


def details_of(told: Reported) -> dict:
    """Returns what a card says beyond scores: sizes of pictures, examples, and the loss of each piece."""
    facts, rows = told.preparation.facts, told.splits.test
    card = {"images": {name: facts[name] for name in ("height", "width", "channels")}}
    answers = texts_of(told)
    shown = list(zip(range(min(SHOWN, len(rows))), rows.captions, answers, strict=False))
    names = [re.split(r"[/\\\\]", rows.name(n))[-1] for n, _, _ in shown]
    shown = [(name, truth, answer) for name, (_, truth, answer) in zip(names, shown, strict=True)]
    card["examples"] = [{"image": name, "truth": truth, "answer": answer} for name, truth, answer in shown]
    card["findings"] = [_told(*example) for example in shown[:3]]
    if told.settings.answer == LABEL:
        return card
    batches = {}
    for split in ("valid", "test"):
        store = encode_pictures(getattr(told.splits, split), told.preparation)
        most = max(len(texts) for texts in store.targets)
        batches[split] = PictureBatches(store, min(BATCH, len(store)), most)
    return {**card, "losses": losses_on(told.core, batches), "metrics": metric_signatures()}


def texts_of(told: Reported) -> list[str]:
    """Returns what was answered to the test pictures."""
    name = "label" if told.settings.answer == LABEL else "caption"
    return [text.decode("utf-8", "replace") for text in told.answers["test"][name]]


def _told(name, truth, answer):
    return f"{name}  →  {answer}" if answer in truth else f"{name}  →  {answer}   (in the data: {truth[0]})"


def draw_report(told: Reported, folder: pathlib.Path) -> None:
    """Draws into report/ test pictures with truth and answer, and where was looked for each piece of some captions."""
    rows, answers = told.splits.test, texts_of(told)
    places = np.unique(np.linspace(0, len(rows) - 1, min(SHOWN, len(rows))).astype(int)).tolist()
    images, start = [], 0
    for chunk in rows.chunks():
        images += [chunk["image"][place - start] for place in places if start <= place < start + len(chunk["image"])]
        start += len(chunk["image"])
    pixels = told.preparation.features.get_layer(DECODE)(tf.constant(images)).numpy()
    entries = [(pixels[n], rows.captions[place], answers[place]) for n, place in enumerate(places)]
    draw_page(folder / "pictures.png", entries)
    if told.settings.answer == LABEL:
        _draw_classes(folder / "classes.png", told)
        return
    attention = traced(told.signatures["attention"])
    looked = {name: values.numpy() for name, values in attention(image=tf.constant(images[:OVERLAID])).items()}
    for n in range(len(images[:OVERLAID])):
        written = [piece.decode("utf-8", "replace") for piece in looked["written"][n] if piece]
        caption = looked["caption"][n].decode("utf-8", "replace")
        path = folder / f"attention_{n + 1}.png"
        draw_overlays(path, pixels[n], caption, written, looked["weights"][n, : len(written)])


def _draw_classes(path, told):
    labels = told.preparation.labels
    truth = [texts[0] for texts in told.truth["test"]]
    known = [place for place, label in enumerate(truth) if label in labels]
    if not known:
        return
    answers = {"probability": told.answers["test"]["probability"][known]}
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    for axes, draw, title in zip(
        figure.subplots(1, 2), (draw_confusion, draw_calibration), ("classes", "calibration"), strict=True
    ):
        draw(axes, answers, [truth[place] for place in known], labels)
        axes.set_title(title)
    figure.savefig(path, dpi=110)
