"""Translation of a text: pieces -> embedding -> bidirectional recurrence -> attention decoder -> beam search -> text.

Reads   two parallel text files, table or tfds: text, translation
Serves  text (batch,) -> translation (batch,), score (batch,), cut (batch,); nbest, attention, sample, encode and step
Sample  phrases.tsv
Scores  Multi30k, English to German: BLEU 33.4 (word by word 11.5); sample: exact match 93.6 % (word by word 0.3)

Subwords are learnt on the train split and applied in the graph; one step of the decoder serves training, search and
streaming. After each epoch valid is translated, and the weights with the highest BLEU are kept. Bahdanau, Cho & Bengio
(2015), https://arxiv.org/abs/1409.0473; Luong, Pham & Manning (2015), https://arxiv.org/abs/1508.04025; Sennrich,
Haddow & Birch (2016), https://arxiv.org/abs/1508.07909.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import keras
import pandas as pd
import tensorflow as tf

from rnnkit.answers import Signature, traced
from rnnkit.attention_pictures import draw_attention
from rnnkit.export.edge import Edge
from rnnkit.export.edge_text_to_text import text_to_text_edge
from rnnkit.features import piece_settings
from rnnkit.metrics.translation_baselines import score_pair_baselines
from rnnkit.metrics.translations import score_translations
from rnnkit.metrics.translations import signatures as metric_signatures
from rnnkit.pairs.dates import date_pairs
from rnnkit.pairs.locate import path_of
from rnnkit.pairs.reading import read_pair_rows, read_pairs
from rnnkit.pairs.settings import PairSettings
from rnnkit.recipe import Parent, Preparation, Recipe, Reported
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits
from rnnkit.training.objectives import Objective
from rnnkit.training.writing_objective import writing
from rnnkit.writing import core as writer_core
from rnnkit.writing import settings as writing_settings
from rnnkit.writing.batches import pair_batches
from rnnkit.writing.direction import check_direction, frequent_words
from rnnkit.writing.preparing import check_pieces, grow_preparation, prepare_pairs
from rnnkit.writing.scoring import score_on_valid, unit_losses
from rnnkit.writing.writer import TEXT, writer_of

PRESETS = ("dates",)
DATES, MADE_DATES = "dates", 20_000
"""Data that are made, dates as people write them and their ISO form, and how many."""
SHOWN_PAIRS, DRAWN = 10, 4
"""Test pairs kept in the card beside what was written for them, and texts whose attention is drawn."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    PairSettings,
    piece_settings.PieceSettings,
    RecurrentSettings,
    writing_settings.WritingSettings,
    TrainingSettings,
    TransferSettings,
):
    """What can be varied; settings of the source, the pieces, the encoder, the decoder, training and transfer."""

    preset: str = setting("", "Settings under a name: dates.", choices=("", *PRESETS))
    epochs: int = setting(8, "Most passes over the training rows.", at_least=1)
    learning_rate: float = setting(5e-3, "Highest step size.", above=0.0)
    dropout: float = setting(0.1, "Share dropped between layers.", at_least=0.0, below=1.0)

    def __post_init__(self):
        super().__post_init__()
        check_pieces(self)
        writer_core.check_writer(self)


STRUCTURE = (
    *piece_settings.FIXED,
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
    *writing_settings.STRUCTURE,
)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads and splits the pairs."""
    return read_pairs(_made(data, settings), valid, test, settings, progress)


def _made(data, settings):
    """Returns the data, or for 'dates', or 'dates:COUNT', a table of made ones."""
    name, _, count = data.partition(":") if isinstance(data, str) else ("", "", "")
    if name != DATES or pathlib.Path(data).exists():
        return data
    if count and not (count.isdecimal() and int(count)):
        raise ValueError(f"dates must be followed by how many, such as dates:20000. Got {data!r}.")
    return pd.DataFrame(date_pairs(int(count or MADE_DATES), seed=settings.seed), columns=["text", "translation"])


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Ids `(batch, time)` and target ids `(batch, steps)` -> logits `(batch, steps, vocabulary)`."""
    return writer_core.build_writer(facts, settings)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """Cross-entropy of each piece."""
    return writing(label_smoothing=settings.label_smoothing)


def calibrate(core: keras.Model, valid, train) -> tuple[str, ...]:
    """Leaves the core as it was trained."""
    return ()


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
    """Raw text -> translation and score; the n best, attention, samples, a given beginning, and single steps."""
    writer = writer_of(preparation, core, settings)
    width = tf.TensorSpec([], tf.int32, name="beam_width")
    return {**writer.signatures(), "translate": Signature(writer.write, (TEXT, width))}


def judge(answers, truth, labels, settings: Settings) -> dict[str, float]:
    """Scores translations by BLEU, chrF and the share that is right to the letter."""
    return score_translations([text.decode("utf-8", "replace") for text in answers["translation"]], truth)


def details(told: Reported) -> dict:
    """Adds to the card the loss of each piece and by which signatures BLEU and chrF were computed."""
    written = [text.decode("utf-8", "replace") for text in told.answers["test"]["translation"][:SHOWN_PAIRS]]
    examples = list(zip(told.splits.test.texts, told.truth["test"], written, strict=False))
    return {
        "losses": unit_losses(told),
        "metrics": metric_signatures(),
        "frequent_words": frequent_words(told.splits.train),
        "examples": [{"text": text, "truth": truth, "translation": found} for text, truth, found in examples],
        "findings": [_told(*example) for example in examples[:3]],
    }


def _told(text, truth, found):
    return f"{text}  →  {found}" if found == truth else f"{text}  →  {found}   (in the data: {truth})"


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ what was looked at while test texts of middling length were translated."""
    texts = sorted(told.splits.test.texts, key=len)
    middle = len(texts) // 2
    answers = traced(told.signatures["attention"])(text=tf.constant(texts[middle : middle + DRAWN]))
    draw_attention(folder / "attention.png", {name: values.numpy() for name, values in answers.items()})


def reread(data, settings: Settings, card: Mapping, progress):
    """Reads other pairs, all to be scored."""
    rows = read_pair_rows(_made(data, settings), settings, progress)
    check_direction(rows, card, path_of(data))
    return rows


def grow(parent: Parent, train, settings: Settings, reporter) -> Preparation:
    """Goes on from a parent's pieces; pairs in the other direction are refused."""
    check_direction(train, parent.bundle.card, settings.data)
    return grow_preparation(parent, train, settings, reporter)


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """An encoder and a step for one text, and the search around them."""
    writer = writer_of(preparation, core, settings)
    return text_to_text_edge(writer.source, writer.target, core, width=writer.width, controls=writer.controls)


RECIPE = Recipe(
    name="translate",
    settings=Settings,
    inputs=("text",),
    target="translation",
    sample="phrases.tsv",
    read=read,
    prepare=prepare_pairs,
    build=build,
    objective=objective,
    calibrate=calibrate,
    serve=serve,
    judge=judge,
    baselines=score_pair_baselines,
    edge=edge,
    grow=grow,
    structure=STRUCTURE,
    groups=writer_core.GROUPS,
    batches=pair_batches,
    details=details,
    report=report,
    reread=reread,
    select=score_on_valid,
    presets={name: pathlib.Path(__file__).with_name(f"translate_{name}.yaml").read_text("utf-8") for name in PRESETS},
)
