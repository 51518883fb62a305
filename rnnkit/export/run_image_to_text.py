"""Answers a picture by a text or a label on a device: JPEG or PNG -> pixels -> model.tflite -> answer.

    python run.py photo.jpg [...]           --json: one object a picture; --attention: where was looked for each piece

--beam 1 writes the most probable piece at each step. Needs numpy, pillow and ai-edge-litert; run_images.py and, for
texts, run_search.py lie beside. preparation.json says what pictures are decoded to, and what the search favours; a
piece's id is the number of its line in pieces.txt, from 0.
"""

import argparse
import json
import os
import pathlib
import runpy
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

SINGLE = np.float32


def beside(name):
    """Runs a script that lies beside this one, and returns its names; nothing compiled is left there."""
    return runpy.run_path(str(pathlib.Path(__file__).with_name(f"{name}.py")))


class Model:
    """A model that answers by texts or by labels, as preparation.json says."""

    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.how = json.loads((folder / "preparation.json").read_text("utf-8"))
        self.pixels_of, self.writes = beside("run_images")["pixels_of"], self.how["answer"] == "text"
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        if not self.writes:
            self.classify = self.interpreter.get_signature_runner("classify")
            return
        search = beside("run_search")
        self.search, self.stepper, self.spelled = search["Search"](self.how), search["stepper"], search["spelled"]
        self.pieces = (folder / "pieces.txt").read_bytes().decode("utf-8").removesuffix("\n").split("\n")
        self.encode, self.step = map(self.interpreter.get_signature_runner, ("encode", "step"))
        sizes = {name: form["shape_signature"][0] for name, form in self.step.get_input_details().items()}
        # A file of fixed length has as many rows as the beam that it was made for.
        self.rows, self.fixed = sizes["ids"], [name for name in ("memory", "keys", "real") if name in sizes]

    def answer(self, raw: bytes, width=None) -> dict:
        """Answers a file's bytes, or a data URI.

        Returns:
            `caption`, `score` and `readable`, whether the picture could be decoded; or `label`, `probability`, of each
            class, and `readable`.
        """
        if self.writes:
            return {name: value for name, value in self.attended(raw, width).items() if name != "attention"}
        pixels, readable = self.pixels_of(raw, self.how["image"])
        labels = self.how["labels"]
        probability, label = np.full(len(labels), 1 / len(labels), SINGLE), ""
        if readable:
            probability = self.classify(pixels=pixels[None])["probability"][0]
            label = labels[int(probability.argmax())]
        return {"label": label, "probability": probability, "readable": readable}

    def attended(self, raw: bytes, width=None) -> dict:
        """Returns what `answer` returns of a text, and `attention`: each piece, and its weights `(rows, columns)`."""
        width = self.how["width"] if width is None else width
        self.search.check(width, self.rows)
        pixels, readable = self.pixels_of(raw, self.how["image"])
        written, score, weights = [], SINGLE(0), np.zeros((0, 1), SINGLE)
        if readable:
            opened = self.encode(pixels=pixels[None])
            self.interpreter.reset_all_variables()
            fixed = {name: opened.pop(name) for name in self.fixed}
            step = self.stepper(self.step, fixed, self.rows)
            written, score, weights = self.search.best(step, opened, width=width, limit=self.how["limit"])
        looked = [(self.pieces[number], seen.reshape(self.how["grid"])) for number, seen in zip(written, weights)]  # noqa: B905
        text = self.spelled(self.pieces, written)
        return {"caption": text, "score": score, "readable": readable, "attention": looked}


def plain(value):
    """Returns numbers and arrays of numbers as JSON has them, in seven digits."""
    return list(value) if value.ndim else float(f"{value:.7g}")


def shown(answer):
    """Returns the lines by which a person is told an answer."""
    if "label" in answer:
        return [f"{answer['label']}   {max(answer['probability']):.3f}"]
    lines = [f"{answer['caption']}   {answer['score']:.3f}"]
    for piece, weights in answer.get("attention", ()):
        row, column = np.unravel_index(weights.argmax(), weights.shape)
        rows, columns = weights.shape
        where = f"row {row + 1} of {rows}, column {column + 1} of {columns}"
        lines.append(f"    {piece}   {where}   {weights.max():.2f}")
    return lines


def main():
    """Answers the pictures that the command line names; returns how many there was no answer for."""
    parser = argparse.ArgumentParser(description="Answers pictures.")
    parser.add_argument("pictures", nargs="+", metavar="FILE", help="A .jpg or .png file, or a data URI.")
    parser.add_argument(
        "--beam", type=int, metavar="N", help="Beginnings kept at each step; 1: the most probable piece."
    )
    parser.add_argument("--json", action="store_true", help="One JSON object a picture.")
    parser.add_argument("--attention", action="store_true", help="Show where was looked for each piece.")
    asked, model, failed = parser.parse_args(), Model(), 0
    if not model.writes and (asked.beam is not None or asked.attention):
        parser.error("--beam and --attention are for models that write, and this one has labels. Leave them out.")
    for name in asked.pictures:
        told = f"{name[:60]}…" if name[:5].lower() == "data:" else name
        try:
            raw = os.fsencode(name) if name[:5].lower() == "data:" else pathlib.Path(name).read_bytes()
            answer = model.attended(raw, asked.beam) if asked.attention else model.answer(raw, asked.beam)
        except OSError as fault:
            print(f"{told} can't be read: {fault.strerror}. Give a .jpg or .png file.", file=sys.stderr)
            failed += 1
            continue
        except ValueError as fault:
            parser.error(str(fault))
        if not answer["readable"]:
            print(f"{told} can't be decoded: it is no JPEG or PNG file, too large or damaged.", file=sys.stderr)
            failed += 1
        if asked.json:
            print(json.dumps({"image": told, **answer}, ensure_ascii=False, default=plain), flush=True)
        elif answer["readable"]:
            first, *others = shown(answer)
            print("\n".join([f"{first}   {told}", *others]), flush=True)
    return failed


if __name__ == "__main__":
    try:
        sys.exit(1 if main() else 0)
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever reads has enough; what is buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
