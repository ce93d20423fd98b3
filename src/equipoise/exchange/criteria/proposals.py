"""The rule that a criterion's words state, as far as rules of this kind can read it.

A proposal is never more than that: it waits for a person, beside the words it was read from. None
is made where a sign is lost (a bare "="), or where the words ask for somebody's judgement.
"""

import re
from collections.abc import Iterable
from typing import Literal

from equipoise.exchange.criteria.comparing import Comparing
from equipoise.exchange.criteria.items import Kind
from equipoise.exchange.criteria.presence import propose_presence, read_sex
from equipoise.exchange.criteria.quantities import BIRTH, Proposal, RuleValue
from equipoise.exchange.criteria.tokens import normalize

LONGEST = 3000
"""Characters of a criterion for which a rule is looked for."""
_JUDGED = re.compile(
    r"\b(?:willing\w*|unwilling\w*|able to|unable|inability|ability|judge?ments?|judged|opinion|"
    r"discretion|inadequate|adequate|contraindicat\w+|clinically|understand\w*|consent\w*|assent|"
    r"comply|compliance|agrees?|agreement|investigator|physician|intend\w*|plan(?:s|ned|ning)?|"
    r"must use|expected to|likely|acceptable|appropriate|suitab\w+|deemed|considered)\b"
)
_LOST_SIGN = re.compile(r"(?<![<>≤≥=!/])=(?![<>=])\s?\d")
_DEFINED = re.compile(
    r"\b(?:(?:as )?defined (?:as|by)|i\.e\.,?|that is,|consisting of|characterized by)\b:?"
)
_NO_LIMIT = re.compile(
    r"\b(?:without|no) (?:any )?(?:restrictions?|limits?|limitations?|regard)\b"
    r"(?:(?! plus | and | or )[^,;.])*"
)


def propose(text: str, kind: Kind = "unknown") -> Proposal | None:
    """The rule that a text states, or the part of it that can be read; None if there is none.

    `kind` says how a list of conditions without a joining word is meant: any bars, all are needed.
    """
    if len(text) > LONGEST or _LOST_SIGN.search(text):
        return None
    plain = normalize(text)
    plain = _NO_LIMIT.sub("", plain)
    unjudged = re.sub(r"investigator'?s'? global assessment", "", plain)
    if _JUDGED.search(unjudged):
        return None
    reading = Comparing(_defined(plain), kind=kind)
    part = reading.read()
    if part is None:
        return propose_presence(plain, text)
    source, values = part.within(""), reading.values
    sex = read_sex(plain) if all(v.name in ("age", BIRTH.name) for v in values) else None
    if sex:
        source = f"sex = {sex} and {part.within('and')}"
        values = [RuleValue("sex", "sex", "", "Sex"), *values]
    return Proposal(source, tuple(dict.fromkeys(values)), reading.is_partial)


def _defined(plain: str) -> str:
    """What follows `defined as`, where nothing is compared before it."""
    match = _DEFINED.search(plain)
    if match and not re.search(r"[<>\d]", plain[: match.start()]):
        return plain[match.end() :]
    return plain


def join_parts(parts: Iterable[Proposal], join: Literal["any", "all"]) -> Proposal:
    """One rule from those of the parts, joined as the words before them say."""
    word = "or" if join == "any" else "and"
    listed = list(parts)
    return Proposal(
        f" {word} ".join(f"({p.expression})" for p in listed),
        tuple(dict.fromkeys(value for p in listed for value in p.values)),
        any(p.is_partial for p in listed),
    )
