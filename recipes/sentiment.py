"""Sentiment of a text: words -> embedding -> bidirectional recurrence -> pooling, beside weighted n-grams -> label.

Reads   table, folder of classes or tfds: text, label
Serves  text (batch,) -> label (batch,), probability (batch, classes); explain: words and the attention on each
Scores  SST-2 test accuracy 83.2 % (NB-SVM of the same run 83.1, without n-grams 81.3), IMDB 91.7 % (NB-SVM 91.5)

The recurrent part learns by itself to read order, negation and contrast. Beside it stands a linear model of
n-grams, an NB-SVM (Wang & Manning 2012, https://aclanthology.org/P12-2018), whose logits are added with a weight
chosen on the validation split (such ensembles: Mesnil et al. 2014, https://arxiv.org/abs/1412.5335);
`--ngrams 0` leaves it out. Attention as in Yang et al. (2016), https://aclanthology.org/N16-1174.
"""

import dataclasses
import functools
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge
from rnnkit.export.edge_text import text_edge
from rnnkit.features.characters import Characters
from rnnkit.features.labels import class_numbers, label_lookup, label_names
from rnnkit.features.ngrams import fit_ngrams
from rnnkit.features.vectors import read_vectors, rows_of_embedding
from rnnkit.features.words import RESERVED, Words, learn_vocabulary
from rnnkit.layers import Blend, NgramScores, character_convolution, embedding, in_segments, pool, recurrent_stack
from rnnkit.layers.blend import best_shares
from rnnkit.layers.pooling import check_pooling
from rnnkit.layers.stack import check_cell
from rnnkit.metrics import classification as scores
from rnnkit.metrics.text_baselines import LabelledTexts, text_baselines
from rnnkit.pictures import draw_calibration, draw_confusion
from rnnkit.recipe import Preparation, Recipe
from rnnkit.settings import RecurrentSettings, SourceSettings, TrainingSettings, setting
from rnnkit.sources import Splits, read_splits
from rnnkit.training.batches import Batches, outputs_of
from rnnkit.training.objectives import Objective, classification

