"""show: a bundle's card, signatures, ready lines to serve it, and files; without TensorFlow."""

import json
import pathlib
import shlex

from rnnkit import bundle as bundles
from rnnkit.commands.parsing import Parser
from rnnkit.commands.training import print_score_table


def show_(arguments: list[str]) -> None:
    """Prints a bundle's card, its signatures, how to serve it, and its files."""
    parser = Parser(prog="rnnkit show", description="Says what a bundle is, how it scored and how to serve it.")
    parser.add_argument("bundle", type=str, help="Folder of a bundle.")
    parser.add_no_verify()
    parser.add_json("End with the card as one JSON object on the last line.")
    values = parser.parse(arguments)
    bundle = bundles.load(values["bundle"], verify=not values["no_verify"])
    bundle.check_edge()
    try:
        _print_card(bundle)
        _print_signatures(bundle.card["signatures"])
        _print_serving(bundle)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        # Of a card that nothing was compared with, only what every verb needs was checked.
        raise ValueError(f"{bundle.path / bundles.CARD} is damaged: {error!r}. Run the recipe again.") from None
    print("\nfiles")
    for file in sorted(path for path in bundle.path.rglob("*") if path.is_file()):
        print(f"  {file.stat().st_size:12,}  {file.relative_to(bundle.path)}")
    print(f"  {_hashed(bundle)}")
    if values["json"]:
        print(json.dumps(bundle.card))


def _print_card(bundle):
    card = bundle.card
    rows = ", ".join(f"{name} {count:,}" for name, count in card["data"]["rows"].items())
    print(f"{bundle.path}   {card['recipe']}, version {card['version']}, made {card['created']}")
    print(f"data        {card['data']['path']}, rows {rows}")
    if card["labels"]:
        print(f"labels      {', '.join(card['labels'])}")
    if parent := card.get("parent"):
        print(f"parent      {parent['path']}, SHA-256 {(parent['sha256'] or 'unknown')[:12]}")
    print(f"trained     {card['train_seconds']:.1f} s, epoch {card['best_epoch']} of {card['epochs']} kept")
    print(f"parameters  {card['parameters']:,}")
    print(f"versions    {', '.join(f'{name} {version}' for name, version in card['versions'].items())}")
    for note in card["notes"]:
        print(f"note        {note}")
    print()
    print_score_table(card)


def _hashed(bundle):
    if bundle.sha256 is None:
        return "not hashed: an earlier rnnkit wrote it"
    if not bundle.verify:
        return f"not compared with the card, whose SHA-256 is {bundle.sha256}"
    return f"all of the size that the card says; SHA-256 of the whole {bundle.sha256}"


def _print_signatures(signatures):
    print("\nsignatures")
    for name, signature in signatures.items():
        print(f"  {name}")
        for side in ("inputs", "outputs"):
            for tensor, form in signature[side].items():
                shape = ", ".join("any" if size is None else str(size) for size in form["shape"])
                print(f"    {side[:-1]:7} {tensor:12} {form['dtype']:8} ({shape})")


def _print_serving(bundle):
    print("\nserve it")
    for line in serving_lines(bundle.path, bundle.card):
        print(f"  {line}")
    print(f'  answers {{"predictions": [{_answer_shape(bundle.card)}]}}')


def serving_lines(path: pathlib.Path, card: dict) -> list[str]:
    """Returns the lines that start TensorFlow Serving and ask it for an answer."""
    model = path.absolute().parent.name
    rows = [dict(zip(card["example"], values, strict=True)) for values in zip(*card["example"].values(), strict=True)]
    body = json.dumps({"instances": rows[:1]}, ensure_ascii=False)
    volume = shlex.quote(f"{path.absolute().parent}:/models/{model}")
    return [
        f"docker run --rm -p 8501:8501 -v {volume} -e MODEL_NAME={model} tensorflow/serving",
        f"curl -d {shlex.quote(body)} http://localhost:8501/v1/models/{model}:predict",
    ]


def _answer_shape(card):
    outputs = card["signatures"]["serving_default"]["outputs"]
    forms = (f'"{name}": {"…" if len(form["shape"]) < 2 else "[…]"}' for name, form in outputs.items())
    return f"{{{', '.join(forms)}}}"
