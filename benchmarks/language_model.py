"""Language models: PTB, Shakespeare, IMDB -> `rnnkit run` -> scores beside baselines; speed beside PyTorch, of writing.

python benchmarks/language_model.py quality --data ptb|shakespeare [--settings FILE] [--minutes 60] [--seeds 0,1,2]
    [--extra "--units 256"]
python benchmarks/language_model.py quality --data imdb [--alone] [--model BUNDLE] [--classifier-settings FILE]
python benchmarks/language_model.py speed [--parts training,generation] [--no-torch] [--bundle BUNDLE] [--work DIR]
"""

import argparse
import pathlib
import sys

import language_imdb
import language_quality
from measuring import context, print_table, read_results, real_data, seeds, some_of, write_results
from ner import Figure
from translate import merged, work_folder

QUALITY_KEY = ("data", "variant", "seed")
SPEED_KEY = ("part", "way")
PARTS = ("training", "generation")
MINUTES = {"ptb": 60, "shakespeare": 30, "imdb": 60}
QUICK_SPEED = {"steps": 2, "repeats": 1, "epoch_steps": 3, "characters": 40, "passes": 1}
SPEEDS = {
    "training": Figure("training, words/s, times PyTorch", 1, 1.5),
    "SavedModel": Figure("SavedModel, step, characters/s", 500),
    "device": Figure("TFLite, characters/s", 5_000),
}


def main() -> None:
    """Measures what the command line names; a row is written as soon as it is there."""
    arguments = _arguments()
    arguments.measure(arguments)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    quality = parsers.add_parser("quality", help="Test scores beside baselines, seconds, the curve by epoch.")
    _quality_flags(quality)
    speed = parsers.add_parser("speed", help="Words/s of training beside PyTorch, characters/s of writing.")
    _speed_flags(speed)
    for each in (quality, speed):
        each.add_argument("--work", help="Folder in which files and bundles stay.")
        each.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
        each.add_argument("--quick", action="store_true", help="A few steps, tiny models: does the command work?")
    return parser.parse_args()


def _quality_flags(parser):
    limits = ", ".join(f"{minutes} for {data}" for data, minutes in MINUTES.items())
    parser.add_argument("--data", choices=MINUTES, required=True, help="What is learnt.")
    parser.add_argument("--minutes", type=float, help=f"In which each run is to end; {limits} by default.")
    parser.add_argument("--seeds", type=seeds, default="0", help="Such as 0,1,2; 0 by default.")
    parser.add_argument("--settings", default="", help="YAML file of the language model; one in settings/ by default.")
    parser.add_argument("--extra", default="", help='Further flags of its `rnnkit run`, in one text: "--units 64".')
    imdb = parser.add_argument_group("imdb")
    imdb.add_argument("--classifier-settings", default="", metavar="FILE", help="The same of the classifier.")
    imdb.add_argument("--classifier-extra", default="", metavar="FLAGS", help="The same of the classifier.")
    imdb.add_argument("--model", default="", metavar="BUNDLE", help="Language model of an earlier call, see --work.")
    imdb.add_argument("--alone", action="store_true", help="Also the classifier that begins anew.")
    parser.set_defaults(measure=measure_quality)


def _speed_flags(parser):
    parser.add_argument("--parts", type=some_of(PARTS), default=",".join(PARTS), help="Or one of them.")
    parser.add_argument("--torch", action=argparse.BooleanOptionalAction, default=True, help="Beside PyTorch.")
    parser.add_argument("--steps", type=int, default=100, help="Gradient steps of a turn of training.")
    parser.add_argument("--repeats", type=int, default=5, help="Turns of training of each, after one to warm up.")
    parser.add_argument("--threads", type=int, default=2, help="Of each framework in training; writing has one.")
    parser.add_argument("--bundle", default="", help="That writes; by default one of --preset char is trained.")
    parser.add_argument("--epoch-steps", type=int, default=200, help="Gradient steps that it is trained for.")
    parser.add_argument("--characters", type=int, default=1_000, help="Written in a turn.")
    parser.add_argument("--passes", type=int, default=5, help="Turns of writing, after one to warm up.")
    parser.add_argument("--quantize", default="none,dynamic", help="Forms for devices, with commas.")
    parser.set_defaults(measure=measure_speed)


def measure_quality(arguments) -> None:
    """Trains, seed by seed, and scores on the test split.

    Raises:
        ValueError: A flag of IMDB's is given for other data.
    """
    for name in ("classifier_settings", "classifier_extra", "model", "alone"):
        if arguments.data != "imdb" and getattr(arguments, name):
            raise ValueError(
                f"--{name.replace('_', '-')} is of --data imdb. Got --data {arguments.data}. Leave it out."
            )
    subject = language_imdb if arguments.data == "imdb" else language_quality
    minutes = arguments.minutes or MINUTES[arguments.data]
    named = ("settings", "extra", "classifier_settings", "classifier_extra")
    variant = " ".join(filter(None, (getattr(arguments, name) for name in named)))
    name, rows = "language_quality_quick" if arguments.quick else "language_quality", []
    folder = real_data(arguments.data_folder)
    for seed in arguments.seeds:
        print(f"\n{arguments.data}, seed {seed}", file=sys.stderr)
        row = {"data": arguments.data, "variant": variant, "seed": seed, "context": context()}
        with work_folder(arguments.work) as work:
            rows.append(row | subject.measure(arguments, folder, seed, work))
        written = write_results(name, merged(read_results(name), rows, QUALITY_KEY))
        subject.show(rows[-1])
        limit = Figure("whole run, minutes", minutes, below=True).line(rows[-1]["whole_seconds"] / 60)
        print_table("figures", [*subject.figures(rows[-1]), limit])
    print(written)


def measure_speed(arguments) -> None:
    """Trains with rnnkit and PyTorch by turns; writes one stream by the SavedModel, and by the script of an export."""
    import language_speed

    where, rows = context(), []
    folder = real_data(arguments.data_folder)
    torch = arguments.torch and language_speed.has_torch()
    if arguments.torch and not torch and "training" in arguments.parts:
        print("PyTorch is not measured: it isn't installed. pip install -e '.[bench]' has it.")
    taken = ("parts", "steps", "repeats", "threads", "bundle", "epoch_steps", "characters", "passes", "quantize")
    name = "language_speed_quick" if arguments.quick else "language_speed"
    with work_folder(arguments.work) as work:
        asked = {name: getattr(arguments, name) for name in taken} | (QUICK_SPEED if arguments.quick else {})
        asked |= {"data": folder, "work": pathlib.Path(work), "torch": torch, "quick": arguments.quick}
        for row in language_speed.measure(language_speed.Asked(**asked)):
            rows.append(row | {"context": where})
            written = write_results(name, merged(read_results(name), rows, SPEED_KEY))
    for part in arguments.parts:
        print_table(part, language_speed.lines([row for row in rows if row["part"] == part]))
    asked_for = [(row, language_speed.figure(row)) for row in rows]
    lines = [(SPEEDS[row["judged"]].line(value), row["way"]) for row, value in asked_for if value is not None]
    print_table("figures", [{"way": way, **line} for line, way in lines])
    print(written)


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"language_model.py: {error.args[0] if isinstance(error, LookupError) else error}")
