"""Composing, of predict: --primer and flags on what a tune is to be like -> tunes that can be played, or seen."""

import dataclasses
import json
import os
import pathlib
import sys

from rich.console import Console

from rnnkit.bundle import Bundle
from rnnkit.commands.parsing import Parser
from rnnkit.predicting.composing import ENDINGS, Wish, check_bundle, check_path, compose, sentence, write_tune
from rnnkit.progress import Reporter

OWN = ("style", "key", "metre", "bars", "right_bars", "in_key", "on_tonic")
"""Those that nothing but a tune has; temperature, top_p and seed are of all that is drawn."""
SHARED = ("temperature", "top_p", "seed")
STDOUT = "-"
NOT_FOR_TUNES = {
    **{"texts": [], "stream": False, "resume": False, "signature": "serving_default"},
    **dict.fromkeys(("input", "format", "attention", "entities", "prefix"), ""),
    **dict.fromkeys(("length", "top_k", "stop", "repetition_penalty", "columns", "header", "quoting")),
}
"""Other flags of predict, and what they are where nothing is said."""


def add_flags(parser: Parser) -> None:
    """Adds --primer, --tunes, and what a tune is to be like: None where nothing is said."""
    group = parser.add_argument_group("tunes")
    group.add_argument(
        "--primer", type=str, default="", metavar="FILE", help="Opening of a tune: .abc, .mid, .musicxml."
    )
    group.add_argument("--tunes", type=int, default=None, metavar="N", help="Tunes to compose; 1 by default.")
    for field in dataclasses.fields(Wish):
        if field.name not in OWN:
            continue
        how = {"type": field.type, "metavar": {int: "N", bool: "yes|no"}.get(field.type, "X")}
        help = f"{field.metadata['help']} Default: as in training."
        group.add_argument(f"--{field.name.replace('_', '-')}", default=None, help=help, **how)


def is_asked(values: dict) -> bool:
    """Whether a tune is to be composed: a flag of tunes is there, or the output's name ends as that of one."""
    named = pathlib.Path(values["output"]).suffix.lower() in ENDINGS and values["output"] != STDOUT
    return bool(values["primer"]) or named or any(values[name] is not None for name in (*OWN, "tunes"))


def check(values: dict) -> None:
    """Refuses what can't go together, before the bundle is read.

    Raises:
        ValueError: As the message says.
    """
    for name, usual in NOT_FOR_TUNES.items():
        if values[name] != usual:
            said = repr(values[name][0]) if name == "texts" else f"--{name.replace('_', '-')}"
            raise ValueError(f"A tune is composed from --primer FILE, or from nothing. Got {said} too. Leave it out.")
    if values["tunes"] is not None and values["tunes"] < 1:
        raise ValueError(f"--tunes must be at least 1. Got {values['tunes']}.")
    for path in filter(None, _paths(values["output"], values["tunes"] or 1)):
        check_path(path)
        if path.exists() and os.path.exists(values["primer"]) and path.samefile(values["primer"]):
            raise ValueError(f"--output {str(path)!r} is the primer itself. Name another file.")
    Wish(**{name: values[name] for name in (*OWN, *SHARED) if values[name] is not None})


def compose_tunes(bundle: Bundle, values: dict) -> None:
    """Composes tunes and writes them, or prints them as ABC.

    Raises:
        ValueError, LookupError, OSError: As the message says.
    """
    check_bundle(bundle)
    reporter = Reporter(Console(stderr=True))
    primer = None
    if values["primer"]:
        from rnnkit.music.reading import read_piece
        from rnnkit.music.settings import MusicSourceSettings

        how = {name: values[name] for name in ("encoding", "skip_bad_rows") if values[name]}
        primer, notes = read_piece(values["primer"], MusicSourceSettings(**how))
        for note in notes:
            reporter.say(f"note: {note}")
    wish = {name: values[name] for name in (*OWN, *SHARED)}
    count = values["tunes"] or 1
    found = compose(bundle, primer, count=count, skip_broken=True, reporter=reporter, **wish)
    for number, (path, composed) in enumerate(zip(_paths(values["output"], count), found, strict=False), 1):
        if path is None:
            from rnnkit.music.abc_writing import write_abc

            sys.stdout.write(f"{write_abc(composed.piece, number)}\n")
        else:
            write_tune(path, composed)
        told = {"path": str(path or STDOUT), "log_probability": composed.log_probability, "about": sentence(composed)}
        if values["json"]:
            print(json.dumps(told))
        else:
            print(f"{path or f'tune {number}'}: {told['about']}", file=sys.stderr)


def _paths(output, count):
    if output == STDOUT:
        return [None] * count
    path = pathlib.Path(output)
    if count == 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{number}") for number in range(1, count + 1)]