FITTED_TEXT = 48 << 20
"""Characters of text, about, from which linear models are fitted: their n-grams are held in memory, 16 kB for 1 kB."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(SourceSettings, RecurrentSettings, TrainingSettings):
    """What can be varied; the source's, the stack's and the training's settings come with it."""

    lower: bool = setting(True, "Lower-case the text.")
    punctuation: str = setting(
        "split", "Marks: words of their own, left out, or on their words.", choices=("split", "drop", "keep")
    )
    markup: str = setting("drop", "Tags such as <br />: replaced by a space, or kept.", choices=("drop", "keep"))
    vocabulary: int = setting(30_000, "Most words known, the reserved ids included.", at_least=4)
    least_count: int = setting(1, "Fewest occurrences of a word that is known.", at_least=1)
    length: int = setting(400, "Words read of each text; the rest is cut.", at_least=1)
    embedding_units: int = setting(128, "Size of a word's vector; that of the file with --vectors.", at_least=1)
    vectors: str = setting("", "File of word vectors in the text form of GloVe or word2vec; empty: learnt here.")
    freeze_vectors: bool = setting(False, "Keep the word vectors as they start.")
    characters: bool = setting(False, "Also read each word by its letters, for unseen words.")
    word_dropout: float = setting(0.1, "Share of words read as unknown while training.", at_least=0.0, below=1.0)
    embedding_dropout: float = setting(0.3, "Share of the word vectors' features dropped.", at_least=0.0, below=1.0)
    segment: int = setting(
        0, "Words read at a stretch; longer texts are read in such pieces side by side; 0: whole.", at_least=0
    )
    pooling: str = setting(
        "attention", "How steps become one vector: last, mean, max, attention, or some joined by '+'."
    )
    ngrams: int = setting(2, "Longest run of words weighted beside the recurrence; 0: none.", at_least=0, at_most=4)
    ngram_buckets: int = setting(1 << 18, "Ids that n-grams are hashed to.", at_least=16, at_most=1 << 22)

    def __post_init__(self):
        super().__post_init__()
        check_pooling(self.pooling)
        check_cell(self.cell, self.activation, self.recurrent_weight_dropout)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads and splits the texts and their labels."""
    return read_splits(
        data,
        valid=valid,
        test=test,
        features=("text",),
        target="label",
        format=settings.format(),
        valid_share=settings.valid_share,
        test_share=settings.test_share,
        seed=settings.seed,
        progress=progress,
    )


def prepare(train, settings: Settings, reporter) -> Preparation:
    """Learns the vocabulary, and what starts from counts, on the train split."""
    how = {name: getattr(settings, name) for name in ("lower", "punctuation", "markup", "length")}
    with reporter.task("learning the vocabulary", total=len(train), unit="rows") as advance:
        texts = _told((chunk["text"] for chunk in train.chunks()), advance)
        vocabulary = learn_vocabulary(Words(**how), texts, size=settings.vocabulary, least=settings.least_count)
    words = Words(vocabulary, **how, name="words")
    labels = list(train.names)
    text = keras.Input((), dtype="string", name="text")
    tensors = {"ids": words(text)}
    if settings.characters:
        tensors["letters"] = Characters(how, name="letters")(text)
    facts = {"vocabulary": len(vocabulary) + len(RESERVED), "classes": len(labels)}
    initial, notes = {}, ()
    if settings.vectors:
        vectors, found = read_vectors(settings.vectors, vocabulary)
        initial["embedding"] = [rows_of_embedding(vectors, found, reserved=len(RESERVED), seed=settings.seed)]
        facts["embedding_units"] = vectors.shape[1]
        share = found.sum() / max(len(found), 1)
        notes = (f"{settings.vectors} has vectors for {found.sum():,} of {len(found):,} words ({share:.1%}).",)
    if settings.ngrams:
        with reporter.task("weighing n-grams", total=len(train), unit="rows") as advance:
            initial["ngrams"] = fit_ngrams(
                words,
                _sampled(train),
                classes=len(labels),
                longest=settings.ngrams,
                vocabulary=facts["vocabulary"],
                buckets=settings.ngram_buckets,
                seed=settings.seed,
                advance=advance,
            )
    return Preparation(
        features=keras.Model({"text": text}, tensors, name="features"),
        target=label_lookup(labels),
        facts=facts,
        sequences=tuple(tensors),
        labels=tuple(labels),
        initial=initial,
        notes=notes,
    )


def _told(chunks, advance):
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        advance(done)


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Word ids `(batch, time)` and, with characters, letters `(batch, time, letters)` -> logits `(batch, classes)`."""
    inputs = {"ids": keras.Input((None,), dtype="int32", name="ids")}
    x = embedding(
        inputs["ids"],
        vocabulary=facts["vocabulary"],
        units=facts.get("embedding_units", settings.embedding_units),
        word_dropout=settings.word_dropout,
        dropout=settings.embedding_dropout,
        trainable=not settings.freeze_vectors,
    )
    if settings.characters:
        inputs["letters"] = keras.Input((None, 16), dtype="int32", name="letters")
        spelled = character_convolution(inputs["letters"], size=256)
        x = keras.layers.Concatenate(name="spelled")([x, spelled])
    names = [field.name for field in dataclasses.fields(RecurrentSettings)]
    stack = functools.partial(recurrent_stack, **{name: getattr(settings, name) for name in names})
    x = in_segments(x, settings.segment, stack) if settings.segment else stack(x)
    x = pool(x, by=settings.pooling, bidirectional=settings.bidirectional)
    x = keras.layers.Dropout(settings.dropout, name="dropout")(x)
    logits = keras.layers.Dense(facts["classes"], dtype="float32", name="logits")(x)
    parts = [logits]
    if settings.ngrams:
        sizes = settings.ngrams, facts["vocabulary"], settings.ngram_buckets, facts["classes"]
        parts.append(NgramScores(*sizes, name="ngrams")(inputs["ids"]))
    return keras.Model(inputs, Blend(name="blend")(parts), name="core")


def calibrate(core: keras.Model, valid: Batches) -> tuple[str, ...]:
    """Weighs the recurrent and the n-gram part by their fit to the validation rows; changes no other weight."""
    blend = core.get_layer("blend")
    parts = keras.Model(core.inputs, blend.input)
    outputs, targets = outputs_of(parts, valid)
    shares, bias = best_shares(outputs, targets)
    blend.shares.assign(shares)
    blend.bias.assign(bias)
    names = ("recurrence", "n-grams")
    named = ", ".join(f"{name} {share:.2f}" for name, share in zip(names, shares, strict=False))
    return (f"weights of the logits, chosen on valid: {named}.",)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """Cross-entropy over the classes."""
    return classification(facts["classes"], label_smoothing=settings.label_smoothing)


