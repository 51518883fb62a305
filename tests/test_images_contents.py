"""Contents of pictures: files, archives and data URIs are found by name, read once they are needed, by any thread."""

import concurrent.futures
import os
import pathlib
import threading

import pytest
from toy_pictures import picture, uri, write_pictures, write_zip

from rnnkit.images.contents import Shelf, bytes_of
from rnnkit.images.stores import Archive, Folder, open_store, open_zip
from rnnkit.sources.faults import Fault


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", ["image/png;base64,", "image/jpeg; charset=x;base64,", ";BASE64,"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 300])
def test_a_data_uri_gives_its_bytes_whatever_its_padding_alphabet_and_spaces(text, size):
    content = bytes(range(256)) * 2
    content = content[-size:] if size else b""
    plain = uri(content).partition(",")[2]
    for written in (plain, plain.rstrip("="), plain.replace("+", "-").replace("/", "_"), plain[:1] + "\n " + plain[1:]):
        assert bytes_of(f"data:{text}{written}") == content
    assert bytes_of(content) == content


@pytest.mark.parametrize("text", ["data:", "data:a,AAAA", "data:;base64", "data:;base64,AAAAA", "data:;base64,A.A="])
def test_a_data_uri_without_base64_is_refused(text):
    with pytest.raises(ValueError, match="base64"):
        bytes_of(text)


def test_images_are_found_by_their_path_or_by_its_last_part():
    write_pictures("photos/a/b", 2)
    write_zip("photos.zip", {f"x/y/{n}.png": picture(n) for n in range(2)})
    for store in (open_store("photos"), open_store("photos.zip")):
        inside = next(iter(store.paths()))
        for name in (inside, "0.png", "elsewhere/0.png", "else\\where\\0.png"):
            assert store.find(name).content() == picture(0)
        for name in ("9.png", "", "/", "..", "a", "a\0b", "x" * 5_000):
            assert type(store.find(name)) is Fault, name
    assert open_store("photos").find(os.path.abspath("photos/a/b/1.png")).content() == picture(1)


def test_beside_a_captions_file_images_are_looked_for_no_deeper_than_one_folder():
    write_pictures("photos/deep/deeper", 1)
    write_pictures("photos/flat", 1, "{}.PNG")
    store = Folder(pathlib.Path("photos"), deep=False)
    assert list(store.paths()) == ["flat/0.PNG"]
    assert type(store.find("0.png")) is Fault and store.find("0.PNG").content() == picture(0)


def test_hidden_files_and_folders_are_not_listed():
    write_pictures("photos/.cache", 1)
    write_pictures("photos/.trash/a", 1)
    write_zip("photos.zip", {"__MACOSX/._0.png": b"x", "0.png": picture(0), "._0.png": b"x"})
    assert list(open_store("photos").paths()) == [] and list(open_store("photos.zip").paths()) == ["0.png"]


def test_an_archive_is_opened_once_and_read_by_many_threads():
    write_zip("photos.zip", {f"{n}.png": picture(n, size=(60, 50)) for n in range(40)})
    assert open_zip(pathlib.Path("photos.zip")) is open_zip(pathlib.Path("photos.zip"))
    store = open_store("photos.zip")
    expected = [picture(n, size=(60, 50)) for n in range(40)]
    start = threading.Barrier(8)

    def read_all(_):
        start.wait()
        return [store.find(f"{n}.png").content() for n in range(40)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(read_all, range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are forked")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_archive_is_opened_anew_in_a_forked_process():
    write_zip("photos.zip", {f"{n}.png": picture(n) for n in range(2)})
    archive = open_zip(pathlib.Path("photos.zip"))
    before = archive._file()
    child = os.fork()
    if not child:
        os._exit(0 if archive._file() is not before and archive.read("1.png", "1.png") == picture(1) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and archive._file() is before


def test_a_folder_in_an_archive_may_be_where_names_begin():
    write_zip("photos.zip", {"top/a/0.png": picture(0), "other/1.png": picture(1)})
    store = Archive(open_zip(pathlib.Path("photos.zip")), "top/")
    assert list(store.paths()) == ["a/0.png"] and type(store.find("1.png")) is Fault
    assert store.find("a/0.png").name == "photos.zip/top/a/0.png"


def test_an_entry_with_a_password_is_told(here):
    # Flag 1 of both headers says that an entry is encrypted.
    write_zip("photos.zip", {"0.png": picture(0)})
    whole = bytearray((here / "photos.zip").read_bytes())
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    (here / "photos.zip").write_bytes(whole)
    with pytest.raises(OSError, match=r"^photos\.zip/0\.png can't be read: .*(password|encrypted)"):
        open_store("photos.zip").find("0.png").content()


def test_contents_past_the_limit_go_to_a_temporary_file_and_come_back():
    shelf = Shelf(most=500)
    contents = [picture(0), uri(picture(1)), b"", picture(2), "data:;base64,"]
    kept = [shelf.add(content, f"row {n}") for n, content in enumerate(contents)]
    assert not shelf.in_memory and Shelf().in_memory
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda one: one.content(), kept * 50)) == contents * 50
    assert [one.name for one in kept] == [f"row {n}" for n in range(5)]


def test_no_room_for_the_temporary_file_is_told(monkeypatch):
    def full(**how):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rnnkit.images.contents.tempfile.TemporaryFile", full)
    with pytest.raises(OSError, match=r"no room for the pictures in .*: no space left on device\. .* TMPDIR"):
        Shelf(most=0).add(b"a picture", "row 1")
