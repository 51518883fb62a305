"""Composes tunes on a device: an opening -> events -> model.tflite, event by event, by rules -> a tune as MIDI.

    python run.py --output tune.mid --key D --metre 6/8     or --primer "key:D_major metre:6/8 | n74 d12 n76 d12"
    python run.py --score < tunes.txt                       what tunes cost, a text of events a line

Needs numpy and ai-edge-litert; run_events.py and run_midi.py lie beside. What is composed is printed too, as events.
preparation.json says which there are, what may follow what, and how is composed where the caller doesn't say.
"""

import argparse
import itertools
import json
import math
import os
import pathlib
import random
import runpy
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

UNKNOWN, END = 1, 3
SINGLE = np.float32
COLDEST = 1e-6
"""Temperature below which all chances but the highest are 0."""
PREFIXES = {"style": "style:", "key": "key:", "metre": "metre:"}
RULES = {
    "right_bars": "Whether bars are as long as the metre says.",
    "in_key": "Whether there are only notes of the scale.",
    "on_tonic": "Whether the last note is the tonic; with right bars alone.",
}


class Choice:
    """Draws events by their chances: the same ones for the same seed and what is asked for."""

    def __init__(self, asked="", *, temperature=0.0, top_p=1.0, seed=0):
        self.temperature, self.top_p, self.random = temperature, top_p, random.Random(f"{seed} {asked}".encode())

    def __call__(self, logits):
        """Returns an id; `logits (vocabulary,)` are -inf where it may not be."""
        if self.temperature < COLDEST:
            return int(logits.argmax())
        chances = np.exp((logits - logits.max()) / self.temperature)
        if self.top_p < 1:
            falling = np.sort(chances)[::-1]
            sums = falling.cumsum(dtype=float)
            # Those as probable as the last of them stay too.
            chances[chances < falling[sums.searchsorted(self.top_p * sums[-1])]] = 0
        sums = chances.cumsum(dtype=float)
        return int(sums.searchsorted(self.random.random() * sums[-1], side="right"))


def beside(name):
    """Runs a script that lies beside this one, and returns its names; nothing compiled is left there."""
    return runpy.run_path(str(pathlib.Path(__file__).with_name(f"{name}.py")))


