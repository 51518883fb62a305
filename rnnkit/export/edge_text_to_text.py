"""Text to text on a device: pieces and an encoder-decoder -> plain files and signatures by which run_text_to_text.py
writes as the graph does.

Its signatures are those of `edge_writing`.
"""

import dataclasses
import functools
import json
import pathlib
import unicodedata
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls
from rnnkit.export.edge import Edge, Parts
from rnnkit.export.edge_text import ranges, unicode_tables
from rnnkit.export.edge_writing import SEARCH, WritingSteps, lines_of, pieces_file
from rnnkit.features.pieces import Pieces
from rnnkit.layers.embedding import END
from rnnkit.layers.encoder_decoder import taken_apart
from rnnkit.writing.writer import TEXT, Writer, limits

SCRIPT = pathlib.Path(__file__).with_name("run_text_to_text.py")
OUTPUTS = {"text": "translation", "score": "score", "cut": "cut"}
"""What is answered -> its name: the text written, its score, whether the text had more pieces than are read."""


def text_to_text_edge(
    source: Pieces,
    target: Pieces,
    core: keras.Model,
    *,
    width: int,
    controls: Controls,
    outputs: Mapping[str, str] = OUTPUTS,
    length: int | None = None,
) -> Edge:
    """Describes what a core that writes a text for a text needs on a device.

    Args:
        source, target: Pieces of what is read and of what is written.
        core: From `ids (batch, time)` and `target (batch, steps)`; its decoder has the name `decoder`.
        width: Of the beam.
        controls: What the search favours and may not write.
        outputs: As `OUTPUTS`, the names that a row is answered by.
        length: Fixes the time axis: so many ids are read, those of start and end among them. Then the rows of a step
            are `width`, and a third signature, `greedy`, answers ids by ids in one call, for micro-controllers. It is
            left out where the controls need what TFLite has no op for: a penalty of repetition or blocked n-grams.

    Raises:
        ValueError: The length leaves no place for a piece, or a piece has a line break.
    """
    if length is not None:
        source = _shorter(source, length)
    writer = Writer(source, target, taken_apart(core), controls, width)
    signatures = _Signatures(writer, length)

    def function(text):
        found = writer.write(text)
        return {outputs[name]: found[ours] for name, ours in OUTPUTS.items()}

    return Edge(
        # Compiled, for step by step in Python a search takes a hundred times as long.
        function=tf.function(function, autograph=False, reduce_retracing=True),
        inputs=(TEXT,),
        files=_files(source, target, width, controls, outputs),
        script=SCRIPT,
        padded=True,
        parts=Parts(signatures.by_name(), signatures.examples, floats=("greedy",)),
        fixed=functools.partial(_fixed, source, target, core, width, controls, outputs),
    )


def _fixed(source, target, core, width, controls, outputs, length):
    return text_to_text_edge(source, target, core, width=width, controls=controls, outputs=outputs, length=length)


def _shorter(source, length):
    reserved = 2 if source.start else 1
    if length <= reserved:
        raise ValueError(f"length must be at least {reserved + 1}, for a piece and the ids around it. Got {length}.")
    config = source.get_config()
    return Pieces.from_config({**config, "length": min(source.length, length - reserved)})


@dataclasses.dataclass(frozen=True)
class _Signatures:
    """The signatures of the file."""

    writer: Writer
    length: int | None

    @functools.cached_property
    def steps(self) -> WritingSteps:
        ids = tf.TensorSpec([1, self.length], tf.int32, name="ids")
        how = {"controls": self.writer.controls, "width": self.writer.width, "time": self.length}
        return WritingSteps(self.writer.apart, ids, **how, fixed=self.length is not None)

    def by_name(self) -> dict[str, Signature]:
        made = self.steps.by_name()
        if self.length and self.steps.plain:
            made["greedy"] = Signature(self.greedy, (self.steps.reads,))
        return made

    def greedy(self, ids):
        """Ids `(1, time)`, padded with 0 -> `written (1, steps)`, padded with 0, and `score (1,)`."""
        most = 2 * (self.length - (2 if self.writer.source.start else 1)) + 10
        return self.steps.greedily(ids, limits(ids), most)

    def examples(self, rows):
        """Yields the calls by which texts are answered: each text's reading, and a few steps of what is written."""
        encoded = [self.writer.source(tf.constant(row["text"])) for row in rows]
        encoded = [ids for ids in encoded if limits(ids)[0]]
        # TensorFlow's calibrator takes one input of a call after the other, and breaks down where the time has
        # changed in one of them: so all steps look at texts of one length, and longer ones are cut to it.
        time = sorted(ids.shape[1] for ids in encoded)[len(encoded) // 2] if encoded else 0
        for ids in encoded:
            filled = tf.pad(ids, [[0, 0], [0, max((self.length or 0) - ids.shape[1], 0)]])
            yield "encode", {"ids": filled.numpy()}
            if self.length:
                yield from self.written(filled)
            elif ids.shape[1] >= time:
                yield from self.written(tf.concat([ids[:, : time - 1], [[END]]], 1))

    def written(self, ids):
        return self.steps.examples(ids, int(tf.math.count_nonzero(ids)) * 2)


def _files(source, target, width, controls, outputs):
    files, how = splitting(source)
    joint = source.pieces == target.pieces
    return {
        **files,
        SEARCH.name: SEARCH.read_text("utf-8"),
        **({} if joint else {"written_pieces.txt": pieces_file(target)}),
        "preparation.json": json.dumps(
            {
                **how,
                "written": "pieces.txt" if joint else "written_pieces.txt",
                "width": width,
                **dataclasses.asdict(controls),
                "outputs": {name: outputs[name] for name in OUTPUTS},
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        + "\n",
    }


def splitting(pieces: Pieces) -> tuple[dict[str, str], dict]:
    """Returns the plain files by which run_text_to_text.py splits a text, and what it is told of them.

    Raises:
        ValueError: A piece has a line break.
    """
    scores = list(pieces.scores) + [min(pieces.scores, default=0.0)] * (len(pieces.pieces) - len(pieces.scores))
    scored = pieces.kind in ("bpe", "unigram")
    # The line's number, from 0, is the id.
    files = {"pieces.txt": pieces_file(pieces), **({"scores.txt": lines_of(map(repr, scores))} if scored else {})}
    how = {name: getattr(pieces, name) for name in ("kind", "normalization", "lower", "length", "start")}
    return files, {**how, "unicode": {**unicode_tables(), "assigned": _assigned()}}


@functools.cache
def _assigned():
    """Ranges of the code points that the tables of this Python, which the graph's forms were made by, have."""
    points = [point for point in range(0x110000) if unicodedata.category(chr(point)) not in ("Cn", "Cs")]
    return ranges(np.array(points))
