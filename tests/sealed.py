"""The script of an export, run by itself where nothing of the training can be imported."""

import subprocess
import sys

SEALED = """
import runpy, sys
for name in ("tensorflow", "keras", "rnnkit", "pandas"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_sealed(folder, *arguments, stdin=b""):
    """Runs run.py of a folder from another one: what has ended, its outputs as bytes."""
    command = [sys.executable, "-c", SEALED, folder / "run.py", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, cwd="/", check=False)
