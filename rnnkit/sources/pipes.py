"""Pipes: items that come slowly or fast -> those that are there, without waiting for more."""

import collections
import threading
from collections.abc import Callable, Iterable, Iterator


def read_ahead(items: Iterable, weigh: Callable[[object], int], most: int, weight: int) -> Iterator[list]:
    """Reads in a thread and yields lists of the items that have come, at least one in each.

    Args:
        items: What is read.
        weigh: Says how much one of them weighs.
        most: Items that wait at most.
        weight: What those that wait weigh at most, but for the last one.

    Raises:
        Exception: What `items` raises, after the items before it.
    """
    waiting, changed, state = collections.deque(), threading.Condition(), {"weight": 0, "ended": False, "error": None}

    def read():
        try:
            for item in items:
                with changed:
                    changed.wait_for(lambda: len(waiting) < most and state["weight"] < weight)
                    waiting.append(item)
                    state["weight"] += weigh(item)
                    changed.notify_all()
        except BaseException as error:
            # Whatever it is, it is raised where the items are awaited.
            state["error"] = error
        with changed:
            state["ended"] = True
            changed.notify_all()

    threading.Thread(target=read, daemon=True).start()
    while True:
        with changed:
            changed.wait_for(lambda: waiting or state["ended"])
            come = list(waiting)
            waiting.clear()
            state["weight"] = 0
            changed.notify_all()
        if not come:
            break
        yield come
    if state["error"]:
        raise state["error"]
