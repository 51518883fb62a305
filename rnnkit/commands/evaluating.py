"""evaluate: a bundle and labelled rows -> scores."""

import json

from rich.console import Console

from rnnkit import bundle as bundles
from rnnkit.commands.parsing import Parser
from rnnkit.progress import Reporter
from rnnkit.quiet import import_tensorflow


def evaluate_(arguments: list[str]) -> None:
    """Prints a bundle's scores on labelled rows, beside those on its own test rows."""
    parser = Parser(prog="rnnkit evaluate", description="Scores a bundle on labelled rows.")
    parser.add_argument("bundle", type=str, help="Folder of a bundle.")
    parser.add_argument(
        "--data", type=str, default="", metavar="PATH", help="File or folder of labelled rows, or 'sample'."
    )
    parser.add_argument("--images", type=str, default=None, metavar="PATH", help="Of pictures: where they are.")
    parser.add_reading()
    parser.add_no_verify()
    parser.add_json()
    values = parser.parse(arguments)
    path, data, as_json = values.pop("bundle"), values.pop("data"), values.pop("json")
    if not data:
        raise ValueError("Say on which rows: rnnkit evaluate BUNDLE --data FILE.")
    opened = bundles.load(path, verify=not values.pop("no_verify"))
    import_tensorflow()
    from rnnkit import verbs

    reading = {name: value for name, value in values.items() if value is not None}
    if "images" in reading and "images" not in opened.card["settings"]:
        raise ValueError(f"--images is for bundles of pictures, and {path} is none. Leave it out.")
    scores = verbs.evaluate(opened, data, reporter=Reporter(Console(stderr=True)), **reading)
    own = opened.card["scores"]["test"]
    print(f"{'':20} {'here':>8} {'own test':>9}")
    for name, value in scores.items():
        print(f"{name:20} {value:8.4f} {own[name]:9.4f}" if name in own else f"{name:20} {value:8.4f}")
    if as_json:
        print(json.dumps(scores))
