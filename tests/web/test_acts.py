"""Into screening and out of the trial: screen, end screening, miss, withdraw, complete, sign."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from msgspec.structs import replace

from equipoise.cli.trials import signature_listing, treatment_listing
from equipoise.conduct import (
    Person,
    RunningTrial,
    add_person,
    digest_of,
    lock_data,
    record_training,
    sign_casebook,
)
from equipoise.study.roles import Role
from equipoise.web.running import read_tables

from . import course
from .conftest import PASSWORD, SignIn, name_of, said
from .reading import Reading, read

TODAY = course.day("on")


def post(client: Client, path: str, data: dict[str, str] | None = None) -> Reading:
    return read(client.post(path, data or {}, follow=True))


@pytest.fixture
def client(sign_in: SignIn) -> Client:
    return sign_in(Role.INVESTIGATOR)


@pytest.mark.requirement("C60")
def test_a_person_is_screened_under_a_code(trial: RunningTrial, client: Client) -> None:
    """The site's next code, told at once; the page never asks for a name."""
    page = read(client.get("/screen/"))
    assert page.value("on.year") == str(course.TODAY.year)
    assert page.value("site") == ""
    assert {e.get("name") for e in page.all("input")} == {
        "site",
        "on.day",
        "on.month",
        "on.year",
        "csrfmiddlewaretoken",
        "next",
    }

    done = post(client, "/screen/", {"site": "02", **TODAY})

    assert done.one(class_="done").text == said("screen.done", participant="02-001")
    assert done.one("h1").text == said("participant.title", participant="02-001")
    assert said("participant.no_consent") in done.text
    assert post(client, "/screen/", {**TODAY}).codes == {"EQ-W001"}
    later = course.day("on", course.TODAY.replace(year=course.TODAY.year + 1, day=1))
    assert post(client, "/screen/", {"site": "02", **later}).codes == {"EQ-C018"}
    assert list(trial.state.participants) == ["02-001"]


def test_the_list_is_filtered(trial: RunningTrial, client: Client) -> None:
    """By site and by status; the part that a browser swaps in is the table alone."""
    stages = course.busy(trial)

    def shown(query: str, **headers: str) -> set[str]:
        page = read(client.get(f"/participants/{query}", headers=headers))
        assert bool(page.all("h1")) == (not headers)
        return {e.text for e in page.all("th", scope="row")}

    assert shown("") == set(stages.values())
    assert shown("?site=02") == {stages["elsewhere"]}
    assert shown("?status=randomized") == {stages["given"], stages["ordered"]}
    assert shown("?site=02&status=randomized") == set()
    assert shown("?status=nonsense") == set()
    assert shown("?site=02", **{"HX-Request": "true"}) == {stages["elsewhere"]}


def test_screening_ends_with_the_criteria_that_bar_or_a_reason(
    trial: RunningTrial, client: Client
) -> None:
    free, barred = course.consented(trial), course.consented(trial)
    address = f"/participants/{free}/end-screening/"
    assert post(client, address).codes == {"EQ-C004"}
    done = post(client, address, {"reason": "moved away"})
    assert done.one(class_="done").text == said("end_screening.done", participant=free)
    assert trial.state.participants[free].status == "screen_failed"
    assert "EQ-C023" in post(client, address, {"reason": "again"}).codes

    post(client, f"/participants/{barred}/judge/E6/", {"answer": "yes"})
    page = post(client, f"/participants/{barred}/end-screening/")
    assert trial.state.participants[barred].failed_criteria == ("E6",)
    assert said("participant.failed") + "E6" in page.text
    assert said("status.screen_failed") in page.text


