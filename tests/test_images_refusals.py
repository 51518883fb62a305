"""Refusals of pictures with captions: each fault names its file and line, and is left out where that is asked."""

import json
import pathlib
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from toy_pictures import (
    HEIGHT,
    WIDTH,
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

from rnnkit.images import ImageSourceSettings, read_caption_rows


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(kind, *data, **settings):
    with pytest.raises(kind) as caught:
        read(*data, **settings)
    message = str(caught.value)
    assert "\n" not in message and message.endswith((".", "text,image=file")), message
    return message


def huge(width, height):
    """Returns a PNG whose head says that it is of this size."""
    content = bytearray(picture(0))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(content)


BAD = {
    "cut.jpg": (picture(1, "JPEG", size=(90, 80))[:1500], "a damaged image", "image file is truncated"),
    "text.jpg": (b"no picture", "no image in it", ""),
    "empty.png": (b"", "nothing in an image file", ""),
    "film.gif": (picture(2, "GIF"), "an image that is no JPEG or PNG", "it is GIF"),
    "old.bmp": (picture(2, "BMP"), "an image that is no JPEG or PNG", "it is BMP"),
    "web.png": (picture(2, "WEBP"), "an image that is no JPEG or PNG", "it is WebP"),
    "phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0", "an image that is no JPEG or PNG", "it is HEIC"),
    "scan.png": (picture(2, "TIFF"), "an image that is no JPEG or PNG", "it is TIFF"),
    "huge.png": (huge(20_000, 20_000), "too many pixels", "20,000 x 20,000 where 50,000,000 in all are the most"),
    "none.png": (huge(0, 7), "a damaged image", "it has no size"),
    "head.png": (picture(3)[:18], "a damaged image", "it ends within its head"),
    "sum.png": (picture(4)[:60] + b"?" + picture(4)[61:], "a damaged image", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_named_with_its_line(name):
    content, kind, detail = BAD[name]
    names = write_pictures(".", 5)
    pathlib.Path(name).write_bytes(content)
    table = write_table("list.csv", pairs([*names, name]))
    message = refusal(ValueError, table)
    assert message.startswith(f"list.csv has 1 row that can't be used: 1 with {kind} (line 12: {name}"), message
    assert detail in message and "pass --skip-bad-rows to leave it out." in message
    if "JPEG or PNG" in kind:
        assert "Convert them to JPEG or PNG." in message
    splits = read(table, skip_bad_rows=True)
    assert sum(splits.card["rows"].values()) == 5
    assert len(splits.notes) == 1 and splits.notes[0].startswith(f"list.csv: left out 1 row: 1 with {kind} (line 12")


def test_the_head_of_a_huge_image_is_looked_at_before_it_is_decoded(monkeypatch):
    names = write_pictures(".", 4)
    pathlib.Path("big.jpg").write_bytes(picture(0, "JPEG", size=(40, 30)))
    table = write_table("list.csv", pairs([*names, "big.jpg"]))
    assert len(read_caption_rows(table, ImageSourceSettings(most_pixels=1_200))) == 5
    load = Image.Image.load
    small = (WIDTH, HEIGHT)
    monkeypatch.setattr(
        Image.Image, "load", lambda image: load(image) if image.size == small else pytest.fail("loaded")
    )
    message = refusal(ValueError, table, most_pixels=1_199)
    assert "1 with too many pixels (line 10: big.jpg: 40 x 30 where 1,199 in all are the most)" in message
    assert "Make them smaller, or raise --most-pixels." in message
    with pytest.raises(ValueError, match=r"^most_pixels must be at most 89478485\. Got 100000000\."):
        ImageSourceSettings(most_pixels=100_000_000)


def test_faults_of_captions_are_told_with_their_lines_and_cost_only_themselves():
    names = write_pictures(".", 8)
    rows = [(name, text) for number, name in enumerate(names) for text in captions_of(number)]
    lines = ["image,caption", *(f'{name},"{text}"' for name, text in rows)]
    lines[3], lines[5], lines[7] = "1.png, ", "2.png,\udc80", "nowhere.png,text"
    lines[9], lines[11], lines[12] = "nowhere.png,text", ",text", "5.png,a,b"
    pathlib.Path("list.csv").write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    message = refusal(ValueError, "list.csv")
    for part in (
        "list.csv has 5 rows that can't be used: ",
        "1 with no caption (line 4)",
        "1 with bytes that are not utf-8 (line 6: byte 0x80)",
        "1 with no such image file (line 8: 'nowhere.png')",
        "1 with no image (line 12)",
        "1 with a wrong number of cells (line 13: 3 where line 1 has 2)",
        "Say where the images are, a folder or a .zip: --images PATH.",
    ):
        assert part in message, message
    splits = read("list.csv", skip_bad_rows=True)
    kept = contents(splits)
    assert kept[picture(1)] == ["noise, number 1"] and kept[picture(0)] == captions_of(0)
    assert picture(5) not in kept and len(kept) == 7


def test_data_uris_that_hold_no_picture_are_named_by_their_line():
    good = [uri(picture(number)) for number in range(4)]
    bad = ["data:image/png;base64,a", "data:image/png,abc", "data:;base64,AAAA", "data:image/png;base64,é", "data:"]
    table = write_table("list.jsonl", [(image, "text") for image in [*good, *bad, uri(picture(5)[:-30])]])
    message = refusal(ValueError, table)
    assert "4 with a data URI that can't be decoded (lines 8, 5, 6, …" in message, message
    assert "1 with no image in it (line 7)" in message and "1 with a damaged image (line 10" in message
    assert len(read_caption_rows(table, ImageSourceSettings(skip_bad_rows=True))) == 4


def test_too_few_images_say_how_many_are_needed():
    names = write_pictures(".", 1)
    message = refusal(ValueError, write_table("one.csv", pairs(names)))
    assert message == (
        "one.csv has 1 image (1 different), too few to cut valid images out of. At least 3 different ones are needed. "
        "Add images, or give --valid and --test."
    )
    write_pictures(".", 9)
    head = ("image", "caption", "split")
    message = refusal(ValueError, write_table("all.csv", [(f"{n}.png", "x", "test") for n in range(9)], head))
    assert message.startswith("all.csv has no train images")
    message = refusal(ValueError, write_table("odd.csv", [(f"{n}.png", "x", f"fold {n}") for n in range(9)], head))
    assert "9 with a split that is none of train, valid and test (lines 2, 3, 4, …; line 2: 'fold 0')" in message


def test_empty_files_are_told():
    for name, content, says in (
        ("a.csv", "", "a.csv is empty"),
        ("b.csv", "image,caption\n", "b.csv has no captions. It must have one for each image, or more."),
        ("c.txt", "\n\n", "c.txt is empty"),
        ("d.json", "  ", "d.json is empty"),
        ("e.json", "[]", "e.json has no captions"),
        ("f.json", '{"images": [], "annotations": []}', "f.json has no captions"),
    ):
        pathlib.Path(name).write_text(content)
        assert refusal(ValueError, name).startswith(says)
    pathlib.Path("folder").mkdir()
    assert refusal(ValueError, "folder").startswith(
        "folder has no images with captions in a known layout. It is empty."
    )
    write_pictures("folder/images")
    message = refusal(ValueError, "folder")
    assert "It has 'images/'. Known: one captions file (.csv, " in message


def test_files_of_other_kinds_are_told_what_there_may_be():
    names = write_pictures(".", 3)
    for name, content, says in (
        ("a.xml", "<a/>", "a.xml is no captions file by its ending. Known: .csv, .tsv, .jsonl, .parquet, .csv.gz,"),
        ("b.txt", "0.png a picture", "b.txt, line 1: it is neither a header, image,caption, nor NAME.jpg#0, a tab"),
        ("c.json", '{"images": [1', "c.json, line 1, character 14: broken JSON: Expecting ',' delimiter."),
        ("d.json", '{"a": 1}', "d.json has no captions in a known form. It has 'a'. Known: COCO's,"),
        ("e.json", "3", "e.json has no captions in a known form. It is a int."),
        ("f.csv", "file,text\n0.png,a dog\n0.png,two dogs\n", "f.csv has no column 'caption'."),
        ("g.zip", "PK", "g.zip is damaged or no .zip: "),
    ):
        pathlib.Path(name).write_text(content)
        kind = LookupError if name == "f.csv" else ValueError
        assert refusal(kind, name).startswith(says), refusal(kind, name)
    assert "--columns caption=text,image=file" in refusal(LookupError, "f.csv")
    assert refusal(OSError, "nothing.csv").startswith("There is no file 'nothing.csv'.")
    table = write_table("list.csv", pairs(names))
    assert refusal(OSError, table, images="nothing").startswith("There is no file 'nothing'.")
    assert refusal(ValueError, table, images="f.csv").startswith("images must be a folder or a .zip. Got 'f.csv'.")
    assert refusal(LookupError, table, columns="picture=x").startswith("--columns names 'picture', which this recipe")


def test_json_files_name_what_lacks_something_by_its_number():
    write_pictures(".", 4)
    images = [{"id": n, "file_name": f"{n}.png"} for n in range(5)]
    annotations = [{"image_id": n, "caption": f"picture {n}"} for n in range(4)]
    bad = [{"image_id": 9, "caption": "x"}, {"image_id": 1}, {"image_id": [1], "caption": "x"}, 7]
    coco = {"images": [*images, 3], "annotations": [*annotations, *bad]}
    pathlib.Path("coco.json").write_text(json.dumps(coco))
    message = refusal(ValueError, "coco.json")
    assert "3 with an image_id that no image has (annotations 5, 7, 8; annotation 5: 9)" in message, message
    assert "1 with no caption (annotation 6)" in message
    splits = read("coco.json", skip_bad_rows=True, valid_share=0.25, test_share=0.25)
    assert splits.notes[1] == "coco.json: 1 image without a caption, left out."
    listed = [{"filename": 3, "sentences": []}, {"filename": "1.png", "sentences": [{"raw": 1}]}, 5]
    pathlib.Path("karpathy.json").write_text(json.dumps({"images": listed}))
    message = refusal(ValueError, "karpathy.json")
    assert "2 with no filename (images 1, 3)" in message and "1 with a sentence without raw (image 2)" in message
    pathlib.Path("list.json").write_text(json.dumps([{"image": 1}, {"image": "1.png", "caption": []}, 4]))
    message = refusal(ValueError, "list.json")
    assert "2 with no image (items 1, 3)" in message


def test_a_name_that_two_files_have_is_refused_unless_its_folder_is_given():
    write_pictures("photos/a", 4)
    write_pictures("photos/b", 2)
    table = write_table("list.csv", pairs(["1.png", "2.png", "3.png"]))
    message = refusal(ValueError, table, images="photos")
    assert "1 with an image name that several files have (line 2: a/1.png, b/1.png)" in message
    table = write_table("list.csv", pairs(["a/1.png", "c\\2.png", "3.png"]))
    assert len(read_caption_rows(table, ImageSourceSettings(images="photos"))) == 3


def test_several_captions_files_in_a_folder_are_refused():
    names = write_pictures("photos")
    write_table("photos/a.csv", pairs(names))
    write_table("photos/b.csv", pairs(names))
    message = refusal(ValueError, "photos")
    assert message.startswith(
        "photos must have one captions file, or train, valid and test of them. Got 'a.csv', 'b.csv'."
    )
    write_table("photos/captions.csv", pairs(names))
    assert len(contents(read("photos"))) == 12


def test_an_image_that_changes_or_vanishes_after_the_check_is_told():
    names = write_pictures("photos")
    table = write_table("list.csv", pairs(names))
    rows = read_caption_rows(table)
    pathlib.Path("photos/3.png").write_bytes(picture(99))
    with pytest.raises(
        OSError, match=r"^photos/3\.png has changed since it was checked\. Leave it alone until the run"
    ):
        rows.content(3)
    pathlib.Path("photos/0.png").unlink()
    with pytest.raises(OSError, match=r"^photos/0\.png has changed since it was checked\."):
        list(rows.chunks())
    write_zip("photos.zip", {f"{n}.png": picture(n) for n in range(5)})
    splits = read(write_table("list.csv", pairs([f"{n}.png" for n in range(5)])), images="photos.zip")
    write_zip("photos.zip", {f"{n}.png": picture(n + 1) for n in range(6)})
    with pytest.raises(OSError, match=r"^photos\.zip has changed since it was checked\."):
        next(splits.train.chunks())
    write_table("list.csv", pairs(["0.png"]))
    (remark,) = splits.changed()
    assert re.fullmatch(r"list\.csv has changed during the run; what was read had SHA-256 [0-9a-f]{12}…\.", remark)


def test_an_entry_of_an_archive_that_is_damaged_is_told_like_a_bad_image():
    write_zip("photos.zip", {f"{n}.png": picture(n) for n in range(5)})
    with zipfile.ZipFile("photos.zip") as archive:
        info = archive.getinfo("2.png")
    whole = bytearray(pathlib.Path("photos.zip").read_bytes())
    whole[info.header_offset + 30 + len("2.png") + 40] ^= 255
    pathlib.Path("photos.zip").write_bytes(whole)
    table = write_table("list.csv", pairs([f"{n}.png" for n in range(5)]))
    message = refusal(ValueError, table, images="photos.zip")
    assert "1 with an image that can't be read (line 6: photos.zip/2.png can't be read: " in message


def test_the_same_image_in_another_file_of_rows_is_remarked():
    names = write_pictures(".", 12)
    train, test = write_table("a.csv", pairs(names[:9])), write_table("b.csv", pairs(names[7:]))
    splits = read(train, test=test)
    seen = len({splits.train.content(n) for n in range(len(splits.train))} & {picture(7), picture(8)})
    assert splits.card["rows"]["test"] == 5 and seen
    assert splits.notes == (f"b.csv: {seen} of 5 test images are also in train; scores on them flatter.",)


def test_cells_of_many_values_are_refused_for_images_only():
    write_pictures(".", 3)
    frame = pd.DataFrame({"image": [["0.png"], "1.png", np.zeros((2, 2)), None], "caption": ["a", "b", "c", "d"]})
    message = refusal(ValueError, frame)
    assert "2 with a cell of many values (positions 0, 2" in message and "1 with no image (position 3)" in message
