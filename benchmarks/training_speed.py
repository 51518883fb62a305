"""Training: one BiLSTM, the same IMDB rows -> real tokens/s with stock Keras and with rnnkit's batches and loops.

stock Keras: texts padded to 400 words, batches of 32 -> bucketed by length -> batches by token budget
rnnkit:      the same, with its own LSTM loop -> that loop compiled by XLA

Each step of this chain is measured, so that it shows where the gain comes from.
"""

import contextlib
import dataclasses
import os
import pathlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import yaml
from measuring import context, real_data

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings" / "training_speed.yaml"
STOCK_BATCH = 32
VALID_ROWS = 32


def add_flags(parser) -> None:
    """Adds the flags of this subject."""
    parser.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    parser.add_argument("--rows", type=int, default=2_000, help="Training rows, drawn from IMDB's.")
    parser.add_argument("--repeats", type=int, default=3, help="Measured epochs of each, after one to warm up.")


def measure(arguments) -> Iterator[dict]:
    """Yields a row per way of training, all at the end."""
    where = context()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    contenders, words = _contenders(arguments)
    seconds = {contender.name: [] for contender in contenders}
    compiling = {}
    for turn in range(arguments.repeats + 1):
        for contender in contenders:
            first, taken = contender.train()
            print(f"{contender.name:44} {taken:7.2f} s" + (f", first epoch {first:.2f} s" if first else ""), flush=True)
            if turn:
                seconds[contender.name].append(taken)
            else:
                compiling[contender.name] = (first or taken, taken if first else None)
    rows = [_row(contender, words, seconds[contender.name], compiling[contender.name]) for contender in contenders]
    for row in rows:
        yield row | {"times_stock": row["tokens_per_second"] / rows[0]["tokens_per_second"], "context": where}


def lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns the lines of the table."""
    return [_line(row) for row in rows]


@dataclasses.dataclass(frozen=True)
class Contender:
    """One way to train.

    Attributes:
        name: Of the way.
        train: Trains; returns the seconds of a first epoch that compiles, or None, and those of a warm one.
        steps: Gradient steps in an epoch.
        padded: Steps of an epoch's batches, padding included.
        jit: Whether Keras compiles the whole step by XLA.
    """

    name: str
    train: Callable[[], tuple[float | None, float]]
    steps: int
    padded: int
    jit: bool = False


def _contenders(arguments):
    """Returns the ways to train, and the words of an epoch that are no padding."""
    import keras

    from rnnkit.recipes.sentiment import RECIPE, Settings
    from rnnkit.settings import from_mapping
    from rnnkit.training.batches import Batches
    from rnnkit.training.store import encode

    settings = from_mapping(Settings, yaml.safe_load(SETTINGS.read_text()))
    splits, preparation = _prepared(RECIPE, settings, real_data(arguments.data_folder), arguments.rows)
    train, valid = (encode(rows, preparation, RECIPE.target) for rows in (splits.train, splits.valid))
    valid = Batches(valid, VALID_ROWS)
    budgeted = Batches(train, settings.batch_size, settings.token_budget, settings.seed)
    bucketed = Batches(train, STOCK_BATCH, 0, settings.seed)

    def build(stock):
        keras.utils.set_random_seed(settings.seed)
        with _stock_loops() if stock else contextlib.nullcontext():
            return RECIPE.build(preparation.facts, settings)

    def through_rnnkit(name, batches, *, stock, xla):
        chosen = dataclasses.replace(settings, xla=xla)
        way = _Fit(build(stock), batches, valid, RECIPE.objective(preparation.facts, chosen), chosen)
        padded = sum(length * batches.rows(length) for length, _ in batches.order(0))
        return Contender(name, way, len(batches), padded)

    arrays = _padded_arrays(train, settings.length + 1)
    budget = f"up to {settings.batch_size} rows, {settings.token_budget or 'any number of'} steps"
    contenders = [
        _stock_contender(build(True), arrays, settings),
        through_rnnkit(f"Keras LSTM, bucketed, batch {STOCK_BATCH}", bucketed, stock=True, xla="no"),
        through_rnnkit(f"Keras LSTM, {budget}", budgeted, stock=True, xla="no"),
        through_rnnkit(f"rnnkit LSTM, {budget}", budgeted, stock=False, xla="no"),
        through_rnnkit("rnnkit LSTM with XLA, the same batches", budgeted, stock=False, xla="yes"),
    ]
    # Each row's first step is the token that starts every text.
    return contenders, int(train.lengths.sum()) - len(train)


def _prepared(recipe, settings, data, rows):
    import pandas as pd

    from rnnkit.progress import SILENT

    whole = pd.read_csv(data / "sentiment/imdb/train.tsv.gz", sep="\t", quoting=3, dtype=str)
    drawn = whole.sample(rows + VALID_ROWS, random_state=0)[["text", "label"]]
    train, valid = drawn[:rows], drawn[rows:]
    splits = recipe.read(train, valid, valid, settings, None)
    return splits, recipe.prepare(splits.train, settings, SILENT)


@contextlib.contextmanager
def _stock_loops():
    """Has `recurrent_stack` build with Keras' own LSTM, so that all else of the model is the same."""
    import keras

    from rnnkit.layers import stack

    def stock(units, *, weight_dropout, **kwargs):
        return keras.layers.LSTM(units, **kwargs)

    own, stack.CELLS["lstm"] = stack.CELLS["lstm"], stock
    try:
        yield
    finally:
        stack.CELLS["lstm"] = own


