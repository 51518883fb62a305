"""Answers a text by a text on a device: raw text -> pieces -> model.tflite, step by step -> search -> raw text.

    python run.py "Ein Mann schläft ."      or a text a line on standard input; --json: one object a row

--beam 1 writes the most probable piece at each step. Needs numpy and ai-edge-litert; run_search.py lies beside. A
piece's id is the number of its line in pieces.txt, from 0; preparation.json says how texts are cleaned and split, and
what the search favours.
"""

import argparse
import itertools
import json
import os
import pathlib
import re
import runpy
import sys
import unicodedata

import numpy as np
from ai_edge_litert.interpreter import Interpreter

UNKNOWN, START, END, FIRST = 1, 2, 3, 4
SPACE, WHITE = "\u2581", "[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\u2581]+"
LONGEST = 2_000
SINGLE = np.float32


class Text:
    """Cleans a text and splits it into pieces, as the graph of the training did."""

    def __init__(self, folder, how):
        self.how, tables = how, how["unicode"]
        self.ids = {piece: number for number, piece in enumerate(lines(folder / "pieces.txt")) if number >= FIRST}
        scores = map(float, lines(folder / "scores.txt")) if how["kind"] in ("bpe", "unigram") else ()
        scores = scores if how["kind"] == "bpe" else map(float, map(SINGLE, scores))
        self.scores = dict(zip(self.ids, scores, strict=False))
        self.longest = max(map(len, self.ids), default=1)
        self.unknown = SINGLE(min(self.scores.values(), default=0.0)) - SINGLE(10)
        word, cased, passed, assigned = (
            "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in tables[name])
            for name in ("word", "cased", "case_ignorable", "assigned")
        )
        # Characters that the training's tables of Unicode didn't have stay as they are.
        self.assigned = re.compile(f"[{assigned}]+")
        self.words = re.compile(f"{SPACE}?(?:[{word}]+|[^{word}{SPACE}])")
        self.lower = {ord(letter): small for letter, small in tables["lower"].items()}
        self.last_sigma = re.compile(f"([{cased}][{passed}]*)Σ(?![{passed}]*[{cased}])")

    def cleaned(self, raw: bytes) -> str:
        text, form = raw.decode("utf-8", "replace"), self.how["normalization"].upper()
        if form != "NONE":
            text = self.assigned.sub(lambda found: unicodedata.normalize(form, found[0]), text)
        text = text.replace("\0", "\ufffd")
        if self.how["lower"]:
            text = self.last_sigma.sub(r"\1ς", text).translate(self.lower)
        return re.sub(WHITE, " ", text).strip(" ")

    def split(self, raw: bytes) -> list[str]:
        """Returns the pieces, unknown stretches as they are."""
        text, kind = self.cleaned(raw), self.how["kind"]
        marked = SPACE + text.replace(" ", SPACE) if text else ""
        if kind == "word":
            return self.words.findall(marked)
        if kind == "character":
            return list(marked)
        cut = self.merged if kind == "bpe" else self.likeliest
        units = [SPACE + word for word in text.split(" ")] if kind == "bpe" else [marked]
        pieces = [piece for unit in units if text for part in stretches(unit) for piece in cut(part)]
        groups = itertools.groupby(pieces, lambda piece: piece not in self.ids)
        return [piece for unknown, group in groups for piece in (["".join(group)] if unknown else group)]

    def merged(self, word):
        """Joins at each step the two neighbours that score best, the first of equals, until none fit."""
        parts, known = list(word), self.ids
        fits = [
            self.scores[pair] if (pair := one + other) in known else None for one, other in itertools.pairwise(parts)
        ]
        while any(fit is not None for fit in fits):
            place = max((place for place, fit in enumerate(fits) if fit is not None), key=lambda place: fits[place])
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
            del fits[place]
            for beside in (place - 1, place):
                if 0 <= beside < len(fits):
                    pair = parts[beside] + parts[beside + 1]
                    fits[beside] = self.scores[pair] if pair in known else None
        return parts

    def likeliest(self, text):
        """Cuts a text so that the sum of scores is greatest, by the algorithm of Viterbi."""
        best, back = [SINGLE(-np.inf)] * (len(text) + 1), [1] * (len(text) + 1)
        best[0] = SINGLE(0)
        for start, letter in enumerate(text):
            before = best[start]
            for end in range(start + 1, min(start + self.longest, len(text)) + 1):
                score = self.scores.get(text[start:end])
                # In single precision, whose rounding decides between equals, as the sentencepiece library adds.
                if score is not None and (total := before + SINGLE(score)) > best[end]:
                    best[end], back[end] = total, end - start
            if letter not in self.ids and before + self.unknown > best[start + 1]:
                best[start + 1], back[start + 1] = before + self.unknown, 1
        pieces, end = [], len(text)
        while end:
            pieces.append(text[end - back[end] : end])
            end -= back[end]
        return pieces[::-1]

    def read(self, raw: bytes):
        """Returns the pieces that are read, their ids with those of start and end, and whether the text was cut."""
        pieces = self.split(raw)
        read = pieces[: self.how["length"]]
        ids = [START] * self.how["start"] + [self.ids.get(piece, UNKNOWN) for piece in read] + [END]
        return read, np.array([ids], np.int32), len(pieces) > len(read)


