"""The rules of a form: what is asked, what is derived, which edit checks speak.

All are expressions of the one language. A bare name is an item of the form itself or a value that
it derives; `form.item` is the latest value of another form; `first(x)` and `previous(x)` are
earlier values of the form's own item; `encounter` is the name of the encounter.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from equipoise.clinical import ANALYTES, CALCULATORS
from equipoise.language import (
    STANDARD_FUNCTIONS,
    Direction,
    Functions,
    History,
    Interval,
    Known,
    Lookup,
    as_functions,
    evaluate,
    parse,
    read_month,
    to_unit,
    unknown,
    visit_functions,
)
from equipoise.language import Value as Answer
from equipoise.problems import Text
from equipoise.study.forms import EditCheck, Form, Item

MOLAR_MASSES: Mapping[str, float] = {a.analyte: a.molar_mass for a in ANALYTES}
"""Of each known substance in g/mol, 0 where mass and amount do not convert."""

Value = bool | int | float | str | None
"""What an item holds; dates are ISO 8601 text, months `YYYY-MM`; None means empty."""


def _nothing(_: str) -> tuple[Known, ...]:
    return ()


class Others(Struct, frozen=True):
    """What else is known of the participant: `find("form.item")` gives its values, oldest first.

    `baseline` gives the value before treatment, `worst` the direction in which a value gets worse.
    """

    encounter: str = ""
    find: Callable[[str], tuple[Known, ...]] = _nothing
    baseline: Callable[[str], Known | None] = lambda _: None
    worst: Mapping[str, Direction] = {}


def is_asked(form: Form, item: str, *, values: Mapping[str, Value], others: Others) -> bool | None:
    """Whether an item applies; None while the answer that decides it is not known."""
    when = form.items[item].when
    if not when:
        return True
    answer = evaluate(parse(when), _lookup(form, values, others=others))
    return answer.value is True if isinstance(answer, Known) else None


def derive_items(form: Form, *, values: Mapping[str, Value], others: Others) -> Mapping[str, Value]:
    """The derived values of a form, in order; None as long as an input is unknown."""
    return {name: _plain(x) for name, x in _derive(form, values, others=others).items()}


def derive_item(form: Form, name: str, *, values: Mapping[str, Value], others: Others) -> Value:
    """One derived value; those that come after it are not computed."""
    return _plain(_derive(form, values, others=others, last=name)[name])


def find_warnings(
    form: Form, *, values: Mapping[str, Value], others: Others
) -> tuple[EditCheck, ...]:
    """Values outside their usual range, and the edit checks that are true.

    A check that cannot be told says nothing.
    """
    lookup = _lookup(form, values, others=others)
    functions = _functions(form, others, current=lookup)
    speaking = (
        check
        for check in form.checks
        if evaluate(parse(check.warn_if), lookup, functions=functions) == Known(True)
    )
    return (*_unusual(form, values), *speaking)


def _unusual(form: Form, values: Mapping[str, Value]) -> Iterator[EditCheck]:
    for name, item in form.items.items():
        value = values.get(name)
        if item.usual is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low, high = item.usual
        if not low <= value <= high:
            bounds, told = f"{low:g} – {high:g} {item.unit}".rstrip(), f"{value:g}"
            french = (text.replace(".", ",") for text in (told, bounds))
            yield EditCheck(
                id=f"usual-{name}",
                warn_if=f"not ({low:g} <= {name} <= {high:g})",
                say=Text(
                    f"{item.label.en}: {told} is unusual ({bounds}).",
                    "{} : {} est inhabituel ({}).".format(item.label.say("fr"), *french),
                ),
            )


def to_known(item: Item, value: Value) -> Answer | None:
    """A value as the language reads it; None for what is empty or does not fit the item."""
    if value is None or value == "":
        return None
    try:
        if item.type == "date":
            return Known(dt.date.fromisoformat(str(value)))
        if item.type == "month":
            return Known(read_month(str(value)))
    except ValueError:
        return None
    return Known(value, item.unit, (), MOLAR_MASSES.get(item.analyte or "", 0.0))


def _lookup(form: Form, values: Mapping[str, Value], *, others: Others) -> Lookup:
    entered = _entered(form, values, others=others)
    derived = _derive(form, values, others=others)
    return lambda name: derived[name] if name in derived else entered(name)


def _entered(form: Form, values: Mapping[str, Value], *, others: Others) -> Lookup:
    """Everything but the derived values."""

    def find(name: str) -> Answer | None:
        if name in form.items:
            return to_known(form.items[name], values.get(name)) or unknown("missing", name)
        if name == "encounter":
            return Known(others.encounter)
        if "." in name:
            found = others.find(name)
            return found[-1] if found else unknown("missing", name)
        return None

    return find


def _derive(
    form: Form, values: Mapping[str, Value], *, others: Others, last: str = ""
) -> Mapping[str, Answer]:
    """Derived values up to the last that is wanted; each may use the ones before it."""
    entered = _entered(form, values, others=others)
    derived: dict[str, Answer] = {}

    def find(wanted: str) -> Answer | None:
        return derived[wanted] if wanted in derived else entered(wanted)

    functions = _functions(form, others, current=find)
    for name, derivation in form.derive.items():
        answer = evaluate(parse(derivation.value), find, functions=functions)
        if isinstance(answer, Known) and not answer.unit:
            answer = Known(answer.value, derivation.unit)
        elif derivation.unit:  # stored as a bare number, under the unit of its definition
            answer = to_unit(answer, derivation.unit, name=name)
        derived[name] = answer
        if name == last:
            break
    return derived


def functions_over(others: Others) -> Functions:
    """What a rule outside of any form may call; over the visits of `form.item` the last is now."""

    def recall(name: str) -> History:
        *earlier, now = (*others.find(name),) or (None,)
        return _history(name, others, earlier=tuple(filter(None, earlier)), now=now)

    return {**_FIXED, **visit_functions(recall)}


def _functions(form: Form, others: Others, *, current: Lookup) -> Functions:
    """What the rules of a form may call; `form.item` is looked up over the visits as well."""

    def recall(name: str) -> History:
        if "." in name:
            return _history(name, others, earlier=others.find(name))
        path, now = f"{form.form}.{name}", current(name)
        known = now if isinstance(now, Known) else None
        return _history(path, others, earlier=others.find(path), now=known)

    return {**_FIXED, **visit_functions(recall)}


def _history(
    path: str, others: Others, *, earlier: tuple[Known, ...], now: Known | None = None
) -> History:
    return History(earlier, now, others.baseline(path), others.worst.get(path, ""))


_FIXED: Functions = {**STANDARD_FUNCTIONS, **as_functions(CALCULATORS)}


def _plain(answer: Answer) -> Value:
    """A value as it is stored; an interval or an unknown is none, 25.0 is 25."""
    if not isinstance(answer, Known) or isinstance(answer.value, Interval):
        return None
    value = answer.value
    if isinstance(value, dt.date):
        return value.isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() else value
