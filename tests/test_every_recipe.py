"""The contract: what every recipe in the catalogue keeps, from its sample to its served answers."""

import base64
import dataclasses
import io
import itertools
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

import rnnkit
from rnnkit import catalog
from rnnkit.answers import stacked
from rnnkit.bundle.writing import plain
from rnnkit.export.edge import export_tflite
from rnnkit.export.forms import PARITY
from rnnkit.features.tags import entity_tags
from rnnkit.interrupts import Interrupted
from rnnkit.running import sample_path
from rnnkit.training.checkpoints import Checkpoints


@dataclasses.dataclass(frozen=True)
class Promise:
    """What a recipe promises on its sample.

    Attributes:
        margins: Baseline -> by how much at least the recipe's first test score is better.
        rows: Ordinary rows, of different lengths, by input.
        odd: Rows that are hard to answer, by input.
        child: `sample -> (table, columns, labels)`: other rows with other column names, one label or category
            of which the sample doesn't have, and the labels there are then.
        empty: A row's value that says nothing.
        small: Settings of a smaller task, for what is trained several times over.
        lines: So many lines of the sample are read there.
        trained: Settings by which it is trained here, where its defaults go on when it is long better.
    """

    margins: dict[str, float]
    rows: dict[str, list]
    odd: dict[str, list]
    child: Callable
    empty: object = ""
    small: dict = dataclasses.field(default_factory=dict)
    lines: int = 400
    trained: dict = dataclasses.field(default_factory=dict)


def other_reviews(sample):
    rows = pd.read_csv(sample).sample(400, random_state=1)
    kept = rows["label"].astype(str)
    rows["label"] = kept.where(kept.index % 3 > 0, "never seen before")
    columns = {"text": "my text", "label": "my label"}
    return rows.rename(columns=columns).assign(other=1), columns, sorted({*kept, "never seen before"})


def days_of_weather(rows=30, start="2023-03-01 05:00", **changed):
    """Hours of a smooth day as a station would report them, with what is changed of them by column."""
    hours = np.arange(rows)
    day = np.sin((hours + 5 - 9) / 24 * 2 * np.pi)
    columns = {
        "temperature": 8 + 4 * day,
        "wind_speed": 3 + np.cos(hours / 7),
        "pressure": 1010 + np.cumsum(np.cos(hours / 20)),
        "humidity": 70 - 10 * day,
        "rain": np.maximum(0, np.sin(hours / 9) - 0.8),
    }
    return {**columns, **changed, "time": pd.date_range(start, periods=rows, freq="h").strftime("%Y-%m-%d %H:%M:%S")}


def station(order, weathers):
    """Raw rows of the forecast recipe: stamps, values in that order of columns."""
    times = [list(weather["time"]) for weather in weathers]
    return {"time": times, "values": [np.stack([w[name] for name in order], 1).tolist() for w in weathers]}


COLUMNS = ("temperature", "pressure", "humidity", "wind_speed", "rain")
HOURS = [days_of_weather(rows) for rows in (1, 30, 150)]
NOTHING = {name: np.full(30, np.nan) for name in COLUMNS}
ODD_HOURS = [
    days_of_weather(2),
    days_of_weather(30, **NOTHING),
    days_of_weather(30, temperature=np.where(np.arange(30) % 3, 5.0, np.nan)),
    days_of_weather(30, pressure=np.full(30, np.inf)),
    days_of_weather(30, temperature=np.full(30, 1e30)),
    days_of_weather(30, start="1850-01-01"),
    {**days_of_weather(4), "time": ["yesterday", "", "2023-03-01", "2023-02-30 99:99"]},
    {**days_of_weather(4), "time": ["2023-03-01 05:00"] * 4},
    {**days_of_weather(4), "time": ["2023-03-02T00:00Z", "2023-03-01 01:00+02:00", "2023-03-01", "2024-03-01"]},
    {**days_of_weather(1), "time": ["no time at all"]},
]


