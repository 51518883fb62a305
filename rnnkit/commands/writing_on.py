"""Writing on, of predict: --stream and flags on how to write -> texts as they are drawn, or the usual answers."""

import dataclasses
import signal
import sys

from rich.console import Console

from rnnkit.bundle import Bundle
from rnnkit.commands.parsing import Parser
from rnnkit.interrupts import Interrupted
from rnnkit.language.settings import spelled_out
from rnnkit.predicting.manner import Manner, manner_of
from rnnkit.predicting.writing_on import GENERATE, WritingOn, write_on
from rnnkit.progress import Reporter

FLAGS = ("length", "temperature", "top_k", "top_p", "seed", "stop", "repetition_penalty")
SINGLE = ("stop", "repetition_penalty")
"""Those that `generate` doesn't take, so that they are for values alone."""
DEFAULT = "serving_default"


def add_flags(parser: Parser) -> None:
    """Adds --stream, and how to write: None where nothing is said."""
    group = parser.add_argument_group("language models")
    group.add_argument("--stream", action="store_true", help="Write what follows the values as it is drawn.")
    for field in dataclasses.fields(Manner):
        if field.name not in FLAGS:
            continue
        how = {"type": field.type, "metavar": "N" if field.type is int else "X"}
        help = f"{field.metadata['help']} Default: as in training."
        if field.name == "stop":
            how = {"type": str, "action": "append", "metavar": "TEXT"}
            help = "Text that ends what is written; may be given several times. '' for none. Default: as in training."
        group.add_argument(_flag(field.name), default=None, help=help, **how)


def check(values: dict) -> None:
    """Refuses what can't go together, before the bundle is read.

    Raises:
        ValueError: As the message says.
    """
    flags = [_flag(name) for name in FLAGS if values[name] is not None]
    manner_of_flags(values)
    if values["stream"]:
        flags = ["--stream"]
        if values["input"] or values["output"] != "-" or values["json"]:
            other = next(name for name in ("input", "output", "json") if values[name] not in ("", "-", False))
            raise ValueError(
                f"--stream writes values on to standard output, as text. Got --{other} too. Leave one of them out."
            )
    if not flags:
        return
    if values["signature"] != DEFAULT:
        raise ValueError(
            f"{flags[0]} says how a text is written on. Got --signature {values['signature']} too. "
            "Leave one of them out."
        )
    if values["input"] and (single := [_flag(name) for name in SINGLE if values[name] is not None]):
        raise ValueError(f"{single[0]} is for values, such as 'Once'. Got --input. Leave one of them out.")
    if values["resume"]:
        raise ValueError(f"--resume goes on with answers as trained. Got {flags[0]} too. Leave one of them out.")


def manner_of_flags(values: dict) -> dict:
    """Returns what the flags say of `Manner`.

    Raises:
        ValueError: A value is out of range.
    """
    given = {name: values[name] for name in FLAGS if values[name] is not None}
    if "stop" in given:
        given["stop"] = tuple(spelled_out(stop) for stop in given["stop"] if stop)
    Manner(**given)
    return given


def stream(bundle: Bundle, values: dict) -> None:
    """Writes what follows each value, and a line end.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; what was written so far ends with a line end.
    """
    reporter = Reporter(Console(stderr=True))
    for prompt in values["texts"]:
        pieces = write_on(bundle, prompt, **manner_of_flags(values), reporter=reporter)
        begun = False
        try:
            for piece in pieces:
                begun = True
                sys.stdout.write(piece)
                sys.stdout.flush()
        except KeyboardInterrupt as stopped:
            if begun:
                print(flush=True)
            raise Interrupted(
                "interrupted. What was drawn is written.", getattr(stopped, "signal", signal.SIGINT)
            ) from None
        print(flush=True)


def in_manner(bundle: Bundle, values: dict) -> tuple[Bundle | WritingOn, dict]:
    """Returns what answers and the values of the flags, where these say how to write; else both as they are."""
    given = manner_of_flags(values)
    if not given:
        return bundle, values
    how = {"many": bool(values["input"]), "reporter": Reporter(Console(stderr=True))}
    return WritingOn(bundle, manner_of(bundle, given), **how), {**values, "signature": GENERATE}


def _flag(name):
    return f"--{name.replace('_', '-')}"
