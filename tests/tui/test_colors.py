"""Colours that order numbers for every eye: lightness, contrast, the 256 of a terminal."""

import pytest
from rich.color import Color

from bigram_tui.tui.render.colors import (
    GLYPHS_ONLY,
    INDEXED,
    LEVELS,
    TRUE_COLOR,
    Depth,
    cell_styles,
    ramp,
    run_color,
)

COLOURED = (TRUE_COLOR, INDEXED)

themes = pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
kinds = pytest.mark.parametrize("diverging", [False, True], ids=["sequential", "diverging"])
depths = pytest.mark.parametrize("depth", COLOURED, ids=lambda depth: depth.name)


def luminance(color: Color | None) -> float:
    """The relative luminance of WCAG 2.1."""
    assert color is not None
    parts = [part / 255 for part in color.get_truecolor()]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color | None, other: Color | None) -> float:
    """The contrast ratio of WCAG 2.1, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lightness(color: Color) -> float:
    """CIE L*, from 0 to 100."""
    y = luminance(color)
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


@themes
@kinds
@depths
def test_a_ramp_has_one_colour_for_each_level(diverging: bool, dark: bool, depth: Depth) -> None:
    assert len(ramp(diverging, dark, depth)) == LEVELS
    assert len(cell_styles(diverging, dark, depth)) == LEVELS


@themes
@depths
def test_a_sequential_ramp_leaves_the_background_step_by_step(dark: bool, depth: Depth) -> None:
    light = [luminance(color) for color in ramp(False, dark, depth)]
    if not dark:
        light.reverse()
    assert light == sorted(light)
    if depth is TRUE_COLOR:
        assert len(set(light)) == LEVELS


@themes
def test_a_sequential_ramp_spans_most_of_the_lightness_there_is(dark: bool) -> None:
    colors = ramp(False, dark)
    assert abs(lightness(colors[0]) - lightness(colors[-1])) > 70


@themes
@depths
def test_a_diverging_ramp_is_least_at_its_middle_and_grows_to_both_sides(
    dark: bool, depth: Depth
) -> None:
    light = [lightness(color) for color in ramp(True, dark, depth)]
    lower, upper = light[: LEVELS // 2][::-1], light[LEVELS // 2 :]
    for side in (lower, upper):
        assert side == sorted(side, reverse=not dark)


@themes
def test_the_sides_of_a_diverging_ramp_are_of_like_lightness(dark: bool) -> None:
    light = [lightness(color) for color in ramp(True, dark)]
    differences = [abs(a - b) for a, b in zip(light, reversed(light), strict=True)]
    assert max(differences) <= 10


@themes
def test_the_sides_of_a_diverging_ramp_are_of_different_hue(dark: bool) -> None:
    """Blue below zero and orange above, in every level but those next to zero."""
    colors = [color.get_truecolor() for color in ramp(True, dark)]
    assert all(color.blue > color.red for color in colors[: LEVELS // 2 - 4])
    assert all(color.red > color.blue for color in colors[LEVELS // 2 + 4 :])


@themes
@kinds
@depths
def test_text_can_be_read_on_every_level(diverging: bool, dark: bool, depth: Depth) -> None:
    styles = cell_styles(diverging, dark, depth)
    assert min(contrast(style.color, style.bgcolor) for style in styles) >= 4.5


@themes
@kinds
def test_an_indexed_ramp_has_only_colours_of_the_terminals_palette(
    diverging: bool, dark: bool
) -> None:
    steps = (0, 95, 135, 175, 215, 255)
    palette = {(r, g, b) for r in steps for g in steps for b in steps}
    palette |= {(8 + 10 * k,) * 3 for k in range(24)}
    assert {tuple(color.get_truecolor()) for color in ramp(diverging, dark, INDEXED)} <= palette


@themes
@kinds
def test_an_indexed_ramp_still_tells_many_levels_apart(diverging: bool, dark: bool) -> None:
    assert len(set(ramp(diverging, dark, INDEXED))) >= 10


@themes
@kinds
def test_without_colours_cells_have_none(diverging: bool, dark: bool) -> None:
    styles = cell_styles(diverging, dark, GLYPHS_ONLY)
    assert len(styles) == LEVELS
    assert all(style.color is None and style.bgcolor is None for style in styles)


@pytest.mark.parametrize(
    ("system", "no_color", "depth"),
    [
        ("truecolor", False, TRUE_COLOR),
        ("256", False, INDEXED),
        ("standard", False, GLYPHS_ONLY),
        ("windows", False, GLYPHS_ONLY),
        (None, False, GLYPHS_ONLY),
        ("truecolor", True, GLYPHS_ONLY),
    ],
)
def test_the_depth_follows_the_terminal(system: str | None, no_color: bool, depth: Depth) -> None:
    assert Depth.from_console(system, no_color) is depth


@themes
def test_runs_have_colours_of_their_own_that_come_round_again(dark: bool) -> None:
    colors = [run_color(number, dark) for number in range(7)]
    assert len(set(colors)) == 7
    assert run_color(7, dark) == colors[0]


@themes
def test_the_way_that_was_left_is_fainter_than_the_run(dark: bool) -> None:
    ground = Color.parse("#121212" if dark else "#e0e0e0")
    for number in range(7):
        faint = run_color(number, dark, faint=True)
        assert faint != run_color(number, dark)
        assert contrast(faint, ground) < max(contrast(run_color(number, dark), ground), 1.5)
