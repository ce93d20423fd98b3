"""The words of a criterion as tokens: what is measured, comparisons, joining words, the rest."""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from equipoise.exchange.criteria.quantities import QUANTITIES, UNIT_WORDS

Kind = Literal[
    "quantity", "compare", "range", "reverse", "and", "or", "sep", "open", "close", "word"
]


class Token(Struct, frozen=True):
    """One token; `text` is a quantity's name, an operator or a word, `numbers` with their units.

    `units` are as written, empty where there is none; a multiple of a normal limit has `uln`.
    """

    kind: Kind
    text: str
    numbers: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


_TIMES = r"(?:years?|yrs?|months?|weeks?|days?|hours?)"
_NUMBER_WORDS: Mapping[str, str] = {
    **{word: str(n) for n, word in enumerate(("zero", "one", "two", "three", "four", "five"))},
    **{word: str(n) for n, word in enumerate(("six", "seven", "eight", "nine", "ten"), 6)},
    "twelve": "12",
    "eighteen": "18",
    "twenty-four": "24",
}
_REPLACED: tuple[tuple[str, str], ...] = (
    (r"\bG ?/ ?[Ll]\b", "10^9/L"),
    (r"[µμ]", "u"),
    (r"[×✕]", "x"),
    (r"⁹", "^9"),
    (r"[²]", "2"),
    (r"[³]", "3"),
    (r"m\^([23])", r"m\1"),
    (r"m\*\*([23])", r"m\1"),
    (r"[‐‑‒–—−]", "-"),
    (r"[≥⩾≧]|=>|> ?/? ?=|⋝", ">="),
    (r"[≤⩽≦]|=<|< ?/? ?=", "<="),
    (r"(?<![\d.,])(\d{1,3})((?:,\d{3})+)(?![\d,])", r"\1\2"),
    (r"\b10(9|6|3) ?/ ?(l|ul|mm3)\b", r"10^\1/\2"),
    (r"\bor equal to\b", "or-equal-to"),
    (r"\b(greater|more|higher|larger|older) than or-equal-to", ">="),
    (r"\b(less|lower|smaller|fewer|younger) than or-equal-to", "<="),
    (r"\b(?:equal to or|equal or) (?:greater|more|higher) than\b", ">="),
    (r"\b(?:equal to or|equal or) (?:less|lower) than\b", "<="),
    (
        r"\b(?:no|not) (?:greater|more|higher|larger|older) than\b|\bnot (?:to )?exceed(?:ing)?\b",
        "<=",
    ),
    (r"\b(?:no|not) (?:less|lower|fewer|younger) than\b", ">="),
    (r"\bat least\b|\b(?:a )?minimum (?:of )?(?=\d)", ">="),
    (r"\bat most\b|\bup to\b|\b(?:a )?maximum (?:of )?(?=\d)", "<="),
    (r"\b(?:greater|more|higher|larger|older) than\b|\babove\b|\bexceed(?:s|ing)?\b", ">"),
    (r"\b(?:less|lower|smaller|fewer|younger) than\b|\bbelow\b|\bunder(?= \d)", "<"),
    (r"\bover(?= \d)", ">"),
    (r"([<>]=?) (?:or equal to |to )", r"\1 "),
)
_AGES = r"(years?|yrs?|months?|weeks?|days?)"
_OLDER_THAN = rf"\b((?:older|younger) than (?:or equal to )?\d+) {_AGES}\b(?! (?:of age|old))"
_PEOPLE_OF = (
    r"\b((?:adults?|people|persons?|patients?|m[ae]n|wom[ae]n|males?|females?|subjects?|volunteers?"
    r"|participants?|children)) (?:of )?([<>]=? ?\d+) years?\b(?!-of)"
)
_UPPER_LIMIT = (
    r"(?:(?:x|times|\*)? ?(?:the )?)(?:institutional |laboratory |local )*"
    r"(?:upper limit (?:of )?(?:the )?(?:normal|nl)(?: range)?(?: ?\(i?uln\))?"
    r"|upper normal limit|upper limits of normal|\b(?:uln|unl)\b"
    r"|(?:(?<=\d )|(?<=[x*] )|(?<=s ))normal\b)"
)
_N = r"(\d+(?:\.\d+)?)"
_U = rf"(?:[ -]?((?:year|month|week|day)s?-of-age|{UNIT_WORDS}|uln)(?![\w/]))?"
_MORE = r"(?:or|and) (?:more|greater|older|above|higher|over|longer|upwards?)\b"
_LESS = r"(?:or|and) (?:less|lower|younger|below|fewer|under)\b"
_JOIN = r"(?:to|-|and|through)"
_QUANTITY = "|".join(f"(?P<{q.name}>{q.words})" for q in QUANTITIES)
_TOKENS = re.compile(
    rf"(?P<between>\bbetween {_N}{_U} ?(?:and|to|-) ?{_N}{_U})"
    rf"|(?P<range>(?:\bfrom )?(?<![\w.<>=-]){_N}{_U} ?(?:to|-|through) ?{_N}{_U})(?![\w.]*[-/]\d)"
    rf"|(?P<compare>(?:<=|>=|<|>) ?{_N}{_U})"
    rf"|(?P<more>(?<![\w.]){_N}{_U} {_MORE})|(?P<less>(?<![\w.]){_N}{_U} {_LESS})"
    rf"|(?P<reverse>(?<![\w.]){_N}{_U} ?(<=|>=|<|>)(?= ?[a-z]))"
    rf"|(?P<or>\band ?/ ?or\b|\bor\b)|(?P<and>\band\b|\bplus\b|&|\bwith\b)|(?P<sep>[,;](?!\d))"
    rf"|(?P<open>[(\[])|(?P<close>[)\]])|(?:\b(?:{_QUANTITY})\b)"
    r"|(?P<word>[^\s,;()\[\]]+)"
)
_NAMES = frozenset(q.name for q in QUANTITIES)


