"""Processes that run verbs and can be killed; forked from one that has imported everything, each starts at once."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable

SERVER = """
import json, os, sys, traceback
from rnnkit.quiet import import_tensorflow
import_tensorflow()
import rnnkit.finetuning, rnnkit.verbs, rnnkit.export.edge, rnnkit.recipes.sentiment
from rnnkit import cli
for line in sys.stdin:
    arguments, log = json.loads(line)
    child = os.fork()
    if not child:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        code = 1
        try:
            code = cli.main(arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Verbs:
    """Runs verbs, one at a time, each in a process of its own.

    Args:
        folder: Where their output goes.
    """

    def __init__(self, folder: pathlib.Path):
        self.log = folder / "log.txt"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._server = subprocess.Popen([sys.executable, "-c", SERVER], **pipes)

    def start(self, *arguments) -> int:
        """Starts a verb and returns the number of its process."""
        self._server.stdin.write(json.dumps([[str(argument) for argument in arguments], str(self.log)]) + "\n")
        self._server.stdin.flush()
        self.process = int(self._server.stdout.readline())
        return self.process

    def wait(self) -> int:
        """Returns the exit code of what was started, negative where a signal ended it."""
        return int(self._server.stdout.readline())

    def run(self, *arguments) -> tuple[int, float]:
        """Runs a verb to its end and returns its exit code and the seconds it took."""
        begun = time.monotonic()
        self.start(*arguments)
        return self.wait(), time.monotonic() - begun

    def kill(self, after: float, *arguments, by=signal.SIGKILL) -> int:
        """Starts a verb, signals it after some seconds if it still runs, and returns its exit code."""
        process = self.start(*arguments)
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, by)
        return self.wait()

    def signal_when(self, ready: Callable[[], bool], *signals: int) -> None:
        """Sends signals to what was started, once `ready`; it must get there within a minute."""
        until = time.monotonic() + 60
        while not ready():
            assert time.monotonic() < until, self.said()
            time.sleep(0.005)
        for number in signals:
            os.kill(self.process, number)

    def said(self) -> str:
        """Returns what the last one wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Ends the process that starts others."""
        self._server.stdin.close()
        self._server.wait()
