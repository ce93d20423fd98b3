"""Copies that leave the trial as files: who may take which, and that it was taken.

A page shows its reader what their role may see; a file goes anywhere. So each is on record, by its
digest, and a copy that somebody brings is recognised. A backup is none: it is kept for a restore,
and an entry after each would keep every seal of later from proving that nothing was lost.
"""

import datetime as dt
from collections.abc import Mapping

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, act, refuse_if
from equipoise.conduct.parts import Copy, CopyKind
from equipoise.conduct.rules import check_duty
from equipoise.conduct.state import TrialState
from equipoise.problems import Problem, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study

KEEPERS = (Role.DATA_MANAGER, Role.AUDITOR, Role.ADMINISTRATOR)
ANALYSTS = (Role.DATA_MANAGER, Role.AUDITOR, Role.STATISTICIAN, Role.UNBLINDED_STATISTICIAN)
COPIERS: Mapping[CopyKind, tuple[Role, ...]] = {
    "tables": ANALYSTS,
    "report": (*ANALYSTS, Role.MONITOR, Role.SAFETY_OFFICER, Role.DSMB),
    "archive": KEEPERS,
}
"""Who may take a copy of the whole trial. By arm it is the unblinded statistician alone."""
SITE_COPIERS = (*KEEPERS, Role.INVESTIGATOR, Role.MONITOR)
"""Who may take a site's own archive, where they work for that site."""


@act(*sorted({*SITE_COPIERS, *(role for roles in COPIERS.values() for role in roles)}))
def record_copy(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    kind: CopyKind,
    site: str = "",
    is_by_arm: bool = False,
    digest: str,
    seal: str,
) -> Events:
    """Record that a copy is whole, before it gets its name; the role must fit what it holds."""
    found = check_copier(
        view.study, view.state, by=by, at=at, kind=kind, site=site, is_by_arm=is_by_arm
    )
    refuse_if(found)
    return [e.CopyMade(kind=kind, site=site, is_by_arm=is_by_arm, digest=digest, seal=seal)]


def check_copier(
    study: Study,
    state: TrialState,
    *,
    by: str,
    at: dt.datetime,
    kind: CopyKind,
    site: str = "",
    is_by_arm: bool = False,
) -> tuple[Problem, ...]:
    """Whether somebody may take such a copy: asked before anything is written."""
    person = state.people.get(by)
    if person is None:
        return (problem("EQ-C001", by, person=by),)
    found = check_duty(study, person, at=at)
    roles = SITE_COPIERS if site else COPIERS[kind]
    if person.role not in ((Role.UNBLINDED_STATISTICIAN,) if is_by_arm else roles):
        return (*found, problem("EQ-C002", by, act=f"copy: {kind}", role=person.role))
    sites = ", ".join(person.sites)
    if person.sites and not (site and person.may_see(site)):
        found += (problem("EQ-C166", by, name=person.name, sites=sites),)
    return found


def find_copies(state: TrialState, *, digest: str = "", by: str = "") -> tuple[Copy, ...]:
    """The copies with this digest, or that this person took, the latest first."""
    return tuple(
        copy
        for copy in reversed(state.copies)
        if digest in ("", copy.digest) and by in ("", copy.stamp.by)
    )