def _padded_arrays(store, length):
    column = store.sequences["ids"]
    ids = np.zeros((len(store), length), column.dtype)
    for row in range(len(store)):
        steps = column.row(row)
        ids[row, : len(steps)] = steps
    return ids, store.targets


def _stock_contender(core, arrays, settings):
    """Plain `compile` and `fit` on arrays, as Keras' guides show them, with the optimiser of the others."""
    import keras

    from rnnkit.training.optimizers import optimizer

    ids, targets = arrays
    steps = -(-len(ids) // STOCK_BATCH)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    core.compile(optimizer(settings, steps * settings.epochs), loss)

    def train():
        begin = time.perf_counter()
        core.fit({"ids": ids}, targets, batch_size=STOCK_BATCH, epochs=1, verbose=0)
        return None, time.perf_counter() - begin

    name = f"Keras LSTM, padded to {ids.shape[1] - 1}, batch {STOCK_BATCH}"
    return Contender(name, train, steps, ids.size, jit=bool(core.jit_compile))


@dataclasses.dataclass(frozen=True)
class _Fit:
    """rnnkit's own `fit`, two epochs a call: the first one traces anew, the second is what counts."""

    core: object
    train: object
    valid: object
    objective: object
    settings: object

    def __call__(self):
        from rnnkit.training.fit import fit

        settings = dataclasses.replace(self.settings, epochs=2)
        first, second = fit(self.core, self.train, self.valid, self.objective, settings).epochs
        return first["seconds"], second["seconds"]


def _row(contender, words, seconds, compiling):
    first, warm = compiling
    taken = statistics.median(seconds)
    return {
        "way": contender.name,
        "jit_compile": contender.jit,
        "steps": contender.steps,
        "words": words,
        "padding_share": 1 - words / contender.padded,
        "seconds": seconds,
        "tokens_per_second": words / taken,
        "lowest": words / max(seconds),
        "highest": words / min(seconds),
        "compile_seconds": first - (taken if warm is None else warm),
    }


def _line(row):
    return {
        "way": row["way"],
        "steps": row["steps"],
        "padding": f"{row['padding_share']:.0%}",
        "tokens/s": f"{row['tokens_per_second']:,.0f}",
        "lowest": f"{row['lowest']:,.0f}",
        "highest": f"{row['highest']:,.0f}",
        "times stock": f"{row['times_stock']:.2f}",
        "compile s": f"{row['compile_seconds']:.1f}",
    }
