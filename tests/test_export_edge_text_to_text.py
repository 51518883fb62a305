"""Text to text on a device: the script splits, answers and joins as the graph does, whatever the bytes."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sealed import run_sealed

from rnnkit.decoding import Controls
from rnnkit.export import edge_text_to_text, tflite
from rnnkit.export import run_text_to_text as script
from rnnkit.export.edge_text_to_text import text_to_text_edge
from rnnkit.features.pieces import Pieces
from rnnkit.layers.attention_decoder import AttentionDecoder
from rnnkit.layers.embedding import PADDING, START, UNKNOWN
from rnnkit.layers.encoder_decoder import TableEmbedding

PIECES = [
    "▁",
    "a",
    "b",
    "c",
    "d",
    "▁a",
    "ab",
    "▁ab",
    "cd",
    "ing",
    "in",
    "n",
    "g",
    "i",
    "é",
    "\u0301",
    "σ",
    "ς",
    "\ufffd",
    "½",
]
LIKELY = [-1.0, -3.5, -3.5, -4.25, -4.25, -2.0, -5.0, -3.1, -6.0, -2.2, -2.9, -3.3, -3.4, -3.3, -6.0, -6.0, -7.0, -7.0]
KINDS = ("bpe", "unigram", "word", "character")
CHOICES = list(itertools.product(KINDS, (("nfkc", True), ("nfc", False), ("none", True))))
ODD = [
    *"abcdingABé½ΣςÅﬁ한',.-_?5٣▁",
    *"\0\t\n\v\f\r \x1c\x1f\x85\xa0\xad\u1680\u180e\u200b\u200d\u2028\u3000\ufeff\ufffd\uffff",
    *"\u0301\u0323\u0483\u1100\u1161\u11a8\u2126\ua7c0\U00010570\U0001f642\U000e0100\U00040000\U0010ffff",
    *["abab", "cdcd", "inging", "  ", "▁▁", "e\u0301", "ΑΣ "],
]
texts = st.one_of(
    st.lists(st.sampled_from(ODD)).map("".join),
    st.lists(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs", "Cn"])), max_size=20).map("".join),
    st.binary(max_size=40),
).map(lambda text: text if isinstance(text, bytes) else text.encode())
BANNED = (PADDING, UNKNOWN, START)


def pieces(kind="bpe", **how):
    given = {"pieces": PIECES, "scores": LIKELY, "kind": kind, "length": 9, **how}
    if kind == "bpe":
        given["scores"] = [-float(rank // 2) for rank in range(len(PIECES))]
    return Pieces(**given)


def core(vocabulary, **decoder):
    """A core of sizes that all differ, whose weights are large enough to have opinions."""
    ids, target = (keras.Input((None,), dtype="int32", name=name) for name in ("ids", "target"))
    x, table = TableEmbedding(vocabulary, 6, name="embedding")(ids)
    x = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(x)
    logits = AttentionDecoder(vocabulary, 5, name="decoder", **decoder)([x, ids, target, table])
    model = keras.Model({"ids": ids, "target": target}, logits)
    random = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(random.normal(0, 0.7, weight.shape))
    return model


def written(folder, edge):
    folder.mkdir(exist_ok=True)
    for name, text in edge.files.items():
        (folder / name).write_bytes(text.encode())
    return folder


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """By settings: the pieces in the graph, and the class of run.py with its files."""
    model = core(len(PIECES) + 4)

    def make(choice):
        layer = pieces(choice[0], normalization=choice[1][0], lower=choice[1][1])
        edge = text_to_text_edge(layer, layer, model, width=2, controls=Controls())
        folder = written(tmp_path_factory.mktemp("edge"), edge)
        how = json.loads((folder / "preparation.json").read_text("utf-8"))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def graph(text):
            return layer(text), layer.split(text).to_tensor()

        return graph, script.Text(folder, how)

    return {choice: make(choice) for choice in CHOICES}


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@settings(max_examples=10, deadline=None)
@given(raw=st.lists(texts, min_size=1, max_size=30))
@example(raw=["ΟΔΟΣ ΟΔΟΣ'Σ Σ AͅΣ".encode(), b"AB \0 ab", b"caf\xe9 \xed\xa0\x80 \xf0\x9f\x99", b""])
def test_any_bytes_are_split_and_cut_as_in_the_graph(both, choice, raw):
    graph, device = both[choice]
    for text, expected, strings in zip(raw, *graph(tf.constant(raw)), strict=True):
        read, ids, cut = device.read(text)
        np.testing.assert_array_equal(ids[0], tf.boolean_mask(expected, expected != PADDING))
        whole = [piece.encode() for piece in device.split(text)]
        assert whole == [piece for piece in strings.numpy() if piece]
        assert ids.dtype == np.int32 and cut == (len(whole) > 9) and len(read) == min(len(whole), 9)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_long_words_are_parted_as_in_the_graph(both, kind):
    graph, device = both[kind, ("nfc", False)]
    raw = b"ab " * 9 + b"ab" * 1_040 + b" abcd"
    assert [piece.encode() for piece in device.split(raw)] == graph(tf.constant([raw]))[1][0].numpy().tolist()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An edge, and its folder with a converted model."""
    layer = pieces()
    whole = core(layer.size)
    edge = text_to_text_edge(layer, layer, whole, width=3, controls=Controls(0.6, banned=BANNED))
    folder = written(tmp_path_factory.mktemp("edge"), edge)
    found = tflite.convert_parts([whole], edge.parts.signatures)
    (folder / "model.tflite").write_bytes(found.content)
    (folder / "run.py").write_bytes(edge.script.read_bytes())
    return edge, folder, found


