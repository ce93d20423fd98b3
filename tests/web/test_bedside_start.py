"""At the bedside: everything is checked before anything goes in, then the end is recorded."""

import datetime as dt

import pytest
from django.test import Client

from equipoise.conduct import (
    RunningTrial,
    prepare_infusion,
    recall_infusion,
    start_infusion,
    stop_treatment,
    withdraw_participant,
)
from equipoise.conduct.door import Act
from equipoise.study.roles import Role
from equipoise.web.views.infusing.bedside import over_midnight

from . import course
from .conftest import PASSWORD, SignIn, name_of, said
from .reading import Reading, read
from .test_infusions import facts, give, links

LABEL = "12345678"
VISIT = "M0, first infusion"


def bed(code: str, act: str) -> str:
    return f"/participants/{code}/encounters/M0/{act}/"


def start(client: Client, code: str, **changes: str) -> Reading:
    second = {"second": name_of(Role.COORDINATOR), "password": PASSWORD}
    posted = {"label": LABEL, "scanned": code, **second, **changes}
    return read(client.post(bed(code, "start"), posted, follow=True))


def end(client: Client, code: str, **changes: str) -> Reading:
    return read(client.post(bed(code, "end"), {"volume": "50", **changes}, follow=True))


def handed_out(trial: RunningTrial, *, until: dt.datetime | None = None) -> str:
    code = course.ordered(trial)
    by = {"by": name_of(Role.CELL_UNIT), "at": course.now()}
    about = {"participant": code, "encounter": "M0", "label": LABEL}
    prepare_infusion(trial, **by, **about, usable_until=until)
    return code


def began(trial: RunningTrial, code: str, ago: dt.timedelta) -> dt.datetime:
    """It was begun some time ago."""
    at = course.now() - ago
    about = {"participant": code, "encounter": "M0", "label": LABEL, "scanned": code}
    by = {"by": course.INVESTIGATOR, "checked_by": course.COORDINATOR}
    start_infusion(trial, **by, **about, at=at, on=course.TODAY)
    return at


