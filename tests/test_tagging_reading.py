"""Reading tagged sentences: each way of writing them gives the same, and each change is told."""

import json

import pandas as pd
import pytest
from toy_sentences import ALL, BIO, BIOES, TOKENS, SeededSettings, all_of, column_text, pairs_of, read

from rnnkit.sources import Splits
from rnnkit.tagging import read_tagged_rows
from rnnkit.tagging.schemes import converted


@pytest.mark.parametrize("scheme", ["bio", "iob1", "bioes"])
@pytest.mark.parametrize("name", ["a.conll", "a.txt.gz", "eng.train", "a.iob2"])
def test_files_of_columns_are_read_in_each_scheme(write, scheme, name):
    tags = [converted(one, "bio", scheme) for one in BIO]
    splits = read(write(name, column_text(tags)))
    assert all_of(splits) == ALL
    assert splits.card["scheme"] == splits.train.scheme == scheme
    assert splits.card["labels"] == ["LOC", "PER"]
    assert splits.card["path"] == name
    assert sum(splits.card["rows"].values()) == len(ALL)
    assert splits.notes == ()
    assert isinstance(splits, Splits)


def test_a_scheme_that_is_named_is_taken(write):
    name = write("a.conll", "a I-X\nb B-X\n\nc B-X\nd I-X\n\ne B-X\n\nf I-X\n\n")
    assert read_tagged_rows(name, SeededSettings(scheme="iob1")).truth()[:2] == [["S-X", "S-X"], ["B-X", "E-X"]]
    assert read_tagged_rows(name, SeededSettings(scheme="none")).truth()[0] == ["I-X", "B-X"]


