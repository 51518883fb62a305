"""A settings file holds plain values and nothing else: no objects, no aliases, nothing nested; told in one line."""

import os
import resource

import pytest

from rnnkit import catalog
from rnnkit.commands.parsing import Parser
from rnnkit.plain_yaml import DEEPEST, LARGEST, read_plain

MARK = "rnnkit_was_here"
TAGGED = [
    "!!python/object/apply:os.system ['touch {mark}']",
    "units: !!python/object/apply:os.system ['touch {mark}']",
    "units: !!python/object/new:os.system [touch {mark}]",
    "units: !!python/name:os.system",
    "? !!python/object/apply:os.system ['touch {mark}']\n: 1",
    "units: !<tag:yaml.org,2002:python/object/apply:os.system> ['touch {mark}']",
    "%TAG !p! tag:yaml.org,2002:python/\n---\nunits: !p!object/apply:os.system ['touch {mark}']",
    "units: !!binary aGVsbG8=",
    "seed: !!timestamp x",
    "seed: !!int x",
    "lower: !!bool x",
    "data: !!set {{a}}",
]


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Returns the one line that refuses a settings file, from the parser that every verb uses."""
    monkeypatch.chdir(tmp_path)
    kind = catalog.load("sentiment").settings

    def read(text):
        (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
        parser = Parser(prog="run")
        parser.add_config()
        parser.add_settings(kind)
        with pytest.raises(ValueError) as error:
            parser.parse(["--config", "s.yaml"])
        assert type(error.value) is ValueError and "\n" not in str(error.value)
        return str(error.value)

    return read


@pytest.mark.parametrize("text", TAGGED)
def test_a_tag_makes_no_object(refused, tmp_path, text):
    message = refused(text.format(mark=MARK))
    assert message.startswith("s.yaml") and ("the tag" in message or "settings are expected" in message)
    assert os.listdir(tmp_path) == ["s.yaml"]


ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}, *a{n}]\n" for n in range(30))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1}\n  <<: [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(12))


@pytest.mark.parametrize("text", [ALIASES, MERGES, "units: &u 5\nseed: *u", "&a {units: *a}"])
def test_aliases_do_not_grow(refused, text):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "a value must be" in refused(text)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("units: [1, 2]", "s.yaml, line 1: a value must be a single one. Got a list. "),
        ("seed: 3\ncolumns: {text: a}", "s.yaml, line 2: a value must be a single one. Got a mapping. "),
        ("- 1", "s.yaml: settings are expected, one `setting: value` a line. Got list."),
        ("just words", "s.yaml: settings are expected, one `setting: value` a line. Got text."),
        ("", "s.yaml holds no settings. "),
        ("# a comment\n", "s.yaml holds no settings. "),
        ("~", "s.yaml holds no settings. "),
        ("units: 5\nseed: 1\nunits: 6", "s.yaml: units is there twice. Take one of the lines out."),
        ("units: 5\n---\nunits: 6", "s.yaml, line 3: a value must be a single one. Got a mapping. "),
        ("seed: " + "9" * 5000, "s.yaml: not YAML: Exceeds the limit (4300 digits)"),
        ("seed: 2020-13-45", "s.yaml: not YAML: month must be in 1..12"),
        ("units: [1", "s.yaml, line 1: not YAML: "),
        ("units: \0", "s.yaml: not YAML: "),
    ],
)
def test_what_is_no_plain_settings_is_refused_with_its_line(refused, text, message):
    assert refused(text).startswith(message)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
@pytest.mark.parametrize("depth", [DEEPEST - 1, 60_000])
def test_depth_ends_in_no_recursion(refused, opening, depth):
    assert refused("units: " * (opening in "[{a: ") + opening * depth).startswith("s.yaml")


def test_a_file_too_large_for_settings_is_not_parsed(refused):
    assert refused("#" * (LARGEST + 1)) == "s.yaml is no file of settings: it has 262,145 bytes."


def test_plain_values_are_read(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("\ufeff# all\nunits: 7\n'cell': gru\nrate: 1.5\nlower: no\n? note\n: |\n  a\n  b\nday: ! 2020\n")
    values = {"units": 7, "cell": "gru", "rate": 1.5, "lower": False, "note": "a\nb\n", "day": 2020}
    assert read_plain(path) == values


@pytest.mark.parametrize("flag", ["--units", "--dropout", "--lower"])
def test_a_flags_value_makes_no_object(tmp_path, monkeypatch, flag):
    monkeypatch.chdir(tmp_path)
    parser = Parser(prog="run")
    parser.add_settings(catalog.load("sentiment").settings)
    with pytest.raises(ValueError) as error:
        parser.parse([f"{flag}=!!python/object/apply:os.system ['touch {MARK}']"])
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())
