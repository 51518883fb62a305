"""Text on a device: run.py's words and ids are those of the graph, whatever the bytes."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnkit.export import edge_text, run_text
from rnnkit.features.characters import Characters
from rnnkit.features.words import Words

VOCABULARY = ["good", "film", "don't", "'", "ας", "i̇", "<br", "\u2028", "a\x1cb", "\x85", "<", "é"]
CHOICES = list(itertools.product((True, False), ("split", "drop", "keep"), ("drop", "keep")))
ODD = [
    *"aAzZéßẞΣςσİıǅᾼ'’`-_.,:;?!<>/&#@5½٣",
    *"\0\t\n\v\f\r \x1c\x1f\x85\xa0\xad\u1680\u180e\u200b\u200d\u2028\u3000\ufeff\ufffd\uffff",
    *"\u0301\u0483\u0cf3\u10d0\u1c90\u2c2f\ua7c0\ua7d0\U00010570\U0001f642\U000e0001\U000e0100\U00040000\U0010ffff",
    *["<br />", "</p", "<!--", "good", "film", "don't", "Σ'Σ", "ΑΣ", "[start]", "[unknown]", "  "],
]
texts = st.one_of(
    st.lists(st.sampled_from(ODD)).map("".join),
    st.lists(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])), max_size=20).map("".join),
    st.binary(max_size=40),
).map(lambda text: text if isinstance(text, bytes) else text.encode())


def features(**how):
    text = keras.Input((), dtype="string", name="text")
    words = Words(VOCABULARY, **{"length": 9, **how}, name="words")
    letters = Characters(words.how, letters=3, size=99, name="letters")
    return keras.Model({"text": text}, {"ids": words(text), "letters": letters(text)}, name="features")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """By settings: the model in the graph, and the class of run.py with its files."""

    def make(choice):
        model = features(**dict(zip(("lower", "punctuation", "markup"), choice, strict=True)))
        folder = tmp_path_factory.mktemp("edge")
        for name, text in edge_text.text_edge(model, ("bad", "good"), None).files.items():
            (folder / name).write_bytes(text.encode())
        return tf.function(model, reduce_retracing=True), run_text.Text(folder)

    return {choice: make(choice) for choice in CHOICES}


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@settings(max_examples=150, deadline=None)
@given(raw=texts)
@example(raw="ΟΔΟΣ ΟΔΟΣ' ΟΔΟΣ'Σ Σ AͅΣ".encode())
@example(raw=b"GOOD \0 film")
@example(raw=b"caf\xe9 \xed\xa0\x80 \xf0\x9f\x99")
@example(raw=b"<a<a<a <b>film</b> 5 < 6")
@example(raw="'good' 'film 'don't' ''don't'' _' é'é 'é".encode())
def test_any_bytes_have_the_ids_and_letters_that_the_graph_gives(both, choice, raw):
    graph, device = both[choice]
    tensors = device.tensors(raw)
    for name, expected in graph({"text": tf.constant([raw])}).items():
        np.testing.assert_array_equal(tensors[name], expected)
        assert tensors[name].dtype == expected.dtype.as_numpy_dtype


def test_all_letters_numbers_and_marks_lie_where_they_are_looked_for():
    rest = np.setdiff1d(np.arange(0x110000), [*edge_text.PLANES, *range(0xD800, 0xE000)])
    letters = tf.strings.unicode_encode(tf.constant(rest.astype("int32"))[:, None], "UTF-8")
    assert len(rest) > 500_000
    assert not tf.reduce_any(tf.strings.regex_full_match(letters, r"[\p{L}\p{N}\p{M}]"))
    assert tf.reduce_all(tf.strings.lower(letters, encoding="utf-8") == letters)


def test_tags_without_end_take_no_square_of_the_time(both):
    _, device = both[True, "split", "drop"]
    assert len(device.split(b"<a" * 200_000)) == 9


def test_the_files_are_plain(tmp_path):
    edge = edge_text.text_edge(features(), ("bad", "so so"), None)
    assert edge.files["vocabulary.txt"].split("\n") == ["", "[unknown]", "[start]", *VOCABULARY, ""]
    assert edge.files["labels.txt"] == "bad\nso so\n"
    how = json.loads(edge.files["preparation.json"])
    assert how["length"] == 9 and how["letters"] == [3, 99] and [48, 57] in how["unicode"]["word"]
    assert [(spec.name, tuple(spec.shape)) for spec in edge.inputs] == [("ids", (1, None)), ("letters", (1, None, 3))]


def test_a_label_with_a_line_break_is_refused():
    with pytest.raises(ValueError, match=r"^Labels are written one a line, and 'a\\nb' has a line break\."):
        edge_text.text_edge(features(), ("a\nb", "c"), None)


def test_text_that_is_prepared_otherwise_is_refused():
    text = keras.Input((), dtype="string", name="text")
    other = keras.Model(
        {"text": text}, {"ids": Words(["a"], name="words")(text), "more": Words(["b"], name="more")(text)}
    )
    with pytest.raises(ValueError, match=r"^The text is prepared by words \(Words\), .* Serve this bundle as"):
        edge_text.text_edge(other, ("bad", "good"), None)
    letters = Characters({"lower": False, "punctuation": "keep", "markup": "keep", "length": 3}, name="letters")
    apart = keras.Model({"text": text}, {"ids": Words(["a"])(text), "letters": letters(text)})
    with pytest.raises(ValueError, match="letters .Characters."):
        edge_text.text_edge(apart, ("bad", "good"), None)


def test_the_script_is_short_and_needs_two_packages():
    source = edge_text.SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 100
    lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    standard = {"argparse", "json", "os", "pathlib", "re", "sys"}
    assert {line.split()[1].partition(".")[0] for line in lines} - standard == {"numpy", "ai_edge_litert"}
