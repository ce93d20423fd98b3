"""What could tell the arm is kept from those who measure the outcomes."""

import pytest

from equipoise.conduct import RunningTrial, submit_form
from equipoise.study.roles import Role

from . import course, walking
from .conftest import SignIn

SECRETS = ("173.25", "41.75")


@pytest.fixture
def code(trial: RunningTrial) -> str:
    """Somebody infused, with a fever and a C-reactive protein that nobody else has."""
    code = course.given(trial)
    for form, item, value in (
        ("monitoring", "temperature_60", SECRETS[1]),
        ("laboratory", "crp", SECRETS[0]),
    ):
        answers = course.answers(trial.study.forms[form])
        decimal = {item: float(value)}
        submit_form(
            trial,
            by=course.INVESTIGATOR,
            at=course.now(),
            participant=code,
            encounter="M0",
            form=form,
            on=course.TODAY,
            values={**answers, **decimal},
        )
    return code


def seen_by(sign_in: SignIn, role: Role, trial: RunningTrial) -> set[str]:
    client = sign_in(role)
    pages = [s.body for s in walking.walk(client, list(walking.every_address(trial)))]
    forms = [
        walking.ask(client, f"/participants/{code}/forms/M0/{form}/0/").body
        for code in trial.state.participants
        for form in ("monitoring", "laboratory", "infusion")
    ]
    return {s for s in SECRETS for body in (*pages, *forms) if s.rstrip("5") in body}


@pytest.mark.requirement("F28")
def test_telltale_values_are_shown_to_who_treats_and_to_no_assessor(
    code: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """The same walk as two roles: the investigator meets both values, the assessor none."""
    masking = trial.study.identity.masking
    assert masking is not None
    assert {"laboratory.crp", "monitoring.temperature_60"} <= set(masking.telltale)

    assert seen_by(sign_in, Role.INVESTIGATOR, trial) == set(SECRETS)
    assert seen_by(sign_in, Role.OUTCOME_ASSESSOR, trial) == set()
