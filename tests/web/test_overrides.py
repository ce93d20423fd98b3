"""Exceptions from the criteria on the pages; deviations; eligibility that later data changed."""

import pytest
from django.test import Client

from equipoise.cli.trials import deviation_listing
from equipoise.conduct import Participant, RunningTrial, judge_criterion, submit_form
from equipoise.study.roles import Role

from . import course
from .conftest import PASSWORD, SignIn, said
from .reading import Reading, read

REASON = "Weight loss from gut involvement; feeding has begun"


def light(trial: RunningTrial, *, site: str = "01", **over: object) -> str:
    """Somebody of 40 kg at 165 cm: all is satisfied but the body mass index, E9."""
    code = course.screened(trial, site=site)
    for form in trial.study.forms_at("screening"):
        given = course.answers(form) | {
            k: v for k, v in {"weight": 40.0, **over}.items() if k in form.items
        }
        if form.form == "laboratory":
            given["hiv"] = "negative"
        submit_form(
            trial,
            by=course.name_of(form.by[0]),
            at=course.now(),
            participant=code,
            encounter="screening",
            form=form.form,
            on=course.TODAY,
            values=given,
        )
    for rule in ("2-willing", "2-available", "I6", "I7", "E6", "E7", "E10", "E12"):
        judge_criterion(
            trial,
            by=course.INVESTIGATOR,
            at=course.now(),
            participant=code,
            rule=rule,
            is_true=not rule.startswith("E"),
            on=course.TODAY,
        )
    return code


@pytest.fixture
def code(trial: RunningTrial) -> str:
    return light(trial)


def page_of(client: Client, code: str, name: str = "exception") -> Reading:
    return read(client.get(f"/participants/{code}/{name}/"))


def send(client: Client, code: str, act: str, **data: object) -> Reading:
    posted = {"password": PASSWORD, **data}
    return read(client.post(f"/participants/{code}/exception/{act}/", posted, follow=True))


def ask(client: Client, code: str, **data: object) -> Reading:
    return send(client, code, "ask", **{"criteria": ["E9"], "reason": REASON, **data})


def of(trial: RunningTrial, code: str) -> Participant:
    return trial.state.participants[code]


