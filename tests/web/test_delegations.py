"""Single tasks on the pages: what is not delegated is not offered, and the log tells all of it."""

import datetime as dt

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial, View, add_person, remove_person
from equipoise.conduct.door import SYSTEM
from equipoise.conduct.events import SiteOpened
from equipoise.study.roles import Role

from . import course
from .conftest import SignIn, name_of, said
from .reading import Reading, read

INVESTIGATOR = name_of(Role.INVESTIGATOR)
ADMINISTRATOR = name_of(Role.ADMINISTRATOR)
REASON = "As the investigator signed"


def delegate(client: Client, person: str = INVESTIGATOR, **given: object) -> Reading:
    where = "ticked" if given.get("sites") else "all"
    posted = {"where": where, "extent": "tasks", "reason": REASON, **given}
    return read(client.post(f"/people/{person}/delegate/", posted, follow=True))


@pytest.mark.requirement("C27", "C31")
def test_what_is_not_delegated_is_neither_offered_nor_opened(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """The page of a participant, each page that leads to an act, and the form itself."""
    code = course.consented(trial)
    administrator, client = sign_in(Role.ADMINISTRATOR), sign_in(Role.INVESTIGATOR)
    before = read(client.get(f"/participants/{code}/"))
    links = [f"/participants/{code}/{page}/" for page in ("sign", "withdraw", "end-screening")]
    links.append(f"/participants/{code}/forms/screening/mrss/0/")
    assert all(before.all("a", href=link) for link in links)

    assert delegate(administrator, tasks=["eligibility"]).codes == set()

    page = read(client.get(f"/participants/{code}/"))
    assert not any(page.all("a", href=link) for link in links)
    for link in (*links, f"/participants/{code}/randomize/", "/screen/"):
        response = client.get(link)
        assert (response.status_code, read(response).codes) == (403, {"EQ-C148"}), link
    answer = {"answer": "yes", "seen": ""}
    judged = client.post(f"/participants/{code}/judge/2-willing/", answer)
    assert "EQ-C148" not in read(judged).codes
    # A read page stays one.
    assert client.get(f"/participants/{code}/forms/screening/consent/0/").status_code == 200
    refused = client.get(f"/participants/{code}/forms/screening/consent/0/correct/version/")
    assert read(refused).codes == {"EQ-C148"}

    delegate(administrator, extent="role")
    assert client.get(links[0]).status_code == 200


def test_the_page_asks_which_tasks(trial: RunningTrial, sign_in: SignIn) -> None:
    """Boxes for the tasks of the role alone; none ticked is not the whole role."""
    client = sign_in(Role.ADMINISTRATOR)
    page = read(client.get(f"/people/{INVESTIGATOR}/delegate/"))
    boxes = [e.get("value") for e in page.all("input", name="tasks")]
    assert page.value("extent") == "role" and "signature" in boxes
    coordinator = read(client.get("/people/only-at-02/delegate/"))
    offered = {e.get("value") for e in coordinator.all("input", name="tasks")}
    assert "consent" in offered and "signature" not in offered
    monitor = read(client.get(f"/people/{name_of(Role.MONITOR)}/delegate/"))
    assert not monitor.all("input", name="tasks") and not monitor.all("input", name="extent")

    assert delegate(client).codes == {"EQ-W090"}
    assert trial.state.people[INVESTIGATOR].tasks == ()
    wrong = delegate(client, tasks=["consent", "forms"], reason="")
    assert wrong.codes == {"EQ-W001"}
    ticked = [e for e in wrong.all("input", name="tasks") if "checked" in e.attrs]
    assert [e.get("value") for e in ticked] == ["consent", "forms"]
    delegate(client, tasks=["forms", "consent", "cooking"])
    assert trial.state.people[INVESTIGATOR].tasks == ("consent", "forms")
    people = read(client.get("/people/"))
    assert "Informed consent; Entry and correction of forms" in people.text
    page = read(client.get(f"/people/{INVESTIGATOR}/delegate/"))
    ticked = [e for e in page.all("input", name="tasks") if "checked" in e.attrs]
    assert page.value("extent") == "tasks" and len(ticked) == 2


@pytest.mark.requirement("C31", "C32")
def test_the_log_of_a_site_has_each_delegation(trial: RunningTrial, sign_in: SignIn) -> None:
    """As it was entered, by whom and why, and what became of it; nobody of another site."""
    client = sign_in(Role.ADMINISTRATOR)
    later = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)
    delegate(client, "only-at-02", sites="02", tasks=["consent"])
    days = {f"from_on.{part}": str(getattr(later, part)) for part in ("day", "month", "year")}
    delegate(client, "only-at-02", sites="02", tasks=["consent", "infusions"], **days)
    given = {"by": ADMINISTRATOR, "at": course.now()}
    yesterday = course.TODAY - dt.timedelta(days=1)
    over = {"person": "gone", "name": "Somebody over", "role": Role.COORDINATOR, "sites": ("02",)}
    add_person(trial, **given, **over, until_on=yesterday)  # type: ignore[arg-type]
    delegate(client, INVESTIGATOR, sites="01", tasks=["signature"])

    page = read(client.get("/delegations/?site=02"))
    rows = [row.text for row in page.all("tr") if "only-at-02" in row.text]
    states = ["Replaced", "Replaced", "To come"]
    assert [next(s for s in states if s in row) for row in rows] == states
    assert said("delegations.whole_role") in rows[0] and REASON not in rows[0]
    assert "Informed consent Infusions" not in rows[1] and REASON in rows[1]
    assert "Informed consent" in rows[2] and "Infusions: order, bedside check, stop" in rows[2]
    assert "Somebody 11" in rows[1]  # the administrator
    assert said("delegations.over") in next(r.text for r in page.all("tr") if "gone" in r.text)
    mine = [row.text for row in page.all("tr") if INVESTIGATOR in row.text]
    assert len(mine) == 1 and "Replaced" in mine[0]  # they work at another site now
    assert "the-monitor" not in page.text and "the-safety-officer" not in page.text

    remove_person(trial, **given, person="only-at-02", reason="Left")  # type: ignore[arg-type]
    page = read(client.get("/delegations/?site=02"))
    rows = [row.text for row in page.all("tr") if "only-at-02" in row.text]
    assert said("delegations.ended") in rows[-1] and "Left" in rows[-1]


def test_an_investigator_reads_the_log_of_their_own_site(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Of no other; the overview leads to it, and what is delegated now stands as in force."""
    delegate(sign_in(Role.ADMINISTRATOR), sites="02", extent="role")
    client = sign_in(Role.INVESTIGATOR)

    assert read(client.get("/")).all("a", href="/delegations/")
    assert not read(sign_in(Role.COORDINATOR).get("/")).all("a", href="/delegations/")
    page = read(client.get("/delegations/"))
    assert page.one("h1").text == said("delegations.title", site="Site 02")
    assert not page.all("select")
    assert [said("delegations.now") in row.text for row in page.all("tr")[1:]].count(True) > 0
    other = client.get("/delegations/?site=01")
    assert read(other).codes == {"EQ-C014"}


def test_a_site_that_joined_has_a_log_before_the_next_start(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Its name comes with the new folder; until then its code stands there."""
    joined = [SiteOpened(site="04")]
    trial.record(View(trial.study, trial.state, SYSTEM), joined, at=course.now(), reason="")
    page = read(sign_in(Role.MONITOR).get("/delegations/?site=04"))
    assert page.one("h1").text.endswith("04")
