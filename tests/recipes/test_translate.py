"""The translate recipe: what it serves, how it is asked, and what it refuses."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import rnnkit
from rnnkit.cli import main
from rnnkit.parts import load_parts
from rnnkit.recipes.translate import RECIPE, Settings
from rnnkit.settings import from_mapping

WORDS = {"one": "eins", "two": "zwei", "red": "rot", "blue": "blau", "cat": "Katze", "dog": "Hund", "runs": "läuft"}
SIZES = {"units": 5, "embedding_units": 7, "epochs": 1, "steps_per_epoch": 20, "length": 12, "beam_width": 3}


def pairs():
    random = np.random.default_rng(1)
    rows = [random.choice(list(WORDS), size) for size in random.integers(1, 6, 120)]
    rows = [(" ".join(row) + ".", " ".join(WORDS[word] for word in row[::-1]) + ".") for row in rows]
    return pd.DataFrame(rows, columns=["text", "translation"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return rnnkit.run("translate", data=pairs(), out=tmp_path_factory.mktemp("saved_models"), bundle="words", **SIZES)


TEXTS = ["one red cat.", "two blue dogs runs runs runs.", "cat"]


def called(bundle, signature, **inputs):
    found = bundle.model.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in found.items()}


def test_the_beam_is_as_wide_as_asked_and_by_default_as_set(bundle):
    default = called(bundle, "serving_default", text=TEXTS)
    for width in (1, 3):
        found = called(bundle, "translate", text=TEXTS, beam_width=width)
        assert found["score"].shape == (3,) and np.isfinite(found["score"]).all()
    np.testing.assert_array_equal(found["translation"], default["translation"])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"width must be at least 1\. Got\] \[0\]"):
        called(bundle, "translate", text=TEXTS, beam_width=0)
    with pytest.raises(ValueError, match=r"beam_width must be at least 1\. Got 0\."):
        Settings(beam_width=0)


def test_the_n_best_begin_with_the_best_and_fall(bundle):
    default, found = called(bundle, "serving_default", text=TEXTS), called(bundle, "nbest", text=TEXTS)
    assert found["translation"].shape == found["score"].shape == (3, 3)
    np.testing.assert_array_equal(found["translation"][:, 0], default["translation"])
    np.testing.assert_allclose(found["score"][:, 0], default["score"], atol=1e-5)
    assert (np.diff(found["score"]) <= 0).all()


def test_attention_has_a_row_for_each_piece_written_over_the_pieces_read(bundle):
    found = called(bundle, "attention", text=TEXTS)
    rows = zip(*(found[name] for name in ("read", "written", "weights")), TEXTS, strict=True)
    for read, written, weights, text in rows:
        spelled = b"".join(piece for piece in read if piece not in (b"[start]", b"[end]")).decode()
        assert spelled.replace("▁", " ").strip() == text and read[0] == b"[start]"
        real = written != b""
        np.testing.assert_allclose(weights[real].sum(-1), 1, atol=1e-5)
        assert not weights[~real].any() and not weights[:, read == b""].any()


def test_step_by_step_a_caller_gets_what_a_greedy_search_gives(bundle):
    greedy = called(bundle, "translate", text=TEXTS, beam_width=1)
    opened = called(bundle, "encode", text=TEXTS)
    most, ids, written, total = opened.pop("most"), opened.pop("ids"), [], 0.0
    opened.pop("cut")
    names = bundle.card["signatures"]["step"]["inputs"].keys() - {"ids"}
    live = np.ones(len(TEXTS), bool)
    for t in range(most.max()):
        found = called(bundle, "step", ids=ids, **{name: opened[name] for name in names})
        chances = found.pop("log_probability")
        np.testing.assert_allclose(np.exp(chances).sum(-1), 1, atol=1e-5)
        chances[:, [0, 1, 2]] = -np.inf
        ids = np.where(live & (t < most), chances.argmax(-1), 0).astype(np.int32)
        total = total + np.where(ids > 0, chances.max(-1), 0)
        live &= ids != 3
        written.append(np.where(ids == 3, 0, ids))
        opened |= {name: value for name, value in found.items() if name in names}
    spelled = called(bundle, "join", ids=np.stack(written, 1).astype(np.int32))["translation"]
    np.testing.assert_array_equal(spelled, greedy["translation"])
    assert total.shape == (3,)


def test_what_is_drawn_depends_on_the_seed_and_at_temperature_0_is_the_likeliest(bundle):
    def drawn(seed, temperature=1.0):
        return called(bundle, "sample", text=TEXTS * 4, temperature=temperature, top_k=0, top_p=1.0, seed=[seed, 1])

    np.testing.assert_array_equal(drawn(1)["translation"], drawn(1)["translation"])
    assert (drawn(1)["translation"] != drawn(2)["translation"]).any()
    greedy = called(bundle, "translate", text=TEXTS * 4, beam_width=1)["translation"]
    np.testing.assert_array_equal(drawn(1, 0.0)["translation"], greedy)


def test_a_given_beginning_is_gone_on_with(bundle):
    found = called(bundle, "continue", text=TEXTS, prefix=["blau", "Hund läuft", ""])["translation"]
    assert found[0].startswith(b"blau") and found[1].decode().startswith("Hund läuft")
    assert found[2] == called(bundle, "serving_default", text=TEXTS)["translation"][2]


def test_a_long_text_is_cut_which_is_told_and_an_empty_one_is_answered_by_nothing(bundle):
    found = bundle.predict({"text": ["", "cat", "cat " * 50]})
    assert found["cut"].tolist() == [False, False, True]
    assert found["translation"][0] == "" and found["score"][0] == 0
    first = called(bundle, "attention", text=["cat " * 50])["read"][0]
    assert len(first) == SIZES["length"] + 2


def test_where_it_is_asked_for_a_long_text_is_refused_in_words(bundle):
    preparation, core = load_parts(bundle, RECIPE)
    settings = from_mapping(Settings, {**bundle.card["settings"], "long_texts": "refuse"})
    serve = RECIPE.serve(preparation, core, settings)["serving_default"].function
    assert serve(tf.constant(TEXTS))["translation"].shape == (3,)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more pieces than are read, which are at most 12"):
        serve(tf.constant(["cat", "cat " * 50]))


def test_a_table_gets_translation_and_score_and_its_other_direction_is_told_apart(bundle, tmp_path, run, capsys):
    pairs().to_csv(tmp_path / "pairs.tsv", sep="\t", index=False)
    (tmp_path / "asked.csv").write_text(f"text,other\ncat,1\n{'cat ' * 50},2\n", "utf-8")
    run("predict", bundle.path, "--input", "asked.csv", "--output", "answers.csv")
    answers = pd.read_csv("answers.csv", keep_default_na=False)
    assert set(answers.columns) == {"text", "other", "cut", "score", "translation", "error"}
    assert [str(cut).lower() for cut in answers["cut"]] == ["false", "true"]
    run("evaluate", bundle.path, "--data", tmp_path / "pairs.tsv", "--json")
    turned = ["--columns", "text=translation,translation=text"]
    assert main(["evaluate", str(bundle.path), "--data", str(tmp_path / "pairs.tsv"), *turned]) == 2
    assert "has the languages the other way round" in capsys.readouterr().err


def test_predict_draws_what_was_looked_at(bundle, run, capsys):
    run("predict", bundle.path, *TEXTS[:2], "--attention", "looked.png")
    from PIL import Image

    with Image.open("looked.png") as picture:
        assert min(picture.size) > 200
    assert main(["predict", str(bundle.path), "--input", "none.txt", "--attention", "looked.png"]) == 2
    assert "--attention draws 1 to 12 texts given on the line. Got 0." in capsys.readouterr().err
    assert main(["predict", str(bundle.path), "a", "--attention", "looked.pdf"]) == 2
    assert "--attention must name a .png file. Got 'looked.pdf'." in capsys.readouterr().err
    assert (bundle.path / "report" / "attention.png").stat().st_size > 1_000


def test_the_card_says_by_what_it_was_scored_and_what_a_piece_costs(bundle):
    card = bundle.card
    assert list(card["scores"]["test"]) == ["bleu", "chrf", "exact_match"]
    assert "tok:13a" in card["metrics"]["bleu"] and card["metrics"]["chrf"]
    for losses in card["losses"].values():
        assert losses["perplexity"] == pytest.approx(np.exp(losses["token_loss"]))
    assert losses["token_loss"] < np.log(card["facts"]["vocabulary"])
    assert len(card["examples"]) == 10 and set(card["frequent_words"]) == {"text", "translation"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"vocabulary": 3}, "vocabulary must be more than 4, the reserved ids"),
        ({"lower": True}, "Joint pieces are cased alike on both sides. Got lower true, lower_written false."),
        ({"attention": "dot", "decoder_units": 7}, "they must have one size. Got decoder_units 7 and 128."),
        ({"cell": "mingru"}, "A decoder's cell must be one of lstm, gru. Got 'mingru'."),
        ({"class_weights": "balanced"}, "class_weights are of classes, and here are none. Got 'balanced'."),
        ({"activation": "relu"}, "activation must be tanh for a decoder. Got 'relu'."),
        ({"pieces": "syllable"}, "pieces must be one of 'bpe', 'unigram', 'word', 'character'. Got 'syllable'."),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_their_value(given, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        Settings(**given)


def test_dates_are_made_as_many_as_asked():
    pytest.importorskip("babel")
    splits = RECIPE.read("dates:60", None, None, Settings(), lambda done, total: None)
    assert sum(map(len, (splits.train, splits.valid, splits.test))) == 60
    assert all(len(iso) == 10 and iso[4] == "-" for iso in splits.train.truth())
    with pytest.raises(ValueError, match="dates must be followed by how many, such as dates:20000. Got 'dates:many'."):
        RECIPE.read("dates:many", None, None, Settings(), lambda done, total: None)


@pytest.mark.parametrize("pieces", ["unigram", "word", "character"])
def test_other_pieces_and_separate_sides_make_a_core_that_can_be_saved(pieces, tmp_path):
    settings = Settings(pieces=pieces, joint=False, units=5, embedding_units=7, tied=pieces != "word", cell="gru")
    splits = RECIPE.read(pairs(), None, None, settings, lambda done, total: None)
    preparation = RECIPE.prepare(splits.train, settings, rnnkit.progress.SILENT)
    assert set(preparation.facts) == {"vocabulary", "written_vocabulary"}
    core = RECIPE.build(preparation.facts, settings)
    core.save(tmp_path / "core.keras")
    loaded = keras.saving.load_model(tmp_path / "core.keras", compile=False)
    given = {"ids": np.array([[2, 4, 5, 3]]), "target": np.array([[5, 4, 3]])}
    np.testing.assert_array_equal(loaded(given), core(given))
    found = RECIPE.serve(preparation, loaded, settings)["serving_default"].function(tf.constant(TEXTS))
    assert found["translation"].shape == (3,)
