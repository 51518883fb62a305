"""Settings: types and ranges are checked once, when they are made, and refused with their value."""

import dataclasses
import re

import pytest

from rnnkit.settings import RecurrentSettings, Settings, SourceSettings, TrainingSettings, from_mapping, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Oven(Settings):
    heat: int = setting(180, "Degrees.", at_least=50, below=300)
    share: float = setting(0.5, "Share of steam.", above=0.0, at_most=1.0)
    fan: bool = setting(True, "Blow.")
    shelf: str = setting("middle", "Where it stands.", choices=("top", "middle"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heat": 49}, "heat must be at least 50. Got 49."),
        ({"heat": 300}, "heat must be below 300. Got 300."),
        ({"share": 0.0}, "share must be above 0.0. Got 0.0."),
        ({"share": 1.5}, "share must be at most 1.0. Got 1.5."),
        ({"share": float("nan")}, "share must be a finite number. Got nan."),
        ({"heat": "hot"}, "heat must be a whole number. Got 'hot'."),
        ({"heat": 180.0}, "heat must be a whole number. Got 180.0."),
        ({"heat": True}, "heat must be a whole number. Got True."),
        ({"share": "half"}, "share must be a number. Got 'half'."),
        ({"fan": 1}, "fan must be true or false. Got 1."),
        ({"shelf": None}, "shelf must be a text. Got None."),
        ({"shelf": "mddle"}, "shelf must be one of 'top', 'middle'. Got 'mddle'. Did you mean 'middle'?"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_refused_as_given(values, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Oven(**values)


def test_a_whole_number_will_do_for_a_number():
    share = Oven(share=1).share
    assert share == 1.0 and type(share) is float


def test_an_unknown_name_is_answered_with_the_nearest_and_all_others():
    message = "There is no setting 'heet'. Did you mean 'heat'? Known: fan, heat, share, shelf."
    with pytest.raises(LookupError, match=f"^{re.escape(message)}$"):
        from_mapping(Oven, {"heet": 3})


def test_settings_survive_being_written_as_plain_values():
    oven = Oven(heat=77, fan=False)
    assert from_mapping(Oven, oven.as_dict()) == oven


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Oven().heat = 3


@pytest.mark.parametrize("kind", [SourceSettings, RecurrentSettings, TrainingSettings])
def test_every_setting_says_what_it_means_in_a_sentence(kind):
    fields = dataclasses.fields(kind)
    assert fields
    for field in fields:
        assert field.metadata["help"].endswith(".") and field.metadata["help"][0].isupper(), field.name


def test_the_columns_of_a_source_are_parsed_with_its_format():
    assert SourceSettings(columns="text=a,label=b").format().columns == {"text": "a", "label": "b"}
    with pytest.raises(ValueError, match="--encoding must be .* Got 'utf-9'"):
        SourceSettings(encoding="utf-9").format()