def read_tokens(text: str) -> list[Token]:
    """The tokens of a criterion, in order."""
    return list(_tokens(normalize(text)))


def normalize(text: str) -> str:
    """Lower case, plain signs and numbers, one word for each way to write a comparison."""
    plain = text
    for pattern, sign in _REPLACED[:1]:
        plain = re.sub(pattern, sign, plain)
    plain = plain.lower()
    plain = re.sub(_OLDER_THAN, r"\1 \2 old", plain)
    plain = re.sub(rf"(?<=\d) {_AGES}(?= (?:or|and) (?:older|younger)\b)", r" \1 old", plain)
    for pattern, sign in _REPLACED[1:]:
        plain = re.sub(pattern, sign, plain)
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain)
    plain = re.sub(r"(?<=\d),(?=\d{1,2}(?!\d))", ".", plain)
    words = "|".join(_NUMBER_WORDS)
    plain = re.sub(rf"\b({words})(?= {_TIMES}\b)", lambda match: _NUMBER_WORDS[match[1]], plain)
    plain = re.sub(rf"\b\w+ \((\d+)\)(?= {_TIMES}\b)", r"\1", plain)
    plain = re.sub(rf"(?<=\d)[ -]{_AGES}[ -](?:of age|olds?)\b", r" \1-of-age", plain)
    plain = plain.replace("yrs-of-age", "years-of-age").replace("yr-of-age", "year-of-age")
    plain = re.sub(_PEOPLE_OF, r"\1 \2 years-of-age", plain)
    plain = re.sub(_UPPER_LIMIT, " uln", plain)
    plain = re.sub(r"(?<=\d) ?(?:x|times|\*)?-? *(?: fold)? *uln", " uln", plain)
    return re.sub(r"\s+", " ", plain).strip(" .;:")


def _tokens(plain: str) -> Iterator[Token]:
    for match in _TOKENS.finditer(plain):
        yield _token(match.lastgroup or "word", match[0])


def _token(kind: str, text: str) -> Token:
    if kind in _NAMES:
        return Token("quantity", kind)
    if kind in _COMPARED:
        found = _AMOUNT.findall(text)
        sign = re.search(r"[<>]=?", text)
        word = sign[0] if sign else {"more": ">=", "less": "<="}.get(kind, "")
        numbers = tuple(number for number, _ in found)
        return Token(_COMPARED[kind], word, numbers, tuple(unit for _, unit in found))
    return Token(kind, text)  # type: ignore[arg-type]


_AMOUNT = re.compile(rf"{_N}{_U}")
_COMPARED: Mapping[str, Kind] = {
    "between": "range",
    "range": "range",
    "compare": "compare",
    "more": "compare",
    "less": "compare",
    "reverse": "reverse",
}