@pytest.mark.parametrize("between", [" ", "\t", "   ", " \t "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_stand_between_spaces_or_tabs(write, between, end):
    text = column_text(between=between, extra=["NN", "_"]).replace("\n", end)
    assert all_of(read(write("a.conll", "\ufeff" + text))) == ALL
    assert all_of(read("a.conll", columns="tags=3,tokens=0")) == ALL


def test_another_column_may_be_the_tags(write):
    text = "".join(f"a{n} DT x O\nb NN x B-X\n\n" for n in range(7))
    splits = read(write("a.conll", text), columns="tags=1")
    assert splits.card["scheme"] == "none"
    assert splits.card["labels"] == ["DT", "NN"]
    assert all_of(splits) == [([f"a{n}", "b"], ["DT", "NN"]) for n in range(7)]
    assert splits.notes == ()


def test_comments_go_and_tokens_that_look_like_them_stay(write):
    lines = ["#begin document (a); part 000", "# newdoc id = x", "# text = May saw # 3", "# sent_id = 1"]
    lines += ["May B-PER", "# O", "#tag O", "", "# text = b", "# O", "3 O", "", "#end document"]
    rows = read_tagged_rows(write("a.conll", "\n".join(lines)))
    assert pairs_of(rows) == [(["May", "#", "#tag"], ["S-PER", "O", "O"]), (["#", "3"], ["O", "O"])]
    tabbed = [line.replace(" ", "\t") if line[-1:] in "OR" and "=" not in line else line for line in lines]
    assert pairs_of(read_tagged_rows(write("b.conll", "\n".join(tabbed)))) == pairs_of(rows)


def test_documents_begin_no_sentence_and_ends_need_no_blank_line(write):
    text = "-DOCSTART- -X- O\n\n\nUlm NN B-LOC\n-DOCSTART-\nMay NN B-PER"
    rows = read_tagged_rows(write("a.conll", text))
    assert pairs_of(rows) == [(["Ulm"], ["S-LOC"]), (["May"], ["S-PER"])]


def test_tokens_numbered_in_the_first_column_are_found_and_told(write):
    lines = ["# text = zum Ulmer", "1-2\tzum\t_\tO", "1\tzu\tX\tO", "2\tdem\tX\tO", "3\tUlm\tX\tB-LOC", ""]
    rows = read_tagged_rows(write("a.conllu", "\n".join(lines * 2)))
    assert pairs_of(rows) == [(["zu", "dem", "Ulm"], ["O", "O", "S-LOC"])] * 2
    assert "its first column numbers the tokens; tokens are read from column 1 and tags from 3" in rows.notes[0]
    ten = ["\t".join([str(n), word, "_", tag, *["_"] * 6]) for n, (word, tag) in enumerate(["aX", "bY"] * 2, 1)]
    ten = [*ten[:2], "2.1" + ten[2][1:], ""]
    rows = read_tagged_rows(write("b.conllu", "\n".join(ten * 2)))
    assert pairs_of(rows) == [(["a", "b"], ["X", "Y"])] * 2
    assert rows.scheme == "none"


def test_only_a_line_feed_ends_a_line_and_only_blanks_part_columns(write):
    odd = ["a\u2028b", "\u00a0", "c\u3000d", "e\x0bf", "g\x85", "\u200d🙂"]
    text = "".join(f"{token} {'B-X' if n else 'O'}\n" for n, token in enumerate(odd))
    assert read_tagged_rows(write("a.conll", text)).tokens == [odd]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.tsv.gz", "a.jsonl"])
def test_tables_of_one_token_a_row_are_parted_by_the_sentence_column(write, name):
    records = [
        {"Sentence #": f"Sentence: {n}" if first or n % 2 else "", "Word": word, "POS": "X", "Tag": tag}
        for n, (words, tags) in enumerate(zip(TOKENS, BIO, strict=True))
        for first, word, tag in zip([True, *[False] * 99], words, tags, strict=False)
    ]
    if "jsonl" in name:
        write(name, "".join(json.dumps(record) + "\n" for record in records))
    else:
        between = "," if "csv" in name else "\t"
        write(name, "\n".join(between.join(row) for row in [list(records[0]), *(r.values() for r in records)]))
    columns = "tokens=Word,tags=Tag,sentence=Sentence #"
    assert all_of(read(name, columns=columns)) == ALL
    assert all_of(read(name)) == ALL
    frame = pd.DataFrame(records).replace({"Sentence #": {"": None}})
    splits = read(frame, columns=columns)
    assert all_of(splits) == ALL
    assert splits.card["path"] == "DataFrame"
    frame.to_parquet("a.parquet")
    assert all_of(read("a.parquet", columns=columns)) == ALL


def test_a_tsv_with_blank_lines_between_sentences_is_a_file_of_columns(write):
    assert all_of(read(write("a.tsv", column_text(between="\t")))) == ALL


@pytest.mark.parametrize("keys", [("tokens", "tags"), ("tokens", "ner_tags"), ("words", "labels"), ("x", "y")])
def test_rows_of_two_lists_are_read(write, keys):
    rows = [dict(zip(keys, row, strict=True), id=n) for n, row in enumerate(zip(TOKENS, BIO, strict=True))]
    columns = f"tokens={keys[0]},tags={keys[1]}" if keys[0] == "x" else ""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    assert all_of(read(write("a.jsonl", lines), columns=columns)) == ALL
    assert all_of(read(write("lines.json", lines), columns=columns)) == ALL
    splits = read(write("a.json.gz", json.dumps(rows, indent=1)), columns=columns)
    assert all_of(splits) == ALL
    assert splits.train.texts is None
    frame = pd.DataFrame(rows)
    frame.to_parquet("a.parquet")
    assert all_of(read("a.parquet", columns=columns)) == all_of(read(frame, columns=columns)) == ALL


def test_rows_without_tokens_are_left_out_and_counted(write):
    rows = [*({"tokens": t, "tags": b} for t, b in zip(TOKENS, BIO, strict=True)), {"tokens": [], "tags": []}, {}]
    splits = read(write("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows)))
    assert all_of(splits) == ALL
    assert splits.notes == ("a.jsonl: left out 2 rows: 2 without tokens.",)


def test_faulty_tags_are_read_as_conlleval_does_and_told(write):
    text = "a O\nb I-X\n\n" + "".join(f"w{n} B-X\nv {'I-Y' if n < 3 else 'O'}\n\n" for n in range(8))
    rows = read_tagged_rows(write("a.conll", text))
    assert rows.tags == [["O", "S-X"], *[["S-X", "S-Y"]] * 3, *[["S-X", "O"]] * 5]
    assert rows.notes == (
        "a.conll: 4 tags that bio doesn't allow there, read as conlleval does: line 2, I-X after O; line 5, I-Y after "
        "B-X; line 8, I-Y after B-X; ….",
    )


def test_tags_with_white_space_get_lines_instead(write):
    rows = read_tagged_rows(write("a.conll", "Ada\tB-Job Title\nx\tO\n\nb\tB-Job Title\n"))
    assert rows.tags == [["S-Job_Title", "O"], ["S-Job_Title"]]


def test_plain_tags_with_an_o_among_them_are_told(write):
    splits = read(write("a.conll", "".join(f"w{n} PER\nv O\n\n" for n in range(5))))
    assert splits.card["labels"] == ["O", "PER"]
    assert (
        "a.conll: its tags, such as 'PER', have no letter as B-PER has, and are read as tags that each"
        in (splits.notes[0])
    )


def test_bad_sentences_are_left_out_on_demand(write):
    lines = column_text().encode().split(b"\n")
    lines[0] += b" more"
    lines[len(TOKENS[0]) + 1] = b"k\xf6nig O"
    splits = read(write("a.conll", b"\n".join(lines)), skip_bad_rows=True)
    assert all_of(splits) == sorted(zip(TOKENS[2:], BIOES[2:], strict=True))
    (note,) = splits.notes
    assert note == (
        "a.conll: left out 2 rows: 1 with a wrong number of columns (line 1: 3 where others have 2), "
        f"1 with bytes that are not utf-8 (line {len(TOKENS[0]) + 2}: byte 0xf6)."
    )


def test_public_sets_are_read_with_the_names_of_their_tags(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(tfds.core.utils.gcs_utils, "_is_gcs_disabled", True)
    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]

    class TinyTagged(tfds.core.GeneratorBasedBuilder):
        """Twenty sentences to train on and seven to test; tags are parts of speech, as conll2003 has them."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            sequence, label = tfds.features.Sequence, tfds.features.ClassLabel
            features = {
                "tokens": sequence(tfds.features.Text()),
                "tags": sequence(label(names=["X", "Y"])),
                "ner": sequence(label(names=names)),
            }
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(0, 20), "test": self._generate_examples(20, 27)}

        def _generate_examples(self, start, stop):
            for number in range(start, stop):
                plain = ["XY"[n % 2] for n in range(len(TOKENS[number]))]
                yield number, {"tokens": TOKENS[number], "tags": plain, "ner": BIO[number]}

    tfds.core.add_data_dir(str(tmp_path))
    TinyTagged(data_dir=tmp_path).download_and_prepare()
    splits = read("tfds:tiny_tagged")
    # Such a set has an order of its own.
    assert sorted(pairs_of(splits.test)) == sorted(zip(TOKENS[20:], BIOES[20:], strict=True))
    assert all_of(splits) == ALL
    assert splits.notes == ("tfds:tiny_tagged: its feature 'ner' is read as tags; another one: --columns tags=tags",)
    assert read("tfds:tiny_tagged", columns="tags=tags").card["labels"] == ["X", "Y"]
    with pytest.raises(LookupError, match=r"^tfds:tiny_tagged has no feature 'pos'\. It has '"):
        read("tfds:tiny_tagged", columns="tags=pos")
