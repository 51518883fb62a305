"""Named entities in a text: words, letters and shapes of its tokens -> bidirectional recurrence -> CRF -> entities.

Reads   columns (CoNLL), table of tokens, spans in .jsonl or .json, folder or tfds: tokens, tags
Serves  text (batch,) -> entity, label, start, end, probability (batch, entities); token and tag of each; tokens alike
Sample  entities.conll
Scores  CoNLL-2003: entity F1 88.0 (linear CRF 85.5, gazetteer 62.5)

Tags are chosen together, by a linear-chain CRF in which only whole entities can be written; `--columns tags=1` tags
parts of speech, or chunks, the same way. A second chain, over windows of words, stands beside the recurrence, and both
are weighed on the validation split; `--windows 0` leaves it out. Lample et al. (2016),
https://aclanthology.org/N16-1030; Ma & Hovy (2016), https://aclanthology.org/P16-1101.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import keras

from rnnkit.answers import Signature
from rnnkit.entity_pictures import Entity, draw_type_confusion, write_entities
from rnnkit.export.edge import Edge
from rnnkit.export.edge_tags import tagger_edge
from rnnkit.features.token_texts import cut_tokens
from rnnkit.metrics import entities as scores
from rnnkit.metrics.entity_baselines import score_tag_baselines
from rnnkit.recipe import Preparation, Recipe, Reported
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits
from rnnkit.tagger import core as tagger_core
from rnnkit.tagger.preparing import check_kind, grow_tagged, prepare_tagged
from rnnkit.tagger.scoring import are_entities, predicted_tags, score_answers, score_on_valid
from rnnkit.tagger.serving import tagger_of
from rnnkit.tagger.settings import STRUCTURE as OF_TAGGER
from rnnkit.tagger.settings import TaggerSettings
from rnnkit.tagger.windows import fit_windows, weigh_parts
from rnnkit.tagging.reading import read_tagged, read_tagged_rows
from rnnkit.tagging.schemes import spans
from rnnkit.tagging.settings import TaggedSettings
from rnnkit.training.batches import Batches
from rnnkit.training.objectives import Objective

SHOWN_ROWS, LARGEST_CONFUSION = 200, 30
"""Test sentences on the page of the report, and most labels of which a confusion is kept in the card."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TaggedSettings, TaggerSettings, RecurrentSettings, TrainingSettings, TransferSettings):
    """What can be varied; settings of the source, the tokens, the stack, the head, training and transfer."""

    units: int = setting(128, "State size, of each direction.", at_least=1)
    epochs: int = setting(12, "Most passes over the training rows.", at_least=1)
    dropout: float = setting(0.4, "Share dropped between layers.", at_least=0.0, below=1.0)
    batch_size: int = setting(16, "Rows per gradient step.", at_least=1)
    patience: int = setting(5, "Epochs without a better score, or validation loss, before stopping.", at_least=1)

    def __post_init__(self):
        super().__post_init__()
        tagger_core.check_tagger(self)


