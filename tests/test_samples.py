"""Tests of the embedded samples: made again they are the same bytes, and they claim no more than they hold."""

import csv
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