class Model:
    """The model and what its events are, from the files of a folder."""

    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.how = json.loads((folder / "preparation.json").read_text("utf-8"))
        self.events = beside("run_events")
        self.words, self.grammar = self.events["Words"](self.how), self.events["Grammar"](self.how["tables"])
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        run = self.interpreter.get_signature_runner("step")
        before, after = run.get_input_details(), run.get_output_details()
        # Tensors by their numbers take half the time of the runner, beside which the interpreter can't be used.
        del run
        self.interpreter.allocate_tensors()
        self.input, self.output, self.sizes = before["ids"]["index"], after["logits"]["index"], self.how["states"]
        self.states = [(before[name]["index"], after[name]["index"]) for name in self.sizes]
        self.clock = after["state_clock"]["index"]

    def begin(self):
        """Goes to where nothing has been read but the end of what was before."""
        for (before, _), size in zip(self.states, self.sizes.values(), strict=True):
            self.interpreter.set_tensor(before, np.zeros((1, size), SINGLE))
        self.read(END)

    def read(self, number):
        run = self.interpreter
        run.set_tensor(self.input, np.array([number], np.int32))
        run.invoke()
        for before, after in self.states:
            run.set_tensor(before, run.get_tensor(after))

    def logits(self):
        """Returns those of the next event, `(vocabulary,)`, a copy."""
        return self.interpreter.get_tensor(self.output)[0]

    def scored(self, words):
        """Reads words; returns their ids and what each costs, given those before it."""
        ids, nats = self.words.ids(words), []
        self.begin()
        for number in ids:
            logits = self.logits()
            top = logits.max()
            nats.append(float(top + np.log(np.exp(logits - top).sum()) - logits[number]))
            self.read(number)
        return ids, nats

    def follow(self, ids, asked, choose):
        """Yields ids that `choose` draws after a primer's, up to the tune's end.

        `asked` has `bars`, the rules, and the ids of the only style, key and metre allowed, 0 where any may be.
        """
        self.begin()
        now = self.grammar.after(END, self.grammar.begin())
        for number in ids:
            now = self.grammar.after(number, now)
            self.read(number)
        for _ in range(self.how["most_events"] * asked["bars"]):
            clock, logits = self.interpreter.get_tensor(self.clock)[0], self.logits()
            if self.grammar.enough(now, clock, asked):
                # Another bar would end the tune.
                logits[END] = np.logaddexp(logits[END], logits[self.grammar.bar])
            number = choose(np.where(self.grammar.allowed(now, clock, asked), logits, -np.inf))
            if number == END:
                return
            yield number
            now = self.grammar.after(number, now)
            self.read(number)

    def answer(self, raw: bytes) -> dict:
        """Returns by what forms of the model are compared: what a text costs, and the likeliest tune it begins."""
        words, compared = self.words.split(raw.decode("utf-8", "replace")), self.how["compared"]
        ids, nats = self.scored(words)
        counts = {"tokens": len(ids), "unknown": ids.count(UNKNOWN), "ends": ids.count(END)}
        opening = words[: compared["events"]]
        asked = {**self.how["composing"], **dict.fromkeys(PREFIXES, 0), "bars": compared["bars"]}
        begun = self.words.ids(opening)
        whole = itertools.chain(begun, self.follow(begun, asked, Choice()))
        back = -self.words.shift(opening)
        generated = " ".join(self.words.moved(self.words.spelled[number], back) for number in whole)
        return {
            "nats": sum(nats, 0.0),
            **{name: float(count) for name, count in counts.items()},
            "generated": generated,
        }

    def compose(self, primer=(), **wish) -> list:
        """Composes a tune from a primer's events; returns its own, these among them, in the key asked for, else theirs.

        `wish` is of `style`, `key` and `metre`, '' for any, `bars`, `temperature`, `top_p`, `seed` and the rules; else
        as preparation.json says. Raises ValueError for a value out of its range, and for what training never had.
        """
        how = {**dict.fromkeys(PREFIXES, ""), **self.how["composing"], **wish}
        check(how)
        words, asked, key = self.words, dict(how), how["key"] and self.words.key(how["key"])
        values = {
            "style": "_".join(how["style"].lower().split()),
            "key": key.removeprefix("key:"),
            "metre": how["metre"],
        }
        for name, value in values.items():
            asked[name] = self.id_of(name, value) if value else 0
        by, back = words.shift(primer), -words.shift([key] if key else primer)
        choose = Choice(repr([*primer, values]), **{name: how[name] for name in ("temperature", "top_p", "seed")})
        # Of the primer, its own words: those that the model doesn't know are lost on it.
        opening = [words.moved(word, by + back) for word in primer]
        added = self.follow(words.ids(primer), asked, choose)
        return opening + [words.moved(words.spelled[number], back) for number in added]

    def id_of(self, name, value):
        """Returns the id of what is asked for."""
        prefix, words = PREFIXES[name], self.words
        found = words.ids(words.split(prefix + value))
        if len(found) == 1 and found != [UNKNOWN]:
            return found[0]
        there = ", ".join(word.removeprefix(prefix) for word in sorted(words.known) if word.startswith(prefix))
        anywhere = ", moved to any tonic" if there and name == "key" and words.moves else ""
        raise ValueError(
            f"Training has no {name} {value!r}. It has {there or 'none'}{anywhere}. Or leave --{name} out."
        )

    def score(self, text) -> dict:
        """Returns what a text costs."""
        ids, each = self.scored(self.words.split(text))
        nats = sum(each, 0.0)
        perplexity = math.exp(min(nats / max(len(ids), 1), 80))
        return {"nats": round(nats, 6), "tokens": len(ids), "perplexity": round(perplexity, 6)}

    def played(self, words) -> dict:
        """Returns what `midi_bytes` takes of a tune's words; raises ValueError for one that can't stand there."""
        return self.events["played"](words, self.words)


