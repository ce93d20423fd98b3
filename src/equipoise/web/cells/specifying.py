"""A specification in the reader's words: what a test asks for, and the limit it is held to."""

from equipoise.conduct.parts import Value
from equipoise.study.forms import Item
from equipoise.study.protocol import ReleaseTest
from equipoise.supply import Result
from equipoise.web import saying
from equipoise.web.texts import say


def item_of(test: ReleaseTest) -> Item:
    """What a page asks for the result of a test: one of its choices, or a number."""
    if test.choices:
        return Item(label=test.label, type="choice", choices=test.choices)
    return Item(label=test.label, type="number", unit=test.unit)


def result_of(given: Value) -> Result:
    """What was answered, as a result: a code of the choices, or a number."""
    assert isinstance(given, str | int | float)
    return given if isinstance(given, str) else float(given)


def limit_of(test: ReleaseTest) -> str:
    """A limit in words: ≥ 95 %, ≤ 0,5 EU/mL, negative."""
    if test.choices:
        return say(test.choices[test.equals])
    bounds = (("≥", test.at_least), ("≤", test.at_most))
    item = item_of(test)
    return ", ".join(
        f"{sign}\u00a0{saying.value_of(item, x)}" for sign, x in bounds if x is not None
    )