TEXTS = [b"ab abcd", b"", b"  ", b"a", b"cd ing ab abcd inging ab abab", b"xyz \xff c", b"ing", b"b d \xc3\xa9"]


def test_the_file_answers_as_the_graph_does(made):
    edge, folder, found = made
    assert not [op for op in found.ops if op.startswith(("Flex", "CUSTOM"))] and found.rung == "fused"
    expected = edge.function(text=tf.constant(TEXTS))
    model = script.Model(folder)
    assert list(expected) == ["translation", "score", "cut"]
    for place, raw in enumerate(TEXTS):
        answer = model.answer(raw)
        assert list(answer) == list(expected)
        assert answer["translation"].encode() == expected["translation"][place].numpy()
        assert answer["score"] == pytest.approx(float(expected["score"][place]), rel=1e-5, abs=1e-5)
        assert answer["cut"] == bool(expected["cut"][place])
    assert len({model.answer(raw)["translation"] for raw in TEXTS}) > 2
    assert model.answer(b"")["translation"] == "" and model.answer(b"")["score"] == 0


def test_the_script_answers_by_itself(made):
    _, folder, _ = made
    model = script.Model(folder)
    lines = run_sealed(folder, "--json", stdin=b"ab abcd\r\n\ncaf\xff\n").stdout.decode().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["text"] for row in rows] == ["ab abcd", "", "caf\ufffd"]
    assert [row["translation"] for row in rows] == [
        model.answer(raw)["translation"] for raw in (b"ab abcd", b"", b"caf\xff")
    ]
    (line,) = run_sealed(folder, "--json", "--beam", "1", "--attention", "ab abcd").stdout.decode().splitlines()
    row, expected = json.loads(line), model.attended(b"ab abcd", 1)
    assert row["translation"] == expected["translation"]
    assert [tuple(pair) for pair in row["attention"]] == expected["attention"] != []
    assert {looked for _, looked in expected["attention"]} <= {"[start]", "▁ab", "cd", "[end]"}
    refused = run_sealed(folder, "--beam", "0", "ab")
    assert refused.returncode == 2 and refused.stderr.decode().splitlines()[-1].endswith(
        "beam must be at least 1. Got 0."
    )


