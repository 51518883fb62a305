"""What only the recipe of tunes promises: less is lost than by a Markov chain, tunes of other kinds, rules kept."""

import re

import numpy as np
import pytest
import tensorflow as tf
from toy_tunes import made_composer

import rnnkit
from rnnkit import catalog
from rnnkit.layers.embedding import END
from rnnkit.music.abc_writing import write_abc
from rnnkit.music.events import bar_faults, decode_words, encode_piece
from rnnkit.music.pieces import Harmony, Note, Piece
from rnnkit.parts import load_parts

HOW = {"bars": 3, "temperature": 0.9, "top_p": 0.98, "seed": [0, 1]}
RULES = {"right_bars": True, "in_key": False, "on_tonic": True}


@pytest.fixture(scope="session")
def bundle(made_once):
    return made_composer(made_once)


def march(number):
    """Four bars in a style, a metre and at pitches that the sample doesn't have."""
    pitches = [91, 95, 98, 95, 91 + 2 * (number % 3), 93, 96 - number % 2, 91]
    notes = tuple(Note(24 * place, 24, pitch) for place, pitch in enumerate([*pitches, 96, *pitches, 91, 95, 91]))
    chords = (Harmony(0, "G"), Harmony(120 * (1 + number % 2), "Cmaj7"))
    return Piece(notes, tuple(range(0, 481, 120)), (5, 4), chords, tonic=7, title=f"March {number}", style="march")


@pytest.fixture(scope="module")
def marches(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "marches.abc"
    pieces = [march(number).transposed(by) for by in range(-2, 3) for number in range(6)]
    # Each differs in its last note, else a melody and its transpositions were one.
    pieces = [
        Piece(**{**vars(piece), "notes": (*piece.notes[:-1], piece.notes[-1]._replace(pitch=piece.tonic + 84 - place))})
        for place, piece in enumerate(pieces)
    ]
    text = "\n".join(
        re.sub("T:.*", f"T:March {place}", write_abc(piece, place)) for place, piece in enumerate(pieces, 1)
    )
    path.write_text(text, encoding="utf-8")
    return path


def test_less_is_lost_than_by_a_markov_chain_of_the_same_events(bundle):
    card = bundle.card
    assert list(card["baselines"]) == ["uniform", "unigram", "bigram", "markov_3"]
    losses = [scores["test"]["event_loss"] for scores in card["baselines"].values()]
    assert losses == sorted(losses, reverse=True) and losses[0] == pytest.approx(
        np.log(card["facts"]["vocabulary"] - 2)
    )
    scores = card["scores"]["test"]
    assert scores["event_loss"] < 0.9 * losses[-1]
    assert scores["perplexity"] == pytest.approx(np.exp(scores["event_loss"])) and scores["unknown"] == 0
    assert all(baseline["test"].keys() == scores.keys() for baseline in card["baselines"].values())
    assert card["data"]["rows"] == {"train": 240, "valid": 30, "test": 30}


def test_a_score_is_that_of_the_core_read_event_by_event(bundle):
    preparation, core = load_parts(bundle, catalog.load("music"))
    text = " ".join(bundle.rows("test")[0]["text"].split()[:30])
    ids = preparation.features({"text": tf.constant([text])})["ids"].numpy()[0].tolist()
    states = {name: tf.zeros([1, state.shape[-1]]) for name, state in core.input.items() if name != "ids"}
    found, before = [], END
    for number in ids:
        answers = core({"ids": tf.constant([[before]]), **states}, training=False)
        found.append(tf.nn.log_softmax(answers["logits"])[0, 0, number].numpy())
        states, before = {name: answers[name] for name in states}, number
    scored = bundle.predict({"text": [text]}, signature="score")
    np.testing.assert_allclose(scored["log_probability"][0], found, atol=1e-4)


def test_the_card_has_tunes_and_what_they_are_like(bundle):
    card = bundle.card
    assert len(card["samples"]) == 3 == len({*card["samples"]})
    for text in card["samples"]:
        piece = decode_words(text.split())
        assert list(bar_faults(piece)) == [] and piece.notes[-1].pitch % 12 == piece.tonic
    composed = card["composing"]["composed"]
    assert composed["broken"] == 0 and composed["bar_validity"] == 1
    assert {file.name for file in (bundle.path / "report").iterdir()} >= {"tune-0.png", "tune-2.png", "test.png"}
    (primer,) = card["example"]["text"]
    assert primer.split()[-1].startswith("d")


def test_values_of_no_row_are_one_for_all_rows(bundle):
    columns = {"text": ["key:D_major", "", None], "style": ["", "jig", ""], "key": [""] * 3, "metre": ["", "", "6/8"]}
    columns["variation"] = [0, 1, 2]
    rows = {**columns, **HOW, **RULES}
    found = bundle.predict(rows, signature="generate")
    assert [len(decode_words(text.split()).bars) - 1 in (3, 4) for text in found["generated"]] == [True] * 3
    last = {name: column[2:] for name, column in columns.items()}
    alone = bundle.predict({**rows, **last}, signature="generate")
    assert alone["generated"][0] == found["generated"][2] and " metre:6/8 " in found["generated"][2]
    arrays = {**rows, "variation": np.arange(3, dtype=np.int64), "bars": np.int64(3), "seed": np.array([0, 1])}
    assert bundle.predict(arrays, signature="generate")["generated"].tolist() == found["generated"].tolist()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bars": [3, 4]}, r"bars is the same for all rows, a value of type int32 and shape \[\]\. Got \[3, 4\]\."),
        ({"bars": "four"}, r"bars is the same for all rows, a value of type int32 .* Got 'four'\."),
        ({"bars": [[3], [4, 5]]}, r"bars is the same for all rows"),
        ({"bars": None}, r"bars is the same for all rows, .* Got None\."),
        ({"seed": 5}, r"seed is the same for all rows, a value of type int32 and shape \[2\]\. Got 5\."),
        ({"variation": [0.5, "x"]}, r"variation: "),
        ({"text": [["a"], ["b"]]}, r"text: "),
    ],
)
def test_values_of_another_shape_are_refused_by_name(bundle, changed, message):
    rows = {name: ["", ""] for name in ("text", "style", "key", "metre")}
    rows = {**rows, "variation": [0, 1], **HOW, **RULES, **changed}
    with pytest.raises(ValueError, match=message):
        bundle.predict(rows, signature="generate")
    del rows["seed"]
    with pytest.raises(LookupError, match="The rows have no column 'seed'"):
        bundle.predict(rows, signature="generate")


