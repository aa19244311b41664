"""Colour ramps for tables of numbers, and the colours of the runs."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.style import Style

LEVELS = 64
"""How many colours a table is shown in: more are not told apart, and each costs a style."""

Rgb = npt.NDArray[np.float64]

# viridis by Stéfan van der Walt and Nathaniel Smith, CC0, at nine places.
_SEQUENTIAL_DARK = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"
# The others are ours: their lightness is monotone too, and their low end is near the background.
_SEQUENTIAL_LIGHT = "f7f8f4 dcecd8 a9d6c4 6bbcb9 3d9bb0 2f76a0 34508a 372c66 1f1038"
_DIVERGING_DARK = "8ccaff 4a9ee6 2a6bab 1d3e63 1c1f24 5d3512 a05814 e0842a ffbe78"
_DIVERGING_LIGHT = "0b3c8c 2f74c0 7fb0de c8ddf0 f6f6f3 f6d9c0 e9a36a cc6a24 8c3a00"

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
    def of(cls, color_system: str | None, no_color: bool) -> "Depth":
        """From Rich's name of the colour system."""
        if no_color or color_system in (None, "standard", "windows"):
            return GLYPHS_ONLY
        return INDEXED if color_system == "256" else TRUE_COLOR


TRUE_COLOR, INDEXED, GLYPHS_ONLY = Depth("truecolor"), Depth("256"), Depth("glyphs")


@cache
def ramp(diverging: bool, dark: bool, depth: Depth = TRUE_COLOR) -> tuple[Color, ...]:
    """LEVELS colours from the lowest value to the highest; diverging: from −max over 0 to max."""
    if diverging:
        anchors = _parse(_DIVERGING_DARK if dark else _DIVERGING_LIGHT)
    else:
        anchors = _parse(_SEQUENTIAL_DARK if dark else _SEQUENTIAL_LIGHT)
    places = np.linspace(0, len(anchors) - 1, LEVELS)
    rgb = np.stack([np.interp(places, range(len(anchors)), c) for c in anchors.T], axis=1)
    if depth is INDEXED:
        rgb = np.array([_nearest_indexed(color) for color in rgb])
    return tuple(Color.from_rgb(*color) for color in rgb.round())


@cache
def cell_styles(diverging: bool, dark: bool, depth: Depth) -> tuple[Style, ...]:
    """One style per level: its colour behind, and black or white for what is written on it."""
    if depth is GLYPHS_ONLY:
        return (Style.null(),) * LEVELS
    colors = ramp(diverging, dark, depth)
    return tuple(Style(color=_readable_on(color), bgcolor=color) for color in colors)


@cache
def halves_style(upper: Color | None, lower: Color | None) -> Style:
    """The style of ▀ with these colours."""
    return Style(color=upper, bgcolor=lower)


def run_color(number: int, dark: bool, *, faint: bool = False) -> Color:
    """The colour of the run with this number, from 0; they come round again."""
    colors = _parse(_RUNS_DARK if dark else _RUNS_LIGHT)
    color = colors[number % len(colors)]
    ground = 18.0 if dark else 224.0
    return Color.from_rgb(*(0.45 * color + 0.55 * ground if faint else color).round())


def _parse(hexes: str) -> Rgb:
    return np.array([[*bytes.fromhex(code)] for code in hexes.split()], dtype=np.float64)


def _readable_on(color: Color) -> Color:
    rgb = np.array(color.triplet)
    return Color.parse("#000000" if _oklab(rgb)[0] > 0.6 else "#ffffff")


@cache
def _indexed_colors() -> Rgb:
    """The 6×6×6 cube and the greys of a terminal with 256 colours. [240, 3]"""
    steps = np.array([0, 95, 135, 175, 215, 255])
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    greys = np.repeat(np.arange(8, 248, 10), 3).reshape(-1, 3)
    return np.concatenate([cube, greys]).astype(np.float64)


def _nearest_indexed(rgb: Rgb) -> Rgb:
    """The indexed colour that looks most alike; Rich's own choice bends the ramps."""
    candidates = _indexed_colors()
    distances = ((_oklab(candidates) - _oklab(rgb)) ** 2).sum(axis=-1)
    nearest: Rgb = candidates[distances.argmin()]
    return nearest


def _oklab(rgb: Rgb) -> Rgb:
    """Björn Ottosson's OKLab, where distance is difference as seen. rgb: 0 to 255, [..., 3]."""
    part = rgb / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(
        linear
        @ np.array(
            [
                [0.4122214708, 0.2119034982, 0.0883024619],
                [0.5363325363, 0.6806995451, 0.2817188376],
                [0.0514459929, 0.1073969566, 0.6299787005],
            ]
        )
    )
    lab: Rgb = cones @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )
    return lab
