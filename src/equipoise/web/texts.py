"""The words of the interface: `texts.toml`, one table a group, each word in both languages."""

import tomllib
from importlib.resources import files

import msgspec
from django.utils.translation import get_language

from equipoise.conduct.cells.state import STATUS_NAMES as OF_THE_CELL_UNIT
from equipoise.conduct.parts import STATUS_NAMES
from equipoise.problems import LANGUAGES, Language, Text

WORDS: dict[str, dict[str, Text]] = msgspec.convert(
    tomllib.loads(files("equipoise.web").joinpath("texts.toml").read_text(encoding="utf-8")),
    dict[str, dict[str, Text]],
)
"""Every word: group, then name."""
for _group, _names in {**STATUS_NAMES, **OF_THE_CELL_UNIT}.items():
    WORDS[_group] = WORDS.get(_group, {}) | dict(_names)


def language() -> Language:
    """The language of this request."""
    active = (get_language() or "en")[:2]
    return next((x for x in LANGUAGES if x == active), "en")


def t(key: str, /, **values: object) -> str:
    """The words behind `group.name`, with `{names}` filled in."""
    group, _, name = key.partition(".")
    return word(group, name, **values)


def word(group: str, name: str, /, **values: object) -> str:
    """A word chosen by a value, such as the name of a status."""
    said = WORDS[group][name].say(language())
    return said.format_map(values) if values else said


def text_of(key: str) -> Text:
    """A word in both languages, as the label of a field of the interface."""
    group, _, name = key.partition(".")
    return WORDS[group][name]


def say(text: Text | str | None) -> str:
    """A text of the study in the language of this request."""
    return text.say(language()) if isinstance(text, Text) else text or ""
