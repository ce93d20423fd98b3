"""The words of tables, figures and reports, in both languages, and how numbers are written."""

import datetime as dt
import re
import tomllib
from importlib.resources import files

import msgspec

from equipoise.problems import Language, Text

NO_BREAK = "\u00a0"


def load_words() -> dict[str, Text]:
    """Read `texts.toml`; spaces that must not end a line become unbreakable."""
    source = files("equipoise.analysis").joinpath("texts.toml").read_text(encoding="utf-8")
    read = msgspec.convert(tomllib.loads(source), dict[str, Text])
    return {key: Text(_tie(text.en), _space(_tie(text.fr))) for key, text in read.items()}


def _space(french: str) -> str:
    """French sets its signs off by a space, which must not end a line."""
    return re.sub(r" ([:;?!%])", NO_BREAK + r"\1", french)


def _tie(words: str) -> str:
    return words.replace("n = ", f"n{NO_BREAK}={NO_BREAK}")


WORDS = load_words()
"""Every word by its key."""


def word(key: str, /, **values: object) -> Text:
    """The words behind a key in both languages, with `{names}` filled in."""
    text = WORDS[key]
    if not values:
        return text
    spoken = {
        language: {k: v.say(language) if isinstance(v, Text) else v for k, v in values.items()}
        for language in ("en", "fr")
    }
    return Text(text.en.format_map(spoken["en"]), text.fr.format_map(spoken["fr"]))


def say_number(value: float | None, language: Language, *, decimals: int = 1) -> str:
    """A number with its decimals, with a comma in French; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    text = text.replace("-", "\u2212")
    return text.replace(".", ",") if language == "fr" else text


def decimals_for(largest: float | None) -> int:
    """How many decimals a mean needs: two on a scale that ends below ten, else one."""
    return 2 if largest is not None and abs(largest) < 10 else 1


def say_percent(share: float, language: Language) -> str:
    """A share of one as a whole percentage, with the space that French puts before the sign."""
    return f"{100 * share:.0f}{NO_BREAK if language == 'fr' else ''}%"


def say_share(n: int, total: int, language: Language) -> str:
    """`5 (28%)`; without a denominator the count alone."""
    return f"{n} ({say_percent(n / total, language)})" if total else str(n)


def say_day(day: dt.date | None) -> str:
    """A day as ISO 8601 has it, the same in both languages."""
    return day.isoformat() if day else "–"
