"""Comparisons in the words of a criterion, and how its joining words bind them."""

import re
from collections.abc import Sequence

from msgspec import Struct

from equipoise.exchange.criteria.items import Kind
from equipoise.exchange.criteria.quantities import (
    BIRTH,
    BY_NAME,
    RuleValue,
    default_unit,
    name_in,
    read_unit,
)
from equipoise.exchange.criteria.tokens import Token, read_tokens

EXCEPTION = re.compile(r"\b(?:except|unless|other than|apart from|excluding|exception|allowed)\b")
_NEGATION = re.compile(r"^(?:no|not|without|never|absence|non|nor|neither|cannot|lack)$")
_FILLERS = frozenset(
    re.findall(
        r"\S+",
        """
        patient patients subject subjects participant participants people person persons
        individual individuals volunteer volunteers adult adults child children infants
        adolescents the a an of have has having must should be is are was were who whose that
        which at on in to by as for from between since during and/or either both any one least
        following screening visit baseline enrollment enrolment entry inclusion randomization
        randomisation study time day score scores scale level levels value values count counts
        result results range normal serum plasma blood total fasting resting random predicted
        pred measured determined estimated calculated laboratory parameters abnormal inclusive
        mean confirmed echocardiography cardiac right heart catheterization room air
        examination physical exam x uln times fold cell cells with and first only male female
        males females men women man woman aged years-of-age old age years year performance
        status index ratio - / : = eligible
        """,
    )
)
"""Words that a comparison leaves aside: who, when and how it is measured."""
_FAR = 3
"""How many words may stand between what is measured and its comparison."""
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class _Part(Struct, frozen=True):
    """A piece of a rule; `join` is what binds it at its top: `and`, `or` or nothing."""

    source: str
    join: str = ""

    def within(self, outer: str) -> str:
        """The piece as it stands inside an outer `and` or `or`."""
        needs = (self.join, outer) == ("or", "and")
        return f"({self.source})" if needs else self.source


