"""Criteria of yes and no: pregnancy, sex, something that is, was, or happened within a time."""

import re

from equipoise.exchange.criteria.comparing import EXCEPTION
from equipoise.exchange.criteria.quantities import Proposal, RuleValue

LONGEST_NAME = 60
"""Characters; no name is cut, so that different words never share one."""
_VAGUE = re.compile(
    r"\b(?:uncontrolled|severe|insufficiency|significant|abnormal\w*|active|impaired|advanced|recent|"
    r"poor|serious|major (?!surg)|chronic|unstable|other|certain|relevant)\b"
)
_WHO = r"(?:patients?|subjects?|participants?|volunteers?|adults?|people|individuals?)"
_ONLY_SEX = re.compile(rf"(?:females?|males?|m[ae]n|wom[ae]n)(?: {_WHO})?(?: only)?")
_ONLY_PEOPLE = re.compile(rf"(?:(?:{_WHO}|females?|males?|m[ae]n|wom[ae]n|children)[ ,]?)+")
_UNIT = r"(days?|weeks?|months?|years?|hours?)"
_EVENT = (
    r"(?:,? (?:prior to|before|of|preceding|from|to)"
    r"(?: (?:the|study|first|start|date|of|baseline|screening|visit|enroll?ment|entry|inclusion|"
    r"randomi[sz]ation|dose|treatment|drug|day|1|initiation|administration|consent|participation|"
    r"into|this|trial|and|or|infusion|infusions|informed))*)?"
)
_PAST = r"(?:the )?(?:last |past |previous |prior |preceding )?"
_WINDOWS = (
    (re.compile(rf"(.+?),? (?:within|in|during|over) {_PAST}(\d+) {_UNIT}{_EVENT}"), "<="),
    (re.compile(rf"(.+?) <=? ?(\d+) {_UNIT} (?:prior to|before)\b.*"), "<"),
    (re.compile(rf"(.+?) (?:for|of) >= ?(\d+) {_UNIT}(?: duration)?{_EVENT}"), ">="),
    (re.compile(rf"(.+?) of < ?(\d+) {_UNIT}(.*)"), "<"),
    (re.compile(rf"(.+?) within {_PAST}(\d+) {_UNIT}(,? (?:except|unless|other than)\b.*)"), "<="),
)
_SINCE = re.compile(rf">=? ?(\d+) {_UNIT} since (.+)")
_NO = re.compile(r"(?:no|without|absence of|free of|not|never)\b,? ?(?:evidence of )?")
_DETERMINERS = re.compile(
    rf"^(?:(?:known|documented|any|an?|the|personal|{_WHO}|with|having|have|has|had|who|a) )+"
)
_PRESENT = re.compile(
    r"(?:prior |previous |past |current |concurrent |concomitant )?(?:history|diagnosis) of .+"
    r"|(?:hyper)?sensitivity to .+|allerg(?:y|ies|ic)(?: reactions?)? to .+"
    r"|(?:prior|previous|current|concurrent|concomitant) (?:treatment|therapy|use|exposure)\b.+"
    r"|(?:hiv|hepatitis|hbv|hcv|tuberculosis|human immunodeficiency)\b.*infections?"
)
_BABY = {
    "pregnant": "pregnant",
    "pregnancy": "pregnant",
    "lactating": "breastfeeding",
    "lactation": "breastfeeding",
    "breastfeeding": "breastfeeding",
    "breast-feeding": "breastfeeding",
    "nursing": "breastfeeding",
}
_BABY_FILLERS = frozenset(
    re.findall(
        r"\S+",
        """
        women woman females female patients subjects participants who are is or and and/or
        currently status a the mothers be must either
        """,
    )
)
_BABY_LABELS = {"pregnant": "Pregnant", "breastfeeding": "Breastfeeding"}


