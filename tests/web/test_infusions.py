"""An infusion: ordered from the weight of the day, prepared behind the sealed door, given."""

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace

from equipoise.conduct import (
    RunningTrial,
    cells,
    correct_item,
    prepare_infusion,
    stop_treatment,
    submit_form,
    withdraw_participant,
)
from equipoise.conduct.cells import CellUnit
from equipoise.conduct.door import Act
from equipoise.study.roles import Role
from equipoise.vault import VaultClient, read_token
from equipoise.web.running import use_cells, use_trial
from equipoise.web.views.infusing.bedside import over_midnight

from . import course
from .conftest import PASSWORD, SECOND, SignIn, enter_as, name_of, said
from .reading import Reading, read

TODAY = course.day("on")


def weigh(trial: RunningTrial, code: str, kg: float, on: dt.date = course.TODAY) -> None:
    values = {**course.answers(trial.study.forms["vital_signs"]), "weight": kg}
    submit_form(
        trial,
        by=course.COORDINATOR,
        at=course.now(),
        participant=code,
        encounter="M0",
        form="vital_signs",
        on=on,
        values=values,
    )


def order(client: Client, code: str, encounter: str = "M0", **changes: str) -> Reading:
    address = f"/participants/{code}/encounters/{encounter}/order/"
    return read(client.post(address, {**TODAY, **changes}, follow=True))


def facts(page: Reading) -> dict[str, str]:
    rows = page.all("tr")
    cells = {r: [e.text for e in page.all("th", "td") if r in e.within] for r in rows}
    return {c[0]: c[1].replace("\u00a0", " ") for c in cells.values() if len(c) == 2}


@pytest.mark.requirement("C41")
def test_the_dose_of_the_day(trial: RunningTrial, sign_in: SignIn) -> None:
    """Seventy kilograms at 2 x 10^6 per kilogram: 1.4 x 10^8 cells, in 50 mL, from two bags."""
    code = course.randomized(trial)
    weigh(trial, code, 70.0)
    client = sign_in(Role.COORDINATOR)
    page = read(client.get(f"/participants/{code}/encounters/M0/order/"))

    shown = facts(page)
    assert shown[said("order.weight")].startswith("70 kg, on ")
    assert shown[said("order.dose")] == "1.4 × 10⁸ viable cells"
    assert shown[said("order.volume")] == "50 mL"
    assert shown[said("order.bags")] == "2"
    assert page.value("on.day") == str(course.TODAY.day)
    client.cookies["django_language"] = "fr"
    french = read(client.get(f"/participants/{code}/encounters/M0/order/"))
    assert "1,4 × 10⁸ cellules viables" in facts(french).values()
    client.cookies["django_language"] = "en"

    done = order(client, code)
    assert said("order.done", encounter="M0, first infusion") in done.text
    ordered = trial.state.participants[code].infusions["M0"]
    assert (ordered.target_cells, ordered.volume_ml, ordered.n_bags) == (140_000_000, 50.0, 2)
    assert said("infusion.ordered") in done.text
    assert order(client, code).codes == {"EQ-C061"}


