"""Marks entities, or tags tokens, on a device: raw text -> tokens -> ids, letters, shapes -> model.tflite -> entities.

    python run.py "Ada Lovelace met Babbage."      or a text a line on standard input; --json: one object a row

Needs numpy and ai-edge-litert. A word's id is the number of its line in vocabulary.txt, from 0, and so is a tag's in
tags.txt; preparation.json says how texts are split and read, with the tables of Unicode that the training used. Where
there is windows.txt, its lines add up to the keys of windows of tokens that have ids, from 1.
"""

import argparse
import json
import os
import pathlib
import re
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

UNKNOWN = 1


class Text:
    """Splits a text into tokens and reads them, as the graph of the training did."""

    def __init__(self, folder):
        self.how = json.loads((folder / "preparation.json").read_text("utf-8"))
        names, tables = lines(folder / "vocabulary.txt"), self.how["lowered"]
        self.ids = {word: number for number, word in enumerate(names) if word} | self.how["on_several_lines"]
        runs = self.how["classes"]
        kinds = np.frombuffer(runs["kinds"].encode(), np.uint8)
        # The class of each code point, by which a text becomes one of ASCII.
        self.classes = np.repeat(kinds, np.diff([*runs["firsts"], sys.maxunicode + 1]))
        self.between = self.how["between"]
        self.token, self.ending = (re.compile(self.how[name], re.ASCII) for name in ("token", "ending"))
        self.shapes = re.compile("|".join(f"({shape})" for shape in self.how["shapes"]), re.ASCII)
        self.sign = len(self.how["shapes"]) + 1
        digits, cased, passed = map(span, (self.how["digit"], tables["cased"], tables["case_ignorable"]))
        self.digit = re.compile(f"[{digits}]")
        self.lower = {ord(letter): small for letter, small in tables["lower"].items()}
        self.windows = Windows(folder, self.how["windows"]) if self.how.get("windows") else None
        self.last_sigma = re.compile(f"([{cased}][{passed}]*)Σ(?![{passed}]*[{cased}])")

    def split(self, kinds: str) -> list[tuple[int, int]]:
        """Returns where the tokens of a text, given as classes, begin and end."""
        given, between = self.between in kinds, self.between
        # A text that has the separator is cut there, which then takes a place itself.
        if not given:
            kinds = self.token.sub(rf"{between}\g<0>{between}", kinds)
            kinds = self.ending.sub(rf"\1{between}\2{between}", kinds)
        places, start = [], 0
        for piece in kinds.split(between):
            end = start + len(piece)
            seen = piece if given else piece.strip(" ")
            if seen:
                places.append((start, end))
            start = end + given
        return places

    def read(self, text: str):
        """Returns places of the tokens that are read, their tensors, batch 1, and whether there were more."""
        points = np.fromiter(map(ord, text), np.int32, len(text))
        kinds = self.classes[points].tobytes().decode("ascii")
        places, how = self.split(kinds), self.how
        cut, places = len(places) > how["length"], places[: how["length"]]
        most, tail = how["letters"], how["tail"]
        points = 2 + points % (how["letter_ids"] - 2)
        ids, shapes = np.zeros((2, 1, len(places)), np.int32)
        letters = np.zeros((1, len(places), most), np.int32)
        for place, (start, end) in enumerate(places):
            ids[0, place] = self.ids.get(self.normal(text[start:end]), UNKNOWN)
            found = self.shapes.fullmatch(kinds, start, end)
            shapes[0, place] = found.lastindex if found else self.sign
            if end - start > most:
                letters[0, place, : most - tail] = points[start : start + most - tail]
                letters[0, place, most - tail :] = points[end - tail : end]
            else:
                letters[0, place, : end - start] = points[start:end]
        found = {"ids": ids, "letters": letters, "shapes": shapes}
        if self.windows:
            found["windows"] = self.windows.ids(letters[0])[None]
        return places, found, cut

    def normal(self, word: str) -> str:
        """Returns a word as it is looked up."""
        if self.how["lower"]:
            # TensorFlow's lower-casing ends at a NUL.
            word = word.partition("\0")[0]
            word = word.lower() if word.isascii() else self.last_sigma.sub(r"\1ς", word).translate(self.lower)
        return self.digit.sub("0", word) if self.how["digits"] else word


def span(pairs):
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in pairs)