@pytest.mark.requirement("F24", "C74")
def test_nothing_goes_in_before_bag_and_person_are_checked(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Another bag, another person, nobody else: refused, and the infusion waits as before."""
    code = handed_out(trial, until=course.now() + dt.timedelta(hours=1))
    client = sign_in(Role.INVESTIGATOR)
    page = read(client.get(bed(code, "start")))
    assert LABEL not in page.one("main").text and page.value("label") == ""
    assert not page.all("div", class_="stopped")
    for changes, expected in (
        ({"label": "99999999"}, {"EQ-C065"}),
        ({"scanned": "02-001"}, {"EQ-B050"}),
        ({"scanned": "", "label": ""}, {"EQ-W001"}),
        ({"second": name_of(Role.INVESTIGATOR)}, {"EQ-B053"}),
        ({"password": "wrong"}, {"EQ-W062"}),
    ):
        assert start(client, code, **changes).codes == expected, changes
    assert trial.state.participants[code].infusions["M0"].status == "prepared"

    done = start(client, code)
    infusion = trial.state.participants[code].infusions["M0"]
    assert "Everything fits" in done.one(class_="done").text
    assert (infusion.status, infusion.checked_by) == ("started", name_of(Role.COORDINATOR))
    assert said("infusion.started") in done.text and bed(code, "end") in links(done)
    assert start(client, code).codes == {"EQ-B072"}
    assert give(client, code).codes == {"EQ-B072"}


@pytest.mark.requirement("F24")
def test_a_bag_whose_time_is_over_is_not_begun(trial: RunningTrial, sign_in: SignIn) -> None:
    """The page says so before anybody scans; it can only be told afterwards, with the reason."""
    code = handed_out(trial, until=course.now() - dt.timedelta(minutes=1))
    client = sign_in(Role.INVESTIGATOR)
    page = read(client.get(bed(code, "start")))
    assert "was over at" in page.one("div", class_="stopped").text
    assert "password" not in {e.get("name") for e in page.all("input")}
    assert start(client, code).codes == {"EQ-B071"}
    assert trial.state.participants[code].infusions["M0"].status == "prepared"


@pytest.mark.requirement("F24")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_the_cell_unit_recalls_is_not_begun(
    language: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    code = handed_out(trial)
    by = {"by": name_of(Role.CELL_UNIT), "at": course.now()}
    recall_infusion(trial, **by, participant=code, encounter="M0", label=LABEL)
    client = sign_in(Role.INVESTIGATOR)
    client.post("/language/", {"language": language, "next": "/"})
    page = read(client.get(f"/participants/{code}/"))
    words = {"en": "call the cell unit", "fr": "appelez l'unité"}
    assert words[language] in page.one("main").text
    assert words[language] in read(client.get("/")).one("main").text
    assert bed(code, "start") not in links(page) and bed(code, "give") in links(page)
    assert start(client, code).codes == {"EQ-B074"}


@pytest.mark.requirement("F24", "C72")
@pytest.mark.parametrize(
    ("ends", "code_of"), [(stop_treatment, "EQ-C182"), (withdraw_participant, "EQ-C017")]
)
def test_the_page_says_before_anybody_scans_that_nothing_is_given_any_more(
    ends: Act[...], code_of: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """What went in before that is still entered from paper, from the participant's page."""
    code = handed_out(trial)
    by = {"by": course.INVESTIGATOR, "at": course.now(), "reason": "Wish of the participant"}
    ends(trial, **by, participant=code, on=course.TODAY)
    client = sign_in(Role.INVESTIGATOR)
    found = links(read(client.get(f"/participants/{code}/")))
    assert bed(code, "start") not in found and bed(code, "give") in found
    assert f"{code} M0" in read(client.get("/")).one("main").text
    page = read(client.get(bed(code, "start")))
    assert page.codes == {code_of}
    assert "password" not in {e.get("name") for e in page.all("input")}
    assert start(client, code).codes == {code_of}
    give(client, code)
    assert trial.state.participants[code].infusions["M0"].status == "given"


@pytest.mark.requirement("F24")
def test_what_was_not_handed_out_is_told_in_the_words_of_the_page(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Before anybody scans; never by the name that the program has for the state."""
    code = course.ordered(trial)
    client = sign_in(Role.INVESTIGATOR)
    client.post("/language/", {"language": "fr", "next": "/"})
    told = read(client.get(bed(code, "start"))).one("div", class_="stopped").text
    assert "Commandée" in told and "ordered" not in told


@pytest.mark.requirement("F24")
def test_the_symbol_on_the_bag_gives_its_label_and_never_the_card(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """In either field it is the label; without the card of the participant nothing begins."""
    code = handed_out(trial)
    client, symbol = sign_in(Role.INVESTIGATOR), f"{LABEL} {code}"
    for scans in ({"label": symbol, "scanned": ""}, {"label": "", "scanned": symbol}):
        refused = start(client, code, **scans)
        assert refused.codes & {"EQ-B050", "EQ-W001"}
        assert (refused.value("label"), refused.value("scanned")) == (LABEL, "")
    assert trial.state.participants[code].infusions["M0"].status == "prepared"
    start(client, code, label=symbol, scanned=code)
    assert trial.state.participants[code].infusions["M0"].status == "started"


@pytest.mark.requirement("F24", "C74")
def test_the_end_and_the_volume_are_told_once_it_is_over(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """More than the bag held is refused, less is a deviation; an end to come or before the start
    is none."""
    code = handed_out(trial)
    client = sign_in(Role.INVESTIGATOR)
    assert read(client.get(bed(code, "end"))).codes == {"EQ-B075"}
    at = began(trial, code, dt.timedelta(minutes=3))
    assert said("infusion.started") in read(client.get("/")).one("main").text
    again = read(client.get(bed(code, "start")))
    assert "was started at" in again.one("div", class_="stopped").text and not again.all(
        "button", class_="button"
    )
    assert f"{code} M0" in read(client.get("/")).one("main").text  # it waits for its end
    shown = facts(read(client.get(bed(code, "end"))))
    assert shown[said("cells.label")] == LABEL
    later = f"{at + dt.timedelta(minutes=2):%H:%M}"
    for changes, expected in (
        ({"stopped": later, "volume": "50.1"}, {"EQ-C067"}),
        ({"stopped": later, "volume": "-1"}, {"EQ-C067"}),
        ({"stopped": f"{at + dt.timedelta(minutes=9):%H:%M}"}, {"EQ-B055"}),
        ({"stopped": f"{at - dt.timedelta(minutes=9):%H:%M}"}, {"EQ-B055"}),
        ({"stopped": "soon"}, {"EQ-W063"}),
        ({"stopped": ""}, {"EQ-W001"}),
    ):
        assert end(client, code, **changes).codes == expected, changes
    done = end(client, code, stopped=later, volume="45")
    assert said("give.done_deviation", encounter=VISIT) in done.text
    infusion = trial.state.participants[code].infusions["M0"]
    assert (infusion.status, infusion.given_ml, infusion.started_at) == ("given", 45.0, at)
    assert infusion.stopped_at == over_midnight(at.date(), f"{at:%H:%M}", later)[1]
    (departed,) = trial.state.participants[code].deviations
    assert departed.what.startswith("45.0 mL were infused of the 50.0 mL")


@pytest.mark.requirement("F24")
def test_what_comes_from_paper_is_marked(trial: RunningTrial, sign_in: SignIn) -> None:
    """The page of the participant says that it was entered afterwards, and why."""
    code = handed_out(trial)
    client = sign_in(Role.INVESTIGATOR)
    assert bed(code, "give") in links(read(client.get(f"/participants/{code}/")))
    done = give(client, code)
    assert said("give.late") in done.text and "copied from paper" in done.text
