"""Reads and writes piano rolls on a device: frames -> model.tflite, one by one -> what each cost, or a .mid file.

    python run.py < rolls.jsonl                          a piece a line: [[0, 1, …], …], or {"roll": …}
    python run.py --write 128 --output piece.mid         a piece of 128 frames, from silence
    python run.py --write 128 --primer opening.json …    that goes on from a roll

Needs numpy and ai-edge-litert. preparation.json says which pitches and how long frames are; run_midi.py, which lies
beside, writes MIDI.
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


class Model:
    """The model and what its rolls are, from the files of a folder."""

    def __init__(self, folder=pathlib.Path(__file__).parent, file="model.tflite", threads=1):
        self.folder = folder
        self.how = json.loads((folder / "preparation.json").read_text("utf-8"))
        self.interpreter = Interpreter(str(folder / file), num_threads=threads)
        self.known = self.interpreter.get_signature_list()
        self.runners = {name: self.interpreter.get_signature_runner(name) for name in self.known}
        details = self.runners["score"].get_input_details()
        self.shapes = {name: tuple(details[name]["shape"]) for name in self.how["states"]}

    def begin(self):
        """Returns the frame before a piece, silence, and the states."""
        states = {name: np.zeros(shape, SINGLE) for name, shape in self.shapes.items()}
        return np.zeros((1, self.how["pitches"]), SINGLE), states

    def step(self, name, states, **inputs):
        """Goes on by one frame: what the signature answers, and the states after."""
        found = self.runners[name](**inputs, **states)
        return found, {name: found[name] for name in states}

    def answer(self, roll) -> dict:
        """Answers a roll `(frames, pitches)`: `nats` of each frame, and the `probability` of each of its pitches."""
        frames, real = self.read(roll)
        nats, probability = np.zeros(len(frames), SINGLE), np.zeros(frames.shape, SINGLE)
        before, states = self.begin()
        for place in range(real):
            frame = frames[place : place + 1]
            found, states = self.step("score", states, before=before, frame=frame)
            nats[place], probability[place], before = found["nats"][0], found["probability"][0], frame
        return {"nats": nats, "probability": probability}

    def read(self, roll):
        """Returns what sounds, 1 or 0, and how many frames there are: those of nothing but NaN at the end are none."""
        pitches = self.how["pitches"]
        rows = [[np.nan if value is None else value for value in frame] for frame in roll]
        if odd := [len(row) for row in rows if len(row) != pitches]:
            raise ValueError(f"a frame must have {pitches} pitches. Got {odd[0]}")
        values = np.array(rows, SINGLE).reshape(-1, pitches)
        told = np.flatnonzero(~np.isnan(values).all(1))
        return (values > 0).astype(SINGLE), int(told[-1]) + 1 if len(told) else 0

    def write(self, length, primer=(), temperature=1.0, seed=0):
        """Returns a primer's frames and so many more, `(frames, pitches)` of 0 and 1."""
        if "draw" not in self.known:
            raise ValueError("this model was quantised to int8, and draws no frames. Export it with another --quantize")
        frames, real = self.read(primer)
        random, made = np.random.default_rng(seed), list(frames[:real])
        before, states = self.begin()
        for place in range(real + length):
            draws = random.random(before.shape).astype(SINGLE)
            how = {"draws": draws, "temperature": np.full((1, 1), temperature, SINGLE)}
            found, states = self.step("draw", states, before=before, **how)
            if place >= real:
                made.append(found["drawn"][0])
            before = made[place][None]
        return np.array(made, SINGLE).reshape(-1, self.how["pitches"])

    def midi(self, roll, tempo=120.0):
        """Returns a roll as the bytes of a .mid file; each run of frames in which a pitch sounds is a note."""
        beside = runpy.run_path(str(pathlib.Path(__file__).with_name("run_midi.py")))
        step, lowest, notes = self.how["frame"], self.how["lowest"], []
        edges = np.diff(np.pad(np.asarray(roll, np.int8), [(1, 1), (0, 0)]), axis=0).T
        for pitch, course in enumerate(edges):
            starts, ends = np.flatnonzero(course > 0).tolist(), np.flatnonzero(course < 0).tolist()
            notes += [(step * start, step * (end - start), lowest + pitch) for start, end in zip(starts, ends)]  # noqa: B905
        return beside["midi_bytes"](sorted(notes), tempo=tempo, ticks=self.how["ticks"])


def roll_in(line):
    told = json.loads(line)
    return told["roll"] if isinstance(told, dict) else told


def main():
    """Writes a piece, or answers rolls from standard input."""
    parser = argparse.ArgumentParser(description="Reads rolls of standard input, or writes one.")
    parser.add_argument("--write", type=int, default=0, metavar="N", help="Frames to write.")
    parser.add_argument("--primer", type=pathlib.Path, help="A roll to go on from, JSON.")
    parser.add_argument("--output", type=pathlib.Path, default="piece.mid", help="A .mid file.")
    parser.add_argument("--temperature", type=float, default=1.0, help="Chances are sharper below 1.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tempo", type=float, default=120.0, help="Quarters a minute.")
    asked, done = parser.parse_args(), 0
    model = Model()
    try:
        if asked.write > 0:
            primer = roll_in(asked.primer.read_text("utf-8")) if asked.primer else ()
            roll = model.write(asked.write, primer, asked.temperature, asked.seed)
            asked.output.write_bytes(model.midi(roll, asked.tempo))
            return
        for line in sys.stdin:
            if line.strip():
                told = model.answer(roll_in(line))
                print(json.dumps({name: value.tolist() for name, value in told.items()}), flush=True)
                done += 1
    except (LookupError, TypeError, ValueError) as fault:
        what = f"there is no {fault}" if isinstance(fault, KeyError) else fault
        print(f"after {done} pieces: {what}.", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever reads has enough; what is buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
