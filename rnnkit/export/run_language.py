"""Writes and scores texts on a device: prompt -> tokens -> model.tflite, token by token -> what comes next.

    python run.py "Once upon"      or a prompt a line on standard input; --score: what texts cost

Needs numpy and ai-edge-litert. preparation.json says how texts are split, and how is written where the caller doesn't
say; words and pieces are split by run_text.py or run_text_to_text.py, which then lies beside.
"""

import argparse
import collections
import functools
import itertools
import json
import math
import os
import pathlib
import random
import re
import runpy
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

UNKNOWN, END, FIRST = 1, 3, 4
SINGLE = np.float32
COLDEST = 1e-6
"""Temperature below which all chances but the highest are 0."""


class Units:
    """Cuts texts into tokens as the graph of the training did, and spells them."""

    def __init__(self, folder, how):
        kind = how["tokens"]
        self.exact = kind == "character"
        if self.exact:
            self.names = json.loads((folder / "characters.json").read_text("utf-8"))
            split, spell = lambda raw: raw.decode("utf-8", "replace"), str
        elif kind == "word":
            self.names = lines(folder / "vocabulary.txt")
            split, spell = beside("run_text")["Text"](folder).split, " {}".format
        else:
            self.names = lines(folder / "pieces.txt")
            split = beside("run_text_to_text")["Text"](folder, how).split
            spell = functools.partial(re.sub, "\u2581+", " ")
        # A word may be called as a reserved id is; of pieces and characters none is one.
        first = 1 if kind == "word" else FIRST
        ids = {name: number for number, name in enumerate(self.names) if number >= first}
        self.ids = lambda raw: [ids.get(token, UNKNOWN) for token in split(raw)]
        self.spelled = ["", spell("\ufffd"), "", "", *map(spell, self.names[FIRST:])]

    def joined(self, parts):
        """Joins what is spelled: of words and pieces no space is doubled, and none stands at the ends."""
        text = "".join(parts)
        return text if self.exact else re.sub(" +", " ", text).strip(" ")


def beside(name):
    """Runs a script that lies beside this one, and returns its names; nothing compiled is left there."""
    return runpy.run_path(str(pathlib.Path(__file__).with_name(f"{name}.py")))


def lines(path):
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


class History:
    """The tokens of a text so far, and what they forbid."""

    def __init__(self, vocabulary, controls):
        self.penalty, self.size = SINGLE(controls["repetition_penalty"]), controls["blocked_ngram"]
        self.banned, self.seen = np.array(controls["banned"], int), np.zeros(vocabulary, bool)
        self.last, self.followers = collections.deque(maxlen=max(self.size - 1, 0)), {}

    def add(self, number):
        self.seen[number] = True
        if self.size:
            if len(self.last) == self.size - 1:
                self.followers.setdefault(tuple(self.last), []).append(number)
            self.last.append(number)

    def heeded(self, logits):
        """Changes logits `(vocabulary,)`: tokens of the text are penalised, and forbidden ones have -inf."""
        if self.penalty != 1:
            found = logits[self.seen]
            logits[self.seen] = np.where(found > 0, found / self.penalty, found * self.penalty)
        if self.size:
            logits[self.followers.get(tuple(self.last), [])] = -np.inf
        logits[self.banned] = -np.inf
        return logits


class Choice:
    """Draws tokens by their chances: the same ones for the same seed and prompt."""

    def __init__(self, raw=b"", *, temperature=0.0, top_k=0, top_p=1.0, seed=0):
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.random = random.Random(b"%d " % seed + raw)

    def __call__(self, logits):
        """Returns an id; `logits (vocabulary,)` are used up."""
        highest = logits.max()
        if self.temperature < COLDEST or highest == -np.inf:
            return int(logits.argmax())
        logits -= highest
        logits /= self.temperature
        if 0 < self.top_k < len(logits):
            # Those as probable as the last of them stay too, here and below.
            logits[logits < np.partition(logits, -self.top_k)[-self.top_k]] = -np.inf
        chances = np.exp(logits, out=logits)
        if self.top_p < 1:
            falling = np.sort(chances)[::-1]
            sums = falling.cumsum(dtype=float)
            chances[chances < falling[sums.searchsorted(self.top_p * sums[-1])]] = 0
        sums = chances.cumsum(dtype=float)
        return int(sums.searchsorted(self.random.random() * sums[-1], side="right"))


