"""Fuzzing of settings in YAML: whatever a file holds, it gives settings or is refused in one line, soon."""

import datetime
import pathlib
import tempfile

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rnnkit import catalog
from rnnkit.commands.parsing import Parser
from rnnkit.settings import from_mapping

KIND = catalog.load("sentiment").settings
NAMES = sorted(KIND().as_dict())
SYNTAX = "&a_ *a <<:_ !!python/object/apply:os.system_ !!int_ !!set_ !_ ---_ ..._ ?_ :_ -_ [ ] { } , ' # @ `".split()
SYNTAX = [*(part.replace("_", " ") for part in SYNTAX), '"', "%YAML 1.1\n", "|\n ", ">-\n "]
SPACE = ["\n", "\n  ", "\t", "\0", "\r", "\ufeff", "\x85", "\u2028"]
SCALARS = "1 0 -3 1e-3 1e999 .nan .inf -.inf 0x1F 0o7 1_000 12:30:45 yes no ~ null 2020-01-01 2020-13-45 = << lstm ''"
SCALARS = [*SCALARS.split(), "9" * 5000, "2001-12-14t21:59:43.10-05:00", '"\\ud800"', '"\\x00"']


def values():
    scalar = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.binary(max_size=8)
        | st.dates()
    )
    return st.recursive(scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys(), inner, max_size=3))


def keys():
    return st.sampled_from(NAMES) | st.text(max_size=5) | st.integers() | st.booleans() | st.none()


def documents():
    """YAML as a library writes it, with shared parts as aliases."""
    shared = st.lists(st.integers(), max_size=3).map(lambda value: {"data": value, "valid": value})
    document = st.dictionaries(keys(), values(), max_size=4) | values() | shared
    return document.map(lambda value: yaml.dump(value, allow_unicode=True))


def texts():
    """Text that is nearly YAML."""
    scalar = st.sampled_from(SCALARS) | st.text(max_size=6)
    line = st.tuples(st.sampled_from(NAMES), scalar).map(lambda pair: f"{pair[0]}: {pair[1]}\n")
    odd = st.lists(st.sampled_from([*SYNTAX, *SPACE, *SCALARS, *NAMES]) | st.text(max_size=4), max_size=8).map("".join)
    return st.lists(line | odd, max_size=5).map("".join)


def laughs():
    """Aliases of aliases: what they stand for grows by a factor with each line."""
    return st.builds(laugh, st.integers(2, 9), st.integers(1, 40), st.booleans())


def laugh(factor, depth, merged):
    first, more = ("{x: 1}", "{<<: [%s]}") if merged else ("[x]", "[%s]")
    later = (f"a{n + 1}: &a{n + 1} {more % ', '.join([f'*a{n}'] * factor)}" for n in range(depth))
    return "\n".join([f"a0: &a0 {first}", *later])


def nested():
    opening = st.sampled_from(["[", "{a: ", "- ", "? ", "units: [", "units: {a: ", "- - ", "!!seq [", "&a ["])
    return st.tuples(opening, st.integers(1, 5_000)).map(lambda t: t[0] * t[1])


def contents():
    known = texts() | documents() | laughs() | nested()
    encoded = st.tuples(known, st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "latin-1", "utf-8-sig"]))
    return st.binary(max_size=200) | encoded.map(lambda t: t[0].encode(t[1], "replace"))


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path:
        yield pathlib.Path(path)


@settings(
    deadline=datetime.timedelta(seconds=5),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    max_examples=600,
)
@given(contents())
@example(b"units: 5\nseed: 7\n")
@example(b"dropout: .nan")
@example(b"learning_rate: 1e999")
@example(b"config: other.yaml")
@example(b"help: true\nprint_config: true")
def test_settings_are_read_or_refused_in_one_line(folder, content):
    path = folder / "settings.yaml"
    path.write_bytes(content)
    parser = Parser(prog="run")
    parser.add_config()
    parser.add_settings(KIND)
    try:
        made = from_mapping(KIND, parser.parse(["--config", str(path)]))
    except (ValueError, LookupError, OSError) as error:
        assert not isinstance(error, (KeyError, IndexError, UnicodeError)), repr(error)
        assert str(error).strip() and "\n" not in str(error), repr(error)
    else:
        for name, value in made.as_dict().items():
            assert type(value) is type(getattr(KIND(), name))


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given(st.data())
def test_settings_that_were_written_are_read_back_the_same(folder, data):
    limits = {"units": st.integers(1, 10**9), "seed": st.integers(0, 2**31 - 1), "learning_rate": st.floats(1e-9, 1e9)}
    limits |= {"dropout": st.floats(0, 0.99), "lower": st.booleans(), "cell": st.sampled_from(["lstm", "gru", "lru"])}
    limits |= {"data": st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=9).filter(bool)}
    chosen = data.draw(st.fixed_dictionaries({}, optional=limits).filter(bool))
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(chosen, allow_unicode=True), encoding="utf-8")
    parser = Parser(prog="run")
    parser.add_config()
    parser.add_settings(KIND)
    assert from_mapping(KIND, parser.parse(["--config", str(path)])) == KIND(**chosen)
