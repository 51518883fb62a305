"""Language models: states carried over windows, losses as NumPy finds them, texts that go on the same however asked."""

import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.language import scoring
from rnnkit.language import settings as language_settings
from rnnkit.language.carrying import Carrying
from rnnkit.language.core import build_language_model, check_language_model, sizes_of, taken_apart
from rnnkit.language.generator import generator_of
from rnnkit.language.preparing import encode_passages
from rnnkit.language.scoring import judge_passages, losses_of, sums_of
from rnnkit.language.settings import stops_of
from rnnkit.language.units import grown, learn_units
from rnnkit.layers.embedding import END, UNKNOWN
from rnnkit.recipe import Preparation
from rnnkit.settings import RecurrentSettings, TrainingSettings
from rnnkit.training.streams import Stream, StreamBatches

TEXTS = ["the cat sat on the mat", "a dog, a cat", "the dog sat"] * 3
SIZE = 12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Every(
    language_settings.TokenSettings,
    RecurrentSettings,
    language_settings.LanguageSettings,
    language_settings.GeneratingSettings,
    language_settings.ComparingSettings,
    TrainingSettings,
):
    pass


def Settings(**given):  # noqa: N802
    return Every(**{"bidirectional": False, "units": 5, "embedding_units": 4, **given})


def core_of(size=SIZE, spread=0.5, **settings):
    keras.utils.set_random_seed(4)
    core = build_language_model({"vocabulary": size}, Settings(**settings))
    random = np.random.default_rng(2)
    core.set_weights([random.normal(0, spread, weight.shape).astype(weight.dtype) for weight in core.get_weights()])
    return core


def stream_of(ids):
    stream = Stream()
    stream.append(np.asarray(ids), np.array([len(ids)]))
    stream.close()
    return stream


