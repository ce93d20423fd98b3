"""What a criterion's words let a program say for certain, and what a person must look at."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from equipoise.exchange.criteria.quantities import Proposal

MARKS: Mapping[str, str] = {
    "lost_superscript": r"\b10(?:3|6|9|12)\s?/\s?(?:L|l|[uµμ]L|ul|m[Ll]|mm3|kg)\b",
    "lost_sign": r"(?<![<>≤≥=!/])=\s?\d",
    "decimal_comma": r"(?<![\d,.])\d+,\d{1,2}(?![\d,])",
    "and_or": r"\band/or\b",
    "binding": (
        r"\b(?:and|plus)\b(?!/).*(?<!/)\bor\b|(?<!/)\bor\b.*\b(?:and|plus)\b(?!/)"
        r"|\band/or\b.*\b(?:and|or)\b"
    ),
    "comma_list": r"\b[A-Za-z]{2,},\s?[A-Za-z]{2,}\s?[<>≤≥]|[<>≤≥][^;,]*[;,][^;,<>≤≥]*[<>≤≥]",
    "conditional": r"\b(?:wom[ae]n|m[ae]n|females?|males?|those) (?:of|with|who)\b.*\bmust\b",
    "such_as": r"\b(?:such as|e\.g\.|eg\.|for example|including but not limited|etc\b)",
    "exception": r"\b(?:except|unless|other than|apart from|excluding)\b",
    "upper_limit": r"\b(?:\d[\d.,]*\s?[x×*]?\s?(?:the\s)?(?:upper limit|ULN|normal\b))",
    "judgement": (
        r"\b(?:willing|unwilling\w*|able|unable|inability|judge?ments?|opinion|discretion|"
        r"inadequate|adequate|contraindicat\w+|clinically (?:significant|relevant)|understand\w*|"
        r"consent|comply|compliance|investigator)\b"
    ),
    "truncated": r"(?:,|\b(?:and|or|with|of|the))$",
}
"""Review marks that stand on a criterion's words; `_marks_of` and the list's reader add more."""

ALL_MARKS = (
    "needs_review",
    "partial",
    *MARKS,
    "no_threshold",
    "scope",
    "lost_item",
    "lost_heading",
)
"""The closed list of review marks."""

_VAGUE = re.compile(
    r"\b(uncontrolled|severe|insufficiency|significant|abnormal|active|impaired|advanced|recent|"
    r"poor|serious|major|chronic|unstable)\b",
    re.IGNORECASE,
)
_COLLECTIVE = re.compile(r"[.;]\s+(All|Any|Each|Both|These|Such)\b[^.;]*\.?$")
_END = r"(?: the| these)?(?: following)?(?: \w+){0,2}\W*$"
_ANY = re.compile(
    rf"(?:\bwith )?\b(?:either|(?:at least )?one(?: or more)? of|any(?: one)? of){_END}",
    re.IGNORECASE,
)
_ALL = re.compile(rf"(?:\bwith )?\b(?:all of|both(?: of)?|each of){_END}", re.IGNORECASE)
_CONDITION = re.compile(r"[\d<>≤≥=,;]|\b(plus|and|or|with|who)\b", re.IGNORECASE)


_OF_VALUES = ("lost_superscript", "decimal_comma", "upper_limit")


def read_marks(
    text: str,
    *,
    has_parts: bool = False,
    goes_on: bool = False,
    proposal: Proposal | None = None,
) -> tuple[str, ...]:
    """What a person must look at in these words, from the closed list; always `needs_review`.

    With parts, or where the list `goes_on` after it, an open end is none of the text's losses. A
    `proposal` that says all of the words about one thing leaves only the marks of its numbers.
    """
    found = [mark for mark, words in MARKS.items() if re.search(words, text, re.IGNORECASE)]
    if proposal is not None and proposal.is_plain:
        return ("needs_review", *(mark for mark in found if mark in _OF_VALUES))
    if (goes_on or has_parts) and "truncated" in found:
        found.remove("truncated")
    if _VAGUE.search(text) and not re.search(r"\d", text) and not has_parts:
        found.append("no_threshold")
    if _COLLECTIVE.search(text) or (has_parts and not read_join(text)):
        found.append("scope")
    partial = ("partial",) if proposal is not None and proposal.is_partial else ()
    return ("needs_review", *partial, *found)


def read_join(text: str) -> Literal["any", "all", ""]:
    """How the words that introduce parts join them; nothing where they hold a condition too."""
    if _ALL.search(text) and not _CONDITION.search(_ALL.split(text)[0]):
        return "all"
    match = _ANY.search(text)
    if match and not _CONDITION.search(text[: match.start()]):
        return "any"
    return ""


def read_age_bounds(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The numbers of years that texts give as a lowest and as a highest age."""
    low: list[str] = []
    high: list[str] = []
    for text in (t.lower() for t in texts if _IS_AGE.search(t)):
        low += [m for pair in _LOWEST.findall(text) for m in pair if m]
        high += [m for pair in _HIGHEST.findall(text) for m in pair if m]
        for first, last in _RANGE.findall(text):
            low.append(first)
            high.append(last)
    return low, high


_IS_AGE = re.compile(r"\bage[ds]?\b|\bold(er)?\b|\byounger\b", re.IGNORECASE)
_NO_UNIT = r"\b(?! ?(?:months|weeks|days|%|mg|g/))"
_OR_MORE = r"(\d+) ?(?:years?|yrs?)(?: old| of age)? (?:or|and) "
_LOWEST = re.compile(
    rf"(?:≥|>=|at least|minimum(?: age)?(?: of)?|from|between) ?(\d+){_NO_UNIT}"
    rf"|{_OR_MORE}(?:older|over|above)"
)
_HIGHEST = re.compile(
    rf"(?:≤|<=|up to|at most|maximum(?: age)?(?: of)?) ?(\d+){_NO_UNIT}"
    rf"|{_OR_MORE}(?:younger|under|below)"
)
_RANGE = re.compile(r"(\d+) ?(?:years?)? ?(?:-|–|to|and) ?(\d+) ?(?:years|yrs)")