STRUCTURE = (
    *OF_TAGGER,
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads and splits the sentences."""
    return read_tagged(data, valid, test, settings, progress)


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Ids, letters and shapes of tokens -> log potentials `(batch, time, tags, tags)`, or logits without the last."""
    return tagger_core.build_tagger(facts, settings)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """Likelihood of each row's tags."""
    return tagger_core.tagging(settings.head, settings.label_smoothing)


def begin(core: keras.Model, train: Batches, valid: Batches, settings: Settings, reporter) -> tuple[str, ...]:
    """Fits a linear chain over windows of words, which stands beside the recurrence."""
    return fit_windows(core, train, valid, settings, reporter)


def calibrate(core: keras.Model, valid: Batches, train: Batches) -> tuple[str, ...]:
    """Weighs the recurrence and the linear chain by their fit to the validation rows."""
    return weigh_parts(core, valid)


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
    """Raw text, or tokens -> tags and entities."""
    return tagger_of(preparation, core, settings).signatures()


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """Raw text to entities on a device: the file scores the tags, the script cuts the text and chooses them."""
    return tagger_edge(tagger_of(preparation, core, settings))


def judge(answers, truth, labels, settings: Settings) -> dict[str, float]:
    """Scores entities as conlleval does, or tags that stand alone by their accuracy."""
    return score_answers(answers, truth, labels)


def example(rows, count: int) -> dict[str, list[str]]:
    """Returns the first sentences as texts that a person would write."""
    texts = rows.texts or [None] * len(rows)
    pairs = list(zip(texts, rows.tokens, strict=True))[:count]
    return {"text": [" ".join(tokens) if text is None else text for text, tokens in pairs]}


def truth_of(rows) -> list[list[str]]:
    """Returns the tags of kept rows."""
    return [cut_tokens(row["tags"]) for row in rows]


def details(told: Reported) -> dict:
    """Adds to the card how each label fares, and entities that train has apart from those it lacks."""
    labels, truth = told.preparation.labels, told.truth["test"]
    if not are_entities(labels):
        return {}
    found = predicted_tags(told.answers["test"], truth, labels)
    train, test = told.splits.train, told.splits.test
    known = scores.known_entities(train.tokens, train.tags)
    names, counts = scores.confusion(found, truth)
    added = {
        "per_label": scores.per_class(found, truth),
        "seen_unseen": scores.seen_unseen(found, truth, test.tokens, known),
    }
    if len(names) <= LARGEST_CONFUSION:
        added["confusion"] = {"labels": list(names), "counts": counts.tolist()}
    return added


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Writes into report/ a page of test sentences with what was found in them beside the truth."""
    labels, truth = told.preparation.labels, told.truth["test"]
    if not are_entities(labels):
        return
    found = predicted_tags(told.answers["test"], truth, labels)
    rows, true = [], []
    for tokens, ours, theirs in list(zip(told.splits.test.tokens, found, truth, strict=True))[:SHOWN_ROWS]:
        rows.append((" ".join(tokens), _entities(tokens, ours)))
        true.append(_entities(tokens, theirs))
    write_entities(folder / "entities.html", rows, title="Entities found in test sentences", truth=true)


def _entities(tokens, tags):
    """Returns entities with their places in the tokens joined by spaces."""
    found = []
    for span in spans(tags):
        text = " ".join(tokens[span.start : span.stop])
        start = sum(len(token) + 1 for token in tokens[: span.start])
        found.append(Entity(text, span.label, start, start + len(text)))
    return found


def draw_types(axes, answers, truth, labels) -> None:
    """Draws how often entities of each type were taken for which."""
    if are_entities(labels):
        draw_type_confusion(axes, *scores.confusion(predicted_tags(answers, truth, labels), truth))
    else:
        axes.set_axis_off()


def reread(data, settings: Settings, card: Mapping, progress):
    """Reads other sentences, all to be scored."""
    rows = read_tagged_rows(data, settings, progress)
    check_kind(rows, bool(card["facts"]["entities"]), "the bundle")
    return rows


def same(answers, old, new):
    """Leaves answers as they are: tags have names."""
    return answers


RECIPE = Recipe(
    name="ner",
    settings=Settings,
    inputs=("text",),
    target="tags",
    sample="entities.conll",
    read=read,
    prepare=prepare_tagged,
    build=build,
    objective=objective,
    calibrate=calibrate,
    begin=begin,
    serve=serve,
    edge=edge,
    judge=judge,
    baselines=score_tag_baselines,
    pictures={"confusion": draw_types},
    grow=grow_tagged,
    structure=STRUCTURE,
    groups=tagger_core.GROUPS,
    align=same,
    example=example,
    truth=truth_of,
    details=details,
    report=report,
    reread=reread,
    select=score_on_valid,
)