def stretches(unit):
    """Parts a text longer than LONGEST characters between words, and longer words within."""
    if len(unit) <= LONGEST:
        return [unit]
    firsts = itertools.accumulate(
        (place if letter == SPACE else 0 for place, letter in enumerate(unit)), lambda first, place: place or first
    )
    keys = ((first // LONGEST, (place - first) // LONGEST) for place, first in enumerate(firsts))
    groups = itertools.groupby(zip(keys, unit, strict=True), lambda pair: pair[0])
    return ["".join(letter for _, letter in group) for _, group in groups]


def beside(name):
    """Runs a script that lies beside this one, and returns its names; nothing compiled is left there."""
    return runpy.run_path(str(pathlib.Path(__file__).with_name(f"{name}.py")))


class Model:
    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        how = json.loads((folder / "preparation.json").read_text("utf-8"))
        search = beside("run_search")
        self.search, self.stepper, self.spelled = search["Search"](how), search["stepper"], search["spelled"]
        self.text, self.width, self.names = Text(folder, how), how["width"], how["outputs"]
        self.written = lines(folder / how["written"])
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        self.encode, self.step = map(self.interpreter.get_signature_runner, ("encode", "step"))
        sizes = {name: form["shape_signature"][0] for name, form in self.step.get_input_details().items()}
        # A file of fixed length has as many rows as the beam that it was made for.
        self.rows, self.time = sizes["ids"], self.encode.get_input_details()["ids"]["shape_signature"][1]
        self.fixed_inputs = [name for name in ("memory", "keys", "real") if name in sizes]

    def answer(self, raw: bytes, width=None) -> dict:
        """Returns the text written, its score, and whether the text had more pieces than are read."""
        return {name: value for name, value in self.attended(raw, width).items() if name in self.names.values()}

    def attended(self, raw: bytes, width=None) -> dict:
        """Returns what `answer` returns, and `attention`: each piece written, and the piece looked at most."""
        read, ids, cut = self.text.read(raw)
        width = self.width if width is None else width
        self.search.check(width, self.rows)
        written, score, weights = [], SINGLE(0), np.zeros((0, 1), SINGLE)
        if read:
            opened = self.encode(ids=np.pad(ids, [(0, 0), (0, max(self.time - ids.shape[1], 0))]))
            self.interpreter.reset_all_variables()
            fixed = {name: opened.pop(name) for name in self.fixed_inputs}
            limit = 2 * len(read) + 10
            step = self.stepper(self.step, fixed, self.rows)
            written, score, weights = self.search.best(step, opened, width=width, limit=limit)
        names = ["[start]"] * self.text.how["start"] + [*read, "[end]"]
        looked = weights.argmax(1).tolist()
        pairs = [(self.written[number], names[place]) for number, place in zip(written, looked, strict=True)]
        outputs = dict(zip(self.names.values(), (self.joined(written), score, cut), strict=True))
        return {**outputs, "attention": pairs}

    def joined(self, ids):
        return self.spelled(self.written, ids)


def lines(path):
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Answers texts; without any, the lines of standard input.")
    parser.add_argument("texts", nargs="*", metavar="TEXT", type=os.fsencode)
    parser.add_argument(
        "--beam", type=int, metavar="N", help="Beginnings kept at each step; 1: the most probable piece."
    )
    parser.add_argument("--json", action="store_true", help="One JSON object a row.")
    parser.add_argument("--attention", action="store_true", help="Show which piece each written one looked at most.")
    given, model = parser.parse_args(), Model()
    for raw in given.texts or (line.rstrip(b"\r\n") for line in sys.stdin.buffer):
        try:
            answer = model.attended(raw, given.beam)
        except ValueError as error:
            parser.error(str(error))
        pairs, (text, score, cut) = answer.pop("attention"), answer.values()
        row = {"text": raw.decode("utf-8", "replace"), **answer, model.names["score"]: float(f"{score:.7g}")}
        shown = [f"{text}   {score:.3f}{'   (cut)' if cut else ''}   {row['text']}"]
        if given.attention:
            row["attention"] = pairs
            shown += [f"    {piece}   {looked}" for piece, looked in pairs]
        print(json.dumps(row, ensure_ascii=False) if given.json else "\n".join(shown), flush=True)
