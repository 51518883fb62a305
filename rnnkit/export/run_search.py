"""Search on a device: single steps of a decoder -> the ids of what is written, and their text.

Beside run.py, as run_search.py; needs numpy. preparation.json says what the search favours.
"""

import re

import numpy as np

UNKNOWN, START, END = 1, 2, 3
SPACE = "\u2581"
SINGLE = np.float32


class Search:
    """Beam search, and greedy search where one beginning is kept, for one text or picture."""

    def __init__(self, how):
        self.how = how

    def check(self, width, most):
        """Raises ValueError for a width below 1, or above the rows that a file is made for, if that is a number."""
        if width < 1 or 0 < most < width:
            limit = f" and at most {most}, as exported" if most > 0 else ""
            raise ValueError(f"beam must be at least 1{limit}. Got {width}.")

    def best(self, step, states, *, width, limit):
        """Keeps the `width` most probable beginnings, step by step, until none can beat the best that ended.

        Args:
            step: Ids `(rows,)` and states -> logits `(rows, vocabulary)`, weights `(rows, time)`, states.
            states: Name -> `(1, …)`.
            width: Rows.
            limit: Most pieces, at least 1.

        Returns:
            The ids, the score, and the weights `(ids, time)` of what was looked at for each.
        """
        states = {name: np.repeat(state, width, 0) for name, state in states.items()}
        ids, live = np.full(width, START, np.int32), np.full(width, -np.inf, SINGLE)
        live[0], written, looked, coverage = 0, np.zeros((width, 0), np.int32), None, 0
        kept, score, looks, ended = [], SINGLE(-np.inf), np.zeros((0, 1), SINGLE), 0
        for t in range(limit):
            logits, weights, states = step(ids, states)
            coverage = coverage + weights
            looked = weights[:, None] if looked is None else np.concatenate([looked, weights[:, None]], 1)
            scores, rows, tokens = self.continuations(logits, live, written)
            traces = np.column_stack([written[rows], tokens])
            ends = (tokens == END) | (t + 1 >= limit)
            final = self.final(scores[:width], t + 1, coverage[rows[:width]])
            final[~ends[:width]] = -np.inf
            ended += np.count_nonzero(final > -np.inf)
            if final.max() > score:
                place = int(final.argmax())
                size = t + int(tokens[place] != END)
                kept, score, looks = traces[place, :size].tolist(), final[place], looked[rows[place], :size]
            live, order = highest(np.where(tokens == END, SINGLE(-np.inf), scores), width)
            rows, ids, written, looked = rows[order], tokens[order], traces[order], looked[rows[order]]
            states, coverage = {name: state[rows] for name, state in states.items()}, coverage[rows]
            # log P only falls, and no length penalty is milder than that at the limit.
            if score >= self.by_length(live[0], limit) or (width == 1 and score > -np.inf):
                break
            if self.how["patience"] and ended >= SINGLE(self.how["patience"]) * width:
                break
        return kept, score, looks

    def continuations(self, logits, live, written):
        """Finds the 2 width most probable ways to go on: their log P, rows and tokens."""
        if self.how["repetition_penalty"] != 1 and written.size:
            penalty, found = SINGLE(self.how["repetition_penalty"]), np.take_along_axis(logits, written, 1)
            np.put_along_axis(logits, written, np.where(found > 0, found / penalty, found * penalty), 1)
        top = logits.max(1, keepdims=True)
        normaliser = np.log(np.exp(logits - top).sum(1, keepdims=True)) + top
        allowed = logits.copy()
        for row, before in enumerate(written.tolist()):
            allowed[row, blocked(before, self.how["blocked_ngram"])] = -np.inf
        allowed[:, self.how["banned"]] = -np.inf
        width, count = len(live), min(2 * len(live), logits.shape[1])
        values, tokens = (np.stack(parts) for parts in zip(*(highest(row, count) for row in allowed), strict=True))
        scores, places = highest((live[:, None] + (values - normaliser)).ravel(), 2 * width)
        return scores, places // count, tokens.ravel()[places].astype(np.int32)

    def by_length(self, log_probability, tokens):
        return log_probability / SINGLE(((5 + tokens) / 6) ** self.how["length_penalty"])

    def final(self, log_probability, tokens, coverage):
        """Scores hypotheses at their end."""
        score = self.by_length(log_probability, tokens)
        if self.how["coverage_penalty"]:
            reached = (coverage > 0).any(0)
            covered = np.log(np.clip(coverage, SINGLE(1e-10), SINGLE(1)))
            score = score + SINGLE(self.how["coverage_penalty"]) * np.where(reached, covered, 0).sum(1, dtype=SINGLE)
        return score


def blocked(before, size):
    """Returns the ids that would complete a sequence of `size` ids a second time."""
    last = before[len(before) - size + 1 :]
    starts = range(len(before) - size + 1) if size else ()
    return [before[start + size - 1] for start in starts if before[start : start + size - 1] == last]


def highest(values, count):
    """Returns the `count` highest values, falling, and their places; of equal ones the first."""
    least = np.partition(values, len(values) - count)[len(values) - count]
    places = np.flatnonzero(values >= least)
    places = places[np.argsort(-values[places], kind="stable")][:count]
    return values[places], places


def stepper(step, fixed, most):
    """Returns what `Search.best` asks for.

    Args:
        step: A file's signature, inputs by name -> outputs by name.
        fixed: Inputs that stay the same from step to step, by name.
        most: Rows that the file is made for, to which fewer are filled up; less than 1 for any number.
    """

    def one(ids, states):
        rows, inputs = len(ids), {"ids": ids, **states}
        if most > rows:
            inputs = {
                name: np.concatenate([x, np.zeros((most - rows, *x.shape[1:]), x.dtype)]) for name, x in inputs.items()
            }
        outputs = {name: value[:rows] for name, value in step(**fixed, **inputs).items()}
        return outputs.pop("logits"), outputs.pop("weights"), outputs

    return one


def spelled(pieces, ids):
    """Joins pieces to a text."""
    found = ["\ufffd" if number == UNKNOWN else pieces[number] for number in ids if number not in (0, START, END)]
    return re.sub(f"{SPACE}+", " ", "".join(found)).strip(" \t\n\v\f\r")
