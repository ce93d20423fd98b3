"""What overseers read: adverse events with their clocks, the ledger with its proof, the people."""

import datetime as dt

import pytest
from msgspec.structs import replace

from equipoise.conduct import RunningTrial, lock_data, redact_entry, remove_person, submit_form
from equipoise.ledger import MemoryStore
from equipoise.study.roles import Role

from . import course
from .conftest import SignIn, name_of, said
from .reading import Reading, read


def row(page: Reading, words: str) -> str:
    return next(e.text for e in page.all("tr") if words in e.text)


def fall_ill(trial: RunningTrial, code: str, *, at: dt.datetime, **values: object) -> None:
    form = trial.study.forms["adverse_event"]
    taken = [r for _, name, r in trial.state.participants[code].forms if name == form.form]
    submit_form(
        trial,
        by=course.INVESTIGATOR,
        at=at,
        participant=code,
        encounter="",
        form=form.form,
        repeat=len(taken) + 1,
        on=at.date(),
        values={**course.answers(form), **values},
    )


@pytest.mark.requirement("C76")
def test_serious_events_come_first_with_their_clock(trial: RunningTrial, sign_in: SignIn) -> None:
    """24 hours after it was known: still to be reported, or overdue (CTR art. 41)."""
    now = course.now()
    code = course.screened(trial)
    consent = trial.study.forms["consent"]
    submit_form(
        trial,
        by=course.COORDINATOR,
        at=now,
        participant=code,
        encounter="screening",
        form="consent",
        on=course.TODAY - dt.timedelta(days=9),
        values=course.answers(consent),
    )
    fall_ill(trial, code, at=now, term="Headache", grade=1)
    fall_ill(trial, code, at=now, term="Stroke", grade=5, fatal=True)
    fall_ill(trial, code, at=now - dt.timedelta(hours=30), term="Sepsis", hospitalization=True)
    page = read(sign_in(Role.SAFETY_OFFICER).get("/adverse-events/"))

    terms = [e.text for e in page.all("a") if "/adverse_event/" in e.get("href")]
    assert terms[-1] == "Headache"
    assert said("events.count", n=3) in page.text
    assert said("clock.due") in row(page, "Stroke") and said("events.fatal") in row(page, "Stroke")
    assert said("clock.overdue") in row(page, "Sepsis")
    assert said("events.is_serious") in row(page, "Sepsis")
    assert said("events.not_serious") in row(page, "Headache")


@pytest.mark.requirement("C77")
def test_the_board_reads_events_but_no_forms(trial: RunningTrial, sign_in: SignIn) -> None:
    """All arms together, without a way to a single person's pages."""
    course.fallen_ill(trial, course.given(trial))
    page = read(sign_in(Role.DSMB).get("/adverse-events/"))
    assert "Deep vein thrombosis" in page.text
    assert said("events.after", n=0) in row(page, "Deep vein")
    assert said("events.pooled") in page.text
    assert not [e for e in page.all("a") if "/participants/" in e.get("href")]


def test_who_enters_events_is_led_to_it(trial: RunningTrial, sign_in: SignIn) -> None:
    """The investigator, for everybody who has consented; the coordinator enters none."""
    screened, consented = course.screened(trial), course.consented(trial)
    page = read(sign_in(Role.INVESTIGATOR).get("/adverse-events/"))
    assert page.all("a", href=f"/participants/{consented}/log/adverse_event/new/")
    assert not page.all("a", href=f"/participants/{screened}/log/adverse_event/new/")
    assert said("events.add") not in read(sign_in(Role.COORDINATOR).get("/adverse-events/")).text


def test_a_study_without_a_safety_plan(trial: RunningTrial, sign_in: SignIn) -> None:
    trial.study = replace(trial.study, safety=None)
    assert said("events.no_plan") in read(sign_in(Role.MONITOR).get("/adverse-events/")).text


@pytest.mark.requirement("C04", "C06")
def test_the_ledger_is_read_and_verified(trial: RunningTrial, sign_in: SignIn) -> None:
    """Newest first, each entry with who, when, what; the chains are checked while one reads."""
    client = sign_in(Role.AUDITOR)
    code = course.given(trial)
    page = read(client.get("/ledger/"))

    entries = list(trial.store.read())
    assert said("ledger.ok") in page.text
    assert said("ledger.n_verified", n=len(entries)) in page.text
    assert said("ledger.count", n=len(entries)) in page.text
    newest = page.all("tr")[1].text
    assert newest.startswith(f"site-01:{entries[-1].seq} ")
    assert "InfusionGiven" in newest and code in newest
    assert len(page.all("tr")) == min(len(entries), 50) + 1
    assert entries[-1].digest[:32] in page.text


def test_the_ledger_is_filtered_and_turned(trial: RunningTrial, sign_in: SignIn) -> None:
    """By participant, by kind, page by page; what stands in the filter goes along."""
    one, other = course.given(trial), course.eligible(trial)
    client = sign_in(Role.MONITOR)
    page = read(client.get(f"/ledger/?participant={one}"))
    assert other not in page.text
    only = read(client.get(f"/ledger/?participant={one}&type=CriterionJudged"))
    judged = [e for e in trial.store.read(stream=one) if e.type == "CriterionJudged"]
    assert said("ledger.count", n=len(judged)) in only.text
    assert "selected" in only.one("option", value="CriterionJudged").attrs

    older = read(client.get("/ledger/")).one("a", href="/ledger/?participant=&type=&page=2")
    assert older.text == said("ledger.older")
    second = read(client.get("/ledger/?page=2"))
    assert [e.text for e in second.all("a") if "page=1" in e.get("href")] == [said("ledger.newer")]


