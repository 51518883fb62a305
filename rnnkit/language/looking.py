"""Looking: a trained language model -> texts that it writes, how varied they are, pictures of units and of losses."""

import pathlib

import numpy as np
import tensorflow as tf

from rnnkit.answers import traced
from rnnkit.language.core import shown_units, taken_apart
from rnnkit.language.generator import NUMBERS, generator_of
from rnnkit.language.preparing import encode_passages
from rnnkit.language.scoring import judge_passages, losses_of, sums_of
from rnnkit.language.units import units_of
from rnnkit.layers.embedding import END
from rnnkit.metrics.generated_texts import diversity
from rnnkit.metrics.neural_cache import cached_log_probabilities, tuned
from rnnkit.recipe import Reported
from rnnkit.training.streams import Stream
from rnnkit.unit_pictures import draw_token_losses, draw_units

SAMPLES = 3
"""Texts in the card: of seeds 0, 1, 2, so that none is chosen by taste."""
MEASURED = 16
"""Texts whose variety is measured."""
DRAWN = {"character": 900}
DRAWN_TOKENS = 200
"""Tokens of a picture."""
SCORED_WITH_CACHE = 300_000
"""Most tokens of a split that are scored beside a cache, which compares each with all those it remembers."""


def details_of(told: Reported) -> dict:
    """Returns what goes into the card: `samples`, `diversity`, `unknown` (share of tokens), `cache` if there is one."""
    settings = told.settings
    texts = written_texts(told)
    units = units_of(told.preparation.features)
    tokens = [_tokens(units, text) for text in texts]
    shares = {
        split: float(answers["unknown"].sum() / max(answers["tokens"].sum(), 1))
        for split, answers in told.answers.items()
    }
    found = {
        "samples": texts[:SAMPLES],
        "diversity": diversity(tokens),
        "unknown": shares,
        "findings": [f"written, seed {seed}: {_one_line(text)}" for seed, text in enumerate(texts[:SAMPLES])],
    }
    if settings.cache:
        found["cache"] = cache_scores(told)
    return found


def written_texts(told: Reported) -> list[str]:
    """Writes texts from nothing, by seeds from 0 on, as the settings say."""
    how = generator_of(told.preparation, told.core, told.settings).how
    how = {spec.name: tf.constant(how[spec.name], spec.dtype) for spec in NUMBERS if spec.name != "seed"}
    how["length"] = tf.constant(told.settings.written)
    generate = traced(told.signatures["generate"])
    texts = (
        generate(text=tf.constant([""]), **how, seed=tf.constant([0, seed]))["generated"] for seed in range(MEASURED)
    )
    return [text.numpy()[0].decode("utf-8", "replace") for text in texts]


def _tokens(units, text):
    ids = units.ids(tf.constant([text]))
    return [name.decode("utf-8", "replace") for name in units.tokens(ids)[0].numpy().tolist() if name]


def _one_line(text, most=100):
    flat = " ".join(text.split()) or "(nothing)"
    return flat if len(flat) <= most else flat[:most] + " …"


def cache_scores(told: Reported) -> dict:
    """Scores valid and test beside a neural cache whose flatness and share are chosen on valid."""
    apart, units = taken_apart(told.core), units_of(told.preparation.features)
    size, found, chosen = told.settings.cache, {"size": told.settings.cache}, None
    for split in ("valid", "test"):
        rows = getattr(told.splits, split)
        stream = encode_passages(rows.chunks(), units)
        if len(stream) > SCORED_WITH_CACHE:
            return {**found, "note": f"{split} has more than {SCORED_WITH_CACHE:,} tokens: not scored with a cache."}
        with told.reporter.task(f"scoring {split} with a cache", total=len(stream), unit="tokens") as advance:
            losses = losses_of(apart, stream, hidden=True, advance=advance)
        hidden, ids, model = losses.hidden, stream.ids(), -losses.nats.astype(np.float64)
        if chosen is None:
            chosen = tuned(hidden, ids, model, size=size)
            found |= dict(zip(("flatness", "share"), chosen, strict=True))
        mixed = cached_log_probabilities(hidden, ids, model, size=size, flatness=chosen[0], share=chosen[1])
        found[split] = judge_passages(sums_of(stream, -mixed), rows.truth(), (), told.settings)
    return found


def draw_reports(told: Reported, folder: pathlib.Path) -> None:
    """Draws into a folder units.png and losses.png, over the beginning of the test text."""
    units = units_of(told.preparation.features)
    stream = _beginning(told.splits.test, units, DRAWN.get(told.settings.tokens, DRAWN_TOKENS))
    losses = losses_of(taken_apart(told.core), stream, hidden=True)
    ids = stream.ids()
    names = [name.decode("utf-8", "replace") for name in units.tokens(tf.constant(ids)).numpy().tolist()]
    names = ["\n" if number == END else name for number, name in zip(ids.tolist(), names, strict=True)]
    draw_token_losses(folder / "losses.png", names, losses.nats)
    chosen = shown_units(told.settings)
    # What predicts a token has read all before it: that is shown on the last that it has read.
    if len(names) > 1:
        draw_units(folder / "units.png", names[:-1], losses.hidden[1:], chosen)


def _beginning(rows, units, tokens) -> Stream:
    ids, stream = encode_passages([next(rows.chunks(64))], units).ids(0, tokens), Stream()
    stream.append(ids, np.array([len(ids)]))
    stream.close()
    return stream