def serve(preparation: Preparation, core: keras.Model) -> dict[str, Signature]:
    """Raw text -> label and probabilities; and, where the pooling attends, the weight of each word."""
    names = label_names(preparation.target)
    text = tf.TensorSpec([None], tf.string, name="text")

    def label(text):
        probability = tf.nn.softmax(core(preparation.features({"text": text}), training=False))
        return {"label": tf.gather(tf.constant(names), tf.argmax(probability, axis=-1)), "probability": probability}

    signatures = {"serving_default": Signature(label, (text,))}
    layer = next((layer for layer in core.layers if layer.name == "pooling_attention"), None)
    if layer is None:
        return signatures
    attention = keras.Model(core.inputs, layer.output[1])
    words = preparation.features.get_layer("words")

    def explain(text):
        weights = attention(preparation.features({"text": text}), training=False)
        return {
            **label(text),
            "word": words.split(text).to_tensor(""),
            "attention": weights[:, 1:],
            "start": weights[:, 0],
        }

    return {**signatures, "explain": Signature(explain, (text,))}


def edge(preparation: Preparation, core: keras.Model) -> Edge:
    """Word ids, and letters where they are read -> the class's number and the probabilities, for one row."""

    def label(*tensors):
        probability = tf.nn.softmax(core(dict(zip(preparation.sequences, tensors, strict=True)), training=False))
        return {"label": tf.argmax(probability, axis=-1, output_type=tf.int32), "probability": probability}

    return text_edge(preparation.features, preparation.labels, label)


def judge(answers, truth, labels) -> dict[str, float]:
    """Scores probabilities against the true labels."""
    return scores.score_labels(class_numbers(truth, labels), answers["probability"], len(labels))


def baselines(splits: Splits, labels, settings: Settings, reporter) -> dict:
    """Scores majority, TF-IDF with logistic regression, and NB-SVM on the test split, learnt on the train split."""
    train, valid = (
        _labelled(list(_sampled(rows, limit)))
        for rows, limit in ((splits.train, FITTED_TEXT), (splits.valid, FITTED_TEXT // 4))
    )
    test = LabelledTexts(_Texts(splits.test), splits.test.codes)
    if len(train.labels) < len(splits.train):
        reporter.say(f"note: the baselines learn from {len(train.labels):,} of {len(splits.train):,} train rows.")
    with reporter.task("baselines", total=3) as advance:
        done = iter(range(3))
        return text_baselines(
            train, valid, test, classes=len(labels), seed=settings.seed, progress=lambda name: advance(next(done), name)
        )


def _labelled(chunks):
    texts, numbers = zip(*chunks, strict=True)
    return LabelledTexts([text for chunk in texts for text in chunk], np.concatenate(numbers))


def _sampled(rows, limit=FITTED_TEXT):
    """Chunks of texts and class numbers: all rows, or as many, spread evenly, as have about `limit` characters."""
    first = next(rows.chunks())["text"]
    most = max(limit * len(first) // max(sum(map(len, first)), 1), 1_000)
    kept = np.zeros(len(rows), bool)
    kept[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)] = True
    start = 0
    for chunk in rows.chunks():
        chosen = np.flatnonzero(kept[start : start + len(chunk["text"])])
        if len(chosen):
            yield [chunk["text"][place] for place in chosen], rows.codes[start + chosen]
        start += len(chunk["text"])


@dataclasses.dataclass(frozen=True)
class _Texts:
    """The texts of a split, read anew at each pass."""

    rows: object

    def __iter__(self):
        for chunk in self.rows.chunks():
            yield from chunk["text"]


RECIPE = Recipe(
    name="sentiment",
    settings=Settings,
    inputs=("text",),
    target="label",
    sample="sentiment.csv",
    read=read,
    prepare=prepare,
    build=build,
    objective=objective,
    calibrate=calibrate,
    serve=serve,
    judge=judge,
    baselines=baselines,
    pictures={"confusion": draw_confusion, "calibration": draw_calibration},
    edge=edge,
)
