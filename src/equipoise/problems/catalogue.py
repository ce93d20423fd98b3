"""The list of every problem code, with its words in both languages and what to do about it."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

import msgspec

from equipoise.problems.text import Text

Severity = Literal["error", "warning"]


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a code means: templates whose `{names}` are filled from the problem's values."""

    message: Text
    hint: Text
    severity: Severity = "error"


def load_catalogue() -> Mapping[str, Explanation]:
    """Read `catalogue_data/*.toml`: one table a code."""
    catalogue: dict[str, Explanation] = {}
    for source in sorted(
        files("equipoise.problems").joinpath("catalogue_data").iterdir(), key=lambda f: f.name
    ):
        entries = tomllib.loads(source.read_text(encoding="utf-8"))
        catalogue |= msgspec.convert(entries, dict[str, Explanation])
    return catalogue


CATALOGUE = load_catalogue()
