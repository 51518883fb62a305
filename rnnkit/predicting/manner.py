"""Manner: how a text is written on -> checked once; what isn't said is as the bundle was trained."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnkit.language.settings import stops_of
from rnnkit.settings import Settings, from_mapping, setting

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

TRAINED = {"length": "written"}
"""Those that have another name among the settings of a run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manner(Settings):
    """How a text is written on."""

    length: int = setting(200, "Most tokens written after the text.", at_least=1)
    temperature: float = setting(1.0, "Chances are sharper below 1; 0: always the most probable.", at_least=0.0)
    top_k: int = setting(0, "Only so many of the most probable tokens are drawn; 0: all.", at_least=0)
    top_p: float = setting(1.0, "Only the tokens that make up this share of the chances.", above=0.0, at_most=1.0)
    seed: int = setting(0, "The same seed draws the same after the same text.", at_least=0, below=2**31)
    repetition_penalty: float = setting(
        1.0, "What log probabilities of written tokens are multiplied by; 1: nothing.", at_least=1.0, at_most=100.0
    )
    blocked_ngram: int = setting(0, "No run of so many tokens is written twice; 0: any may be.", at_least=0)
    prompt: int = setting(10**9, "Most tokens of the text that are read, the last ones.", at_least=1)
    stop: tuple = setting((), "Texts that end what is written.")


def manner_of(bundle: "Bundle", given: Mapping[str, object]) -> Manner:
    """Returns how a bundle writes on.

    Args:
        bundle: Its card has the settings of the run.
        given: Settings of `Manner`; those that are None are as the bundle was trained.

    Raises:
        LookupError: There is no such setting.
        ValueError: A value is of the wrong type or out of range.
    """
    trained = bundle.card["settings"]
    values = {}
    for field in dataclasses.fields(Manner):
        name = TRAINED.get(field.name, field.name)
        if name in trained:
            values[field.name] = trained[name]
    if "stop" in values:
        values["stop"] = stops_of(values["stop"])
    values |= {name: value for name, value in given.items() if value is not None}
    stops = values.get("stop", ())
    stops = (stops,) if isinstance(stops, str) else tuple(stops)
    if other := [stop for stop in stops if not isinstance(stop, str)]:
        raise ValueError(f"stop must be a text, or several. Got {other[0]!r}.")
    return from_mapping(Manner, {**values, "stop": tuple(filter(None, stops))})
