"""Tunes on a device: the script reads, scores and composes as the graph does, and writes MIDI by itself."""

import json
import pathlib
import re
import types

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sealed import run_sealed
from toy_composer import TEXTS, toy_composer

import rnnkit
from rnnkit.answers import traced
from rnnkit.decoding.sampling import drawn
from rnnkit.export import edge_music, tflite
from rnnkit.export import run_music as script
from rnnkit.export.edge import export_tflite
from rnnkit.export.edge_music import music_edge, parity_signature
from rnnkit.music.events import bar_faults, decode_words
from rnnkit.music.midi_reading import read_midi
from rnnkit.music.pieces import MODES

SAMPLE = pathlib.Path(__file__).parents[1] / "data" / "tunes.abc"
RAW = [
    *(text.encode() for text in TEXTS),
    b"style:jig key:Eb_major metre:6/8 | ch:Eb n63 d24 n67",
    b"key:F#_minor metre:5/4 | n66 d77 n0 n127 r",
    b"",
    b" \t\n",
    b"d12 n60 | | style:jig key:C_major key:D_major",
    b"caf\xe9 \xf0\x9f\x99 [end] n60\0 key:A_minor",
    b"key:G_major\xc2\xa0metre:3/4 | " + b"n67 d8 " * 30,
]
KINDS = {
    "two lstms": {"depth": 2},
    "gru, any bars": {"cell": "gru", "right_bars": False, "on_tonic": False},
    "mingru, in key": {"cell": "mingru", "in_key": True, "layer_normalization": True},
    "lru, no bars back, own keys": {"cell": "lru", "bars_back": 0, "moved": False},
}
SIZES = {"units": 8, "embedding_units": 8, "attention_units": 6, "events_back": 30, "epochs": 1, "bars": 3}


def converted(folder, made, **how):
    composer, core = made
    edge = music_edge(composer)
    found = tflite.convert_parts([core], edge.parts.of(how.get("quantize", "none")), **how)
    assert not [op for op in found.ops if op.startswith(("Flex", "CUSTOM", "WHILE"))]
    folder.mkdir(exist_ok=True)
    for name, text in edge.files.items():
        (folder / name).write_bytes(text.encode())
    (folder / "run.py").write_bytes(edge.script.read_bytes())
    (folder / "model.tflite").write_bytes(found.content)
    return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """By kind: the composer, and the script's model of what a device has."""
    kept = {}

    def make(kind):
        if kind not in kept:
            made, folder = toy_composer(**KINDS[kind]), tmp_path_factory.mktemp("edge")
            assert converted(folder, made).rung == "unrolled"
            kept[kind] = made[0], script.Model(folder)
        return kept[kind]

    return make


@pytest.fixture(scope="module")
def bundle(made_once, tmp_path_factory):
    """Trained for a moment on the first tunes of the sample, and exported."""

    def make(out):
        tunes = re.split(r"(?m)^(?=X:)", SAMPLE.read_text("utf-8"))
        book = tmp_path_factory.mktemp("tunes") / "some.abc"
        book.write_text("".join(tunes[:31]), "utf-8")
        made = rnnkit.run("music", str(book), out=out, bundle="tunes", **SIZES)
        export_tflite(made)
        return made

    return made_once("edge_music", make)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_answers_as_the_graph_does(exported, kind):
    composer, model = exported(kind)
    answers = traced(parity_signature(composer))(text=tf.constant(RAW))
    expected = {name: values.numpy() for name, values in answers.items()}
    for row, raw in [*enumerate(RAW), *enumerate(RAW)]:
        answer = model.answer(raw)
        assert list(answer) == list(expected)
        assert answer.pop("generated").encode() == expected["generated"][row]
        for name, value in answer.items():
            assert isinstance(value, float) and value == pytest.approx(expected[name][row], rel=1e-5, abs=1e-5)
    assert len(set(expected["generated"].tolist())) > 6 and expected["unknown"].any() and not expected["ends"].any()


