"""Predicting for pictures: files, folders, archives, tables and data URIs are read a few at a time and answered."""

import csv
import functools
import io
import json
import pathlib

import pandas as pd
import pytest
from PIL import Image
from stand_in_bundle import Said
from stand_in_pictures import Sizes, size_of
from toy_pictures import picture, uri, write_pictures, write_table, write_zip

from rnnkit import bundle as bundles
from rnnkit.commands.predicting import predict_
from rnnkit.predicting import files, partial, predict_file
from rnnkit.predicting.pictures import ImageTable, input_rows
from rnnkit.sources import Format


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name, width, height, **how):
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(0, size=(width, height), **how))


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def predict(monkeypatch, capsys):
    """Runs the command with a stand-in and returns standard output and standard error."""

    def _predict(*arguments, bundle=None):
        monkeypatch.setattr(bundles, "load", lambda path, verify: bundle or Sizes())
        try:
            predict_(["sizes", *map(str, arguments)])
        finally:
            shown = capsys.readouterr()
        return shown.out, shown.err

    return _predict


def test_values_are_files_or_data_uris_and_are_answered_for_a_person(predict):
    put("a.png", 5, 4)
    put("deep/b.jpg", 9, 3, kind="JPEG")
    address = uri(picture(0, size=(7, 2)))
    out, err = predict("a.png", "deep/b.jpg", address)
    assert out.splitlines() == ["a.png  →  5 x 4", "deep/b.jpg  →  9 x 3", f"{address[:59]}…  →  7 x 2"] and err == ""
    out, _ = predict("a.png", bundle=Sizes("label"))
    assert out == "wide         0.750   a.png\n"
    out, _ = predict("a.png", "--signature", "attention")
    assert json.loads(out)["written"] == ["5", "x", "4"] and json.loads(out)["image"] == "a.png"


def test_values_that_hold_no_picture_are_told_and_the_others_are_answered(predict):
    put("a.png", 5, 4)
    pathlib.Path("cut.png").write_bytes(picture(0)[:90])
    pathlib.Path("film.gif").write_bytes(picture(0, "GIF"))
    pathlib.Path("folder").mkdir()
    out, err = predict("cut.png", "b.png", "a.png", "film.gif", "folder", "data:;base64,A")
    assert out == "a.png  →  5 x 4\n"
    assert err.splitlines() == [
        "cut.png: a damaged image: image file is truncated.",
        "b.png: no such image file: There is no file 'b.png'. Did you mean 'a.png' or 'cut.png'?",
        "film.gif: an image that is no JPEG or PNG: it is GIF.",
        "folder: a folder where an image is asked for: give it as --input folder.",
        "data:;base64,A: a data URI that can't be decoded: the text after 'base64,' is no base64.",
    ]
    with pytest.raises(SystemExit):
        predict("nothing.png")


def test_values_are_answered_as_json_lines_with_their_errors(predict):
    put("a.png", 5, 4)
    out, err = predict("a.png", "b.png", "--json")
    first, second = map(json.loads, out.splitlines())
    assert first == {"image": "a.png", "caption": "5 x 4", "score": 0.25, "readable": True, "error": None}
    assert second["caption"] is None and second["error"].startswith(
        "value 2: no such image file: There is no file 'b.png'"
    )
    assert err.startswith("values: 1 row answered, 1 not: 1 with no such image file (value 2: ")


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_or_an_archive_of_images_is_a_table_of_their_names(predict, packed):
    for number in range(5):
        put(f"photos/{number}.png", 10 + number, 4)
    put("photos/sub/5.jpg", 15, 4, kind="JPEG")
    pathlib.Path("photos/3.png").write_bytes(b"no picture")
    pathlib.Path("photos/notes.txt").write_text("not an image")
    data = "photos"
    if packed:
        names = [f"{number}.png" for number in range(5)] + ["sub/5.jpg", "notes.txt"]
        write_zip("photos.zip", {name: pathlib.Path("photos", name).read_bytes() for name in names})
        data = "photos.zip"
    _, err = predict("--input", data, "--output", "out.csv")
    rows = rows_of("out.csv")
    assert [row["image"] for row in rows] == ["0.png", "1.png", "2.png", "3.png", "4.png", "sub/5.jpg"]
    assert [row["caption"] for row in rows] == ["10 x 4", "11 x 4", "12 x 4", "", "14 x 4", "15 x 4"]
    assert [row["error"] for row in rows] == ["", "", "", "file 3.png: no image in it", "", ""]
    assert err == "out.csv: 5 rows answered, 1 not: 1 with no image in it (file 3.png).\n"
    predict("--input", data, "--output", "less.jsonl", "--skip-bad-rows")
    assert [json.loads(line)["caption"] for line in open("less.jsonl")] == [
        row["caption"] for row in rows if row["caption"]
    ]
    out, _ = predict("--input", data)
    assert list(csv.DictReader(io.StringIO(out))) == rows


