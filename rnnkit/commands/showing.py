"""show: a bundle's card, signatures, ready lines to serve it, and files."""

import json

from rich.console import Console

from rnnkit import bundle as bundles
from rnnkit.commands.bundles import serving_lines
from rnnkit.commands.training import score_table


def show(path: str, *, as_json: bool) -> None:
    """Prints what the bundle at `path` is."""
    bundle = bundles.load(path)
    card, console = bundle.card, Console()
    rows = card["data"]["rows"]
    print(f"{bundle.path}   {card['recipe']}, version {card['version']}, made {card['created']}")
    print(f"data        {card['data']['path']}, rows {', '.join(f'{name} {count:,}' for name, count in rows.items())}")
    print(f"labels      {', '.join(card['labels'])}")
    print(f"trained     {card['train_seconds']:.1f} s, epoch {card['best_epoch']} of {card['epochs']} kept")
    print(f"parameters  {card['parameters']:,}")
    print(f"versions    {', '.join(f'{name} {version}' for name, version in card['versions'].items())}\n")
    console.print(score_table(card))
    print("\nsignatures")
    for name, signature in card["signatures"].items():
        print(f"  {name}")
        for side in ("inputs", "outputs"):
            for tensor, form in signature[side].items():
                shape = ", ".join("any" if size is None else str(size) for size in form["shape"])
                print(f"    {side[:-1]:7} {tensor:12} {form['dtype']:8} ({shape})")
    print("\nserve it")
    for line in serving_lines(bundle.path, card):
        print(f"  {line}")
    print(f'  answers {{"predictions": [{_answer_shape(card)}]}}')
    print("\nfiles")
    for file in sorted(path for path in bundle.path.rglob("*") if path.is_file()):
        print(f"  {file.stat().st_size:12,}  {file.relative_to(bundle.path)}")
    if as_json:
        print(json.dumps(card))


def _answer_shape(card):
    outputs = card["signatures"]["serving_default"]["outputs"]
    forms = (f'"{name}": {"…" if len(form["shape"]) < 2 else "[…]"}' for name, form in outputs.items())
    return f"{{{', '.join(forms)}}}"
