"""Fuzzing of the reader of pictures: whatever files hold, pictures are read or refused in one line."""

import datetime
import json
import pathlib
import tempfile

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toy_pictures import picture, uri, write_pictures

from rnnkit.images import ImageSourceSettings, read_caption_rows, read_captions
from rnnkit.images.checking import Look, look
from rnnkit.images.contents import bytes_of
from rnnkit.sources.faults import Fault

PROFILE = settings(
    deadline=datetime.timedelta(seconds=5),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    max_examples=150,
)
PIECES = [
    "0.png",
    "1.png",
    "a dog",
    "",
    " ",
    "\t",
    ",",
    '"',
    "\0",
    "#0",
    "\ufeff",
    "\udc80",
    "é",
    "\r",
    "data:;base64,",
]
NAMES = ["x.csv", "x.tsv", "x.txt", "x.jsonl", "x.json"]
HEADS = ["", "image,caption\n", "image\tcaption\n", "image,caption,split\n", "x\n"]
GOOD = [picture(0), picture(1, "JPEG"), picture(2, "PNG", "P"), picture(3, "JPEG", "L", progressive=True)]


def lines():
    line = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=5).map("".join)
    odd = st.lists(st.tuples(line, st.sampled_from(["\n", "\n", "\r\n", ""])), max_size=6)
    plain = st.integers(0, 5).map(lambda count: [(f"{n}.png,the {n} dogs", "\n") for n in range(count)])
    return st.tuples(plain, odd).map(lambda both: "".join(text + end for text, end in both[0] + both[1]))


def contents():
    return st.binary(max_size=60) | lines().map(lambda text: text.encode("utf-8", "surrogateescape"))


def values():
    names = st.sampled_from(["0.png", "1.png", "2.png", "nothing.png", "", "a\0b", 3, None, [1], uri(picture(0))])
    texts = st.sampled_from(["a dog", "", " ", "\ud800", 7, None, ["a dog", "b"], [{"raw": "a dog"}], [{"raw": 2}], []])
    key = st.sampled_from(["id", "image_id", "file_name", "filename", "image", "caption", "sentences", "raw", "split"])
    row = st.dictionaries(key, names | texts | st.integers(0, 2) | st.sampled_from(["train", "val"]), max_size=5)
    rows = st.lists(row | names, max_size=5)
    return rows | st.dictionaries(st.sampled_from(["images", "annotations", "x"]), rows | names, max_size=3)


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path:
        write_pictures(pathlib.Path(path), 4)
        yield pathlib.Path(path)


def check(data, **chosen):
    """Reads, and proves what was read, or that what was refused is told in one line."""
    chosen = ImageSourceSettings(**chosen)
    for reader in (read_captions, read_caption_rows):
        try:
            found = reader(data, settings=chosen)
        except (ValueError, LookupError, OSError) as error:
            assert not isinstance(error, (KeyError, IndexError, UnicodeError)), repr(error)
            assert str(error).strip() and "\n" not in str(error) and "\r" not in str(error), repr(error)
            continue
        for rows in (found.train, found.valid, found.test) if reader is read_captions else (found,):
            assert len(rows) and all(texts and all(text.strip() for text in texts) for texts in rows.captions)
            for chunk in rows.chunks():
                assert all(bytes_of(content) for content in chunk["image"])


@PROFILE
@given(
    st.sampled_from(HEADS), contents(), st.sampled_from(["x.csv", "x.tsv", "x.txt", "x.jsonl", "x.json"]), st.booleans()
)
@example("image,caption\n", b"0.png,a\n1.png,b\n2.png,c\n3.png,d\n", "x.csv", False)
@example("", b"0.png#0\ta\n1.png\tb\n2.png#7\tc\n", "x.txt", True)
def test_captions_files_are_read_or_refused_in_one_line(folder, head, content, name, skip):
    (folder / name).write_bytes(head.encode() + content)
    check(folder / name, skip_bad_rows=skip)


@PROFILE
@given(values(), st.booleans())
@example({"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"image_id": 1, "caption": "a"}]}, False)
@example({"images": [{"filename": "0.png", "sentences": [{"raw": "a"}], "split": "val"}]}, True)
@example([{"image": "0.png", "caption": "a"}, {"image": "1.png", "caption": ["b", "c"]}], True)
def test_json_files_are_read_or_refused_in_one_line(folder, value, skip):
    (folder / "x.json").write_text(json.dumps(value))
    check(folder / "x.json", skip_bad_rows=skip)


@PROFILE
@given(st.sampled_from(GOOD), st.integers(0, 400), st.binary(max_size=8), st.integers(0, 400))
def test_damaged_pictures_are_seen_or_told_as_faults(content, cut, put, place):
    damaged = content[:place] + put + content[place + len(put) : max(len(content) - cut, place)]
    found = look(damaged, most_pixels=1_000_000)
    assert type(found) in (Look, Fault)
    if type(found) is Look:
        assert found.height * found.width <= 1_000_000


@PROFILE
@given(st.binary(max_size=200))
def test_archives_of_any_bytes_are_read_or_refused_in_one_line(folder, content):
    (folder / "x.zip").write_bytes(b"PK\x05\x06" + content)
    check(folder / "x.zip")
