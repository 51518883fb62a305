"""Pieces in the graph, beside the sentencepiece library; learning them, growing them, joining them."""

import functools
import gzip
import random
import unicodedata

import keras
import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from rnnkit.features.piece_learning import _counted, _read_model, _words, grow_pieces, learn_pieces, train_model
from rnnkit.features.piece_splitting import LONGEST
from rnnkit.features.pieces import KINDS, Pieces
from rnnkit.layers.embedding import END, START, UNKNOWN

PARTS = [
    *("a", "b", "ab", "ba", "aa", "na", "0", "00", ".", ",", "-", "--", "ä", "é", "e\u0301", "東京", "각", "ﬁ", "Σ"),
    *(" ", "  ", " ", "\u00a0", "\t", "\u2003", "▁", "\x00", "\ufffd", "\u0301", "\u200b", "▅"),
    *("😀", "👨\u200d👩\u200d👧", "<s>", "</s>", "<unk>", "[end]"),
]
learn = functools.partial(learn_pieces, normalization="none")
ODD = ["", " ", "▁", "\x00", "😀", "a" * 300, "▁▁a ▁", "\u3000a\u0085b\x1cc", "ab" * 50 + " 00" * 40]


def drawn(count, seed, parts=PARTS):
    draw = random.Random(seed)
    return ["".join(draw.choice(parts) for _ in range(draw.randrange(30))) for _ in range(count)]


def tensor(texts):
    return tf.constant([text.encode() for text in texts], tf.string, [len(texts)])


def strings(ragged):
    return [[piece.decode() for piece in row] for row in ragged.to_list()]


