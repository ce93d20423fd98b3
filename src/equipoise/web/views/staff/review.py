"""The periodic review of access: everybody with a role, when they last used it, keep or end."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from msgspec import Struct

from equipoise.conduct import Person, find_copies, review_access
from equipoise.conduct.acts.people import derive_review_day, digest_of_access, reviewed_by
from equipoise.conduct.parts import AccessDecision, Copy
from equipoise.conduct.tasks import TASKS
from equipoise.problems import Problem, Refused, Text
from equipoise.study.forms import Item
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.web.entry.fields import check_given, fill_field, problems_of, read_field
from equipoise.web.pages import Visit, page
from equipoise.web.running import read_tables
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t, text_of, word


class Line(Struct, frozen=True):
    """An access to decide about: what it is, when it was last used, until when it is reviewed.

    `copies` are what this person took out of the trial by a command, the latest first.
    """

    person: Person
    tasks: tuple[Text, ...]
    trainings: tuple[tuple[str, bool, dt.date | None], ...]
    acted_at: dt.datetime | None
    is_sealed: bool
    copies: tuple[Copy, ...]
    due_on: dt.date | None
    decision: str

    @property
    def last_copy(self) -> str:
        """What the last copy held, in words."""
        kind = word("copy_kind", self.copies[0].kind)
        return t("review.by_arm", what=kind) if self.copies[0].is_by_arm else kind


class Due(Struct, frozen=True):
    """The earliest review that is to come, or was not done: until when, and of how many accesses.

    `may_do` is whether the reader reviews any of those that are overdue.
    """

    on: dt.date
    n_overdue: int
    may_do: bool


@page(roles=(Role.ADMINISTRATOR,), methods=("GET", "POST"))
def access_review(visit: Visit) -> HttpResponse:
    """Decide of each access, and sign; what is refused comes back with its words."""
    seen = reviewed_by(visit.state, visit.person)
    reason = fill_field("reason", _reason(), "")
    found: tuple[Problem, ...] = ()
    if visit.is_posted:
        (reason,) = check_given([read_field("reason", _reason(), visit.request.POST)])
        found = (*problems_of([reason]), *visit.check_signer())
        try:
            if not found:
                return _sign(visit, seen, reason=str(reason.value or ""))
        except Refused as refused:
            found = refused.problems
    lines = [_line(visit, p, acts) for acts in [_last_acts()] for p in seen]
    return visit.show(
        "access_review.html",
        status=status_of(found) if found else 200,
        lines=lines,
        own_due=derive_review_day(visit.study, visit.person),
        digest=digest_of_access(visit.study, seen),
        reason=reason,
        problems=found,
    )


def find_due(visit: Visit) -> Due | None:
    """When the next access is due for review; None where the study asks for none."""
    people = [p for p in visit.state.people.values() if p.is_active]
    days = {p.person: derive_review_day(visit.study, p) for p in people}
    known = [day for day in days.values() if day is not None]
    if not known:
        return None
    overdue = {p for p, day in days.items() if day is not None and day < visit.today}
    mine = {p.person for p in reviewed_by(visit.state, visit.person)}
    may_do = visit.may(Role.ADMINISTRATOR) and bool(overdue & mine)
    return Due(min(known), len(overdue), may_do)


def _sign(visit: Visit, seen: tuple[Person, ...], *, reason: str) -> HttpResponse:
    posted = visit.request.POST
    answers = {p.person: posted.get(f"decision-{p.person}", "") for p in seen}
    decisions: dict[str, AccessDecision] = {
        p: "keep" if d == "keep" else "end" for p, d in answers.items() if d in ("keep", "end")
    }
    entries = review_access(
        visit.trial,
        by=visit.person.person,
        at=visit.now,
        reason=reason,
        decisions=decisions,
        digest=posted.get("digest", "")[:64],
        meaning=t("review.meaning"),
        proof=visit.proof,
    )
    seal = visit.trial.state.seal_of(f"{entries[0].chain}:{entries[0].seq}")
    n_ended = sum(d == "end" for d in decisions.values())
    counts: dict[str, Any] = {"kept": len(decisions) - n_ended, "ended": n_ended}
    return visit.go("people", done=t("review.done", **counts, seal=seal))


def _line(visit: Visit, person: Person, acts: dict[str, dt.datetime]) -> Line:
    trainings = tuple(
        (say(training.label), name in person.trained, person.trained.get(name))
        for name, training in visit.study.identity.training.items()
        if person.role in training.by
    )
    return Line(
        person=person,
        tasks=tuple(TASKS[task].label for task in person.tasks),
        trainings=trainings,
        acted_at=acts.get(person.person),
        is_sealed=person.role in UNBLINDED_ROLES,
        copies=find_copies(visit.state, by=person.person),
        due_on=derive_review_day(visit.study, person),
        decision=visit.request.POST.get(f"decision-{person.person}", ""),
    )


def _last_acts() -> dict[str, dt.datetime]:
    from equipoise.web.tables.searching import find_last_acts  # noqa: PLC0415 - models

    read_tables()
    return dict(find_last_acts())


def _reason() -> Item:
    return Item(label=text_of("review.reason"), type="text", required=False)
