"""predict: values, a file's rows or what comes on standard input -> the same with their answers, in constant memory."""

import argparse
import json
import sys

from rich.console import Console

from rnnkit import bundle as bundles
from rnnkit.attention_pictures import check_attention, draw_attention
from rnnkit.bundle import Bundle
from rnnkit.commands import composing, picture_values, writing_on
from rnnkit.commands.parsing import READING, Parser
from rnnkit.entity_pictures import entities_text, write_entities
from rnnkit.messages import listed
from rnnkit.predicting import check_output, predict_file, trained_format
from rnnkit.predicting.answers import Answers, outputs_of
from rnnkit.predicting.by_recipe import check_own_way, has_own_way, predict_by_recipe
from rnnkit.predicting.entities import NEEDED, check_entities, entities_of
from rnnkit.predicting.forms import ENDINGS
from rnnkit.predicting.pictures import input_rows, reads_pictures
from rnnkit.predicting.streams import predict_stream
from rnnkit.progress import Reporter
from rnnkit.quiet import import_tensorflow
from rnnkit.sources.inputs import KINDS
from rnnkit.sources.text_lines import Texts
from rnnkit.sources.whole import WholeRows

STDOUT = STDIN = "-"
BAR = 40
ATTENTION = "attention"
"""Signature by which attention is drawn."""
COSTS = ("perplexity", "token", "log_probability")
"""What a signature answers that says what texts cost."""
ABOUT = """\
Answers values, a file's rows, or what comes on standard input.

A table's columns are kept as they are, in their order, and what the bundle
answers is put after them: label, probability_CLASS for each class (in .jsonl
probability, an object), and error. A name that the table has already is written
with predicted_ before it, such as predicted_label; or give --prefix.

A row that can't be answered stays at its place, with no answer and the reason
in error; at the end they are counted on stderr. --skip-bad-rows leaves them
out. The exit code is 0 if any row was answered.

A forecaster reads a table of the past, --input FILE, and writes what comes after
each series: a row a step, with time, each target and its quantiles, such as
temperature_0.9. Columns that it knows ahead must have rows over the horizon.

A file appears under its name when it is whole, and takes the place of one that
was there. Until then it is made in the folder .NAME.partial beside it, from
which --resume goes on after a crash, Ctrl-C or a full disk: with the same
command, the output is the same as if nothing had happened.

A language model writes a text on; an empty one, '', from nothing. With --stream
what it writes is shown as it is drawn. With --length to --repetition-penalty it
writes otherwise than it was trained to. --signature score says what a text costs.

A bundle that reads pictures takes their files, JPEG or PNG, or data URIs; with
--input a folder or .zip of them, a row each, or a table with their names, beside
which they are, or in --images. One that can't be decoded is marked in error.

A composer goes on from --primer opening.mid, or from nothing, and writes a tune:
--output tune.mid, .abc, .wav, or .png for a piano roll."""