def test_a_visit_is_missed_for_a_reason(trial: RunningTrial, client: Client) -> None:
    """Then none of its forms is offered, and it is not missed twice."""
    code = course.given(trial)
    address = f"/participants/{code}/encounters/M1/miss/"
    assert read(client.get(address)).one("h1").text.startswith("M1, safety visit")
    assert post(client, address).codes == {"EQ-W001"}
    assert post(client, address, {"reason": " x "}).codes == {"EQ-C004"}

    done = post(client, address, {"reason": "in hospital elsewhere"})

    assert done.one(class_="done").text == said("miss.done", encounter="M1, safety visit")
    row = done.one("tr", id="M1")
    assert said("timing.missed") in row.text
    assert not [e for e in done.all("a") if row in e.within]
    assert post(client, address, {"reason": "again"}).codes == {"EQ-C036"}
    form = client.get(f"/participants/{code}/forms/M1/vital_signs/0/")
    posted = client.post(f"/participants/{code}/forms/M1/vital_signs/0/", {})
    assert form.status_code == 200 and posted.status_code == 422
    assert post(client, f"/participants/{code}/encounters/M99/miss/").codes == {"EQ-C035"}


@pytest.mark.requirement("C62")
def test_leaving_keeps_what_was_collected(trial: RunningTrial, client: Client) -> None:
    """The reason and the last day are on the page; nothing new is offered, what stands is read."""
    code = course.given(trial)
    address = f"/participants/{code}/withdraw/"
    assert read(client.get(address)).all("button", class_="grave")
    assert post(client, address, {**TODAY}).codes == {"EQ-W001"}
    assert trial.state.participants[code].status == "randomized"

    done = post(client, address, {**TODAY, "reason": "wishes to stop"})

    assert done.one(class_="done").text == said("withdraw.done", participant=code)
    assert "(wishes to stop)" in done.text
    assert not done.all("a", href=address)
    assert read(client.get(f"/participants/{code}/forms/screening/mrss/0/")).all("svg")
    assert post(client, address, {**TODAY, "reason": "again"}).codes == {"EQ-C017"}


@pytest.mark.requirement("C72")
def test_a_treatment_is_stopped_and_visits_stay_due(
    trial: RunningTrial, client: Client, sign_in: SignIn
) -> None:
    """The reason is on the page and in the listing; no infusion is offered, every form still is."""
    code = course.given(trial)
    place = f"/participants/{code}/"
    before = read(client.get(place))
    assert before.all("a", href=f"{place}encounters/M3/order/")
    assert read(client.get(f"{place}stop-treatment/")).all("button", class_="grave")
    assert post(client, f"{place}stop-treatment/", {**TODAY}).codes == {"EQ-W001"}

    done = post(client, f"{place}stop-treatment/", {**TODAY, "reason": "A reaction"})

    assert done.one(class_="done").text == said("stop.done", participant=code)
    assert "(A reaction)" in done.text and said("stop.stopped") in done.text
    assert not done.all("a", href=f"{place}encounters/M3/order/")
    assert not done.all("a", href=f"{place}stop-treatment/")
    forms = {e.get("href") for e in before.all("a") if "/forms/" in e.get("href")}
    assert forms == {e.get("href") for e in done.all("a") if "/forms/" in e.get("href")} != set()
    assert done.all("a", href=f"{place}encounters/M3/miss/")
    assessor = sign_in(Role.OUTCOME_ASSESSOR).get(place).content.decode()
    assert "A reaction" not in assessor and said("stop.stopped") not in assessor

    investigator = sign_in(Role.INVESTIGATOR)
    address = f"{place}resume-treatment/"
    assert read(investigator.get(place)).all("a", href=address)
    assert "A reaction" in read(investigator.get(address)).text
    resumed = post(investigator, address, {**TODAY, "reason": "Another cause"})
    assert resumed.all("a", href=f"{place}encounters/M3/order/")
    listing = treatment_listing(trial.state)
    rows = [dict(zip(listing.columns, row, strict=True)) for row in listing.rows]
    assert [(r["participant"], r["change"], r["cause"]) for r in rows] == [
        (code, "stopped", "A reaction"),
        (code, "resumed", "Another cause"),
    ]


def test_an_order_waits_no_more_where_the_treatment_is_stopped(
    trial: RunningTrial, client: Client, sign_in: SignIn
) -> None:
    """Neither on the overview nor in the list of the cell unit; what is handed out stays told."""
    ordered, handed_out = course.ordered(trial), course.prepared(trial, label="87654321")
    for code in (ordered, handed_out):
        address = f"/participants/{code}/stop-treatment/"
        assert read(client.get("/")).text.count(f"{code} M0") == 1
        post(client, address, {**TODAY, "reason": "A reaction"})
    overview = read(client.get("/")).text
    assert f"{ordered} M0" not in overview and f"{handed_out} M0" in overview
    cells = sign_in(Role.CELL_UNIT, door="sealed")
    work = cells.get("/work-list/").content.decode()
    assert f"/work-list/{ordered}/M0/" not in work and handed_out in work