def ids_of(tokens, seed=0, size=SIZE):
    return np.random.default_rng(seed).integers(4, size, tokens)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(core, ids):
    """The losses of an LSTM language model with a tied head, in float64."""
    weights = {weight.path: weight.numpy().astype(float) for weight in core.weights}

    def one(end):
        (found,) = (value for path, value in weights.items() if path.endswith(end))
        return found

    table, kernel, recurrent = one("embeddings"), one("lstm_cell/kernel"), one("recurrent_kernel")
    bias, last, projection = one("lstm_cell/bias"), one("head/bias"), one("projection")
    h, c, losses = np.zeros(5), np.zeros(5), []
    for read, target in zip([END, *ids[:-1]], ids, strict=True):
        i, f, g, o = np.split(table[read] @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits = h @ projection @ table.T + last
        losses.append(np.log(np.exp(logits).sum()) - logits[target])
    return np.array(losses)


def test_losses_and_scores_are_those_that_numpy_finds():
    core, ids = core_of(), ids_of(40)
    expected = by_hand(core, ids)
    nats = losses_of(taken_apart(core), stream_of(ids)).nats
    np.testing.assert_allclose(nats, expected, atol=1e-5)
    scores = judge_passages(sums_of(stream_of(ids), nats), np.array([90]), (), None)
    assert scores["perplexity"] == pytest.approx(math.exp(expected.mean()), rel=1e-5)
    assert scores["token_loss"] == pytest.approx(expected.mean(), rel=1e-5)
    assert scores["bits_per_character"] == pytest.approx(expected.sum() / math.log(2) / 90, rel=1e-5)


CELLS = ["lstm", "gru", "simple", "mingru", "minlstm", "lru"]


@pytest.mark.parametrize("cell", CELLS)
def test_windows_with_a_carried_state_are_one_long_pass(cell):
    core, ids = core_of(cell=cell, depth=2, last_units=3, dropout=0.0), ids_of(60, 1)
    apart = taken_apart(core)
    read, _ = apart.read(tf.constant([[END, *ids[:-1]]]), apart.begin(1))
    expected = apart.head.losses_of(read, tf.constant([ids.astype("int32")])).numpy()[0]
    model = Carrying(core, (1, 1), 7)
    for training in (False, True):
        found = []
        for features, _, _ in StreamBatches(stream_of(ids), 1, 7).epoch(0):
            found += [float(model({name: tf.constant(x) for name, x in features.items()}, training=training)[0])]
        means = [expected[start : start + 7].mean() for start in range(0, 60, 7)]
        np.testing.assert_allclose(found, means, atol=2e-5)
    np.testing.assert_allclose(losses_of(apart, stream_of(ids)).nats, expected, atol=2e-5)


def test_single_steps_are_the_pass_too():
    for cell in CELLS:
        apart = taken_apart(core_of(cell=cell, depth=2))
        ids = ids_of(9, 2)
        read, after = apart.read(tf.constant([ids.astype("int32")]), apart.begin(1))
        states = apart.begin(1)
        for number in ids:
            logits, states = apart.step(tf.constant([number], tf.int32), states)
        np.testing.assert_allclose(logits, apart.head(read)[:, -1], atol=1e-5)
        for name, state in after.items():
            np.testing.assert_allclose(states[name], state, atol=1e-5)


def test_training_and_validation_have_states_of_their_own():
    core = core_of()
    model = Carrying(core, (2, 1), 5)
    batch = {"ids": tf.constant([[4, 5, 6], [7, 8, 9]]), "target": tf.constant([[5, 6, 7], [8, 9, 4]])}
    first = model({**batch, "begin": tf.ones(2)}, training=True)
    model({"ids": batch["ids"][:1], "target": batch["target"][:1], "begin": tf.ones(1)}, training=False)
    later = model({**batch, "begin": tf.zeros(2)}, training=True)
    assert np.abs(first - later).min() > 1e-4
    again = model({**batch, "begin": tf.ones(2)}, training=True)
    np.testing.assert_allclose(again, first)
    # A window of 3 where 5 are usual counts for three fifths: so it would with a smaller step.
    usual = Carrying(core, (2, 1), 3)({**batch, "begin": tf.ones(2)}, training=True)
    np.testing.assert_allclose(first, usual * 3 / 5, rtol=1e-5)


def test_a_long_text_is_cut_into_columns_that_lose_little(monkeypatch):
    core, ids = core_of(), ids_of(203)
    apart = taken_apart(core)
    whole = losses_of(apart, stream_of(ids), hidden=True)
    monkeypatch.setattr(scoring, "COLUMN", 50)
    parts = losses_of(apart, stream_of(ids), hidden=True)
    assert parts.nats.shape == whole.nats.shape and parts.hidden.shape == whole.hidden.shape == (203, 5)
    np.testing.assert_allclose(parts.nats[:40], whole.nats[:40], atol=1e-5)
    assert 0 < np.abs(parts.nats - whole.nats).max() and np.mean(np.abs(parts.nats - whole.nats) < 1e-4) > 0.4


@pytest.mark.parametrize("settings", [{"tokens": "character"}, {"tokens": "word"}, {"tokens": "bpe", "vocabulary": 40}])
def test_units_join_to_the_texts_they_were_cut_from(settings):
    settings = Settings(**settings)
    units = learn_units([TEXTS], settings)
    assert units.size == len(units.learnt) + 4
    ids = units.ids(tf.constant([*TEXTS, "", "zebra"]))
    assert ids.numpy().max() < units.size and not np.isin(ids, [2, END]).any()
    texts = [text.decode() for text in units.join(ids).numpy()]
    expected = [text.replace(",", " ,") for text in TEXTS] if settings.tokens == "word" else TEXTS
    assert texts[: len(TEXTS)] == expected and texts[-2] == ""
    assert UNKNOWN in ids.numpy()[-1] and "\ufffd" in texts[-1]
    names = units.tokens(ids).numpy()
    assert names[0, 0].decode().strip("▁") in ("t", "the") and names[-2, 0] == b""


def test_units_grow_behind_those_of_the_parent():
    for kind in ("character", "word", "bpe"):
        units = learn_units([TEXTS], Settings(tokens=kind))
        more, new = grown(units, [["the zebra and the zebra"]], most=5, least=1)
        assert new and more.learnt == [*units.learnt, *new]
        assert more.ids(tf.constant(TEXTS)).numpy().tolist() == units.ids(tf.constant(TEXTS)).numpy().tolist()
        assert UNKNOWN not in more.ids(tf.constant(["the zebra"])).numpy()


def test_texts_without_a_token_are_refused():
    with pytest.raises(ValueError, match="hold no character that occurs 100 times"):
        learn_units([["abc"]], Settings(least_count=100))


def test_passages_are_put_end_to_end_with_an_end_after_each_text():
    units = learn_units([TEXTS], Settings())
    stream = encode_passages([{"text": ["the ", "cat", "a dog"], "ends": [False, True, True]}], units)
    text = units.join(tf.constant([stream.ids()])).numpy()[0].decode()
    assert text == "the cata dog" and stream.lengths.tolist() == [4, 4, 6]
    assert np.flatnonzero(stream.ids() == END).tolist() == [7, 13]


@pytest.fixture(scope="module")
def generator():
    settings = Settings(written=12, seed=5)
    units = learn_units([TEXTS], settings)
    core = core_of(units.size, spread=0.8)
    text = keras.Input((), dtype="string", name="text")
    features = keras.Model({"text": text}, {"ids": units.layer(text)})
    return generator_of(Preparation(features, features, {}, ("ids",)), core, settings)


def written(generator, texts, length=12, temperature=1.0, top_k=0, top_p=1.0, seed=(0, 5)):
    call = tf.function(generator.written, autograph=False)
    how = (tf.constant(x) for x in (length, temperature, top_k, top_p, seed))
    found = call(tf.constant(texts), *how)
    return [text.decode() for text in found["generated"].numpy()], found["log_probability"].numpy()


def test_what_is_written_hangs_on_prompt_and_seed_alone(generator):
    texts = ["the cat", "", "a dog sat on", "the cat"]
    together, chances = written(generator, texts)
    assert together[0] == together[3] and len(set(together)) == 3
    for text, expected, chance in zip(texts, together, chances, strict=True):
        (alone,), (log_probability,) = written(generator, [text])
        assert alone == expected and log_probability == pytest.approx(chance, abs=1e-4)
    assert written(generator, texts, seed=(0, 6))[0] != together
    assert all(len(text) <= 12 for text in together)


def test_the_coldest_text_is_greedy_whatever_the_seed(generator):
    coldest = written(generator, ["the", "do"], temperature=0.0)[0]
    assert coldest == written(generator, ["the", "do"], temperature=0.0, seed=(1, 1))[0]
    assert coldest == written(generator, ["the", "do"], top_k=1)[0]
    for prompt, text in zip(["the", "do"], coldest, strict=True):
        ids, states = generator.units.ids(tf.constant([prompt])).numpy()[0].tolist(), generator.apart.begin(1)
        for number in [END, *ids]:
            logits, states = generator.apart.step(tf.constant([number]), states)
        first = generator.units.join(tf.constant([[int(np.argmax(logits[0, 3:])) + 3]])).numpy()[0].decode()
        assert text[:1] == first


def test_a_beam_finds_what_is_at_least_as_likely(generator):
    how = tf.constant(["the"]), tf.constant(4)
    call = tf.function(generator.searched, autograph=False)
    greedy, wide = (float(call(*how, tf.constant(width))["log_probability"][0]) for width in (1, 8))
    assert wide >= greedy - 1e-5


def test_a_text_stops_before_what_stops_it(generator):
    (whole,), _ = written(generator, ["the"])
    stop = whole[3:5]
    stopping = dataclasses.replace(generator, stops=("never there", stop))
    assert written(stopping, ["the"])[0] == [whole[: whole.index(stop)]]
    assert stops_of("END|\\n\\n|") == ("END", "\n\n")


def test_only_the_last_tokens_of_a_long_prompt_are_read(generator):
    short = dataclasses.replace(generator, how={**generator.how, "prompt": 3})
    ids, read = short.prompts(tf.constant(["the cat", "a"]))
    assert [text.decode() for text in short.units.join(ids).numpy()] == ["cat", "a"] and read.numpy().tolist() == [3, 1]


def test_texts_are_scored_by_what_came_before_them_alone(generator):
    call = tf.function(generator.scored, autograph=False)
    found = {name: value.numpy() for name, value in call(tf.constant(["the cat", "do", ""])).items()}
    assert found["tokens"].tolist() == [7, 2, 0] and found["perplexity"][2] == 1
    assert (found["log_probability"][1, 2:] == 0).all() and (found["token"][1, 2:] == b"").all()
    stream = stream_of(generator.units.ids(tf.constant(["the cat"])).numpy()[0])
    nats = losses_of(generator.apart, stream).nats
    np.testing.assert_allclose(-found["log_probability"][0], nats, atol=1e-5)
    assert found["perplexity"][0] == pytest.approx(math.exp(nats.mean()), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bidirectional": True}, "reads forwards alone. Got bidirectional true"),
        ({"head": "adaptive"}, "Got tied true. Add --no-tied"),
        ({"vocabulary": 3}, "vocabulary must be more than 4"),
        ({"class_weights": "balanced"}, "class_weights are of classes"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        check_language_model(Settings(**settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "adaptive", "tied": False}, r"for 1,000 tokens or more\. There are 12\. Take --head full\."),
        ({"head": "sampled"}, r"there are 12\. Got 512\. Take --head full, or draw fewer\."),
    ],
)
def test_heads_for_many_tokens_are_refused_for_few(settings, message):
    with pytest.raises(ValueError, match=message):
        build_language_model({"vocabulary": SIZE}, Settings(**settings))


def test_states_are_named_by_layer_and_place():
    settings = Settings(depth=2, last_units=3)
    assert sizes_of(settings) == {"state_1_1": 5, "state_1_2": 5, "state_2_1": 3, "state_2_2": 3}
    assert isinstance(taken_apart(core_of(depth=2, last_units=3)).sizes, dict)
    assert taken_apart(core_of(depth=2, last_units=3)).sizes == sizes_of(settings)