def predict_(arguments: list[str]) -> None:
    """Answers values given on the line, rows of a file, or what comes on standard input."""
    values = _parsed(arguments)
    if composing.is_asked(values):
        composing.check(values)
        bundle = bundles.load(values["bundle"], verify=not values["no_verify"])
        composing.compose_tunes(bundle, values)
        return
    if bool(values["texts"]) == bool(values["input"]):
        raise ValueError("Give either values, or --input FILE (- for standard input), and not both.")
    to_file = values["output"] != STDOUT
    if values["resume"] and not (to_file and values["input"]):
        raise ValueError("--resume goes on with a file: it needs --input FILE and --output FILE.")
    if to_file:
        # What needs no model first, for that takes seconds to load.
        check_output(values["output"], values["input"])
    writing_on.check(values)
    bundle = bundles.load(values["bundle"], verify=not values["no_verify"])
    if values["stream"]:
        writing_on.stream(bundle, values)
        return
    bundle, values = writing_on.in_manner(bundle, values)
    pictured = reads_pictures(bundle)
    if values["attention"]:
        draw = picture_values.draw_attention if pictured else _draw_attention
        draw(bundle, values)
        print(f"picture  {values['attention']}", file=sys.stderr)
    if values["entities"]:
        _write_entities(bundle, values)
    if has_own_way(bundle):
        _predict_by_recipe(bundle, values)
        return
    if values["texts"] and not to_file and not values["json"]:
        if pictured:
            picture_values.print_answers(bundle, values)
        else:
            _print_answers(bundle, values["texts"], values["signature"])
        return
    format = trained_format(bundle, {name: values[name] for name in READING})
    rows = _rows(bundle, values, format)
    how = {name: values[name] for name in ("signature", "prefix", "images")}
    if to_file:
        reporter = Reporter(Console(stderr=True))
        kind = values["format"] or None
        done = predict_file(
            bundle, rows, values["output"], format=format, kind=kind, resume=values["resume"], reporter=reporter, **how
        )
        _print_done(done, as_json=values["json"])
        answered, failed = done.answered, done.failed
    else:
        tally = predict_stream(bundle, rows, sys.stdout, as_lines=values["json"], skip=format.skip_bad_rows, **how)
        answered, failed = tally.answered, tally.failed
        if failed:
            print(f"{rows.name}: {tally.sentence(rows.unit, left_out=format.skip_bad_rows)}", file=sys.stderr)
    if failed and not answered:
        raise SystemExit(1)


def _draw_attention(bundle, values):
    signature = bundle.card["signatures"].get(ATTENTION, {"outputs": ()})
    check_attention(values["attention"], values["texts"], signature["outputs"], bundle.path)
    draw_attention(values["attention"], bundle.predict({_only_input(bundle): values["texts"]}, signature=ATTENTION))


def _write_entities(bundle, values):
    outputs = bundle.card["signatures"].get(values["signature"], {"outputs": ()})["outputs"]
    check_entities(values["entities"], values["texts"], outputs, bundle.path)
    answers = bundle.predict({_only_input(bundle): values["texts"]}, signature=values["signature"])
    write_entities(values["entities"], entities_of(values["texts"], answers), title=f"Entities, by {bundle.path}")
    print(f"page     {values['entities']}", file=sys.stderr)


def _predict_by_recipe(bundle, values):
    check_own_way(bundle, texts=values["texts"], input=values["input"], kind=values["format"])
    import_tensorflow()
    to_file = values["output"] != STDOUT
    done = predict_by_recipe(
        bundle,
        values["input"],
        values["output"],
        {name: values[name] for name in READING},
        **{name: values[name] for name in ("signature", "resume", "prefix")},
        as_lines=values["json"],
        reporter=Reporter(Console(stderr=True)),
    )
    if to_file:
        _print_done(done, as_json=values["json"])


def _print_done(done, *, as_json):
    print(done.sentence, file=sys.stderr)
    if as_json:
        counts = {"rows": done.rows, "answered": done.answered, "failed": done.failed}
        print(json.dumps({"path": str(done.path), **counts}))