def test_follow_up_is_completed_after_the_last_visit(trial: RunningTrial, client: Client) -> None:
    code = course.given(trial)
    address = f"/participants/{code}/complete/"
    assert post(client, address, TODAY).codes == {"EQ-C070"}
    post(client, f"/participants/{code}/encounters/M12/miss/", {"reason": "abroad for good"})

    done = post(client, address, TODAY)

    assert done.one(class_="done").text == said("complete.done", participant=code)
    assert trial.state.participants[code].status == "completed"
    assert said("status.completed") in read(client.get("/participants/")).text
    assert post(client, address, {"on.day": "1"}).codes == {"EQ-W005"}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_log_that_nobody_filled_in_says_so(
    trial: RunningTrial, sign_in: SignIn, language: str
) -> None:
    """No count of none in the heading; beneath it that there is nothing, until there is."""
    title = {"en": "Adverse event", "fr": "Événement indésirable"}[language]
    code = course.given(trial)
    client = sign_in(Role.INVESTIGATOR, language=language)

    def beneath() -> list[str]:
        page = read(client.get(f"/participants/{code}/"))
        (heading,) = (e.text for e in page.all("h2") if e.text.startswith(title))
        nothing = said("participant.nothing", language=language)
        return [heading, *(e.text for e in page.all("p") if e.text == nothing)]

    empty = beneath()
    assert empty[0] == title
    course.fallen_ill(trial, code)
    filled = beneath()
    assert filled[0] == f"{title} (1)"
    assert len(filled) == len(empty) - 1


def test_a_log_is_added_to_and_the_end_of_study_once(trial: RunningTrial, client: Client) -> None:
    code = course.given(trial)
    new = f"/participants/{code}/log/adverse_event/new/"
    first = client.get(new).headers["Location"]
    assert first == f"/participants/{code}/forms/-/adverse_event/1/"
    course.fallen_ill(trial, code)
    assert client.get(new).headers["Location"] == f"/participants/{code}/forms/-/adverse_event/2/"
    end = client.get(f"/participants/{code}/log/end_of_study/new/").headers["Location"]
    assert end == f"/participants/{code}/forms/-/end_of_study/0/"
    unknown = client.get(f"/participants/{code}/log/nothing/new/")
    assert (unknown.status_code, read(unknown).codes) == (404, {"EQ-C031"})
    page = read(client.get(f"/participants/{code}/"))
    assert page.one("a", href=first).text == "1. Deep vein thrombosis"
    assert page.all("a", href=new)
    form = read(client.get(end))
    assert said("form.on_log") in form.text


def sign(client: Client, code: str, **data: str) -> Reading:
    return post(client, f"/participants/{code}/sign/", data)


def digest_on(client: Client, code: str) -> str:
    return read(client.get(f"/participants/{code}/sign/")).value("digest")


@pytest.mark.requirement("C16", "C17", "C19")
def test_a_casebook_is_signed_with_the_password(trial: RunningTrial, client: Client) -> None:
    """Name, meaning and digest are shown before; the password is asked again."""
    code = course.given(trial)
    page = read(client.get(f"/participants/{code}/sign/"))
    digest = page.value("digest")
    assert digest == digest_of(trial.study, trial.state.participants[code])
    assert said("sign.meaning") in page.text
    assert "Somebody 1 (the-investigator)" in page.text

    wrong = sign(client, code, digest=digest, password="not mine at all")
    assert wrong.codes == {"EQ-W026"}
    assert wrong.one("a", href="#password")
    assert sign(client, code, digest=digest).codes == {"EQ-W026"}
    assert trial.state.participants[code].signature is None

    done = sign(client, code, digest=digest, password=PASSWORD)

    signature = trial.state.participants[code].signature
    assert signature is not None
    seal = trial.state.seal_of(signature.stamp.entry)
    assert done.one(class_="done").text == said("sign.done", participant=code, seal=seal)
    assert (signature.digest, signature.meaning) == (digest, said("sign.meaning"))
    told = f"{said('participant.signature_stands')} Somebody 1, Investigator, "
    assert told in done.text and signature.meaning in done.text and seal[:16] in done.text
    assert len(seal) == 64

    assert signature.stamp.proof == "password" and said("proof.password") in done.text
    listing = signature_listing(trial)
    assert [row[listing.columns.index("proof")] for row in listing.rows] == ["password"]
    from equipoise.web.tables.models import Signature
    from equipoise.web.tables.opening import ALIAS

    read_tables()
    assert list(Signature.objects.using(ALIAS).values_list("proof", flat=True)) == ["password"]


