"""Language models on a device: the script reads, scores and writes as the graph does, whatever the bytes."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf
from sealed import run_sealed
from toy_language_model import language_model, written

from rnnkit.answers import traced
from rnnkit.export import edge_language, forms, tflite
from rnnkit.export import run_language as script
from rnnkit.export.edge_language import language_edge, parity_signature
from rnnkit.layers.embedding import END

RAW = [
    b"The cat sat on the mat.",
    b"",
    b" \t\n",
    "née 🙂🏽 Ας \ufffd中".encode(),
    b"caf\xe9 \xf0\x9f\x99 a\0b",
    b"a hat,\n'tis\r\n a  hat",
    b"[end] of [start] [unknown]",
    b"the cat " * 9,
]
KINDS = {
    "characters, two lstms": {"tokens": "character", "depth": 2, "last_units": 7, "stop": "t |\\n", "blocked_ngram": 3},
    "words, gru": {"tokens": "word", "cell": "gru", "tied": False, "repetition_penalty": 1.3, "stop": "zz|mat ."},
    "words on their marks, simple": {"tokens": "word", "punctuation": "keep", "lower": True, "cell": "simple"},
    "bpe, mingru": {"tokens": "bpe", "cell": "mingru", "vocabulary": 45, "prompt": 6, "blocked_ngram": 1},
    "unigram, lru": {"tokens": "unigram", "cell": "lru", "vocabulary": 40, "lower": True, "layer_normalization": True},
    "rare characters, minlstm": {"tokens": "character", "cell": "minlstm", "least_count": 2, "repetition_penalty": 2.0},
}


def converted(folder, made, **how):
    generator, core = made
    edge = language_edge(generator)
    found = tflite.convert_parts([core], edge.parts.of(how.get("quantize", "none")), **how)
    assert not [op for op in found.ops if op.startswith(("Flex", "CUSTOM", "WHILE"))]
    (written(folder, edge) / "model.tflite").write_bytes(found.content)
    return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """By kind: the generator, its edge, and the folder with all that a device needs."""
    kept = {}

    def make(kind):
        if kind not in kept:
            made, folder = language_model(**KINDS[kind]), tmp_path_factory.mktemp("edge")
            assert converted(folder, made).rung == "unrolled"
            kept[kind] = made[0], language_edge(made[0]), folder
        return kept[kind]

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_answers_as_the_graph_does(exported, kind):
    _, edge, folder = exported(kind)
    expected = {name: values.numpy() for name, values in edge.function(text=tf.constant(RAW)).items()}
    model = script.Model(folder)
    for row, raw in [*enumerate(RAW), *enumerate(RAW)]:
        answer = model.answer(raw)
        assert list(answer) == list(expected)
        assert answer.pop("generated").encode() == expected["generated"][row]
        for name, value in answer.items():
            assert isinstance(value, float) and value == pytest.approx(expected[name][row], rel=1e-5, abs=1e-5)
    assert len(set(expected["generated"].tolist())) > 3 and expected["unknown"].any() and expected["tokens"][0] > 4


@pytest.mark.parametrize("kind", KINDS)
def test_the_coldest_and_the_narrowest_draws_are_the_most_probable_text(exported, kind):
    _, _, folder = exported(kind)
    model = script.Model(folder)
    for raw in RAW:
        expected = model.answer(raw)["generated"]
        assert model.generated(raw, length=16, temperature=0) == expected
        assert model.generated(raw, length=16, temperature=1e-4, seed=5) == expected
        assert model.generated(raw, length=16, temperature=2.0, top_k=1) == expected


@pytest.mark.parametrize("kind", ["characters, two lstms", "words on their marks, simple"])
def test_a_text_costs_what_it_does_in_the_graph(exported, kind):
    generator, _, folder = exported(kind)
    found = {name: values.numpy() for name, values in generator.scored(tf.constant(RAW)).items()}
    model = script.Model(folder)
    for row, raw in enumerate(RAW):
        score, size = model.score(raw), found["tokens"][row]
        assert [token.encode() for token in score["token"]] == found["token"][row, :size].tolist()
        np.testing.assert_allclose(score["log_probability"], found["log_probability"][row, :size], atol=1e-5)
        assert score["perplexity"] == pytest.approx(found["perplexity"][row], rel=1e-5)


def test_draws_depend_on_the_seed_and_the_prompt_alone(exported):
    _, _, folder = exported("rare characters, minlstm")
    model, again = script.Model(folder), script.Model(folder)
    texts = [model.generated(raw, seed=4, temperature=1.0) for raw in RAW]
    assert texts == [again.generated(raw, seed=4, temperature=1.0) for raw in RAW[::-1]][::-1]
    assert texts != [model.generated(raw, seed=5, temperature=1.0) for raw in RAW]
    assert len(set(texts)) == len(RAW)
    assert model.generated(b"") == model.generated(b"", **model.how["writing"])


def test_draws_follow_the_models_chances(exported):
    generator, _, folder = exported("characters, two lstms")
    model = script.Model(folder)
    logits, _ = generator.apart.step(tf.constant([END]), generator.apart.begin(1))
    banned = list(generator.controls.banned)
    allowed = np.where(np.isin(np.arange(logits.shape[1]), banned), -np.inf, logits[0])
    chances = tf.nn.softmax(allowed / 1.5).numpy()
    count = 2_000
    drawn = [next(model.follow([], script.Choice(seed=seed, temperature=1.5)), END) for seed in range(count)]
    shares = np.bincount(drawn, minlength=len(chances)) / count
    np.testing.assert_allclose(shares, chances, atol=4 * 0.5 / count**0.5)
    assert not shares[banned].any()


@pytest.mark.parametrize("quantize", ["dynamic", "float16", "int8"])
def test_smaller_files_answer_alike(tmp_path, quantize):
    made = language_model(scale=0.3)
    edge = language_edge(made[0])
    rows = edge.parts.examples([{"text": np.array([raw], object)} for raw in RAW])
    converted(tmp_path, made, quantize=quantize, calibration=rows)
    model = script.Model(tmp_path)
    expected = {name: values.numpy() for name, values in edge.function(text=tf.constant(RAW)).items()}
    for row, raw in enumerate(RAW):
        answer = model.answer(raw)
        assert answer["nats"] == pytest.approx(expected["nats"][row], rel=0.05)
        assert answer["tokens"] == expected["tokens"][row] and len(answer["generated"]) <= 16


@pytest.mark.parametrize("head", ["sampled", "adaptive"])
def test_other_heads_answer_as_the_graph_does(tmp_path, head):
    made = language_model(texts=["".join(map(chr, range(1_001)))], head=head, samples=3, tied=False)
    converted(tmp_path, made)
    expected = language_edge(made[0]).function(text=tf.constant(RAW[:1]))
    answer = script.Model(tmp_path).answer(RAW[0])
    assert answer["nats"] == pytest.approx(float(expected["nats"][0]), rel=1e-5)
    assert answer["generated"].encode() == expected["generated"].numpy()[0]


def test_examples_are_steps_of_the_signatures_shapes():
    generator, _ = language_model(depth=2, cell="gru")
    edge = language_edge(generator).fixed(9)
    (signature,) = edge.parts.signatures.values()
    texts = [b"the mat", b"", b"the cat " * 60]
    found = list(edge.parts.examples([{"text": np.array([raw], object)} for raw in texts]))
    assert {name for name, _ in found} == {"step"} and len(found) == 4 + 1 + 9
    for _, arrays in found:
        assert list(arrays) == ["ids", "state_1_1", "state_2_1"] == [spec.name for spec in signature.inputs]
        assert all(spec.shape == arrays[spec.name].shape for spec in signature.inputs)
    # The fourth reads the last of four tokens, after those before it.
    (ids,) = generator.units.ids(tf.constant(texts[:1])).numpy().tolist()
    states = generator.apart.begin(1)
    for number in [END, *ids[:3]]:
        _, states = generator.apart.step(tf.constant([number]), states)
    assert found[3][1]["ids"].tolist() == [ids[3]]
    np.testing.assert_allclose(found[3][1]["state_2_1"], states["state_2_1"], atol=1e-6)


def test_the_files_are_plain():
    files = {kind: language_edge(language_model(**how)[0]).files for kind, how in KINDS.items()}
    assert set(files["characters, two lstms"]) == {"characters.json", "preparation.json"}
    assert set(files["words, gru"]) == {"vocabulary.txt", "run_text.py", "preparation.json"}
    assert set(files["bpe, mingru"]) == {"pieces.txt", "scores.txt", "run_text_to_text.py", "preparation.json"}
    characters = json.loads(files["characters, two lstms"]["characters.json"])
    assert characters[:4] == ["", "[unknown]", "[start]", "[end]"] and "\n" in characters and "🙂" in characters
    assert files["words, gru"]["vocabulary.txt"].split("\n")[:4] == ["", "[unknown]", "[start]", "[end]"]
    how = json.loads(files["characters, two lstms"]["preparation.json"])
    assert how["states"] == {"state_1_1": 5, "state_1_2": 5, "state_2_1": 7, "state_2_2": 7}
    assert how["writing"] == {
        "length": 200,
        "temperature": 0.8,
        "top_k": 0,
        "top_p": 1.0,
        "seed": 0,
        "stops": ["t ", "\n"],
    }
    assert how["controls"] == {"repetition_penalty": 1.0, "blocked_ngram": 3, "banned": [0, 1, 2]}


@pytest.mark.parametrize("name", ["parity", "serving_default"])
def test_a_bundle_is_compared_by_its_signature_of_that_name_or_as_it_is_served(tmp_path, name):
    def named(name):
        return lambda text: {name: tf.strings.length(text)}

    signatures = {each: named(each) for each in ("serving_default", name)}
    bundle = types.SimpleNamespace(path=tmp_path, model=types.SimpleNamespace(signatures=signatures))
    form = forms._saved_model(types.SimpleNamespace(bundle=bundle))
    answers = form.answers({"text": ["a", "bcd"]})
    assert {key: values.tolist() for key, values in answers.items()} == {name: [1, 3]}


def test_the_signature_of_a_bundle_answers_as_the_edge_does():
    generator, _ = language_model()
    signature, raw = parity_signature(generator), tf.constant(RAW[:3])
    assert forms.PARITY == "parity"
    found, expected = traced(signature)(text=raw), language_edge(generator).function(text=raw)
    assert {name: values.numpy().tolist() for name, values in found.items()} == {
        name: values.numpy().tolist() for name, values in expected.items()
    }


def run(folder, *arguments, stdin=b""):
    done = run_sealed(folder, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("kind", ["characters, two lstms", "words, gru", "bpe, mingru"])
def test_the_script_writes_and_scores_by_itself(exported, kind):
    _, _, folder = exported(kind)
    before = sorted(folder.rglob("*"))
    model, prompts = script.Model(folder), [RAW[0], b"", b"caf\xff"]
    stdin = b"\r\n".join(prompts) + b"\n"
    rows = [
        json.loads(line) for line in run(folder, "--json", "--length", "9", "--seed", "3", stdin=stdin).splitlines()
    ]
    assert [row["text"] for row in rows] == [RAW[0].decode(), "", "caf\ufffd"]
    assert [row["generated"] for row in rows] == [model.generated(raw, length=9, seed=3) for raw in prompts]
    shown = run(folder, "--temperature", "0", "--stop", "", RAW[0])
    assert shown == "".join([RAW[0].decode(), *model.write(RAW[0], temperature=0, stops=[]), "\n"])
    (row,) = [json.loads(line) for line in run(folder, "--score", "--json", RAW[0]).splitlines()]
    assert row == {"text": RAW[0].decode(), **model.score(RAW[0])}
    assert run(folder, "--score", RAW[0]) == f"{row['perplexity']:.4f}   {RAW[0].decode()}\n"
    # Nothing compiled is left.
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "-1"], "temperature must be at least 0; 0: always the most probable. Got -1.0."),
        (["--temperature", "nan"], "temperature must be at least 0; 0: always the most probable. Got nan."),
        (["--length", "0"], "length must be at least 1. Got 0."),
        (["--top-k", "-2"], "top_k must be at least 0; 0: all. Got -2."),
        (["--top-p", "0"], "top_p must be above 0 and at most 1. Got 0.0."),
        (["--length", "some"], "argument --length: invalid int value: 'some'"),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(exported, monkeypatch, capsys, arguments, message):
    _, _, folder = exported("characters, two lstms")
    model = script.Model(folder)
    monkeypatch.setattr(script, "Model", lambda: model)
    monkeypatch.setattr("sys.argv", ["run.py", "The", *arguments])
    with pytest.raises(SystemExit) as left:
        script.main()
    told = capsys.readouterr()
    assert left.value.code == 2 and told.err == f"{message}\n" and not told.out


def test_the_script_needs_two_packages():
    source = edge_language.SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 300
    lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    standard = set("argparse collections functools itertools json math os pathlib random re runpy sys".split())
    assert {line.split()[1].partition(".")[0] for line in lines} - standard == {"numpy", "ai_edge_litert"}


def test_a_piece_with_a_line_break_is_refused():
    generator, _ = language_model(tokens="bpe")
    generator.units.layer.pieces[2] = "a\nb"
    with pytest.raises(ValueError, match=r"^Pieces are written one a line, and 'a\\nb' has a line break\."):
        language_edge(generator)