@pytest.mark.requirement("C41")
@pytest.mark.parametrize(("kg", "code_of"), [(200.0, "EQ-B003"), (29.9, "EQ-B003")])
def test_no_dose_from_a_weight_of_no_adult(
    kg: float, code_of: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """The page says what is wrong with the weight instead of a dose; the post is refused."""
    code = course.randomized(trial)
    weigh(trial, code, kg)
    client = sign_in(Role.COORDINATOR)
    shown = facts(read(client.get(f"/participants/{code}/encounters/M0/order/")))
    assert "kg, not lb or g" in shown[said("order.problem")]
    assert said("order.dose") not in shown

    assert order(client, code).codes == {code_of}
    assert trial.state.participants[code].infusions == {}


@pytest.mark.requirement("C41")
def test_no_dose_from_the_weight_of_another_day(trial: RunningTrial, sign_in: SignIn) -> None:
    code = course.randomized(trial)  # weighed at screening, today
    tomorrow = course.day("on", course.TODAY + dt.timedelta(days=1))
    assert "EQ-B002" in order(sign_in(Role.COORDINATOR), code, **tomorrow).codes
    assert trial.state.participants[code].infusions == {}


@pytest.mark.requirement("C41")
def test_no_dose_without_a_weight(trial: RunningTrial, sign_in: SignIn) -> None:
    """Somebody who was never weighed on the form that the dose is read from."""
    code = course.randomized(trial)
    treatments = trial.study.treatments
    assert treatments.dose is not None
    elsewhere = replace(treatments, dose=replace(treatments.dose, weight="infusion.weight"))
    trial.study = replace(trial.study, treatments=elsewhere)
    client = sign_in(Role.COORDINATOR)
    shown = facts(read(client.get(f"/participants/{code}/encounters/M0/order/")))
    assert "Weigh the participant" in shown[said("order.problem")]
    assert order(client, code).codes == {"EQ-B001"}


@pytest.mark.parametrize(
    ("encounter", "code_of"), [("M1", "EQ-C060"), ("M99", "EQ-C035"), ("screening", "EQ-C060")]
)
def test_an_infusion_has_its_visits(
    encounter: str, code_of: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    code = course.randomized(trial)
    weigh(trial, code, 70.0)
    assert code_of in order(sign_in(Role.COORDINATOR), code, encounter).codes


def test_nobody_is_infused_without_a_number(trial: RunningTrial, sign_in: SignIn) -> None:
    code = course.eligible(trial)
    assert "EQ-C039" in order(sign_in(Role.COORDINATOR), code).codes


def test_a_study_without_a_dose(trial: RunningTrial, sign_in: SignIn) -> None:
    """Where the folder gives no bag, the page computes nothing and the act says so."""
    code = course.ordered(trial)
    trial.study = replace(trial.study, treatments=replace(trial.study.treatments, bag=None))
    client = sign_in(Role.COORDINATOR)
    page = read(client.get(f"/participants/{code}/encounters/M3/order/"))
    assert facts(page) == {}
    assert order(client, code, "M3").codes == {"EQ-B004"}


@pytest.fixture
def code(trial: RunningTrial) -> str:
    return course.ordered(trial)


@pytest.fixture
def desk(sign_in: SignIn, code: str, unit: CellUnit) -> Client:
    course.stocked(unit)
    return sign_in(Role.CELL_UNIT, door="sealed")


def batch_of(trial: RunningTrial, folder: Path, code: str) -> str:
    """L1 or P1, as the sealed list has it for the first infusion."""
    assert isinstance(trial.vault, VaultClient)
    nature = VaultClient(trial.vault._door, read_token(folder, "nature"))
    arm = trial.study.identity.arms[nature.nature(trial.state.participants[code].number)]
    return "L1" if arm.gives["M0"] == "cells" else "P1"


@pytest.mark.requirement("C65")
def test_the_cell_unit_sees_what_to_prepare(
    code: str, trial: RunningTrial, desk: Client, vault_folder: Path
) -> None:
    """Participant, number, product as the sealed list has it, weight, dose, volume, bags."""
    page = read(desk.get("/work-list/"))
    text = page.one("section", class_="due").text.replace("\u00a0", " ")

    name = "cells" if batch_of(trial, vault_folder, code) == "L1" else "placebo"
    product = trial.study.treatments.products[name]
    assert f"{said('cells.contents')} {product.label.en}" in text
    assert f"{code} · R-001 · M0, first infusion" in text
    for fact in ("70 kg", "1.4 × 10⁸ viable cells", "50 mL", said("preparation.none")):
        assert fact in text
    assert said("cells.secret") in page.text


def at(code: str, *more: str) -> str:
    return "/".join(("/work-list", code, "M0", *more)) + "/"


def thaw(desk: Client, code: str, bag: str) -> Reading:
    posted = {"bag": bag, "is_answered": "yes"}
    page = read(desk.post(at(code, "thaw"), posted, follow=True))
    if bag.startswith("L"):
        counted = {"bag": bag, "millions_per_ml": "10", "viability": "85"}
        page = read(desk.post(at(code, "count"), counted, follow=True))
    return page


def compose(desk: Client, code: str, batch: str) -> Reading:
    for n in (1, 2):
        thaw(desk, code, f"{batch}-{n}")
    return read(desk.post(at(code), {"bag": [f"{batch}-1", f"{batch}-2"]}, follow=True))


SHEET = {"target_cells": "140000000", "drawn_ml": "16.5", "n_bags": "2"}


@pytest.mark.requirement("C41", "F21", "F25", "C73")
def test_an_infusion_is_prepared_by_two_people_and_handed_out(
    code: str, trial: RunningTrial, desk: Client, vault_folder: Path
) -> None:
    """Bags thawed, composed, computed again by another person who was shown nothing, handed out."""
    batch = batch_of(trial, vault_folder, code)
    page = compose(desk, code, batch)
    assert said("cells.made") in page.text
    text = page.text.replace("\u00a0", " ")
    for fact in ("10.0 mL", "6.5 mL", "33.5 mL", "50.0 mL", said("preparation.made")):
        assert fact in text
    assert read(desk.post(at(code, "verify"), SHEET)).codes == {"EQ-B044"}

    second = enter_as(SECOND)
    page = read(second.get(at(code)))
    assert said("cells.hidden") in page.text
    assert "16.5" not in page.text and "6.5 mL" not in page.text
    wrong = read(second.post(at(code, "verify"), {**SHEET, "drawn_ml": "16.4"}))
    assert wrong.codes == {"EQ-B012"}
    assert "16.5" not in wrong.text
    done = read(second.post(at(code, "verify"), SHEET, follow=True))
    assert said("cells.verified") in done.text

    assert read(second.post(at(code, "hand-out"), {})).codes == {"EQ-W027"}
    assert trial.state.participants[code].infusions["M0"].status == "ordered"
    done = read(second.post(at(code, "hand-out"), {"is_checked": "yes"}, follow=True))
    infusion = trial.state.participants[code].infusions["M0"]
    assert done.one(class_="done").text == said("cells.done", label=infusion.label)
    assert said("cells.none") in done.text
    row = next(e for e in done.all("tr") if code in e.text)
    assert infusion.label in row.text and said("infusion.prepared") in row.text
    assert len(infusion.label) == 8 and infusion.label.isdigit()
    again = read(second.post(at(code, "hand-out"), {"is_checked": "yes"}))
    assert again.codes == {"EQ-C063", "EQ-C064"}


@pytest.mark.requirement("F24")
def test_the_bag_of_another_product_is_refused(
    code: str, trial: RunningTrial, desk: Client, vault_folder: Path
) -> None:
    """Cells for whom placebo is planned, or the reverse: no label is made."""
    other = "P1" if batch_of(trial, vault_folder, code) == "L1" else "L1"
    posted = {"bag": [f"{other}-1"]}
    thaw(desk, code, f"{other}-1")
    page = read(desk.post(at(code), posted))
    assert page.codes == {"EQ-B041"}


@pytest.mark.requirement("C65", "F26")
def test_no_address_and_no_message_names_a_bag_of_somebody(
    code: str, trial: RunningTrial, desk: Client, vault_folder: Path
) -> None:
    """The page that leads there posts the bag; its questions come first, then the answers."""
    bag = f"{batch_of(trial, vault_folder, code)}-1"
    form = next(
        e for e in read(desk.get(at(code))).all("form") if e.get("action") == at(code, "thaw")
    )
    assert form.get("method") == "post"
    asked = read(desk.post(at(code, "thaw"), {"bag": bag}))
    assert asked.codes == set() and said("cells.thaw_title", bag=bag) in asked.text
    assert desk.get(at(code, "thaw")).status_code == 405
    assert read(desk.post(at(code, "thaw"), {"bag": "L9-1"})).codes == {"EQ-B024"}
    negative = {"bag": bag, "millions_per_ml": "-10", "viability": "185"}
    assert read(desk.post(at(code, "count"), negative)).codes == {"EQ-F003"}
    posted = {"bag": bag, "is_answered": "yes"}
    done = read(desk.post(at(code, "thaw"), posted, follow=True))
    assert done.one(class_="done").text == said("cells.thawed")
    assert bag not in repr(dict(desk.session.items()))


def test_a_preparation_is_destroyed_and_made_anew(
    code: str, trial: RunningTrial, desk: Client, vault_folder: Path
) -> None:
    batch = batch_of(trial, vault_folder, code)
    compose(desk, code, batch)
    again = {"bag": [f"{batch}-1", f"{batch}-2"]}
    assert "EQ-B045" in read(desk.post(at(code), again)).codes
    done = read(desk.post(at(code, "discard"), {"reason": "It leaked"}, follow=True))
    assert said("cells.discarded") in done.text
    for name in ("discard", "verify"):
        assert read(desk.get(at(code, name))).codes == {"EQ-B040"}
    assert read(desk.get(f"/work-list/{code}/M3/")).codes == {"EQ-C062"}


def test_who_has_left_is_off_the_list(code: str, trial: RunningTrial, desk: Client) -> None:
    """No bag is thawed for somebody who will not come."""
    withdraw_participant(
        trial,
        by=name_of(Role.INVESTIGATOR),
        at=course.now(),
        reason="moved away",
        participant=code,
        on=course.TODAY,
    )
    assert said("cells.none") in read(desk.get("/work-list/")).text


@pytest.mark.requirement("C41", "F24", "F25")
def test_a_corrected_weight_is_ordered_anew(trial: RunningTrial, sign_in: SignIn) -> None:
    """The page offers the order again; once something is handed out it says: do not start."""
    code = course.ordered(trial)
    client = sign_in(Role.COORDINATOR)
    offer = f"/participants/{code}/encounters/M0/order/"
    assert offer not in links(read(client.get(f"/participants/{code}/")))
    reweigh(trial, code, 80.0)
    assert offer in links(read(client.get(f"/participants/{code}/")))
    order(client, code)
    assert trial.state.participants[code].infusions["M0"].target_cells == 160_000_000
    assert offer not in links(read(client.get(f"/participants/{code}/")))

    by = {"by": name_of(Role.CELL_UNIT), "at": course.now()}
    prepare_infusion(trial, **by, participant=code, encounter="M0", label="12345678")
    start_page = f"/participants/{code}/encounters/M0/start/"
    assert read(client.get(start_page)).all("form", method="post")
    reweigh(trial, code, 70.0)
    assert "from 80 kg" in read(client.get(start_page)).one("div", class_="stopped").text
    assert offer not in links(read(client.get(f"/participants/{code}/")))
    second = {"second": name_of(Role.INVESTIGATOR)}
    done = give(client, code, **second)
    assert said("give.done_deviation", encounter="M0, first infusion") in done.text


def links(page: Reading) -> set[str]:
    return {e.get("href") for e in page.all("a")}


def reweigh(trial: RunningTrial, code: str, kg: float) -> None:
    record = trial.state.participants[code].forms["M0", "vital_signs", 0]
    correct_item(
        trial,
        by=course.COORDINATOR,
        at=course.now(),
        reason="Misread",
        participant=code,
        encounter="M0",
        form="vital_signs",
        item="weight",
        value=kg,
        seen=record.version,
    )


@pytest.mark.requirement("F24", "C73")
def test_what_came_back_is_taken_back_and_destroyed(
    trial: RunningTrial, code: str, desk: Client, unit: CellUnit
) -> None:
    """The site sees an order that waits; the unit destroys it and makes another."""
    label = course.composed(unit, code, verified_by=name_of(Role.CELL_UNIT))
    cells.hand_out(unit, by=SECOND, at=course.now(), label=label)
    for page in ("/work-list/", at(code)):
        assert at(code, "take-back") in links(read(desk.get(page)))
    asked = read(desk.get(at(code, "take-back")))
    assert said("cells.take_back_title", label=label) in asked.text
    done = read(desk.post(at(code, "take-back"), follow=True))
    assert said("cells.taken_back") in done.text
    assert at(code, "discard") in links(done) and not done.all(name="is_checked")
    assert read(desk.post(at(code, "take-back"))).codes == {"EQ-C063"}
    read(desk.post(at(code, "discard"), {"reason": "It leaked"}))
    written = [e for e in trial.store.read() if e.type == "InfusionTakenBack"]

    assert len(written) == 1 and written[0].reason == ""
    assert b"leaked" not in b"".join(e.body or b"" for e in trial.store.read())
    assert trial.state.participants[code].infusions["M0"].status == "ordered"


@pytest.mark.requirement("F24", "C72", "C73")
@pytest.mark.parametrize(
    "how", [(stop_treatment, False), (stop_treatment, True), (withdraw_participant, True)]
)
def test_what_was_made_for_nobody_any_more_stays_on_the_list_until_it_is_destroyed(
    how: tuple[Act[...], bool], code: str, desk: Client, unit: CellUnit
) -> None:
    """Ready, or handed out and back: bags that were thawed are never lost from sight."""
    ends, is_back = how
    label = course.composed(unit, code, verified_by=name_of(Role.CELL_UNIT))
    if is_back:
        cells.hand_out(unit, by=SECOND, at=course.now(), label=label)
    by = {"by": name_of(Role.INVESTIGATOR), "at": course.now(), "reason": "moved away"}
    ends(unit.trial, **by, participant=code, on=course.TODAY)
    if is_back:
        desk.post(at(code, "take-back"), follow=True)
    assert at(code) in links(read(desk.get("/work-list/")))
    page = read(desk.get(at(code)))
    assert said("cells.destroy") in page.text and not page.all(name="is_checked")
    assert at(code, "discard") in links(page)
    desk.post(at(code, "discard"), {"reason": "Nobody gets it"})
    assert unit.state.preparations[label].status == "discarded"
    assert at(code) not in links(read(desk.get("/work-list/")))
    bag = next(b.bag for b in unit.state.bags.values() if b.status == "stored")
    refused = read(desk.post(at(code, "thaw"), {"bag": bag, "is_answered": "yes"}))
    assert refused.codes & {"EQ-C017", "EQ-C182"} and unit.state.bags[bag].status == "stored"


@pytest.mark.parametrize("is_there", [False, True])
def test_the_list_without_a_vault(
    is_there: bool, trial: RunningTrial, desk: Client, unit: CellUnit
) -> None:
    """Each line says that its contents cannot be had; none can be prepared from it."""
    vault = VaultClient("/nowhere/no.sock", "t") if is_there else None
    without = RunningTrial(trial.study, trial.store, vault)
    use_trial(without)
    use_cells(CellUnit(without, unit.store, vault.contents) if vault else None)

    page = read(desk.get("/work-list/"))

    assert page.codes == {"EQ-V017" if is_there else "EQ-C053"}
    assert not page.all("a", class_="button")


@pytest.mark.requirement("C65")
def test_the_sites_token_opens_no_contents(trial: RunningTrial, desk: Client) -> None:
    """Even with the pages of the cell unit the site's process would learn nothing."""
    use_trial(trial)
    use_cells(None)
    page = read(desk.get("/work-list/"))
    assert page.codes == {"EQ-W060"} and not page.all(class_="contents")


SCANNED = {
    "label": "12345678",
    "volume": "50",
    "started": "00:00",
    "stopped": "00:01",
    "reason": "The screen was away; copied from paper",
    "second": name_of(Role.COORDINATOR),
    "password": PASSWORD,
}


def give(client: Client, code: str, **changes: str) -> Reading:
    posted = {**TODAY, **SCANNED, "scanned": code, **changes}
    address = f"/participants/{code}/encounters/M0/give/"
    return read(client.post(address, posted, follow=True))


@pytest.mark.requirement("F24", "C74")
def test_the_bag_is_given_that_was_prepared(trial: RunningTrial, sign_in: SignIn) -> None:
    """The label is read from the bag, never offered by the page; another bag is refused."""
    code = course.prepared(trial)
    client = sign_in(Role.INVESTIGATOR)
    page = read(client.get(f"/participants/{code}/encounters/M0/give/"))
    assert page.value("label") == ""
    assert "12345678" not in page.one("main").text
    assert page.value("volume") == "50.0"

    wrong = give(client, code, label="12345679")
    assert wrong.codes == {"EQ-C065"}
    assert wrong.value("label") == "12345679"
    assert trial.state.participants[code].infusions["M0"].status == "prepared"

    done = give(client, code)
    assert said("give.done", encounter="M0, first infusion") in done.text
    infusion = trial.state.participants[code].infusions["M0"]
    assert (infusion.status, infusion.given_ml, infusion.given_on) == ("given", 50.0, course.TODAY)
    assert give(client, code).codes == {"EQ-C063"}


@pytest.mark.parametrize(
    ("changes", "code_of"),
    [
        ({"volume": "0"}, "EQ-C067"),
        ({"volume": "50.1"}, "EQ-C067"),
        ({"reason": ""}, "EQ-W001"),
        ({"reason": "x"}, "EQ-C004"),
        ({"volume": "9" * 400}, "EQ-C067"),
        ({"volume": ""}, "EQ-W001"),
        ({"volume": "all"}, "EQ-W002"),
        ({"label": ""}, "EQ-W001"),
        (course.day("on", course.TODAY - dt.timedelta(days=1)), "EQ-C066 EQ-C184"),
        ({"on.day": "32"}, "EQ-W005"),
        ({"label": "1" * 5000}, "EQ-F002"),
        ({"scanned": "01-099"}, "EQ-B050"),
        ({"started": "late"}, "EQ-W063"),
        ({"stopped": "00:00"}, "EQ-B055"),
        ({"second": name_of(Role.INVESTIGATOR)}, "EQ-B053"),
        ({"second": "the-monitor"}, "EQ-B054"),
        ({"password": "wrong"}, "EQ-W062"),
        ({"second": "nobody-here"}, "EQ-W062"),
    ],
)
def test_what_went_in_is_what_can_have(
    changes: dict[str, str], code_of: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    code = course.prepared(trial)
    assert give(sign_in(Role.INVESTIGATOR), code, **changes).codes == set(code_of.split())
    assert trial.state.participants[code].infusions["M0"].status == "prepared"


@pytest.mark.requirement("F24")
def test_an_infusion_may_end_after_midnight(trial: RunningTrial, sign_in: SignIn) -> None:
    """23:50 to 0:20 is half an hour; an end that is still to come is refused."""
    yesterday = course.TODAY - dt.timedelta(days=1)
    code = course.prepared(trial)
    client = sign_in(Role.INVESTIGATOR)
    night = {"started": "23:58", "stopped": "23:57"}
    assert give(client, code, **night).codes == {"EQ-B055"}

    zone = timezone.get_current_timezone()
    begun = dt.datetime.combine(yesterday, dt.time(23, 50), zone)
    assert over_midnight(yesterday, "23:50", "0:20") == (begun, begun + dt.timedelta(minutes=30))
    assert over_midnight(yesterday, "", "0:20")[0] is None


def test_what_was_not_ordered_cannot_be_given(trial: RunningTrial, sign_in: SignIn) -> None:
    code = course.randomized(trial)
    client = sign_in(Role.INVESTIGATOR)
    address = f"/participants/{code}/encounters/M0/give/"
    assert read(client.get(address)).codes == {"EQ-C062"}


def test_the_next_step_is_offered_to_who_takes_it(trial: RunningTrial, sign_in: SignIn) -> None:
    """On the participant's page: order, then wait for the cell unit, then give."""
    code = course.randomized(trial)
    client = sign_in(Role.COORDINATOR)

    def offered() -> set[str]:
        page = read(client.get(f"/participants/{code}/"))
        return {
            e.get("href").split("/")[-2]
            for e in page.all("a", class_="button")
            if "/M0/" in e.get("href")
        }

    assert offered() == {"order"}
    weigh(trial, code, 70.0)
    order(client, code)
    assert offered() == set()
    assert said("dashboard.infusions") + " (1)" in read(client.get("/")).text
    by = name_of(Role.CELL_UNIT)
    prepare_infusion(
        trial, by=by, at=course.now(), participant=code, encounter="M0", label="12345678"
    )
    client = sign_in(Role.COORDINATOR, door="site")
    assert offered() == {"start"}
    give(client, code, second=name_of(Role.INVESTIGATOR))
    assert offered() == set()
    monitor = read(sign_in(Role.MONITOR).get(f"/participants/{code}/"))
    assert "12345678" in monitor.text and not monitor.all("a", class_="little")