def other_station(sample):
    rows = pd.read_csv(sample).tail(2_500)
    rows["temperature"] = rows["temperature"] * 1.8 + 32
    columns = {name: f"my {name}" for name in (*COLUMNS, "time")}
    return rows.rename(columns=columns).assign(wind_direction="never seen before"), columns, []


PUMPS = ("temperature", "pressure", "flow", "vibration")


def hours_of_pumps(rows=30, start="2023-06-05 00:00", **changed):
    """Rows of a pump station, ten minutes each, with what is changed of them by column."""
    course = np.sin(np.arange(rows) / 23)
    columns = {
        "temperature": 34 + course,
        "pressure": 4.6 - 0.3 * course,
        "flow": 65 + 9 * course,
        "vibration": 2 + 0.2 * np.cos(np.arange(rows) / 7),
    }
    return {**columns, **changed, "time": pd.date_range(start, periods=rows, freq="10min").strftime("%Y-%m-%d %H:%M")}


NO_PUMPS = {name: np.full(30, np.nan) for name in PUMPS}
ODD_PUMPS = [
    hours_of_pumps(1),
    hours_of_pumps(30, **NO_PUMPS),
    hours_of_pumps(30, flow=np.where(np.arange(30) % 3, 5.0, np.nan)),
    hours_of_pumps(30, pressure=np.full(30, np.inf)),
    hours_of_pumps(30, temperature=np.where(np.arange(30) == 9, 1e30, 34.0)),
    hours_of_pumps(30, start="1850-01-01"),
    {**hours_of_pumps(4), "time": ["yesterday", "", "2023-03-01", "2023-02-30 99:99"]},
    {**hours_of_pumps(4), "time": ["2023-06-05 05:00"] * 4},
    {**hours_of_pumps(4), "time": ["2023-06-06T00:00Z", "2023-06-05 01:00+02:00", "2023-06-05", "2024-06-05"]},
    {**hours_of_pumps(1), "time": ["no time at all"]},
]


def other_pumps(sample):
    rows = pd.read_csv(sample).tail(3_000)
    rows["label"] = rows["label"].fillna("").where(np.arange(3_000) % 400 > 5, "never seen before")
    columns = {name: f"my {name}" for name in (*PUMPS, "time", "label")}
    return rows.rename(columns=columns), columns, []


def other_phrases(sample):
    rows = pd.read_csv(sample, sep="\t").sample(400, random_state=1)
    # Letters that the sample never has, on both sides.
    rows = rows.assign(**{name: rows[name].str.replace("a", "œ", n=1) for name in ("text", "translation")})
    columns = {"text": "my text", "translation": "my translation"}
    return rows.rename(columns=columns).assign(other=1), columns, []


def other_entities(sample):
    lines = [line.split() for line in sample.read_text("utf-8").splitlines()]
    sentence = np.cumsum([not line for line in lines])
    rows = [[*line, number] for line, number in zip(lines, sentence, strict=True) if line and number < 300]
    rows = pd.DataFrame(rows, columns=["my token", "my tag", "my sentence"])
    labels = sorted({tag[2:] for tag in rows["my tag"] if tag != "O"})
    # Every third sentence calls its persons otherwise.
    renamed = rows["my tag"].str.replace("-PER", "-NEVER_SEEN", regex=False)
    rows["my tag"] = rows["my tag"].where(rows["my sentence"] % 3 > 0, renamed)
    columns = {"tokens": "my token", "tags": "my tag", "sentence": "my sentence"}
    return rows.assign(other=1), columns, entity_tags([*labels, "NEVER_SEEN"])


def other_stories(sample):
    # Paragraphs, with a letter that the sample never has.
    texts = [part.replace("a", "œ", 1) for part in sample.read_text("utf-8").split("\n\n") if part][:300]
    return pd.DataFrame({"my text": texts, "other": 1}), {"text": "my text"}, []


