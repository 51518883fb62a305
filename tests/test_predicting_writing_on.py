"""Writing on: pieces of text as they are drawn are what the bundle's graph answers, whole characters, up to a stop."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf
from toy_writer import made_writer, seed_of_a_long_text

from rnnkit.decoding.choices import less_repeated as less_repeated_in_graph
from rnnkit.decoding.choices import without_ngrams
from rnnkit.decoding.sampling import drawn as drawn_in_graph
from rnnkit.predicting import chances
from rnnkit.predicting.manner import manner_of
from rnnkit.predicting.spelling import WINDOW, Spelling, Stops
from rnnkit.predicting.writing_on import WritingOn, write_on
from rnnkit.progress import Reporter


@pytest.fixture(scope="session")
def writer(made_once, tmp_path_factory):
    return made_writer(made_once, tmp_path_factory)


def generate(bundle, text, *, length=30, temperature=1.0, top_k=0, top_p=1.0, seed=0):
    numbers = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": [0, seed]}
    given = {name: tf.constant(number) for name, number in numbers.items()}
    found = bundle.model.signatures["generate"](text=tf.constant([text]), **given)
    return found["generated"].numpy()[0].decode(), float(found["log_probability"].numpy()[0])


@pytest.mark.parametrize("text", ["Zoë ", "", "猫 never seen: Ж"])
@pytest.mark.parametrize(
    "how",
    [
        {"temperature": 0.0},
        {"temperature": 1.3, "seed": 5},
        {"top_k": 4, "seed": 1},
        {"temperature": 0.8, "top_p": 0.6, "top_k": 9, "length": 150},
    ],
)
def test_pieces_are_the_text_that_the_graph_answers(writer, text, how):
    how = {"length": 30, "temperature": 1.0, **how}
    assert "".join(write_on(writer, text, **how)) == generate(writer, text, **how)[0]


def test_what_is_not_said_is_as_trained(writer):
    expected = writer.predict(["the a"])["generated"][0]
    assert "".join(write_on(writer, "the a")) == expected
    assert "".join(write_on(writer.path, "the a", seed=0, length=9)) == expected


def test_the_same_seed_and_prompt_have_the_same_text_and_others_have_others(writer):
    def text(prompt, seed):
        return "".join(write_on(writer, prompt, seed=seed, length=40, temperature=2.0, stop=()))

    assert text("the", 3) == text("the", 3)
    assert len({text(prompt, seed) for prompt in ("the", "a") for seed in range(4)}) > 5


def test_many_texts_at_once_and_one_after_the_other_have_the_same_answers(writer):
    texts = ["the a", "", "Zoë", "the a"]
    manner = manner_of(writer, {"length": 17, "temperature": 1.1, "stop": ("\n", "qq")})
    single, many = (WritingOn(writer, manner, many=many).predict({"text": texts}) for many in (False, True))
    assert single["generated"].tolist() == many["generated"].tolist()
    unstopped = [len(text) == 17 for text in many["generated"]]
    np.testing.assert_allclose(
        single["log_probability"][unstopped], many["log_probability"][unstopped], rtol=1e-4, atol=1e-3
    )
    assert single["generated"][0] == single["generated"][3]


def test_a_text_ends_before_the_first_stop_and_nothing_of_it_is_given(writer):
    how = {"length": 60, "temperature": 1.5}
    how["seed"] = seed_of_a_long_text(writer, "the", **how, stop=())
    whole = "".join(write_on(writer, "the", **how, stop=()))
    for stop in (whole[3:6], whole[5], whole[-2:]):
        assert "".join(write_on(writer, "the", **how, stop=stop)) == whole[: whole.find(stop)]
        assert "".join(write_on(writer, "the", **how, stop=["never there", stop])) == whole[: whole.find(stop)]
    assert "".join(write_on(writer, "the", **how, stop=f"{whole[-2:]}…")) == whole


def test_no_run_of_tokens_is_written_twice_and_repeats_are_penalised(writer):
    how = {"length": 120, "temperature": 0, "stop": (), "seed": 0}
    plain = "".join(write_on(writer, "the a", **how))
    assert "".join(write_on(writer, "the a", **how, repetition_penalty=20.0)) != plain != ""
    blocked = "the a" + "".join(write_on(writer, "the a", **how, blocked_ngram=2))
    pairs = [blocked[place : place + 2] for place in range(len(blocked) - 1)]
    assert len(set(pairs)) == len(pairs)


def test_no_more_of_a_prompt_is_read_than_the_bundle_was_trained_to(writer):
    card = {**writer.card, "settings": {**writer.card["settings"], "prompt": 4}}
    short = types.SimpleNamespace(path=writer.path, card=card, model=writer.model)
    said = []
    reporter = Reporter()
    reporter.say = said.append
    how = {"length": 12, "temperature": 0}
    assert list(write_on(short, "the a", **how, reporter=reporter)) == list(write_on(writer, "he a", **how))
    assert said == ["note: of the 5 tokens of 'the a' the last 4 are read."]


def test_characters_never_seen_are_told(writer):
    said = []
    reporter = Reporter()
    reporter.say = said.append
    list(write_on(writer, "ЖaЯ", length=1, reporter=reporter))
    list(write_on(writer, "Zoë", length=1, reporter=reporter))
    assert said == ["note: 2 tokens of 'ЖaЯ' were never seen in training: read as unknown."]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temperature": -0.5}, r"temperature must be at least 0\.0\. Got -0\.5\."),
        ({"temperature": float("nan")}, r"temperature must be a finite number\. Got nan\."),
        ({"length": 0}, r"length must be at least 1\. Got 0\."),
        ({"top_p": 0}, r"top_p must be above 0\.0\. Got 0\.0\."),
        ({"top_p": 1.5}, r"top_p must be at most 1\.0\. Got 1\.5\."),
        ({"top_k": -1}, r"top_k must be at least 0\. Got -1\."),
        ({"seed": -1}, r"seed must be at least 0\. Got -1\."),
        ({"repetition_penalty": 0.5}, r"repetition_penalty must be at least 1\.0\. Got 0\.5\."),
        ({"stop": ["a", 3]}, r"stop must be a text, or several\. Got 3\."),
    ],
)
def test_values_out_of_range_are_refused_at_the_call(writer, how, message):
    with pytest.raises(ValueError, match=message):
        write_on(writer, "the", **how)


def test_a_bundle_that_does_not_write_is_refused(tiny):
    with pytest.raises(ValueError, match=r"can't write a text on: it has no signature 'encode', 'join', 'step'\."):
        write_on(tiny, "the")


def test_a_step_that_keeps_no_state_is_refused(writer):
    card = json.loads(json.dumps(writer.card))
    del card["signatures"]["step"]["outputs"]["state_1_1"]
    with pytest.raises(ValueError, match=r"its signature 'step' takes 'ids', 'state_1_1', 'state_1_2' and gives"):
        write_on(types.SimpleNamespace(path="other/1", card=card), "the")


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("top_k", [0, 1, 5, 99])
@pytest.mark.parametrize("top_p", [1.0, 0.5, 0.01])
def test_draws_choose_as_in_the_graph(temperature, top_k, top_p):
    random = np.random.default_rng(7)
    logits = random.normal(size=(13, 17)).astype(np.float32)
    logits[:, 5] = logits[:, 11] = logits.max(1)
    logits[:, 2] = -np.inf
    draws = random.random(13, np.float32)
    expected = drawn_in_graph(tf.constant(logits), tf.constant(draws), temperature, top_k, top_p).numpy()
    how = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    assert [chances.drawn(row, draw, **how) for row, draw in zip(logits, draws, strict=True)] == expected.tolist()


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_runs_are_blocked_as_in_the_graph(size):
    written = np.array([4, 5, 4, 5, 6, 4, 5], np.int32)
    logits = np.zeros(8, np.float32)
    for count in range(len(written) + 1):
        history = np.pad(written[:count], (0, 9 - count))[None]
        expected = without_ngrams(tf.zeros([1, 8]), tf.constant(history), tf.constant(count), size)
        mine = chances.allowed(logits, written[:count], banned=(), blocked_ngram=size)
        assert mine.tolist() == expected[0].numpy().tolist()


def test_repeats_are_penalised_as_in_the_graph_by_log_probabilities():
    random = np.random.default_rng(2)
    log_probability = np.log(random.dirichlet(np.ones(9))).astype(np.float32)
    written = np.array([3, 7, 3], np.int32)
    logits = less_repeated_in_graph(tf.constant(log_probability[None]), tf.constant(written[None]), 3, 1.7)
    expected = tf.nn.log_softmax(logits)[0].numpy()
    np.testing.assert_allclose(chances.less_repeated(log_probability, written, 1.7), expected, rtol=1e-5)
    assert chances.less_repeated(log_probability, written, 1.0) is log_probability


@pytest.mark.parametrize("values", [np.nan, -np.inf])
def test_a_model_that_answers_no_numbers_is_refused(values):
    with pytest.raises(ValueError, match="The model gives no token a probability after 3 tokens"):
        chances.allowed(np.full(5, values, np.float32), np.array([4, 4, 4]), banned=(0, 1))


def spelled(join, ids, before=()):
    spelling = Spelling(join, before)
    return [*(spelling.add(id) for id in ids), spelling.rest()]


def test_characters_are_given_whole_though_their_bytes_come_one_by_one():
    text = "aë猫😀b"
    pieces = spelled(lambda ids: bytes(ids), text.encode())
    assert [piece for piece in pieces if piece] == list(text)
    assert spelled(lambda ids: bytes(ids), "猫".encode()[:2]) == ["", "", "\ufffd"]


@pytest.mark.parametrize("size", [3, WINDOW - 1, WINDOW, 3 * WINDOW + 5])
def test_words_are_spelled_as_they_are_spelled_together_however_many_there_are(size):
    # Word 0 is spaces alone, which are lost at both ends and one between others.
    ids = np.random.default_rng(size).integers(0, 4, size).tolist()

    def join(ids):
        return " ".join(" ".join(f"w{id}" if id else "" for id in ids).split()).encode()

    for cut in (0, 2, size // 2):
        before, after = ids[:cut], ids[cut:]
        assert join(before).decode() + "".join(spelled(join, after, before)) == join(ids).decode()


def test_no_more_is_joined_than_a_window():
    sizes = []

    def join(ids):
        sizes.append(len(ids))
        return bytes(ids)

    spelled(join, [97] * 5 * WINDOW, [98] * 7)
    assert max(sizes) == WINDOW


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("stops", [("END",), ("EE", "END"), ("\n\n",), (), ("one two",)])
@pytest.mark.parametrize("text", ["one two END three", "EENEND", "a\n", "a\n\nb", "", "EN"])
def test_a_stop_is_found_across_the_borders_of_pieces(size, stops, text):
    watch = Stops(stops)
    given = [watch.add(text[place : place + size]) for place in range(0, len(text), size)]
    places = [text.find(stop) for stop in stops if stop in text]
    assert watch.found == bool(places)
    assert "".join(given) + watch.rest() == text[: min(places, default=len(text))]
