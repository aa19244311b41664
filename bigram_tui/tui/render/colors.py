"""Colour ramps for tables of numbers, and the colours of the runs."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.style import Style

LEVELS = 64
"""How many colours a table is shown in: nobody tells more apart, and each costs a style."""

Rgb = npt.NDArray[np.float64]

# viridis by Stéfan van der Walt and Nathaniel Smith, CC0, at nine places.
_SEQUENTIAL_DARK = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"
# The others are ours: their lightness is monotone too, and their low end is near the background.
_SEQUENTIAL_LIGHT = "f7f8f4 dcecd8 a9d6c4 6bbcb9 3d9bb0 2f76a0 34508a 372c66 1f1038"
_DIVERGING_DARK = "8ccaff 4a9ee6 2a6bab 1d3e63 1c1f24 5d3512 a05814 e0842a ffbe78"
_DIVERGING_LIGHT = "0b3c8c 2f74c0 7fb0de c8ddf0 f6f6f3 f6d9c0 e9a36a cc6a24 8c3a00"

# Of a terminal's 256 colours, those whose lightness and hue go the same ways.
_INDEXED_SEQUENTIAL_DARK = "53 54 55 25 31 37 43 78 114 155 227"
_INDEXED_SEQUENTIAL_LIGHT = "231 194 157 115 73 31 25 55 54 53"
_INDEXED_DIVERGING_DARK = "123 81 39 31 24 236 94 130 172 214 222"
_INDEXED_DIVERGING_LIGHT = "18 25 32 75 153 255 223 215 208 166 88"

# Okabe and Ito's palette for all kinds of colour vision, its lighter or its darker colours first.
_RUNS_DARK = "56b4e9 e69f00 009e73 f0e442 cc79a7 d55e00 0072b2"
_RUNS_LIGHT = "0072b2 d55e00 009e73 cc79a7 000000 e69f00 56b4e9"

GLYPHS = " ░▒▓█"
"""Shades for terminals with too few colours."""


@dataclass(frozen=True)
class Depth:
    """How many colours the terminal has."""

    name: str

    @classmethod
    def from_console(cls, color_system: str | None, no_color: bool) -> "Depth":
        """Return the depth for Rich's name of the colour system."""
        if no_color or color_system in (None, "standard", "windows"):
            return GLYPHS_ONLY
        return INDEXED if color_system == "256" else TRUE_COLOR


TRUE_COLOR, INDEXED, GLYPHS_ONLY = Depth("truecolor"), Depth("256"), Depth("glyphs")


@cache
def ramp(diverging: bool, dark: bool, depth: Depth = TRUE_COLOR) -> tuple[Color, ...]:
    """Return LEVELS colours: from 0 to the largest value, or diverging, from −max over 0 to max."""
    if depth is INDEXED:
        dark_ramp = _INDEXED_DIVERGING_DARK if diverging else _INDEXED_SEQUENTIAL_DARK
        light_ramp = _INDEXED_DIVERGING_LIGHT if diverging else _INDEXED_SEQUENTIAL_LIGHT
        indices = [int(index) for index in (dark_ramp if dark else light_ramp).split()]
        rgb = np.array([_indexed(indices[k * len(indices) // LEVELS]) for k in range(LEVELS)])
    else:
        dark_ramp = _DIVERGING_DARK if diverging else _SEQUENTIAL_DARK
        light_ramp = _DIVERGING_LIGHT if diverging else _SEQUENTIAL_LIGHT
        anchors = _parse(dark_ramp if dark else light_ramp)
        places = np.linspace(0, len(anchors) - 1, LEVELS)
        rgb = np.stack([np.interp(places, range(len(anchors)), c) for c in anchors.T], axis=1)
    return tuple(Color.from_rgb(*color) for color in rgb.round())


@cache
def cell_styles(diverging: bool, dark: bool, depth: Depth) -> tuple[Style, ...]:
    """Return a style per level: its colour as background, and black or white for the text on it."""
    if depth is GLYPHS_ONLY:
        return (Style.null(),) * LEVELS
    colors = ramp(diverging, dark, depth)
    return tuple(Style(color=_readable_on(color), bgcolor=color) for color in colors)


@cache
def halves_style(upper: Color | None, lower: Color | None) -> Style:
    """Return the style of ▀ with these colours."""
    return Style(color=upper, bgcolor=lower)


def run_color(number: int, dark: bool, *, faint: bool = False) -> Color:
    """Return the colour of a run by its number, from 0; the colours repeat after the last."""
    colors = _parse(_RUNS_DARK if dark else _RUNS_LIGHT)
    color = colors[number % len(colors)]
    ground = 18.0 if dark else 224.0
    return Color.from_rgb(*(0.45 * color + 0.55 * ground if faint else color).round())


def _parse(hexes: str) -> Rgb:
    return np.array([[*bytes.fromhex(code)] for code in hexes.split()], dtype=np.float64)


def _readable_on(color: Color) -> Color:
    """Return black or white, whichever has more contrast by the formula of WCAG 2."""
    assert color.triplet is not None
    part = np.array(color.triplet) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return Color.parse("#000000" if luminance > 0.179 else "#ffffff")


def _indexed(index: int) -> tuple[int, ...]:
    """Return the RGB of one of the colours 16 to 255: a cube of 6×6×6, then greys."""
    if index >= 232:
        return (8 + 10 * (index - 232),) * 3
    steps = (0, 95, 135, 175, 215, 255)
    cube = index - 16
    return steps[cube // 36], steps[cube // 6 % 6], steps[cube % 6]