WISHES = [
    {"key": "D"},
    {"style": "jig", "metre": "6/8", "bars": 2, "on_tonic": True},
    {"key": "A dorian", "metre": "3/4", "in_key": True},
    {"key": "Bb_minor", "right_bars": False, "bars": 3},
]


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("kind", ["two lstms", "mingru, in key"])
def test_the_coldest_tune_is_the_one_that_the_bundle_generates(exported, kind, wish):
    composer, model = exported(kind)
    how = {**composer.how, "temperature": 0.0, "bars": 4, **wish}
    words = {name: how.get(name, "") for name in ("style", "key", "metre")}
    words["key"] = words["key"] and model.words.key(words["key"]).removeprefix("key:")
    names = ("bars", "temperature", "top_p", "seed", "right_bars", "in_key", "on_tonic")
    numbers = [[0, 0] if name == "seed" else how[name] for name in names]
    asked = [tf.fill([4], words[name]) for name in ("style", "key", "metre")]
    tunes = composer.tunes(tf.constant(RAW[:4]), *asked, tf.zeros([4], tf.int32), *numbers)["generated"].numpy()
    for raw, tune in zip(RAW[:4], tunes.tolist(), strict=True):
        found = model.compose(model.words.split(raw.decode()), temperature=0, **{"bars": 4, **wish})
        # A word of the primer that training doesn't have stays as it is.
        for mine, word in zip(found, tune.decode().split(), strict=True):
            assert mine == word or word == "\ufffd"
    warm = {**wish, "temperature": 1e-4, "seed": 5}
    assert model.compose(**warm) == model.compose(**{**warm, "temperature": 0})


def test_a_tune_in_another_key_is_the_same_tune_moved_as_one(exported):
    _, model = exported("two lstms")
    primer = model.words.split("style:jig key:F#_major metre:6/8 | ch:F# n66 d24 n70 d13 n3 d11")
    tunes = [model.compose(primer, temperature=0, key=key, right_bars=False, bars=3) for key in ("F#", "F", "C")]
    for tune, by in zip(tunes, (0, 11, 6), strict=True):
        assert tune == [model.words.moved(word, by) for word in tunes[0]]
    assert tunes[0][: len(primer)] == primer and len(tunes[0]) > len(primer)


def test_draws_depend_on_the_seed_and_what_is_asked_alone(exported):
    _, model = exported("two lstms")
    primers = [model.words.split(raw.decode()) for raw in RAW[:4]]
    tunes = [model.compose(primer, seed=4, temperature=1.0) for primer in primers]
    assert tunes == [model.compose(primer, seed=4, temperature=1.0) for primer in primers[::-1]][::-1]
    assert tunes != [model.compose(primer, seed=5, temperature=1.0) for primer in primers]
    assert model.compose() == model.compose(**model.how["composing"]) != model.compose(key="D")


