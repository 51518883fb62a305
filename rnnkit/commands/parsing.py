"""Parsing: flags and YAML -> settings, by jsonargparse, with help and errors in the words of the user."""

import dataclasses
import pathlib
import re
import sys

import jsonargparse
import yaml

from rnnkit.messages import did_you_mean
from rnnkit.plain_yaml import read_plain
from rnnkit.settings import KINDS, Settings, SourceSettings, unknown_setting

LIMITS = {"at_least": "at least {}", "above": "above {}", "at_most": "at most {}", "below": "below {}"}
SWITCHES = ("help", "config", "print_config", "json", "resume")
READING = ("columns", "header", "encoding", "quoting", "skip_bad_rows")


class Parser(jsonargparse.ArgumentParser):
    """An argument parser whose errors are exceptions with one line of text."""

    def __init__(self, **kwargs):
        super().__init__(
            exit_on_error=False,
            allow_abbrev=False,
            formatter_class=_HelpFormatter,
            print_config=None,
            **kwargs,
        )

    def add_config(self) -> None:
        """Adds --config, to read settings from YAML, and --print-config, to write all of them."""
        self.add_argument("--config", action="config", metavar="FILE", help="YAML file of settings; flags win.")
        help = "Print all settings as YAML, with what each means, and do nothing else."
        self.add_argument("--print-config", action="store_true", help=help)

    def add_settings(self, kind: type[Settings], defaults: Settings | None = None) -> None:
        """Adds one flag per setting of `kind`, grouped by the class that declares it.

        Args:
            kind: The settings.
            defaults: Of that kind; what holds where nothing is given, else each setting's own default.
        """
        self.epilog = "The value shown after a flag is its default."
        for declaring in (*kind.__mro__[1:], kind):
            if fields := [field for field in dataclasses.fields(kind) if _declaring(kind, field.name) is declaring]:
                title = "this recipe" if declaring is kind else declaring.__doc__.partition("\n")[0].rstrip(".").lower()
                group = self.add_argument_group(title)
                for field in fields:
                    _add_setting(group, field, getattr(defaults, field.name) if defaults else field.default)

    def add_reading(self) -> None:
        """Adds the flags that say how a table is read; but for --skip-bad-rows, None where not given."""
        for field in dataclasses.fields(SourceSettings):
            if field.name in READING:
                _add_setting(self, field, field.default if field.type is bool else None)

    def add_switch(self, name: str, default: bool, help: str) -> None:
        """Adds --name and --no-name."""
        self.add_argument(f"--{name}", action=jsonargparse.ActionYesNo(no_prefix="no-"), default=default, help=help)

    def add_no_verify(self) -> None:
        """Adds --no-verify, of the verbs that read a bundle."""
        help = "Do not compare the bundle's files with the sizes and hashes in its card."
        self.add_argument("--no-verify", action="store_true", help=help)

    def add_json(self, help: str = "End with one JSON object on the last line.") -> None:
        """Adds --json."""
        self.add_argument("--json", action="store_true", help=help)

    @property
    def given(self) -> set[str]:
        """Names of the arguments parsed last that do not come from defaults."""
        return set(vars(self.parse_args(self._arguments, defaults=False)))

    def parse(self, arguments: list[str]) -> dict[str, object]:
        """Parses the arguments.

        Raises:
            LookupError: A flag or a key of the YAML file does not exist.
            ValueError: A value is of the wrong type.
            FileNotFoundError: The YAML file does not exist.
        """
        known = {action.dest: action for action in self._actions if action.dest not in SWITCHES}
        for place, argument in enumerate(arguments):
            if argument.startswith("--config="):
                _check_yaml(pathlib.Path(argument.partition("=")[2]), known)
            elif argument == "--config" and place + 1 < len(arguments):
                _check_yaml(pathlib.Path(arguments[place + 1]), known)
        try:
            parsed = self.parse_args(arguments)
        except jsonargparse.ArgumentError as error:
            raise _in_our_words(str(error), known) from None
        self._arguments = arguments
        values = {name: value for name, value in vars(parsed).items() if name != "config"}
        if values.pop("print_config", False):
            sys.stdout.write(_as_yaml(self.description or self.prog, known, values))
            self.exit()
        return values


