"""The review of access on its page: what is shown of each, what is decided, what happens then."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from equipoise.cli.trials import signature_listing
from equipoise.conduct import RunningTrial, add_person, record_copy
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.web.saying import instant

from . import course
from .conftest import OPENED_AT, PASSWORD, SECOND, SignIn, name_of, said
from .reading import Reading, read

ADDRESS = "/access-review/"
OTHERS = {*(name_of(role) for role in Role if role != Role.ADMINISTRATOR), "only-at-02", SECOND}


def sign(client: Client, *ended: str, **given: str) -> Reading:
    page = read(client.get(ADDRESS))
    decisions = {f"decision-{p}": "end" if p in ended else "keep" for p in OTHERS}
    known = {"digest": page.value("digest"), "password": PASSWORD, "accept": "yes"}
    return read(client.post(ADDRESS, {**known, **decisions, **given}, follow=True))


def row_of(page: Reading, person: str) -> str:
    return next(row.text for row in page.all("tr") if person in row.text)


@pytest.mark.requirement("C30", "C33")
def test_a_review_from_the_list_to_the_session_that_ends(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Nothing is decided beforehand; what is ended ends for who is logged in."""
    monitor, client = sign_in(Role.MONITOR), sign_in(Role.ADMINISTRATOR)
    assert monitor.get("/participants/").status_code == 200
    page = read(client.get(ADDRESS))
    radios = page.all("input", type="radio")
    assert {e.get("name").removeprefix("decision-") for e in radios} == OTHERS
    assert not [e for e in radios if "checked" in e.attrs]

    done = sign(client, name_of(Role.MONITOR), reason="Left the sponsor")

    (signed,) = [e for e in trial.store.read() if e.type == "AccessReviewed"]
    seal = trial.state.seal_of(f"control:{signed.seq}")
    counts = {"kept": len(OTHERS) - 1, "ended": 1}
    assert done.one(class_="done").text == said("review.done", **counts, seal=seal)
    assert read(monitor.get("/participants/")).codes == {"EQ-C001"}
    assert monitor.get("/participants/").headers["Location"] == "/sign-in/"
    listing = signature_listing(trial)
    (row,) = listing.rows
    shown = dict(zip(listing.columns, row, strict=True))
    assert (shown["signed"], shown["proof"], shown["seal"]) == ("AccessReviewed", "password", seal)


@pytest.mark.requirement("C30")
def test_what_is_shown_of_each(trial: RunningTrial, sign_in: SignIn) -> None:
    """Role, place, trainings, last log-in and last entry; of the sealed door no instant."""
    course.consented(trial)
    sign_in(Role.INVESTIGATOR)
    sign_in(Role.CELL_UNIT, door="sealed")
    page = read(sign_in(Role.ADMINISTRATOR, door="site").get(ADDRESS))

    investigator = row_of(page, name_of(Role.INVESTIGATOR))
    assert "entry" in investigator and "log-in" in investigator
    assert "Good clinical practice: done" in investigator
    monitor = row_of(page, name_of(Role.MONITOR))
    assert said("review.never") in monitor
    assert said("review.sealed") in row_of(page, SECOND)
    for role in UNBLINDED_ROLES:
        row = row_of(page, name_of(role))
        assert said("review.sealed") in row and "log-in " not in row
    assert "Sites: 02" in row_of(page, "only-at-02")


@pytest.mark.requirement("C09", "C30")
def test_what_somebody_took_out_of_the_trial_is_shown(trial: RunningTrial, sign_in: SignIn) -> None:
    """How many copies, and the last one; of who took none, nothing."""
    for role, kind, is_by_arm in (
        (Role.AUDITOR, "tables", False),
        (Role.AUDITOR, "archive", False),
        (Role.UNBLINDED_STATISTICIAN, "report", True),
    ):
        what: dict[str, Any] = {"kind": kind, "is_by_arm": is_by_arm}
        at = trial.state.people[name_of(role)].reviewed
        assert at is not None
        record_copy(trial, by=name_of(role), at=at.at, digest="a" * 64, seal="b" * 64, **what)
    page = read(sign_in(Role.ADMINISTRATOR).get(ADDRESS))
    auditor = row_of(page, name_of(Role.AUDITOR))
    assert "copies taken out: 2" in auditor and "(archive of the ledger)" in auditor
    assert "(report by arm)" in row_of(page, name_of(Role.UNBLINDED_STATISTICIAN))
    assert "copies taken out" not in row_of(page, name_of(Role.MONITOR))


