"""Anomaly detection: sensors over time -> how strange each row is, row by row in a stream, and which rows are alarms.

Reads   table over time, wide or long: a time column, sensors; labels as a column or as windows in a JSON; or an example
        a line
Serves  time (batch, rows) ISO texts, values (batch, rows, sensors) -> score, alarm, flag, expected, errors; step: one
        row and the state in, its answer and the new state out
Sample  sensors.csv
Scores  Numenta's benchmark 56.4, windowed Gaussian 39.7; ECG200 ROC-AUC 0.90, principal components 0.86

A recurrence says what a row will be from those before, beside the last values and the usual ones of that time of day
(Malhotra et al. 2015, https://www.esann.org/sites/default/files/proceedings/legacy/es2015-56.pdf), or rebuilds the last
rows out of a narrow code (Malhotra et al. 2016, https://arxiv.org/abs/1607.00148), or both. The sensors' errors become
one distance, and that a score: by its likelihood beside a long past (Lavin & Ahmad 2015,
https://arxiv.org/abs/1510.03336), its rank, its tail, or a threshold found anew at each row (Hundman et al. 2018,
https://arxiv.org/abs/1802.04431). All of it is in the graph, with a state of constant size.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import keras

from rnnkit.answers import Signature
from rnnkit.detecting import core as detector_core
from rnnkit.detecting.answering import answer_part
from rnnkit.detecting.batches import detection_batches
from rnnkit.detecting.comparing import known_scores, score_detection_baselines
from rnnkit.detecting.detector import Detector
from rnnkit.detecting.detector_settings import DetectorSettings
from rnnkit.detecting.fitting import fit_watch
from rnnkit.detecting.looking import details_of, draw_reports
from rnnkit.detecting.predicting import predict_detection
from rnnkit.detecting.preparing import grow_readings, prepare_readings
from rnnkit.detecting.reading import read_detection, read_part
from rnnkit.detecting.rows import example_pieces, flat, kept_pieces, truth_of_pieces
from rnnkit.detecting.settings import DetectionSourceSettings
from rnnkit.detecting.truth import DetectionTruth
from rnnkit.detecting.watching import watching
from rnnkit.export.edge import Edge
from rnnkit.export.edge_detection import detection_edge
from rnnkit.recipe import Preparation, Recipe, Reported
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting
from rnnkit.sources import Splits
from rnnkit.training.objectives import Objective, given_losses

PRESETS = ("ecg",)
SHOWN = ("event_f1", "event_precision", "event_recall", "roc_auc", "alarms_per_day", "detection_delay")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(DetectionSourceSettings, RecurrentSettings, DetectorSettings, TrainingSettings, TransferSettings):
    """What can be varied; settings of the source, the core, what is strange, training and transfer."""

    preset: str = setting("", f"Settings under a name: {', '.join(PRESETS)}.", choices=("", *PRESETS))
    bidirectional: bool = setting(False, "Not here: a stream is read forwards alone.")
    units: int = setting(32, "State size.", at_least=2)
    dropout: float = setting(0.0, "Share dropped between layers.", at_least=0.0, below=1.0)
    epochs: int = setting(40, "Most passes over the training rows.", at_least=1)
    batch_size: int = setting(16, "Pieces of the series that are read side by side.", at_least=1)
    patience: int = setting(10, "Epochs without a better validation loss before stopping.", at_least=1)


STRUCTURE = (
    *("sensors", "detector", "window", "code", "ahead", "calendar", "season", "distance", "history"),
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
)


def read(data, valid, test, settings: Settings, progress) -> Splits:
    """Reads the series and cuts them by time, or draws examples."""
    return read_detection(data, valid, test, settings, progress)


def reread(data, settings: Settings, card: Mapping, progress):
    """Reads other data as a bundle's own, all rows to be scored."""
    return read_part(data, settings, card["readings"], progress)


def build(facts: Mapping[str, int], settings: Settings) -> keras.Model:
    """Rows and states -> what each row is expected to be, and states; windows -> windows rebuilt."""
    return detector_core.build_detector(facts, settings)


def objective(facts: Mapping[str, int], settings: Settings) -> Objective:
    """How unlikely each row is, which the model that is trained gives itself."""
    return given_losses()


def calibrate(core: keras.Model, valid, train) -> tuple[str, ...]:
    """Fits what is usual on train, and the threshold on valid."""
    return fit_watch(core, valid, train)


def serve(preparation: Preparation, core: keras.Model, settings: Settings) -> dict[str, Signature]:
    """Raw stamps and values -> how strange each row is; `step` with its state."""
    return Detector(preparation, core, settings).signatures()


def answer(preparation, core, rows, settings, advance) -> dict:
    """Answers a split as the stream of its series would."""
    return answer_part(Detector(preparation, core, settings), rows, advance)


def judge(answers, truth: DetectionTruth, labels, settings: Settings) -> dict[str, float]:
    """Scores alarms against the true windows."""
    answers = flat(answers, truth)
    return known_scores(answers["score"], answers["flag"], truth)


def edge(preparation: Preparation, core: keras.Model, settings: Settings) -> Edge:
    """One row and the state on a device."""
    return detection_edge(Detector(preparation, core, settings))


def details(told: Reported) -> dict:
    """Adds to the card how the series are read, the threshold, and how many windows of each kind are found."""
    return details_of(told)


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws into report/ the series with what was found, and how scores are spread."""
    draw_reports(told, card, folder)


RECIPE = Recipe(
    name="anomaly",
    settings=Settings,
    inputs=("time", "values"),
    target="label",
    sample="sensors.csv",
    read=read,
    prepare=prepare_readings,
    build=build,
    objective=objective,
    calibrate=calibrate,
    serve=serve,
    judge=judge,
    baselines=score_detection_baselines,
    edge=edge,
    grow=grow_readings,
    structure=STRUCTURE,
    groups=detector_core.GROUPS,
    batches=detection_batches,
    trained=watching,
    answer=answer,
    shown=SHOWN,
    example=example_pieces,
    kept=kept_pieces,
    truth=truth_of_pieces,
    details=details,
    report=report,
    reread=reread,
    predict=predict_detection,
    presets={name: pathlib.Path(__file__).with_name(f"anomaly_{name}.yaml").read_text("utf-8") for name in PRESETS},
)
