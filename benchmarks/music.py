"""Music: Nottingham's tune books, the sample -> nats an event beside Markov chains; tunes that are composed.

python benchmarks/music.py quality [--data nottingham|sample] [--seeds 0] [--extra "--units 256"] [--keep DIR]
python benchmarks/music.py composing --bundle DIR [--tunes 200] [--bars 16]
"""

import argparse
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

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings" / "music_nottingham.yaml"
FOLDER = pathlib.Path("music") / "nottingham" / "ABC_cleaned"
KEY = ("data", "variant", "seed")
RECIPE, CHAIN = "music", "markov_3"
QUICK = ("--epochs", "1", "--units", "8", "--embedding-units", "8", "--attention-units", "4")
KEPT = (
    *("epochs", "best_epoch", "train_seconds", "tokens_per_second", "parameters"),
    *("composing", "longest_copies", "notes"),
)
LONG = 100
"""Bars of the tune whose composing is timed."""


def main() -> None:
    """Measures what the command line names."""
    arguments = _arguments()
    arguments.measure(arguments)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    quality = parsers.add_parser("quality", help="Nats an event of test, and what is composed.")
    quality.add_argument("--data", choices=("nottingham", "sample"), default="nottingham")
    quality.add_argument("--settings", default="", help="YAML file; settings/music_nottingham.yaml for Nottingham.")
    quality.add_argument("--seeds", type=seeds, default="0", help="Such as 0,1,2; 0 by default.")
    quality.add_argument("--extra", type=shlex.split, default=[], help='Further flags of `rnnkit run`: "--units 64".')
    quality.add_argument("--keep", default="", help="Folder in which the bundle stays, for `composing`.")
    quality.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    quality.add_argument("--quick", action="store_true", help="One epoch of a tiny model: does the command work?")
    quality.set_defaults(measure=measure_quality)
    composing = parsers.add_parser("composing", help="Tunes with and without rules; how long they take.")
    composing.add_argument("--bundle", required=True, help="Of `quality --keep`.")
    composing.add_argument("--tunes", type=int, default=200, help="200 by default.")
    composing.add_argument("--bars", type=int, default=16, help="16 by default.")
    composing.add_argument(
        "--passes", type=int, default=5, help="Times that a long tune is composed, after one to warm up."
    )
    composing.set_defaults(measure=measure_composing)
    return parser.parse_args()


def measure_quality(arguments) -> None:
    """Trains seed by seed in a process of its own each."""
    flags, name = [], f"music_{arguments.data}{'_quick' if arguments.quick else ''}"
    if arguments.data == "nottingham":
        flags = ["--data", real_data(arguments.data_folder) / FOLDER, "--config", arguments.settings or SETTINGS]
    elif arguments.settings:
        flags = ["--config", arguments.settings]
    flags += [*(QUICK if arguments.quick else ()), *arguments.extra]
    for seed in arguments.seeds:
        row = {"data": arguments.data, "variant": " ".join(arguments.extra), "seed": seed, "context": context()}
        row |= _trained([*flags, "--seed", seed], arguments.keep)
        written = write_results(name, merged(read_results(name), [row], KEY))
        _show(row)
    print(written)


