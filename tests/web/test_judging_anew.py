"""After randomization a judgement is changed from the page: with a reason, and the proof stays."""

import pytest
from django.test import Client

from equipoise.conduct import Participant, RunningTrial, lock_data
from equipoise.study.roles import Role

from . import course
from .conftest import PASSWORD, SignIn, name_of, said
from .reading import Element, Reading, read
from .test_eligibility_pages import criterion, eligibility

QUESTION = "Is arterial hypertension uncontrolled?"
REASON = "Pressures of that week came by letter: 190/110 under three drugs"


@pytest.fixture
def code(trial: RunningTrial) -> str:
    return course.randomized(trial)


def of(trial: RunningTrial, code: str) -> Participant:
    return trial.state.participants[code]


def address(code: str, rule: str = "E6") -> str:
    return f"/participants/{code}/judge/{rule}/anew/"


def links(page: Reading) -> list[Element]:
    return [a for a in page.all("a") if a.get("href").endswith("/anew/")]


def answer(client: Client, code: str, given: str = "yes", *, rule: str = "E6") -> Reading:
    posted = {"answer": given, "reason": REASON}
    return read(client.post(address(code, rule), posted, follow=True))


@pytest.mark.requirement("F05", "C03", "C16")
def test_from_the_criterion_to_a_deviation_and_the_proof_stays(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """The link, the page with what stands, yes or no and why; then the turn, everywhere."""
    client, proof = sign_in(Role.INVESTIGATOR), of(trial, code).verdict
    before = list(trial.store.read(stream=code))
    page = eligibility(client, code)
    link = page.one("a", href=address(code))
    assert link.text == f"{said('rejudge.link')}: {QUESTION}"
    assert f"{QUESTION} {said('common.no')} (Somebody 1" in criterion(page, "E6").text

    asked = read(client.get(address(code)))
    assert said("rejudge.lead", on="")[:24] in asked.text
    assert QUESTION in asked.text
    assert "that proof stays as it is" in asked.text and "a deviation" in asked.text
    assert "Uncontrolled arterial hypertension" in asked.text
    assert f"{said('common.no')} – Somebody 1 ({course.INVESTIGATOR})" in asked.text
    assert not [e for e in asked.all("input") if "checked" in e.attrs]
    done = answer(client, code)

    assert done.one(class_="done").text == said("rejudge.turned", criteria="E6")
    turned = said("deviations.turned", was="not met", now="met")
    shown = criterion(done, "E6").text
    assert turned in shown and f"{QUESTION} {said('common.yes')} (Somebody 1" in shown
    assert said("verdict.not_met") in shown
    assert of(trial, code).verdict == proof
    after = list(trial.store.read(stream=code))
    assert [e.digest for e in after[: len(before)]] == [e.digest for e in before]
    judged, *told = after[len(before) :]
    assert (judged.type, judged.by, judged.reason) == (
        "CriterionJudged",
        course.INVESTIGATOR,
        REASON,
    )
    assert [e.type for e in told] == ["EligibilityReassessed", "DeviationRecorded"]
    watched = read(sign_in(Role.MONITOR).get("/deviations/")).text
    assert turned in watched and REASON in watched

    back = answer(client, code, "no")
    assert back.one(class_="done").text == said("rejudge.turned", criteria="E6")
    assert turned not in criterion(back, "E6").text
    same = answer(client, code, "no")
    assert same.one(class_="done").text == said("rejudge.same")


def test_without_an_answer_or_a_reason_nothing_is_recorded(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    client = sign_in(Role.INVESTIGATOR)
    n_entries = len(list(trial.store.read()))
    empty = read(client.post(address(code), {}))
    assert empty.codes == {"EQ-W001"}
    kept = read(client.post(address(code), {"answer": "yes", "reason": " "}))
    assert kept.codes == {"EQ-W001"}
    assert "checked" in kept.one("input", name="answer", value="yes").attrs
    assert len(list(trial.store.read())) == n_entries


def test_only_who_may_judge_sees_the_way(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    """The coordinator reads who judges; the monitor may not even ask; neither has a link."""
    for role, refused in ((Role.COORDINATOR, "EQ-C022"), (Role.MONITOR, "EQ-W020")):
        client = sign_in(role)
        assert links(eligibility(client, code)) == []
        assert read(client.get(address(code))).codes == {refused}
        assert answer(client, code).codes == {refused}
    assert of(trial, code).reassessments == ()
    investigator = sign_in(Role.INVESTIGATOR)
    assert read(investigator.get(address(code, "E9"))).codes == {"EQ-C021"}


def test_before_randomization_the_buttons_are_the_way(trial: RunningTrial, sign_in: SignIn) -> None:
    """Who is in screening has no proof yet: the page leads back to the criteria."""
    code = course.eligible(trial)
    client = sign_in(Role.INVESTIGATOR)
    assert links(eligibility(client, code)) == []
    response = client.post(address(code), {"answer": "yes", "reason": REASON})
    assert response.headers["Location"] == f"/participants/{code}/eligibility/"
    assert not of(trial, code).answers["E6"].is_true


def test_every_question_that_was_asked_has_its_link_and_no_other(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """Eight were answered; that of organ involvement was not needed for early disease."""
    page = eligibility(sign_in(Role.INVESTIGATOR), code)
    asked = [a.get("href").split("/")[-3] for a in links(page)]
    assert sorted(asked) == sorted(of(trial, code).answers)
    assert "5b-attribution" not in asked
    assert {"2-willing", "2-available", "I6", "E12"} <= set(asked)


@pytest.mark.requirement("C81")
def test_an_attestation_that_a_correction_asks_for_is_given_there(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """The month of birth turns out to be the limit of age: the question appears, unanswered."""
    client = sign_in(Role.INVESTIGATOR)
    assert address(code, "I3") not in [a.get("href") for a in links(eligibility(client, code))]
    form = f"/participants/{code}/forms/screening/demography/0/correct/birth_month/"
    born = {
        "birth_month.month": str(course.TODAY.month),
        "birth_month.year": str(course.TODAY.year - 18),
    }
    posted = {**born, ".reason": "as in the passport", "seen": "1"}
    assert client.post(form, posted).status_code == 302

    page = eligibility(client, code)
    if course.IS_LAST_OF_MONTH:
        assert address(code, "I3") not in [a.get("href") for a in links(page)]
        return
    assert page.one("a", href=address(code, "I3")).text.startswith(said("rejudge.answer"))
    turned = said("deviations.turned", was="met", now="unknown")
    assert turned in criterion(page, "I3").text
    assert said("rejudge.so_far") not in read(client.get(address(code, "I3"))).text
    done = answer(client, code, rule="I3")
    assert done.one(class_="done").text == said("rejudge.turned", criteria="I3")
    assert turned not in criterion(done, "I3").text
    assert [d.kind for d in of(trial, code).deviations] == []


def test_after_the_lock_there_is_no_way(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    client = sign_in(Role.INVESTIGATOR)
    client.post(f"/participants/{code}/withdraw/", {"reason": "moved away", **course.day("on")})
    assert links(eligibility(client, code))
    digest = read(client.get(f"/participants/{code}/sign/")).value("digest")
    posted = {"password": PASSWORD, "digest": digest}
    assert client.post(f"/participants/{code}/sign/", posted).status_code == 302
    lock_data(trial, by=name_of(Role.DATA_MANAGER), at=course.now())
    assert links(eligibility(client, code)) == []
    assert answer(client, code).codes == {"EQ-C016"}


def test_in_french(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    client = sign_in(Role.INVESTIGATOR, language="fr")
    page = eligibility(client, code)
    link = page.one("a", href=address(code))
    assert link.text == "Modifier le jugement: Y a-t-il une hypertension artérielle non contrôlée ?"
    assert "cette preuve demeure" in read(client.get(address(code))).text
