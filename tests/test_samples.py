"""Tests of the embedded samples: made again they are the same bytes, and they claim no more than they hold."""

import csv
import datetime
import importlib
import itertools
import math
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="module")
def reviews():
    with open(DATA / "sentiment.csv", encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def split(reviews):
    """Train and test rows of one fixed split, 80 and 20 %."""
    shuffled = random.Random(7).sample(reviews, len(reviews))
    test_rows = len(shuffled) // 5
    return shuffled[test_rows:], shuffled[:test_rows]


def make_samples(folder, *names):
    for source in DATA.glob("*.py"):
        shutil.copy(source, folder)
    command = [sys.executable, str(folder / "make_samples.py"), *names]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_making_the_samples_again_gives_the_committed_bytes(tmp_path):
    done = make_samples(tmp_path)
    assert done.returncode == 0, done.stderr
    made = [path for path in tmp_path.iterdir() if path.is_file() and path.suffix != ".py"]
    assert made
    for path in made:
        assert path.read_bytes() == (DATA / path.name).read_bytes(), path.name


def test_an_unknown_sample_is_refused_with_its_name_and_the_choices(tmp_path):
    done = make_samples(tmp_path, "sentimnt")
    assert done.returncode == 1
    assert re.search(r"There is no sample 'sentimnt'\. Known: sentiment", done.stderr)


def test_all_samples_together_are_below_5_mb():
    sizes = [path.stat().st_size for path in DATA.iterdir() if path.is_file()]
    assert len(sizes) > 5
    assert sum(sizes) < 5e6


def test_the_labels_are_balanced(reviews):
    assert Counter(label for _, label in reviews) == {"positive": len(reviews) / 2, "negative": len(reviews) / 2}


def test_no_text_stands_twice(reviews):
    assert len({text for text, _ in reviews}) == len(reviews)


def test_a_review_has_4_to_35_words(reviews):
    lengths = [len(text.split()) for text, _ in reviews]
    assert 4 <= min(lengths) <= max(lengths) <= 35


def test_the_article_fits_the_sound_that_follows(reviews):
    wrong = re.compile(r"\b(?:a [aeiou]|an [^aeiou])", re.IGNORECASE)
    assert [text for text, _ in reviews if wrong.search(text)] == []


def test_every_word_of_judgement_or_contrast_serves_both_labels(reviews):
    cues = "but yet although though despite not never hardly barely neither nobody good bad dull lovely awful rude cosy"
    counts = {label: Counter() for label in ("positive", "negative")}
    for text, label in reviews:
        counts[label].update(set(words(text)))
    for cue in cues.split():
        positive, negative = counts["positive"][cue], counts["negative"][cue]
        assert 0.3 < positive / (positive + negative) < 0.7, cue


def test_held_out_reviews_have_words_that_training_never_saw(split):
    train, test = split
    known = {word for text, _ in train for word in words(text)}
    unseen = [text for text, _ in test if not known.issuperset(words(text))]
    assert len(unseen) > 0.05 * len(test)


def test_counting_words_and_pairs_falls_short(split):
    """NB-SVM of Wang & Manning (2012), https://aclanthology.org/P12-2018: log-count ratios times binary counts."""
    (train_texts, train_labels), (test_texts, test_labels) = (zip(*rows, strict=True) for rows in split)
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"[\w'-]+")
    train_counts = vectorizer.fit_transform(train_texts)
    positive = np.array(train_labels) == "positive"
    ratio = np.log(share_of_each(train_counts[positive]) / share_of_each(train_counts[~positive]))
    classifier = LinearSVC().fit(train_counts.multiply(ratio).tocsr(), train_labels)
    accuracy = classifier.score(vectorizer.transform(test_texts).multiply(ratio).tocsr(), test_labels)
    assert 0.5 < accuracy < 0.85


def share_of_each(counts):
    smoothed = 1 + np.asarray(counts.sum(axis=0))
    return smoothed / smoothed.sum()


def words(text):
    return re.findall(r"[\w'-]+", text.lower())


