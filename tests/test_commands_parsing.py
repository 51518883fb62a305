"""Parsing: one description of a setting gives its flag, its help and its line of YAML."""

import dataclasses

import pytest
import yaml

from rnnkit import catalog
from rnnkit.cli import main
from rnnkit.commands.parsing import Parser
from rnnkit.settings import Settings, from_mapping, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heat(Settings):
    """How warm it is."""

    degrees: int = setting(0, "Degrees, 100% exact.", at_least=-273, below=300)
    rate: float = setting(3e-5, "Degrees a second.", above=0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Oven(Heat):
    """An oven."""

    fan: bool = setting(True, "Blow.")
    note: str = setting("", "What to remember.")
    shelf: str = setting("no", "Whether it has one.", choices=("yes", "no"))


@pytest.fixture
def parser():
    made = Parser(prog="oven")
    made.add_config()
    made.add_settings(Oven)
    return made


def parse(parser, *arguments):
    return from_mapping(Oven, parser.parse(list(arguments)))


def test_every_setting_is_a_flag(parser):
    given = parse(parser, "--degrees", "-5", "--rate=1e-3", "--no-fan", "--note", "null", "--shelf", "yes")
    assert given == Oven(degrees=-5, rate=1e-3, fan=False, note="null", shelf="yes")


def test_nothing_given_is_the_default(parser):
    assert parse(parser) == Oven()


@pytest.mark.parametrize("note", ["5", "true", "[1]", "a: b", "", "x=y", "50 %", "'"])
def test_a_text_stays_as_typed(parser, note):
    assert parse(parser, f"--note={note}").note == note


def test_help_shows_meaning_default_and_limits(parser):
    text = " ".join(parser.format_help().split())
    assert "how warm it is: --degrees 0 Degrees, 100% exact. At least -273, below 300." in text
    assert "--rate 3e-05 Degrees a second. Above 0." in text
    assert "--fan, --no-fan Blow. Default: yes." in text
    assert "--note TEXT What to remember." in text
    assert "--shelf no Whether it has one. One of: yes, no." in text
    assert "type:" not in text and "The value shown after a flag is its default." in text


def printed(parser, capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        parser.parse([*arguments, "--print-config"])
    assert not end.value.code
    return capsys.readouterr().out


def test_printed_settings_are_commented_and_read_back_the_same(parser, capsys, tmp_path):
    text = printed(parser, capsys, "--degrees", "7", "--note", "no: 5", "--rate", "1e-7")
    assert "# Degrees, 100% exact. At least -273, below 300.\ndegrees: 7\n" in text
    assert yaml.safe_load(text).keys() == Oven().as_dict().keys()
    (tmp_path / "oven.yaml").write_text(text)
    assert parse(parser, "--config", str(tmp_path / "oven.yaml")) == Oven(degrees=7, note="no: 5", rate=1e-7)


def test_flags_win_over_the_file(parser, tmp_path):
    (tmp_path / "oven.yaml").write_text("degrees: 7\nfan: false\n")
    config = f"--config={tmp_path / 'oven.yaml'}"
    assert parse(parser, config, "--degrees", "9") == Oven(degrees=9, fan=False)
    assert parse(parser, "--degrees", "9", config).degrees in (7, 9)


def test_the_printed_settings_of_every_recipe_are_complete_and_read_back_the_same(capsys, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("rnnkit.running.run", lambda recipe, settings, *_: seen.append(settings))
    monkeypatch.setattr("rnnkit.commands.training.print_scores", lambda _: None)
    assert catalog.names()
    for name in catalog.names():
        kind = catalog.load(name).settings
        assert main(["run", name, "--seed", "11", "--print-config"]) == 0
        text = capsys.readouterr().out
        names = [field.name for field in dataclasses.fields(kind)]
        assert set(names) <= yaml.safe_load(text).keys()
        assert all(field.metadata["help"] in text.replace("\n# ", " ") for field in dataclasses.fields(kind))
        (tmp_path / "all.yaml").write_text(text)
        assert main(["run", name, "--config", str(tmp_path / "all.yaml"), "--epochs", "4"]) == 0
        assert seen.pop() == kind(seed=11, epochs=4)