class _About:
    """What the next comparison is about, while words are read."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.joins: list[str] = []
        self.is_used = False
        self.n_words = 0
        self.waiting: Token | None = None


class Comparing:
    """One pass over the tokens of a criterion."""

    def __init__(self, plain: str, *, kind: Kind) -> None:
        self.tokens = read_tokens(plain)
        self.default = "and" if kind == "inclusion" else "or"
        self.values: list[RuleValue] = []
        self.is_partial = bool(EXCEPTION.search(plain))
        self._negated = False
        self._at = self._depth = 0
        self._about = _About()

    def read(self) -> _Part | None:
        """The whole as one piece; None where nothing is compared, or something is denied."""
        part = self._level()
        return None if self._negated else part

    def _level(self) -> _Part | None:
        """The pieces up to the closing bracket, joined as their words say."""
        outer, self._about = self._about, _About()
        pieces: list[_Part | str] = []
        while self._at < len(self.tokens):
            token = self.tokens[self._at]
            self._at += 1
            if token.kind == "close" and self._depth:
                break
            self._take(token, pieces)
        self._about = outer
        return _joined(pieces, self.default)

    def _take(self, token: Token, pieces: list[_Part | str]) -> None:
        about = self._about
        if token.kind == "open":
            pieces += self._bracket()
        elif token.kind == "quantity":
            self._name(token, pieces)
        elif token.kind == "reverse":
            about.waiting = token
        elif token.kind in ("compare", "range"):
            about.subjects = about.subjects or self._ahead(token)
            pieces += self._compared(token, about.subjects, joins=about.joins)
            about.is_used, about.n_words = True, 0
        elif token.kind != "close":
            self._other(token, pieces)
            if about.n_words > (0 if about.is_used else _FAR):
                self._about = _About()

    def _name(self, token: Token, pieces: list[_Part | str]) -> None:
        """Something measured: beside what waits for its comparison, or in its place."""
        about = self._about
        about.n_words = 0
        if about.is_used or not about.subjects:
            about.subjects, about.joins, about.is_used = [], [], False
        else:
            about.joins += _trailing(pieces)
        if token.text not in about.subjects:
            about.subjects.append(token.text)
        if about.waiting is not None:
            pieces += self._compared(about.waiting, about.subjects[-1:], joins=[], sign_first=False)
            about.waiting, about.is_used = None, False

    def _other(self, token: Token, pieces: list[_Part | str]) -> None:
        if token.kind in ("and", "or", "sep"):
            pieces.append("with" if token.text == "with" else token.kind)
        elif _NEGATION.match(token.text):
            self._negated = True
        elif token.text.strip(".:'\"*•") not in _FILLERS and token.text.strip(".:'\"*•"):
            self.is_partial = True
            self._about.n_words += 1
        if token.kind == "word" and token.text.endswith("."):
            self._about.n_words += _FAR + 1

    def _bracket(self) -> list[_Part | str]:
        """A bracket that compares nothing is a remark; one that does is a piece."""
        depth, end = 1, self._at
        while end < len(self.tokens) and depth:
            depth += {"open": 1, "close": -1}.get(self.tokens[end].kind, 0)
            end += 1
        inside = self.tokens[self._at : end]
        is_scale = any(t.text in ("scale", "range") for t in inside)
        if not is_scale and any(t.kind in ("compare", "range", "reverse") for t in inside):
            self._depth += 1
            part = self._level()
            self._depth -= 1
            return [part] if part else []
        self._at = end
        return []

    def _ahead(self, token: Token) -> list[str]:
        """What is measured, where it is named after the comparison: `10 kg body weight`."""
        if any(unit.endswith("-of-age") for unit in token.units):
            return ["age"]
        for at in range(self._at, min(self._at + 3, len(self.tokens))):
            later = self.tokens[at]
            if later.kind == "quantity":
                is_own = any(t.kind in ("compare", "range") for t in self.tokens[at + 1 : at + 2])
                self._at = self._at if is_own else at + 1
                return [] if is_own else [later.text]
            if later.kind != "word" or later.text not in _FILLERS:
                return []
        return []

    def _compared(
        self,
        token: Token,
        subjects: Sequence[str],
        *,
        joins: Sequence[str],
        sign_first: bool = True,
    ) -> list[_Part | str]:
        """One comparison for each thing that it is about; nothing where a unit does not fit."""
        found = [self._condition(token, subject, sign_first=sign_first) for subject in subjects]
        parts = [part for part in found if part is not None]
        if not parts or len(parts) < len(subjects):
            self.is_partial = True
            return []
        if len(parts) == 1:
            return [parts[0]]
        said = [join for join in joins if join in ("and", "or")]
        join = said[-1] if said else self.default
        return [_Part(f" {join} ".join(p.within(join) for p in parts), join)]

    def _condition(self, token: Token, subject: str, *, sign_first: bool) -> _Part | None:
        units = self._units(token, subject)
        if units is None:
            return None
        signs = (">=", "<=") if token.kind == "range" else (token.text,)
        if not sign_first:
            signs = (_FLIPPED[token.text],)
        numbers = token.numbers[: len(signs)]
        each = [
            self._comparison(subject, sign, number=number, unit=unit)
            for sign, number, unit in zip(signs, numbers, units, strict=False)
        ]
        sources = [source for source in each if source]
        if len(sources) < len(signs):
            return None
        return _Part(" and ".join(sources), "and" if len(sources) > 1 else "")

    def _units(self, token: Token, subject: str) -> list[str] | None:
        """The unit of each number: its own, that of the range, of what follows, or the usual."""
        written = [unit for unit in token.units if unit] or self._later_units()
        usual = BY_NAME[subject].unit
        if not written:
            return None if usual is None else [usual] * len(token.numbers)
        return [unit or written[-1] for unit in token.units]

    def _later_units(self) -> list[str]:
        """The unit of the next comparison of the same thing."""
        for later in self.tokens[self._at :]:
            if later.kind == "quantity":
                return []
            if later.kind in ("compare", "range") and any(later.units):
                return [unit for unit in later.units if unit]
        return []

    def _comparison(self, subject: str, sign: str, *, number: str, unit: str) -> str:
        """The source of one comparison; empty where the unit does not fit what is measured."""
        quantity = BY_NAME[subject]
        if unit == "uln":
            return self._multiple(subject, sign, number=number)
        symbol = unit.removesuffix("-of-age")
        if symbol != unit and subject != "age":
            return ""
        known = read_unit(symbol) if symbol else ""
        if subject == "age":
            return self._age(sign, number=number, unit=known or "")
        name = name_in(quantity, known) if known is not None else None
        if name is None or known is None:
            return ""
        label = quantity.label if name == quantity.name else f"{quantity.label} ({known})"
        self.values.append(RuleValue(name, "number", known, label))
        return f"{name} {sign} {number} {known}".rstrip()

    def _multiple(self, subject: str, sign: str, *, number: str) -> str:
        unit, label = default_unit(subject), BY_NAME[subject].label
        if not unit:
            return ""
        self.values.append(RuleValue(subject, "number", unit, label))
        upper = RuleValue(f"{subject}_upper", "number", unit, f"{label}, upper limit of normal")
        self.values.append(upper)
        return f"{subject} {sign} {number} * {upper.name}"

    def _age(self, sign: str, *, number: str, unit: str) -> str:
        """Age in completed years; shorter units count from the month of birth."""
        self.values.append(BIRTH)
        if unit == "years":
            self.values.append(RuleValue("age", "age", "years", "Age"))
            return f"age {sign} {number} years"
        if unit in ("months", "weeks", "days"):
            return f"years_since({BIRTH.name}) {sign} {number} {unit}"
        return ""


def _trailing(pieces: list[_Part | str]) -> list[str]:
    """Take the joining words at the end of the pieces."""
    taken: list[str] = []
    while pieces and isinstance(pieces[-1], str):
        taken.insert(0, str(pieces.pop()))
    return taken


def _joined(pieces: Sequence[_Part | str], default: str) -> _Part | None:
    """The pieces with one joining word between two of them."""
    parts: list[_Part] = []
    words: list[str] = []
    between: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            between.append(piece)
            continue
        if parts:
            said = [word for word in between if word in ("and", "or")]
            words.append(said[-1] if said else ("sep" if "sep" in between else "and"))
        parts.append(piece)
        between = []
    if not parts:
        return None
    joins = _settled(words, default)
    if len(parts) == 1:
        return parts[0]
    source = parts[0].within(joins[0])
    for at, (join, part) in enumerate(zip(joins, parts[1:], strict=True)):
        inner = "and" if "and" in joins[at : at + 2] else "or"
        source += f" {join} {part.within(inner)}"
    if joins[0] == "or" and len(set(joins)) == 1:
        return _Part(source, "or")
    return _Part(source, "or" if "or" in joins else "and")


def _settled(words: Sequence[str], default: str) -> list[str]:
    """Commas mean what the next joining word says, else the one before."""
    settled: list[str] = []
    for at, word in enumerate(words):
        if word != "sep":
            settled.append(word)
            continue
        later = [w for w in words[at:] if w != "sep"]
        earlier = settled[::-1]
        settled.append(next(iter([*later, *earlier]), default))
    return settled