class Model:
    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.how = json.loads((folder / "preparation.json").read_text("utf-8"))
        self.units = Units(folder, self.how)
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        run = self.interpreter.get_signature_runner("step")
        before, after = run.get_input_details(), run.get_output_details()
        # Tensors by their numbers take half the time of the runner, beside which the interpreter can't be used.
        del run
        self.interpreter.allocate_tensors()
        self.input, self.output, self.sizes = before["ids"]["index"], after["logits"]["index"], self.how["states"]
        self.states = [(before[name]["index"], after[name]["index"]) for name in self.sizes]
        self.numbers = np.arange(len(self.units.names), dtype=np.int32)

    def begin(self):
        """Goes to where nothing has been read but the end of what was before."""
        for (before, _), size in zip(self.states, self.sizes.values(), strict=True):
            self.interpreter.set_tensor(before, np.zeros((1, size), SINGLE))
        self.read(END)

    def read(self, number):
        run = self.interpreter
        run.set_tensor(self.input, self.numbers[number : number + 1])
        run.invoke()
        for before, after in self.states:
            run.set_tensor(before, run.get_tensor(after))

    def logits(self):
        """Returns those of the next token, `(vocabulary,)`, a copy."""
        return self.interpreter.get_tensor(self.output)[0]

    def scored(self, raw: bytes):
        """Reads a text; returns its ids and the log probability of each, given those before it."""
        ids, found = self.units.ids(raw), []
        self.begin()
        for number in ids:
            found.append(log_probability(self.logits(), number))
            self.read(number)
        return ids, found

    def follow(self, ids, choose):
        """Reads the last of a prompt's ids and yields those that `choose` draws after them, up to the text's end."""
        ids, history = ids[-self.how["prompt"] :], History(len(self.numbers), self.how["controls"])
        if END in ids:
            return
        self.begin()
        for number in ids:
            history.add(number)
            self.read(number)
        while (number := choose(history.heeded(self.logits()))) != END:
            yield number
            history.add(number)
            self.read(number)

    def answer(self, raw: bytes) -> dict:
        """Returns by what forms of the model are compared: what a text costs, and the likeliest tokens after it."""
        ids, found = self.scored(raw)
        written = itertools.islice(self.follow(ids, Choice()), self.how["compared"])
        text = self.units.joined(self.units.spelled[number] for number in written)
        for stop in self.how["writing"]["stops"]:
            text = text.partition(stop)[0]
        counts = {"tokens": len(ids), "unknown": ids.count(UNKNOWN), "ends": ids.count(END)}
        return {"nats": -sum(found, 0.0), **{name: float(count) for name, count in counts.items()}, "generated": text}

    def write(self, raw: bytes, **how):
        """Yields what follows a prompt, token by token, up to a stop; what may become one is held back.

        `how` is of `length`, most tokens, `temperature`, `top_k`, `top_p`, `seed` and `stops`; else as preparation.json
        says. Raises ValueError for a value out of its range.
        """
        how = {**self.how["writing"], **how}
        check(how)
        length, stops = how.pop("length"), how.pop("stops")
        written = itertools.islice(self.follow(self.units.ids(raw), Choice(raw, **how)), length)
        return until(stops, self.spaced(raw.decode("utf-8", "replace"), written))

    def spaced(self, before, written):
        """Yields what ids spell after a text; of words and pieces no space is doubled."""
        space = not before or before[-1].isspace()
        for number in written:
            text = self.units.spelled[number]
            if not self.units.exact:
                text = text.lstrip(" ") if space else text
                space = text.endswith(" ") if text else space
            yield text

    def generated(self, raw: bytes, **how) -> str:
        """Returns what follows a prompt; see `write`."""
        return self.units.joined(self.write(raw, **how))

    def score(self, raw: bytes) -> dict:
        """Returns the perplexity of a text, and its tokens with the log probability of each."""
        ids, found = self.scored(raw)
        perplexity = math.exp(min(-sum(found) / max(len(ids), 1), 80))
        tokens, found = [self.units.names[number] for number in ids], [round(value, 6) for value in found]
        return {"perplexity": round(perplexity, 6), "token": tokens, "log_probability": found}


