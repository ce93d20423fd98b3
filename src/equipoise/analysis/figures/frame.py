"""The frame that charts share: size, value lines, ticks, the key."""

from collections.abc import Iterator, Sequence

from equipoise.analysis.figures.svg import Axis, Look, line, marker, text
from equipoise.analysis.texts import say_number
from equipoise.problems import Language

WIDTH, LEFT, RIGHT, TOP = 760, 56, 24, 16
"""Width and margins of a chart, in pixels."""
CHARACTER = 6.8
"""The width of an average character of small words, in pixels."""


def value_lines(
    y: Axis, scale: tuple[float, ...], *, language: Language, label: str
) -> Iterator[str]:
    """Horizontal lines with their values, and the words above the axis."""
    step = scale[1] - scale[0]
    decimals = 0 if all(float(v).is_integer() for v in scale) else 1 if step >= 0.1 else 2
    yield text(label, x=4, y=TOP, font_weight="600")
    for value in scale:
        yield line(LEFT, y.at(value), WIDTH - RIGHT, y.at(value), stroke_opacity=0.18)
        number = say_number(value, language, decimals=decimals)
        yield text(number, x=LEFT - 8, y=y.at(value) + 4, anchor="end", size=12)


def x_tick(x: float, words: str, y: float) -> str:
    """A mark on the horizontal axis with its words."""
    return line(x, y, x, y + 5) + text(words, x=x, y=y + 20, anchor="middle", size=12)


def sample_line(look: Look, x: float, y: float, *, has_marker: bool = True) -> str:
    """A short piece of a group's line, for the key."""
    dash = look.dash or None
    drawn = line(x, y, x + 30, y, stroke=look.color, stroke_width=2.5, stroke_dasharray=dash)
    return drawn + (marker(look, x + 15, y) if has_marker else "")


def _key_rows(entries: Sequence[tuple[Look, str]]) -> list[list[tuple[float, int]]]:
    """Where the entries of a key go, in as many rows as they need: left edge and index of each."""
    rows: list[list[tuple[float, int]]] = [[]]
    x = 4.0
    for i, (_, words) in enumerate(entries):
        width = 56 + CHARACTER * len(words)
        if rows[-1] and x + width > WIDTH:
            rows.append([])
            x = 4.0
        rows[-1].append((x, i))
        x += width
    return rows


def draw_key(
    entries: Sequence[tuple[Look, str]], *, y: float, has_markers: bool = True
) -> tuple[str, float]:
    """The key from `y` downwards, and where it ends."""
    drawn = []
    rows = _key_rows(entries)
    for row, placed in enumerate(rows):
        at = y + 20 * row
        for x, i in placed:
            look, words = entries[i]
            drawn.append(sample_line(look, x, at - 4, has_marker=has_markers))
            drawn.append(text(words, x=x + 36, y=at, size=12))
    return "".join(drawn), y + 20 * (len(rows) - 1)