def test_tunes_of_another_kind_are_learnt_by_a_child(bundle, marches, tmp_path):
    before = rnnkit.evaluate(bundle, marches)
    child = rnnkit.finetune(
        bundle, marches, out=tmp_path, epochs=4, learning_rate=0.02, batch_size=2, scratch=False, bars=2
    )
    assert any(note.startswith("events that join the parent's: ") for note in child.card["notes"])
    assert child.card["facts"]["vocabulary"] > bundle.card["facts"]["vocabulary"]
    after = rnnkit.evaluate(child, marches)
    assert before["unknown"] > 0.2 and after["unknown"] < 0.01
    assert after["event_loss"] < 0.6 * before["event_loss"]
    own = {"text": [""], "style": ["march"], "key": ["G_major"], "metre": ["5/4"], "variation": [0]}
    found = child.predict({**own, **HOW, **RULES}, signature="generate")
    words = found["generated"][0].split()
    assert words[:3] == ["style:march", "key:G_major", "metre:5/4"] and not list(bar_faults(decode_words(words)))


def test_evaluate_scores_other_tunes(bundle, marches, run):
    out = run("evaluate", bundle.path, "--data", marches)
    assert f"event_loss {rnnkit.evaluate(bundle, marches)['event_loss']:.4f}" in " ".join(out.split())
    path = marches.with_name("one.abc")
    path.write_text(write_abc(march(1)), encoding="utf-8")
    scores = rnnkit.evaluate(bundle, path)
    text = " ".join(encode_piece(march(1)))
    without_end = -bundle.predict({"text": [text]}, signature="score")["log_probability"].sum()
    assert scores["tune_loss"] > without_end > 0.5 * scores["tune_loss"]


def test_cores_and_sources_of_other_kinds_are_trained_and_served(marches, tmp_path):
    small = {
        "units": 6,
        "embedding_units": 5,
        "window": 9,
        "batch_size": 2,
        "epochs": 1,
        "steps_per_epoch": 2,
        "bars": 1,
    }
    core = {"cell": "gru", "depth": 2, "bars_back": 0, "input_dropout": 0.1, "vector_dropout": 0.1}
    source = {"moved": False, "style": "file", "chords": False, "random_windows": True}
    made = rnnkit.run("music", marches, out=tmp_path, **small, **core, **source)
    assert np.isfinite(made.card["scores"]["test"]["event_loss"])
    for text in made.predict({"text": ["", "key:G_major metre:5/4"]})["generated"]:
        assert not list(bar_faults(decode_words(text.split()))) and "ch:" not in text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bidirectional": True}, r"reads forwards alone\. Got bidirectional true"),
        ({"class_weights": "balanced"}, r"class_weights are of classes\. Got 'balanced'"),
        ({"columns": "text=a"}, r"Tunes have no columns\. Got '--columns'"),
        ({"bars_back": -1}, r"bars_back must be at least 0\. Got -1"),
        ({"least_count": 10**9}, r"No event occurs 1,000,000,000 times\. Give more tunes, or lower --least-count"),
    ],
)
def test_settings_that_tunes_do_not_go_with_are_refused(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        rnnkit.run("music", out=tmp_path, **settings)
    assert not list(tmp_path.iterdir())
