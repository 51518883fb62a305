"""Reading pairs: each way of naming them gives the same pairs; splits keep texts together; each drop is told."""

import dataclasses
import gzip
import itertools
import json
import pathlib

import numpy as np
import pandas as pd
import pytest

from rnnkit.pairs import PairRows, PairSettings, known_words, read_pair_rows, read_pairs, swapped
from rnnkit.settings import TrainingSettings
from rnnkit.sources import Splits

NOUNS = [("dog", "Hund"), ("man", "Mann"), ("horse", "Gaul"), ("cook", "Koch"), ("king", "Fürst")]
VERBS = [("sees", "sieht"), ("hears", "hört"), ("finds", "findet"), ("calls", "ruft")]
PAIRS = [
    (f"the {subject[0]} {verb[0]} the {object[0]}.", f"der {subject[1]} {verb[1]} den {object[1]}n.")
    for subject, verb, object in itertools.product(NOUNS, VERBS, NOUNS)
]
ENGLISH, GERMAN = (list(side) for side in zip(*PAIRS, strict=True))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeededSettings(PairSettings, TrainingSettings):
    """As a recipe has them."""


def read(data, valid=None, test=None, *, progress=None, **settings):
    return read_pairs(data, valid, test, SeededSettings(**settings), progress)


def pairs_of(rows):
    return list(zip(rows.texts, rows.translations, strict=True))