def other_tunes(sample):
    # The first ones in a style that the sample never has, a semitone higher: notes that it never has.
    book = re.split(r"(?m)^(?=X:)", sample.read_text("utf-8"))[1:60]
    tunes = [re.sub(r"(?m)^R:.*$", "R: never seen before", tune) if n % 3 else tune for n, tune in enumerate(book)]
    path = pathlib.Path(tempfile.mkdtemp()) / "mine.abc"
    path.write_text("".join(tunes).replace("^", "^^"), "utf-8")
    return path, {}, []


def rolls(*sounding, frames=1, **changed):
    """A roll of a piano's 88 keys in which these pitches sound, and those in `changed` by frame, as `f3`."""
    roll = np.zeros((frames, 88))
    roll[:, [pitch - 21 for pitch in sounding]] = 1
    for frame, values in changed.items():
        roll[int(frame[1:])] = values
    return roll.tolist()


def scene(*digits):
    """A picture of digits side by side, as a data URI."""
    picture = Image.new("L", (32, 32))
    for place, digit in enumerate(digits):
        ImageDraw.Draw(picture).text((2 + 10 * place, 8), str(digit), fill=230)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def photo(kind="JPEG", size=(61, 47), mode="RGB", **how):
    """The bytes of a picture of noise."""
    file = io.BytesIO()
    pixels = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(file, kind, **how)
    return file.getvalue()


def other_scenes(sample):
    # Words that the sample never has, and one caption of a picture only.
    rows = pd.read_csv(sample).drop_duplicates("image", ignore_index=True)[:160]
    rows["caption"] = "seen: " + rows["caption"]
    columns = {"image": "my image", "caption": "my caption"}
    return rows.drop(columns="split").rename(columns=columns).assign(other=1), columns, []


