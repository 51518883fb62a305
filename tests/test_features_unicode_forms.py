"""Unicode forms in the graph, beside Python's unicodedata."""

import random
import unicodedata

import pytest
import tensorflow as tf

from rnnkit.features.unicode_forms import normalized

POINTS = [*range(0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE0200)]
ASSIGNED = [point for point in POINTS if unicodedata.category(chr(point)) not in ("Cn", "Co")]
MOVING = [
    *(point for point in ASSIGNED if unicodedata.combining(chr(point)) or unicodedata.decomposition(chr(point))),
    *range(0x1100, 0x1113),
    *range(0x1161, 0x1176),
    *range(0x11A7, 0x11C3),
    *range(0xAC00, 0xAC40),
]
MEETING = [0x41, 0x61, 0x300, 0x301, 0x323, 0x31B, 0x1100, 0x1161, 0x11A8, 0xAC00, 0xAC01, 0x9C7, 0x9BE, 0xDD9, 0xDCF]


@pytest.fixture(scope="module", params=["nfc", "nfkc"])
def form(request):
    function = tf.function(
        lambda text: normalized(text, request.param), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    function.form = request.param.upper()
    return function


def check(form, texts):
    got = form(tf.constant([text.encode() for text in texts])).numpy()
    wrong = [ascii(x) for x, y in zip(texts, got, strict=True) if unicodedata.normalize(form.form, x).encode() != y]
    assert texts and not wrong


def test_every_character_becomes_what_python_makes_of_it(form):
    check(form, [chr(point) for point in POINTS])


def test_every_decomposed_character_is_composed_as_python_does(form):
    texts = [unicodedata.normalize("NFKD", chr(point)) for point in MOVING]
    check(form, texts)
    check(form, [f"a{text[::-1]}{text}" for text in texts])


def test_any_string_of_assigned_characters_becomes_what_python_makes_of_it(form):
    draw = random.Random(7)
    pools = ASSIGNED, MOVING, MOVING, MEETING, MEETING
    check(
        form, ["".join(chr(draw.choice(draw.choice(pools))) for _ in range(draw.randrange(12))) for _ in range(20_000)]
    )


def test_many_marks_on_one_character_are_ordered_and_composed(form):
    draw = random.Random(3)
    marks = [point for point in ASSIGNED if unicodedata.combining(chr(point))]
    check(form, ["e" + "".join(chr(draw.choice(marks)) for _ in range(200)) for _ in range(3)])


def test_other_rows_never_change_a_row(form):
    texts = ["plain", "e\u0301", "", "\u0301", "\u0323"]
    alone = [form(tf.constant([text])).numpy()[0] for text in texts]
    assert form(tf.constant(texts)).numpy().tolist() == alone


@pytest.mark.parametrize("name", ["none", "nfc", "nfkc"])
def test_bytes_that_are_not_utf_8_become_replacement_characters(name):
    texts = [b"caf\xe9 bar", b"\xff", b"e\xcc\x81\xff", b"\xed\xa0\x80", b"a\x00b", b""]
    expected = [text.decode("utf-8", "replace") for text in texts]
    if name != "none":
        expected = [unicodedata.normalize(name.upper(), text) for text in expected]
    assert [text.decode() for text in normalized(tf.constant(texts), name).numpy()] == expected


def test_without_a_form_nothing_is_changed():
    assert normalized(tf.constant(["e\u0301 \ufb01"]), "none").numpy()[0].decode() == "e\u0301 \ufb01"


def test_a_form_that_does_not_exist_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"normalization must be one of none, nfc, nfkc\. Got 'nfd'\."):
        normalized(tf.constant(["a"]), "nfd")
