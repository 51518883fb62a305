"""Command line: verbs; every error the user can mend becomes one line on stderr.

    rnnkit list                          recipes: what each reads and serves
    rnnkit sample RECIPE [DIR]           write the embedded sample, to copy the format from
    rnnkit check RECIPE --data P         what is in the way, how long it will take
    rnnkit run RECIPE [--data P] …       train, score beside baselines, write a bundle
    rnnkit finetune BUNDLE --data P …    go on from a bundle on other rows: words and labels may grow
    rnnkit evaluate BUNDLE --data P      score a bundle on other rows
    rnnkit predict BUNDLE [VALUE …]      answer values, a file or standard input
    rnnkit export BUNDLE --to tflite     for devices, with parity; --to serving for a server
    rnnkit show BUNDLE                   card, signatures, how to serve it, files

`rnnkit VERB --help` says more. BUNDLE is a folder such as saved_models/sentiment
(its newest version) or saved_models/sentiment/3. With --json the last line of any
verb is one JSON object. RNNKIT_DEBUG=1 in the environment shows where an error
came from.
"""

import importlib
import os
import sys

from rnnkit.interrupts import terminated_as_interrupt
from rnnkit.messages import did_you_mean

VERBS = {
    "list": "rnnkit.commands.catalogue",
    "sample": "rnnkit.commands.catalogue",
    "check": "rnnkit.commands.checking",
    "run": "rnnkit.commands.training",
    "finetune": "rnnkit.commands.finetuning",
    "evaluate": "rnnkit.commands.evaluating",
    "predict": "rnnkit.commands.predicting",
    "export": "rnnkit.commands.exporting",
    "show": "rnnkit.commands.showing",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs a verb and returns the exit code: 0, 2 for what the user can mend, 130 for Ctrl-C, 143 for SIGTERM."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that can't show a character shows its number, and a bad byte of ours ends no run.
            stream.reconfigure(errors="backslashreplace")
    try:
        with terminated_as_interrupt():
            _run(arguments)
    except (LookupError, ValueError, OSError, ImportError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our output, such as `head`, has left: nothing to complain of.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        # A key or place that isn't there is a fault of ours: the user's are plain LookupErrors.
        if isinstance(error, (KeyError, IndexError)) or os.environ.get("RNNKIT_DEBUG"):
            raise
        print(f"rnnkit: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        what = str(stopped) or "interrupted. Nothing was written; earlier versions are whole."
        print(f"rnnkit: {what}", file=sys.stderr)
        return 128 + getattr(stopped, "signal", 2)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _run(arguments):
    if not arguments:
        raise ValueError(f"Say what to do: {', '.join(VERBS)}. `rnnkit --help` says what each does.")
    verb, *rest = arguments
    if verb in ("-h", "--help", "help"):
        print(__doc__.strip())
    elif verb == "--version":
        from importlib.metadata import version

        print(f"rnnkit {version('rnnkit')}")
    elif verb in VERBS:
        getattr(importlib.import_module(VERBS[verb]), f"{verb}_")(rest)
    else:
        raise LookupError(f"There is no verb {verb!r}. {did_you_mean(verb, VERBS)}Known: {', '.join(VERBS)}.")


def _one_line(error) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
