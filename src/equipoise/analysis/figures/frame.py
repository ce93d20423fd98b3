"""The frame that charts share: size, value lines, ticks."""

from collections.abc import Iterator

from equipoise.analysis.figures.svg import Axis, line, text
from equipoise.analysis.texts import say_number
from equipoise.problems import Language

WIDTH, LEFT, RIGHT, TOP = 760, 56, 24, 16
"""Width and margins of a chart, in pixels."""


def value_lines(
    y: Axis, scale: tuple[float, ...], *, language: Language, label: str, left: float = LEFT
) -> Iterator[str]:
    """Horizontal lines with their values, and the words above the axis."""
    decimals = (
        0 if all(float(v).is_integer() for v in scale) else 1 if scale[1] - scale[0] >= 0.1 else 2
    )
    yield text(label, x=4, y=TOP, font_weight="600")
    for value in scale:
        yield line(left, y.at(value), WIDTH - RIGHT, y.at(value), stroke_opacity=0.18)
        number = say_number(value, language, decimals=decimals)
        yield text(number, x=left - 8, y=y.at(value) + 4, anchor="end", size=12)


def x_tick(x: float, words: str, y: float) -> str:
    """A mark on the horizontal axis with its words."""
    return line(x, y, x, y + 5) + text(words, x=x, y=y + 20, anchor="middle", size=12)