@pytest.mark.requirement("C30")
def test_what_is_refused_comes_back_as_it_was_marked(trial: RunningTrial, sign_in: SignIn) -> None:
    """A wrong password, somebody not decided, an end without a reason, a list that changed."""
    client = sign_in(Role.ADMINISTRATOR)
    page = sign(client, "only-at-02", password="not mine at all")
    assert page.codes == {"EQ-W026"} and page.value("decision-only-at-02") == "end"
    assert sign(client, **{"decision-only-at-02": ""}).codes == {"EQ-C153"}
    assert sign(client, "only-at-02").codes == {"EQ-C004"}
    assert sign(client, digest="0" * 64).codes == {"EQ-C151"}
    assert not [e for e in trial.store.read() if e.type in ("AccessReviewed", "PersonRemoved")]
    assert sign(client).codes == set()


@pytest.mark.requirement("C30")
def test_who_must_do_it_is_told_when_it_is_due(trial: RunningTrial, sign_in: SignIn) -> None:
    """Six months after the opening of January: overdue, until it is done; the rest to come."""
    assert OPENED_AT.date() == dt.date(2026, 1, 5)
    assert trial.study.identity.access_review_months == 6
    client = sign_in(Role.ADMINISTRATOR)
    told = said("review.notice", n=len(OTHERS), on="5 Jul 2026")
    alone = said("review.alone", on="5 Jul 2026", role="System administrator")
    for address in ("/", "/people/"):
        page = read(client.get(address))
        assert told in page.text and page.all("a", href=ADDRESS)
        assert alone in page.text
    auditor = read(sign_in(Role.AUDITOR).get("/people/"))
    assert told in auditor.text and not auditor.all("a", href=ADDRESS)
    assert told not in read(sign_in(Role.INVESTIGATOR).get("/")).text
    assert said("review.overdue", on="5 Jul 2026") in read(client.get(ADDRESS)).text

    sign(client)

    page = read(client.get("/people/"))
    assert "Accesses overdue" not in page.text and alone in page.text  # their own
    rows = read(client.get(ADDRESS)).all("tr")
    assert rows and not any(said("review.overdue", on="5 Jul 2026") in row.text for row in rows)
    own = {"on": "5 Jul 2026", "role": "System administrator"}
    review = read(client.get(ADDRESS))
    assert said("review.alone", **own) in review.one("main").text
    assert review.all("a", href="/people/add/")


@pytest.mark.requirement("C30")
def test_a_second_administrator_reviews_the_first(trial: RunningTrial, sign_in: SignIn) -> None:
    """Whoever is alone is told what to do; done, the access is overdue like any other."""
    client = sign_in(Role.ADMINISTRATOR)
    sign(client)
    by = {"by": name_of(Role.ADMINISTRATOR), "at": course.now()}
    add_person(trial, **by, person="second", name="Second", role=Role.ADMINISTRATOR)  # type: ignore[arg-type]

    page = read(client.get("/people/"))
    assert said("review.notice", n=1, on="5 Jul 2026") in page.text
    assert said("review.alone", on="5 Jul 2026", role="System administrator") not in page.text
    review = read(client.get(ADDRESS)).text
    assert said("review.own_overdue", on="5 Jul 2026") in review


def test_a_study_that_asks_for_none_tells_nothing(trial: RunningTrial, sign_in: SignIn) -> None:
    """The page is there all the same."""
    import msgspec

    identity = msgspec.structs.replace(trial.study.identity, access_review_months=0)
    trial.study = msgspec.structs.replace(trial.study, identity=identity)
    client = sign_in(Role.ADMINISTRATOR)
    assert "overdue" not in read(client.get("/people/")).text
    assert said("review.no_period") in read(client.get(ADDRESS)).text


@pytest.mark.requirement("C64")
def test_who_looks_after_access_is_told_of_refused_log_ins(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Five wrong passwords made a name wait: told on the overview and in the review, then not."""
    target, client = name_of(Role.DSMB), sign_in(Role.ADMINISTRATOR)
    told = said("review.barred_notice", names=target)
    assert told not in read(client.get("/")).text
    intruder = Client()
    for _ in range(5):
        assert target not in read(client.get("/")).text
        intruder.post("/sign-in/", {"username": target, "password": "guessed"})

    assert told in read(client.get("/")).text
    assert told not in read(sign_in(Role.MONITOR).get("/")).text
    row = row_of(read(client.get(ADDRESS)), target)
    (entry,) = [e for e in trial.store.read() if e.type == "SignInBarred"]
    assert said("review.refused", n=1) in row
    assert said("review.refused_last", at=instant(entry.at)) in row
    others = [row_of(read(client.get(ADDRESS)), p) for p in OTHERS - {target}]
    assert not [x for x in others if said("review.refused", n="").strip() in x]

    sign(client)

    assert told not in read(client.get("/")).text
    assert said("review.refused", n=1) not in row_of(read(client.get(ADDRESS)), target)
