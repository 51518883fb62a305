"""Looking: a trained model of tunes -> tunes that it composes, how like the test's they are, what of them is copied."""

import pathlib

import tensorflow as tf

from rnnkit.answers import traced
from rnnkit.metrics.music_copies import copied_share, longest_copies
from rnnkit.metrics.music_scores import music_scores
from rnnkit.music.composer import HOW, TEXTS, composer_of
from rnnkit.music.events import decode_words
from rnnkit.music.pieces import Piece
from rnnkit.recipe import Reported
from rnnkit.roll_pictures import draw_roll

SAMPLES = 3
"""Tunes in the card and in pictures: of variations 0, 1, 2, so that none is chosen by taste."""
COMPOSED = 32
"""Tunes that are judged."""
SHOWN = 400
"""Characters of a tune in the card."""


def details_of(told: Reported) -> dict:
    """Returns what goes into the card: `samples` and `composed`, what tunes composed from nothing are like.

    `composed` has scores with the rules of the settings, `free` ones without any; `copied` shares of runs of 8 notes
    that are in train, of composed tunes and of those of test; and the longest such runs.
    """
    train, test = told.splits.train.pieces, told.splits.test.pieces
    found = {}
    for name, right in (("composed", True), ("free", False)):
        texts = composed_texts(told, COMPOSED, right_bars=right)
        pieces, broken = _pieces(texts)
        found[name] = {"broken": broken}
        if pieces:
            found[name] |= music_scores(pieces, test)
            found[name]["copied"] = copied_share(pieces, train)
        if right:
            samples, longest = texts[:SAMPLES], longest_copies(pieces, train, most=3) if pieces else []
    found["test"] = {"copied": copied_share(test, train)}
    rates = ", ".join(f"{name} {found[name].get('copied', 0):.1%}" for name in found)
    bars = ", ".join(f"{name} {found[name].get('bar_validity', 0):.1%}" for name in ("composed", "free"))
    findings = (
        f"runs of 8 notes that are in train: {rates}.",
        f"bars of the right length: {bars} (free: without the rule).",
        *(f"composed, variation {number}: {_one_line(text)}" for number, text in enumerate(samples)),
    )
    return {"samples": samples, "composing": found, "longest_copies": longest, "findings": list(findings)}


def _one_line(text, most=120):
    return text if len(text) <= most else f"{text[:most]} …"


def composed_texts(told: Reported, count: int, **how) -> list[str]:
    """Composes tunes from nothing, of variations from 0 on, as the settings say but for `how`."""
    composer, generate = composer_of(told.preparation, told.core, told.settings), told.signatures["generate"]
    values = {**composer.how, "seed": tf.constant([0, told.settings.seed]), **how}
    values = {spec.name: tf.constant(values[spec.name], spec.dtype) for spec in HOW}
    none = {spec.name: tf.fill([count], "") for spec in TEXTS}
    with told.reporter.task("composing"):
        found = traced(generate)(**none, **values, variation=tf.range(count))
    return [text.decode("utf-8", "replace") for text in found["generated"].numpy()]


def _pieces(texts) -> tuple[list[Piece], int]:
    """Returns the tunes that texts say, and how many say none."""
    pieces, broken = [], 0
    for number, text in enumerate(texts):
        try:
            piece = decode_words(text.split(), title=f"variation {number}", source=f"variation {number}")
        except ValueError:
            broken += 1
            continue
        if piece.notes:
            pieces.append(piece)
        else:
            broken += 1
    return pieces, broken


def draw_reports(told: Reported, card, folder: pathlib.Path) -> None:
    """Draws into a folder piano rolls of the card's samples, and of a tune of test."""
    pieces, _ = _pieces(card["samples"])
    for number, piece in enumerate(pieces):
        draw_roll(folder / f"tune-{number}.png", piece, title=f"Composed, variation {number}")
    if len(told.splits.test):
        piece = told.splits.test.pieces[0]
        draw_roll(folder / "test.png", piece, title=f"Of test: {piece.title or 'without a title'}")
