"""check: a recipe, data and settings -> what is in the way, and how long it will take."""

import json
import textwrap

from rich.console import Console

from rnnkit import catalog
from rnnkit.commands.parsing import Parser, preset_in
from rnnkit.progress import Reporter
from rnnkit.quiet import import_tensorflow
from rnnkit.settings import from_mapping


def check_(arguments: list[str]) -> None:
    """Prints what a run with these settings would meet in the data; raises what it would raise."""
    if not arguments or arguments[0].startswith("-"):
        known = ", ".join(catalog.names())
        if set(arguments) & {"-h", "--help"}:
            print("rnnkit check RECIPE --data PATH [settings]: says what is in the way of a run,")
            print("and about how long it will take.")
            print("`rnnkit check RECIPE --help` lists its settings, which are those of `rnnkit run`.")
            print(textwrap.fill(f"Recipes: {known}.", 80))
            return
        raise ValueError(f"Say for which recipe: rnnkit check RECIPE --data PATH. Known: {known}.")
    name, *flags = arguments
    catalog.find(name)
    import_tensorflow()
    from rnnkit import presets

    made = catalog.load(name)
    usage = f"rnnkit check {name} [--data PATH] [--config FILE] [--SETTING VALUE …]"
    about = "Says what is in the way of a run with these settings, and about how long it will take."
    parser = Parser(usage=usage, description=about)
    parser.add_config()
    parser.add_json()
    preset = preset_in(flags)
    parser.add_settings(made.settings, presets.chosen(made, {"preset": preset} if preset else {}))
    values = parser.parse(flags)
    as_json = values.pop("json")
    from rnnkit.checking.check import check
    from rnnkit.checking.report import print_report

    report = check(made, from_mapping(made.settings, values), reporter=Reporter(Console(stderr=True)))
    print_report(report)
    if as_json:
        print(json.dumps(report.as_dict()))
    if report.refusal is not None:
        raise report.refusal
