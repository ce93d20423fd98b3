"""An amendment of the randomization as two people see it: what changes, and that both agree."""

from django.http import HttpResponse

from equipoise.conduct import confirm_amendment
from equipoise.problems import Problem, Refused
from equipoise.study.roles import Role
from equipoise.web.pages import Visit, page
from equipoise.web.texts import t

CONFIRMERS = (Role.SAFETY_OFFICER, Role.DATA_MANAGER)
READERS = (Role.STATISTICIAN, *CONFIRMERS)


@page(roles=READERS, methods=("GET", "POST"))
def amendment(visit: Visit) -> HttpResponse:
    """Each key as it was and as it is to be; who asked, and who agrees with their own proof."""
    found: tuple[Problem, ...] = ()
    meaning = t("amendment.meaning")
    if visit.is_posted:
        found = visit.check_signer() or _confirm(visit, meaning)
        if not found:
            return visit.go("amendment", done=t("amendment.confirmed"))
    asked = visit.state.amendment
    waits = asked is not None and asked.confirmed is None
    is_other_role = asked is not None and asked.requested.role != visit.person.role
    return visit.show(
        "amendment.html",
        status=422 if found else 200,
        asked=asked,
        may_confirm=waits and is_other_role and visit.may(*CONFIRMERS),
        meaning=meaning,
        problems=found,
    )


def _confirm(visit: Visit, meaning: str) -> tuple[Problem, ...]:
    digest = visit.request.POST.get("digest", "")[:64]
    try:
        confirm_amendment(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            digest=digest,
            meaning=meaning,
            proof=visit.proof,
        )
    except Refused as refused:
        return refused.problems
    return ()