def _trained(flags: Sequence, keep: str) -> dict:
    with tempfile.TemporaryDirectory(prefix="rnnkit-music-") as out:
        cost = measured([*RNNKIT, "run", RECIPE, *flags, "--out", keep or out, "--json"])
    card = json.loads(cost.output.splitlines()[-1])
    return {
        "scores": {name: each["test"] for name, each in card["baselines"].items()} | {RECIPE: card["scores"]["test"]},
        "valid_scores": card["scores"]["valid"],
        "tunes": card["data"]["rows"],
        "events": card["data"]["events"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "bundle": card.get("path", ""),
        **{name: card[name] for name in KEPT},
    }


def _show(row: Mapping) -> None:
    scores = row["scores"]
    chain = scores[CHAIN]["event_loss"]
    lines = [
        {"method": method, "nats an event": f"{each['event_loss']:.4f}", "perplexity": f"{each['perplexity']:.3f}"}
        | {"below Markov-3": f"{100 * (1 - each['event_loss'] / chain):.1f} %"}
        for method, each in sorted(scores.items(), key=lambda item: -item[1]["event_loss"])
    ]
    tunes = " / ".join(f"{row['tunes'][split]:,}" for split in ("train", "valid", "test"))
    print_table(f"{row['data']}, seed {row['seed']}: {tunes} tunes, {row['events']['test']:,} events of test", lines)
    cost = {
        "parameters": f"{row['parameters']:,}",
        "epoch": f"{row['best_epoch']} of {row['epochs']}",
        "valid": f"{row['valid_scores']['event_loss']:.4f}",
        "train s": f"{row['train_seconds']:,.1f}",
        "whole s": f"{row['whole_seconds']:,.1f}",
        "events/s": f"{row['tokens_per_second']:,.0f}",
        "peak memory": mib(row["peak_bytes"]),
    }
    print_table("what it took", [cost])
    below = Figure("nats an event below Markov-3's, %", 25, 40)
    print_table("figures", [below.line(100 * (1 - scores[RECIPE]["event_loss"] / chain))])


def measure_composing(arguments) -> None:
    """Composes tunes from nothing, each with another variation, with the rules and without; times a long one."""
    import rnnkit
    from rnnkit.music.reading import read_tunes
    from rnnkit.music.settings import MusicSourceSettings
    from rnnkit.settings import from_mapping

    bundle = rnnkit.load(arguments.bundle)
    trained = bundle.card["settings"]
    kind = type("Read", (MusicSourceSettings,), {"seed": trained["seed"]})
    names = {field for field in MusicSourceSettings.__dataclass_fields__ if field in trained}
    settings = from_mapping(kind, {name: trained[name] for name in names})
    splits = read_tunes(bundle.card["data"]["path"], trained["valid"] or None, trained["test"] or None, settings)
    rows = [_composed(bundle, splits, arguments, right) for right in (True, False)]
    rows[0] |= {"seconds_of_100_bars": _seconds(bundle, arguments.passes)}
    written = write_results(
        "music_composing",
        merged(read_results("music_composing"), [{"context": context(), **row} for row in rows], ("rules",)),
    )
    _show_composed(rows)
    print(written)


def _composed(bundle, splits, arguments, right) -> dict:
    from rnnkit.metrics.music_copies import copied_share
    from rnnkit.metrics.music_scores import music_scores
    from rnnkit.predicting.composing import compose

    begun = time.perf_counter()
    found = compose(bundle, count=arguments.tunes, bars=arguments.bars, right_bars=right, skip_broken=True)
    pieces = [each.piece for each in found]
    return {
        "rules": "bars of the right length" if right else "none",
        "tunes": arguments.tunes,
        "broken": arguments.tunes - len(pieces),
        "seconds": time.perf_counter() - begun,
        **music_scores(pieces, splits.test.pieces),
        "copied": copied_share(pieces, splits.train.pieces),
        "copied_of_test": copied_share(splits.test.pieces, splits.train.pieces),
    }


def _seconds(bundle, passes) -> float:
    from rnnkit.predicting.composing import compose

    seconds = []
    for number in range(passes + 1):
        begun = time.perf_counter()
        compose(bundle, bars=LONG, seed=number)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def _show_composed(rows: Sequence[Mapping]) -> None:
    shares = ("bar_validity", "tune_validity", "in_key", "ends_on_tonic", "copied", "copied_of_test")
    lines = [
        {"rules": row["rules"], "tunes": f"{row['tunes']:,}", "broken": f"{row['broken']:,}"}
        | {name.replace("_", " "): f"{100 * row[name]:.1f} %" for name in shares}
        | {
            "pitch classes off": f"{row['pitch_class_distance']:.3f}",
            "durations off": f"{row['duration_distance']:.3f}",
        }
        for row in rows
    ]
    print_table("composed from nothing", lines)
    figures = [
        Figure("bars of the right length by the rule, %", 98, 100).line(100 * rows[0]["bar_validity"]),
        Figure("the same without the rule, %", 95).line(100 * rows[1]["bar_validity"]),
        Figure("copied runs of 8 notes, %", 10, 3, below=True).line(100 * rows[0]["copied"]),
        Figure(f"seconds of {LONG} bars", 3, below=True).line(rows[0]["seconds_of_100_bars"]),
    ]
    print_table("figures", figures)


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"music.py: {error.args[0] if isinstance(error, LookupError) else error}")
