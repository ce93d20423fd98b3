"""From the first contact to the end of screening."""

import datetime as dt

from equipoise.conduct import events as e
from equipoise.conduct.acts.randomizing import with_reassessment
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.facts import assess_participant, find_judgement
from equipoise.conduct.rules import (
    check_in_trial,
    check_not_future,
    check_open,
    check_reason,
    check_since_opening,
    check_since_screening,
)
from equipoise.problems import problem
from equipoise.study.roles import Role


@act(Role.COORDINATOR, Role.INVESTIGATOR)
def screen_participant(
    view: View, *, by: str, at: dt.datetime, reason: str = "", site: str, on: dt.date
) -> Events:
    """Take a person into screening; the next code of the site is theirs for ever."""
    state = view.state
    where = at_record(site)
    problems = [
        *check_open(state),
        *check_not_future(on, at=at, where=where),
        *check_since_opening(state, site, on=on, where=where),
    ]
    if site not in state.sites or not view.person.may_see(site):
        problems.append(problem("EQ-C014", site, site=site))
    planned = view.study.identity.planned_participants
    if len(state.randomized) >= planned:
        problems.append(problem("EQ-C020", site, planned=planned))
    refuse_if(problems)
    code = f"{site}-{len(state.at_site(site)) + 1:03d}"
    return [e.ParticipantScreened(participant=code, site=site, on=on)]


@act(Role.INVESTIGATOR, Role.COORDINATOR)
def judge_criterion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    rule: str,
    is_true: bool,
    on: dt.date,
) -> Events:
    """Answer a question of a criterion that only a person of a named role can answer.

    Once the proof of eligibility is fixed this takes a reason, until the lock, as a correction
    does: what it changes as of then is told.
    """
    subject = view.participant(participant)
    where = at_record(participant, rule)
    if subject.verdict is None:
        problems = [*check_in_trial(view.state, subject)]
    else:
        act = "judge_criterion"
        problems = [*check_open(view.state), *check_reason(reason, act=act, where=where)]
    problems += check_not_future(on, at=at, where=where)
    problems += check_since_screening(subject, on=on, where=where)
    judgement = find_judgement(view.study, rule)
    if judgement is None:
        problems.append(problem("EQ-C021", where, rule=rule))
    elif view.person.role not in judgement.by:
        roles = ", ".join(judgement.by)
        problems.append(problem("EQ-C022", where, rule=rule, roles=roles, role=view.person.role))
    refuse_if(problems)
    judged = e.CriterionJudged(participant=participant, rule=rule, is_true=is_true, on=on)
    return with_reassessment(view, judged, at=at, reason=reason)


@act(Role.COORDINATOR, Role.INVESTIGATOR)
def fail_screening(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str
) -> Events:
    """End screening. Without a barring criterion the reason says why the person does not go on."""
    subject = view.participant(participant)
    problems = list(check_in_trial(view.state, subject))
    if subject.status != "screening":
        problems.append(problem("EQ-C023", participant, participant=participant))
    verdict = assess_participant(view.study, subject, on=at.date())
    barring = tuple(c.id for c in verdict.criteria if c.bars)
    if not barring and not reason.strip():
        problems.append(problem("EQ-C004", participant, act="fail_screening"))
    refuse_if(problems)
    return [e.ScreeningFailed(participant=participant, criteria=barring)]
