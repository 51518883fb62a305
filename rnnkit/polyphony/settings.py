"""Settings of polyphony: where pieces come from, what a frame is, the core, and what is written."""

import dataclasses
from typing import ClassVar

from rnnkit.messages import listed
from rnnkit.music.frames import HIGHEST, LOWEST
from rnnkit.music.settings import NONE, NOT_FOR_TUNES
from rnnkit.settings import Settings, SourceSettings, setting

INDEPENDENT, NADE = "independent", "nade"
NOT_FOR_FRAMES = {"bidirectional": False, "label_smoothing": 0.0, "class_weights": "none", "token_budget": 0}
"""Settings of the stack and of training that have no use here."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RollSourceSettings(SourceSettings):
    """Pieces, and how they become piano rolls."""

    data: str = setting("sample", "A .mid, .musicxml, .mxl, .abc or .json file, a folder of such, or 'sample'.")
    valid: str = setting("", "Validation pieces, a file or folder; empty: cut from the data.")
    test: str = setting("", "Test pieces, a file or folder; empty: cut from the data.")
    repeats: str = setting(
        "written", "Repeated parts of a tune book stand once, or are played.", choices=("written", "played")
    )
    chords: bool = setting(True, "Sound the chords above a single line, in the octave below middle C.")
    skip_bad_rows: bool = setting(False, "Leave out pieces that can't be read, and say which.")
    frame: int = setting(12, "Ticks of a frame, 24 a quarter; of .json files as in the file.", at_least=1)
    lowest: int = setting(LOWEST, "Lowest pitch; 60 is middle C.", at_least=0, at_most=127)
    highest: int = setting(HIGHEST, "Highest pitch.", at_least=0, at_most=127)
    moved: bool = setting(True, "Move all pieces to C, or to A where the mode is like minor; not .json files.")
    # What readers of tunes ask for: a roll says nothing of it.
    style: ClassVar[str] = NONE

    def __post_init__(self):
        super().__post_init__()
        usual = {field.name: field.default for field in dataclasses.fields(SourceSettings)}
        if given := [f"--{name}" for name in NOT_FOR_TUNES if getattr(self, name) != usual[name]]:
            raise ValueError(f"Pieces have no columns. Got {listed(given)}. Leave it out.")
        if self.lowest > self.highest:
            raise ValueError(f"lowest must be at most highest, {self.highest}. Got {self.lowest}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RollSettings(Settings):
    """The core and its training, and what is written where a caller doesn't say."""

    head: str = setting(
        NADE,
        "How the pitches of a frame are told: each from those below it, or by itself.",
        choices=(INDEPENDENT, NADE),
    )
    hidden: int = setting(64, "Hidden units of a NADE.", at_least=1)
    window: int = setting(64, "Frames over which the gradient goes back; the state goes on.", at_least=1)
    output_dropout: float = setting(0.2, "Share dropped before the head.", at_least=0.0, below=1.0)

    def __post_init__(self):
        super().__post_init__()
        for name, usual in NOT_FOR_FRAMES.items():
            if getattr(self, name, usual) != usual:
                raise ValueError(f"{name} does nothing for frames. Got {getattr(self, name)!r}. Leave it out.")


STRUCTURE = ("frame", "lowest", "highest", "moved", "chords", "head", "hidden")
"""Those that a model trained further can't change."""
