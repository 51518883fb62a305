"""Windows of tokens: the same keys as letter by letter in plain Python, which of them are known, saved and loaded."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnkit.features.token_features import TAIL, Tokens
from rnnkit.features.token_texts import BETWEEN, joined_tokens
from rnnkit.features.token_windows import (
    COUNT,
    NO_KEY,
    NONE,
    SINGLE,
    SLOTS,
    TEMPLATES,
    WindowIds,
    learn_windows,
    window_keys,
    word_slots,
)

PRIME = 2**31 - 1
LETTERS = st.one_of(
    st.sampled_from("aAbBzZéÉßÿŸĀāİıſªº½²09.,-'’ \0\x1eǅǆ\u0301"),
    st.characters(exclude_categories=["Cs"], exclude_characters=BETWEEN),
)
TOKENS = st.one_of(st.sampled_from(["a", "I", "Ada", "ADA", "1996", "U.S."]), st.text(LETTERS, min_size=1, max_size=14))
SENTENCES = st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=4)


def ids_of(token, letters):
    points = [2 + ord(letter) % 510 for letter in token]
    tail = min(TAIL, letters // 2)
    return points if len(points) <= letters else points[: letters - tail] + points[-tail:]


def hashed(values):
    return sum(value * pow(48271, place + 1, PRIME) for place, value in enumerate(values)) % PRIME


def small(letter):
    lower = chr(letter - 2).lower()
    return 2 + ord(lower) if len(lower) == 1 and ord(lower) < 510 else letter


def kind(letter):
    read = chr(letter - 2)
    if read.isdigit():
        return 4
    return 8 + letter if not read.isalpha() else 1 if read.isupper() else 2 if read.islower() else 3


def said(token, letters):
    """By slot, the hash of what is said of a token; of None, which is outside, 0."""
    if token is None:
        return dict.fromkeys(SLOTS, 0)
    ids = ids_of(token, letters)
    lower, kinds = [small(letter) for letter in ids], [kind(letter) for letter in ids]
    brief = [kinds[n] for n in range(len(kinds)) if not n or kinds[n] != kinds[n - 1]]
    found = dict(zip(SLOTS, map(hashed, (ids, lower, kinds, brief)), strict=False))
    for size in range(1, 5):
        longer = len(ids) > size
        found[f"head{size}"] = hashed(lower[:size]) if longer else NONE
        found[f"tail{size}"] = hashed(lower[-size:]) if longer else NONE
    return found


def keys_of(tokens, letters):
    """The keys of each token, by the definition."""
    rows = []
    for place in range(len(tokens)):
        rows.append([])
        for number, template in enumerate(TEMPLATES):
            key = number + 1
            for offset, slot in template:
                near = place + offset
                value = said(tokens[near] if 0 <= near < len(tokens) else None, letters)[slot]
                key = NONE if NONE in (key, value) else (key * 69069 + value + 1) % PRIME
            rows[-1].append(key)
    return np.array(rows, np.int64).reshape(len(tokens), COUNT)


def letters_of(sentences, letters, time=None):
    found = np.zeros((len(sentences), time or max(map(len, sentences)), letters), np.int32)
    for row, tokens in enumerate(sentences):
        for place, token in enumerate(tokens):
            ids = ids_of(token, letters)
            found[row, place, : len(ids)] = ids
    return found


def test_the_templates_are_those_of_the_baseline():
    from rnnkit.metrics import tag_windows

    assert list(TEMPLATES) == tag_windows.TEMPLATES and (COUNT, SINGLE) == (36, 28)
    assert SLOTS == (*tag_windows.SLOTS, *tag_windows.AFFIXES)


@settings(max_examples=60, deadline=None)
@given(SENTENCES, st.integers(4, 12), st.integers(0, 2))
@example([[], ["x" * 40, "I", "Ada"]], 9, 0)
@example([[]], 4, 0)
def test_keys_are_those_of_the_definition_beside_whatever_other_rows_and_padding(sentences, letters, more):
    counts = [len(tokens) for tokens in sentences]
    read = letters_of(sentences, letters, max(counts) + more)
    # What stands behind the last token is not looked at.
    for row, count in enumerate(counts):
        read[row, count:] = 7
    found = window_keys(tf.constant(read), tf.constant(counts)).numpy()
    assert found.dtype == np.int64 and found.shape == (*read.shape[:2], COUNT)
    for row, tokens in enumerate(sentences):
        np.testing.assert_array_equal(found[row, : len(tokens)], keys_of(tokens, letters))
        assert (found[row, len(tokens) :] == NONE).all()


def test_what_is_said_of_words():
    words = ["Ada", "ADA", "1996", "(1996)", "Smith-Jones", "Émile", "émile"]
    slots = word_slots(letters_of([words], 12)[0]).numpy()
    of = {word: dict(zip(SLOTS, row, strict=True)) for word, row in zip(words, slots.tolist(), strict=True)}
    assert of["Ada"]["lower"] == of["ADA"]["lower"] != of["Ada"]["word"] != of["ADA"]["word"]
    assert of["Émile"]["lower"] == of["émile"]["lower"] and of["Émile"]["tail3"] == of["émile"]["tail3"]
    assert of["Ada"]["brief"] == of["Émile"]["brief"] and of["Ada"]["outline"] != of["Émile"]["outline"]
    assert [of["Ada"][slot] == NONE for slot in ("head2", "head3", "tail2", "tail3")] == [False, True, False, True]
    assert of["Smith-Jones"]["tail4"] == hashed([ord(c) + 2 for c in "ones"])
    assert len({row["brief"] for row in of.values()}) == 6


def layer_of(keys, **how):
    layer = Tokens(["ada", "of"], letters=9, windows=len(keys), **how)
    layer.windows.assign(keys)
    return layer


def test_known_keys_have_ids_and_others_none():
    train, other = ["Ada", "of", "Paris"], ["Ada", "in", "Rome", "1996"]
    keys = np.unique(keys_of(train, 9)[keys_of(train, 9) != NONE])
    layer = layer_of(keys)
    read = layer(tf.constant([*joined_tokens([other]), "", "Ada"]))["windows"].numpy()
    assert read.shape == (3, 4, COUNT) and read.dtype == np.int32
    numbers = {key: number for number, key in enumerate(keys.tolist(), 1)}
    for row, tokens in zip(read, (other, [], ["Ada"]), strict=True):
        expected = [[numbers.get(key, 0) for key in keys] for keys in keys_of(tokens, 9).tolist()]
        assert row[: len(tokens)].tolist() == expected and not row[len(tokens) :].any()
    assert 0 < (read[0] > 0).sum() < read[0].size
    direct = layer.windows(letters_of([other], 9), tf.constant([len(other)]))
    np.testing.assert_array_equal(direct, read[:1])


def test_fewer_keys_than_there_is_room_for():
    ids = WindowIds(5)
    assert not ids.look_up(tf.constant([3, NONE, PRIME - 1], tf.int64)).numpy().any()
    ids.assign(np.array([3, 8]))
    assert ids.known.numpy().tolist() == [3, 8, *[NO_KEY] * 3]
    assert ids.look_up(tf.constant([[8, 3], [9, NONE]], tf.int64)).numpy().tolist() == [[2, 1], [0, 0]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, PRIME - 1), st.integers(5_000, 5_090)), min_size=1, max_size=90, unique=True),
    st.integers(0, 9),
    st.booleans(),
)
@example(list(range(70)), 0, True)
@example([0, PRIME - 1], 1, True)
def test_keys_are_found_wherever_they_lie(keys, more, with_table):
    keys, ids = np.sort(keys), WindowIds(len(keys) + more)
    if with_table:
        ids.assign(keys)
    else:
        ids.known.assign(np.pad(keys, (0, more), constant_values=NO_KEY))
    asked = np.unique([*keys, *(keys + 1), *(keys - 1), NONE, 0, PRIME - 1])
    asked = asked[(asked >= NONE) & (asked < PRIME)]
    expected = [int(np.searchsorted(keys, key)) + 1 if key in keys else 0 for key in asked]
    assert ids.look_up(tf.constant(asked)).numpy().tolist() == expected


def test_rows_and_padding_beside_it_never_change_what_is_read():
    keys = np.unique(keys_of(["Ada", "of", "Paris"], 9))[1:]
    layer, texts = layer_of(keys, length=5), ["Ada of Rome", "", "of Paris of Ada of Paris", "Ada"]
    together = layer(tf.constant(texts))
    for row, text in enumerate(texts):
        alone = layer(tf.constant([text]))
        for name, values in alone.items():
            size = values.shape[1]
            np.testing.assert_array_equal(values[0], together[name][row, :size])
            assert not together[name][row, size:].numpy().any()


SINGLES, SEVERAL = range(SINGLE), range(SINGLE, COUNT)


@pytest.mark.parametrize("least", [1, 2, 3])
def test_keys_of_several_slots_must_occur_more_often(least):
    sentences = [["Ada", "of", "Paris"], ["of", "Paris"], ["Ada", "of", "Rome", "1996"], []]
    done = []
    found = learn_windows(Tokens(letters=9), sentences, most=10_000, least=least, advance=done.append)
    counts = collections.Counter(), collections.Counter()
    for tokens in sentences:
        for row in keys_of(tokens, 9).tolist():
            for part, columns in zip(counts, (SINGLES, SEVERAL), strict=True):
                part.update(row[column] for column in columns if row[column] != NONE)
    expected = {*counts[0], *(key for key, count in counts[1].items() if count >= least)}
    assert found.tolist() == sorted(expected) and found.dtype == np.int64 and sum(done) == len(sentences)
    both = counts[0] + collections.Counter({key: n for key, n in counts[1].items() if n >= least})
    kept = sorted(both, key=lambda key: (-both[key], key))[:20]
    assert learn_windows(Tokens(letters=9), sentences, most=20, least=least).tolist() == sorted(kept)


def test_keys_are_counted_the_same_in_parts_as_at_once(monkeypatch):
    sentences = [["Ada", "of", "Paris", str(number % 3)] for number in range(9)]
    whole = learn_windows(Tokens(letters=9), iter(sentences), most=130)
    monkeypatch.setattr("rnnkit.features.token_windows.CHUNK", 2)
    monkeypatch.setattr("rnnkit.features.token_windows.TALLIED", 100)
    np.testing.assert_array_equal(learn_windows(Tokens(letters=9), sentences, most=130), whole)
    assert len(whole) == 130


def test_of_no_sentences_nothing_is_known_and_tokens_that_are_cut_are_not_seen():
    assert learn_windows(Tokens(), [], most=9).shape == (0,)
    cut = learn_windows(Tokens(length=2), [["Ada", "of", "Paris"]], most=999)
    np.testing.assert_array_equal(cut, learn_windows(Tokens(), [["Ada", "of"]], most=999))


def test_it_is_saved_loaded_and_exported_with_its_keys(tmp_path):
    rows = tf.constant(["Ada of Paris", "", "in Paris"])
    keys = learn_windows(Tokens(letters=9), [["Ada", "of", "Paris"]], most=99)
    text = keras.Input((), dtype="string", name="text")
    model = keras.Model({"text": text}, layer_of(keys)(text))
    assert model.output["windows"].shape == (None, None, COUNT)
    expected = model({"text": rows})
    assert expected["windows"].numpy().any()
    model.save(tmp_path / "m.keras")
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("read", lambda text: model({"text": text}), input_signature=[tf.TensorSpec([None], tf.string)])
    archive.write_out(tmp_path / "saved", verbose=False)
    loaded, exported = keras.models.load_model(tmp_path / "m.keras"), tf.saved_model.load(tmp_path / "saved")
    mapped = next(iter(tf.data.Dataset.from_tensors({"text": rows}).map(model)))
    for read in (loaded({"text": rows}), exported.read(rows), mapped):
        for name, values in expected.items():
            np.testing.assert_array_equal(read[name], values)


def test_without_windows_it_is_as_before():
    layer = Tokens(["ada"], letters=9)
    assert layer.windows is None and not layer.weights
    config = layer.get_config()
    del config["windows"]
    old = Tokens.from_config(config)
    assert set(old(tf.constant(["Ada"]))) == {"ids", "letters", "shapes"} and not old.how["windows"]
