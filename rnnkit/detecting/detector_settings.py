"""Settings of detectors: what errors are of, how strange an error is, and from where on a row is an alarm."""

import dataclasses

from rnnkit.layers.detection.distance import DISTANCES
from rnnkit.settings import Settings, setting

PREDICTION, RECONSTRUCTION, BOTH = "prediction", "reconstruction", "both"
STANDARDISED, PLAIN = "standardised", "plain"
STRANGENESS = ("likelihood", "rank", "relative", "tail", "dynamic")
NOT_FOR_DETECTORS = {"bidirectional": False, "label_smoothing": 0.0, "class_weights": "none", "token_budget": 0}
"""Settings of the stack and of training that detectors have no use for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectorSettings(Settings):
    """How strange rows are found."""

    detector: str = setting(
        PREDICTION,
        "What errs: a prediction of each row from those before; the reconstruction of the last rows out of a narrow "
        "code; or both.",
        choices=(PREDICTION, RECONSTRUCTION, BOTH),
    )
    window: int = setting(
        64, "Rows that are rebuilt, and over which gradients reach back; 0: a whole example.", at_least=0
    )
    code: int = setting(0, "Size of the code that a window is rebuilt out of; 0: a quarter of units.", at_least=0)
    ahead: int = setting(1, "Rows foretold at each; a row's error is the mean of all its predictions'.", at_least=1)
    error: str = setting(
        STANDARDISED,
        "A prediction's error: standardised, in the spread that was foretold for it; plain, in that of train.",
        choices=(STANDARDISED, PLAIN),
    )
    head: str = setting("student_t", "Distribution of a row about its prediction.", choices=("gaussian", "student_t"))
    calendar: bool = setting(True, "Read hour and weekday from the stamps, where train is long enough to learn them.")
    season: int = setting(0, "Rows of a season, to compare with the usual of that time; 1: none; 0: a day.", at_least=0)
    output_dropout: float = setting(0.0, "Share dropped before the prediction.", at_least=0.0, below=1.0)
    distance: str = setting(
        "mahalanobis",
        "How the errors of several sensors become one; the first heeds which err together.",
        choices=DISTANCES,
    )
    strangeness: str = setting(
        "likelihood",
        "likelihood: of the last few errors beside a long past; rank: among the last errors; relative: to train's "
        "spread; tail: of train's largest errors; dynamic: to a threshold found anew at each row.",
        choices=STRANGENESS,
    )
    smoothing: int = setting(1, "Rows over which errors are smoothed first; 1: none.", at_least=1)
    short: int = setting(2, "Last errors whose mean is judged, for likelihood.", at_least=1)
    long: int = setting(2_000, "Rows in which the past fades, for likelihood.", at_least=2)
    history: int = setting(1_000, "Last errors looked at, for rank and dynamic.", at_least=10, at_most=100_000)
    tail_share: float = setting(0.02, "Share of train's errors that the tail is fitted to.", above=0.0, below=0.5)
    quiet: int = setting(0, "Rows after one in which only a stranger one is an alarm; 0: none.", at_least=0)
    threshold: str = setting(
        "auto", "From where on a row is an alarm: a number; labels: best event F1 on valid; rate; auto: labels if any."
    )
    alarm_rate: float = setting(
        0.001, "Share of the validation rows that may alarm, where no labels choose.", above=0.0, below=0.5
    )

    def __post_init__(self):
        super().__post_init__()
        for name, usual in NOT_FOR_DETECTORS.items():
            if getattr(self, name, usual) != usual:
                raise ValueError(f"{name} does nothing for a detector. Got {getattr(self, name)!r}. Leave it out.")
        if self.threshold not in ("auto", "labels", "rate"):
            fixed_threshold(self.threshold)


def fixed_threshold(text: str) -> float:
    """Reads a threshold.

    Raises:
        ValueError: It is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0 <= number < float("inf"):
        raise ValueError(f"threshold must be auto, labels, rate, or a number from 0. Got {text!r}.")
    return number
