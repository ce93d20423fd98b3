"""Capture: what a form accepts, asks, derives and warns of. It computes; `conduct` records."""

from equipoise.capture.entry import check_entry
from equipoise.capture.reading import to_text, to_value
from equipoise.capture.rules import (
    Others,
    Value,
    derive_item,
    derive_items,
    find_warnings,
    functions_over,
    is_asked,
    to_known,
)
from equipoise.capture.units import Converted, Entered, read_units, to_own_units

__all__ = [
    "Converted",
    "Entered",
    "Others",
    "Value",
    "check_entry",
    "derive_item",
    "derive_items",
    "find_warnings",
    "functions_over",
    "is_asked",
    "read_units",
    "to_known",
    "to_own_units",
    "to_text",
    "to_value",
]
