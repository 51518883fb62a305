"""Settings: typed, checked once; one description of a value gives its flag, range, help, YAML key and card entry."""

import dataclasses
import math
import typing

from rnnkit.messages import did_you_mean, listed
from rnnkit.sources.format import Format, parse_columns

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}

SHOWN = 20
"""Most settings that an error lists."""


def setting(default, help, *, choices=None, at_least=None, above=None, at_most=None, below=None):
    """Declares one field of a settings class.

    Args:
        default: The value where the user says nothing; its type is the field's.
        help: What the value means, as shown by `--help` and in YAML comments.
        choices: The allowed values, if they are few.
        at_least, above, at_most, below: Bounds of a number; `above` and `below` are open.
    """
    limits = {"choices": choices, "at_least": at_least, "above": above, "at_most": at_most, "below": below}
    return dataclasses.field(default=default, metadata={"help": help, **limits})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: checks types and ranges, once, when made.

    Raises:
        ValueError: A value is of the wrong type or out of range.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field, getattr(self, field.name)))

    def as_dict(self) -> dict[str, object]:
        """Returns the settings as plain values, ready for YAML or JSON."""
        return dataclasses.asdict(self)


def from_mapping(kind: type[Settings], values: typing.Mapping[str, object]) -> Settings:
    """Makes settings of `kind` from a mapping, such as one read from YAML.

    Raises:
        LookupError: A key is no setting of `kind`.
        ValueError: A value is of the wrong type or out of range.
    """
    known = [field.name for field in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            raise LookupError(unknown_setting(name, known))
    return kind(**values)


def unknown_setting(name: str, known: typing.Iterable[str]) -> str:
    """Returns the message for a setting that does not exist; names the others where they are few."""
    known = sorted(known)
    others = f"Known: {', '.join(known)}." if len(known) <= SHOWN else "`rnnkit run RECIPE --help` lists all."
    return f"There is no setting {name!r}. {did_you_mean(name, known)}{others}"


def _checked(field, value):
    if field.type is float and type(value) is int:
        value = float(value)
    if type(value) is not field.type:
        raise ValueError(f"{field.name} must be {KINDS[field.type]}. Got {value!r}.")
    if field.type is float and not math.isfinite(value):
        raise ValueError(f"{field.name} must be a finite number. Got {value!r}.")
    limits = field.metadata
    if limits["choices"] is not None and value not in limits["choices"]:
        near = did_you_mean(str(value), map(str, limits["choices"]))
        raise ValueError(f"{field.name} must be one of {listed(limits['choices'])}. Got {value!r}. {near}".rstrip())
    if limits["at_least"] is not None and not value >= limits["at_least"]:
        raise ValueError(f"{field.name} must be at least {limits['at_least']}. Got {value!r}.")
    if limits["above"] is not None and not value > limits["above"]:
        raise ValueError(f"{field.name} must be above {limits['above']}. Got {value!r}.")
    if limits["at_most"] is not None and not value <= limits["at_most"]:
        raise ValueError(f"{field.name} must be at most {limits['at_most']}. Got {value!r}.")
    if limits["below"] is not None and not value < limits["below"]:
        raise ValueError(f"{field.name} must be below {limits['below']}. Got {value!r}.")
    return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceSettings(Settings):
    """Where the rows come from and how they are read."""

    data: str = setting("sample", "File, folder, 'sample' (the embedded one) or tfds:NAME.")
    valid: str = setting("", "File or folder of validation rows; empty: cut from the data.")
    test: str = setting("", "File or folder of test rows; empty: cut from the data.")
    columns: str = setting("", "Which column is which, as text=review,label=stars; numbers for a file without header.")
    header: str = setting("auto", "Whether the first line names the columns.", choices=("auto", "yes", "no"))
    encoding: str = setting("utf-8", "Encoding of the files.")
    quoting: str = setting(
        "auto", "Quotes around cells; auto: double in .csv, none in .tsv.", choices=("auto", "double", "none")
    )
    skip_bad_rows: bool = setting(False, "Leave out rows that can't be read or lack a value, and say how many.")
    valid_share: float = setting(0.1, "Share of the rows cut for validation.", above=0.0, below=0.5)
    test_share: float = setting(0.1, "Share of the rows cut for the test.", above=0.0, below=0.5)

    def format(self) -> Format:
        """Returns how tables are written."""
        names = ("header", "encoding", "quoting", "skip_bad_rows")
        return Format(columns=parse_columns(self.columns), **{name: getattr(self, name) for name in names})


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecurrentSettings(Settings):
    """The recurrent stack."""

    cell: str = setting(
        "lstm",
        "Recurrent cell; mingru, minlstm and lru read all steps at once.",
        choices=("lstm", "gru", "simple", "mingru", "minlstm", "lru"),
    )
    units: int = setting(64, "State size, of each direction.", at_least=1)
    depth: int = setting(1, "Recurrent layers.", at_least=1)
    bidirectional: bool = setting(True, "Read in both directions.")
    residual: bool = setting(False, "Add each recurrent layer's input to its output where sizes agree.")
    layer_normalization: bool = setting(False, "Normalise the output of each recurrent layer.")
    activation: str = setting("tanh", "Activation of the cell.", choices=("tanh", "relu"))
    kernel_initializer: str = setting("glorot", "Start of the input weights.", choices=("glorot", "he", "orthogonal"))
    recurrent_initializer: str = setting(
        "orthogonal",
        "Start of the recurrent weights; identity suits relu.",
        choices=("orthogonal", "identity", "glorot"),
    )
    dropout: float = setting(0.3, "Share dropped between layers.", at_least=0.0, below=1.0)
    variational_dropout: float = setting(
        0.0, "Share of input features dropped, the same ones at every step.", at_least=0.0, below=1.0
    )
    recurrent_weight_dropout: float = setting(
        0.0, "Share of recurrent weights dropped, once per batch.", at_least=0.0, below=1.0
    )
    l1: float = setting(0.0, "L1 penalty on the kernels.", at_least=0.0)
    l2: float = setting(0.0, "L2 penalty on the kernels.", at_least=0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How the core is trained."""

    seed: int = setting(0, "Seed of the split, the weights and the order of rows.", at_least=0, below=2**31)
    epochs: int = setting(10, "Most passes over the training rows.", at_least=1)
    steps_per_epoch: int = setting(0, "Gradient steps an epoch; 0: all rows.", at_least=0)
    batch_size: int = setting(32, "Rows per gradient step.", at_least=1)
    token_budget: int = setting(
        0, "Most padded steps in a batch; longer rows come in smaller batches; 0: no limit.", at_least=0
    )
    optimizer: str = setting("adam", "Optimiser.", choices=("adam", "adamw", "sgd"))
    learning_rate: float = setting(3e-3, "Highest step size.", above=0.0)
    find_rate: bool = setting(False, "Find the learning rate before training, by a range test.")
    weight_decay: float = setting(0.01, "Weight decay of adamw.", at_least=0.0)
    momentum: float = setting(0.9, "Momentum of sgd.", at_least=0.0, below=1.0)
    schedule: str = setting(
        "cosine",
        "Step size over time: down to 0 along a cosine, halved when validation stalls, or constant.",
        choices=("cosine", "plateau", "constant"),
    )
    warmup: float = setting(0.05, "Share of all steps over which the step size rises from 0.", at_least=0.0, below=1.0)
    clip_norm: float = setting(1.0, "Largest global norm of the gradient; 0: no clipping.", at_least=0.0)
    label_smoothing: float = setting(0.0, "Share of the target spread over all classes.", at_least=0.0, below=1.0)
    class_weights: str = setting("none", "Weight of each class in the loss.", choices=("none", "balanced"))
    average: float = setting(
        0.0, "Decay of the moving average of weights that is kept; 0: none.", at_least=0.0, below=1.0
    )
    average_epochs: int = setting(
        0, "Epochs, the best ones, whose mean weights are kept if they are better on valid; 0: none.", at_least=0
    )
    patience: int = setting(3, "Epochs without a better validation loss before stopping.", at_least=1)
    precision: str = setting(
        "auto",
        "Number format; auto: bfloat16 or float16 on a GPU that has it, else float32.",
        choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"),
    )
    xla: str = setting(
        "auto",
        "Compile the recurrent loops with XLA; auto: where the training is long enough to pay for it.",
        choices=("auto", "yes", "no"),
    )
    steps_per_execution: int = setting(
        0, "Steps between returns to Python; 0: chosen by the size of the model.", at_least=0
    )
    checkpoint_minutes: float = setting(
        1.0, "Minutes between two checkpoints, from which an interrupted run goes on; 0: none by time.", at_least=0.0
    )
    checkpoint_steps: int = setting(0, "Steps between two checkpoints; 0: none by steps.", at_least=0)
    tensorboard: str = setting("", "Folder for TensorBoard logs; empty: none.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferSettings(Settings):
    """What is taken over from other models, and how it is trained further."""

    encoder_from: str = setting(
        "", "Bundle whose embedding and recurrent layers to begin from, where they fit; empty: none."
    )
    freeze: str = setting("", "Parts whose weights stay, such as embedding,encoder; empty: none.")
    unfreeze_every: float = setting(
        0.0, "Epochs after which one more layer is trained, from the last to the first; 0: all at once.", at_least=0.0
    )
    layer_decay: float = setting(
        1.0, "Step size of each layer as a share of the next one's; 1: the same for all.", above=0.0, at_most=1.0
    )
