"""Captions: Flickr8k's first thousand pictures, scenes of digits, digits line by line; and pictures a second.

python benchmarks/captions.py quality [--data flickr|scenes|digits] [--seeds 0] [--extra "--units 256"] [--keep DIR]
python benchmarks/captions.py speed --bundle DIR [--images photos.zip] [--beam 3]
"""

import argparse
import csv
import json
import pathlib
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

from measuring import RNNKIT, context, measured, mib, print_table, read_results, real_data, seeds, write_results
from ner import Figure
from translate import merged

RECIPE = "caption"
SETTINGS = pathlib.Path(__file__).resolve().parent / "settings" / "captions_flickr.yaml"
FOLDER = pathlib.Path("captioning") / "flickr8k_1000"
PARTS = {"train": slice(0, 800), "valid": slice(800, 900), "test": slice(900, 1_000)}
"""Of the pictures in the order of their names."""
KEY = ("data", "variant", "seed")
QUICK = ("--epochs", "1", "--filters", "4", "--units", "8")
KEPT = ("epochs", "best_epoch", "train_seconds", "examples_per_second", "tokens_per_second", "parameters", "notes")
SCORES = ("cider_d", "bleu_4")
BATCHES = (1, 32)
"""Pictures in a request, where pictures a second are measured."""


def main() -> None:
    """Measures what the command line names."""
    arguments = _arguments()
    arguments.measure(arguments)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    quality = parsers.add_parser("quality", help="Scores beside the baselines of the same run.")
    quality.add_argument("--data", choices=("flickr", "scenes", "digits"), default="flickr")
    quality.add_argument("--settings", default="", help="YAML file; settings/captions_flickr.yaml for flickr.")
    quality.add_argument("--seeds", type=seeds, default="0", help="Such as 0,1,2; 0 by default.")
    quality.add_argument("--extra", type=shlex.split, default=[], help='Further flags of `rnnkit run`: "--units 64".')
    quality.add_argument("--keep", default="", help="Folder in which the bundle stays, for `speed`.")
    quality.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    quality.add_argument("--quick", action="store_true", help="One epoch of a tiny model: does the command work?")
    quality.set_defaults(measure=measure_quality)
    speed = parsers.add_parser("speed", help="Pictures a second, from encoded bytes to captions.")
    speed.add_argument("--bundle", required=True, help="Of `quality --keep`.")
    speed.add_argument("--images", default="", help="A .zip of pictures; those of flickr by default.")
    speed.add_argument("--beam", type=int, default=3, help="Width of the beam, 3 by default.")
    speed.add_argument("--passes", type=int, default=5, help="Times that all are captioned, after one to warm up.")
    speed.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    speed.set_defaults(measure=measure_speed)
    return parser.parse_args()


def measure_quality(arguments) -> None:
    """Trains seed by seed in a process of its own each."""
    name = f"captions_{arguments.data}{'_quick' if arguments.quick else ''}"
    with tempfile.TemporaryDirectory(prefix="rnnkit-captions-") as folder:
        flags = _flags(arguments, pathlib.Path(folder))
        for seed in arguments.seeds:
            row = {"data": arguments.data, "variant": " ".join(arguments.extra), "seed": seed, "context": context()}
            row |= _trained([*flags, "--seed", seed], arguments.keep or folder)
            written = write_results(name, merged(read_results(name), [row], KEY))
            _show(row)
    print(written)


def _flags(arguments, folder) -> list:
    flags = ["--preset", "row-digits"] if arguments.data == "digits" else []
    if arguments.data == "flickr":
        source = real_data(arguments.data_folder) / FOLDER
        flags = ["--images", source / "images.zip", "--config", arguments.settings or SETTINGS]
        for part, path in _cut(source / "captions.txt", folder).items():
            flags += ["--data" if part == "train" else f"--{part}", path]
    elif arguments.settings:
        flags += ["--config", arguments.settings]
    return [*flags, *(QUICK if arguments.quick else ()), *arguments.extra]


