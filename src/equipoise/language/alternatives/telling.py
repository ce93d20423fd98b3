"""What would settle a condition, or turn it, in words."""

import datetime as dt
from collections.abc import Sequence
from itertools import zip_longest

from equipoise.language.alternatives.changing import Change, Shift
from equipoise.language.alternatives.settling import Alternative
from equipoise.language.explanation import show
from equipoise.language.tree import Combination, Node
from equipoise.language.values import Known
from equipoise.language.wording import Names, say_day, say_node, say_plain
from equipoise.problems import Language, Text

_AND = Text("; ", "\u00a0; ")
_NOW = Text("now {0}", "actuellement {0}")
_UNKNOWN = Text("now unknown", "inconnu à ce jour")
_AWAY = Text("difference {0}", "écart {0}")
_FROM = Text("will be so from {0}", "ce sera le cas à partir du {0}")


def say_alternative(
    alternative: Alternative, *, language: Language = "en", names: Names | None = None
) -> str:
    """When values settle a condition: "C-reactive protein: above 5 mg/L"."""
    return _together(alternative.conditions, language, names)


def say_change(
    change: Change,
    *,
    language: Language = "en",
    names: Names | None = None,
    days: Sequence[dt.date | None] = (),
) -> str:
    """All that would have to be different: each limit, the value now, how far it lies.

    `days` are those from which time alone will have brought each about.
    """
    told = (
        say_shift(shift, language=language, names=names, from_on=on)
        for shift, on in zip_longest(change.shifts, days)
    )
    return _AND.say(language).join(told)


def say_shift(
    shift: Shift,
    *,
    language: Language = "en",
    names: Names | None = None,
    from_on: dt.date | None = None,
) -> str:
    """One limit: "Hemoglobin: below 11 g/dL (now 11.4 g/dL, difference 0.4 g/dL)".

    `from_on` is the day from which time alone will have brought it about.
    """
    said = [_say_now(shift, language, names or Names())]
    if shift.difference is not None:
        away = say_plain(shift.difference.value, shift.difference.unit, language)
        said.append(_AWAY.say(language).format(away))
    if from_on is not None:
        said.append(_FROM.say(language).format(say_day(from_on, language)))
    condition = _together((shift.condition,), language, names)
    return f"{condition} ({', '.join(said)})"


def _together(conditions: tuple[Node, ...], language: Language, names: Names | None) -> str:
    """Several conditions as one sentence, a single one as it is."""
    joined = Combination("all", conditions, len(conditions), (0, 0))
    return say_node(joined, language=language, names=names)


def _say_now(shift: Shift, language: Language, names: Names) -> str:
    if not isinstance(shift.now, Known):
        return _UNKNOWN.say(language)
    stored = show(shift.now)
    said = say_plain(stored, shift.now.unit, language)
    if isinstance(shift.now.value, str):
        said = names.choice(shift.names[0], said, language)
    return _NOW.say(language).format(said)