@pytest.mark.requirement("C16", "C56")
def test_a_signature_of_before_does_not_say_by_which_means(
    trial: RunningTrial, client: Client
) -> None:
    """It stands, and its page says that the means is not on record."""
    code = course.given(trial)
    digest = digest_of(trial.study, trial.state.participants[code])
    who = name_of(Role.INVESTIGATOR)
    sign_casebook(trial, by=who, at=course.now(), participant=code, meaning="Read", digest=digest)

    shown = read(client.get(f"/participants/{code}/")).text
    assert said("participant.signature_stands") in shown and said("proof.unknown") in shown


@pytest.mark.requirement("C25")
def test_what_a_signature_means_is_accepted_once(
    trial: RunningTrial, sign_in: SignIn, client: Client
) -> None:
    """Without the tick nothing is signed; with it the statement is recorded, and never asked
    again."""
    code = course.given(trial)
    new = Person("newly-here", "Somebody new", Role.INVESTIGATOR.value)
    add_person(
        trial,
        by=name_of(Role.ADMINISTRATOR),
        at=course.now(),
        person=new.person,
        name=new.name,
        role=Role.INVESTIGATOR,
    )
    for training in ("gcp", "protocol"):
        record_training(
            trial,
            by=name_of(Role.ADMINISTRATOR),
            at=course.now(),
            person=new.person,
            training=training,
            on=course.now().date(),
        )
    get_user_model().objects.filter(username=new.person).delete()
    get_user_model().objects.create_user(new.person, password=PASSWORD)
    signer = sign_in(new.person)
    assert read(signer.get(f"/participants/{code}/sign/")).one("input", id="accept")
    digest = digest_on(signer, code)

    refused = sign(signer, code, digest=digest, password=PASSWORD)
    assert refused.codes == {"EQ-C106"}
    assert trial.state.people[new.person].accepted_at is None
    sign(signer, code, digest=digest, password=PASSWORD, accept="yes")

    accepted = [e for e in trial.store.read() if e.type == "AccountabilityAccepted"][-1]
    assert (accepted.by, said("sign.statement").encode() in (accepted.body or b"")) == (
        new.person,
        True,
    )
    assert not read(signer.get(f"/participants/{code}/sign/")).all("input", id="accept")


@pytest.mark.requirement("C17", "C22")
def test_a_signature_is_bound_to_what_was_seen(
    trial: RunningTrial, sign_in: SignIn, client: Client
) -> None:
    """Data that changed while the page lay open are not signed; a later change voids it."""
    code = course.given(trial)
    seen = digest_on(client, code)
    address = f"/participants/{code}/forms/screening/vital_signs/0/correct/pulse/"
    other = sign_in(Role.COORDINATOR)
    other.post(address, {"pulse": "71", ".reason": "misread", "seen": "1"})

    refused = client.post(f"/participants/{code}/sign/", {"digest": seen, "password": PASSWORD})
    assert (refused.status_code, read(refused).codes) == (409, {"EQ-C071"})

    sign(client, code, digest=digest_on(client, code), password=PASSWORD)
    other.post(address, {"pulse": "72", ".reason": "misread", "seen": "2"})
    assert said("participant.signature_void") in read(client.get(f"/participants/{code}/")).text


