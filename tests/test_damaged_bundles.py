"""Damaged bundles: any flipped bit and any lost end of any file is noticed when the bundle is used, in one line."""

import json
import pathlib
import random
import shutil
import zipfile

import pytest
from toy_bundle import CARD

import rnnkit
from rnnkit import catalog, keras_files
from rnnkit.parts import load_parts

TRIES = 30
KINDS = [
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
    "training/core.keras",
    "training/features.keras",
    "training/target.keras",
    "training/settings.yaml",
    "training/history.csv",
    "training/report.png",
    "training/rows.test.jsonl",
    "training/rows.train.jsonl",
    "assets.extra/tf_serving_warmup_requests",
    CARD,
]


def damaged(content, chance):
    """Flips a few bits, loses the end, or adds to it."""
    how = chance.randrange(6)
    if how == 0 and content:
        return content[: chance.randrange(len(content))]
    if how == 1:
        return content + chance.randbytes(1 + chance.randrange(9))
    flipped = bytearray(content)
    for _ in range(chance.choice([1, 1, 3])):
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


@pytest.fixture(scope="module")
def copy(tiny, tmp_path_factory):
    """A copy of the tiny bundle; each test mends what it damages."""
    return shutil.copytree(tiny.path, tmp_path_factory.mktemp("damaged") / "1")


def one_line(error):
    assert isinstance(error, (ValueError, LookupError, OSError)) and not isinstance(error, (KeyError, IndexError))
    assert str(error).strip() and "\n" not in str(error)
    return str(error)


def test_the_kinds_are_all_files_of_a_bundle(tiny):
    names = {path.relative_to(tiny.path).as_posix() for path in tiny.path.rglob("*") if path.is_file()}
    assert set(KINDS) <= names and {*tiny.card["files"], CARD} == names


@pytest.mark.parametrize("name", KINDS)
def test_any_damage_is_noticed_and_named(copy, name):
    path, chance = copy / name, random.Random(name)
    whole, card = path.read_bytes(), rnnkit.load(copy).card
    noticed = 0
    try:
        for _ in range(TRIES):
            content = damaged(whole, chance)
            # A card may be written in another way, such as 1E-5 for 1e-5.
            if content == whole or (name == CARD and read_card(content) == card):
                continue
            path.write_bytes(content)
            with pytest.raises((ValueError, LookupError, OSError)) as error:
                _ = rnnkit.load(copy).verified
            assert pathlib.PurePath(name).name in one_line(error.value)
            noticed += 1
    finally:
        path.write_bytes(whole)
    assert noticed > TRIES / 2 and rnnkit.load(copy).verified


def read_card(content):
    try:
        return json.loads(content)
    except ValueError:
        return None


@pytest.mark.parametrize("use", ["model", "rows", "parts"])
def test_whatever_is_used_of_a_bundle_all_of_it_is_compared_first(copy, use):
    path = copy / "training" / "report.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        bundle = rnnkit.load(copy)
        uses = {
            "model": lambda: bundle.predict("text"),
            "rows": lambda: bundle.rows("test"),
            "parts": lambda: load_parts(bundle, catalog.load("sentiment")),
        }
        with pytest.raises(ValueError, match=r"report\.png is not as it was written: its SHA-256 is"):
            uses[use]()
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["core", "features", "target"])
def test_parts_that_nothing_was_compared_with_are_loaded_or_refused_in_one_line(tiny, tmp_path, name):
    catalog.load("sentiment")
    with zipfile.ZipFile(tiny.path / "training" / f"{name}.keras") as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    path, chance, refused = tmp_path / f"{name}.keras", random.Random(name), 0
    for _ in range(TRIES * 2):
        chosen = chance.choice(["config.json", "model.weights.h5"])
        # Written anew with the checksums of zip, so that Keras sees the damage.
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, damaged(content, chance) if member == chosen else content)
        try:
            keras_files.load_model(path)
        except (ValueError, LookupError, OSError) as error:
            assert path.name in one_line(error)
            refused += 1
    assert refused > TRIES / 3


def test_rows_that_nothing_was_compared_with_are_read_or_refused_in_one_line(tiny, copy):
    path, chance, refused = copy / "training" / "rows.test.jsonl", random.Random(5), 0
    whole = path.read_bytes()
    try:
        for _ in range(200):
            path.write_bytes(damaged(whole, chance))
            try:
                rows = rnnkit.load(copy, verify=False).rows("test")
                assert all(type(row) is dict and {"text", "label"} <= row.keys() for row in rows)
            except (ValueError, LookupError, OSError) as error:
                assert "rows.test.jsonl is damaged" in one_line(error)
                refused += 1
    finally:
        path.write_bytes(whole)
    assert refused > 20


def test_a_card_that_nothing_was_compared_with_is_shown_or_refused_in_one_line(copy, capsys):
    from rnnkit.commands.showing import show_

    path, chance, refused = copy / CARD, random.Random(6), 0
    whole = path.read_bytes()
    try:
        for _ in range(200):
            path.write_bytes(damaged(whole, chance))
            try:
                show_([str(copy), "--no-verify"])
            except (ValueError, LookupError, OSError) as error:
                assert "card.json is" in one_line(error)
                refused += 1
    finally:
        path.write_bytes(whole)
        capsys.readouterr()
    assert refused > 20
