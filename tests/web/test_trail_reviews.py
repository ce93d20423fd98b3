"""The review of the audit trail on its pages: choose, look, say what was found, find it again."""

import datetime as dt
import html
from urllib.parse import urlencode

import pytest

from equipoise.cli.trials import trail_review_listing
from equipoise.conduct import RunningTrial, change_delegation, review_trail
from equipoise.conduct.parts import TrailFilter
from equipoise.conduct.reviewing import trail as rules
from equipoise.ledger import Head
from equipoise.study.roles import Role
from equipoise.web.views.trail import reviewing

from . import course
from .conftest import OPENED_AT, SignIn, name_of, said
from .reading import Reading, read
from .test_audit_trail import corrected

REVIEW, REVIEWS = "/audit-trail/review/", "/audit-trail/reviews/"
REVIEWERS = [Role.MONITOR, Role.DATA_MANAGER, Role.INVESTIGATOR]
NONE = {"outcome": "none", "finding": ""}


def posted(page: Reading, **given: object) -> dict[str, object]:
    """What the form of the page would send."""
    names = ("chain", "participant", "person", "form", "since", "until", "sample", "up_to")
    hidden = {e.get("name"): e.get("value") for e in page.all("input", type="hidden")}
    return {**{name: hidden[name] for name in names}, **NONE, **given}


def listed(page: Reading) -> list[str]:
    return [e.text for e in page.all("th", scope="row")]


@pytest.mark.requirement("C10")
@pytest.mark.parametrize("role", REVIEWERS)
def test_a_review_from_the_filter_to_the_list(
    trial: RunningTrial, sign_in: SignIn, role: Role
) -> None:
    """A filtered trail, what stood there before and after, a finding that points to an entry."""
    code = corrected(trial)
    client = sign_in(role)
    trail = read(client.get("/audit-trail/", {"participant": code, "form": "demography"}))
    (link,) = [e.get("href") for e in trail.all("a") if e.text == said("trail.review_these")]
    page = read(client.get(html.unescape(link)))
    assert said("trail.every", n=2) in page.text and "171.5" in page.text
    fixed = listed(page)[-1]
    seq = int(fixed.partition(":")[2])

    given = posted(page, outcome="finding", finding="No source for it", entry=[seq])
    done = read(client.post(REVIEW, given, follow=True))

    (entry,) = [e for e in trial.store.read() if e.type == "AuditTrailReviewed"]
    place = f"{entry.chain}:{entry.seq}"
    site = trial.study.identity.sites["01"].label.en
    assert done.one(class_="done").text == said("trail.recorded", name=site, entry=place)
    row = next(r.text for r in done.all("tr") if place in r.text)
    for words in (fixed, "No source for it", code, name_of(role), said("trail.looked_every", n=2)):
        assert words in row
    listing = trail_review_listing(trial.state)
    (line,) = listing.rows
    shown = dict(zip(listing.columns, line, strict=True))
    assert (shown["site"], shown["participant"], shown["form"]) == ("01", code, "demography")
    assert (shown["n_entries"], shown["n_looked_at"], shown["sample"]) == (2, 2, "")
    assert (shown["finding"], shown["points_to"]) == ("No source for it", fixed)
    assert (shown["reviewed_by"], shown["reviewed_as"]) == (name_of(role), role.value)


