"""Tags on a device: the script splits, reads, marks and tells how likely, as the graph does, whatever the bytes."""

import dataclasses
import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from sealed import run_sealed

from rnnkit.export import edge_tags, tflite
from rnnkit.export import run_tags as script
from rnnkit.export.edge_tags import tagger_edge
from rnnkit.features.tags import entity_tags
from rnnkit.features.token_features import SHAPES, Tokens
from rnnkit.features.token_texts import BETWEEN, joined_tokens
from rnnkit.features.token_windows import COUNT, NO_KEY, learn_windows
from rnnkit.features.tokens import readable
from rnnkit.features.words import RESERVED
from rnnkit.recipe import Preparation
from rnnkit.settings import RecurrentSettings
from rnnkit.tagger.core import build_tagger
from rnnkit.tagger.serving import LAYER, tagger_of
from rnnkit.tagger.settings import TaggerSettings

WORDS = ["ada", "of", "0000", "lovelace", "n't", "'s", "ας", "i̇", "a\nb", "\u2028", "中", "u.s.", "ada-\u0301", "½"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TaggerSettings, RecurrentSettings):
    """All that a tagger needs."""


SIZES = {"units": 5, "depth": 1, "embedding_units": 6, "character_units": 4, "letters": 9}
SENTENCES = [["Ada", "Lovelace", "met", "J.", "Smith"], ["of", "New York", ",", "1996"], ["two", "three"], ["中", "-"]]


def tagger(tags=("PER", "LOC-a"), *, entities=True, length=11, windows=0, **how):
    """An untrained one, whose weights are large enough to have opinions."""
    how = Settings(length=length, windows=windows, **SIZES, **how)
    names = tuple(entity_tags(tags)) if entities else tuple(tags)
    read = {name: getattr(how, name) for name in ("lower", "digits", "length", "letters", "windows")}
    layer = Tokens(WORDS, **read, name=LAYER)
    facts = {"vocabulary": len(WORDS) + len(RESERVED), "tags": len(names), "entities": int(entities)}
    if windows:
        keys = learn_windows(layer, SENTENCES, most=windows, least=1)
        layer.windows.assign(keys)
        facts["windows"] = 1 + windows
    core = build_tagger(facts, how)
    random = np.random.default_rng(3)
    for weight in core.weights:
        drawn = random.normal(0, 0.6, weight.shape)
        # Less than nothing of a part would make likely what may never be.
        weight.assign(np.abs(drawn) if weight.name == "shares" else drawn)
    kept = {"ids": True, "letters": how.characters != "none", "shapes": how.shapes, "windows": windows > 0}
    features = types.SimpleNamespace(get_layer={LAYER: layer}.__getitem__)
    preparation = Preparation(features, None, facts, tuple(name for name in kept if kept[name]), names)
    return tagger_of(preparation, core, how), core


def written(folder, edge):
    for name, text in edge.files.items():
        (folder / name).write_bytes(text.encode())
    (folder / "run.py").write_bytes(edge.script.read_bytes())
    return folder


TEXTS = [
    b"Ada Lovelace didn't meet J. Smith in Paris .",
    b"",
    b" \t ",
    b"of",
    "Εκεί, 中文 and 🇩🇪👍🏽 שלום 1996 é".encode(),
    b"caf\xe9 of Ada",
    "".join(joined_tokens([["Ada", "New York", "of", " "]])).encode(),
    b"one two three four five six seven eight nine ten eleven twelve thirteen",
]


def answers_as(model, edge, texts=TEXTS):
    """Compares the script's answers with the graph's, text by text, and returns them."""
    expected = {name: values.numpy() for name, values in edge.function(text=tf.constant(texts)).items()}
    answers = [model.answer(raw) for raw in texts]
    for row, answer in enumerate(answers):
        assert list(answer) == list(expected)
        sizes = {name: len(answer["token"]) for name in ("token", "tag", "tag_probability")}
        for name, value in answer.items():
            theirs, ours = expected[name][row], np.asarray(value)
            if theirs.ndim:
                size = sizes.get(name, int(expected.get("count", [0])[row] if "count" in expected else 0))
                assert len(value) == size and not any(theirs[size:].tolist())
                theirs = theirs[:size]
            if theirs.dtype == object:
                assert list(value) == [text.decode() for text in theirs.tolist()]
            elif theirs.dtype.kind == "f":
                assert ours.dtype == np.float32 or not len(theirs)
                np.testing.assert_allclose(ours, theirs, atol=2e-5)
            else:
                np.testing.assert_array_equal(ours, theirs)
    return answers


