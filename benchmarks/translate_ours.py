"""rnnkit, driven: Multi30k -> texts and pieces for JoeyNMT; seconds of training steps and of translating.

All of it runs in a process of its own, which keeps the model that is trained or asked.
"""

import collections
import gzip
import math
import os
import pathlib
import time
import unicodedata
from collections.abc import Mapping, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_RUNNING = {}
"""What this process trains and asks."""
FILES = {"data": "train", "valid": "val", "test": "test_2016_flickr"}
LANGUAGES = ("en", "de")


def read_lines(path: pathlib.Path) -> list[str]:
    """Reads the lines of a .gz file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return file.read().removesuffix("\n").split("\n")


def files(data: pathlib.Path) -> dict[str, str]:
    """Returns the settings that name the files of Multi30k."""
    return {
        name: ",".join(str(data / f"{file}.{language}.gz") for language in LANGUAGES) for name, file in FILES.items()
    }


def write_for_joeynmt(
    data: pathlib.Path, texts: Sequence[str], work: pathlib.Path, size: int, seed: int
) -> dict[str, object]:
    """Writes texts and pieces as JoeyNMT reads them.

    Args:
        data: Folder of Multi30k.
        texts: What is to be translated.
        work: Folder to write to.
        size: Ids of both sides together, 4 reserved ones included.
        seed: Of the pieces.

    Returns:
        JoeyNMT's settings of what was written, by dotted names.
    """
    from rnnkit.features.piece_learning import train_model

    words = collections.Counter()
    for language in LANGUAGES:
        lines = [unicodedata.normalize("NFC", line) for line in read_lines(data / f"train.{language}.gz")]
        words.update(word for line in lines for word in line.split())
        (work / f"train.{language}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    # Without references, that JoeyNMT doesn't score what it translates.
    asked = "".join(f"{unicodedata.normalize('NFC', text)}\n" for text in texts)
    (work / "test.en").write_text(asked, encoding="utf-8")
    model = train_model(words, kind="bpe", size=size, seed=seed)
    (work / "pieces.model").write_bytes(model)
    (work / "pieces.txt").write_text("".join(f"{piece}\n" for piece in _pieces_of(model)), encoding="utf-8")
    settings = {"data.train": str(work / "train"), "data.test": str(work / "test"), "data.dataset_type": "plain"}
    for side, language in zip(("src", "trg"), LANGUAGES, strict=True):
        settings |= {
            f"data.{side}.lang": language,
            f"data.{side}.level": "bpe",
            f"data.{side}.voc_file": str(work / "pieces.txt"),
            f"data.{side}.tokenizer_type": "sentencepiece",
            f"data.{side}.tokenizer_cfg.model_file": str(work / "pieces.model"),
        }
    return settings


def _pieces_of(model):
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(place) for place in range(4, processor.get_piece_size())]


def prepare(settings: Mapping[str, object], steps: int, threads: int, pieces: str) -> dict:
    """Builds the recipe's model, and its batches: the first of an epoch, the same ones at each call of `train`.

    Args:
        settings: Of the recipe.
        steps: Gradient steps of a call.
        threads: Of TensorFlow, within an op.
        pieces: File of the pieces that the other side has.

    Returns:
        `parameters`, `vocabulary`, `pairs`, `threads`, and `shared`, the share of pieces that both sides have.
    """
    _threads(threads)
    from rnnkit.features.pieces import Pieces
    from rnnkit.progress import SILENT
    from rnnkit.recipes.translate import RECIPE
    from rnnkit.settings import from_mapping
    from rnnkit.training.fit import fit

    chosen = from_mapping(RECIPE.settings, {**settings, "epochs": 2, "steps_per_epoch": steps, "patience": 1_000})
    splits = RECIPE.read(chosen.data, chosen.valid, chosen.test, chosen, lambda done, total: None)
    preparation = RECIPE.prepare(splits.train, chosen, SILENT)
    core = RECIPE.build(preparation.facts, chosen)
    train, valid = RECIPE.batches(preparation, splits, chosen, SILENT)
    objective = RECIPE.objective(preparation.facts, chosen)
    first = FirstBatches(train, steps)
    _RUNNING["epochs"] = lambda: fit(core, first, FirstBatches(valid, 1), objective, chosen).epochs
    _RUNNING["counts"] = first.counts()
    others = set(pathlib.Path(pieces).read_text(encoding="utf-8").splitlines())
    layers = [layer for layer in preparation.features.layers if isinstance(layer, Pieces)]
    return {
        "parameters": sum(math.prod(weight.shape) for weight in core.trainable_variables),
        "vocabulary": preparation.facts["vocabulary"],
        "pairs": len(splits.train),
        "threads": threads,
        "shared": len(others & set(layers[0].pieces)) / len(others) if layers else None,
        "xla": chosen.xla,
    }


def train() -> dict:
    """Trains two epochs by rnnkit's `fit`: the first traces and compiles, the second counts."""
    first, second = _RUNNING["epochs"]()
    told = {"seconds": second["seconds"], "first_seconds": first["seconds"], "loss": second["loss"]}
    return told | _RUNNING["counts"]


class FirstBatches:
    """The first batches of an epoch, for `fit`, as if they were all.

    Attributes:
        steps_in_all: Real steps of them.
        rows_in_all: Real rows of them.
    """

    def __init__(self, batches, count: int):
        self.batches, self.count = batches, min(count, len(batches))
        counts = self.counts()
        self.steps_in_all, self.rows_in_all = counts["tokens"], counts["sentences"]

    def __len__(self):
        return self.count

    def counts(self) -> dict[str, int]:
        """Counts the real and the padded steps of the targets, the end of each text included."""
        told = {"steps": self.count, "sentences": 0, "tokens": 0, "padded": 0}
        for _, targets, weights in self.dataset(repeat=False).as_numpy_iterator():
            told["sentences"] += int((weights > 0).sum())
            told["tokens"] += int((targets[weights > 0] > 0).sum())
            told["padded"] += targets.size
        return told

    def dataset(self, *, repeat: bool, start: int = 0):
        """Returns them once, or again and again."""
        made = self.batches.dataset(repeat=False).take(self.count)
        return (made.repeat() if repeat else made).skip(start)


def load(path: str, threads: int) -> dict:
    """Loads a bundle to be asked, and returns what its card says of its training."""
    _threads(threads)
    import rnnkit

    bundle = rnnkit.load(path)
    _RUNNING["signature"] = bundle.model.signatures["serving_default"]
    card = bundle.card
    kept = ("parameters", "train_seconds", "tokens_per_second", "epochs", "settings")
    return {name: card[name] for name in kept} | {"threads": threads}


def translate(texts: Sequence[str], batch: int, width: int) -> dict:
    """Translates texts in their order, `batch` at a time, by the SavedModel's signature, from strings to strings."""
    import tensorflow as tf

    signature = _RUNNING["signature"]
    inputs = signature.structured_input_signature[1]
    rest = {name: tf.constant(width, spec.dtype) for name, spec in inputs.items() if name != "text"}
    begin = time.perf_counter()
    answers = []
    for start in range(0, len(texts), batch):
        answer = signature(text=tf.constant(texts[start : start + batch]), **rest)
        answers += answer["translation"].numpy().tolist()
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "texts": [answer.decode("utf-8") for answer in answers]}


def _threads(count):
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
    except RuntimeError:
        # TensorFlow has begun: this process has been told before, and is always told the same.
        pass
