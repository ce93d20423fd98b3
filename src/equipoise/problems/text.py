"""Words that people read, in the languages of the product, and names in the order they expect."""

import re
from typing import Literal
from unicodedata import category

from msgspec import Struct

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in English and French; French may be empty until a draft is translated."""

    en: str
    fr: str = ""

    def say(self, language: Language = "en") -> str:
        """The words in `language`, or the English ones where no translation exists."""
        return self.fr if language == "fr" and self.fr else self.en


def show(text: str) -> str:
    """A text that turns or hides no words around it.

    Control characters, marks of direction and other signs that nobody sees come with what is quoted
    and show as one sign; spaces and ends of lines stay.
    """
    if text.isprintable():
        return text
    return "".join(c if _is_seen(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_seen(sign: str) -> bool:
    return sign.isprintable() or sign in "\n\t" or category(sign) == "Zs"


def natural_order(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """The key by which names are listed: digits count as a number, `P1-2` comes before `P1-10`.

    Signs come before digits, digits before letters. Names that differ in leading zeros alone are
    ordered as text.
    """
    return tuple(map(_rank, re.findall("[0-9]+|[^0-9]", name))), name


def _rank(part: str) -> tuple[int, int, str]:
    if part[0] in "0123456789":  # not as an int: what somebody typed may have any length
        digits = part.lstrip("0")
        return 1, len(digits), digits
    return (2 if part.isalnum() else 0), 0, part