def table(name):
    with open(DATA / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def station():
    """The rows of weather.csv on a grid of hours: numbers by column, NaN where there is none, and the wind's angle."""
    rows = table("weather.csv")
    stamps = [datetime.datetime.strptime(row["time"], "%Y-%m-%d %H:%M") for row in rows]
    assert stamps == sorted(set(stamps))
    hours = np.array([(stamp - stamps[0]) // datetime.timedelta(hours=1) for stamp in stamps])
    columns = {}
    for name in ("temperature", "pressure", "humidity", "wind_speed", "rain"):
        columns[name] = np.full(hours[-1] + 1, np.nan)
        columns[name][hours] = [math.nan if row[name] == "NA" else float(row[name]) for row in rows]
    sectors = {name: place * math.pi / 4 for place, name in enumerate("N NE E SE S SW W NW".split())}
    columns["wind"] = np.full(hours[-1] + 1, np.nan)
    columns["wind"][hours] = [sectors.get(row["wind_direction"], math.nan) for row in rows]
    return columns


def test_the_station_has_gaps_and_values_that_can_be(station):
    absent = np.isnan(np.stack(list(station.values()))).all(axis=0)
    assert absent.sum() == 54
    for name, (low, high) in {
        "temperature": (-40, 50), "pressure": (950, 1050), "humidity": (0, 100), "wind_speed": (0, 40), "rain": (0, 30),
    }.items():  # fmt: skip
        known = station[name][np.isfinite(station[name])]
        assert 0.95 < len(known) / len(station[name]) < 0.995, name
        assert low <= known.min() < known.max() <= high, name


def test_the_station_is_forecast_better_by_pressure_and_wind_together(station):
    """The change of 15 hours, from the last day: a small network against ridge on the same features."""
    filled = {}
    for name, values in station.items():
        known = np.flatnonzero(np.isfinite(values))
        filled[name] = values[known[np.maximum(np.searchsorted(known, np.arange(len(values)), "right") - 1, 0)]]
    cuts = np.arange(48, len(station["temperature"]) - 15)
    features = [np.cos(cuts * math.pi / 12), np.sin(cuts * math.pi / 12)]
    features += [filled["temperature"][cuts - back] - filled["temperature"][cuts] for back in (1, 3, 6, 9, 12, 18, 24)]
    features += [filled["pressure"][cuts - back] - filled["pressure"][cuts] for back in (2, 4, 7, 10, 14, 20)]
    features += [part(filled["wind"][cuts - back]) for back in (0, 2, 4, 7) for part in (np.cos, np.sin)]
    features += [filled["humidity"][cuts], filled["wind_speed"][cuts], filled["rain"][cuts]]
    truth = station["temperature"][cuts + 15] - filled["temperature"][cuts]
    known = np.isfinite(truth)
    train, test = known & (cuts < 7200), known & (cuts >= 7300)
    x = StandardScaler().fit(np.stack(features, axis=1)[train]).transform(np.stack(features, axis=1))
    linear = Ridge(10.0).fit(x[train], truth[train]).predict(x[test])
    network = MLPRegressor(hidden_layer_sizes=(48,), alpha=3.0, max_iter=20, random_state=1)
    with pytest.warns(Warning, match="Maximum iterations"):
        nonlinear = network.fit(x[train], truth[train]).predict(x[test])
    last, by_linear, by_network = (np.mean((said - truth[test]) ** 2) for said in (0.0, linear, nonlinear))
    assert by_linear < 0.9 * last
    assert by_network < 0.85 * by_linear


@pytest.fixture(scope="module")
def share():
    rows = table("prices.csv")
    return [datetime.date.fromisoformat(row["date"]) for row in rows], {
        name: np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume")
    }


def test_prices_are_of_trading_days_and_fit_together(share):
    days, prices = share
    assert len(days) == 2600
    assert days == sorted(set(days))
    assert {day.weekday() for day in days} == set(range(5))
    weekdays = np.busday_count(days[0], days[-1]) + 1
    assert 20 < weekdays - len(days) < 80  # holidays
    assert (prices["low"] > 0).all()
    assert (prices["high"] >= np.maximum(prices["open"], prices["close"])).all()
    assert (prices["low"] <= np.minimum(prices["open"], prices["close"])).all()


def test_returns_are_not_to_be_forecast_but_their_size_is(share):
    returns = np.diff(np.log(share[1]["close"]))
    noise = 3 / math.sqrt(len(returns))
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < noise
    size = np.abs(returns)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 2 * noise
    assert np.corrcoef(size[5:], size[:-5])[0, 1] > 1.5 * noise
    assert np.mean(((returns - returns.mean()) / returns.std()) ** 4) > 5
    assert size.max() > 0.1


@pytest.fixture(scope="module")
def phrases():
    with open(DATA / "phrases.tsv", encoding="utf-8", newline="") as file:
        return [(row["text"], row["translation"]) for row in csv.DictReader(file, delimiter="\t")]


@pytest.fixture
def grammar(monkeypatch):
    """The module that composes the phrases."""
    monkeypatch.syspath_prepend(str(DATA))
    return importlib.import_module("phrase_grammar")


def test_phrases_are_7000_different_ones_of_3_to_12_words(phrases):
    assert len({text for text, _ in phrases}) == len(phrases) == 7000
    for side in zip(*phrases, strict=True):
        lengths = [len(text.split()) for text in side]
        assert 3 <= min(lengths) <= max(lengths) == 12


def test_phrases_begin_with_a_capital_and_end_with_the_same_mark_in_both_languages(phrases):
    for text, translation in phrases:
        assert text[0].isupper() and translation[0].isupper()
        assert text[-1] == translation[-1] in ".?!"


def test_the_two_languages_share_names_and_marks_alone(phrases):
    first, second = (
        {word for text in side for word in re.findall(r"\w+", text)} for side in zip(*phrases, strict=True)
    )
    assert first & second == {"Otmira", "Velduk", "Zirano", "Ludeša"}


def test_a_sentence_has_one_translation_whatever_is_drawn(grammar):
    """Drawn again and again with few words, most sentences come up more than once."""
    rng, translations, again = random.Random(5), {}, 0
    for text, translation in itertools.chain.from_iterable(grammar.phrases(rng, rows=300) for _ in range(60)):
        again += text in translations
        assert translations.setdefault(text, translation) == translation, text
    assert again > 300


def test_every_form_of_a_held_out_part_of_the_phrases_occurs_in_the_rest(phrases):
    shuffled = random.Random(7).sample(phrases, len(phrases))
    for side in (0, 1):
        known = {word for pair in shuffled[1400:] for word in words(pair[side])}
        unseen = [pair for pair in shuffled[:1400] if not known.issuperset(words(pair[side]))]
        assert len(unseen) < 0.01 * 1400


def test_the_verb_goes_from_the_middle_to_the_end_and_negation_splits_around_it(phrases):
    negated = [(text, translation) for text, translation in phrases if "nev " in text.lower() and text[-1] == "."]
    assert len(negated) > 500
    for _, translation in negated:
        assert re.search(r"\bul \w+ esk\b", translation, re.IGNORECASE), translation


def test_what_is_held_decides_on_the_verb_and_its_gender_on_the_pronoun(phrases):
    """'To hold' is another word for what lives; 'it' has the gender of what it stands for, in an earlier clause."""
    held = {"brad": Counter(), "zumk": Counter()}
    for text, translation in phrases:
        if found := re.fullmatch(r"\w+ \w+ pelten? [rz][oa]i? (\w+?)(?:in|el)?\.", text):
            held["brad" if "brad" in translation.lower() else "zumk"][found[1]] += 1
    assert min(map(len, held.values())) >= 5
    assert not held["brad"].keys() & held["zumk"].keys()
    pronouns = Counter()
    for text, translation in phrases:
        if re.search(r" eb \w+ li\.", text):
            pronouns[re.search(r"ožd (\w+) ", translation)[1]] += 1
    assert set(pronouns) == {"lok", "lik", "lek"} and min(pronouns.values()) > 100