PROMISES = {
    "anomaly": Promise(
        margins={
            **{"windowed_gaussian": 0.1, "last_difference": 0.1},
            **{"seasonal_residual": 0.1, "isolation_forest": 0.1},
        },
        rows=station(PUMPS, [hours_of_pumps(rows) for rows in (1, 30, 150)]),
        odd=station(PUMPS, ODD_PUMPS),
        child=other_pumps,
        empty=[],
        small={"units": 6, "window": 16, "batch_size": 4},
        lines=6_500,
    ),
    "caption": Promise(
        margins={"most_frequent": 1.0, "consensus": 0.8, "unigram": 1.0, "nearest_image": 0.5},
        rows={"image": [scene(7), scene(1, 2), scene(3, 3, 3)]},
        odd={
            "image": [
                b"",
                b"no picture",
                photo(),
                photo("PNG", mode="P"),
                photo("PNG", mode="RGBA"),
                photo("PNG", mode="L", size=(1, 1)),
                photo("PNG", size=(300, 2)),
                photo()[:-500],
                photo("PNG")[:2_000],
                b"\xff\xd8\xff\xe0" + b"\x00" * 50,
                b"data:image/png;base64,%%%%",
                photo("GIF", mode="P"),
            ]
        },
        child=other_scenes,
        small={"units": 8, "embedding_units": 8, "filters": 4, "beam_width": 1, "keep_by": "loss", "batch_size": 8},
        lines=500,
        trained={"epochs": 8, "keep_by": "loss"},
    ),
    "sentiment": Promise(
        margins={"majority": 0.35, "tfidf_logistic": 0.1, "nb_svm": 0.1},
        rows={"text": ["The plot was dull.", "Not bad", "I can't say that the staff were rude, but " * 9 + "dull"]},
        odd={
            "text": [
                b"",
                b"good",
                b"zzxqwv",
                b"?!... ,;",
                b"  \t\n ",
                b"very good " * 3_000,
                b"caf\xe9 \xff\xfe",
                b"\x00",
                "naïve 非常好 🙂".encode(),
                b"<br />",
            ]
        },
        child=other_reviews,
        small={"units": 8, "embedding_units": 8, "ngrams": 1, "vocabulary": 300},
    ),
    "ner": Promise(
        margins={"most_frequent": 0.3, "gazetteer": 0.2, "linear": 0.0},
        rows={"text": ["Will Rose met May in Reading.", "Paris", "She sold Apple to Hope Jordan, " * 9 + "and left."]},
        odd={
            "text": [
                b"",
                b"in",
                b"Zzxqwv",
                b"?!... ,;",
                b"  \t\n ",
                b"May met Rose " * 3_000,
                b"caf\xe9 \xff\xfe",
                b"\x00",
                "naïve 非常好 👩\u200d👩🏽 שלום e\u0301".encode(),
                b"a\x1fb c\x1f",
                b"A" * 200,
            ]
        },
        child=other_entities,
        small={"units": 8, "embedding_units": 8, "character_units": 8, "keep_by": "loss"},
        lines=4_000,
        trained={"epochs": 4},
    ),
    "language_model": Promise(
        margins={"unigram": 50.0, "kneser_ney": 0.05},
        rows={"text": ["Long ago", "There was once a monk who", "One Wednesday he woke, and the broken lamp " * 9]},
        odd={
            "text": [
                b"",
                b"lamp",
                b"zzxqwv",
                b"?!... ,;",
                b"  \t\n ",
                b"He took the lamp. " * 1_500,
                b"caf\xe9 \xff\xfe",
                b"\x00",
                "naïve 非常好 🙂 [end]".encode(),
            ]
        },
        child=other_stories,
        small={"units": 8, "embedding_units": 8, "window": 20, "batch_size": 4, "tokens": "word", "written": 5},
        trained={
            **{"data": "sample", "tokens": "word", "units": 192, "embedding_units": 96, "tied": False},
            **{"window": 40, "batch_size": 8, "epochs": 8, "written": 20},
            **{"input_dropout": 0.1, "output_dropout": 0.2},
        },
    ),
    "music": Promise(
        margins={"uniform": 3.0, "unigram": 1.5, "bigram": 0.8, "markov_3": 0.5},
        rows={
            "text": [
                "key:D_major metre:6/8 | n74 d36",
                "style:reel",
                "style:waltz key:A_minor metre:3/4" + " | ch:Am n69 d24 n72 d24 n76 d24" * 5,
            ]
        },
        odd={
            "text": [
                b"",
                b"| d24",
                b"zzxqwv",
                b"n60 n60 ~ r d1 key:C_major metre:0/0",
                b"  \t\n ",
                b"key:C_major metre:4/4 | " + b"n72 d12 " * 1_500,
                b"caf\xe9 \xff\xfe",
                b"\x00",
                "naïve 非常好 🙂 [end] n999 d-1 ch:H".encode(),
            ]
        },
        child=other_tunes,
        small={
            **{"units": 8, "embedding_units": 8, "attention_units": 4, "events_back": 30},
            **{"window": 20, "batch_size": 4, "bars": 2, "skip_bad_rows": True},
        },
        trained={"epochs": 6, "bars": 4},
    ),
    "polyphony": Promise(
        margins={"uniform": 50.0, "unigram": 5.0, "previous_frame": 1.5},
        rows={"roll": [rolls(60), rolls(48, 52, 55, 72, frames=20), rolls(57, 69, frames=60)]},
        odd={
            "roll": [
                rolls(),
                rolls(frames=40),
                rolls(*range(21, 109), frames=30),
                rolls(60, frames=9, f3=np.nan, f8=np.nan),
                rolls(60, frames=9, f3=np.inf, f4=-np.inf, f5=1e30, f6=0.5, f7=127),
                np.full((30, 88), np.nan).tolist(),
                rolls(21, 108, frames=1_500),
            ]
        },
        child=other_tunes,
        empty=[],
        small={"units": 8, "hidden": 7, "window": 20, "batch_size": 4, "skip_bad_rows": True},
        trained={"epochs": 15},
    ),
    "forecast": Promise(
        margins={"last_value": 0.15, "seasonal_naive": 0.3, "drift": 0.15, "linear": 0.07, "ets": 0.15},
        rows=station(COLUMNS, HOURS),
        odd=station(COLUMNS, ODD_HOURS),
        child=other_station,
        empty=[],
        small={
            "target": "temperature",
            "past": "pressure,humidity,wind_speed,rain",
            **{"window": 24, "horizon": 6, "units": 8},
        },
        lines=1_500,
    ),
    "translate": Promise(
        margins={"copy": 50, "dictionary": 50},
        rows={"text": ["Tasu.", "Rai selunel nev pelten nam tasu.", "Cho itu nev durvet ut ra neliv zada? " * 3]},
        odd={
            "text": [
                b"",
                b"zada",
                b"zzxqwv",
                b"?!... ,;",
                b"  \t\n ",
                b"neliv zada " * 3_000,
                b"caf\xe9 \xff\xfe",
                b"\x00",
                "naïve 非常好 🙂 ▁".encode(),
            ]
        },
        child=other_phrases,
        small={"units": 8, "embedding_units": 8, "beam_width": 1, "most_words": 5, "keep_by": "loss"},
        trained={"epochs": 5, "scored_pairs": 200, "beam_width": 2},
    ),
}
STEPS = {"steps_per_epoch": 12}