def _parsed(arguments):
    parser = Parser(
        usage="rnnkit predict BUNDLE [VALUE …] [--input FILE] [--output FILE] [--resume]",
        description=ABOUT,
    )
    parser.formatter_class = _formatter(parser.formatter_class)
    parser.add_argument("bundle", type=str, metavar="BUNDLE", help="Folder of a bundle.")
    parser.add_argument("texts", type=str, nargs="*", metavar="VALUE", help="Values, where the recipe has one input.")
    parser.add_argument(
        "--input",
        type=str,
        default="",
        metavar="FILE",
        help="Table of rows, .csv, .tsv, .jsonl or .parquet; a .txt with a text a line; or - for standard input. "
        "Text may be gzipped: .csv.gz. Of pictures also a folder or .zip of them.",
    )
    parser.add_argument(
        "--images",
        type=str,
        default="",
        metavar="PATH",
        help="Folder or .zip with the pictures that the input names; beside it by default.",
    )
    parser.add_argument(
        "--format",
        type=str,
        default="",
        metavar="FORMAT",
        help=f"What the input is where its name doesn't say: {', '.join(KINDS)}; standard input is txt unless told.",
    )
    parser.add_argument(
        "--output",
        type=str,
        default=STDOUT,
        metavar="FILE",
        help=f"File to write, {', '.join(ENDINGS)}; standard output, as csv, by default.",
    )
    parser.add_argument("--resume", action="store_true", help="Go on with an output that was interrupted.")
    parser.add_argument(
        "--prefix", type=str, default="", metavar="TEXT", help="Put before the name of each column that is added."
    )
    parser.add_argument(
        "--attention",
        type=str,
        default="",
        metavar="FILE",
        help="Also draws, into a .png, what was looked at when each piece of an answer was written.",
    )
    parser.add_argument(
        "--entities",
        type=str,
        default="",
        metavar="FILE",
        help="Also writes, into a .html, the texts with the entities found in them marked.",
    )
    parser.add_argument(
        "--signature",
        type=str,
        default="serving_default",
        metavar="NAME",
        help="Which signature answers; `rnnkit show BUNDLE` lists them.",
    )
    parser.add_no_verify()
    writing_on.add_flags(parser)
    composing.add_flags(parser)
    parser.add_reading()
    parser.add_json("Write one JSON object a row to standard output; with --output FILE, one with the counts.")
    return parser.parse(arguments)


def _formatter(usual):
    class Formatter(argparse.RawDescriptionHelpFormatter, usual):
        """Keeps the description's paragraphs."""

    return Formatter


def _rows(bundle, values, format):
    if not values["texts"]:
        return input_rows(bundle, values["input"], format, values["format"] or None)
    return WholeRows(Texts(values["texts"], _only_input(bundle)), tuple(bundle.card["inputs"]))


def _only_input(bundle):
    inputs = bundle.card["inputs"]
    if len(inputs) != 1:
        raise ValueError(f"{bundle.path} takes {listed(inputs)}. Give a table with a column for each: --input FILE.")
    return inputs[0]


def _print_answers(bundle: Bundle, texts: list[str], signature: str) -> None:
    outputs = outputs_of(bundle, signature)
    arrays = bundle.predict({_only_input(bundle): texts}, signature=signature)
    if set(NEEDED) <= set(arrays):
        console = Console(highlight=False, soft_wrap=True)
        for text, entities in entities_of(texts, arrays):
            console.print(entities_text(text, entities))
        return
    answers = Answers(len(texts), range(len(texts)), arrays, outputs)
    columns = {output.name: answers.rounded(output) for output in outputs}
    if set(COSTS) <= set(columns):
        for text, *costs in zip(texts, *(columns[name] for name in COSTS), strict=True):
            _print_costs(text, *costs)
        return
    for text, *answer in zip(texts, *columns.values(), strict=True):
        answer = dict(zip(columns, answer, strict=True))
        if "label" not in answer or "probability" not in answer:
            print(json.dumps({o.name: _named(answer[o.name], o.labels) for o in outputs}, ensure_ascii=False))
            continue
        print(f"{answer['label']:12} {max(answer['probability']):.3f}   {text}")
        if "attention" in answer:
            for word, weight in zip(answer["word"], answer["attention"], strict=True):
                print(f"    {weight:.3f}  {'█' * round(BAR * weight) or '▏':{BAR}} {word}")


def _print_costs(text, perplexity, tokens, log_probabilities):
    print(f"perplexity {perplexity:.2f}   {text}")
    for token, log_probability in zip(tokens, log_probabilities, strict=True):
        print(f"    {log_probability:8.3f}  {json.dumps(token, ensure_ascii=False)}")


def _named(value, labels):
    return dict(zip(labels, value, strict=True)) if labels else value