def log_probability(logits, number):
    top = logits.max()
    return float(logits[number] - top - np.log(np.exp(logits - top).sum()))


def until(stops, parts):
    """Yields texts up to the first stop; what may be the beginning of one is held back."""
    begun = [stop[:size] for stop in stops for size in range(1, len(stop))]
    held = ""
    for part in parts:
        held += part
        places = [place for stop in stops if (place := held.find(stop)) >= 0]
        if places:
            yield held[: min(places)]
            return
        kept = max((len(start) for start in begun if held.endswith(start)), default=0)
        yield held[: len(held) - kept]
        held = held[len(held) - kept :]
    yield held


def check(how):
    if how["length"] < 1:
        raise ValueError(f"length must be at least 1. Got {how['length']}.")
    if not 0 <= how["temperature"] < math.inf:
        raise ValueError(f"temperature must be at least 0; 0: always the most probable. Got {how['temperature']}.")
    if how["top_k"] < 0:
        raise ValueError(f"top_k must be at least 0; 0: all. Got {how['top_k']}.")
    if not 0 < how["top_p"] <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1. Got {how['top_p']}.")


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{message}\n")


def arguments():
    parser = Parser(description="Writes on from prompts; without any, from the lines of standard input.")
    parser.add_argument("texts", nargs="*", metavar="TEXT", type=os.fsencode)
    parser.add_argument("--score", action="store_true", help="Say what texts cost, in place of writing on.")
    parser.add_argument("--json", action="store_true", help="One JSON object a row.")
    how = parser.add_argument_group("writing", argument_default=argparse.SUPPRESS)
    how.add_argument("--length", type=int, metavar="N", help="Most tokens written.")
    how.add_argument("--temperature", type=float, help="Chances are sharper below 1; 0: always the most probable.")
    how.add_argument("--top-k", type=int, metavar="K", help="Draw from so many of the most probable; 0: all.")
    how.add_argument("--top-p", type=float, metavar="P", help="Draw from those that make up this share.")
    how.add_argument("--seed", type=int, help="The same seed and prompt: the same text.")
    how.add_argument("--stop", action="append", dest="stops", metavar="TEXT", help="Ends the text; \\n is a line end.")
    return parser, vars(parser.parse_args())


def main():
    parser, how = arguments()
    texts, score, as_json = (how.pop(name) for name in ("texts", "score", "json"))
    if "stops" in how:
        how["stops"] = [stop.replace("\\n", "\n") for stop in how["stops"] if stop]
    model = Model()
    try:
        check({**model.how["writing"], **how})
    except ValueError as error:
        parser.error(str(error))
    for raw in texts or (line.rstrip(b"\r\n") for line in sys.stdin.buffer):
        text = raw.decode("utf-8", "replace")
        if score:
            found = model.score(raw)
            line = json.dumps({"text": text, **found}, ensure_ascii=False)
            print(line if as_json else f"{found['perplexity']:.4f}   {text}", flush=True)
        elif as_json:
            print(json.dumps({"text": text, "generated": model.generated(raw, **how)}, ensure_ascii=False), flush=True)
        else:
            for part in itertools.chain([text], model.write(raw, **how), ["\n"]):
                print(part, end="", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever reads has enough; what is buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
