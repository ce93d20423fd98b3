"""Which encounters and forms are expected of a participant: by the conditions of the study folder.

A condition that cannot be told leaves the question open: what may be due is shown, with the reason.
"""

from collections.abc import Callable

from msgspec import Struct

from equipoise.language import Reason, Unknown, Value, all_of
from equipoise.study.forms import Form
from equipoise.study.protocol import Schedule

Assess = Callable[[str], Value]
"""The truth of a condition for one participant at one encounter."""


class Expectation(Struct, frozen=True):
    """Whether something is expected; None is not known, for these reasons."""

    is_expected: bool | None = True
    reasons: tuple[Reason, ...] = ()


def expect_encounter(schedule: Schedule, encounter: str, *, assess: Assess) -> Expectation:
    """Whether a participant is expected at an encounter."""
    return _expect([schedule.encounters[encounter].when], assess)


def expect_form(schedule: Schedule, encounter: str, form: Form, *, assess: Assess) -> Expectation:
    """Whether a form is expected at an encounter: both conditions hold; a log has its own alone."""
    at = schedule.encounters.get(encounter)
    return _expect([at.when if at else "", form.when], assess)


def _expect(conditions: list[str], assess: Assess) -> Expectation:
    found = all_of([assess(condition) for condition in conditions if condition])
    if isinstance(found, Unknown):
        return Expectation(None, found.reasons)
    return Expectation(bool(found.value))
