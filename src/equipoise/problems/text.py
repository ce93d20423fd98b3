"""Words that people read, in the languages of the product."""

from typing import Literal

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