def propose_presence(plain: str, text: str) -> Proposal | None:
    """A rule of yes and no: pregnancy, sex, something present, something within a time."""
    if _ONLY_SEX.fullmatch(plain):
        value = RuleValue("sex", "sex", "", "Sex")
        return Proposal(f"sex = {read_sex(plain)}", (value,))
    if baby := _baby(plain):
        return baby
    match = _NO.match(plain)
    body = plain[match.end() :] if match else plain
    found = _window(body, text) or _present(body, text)
    if found is None or match is None:
        return found
    is_single = " " not in found.expression
    source = f"not {found.expression}" if is_single else f"not ({found.expression})"
    return Proposal(source, found.values, found.is_partial)


def _baby(plain: str) -> Proposal | None:
    words = re.sub(r"breast feeding", "breastfeeding", plain).replace(",", " ").split()
    bare = [word.removeprefix("non-") for word in words]
    is_denied = any(word in ("not", "no", "non") or word.startswith("non-") for word in words)
    known = set(_BABY) | _BABY_FILLERS | {"not", "no", "non"}
    names = list(dict.fromkeys(_BABY[word] for word in bare if word in _BABY))
    if not names or not set(bare) <= known:
        return None
    values = tuple(RuleValue(name, "boolean", "", _BABY_LABELS[name]) for name in names)
    source = " or ".join(names)
    if is_denied:
        source = f"not ({source})" if len(names) > 1 else f"not {source}"
    return Proposal(source, values)


def _window(body: str, text: str) -> Proposal | None:
    """Something within, before or for a time; its day and whether it was at all are asked."""
    if since := _SINCE.fullmatch(body):
        named = _named(since[3], text)
        if named is None:
            return None
        name, values = named
        source = f"not {name} or days_since({name}_on) >= {since[1]} {since[2]}"
        return Proposal(source, values)
    for pattern, sign in _WINDOWS:
        match = pattern.fullmatch(body)
        named = _named(match[1], text) if match else None
        if match and named:
            name, values = named
            is_partial = match.re.groups > 3 and bool(match[4].strip())
            source = f"{name} and days_since({name}_on) {sign} {match[2]} {match[3]}"
            return Proposal(source, values, is_partial)
    return None


def _present(body: str, text: str) -> Proposal | None:
    plain = _DETERMINERS.sub("", body)
    if EXCEPTION.search(plain):
        return None
    named = _named(plain, text) if _PRESENT.fullmatch(plain) else None
    return Proposal(named[0], named[1][:1]) if named else None


def _named(words: str, text: str) -> tuple[str, tuple[RuleValue, ...]] | None:
    """A name for something that is or is not, and its day; None for words that say more."""
    plain = _DETERMINERS.sub("", words).strip(" ,;")
    plain = re.sub(r" \([a-z0-9-]{2,8}\)", "", plain)
    n_words = len(plain.split())
    if not 1 <= n_words <= 10 or re.search(r"[<>=:;()]", plain) or _VAGUE.search(f"{plain} "):
        return None
    if _ONLY_PEOPLE.fullmatch(plain):
        return None
    if re.search(r"\b(?:such as|e\.g|following|who|which|whose|if|must|should|with)\b", plain):
        return None
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not plain.isascii() or not name[:1].isalpha() or len(name) > LONGEST_NAME:
        return None
    label = _original(plain, text)
    return name, (
        RuleValue(name, "boolean", "", label),
        RuleValue(f"{name}_on", "date", "", f"{label}: when"),
    )


def _original(plain: str, text: str) -> str:
    """The words as the record writes them."""
    at = text.lower().find(plain)
    found = text[at : at + len(plain)] if at >= 0 else plain
    return found[:1].upper() + found[1:]


def read_sex(plain: str) -> str:
    """The sex that a text restricts to; empty where it names both or neither."""
    has_women = bool(re.search(r"\b(?:females?|wom[ae]n|girls?)\b", plain))
    has_men = bool(re.search(r"\b(?:males?|m[ae]n|boys?)\b", plain))
    if has_women == has_men:
        return ""
    return "female" if has_women else "male"
