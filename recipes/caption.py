"""Captions for pictures: pixels -> convolutional grid -> attention decoder -> beam search -> text; or one label.

Reads   pictures in a folder or .zip with a captions file (table, Flickr8k, COCO, Karpathy), or tfds: image, caption
Serves  image (batch,) JPEG or PNG -> caption (batch,), score (batch,), readable (batch,); nbest, attention, sample,
        encode and step; with --answer label: label, probability (batch, classes)
Sample  scenes.csv; row-digits: digits.csv
Scores  800 pictures of Flickr8k, from scratch: CIDEr-D 0.135, BLEU-4 9.0 (nearest picture 0.064 and 2.8, one caption
        for all 0.169 and 6.3); sample: 95.6 % exact; row-digits: accuracy 98.3 % (nearest neighbour 98.9)

A small residual network, or one of `keras.applications`, sees a grid of places; for each piece of the caption the
decoder looks at those that matter. Xu et al. (2015), https://arxiv.org/abs/1502.03044; with `--look vector` at the
whole, as Vinyals et al. (2015), https://arxiv.org/abs/1411.4555. Each picture is read once for all of its captions.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.captioning import core as caption_core
from rnnkit.captioning.batches import picture_batches
from rnnkit.captioning.captioner import IMAGE, captioner_of, classifier_of
from rnnkit.captioning.frozen import behind_frozen, see_once
from rnnkit.captioning.kept import example_pictures, kept_pictures
from rnnkit.captioning.looking import details_of, draw_report
from rnnkit.captioning.preparing import grow_captions, prepare_captions
from rnnkit.captioning.scoring import judge_captions, score_baselines, score_on_valid
from rnnkit.captioning.settings import LABEL, CaptionSettings, PictureSettings, check
from rnnkit.captioning.settings import STRUCTURE as CAPTION_STRUCTURE
from rnnkit.export.edge import Edge
from rnnkit.export.edge_image_to_text import image_to_label_edge, image_to_text_edge
from rnnkit.images.reading import read_caption_rows, read_captions
from rnnkit.images.settings import ImageSourceSettings
from rnnkit.metrics.alignment import align_labels
from rnnkit.recipe import Preparation, Recipe, Reported
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits
from rnnkit.training.objectives import Objective, classification
from rnnkit.training.writing_objective import writing

PRESETS = ("row-digits",)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    ImageSourceSettings, PictureSettings, CaptionSettings, RecurrentSettings, TrainingSettings, TransferSettings
):
    """What can be varied; settings of the source, the pictures, the captions, training and transfer."""

    preset: str = setting("", "Settings under a name: row-digits.", choices=("", *PRESETS))
    units: int = setting(128, "State size of the decoder, and of each direction of an encoder by rows.", at_least=1)
    epochs: int = setting(36, "Most passes over the train pictures.", at_least=1)
    learning_rate: float = setting(4e-3, "Highest step size.", above=0.0)
    dropout: float = setting(0.1, "Share dropped between layers.", at_least=0.0, below=1.0)
    patience: int = setting(10, "Epochs without a better score on valid before stopping.", at_least=1)

    def __post_init__(self):
        super().__post_init__()
        check(self)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads and splits pictures and their captions."""
    return read_captions(data, valid, test, settings, progress)


def reread(data, settings: Settings, card: Mapping, progress):
    """Reads other pictures, all to be scored."""
    return read_caption_rows(data, settings, progress)


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Pixels, which picture each row is of, and target ids -> logits; or pixels -> logits of the classes."""
    return caption_core.build_captioner(facts, settings)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """Cross-entropy of each piece, or over the classes."""
    if settings.answer == LABEL:
        return classification(facts["classes"], label_smoothing=settings.label_smoothing)
    return writing(label_smoothing=settings.label_smoothing)


def calibrate(core: keras.Model, valid, train) -> tuple[str, ...]:
    """Leaves the core as it was trained."""
    return ()


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
    """Encoded pictures -> captions and scores; the n best, attention, samples and single steps; or labels."""
    if settings.answer == LABEL:
        return classifier_of(preparation, core).signatures()
    captioner = captioner_of(preparation, core, settings)
    width = tf.TensorSpec([], tf.int32, name="beam_width")
    return {**captioner.signatures(), "caption": Signature(captioner.write, (IMAGE, width))}


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """An encoder and a step for one picture, and the search around them; or one label."""
    if settings.answer == LABEL:
        return image_to_label_edge(classifier_of(preparation, core))
    return image_to_text_edge(captioner_of(preparation, core, settings))


def details(told: Reported) -> dict:
    """Adds to the card what pictures are decoded to, examples, and the loss of each piece."""
    return details_of(told)


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ test pictures with their answers, and where was looked."""
    draw_report(told, folder)


RECIPE = Recipe(
    name="caption",
    settings=Settings,
    inputs=("image",),
    target="caption",
    sample={"": "scenes.csv", "row-digits": "digits.csv"},
    read=read,
    prepare=prepare_captions,
    build=build,
    objective=objective,
    begin=see_once,
    trained=behind_frozen,
    calibrate=calibrate,
    serve=serve,
    judge=judge_captions,
    baselines=score_baselines,
    edge=edge,
    grow=grow_captions,
    structure=CAPTION_STRUCTURE,
    groups=caption_core.GROUPS,
    batches=picture_batches,
    select=score_on_valid,
    kept=kept_pictures,
    example=example_pictures,
    details=details,
    report=report,
    reread=reread,
    align=align_labels,
    inherited=lambda card: {"images": ""},
    shown=("cider_d", "bleu_4", "bleu_1", "chrf", "exact_match", "distinct", "accuracy", "macro_f1", "log_loss"),
    presets={name: pathlib.Path(__file__).with_name(f"caption_{name}.yaml").read_text("utf-8") for name in PRESETS},
)
