"""Answers texts on a device: raw text -> words -> ids -> model.tflite -> label and probabilities.

    python run.py "a joy from start to finish"      or a text a line on standard input; --json: one object a row

Needs numpy and ai-edge-litert. A word's id is the number of its line in vocabulary.txt, from 0; preparation.json
says how texts are split, with the tables of Unicode that the training used.
"""

import argparse
import json
import os
import pathlib
import re
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class Text:
    """Splits a text and looks its words up, as the graph of the training did."""

    def __init__(self, folder):
        self.how = json.loads((folder / "preparation.json").read_text("utf-8"))
        self.ids = {word: number for number, word in enumerate(lines(folder / "vocabulary.txt"))}
        tables = self.how["unicode"]
        word, cased, passed = (
            "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in tables[name])
            for name in ("word", "cased", "case_ignorable")
        )
        self.lower = {ord(letter): small for letter, small in tables["lower"].items()}
        self.last_sigma = re.compile(f"([{cased}][{passed}]*)Σ(?![{passed}]*[{cased}])")
        # \B and white space are those of ASCII; the tables say what is a letter, a number or an accent.
        self.mark = re.compile(rf"[^{word}\t\n\f\r ']|\B'|'\B", re.ASCII)
        self.dropped = re.compile(rf"(?:^|[\t\n\f\r ])[^{word}\t\n\f\r ]+")

    def split(self, raw: bytes) -> list[str]:
        text, how = raw.decode("utf-8", "replace"), self.how
        if how["markup"] == "drop":
            head, mark, rest = text.rpartition(">")
            text = re.sub("<[A-Za-z/!][^>]*>", " ", head + mark) + rest
        text = re.sub("[\t\n\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+", " ", text)
        if how["lower"]:
            # TensorFlow's lower-casing ends at a NUL.
            text = self.last_sigma.sub(r"\1ς", text.partition("\0")[0]).translate(self.lower)
        if how["punctuation"] != "keep":
            text = self.mark.sub(r" \g<0> ", text)
        if how["punctuation"] == "drop":
            text = self.dropped.sub(" ", text)
        return [word for word in re.split("[\t\n\v\f\r ]+", text) if word][: how["length"]]

    def tensors(self, raw: bytes) -> dict:
        """Returns `ids (1, time)` and, where words are read by their letters too, `letters (1, time, letters)`."""
        words = self.split(raw)
        # The start of a text is 2, an unknown word 1.
        ids = np.array([[2, *(self.ids.get(word, 1) for word in words)]], np.int32)
        most, size = self.how["letters"] or (0, 0)
        letters = np.zeros((1, len(words) + 1, most), np.int32)
        for place, word in enumerate(words if most else (), 1):
            letters[0, place, : len(word)] = [2 + ord(letter) % (size - 2) for letter in word[:most]]
        return {"ids": ids, "letters": letters}


class Model:
    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.text, self.labels = Text(folder), lines(folder / "labels.txt")
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        self.run = self.interpreter.get_signature_runner()
        self.shapes = {name: form["shape_signature"] for name, form in self.run.get_input_details().items()}

    def answer(self, raw: bytes) -> dict:
        """Returns the label and the probability of each label, in the order of labels.txt."""
        tensors = self.text.tensors(raw)
        outputs = self.run(**{name: fitted(tensors[name], shape) for name, shape in self.shapes.items()})
        self.interpreter.reset_all_variables()
        return {"label": self.labels[outputs["label"][0]], "probability": outputs["probability"][0]}


def fitted(tensor, shape):
    # -1 is a free axis; to one of fixed length the tensor is cut, or padded with zeros.
    cut = tensor[tuple(slice(size if size > 0 else None) for size in shape)]
    return np.pad(cut, [(0, max(size - have, 0)) for size, have in zip(shape, cut.shape, strict=True)])


def lines(path):
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Answers texts; without any, the lines of standard input.")
    parser.add_argument("texts", nargs="*", metavar="TEXT", type=os.fsencode)
    parser.add_argument("--json", action="store_true", help="One JSON object a row.")
    given, model = parser.parse_args(), Model()
    for raw in given.texts or (line.rstrip(b"\r\n") for line in sys.stdin.buffer):
        label, values = model.answer(raw).values()
        text, shares = raw.decode("utf-8", "replace"), zip(model.labels, values.tolist(), strict=True)
        row = {"text": text, "label": label, "probability": {name: float(f"{value:.7g}") for name, value in shares}}
        shown = f"{label}   {'  '.join(f'{name} {value:.3f}' for name, value in row['probability'].items())}   {text}"
        print(json.dumps(row, ensure_ascii=False) if given.json else shown, flush=True)