class Windows:
    """Looks up what stands around each token, hashed."""

    def __init__(self, folder, how):
        self.prime, self.step = how["prime"], how["step"]
        # Behind them one that no key is.
        self.known = np.append(np.cumsum(np.fromfile(folder / "windows.txt", np.int64, sep="\n")), self.prime)
        self.readings, self.powers = np.array(how["readings"]), np.array(how["powers"])
        # Columns: what the first, or last, 1 to 4 letters count.
        self.heads = np.triu(np.repeat(self.powers[:4, None], 4, axis=1))
        self.tails = np.array([np.roll(column, -size) for size, column in enumerate(self.heads.T, 1)]).T
        templates = how["templates"]
        self.numbers = np.arange(1, len(templates) + 1)
        self.reach = max(offset for template in templates for offset, _ in template)
        self.parts = []
        for nth in range(max(map(len, templates))):
            having = [number for number, template in enumerate(templates) if len(template) > nth]
            places = [(self.reach + templates[number][nth][0]) * 12 + templates[number][nth][1] for number in having]
            self.parts.append((np.array(having), np.array(places)))

    def ids(self, letters):
        """Returns for tokens, by their letters, the id of each template; 0 of what is not known."""
        count = len(letters)
        slots = np.zeros((count + 2 * self.reach, 12), np.int64)
        slots[self.reach : self.reach + count] = self.slots(letters)
        slots, begins = slots.ravel(), 12 * np.arange(count)[:, None]
        keys = np.tile(self.numbers, (count, 1))
        for having, places in self.parts:
            values = slots[begins + places]
            made = (keys[:, having] * self.step + values + 1) % self.prime
            keys[:, having] = np.where(values < 0, -1, made)
        found = np.searchsorted(self.known, keys)
        return np.where(self.known[found] == keys, found + 1, 0).astype(np.int32)

    def slots(self, letters):
        """Hashes words: their letters, these small, their kinds, kinds without repeats, heads and tails; -1 is none."""
        read, counts = self.readings[letters], np.count_nonzero(letters, 1)[:, None]
        small, kinds = read[..., 1], read[..., 2]
        steps = kinds != np.concatenate([np.zeros_like(kinds[:, :1]), kinds[:, :-1]], 1)
        steps &= letters > 0
        brief = steps * kinds * self.powers[np.cumsum(steps, 1) - 1]
        last = np.take_along_axis(small, np.maximum(counts + np.arange(-4, 0), 0), 1)
        wholes = (read * self.powers[:, None]).sum(1)
        found = np.concatenate([wholes, brief.sum(1)[:, None], small[:, :4] @ self.heads, last @ self.tails], 1)
        return np.where(counts >= [0, 0, 0, 0, 2, 3, 4, 5, 2, 3, 4, 5], found % self.prime, -1)


class Chain:
    """Chooses the tags of a text together, by the weight of each move from tag to tag."""

    def __init__(self, how):
        self.moves, self.begin, self.end = (np.array(how[name]) for name in ("moves", "begin", "end"))
        self.shares = np.exp(self.moves - self.moves.max())

    def decoded(self, scores):
        """Finds the best path by the algorithm of Viterbi, and how likely it is by that of forward and backward.

        Args:
            scores: `(time, tags)`, time at least 1.

        Returns:
            Tags, the probability of each, and of each given the tag before, `(time,)`.
        """
        scores = scores.astype(np.float64)
        scores[0] += self.begin
        scores[-1] += self.end
        shares = np.exp(scores - scores.max(1, keepdims=True))
        best, alphas, origins = scores[0], [scaled(shares[0])], []
        for score, share in zip(scores[1:], shares[1:], strict=True):
            ways = best[:, None] + self.moves
            origins.append(ways.argmax(0))
            best = ways.max(0) + score
            alphas.append(scaled(alphas[-1] @ self.shares * share))
        path = [int(best.argmax())]
        for origin in reversed(origins):
            path.append(int(origin[path[-1]]))
        path.reverse()
        (likely, given), beta = np.ones((2, len(path)), np.float32), np.ones(len(best))
        for place in range(len(path) - 1, -1, -1):
            likely[place] = scaled(alphas[place] * beta)[path[place]]
            if place:
                ways = shares[place] * beta
                given[place] = scaled(self.shares[path[place - 1]] * ways)[path[place]]
                beta = scaled(self.shares @ ways)
        return path, likely, given


def scaled(weights):
    return weights / (weights.sum() or 1)


