"""Pictures of captions: what is drawn into the files."""

import numpy as np
import pytest
from matplotlib.image import imread

from rnnkit import caption_pictures as module
from rnnkit.caption_pictures import draw_overlays, draw_page

DPI = 130
ORANGE, GREEN = (242, 142, 43), (0, 115, 79)


@pytest.fixture(autouse=True)
def silent(recwarn, caplog):
    yield
    assert not recwarn.list and not caplog.records


def read(path):
    return (imread(path)[..., :3] * 255).round().astype(int)


def red(height=30, width=40):
    return np.full((height, width, 3), (220, 30, 30), np.uint8)


def count(page, colour, apart=2):
    return int((np.abs(page - colour) <= apart).all(axis=-1).sum())


def overlay(tmp_path, written, weights, pixels=None, caption="a caption"):
    draw_overlays(tmp_path / "a.png", red() if pixels is None else pixels, caption, written, np.asarray(weights))
    return read(tmp_path / "a.png")


def test_the_place_of_the_highest_weight_stays_as_it_is_and_the_rest_is_grey_and_dark(tmp_path):
    weights = np.zeros((1, 5, 5))
    weights[0, 2, 0] = 0.7
    page = overlay(tmp_path, ["word"], weights)
    whole = overlay(tmp_path, [], np.zeros((0, 5, 5)))
    area = count(whole, (220, 30, 30))
    assert area < count(page, (220, 30, 30)) < count(page, (220, 30, 30), apart=60) < 1.2 * area
    dark = round(0.4 * (0.299 * 220 + 0.587 * 30 + 0.114 * 30))
    assert count(page, (dark,) * 3) > 0.5 * area
    assert count(page, ORANGE, apart=40) > 30


def test_attention_that_is_the_same_everywhere_leaves_the_whole_picture(tmp_path):
    whole = count(overlay(tmp_path, [], np.zeros((0, 2, 2))), (220, 30, 30))
    page = overlay(tmp_path, ["x", "y"], np.full((2, 3, 4), 1 / 12))
    assert count(page, (220, 30, 30)) == pytest.approx(3 * whole, rel=0.02)
    assert count(page, ORANGE, apart=40) == 0


@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (7, 1), (5, 4)])
def test_a_grid_of_any_shape_is_made_as_large_as_the_picture(grid):
    rng = np.random.default_rng(0)
    large = module._looked(rng.random(grid), (35, 36))
    assert large.shape == (35, 36)
    assert large.max() == pytest.approx(1.0) and large.min() >= 0.0


def test_the_brightest_pixel_lies_in_the_cell_of_the_highest_weight():
    for row in range(4):
        for column in range(3):
            grid = np.zeros((4, 3))
            grid[row, column] = 0.2
            place = np.unravel_index(module._looked(grid, (40, 60)).argmax(), (40, 60))
            assert (place[0] // 10, place[1] // 20) == (row, column)


def test_no_weight_at_all_is_all_dark():
    assert module._looked(np.zeros((2, 2)), (4, 4)).max() == 0.0


def test_panels_fill_rows_of_six_and_many_pieces_are_cut(tmp_path, monkeypatch):
    sizes = [overlay(tmp_path, ["w"] * steps, np.ones((steps, 2, 2))).shape for steps in (5, 6, 11, 12)]
    assert len({width for _, width, _ in sizes}) == 1
    first, second, third, fourth = (height for height, _, _ in sizes)
    assert first < second == third < fourth
    monkeypatch.setattr(module, "MOST", 5)
    assert overlay(tmp_path, ["w"] * 12, np.ones((12, 2, 2))).shape == sizes[0]


def test_small_pictures_and_grey_ones_are_as_wide_as_others(tmp_path):
    one, other = (
        overlay(tmp_path, ["w"], np.ones((1, 2, 2)), np.full((side, side, channels), 90, np.uint8)).shape
        for side, channels in ((9, 1), (300, 3))
    )
    assert one == other


def test_wide_pictures_have_fewer_in_a_row(tmp_path):
    page = overlay(tmp_path, list("407190"), np.ones((6, 1, 20)), np.full((32, 160, 1), 90, np.uint8))
    assert page.shape[1] < 12.7 * DPI


ENTRIES = [
    (red(), ["a dog", "the dog"], "the  dog"),
    (red(), ["a cat"], "a dog"),
]


def test_an_answer_that_equals_any_truth_but_for_white_space_is_green(tmp_path):
    draw_page(tmp_path / "right.png", ENTRIES)
    draw_page(tmp_path / "wrong.png", [(pixels, truths, "no") for pixels, truths, _ in ENTRIES])
    assert count(read(tmp_path / "right.png"), GREEN) > 50
    assert count(read(tmp_path / "wrong.png"), GREEN) == 0


def test_the_answer_is_bold_and_the_first_truth_grey(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(module._Page, "write", lambda page, text, *place, **how: written.append((text, how)))
    draw_page(tmp_path / "a.png", ENTRIES)
    assert [text for text, _ in written] == ["a dog", "\u2713 the dog", "a cat", "a dog"]
    assert [how.get("weight") for _, how in written] == [None, "bold"] * 2
    assert [how["color"] for _, how in written] == [module.GREY, module.RIGHT, module.GREY, module.INK]


def test_a_page_of_20_is_5_across_and_all_pictures_are_there(tmp_path):
    entries = [(red(40, 40), ["a cat"], "a dog")]
    draw_page(tmp_path / "one.png", entries)
    draw_page(tmp_path / "all.png", entries * 20)
    one, page = read(tmp_path / "one.png"), read(tmp_path / "all.png")
    assert count(page, (220, 30, 30)) == pytest.approx(20 * count(one, (220, 30, 30)), rel=0.03)
    there = np.abs(page - (220, 30, 30)).max(axis=2) < 3
    begins = [int((np.diff(there.any(axis=axis).astype(int)) == 1).sum()) for axis in (0, 1)]
    assert begins == [5, 4]


@pytest.mark.parametrize(
    "text",
    [
        "costs $5 and $6",
        "a_b^{c} \\frac",
        "那只黑狗在雪地里跑得很快" * 4,
        "हिन्दी का चित्र",
        "كلب أسود",
        "x" * 300,
        "",
        " \n ",
        "\U0001f415",
    ],
)
def test_any_text_is_written_without_a_formula_or_a_warning(tmp_path, text):
    draw_page(tmp_path / "a.png", [(red(), [text], text)])
    draw_overlays(tmp_path / "b.png", red(), text, [text or "x"], np.ones((1, 2, 2)))
    assert read(tmp_path / "a.png").size and read(tmp_path / "b.png").size


def test_long_texts_are_cut_after_some_lines():
    assert len(module._wrapped("word " * 100, 20, 4)) == 4
    assert module._wrapped("word " * 100, 20, 4)[-1].endswith("\u2026")
    assert module._wrapped("犬" * 10, 10, 4) == ["犬犬犬犬犬"] * 2
    assert module._wrapped("", 20, 4) == [""]


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"at least 1 picture to draw\. Got 0\."):
        draw_page(tmp_path / "a.png", [])
    with pytest.raises(ValueError, match=r"\(height, width, 1 or 3\)\. Got \(4, 4, 2\)\."):
        draw_page(tmp_path / "a.png", [(np.zeros((4, 4, 2)), ["a"], "a")])
    for shape in ((2, 3, 3), (1, 3), (1, 0, 3)):
        with pytest.raises(ValueError, match=r"\(1, grid height, grid width\), a grid for each piece"):
            overlay(tmp_path, ["a"], np.ones(shape))