@pytest.mark.requirement("C10")
def test_a_sample_is_drawn_by_the_system_and_stays_the_same(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """What was on the page is what is recorded, whatever was entered while somebody read."""
    course.eligible(trial)
    client = sign_in(Role.MONITOR)
    page = read(client.get(REVIEW, {"chain": "site-01", "sample": "3"}))
    drawn = listed(page)
    n = trial.store.heads()["site-01"].seq
    assert len(drawn) == 3 and said("trail.drawn", n=n, drawn=3) in page.text
    course.consented(trial)
    client.post(REVIEW, posted(page))
    (review,) = rules.list_reviews(trial.state)
    assert [f"site-01:{seq}" for seq in review.sample] == drawn
    assert (review.n_entries, review.finding) == (n, "")
    row = read(client.get(REVIEWS)).text
    assert said("trail.looked_drawn", drawn=3, n=n) in row


@pytest.mark.requirement("C10")
def test_what_is_refused_comes_back_as_it_was(trial: RunningTrial, sign_in: SignIn) -> None:
    """No answer, a finding without words, words without a finding, an entry that was not there."""
    course.consented(trial)
    client = sign_in(Role.MONITOR)
    page = read(client.get(REVIEW, {"chain": "site-01"}))

    def codes(**given: object) -> set[str]:
        answer = client.post(REVIEW, posted(page, **given))
        assert answer.status_code >= 400
        return read(answer).codes

    assert codes(outcome="") == {"EQ-W001"}
    assert codes(outcome="finding") == {"EQ-C178"}
    assert codes(outcome="finding", entry=[2]) == {"EQ-C178"}
    assert codes(outcome="none", finding="Something") == {"EQ-C178"}
    assert codes(outcome="none", entry=[2]) == {"EQ-C178"}
    assert codes(outcome="finding", finding="Late", entry=[99]) == {"EQ-C177"}
    assert codes(up_to="999") == {"EQ-C120"}
    arm = next(iter(trial.study.identity.arms.values())).label.en
    assert codes(outcome="finding", finding=f"It is {arm}") == {"EQ-V032"}
    again = read(client.post(REVIEW, posted(page, outcome="finding", entry=[2, "x"])))
    (ticked,) = [e for e in again.all("input", type="checkbox") if "checked" in e.attrs]
    assert ticked.get("value") == "2" and again.value("up_to") == page.value("up_to")
    assert not trial.state.trail_reviews


@pytest.mark.requirement("C10", "C08")
def test_nobody_reviews_or_reads_of_another_site(trial: RunningTrial, sign_in: SignIn) -> None:
    """Not by the address, not by the form, not in the list."""
    course.screened(trial, site="01")
    course.screened(trial, site="02")
    change_delegation(
        trial, by=name_of(Role.ADMINISTRATOR), at=course.now(), person=name_of(Role.INVESTIGATOR),
        sites=("02",), reason="Moves",
    )  # fmt: skip
    monitor, own = sign_in(Role.MONITOR), sign_in(Role.INVESTIGATOR)
    page = read(monitor.get(REVIEW, {"chain": "site-01"}))
    finding = {"outcome": "finding", "finding": "Seen at site one"}
    monitor.post(REVIEW, posted(page, **finding))

    chains = {e.get("value") for e in read(own.get(REVIEW)).all("option") if e.is_in("select")}
    assert "site-01" not in chains and {"site-02", "control"} <= chains
    for asked in ({"chain": "site-01"}, {"participant": "01-001"}):
        answer = read(own.get(REVIEW, asked))
        assert not [x for x in listed(answer) if x.startswith("site-01")]
    assert read(own.post(REVIEW, posted(page))).codes == {"EQ-C175"}
    assert "Seen at site one" not in own.get(REVIEWS).content.decode()
    assert "Seen at site one" in sign_in(Role.AUDITOR).get(REVIEWS).content.decode()
    assert len(rules.list_reviews(trial.state)) == 1


@pytest.mark.requirement("C10")
def test_who_reviews_is_told_when_it_is_due(trial: RunningTrial, sign_in: SignIn) -> None:
    """Six months after the opening: on the overview, until what came since was reviewed."""
    assert OPENED_AT.date() == dt.date(2026, 1, 5)
    assert trial.study.identity.trail_review_months == 6
    course.consented(trial)
    n_trails = len(trial.state.sites) + 1
    told = said("trail.overdue_notice", n=n_trails, on="5 Jul 2026")
    client = sign_in(Role.MONITOR)
    for who in (client, sign_in(Role.INVESTIGATOR), sign_in(Role.AUDITOR)):
        page = read(who.get("/"))
        assert told in page.text and page.all("a", href=REVIEWS)
    for role in (Role.COORDINATOR, Role.OUTCOME_ASSESSOR, Role.ADMINISTRATOR):
        assert told not in read(sign_in(role).get("/")).text
    assert said("review.overdue", on="5 Jul 2026") in read(client.get(REVIEWS)).text

    for chain in rules.chains_of(trial.state, trial.state.people[name_of(Role.MONITOR)]):
        page = read(client.get(REVIEW, {"chain": chain}))
        assert client.post(REVIEW, posted(page)).status_code == 302

    assert REVIEWS not in client.get("/").content.decode()
    page = read(client.get(REVIEWS))
    assert said("review.overdue", on="5 Jul 2026") not in page.text
    today = course.now().date().isoformat()
    links = [e.get("href") for e in page.all("a") if "since=" in e.get("href")]
    since = urlencode({"chain": "site-01", "since": today})
    assert html.unescape(links[0]) == f"{REVIEW}?{since}"
    proposed = posted(read(client.get(REVIEW)))  # what is due first, from where the last one ended
    assert (proposed["chain"], proposed["since"]) == ("site-01", today)


def test_too_many_are_not_listed(
    trial: RunningTrial, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says what to do, and offers nothing to record."""
    for module in (rules, reviewing):
        monkeypatch.setattr(module, "MOST", 3)
    course.eligible(trial)
    client = sign_in(Role.DATA_MANAGER)
    n = trial.store.heads()["site-01"].seq
    page = read(client.get(REVIEW, {"chain": "site-01"}))
    assert said("trail.too_much", n=n, most=3) in page.text and not listed(page)
    assert not [
        e for e in page.all("form") if e.get("action") == REVIEW and e.get("method") == "post"
    ]
    hidden = {"chain": "site-01", "up_to": str(n), **NONE}
    assert read(client.post(REVIEW, hidden)).codes == {"EQ-C176"}


def test_what_a_filter_cannot_hold_filters_nothing(trial: RunningTrial, sign_in: SignIn) -> None:
    """The last day that there is, a number with a sign, a character that no database keeps."""
    course.consented(trial)
    client = sign_in(Role.MONITOR)
    for asked in (
        {"until": "9999-12-31"},
        {"since": "0001-01-01", "sample": "-3"},
        {"sample": "٣"},
        {"participant": "\0", "chain": "site-01"},
    ):
        for address in (REVIEW, "/audit-trail/"):
            assert client.get(address, asked).status_code == 200
    before = {"chain": "site-01", "until": "2026-01-05"}
    assert listed(read(client.get(REVIEW, before))) == []


def test_where_the_study_asks_for_none_nobody_is_told(trial: RunningTrial, sign_in: SignIn) -> None:
    """The pages are there all the same, also for what is recorded by a command."""
    import msgspec

    identity = msgspec.structs.replace(trial.study.identity, trail_review_months=0)
    trial.study = msgspec.structs.replace(trial.study, identity=identity)
    head = trial.store.heads().get("site-01", Head(0, ""))
    review_trail(
        trial, by=name_of(Role.MONITOR), at=course.now(), chain="site-01",
        asked=TrailFilter(person="somebody", form="no form"), up_to=head.seq,
    )  # fmt: skip
    client = sign_in(Role.MONITOR)
    page = read(client.get(REVIEWS))
    assert (
        said("trail.no_period") in page.text and said("trail.of_form", value="no form") in page.text
    )
    assert REVIEWS not in client.get("/").content.decode()
