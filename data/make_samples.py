"""Writes the embedded samples: fixed seed -> our own grammars and simulations -> files beside this one.

    python data/make_samples.py              rewrites every sample
    python data/make_samples.py sentiment    rewrites one

Running it again gives the same bytes. A new sample is one function here under `@sample`, and a section in README.md.
"""

import csv
import io
import random
import sys
from pathlib import Path

import entity_grammar
import phrase_grammar
import price_path
import sensor_plant
import story_grammar
import tune_rules
import weather_station
from review_grammar import reviews

FOLDER = Path(__file__).resolve().parent
SAMPLES = {}


def sample(make):
    """Registers `make(rng)`, which returns `{file name: bytes}`, under its own name."""
    SAMPLES[make.__name__] = make
    return make


@sample
def sentiment(rng):
    """Makes reviews with a label that no bag of words can tell."""
    return {"sentiment.csv": csv_bytes(["text", "label"], reviews(rng, rows=3900))}


@sample
def weather(rng):
    """Makes a year of an hourly weather station whose fronts can be seen coming."""
    return {"weather.csv": csv_bytes(weather_station.HEADER, weather_station.weather(rng, hours=9000))}


@sample
def prices(rng):
    """Makes ten years of a share whose returns can't be forecast, but whose volatility can."""
    return {"prices.csv": csv_bytes(price_path.HEADER, price_path.prices(rng, days=2600))}


@sample
def phrases(rng):
    """Makes sentences of an invented language with their translation into another, which no dictionary gives."""
    return {"phrases.tsv": csv_bytes(["text", "translation"], phrase_grammar.phrases(rng, rows=7000), delimiter="\t")}


@sample
def entities(rng):
    """Makes sentences in which the words around a name tell whether it is one, and of what kind."""
    return {"entities.conll": column_bytes(entity_grammar.sentences(rng, rows=3000))}


@sample
def stories(rng):
    """Makes a text of short stories in which what is said first settles words that come much later."""
    return {"stories.txt": story_grammar.stories(rng, characters=300_000).encode("utf-8")}


@sample
def sensors(rng):
    """Makes ten weeks of a pump station whose sensors fail in five ways that a range doesn't show."""
    return {"sensors.csv": csv_bytes(sensor_plant.HEADER, sensor_plant.sensors(rng, rows=10_000))}


@sample
def tunes(rng):
    """Makes a book of tunes whose bars come back, some of them on another chord."""
    return {"tunes.abc": tune_rules.tunes(rng, count=300, variants=10).encode("utf-8")}


def csv_bytes(header, rows, delimiter=","):
    """Renders rows as UTF-8 CSV, or TSV, with the same line ends on every system."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def column_bytes(sentences):
    """Renders sentences as UTF-8 lines of a word and its tag, with an empty line between sentences."""
    lines = ("".join(f"{word} {tag}\n" for word, tag in sentence) for sentence in sentences)
    return "\n".join(lines).encode("utf-8")


def main(names):
    """Rewrites the samples called `names`, or all of them where none is named."""
    unknown = [name for name in names if name not in SAMPLES]
    if unknown:
        sys.exit(f"There is no sample '{unknown[0]}'. Known: {', '.join(SAMPLES)}. Give none to make all.")
    for name in names or SAMPLES:
        # Seeded by its name, so that adding a sample leaves the others as they are.
        for file_name, content in SAMPLES[name](random.Random(name)).items():
            (FOLDER / file_name).write_bytes(content)
            print(f"{file_name}: {len(content):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
