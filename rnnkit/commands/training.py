"""run: flags and YAML -> a bundle, and what a person wants to know of it."""

import json
import shlex

from rich.console import Console
from rich.table import Table

from rnnkit import catalog, recipe
from rnnkit.bundle import Bundle
from rnnkit.commands.parsing import Parser
from rnnkit.progress import Reporter
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
    made = catalog.load(name)
    parser = Parser(prog=f"rnnkit run {name}", description=catalog.describe(name)["about"])
    parser.add_argument("--config", action="config", help="YAML file of settings; flags after it win.")
    parser.add_settings(made.settings)
    parser.add_argument("--out", type=str, default="saved_models", help="Folder of bundles.")
    parser.add_argument("--name", type=str, default=name, help="Name of the bundle.")
    parser.add_argument("--json", action="store_true", help="End with one JSON object on the last line.")
    values = parser.parse(flags)
    out, bundle, as_json = values.pop("out"), values.pop("name"), values.pop("json")
    settings = from_mapping(made.settings, values)
    reporter = Reporter(Console(stderr=True))
    written = recipe.run(made, settings, out=out, name=bundle, reporter=reporter)
    print_scores(written)
    if as_json:
        print(json.dumps({"path": str(written.path), **written.card}))


def print_scores(bundle: Bundle) -> None:
    """Prints scores beside baselines, where the bundle is, and what to type next."""
    card, console = bundle.card, Console()
    console.print(score_table(card))
    metric = next(iter(card["scores"]["test"]))
    rivals = {name: scores["test"][metric] for name, scores in card["baselines"].items()}
    strongest = max(rivals, key=rivals.get)
    difference = card["scores"]["test"][metric] - rivals[strongest]
    verdict = "above" if difference > 0 else "BELOW"
    print(f"test {metric} is {abs(difference):.4f} {verdict} the strongest baseline, {strongest}.")
    print(
        f"{card['train_seconds']:.1f} s of training, {card['tokens_per_second']:,.0f} tokens/s, "
        f"epoch {card['best_epoch']} of {card['epochs']} kept, {card['parameters']:,} parameters."
    )
    path = shlex.quote(str(bundle.path.parent))
    value = shlex.quote(next(iter(card["example"].values()))[0][:60])
    print(f"\nbundle   {bundle.path}   (picture: {bundle.path / 'training' / 'report.png'})")
    print(f"next     rnnkit predict {path} {value}")
    print(f"         rnnkit evaluate {path} --data FILE")
    print(f"         rnnkit show {path}")


def score_table(card: dict) -> Table:
    """Returns a table of the test scores, the baselines' first, and of the valid scores."""
    table = Table(title=f"{card['recipe']}: {card['data']['rows']['test']:,} test rows", title_justify="left")
    metrics = list(card["scores"]["test"])
    table.add_column("")
    for metric in metrics:
        table.add_column(metric, justify="right")
    rows = {name: scores["test"] for name, scores in card["baselines"].items()}
    rows |= {card["recipe"]: card["scores"]["test"], f"{card['recipe']} (valid)": card["scores"]["valid"]}
    for name, scores in rows.items():
        cells = [f"{scores[metric]:.4f}" if metric in scores else "" for metric in metrics]
        table.add_row(name, *cells, style="bold" if name == card["recipe"] else None)
    return table
