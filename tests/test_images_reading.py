"""Reading pictures with captions: each way of naming them gives the same; splits go by picture, and are kept."""

import dataclasses
import io
import json
import pathlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from toy_pictures import (
    COUNT,
    EXPECTED,
    HEIGHT,
    WIDTH,
    SeededSettings,
    captions_of,
    contents,
    pairs,
    picture,
    read,
    uri,
    write_pictures,
    write_table,
    write_zip,
)

from rnnkit.images import ImageRows, read_caption_rows, read_captions
from rnnkit.settings import setting


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_names_files_beside_it_and_captions_of_one_image_stand_together():
    names = write_pictures("photos")
    table = write_table("photos/list.csv", pairs(names))
    splits = read(table)
    assert contents(splits) == EXPECTED
    assert splits.card["rows"] == {"train": 10, "valid": 1, "test": 1}
    assert splits.card["captions"] == {"train": 20, "valid": 2, "test": 2} and splits.card["path"] == table
    assert splits.notes == () and splits.changed() == ()
    rows = splits.train
    assert rows.features == ("image",) and rows.target == "caption" and rows.names == () and not rows.in_memory
    assert rows.sizes.tolist() == [[HEIGHT, WIDTH]] * 10 and rows.sizes.dtype == np.int32 and not rows.grey.any()
    assert rows.truth() == rows.captions and rows.name(0).startswith("photos/")
    chunks = list(rows.chunks(4))
    assert [len(chunk["image"]) for chunk in chunks] == [4, 4, 2]
    assert [text for chunk in chunks for text in chunk["caption"]] == rows.captions
    assert [image for chunk in chunks for image in chunk["image"]] == [rows.content(n) for n in range(10)]