@pytest.mark.parametrize("number", ["0", "-1", "x", "²", "9" * 6, "9" * 7])
def test_a_page_that_is_none(number: str, trial: RunningTrial, sign_in: SignIn) -> None:
    response = sign_in(Role.MONITOR).get(f"/ledger/?page={number}")
    assert response.status_code == 200
    assert said("ledger.ok") in read(response).text


@pytest.mark.requirement("C04")
def test_damage_is_told_at_once(trial: RunningTrial, sign_in: SignIn) -> None:
    """Somebody wrote into the store behind our back: the page names the first bad entry."""
    course.consented(trial)
    store = trial.store
    assert isinstance(store, MemoryStore)
    at = next(i for i, e in enumerate(store._entries) if e.type == "ConsentSigned")
    store._entries[at] = replace(store._entries[at], by="somebody else")

    page = read(sign_in(Role.AUDITOR).get("/ledger/"))

    assert said("ledger.broken") in page.text
    assert said("ledger.ok") not in page.text
    alert = page.one(role="alert").text
    assert f"site-01:{store._entries[at].seq}" in alert.replace(" / ", ":").replace("site-01 ", "")
    assert page.codes


@pytest.mark.requirement("C77", "F07")
def test_a_pause_is_seen_by_everybody_and_lifted_by_two(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """The banner on both doors; the rule with its counts; the board and the officer agree."""
    course.fallen_ill(trial, course.given(trial), related="certain", fatal=True, grade=5)
    assert trial.state.pausing == ("related-death",)
    for role, door in ((Role.CELL_UNIT, "sealed"), (Role.COORDINATOR, "site")):
        page = read(sign_in(role, door=door).get("/", follow=True))
        assert said("stopping.banner") in page.text

    board = sign_in(Role.DSMB)
    page = read(board.get("/adverse-events/"))
    assert "n_related_fatal = 1" in row(page, "A death that may be due")
    assert said("stopping.met", on="")[:5] in row(page, "A death that may be due")
    assert said("stopping.not_met") in row(page, "A first thrombotic")
    address = next(e.get("href") for e in page.all("a") if "/resume/" in e.get("href"))
    assert "A death that may be due" in read(board.get(address)).text
    agreed = read(board.post(address, {"reason": "The heart was ill before"}, follow=True))
    assert said("stopping.still_paused") in agreed.text
    assert "The heart was ill before" in agreed.text
    assert not [e for e in agreed.all("a") if "/resume/" in e.get("href")]

    officer = sign_in(Role.SAFETY_OFFICER)
    stale = read(officer.post("/resume/?rules=thrombosis", {"reason": "As the board says"}))
    assert "EQ-C092" in stale.codes
    done = read(officer.post(address, {"reason": "As the board says"}, follow=True))
    assert said("stopping.goes_on") in done.text
    assert said("stopping.banner") not in done.text
    assert "As the board says" in row(done, "A death that may be due")


def test_a_rule_that_hangs_on_an_unclear_event_says_so(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """An event without a grade may be of any: the count is nought or one."""
    plan = trial.study.safety
    assert plan is not None
    ungraded = replace(plan, grade="end_on")
    rule = replace(plan.stopping[0], met_if="n_grade_3 >= 1")
    trial.study = replace(trial.study, safety=replace(ungraded, stopping=(rule,)))
    course.fallen_ill(trial, course.given(trial))
    page = read(sign_in(Role.SAFETY_OFFICER).get("/adverse-events/"))

    assert said("stopping.unclear") in row(page, "A death that may be due")
    assert "n_grade_3 = 0 – 1" in row(page, "A death that may be due")


@pytest.mark.requirement("C11")
def test_what_was_taken_out_leaves_its_digest(trial: RunningTrial, sign_in: SignIn) -> None:
    course.consented(trial)
    entry = next(e for e in trial.store.read() if e.type == "FormSubmitted")
    redact_entry(
        trial,
        by=name_of(Role.INVESTIGATOR),
        at=course.now(),
        reason="a name was typed",
        chain=entry.chain,
        seq=entry.seq,
    )

    page = read(sign_in(Role.AUDITOR).get("/ledger/"))

    assert said("ledger.redacted") in page.text
    assert said("ledger.ok") in page.text


@pytest.mark.requirement("C29")
def test_the_people_and_what_became_of_them(trial: RunningTrial, sign_in: SignIn) -> None:
    """Everybody with role and sites, those who were removed too."""
    remove_person(
        trial,
        by=name_of(Role.ADMINISTRATOR),
        at=course.now(),
        person=name_of(Role.MONITOR),
        reason="left",
    )
    page = read(sign_in(Role.AUDITOR).get("/people/"))
    assert len(page.all("tr")) == len(trial.state.people) + 1
    assert row(page, "the-monitor").endswith(said("people.removed"))
    assert "Study coordinator02" in row(page, "only-at-02")
    assert row(page, "only-at-02").endswith(said("people.active"))
    assert said("common.all") in row(page, "the-auditor")


def test_the_closed_report_waits_for_the_lock(trial: RunningTrial, sign_in: SignIn) -> None:
    """And even then it is not served to a browser: the page says how it is made."""
    client = sign_in(Role.UNBLINDED_STATISTICIAN, door="sealed")
    assert client.get("/").headers["Location"] == "/closed-report/"
    waiting = read(client.get("/closed-report/"))
    assert waiting.codes == {"EQ-A001"}
    lock_data(trial, by=name_of(Role.DATA_MANAGER), at=course.now())
    page = read(client.get("/closed-report/"))
    assert page.codes == set()
    assert said("closed.locked", on="")[:20] in page.text
    assert said("closed.how") in page.text
    unit = sign_in(Role.CELL_UNIT)
    assert unit.get("/").headers["Location"] == "/work-list/"
