"""export: a bundle -> edge/ with a .tflite for devices and what was measured of it; bundles -> models.config."""

import json
import shlex
import textwrap

from rich import box
from rich.console import Console
from rich.table import Table

from rnnkit import bundle as bundles
from rnnkit.commands.parsing import Parser
from rnnkit.messages import as_argument, did_you_mean, listed
from rnnkit.progress import Reporter
from rnnkit.quiet import import_tensorflow

TARGETS = ("tflite", "serving")


def export_(arguments: list[str]) -> None:
    """Writes a bundle's form for devices, or a server's list of bundles."""
    values = _parsed(arguments)
    target, paths = values["to"], values["bundles"]
    if target not in TARGETS:
        near = did_you_mean(target, TARGETS)
        got = f"Got {target!r}. {near}".rstrip() if target else "Say which: rnnkit export BUNDLE --to tflite."
        raise ValueError(f"--to must be one of {listed(TARGETS)}. {got}")
    if not paths:
        raise ValueError(f"Say which bundle: rnnkit export BUNDLE --to {target}.")
    (_export_serving if target == "serving" else _export_tflite)(paths, values)


def _parsed(arguments):
    parser = Parser(
        usage="rnnkit export BUNDLE [BUNDLE …] --to tflite|serving [--quantize KIND] …",
        description="Writes edge/ into a bundle: a .tflite, run.py, what was measured; or models.config for a server.",
    )
    add = parser.add_argument
    add("bundles", type=str, nargs="*", metavar="BUNDLE", help="Folder of a bundle; for --to serving any number.")
    add("--to", type=str, default="", metavar="TARGET", help=f"One of: {', '.join(TARGETS)}.")
    help = "tflite: none, dynamic (weights int8), float16 (weights), int8 (all)."
    add("--quantize", type=str, default="none", metavar="KIND", help=help)
    help = "tflite: time steps, fixed, for micro-controllers; longer rows are cut. Default: free."
    add("--length", type=int, default=None, metavar="N", help=help)
    add("--keep", action="store_true", help="tflite: keep the file even if its answers are out of tolerance.")
    help = "tflite: as a last resort TensorFlow's own ops, which need the Flex delegate."
    add("--allow-select-ops", action="store_true", help=help)
    help = "serving: write models.config, by which one TensorFlow Serving serves several bundles."
    add("--model-config", action="store_true", help=help)
    parser.add_no_verify()
    parser.add_json()
    return parser.parse(arguments)


def _export_serving(paths, values):
    from rnnkit.export.model_config import write_model_config

    if not values["model_config"]:
        raise ValueError(
            "A bundle is a SavedModel already, and `rnnkit show BUNDLE` prints how to serve it. "
            "Add --model-config to write models.config for several."
        )
    file, text = write_model_config(paths)
    folder = shlex.quote(str(file.parent))
    print(f"{text}\n{file}: {len(paths)} models. Serve them:")
    print(f"  tensorflow_model_server --rest_api_port=8501 --model_config_file={shlex.quote(str(file))}")
    volume = f"-v {folder}:{folder}"
    print(f"  docker run --rm -p 8501:8501 {volume} tensorflow/serving --model_config_file={shlex.quote(str(file))}")
    if values["json"]:
        print(json.dumps({"path": str(file), "bundles": paths}))


def _export_tflite(paths, values):
    if len(paths) > 1:
        raise ValueError(f"--to tflite takes one bundle at a time. Got {listed(paths)}.")
    if values["model_config"]:
        raise ValueError("--model-config belongs to --to serving. Leave it out, or change --to.")
    bundle = bundles.load(paths[0], verify=not values["no_verify"])
    import_tensorflow()
    from rnnkit.export import edge

    flags = {name: values[name] for name in ("quantize", "length", "allow_select_ops", "keep")}
    try:
        measured = edge.export_tflite(bundle, **flags, reporter=Reporter(Console(stderr=True)))
    except edge.OutOfTolerance as error:
        print_parity(error.parity)
        raise
    print_parity(measured)
    folder = bundle.path / edge.FOLDER
    value = next(iter(bundle.card["example"].values()))[0]
    asked = as_argument(value) if isinstance(value, str) else "< rows.jsonl"
    print(f"\nedge  {folder}")
    print(f"next  python {shlex.quote(str(folder / edge.SCRIPT))} {asked}")
    if values["json"]:
        print(json.dumps({"path": str(folder), **measured}))


def print_parity(measured: dict) -> None:
    """Prints how each form of the model scores, differs from Keras, and how large and fast it is."""
    asked = f"tflite {measured['quantize']}"
    quality = _table(f"{measured['rows']:,} test rows", measured["score"], "same texts", "difference", "MB")
    speed = _table("ms, median (p95)", "call", "predict", "1 thread", "2 threads")
    for variant in measured["variants"]:
        name, style = variant["name"], "bold" if variant["name"] == asked else None
        first = variant is measured["variants"][0]
        against = ("", "") if first else (f"{variant['equal']:.1%}", f"{variant['difference']:.1e}")
        quality.add_row(name, f"{variant['score']:.4f}", *against, f"{variant['bytes'] / 1e6:.3f}", style=style)
        times = variant["latency_ms"]
        cells = [times.get(column) for column in ("call", "predict", "1 thread", "2 threads")]
        cells = [f"{cell['median']:.2f} ({cell['p95']:.2f})" if cell else "" for cell in cells]
        speed.add_row(name, *cells, style=style)
    for table in (quality, speed):
        Console().print(table)
    made = measured["variants"][-1]
    if "rung" not in made:
        return
    lines = [f"form  {made['rung']}", f"ops   {', '.join(made['ops'])}"]
    lines += [f"not   {rung}: {reason}" for rung, reason in made["tried"].items()]
    for line in lines:
        print(textwrap.fill(line, 80, subsequent_indent=" " * 6))


def _table(title, *columns):
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(title, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table