def test_every_recipe_of_the_catalogue_has_a_promise():
    assert catalog.names() and set(catalog.names()) == set(PROMISES)


@pytest.fixture(scope="module", params=catalog.names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def promise(name):
    return PROMISES[name]


@pytest.fixture(scope="module")
def bundle(name, promise, tmp_path_factory):
    """The recipe trained on its sample."""
    return rnnkit.run(name, out=tmp_path_factory.mktemp("saved_models"), **promise.trained)


def signatures(bundle):
    """Every signature of the default's inputs as a function of raw columns, with numbers and bytes coming back."""
    described = bundle.card["signatures"]
    forms = described["serving_default"]["inputs"]
    for name in described:
        if described[name]["inputs"] != forms:
            continue
        served = bundle.model.signatures[name]

        def call(columns, served=served):
            outputs = served(**tensors(columns, forms))
            return {key: output.numpy() for key, output in outputs.items()}

        yield name, call


def tensors(columns, forms):
    return {key: tf.constant(stacked(columns[key], forms[key]["dtype"], len(forms[key]["shape"]) - 1)) for key in forms}


def picked(columns, rows):
    return {key: [values[row] for row in rows] for key, values in columns.items()}


def count(columns):
    return len(next(iter(columns.values())))


def test_it_beats_its_baselines_on_its_sample(bundle, promise):
    card = bundle.card
    metric = next(iter(card["scores"]["test"]))
    assert set(promise.margins) == set(card["baselines"])
    sign = 1 if card["higher_is_better"] else -1
    for baseline, margin in promise.margins.items():
        better = card["scores"]["test"][metric] - card["baselines"][baseline]["test"][metric]
        assert sign * better >= margin, (baseline, better)


def test_its_baselines_are_scored_by_its_own_metrics(bundle):
    for scores in bundle.card["baselines"].values():
        assert list(scores["test"]) == list(bundle.card["scores"]["test"]) == list(bundle.card["scores"]["valid"])


ALONE = """
import json, sys
sys.modules["keras"] = sys.modules["rnnkit"] = None
import numpy as np
import tensorflow as tf

folder, columns, answers = sys.argv[1:]
served = tf.saved_model.load(folder).signatures["serving_default"]
forms = served.structured_input_signature[1]
outputs = served(**{name: tf.constant(values, forms[name].dtype) for name, values in json.loads(columns).items()})
assert sys.modules["keras"] is sys.modules["rnnkit"] is None
np.savez(answers, **{name: np.char.decode(output.numpy().astype(bytes)) if output.dtype == tf.string else output.numpy()
                     for name, output in outputs.items()})
"""


def test_it_answers_where_neither_keras_nor_rnnkit_can_be_imported(bundle, promise, tmp_path):
    answers = tmp_path / "answers.npz"
    columns = tensors(promise.rows, bundle.card["signatures"]["serving_default"]["inputs"])
    columns = json.dumps({name: plain(tensor.numpy()) for name, tensor in columns.items()})
    command = [sys.executable, "-c", ALONE, str(bundle.path), columns, str(answers)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = bundle.predict(promise.rows)
    with np.load(answers) as alone:
        assert set(alone) == set(expected)
        for name, values in expected.items():
            assert_same(alone[name], values.astype(str) if values.dtype == object else values)


def test_other_rows_and_their_length_never_change_an_answer(bundle, promise):
    rows = list(range(count(promise.rows)))
    for name, call in signatures(bundle):
        for batch in (rows, rows[::-1], [*rows, *rows]):
            together = call(picked(promise.rows, batch))
            for place, row in enumerate(batch):
                alone = call(picked(promise.rows, [row]))
                for output, values in alone.items():
                    whole = together[output][place]
                    cut = tuple(slice(size) for size in values.shape[1:])
                    assert_same(whole[cut] if cut else whole, values[0], f"{name}, {output}, row {row} of {batch}")


def test_rows_that_are_hard_to_answer_get_finite_answers(bundle, promise):
    rows = count(promise.odd)
    for _, call in signatures(bundle):
        for batch in [[row] for row in range(rows)] + [list(range(rows))]:
            for output, values in call(picked(promise.odd, batch)).items():
                assert len(values) == len(batch)
                assert values.dtype == object or np.isfinite(values).all(), (output, batch)


def test_no_rows_get_no_answers(bundle, promise):
    assert bundle.predict({name: [] for name in promise.rows}) == {}


def test_missing_values_are_answered_as_empty_ones(bundle, promise):
    empty, missing = ({name: [value] * 2 for name in promise.rows} for value in (promise.empty, None))
    for output, values in bundle.predict(missing).items():
        assert_same(values, bundle.predict(empty)[output])


@pytest.fixture(scope="module")
def begun(name, promise, tmp_path_factory):
    """Trains a smaller task on the beginning of the sample for a moment: `(out, …) -> bundle`."""
    sample = sample_path(catalog.load(name))
    part = tmp_path_factory.mktemp("part") / sample.name
    with sample.open(encoding="utf-8") as lines:
        part.write_text("".join(itertools.islice(lines, promise.lines)), encoding="utf-8")
    settings = {"seed": 3, "epochs": 2, **STEPS, **promise.small}
    return lambda out, **order: rnnkit.run(name, part, out=out, **settings, **order)


@pytest.fixture(scope="module")
def short(begun, tmp_path_factory):
    """A smaller task, trained for a moment."""
    return begun(tmp_path_factory.mktemp("short"))


def test_the_same_seed_gives_the_same_scores_and_weights(short, begun):
    first, second = short, begun(short.path.parents[1])
    assert (first.path.name, second.path.name) == ("1", "2")
    for split in ("valid", "test"):
        assert first.card["scores"][split] == pytest.approx(second.card["scores"][split], abs=1e-5)
    weights = [_core_weights(bundle.path) for bundle in (first, second)]
    assert len(weights[0]) > 1
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_stopped_and_gone_on_with_it_gives_the_weights_it_would_have_had(short, begun, tmp_path, monkeypatch):
    whole, steps = short, itertools.count(1)

    def save_and_stop(self, state, save=Checkpoints.save):
        save(self, state)
        if next(steps) == 15:
            raise Interrupted("stopped", signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_stop)
        with pytest.raises(Interrupted):
            begun(tmp_path, checkpoint_steps=1)
    resumed = begun(tmp_path, checkpoint_steps=1, resume=True)
    assert resumed.path.name == "1" and not (tmp_path / ".runs").exists()
    for one, other in zip(_core_weights(whole.path), _core_weights(resumed.path), strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole.card["scores"] == resumed.card["scores"]


def test_it_is_finetuned_on_other_columns_and_an_unseen_label(short, promise, tmp_path):
    parent, before = short, _core_weights(short.path)
    rows, columns, labels = promise.child(sample_path(catalog.load(parent.card["recipe"])))
    child = rnnkit.finetune(parent, rows, columns=columns, out=tmp_path, epochs=1, **STEPS)
    for one, other in zip(before, _core_weights(parent.path), strict=True):
        np.testing.assert_array_equal(one, other)
    assert child.path == tmp_path / parent.path.parent.name / "1"
    assert child.card["labels"] == labels
    assert child.card["parent"]["sha256"] == parent.sha256
    metric = next(iter(child.card["scores"]["test"]))
    for scores in (child.card, child.card["parent"], child.card["scratch"]):
        assert np.isfinite(scores["scores"]["test"][metric])
    kept = child.rows("test")
    for values in child.predict({name: [row[name] for row in kept] for name in child.card["inputs"]}).values():
        assert len(values) == len(kept) and (values.dtype == object or np.isfinite(values).all())


@pytest.fixture(scope="module")
def exported(bundle, tmp_path_factory):
    """The trained bundle in its form for devices, floats and all, and what was measured."""
    if catalog.load(bundle.card["recipe"]).edge is None:
        pytest.skip("the recipe has no form for devices")
    copy = rnnkit.load(shutil.copytree(bundle.path, tmp_path_factory.mktemp("edge") / "copy" / "1"))
    return copy, export_tflite(copy)


def test_on_a_device_it_answers_the_test_rows_as_keras_does(exported):
    bundle, measured = exported
    form = measured["variants"][-1]
    assert measured["rows"] == bundle.card["kept_rows"]["test"]
    assert form["name"] == "tflite none" and form["difference"] <= 1e-5 and form["equal"] == 1
    assert not [op for op in form["ops"] if op.startswith(("Flex", "CUSTOM"))]


def test_the_script_answers_every_row_as_the_bundle_does_without_tensorflow(exported, promise, tmp_path):
    bundle, _ = exported
    columns = {name: [*promise.rows[name], *promise.odd[name]] for name in promise.rows}
    served = bundle.model.signatures[PARITY if PARITY in bundle.card["signatures"] else "serving_default"]
    forms = bundle.card["signatures"]["serving_default"]["inputs"]
    raw = [[as_bytes(columns[name][row]) for name in bundle.card["inputs"]] for row in range(count(columns))]
    (tmp_path / "rows.json").write_text(json.dumps(raw, default=lambda text: text.decode("latin-1")))
    command = [sys.executable, "-c", ON_A_DEVICE, str(bundle.path / "edge"), str(tmp_path / "rows.json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    assert len(answers) == len(raw) > 3
    for row, answer in zip(raw, answers, strict=True):
        inputs = tensors({name: [value] for name, value in zip(bundle.card["inputs"], row, strict=True)}, forms)
        expected = {name: plain(value.numpy())[0] for name, value in served(**inputs).items()}
        assert answer.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(answer[name], value, f"{name} of {row}")


ON_A_DEVICE = """
import json, pathlib, sys
for name in ("tensorflow", "keras", "rnnkit"):
    sys.modules[name] = None
folder = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(folder))
import run

model = run.Model()
rows = json.loads(pathlib.Path(sys.argv[2]).read_text())
rows = [[value.encode("latin-1") if isinstance(value, str) else value for value in row] for row in rows]
answers = [model.answer(*row) for row in rows]
print(json.dumps([{k: v.tolist() if hasattr(v, "tolist") else v for k, v in answer.items()} for answer in answers]))
"""


def as_bytes(value):
    return value.encode() if isinstance(value, str) else value


def _core_weights(path: pathlib.Path):
    return keras.saving.load_model(path / "training" / "core.keras", compile=False).get_weights()


def assert_same(values, expected, message=""):
    if np.asarray(expected).dtype.kind in "OSU":
        assert np.array_equal(values, expected), message
    else:
        np.testing.assert_allclose(values, expected, atol=1e-5, rtol=1e-5, err_msg=message)