def check(how):
    if how["bars"] < 1:
        raise ValueError(f"bars must be at least 1. Got {how['bars']}.")
    if not 0 <= how["temperature"] < math.inf:
        raise ValueError(f"temperature must be at least 0; 0: always the most probable. Got {how['temperature']}.")
    if not 0 < how["top_p"] <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1. Got {how['top_p']}.")


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{message}\n")


def arguments():
    parser = Parser(description="Composes a tune and writes it as MIDI, or says what tunes cost.")
    parser.add_argument("--score", action="store_true", help="Say what the texts on standard input cost, a line each.")
    parser.add_argument("opening", metavar="EVENTS", nargs="?", default="", help="How the tune begins.")
    parser.add_argument("--output", metavar="FILE.mid", default="tune.mid", help="Where the tune is written.")
    parser.add_argument("--primer", metavar="EVENTS|FILE", default="", help="The same, or a file that has it.")
    how = parser.add_argument_group("composing", argument_default=argparse.SUPPRESS)
    how.add_argument("--style", help="Style of the tune, as training has them, such as jig.")
    how.add_argument("--key", help="Key of the tune, such as D or A_minor.")
    how.add_argument("--metre", help="Metre of the tune, such as 6/8.")
    how.add_argument("--bars", type=int, metavar="N", help="Bars of the tune, the primer's among them.")
    how.add_argument("--temperature", type=float, help="Chances are sharper below 1; 0: always the most probable.")
    how.add_argument("--top-p", type=float, metavar="P", help="Draw from those that make up this share.")
    how.add_argument("--seed", type=int, help="The same seed draws the same tune.")
    for name, text in RULES.items():
        how.add_argument(f"--{name.replace('_', '-')}", choices=("yes", "no"), help=text)
    return parser, vars(parser.parse_args())


def read_primer(model, primer):
    """Returns the events of a primer, which may be the name of a file; tells which of them training never had."""
    raw = pathlib.Path(primer).read_bytes() if os.path.isfile(primer) else os.fsencode(primer)
    words = model.words.split(raw.decode("utf-8", "replace"))
    try:
        model.played(words)
    except ValueError as fault:
        raise ValueError(
            f"primer must be a file, or events such as 'key:D_major metre:6/8 | n74 d12'. Got {primer!r}: {fault}."
        ) from None
    unknown = {word for word, number in zip(words, model.words.ids(words), strict=True) if number == UNKNOWN}
    if unknown:
        told = ", ".join(sorted(unknown))
        print(f"note: training has no {told}; the model reads them as unknown events.", file=sys.stderr)
    return words


def midi_of(model, words):
    """Returns the MIDI file of a tune's words."""
    try:
        told = model.played(words)
        if not told["notes"]:
            raise ValueError("it has no notes")
    except ValueError as fault:
        raise ValueError(f"What was composed is no tune: {fault}. Take another --seed, or --right-bars yes.") from None
    return beside("run_midi")["midi_bytes"](**told)


def main():
    """Composes a tune as the command line says, or scores the texts on standard input."""
    parser, wish = arguments()
    score, output, opening, primer = (wish.pop(name) for name in ("score", "output", "opening", "primer"))
    wish |= {name: wish[name] == "yes" for name in RULES if name in wish}
    if score:
        model = Model()
        for line in sys.stdin.buffer:
            print(json.dumps(model.score(line.decode("utf-8", "replace"))), flush=True)
        return
    if not output.lower().endswith((".mid", ".midi")):
        parser.error(f"output must be the name of a .mid file. Got {output!r}. Or give --score.")
    try:
        model = Model()
        words = model.compose(read_primer(model, primer or opening), **wish)
        pathlib.Path(output).write_bytes(midi_of(model, words))
    except (OSError, ValueError) as fault:
        parser.error(str(fault))
    print(" ".join(words), flush=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever reads has enough; what is buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
