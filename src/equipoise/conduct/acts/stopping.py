"""After a stopping rule paused the trial: who must agree, and then it goes on."""

import datetime as dt

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.parts import is_own
from equipoise.conduct.rules import check_open, check_reason
from equipoise.problems import problem
from equipoise.study.roles import Role


@act(Role.DSMB, Role.SAFETY_OFFICER)
def resume_trial(
    view: View, *, by: str, at: dt.datetime, reason: str = "", rules: tuple[str, ...]
) -> Events:
    """Agree to go on after a pause; once all who must have agreed, the trial is resumed.

    `rules` are the stopping rules that the person saw: nobody lifts one that they have not seen.
    """
    state, role = view.state, view.person.role
    where = at_record(state.study)
    plan = view.study.safety
    asked: tuple[str, ...] = plan.resumed_by if plan is not None else ()
    problems = [*check_open(state), *check_reason(reason, act="resume_trial", where=where)]
    if not state.pausing:
        refuse_if([problem("EQ-C091", where)])
    if set(rules) != set(state.pausing):
        problems.append(problem("EQ-C092", where, rules=", ".join(state.pausing)))
    if role in state.agreed:
        problems.append(problem("EQ-C093", where, role=role))
    elif role not in asked:
        problems.append(problem("EQ-C094", where, role=role, asked=", ".join(asked)))
    others = [stamp for r, stamp in state.agreed.items() if r != role]
    if any(is_own(stamp, view.person, people=state.people) for stamp in others):
        problems.append(problem("EQ-C195", where, name=view.person.name))
    refuse_if(problems)
    agreed = [e.ResumptionAgreed(rules=state.pausing)]
    if {*state.agreed, role} >= set(asked):
        return [*agreed, e.TrialResumed(rules=state.pausing)]
    return agreed
