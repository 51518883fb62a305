"""Loading a bundle: what is none, or damaged, is said to be so before it is used."""

import hashlib
import json
import os
import shutil

import pytest
from toy_bundle import CARD

import rnnkit
from rnnkit.bundle.hashing import hash_card


def test_what_is_no_bundle_is_named(tmp_path, tiny):
    with pytest.raises(FileNotFoundError, match=r"There is no bundle '.*nowhere'\. `rnnkit run RECIPE` makes one"):
        rnnkit.load(tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match=r"is no bundle: it holds neither saved_model\.pb nor assets\.extra/card\.json"
    ):
        rnnkit.load(tmp_path)
    with pytest.raises(ValueError, match=r"is no bundle but holds some\. Name one: '.*tiny'\."):
        rnnkit.load(tiny.path.parents[1])
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=r"file is no bundle"):
        rnnkit.load(tmp_path / "file")


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", CARD])
def test_a_missing_file_is_named(tmp_path, tiny, name):
    copy = shutil.copytree(tiny.path, tmp_path / "copy")
    (copy / name).unlink()
    with pytest.raises(ValueError, match=rf"The bundle .*copy is damaged: it lacks '{name}'\. Run the recipe again\."):
        rnnkit.load(copy)


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", CARD]
)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_truncated_file_is_found_out(tmp_path, tiny, name, share):
    copy = shutil.copytree(tiny.path, tmp_path / "copy")
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"^The bundle .*copy is damaged: .*\. (Copy the bundle|Run the recipe) again"):
        rnnkit.load(copy).predict("text")


def test_a_card_of_something_else_is_refused(tmp_path, tiny):
    copy = shutil.copytree(tiny.path, tmp_path / "copy")
    for content in ("[]", '{"recipe": "sentiment"}'):
        (copy / CARD).write_text(content)
        with pytest.raises(ValueError, match=r"card\.json is no card of rnnkit"):
            rnnkit.load(copy)


@pytest.fixture
def copy(tiny, tmp_path):
    """A copy of the tiny bundle, to be damaged."""
    return shutil.copytree(tiny.path, tmp_path / "copy")


def test_the_card_has_size_and_hash_of_every_other_file(tiny):
    found = {path.relative_to(tiny.path).as_posix(): path for path in tiny.path.rglob("*") if path.is_file()}
    content = {name: path.read_bytes() for name, path in found.items() if name != CARD}
    expected = {n: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in content.items()}
    assert len(expected) > 8 and tiny.card["files"] == expected
    assert len(tiny.sha256) == 64 and tiny.verified


@pytest.mark.parametrize("use", ["model", "rows"])
def test_another_content_of_the_same_length_is_found_out_when_the_bundle_is_used(copy, use):
    path = copy / "training" / "history.csv"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    bundle = rnnkit.load(copy)
    with pytest.raises(ValueError, match=r"history\.csv is not as it was written: its SHA-256 is .*--no-verify"):
        _ = bundle.model if use == "model" else bundle.rows("test")
    rnnkit.load(copy, verify=False).predict("text")


@pytest.mark.parametrize("change", ["value", "hash", "files lost", "hash lost"])
def test_another_card_is_found_out_however_it_is_laid_out(copy, change):
    path = copy / CARD
    card = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(card.items()))))
    assert rnnkit.load(copy).verified
    if change == "value":
        card["labels"][0] += "x"
    elif change == "hash":
        card["sha256"] = card["sha256"][::-1]
    else:
        del card[{"files lost": "files", "hash lost": "sha256"}[change]]
    path.write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"card\.json is not as it was written: .* or pass --no-verify\.$"):
        rnnkit.load(copy)
    assert not rnnkit.load(copy, verify=False).verified


def test_a_bundle_of_an_rnnkit_that_did_not_hash_is_loaded_and_said_to_be_so(copy, capsys):
    from rnnkit.commands.showing import show_

    card = json.loads((copy / CARD).read_text(encoding="utf-8"))
    del card["files"], card["sha256"]
    (copy / CARD).write_text(json.dumps(card))
    bundle = rnnkit.load(copy)
    assert bundle.sha256 is None and not bundle.verified and len(bundle.predict("text")["label"]) == 1
    show_([str(copy)])
    assert "not hashed: an earlier rnnkit wrote it" in capsys.readouterr().out


def test_files_and_folders_of_others_are_left_alone(copy):
    (copy / "assets.extra" / "other").write_text("x")
    (copy / "theirs").mkdir()
    assert rnnkit.load(copy).verified


