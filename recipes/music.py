"""Music: tunes with their chords -> tunes that go on from an opening, or from a style, a key and a metre alone.

Reads   tune books (.abc), MIDI, MusicXML, or a folder of them
Serves  text (batch,) events -> generated (batch,), log_probability (batch,); generate, score, step, encode, join
Sample  tunes.abc
Scores  Nottingham 0.743 nats an event, a Markov chain of order 3 1.513; bars right without rules 99.2 %

A tune is written as events: bars, chords, notes and how long they last, moved to C or A. A recurrence reads them beside
the place in the bar and the chord, and looks back at what followed at like places of the bars before (Waite 2016,
https://magenta.tensorflow.org/2016/07/15/lookback-rnn-attention-rnn). What is composed keeps to rules that are asked
for, in the graph: bars as long as the metre says, notes of the key, the tonic at the end.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import keras

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge
from rnnkit.export.edge_music import music_edge, parity_signature
from rnnkit.export.forms import PARITY
from rnnkit.language.batches import stream_batches
from rnnkit.language.carrying import carrying
from rnnkit.language.scoring import answer_passages
from rnnkit.music import core as music_core
from rnnkit.music.composer import composer_of
from rnnkit.music.looking import details_of, draw_reports
from rnnkit.music.preparing import grow_events, prepare_events
from rnnkit.music.reading import read_part, read_tunes
from rnnkit.music.rows import kept_tunes, primers
from rnnkit.music.scoring import judge_tunes, score_music_baselines
from rnnkit.music.settings import STRUCTURE as MUSIC_STRUCTURE
from rnnkit.music.settings import ComposingSettings, EventSettings, MusicSourceSettings
from rnnkit.recipe import Preparation, Recipe, Reported
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits
from rnnkit.training.objectives import Objective, given_losses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    MusicSourceSettings, RecurrentSettings, EventSettings, ComposingSettings, TrainingSettings, TransferSettings
):
    """What can be varied; settings of the source, the events, the core, what is composed, training and transfer."""

    bidirectional: bool = setting(False, "Not here: what comes next is foretold.")
    units: int = setting(128, "State size.", at_least=1)
    dropout: float = setting(0.1, "Share dropped between layers.", at_least=0.0, below=1.0)
    epochs: int = setting(12, "Most passes over the training tunes.", at_least=1)
    batch_size: int = setting(8, "Columns of tunes that are read side by side.", at_least=1)
    learning_rate: float = setting(0.006, "Highest step size.", above=0.0)


STRUCTURE = (
    *MUSIC_STRUCTURE,
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads and splits tunes."""
    return read_tunes(data, valid, test, settings, progress)


def reread(data, settings: Settings, card: Mapping, progress):
    """Reads other tunes, all to be scored."""
    return read_part(data, settings, progress)


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Ids `(batch, time)` and states -> logits `(batch, time, vocabulary)` and states."""
    return music_core.build_event_model(facts, settings)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """Cross-entropy of each event, which the model that is trained gives itself."""
    return given_losses()


def calibrate(core: keras.Model, valid, train) -> tuple[str, ...]:
    """Leaves the core as it was trained."""
    return ()


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
    """Primers -> tunes; what tunes cost; single steps."""
    composer = composer_of(preparation, core, settings)
    return {**composer.signatures(), PARITY: parity_signature(composer)}


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """Single steps on a device, and the composing around them."""
    return music_edge(composer_of(preparation, core, settings))


def details(told: Reported) -> dict:
    """Adds to the card tunes that are composed, what they are like beside those of test, and what of them is copied."""
    return details_of(told)


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ piano rolls of tunes that are composed."""
    draw_reports(told, card, folder)


RECIPE = Recipe(
    name="music",
    settings=Settings,
    inputs=("text",),
    target="text",
    sample="tunes.abc",
    read=read,
    prepare=prepare_events,
    build=build,
    objective=objective,
    calibrate=calibrate,
    serve=serve,
    judge=judge_tunes,
    baselines=score_music_baselines,
    edge=edge,
    grow=grow_events,
    structure=STRUCTURE,
    groups=music_core.GROUPS,
    batches=stream_batches,
    trained=carrying,
    answer=answer_passages,
    higher_is_better=False,
    shown=("event_loss", "perplexity", "tune_loss"),
    example=primers,
    kept=kept_tunes,
    truth=len,
    details=details,
    report=report,
    reread=reread,
)
