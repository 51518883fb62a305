"""Pictures of units and losses over a text: where characters stand, which units are chosen, and what is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from rnnkit import unit_pictures as module
from rnnkit.unit_pictures import LINES, draw_token_losses, draw_units, laid_out, telling_units

TEXT = 'say "one two three" and\n"four, five six" then seven\nor "eight nine ten eleven" and no more\n' * 2
pytestmark = pytest.mark.filterwarnings("error")


def made_units():
    """Units that know something of the text, in columns: noise, quotes, always on, place in the line, quotes again."""
    random = np.random.default_rng(4)
    quotes = np.array([TEXT[:place].count('"') % 2 for place in range(len(TEXT))]) * 1.8 - 0.9
    line = np.tanh([(place - TEXT.rfind("\n", 0, place)) / 10 - 2 for place in range(len(TEXT))])
    noise = random.uniform(-1, 1, len(TEXT))
    again = -0.9 * quotes + random.normal(0, 0.05, len(TEXT))
    return np.stack([noise, quotes, np.ones(len(TEXT)), line, again], axis=1)


def pixels(path, colour):
    """How many have a colour of 0-1; a colour bar has few of each."""
    return (np.abs(imread(path)[..., :3] - colour[:3]).max(axis=-1) < 0.01).sum()


def test_units_that_say_something_are_chosen_before_noise_likenesses_and_constants():
    chosen = telling_units(made_units(), 5)
    assert set(chosen[:2]) == {1, 3}
    assert chosen[-1] == 2
    assert sorted(chosen) == [0, 1, 2, 3, 4]


def test_the_choice_does_not_hang_on_a_units_sign_or_middle():
    units = made_units()
    assert telling_units(-units, 4) == telling_units(units, 4) == telling_units(units / 2 + 0.5, 4)


@pytest.mark.parametrize("shape", [(1, 4), (7, 4)])
def test_units_that_say_nothing_are_chosen_in_order(shape):
    assert telling_units(np.full(shape, 0.3), 3) == [0, 1, 2]
    assert telling_units(np.full(shape, 0.3), 9) == [0, 1, 2, 3]


def test_characters_stand_where_they_are_in_the_text():
    places = laid_out(list("ab\n\ncde"), 2, 0)
    assert [(place.row, place.column, place.character, place.token) for place in places] == [
        (0, 0, "a", 0),
        (0, 1, "b", 1),
        (0, 2, "↵", 2),
        (1, 0, "↵", 3),
        (2, 0, "c", 4),
        (2, 1, "d", 5),
        (3, 0, "e", 6),
    ]


def lines_of(tokens, columns, gap=None):
    places = laid_out(tokens, columns, gap)
    lines = [{} for _ in range(1 + places[-1].row)]
    for place in places:
        lines[place.row][place.column] = place.character
    return ["".join(line.get(column, " ") for column in range(1 + max(line, default=-1))) for line in lines]


def test_a_newline_stands_behind_a_full_line():
    assert lines_of(["ab", "cd", "\n", "ef"], 5) == ["ab cd↵", "ef"]
    assert lines_of("abc\nd", 3) == ["abc↵", "d"]


def test_words_are_kept_whole_and_apart_where_they_fit():
    assert lines_of(["the", "cat", "sat", "\n", "unbelievably", "so"], 8) == ["the cat", "sat ↵", "unbeliev", "ably so"]


@pytest.mark.parametrize("tokens", [["▁the", "▁cat", "s"], ["the", " cat", "s"], list("the cats")])
def test_pieces_and_characters_stand_close_together(tokens):
    assert lines_of(tokens, 20) == ["".join(tokens)]


def test_a_given_gap_is_kept_and_tabs_are_spaces():
    assert lines_of(["a", "b"], 20, 2) == ["a  b"]
    assert lines_of(["a", "\t", "b"], 20) == ["a    b"]


@given(
    st.lists(st.text("ab \n\t▁", max_size=9), min_size=1, max_size=60).filter(any),
    st.integers(1, 11),
    st.sampled_from([None, 0, 1]),
)
def test_no_two_characters_share_a_place_and_none_is_lost_before_the_last_line(tokens, columns, gap):
    places = laid_out(tokens, columns, gap)
    where = [(place.row, place.column) for place in places]
    assert sorted(set(where)) == where
    for place in places:
        assert place.row < LINES and place.column < columns + (place.character == "↵")
    shown = "".join(place.character for place in places)
    whole = "".join(token.expandtabs(4) for token in tokens).replace("\n", "↵")
    assert whole.startswith(shown)
    assert shown == whole or places[-1].row == LINES - 1


@pytest.mark.parametrize(("units", "shown"), [([0], [True, False]), ([1], [False, False]), ([2, 0], [True, True])])
def test_each_units_panel_has_the_colours_of_its_activations(tmp_path, units, shown):
    activations = np.repeat([[1.0, 0.0, -7.0]], 40, axis=0)
    draw_units(tmp_path / "units.png", ["  "] * 40, activations, units)
    ends = [module.ACTIVATIONS(1.0), module.ACTIVATIONS(0.0)]
    assert [pixels(tmp_path / "units.png", colour) > 2000 for colour in ends] == shown


def test_units_are_chosen_by_what_is_drawn_unless_they_are_given(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "telling_units", lambda drawn, most: asked.append(drawn.shape) or [1])
    text = "x\n" * 50
    draw_units(tmp_path / "a.png", text, np.zeros((100, 3)), most=2)
    draw_units(tmp_path / "b.png", text, np.zeros((100, 3)), np.array([2, 0]))
    assert asked == [(2 * LINES, 3)]


def test_pictures_grow_with_the_units_and_lines_but_end_after_the_last_line(tmp_path):
    def shape(text, units):
        draw_units(tmp_path / "x.png", text, np.zeros((len(text), 9)), range(units))
        return imread(tmp_path / "x.png").shape[:2]

    assert shape("x\n" * 3, 1) < shape("x\n" * 9, 1)
    assert shape("x\n" * LINES, 1) == shape("x\n" * 99, 1)
    assert np.prod(shape(TEXT, 6)) > 4 * np.prod(shape(TEXT, 1))


@pytest.mark.parametrize(
    "text", ["$x_1$ $", "漢字😀", "e\u0301א عربي", "\x00\x07\r\n\ud800\U000e0001", "\u200b\ufeff", "\n", " "]
)
def test_any_character_is_drawn_without_a_warning(tmp_path, text, caplog, capsys):
    draw_units(tmp_path / "units.png", text, np.zeros((len(text), 2)))
    draw_token_losses(tmp_path / "losses.png", list(text), np.ones(len(text)))
    assert (tmp_path / "units.png").read_bytes().startswith(b"\x89PNG")
    assert not caplog.records and capsys.readouterr() == ("", "")


def test_every_glyph_stays_within_its_column():
    for character in "iWm@漢😀א↵▁ﷺ":
        box = module._glyph(character).get_extents()
        assert -0.05 < box.x0 < box.x1 < module.WIDTH + 0.05, character


@pytest.mark.parametrize(
    "nats",
    [[0.0] * 4, [np.nan] * 4, [np.nan, 0.1, 900.0, np.inf], [1e-9] * 4],
    ids=["none", "unknown", "infinite", "tiny"],
)
def test_losses_of_any_size_are_drawn(tmp_path, nats):
    draw_token_losses(tmp_path / "losses.png", "abcd", nats)
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_one_great_loss_does_not_bleach_the_others(tmp_path):
    nats = np.ones(200)
    nats[100] = 50.0
    draw_token_losses(tmp_path / "losses.png", [" "] * 200, nats)
    assert pixels(tmp_path / "losses.png", module.LOSSES(1 / 1.25)) > 190 * 100


def test_what_does_not_fit_is_refused(tmp_path):
    path, zeros = tmp_path / "x.png", np.zeros((3, 5))
    with pytest.raises(ValueError, match=r"shape \(2, units\), a row for each token\. Got \(3, 5\)\."):
        draw_units(path, "ab", zeros)
    with pytest.raises(ValueError, match=r"at least 1 token with a character to draw\. Got 0 without\."):
        draw_units(path, "", zeros[:0])
    with pytest.raises(ValueError, match=r"at least 1 token with a character to draw\. Got 2 without\."):
        draw_token_losses(path, ["", ""], [0.0, 0.0])
    for unit in (-1, 5):
        with pytest.raises(ValueError, match=rf"units must be 0 to 4\. Got {unit}\."):
            draw_units(path, "abc", zeros, [0, unit])
    with pytest.raises(ValueError, match=r"at least 1 unit to draw\. Got 0\."):
        draw_units(path, "abc", zeros, [])
    with pytest.raises(ValueError, match=r"activations must be finite\. Got nan\."):
        draw_units(path, "abc", zeros + np.nan)
    with pytest.raises(ValueError, match=r"columns must be 1 to 400\. Got 0\."):
        draw_units(path, "abc", zeros, columns=0)
    with pytest.raises(ValueError, match=r"one loss for each of 3 tokens\. Got \(2,\)\."):
        draw_token_losses(path, "abc", [0.1, 0.2])
    assert not path.exists()