def test_a_fixed_length_has_fixed_shapes_and_answers_in_one_call_too(tmp_path):
    layer = pieces()
    whole = core(layer.size, attention="general", cell="gru")
    edge = text_to_text_edge(layer, layer, whole, width=2, controls=Controls(0.6, banned=BANNED)).fixed(6)
    signatures = edge.parts.signatures
    assert list(signatures) == ["encode", "step", "greedy"] and list(edge.parts.of("int8")) == ["encode", "step"]
    assert all(None not in spec.shape for signature in signatures.values() for spec in signature.inputs)
    marked = keras.layers.TimeDistributed(whole)
    marked.built = True
    found = tflite.convert_parts([marked], signatures, rungs=("while",))
    folder = written(tmp_path, edge)
    (folder / "model.tflite").write_bytes(found.content)
    expected, model = edge.function(text=tf.constant(TEXTS)), script.Model(folder)
    alone = model.interpreter.get_signature_runner("greedy")
    for place, raw in enumerate(TEXTS):
        answer = model.answer(raw)
        assert answer["translation"].encode() == expected["translation"][place].numpy()
        assert answer["score"] == pytest.approx(float(expected["score"][place]), rel=1e-5, abs=1e-5)
        ids = model.text.read(raw)[1]
        assert ids.shape[1] <= 6 and answer["cut"] == (len(model.text.split(raw)) > 4)
        once = alone(ids=np.pad(ids, [(0, 0), (0, 6 - ids.shape[1])]))
        greedily = model.answer(raw, 1)
        assert once["written"].shape == (1, 18)
        assert model.joined(once["written"][0].tolist()) == greedily["translation"]
        assert once["score"][0] == pytest.approx(greedily["score"], rel=1e-5)
    with pytest.raises(ValueError, match=r"^beam must be at least 1 and at most 2, as exported\. Got 3\.$"):
        model.answer(b"ab", 3)
    with pytest.raises(ValueError, match=r"^length must be at least 3, .* Got 2\.$"):
        edge.fixed(2)


def test_examples_are_of_the_signatures_shapes():
    layer = pieces()
    whole = text_to_text_edge(layer, layer, core(layer.size), width=2, controls=Controls())
    rows = [{"text": np.array([raw], object)} for raw in TEXTS]
    for edge in (whole, whole.fixed(7)):
        found = list(edge.parts.examples(rows))
        assert {name for name, _ in found} == {"encode", "step"}
        for name, arrays in found:
            specs = edge.parts.signatures[name].inputs
            assert arrays.keys() == {spec.name for spec in specs}
            assert all(spec.shape.is_compatible_with(arrays[spec.name].shape) for spec in specs)
        # TensorFlow's calibrator breaks down where the time changes from one step to the next.
        assert len({arrays["memory"].shape[1] for name, arrays in found if name == "step"}) == 1


def test_controls_that_a_loop_of_built_in_ops_has_not_leave_greedy_out():
    layer = pieces()
    for controls in (Controls(repetition_penalty=1.5), Controls(blocked_ngram=3)):
        edge = text_to_text_edge(layer, layer, core(layer.size), width=2, controls=controls, length=8)
        assert list(edge.parts.signatures) == ["encode", "step"]


def test_the_files_are_plain():
    source, target = pieces("unigram", lower=True), pieces("word", pieces=["x", "▁y"], scores=[], start=False)
    names = {"text": "summary", "score": "points", "cut": "cut"}
    files = text_to_text_edge(source, target, core(24), width=2, controls=Controls(0.5), outputs=names).files
    assert set(files) == {"pieces.txt", "scores.txt", "written_pieces.txt", "preparation.json", "run_search.py"}
    assert files["pieces.txt"].split("\n") == ["", "[unknown]", "[start]", "[end]", *PIECES, ""]
    # Pieces behind the last score have the least.
    assert [float(line) for line in files["scores.txt"].split()] == [*LIKELY, -7.0, -7.0]
    assert files["written_pieces.txt"].endswith("[end]\nx\n▁y\n")
    how = json.loads(files["preparation.json"])
    assert how["kind"] == "unigram" and how["lower"] and how["length_penalty"] == 0.5 and how["outputs"] == names


def test_a_piece_with_a_line_break_is_refused():
    broken = pieces("word", pieces=["a\nb"], scores=[])
    with pytest.raises(ValueError, match=r"^Pieces are written one a line, and 'a\\nb' has a line break\."):
        text_to_text_edge(broken, broken, core(5), width=2, controls=Controls())


def test_the_script_needs_two_packages():
    source = edge_text_to_text.SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 300
    lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    standard = {"argparse", "itertools", "json", "os", "pathlib", "re", "runpy", "sys", "unicodedata"}
    assert {line.split()[1].partition(".")[0] for line in lines} - standard == {"numpy", "ai_edge_litert"}
