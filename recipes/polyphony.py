"""Polyphony: pieces of several notes at once -> the next frame of the piano roll, and pieces that go on.

Reads   MIDI (.mid), MusicXML, tune books (.abc), a folder of such, or .json of frames
Serves  roll (batch, frames, pitches) -> nats (batch, frames), probability (batch, frames, pitches); step: one frame and
        the states in; generate: a roll that goes on
Sample  tunes.abc
Scores  Nottingham (ABC), 10 epochs: 2.30 nats a frame, the frame before alone 5.58

A frame says which pitches sound in a step of time. A recurrence reads frames and foretells the next one: each pitch by
itself, or each from those below it, by a NADE (Boulanger-Lewandowski, Bengio & Vincent 2012,
https://arxiv.org/abs/1206.6392), so that chords are told as wholes.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import keras

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge
from rnnkit.export.edge_polyphony import roll_edge
from rnnkit.polyphony import core as roll_core
from rnnkit.polyphony.batches import frame_batches
from rnnkit.polyphony.listening import listening
from rnnkit.polyphony.looking import draw_reports
from rnnkit.polyphony.player import player_of
from rnnkit.polyphony.preparing import grow_rolls, prepare_rolls
from rnnkit.polyphony.reading import read_part, read_rolls
from rnnkit.polyphony.rolls import example_rolls, kept_rolls, truth_of_rolls
from rnnkit.polyphony.scoring import answer_rolls, judge_rolls, score_frame_baselines
from rnnkit.polyphony.settings import STRUCTURE as ROLL_STRUCTURE
from rnnkit.polyphony.settings import RollSettings, RollSourceSettings
from rnnkit.recipe import Preparation, Recipe, Reported
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits
from rnnkit.training.objectives import Objective, given_losses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RollSourceSettings, RecurrentSettings, RollSettings, TrainingSettings, TransferSettings):
    """What can be varied; settings of the source, the core, the frames, training and transfer."""

    bidirectional: bool = setting(False, "Not here: what comes next is foretold.")
    units: int = setting(128, "State size.", at_least=1)
    dropout: float = setting(0.1, "Share dropped between layers.", at_least=0.0, below=1.0)
    epochs: int = setting(30, "Most passes over the training pieces.", at_least=1)
    batch_size: int = setting(16, "Pieces that are read side by side.", at_least=1)
    learning_rate: float = setting(0.005, "Highest step size.", above=0.0)


STRUCTURE = (
    *ROLL_STRUCTURE,
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads and splits pieces."""
    return read_rolls(data, valid, test, settings, progress)


def reread(data, settings: Settings, card: Mapping, progress):
    """Reads other pieces, all to be scored."""
    return read_part(data, settings, progress)


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Frames `(batch, time, pitches)` and states -> conditions of the next frames and states."""
    return roll_core.build_roll_model(facts, settings)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """Nats of each frame, which the model that is trained gives itself."""
    return given_losses()


def calibrate(core: keras.Model, valid, train) -> tuple[str, ...]:
    """Leaves the core as it was trained."""
    return ()


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
    """Rolls -> what they cost; single steps; rolls that go on."""
    return player_of(preparation, core, settings).signatures()


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """One frame and the states on a device."""
    return roll_edge(player_of(preparation, core, settings), preparation.facts)


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ what sounded, and what was foretold."""
    draw_reports(told, card, folder)


RECIPE = Recipe(
    name="polyphony",
    settings=Settings,
    inputs=("roll",),
    target="roll",
    sample="tunes.abc",
    read=read,
    prepare=prepare_rolls,
    build=build,
    objective=objective,
    calibrate=calibrate,
    serve=serve,
    judge=judge_rolls,
    baselines=score_frame_baselines,
    edge=edge,
    grow=grow_rolls,
    structure=STRUCTURE,
    groups=roll_core.GROUPS,
    batches=frame_batches,
    trained=listening,
    answer=answer_rolls,
    higher_is_better=False,
    example=example_rolls,
    kept=kept_rolls,
    truth=truth_of_rolls,
    report=report,
    reread=reread,
)