def test_a_table_names_images_beside_it_or_where_it_is_said(predict):
    for number in range(3):
        put(f"data/images/{number}.png", 10 + number, 4)
    cells = [("0.png", "a"), ("images/1.png", "b"), ("gone.png", "c"), ("", "d"), (uri(picture(0)), "e")]
    table = write_table("data/list.csv", cells, ("image", "note"))
    predict("--input", table, "--output", "out.csv", "--prefix", "new_")
    rows = rows_of("out.csv")
    assert [row["new_caption"] for row in rows] == ["10 x 4", "11 x 4", "", "", "14 x 10"]
    assert [row["note"] for row in rows] == list("abcde")
    assert (
        rows[2]["new_error"] == "line 4: no such image file: 'gone.png'" and rows[3]["new_error"] == "line 5: no image"
    )
    write_zip("photos.zip", {"x/0.png": picture(0, size=(3, 2))})
    table = write_table("other.jsonl", [("0.png",)], ("photo",))
    out, _ = predict("--input", table, "--images", "photos.zip", "--columns", "image=photo", "--json")
    assert json.loads(out)["caption"] == "3 x 2"
    pathlib.Path("names.txt").write_text("data/images/0.png\ndata/images/2.png\n")
    out, _ = predict("--input", "names.txt")
    assert [row["caption"] for row in csv.DictReader(io.StringIO(out))] == ["10 x 4", "12 x 4"]


def test_names_on_standard_input_are_those_of_files_here(predict, monkeypatch):
    put("photos/a.png", 5, 4)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"photos/a.png\nb.png\n")))
    out, err = predict("--input", "-")
    assert [row["caption"] for row in csv.DictReader(io.StringIO(out))] == ["5 x 4", ""] and "line 2: 'b.png'" in err


def test_no_more_than_64_pictures_are_read_at_once(monkeypatch):
    names = write_pictures("photos", 150)
    pathlib.Path("photos/7.png").write_bytes(b"")
    bundle = Sizes()
    done = predict_file(bundle, "photos", "out.csv", format=Format())
    assert (done.rows, done.answered, done.failed) == (150, 149, 1) and bundle.asked == [64, 64, 22]
    assert sorted(row["image"] for row in rows_of("out.csv")) == sorted(names)
    monkeypatch.setattr("rnnkit.images.contents.FilePicture.content", lambda self: pytest.fail("it was read"))
    input_rows(bundle, "photos", Format())


def test_a_portion_in_which_no_picture_can_be_read_ends_nothing():
    write_pictures("photos", 3)
    for number in range(3):
        pathlib.Path(f"photos/{number}.png").write_bytes(b"nothing")
    done = predict_file(Sizes(), "photos", "out.csv", format=Format())
    assert (done.answered, done.failed) == (0, 3)
    put("photos/3.png", 5, 4)
    assert predict_file(Sizes(), "photos", "out.csv", format=Format()).answered == 1