def test_every_form_of_captions_gives_the_same():
    names = write_pictures("images")
    rows = pairs(names)
    frame = pd.DataFrame(rows, columns=["image", "caption"])
    frame.to_parquet("list.parquet")
    write_table("list.jsonl", [(name, captions_of(number)) for number, name in enumerate(names)])
    write_table("other.csv", [row[::-1] for row in rows], ("text", "file"))
    write_table("captions.txt", rows)
    with open("Flickr8k.token.txt", "w") as file:
        file.writelines(f"{name}#{n % 2}\t{caption}\n" for n, (name, caption) in enumerate(rows))
    with open("bare.token", "w") as file:
        file.writelines(f"{name}\t{caption}\r\n\n" for name, caption in rows)
    images = [{"id": 70 + n, "file_name": name} for n, name in enumerate(names)]
    annotations = [{"id": n, "image_id": 70 + n // 2, "caption": caption} for n, (_, caption) in enumerate(rows)]
    pathlib.Path("coco.json").write_text(json.dumps({"info": {}, "images": images, "annotations": annotations}))
    pathlib.Path("list.json").write_text(
        json.dumps([{"file": name, "text": captions_of(n)} for n, name in enumerate(names)])
    )
    for data in ("list.parquet", "list.jsonl", "captions.txt", "Flickr8k.token.txt", "bare.token", "coco.json", frame):
        splits = read(data)
        assert contents(splits) == EXPECTED, data
        assert splits.card["rows"] == {"train": 10, "valid": 1, "test": 1}
    for data in ("other.csv", "list.json"):
        assert contents(read(data, columns="image=file,caption=text")) == EXPECTED


def test_pictures_may_stand_in_the_table_as_data_uris_or_bytes():
    encoded = {number: picture(number) for number in range(COUNT)}
    table = write_table("uris.csv", pairs([uri(content) for content in encoded.values()]))
    splits = read(table)
    assert {key: len(value) for key, value in contents(splits).items()} == {uri(c): 2 for c in encoded.values()}
    assert splits.train.in_memory and splits.train.name(0).startswith("uris.csv, line ")
    assert list(splits.train.sizes[0]) == [HEIGHT, WIDTH]
    frame = pd.DataFrame(pairs(list(encoded.values())), columns=["image", "caption"])
    assert contents(read(frame)) == EXPECTED
    # As the datasets library writes them.
    frame["image"] = [{"bytes": content, "path": None} for content in frame["image"]]
    frame.to_parquet("struct.parquet")
    assert contents(read("struct.parquet")) == EXPECTED
    same = {rows.sha256 for data in (frame, table) for rows in read(data).listed}
    assert len(same) == 1


def test_splits_that_a_table_names_are_kept_and_missing_ones_are_cut_out_of_train():
    names = write_pictures(".")
    words = ["train", "TRAIN", "val", "test", "restval", "dev", *["train"] * 6]
    rows = [(name, f"picture {n}", words[n]) for n, name in enumerate(names)]
    splits = read(write_table("all.csv", rows, ("image", "caption", "split")))
    assert splits.card["rows"] == {"train": 9, "valid": 2, "test": 1}
    assert splits.valid.captions == [["picture 2"], ["picture 5"]] and splits.test.captions == [["picture 3"]]
    two = [(*row[:2], "train" if row[2] in ("val", "dev") else row[2]) for row in rows]
    splits = read(write_table("two.csv", two, ("image", "caption", "part")), columns="split=part", valid_share=0.2)
    assert splits.card["rows"] == {"train": 9, "valid": 2, "test": 1} and splits.test.captions == [["picture 3"]]
    both = read(write_table("all.csv", rows, ("image", "caption", "split")), valid="two.csv")
    assert both.card["rows"] == {"train": 9, "valid": 12, "test": 1}
    assert both.notes == ("two.csv: 9 of 12 valid images are also in train; scores on them flatter.",)
    whole = read_caption_rows("all.csv")
    assert len(whole) == 12 and whole.notes == ("all.csv: the images of all its splits are read.",)


def test_the_splits_of_karpathy_are_kept_and_restval_is_trained_on():
    write_pictures("train2014", 6)
    write_pictures("val2014", 12)
    images = []
    for number in range(12):
        folder = "train2014" if number < 6 else "val2014"
        split = "restval" if number == 7 else "val" if number == 8 else "test" if number > 8 else "train"
        sentences = [{"raw": text, "tokens": text.split()} for text in captions_of(number)]
        images.append({"filepath": folder, "filename": f"{number}.png", "split": split, "sentences": sentences})
    images.append({"filename": "5.png", "split": "train", "sentences": []})
    pathlib.Path("dataset.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    splits = read("dataset.json")
    assert contents(splits) == EXPECTED and splits.card["rows"] == {"train": 8, "valid": 1, "test": 3}
    assert splits.notes == ("dataset.json: 1 image without a caption, left out.",)


def test_a_folder_may_hold_captions_and_images_or_an_archive_of_them():
    files = {f"deep/{number}.png": picture(number) for number in range(COUNT)}
    names = write_pictures("one/Images")
    write_table("one/captions.csv", pairs(names))
    pathlib.Path("one/readme.txt").write_text("Pictures of noise.")
    table = pathlib.Path(write_table("two.csv", pairs(names)))
    write_zip("two.zip", {**files, "two.csv": table.read_bytes()})
    write_zip("pictures.zip", {f"flickr/{name}": content for name, content in files.items()})
    assert contents(read("one")) == contents(read("two.zip")) == EXPECTED
    assert contents(read("two.csv", images="pictures.zip")) == EXPECTED
    assert read("two.zip").train.name(0).startswith("two.zip/deep/")
    write_pictures("one/Images", 14)
    assert read("one").notes == ("one: 2 images without a caption, left out.",)
    write_zip("three.zip", {"top/captions.csv": table.read_bytes(), **{f"top/{n}": c for n, c in files.items()}})
    assert contents(read("three.zip")) == EXPECTED
    write_pictures("split")
    write_table("split/train.csv", pairs(names)[:16])
    write_table("split/val.csv", pairs(names)[16:])
    splits = read("split")
    assert splits.card["rows"] == {"train": 7, "valid": 4, "test": 1} and contents(splits) == EXPECTED


def test_a_folder_for_each_label_gives_the_label_as_caption():
    write_pictures("pets/cat", 6)
    pathlib.Path("pets/dog").mkdir()
    for number in range(6):
        pathlib.Path(f"pets/dog/{number}.JPG").write_bytes(picture(number, "JPEG"))
    splits = read("pets", valid_share=0.2, test_share=0.2)
    assert {tuple(texts) for texts in splits.train.captions} == {("cat",), ("dog",)}
    assert splits.card["rows"] == {"train": 8, "valid": 2, "test": 2}
    write_zip(
        "pets.zip",
        {
            f"{split}/{label}/{n}.png": picture(n * 3 + len(label) + len(split))
            for split in ("train", "test")
            for label in ("a", "bc")
            for n in range(5)
        },
    )
    splits = read("pets.zip")
    assert splits.card["rows"] == {"train": 9, "valid": 1, "test": 10}


def test_each_split_has_its_share_of_each_label_where_labels_are_learnt():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Labelled(SeededSettings):
        answer: str = setting("label", "As a recipe has it.")

    for label in "abcd":
        pathlib.Path("all", label).mkdir(parents=True)
    for number in range(40):
        pathlib.Path("all", "abcd"[number % 4], f"{number}.png").write_bytes(picture(number))
    splits = read_captions("all", settings=Labelled(valid_share=0.2, test_share=0.2))
    for rows, count in ((splits.train, 6), (splits.valid, 2), (splits.test, 2)):
        assert sorted(text for (text,) in rows.captions) == sorted("abcd" * count)


def test_images_of_equal_bytes_are_in_one_split():
    names = [f"{number}.png" for number in range(60)]
    for number, name in enumerate(names):
        pathlib.Path(name).write_bytes(picture(number // 3))
    splits = read(write_table("list.csv", pairs(names)))
    kept = [{rows.content(place) for place in range(len(rows))} for rows in (splits.train, splits.valid, splits.test)]
    assert sum(map(len, kept)) == len(set.union(*kept)) == 20
    assert splits.card["rows"] == {"train": 48, "valid": 6, "test": 6}
    again, other = read("list.csv"), read("list.csv", seed=5)
    assert again.test.captions == splits.test.captions != other.test.captions


def test_sizes_are_those_after_the_rotation_and_grey_is_told():
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "turned.jpg": picture(0, "JPEG", exif=exif),
        "grey.jpg": picture(1, "JPEG", "L"),
        "palette.png": picture(2, "PNG", "P"),
        "alpha.png": picture(3, "PNG", "RGBA"),
        "grey_alpha.png": picture(4, "PNG", "LA"),
        "cmyk.jpg": picture(5, "JPEG", "CMYK"),
        "progressive.jpeg": picture(6, "JPEG", progressive=True),
        "bits.png": picture(7, "PNG", "1"),
    }
    deep = io.BytesIO()
    Image.fromarray(np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 400).save(deep, "PNG")
    kinds["deep.png"] = deep.getvalue()
    for name, content in kinds.items():
        pathlib.Path(name).write_bytes(content)
    rows = read_caption_rows(write_table("list.csv", [(name, name) for name in kinds]))
    assert rows.sizes[0].tolist() == [WIDTH, HEIGHT] and rows.sizes[1:].tolist() == [[HEIGHT, WIDTH]] * 8
    grey = {name for name, grey in zip(kinds, rows.grey, strict=True) if grey}
    assert grey == {"grey.jpg", "grey_alpha.png", "bits.png", "deep.png"}


def test_public_sets_are_read_with_their_pictures_as_they_are(here, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds.core.utils.gcs_utils, "_is_gcs_disabled", True)

    class TinyCaptions(tfds.core.GeneratorBasedBuilder):
        """Pictures with captions, as those of COCO."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            captions = tfds.features.Sequence({"id": np.int64, "text": tfds.features.Text()})
            features = {
                "image": tfds.features.Image(encoding_format="png"),
                "captions": captions,
                "note": tfds.features.Text(),
            }
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            ranges = {"train": range(8), "restval": [8], "val": [9, 10], "test": [11]}
            return {name: self._generate_examples(numbers) for name, numbers in ranges.items()}

        def _generate_examples(self, numbers):
            for number in numbers:
                captions = [{"id": n, "text": text} for n, text in enumerate(captions_of(number))]
                yield number, {"image": io.BytesIO(picture(number)), "captions": captions, "note": f"n {number}"}

    tfds.core.add_data_dir(str(here))
    TinyCaptions(data_dir=here).download_and_prepare()
    splits = read("tfds:tiny_captions")
    assert contents(splits) == EXPECTED and splits.card["rows"] == {"train": 9, "valid": 2, "test": 1}
    noted = read("tfds:tiny_captions", columns="caption=note")
    assert noted.test.captions == [["n 11"]]
    with pytest.raises(LookupError, match=r"^tfds:tiny_captions has no column 'x'\. It has 'image', 'captions', "):
        read("tfds:tiny_captions", columns="image=x")
    with pytest.raises(ValueError, match=r"^tfds:tiny_captions has no pictures in 'note'"):
        read("tfds:tiny_captions", columns="image=note")
    with pytest.raises(
        ValueError, match=r"^--valid must be a file, a folder or a DataFrame\. Got 'tfds:tiny_captions'"
    ):
        read("tfds:tiny_captions", "tfds:tiny_captions")


def test_progress_counts_bytes_up_to_all_of_them():
    told = []
    names = write_pictures("images")
    read(write_table("list.csv", pairs(names)), progress=lambda done, total: told.append((done, total)))
    total = sum(map(len, EXPECTED)) + pathlib.Path("list.csv").stat().st_size
    assert told[-1] == (total, total) and all(done <= total for done, total in told)


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"as many pictures, captions, sizes and greys\. Got \(1, 0, 0, 0\)"):
        ImageRows([object()], [], sizes=np.zeros((0, 2), np.int32), grey=np.zeros(0, bool))


def test_a_thousand_photographs_with_five_captions_each_are_read(real_data):
    folder = real_data / "captioning" / "flickr8k_1000"
    splits = read(folder / "captions.txt")
    assert splits.card["rows"] == {"train": 800, "valid": 100, "test": 100}
    assert splits.card["captions"] == {"train": 4000, "valid": 500, "test": 500} and splits.notes == ()
    assert {len(texts) for texts in splits.train.captions} == {5}
    assert splits.card["sha256"] == read(folder).card["sha256"]
    for chunk, sizes in zip(splits.valid.chunks(50), (splits.valid.sizes[:50], splits.valid.sizes[50:]), strict=True):
        for content, size in zip(chunk["image"], sizes, strict=True):
            assert Image.open(io.BytesIO(content)).size[::-1] == tuple(size)