@settings(max_examples=80, deadline=None)
@given(
    temperature=st.sampled_from([0.3, 1.0, 4.0]),
    top_p=st.sampled_from([1e-6, 0.2, 0.5, 0.9, 1.0]),
    draw=st.floats(0, 1, exclude_max=True, width=32),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_same_draw_is_the_same_event(temperature, top_p, draw, seed):
    random = np.random.default_rng(seed)
    # Some are equally probable, and some forbidden.
    logits = random.integers(-6, 6, 8).astype(np.float32) / 2
    logits[random.integers(0, 8, 2)] = -np.inf
    chances = np.exp((logits - logits.max()) / temperature, dtype=float)
    falling = np.sort(chances)[::-1]
    shares = np.cumsum(falling) / chances.sum()
    # Right between two, rounding decides.
    assume(top_p == 1 or np.abs(shares - top_p).min() > 1e-5)
    if top_p < 1:
        chances[chances < falling[np.argmax(shares >= top_p)]] = 0
    sums = np.cumsum(chances) / chances.sum()
    assume(np.abs(sums - draw).min() > 1e-5)
    choose = script.Choice(temperature=temperature, top_p=top_p)
    choose.random = types.SimpleNamespace(random=lambda: draw)
    expected = drawn(tf.constant(logits[None]), tf.constant([draw]), temperature, 0, top_p)
    assert choose(logits.copy()) == np.argmax(sums > draw) == expected[0]


@pytest.mark.parametrize("quantize", ["dynamic", "float16"])
def test_smaller_files_count_ticks_and_bars_exactly(quantize):
    # As many words as tables of weights have that are rounded.
    every = " ".join([*TEXTS, *(f"d{ticks}" for ticks in range(1, 240))])
    composer, core = toy_composer([every])
    found = tflite.convert_parts([core], music_edge(composer).parts.of(quantize), quantize=quantize)
    run = Interpreter(model_content=found.content).get_signature_runner("step")
    states = {name: np.zeros((1, size), np.float32) for name, size in composer.apart.sizes.items()}
    after = composer.apart.begin(1)
    (ids,) = composer.units.ids(tf.constant(["metre:4/4 | n60 d233 r d7 ch:G7 | " + "n60 d1 n62 d239 | " * 4])).numpy()
    for number in [script.END, *ids]:
        answers = run(ids=np.array([number], np.int32), **states)
        states = {name: answers[name] for name in states}
        _, after = composer.apart.step(tf.constant([number]), after)
        np.testing.assert_array_equal(states["state_clock"], after["state_clock"])
    assert (ids > script.UNKNOWN).all() and states["state_clock"].tolist()[0][:3] == [0, 6, 96]


def test_examples_are_steps_of_the_signatures_shapes():
    composer, _ = toy_composer(cell="gru")
    edge = music_edge(composer).fixed(9)
    (signature,) = edge.parts.signatures.values()
    texts = [b"key:C_major | n60 d24", b"", b"n60 d24 " * 200]
    found = list(edge.parts.examples([{"text": np.array([raw], object)} for raw in texts]))
    # Before the first, and before the 1st, 2nd, 4th … event of each.
    assert {name for name, _ in found} == {"step"} and len(found) == 4 + 1 + 9
    for _, arrays in found:
        assert list(arrays) == ["ids", "state_1_1", "state_clock", "state_memory"]
        assert all(spec.shape == arrays[spec.name].shape for spec in signature.inputs)
    assert found[-1][1]["state_clock"][0, 0] == 24 * 63


def test_a_bundle_answers_the_same_on_a_device(bundle):
    measured = json.loads((bundle.path / "edge" / "parity.json").read_text("utf-8"))
    form = measured["variants"][-1]
    assert measured["fault"] is None and form["name"] == "tflite none"
    assert form["difference"] <= 1e-5 and form["equal"] == 1
    assert measured["variants"][1]["name"] == "saved_model" and measured["variants"][1]["difference"] <= 1e-5


def run(folder, *arguments, stdin=b""):
    done = run_sealed(folder, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done


def test_the_script_composes_a_tune_that_other_programs_open(bundle, tmp_path):
    folder, file = bundle.path / "edge", tmp_path / "tune.mid"
    before = sorted(folder.rglob("*"))
    wish = "--key Eb --metre 6/8 --style jig --bars 5 --seed 3 --in-key yes".split()
    words = run(folder, "--output", file, *wish).stdout.decode().split()
    assert words[:3] == ["style:jig", "key:Eb_major", "metre:6/8"]
    piece = decode_words(words)
    upbeat = piece.bars[1] < piece.bar_ticks
    assert list(bar_faults(piece)) == [] and len(piece.bars) - 1 - upbeat == 5
    assert {(note.pitch - 3) % 12 for note in piece.notes} <= set(MODES["major"]) and piece.notes[-1].pitch % 12 == 3
    # Nothing compiled is left.
    assert sorted(folder.rglob("*")) == before
    pytest.importorskip("symusic")
    played, _ = read_midi(file)
    assert played.notes == piece.notes and (played.metre, played.tonic) == ((6, 8), 3)
    assert played.chords == piece.chords


def test_the_script_goes_on_from_a_primer_or_a_file_of_one(bundle, tmp_path):
    folder, file, primer = bundle.path / "edge", tmp_path / "tune.MID", tmp_path / "primer.txt"
    events = "key:D_minor metre:3/4 | n62 d24 n65 d13 n0 d35"
    primer.write_text(f"{events}\n")
    how = ("--temperature", "1.3", "--top-p", "0.9", "--output", file)
    first, again = (run(folder, "--primer", given, *how) for given in (events, primer))
    assert first.stdout == again.stdout and first.stdout.decode().startswith(f"{events} ")
    assert first.stderr.endswith(b"note: training has no d13, d35, n0; the model reads them as unknown events.\n")
    assert file.read_bytes()[:4] == b"MThd"


def test_texts_cost_what_they_do_in_the_bundle(bundle):
    texts = [row["text"] for row in bundle.rows("test")][:3] + ["", "key:H n60 metre:4/4", "key:E_major | n64 d24"]
    stdin = "".join(f"{text}\r\n" for text in texts).encode()
    rows = [json.loads(line) for line in run(bundle.path / "edge", "--score", stdin=stdin).stdout.splitlines()]
    expected = bundle.predict({"text": texts}, signature="score")
    for row, perplexity, tokens in zip(rows, expected["perplexity"], expected["tokens"], strict=True):
        assert row == {"nats": row["nats"], "tokens": tokens, "perplexity": pytest.approx(perplexity, rel=1e-4)}
        assert row["nats"] == pytest.approx(tokens * np.log(perplexity), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--output tune", "output must be the name of a .mid file. Got 'tune'. Or give --score."),
        ("--output tune.wav", "output must be the name of a .mid file. Got 'tune.wav'. Or give --score."),
        ("--output none/tune.mid", "[Errno 2] No such file or directory: 'none/tune.mid'"),
        ("--output x.mid --bars 0", "bars must be at least 1. Got 0."),
        ("--output x.mid --temperature nan", "temperature must be at least 0; 0: always the most probable. Got nan."),
        ("--output x.mid --top-p 0", "top_p must be above 0 and at most 1. Got 0.0."),
        ("--output x.mid --key H", "key must be such as D, F#m, Bb_major or A_dorian. Got 'H'."),
        ("--output x.mid --key Db_lydian", "Training has no key 'C#_lydian'. It has A_dorian, A_minor, C_major, moved"),
        ("--output x.mid --style Rap", "Training has no style 'rap'. It has jig, réel. Or leave --style out."),
        ("--output x.mid --metre 6/8|", "Training has no metre '6/8|'. It has 3/4, 4/4, 6/8. Or leave --metre out."),
        ("--output x.mid --in-key maybe", "argument --in-key: invalid choice: 'maybe' (choose from"),
        ("--output x.mid --primer no.txt", "primer must be a file, or events such as 'key:D_major"),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(exported, monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    _, model = exported("two lstms")
    monkeypatch.setattr(script, "Model", lambda: model)
    monkeypatch.setattr("sys.argv", ["run.py", *arguments.split()])
    with pytest.raises(SystemExit) as left:
        script.main()
    told = capsys.readouterr()
    assert left.value.code == 2 and told.err.startswith(message) and told.err.count("\n") == 1 and not told.out
    assert not list(tmp_path.iterdir())


def test_the_scripts_need_two_packages():
    for path in (edge_music.SCRIPT, *edge_music.BESIDE):
        source = path.read_text(encoding="utf-8")
        assert len(source.splitlines()) < 300 and "\nclass " in source or path.stem == "run_midi"
        lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
        standard = set("argparse itertools json math os pathlib random re runpy sys".split())
        assert {line.split()[1].partition(".")[0] for line in lines} - standard <= {"numpy", "ai_edge_litert"}
