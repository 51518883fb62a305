"""Memory: what this process holds, how much it held at most meanwhile, and how much there is."""

import pathlib
import resource
import sys
import threading

PAUSE = 0.01


def resident() -> int:
    """Returns the bytes of memory this process holds; where the system doesn't tell, the most it ever held."""
    try:
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most << 10


def available() -> int:
    """Returns the bytes of memory that this process may still take; 0 where the system doesn't tell."""
    limits = []
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
        limits += [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
        group = pathlib.Path("/sys/fs/cgroup")
        most = (group / "memory.max").read_text().strip()
        if most.isdecimal():
            limits.append(int(most) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return max(min(limits, default=0), 0)


class Watch:
    """Watches how much memory this process holds while the block runs.

    Attributes:
        peak: The most seen, in bytes.
    """

    def __enter__(self):
        self.peak, self._done = resident(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._done.set()
        self._thread.join()

    def _look(self):
        while not self._done.wait(PAUSE):
            self.peak = max(self.peak, resident())
