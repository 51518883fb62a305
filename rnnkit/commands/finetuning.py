"""finetune: a bundle and own rows -> its next version, and what that gave."""

import json

from rich.console import Console

from rnnkit import bundle as bundles
from rnnkit import catalog
from rnnkit.commands.parsing import Parser
from rnnkit.commands.training import add_order, ordered, print_scores, says_how_to_resume
from rnnkit.progress import Reporter
from rnnkit.quiet import import_tensorflow

USAGE = "rnnkit finetune BUNDLE --data PATH [--columns …] [--config FILE] [--SETTING VALUE …]"


def finetune_(arguments: list[str]) -> None:
    """Goes on from a bundle on other rows, and scores the child beside its parent and a model begun anew."""
    if not arguments or arguments[0].startswith("-"):
        if set(arguments) & {"-h", "--help"}:
            print(f"{USAGE}\n\nGoes on from a bundle on other rows.")
            print("`rnnkit finetune BUNDLE --help` lists its settings, with the bundle's own as defaults.")
            return
        raise ValueError(f"Say from which bundle: {USAGE}.")
    path, *flags = arguments
    parent = bundles.load(path, verify="--no-verify" not in flags)
    catalog.find(parent.card["recipe"])
    import_tensorflow()
    from rnnkit import finetuning, running

    made = catalog.load(parent.card["recipe"])
    home = parent.path.absolute().parent
    out, name = str(parent.path.parent.parent), home.name
    parser = Parser(usage=USAGE, description=f"Trains {path} further on other rows.")
    add_order(parser, name, out)
    help = "Also train a model anew on the same rows, to see what the parent is worth; --no-scratch saves the time."
    parser.add_switch("scratch", True, help)
    parser.add_settings(made.settings, finetuning.child_defaults(made, parent))
    parser.add_no_verify()
    values = parser.parse(flags)
    del values["no_verify"]
    where, settings, as_json = ordered(parser, values)
    scratch = settings.pop("scratch")
    if settings["data"] == "sample" and "data" not in parser.given and not where["resume"]:
        raise ValueError(f"Say on which rows: rnnkit finetune {path} --data FILE.")
    reporter = Reporter(Console(stderr=True))
    with says_how_to_resume(["finetune", str(parent.path)], where, out, name):
        order = running.Order(**where)
        written = finetuning.finetune(parent, settings, order, scratch=scratch, reporter=reporter)
    print_scores(written)
    if as_json:
        print(json.dumps({"path": str(written.path), **written.card}))
