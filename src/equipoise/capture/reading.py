"""From what a person typed to a value, and back. What cannot be read stays text, to be refused."""

from equipoise.capture.rules import Value
from equipoise.study.forms import Item

_YES, _NO = "true", "false"


def to_value(item: Item, typed: str) -> Value:
    """The value that was meant: a decimal comma is a decimal point, spaces in numbers do not count.

    Text that is no number, date or choice comes back as it is, for `check_entry` to name.
    """
    typed = typed.strip()
    if not typed:
        return None
    if item.type in ("integer", "scale"):
        return _to_int(typed)
    if item.type == "number":
        return _to_number(typed)
    if item.type == "boolean":
        return {_YES: True, _NO: False}.get(typed, typed)
    return typed


def to_text(item: Item, value: Value) -> str:
    """What an input field shows for a value; `to_value` reads it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _YES if value else _NO
    if isinstance(value, float) and item.decimals is not None:
        return f"{value:.{item.decimals}f}"
    return str(value)


def _plain(typed: str) -> str:
    """Without the spaces that group thousands, and with a point."""
    return "".join(typed.split()).replace(",", ".")


def _to_int(typed: str) -> Value:
    try:
        return int(_plain(typed))
    except ValueError:
        return typed


def _to_number(typed: str) -> Value:
    try:
        number = float(_plain(typed))
    except ValueError:
        return typed
    return number