@pytest.mark.requirement("F05", "C16", "C28")
def test_from_the_refusal_to_a_number_by_two_people(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """Refused with a way on; asked for and confirmed with passwords; then randomized."""
    investigator, officer = sign_in(Role.INVESTIGATOR), sign_in(Role.SAFETY_OFFICER)
    refused = read(investigator.post(f"/participants/{code}/randomize/"))
    assert refused.codes == {"EQ-C054"}
    assert refused.one("a", href=f"/participants/{code}/exception/").text == said("override.link")
    page = page_of(investigator, code)
    assert said("override.meaning_ask") in page.text
    assert "Body mass index below 16.5" in page.text
    assert [e.get("value") for e in page.all("input", name="criteria")] == ["E9"]

    asked = ask(investigator, code)
    assert asked.one(class_="done").text == said("override.asked", participant=code)
    assert said("override_status.requested") in asked.text
    assert read(investigator.post(f"/participants/{code}/randomize/")).codes == {"EQ-C054"}
    assert code in read(officer.get("/")).text
    page = page_of(officer, code)
    assert REASON in page.text
    assert "Somebody 1 (the-investigator)" in page.text
    confirmed = send(officer, code, "confirm", request=page.value("request"))
    assert confirmed.one(class_="done").text == said("override.agreed", participant=code)
    assert said("override.open") in confirmed.text

    confirm = page_of(investigator, code, "randomize")
    assert said("randomize.by_override", criteria="E9") in confirm.text
    investigator.post(f"/participants/{code}/randomize/")
    subject = of(trial, code)
    assert subject.number and subject.granted
    assert (subject.granted.requested_by, subject.granted.confirmed_by) == (
        course.INVESTIGATOR,
        course.name_of(Role.SAFETY_OFFICER),
    )
    assert said("override.used", on="")[:20] in page_of(investigator, code).text
    listed = read(sign_in(Role.MONITOR).get("/deviations/"))
    assert "Eligibility: exception" in listed.text
    assert REASON in listed.text
    assert said("deviations.count", n=1) in listed.text
    (row,) = deviation_listing(trial.state).rows
    assert row[:4] == ("01", code, subject.number, "eligibility_override")
    assert (course.INVESTIGATOR, course.name_of(Role.SAFETY_OFFICER)) == row[7:9]
    one = read(investigator.get(f"/participants/{code}/"))
    assert "Eligibility: exception" in one.text


@pytest.mark.requirement("C19", "C28")
def test_without_the_password_or_a_reason_nothing_is_asked(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """Both signatures ask for the password again; what was typed is kept."""
    investigator, officer = sign_in(Role.INVESTIGATOR), sign_in(Role.SAFETY_OFFICER)
    n_entries = len(list(trial.store.read()))
    wrong = ask(investigator, code, password="not mine")
    assert wrong.codes == {"EQ-W026"}
    assert wrong.value("reason") == REASON
    assert ask(investigator, code, reason=" ", password="").codes == {"EQ-W001", "EQ-W026"}
    assert ask(investigator, code, criteria=["E8"]).codes == {"EQ-C081"}
    assert len(list(trial.store.read())) == n_entries
    ask(investigator, code)
    request = page_of(officer, code).value("request")
    assert send(officer, code, "confirm", request=request, password="x").codes == {"EQ-W026"}
    assert send(officer, code, "confirm", request="site-01:1").codes == {"EQ-C084"}
    assert send(officer, code, "drop", request=request).codes == {"EQ-W001"}
    found = of(trial, code).override
    assert found is not None and found.status == "requested"


def test_it_is_refused_or_taken_back(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    """By either side, with a reason; then it can be asked for again."""
    investigator, officer = sign_in(Role.INVESTIGATOR), sign_in(Role.SAFETY_OFFICER)
    for client in (officer, investigator):
        ask(investigator, code)
        request = page_of(client, code).value("request")
        done = send(client, code, "drop", request=request, reason="Not enough to go on")
        assert done.one(class_="done").text == said("override.dropped", participant=code)
        assert said("override_status.declined") in done.text
        assert "Not enough to go on" in done.text


def test_new_data_close_the_way_again(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    """Another weight: the page says that it no longer fits and lets it be asked for anew."""
    investigator, officer = sign_in(Role.INVESTIGATOR), sign_in(Role.SAFETY_OFFICER)
    ask(investigator, code)
    send(officer, code, "confirm", request=page_of(officer, code).value("request"))
    address = f"/participants/{code}/forms/screening/vital_signs/0/correct/weight/"
    posted = {"weight": "39", ".reason": "Misread the scale", "seen": "1"}
    assert investigator.post(address, posted).status_code == 302

    page = page_of(investigator, code)
    assert said("override.outdated") in page.text
    refused = read(investigator.post(f"/participants/{code}/randomize/"))
    assert refused.codes == {"EQ-C054", "EQ-C087"}
    assert said("override_status.requested") in ask(investigator, code).text


def test_from_some_criteria_there_is_no_exception(trial: RunningTrial, sign_in: SignIn) -> None:
    """A minor, whatever else: no form to ask with, and a forged request is refused."""
    code = light(trial, birth_month=f"{course.TODAY.year - 10}-01")
    client = sign_in(Role.INVESTIGATOR)
    page = page_of(client, code)
    assert said("override.impossible") in page.text
    assert not page.all("form", action=f"/participants/{code}/exception/ask/")
    assert ask(client, code, criteria=["I3", "E9"]).codes == {"EQ-C082"}
    shown = read(client.get(f"/participants/{code}/eligibility/"))
    assert not shown.all("a", href=f"/participants/{code}/exception/")
    eligible = page_of(client, course.eligible(trial))
    assert said("override.no_obstacle") in eligible.text


@pytest.mark.requirement("F05")
def test_what_turns_later_is_seen_by_those_who_watch(trial: RunningTrial, sign_in: SignIn) -> None:
    """The correction of a value of the proof: on the overview, the list and the participant."""
    code = course.randomized(trial)
    investigator, manager = sign_in(Role.INVESTIGATOR), sign_in(Role.DATA_MANAGER)
    before = of(trial, code).verdict
    address = f"/participants/{code}/forms/screening/vital_signs/0/correct/weight/"
    posted = {"weight": "40", ".reason": "Misread the scale", "seen": "1"}
    assert investigator.post(address, posted).status_code == 302

    assert of(trial, code).verdict == before
    assert said("deviations.changed") in read(manager.get("/")).text
    listed = read(manager.get("/deviations/"))
    assert "Eligibility: found later" in listed.text
    turned = said("deviations.turned", was="not met", now="met")
    assert turned in listed.text
    assert turned in read(manager.get(f"/participants/{code}/")).text
    assert "Misread the scale" in listed.text
    assessor = sign_in(Role.OUTCOME_ASSESSOR)
    for page in ("/", f"/participants/{code}/"):
        assert "E9" not in read(assessor.get(page)).text


def test_people_record_other_deviations(trial: RunningTrial, sign_in: SignIn) -> None:
    """From the participant's page: kind, day, in what it consists."""
    code = course.randomized(trial)
    client = sign_in(Role.MONITOR)
    assert read(client.get(f"/participants/{code}/")).one(
        "a", href=f"/participants/{code}/deviation/"
    )
    page = page_of(client, code, "deviation")
    kinds = {e.get("value") for e in page.all("input", name="kind")}
    assert "procedure" in kinds and "eligibility_override" not in kinds
    posted = {"kind": "procedure", "what": "Blood drawn a week late", **course.day("on")}
    done = read(client.post(f"/participants/{code}/deviation/", posted, follow=True))
    assert done.one(class_="done").text == said("deviations.recorded")
    (found,) = of(trial, code).deviations
    assert (found.kind, found.what) == ("procedure", "Blood drawn a week late")


def test_one_sees_the_deviations_of_ones_own_site(trial: RunningTrial, sign_in: SignIn) -> None:
    """Neither the list nor the page of an exception names a participant of another site."""
    code = light(trial)
    ask(sign_in(Role.INVESTIGATOR), code)
    client = sign_in("only-at-02")
    assert code not in read(client.get("/deviations/")).text
    assert page_of(client, code).codes == {"EQ-C003"}


@pytest.mark.requirement("C81")
def test_the_age_is_attested_in_the_month_of_a_birthday(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """The question stands at the criterion only then; the answer settles it, with who gave it."""
    born = f"{course.TODAY.year - 18}-{course.TODAY.month:02d}"
    code = light(trial, weight=70.0, birth_month=born)
    client = sign_in(Role.INVESTIGATOR)
    criterion = trial.study.eligibility.inclusion[2]
    assert criterion.attest is not None
    question = criterion.attest.ask.en
    page = read(client.get(f"/participants/{code}/eligibility/"))
    shown = page.one("section", id="c-I3").text
    if course.IS_LAST_OF_MONTH:
        assert question not in shown and said("verdict.met") in shown
        return
    assert question in shown
    other = read(client.get(f"/participants/{course.eligible(trial)}/eligibility/"))
    assert question not in other.text

    answer = client.post(f"/participants/{code}/judge/I3/", {"answer": "yes"}, follow=True)

    settled = read(answer).one("section", id="c-I3").text
    assert said("verdict.met") in settled and question in settled
    done = read(client.post(f"/participants/{code}/randomize/", follow=True))
    assert of(trial, code).number in done.text
    proof = of(trial, code).proof
    assert proof is not None
    explained = proof.criteria[2].explanation
    assert explained.part == "attest"
    assert explained.children[1].inputs[0].sources[0].name.startswith(course.INVESTIGATOR)
    assert of(trial, code).deviations == ()
