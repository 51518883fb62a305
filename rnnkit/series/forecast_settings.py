"""Settings of forecasting: the decoder, what it learns, how windows are normalised, and how forecasts are scored."""

import dataclasses

from rnnkit.layers import forecasting as layers
from rnnkit.series.settings import SeriesSettings
from rnnkit.settings import RecurrentSettings, TrainingSettings, TransferSettings, setting

NOT_FOR_FORECASTS = {"label_smoothing": 0.0, "class_weights": "none", "token_budget": 0}
"""Settings of training that windows of one length without classes have no use for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForecastSettings(SeriesSettings, RecurrentSettings, TrainingSettings, TransferSettings):
    """What can be varied; settings of the series, the stack, the training and the transfer come with it."""

    preset: str = setting("", "Settings shipped under a name; flags win.")
    cell: str = setting(
        "gru",
        "Recurrent cell; mingru, minlstm and lru read all steps at once.",
        choices=("lstm", "gru", "simple", "mingru", "minlstm", "lru"),
    )
    units: int = setting(128, "State size, of each direction.", at_least=2)
    bidirectional: bool = setting(False, "Read the window in both directions (direct and recursive).")
    dropout: float = setting(0.2, "Share dropped between layers and before the forecast.", at_least=0.0, below=1.0)
    learning_rate: float = setting(1e-3, "Highest step size.", above=0.0)
    decoder: str = setting(
        "segments",
        "segments: pieces of the window, then all pieces of the horizon at once; direct: all steps at once; "
        "recursive: step after step.",
        choices=("segments", "direct", "recursive"),
    )
    segment: int = setting(24, "Steps in a segment.", at_least=1)
    attention: str = setting(
        "none",
        "Attention of the recursive decoder over the window.",
        choices=("none", "additive", "multiplicative"),
    )
    pooling: str = setting(
        "last", "How the window's steps become one vector (direct): last, mean, max, attention, '+'."
    )
    head: str = setting(
        "point",
        "What is learnt: a number, quantiles, or the parameters of a distribution; quantiles are served by all.",
        choices=layers.HEADS,
    )
    loss: str = setting("mae", "What a point forecast minimises.", choices=("mae", "mse", "huber"))
    levels: str = setting("0.025,0.1,0.5,0.9,0.975", "Levels of the quantiles, rising, with commas.")
    normalization: str = setting(
        "last", "What a window is measured from, in the graph.", choices=tuple(layers.NORMALIZATIONS)
    )
    recent: int = setting(24, "Last steps whose mean windows are measured from, for normalization recent.", at_least=1)
    linear: str = setting(
        "beside",
        "A linear forecast: none; beside, blended in after training; residual, whose errors are learnt.",
        choices=layers.LINEAR,
    )
    calendar: bool = setting(True, "Read hour, weekday and day of the year from the stamps.")
    holidays: str = setting("", "File of holidays, a date a line; empty: none.")
    input_noise: float = setting(0.0, "Standard deviation of noise on the window while training.", at_least=0.0)
    smoothing: float = setting(0.0, "Weight of the past in a smoothed window; 0: none.", at_least=0.0, below=1.0)
    teacher_forcing: float = setting(
        0.5, "Share of training steps that the recursive decoder is given the true value at.", at_least=0.0, at_most=1.0
    )
    direction: bool = setting(False, "Score the direction of change and the returns, beside the random walk.")
    backtest: int = setting(0, "Cut-offs of a walk-forward backtest over the test split; 0: none.", at_least=0)
    refit: bool = setting(False, "Train anew at each cut-off of the backtest.")

    def __post_init__(self):
        super().__post_init__()
        if self.decoder == "segments" and self.bidirectional:
            raise ValueError("decoder 'segments' reads one way. Got bidirectional. Leave it out, or take 'direct'.")
        if self.linear == "residual" and self.decoder == "recursive":
            raise ValueError("linear 'residual' does not go with decoder 'recursive'. Take 'beside' or 'none'.")
        if self.counts and self.linear == "residual":
            raise ValueError(f"linear 'residual' does not go with head {self.head!r}. Take 'beside' or 'none'.")
        if self.counts and self.transform == "log":
            raise ValueError(f"transform 'log' does not go with head {self.head!r}, which counts. Take 'none'.")
        for name, usual in NOT_FOR_FORECASTS.items():
            if getattr(self, name) != usual:
                raise ValueError(f"{name} does nothing for forecasts. Got {getattr(self, name)!r}. Leave it out.")
        if self.refit and not self.backtest:
            raise ValueError("--refit is of the backtest: give --backtest too, such as --backtest 4.")
        numbers = quantile_levels(self)
        if not numbers or numbers != sorted(set(numbers)) or not 0 < numbers[0] <= numbers[-1] < 1:
            raise ValueError(f"levels must be numbers between 0 and 1, rising, with commas. Got {self.levels!r}.")

    @property
    def counts(self) -> bool:
        """Whether the targets are counted things, which are neither moved nor scaled."""
        return self.head == "negative_binomial"


def quantile_levels(settings: ForecastSettings) -> list[float]:
    """Returns the levels as numbers; none where they are no numbers."""
    try:
        return [float(level) for level in settings.levels.split(",")]
    except ValueError:
        return []
