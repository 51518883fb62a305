"""Sentiment of a text: words -> embedding -> bidirectional recurrence -> pooling, beside weighted n-grams -> label.

Reads   table, folder of classes or tfds: text, label
Serves  text (batch,) -> label (batch,), probability (batch, classes); explain: words and the attention on each
Sample  sentiment.csv
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
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge
from rnnkit.export.edge_text import text_edge
from rnnkit.features import growth, text_settings
from rnnkit.features.labels import class_numbers, label_lookup, label_names
from rnnkit.features.ngram_adaptation import adapt_ngrams, carried_weights
from rnnkit.features.ngrams import fit_ngrams
from rnnkit.features.texts import count_words, sampled, text_features
from rnnkit.features.vectors import embedding_from
from rnnkit.features.words import RESERVED
from rnnkit.layers import Blend, NgramScores, character_convolution, embedding, in_segments, pool, recurrent_stack
from rnnkit.layers.blend import best_shares
from rnnkit.layers.embedding import UNKNOWN
from rnnkit.layers.pooling import check_pooling
from rnnkit.layers.stack import check_cell
from rnnkit.metrics import classification as scores
from rnnkit.metrics.alignment import align_labels
from rnnkit.metrics.split_baselines import score_baselines
from rnnkit.pictures import draw_calibration, draw_confusion
from rnnkit.recipe import Parent, Preparation, Recipe
from rnnkit.settings import RecurrentSettings, SourceSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits, read_splits
from rnnkit.training.batches import Batches, outputs_of
from rnnkit.training.freezing import frozen_names
from rnnkit.training.objectives import Objective, classification


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(SourceSettings, text_settings.TextSettings, RecurrentSettings, TrainingSettings, TransferSettings):
    """What can be varied; settings of the source, the words, the stack, the training and the transfer come with it."""

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


STRUCTURE = (
    *text_settings.FIXED,
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
    *("segment", "pooling", "ngrams", "ngram_buckets"),
)
GROUPS = {
    "embedding": ("embedding", "characters"),
    "encoder": ("recurrent", "segments"),
    "head": ("pooling", "logits"),
    "ngrams": ("ngrams",),
}


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
    how = {name: getattr(settings, name) for name in text_settings.SPLITTING}
    vocabulary = count_words(train, how, reporter, size=settings.vocabulary, least=settings.least_count)
    facts = {"vocabulary": len(vocabulary) + len(RESERVED), "classes": len(train.names)}
    initial, notes = {}, ()
    if settings.vectors:
        rows, note = embedding_from(settings.vectors, vocabulary, reserved=len(RESERVED), seed=settings.seed)
        initial["embedding"], notes, facts["embedding_units"] = [rows], (note,), rows.shape[1]
    features = text_features(vocabulary, how, characters=settings.characters)
    if settings.ngrams:
        initial["ngrams"] = _weighed(
            functools.partial(fit_ngrams, classes=len(train.names)), train, features, facts, settings, reporter
        )
    return _preparation(features, train.names, facts, initial=initial, notes=notes)


def grow(parent: Parent, train, settings: Settings, reporter) -> Preparation:
    """Goes on from a parent's: new words of the train split join its vocabulary, and its n-gram weights are adapted."""
    words = parent.preparation.features.get_layer("words")
    how = {**words.how, "length": settings.length}
    limit = len(RESERVED) + len(words.vocabulary) + settings.vocabulary
    met = count_words(train, how, reporter, size=limit, least=settings.least_count)
    vocabulary, same = growth.grow_vocabulary(
        words.vocabulary,
        met,
        most=settings.vocabulary,
        reserved=len(RESERVED),
        # As which the parent read them; word dropout has trained its vector.
        unknown=UNKNOWN if parent.settings.word_dropout else None,
    )
    old, new = parent.preparation.labels, tuple(train.names)
    carried = {"vocabulary": same, "classes": growth.map_labels(old, new)}
    facts = {**parent.preparation.facts, **{fact: matrix.shape[0] for fact, matrix in carried.items()}}
    features = text_features(vocabulary, how, characters=settings.characters)
    initial = {}
    if settings.ngrams:
        weights = {"parent": parent.core.get_layer("ngrams").get_weights(), "carried": carried["classes"]}
        if "ngrams" in frozen_names(settings.freeze):
            size = {"vocabulary": facts["vocabulary"], "buckets": settings.ngram_buckets}
            initial["ngrams"] = carried_weights(**weights, **size)
        else:
            adapt = functools.partial(adapt_ngrams, **weights)
            initial["ngrams"] = _weighed(adapt, train, features, facts, settings, reporter)
    notes = growth.label_notes(old, new)
    return _preparation(features, new, facts, initial=initial, notes=notes, carried=carried)


def _preparation(features, labels, facts, **rest):
    sequences = tuple(features.output)
    return Preparation(features, label_lookup(list(labels)), facts, sequences, tuple(labels), **rest)


def _weighed(fit, train, features, facts, settings, reporter):
    with reporter.task("weighing n-grams", total=len(train), unit="rows") as advance:
        return fit(
            features.get_layer("words"),
            sampled(train),
            longest=settings.ngrams,
            vocabulary=facts["vocabulary"],
            buckets=settings.ngram_buckets,
            seed=settings.seed,
            advance=advance,
        )


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


def calibrate(core: keras.Model, valid: Batches, train: Batches) -> tuple[str, ...]:
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


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
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


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """Word ids, and letters where they are read -> the class's number and the probabilities, for one row."""

    def label(*tensors):
        probability = tf.nn.softmax(core(dict(zip(preparation.sequences, tensors, strict=True)), training=False))
        return {"label": tf.argmax(probability, axis=-1, output_type=tf.int32), "probability": probability}

    return text_edge(preparation.features, preparation.labels, label)


def judge(answers, truth, labels, settings: Settings) -> dict[str, float]:
    """Scores probabilities against the true labels."""
    return scores.score_labels(class_numbers(truth, labels), answers["probability"], len(labels))


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
    baselines=score_baselines,
    pictures={"confusion": draw_confusion, "calibration": draw_calibration},
    edge=edge,
    grow=grow,
    structure=STRUCTURE,
    groups=GROUPS,
    align=align_labels,
)
