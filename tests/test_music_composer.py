"""Composer: the same question has the same tune; what is asked for is kept; scores and steps are one reading."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.layers.embedding import END
from rnnkit.music.composer import composer_of
from rnnkit.music.core import build_event_model
from rnnkit.music.events import bar_faults, decode_words, moved_word
from rnnkit.music.grammar import clock_table
from rnnkit.music.pieces import Harmony, Note, Piece
from rnnkit.music.preparing import prepare_events
from rnnkit.music.settings import ComposingSettings, EventSettings
from rnnkit.music.tunes import Tunes
from rnnkit.settings import RecurrentSettings, setting

HOW = {"bars": 3, "temperature": 1.0, "top_p": 1.0, "seed": [0, 0], "right_bars": True, "in_key": False}
PRIMER = "key:C_major metre:3/8 | ch:C n60 d12 n64 n67 d24"


SIZES = {"units": 6, "embedding_units": 5, "attention_units": 4, "bars_back": 2, "events_back": 12, "bars": 2}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RecurrentSettings, EventSettings, ComposingSettings):
    seed: int = setting(3, "Of what is drawn.")


def tunes():
    """Three tunes of other styles, metres and modes, of all that the tests ask for."""
    notes = tuple(Note(6 * place, 6, 60 + step) for place, step in enumerate((0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 2, 0)))
    jig = Piece(notes, (0, 36, 72), (3, 8), (Harmony(0, "C"), Harmony(36, "G7")), style="jig")
    long = (Note(0, 12, 57), Note(12, 24, 64), Note(36, 18, 67), Note(36, 18, 71), Note(60, 12, 69), Note(72, 24, 76))
    air = Piece(long, (0, 48, 96), (2, 4), (Harmony(48, "Am"),), tonic=9, mode="minor", style="slow air")
    upbeat = (Note(0, 12, 67), Note(12, 36, 72), Note(48, 36, 60))
    return Tunes([jig, air, Piece(upbeat, (0, 12, 48, 84), (3, 8), style="jig")])


def made(spread=0.7, **how):
    """A composer whose weights are drawn by chance."""
    keras.utils.set_random_seed(1)
    settings = Settings(**{**SIZES, "bidirectional": False, **how})
    preparation = prepare_events(tunes(), settings, None)
    core = build_event_model(preparation.facts, settings)
    random = np.random.default_rng(1)
    for weight in core.trainable_weights:
        weight.assign(random.normal(0, spread, weight.shape))
    core.get_layer("clock").table.assign(clock_table(preparation.features.get_layer("tokens").pieces))
    return composer_of(preparation, core, settings)


def traced(composer, name):
    """A signature as a bundle has it."""
    signature = composer.signatures()[name]
    return tf.function(signature.function, input_signature=signature.inputs, autograph=False).get_concrete_function()


@pytest.fixture(scope="module")
def composer():
    return made()


@pytest.fixture(scope="module")
def asked(composer):
    """Calls a signature by name on columns and values."""
    functions = {}

    def call(name, **given):
        if name not in functions:
            functions[name] = traced(composer, name)
        form = {spec.name: spec.dtype for spec in composer.signatures()[name].inputs}
        answers = functions[name](**{name: tf.constant(value, form[name]) for name, value in given.items()})
        return {name: value.numpy() for name, value in answers.items()}

    return call


@pytest.fixture(scope="module")
def compose(asked):
    """Composes tunes of primers; the words of each."""

    def call(*text, variation=None, style="", key="", metre="", **how):
        columns = {"style": style, "key": key, "metre": metre}
        columns = {name: [value] * len(text) if isinstance(value, str) else value for name, value in columns.items()}
        variation = [0] * len(text) if variation is None else variation
        given = {**HOW, "on_tonic": True, **how}
        found = asked("generate", text=list(text), variation=variation, **columns, **given)
        return [generated.decode().split() for generated in found["generated"]]

    return call


def bars_of(words):
    piece = decode_words(words)
    assert list(bar_faults(piece)) == []
    return len(piece.bars) - 1 - (piece.bars[1] < piece.bar_ticks)


def test_the_same_question_has_the_same_tune_whatever_else_is_asked(compose):
    texts = [PRIMER, "", "style:jig", PRIMER, "key:D_minor metre:2/4 | n62 d12"]
    together = compose(*texts, variation=[0, 0, 0, 5, 0])
    assert len({tuple(words) for words in together}) == 5
    for text, variation, words in zip(texts, [0, 0, 0, 5, 0], together, strict=True):
        assert compose(text, variation=[variation]) == [words]
    assert compose(*texts[::-1], variation=[0, 5, 0, 0, 0]) == together[::-1]


def test_variations_and_seeds_and_wishes_draw_others(compose):
    many = compose(*[PRIMER] * 6, variation=range(6))
    others = [compose(PRIMER, seed=[0, seed])[0] for seed in range(1, 4)] + compose(PRIMER, key="C_major")
    assert len({tuple(words) for words in (*many, *others)}) == 10
    assert compose(*[PRIMER] * 2, temperature=0.0, variation=[0, 1])[0] == compose(PRIMER, temperature=0.0)[0]


def test_tunes_have_the_bars_asked_for_and_end_on_the_tonic(compose):
    for bars in (1, 2, 5):
        for words in compose("", "style:jig", "", PRIMER, variation=[0, 0, 1, 0], bars=bars):
            piece = decode_words(words)
            assert bars_of(words) == bars
            assert " ".join(words) == PRIMER or piece.notes[-1].pitch % 12 == piece.tonic


def test_the_events_of_a_primer_are_kept(compose):
    texts = [PRIMER, "style:slow_air key:A_minor metre:2/4", "key:A_minor metre:2/4 | from:24 n64 d24 | n69"]
    for text, words in zip(texts, compose(*texts), strict=True):
        assert words[: len(text.split())] == text.split() and len(words) > len(text.split())


@pytest.mark.parametrize("key", ["C_major", "D_major", "F#_major", "Bb_minor", "G_minor"])
def test_tunes_are_in_the_key_asked_for(compose, key):
    for words in compose("", "", variation=[0, 1], key=key, metre="3/8", style="jig", in_key=True):
        assert words[:3] == ["style:jig", f"key:{key}", "metre:3/8"]
        piece = decode_words(words)
        scale = {(piece.tonic + step) % 12 for step in ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))["minor" in key]}
        assert {note.pitch % 12 for note in piece.notes} <= scale
        assert all(48 <= note.pitch <= 88 for note in piece.notes)


def test_the_same_opening_in_another_key_is_read_the_same_and_its_own_key_comes_back(asked):
    texts = [" ".join(moved_word(word, by) for word in PRIMER.split()) for by in range(-6, 6)]
    found = asked("encode", text=texts)
    assert (found["ids"] == found["ids"][0]).all() and found["shift"].tolist() == [-by for by in range(-6, 6)]
    assert [text.decode() for text in asked("join", **found)["text"]] == texts


def test_a_primer_is_moved_to_the_key_asked_for_and_its_mode_stays(compose):
    (words,) = compose(PRIMER, key="E_major")
    assert words[: len(PRIMER.split())] == [moved_word(word, 4) for word in PRIMER.split()]
    (words,) = compose(PRIMER, key="E_minor")
    assert words[0] == "key:G_major"


def test_what_training_does_not_have_is_as_if_it_was_not_asked_for(compose):
    (words,) = compose("", style="polka", key="D_locrian", metre="9/8")
    assert words[0].startswith(("style:", "key:")) and bars_of(words) == 3
    assert not {"style:polka", "metre:9/8"} & set(words)


@pytest.mark.parametrize("bars", [1, 2])
def test_a_primer_of_more_bars_than_asked_for_ends_at_its_next_bar_line(compose, bars):
    whole = "key:C_major metre:3/8 | n60 d36 | n62 d36 | n64 d36"
    cut = f"{whole} | n65 d24"
    at_once, later = compose(whole, cut, bars=bars)
    assert at_once == whole.split()
    assert later[: len(cut.split())] == cut.split() and bars_of(later) == 4 and decode_words(later).bars[-1] == 144


def test_an_upbeat_is_no_bar(compose):
    (words,) = compose("key:C_major metre:3/8 | from:24 n60 d12", bars=2)
    assert bars_of(words) == 2 and words.count("|") == 3


GARBAGE = ["what is this", "n60", "d24 d24", "| | |", "\x00", "[end] [start]", "ж é", "key:H", "n60 " * 90, b"\xff n60"]


@pytest.mark.parametrize("right_bars", [True, False])
def test_any_text_is_answered(compose, asked, right_bars):
    found = compose(*GARBAGE, right_bars=right_bars, bars=1)
    assert len(found) == len(GARBAGE)
    for words, text in zip(found, GARBAGE, strict=True):
        read = len(text.split())
        assert read <= len(words) <= read + 40 or isinstance(text, bytes) or text == "\x00"
    assert np.isfinite(asked("score", text=GARBAGE)["perplexity"]).all()
    assert len(asked("serving_default", text=GARBAGE)["generated"]) == len(GARBAGE)


def test_bars_are_free_where_right_ones_are_not_asked_for(compose):
    drawn = compose(*[""] * 8, variation=range(8), right_bars=False, bars=2)
    assert len({tuple(words) for words in drawn}) > 4 and max(words.count("|") for words in drawn) <= 3


def test_nothing_asked_is_answered_as_the_settings_say(compose, asked):
    found = asked("serving_default", text=["", PRIMER])
    generated = [text.decode().split() for text in found["generated"]]
    assert generated == compose("", PRIMER, bars=2, temperature=0.9, top_p=0.98, seed=[0, 3])
    assert all(bars_of(words) == 2 for words in generated)


def test_a_score_is_that_of_the_text_alone_and_sums_to_the_log_probability_of_what_is_composed(compose, asked):
    one, other, _ = tunes().texts
    together = asked("score", text=[one, other, "", PRIMER])
    for row, text in enumerate([one, other, "", PRIMER]):
        alone = asked("score", text=[text])
        count = len(text.split())
        assert together["tokens"][row] == count and not together["log_probability"][row, count:].any()
        np.testing.assert_allclose(
            together["log_probability"][row, :count], alone["log_probability"][0, :count], atol=1e-5
        )
        assert together["perplexity"][row] == pytest.approx(alone["perplexity"][0], rel=1e-4)
        assert [token.decode() for token in together["token"][row, :2]] != ["", ""] or not count
    found = asked("serving_default", text=["", PRIMER])
    again = asked("score", text=found["generated"])
    np.testing.assert_allclose(found["log_probability"], again["log_probability"].sum(1), rtol=1e-4)


def test_steps_one_after_another_are_the_score(composer, asked):
    """Over more events than are remembered: 12."""
    text = tunes().texts[1]
    ids = asked("encode", text=[text])["ids"][0].tolist()
    assert len(ids) > 20
    states = {name: np.zeros((1, size), np.float32) for name, size in composer.apart.sizes.items()}
    found = []
    for before, number in zip([END, *ids[:-1]], ids, strict=True):
        answers = asked("step", ids=[before], **states)
        found.append(answers["log_probability"][0, number])
        states = {name: answers[name] for name in states}
        assert np.exp(answers["log_probability"]).sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(found, asked("score", text=[text])["log_probability"][0], atol=2e-5)


def test_a_model_without_a_look_back_and_without_moving_composes_too():
    plain = made(bars_back=0, moved=False)
    assert set(plain.apart.sizes) == {"state_1_1", "state_1_2", "state_clock"}
    for text in traced(plain, "serving_default")(text=tf.constant(["", PRIMER]))["generated"].numpy():
        assert bars_of(text.decode().split()) == 2
