"""Fine-tuning: a bundle of long reviews -> 2,000 short sentences: the child beside its parent and models begun anew.

python benchmarks/finetuning.py [--data-folder DIR] [--parent BUNDLE] [--rows 2000] [--seeds 0,1,2] [--extra "…"]
"""

import argparse
import json
import pathlib
import random
import shlex
import statistics
import sys
import tempfile

from measuring import RNNKIT, context, measured, print_table, real_data, write_results
from quality import RECIPES, SETTINGS, cut_off

COLUMNS = "text=0,label=1"


def main() -> None:
    """Fine-tunes once a seed, and prints what that gave."""
    arguments = _arguments()
    folder = real_data(arguments.data_folder)
    with tempfile.TemporaryDirectory(prefix="rnnkit-finetuning-") as scratch:
        scratch = pathlib.Path(scratch)
        parent = arguments.parent or trained_parent(folder, scratch)
        rows = [measure(parent, folder, scratch, seed, arguments) for seed in arguments.seeds]
    named = f"finetuning_{arguments.label}" if arguments.label else "finetuning"
    written = write_results(named, rows)
    lines = [line for row in rows for line in _lines(row["seed"], row["scores"])]
    means = {
        method: {name: statistics.mean(row["scores"][method][name] for row in rows) for name in scores}
        for method, scores in rows[0]["scores"].items()
    }
    print_table(f"SST-2 test, {arguments.rows:,} train rows", lines + _lines(f"mean of {len(rows)}", means))
    print(written)


def _arguments():
    parser = argparse.ArgumentParser(description="Fine-tunes IMDB -> SST-2.", allow_abbrev=False)
    parser.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    parser.add_argument("--parent", help="Bundle trained on IMDB; one is trained by default, in 10 minutes.")
    parser.add_argument("--rows", type=int, default=2_000, help="Rows of SST-2's train split.")
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--extra", default="", help="Further flags of `rnnkit finetune`, in one text.")
    parser.add_argument("--label", default="", help="Names the result, so that it replaces no other.")
    return parser.parse_args()


def trained_parent(folder: pathlib.Path, scratch: pathlib.Path) -> str:
    """Trains the recipe on IMDB and returns the bundle's path."""
    imdb = RECIPES["sentiment"]["imdb"]
    files = {flag: folder / file for flag, file in imdb.files.items()}
    files |= cut_off(files["--data"], scratch)
    flags = ["--config", SETTINGS / imdb.settings, *(part for pair in files.items() for part in pair)]
    cost = measured([*RNNKIT, "run", "sentiment", *flags, "--out", scratch, "--name", "imdb", "--json"])
    return json.loads(cost.output.splitlines()[-1])["path"]


def measure(parent: str, folder: pathlib.Path, scratch: pathlib.Path, seed: int, arguments) -> dict:
    """Fine-tunes on rows drawn by the seed; scores the child, the parent, and models begun anew on the same rows."""
    print(f"\nseed {seed}", file=sys.stderr)
    lines = (folder / "sentiment/sst2/train.tsv").read_text(encoding="utf-8").splitlines()
    drawn = scratch / f"train{seed}.tsv"
    drawn.write_text("\n".join(random.Random(seed).sample(lines, arguments.rows)) + "\n", encoding="utf-8")
    tables = ["--data", drawn, "--columns", COLUMNS, "--seed", seed, "--out", scratch, "--json"]
    tables += [
        part
        for name, flag in (("dev", "--valid"), ("test", "--test"))
        for part in (flag, folder / f"sentiment/sst2/{name}.tsv")
    ]
    child = measured([*RNNKIT, "finetune", parent, *tables, "--name", "child", *shlex.split(arguments.extra)])
    anew = measured([*RNNKIT, "run", "sentiment", "--config", SETTINGS / "sst2.yaml", *tables, "--name", "anew"])
    card, other = (json.loads(cost.output.splitlines()[-1]) for cost in (child, anew))
    scores = {name: value["test"] for name, value in card["baselines"].items()}
    scores |= {
        "parent": card["parent"]["scores"]["test"],
        "anew, settings of the parent": card["scratch"]["scores"]["test"],
    }
    scores |= {"anew, settings of SST-2": other["scores"]["test"], "child": card["scores"]["test"]}
    kept = {name: card[name] for name in ("notes", "settings", "epochs", "best_epoch", "train_seconds")}
    return {
        "seed": seed,
        "rows": arguments.rows,
        "scores": scores,
        **kept,
        "valid": card["scores"]["valid"],
        "context": context(),
    }


def _lines(seed, scores):
    return [
        {"seed": seed, "method": method, **{name: f"{values[name]:.4f}" for name in ("accuracy", "log_loss")}}
        for method, values in scores.items()
    ]


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError) as error:
        sys.exit(f"finetuning.py: {error.args[0] if isinstance(error, LookupError) else error}")
