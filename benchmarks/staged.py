"""Staged: rnnkit's command line -> the same, with a line on stderr where each of its stages begins and ends."""

import contextlib
import sys

from rnnkit import cli, progress

MARK = "stage: "


def main() -> int:
    """Runs `rnnkit` on this process' arguments."""
    task = progress.Reporter.task

    @contextlib.contextmanager
    def told(reporter, title, **rest):
        print(f"{MARK}{title}", file=sys.stderr, flush=True)
        with task(reporter, title, **rest) as advance:
            yield advance
        print(f"{MARK}after {title}", file=sys.stderr, flush=True)

    progress.Reporter.task = told
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
