"""Images to text on a device: the script answers as the graph does, whatever the bytes."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from sealed import run_sealed
from toy_captions import BROKEN, encoded, made, noise, prepared, uri

from rnnkit.captioning.captioner import captioner_of, classifier_of
from rnnkit.captioning.core import build_captioner
from rnnkit.export import run_image_to_text as script
from rnnkit.export import tflite
from rnnkit.export.edge_image_to_text import image_to_label_edge, image_to_text_edge
from rnnkit.features.pieces import Pieces
from rnnkit.layers.embedding import END

PICTURES = [
    encoded(noise(0)),
    encoded(noise(1, (31, 22))),
    BROKEN,
    encoded(noise(2, (90, 120)), "JPEG"),
    uri(encoded(noise(3, channels=1))).encode(),
    b"",
    encoded(noise(4, (9, 5))),
]


def written(folder, edge, core, **how):
    """Writes what an export writes, and returns what was converted."""
    folder.mkdir(exist_ok=True)
    for name, text in edge.files.items():
        (folder / name).write_bytes(text.encode())
    found = tflite.convert_parts([core], edge.parts.signatures, **how)
    (folder / "model.tflite").write_bytes(found.content)
    (folder / "run.py").write_bytes(edge.script.read_bytes())
    return found


@pytest.fixture(scope="module")
def captions(tmp_path_factory):
    """A captioner, its edge, the folder with a converted model, what was converted, and the core."""
    preparation, settings = prepared(length_penalty=0.6)
    core, random = build_captioner(preparation.facts, settings), np.random.default_rng(1)
    # Drawn so that captions differ and have an end.
    for weight in core.weights:
        if weight.dtype == "float32" and weight.name not in ("moving_mean", "moving_variance"):
            weight.assign(random.normal(0, 1, weight.shape))
    bias = core.get_layer("decoder").logits_bias
    bias.assign(bias - np.eye(bias.shape[0])[END])
    captioner = captioner_of(preparation, core, settings)
    edge, folder = image_to_text_edge(captioner), tmp_path_factory.mktemp("edge")
    return captioner, edge, folder, written(folder, edge, core), core


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """The same of a classifier."""
    preparation, core, _ = made(answer="label")
    classifier = classifier_of(preparation, core)
    edge, folder = image_to_label_edge(classifier), tmp_path_factory.mktemp("labels")
    return classifier, edge, folder, written(folder, edge, core)


def assert_same(answer, expected, place):
    assert answer["caption"].encode() == expected["caption"][place].numpy()
    assert answer["score"] == pytest.approx(float(expected["score"][place]), rel=1e-4, abs=1e-5)
    assert answer["readable"] == bool(expected["readable"][place])


def test_the_file_writes_as_the_graph_does(captions):
    _, edge, folder, found, _ = captions
    assert not [op for op in found.ops if op.startswith(("Flex", "CUSTOM"))]
    expected, model = edge.function(image=tf.constant(PICTURES)), script.Model(folder)
    answers = [model.answer(raw) for raw in PICTURES]
    for place, answer in enumerate(answers):
        assert list(answer) == list(expected)
        assert_same(answer, expected, place)
    assert [answer["readable"] for answer in answers] == [True, True, False, True, True, False, True]
    assert answers[2]["caption"] == "" and answers[2]["score"] == 0
    assert len({answer["caption"] for answer in answers}) > 2


def test_weights_lie_on_the_grid_and_are_those_of_the_graph(captions):
    captioner, _, folder, *_ = captions
    expected, model = captioner.attention(tf.constant(PICTURES[3:4])), script.Model(folder)
    pieces = expected["written"][0].numpy()
    looked = model.attended(PICTURES[3])["attention"]
    assert [piece.encode() for piece, _ in looked] == [piece for piece in pieces if piece] != []
    for (_, weights), seen in zip(looked, expected["weights"][0], strict=False):
        assert weights.shape == seen.shape == (8, 8)
        np.testing.assert_allclose(weights, seen, rtol=1e-4, atol=1e-5)
    assert model.attended(BROKEN)["attention"] == []


def test_the_file_tells_labels_as_the_graph_does(labels):
    classifier, edge, folder, found = labels
    assert list(edge.parts.signatures) == ["classify"] and not [op for op in found.ops if op.startswith("Flex")]
    expected, model = edge.function(image=tf.constant(PICTURES)), script.Model(folder)
    for place, raw in enumerate(PICTURES):
        answer = model.answer(raw)
        assert list(answer) == list(expected) == ["label", "probability", "readable"]
        assert answer["label"].encode() == expected["label"][place].numpy()
        np.testing.assert_allclose(answer["probability"], expected["probability"][place], rtol=1e-4, atol=1e-6)
        assert answer["readable"] == bool(expected["readable"][place])
    assert model.answer(PICTURES[0])["label"] in classifier.labels and model.answer(BROKEN)["label"] == ""


def test_a_fixed_length_writes_no_more_and_answers_in_one_call_too(captions, tmp_path):
    captioner, edge, *_, core = captions
    fixed = edge.fixed(3)
    signatures = fixed.parts.signatures
    assert list(signatures) == ["encode", "step", "greedy"] and list(fixed.parts.of("int8")) == ["encode", "step"]
    assert all(None not in spec.shape for signature in signatures.values() for spec in signature.inputs)
    written(tmp_path, fixed, core, rungs=("while",))
    expected, model = fixed.function(image=tf.constant(PICTURES)), script.Model(tmp_path)
    alone = model.interpreter.get_signature_runner("greedy")
    for place, raw in enumerate(PICTURES):
        assert_same(model.answer(raw), expected, place)
        pixels, readable = model.pixels_of(raw, model.how["image"])
        if readable:
            once, greedily = alone(pixels=pixels[None]), model.answer(raw, 1)
            assert once["written"].shape == (1, 3)
            assert model.spelled(model.pieces, once["written"][0].tolist()) == greedily["caption"]
            assert once["score"][0] == pytest.approx(greedily["score"], rel=1e-4)
    with pytest.raises(ValueError, match=r"^beam must be at least 1 and at most 3, as exported\. Got 4\.$"):
        model.answer(PICTURES[0], 4)
    with pytest.raises(ValueError, match=r"^length must be at least 1, .* Got 0\.$"):
        edge.fixed(0)
    assert image_to_text_edge(captioner, length=99).parts.signatures["greedy"]


def test_examples_are_of_the_signatures_shapes(captions, labels):
    rows = [{"image": np.array([raw], object)} for raw in PICTURES]
    for edge in (captions[1], captions[1].fixed(2), labels[1]):
        found = list(edge.parts.examples(rows))
        assert {name for name, _ in found} == set(edge.parts.of("int8"))
        for name, arrays in found:
            specs = edge.parts.signatures[name].inputs
            assert arrays.keys() == {spec.name for spec in specs}
            assert all(spec.shape.is_compatible_with(arrays[spec.name].shape) for spec in specs)
            assert all(spec.dtype == arrays[spec.name].dtype for spec in specs)
    assert sum(name == "encode" for name, _ in captions[1].parts.examples(rows)) == 5


def test_controls_that_a_loop_of_built_in_ops_has_not_leave_greedy_out(captions):
    captioner = captions[0]
    controls = dataclasses.replace(captioner.controls, blocked_ngram=3)
    edge = image_to_text_edge(dataclasses.replace(captioner, controls=controls), length=2)
    assert list(edge.parts.signatures) == ["encode", "step"]


def test_a_piece_with_a_line_break_is_refused(captions):
    broken = dataclasses.replace(captions[0], target=Pieces(["a\nb"], kind="word"))
    with pytest.raises(ValueError, match=r"^Pieces are written one a line, and 'a\\nb' has a line break\."):
        image_to_text_edge(broken)


def test_the_files_are_plain(captions, labels):
    captioner, edge, *_ = captions
    assert set(edge.files) == {"preparation.json", "pieces.txt", "run_images.py", "run_search.py"}
    how = json.loads(edge.files["preparation.json"])
    image = {"height": 16, "width": 16, "channels": 3, "fit": "squash", "most_pixels": 50_000_000}
    assert how["image"] == image and how["limit"] == 6 and how["grid"] == [8, 8] and how["length_penalty"] == 0.6
    lines = edge.files["pieces.txt"].split("\n")
    assert lines == ["", "[unknown]", "[start]", "[end]", *captioner.target.pieces, ""]
    assert set(labels[1].files) == {"preparation.json", "run_images.py"}
    assert json.loads(labels[1].files["preparation.json"])["labels"] == list(labels[0].labels)


def test_the_script_answers_by_itself(captions, tmp_path):
    folder, model = captions[2], script.Model(captions[2])
    names = [str(tmp_path / name) for name in ("a b.png", "none.jpg", "broken.png")]
    for name, raw in zip(names[::2], (PICTURES[3], BROKEN), strict=True):
        (tmp_path / name).write_bytes(raw)
    told = run_sealed(folder, "--json", "--attention", *names, PICTURES[4].decode())
    rows = [json.loads(line) for line in told.stdout.decode().splitlines()]
    assert [row["image"] for row in rows[:2]] == names[::2] and rows[2]["image"].startswith("data:image/png;base64,")
    for row, raw in zip(rows, (PICTURES[3], BROKEN, PICTURES[4]), strict=True):
        expected = model.attended(raw)
        assert row["caption"] == expected["caption"] and row["readable"] == expected["readable"]
        assert [piece for piece, _ in row["attention"]] == [piece for piece, _ in expected["attention"]]
        assert row["score"] == pytest.approx(float(expected["score"]), rel=1e-6)
    assert np.shape(rows[0]["attention"][0][1]) == (8, 8)
    assert told.returncode == 1 and told.stderr.decode().splitlines()[-2:] == [
        f"{names[1]} can't be read: No such file or directory. Give a .jpg or .png file.",
        f"{names[2]} can't be decoded: it is no JPEG or PNG file, too large or damaged.",
    ]
    plain = run_sealed(folder, "--beam", "1", "--attention", names[0])
    first, *pieces = plain.stdout.decode().splitlines()
    expected = model.attended(PICTURES[3], 1)
    assert plain.returncode == 0 and first.startswith(f"{expected['caption']}   ") and first.endswith(names[0])
    assert len(pieces) == len(expected["attention"]) and "of 8, column" in pieces[0]
    refused = run_sealed(folder, "--beam", "0", names[0])
    assert refused.returncode == 2 and refused.stderr.decode().endswith("beam must be at least 1. Got 0.\n")


def test_the_script_tells_labels_by_itself(labels, tmp_path):
    folder, model = labels[2], script.Model(labels[2])
    (tmp_path / "a.png").write_bytes(PICTURES[0])
    expected = model.answer(PICTURES[0])
    (line,) = run_sealed(folder, tmp_path / "a.png").stdout.decode().splitlines()
    assert line.startswith(f"{expected['label']}   {max(expected['probability']):.3f}   ")
    row = json.loads(run_sealed(folder, "--json", tmp_path / "a.png").stdout)
    assert row["label"] == expected["label"]
    np.testing.assert_allclose(row["probability"], expected["probability"], rtol=1e-6)
    refused = run_sealed(folder, "--attention", tmp_path / "a.png")
    assert refused.returncode == 2 and b"this one has labels" in refused.stderr


@pytest.mark.parametrize("name", ["run_image_to_text", "run_images", "run_search"])
def test_the_scripts_need_few_packages(name):
    source = script.pathlib.Path(script.__file__).with_name(f"{name}.py").read_text("utf-8")
    assert len(source.splitlines()) < 300
    found = {line.split()[1].partition(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    standard = {"argparse", "base64", "binascii", "io", "json", "os", "pathlib", "re", "runpy", "struct", "sys"}
    standard |= {"warnings", "zlib"}
    assert found - standard <= {"numpy", "PIL", "ai_edge_litert"}
