"""Reading on a device: in plain Python texts are split, read and decoded as in the graph, whatever the bytes."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnkit.decoding.viterbi import marginals, viterbi
from rnnkit.export import edge_tags
from rnnkit.export import run_tags as script
from rnnkit.features.character_classes import class_table
from rnnkit.features.tags import entity_moves, entity_tags
from rnnkit.features.token_features import Tokens
from rnnkit.features.token_texts import BETWEEN, joined_tokens
from rnnkit.features.tokens import readable
from rnnkit.layers.crf import CRF
from rnnkit.tagger.serving import Tagger

WORDS = ["ada", "of", "0000", "lovelace", "n't", "'s", "ας", "i̇", "a\nb", "\u2028", "中", "u.s.", "ada-\u0301", "½"]
ODD = [
    *"aAbZzéßẞΣςσİıǅᾼ'’ʼ`-_.,:;?!<>/&#@$5½٣",
    *"\0\t\n\v\f\r \x1c\x1e\x85\xa0\xad\u1680\u180e\u200b\u200c\u200d\u2028\u3000\ufeff\ufffd\uffff",
    *"\u0301\u0483\u0cf3\u10d0\u1c90\ua7c0\u05e9\u0639\u4e2d\u3042\u0e01\ud55c\u202b\ufe0f\U0001f3fd\U0001f642",
    *"\U0001f469\U0001f1e9\U0001f1ea\U000e0001\U000e0100\U00010570\U0001d518\U00040000\U0010ffff",
    *["Ada", "Lovelace", "don't", "we're ", "U.S.", "J. ", "1,000.50", "http://x.y/?a=1", "www.", "a.b@c-d.org", "``"],
    *["--", "...", "@user_x", "#tag", "S&P", "1996-08-22", "4th", "Σ'Σ", "ΑΣ ", "[start]", "  ", "x" * 25, "'S", "N'T"],
]
alphabet = st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"], exclude_characters=BETWEEN))
pieces = st.lists(alphabet, min_size=1, max_size=4).map("".join)
texts = st.one_of(
    st.lists(st.sampled_from(ODD), max_size=12).map("".join),
    st.lists(alphabet, max_size=20).map("".join),
    # Cut already; a token that begins with NUL, at which TensorFlow's lower-casing ends, is none there.
    st.lists(pieces.filter(lambda token: token[0] != "\0"), max_size=5).map(lambda tokens: joined_tokens([tokens])[0]),
    st.binary(max_size=40),
).map(lambda text: text if isinstance(text, bytes) else text.encode())


def chain(labels, seed=0):
    """Weights of moves, drawn by chance."""
    random, layer = np.random.default_rng(seed), CRF(entity_moves(1 + 4 * labels))
    layer.build((None, None, 1 + 4 * labels))
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


def files_of(layer, folder):
    """Writes what an edge has beside the model, for which no core is needed."""
    made = Tagger(layer, ("ids",), None, tuple(entity_tags(["PER"])), True, "bio", chain(1))
    for name, text in edge_tags.tagger_edge(made).files.items():
        (folder / name).write_bytes(text.encode())
    return folder


READ = list(itertools.product((True, False), (True, False)))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """By settings: tokens, places and what is read of them in the graph, and the class of run.py with its files."""

    def make(lower, digits):
        layer = Tokens(WORDS, lower=lower, digits=digits, length=11, letters=9)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def graph(text):
            text = readable(text)
            tokens, starts, ends = layer.split(text)
            read = layer.read(tokens)
            return {**read, "start": starts.to_tensor(-1), "end": ends.to_tensor(-1), "cut": layer.cut(text)}

        return graph, script.Text(files_of(layer, tmp_path_factory.mktemp("edge")))

    return {choice: make(*choice) for choice in READ}


@pytest.mark.parametrize("choice", READ, ids=str)
@settings(max_examples=20, deadline=None)
@given(raw=st.lists(texts, min_size=1, max_size=50))
@example(raw=["ΟΔΟΣ ΟΔΟΣ' ΟΔΟΣ'Σ Σ AͅΣ 1٣½".encode(), b"ADA \0 of", b"caf\xe9 \xed\xa0\x80 \xf0\x9f\x99", b"", b" "])
@example(raw=[f"Ada{BETWEEN}A\nB{BETWEEN} {BETWEEN}x\0y{BETWEEN}".encode(), BETWEEN.encode(), b"x\x1f\x1f y"])
def test_any_bytes_are_split_and_read_as_in_the_graph(both, choice, raw):
    graph, device = both[choice]
    expected = {name: values.numpy() for name, values in graph(tf.constant(raw)).items()}
    for row, text in enumerate(raw):
        places, tensors, cut = device.read(text.decode("utf-8", "replace"))
        count = len(places)
        assert places == [
            pair
            for pair in zip(*(expected[name][row].tolist() for name in ("start", "end")), strict=True)
            if pair[0] >= 0
        ]
        assert cut == bool(expected["cut"][row])
        for name, values in tensors.items():
            np.testing.assert_array_equal(values[0], expected[name][row, :count])
            assert values.dtype == np.int32 and not expected[name][row, count:].any()


def test_the_classes_of_all_characters_are_those_of_the_table(both):
    blocks, rows = class_table()
    np.testing.assert_array_equal(both[True, True][1].classes, rows[blocks].ravel())


def test_all_digits_lie_where_they_are_looked_for():
    rest = np.setdiff1d(np.arange(0x110000), [*edge_tags.PLANES, *range(0xD800, 0xE000)])
    letters = tf.strings.unicode_encode(tf.constant(rest.astype("int32"))[:, None], "UTF-8")
    assert not tf.reduce_any(tf.strings.regex_full_match(letters, r"\p{Nd}"))
    assert [48, 57] in edge_tags.digit_ranges()


@pytest.mark.parametrize(
    "text",
    ["a+" * 2_000, "www." + "!" * 99_999, "a" * 99_999 + "@", "a-" * 49_999 + "-", "0" + "a" * 99_999, "A" * 99_999],
)
def test_odd_long_texts_are_read(both, text):
    places, _, cut = both[True, True][1].read(text)
    assert 1 <= len(places) <= 11 and cut == ("+" in text or "!" in text)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 2), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_script_decodes_as_the_graph_does(labels, time, seed):
    layer = chain(labels, seed)
    scores = np.random.default_rng(seed).normal(0, 3, (1, time, 1 + 4 * labels)).astype(np.float32)
    how = {name: values.numpy().tolist() for name, values in zip(("moves", "begin", "end"), layer.moves(), strict=True)}
    path, likely, chances = script.Chain(how).decoded(scores[0])
    potentials = layer(scores)
    (expected,), _ = viterbi(potentials)
    assert path == expected.numpy().tolist()
    single, moves = (values[0].numpy() for values in marginals(potentials))
    np.testing.assert_allclose(likely, single[np.arange(time), path], atol=1e-5)
    together = [moves[step, path[step - 1], path[step]] for step in range(1, time)]
    np.testing.assert_allclose(chances[1:] * likely[:-1], together, atol=1e-5)