def converted(folder, edge, core, **how):
    found = tflite.convert_parts([core], edge.parts.signatures, **how)
    assert not [op for op in found.ops if op.startswith(("Flex", "CUSTOM"))]
    (written(folder, edge) / "model.tflite").write_bytes(found.content)
    return script.Model(folder)


FORMS = {
    "cnn, crf": {},
    "gru, lstm letters, softmax": {"characters": "lstm", "head": "softmax", "cell": "gru", "tag_scheme": "iob1"},
    "words alone": {"characters": "none", "shapes": False, "tag_scheme": "bioes"},
    "plain tags": {"tags": ("NN", "VB", "B-x"), "entities": False},
    "windows": {"windows": 400},
    "windows, softmax": {"windows": 90, "head": "softmax", "shapes": False},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_file_answers_as_the_graph_does(tmp_path, form):
    made, core = tagger(**FORMS[form])
    edge = tagger_edge(made)
    answers = answers_as(converted(tmp_path, edge, core), edge)
    assert len({tag for answer in answers for tag in answer["tag"]}) > 1
    assert [answer["cut"] for answer in answers] == [False] * 7 + [True]
    if made.entities:
        found = [pair for answer in answers for pair in zip(answer["entity"], answer["label"], strict=True)]
        assert {label for _, label in found} <= {"PER", "LOC-a"} and len(found) > 2
        assert not any(BETWEEN in entity for entity, _ in found)


def test_windows_are_read_as_in_the_graph(tmp_path):
    made, _ = tagger(windows=400)
    edge = tagger_edge(made)
    (signature,) = edge.parts.signatures.values()
    assert {spec.name: tuple(spec.shape) for spec in signature.inputs}["windows"] == (1, None, COUNT)
    device = script.Text(written(tmp_path, edge))
    random = np.random.default_rng(5)
    letters = [*map(chr, range(32, 0x250)), *"\0\u0301中עא😀", *" " * 300]
    rows = [raw for raw in TEXTS] + ["".join(random.choice(letters, 60)).encode() for _ in range(40)]
    expected = made.tokens(readable(tf.constant(rows)))["windows"].numpy()
    for row, raw in enumerate(rows):
        _, tensors, _ = device.read(raw.decode("utf-8", "replace"))
        (found,) = tensors["windows"]
        np.testing.assert_array_equal(found, expected[row, : len(found)])
        assert found.dtype == np.int32 and not expected[row, len(found) :].any()
    known = made.tokens.windows.known.numpy()
    lines = edge.files["windows.txt"].splitlines()
    assert np.cumsum(np.array(lines, int)).tolist() == known[known < NO_KEY].tolist() and len(lines) > 300
    assert len(set(expected.ravel().tolist())) > 150


def test_windows_at_a_fixed_length_are_those_of_what_is_read(tmp_path):
    made, core = tagger(windows=400)
    edge = tagger_edge(made).fixed(3)
    marked = keras.layers.TimeDistributed(core)
    marked.built = True
    answers = answers_as(converted(tmp_path, edge, marked), edge)
    assert [len(answer["token"]) for answer in answers] == [3, 0, 0, 1, 3, 3, 3, 3]


def test_a_fixed_length_has_fixed_shapes_and_leaves_padding_out(tmp_path):
    made, core = tagger()
    edge = tagger_edge(made).fixed(7)
    (signature,) = edge.parts.signatures.values()
    assert [tuple(spec.shape) for spec in signature.inputs] == [(1, 7), (1, 7, 9), (1, 7)]
    marked = keras.layers.TimeDistributed(core)
    marked.built = True
    answers = answers_as(converted(tmp_path, edge, marked), edge)
    assert [len(answer["token"]) for answer in answers] == [7, 0, 0, 1, 7, 4, 4, 7]
    assert answers[-1]["cut"] and answers[0]["cut"]


@pytest.mark.parametrize("quantize", ["dynamic", "float16", "int8"])
def test_smaller_files_answer_alike(tmp_path, quantize):
    made, core = tagger()
    edge = tagger_edge(made)
    rows = edge.parts.examples([{"text": np.array([raw], object)} for raw in TEXTS])
    model = converted(tmp_path, edge, core, quantize=quantize, calibration=rows)
    expected = {name: values.numpy() for name, values in edge.function(text=tf.constant(TEXTS)).items()}
    for row, raw in enumerate(TEXTS):
        answer = model.answer(raw)
        likely = answer["tag_probability"]
        assert len(answer["token"]) == len(likely) and ((likely >= 0) & (likely <= 1.0001)).all()
        same = [tag.encode() == theirs for tag, theirs in zip(answer["tag"], expected["tag"][row], strict=False)]
        assert np.mean(same or [True]) > 0.6


def test_examples_are_of_the_signatures_shapes():
    whole = tagger_edge(tagger()[0])
    rows = [{"text": np.array([raw], object)} for raw in TEXTS]
    for edge in (whole, whole.fixed(4)):
        found = list(edge.parts.examples(rows))
        assert {name for name, _ in found} == {edge_tags.SIGNATURE} and len(found) == 6
        for name, arrays in found:
            specs = edge.parts.signatures[name].inputs
            assert list(arrays) == [spec.name for spec in specs]
            assert all(spec.shape.is_compatible_with(arrays[spec.name].shape) for spec in specs)


def run(folder, *arguments, stdin=b""):
    done = run_sealed(folder, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_the_script_answers_by_itself(tmp_path):
    made, core = tagger()
    model = converted(tmp_path, tagger_edge(made), core)
    rows = [json.loads(line) for line in run(tmp_path, "--json", stdin=TEXTS[0] + b"\r\n\ncaf\xff\n").splitlines()]
    assert [row["text"] for row in rows] == [TEXTS[0].decode(), "", "caf\ufffd"]
    for row, raw in zip(rows, (TEXTS[0], b"", b"caf\xff"), strict=True):
        answer = model.answer(raw)
        assert list(row) == ["text", *answer]
        for name in ("token", "tag", "entity", "label", "count", "cut"):
            assert row[name] == answer[name]
        assert row["start"] == answer["start"].tolist() and len(row["probability"]) == answer["count"]
    shown = run(tmp_path, TEXTS[0], "of").splitlines()
    answer = model.answer(TEXTS[0])
    assert len(shown) == 2 and answer["count"]
    for entity, label in zip(answer["entity"], answer["label"], strict=True):
        assert f"[{entity} {label}]" in shown[0]
    plain = script.shown("a b", {"token": ["a", "b"], "tag": ["NN", "VB"]})
    assert plain == "a/NN b/VB"


def test_the_files_are_plain():
    made, _ = tagger()
    files = tagger_edge(made).files
    assert set(files) == {"vocabulary.txt", "tags.txt", "preparation.json"}
    named = ["" if word == "a\nb" else word for word in WORDS]
    assert files["vocabulary.txt"].split("\n") == ["", "[unknown]", "[start]", *named, ""]
    assert files["tags.txt"].splitlines() == entity_tags(["PER", "LOC-a"])
    how = json.loads(files["preparation.json"])
    assert how["on_several_lines"] == {"a\nb": 3 + WORDS.index("a\nb")} and len(how["shapes"]) == len(SHAPES)
    assert how["scheme"] == "bio" and how["entities"] and how["length"] == 11


def test_a_tag_with_a_line_break_is_refused():
    made, _ = tagger(("NN", "a\nb"), entities=False)
    with pytest.raises(ValueError, match=r"^Tags are written one a line, and 'a\\nb' has a line break\."):
        tagger_edge(made)


def test_the_script_needs_two_packages():
    source = edge_tags.SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 300
    lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    standard = {"argparse", "json", "os", "pathlib", "re", "sys"}
    assert {line.split()[1].partition(".")[0] for line in lines} - standard == {"numpy", "ai_edge_litert"}
