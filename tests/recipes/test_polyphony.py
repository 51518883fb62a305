"""What only the polyphony recipe promises: its score anew in NumPy, rolls that go on, MIDI from a device."""

import itertools
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import rnnkit
from rnnkit import catalog
from rnnkit.running import sample_path

HEADS = ("independent", "nade")
SMALL = {"units": 6, "hidden": 5, "window": 20, "batch_size": 4, "epochs": 2, "seed": 1, "skip_bad_rows": True}


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """The first tunes of the sample."""
    path = tmp_path_factory.mktemp("part") / "tunes.abc"
    with sample_path(catalog.load("polyphony")).open(encoding="utf-8") as lines:
        path.write_text("".join(itertools.islice(lines, 230)), "utf-8")
    return path


@pytest.fixture(scope="module", params=HEADS)
def player(request, made_once, part):
    """A bundle with this head, trained for a moment."""
    name = f"player_{request.param}"
    return made_once(name, lambda out: rnnkit.run("polyphony", part, out=out, bundle=name, head=request.param, **SMALL))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hidden_states(core, roll):
    """What a plain LSTM gives before each frame, in float64."""
    kernel, recurrent, bias = (np.float64(each) for each in core.get_layer("recurrent_1_lstm").get_weights())
    h = c = np.zeros(len(recurrent))
    for frame in np.concatenate([np.zeros_like(roll[:1]), roll[:-1]]).astype(float):
        i, f, g, o = np.split(frame @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


def logits(head, read, frame):
    """Those of the pitches, each from those below it where the head is a NADE."""
    if not hasattr(head, "readout"):
        return read
    kernel, readout = np.float64(head.kernel), np.float64(head.readout)
    inner, found = read[len(frame) :].copy(), []
    for pitch, sounds in enumerate(frame):
        found.append(read[pitch] + readout[pitch] @ sigmoid(inner))
        inner += sounds * kernel[pitch]
    return np.array(found)


def test_its_score_is_that_of_a_plain_lstm_and_a_plain_head(player, part):
    recipe = catalog.load("polyphony")
    core = keras.saving.load_model(player.path / "training" / "core.keras", compile=False)
    head = core.get_layer("head")
    weights, bias = np.float64(head.read.kernel), np.float64(head.read.bias)
    test = recipe.read(
        part, None, None, recipe.settings(**{**SMALL, "head": player.card["settings"]["head"]}), None
    ).test
    nats = [
        np.logaddexp(0, np.where(frame, -1, 1) * logits(head, state @ weights + bias, frame)).sum()
        for roll in test.rolls
        for state, frame in zip(hidden_states(core, roll), roll, strict=True)
    ]
    assert len(nats) == player.card["data"]["frames"]["test"] > 50
    assert player.card["scores"]["test"]["frame_nll"] == pytest.approx(np.mean(nats), abs=1e-5)


def test_the_card_and_the_report_say_what_there_is(player):
    card = player.card
    assert list(card["scores"]["test"]) == ["frame_nll", "frame_accuracy"] and not card["higher_is_better"]
    assert card["facts"] == {"pitches": 88, "lowest": 21, "frame": 12}
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert (player.path / "report" / "frames.png").stat().st_size > 10_000


def test_evaluating_its_own_test_as_a_frame_file_gives_its_scores(player, part, tmp_path):
    recipe = catalog.load("polyphony")
    test = recipe.read(part, None, None, recipe.settings(**SMALL), None).test
    pitches = [[(np.flatnonzero(frame) + 21).tolist() for frame in roll] for roll in test.rolls]
    (tmp_path / "test.json").write_text(json.dumps(pitches))
    assert rnnkit.evaluate(player, tmp_path / "test.json") == pytest.approx(player.card["scores"]["test"], abs=1e-6)


def test_a_roll_goes_on(player):
    primer = np.zeros((1, 8, 88), np.float32)
    primer[:, :, 60 - 21] = 1
    how = {"length": 12, "temperature": 1.0, "seed": [0, 4]}
    written = player.predict({"roll": primer, **how}, signature="generate")["generated"]
    assert written.shape == (1, 12, 88) and set(np.unique(written)) <= {0, 1}
    np.testing.assert_array_equal(written, player.predict({"roll": primer, **how}, signature="generate")["generated"])


def test_next_frames_come_step_by_step(player):
    states = {name: np.zeros((1, 6), np.float32) for name in ("state_1_1", "state_1_2")}
    silence = np.zeros((1, 88), np.float32)
    first = player.predict({"frame": silence, **states}, signature="step")
    assert first["probability"].shape == (1, 88) and first.keys() == {"probability", *states}
    if player.card["settings"]["head"] == "independent":
        whole = player.predict({"roll": np.zeros((1, 3, 88), np.float32)})
        np.testing.assert_allclose(first["probability"][0], whole["probability"][0, 0], atol=1e-5)


def test_a_device_writes_midi(player, tmp_path):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("symusic")
    from rnnkit.export.edge import export_tflite
    from rnnkit.music.frames import roll_of
    from rnnkit.music.midi_reading import read_midi

    measured = export_tflite(player)
    assert measured["variants"][-1]["difference"] <= 1e-5
    primer = [[int(pitch in (60, 64)) for pitch in range(21, 109)]] * 8
    (tmp_path / "primer.json").write_text(json.dumps({"roll": primer}))
    script = [sys.executable, str(player.path / "edge" / "run.py")]
    command = [*script, "--write", "16", "--primer", "primer.json", "--output", "piece.mid", "--seed", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    piece, _ = read_midi(tmp_path / "piece.mid")
    np.testing.assert_array_equal(roll_of(piece, step=12)[:8], np.array(primer, bool))
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, input=json.dumps([[1, 0]]))
    assert done.returncode == 2 and "a frame must have 88 pitches. Got 2" in done.stderr


def test_a_child_keeps_its_parents_frames(player, part, tmp_path):
    with pytest.raises(ValueError, match="frame of a child is its parent's, 12. Got 6"):
        rnnkit.finetune(player, part, out=tmp_path, frame=6)
