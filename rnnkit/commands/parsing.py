"""Parsing: flags and YAML -> settings, by jsonargparse, with errors in the words of the user."""

import dataclasses
import pathlib
import re
import typing

import jsonargparse
import yaml

from rnnkit.messages import did_you_mean
from rnnkit.settings import KINDS, Settings, unknown_setting


class Parser(jsonargparse.ArgumentParser):
    """An argument parser whose errors are exceptions with one line of text."""

    def __init__(self, **kwargs):
        super().__init__(
            exit_on_error=False, allow_abbrev=False, formatter_class=jsonargparse.DefaultHelpFormatter, **kwargs
        )

    def add_settings(self, kind: type[Settings], *, only: typing.Collection[str] | None = None) -> None:
        """Adds one flag per setting of `kind`, or of those in `only`."""
        for field in dataclasses.fields(kind):
            if only is not None and field.name not in only:
                continue
            flag, help = f"--{field.name.replace('_', '-')}", _help(field)
            if field.type is bool:
                action = jsonargparse.ActionYesNo(no_prefix="no-")
                self.add_argument(flag, action=action, default=field.default, help=help)
            else:
                self.add_argument(flag, type=field.type, default=field.default, help=help)

    def parse(self, arguments: list[str]) -> dict[str, object]:
        """Parses the arguments.

        Raises:
            LookupError: A flag or a key of the YAML file does not exist.
            ValueError: A value is of the wrong type.
            FileNotFoundError: The YAML file does not exist.
        """
        known = {action.dest for action in self._actions} - {"help", "config", "print_config"}
        arguments = [_dashed(argument) for argument in arguments]
        for place, argument in enumerate(arguments):
            if argument == "--config" or argument.startswith("--config="):
                path = argument.partition("=")[2] or (arguments[place + 1] if place + 1 < len(arguments) else "")
                _check_yaml(pathlib.Path(path), known)
        try:
            parsed = self.parse_args(arguments)
        except jsonargparse.ArgumentError as error:
            raise _in_our_words(str(error), known) from None
        return {name: value for name, value in vars(parsed).items() if name != "config"}


def _dashed(argument):
    # The library calls it --print_config; all our flags have dashes.
    return "--print_config=comments" if argument == "--print-config" else argument


def _help(field):
    text, choices = field.metadata["help"], field.metadata["choices"]
    return f"{text} One of: {', '.join(choices)}." if choices else text


def _check_yaml(path, known):
    if not path.is_file():
        raise FileNotFoundError(
            f"--config {str(path)!r}: there is no such file. `--print-config` writes one to begin from."
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f", line {line + 1}"
        reason = getattr(error, "problem", None) or str(error)
        raise ValueError(f"{path}{where}: not YAML: {reason}. Write one `setting: value` a line.") from None
    if not isinstance(values, dict | None):
        raise ValueError(f"{path}: settings are expected, one `setting: value` a line. Got {type(values).__name__}.")
    for name in values or {}:
        if name not in known:
            raise LookupError(f"{path}: {unknown_setting(str(name), known)}")


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
