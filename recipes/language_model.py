"""Language model: what comes next in a text -> texts that go on, what a text costs, and an encoder for other recipes.

Reads   text file or folder (also .gz), table, tfds, 'python' (the standard library's sources on this machine): text
Serves  text (batch,) -> generated (batch,), log_probability (batch,); generate, search, score, step, encode, join
Sample  stories.txt
Scores  Penn Treebank perplexity 82.8 (Kneser-Ney 141.2), Shakespeare 1.500 nats a character (7-grams 1.561)

The text is read as one stream from which the state is carried on, window by window; validation and test are scored the
same way, beside unigrams and Kneser-Ney n-grams of the same tokens. Mikolov et al. (2010),
https://www.isca-archive.org/interspeech_2010/mikolov10_interspeech.html; Zaremba, Sutskever & Vinyals (2014),
https://arxiv.org/abs/1409.2329; Merity, Keskar & Socher (2017), https://arxiv.org/abs/1708.02182.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import keras

from rnnkit.answers import Signature
from rnnkit.documents.reading import read_documents, read_passages
from rnnkit.documents.settings import DocumentSettings
from rnnkit.export.edge import Edge
from rnnkit.export.edge_language import language_edge, parity_signature
from rnnkit.export.forms import PARITY
from rnnkit.language import core as language_core
from rnnkit.language import settings as language_settings
from rnnkit.language.baselines import score_language_baselines
from rnnkit.language.batches import stream_batches
from rnnkit.language.carrying import carrying
from rnnkit.language.generator import generator_of
from rnnkit.language.looking import details_of, draw_reports
from rnnkit.language.preparing import grow_texts, prepare_texts
from rnnkit.language.rows import kept_passages, prompts, truth_of
from rnnkit.language.scoring import answer_passages, judge_passages
from rnnkit.recipe import Preparation, Recipe, Reported
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits
from rnnkit.training.objectives import Objective, given_losses

PRESETS = ("zaremba-small", "zaremba-medium", "awd", "char")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    DocumentSettings,
    language_settings.TokenSettings,
    RecurrentSettings,
    language_settings.LanguageSettings,
    language_settings.GeneratingSettings,
    language_settings.ComparingSettings,
    TrainingSettings,
    TransferSettings,
):
    """What can be varied; settings of the source, the tokens, the core, what is written, training and transfer."""

    preset: str = setting("", f"Settings under a name: {', '.join(PRESETS)}.", choices=("", *PRESETS))
    bidirectional: bool = setting(False, "Not here: a language model reads forwards alone.")
    units: int = setting(256, "State size.", at_least=1)
    dropout: float = setting(0.1, "Share dropped between layers.", at_least=0.0, below=1.0)
    epochs: int = setting(4, "Most passes over the training text.", at_least=1)
    batch_size: int = setting(32, "Columns of the text that are read side by side.", at_least=1)

    def __post_init__(self):
        super().__post_init__()
        language_core.check_language_model(self)


STRUCTURE = (
    *language_settings.STRUCTURE,
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads and splits the text."""
    return read_documents(data, valid, test, settings, progress)


def reread(data, settings: Settings, card: Mapping, progress):
    """Reads another text, all to be scored."""
    return read_passages(data, settings, progress)


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Ids `(batch, time)` and states -> logits `(batch, time, vocabulary)` and states."""
    return language_core.build_language_model(facts, settings)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """Cross-entropy of each token, which the model that is trained gives itself."""
    return given_losses()


def calibrate(core: keras.Model, valid, train) -> tuple[str, ...]:
    """Leaves the core as it was trained."""
    return ()


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
    """Raw text -> what follows it; what it costs; single steps."""
    generator = generator_of(preparation, core, settings)
    return {**generator.signatures(), PARITY: parity_signature(generator)}


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """Single steps on a device, and the writing around them."""
    return language_edge(generator_of(preparation, core, settings))


def details(told: Reported) -> dict:
    """Adds to the card texts drawn by seed, how varied they are, unknown tokens, and scores beside a neural cache."""
    return details_of(told)


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ single units, and what each token cost, over the beginning of the test text."""
    draw_reports(told, folder)


RECIPE = Recipe(
    name="language_model",
    settings=Settings,
    inputs=("text",),
    target="text",
    sample="stories.txt",
    read=read,
    prepare=prepare_texts,
    build=build,
    objective=objective,
    calibrate=calibrate,
    serve=serve,
    judge=judge_passages,
    baselines=score_language_baselines,
    edge=edge,
    grow=grow_texts,
    structure=STRUCTURE,
    groups=language_core.GROUPS,
    batches=stream_batches,
    trained=carrying,
    answer=answer_passages,
    higher_is_better=False,
    example=prompts,
    kept=kept_passages,
    truth=truth_of,
    details=details,
    report=report,
    reread=reread,
    presets={
        name: pathlib.Path(__file__).with_name(f"language_model_{name.replace('-', '_')}.yaml").read_text("utf-8")
        for name in PRESETS
    },
)