def test_the_dashboard_says_what_is_due(trial: RunningTrial, client: Client) -> None:
    """Counts of all, visits in their window, criteria unknown, infusions on their way."""
    stages = course.busy(trial)
    page = read(client.get("/"))
    figures = {e.text for e in page.all("dl", class_="figures")}.pop()

    assert figures.startswith("Screened6 In screening4 ")
    assert "Randomized2 / 18" in figures
    for stage in ("screened", "consented", "elsewhere"):
        assert page.one("a", href=f"/participants/{stages[stage]}/eligibility/")
    assert f"{said('dashboard.infusions')} (1)" in page.text
    assert f"{stages['ordered']} M0" in page.text
    assert len(page.all("svg")) == 2
    assert said("dashboard.pooled") in page.text


@pytest.mark.requirement("C66", "F28")
def test_overseers_see_counts_and_no_single_person(trial: RunningTrial, sign_in: SignIn) -> None:
    """The board and the administrator get totals; an assessor hears of no infusion."""
    stages = course.busy(trial)
    for role in (Role.DSMB, Role.ADMINISTRATOR):
        page = read(sign_in(role).get("/"))
        assert "Randomized2 / 18" in page.text
        assert not [code for code in stages.values() if code in page.html]
    assessor = read(sign_in(Role.OUTCOME_ASSESSOR).get("/"))
    assert said("dashboard.infusions") not in assessor.text


@pytest.mark.requirement("F36", "F14")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_last_planned_places_are_told_ahead_and_at_the_end(
    language: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """Taken, left, waiting, and what to do, for whoever has to act; no arm, no block, no stratum.

    With places for everybody nothing is told; it begins at two left, or once more people wait than
    places are left, and stays at the end.
    """
    course.randomized(trial)
    course.eligible(trial)
    told = {}
    for planned in (18, 4, 3, 2, 1):
        identity = replace(trial.study.identity, planned_participants=planned)
        trial.study = replace(trial.study, identity=identity)
        page = read(sign_in(Role.DATA_MANAGER, language=language).get("/"))
        told[planned] = [note.text for note in page.all("div", id="places")]
    numbers = {"taken": 1, "screening": 1}
    left = {
        n: said("dashboard.places_left", language=language, planned=n, left=n - 1, **numbers)
        for n in (3, 2)
    }
    do = said("dashboard.places_do", language=language)
    none = said("dashboard.places_none", language=language, planned=1, screening=1)
    end = said("dashboard.places_end", language=language)
    assert told == {
        18: [],
        4: [],
        3: [f"{left[3]}{do}"],
        2: [f"{left[2]}{do}"],
        1: [f"{none}{end}"],
    }
    for role in (Role.OUTCOME_ASSESSOR, Role.AUDITOR, Role.DSMB, Role.ADMINISTRATOR):
        assert not read(sign_in(role).get("/")).all("div", id="places")


@pytest.mark.requirement("F36")
def test_more_people_in_screening_than_places_are_told_early(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Five planned, one given: four are left, and the fifth person in screening is one too many."""
    identity = replace(trial.study.identity, planned_participants=5)
    trial.study = replace(trial.study, identity=identity)
    course.randomized(trial)
    client = sign_in(Role.COORDINATOR)
    for _ in range(4):
        course.screened(trial)
    assert not read(client.get("/")).all("div", id="places")
    course.screened(trial)
    assert read(client.get("/")).one("div", id="places")
    for person in trial.state.participants.values():
        if not person.is_randomized:
            client.post(f"/participants/{person.code}/end-screening/", {"reason": "moved away"})
    assert not read(client.get("/")).all("div", id="places")


@pytest.mark.requirement("F36")
def test_once_the_data_are_locked_no_place_is_told(trial: RunningTrial, sign_in: SignIn) -> None:
    """Nobody can act on it any more."""
    identity = replace(trial.study.identity, planned_participants=1)
    trial.study = replace(trial.study, identity=identity)
    client = sign_in(Role.DATA_MANAGER)
    assert read(client.get("/")).one("div", id="places")
    lock_data(trial, by=name_of(Role.DATA_MANAGER), at=course.now())
    assert not read(client.get("/")).all("div", id="places")