def _cut(captions: pathlib.Path, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Writes a table for each split, of pictures in the order of their names."""
    with captions.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["image"] for row in rows})
    paths = {}
    for part, places in PARTS.items():
        chosen, paths[part] = set(names[places]), folder / f"{part}.csv"
        with paths[part].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ("image", "caption"))
            writer.writeheader()
            writer.writerows(row for row in rows if row["image"] in chosen)
    return paths


def _trained(flags: Sequence, out: str | pathlib.Path) -> dict:
    cost = measured([*RNNKIT, "run", RECIPE, *flags, "--out", out, "--json"])
    card = json.loads(cost.output.splitlines()[-1])
    return {
        "scores": {name: each["test"] for name, each in card["baselines"].items()} | {RECIPE: card["scores"]["test"]},
        "valid_scores": card["scores"]["valid"],
        "pictures": card["data"]["rows"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "losses": card.get("losses", {}),
        **{name: card[name] for name in KEPT},
    }


def _show(row: Mapping) -> None:
    scores = row["scores"]
    shown = ("cider_d", "bleu_4", "bleu_1", "chrf", "exact_match", "distinct", "accuracy", "macro_f1")
    lines = [
        {"method": method} | {name: f"{each[name]:.4f}" for name in shown if name in each}
        for method, each in scores.items()
    ]
    counts = " / ".join(f"{row['pictures'][split]:,}" for split in PARTS)
    print_table(f"{row['data']}, seed {row['seed']}: {counts} pictures", lines)
    cost = {
        "parameters": f"{row['parameters']:,}",
        "epoch": f"{row['best_epoch']} of {row['epochs']}",
        "train s": f"{row['train_seconds']:,.1f}",
        "whole s": f"{row['whole_seconds']:,.1f}",
        "pictures/s": f"{row['examples_per_second']:,.1f}",
        "peak memory": mib(row["peak_bytes"]),
    }
    print_table("what it took", [cost])
    print_table("figures", _figures(row["data"], scores, row["train_seconds"]))


def _figures(data, scores, seconds):
    ours = scores[RECIPE]
    if data == "scenes":
        found = Figure("exact captions of unseen combinations, %", 85, 98).line(100 * ours["exact_match"])
        return [found, Figure("seconds of training", 300, below=True).line(seconds)]
    if data == "digits":
        return [Figure("accuracy, %", 97, 98.5).line(100 * ours["accuracy"])]
    least = {name: max(scores[each][name] for each in ("most_frequent", "nearest_image")) for name in SCORES}
    return [
        Figure(f"{name}, above the most frequent caption's and the nearest picture's", least[name]).line(ours[name])
        for name in SCORES
    ]


def measure_speed(arguments) -> None:
    """Asks a SavedModel for captions, as a server would: bytes of files in, texts out."""
    import zipfile

    import tensorflow as tf

    path = arguments.images or real_data(arguments.data_folder) / FOLDER / "images.zip"
    with zipfile.ZipFile(path) as archive:
        images = [archive.read(name) for name in archive.namelist() if name.lower().endswith((".jpg", ".jpeg", ".png"))]
    served = tf.saved_model.load(arguments.bundle).signatures["caption"]
    width, rows = tf.constant(arguments.beam), []
    for size in BATCHES:
        some = images[: 100 if size == 1 else 512]
        batches = [tf.constant(some[start : start + size]) for start in range(0, len(some), size)]
        seconds = []
        for _ in range(arguments.passes + 1):
            begun = time.perf_counter()
            for batch in batches:
                served(image=batch, beam_width=width)
            seconds.append(time.perf_counter() - begun)
        rows.append({"batch": size, "pictures": len(some), "seconds": seconds[1:], "beam": arguments.beam})
    rows = [{**row, "per_second": row["pictures"] / statistics.median(row["seconds"])} for row in rows]
    written = write_results("captions_speed", [{"context": context(), **row} for row in rows])
    lines = [
        {"pictures in a request": row["batch"], "pictures": row["pictures"], "pictures/s": f"{row['per_second']:,.1f}"}
        for row in rows
    ]
    print_table(f"SavedModel, beam {arguments.beam}", lines)
    best = max(row["per_second"] for row in rows)
    print_table("figures", [Figure("pictures/s from bytes to captions", 20, 60).line(best)])
    print(written)


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"captions.py: {error.args[0] if isinstance(error, LookupError) else error}")
