"""The tables of the chapters: written once, printed in the manual, and checked row by row."""

from typing import get_args

from equipoise.language import Known, Unknown, Value, unknown
from equipoise.language.values import ReasonKind

KINDS = get_args(ReasonKind)


def rows_of(table: str) -> list[dict[str, str]]:
    """The rows of a Markdown table, by its heads, without the marks of code."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    cells = [[c.strip().strip("`") for c in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def read(cell: str) -> Value:
    """`true`, a number with its unit, a code, or reasons such as `missing a, stale b`."""
    if cell in ("true", "false"):
        return Known(cell == "true")
    words = cell.split()
    if words[0] in KINDS:
        return Unknown(tuple(r for part in cell.split(", ") for r in _reason(part).reasons))
    if words[0].lstrip("-").replace(".", "", 1).isdigit():
        number = float(words[0]) if "." in words[0] else int(words[0])
        return Known(number, " ".join(words[1:]))
    return Known(cell)


def tell(value: Value) -> str:
    """The same, the other way round."""
    if isinstance(value, Unknown):
        return ", ".join(f"{r.kind} {r.name}".strip() for r in value.reasons)
    if isinstance(value.value, bool):
        return str(value.value).lower()
    number = f"{value.value:.12g}" if isinstance(value.value, float) else value.value
    return f"{number} {value.unit}".strip()


def _reason(part: str) -> Unknown:
    kind, _, name = part.partition(" ")
    return unknown(kind, *[name] * bool(name))  # type: ignore[arg-type]