class Model:
    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.text, self.tags = Text(folder), lines(folder / "tags.txt")
        self.chain = Chain(self.text.how)
        self.written = {kind: [written(tag, kind) for tag in self.tags] for kind in "BI"}
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        self.run = self.interpreter.get_signature_runner("tags")
        shapes = {name: form["shape_signature"] for name, form in self.run.get_input_details().items()}
        # -1 is a free axis; to one of fixed length the tensors are padded with zeros.
        self.inputs, self.time = list(shapes), max(shapes["ids"][1], 0)

    def answer(self, raw: bytes) -> dict:
        """Returns tokens, tags and entities, each with its probability; places count code points, the end exclusive."""
        text = raw.decode("utf-8", "replace")
        places, tensors, cut = self.text.read(text)
        path, likely, given = self.decoded(tensors, len(places))
        found = {
            "token": [text[start:end] for start, end in places],
            "tag": self.named(path),
            "tag_probability": likely,
        }
        if self.text.how["entities"]:
            found |= self.marked(text, places, path, likely, given)
        return {**found, "cut": cut}

    def decoded(self, tensors, count):
        """Returns what `Chain.decoded` does, for so many tokens."""
        if not count:
            return [], np.zeros(0, np.float32), None
        given = {name: tensors[name] for name in self.inputs}
        if self.time > count:
            given = {name: np.pad(x, [(0, 0), (0, self.time - count), (0, 0)][: x.ndim]) for name, x in given.items()}
        scores = self.run(**given)["scores"][0, :count]
        self.interpreter.reset_all_variables()
        return self.chain.decoded(scores)

    def named(self, path):
        """Returns the names of tags, as their scheme writes them."""
        scheme, names = self.text.how["scheme"], [self.tags[number] for number in path]
        if not self.text.how["entities"] or scheme == "bioes":
            return names
        made, before = [], "O"
        for number, name in zip(path, names, strict=True):
            opens = name[0] in "BS"
            if scheme == "iob1":
                # A beginning is told only where an entity of the same label ends right before.
                opens = opens and before[0] in "ES" and before[2:] == name[2:]
            made.append(self.written["B" if opens else "I"][number])
            before = name
        return made

    def marked(self, text, places, path, likely, given):
        """Returns the entities, whose probability is that of all their tags together."""
        names = [self.tags[number] for number in path]
        firsts = [place for place, name in enumerate(names) if name[0] in "BS"]
        lasts = [place for place, name in enumerate(names) if name[0] in "ES"]
        pairs = zip(firsts, lasts, strict=True)
        chances = [likely[first] * np.prod(given[first + 1 : last + 1]) for first, last in pairs]
        starts, ends = [places[place][0] for place in firsts], [places[place][1] for place in lasts]
        pairs = zip(starts, ends, strict=True)
        return {
            "entity": [text[start:end].replace(self.text.between, " ") for start, end in pairs],
            "label": [names[place][2:] for place in firsts],
            "start": np.array(starts, np.int32),
            "end": np.array(ends, np.int32),
            "probability": np.array(chances, np.float32),
            "count": np.int32(len(firsts)),
        }


def written(tag, kind):
    return tag if tag == "O" else f"{kind}-{tag[2:]}"


def lines(path):
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


def shown(text, answer):
    """Returns a text with its entities in brackets, `[Ada Lovelace PER]`, or tokens with the tag behind each."""
    if "entity" not in answer:
        return " ".join(f"{token}/{tag}" for token, tag in zip(answer["token"], answer["tag"], strict=True))
    parts, done = [], 0
    for start, end, label in zip(answer["start"], answer["end"], answer["label"], strict=True):
        parts += [text[done:start], f"[{text[start:end]} {label}]"]
        done = end
    return "".join([*parts, text[done:]])


def plain(value):
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list):
        return [plain(each) for each in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Marks texts; without any, the lines of standard input.")
    parser.add_argument("texts", nargs="*", metavar="TEXT", type=os.fsencode)
    parser.add_argument("--json", action="store_true", help="One JSON object a row, with all that was found.")
    given, model = parser.parse_args(), Model()
    for raw in given.texts or (line.rstrip(b"\r\n") for line in sys.stdin.buffer):
        text, answer = raw.decode("utf-8", "replace"), model.answer(raw)
        row = {"text": text, **{name: plain(value) for name, value in answer.items()}}
        print(json.dumps(row, ensure_ascii=False) if given.json else shown(text, answer), flush=True)
