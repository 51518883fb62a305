"""Settings of music: where tunes come from, what is read of them, the core, and what is composed."""

import dataclasses

from rnnkit.messages import listed
from rnnkit.settings import Settings, SourceSettings, setting

NOT_FOR_TUNES = ("columns", "header", "quoting")
"""Settings of tables."""
FILE, HEADER, NONE = "file", "header", "none"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MusicSourceSettings(SourceSettings):
    """Tune books, MIDI and MusicXML files, and how they are read."""

    data: str = setting("sample", "A tune book (.abc), .mid, .musicxml, .mxl, a folder of such, or 'sample'.")
    valid: str = setting("", "Validation tunes, a file or folder; empty: cut from the data.")
    test: str = setting("", "Test tunes, a file or folder; empty: cut from the data.")
    repeats: str = setting(
        "written", "Repeated parts of a tune book stand once, or are played.", choices=("written", "played")
    )
    chords: bool = setting(True, "Read the chords above a tune.")
    style: str = setting(
        HEADER, "What a tune's style is: its R: or S: line; the name of its file; none.", choices=(HEADER, FILE, NONE)
    )
    skip_bad_rows: bool = setting(False, "Leave out tunes that can't be read, and say which.")

    def __post_init__(self):
        super().__post_init__()
        usual = {field.name: field.default for field in dataclasses.fields(SourceSettings)}
        given = [f"--{name}" for name in NOT_FOR_TUNES if getattr(self, name) != usual[name]]
        if given:
            raise ValueError(f"Tunes have no columns. Got {listed(given)}. Leave it out.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EventSettings(Settings):
    """The events, the core and its training."""

    moved: bool = setting(
        True, "Move all tunes to C, or to A where the mode is like minor; what is written moves back."
    )
    least_count: int = setting(1, "Fewest occurrences of an event that is known.", at_least=1)
    window: int = setting(64, "Events over which the gradient goes back; the state goes on.", at_least=1)
    random_windows: bool = setting(False, "Draw the length of each window around `window` (Merity et al. 2017).")
    embedding_units: int = setting(64, "Size of an event's vector.", at_least=1)
    attention_units: int = setting(64, "Size of queries, keys and values that look back.", at_least=1)
    bars_back: int = setting(8, "Bars that are looked back at; 0: none.", at_least=0, at_most=64)
    events_back: int = setting(192, "Events that are remembered to look back at.", at_least=8, at_most=2_000)
    vector_dropout: float = setting(0.0, "Share of events whose vectors are 0 for a batch.", at_least=0.0, below=1.0)
    input_dropout: float = setting(0.0, "Share of the vectors' features dropped.", at_least=0.0, below=1.0)
    output_dropout: float = setting(0.2, "Share dropped before the softmax.", at_least=0.0, below=1.0)

    def __post_init__(self):
        super().__post_init__()
        if getattr(self, "bidirectional", False):
            raise ValueError("A model of tunes reads forwards alone. Got bidirectional true. Leave it out.")
        if (weights := getattr(self, "class_weights", "none")) != "none":
            raise ValueError(f"class_weights are of classes. Got {weights!r}. Leave it out.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComposingSettings(Settings):
    """What is composed, where a caller doesn't say."""

    bars: int = setting(16, "Bars of a tune, a primer's among them, an upbeat not.", at_least=1, at_most=1_000)
    temperature: float = setting(0.9, "Chances are sharper below 1; 0: always the most probable.", at_least=0.0)
    top_p: float = setting(0.98, "Only the events that make up this share of the chances.", above=0.0, at_most=1.0)
    right_bars: bool = setting(True, "Bars are as long as the metre says.")
    in_key: bool = setting(False, "Only notes of the scale.")
    on_tonic: bool = setting(True, "The last note is the tonic; with right_bars alone.")
    ngram_order: int = setting(
        4, "Longest n-grams of the baseline: one more than its order as a chain.", at_least=2, at_most=12
    )


STRUCTURE = ("moved", "chords", "style", "embedding_units", "attention_units", "bars_back", "events_back")
"""Those that a model trained further can't change."""