NAMES = ["/etc/hostname", "../outside", "training/../../outside", "a//b", "./a", "C:/x", "a\\b", "", "a\0b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_card_that_names_files_outside_is_refused(copy, name):
    rewrite(copy, lambda card: card["files"].update({name: {"bytes": 1, "sha256": "0" * 64}}))
    with pytest.raises(ValueError, match=r"card\.json is no card of rnnkit"):
        rnnkit.load(copy)


def rewrite(folder, change):
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    change(card)
    (folder / CARD).write_text(json.dumps({**card, "sha256": hash_card(card)}), encoding="utf-8")


ENTRIES = [[], {"a": 1}, {"a": {"bytes": -1.5, "sha256": "0" * 64}}, {"a": {"bytes": 1, "sha256": "../x"}}]


@pytest.mark.parametrize("files", ENTRIES)
def test_a_card_with_odd_hashes_is_refused(copy, files):
    rewrite(copy, lambda card: card.update(files=files))
    with pytest.raises(ValueError, match=r"card\.json is no card of rnnkit"):
        rnnkit.load(copy)


@pytest.mark.parametrize("name", ["assets.extra/card.json", "saved_model.pb", "training", "other"])
def test_a_link_that_leads_out_is_refused(copy, tmp_path, name):
    path, outside = copy / name, tmp_path / "outside"
    if path.exists():
        path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(ValueError, match=rf"{name} is a link that leads out of the bundle, to '.*outside'\. .*cp -rL"):
        rnnkit.load(copy)


def test_links_inside_a_bundle_and_to_a_bundle_are_followed(copy, tmp_path):
    (copy / "training" / "core.keras").rename(copy / "core.keras")
    (copy / "training" / "core.keras").symlink_to("../core.keras")
    (tmp_path / "newest").symlink_to(copy)
    assert rnnkit.load(tmp_path / "newest").verified


def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(copy):
    path = copy / "training" / "history.csv"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match=r"training/history\.csv is no plain file\. Copy the bundle again"):
        rnnkit.load(copy)


CARDS = [("signatures", []), ("signatures", {"a": 1}), ("inputs", "text"), ("inputs", [1]), ("data", 3), ("target", {})]


@pytest.mark.parametrize(("key", "value"), CARDS)
def test_a_card_of_odd_kinds_is_refused_even_unverified(copy, key, value):
    rewrite(copy, lambda card: card.update({key: value}))
    with pytest.raises(ValueError, match=r"card\.json is no card of rnnkit"):
        rnnkit.load(copy, verify=False)


def test_a_deeply_nested_card_is_refused(copy):
    (copy / CARD).write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"card\.json is no card of rnnkit"):
        rnnkit.load(copy)


def test_show_refuses_a_card_that_lacks_what_it_prints(copy):
    from rnnkit.commands.showing import show_

    rewrite(copy, lambda card: card.pop("best_epoch"))
    with pytest.raises(ValueError, match=r"card\.json is damaged: KeyError\('best_epoch'\)"):
        show_([str(copy)])


def test_what_was_exported_is_compared_when_it_is_shown(copy):
    from rnnkit.commands.showing import show_

    (copy / "edge").mkdir()
    entry = {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
    (copy / "edge" / "parity.json").write_text(json.dumps({"files": {"model.tflite": entry}}))
    (copy / "edge" / "model.tflite").write_bytes(b"abc")
    show_([str(copy)])
    for content in (b"abx", b"ab"):
        (copy / "edge" / "model.tflite").write_bytes(content)
        with pytest.raises(
            ValueError, match=r"edge is damaged: model\.tflite is not .* Export it again: rnnkit export"
        ):
            show_([str(copy)])
    show_([str(copy), "--no-verify"])
    for content in ("[]", '{"files": {"../x": {}}}', '{"files"'):
        (copy / "edge" / "parity.json").write_text(content)
        with pytest.raises(ValueError, match=r"edge/parity\.json is none that rnnkit has written\. Export it again"):
            show_([str(copy)])


def test_without_its_rows_and_parts_a_bundle_still_answers_where_that_is_asked_for(copy):
    shutil.rmtree(copy / "training")
    (copy / "assets.extra" / "tf_serving_warmup_requests").unlink()
    with pytest.raises(ValueError, match=r"is damaged: it lacks '.*Copy the bundle again, or pass --no-verify\.$"):
        rnnkit.load(copy)
    assert len(rnnkit.load(copy, verify=False).predict(["one", "two"])["label"]) == 2


@pytest.mark.parametrize("verb", ["show", "evaluate", "export"])
def test_no_verify_is_a_flag_of_every_verb_that_reads_a_bundle(copy, tmp_path, capsys, reviews, monkeypatch, verb):
    from rnnkit.cli import main

    def reached(*_, **__):
        raise ValueError("the export was reached")

    monkeypatch.setattr("rnnkit.export.edge.export_tflite", reached)
    reviews.to_csv(tmp_path / "r.csv", index=False)
    more = {"show": [], "evaluate": ["--data", str(tmp_path / "r.csv")], "export": ["--to", "tflite"]}
    (copy / "training" / "history.csv").write_text("")
    assert main([verb, str(copy), *more[verb]]) == 2
    assert "history.csv is not as it was written: it has 0 bytes" in capsys.readouterr().err
    assert main([verb, str(copy), *more[verb], "--no-verify"]) == (2 if verb == "export" else 0)
    assert ("the export was reached" in capsys.readouterr().err) == (verb == "export")