def preset_in(flags: list[str]) -> str:
    """Finds --preset before the other flags are read, for it sets their defaults."""
    for place, flag in enumerate(flags):
        if flag.startswith("--preset="):
            return flag.partition("=")[2]
        if flag == "--preset":
            return flags[place + 1] if place + 1 < len(flags) else ""
    return ""


def _as_yaml(title, actions, values):
    # Not the library's own, which writes a bare `no` that YAML reads as false.
    lines = [f"# {title}"]
    for name, action in actions.items():
        lines += ["", f"# {action.help}", yaml.safe_dump({name: values[name]}, allow_unicode=True).rstrip()]
    return "\n".join(lines) + "\n"


def _declaring(kind, name):
    """Returns the class whose word holds for a field: of those that declare it, the one nearest to `kind`."""
    return next(base for base in kind.__mro__ if name in vars(base).get("__annotations__", {}))


class _HelpFormatter(jsonargparse.DefaultHelpFormatter):
    """Shows the help as it was written; the library's own adds type and default to each line."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=32)

    def _get_help_string(self, action):
        return action.help or ""


def _add_setting(group, field, default):
    flag, help = f"--{field.name.replace('_', '-')}", _help(field)
    if field.type is bool:
        action = jsonargparse.ActionYesNo(no_prefix="no-")
        group.add_argument(flag, action=action, default=default, help=help)
        return
    shown = "TEXT" if default in ("", None) else _number(default) if field.type is float else str(default)
    help = f"{help} Default: as in training." if default is None else help
    group.add_argument(flag, type=field.type, default=default, metavar=shown, help=help)


def _help(field):
    """Returns what a setting means and what is allowed, for --help and for comments in YAML."""
    parts, limits = [field.metadata["help"]], field.metadata
    if limits["choices"]:
        parts.append(f"One of: {', '.join(limits['choices'])}.")
    if bounds := [text.format(_number(limits[name])) for name, text in LIMITS.items() if limits[name] is not None]:
        parts.append(f"{', '.join(bounds).capitalize()}.")
    if field.type is bool:
        parts.append(f"Default: {'yes' if field.default else 'no'}.")
    return " ".join(parts)


def _number(value):
    return f"{value:g}" if type(value) is float else str(value)


def _check_yaml(path, actions):
    if not path.is_file():
        raise FileNotFoundError(
            f"--config {str(path)!r}: there is no such file. `--print-config` writes one to begin from."
        )
    for name, value in read_plain(path).items():
        if name not in actions:
            raise LookupError(f"{path}: {unknown_setting(str(name), actions)}")
        _check_yaml_value(path, name, value, yes_no=isinstance(actions[name], jsonargparse.ActionYesNo))


def _check_yaml_value(path, name, value, *, yes_no):
    if value is None:
        raise ValueError(f"{path}: {name} has no value. Give it one, '' for an empty text, or take the line out.")
    if yes_no and not isinstance(value, bool):
        raise ValueError(f"{path}: {name} must be {KINDS[bool]}. Got {value!r}.")
    if isinstance(value, bool) and not yes_no:
        raise ValueError(
            f"{path}: {name} is neither true nor false. Got {value!r}, as YAML reads a bare yes, no, on or off: "
            f"put the word in quotes, such as {name}: '{'yes' if value else 'no'}'."
        )


def _in_our_words(text, known):
    if found := re.search(r"[Uu]nrecognized arguments: (.*)", text):
        flags = found[1].split()
        flag = next((part for part in flags if part.startswith("-")), None)
        if flag is None:
            return ValueError(f"{flags[0]!r} is one argument too many. Quote a text that has spaces.")
        name = flag.lstrip("-").partition("=")[0].replace("-", "_")
        near = did_you_mean(name, known).replace("_", "-").replace("'", "--", 1).replace("'", "")
        return LookupError(f"There is no setting {flag.partition('=')[0]}. {near}`--help` lists them.")
    found = re.search(r'Parser key "(\w+)":.*Expected a <class \'(\w+)\'>.*Got value: (.*)', text, re.DOTALL)
    if found:
        kind = {"int": int, "float": float, "str": str}[found[2]]
        return ValueError(f"{found[1]} must be {KINDS[kind]}. Got {found[3].strip()!r}.")
    if found := re.search(r"argument (--[\w-]+).*expected one argument", text):
        return ValueError(f"{found[1]} needs a value after it.")
    return ValueError(" ".join(text.split()))
