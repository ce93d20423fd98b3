"""From the eligibility page to a number: what is unknown and what would settle it."""

import datetime as dt
import re
from pathlib import Path

import pytest
from django.test import Client
from msgspec.structs import replace

from equipoise.conduct import RunningTrial, submit_form
from equipoise.conduct.acts.randomizing import proof_of
from equipoise.study.roles import Role
from equipoise.vault import VaultClient

from . import course
from .conftest import SignIn, said
from .reading import Element, Reading, read


def eligibility(client: Client, code: str) -> Reading:
    response = client.get(f"/participants/{code}/eligibility/")
    assert response.status_code == 200
    return read(response)


def criterion(page: Reading, name: str) -> Element:
    return page.one("section", id=f"c-{name}")


def judge(client: Client, code: str, rule: str, answer: str) -> Reading:
    return read(client.post(f"/participants/{code}/judge/{rule}/", {"answer": answer}, follow=True))


def randomize(client: Client, code: str) -> Reading:
    return read(client.post(f"/participants/{code}/randomize/", follow=True))


@pytest.mark.requirement("F05")
def test_what_is_unknown_comes_first_with_what_would_settle_it(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Each missing value by its name, with the way to its form; no criterion counts as met."""
    code = course.consented(trial)
    page = eligibility(sign_in(Role.COORDINATOR), code)

    headings = [e.text for e in page.all("h2")]
    assert headings[0] == said("eligibility.unknown_first")
    assert said("eligibility.undecided") in page.text
    blood = criterion(page, "E11")
    assert "Hemoglobin" in blood.text and "missing" in blood.text
    links = [e for e in page.all("a") if blood in e.within]
    assert f"/participants/{code}/forms/screening/laboratory/0/" in {e.get("href") for e in links}
    assert links[0].text == said("eligibility.enter", form="Laboratory")
    button = page.one("button", class_="button", disabled="")
    assert button.text == said("eligibility.randomize")
    assert page.one(id=button.get("aria-describedby")).text == said("eligibility.not_yet")


def test_an_open_decision_stands_with_its_criterion_until_it_is_taken(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """In the words of its question: who reads of open ones in a live trial believes no page."""
    code = course.consented(trial)
    (signers,) = (d for d in trial.study.decisions if d.id == "ahsct-signers")
    told = f"{said('eligibility.decisions')} {signers.question.en}"
    assert told in criterion(eligibility(sign_in(Role.COORDINATOR), code), "I6").text

    taken = tuple(replace(d, status="decided") for d in trial.study.decisions)
    trial.study = replace(trial.study, decisions=taken)
    page = eligibility(sign_in(Role.COORDINATOR), code)
    assert said("eligibility.decisions") not in page.text


def test_why_and_from_what(trial: RunningTrial, sign_in: SignIn) -> None:
    """Each value that was used stands with its unit, its day and its form."""
    code = course.eligible(trial)
    page = eligibility(sign_in(Role.INVESTIGATOR), code)

    assert said("eligibility.eligible") in page.text
    assert said("eligibility.unknown_first") not in page.text
    index = criterion(page, "E9").text
    assert "Body mass index = 25.7" in index.replace("\u00a0", " ")  # 70 kg at 165 cm
    skin = criterion(page, "I5")
    assert "Modified Rodnan skin score" in skin.text
    form = f"/participants/{code}/forms/screening/mrss/0/"
    assert form in {e.get("href") for e in page.all("a") if skin in e.within}
    assert said("eligibility.look", form="Modified Rodnan skin score") in skin.text
    assert page.one("a", class_="button", href=f"/participants/{code}/randomize/")


def test_what_bars_comes_before_all(trial: RunningTrial, sign_in: SignIn) -> None:
    """A man of 80: the criterion that bars is open to read, and nothing offers randomization."""
    code = course.consented(trial)
    given = {**course.answers(trial.study.forms["demography"]), "birth_month": "1940-01"}
    submit_form(
        trial,
        by=course.COORDINATOR,
        at=course.now(),
        participant=code,
        encounter="screening",
        form="demography",
        on=course.TODAY,
        values=given,
    )
    page = eligibility(sign_in(Role.COORDINATOR), code)

    headings = [e.text for e in page.all("h2")]
    assert headings[:2] == [said("eligibility.unknown_first"), said("eligibility.barring")]
    assert said("eligibility.not_eligible") in page.text
    age = criterion(page, "I3")
    assert "bars" in age.get("class").split()
    assert "open" in next(e for e in page.all("details") if age in e.within).attrs


@pytest.mark.requirement("F05")
def test_the_investigator_judges(trial: RunningTrial, sign_in: SignIn) -> None:
    """A question only a person can answer stands with its two buttons, and then with its answer."""
    code = course.consented(trial)
    client = sign_in(Role.INVESTIGATOR)
    question = "Is arterial hypertension uncontrolled?"
    before = criterion(eligibility(client, code), "E6")
    assert said("verdict.unknown") in before.text
    forms = [e.get("action") for e in eligibility(client, code).all("form")]
    assert f"/participants/{code}/judge/E6/" in forms

    page = judge(client, code, "E6", "no")

    assert page.one(class_="done").text == said("eligibility.judged")
    after = criterion(page, "E6")
    assert question in after.text
    assert said("verdict.not_met") in after.text
    assert [e.type for e in trial.store.read()][-1] == "CriterionJudged"
    assert said("verdict.met") in criterion(judge(client, code, "E6", "yes"), "E6").text


def test_the_coordinator_may_not_judge(trial: RunningTrial, sign_in: SignIn) -> None:
    """The page says who may instead of a button; a forged answer is refused."""
    code = course.consented(trial)
    client = sign_in(Role.COORDINATOR)
    page = eligibility(client, code)
    assert not [e for e in page.all("form") if "/judge/" in e.get("action")]
    assert said("eligibility.judged_by", roles="Investigator") in criterion(page, "E6").text
    entries = len(list(trial.store.read()))

    refused = judge(client, code, "E6", "no")

    assert refused.codes == {"EQ-C022"}
    assert len(list(trial.store.read())) == entries


@pytest.mark.parametrize(
    ("rule", "answer", "code_of"),
    [("E6", "perhaps", "EQ-W008"), ("E9", "no", "EQ-C021"), ("nothing", "no", "EQ-C021")],
)
def test_a_forged_judgement_is_refused(
    rule: str, answer: str, code_of: str, *, trial: RunningTrial, sign_in: SignIn
) -> None:
    code = course.consented(trial)
    assert judge(sign_in(Role.INVESTIGATOR), code, rule, answer).codes == {code_of}


@pytest.mark.requirement("F05", "F06")
def test_nobody_is_randomized_who_is_not_eligible(trial: RunningTrial, sign_in: SignIn) -> None:
    """The page leads back to what is missing; a forged post is refused criterion by criterion."""
    code = course.consented(trial)
    client = sign_in(Role.COORDINATOR)
    back = client.get(f"/participants/{code}/randomize/")
    assert back.headers["Location"] == f"/participants/{code}/eligibility/"

    page = randomize(client, code)

    assert "EQ-C055" in page.codes
    assert said("randomize.checked", on="")[:30] not in page.text
    assert trial.state.participants[code].status == "screening"
    assert trial.state.randomized == ()


@pytest.mark.requirement("F04", "F20")
def test_one_person_gets_one_number(trial: RunningTrial, sign_in: SignIn) -> None:
    """A second click, a second tab, another person: the same number, once in the ledger."""
    code = course.eligible(trial)
    first, second = sign_in(Role.COORDINATOR), sign_in(Role.INVESTIGATOR)
    confirm = read(second.get(f"/participants/{code}/randomize/"))
    assert "R-0" not in confirm.text
    assert said("randomize.lead") in confirm.text

    done = randomize(first, code)
    number = trial.state.participants[code].number
    assert done.one(class_="done").text == said("randomize.done", participant=code, number=number)
    assert re.fullmatch(r"R-\d{3}", number)

    again = randomize(second, code)
    assert "EQ-C050" in again.codes
    assert number in again.text
    assert trial.state.participants[code].number == number
    kinds = [e.type for e in trial.store.read(stream=code)]
    assert kinds.count("ParticipantRandomized") == kinds.count("RandomizationRequested") == 1


def test_the_page_of_a_number_leads_on(trial: RunningTrial, sign_in: SignIn) -> None:
    """Once it is done, or once the person has left, nothing is there to confirm."""
    code, gone = course.randomized(trial), course.eligible(trial)
    client = sign_in(Role.COORDINATOR)
    client.post(f"/participants/{gone}/end-screening/", {"reason": "moved away"})
    for who in (code, gone):
        response = client.get(f"/participants/{who}/randomize/")
        assert response.headers["Location"] == f"/participants/{who}/eligibility/"


@pytest.mark.requirement("F05")
def test_the_verdict_is_fixed_at_randomization(trial: RunningTrial, sign_in: SignIn) -> None:
    """What is entered later changes nothing of what stood then."""
    code = course.randomized(trial)
    client = sign_in(Role.INVESTIGATOR)
    address = f"/participants/{code}/forms/screening/demography/0/correct/birth_month/"
    wrong = {"birth_month.month": "1", "birth_month.year": "1940"}
    posted = {**wrong, ".reason": "as in the passport", "seen": "1"}
    assert client.post(address, posted).status_code == 302

    page = eligibility(client, code)

    assert said("eligibility.eligible") in page.text
    assert said("eligibility.fixed", on="")[:30] in page.text
    assert not page.all("form", class_="asked")
    assert judge(client, code, "E6", "yes").codes == {"EQ-C004"}


def test_after_the_end_of_screening_the_page_shows_that_day(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    code = course.consented(trial)
    client = sign_in(Role.INVESTIGATOR)
    client.post(f"/participants/{code}/end-screening/", {"reason": "moved away"})
    page = eligibility(client, code)
    assert said("eligibility.undecided") in page.text
    assert not [e for e in page.all("form") if "/judge/" in e.get("action")]
    assert not [e for e in page.all("a", "button") if e.text == said("eligibility.randomize")]


@pytest.mark.requirement("F07")
def test_a_full_trial_takes_nobody_more(trial: RunningTrial, sign_in: SignIn) -> None:
    """Neither into screening nor to a number; the list of participants says why."""
    identity = replace(trial.study.identity, planned_participants=1)
    waiting = course.eligible(trial)
    course.randomized(trial)
    trial.study = replace(trial.study, identity=identity)
    client = sign_in(Role.COORDINATOR)

    assert randomize(client, waiting).codes == {"EQ-C020"}
    page = read(client.get("/participants/"))
    assert said("participants.full") in page.text
    assert not page.all("a", href="/screen/")
    posted = {"site": "01", **course.day("on")}
    assert read(client.post("/screen/", posted)).codes == {"EQ-C020"}
    assert len(trial.state.randomized) == 1


@pytest.mark.requirement("F04", "F20")
@pytest.mark.parametrize(("is_there", "code_of"), [(False, "EQ-C053"), (True, "EQ-V017")])
def test_the_vault_does_not_answer(
    is_there: bool, code_of: str, *, trial: RunningTrial, sign_in: SignIn, tmp_path: Path
) -> None:
    """The request stands, no number is invented; once the vault is back the same way finishes."""
    code = course.eligible(trial)
    vault, trial.vault = trial.vault, VaultClient(tmp_path / "no.sock", "t") if is_there else None
    client = sign_in(Role.COORDINATOR)

    page = randomize(client, code)

    assert page.codes == {code_of}
    assert said("randomize.waiting") in page.text
    assert trial.state.participants[code].status == "randomizing"
    assert trial.state.participants[code].number == ""
    assert said("status.randomizing") in read(client.get("/participants/")).text
    trial.vault = vault
    assert said("randomize.finish") in read(client.get(f"/participants/{code}/randomize/")).text
    assert eligibility(client, code).one("a", href=f"/participants/{code}/randomize/")
    assert said("randomize.done", participant=code, number="R-001") in randomize(client, code).text
    assert trial.state.participants[code].number == "R-001"


@pytest.mark.requirement("F04", "D28")
def test_a_request_whose_number_never_came_is_taken_back(
    trial: RunningTrial, sign_in: SignIn, tmp_path: Path
) -> None:
    """From the page that waits, with a reason; while the vault is away nothing is taken back, nor
    once it gave the number.
    """
    code, given = course.eligible(trial), course.eligible(trial)
    client = sign_in(Role.COORDINATOR)
    address = f"/participants/{code}/randomize/call-off/"
    assert client.get(address).headers["Location"] == f"/participants/{code}/eligibility/"
    vault, trial.vault = trial.vault, VaultClient(tmp_path / "no.sock", "t")
    randomize(client, code)
    assert randomize(client, given).one("a", href=f"/participants/{given}/randomize/call-off/")
    reason = {"reason": "Consent withdrawn"}
    assert read(client.post(address, reason)).codes == {"EQ-V017"}
    trial.vault = vault

    held = trial.state.participants[given]
    assert vault is not None
    vault.assign(given, stratum=held.stratum, proof=proof_of(held))
    late = f"/participants/{given}/randomize/call-off/"
    assert read(client.post(late, reason)).codes == {"EQ-C160"}
    assert "EQ-W001" in read(client.post(address, {"reason": ""})).codes
    done = read(client.post(address, reason, follow=True))
    assert said("call_off.done", participant=code) in done.text
    assert [trial.state.participants[c].status for c in (code, given)] == [
        "screening",
        "randomizing",
    ]


def test_old_values_are_told_as_too_old(trial: RunningTrial, sign_in: SignIn) -> None:
    """Blood of 40 days ago is unknown, not fine: the study wants it within 28 days."""
    code = course.screened(trial)
    long_ago = course.TODAY - dt.timedelta(days=40)
    for form in ("consent", "laboratory"):
        given = course.answers(trial.study.forms[form])
        submit_form(
            trial,
            by=course.COORDINATOR,
            at=course.now(),
            participant=code,
            encounter="screening",
            form=form,
            on=long_ago,
            values=given | ({"hiv": "negative"} if form == "laboratory" else {}),
        )
    page = eligibility(sign_in(Role.COORDINATOR), code)
    blood = criterion(page, "E11")
    assert "too old" in blood.text
    assert said("eligibility.look", form="Laboratory") in blood.text
    assert said("verdict.unknown") in blood.text
