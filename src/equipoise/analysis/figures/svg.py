"""Small builders of figures as SVG text: accessible, without scripts, styles or fonts of their own.

Every mark carries presentation attributes and classes only, so that a page with a strict content
security policy shows it. Text has the color of the text around the figure.
"""

import datetime as dt
import hashlib
import math
from collections.abc import Iterable, Sequence
from html import escape

from msgspec import Struct

FONT = "system-ui, sans-serif"


class Look(Struct, frozen=True):
    """How a group is drawn: color, dashes and marker all differ, so that none is needed alone."""

    color: str
    dash: str
    marker: str


LOOKS = (
    Look("#0072B2", "", "circle"),
    Look("#D55E00", "8 4", "square"),
    Look("#009E73", "2 3", "triangle"),
    Look("#CC79A7", "10 3 2 3", "diamond"),
    Look("#7A5C00", "5 2 1 2 1 2", "cross"),
    Look("#3B3B3B", "14 5", "ring"),
)
"""Okabe and Ito's colors, which people without full color vision tell apart."""


class Axis(Struct, frozen=True):
    """A linear axis: values from `low` to `high` onto pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def look_of(i: int) -> Look:
    """The look of the i-th group."""
    return LOOKS[i % len(LOOKS)]


def tag(name: str, *content: str, **attributes: object) -> str:
    """An element; `_` in an attribute's name is written `-`, None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(content)}</{name}>"


def figure(
    content: Iterable[str], *, width: float, height: float, title: str, description: str, kind: str
) -> str:
    """The whole figure, with its name and what it shows for those who do not see it."""
    body = "".join(content)
    name = f"eq-{kind}-{hashlib.sha256((title + description + body).encode()).hexdigest()[:10]}"
    return tag(
        "svg",
        tag("title", escape(title), id=f"{name}-title"),
        tag("desc", escape(description), id=f"{name}-desc"),
        body,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        viewBox=f"0 0 {_short(width)} {_short(height)}",
        width=width,
        height=height,
        class_=f"eq-figure eq-{kind}",
        font_family=FONT,
        font_size=13,
        fill="currentColor",
    )


def text(
    words: str, *, x: float, y: float, anchor: str = "start", size: float = 13, **more: object
) -> str:
    """A line of words at a point."""
    return tag(
        "text",
        escape(words),
        x=x,
        y=y,
        text_anchor=None if anchor == "start" else anchor,
        font_size=None if size == 13 else size,
        **more,
    )


def line(x1: float, y1: float, x2: float, y2: float, /, **more: object) -> str:
    """A straight line in the color of the text."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": "currentColor", **more})


def path(points: Sequence[tuple[float, float]], **more: object) -> str:
    """A line through points."""
    d = "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
    return tag("path", d=d, fill="none", **more)


def marker(look: Look, x: float, y: float, *, size: float = 5, hint: str = "") -> str:
    """The marker of a group at a point, with words that appear over it."""
    s = size
    title = tag("title", escape(hint)) if hint else ""
    shapes = {
        "square": [(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)],
        "triangle": [(x, y - 1.2 * s), (x + 1.1 * s, y + 0.8 * s), (x - 1.1 * s, y + 0.8 * s)],
        "diamond": [(x, y - 1.3 * s), (x + 1.3 * s, y), (x, y + 1.3 * s), (x - 1.3 * s, y)],
    }
    if look.marker in shapes:
        points = " ".join(f"{_short(px)},{_short(py)}" for px, py in shapes[look.marker])
        return tag("polygon", title, points=points, fill=look.color)
    if look.marker == "cross":
        d = f"M{_short(x - s)} {_short(y - s)}l{2 * s} {2 * s}m0 {-2 * s}l{-2 * s} {2 * s}"
        return tag("path", title, d=d, stroke=look.color, stroke_width=2.5, fill="none")
    fill = "none" if look.marker == "ring" else look.color
    return tag("circle", title, cx=x, cy=y, r=s, fill=fill, stroke=look.color, stroke_width=1.5)


def ticks(low: float, high: float, *, n: int = 5) -> tuple[float, ...]:
    """About `n` round values that span a range; at least two."""
    span = high - low if high > low else 1.0
    raw = span / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil((low + span) / step - 1e-9), first + 1)
    return tuple(round(k * step, 10) for k in range(first, last + 1))


def month_ticks(first: dt.date, last: dt.date, *, n: int = 8) -> tuple[dt.date, ...]:
    """Firsts of months, evenly spaced, inside a range of days."""
    start, end = first.year * 12 + first.month, last.year * 12 + last.month - 1
    gap = next((g for g in (1, 2, 3, 6, 12) if (end - start + 1) / g <= n), 24)
    months = [m for m in range(start, end + 1) if m % gap == 0]
    return tuple(dt.date(m // 12, m % 12 + 1, 1) for m in months)


def wrap(words: str, *, width: int) -> list[str]:
    """The words in lines of at most `width` characters, not broken in a word or `(n = 6)`."""
    lines = [""]
    for piece in words.replace(" = ", "\u00a0=\u00a0").split(" "):
        joined = f"{lines[-1]} {piece}".strip()
        if lines[-1] and len(joined) > width:
            lines.append(piece)
        else:
            lines[-1] = joined
    return lines


def _short(value: object) -> str:
    """Numbers with at most two decimals; everything else as it is."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
