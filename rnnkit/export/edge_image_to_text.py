"""Images to text on a device: a captioner or a classifier -> plain files and signatures by which run_image_to_text.py
answers as the graph does.

The script decodes a picture by run_images.py. Captions have the signatures of `edge_writing`, classes a single one.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterator

import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.captioning.captioner import IMAGE, Captioner, Classifier
from rnnkit.export.edge import Edge, Parts
from rnnkit.export.edge_writing import SEARCH, WritingSteps, pieces_file
from rnnkit.features.images import DecodeImages
from rnnkit.features.pieces import Pieces

SCRIPT = pathlib.Path(__file__).with_name("run_image_to_text.py")
IMAGES = SCRIPT.with_name("run_images.py")
PIECES = "pieces.txt"
CLASSIFY = "classify"
"""The signature that tells classes apart."""


def image_to_text_edge(captioner: Captioner, *, length: int | None = None) -> Edge:
    """Describes what a captioner needs on a device.

    Args:
        captioner: As it is served.
        length: For micro-controllers: at most so many pieces are written, a step has as many rows as the beam, and a
            third signature, `greedy`, writes in one call. It is left out where the controls need what TFLite has no op
            for: a penalty of repetition or blocked n-grams.

    Raises:
        ValueError: The length is below 1, or a piece has a line break.
    """
    if length is not None:
        captioner = dataclasses.replace(captioner, target=_shorter(captioner.target, length))
    signatures = _Captions(captioner, fixed=length is not None)
    controls = dataclasses.asdict(captioner.controls)
    how = {"width": captioner.width, "limit": captioner.target.length, "grid": captioner.apart.grid, **controls}
    return Edge(
        function=tf.function(captioner.write, autograph=False, reduce_retracing=True),
        inputs=(IMAGE,),
        files={
            **_files(captioner.decode, "text", how),
            PIECES: pieces_file(captioner.target),
            SEARCH.name: SEARCH.read_text("utf-8"),
        },
        script=SCRIPT,
        padded=False,
        parts=Parts(signatures.by_name(), signatures.examples, floats=("greedy",)),
        fixed=lambda length: image_to_text_edge(captioner, length=length),
    )


def image_to_label_edge(classifier: Classifier) -> Edge:
    """Describes what a classifier needs on a device."""
    shape = [1, *classifier.decode.shape]
    signature = Signature(classifier.probability, (tf.TensorSpec(shape, tf.uint8, name="pixels"),))
    return Edge(
        function=tf.function(classifier.answer, autograph=False, reduce_retracing=True),
        inputs=(IMAGE,),
        files=_files(classifier.decode, "label", {"labels": list(classifier.labels)}),
        script=SCRIPT,
        padded=False,
        parts=Parts({CLASSIFY: signature}, functools.partial(_decoded, classifier.decode)),
        fixed=lambda length: image_to_label_edge(classifier),
    )


def _shorter(pieces, length):
    if length < 1:
        raise ValueError(f"length must be at least 1, for a piece that is written. Got {length}.")
    return Pieces.from_config({**pieces.get_config(), "length": min(pieces.length, length)})


def _files(decode: DecodeImages, answer, how):
    names = ("height", "width", "channels", "fit", "most_pixels")
    how = {"answer": answer, "image": {name: getattr(decode, name) for name in names}, **how}
    text = json.dumps(how, ensure_ascii=False, separators=(",", ":"))
    return {"preparation.json": f"{text}\n", IMAGES.name: IMAGES.read_text("utf-8")}


def _decoded(decode, rows) -> Iterator[tuple[str, dict]]:
    """Yields the call by which each picture is answered."""
    for row in rows:
        yield CLASSIFY, {"pixels": decode(tf.constant(row["image"])).numpy()}


@dataclasses.dataclass(frozen=True)
class _Captions:
    """The signatures of a file that writes."""

    captioner: Captioner
    fixed: bool

    @functools.cached_property
    def steps(self) -> WritingSteps:
        apart, shape = self.captioner.apart, self.captioner.decode.shape
        pixels, time = tf.TensorSpec([1, *shape], tf.uint8, name="pixels"), apart.grid[0] * apart.grid[1]
        how = {"controls": self.captioner.controls, "width": self.captioner.width}
        return WritingSteps(apart, pixels, **how, time=time, fixed=self.fixed)

    def by_name(self) -> dict[str, Signature]:
        made = self.steps.by_name()
        if self.fixed and self.steps.plain:
            made["greedy"] = Signature(self.greedy, (self.steps.reads,))
        return made

    def greedy(self, pixels):
        """Pixels `(1, height, width, channels)` -> `written (1, steps)`, padded with 0, and `score (1,)`."""
        most = self.captioner.target.length
        return self.steps.greedily(pixels, tf.constant([most]), most)

    def examples(self, rows) -> Iterator[tuple[str, dict]]:
        """Yields the calls by which pictures are answered: each one's encoding, and a few steps of what is written."""
        for row in rows:
            pixels, limit, readable = self.captioner.read(tf.constant(row["image"]))
            if readable[0]:
                yield "encode", {"pixels": pixels.numpy()}
                yield from self.steps.examples(pixels, int(limit[0]))