def all_pairs(splits):
    return sorted(pair for rows in (splits.train, splits.valid, splits.test) for pair in pairs_of(rows))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes pairs or lines to a file in the working directory, by its ending, and returns its name."""
    monkeypatch.chdir(tmp_path)

    def _write(name, content, end="\n"):
        path = pathlib.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if ".jsonl" in name:
            content = [json.dumps(dict(zip(("text", "translation"), pair, strict=True))) for pair in content]
        elif not isinstance(content, bytes) and isinstance(content[0], tuple):
            content = [("," if ".csv" in name else "\t").join(pair) for pair in content]
        content = content if isinstance(content, bytes) else "".join(line + end for line in content).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return name

    return _write


def test_two_files_are_read_line_by_line_plain_or_packed(write):
    plain = write("a.en", ENGLISH), write("a.de", GERMAN)
    packed = write("b.en.gz", ENGLISH), write("b.de.gz", GERMAN, end="\r\n")
    first, second, mixed = (read(f"{a},{b}") for a, b in (plain, packed, (plain[0], packed[1])))
    assert all_pairs(first) == all_pairs(second) == all_pairs(mixed) == sorted(PAIRS)
    assert pairs_of(first.test) == pairs_of(second.test)
    assert first.card["path"] == "a.en,a.de"
    assert first.card["rows"] == {"train": 80, "valid": 10, "test": 10}
    assert first.notes == second.notes == ()
    assert isinstance(first, Splits)


def test_only_a_line_feed_ends_a_line(write):
    odd = [f"{text}\u2028{n}\x0b\x1c\x85;\r." for n, text in enumerate(ENGLISH)]
    splits = read(f"{write('odd.en', odd)},{write('a.de', GERMAN)}")
    assert all_pairs(splits) == sorted(zip(odd, GERMAN, strict=True))


def test_a_comma_may_be_part_of_a_name(write):
    english, german = write("a,1/x.en", ENGLISH), write("a,1/x.de", GERMAN)
    assert all_pairs(read(f"{english},{german}")) == sorted(PAIRS)
    assert all_pairs(read(f"{english}, {german}")) == sorted(PAIRS)
    assert all_pairs(read(write("a,1/x.tsv", [("text", "translation"), *PAIRS]))) == sorted(PAIRS)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.tsv.gz", "a.jsonl", "a.csv.gz"])
def test_tables_are_read_by_the_names_of_their_columns(write, name):
    head = [] if "jsonl" in name else [("text", "translation")]
    splits = read(write(name, head + PAIRS))
    assert all_pairs(splits) == sorted(PAIRS)
    assert splits.notes == ()


def test_a_parquet_file_and_a_data_frame_are_read_too(write, tmp_path):
    frame = pd.DataFrame({"id": range(len(PAIRS)), "de": GERMAN, "en": ENGLISH})
    frame.to_parquet(tmp_path / "a.parquet")
    columns = "text=en,translation=de"
    assert all_pairs(read(tmp_path / "a.parquet", columns=columns)) == sorted(PAIRS)
    splits = read(frame, columns=columns)
    assert all_pairs(splits) == sorted(PAIRS)
    assert splits.card["path"] == "DataFrame"
    assert splits.card["sha256"] == read(frame.copy(), columns=columns).card["sha256"]
    assert splits.card["sha256"] != read(frame[::-1], columns=columns).card["sha256"]


def test_two_columns_of_other_names_are_taken_in_their_order_and_told(write):
    splits = read(write("a.tsv", [("en", "de"), *PAIRS]))
    assert all_pairs(splits) == sorted(PAIRS)
    (note,) = splits.notes
    assert note == "a.tsv: 'en' is read and 'de' written; the other way round: --columns text=de,translation=en"
    back = [pair[::-1] for pair in PAIRS]
    assert all_pairs(read("a.tsv", columns="text=de,translation=en")) == sorted(back)
    assert all_pairs(read(pd.DataFrame(back, columns=["Deutsch", "text"]))) == sorted(PAIRS)


def test_a_table_without_header_keeps_its_first_row(write):
    splits = read(write("a.tsv", PAIRS))
    assert all_pairs(splits) == sorted(PAIRS)
    assert splits.notes == (
        "a.tsv: its first line is taken for a row, and not for a header; if it is one: --header yes",
    )
    assert len(all_pairs(read("a.tsv", header="yes"))) == len(PAIRS) - 1
    assert all_pairs(read("a.tsv", columns="text=0,translation=1")) == sorted(PAIRS)
    words = [("ja", "yes"), ("Hund", "dog"), ("Gaul", "horse"), ("Koch", "cook")]
    assert all_pairs(read(write("words.csv", words))) == sorted(words)
    assert all_pairs(read(write("named.csv", [("source", "target"), *words]))) == sorted(words)


def test_a_split_of_its_own_is_read_by_the_columns_of_train(write):
    write("train.tsv", [("en", "de"), *PAIRS])
    write("other.tsv", [("de", "en"), *(pair[::-1] for pair in PAIRS[:20])])
    splits = read("train.tsv", "other.tsv")
    assert pairs_of(splits.valid) == PAIRS[:20]
    assert splits.card["rows"] == {"train": 90, "valid": 20, "test": 10}


FOLDERS = {
    "tables": ["train.tsv", "val.csv", "test.jsonl"],
    "en-de": ["train.en.gz", "train.de", "dev.de", "dev.en", "test_2016.en", "test_2016.de.gz"],
    "ends": ["train.src", "train.tgt", "valid.src", "valid.tgt.gz", "test.src.txt", "test.tgt.txt"],
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_hold_the_splits_as_tables_or_as_parallel_files(write, folder):
    for name in [*FOLDERS[folder], "README.md"]:
        rows = {"tr": PAIRS[:60], "te": PAIRS[85:]}.get(name[:2], PAIRS[60:85])
        if name == "README.md" or any(ending in name for ending in (".tsv", ".csv", ".jsonl")):
            head = [] if "jsonl" in name else [("text", "translation")]
            write(f"{folder}/{name}", head + rows)
        else:
            write(f"{folder}/{name}", [pair[".de" in name or ".tgt" in name] for pair in rows])
    splits = read(folder)
    assert [pairs_of(rows) for rows in (splits.train, splits.valid, splits.test)] == [
        PAIRS[:60],
        PAIRS[60:85],
        PAIRS[85:],
    ]
    assert splits.card["rows"] == {"train": 60, "valid": 25, "test": 15}


def test_a_folder_of_three_languages_is_read_as_columns_say(write):
    for split, language in itertools.product(("train", "valid"), ("en", "de", "xx")):
        rows = {"en": ENGLISH, "de": GERMAN, "xx": [text[::-1] for text in ENGLISH]}[language]
        write(f"many/{split}.{language}", rows[:60] if split == "train" else rows[60:])
    splits = read("many", columns="text=de,translation=en")
    assert pairs_of(splits.train) + pairs_of(splits.test) != []
    assert all_pairs(splits) == sorted(pair[::-1] for pair in PAIRS)
    assert splits.card["rows"]["valid"] == 40
    with pytest.raises(ValueError, match=r"'train\.de', 'train\.en', 'train\.xx'\. Say which is read and which is"):
        read("many")
    with pytest.raises(LookupError, match=r"^many has no train file that ends in \.fr\. It has 'train\.de', "):
        read("many", columns="text=en,translation=fr")


def test_public_sets_of_translations_are_read_in_the_order_they_name(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds.core.utils.gcs_utils, "_is_gcs_disabled", True)

    class TinyTranslate(tfds.core.GeneratorBasedBuilder):
        """Sixty pairs to train on and forty to test."""

        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name, description=name) for name in ("en_to_de", "any")]

        def _info(self):
            features = tfds.features.Translation(languages=("de", "en"))
            return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("de", "en"))

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(0, 60), "test": self._generate_examples(60, 100)}

        def _generate_examples(self, start, stop):
            for number in range(start, stop):
                yield number, {"en": ENGLISH[number], "de": GERMAN[number]}

    tfds.core.add_data_dir(str(tmp_path))
    for config in ("en_to_de", "any"):
        TinyTranslate(config=config, data_dir=tmp_path).download_and_prepare()
    named, keyed = read("tfds:tiny_translate/en_to_de"), read("tfds:tiny_translate:any")
    assert all_pairs(named) == sorted(PAIRS)
    assert all_pairs(keyed) == sorted(pair[::-1] for pair in PAIRS)
    assert named.card["rows"] == {"train": 54, "valid": 6, "test": 40}
    assert all_pairs(read("tfds:tiny_translate/any", columns="text=en,translation=de")) == sorted(PAIRS)
    assert keyed.notes == (
        "tfds:tiny_translate:any: 'de' is read and 'en' written; the other way round: --columns text=en,translation=de",
    )
    with pytest.raises(LookupError, match=r"^tfds:tiny_translate/any has no column 'fr'\. It has 'de', 'en'\."):
        read("tfds:tiny_translate/any", columns="text=en,translation=fr")
    with pytest.raises(ValueError, match=r"no public data set 'tiny_translat'\. Did you mean 'tiny_translate'\?"):
        read("tfds:tiny_translat")
    with pytest.raises(ValueError, match=r"^--valid must be two files .*Got 'tfds:tiny_translate/any'\."):
        read("tfds:tiny_translate/any", "tfds:tiny_translate/any")


def test_pairs_of_one_text_are_in_one_split():
    texts = [f"text {n // 3}" + " " * (n % 2) for n in range(300)]
    frame = pd.DataFrame({"text": texts, "translation": [f"t {n}" for n in range(300)]})
    splits = read(frame)
    sides = [{text.strip() for text in rows.texts} for rows in (splits.train, splits.valid, splits.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 100
    assert splits.card["rows"] == {"train": 240, "valid": 30, "test": 30}
    again, other = read(frame), read(frame, seed=7)
    assert pairs_of(again.test) == pairs_of(splits.test) != pairs_of(other.test)


def filtered(pairs, **settings):
    splits = read(pd.DataFrame(pairs, columns=["text", "translation"]), **settings)
    return all_pairs(splits), splits.notes


def test_each_filter_drops_what_it_says_and_tells_how_many():
    odd = [("go", "geh"), ("a " * 9, "b " * 3), ("a " * 21, "b " * 21), ("the end .", "the  end ."), PAIRS[3], PAIRS[3]]
    rows = [*PAIRS, *odd]
    assert filtered(rows) == (sorted(rows), ())
    kept, notes = filtered(rows, least_words=2, most_words=20, most_ratio=2.5, copies="drop", duplicates="drop", seed=3)
    assert kept == sorted(PAIRS)
    assert notes == (
        "DataFrame: 6 pairs left out: 1 shorter than 2 words, 1 longer than 20 words, 1 with one side more than "
        "2.5 times as long as the other, 1 whose two texts are equal, 2 that occur before.",
    )
    assert len(filtered(rows, most_words=9)[0]) == len(rows) - 1
    assert len(filtered(rows, most_words=8)[0]) == len(rows) - 2
    assert len(filtered(rows, most_ratio=3.0)[0]) == len(rows)
    assert filtered(rows, copies="drop")[1] == ("DataFrame: 1 pair left out: 1 whose two texts are equal.",)


def test_filters_leave_splits_of_their_own_alone():
    frame, other = (pd.DataFrame(rows, columns=["text", "translation"]) for rows in (PAIRS, [("go", "geh")] * 3))
    splits = read(frame, test=other, least_words=2, duplicates="drop")
    assert pairs_of(splits.test) == [("go", "geh")] * 3


def test_bad_lines_are_left_out_on_demand_on_both_sides(write):
    english, german = list(ENGLISH), [line.encode() for line in GERMAN]
    english[4], german[4], english[9], german[20], german[30] = "", b"", " \t", b"k\xf6nig", b"\0"
    files = f"{write('a.en', english)},{write('a.de', b''.join(line + bytes([10]) for line in german))}"
    splits = read(files, skip_bad_rows=True)
    kept = [pair for n, pair in enumerate(PAIRS) if n not in (4, 9, 20, 30)]
    assert all_pairs(splits) == sorted(kept)
    (note,) = splits.notes
    assert note.startswith("a.en,a.de: left out 4 rows: 1 with nothing in both files (line 5), 1 with an empty line in")
    assert "an empty line in a.en (line 10), 1 with bytes that are not utf-8 in a.de (line 21: byte 0xf6)" in note
    rows = read_pair_rows(files, PairSettings(skip_bad_rows=True))
    assert pairs_of(rows) == kept
    assert rows.notes == (note,)


def test_texts_that_are_also_in_train_are_told():
    frame = pd.DataFrame(PAIRS, columns=["text", "translation"])
    splits = read(frame[:80], frame[70:], frame[90:])
    assert splits.notes == ("DataFrame: 10 of 30 texts are also in train; scores on them flatter.",)


def test_a_side_in_a_language_of_its_own_is_told(write):
    frame, other = pd.DataFrame(PAIRS, columns=["text", "translation"]), [text[::-1] for text in GERMAN]
    splits = read(frame, pd.DataFrame({"text": ENGLISH, "translation": other}))
    assert "train has 0% of the words of its side 'translation'. Is it that language?" in splits.notes[0]


def test_a_file_that_changes_during_the_run_is_told(write):
    splits = read(f"{write('a.en', ENGLISH)},{write('a.de', GERMAN)}")
    assert splits.changed() == ()
    write("a.de", [*GERMAN, "mehr"])
    (remark,) = splits.changed()
    assert remark.startswith("a.en,a.de has changed during the run; what was read had SHA-256 ")
    assert splits.card["sha256"] != read(f"{write('b.en', [*ENGLISH, 'more'])},a.de").card["sha256"]
    pathlib.Path("a.en").unlink()
    assert splits.changed()


def test_progress_counts_the_bytes_of_both_files(write):
    told = []
    files = f"{write('a.en', ENGLISH)},{write('a.de', GERMAN)}"
    read(files, progress=lambda done, total: told.append((done, total)))
    size = sum(pathlib.Path(name).stat().st_size for name in files.split(","))
    assert told == [(size, size)]


def test_rows_come_in_chunks_of_columns():
    rows = PairRows(ENGLISH[:7], GERMAN[:7])
    chunks = list(rows.chunks(3))
    assert [len(chunk["text"]) for chunk in chunks] == [3, 3, 1]
    assert [text for chunk in chunks for text in chunk["translation"]] == rows.truth() == GERMAN[:7]
    assert (rows.features, rows.target, rows.names, len(rows)) == (("text",), "translation", (), 7)
    assert list(PairRows([], []).chunks()) == []


def test_swapped_sides_are_seen_and_others_are_not():
    known = known_words(ENGLISH[:50]), known_words(GERMAN[:50])
    assert swapped(GERMAN[50:], ENGLISH[50:], *known)
    assert not swapped(ENGLISH[50:], GERMAN[50:], *known)
    assert not swapped(ENGLISH[50:], ENGLISH[50:], *known)
    assert not swapped(GERMAN[50:51], ENGLISH[50:51], *known), "too few words to say"
    assert not swapped([text[::-1] for text in GERMAN], [text[::-1] for text in ENGLISH], *known)
    assert not swapped([], [], *known)
    same = known_words([*ENGLISH, *GERMAN])
    assert not swapped(GERMAN, ENGLISH, same, same)


def test_real_pairs_are_all_read_and_the_wrong_order_is_seen(real_data):
    folder = real_data / "translation" / "multi30k"
    splits = read(folder, columns="text=en,translation=de")
    assert splits.card["rows"] == {"train": 29_000, "valid": 1_014, "test": 1_000}
    assert splits.test.texts[0] == "A man in an orange hat starring at something."
    known = known_words(splits.train.texts), known_words(splits.train.translations)
    seen = [swapped([german], [english], *known) for english, german in pairs_of(splits.test)]
    assert np.mean(seen) > 0.8, "most sentences tell by themselves"
    assert not any(swapped([english], [german], *known) for english, german in pairs_of(splits.test))
    named = [",".join(str(folder / f"{split}.{tag}.gz") for tag in ("en", "de")) for split in ("train", "val")]
    given = read(*named)
    assert pairs_of(given.valid) == pairs_of(splits.valid)
    with pytest.raises(ValueError, match="looks swapped"):
        read(named[0], ",".join(reversed(named[1].split(","))))
