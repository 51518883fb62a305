"""run: flags and YAML -> a bundle, and what a person wants to know of it."""

import contextlib
import json
import shlex
import signal
import sys
import textwrap
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from rnnkit import catalog, runs
from rnnkit.bundle import Bundle
from rnnkit.bundle.card import relatives
from rnnkit.commands.parsing import Parser, preset_in
from rnnkit.interrupts import Interrupted
from rnnkit.messages import as_argument
from rnnkit.progress import Reporter
from rnnkit.quiet import import_tensorflow
from rnnkit.settings import from_mapping


def run_(arguments: list[str]) -> None:
    """Trains a recipe, scores it beside its baselines and writes a bundle."""
    if not arguments or arguments[0].startswith("-"):
        known = ", ".join(catalog.names())
        if set(arguments) & {"-h", "--help"}:
            print("rnnkit run RECIPE [settings]: trains a recipe and writes a bundle.")
            print("`rnnkit run RECIPE --help` lists its settings.")
            print(textwrap.fill(f"Recipes: {known}.", 80))
            return
        raise ValueError(f"Say which recipe: rnnkit run RECIPE. Known: {known}.")
    name, *flags = arguments
    catalog.find(name)
    import_tensorflow()
    from rnnkit import presets

    made = catalog.load(name)
    usage = f"rnnkit run {name} [--data PATH] [--config FILE] [--SETTING VALUE …]"
    parser = Parser(usage=usage, description=catalog.describe(name)["about"])
    preset = preset_in(flags)
    add_order(parser, preset or name, "saved_models")
    parser.add_settings(made.settings, presets.chosen(made, {"preset": preset} if preset else {}))
    values = parser.parse(flags)
    from rnnkit import running

    where, settings, as_json = ordered(parser, values)
    reporter = Reporter(Console(stderr=True))
    verb = ["run", name, *(["--preset", preset] if preset else [])]
    with says_how_to_resume(verb, where, "saved_models", preset or name):
        written = running.run(made, from_mapping(made.settings, settings), running.Order(**where), reporter)
    print_scores(written)
    if as_json:
        print(json.dumps({"path": str(written.path), **written.card}))


def add_order(parser: Parser, name: str, out: str) -> None:
    """Adds the flags of whatever trains: --config, --out, --name, --resume and --json."""
    parser.add_config()
    parser.add_argument("--out", type=str, default=out, metavar=out, help="Folder of bundles.")
    parser.add_argument("--name", type=str, default=name, metavar=name, help="Name of the bundle.")
    help = "Go on with the newest interrupted run of that name, with the settings it has."
    parser.add_argument("--resume", action="store_true", help=help)
    parser.add_json()


def ordered(parser: Parser, values: dict) -> tuple[dict, dict, bool]:
    """Parts what was parsed into where and how to run, the settings, and whether JSON is asked for.

    With --resume the settings are those of the interrupted run, but for those that are given.
    """
    where = {name: values.pop(name) for name in ("out", "name", "resume")}
    as_json = values.pop("json")
    if where["resume"] and (waiting := runs.interrupted(where["out"], where["name"])):
        given = parser.given
        values |= {k: v for k, v in waiting[-1].description.items() if k in values and k not in given}
    return where, values, as_json


@contextlib.contextmanager
def says_how_to_resume(verb: list[str], where: dict, out: str, name: str) -> Iterator[None]:
    """Adds to an interruption, or a full disk, by which line the run is gone on with; says if one is waiting."""
    line = ["rnnkit", *verb]
    line += ["--out", where["out"]] if where["out"] != out else []
    line += ["--name", where["name"]] if where["name"] != name else []
    line = shlex.join([*line, "--resume"])
    waiting = runs.interrupted(where["out"], where["name"])
    if waiting and not where["resume"]:
        folder = waiting[-1].path
        print(f"note: {folder} is a run that was interrupted. To go on with it instead: {line}", file=sys.stderr)

    def left():
        return len(runs.interrupted(where["out"], where["name"])) > len(waiting) - where["resume"]

    try:
        yield
    except KeyboardInterrupt as stopped:
        number = getattr(stopped, "signal", signal.SIGINT)
        then = f"Go on with: {line}" if left() else "Nothing was written; earlier versions are whole."
        raise Interrupted(f"{str(stopped) or 'interrupted'}. {then}", number) from None
    except OSError as error:
        if not left():
            raise
        raise OSError(f"{error} Its training is kept; go on with: {line}") from None


def print_scores(bundle: Bundle) -> None:
    """Prints scores beside baselines, where the bundle is, and what to type next."""
    card = bundle.card
    print_score_table(card)
    metric = next(iter(card["scores"]["test"]))
    sign = 1 if card.get("higher_is_better", True) else -1
    rivals = {name: scores["test"][metric] for name, scores in card["baselines"].items()}
    strongest = max(rivals, key=lambda name: sign * rivals[name])
    difference = card["scores"]["test"][metric] - rivals[strongest]
    print()
    # A recipe may say that its scores are no sign of being better.
    compared = card.get("compared", True)
    if compared:
        print(f"test {metric} is {_verdict(difference, sign)} the strongest baseline, {strongest}.")
    for name, scores in relatives(card).items() if compared else ():
        print(f"test {metric} is {_verdict(card['scores']['test'][metric] - scores[metric], sign)} {name}.")
    for line in card.get("findings", ()):
        print(line)
    print(
        f"{card['train_seconds']:.1f} s of training, {card['tokens_per_second']:,.0f} tokens/s, "
        f"epoch {card['best_epoch']} of {card['epochs']} kept, {card['parameters']:,} parameters."
    )
    path = shlex.quote(str(bundle.path.parent))
    value = next(iter(card["example"].values()))[0]
    print(f"\nbundle   {bundle.path}")
    for picture in (bundle.path / "training" / "report.png", *sorted((bundle.path / "report").glob("*.png"))):
        print(f"picture  {picture}")
    if isinstance(value, str):
        print(f"next     rnnkit predict {path} {as_argument(value)}")
    else:
        print(f"next     rnnkit predict {path} --input FILE --output answers.csv")
    print(f"         rnnkit evaluate {path} --data FILE")
    print(f"         rnnkit show {path}")


def _verdict(difference, sign):
    """Says how far a score is from another, the worse side in capitals; `sign` is -1 where lower is better."""
    if not difference:
        return "the same as"
    side = "above" if difference > 0 else "below"
    return f"{abs(difference):.4f} {side if difference * sign > 0 else side.upper()}"


def print_score_table(card: dict) -> None:
    """Prints the test scores, the baselines' first, and the valid scores; of many, those that the recipe names."""
    known = list(card["scores"]["test"])
    metrics = [name for name in card.get("shown", known) if name in known]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(f"{card['data']['rows']['test']:,} test rows", overflow="fold")
    for metric in metrics:
        table.add_column(metric, justify="right", overflow="fold")
    rows = {name: scores["test"] for name, scores in card["baselines"].items()}
    rows |= relatives(card)
    rows |= {card["recipe"]: card["scores"]["test"], f"{card['recipe']} on valid": card["scores"]["valid"]}
    for name, scores in rows.items():
        cells = [f"{scores[metric]:.4f}" if metric in scores else "" for metric in metrics]
        table.add_row(name, *cells, style="bold" if name == card["recipe"] else None)
    Console().print(table)