def traced(function):
    return tf.function(function, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


def rows_of(ids):
    return [[number for number in row if number] for row in ids.numpy().tolist()]


def same_as_library(model, texts, kind):
    """Splits texts by a layer of a library's model and by the library itself."""
    library = sentencepiece.SentencePieceProcessor(model_proto=model)
    layer = Pieces(*_read_model(model), kind=kind, length=10_000, start=False)
    cleaned = [text.decode() for text in layer.cleaned(tensor(texts)).numpy()]
    expected = [[*row, END] for row in library.encode(cleaned)]
    assert rows_of(traced(layer.call)(tensor(texts))) == expected
    assert strings(traced(layer.split)(tensor(texts))) == library.encode(cleaned, out_type=str)
    return expected


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
class TestLikeTheLibrary:
    def test_generated_texts_are_split_alike(self, kind):
        known = drawn(200, 1, [part for part in PARTS if part not in ("東京", "😀", "▅")])
        words = _counted([known], lambda text: _words(text, "nfkc", False))
        model = train_model(words, kind=kind, size=80)
        rows = same_as_library(model, drawn(1_500, 2) + ODD, kind)
        assert any(UNKNOWN in row for row in rows)

    def test_ten_thousand_real_sentences_are_split_alike(self, kind, real_data):
        folder = real_data / "translation" / "multi30k"
        texts = []
        for name in ("train.en.gz", "train.de.gz"):
            with gzip.open(folder / name, "rt", encoding="utf-8") as file:
                texts += [next(file).rstrip("\n") for _ in range(5_000)]
        model = train_model(_counted([texts[:4_000]], lambda text: _words(text, "nfkc", False)), kind=kind, size=3_000)
        assert any(UNKNOWN in row for row in same_as_library(model, texts, kind))

    def test_what_the_library_leaves_of_a_text_is_all_that_is_read(self, kind):
        pieces, scores = learn_pieces([["ab ab b"]], kind=kind, size=20)
        layer = Pieces(pieces, scores, kind=kind)
        assert layer(tensor([" ab\t b ▁"])).numpy().tolist() == layer(tensor(["ab b"])).numpy().tolist()


def merged(text, ranks):
    """Byte pair encoding as its definition says, one joining at a time."""
    pieces = [character for word in text.split() for character in "▁" + word]
    while True:
        unions = [left + right for left, right in zip(pieces, pieces[1:], strict=False)]
        best = min(range(len(unions)), key=lambda place: ranks.get(unions[place], len(ranks)), default=None)
        if best is None or unions[best] not in ranks:
            return pieces
        pieces[best : best + 2] = [unions[best]]


@pytest.mark.parametrize("seed", range(3))
def test_any_pieces_are_merged_as_the_definition_says(seed):
    draw = random.Random(seed)
    made = {"".join(draw.choice("▁abc") + draw.choice(["", "a", "b", "bc", "ab"])).lstrip() for _ in range(60)}
    pieces = sorted({piece for piece in made if "▁" not in piece[1:]} | set("▁abc"))
    draw.shuffle(pieces)
    layer = Pieces(pieces, [-float(rank) for rank in range(len(pieces))], normalization="none")
    texts = drawn(300, seed, ["a", "b", "c", "ab", " "])
    ranks = {piece: rank for rank, piece in enumerate(pieces)}
    assert strings(traced(layer.split)(tensor(texts))) == [merged(text, ranks) for text in texts]


@pytest.mark.parametrize(
    ("kind", "text", "pieces"),
    [
        ("word", "Hello, big\u00a0world!", ["▁Hello", ",", "▁big", "▁world", "!"]),
        ("word", "don't (x2) ...", ["▁don", "'", "t", "▁(", "x2", ")", "▁.", ".", "."]),
        ("word", "naïve e\u0301 東京 😀a", ["▁naïve", "▁é", "▁東京", "▁😀", "a"]),
        ("word", " \t ", []),
        ("character", "ab  c", ["▁", "a", "b", "▁", "c"]),
        ("character", "", []),
    ],
)
def test_words_and_characters_are_split_as_documented(kind, text, pieces):
    assert strings(Pieces(kind=kind).split(tensor([text]))) == [pieces]


def test_letters_are_those_of_python():
    text = "".join(chr(point) for point in range(0x20, 0x20000) if not 0xD800 <= point < 0xE000)
    (units,) = strings(Pieces(kind="word", normalization="none").split(tensor([text.replace("▁", "")])))
    units = [unit.removeprefix("▁") for unit in units]
    assert all(len(unit) == 1 or all(unicodedata.category(c)[0] in "LNM" for c in unit) for unit in units)
    assert all(len(unit) > 1 for unit in units if unicodedata.category(unit[0])[0] == "L" and unit[0].isascii())


@pytest.fixture(scope="module", params=KINDS)
def layer(request):
    """A layer that knows all characters but 😀, 東 and 京."""
    texts = drawn(300, 5, [part for part in PARTS if part not in ("東京", "😀", "▅")])
    how = {"kind": request.param, "normalization": "nfkc" if request.param == "bpe" else "none"}
    return Pieces(*learn_pieces([texts], size=400, **how), length=60, **how)


def test_joining_gives_the_cleaned_text_again(layer):
    texts = tensor(drawn(500, 6) + ODD)
    ids = traced(layer.call)(texts)
    whole = ~traced(layer.cut)(texts).numpy() & [UNKNOWN not in row for row in rows_of(ids)]
    assert 50 < whole.sum() < len(whole)
    np.testing.assert_array_equal(layer.join(ids).numpy()[whole], layer.cleaned(texts).numpy()[whole])


def test_cleaning_is_what_python_would_do():
    layer = Pieces(normalization="nfkc")
    texts = drawn(300, 8) + ODD
    expected = [
        " ".join(unicodedata.normalize("NFKC", text).replace("\x00", "\ufffd").replace("▁", " ").split())
        for text in texts
    ]
    assert [text.decode() for text in layer.cleaned(tensor(texts)).numpy()] == expected


def test_lower_case_is_taken_where_asked_for():
    assert Pieces(kind="word", lower=True).cleaned(tensor(["A\x00BÄ ΟΔΟΣ"])).numpy()[0].decode() == "a\ufffdbä οδος"


def test_other_rows_never_change_a_row(layer):
    texts, encoded = drawn(40, 9) + ODD, traced(layer.call)
    assert rows_of(encoded(tensor(texts))) == [rows_of(encoded(tensor([text])))[0] for text in texts]


def test_ids_are_start_pieces_end_and_padding():
    layer = Pieces(["▁a", "b", "▁"], kind="word", length=3)
    ids = layer(tensor(["a b", "", "a.b a a a", "b"])).numpy()
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(
        ids, [[START, 4, UNKNOWN, END, 0], [START, END, 0, 0, 0], [START, 4, UNKNOWN, 5, END], [START, 1, END, 0, 0]]
    )
    np.testing.assert_array_equal(layer.cut(tensor(["a b", "", "a.b a a a", "a a a"])), [False, False, True, False])
    without = Pieces(["▁a", "b"], kind="word", start=False)
    np.testing.assert_array_equal(without(tensor(["a", ""])), [[4, END], [END, 0]])


def test_names_and_texts_of_ids_of_any_shape():
    layer = Pieces(["▁a", "b", "▁"], kind="bpe")
    ids = tf.constant([[[START, 4, 5, END, 0]], [[1, 6, 6, 4, 99]]])
    names = [
        [[b"[start]", "▁a".encode(), b"b", b"[end]", b""]],
        [[b"[unknown]", *["▁".encode()] * 2, "▁a".encode(), b""]],
    ]
    assert layer.tokens(ids).numpy().tolist() == names
    assert layer.join(ids).numpy().tolist() == [[b"ab"], ["\ufffd a".encode()]]
    assert layer.join(tf.zeros([2, 0], tf.int32)).numpy().tolist() == [b"", b""]
    assert layer.size == 7


def test_no_texts_give_no_rows(layer):
    assert layer(tensor([])).shape[0] == 0
    assert layer.split(tensor([])).nrows() == 0


def test_a_layer_that_has_learnt_nothing_knows_nothing():
    for kind in KINDS:
        layer = Pieces(kind=kind)
        ids = layer(tensor(["a b", ""])).numpy()
        assert set(ids.ravel()) == {0, UNKNOWN, START, END}
        np.testing.assert_array_equal(ids[1, :2], [START, END])


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_endless_words_are_split_in_stretches(kind):
    layer = Pieces(*learn_pieces([["aa ab ba"]], kind=kind, size=20), kind=kind, length=10**6, start=False)
    word = "".join(random.Random(0).choice("ab") for _ in range(2 * LONGEST + 7))
    (pieces,) = strings(traced(layer.split)(tensor([word])))
    assert "".join(pieces) == "▁" + word
    ends = np.cumsum([len(piece) for piece in pieces])
    assert {LONGEST, 2 * LONGEST} <= set(ends.tolist())


def test_a_layer_can_be_saved_and_loaded_in_both_ways(layer, tmp_path):
    text = keras.Input((), dtype="string", name="text")
    model = keras.Model({"text": text}, {"ids": layer(text)})
    model.save(tmp_path / "pieces.keras")
    again = keras.saving.load_model(tmp_path / "pieces.keras")
    rows = tensor(drawn(30, 4) + ODD)
    expected = traced(layer.call)(rows).numpy()
    np.testing.assert_array_equal(traced(lambda text: again({"text": text})["ids"])(rows), expected)

    archive = keras.export.ExportArchive()
    archive.track(model)

    def there(text):
        ids = layer(text)
        return {"ids": ids, "text": layer.join(ids), "names": layer.tokens(ids)}

    archive.add_endpoint("there", there, input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    archive.write_out(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved").signatures["there"](text=rows)
    np.testing.assert_array_equal(served["ids"], expected)
    np.testing.assert_array_equal(served["text"], layer.join(expected))
    np.testing.assert_array_equal(served["names"], layer.tokens(expected))


def test_a_data_set_can_be_mapped():
    layer, texts = Pieces(["▁a", "b"]), drawn(20, 3)
    rows = tf.data.Dataset.from_tensor_slices(tensor(texts)).batch(20).map(layer)
    np.testing.assert_array_equal(next(iter(rows)), traced(layer.call)(tensor(texts)))


class TestLearning:
    TEXTS = ["the film, the end", "The cast", "a film"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_chunks_do_not_matter_and_the_same_is_learnt_again(self, kind):
        texts = drawn(200, 5)
        whole = learn([texts], kind=kind, size=60, seed=3)
        assert whole == learn([texts[:50], texts[50:]], kind=kind, size=60, seed=3)
        assert 30 < len(whole[0]) <= 56 and len(set(whole[0])) == len(whole[0])

    def test_words_come_by_frequency_and_equals_by_the_alphabet(self):
        learnt = learn([self.TEXTS[:1], self.TEXTS[1:]], kind="word", size=100)
        assert learnt == (["▁film", "▁the", ",", "▁The", "▁a", "▁cast", "▁end"], [])
        assert learn([self.TEXTS], kind="word", size=6, lower=True)[0] == ["▁the", "▁film"]
        assert learn([self.TEXTS], kind="word", size=100, least=2)[0] == ["▁film", "▁the"]

    def test_characters_are_counted(self):
        assert learn([["ab a", "a"]], kind="character", size=100)[0] == ["a", "▁", "b"]

    @pytest.mark.parametrize("kind", ["bpe", "unigram"])
    def test_more_pieces_than_there_are_give_all_there_are(self, kind):
        pieces, scores = learn([["ab", "ab b"]], kind=kind, size=5_000)
        assert {"▁", "a", "b"} <= set(pieces) and len(pieces) == len(scores) < 10

    @pytest.mark.parametrize("kind", ["bpe", "unigram"])
    def test_rare_characters_are_left_out_where_there_is_no_room(self, kind):
        texts = ["ab ba aab " * 200, *map(chr, range(0x4E00, 0x4E20))]
        pieces, _ = learn([texts], kind=kind, size=24)
        assert {"▁", "a", "b"} <= set(pieces) and len(pieces) <= 20

    @pytest.mark.parametrize("kind", ["bpe", "unigram"])
    def test_a_size_without_room_for_the_characters_is_refused_with_the_least(self, kind):
        with pytest.raises(ValueError, match=r"size must be at least 14 .* 10 different characters\. Got 7\."):
            learn([["abc def ghi"]], kind=kind, size=7)
        learn([["abc def ghi"]], kind=kind, size=14)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("texts", [[], [[]], [["", " \t▁"]]])
    def test_texts_without_a_word_are_refused(self, kind, texts):
        with pytest.raises(ValueError, match=r"The texts hold no word"):
            learn(texts, kind=kind, size=100)

    def test_a_size_of_reserved_ids_alone_is_refused(self):
        with pytest.raises(ValueError, match=r"size must be more than 4, the reserved ids\. Got 4\."):
            learn([["a"]], kind="word", size=4)

    def test_a_kind_that_does_not_exist_is_refused(self):
        with pytest.raises(ValueError, match=r"kind must be one of bpe, unigram, word, character\. Got 'bytes'\."):
            learn([["a"]], kind="bytes", size=40)


class TestGrowing:
    @pytest.mark.parametrize("kind", ["bpe", "unigram", "character"])
    def test_unknown_characters_join_and_all_else_is_split_as_before(self, kind):
        old = Pieces(*learn([["ab ba aab"]], kind=kind, size=20), kind=kind)
        new = grow_pieces(old, [["aö 😀ö", "ö"], ["ab 😀 x"]], most=2)
        assert new == ["ö", "😀"]
        grown = Pieces([*old.pieces, *new], old.scores, kind=kind)
        np.testing.assert_array_equal(grown(tensor(["aab ba ab"])), old(tensor(["aab ba ab"])))
        assert grown.join(grown(tensor(["ab ö😀"]))).numpy()[0].decode() == "ab ö😀"
        assert grown.size == old.size + 2

    def test_unknown_words_join(self):
        old = Pieces(["▁film"], kind="word", lower=True)
        assert grow_pieces(old, [["Film a FILM, a"]], most=9) == ["▁a", ","]

    def test_texts_without_anything_new_add_nothing(self, layer):
        assert grow_pieces(layer, [["", "  "]], most=5) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "bytes"}, r"kind must be one of bpe, unigram, word, character\. Got 'bytes'\."),
        ({"normalization": "nfd"}, r"normalization must be one of none, nfc, nfkc\. Got 'nfd'\."),
        ({"pieces": ["a", "b", "a"]}, r"pieces must differ and not be empty\. Got 'a' in place 3\."),
        ({"pieces": ["a", ""]}, r"pieces must differ and not be empty\. Got '' in place 2\."),
        ({"pieces": ["a"], "scores": [1.0, 2.0]}, r"scores must be no more than pieces\. Got 2 for 1 pieces\."),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Pieces(**arguments)