def test_a_signature_that_tells_not_which_were_readable_answers_all():
    put("photos/a.png", 5, 4)
    pathlib.Path("photos/b.png").write_bytes(b"nothing")
    done = predict_file(Sizes(), "photos", "out.csv", format=Format(), signature="bare")
    assert done.answered == 1 and done.failed == 1
    assert [row["caption"] for row in rows_of("out.csv")] == ["5 x 4", ""]


def test_pictures_at_which_the_model_fails_are_found_among_the_others():
    class Picky(Sizes):
        def predict(self, rows, *, signature="serving_default"):
            if any(size_of(content) == (6, 6) for content in rows["image"]):
                raise MemoryError("no memory is left")
            return super().predict(rows, signature=signature)

    for number in range(5):
        put(f"photos/{number}.png", 3 + number, 6)
    done = predict_file(Picky(), "photos", "out.csv", format=Format())
    assert done.sentence.startswith(
        "out.csv: 4 rows answered, 1 not: 1 with an image that the model can't answer (file 3.png"
    )
    assert [row["caption"] for row in rows_of("out.csv")] == ["3 x 6", "4 x 6", "5 x 6", "", "7 x 6"]


def test_a_folder_is_gone_on_with_unless_its_images_have_changed(monkeypatch):
    monkeypatch.setattr(files, "SIZE", 4)
    monkeypatch.setattr(partial, "EVERY", 0.0)
    write_pictures("photos", 10)
    predict_file(Sizes(), "photos", "whole.csv", format=Format())

    class Stopped(Sizes):
        def predict(self, rows, *, signature="serving_default"):
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().predict(rows, signature=signature)

    run = functools.partial(predict_file, input="photos", output="out.csv", format=Format())
    with pytest.raises(KeyboardInterrupt):
        run(Stopped())
    reports = Said()
    bundle = Sizes()
    run(bundle, resume=True, reporter=reports)
    assert reports.lines == ["out.csv: going on after 8 rows."] and bundle.asked == [2]
    assert pathlib.Path("out.csv").read_bytes() == pathlib.Path("whole.csv").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(Stopped())
    write_pictures("photos", 11)
    with pytest.raises(ValueError, match=r"^out\.csv was begun with another input, or photos has changed since\."):
        run(bundle, resume=True)


def test_attention_is_drawn_over_the_picture(predict):
    put("a.png", 5, 4)
    predict("a.png", "--attention", "looked.png")
    assert Image.open("looked.png").width > 300
    for arguments, says in (
        (["a.png", "--attention", "x.jpg"], r"^--attention must name a \.png file\. Got 'x\.jpg'"),
        (["a.png", "a.png", "--attention", "x.png"], r"^--attention draws one picture given on the line\. Got 2\."),
        (["b.png", "--attention", "x.png"], r"^b\.png: no such image file: There is no file 'b\.png'"),
    ):
        with pytest.raises(ValueError, match=says):
            predict(*arguments)
    assert not pathlib.Path("x.png").exists()


def test_a_folder_without_images_is_refused(predict):
    pathlib.Path("empty").mkdir()
    with pytest.raises(ValueError, match=r"^empty has no images\. It must have files that end in \.jpg, "):
        predict("--input", "empty")
    with pytest.raises(FileNotFoundError, match=r"^There is no file 'nothing'\."):
        predict("--input", "nothing")


def test_pictures_of_a_folder_are_weighed_by_their_bytes():
    write_pictures("photos", 3)
    table = ImageTable("photos", "image")
    assert table.size == sum(path.stat().st_size for path in pathlib.Path("photos").iterdir())


def test_a_data_frame_names_images_or_holds_data_uris():
    put("photos/a.png", 5, 4)
    frame = pd.DataFrame({"image": ["photos/a.png", uri(picture(0)), None]})
    done = predict_file(Sizes(), frame, "out.csv", format=Format())
    assert done.sentence == "out.csv: 2 rows answered, 1 not: 1 with no image (position 2)."
