"""Resuming: what checkpoints cost a training on real rows, and whether one that is killed ends with the same weights.

python benchmarks/resuming.py [--data-folder DIR] [--rows 25000] [--epochs 2] [--minutes 1] [--kill]
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from measuring import RNNKIT, context, measured, mib, print_table, real_data, write_results
from quality import SETTINGS

STEP = 0.2


def main() -> None:
    """Trains on IMDB with checkpoints; with --kill once more, killed half-way and gone on with."""
    arguments = _arguments()
    folder = real_data(arguments.data_folder)
    with tempfile.TemporaryDirectory(prefix="rnnkit-resuming-") as out:
        out, data = pathlib.Path(out), pathlib.Path(out, "rows.tsv")
        with gzip.open(folder / "sentiment/imdb/train.tsv.gz", "rt", encoding="utf-8") as file:
            header, *lines = file
        # The file is ordered by label: each n-th row.
        data.write_text("".join([header, *lines[:: max(1, len(lines) // arguments.rows)]]), encoding="utf-8")
        command = [
            *RNNKIT,
            "run",
            "sentiment",
            "--config",
            SETTINGS / "imdb.yaml",
            "--data",
            data,
            "--out",
            out,
            "--json",
        ]
        command += ["--epochs", arguments.epochs, "--checkpoint-minutes", arguments.minutes]
        cost = measured([*command, "--name", "whole"])
        card = json.loads(cost.output.splitlines()[-1])
        row = {name: card[name] for name in ("train_seconds", "checkpoint_seconds", "parameters", "epochs")}
        row |= {"minutes": arguments.minutes, "whole_seconds": cost.seconds, "context": context()}
        if arguments.kill:
            row |= killed(command, out, card)
    written = write_results("resuming", [row])
    share = row["checkpoint_seconds"] / row["train_seconds"]
    shown = {name: f"{row[name]:,.1f}" for name in ("train_seconds", "checkpoint_seconds")} | {"share": f"{share:.2%}"}
    if arguments.kill:
        shown |= {"a checkpoint": mib(row["bytes"]), "killed and resumed s": f"{row['killed_seconds']:,.1f}"}
        shown |= {"whole s": f"{row['whole_seconds']:,.1f}", "equal weights": row["equal"]}
    print_table("IMDB, checkpoints", [shown])
    print(written)


def _arguments():
    parser = argparse.ArgumentParser(description="Measures checkpoints.", allow_abbrev=False)
    parser.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    parser.add_argument("--rows", type=int, default=25_000, help="Rows trained on.")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1.0, help="Between two checkpoints.")
    parser.add_argument("--kill", action="store_true", help="Also kill a run half-way, go on with it, and compare.")
    return parser.parse_args()


def killed(command: list, out: pathlib.Path, whole: dict) -> dict:
    """Kills the same run half-way through its training, goes on with it, and compares what came out."""
    begun = time.perf_counter()
    process = subprocess.Popen([*map(str, command), "--name", "killed"], stdout=subprocess.DEVNULL)
    half = begun + whole["train_seconds"] / 2
    while not (sizes := _sizes(out)) or time.perf_counter() < half:
        time.sleep(STEP)
    process.kill()
    process.wait()
    resumed = measured([*command, "--name", "killed", "--resume"])
    seconds = time.perf_counter() - begun
    import numpy as np

    from rnnkit import catalog, load
    from rnnkit.parts import load_parts

    bundles = load(whole["path"]), load(json.loads(resumed.output.splitlines()[-1])["path"])
    weights = [load_parts(bundle, catalog.load("sentiment"))[1].get_weights() for bundle in bundles]
    equal = all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
    return {"bytes": max(sizes), "killed_seconds": seconds, "equal": equal}


def _sizes(out):
    return [file.stat().st_size for file in out.glob(".runs/killed/*/training/*.checkpoint")]


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError) as error:
        sys.exit(f"resuming.py: {error.args[0] if isinstance(error, LookupError) else error}")
