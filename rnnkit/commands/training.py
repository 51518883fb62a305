"""run: flags and YAML -> a bundle, and what a person wants to know of it."""

import json
import shlex
import textwrap

from rich import box
from rich.console import Console
from rich.table import Table

from rnnkit import catalog
from rnnkit.bundle import Bundle
from rnnkit.commands.parsing import Parser
from rnnkit.progress import Reporter
from rnnkit.quiet import import_tensorflow
from rnnkit.settings import from_mapping


def run_(arguments: list[str]) -> None:
    """Trains a recipe, scores it beside its baselines and writes a bundle."""
    if not arguments or arguments[0].startswith("-"):
        known = ", ".join(catalog.names())
        if set(arguments) & {"-h", "--help"}:
            print(f"rnnkit run RECIPE [settings]: trains a recipe and writes a bundle. Recipes: {known}.")
            print("`rnnkit run RECIPE --help` lists its settings.")
            return
        raise ValueError(f"Say which recipe: rnnkit run RECIPE. Known: {known}.")
    name, *flags = arguments
    catalog.find(name)
    import_tensorflow()
    made = catalog.load(name)
    usage = f"rnnkit run {name} [--data PATH] [--config FILE] [--SETTING VALUE …]"
    parser = Parser(usage=usage, description=catalog.describe(name)["about"])
    parser.add_config()
    parser.add_argument("--out", type=str, default="saved_models", metavar="saved_models", help="Folder of bundles.")
    parser.add_argument("--name", type=str, default=name, metavar=name, help="Name of the bundle.")
    parser.add_json()
    parser.add_settings(made.settings)
    values = parser.parse(flags)
    out, bundle, as_json = values.pop("out"), values.pop("name"), values.pop("json")
    settings = from_mapping(made.settings, values)
    reporter = Reporter(Console(stderr=True))
    from rnnkit import recipe

    written = recipe.run(made, settings, out=out, name=bundle, reporter=reporter)
    print_scores(written)
    if as_json:
        print(json.dumps({"path": str(written.path), **written.card}))


def print_scores(bundle: Bundle) -> None:
    """Prints scores beside baselines, where the bundle is, and what to type next."""
    card = bundle.card
    print_score_table(card)
    metric = next(iter(card["scores"]["test"]))
    rivals = {name: scores["test"][metric] for name, scores in card["baselines"].items()}
    strongest = max(rivals, key=rivals.get)
    difference = card["scores"]["test"][metric] - rivals[strongest]
    verdict = f"{abs(difference):.4f} {'above' if difference > 0 else 'BELOW'}" if difference else "the same as"
    print(f"\ntest {metric} is {verdict} the strongest baseline, {strongest}.")
    print(
        f"{card['train_seconds']:.1f} s of training, {card['tokens_per_second']:,.0f} tokens/s, "
        f"epoch {card['best_epoch']} of {card['epochs']} kept, {card['parameters']:,} parameters."
    )
    path = shlex.quote(str(bundle.path.parent))
    value = textwrap.shorten(next(iter(card["example"].values()))[0], 48, placeholder="")
    print(f"\nbundle   {bundle.path}")
    print(f"picture  {bundle.path / 'training' / 'report.png'}")
    print(f"next     rnnkit predict {path} {shlex.quote(value)}")
    print(f"         rnnkit evaluate {path} --data FILE")
    print(f"         rnnkit show {path}")


def print_score_table(card: dict) -> None:
    """Prints the test scores, the baselines' first, and the valid scores."""
    metrics = list(card["scores"]["test"])
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(f"{card['data']['rows']['test']:,} test rows", overflow="fold")
    for metric in metrics:
        table.add_column(metric, justify="right", overflow="fold")
    rows = {name: scores["test"] for name, scores in card["baselines"].items()}
    rows |= {card["recipe"]: card["scores"]["test"], f"{card['recipe']} on valid": card["scores"]["valid"]}
    for name, scores in rows.items():
        cells = [f"{scores[metric]:.4f}" if metric in scores else "" for metric in metrics]
        table.add_row(name, *cells, style="bold" if name == card["recipe"] else None)
    Console().print(table)
