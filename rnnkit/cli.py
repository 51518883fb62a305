"""Command line: verbs; every error the user can mend becomes one line on stderr.

    rnnkit list                          recipes: what each reads and serves
    rnnkit sample RECIPE [DIR]           write the embedded sample, to copy the format from
    rnnkit run RECIPE [--data P] …       train, score beside baselines, write a bundle
    rnnkit evaluate BUNDLE --data P      score a bundle on other rows
    rnnkit predict BUNDLE [VALUE …]      answer values, a file or standard input
    rnnkit show BUNDLE                   card, signatures, how to serve it, files

`rnnkit VERB --help` says more. BUNDLE is a folder such as saved_models/sentiment (its newest version)
or saved_models/sentiment/3. With --json the last line of any verb is one JSON object. RNNKIT_DEBUG=1 in the
environment shows where an error came from.
"""

import contextlib
import importlib
import os
import sys
import tempfile

from rnnkit.messages import did_you_mean

VERBS = {
    "list": "rnnkit.commands.catalogue",
    "sample": "rnnkit.commands.catalogue",
    "run": "rnnkit.commands.training",
    "evaluate": "rnnkit.commands.bundles",
    "predict": "rnnkit.commands.bundles",
    "show": "rnnkit.commands.bundles",
}
NEEDS_TENSORFLOW = {"run", "evaluate", "predict"}


def main(arguments: list[str] | None = None) -> int:
    """Runs a verb and returns the exit code: 0, 2 for what the user can mend, 130 for Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"rnnkit {version('rnnkit')}")
        return 0
    verb = arguments[0]
    try:
        if verb not in VERBS:
            raise LookupError(f"There is no verb {verb!r}. {did_you_mean(verb, VERBS)}Known: {', '.join(VERBS)}.")
        if verb in NEEDS_TENSORFLOW and not {"-h", "--help"} & set(arguments):
            _import_tensorflow()
        getattr(importlib.import_module(VERBS[verb]), f"{verb}_")(arguments[1:])
    except (LookupError, ValueError, OSError, ImportError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our output, such as `head`, has left: nothing to complain of.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if os.environ.get("RNNKIT_DEBUG"):
            raise
        print(f"rnnkit: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rnnkit: interrupted. Nothing was written; earlier versions are whole.", file=sys.stderr)
        return 130
    return 0


def _one_line(error) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    # str() of a KeyError quotes its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split())


def _import_tensorflow():
    """Imports TensorFlow without the lines its C++ part writes to stderr before logging can be set."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _stderr_held_back():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def _stderr_held_back():
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
