"""Splits of tagged sentences: files of their own, equal sentences and documents together, real data whole."""

import pathlib

import numpy as np
import pandas as pd
import pytest
from toy_sentences import BIO, BIOES, TOKENS, column_text, pairs_of, read

from rnnkit.features.token_texts import cut_tokens
from rnnkit.tagging import TaggedRows
from rnnkit.tagging.schemes import converted


def test_few_sentences_of_many_labels_are_cut_too():
    rows = [([f"w{n}", "x"], [f"T{n // 2}", "X"]) for n in range(12)]
    frame = pd.DataFrame(rows, columns=["tokens", "tags"])
    splits = read(frame)
    assert {tag for tags in splits.train.tags for tag in tags} == set(splits.card["labels"])
    assert min(splits.card["rows"].values()) >= 1


FOLDERS = {
    "conll": ["eng.train", "eng.testa", "eng.testb"],
    "plain": ["train.txt.gz", "dev.txt", "test.txt"],
    "ud": ["en_x-ud-train.conll", "en_x-ud-dev.conll", "en_x-ud-test.conll"],
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_hold_a_file_for_each_split(write, folder):
    parts = [slice(0, 15), slice(15, 20), slice(20, 27)]
    files = [
        write(f"{folder}/{name}", column_text(BIO[part], tokens=TOKENS[part]))
        for name, part in zip(FOLDERS[folder], parts, strict=True)
    ]
    write(f"{folder}/README.md", "train, test")
    write(f"{folder}/.train", "x")
    splits, named = read(folder), read(*files)
    for name, part in zip(("train", "valid", "test"), parts, strict=True):
        assert pairs_of(getattr(splits, name)) == list(zip(TOKENS[part], BIOES[part], strict=True))
        assert pairs_of(getattr(named, name)) == pairs_of(getattr(splits, name))
    assert splits.card["rows"] == {"train": 15, "valid": 5, "test": 7}
    assert splits.card["sha256"] == named.card["sha256"]


def test_splits_of_their_own_may_be_in_another_scheme_and_have_other_labels(write):
    train = write("a.train", column_text())
    test = write(
        "a.test", "May I-PER\nUlm I-X\n\n" + column_text([converted(BIO[0], "bio", "iob1")], tokens=TOKENS[:1])
    )
    splits = read(train, test=test)
    assert splits.test.tags == [["S-PER", "S-X"], BIOES[0]]
    assert (
        splits.notes
        == (
            "a.test: its tags are read as iob1, those of train as bio.",
            "a.test: 1 token tagged 'X', which train never has; they count as missed.",
            "a.test: 1 of 2 sentences are also in train; scores on them flatter.",
        )
        or len(splits.notes) == 3
    )
    few = write("b.test", column_text(BIO[:1], tokens=[["x", *TOKENS[0][1:]]]))
    assert read(train, test=few).notes == ()


def test_equal_sentences_are_in_one_split_and_each_label_is_in_train():
    rows = [([f"w{n // 3}", "x"], ["B-A" if n % 2 else "O", "O"]) for n in range(300)]
    rows += [(["rare"], [f"B-{label}"]) for label in "BCDE"]
    frame = pd.DataFrame(rows, columns=["tokens", "tags"])
    for seed in range(5):
        splits = read(frame, seed=seed)
        sides = [{tuple(words) for words in one.tokens} for one in (splits.train, splits.valid, splits.test)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 101
        labels = {tag[2:] for tags in splits.train.tags for tag in tags if tag != "O"}
        assert set("ABCDE") == labels == set(splits.card["labels"])
        assert splits.card["rows"]["test"] == pytest.approx(30, abs=6)
    assert pairs_of(read(frame).test) == pairs_of(read(frame).test) != pairs_of(read(frame, seed=7).test)


def documents(count, size):
    lines = []
    for n in range(count):
        lines += ["-DOCSTART- O", "", "by O", "Ada B-PER", ""]
        for m in range(size):
            lines += [f"d{n} O", f"s{m} {'B-PER' if m % 2 else 'O'}", ""]
    return "\n".join(lines) + "\n"


def test_documents_stay_together_and_what_all_have_is_in_train_only(write):
    splits = read(write("a.conll", documents(40, 5)))
    sides = [{words[0] for words in rows.tokens} - {"by"} for rows in (splits.train, splits.valid, splits.test)]
    assert [len(side) for side in sides] == [32, 4, 4]
    assert len(set.union(*sides)) == 40
    assert splits.notes == (
        "a.conll: its documents stay together; 8 sentences of valid and test that stand in more than one split are "
        "left out there.",
    )
    assert splits.card["rows"] == {"train": 32 * 6, "valid": 20, "test": 20}
    few = read(write("b.conll", documents(19, 5)))
    assert few.notes == ()
    assert sum(few.card["rows"].values()) == 19 * 6


def test_a_file_that_changes_during_the_run_is_told(write):
    splits = read(write("a.conll", column_text()))
    assert splits.changed() == ()
    write("a.conll", column_text() + "more O\n")
    assert splits.changed()[0].startswith("a.conll has changed during the run; what was read had SHA-256 ")
    pathlib.Path("a.conll").unlink()
    assert splits.changed()


def test_progress_counts_bytes(write):
    told = []
    names = [write(name, column_text()) for name in ("a.train", "a.test")]
    read(names[0], test=names[1], progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2 * pathlib.Path("a.train").stat().st_size,) * 2


def test_rows_come_in_chunks_of_columns():
    rows = TaggedRows(TOKENS[:7], BIOES[:7])
    chunks = list(rows.chunks(3))
    assert [len(chunk["text"]) for chunk in chunks] == [3, 3, 1]
    assert [cut_tokens(tags) for chunk in chunks for tags in chunk["tags"]] == rows.truth() == BIOES[:7]
    assert [cut_tokens(text) for chunk in chunks for text in chunk["text"]] == rows.tokens
    assert (rows.features, rows.target, rows.names, len(rows), rows.in_memory) == (("text",), "tags", (), 7, True)
    assert list(TaggedRows([], []).chunks()) == []
    with pytest.raises(ValueError, match="Each sentence must have its tags. Got 2 and 1."):
        TaggedRows(TOKENS[:2], BIO[:1])
    with pytest.raises(ValueError, match="Each token must have a tag. Sentence 0 has 2 and 1."):
        TaggedRows([["a", "b"]], [["O"]])


def test_conll_2003_is_read_with_its_sentences(real_data):
    folder = real_data / "ner" / "conll2003"
    splits = read(folder)
    assert splits.card["rows"] == {"train": 14_041, "valid": 3_250, "test": 3_453}
    assert splits.card["labels"] == ["LOC", "MISC", "ORG", "PER"]
    assert splits.card["scheme"] == "iob1"
    assert splits.train.tokens[0] == "EU rejects German call to boycott British lamb .".split()
    assert splits.train.tags[0] == ["S-ORG", "O", "S-MISC", "O", "O", "O", "S-MISC", "O", "O"]
    assert sum(tag[0] in "BS" for tags in splits.test.tags for tag in tags) == 5_648
    assert (
        "2 tags that iob1 doesn't allow there, read as conlleval does: line 152428, B-MISC after O;" in splits.notes[0]
    )
    files = [str(folder / f"eng.{split}") for split in ("train", "testa", "testb")]
    named = read(*files)
    assert pairs_of(named.test) == pairs_of(splits.test)
    chunks = read(*files, columns="tags=2")
    assert "NP" in chunks.card["labels"]
    assert read(*files, columns="tags=1").card["scheme"] == "none"
    alone = read(files[0])
    sides = [{tuple(words) for words in rows.tokens} for rows in (alone.train, alone.valid, alone.test)]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert np.mean([len(alone.valid), len(alone.test)]) > 1_000
