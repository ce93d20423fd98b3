"""Correcting what was entered: a reason, both hands seen, nothing lost; and the body map."""

import re

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial, lock_data
from equipoise.study.roles import Role

from . import course
from .conftest import SignIn, name_of, said
from .reading import Reading, read


def form_of(code: str, form: str = "vital_signs") -> str:
    return f"/participants/{code}/forms/screening/{form}/0/"


@pytest.fixture
def code(trial: RunningTrial) -> str:
    found = course.consented(trial)
    course.enter(trial, found, "vital_signs")
    return found


def weight_of(trial: RunningTrial, code: str) -> object:
    return trial.state.participants[code].forms["screening", "vital_signs", 0].values["weight"]


@pytest.mark.requirement("C02", "C03", "C06", "C14")
def test_a_correction_keeps_what_stood_there(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """One item, a reason; the page of the record shows old, new, who, when and why."""
    client = sign_in(Role.COORDINATOR)
    record = read(client.get(form_of(code)))
    links = [e.get("href") for e in record.all("a") if "/correct/weight/" in e.get("href")]
    page = read(client.get(links[0]))
    assert (page.value("weight"), page.value("seen")) == ("70.0", "1")

    posted = {"weight": "71.5", ".reason": "read from the chart", "seen": page.value("seen")}
    response = client.post(links[0], posted)

    assert response.headers["Location"] == form_of(code)
    assert weight_of(trial, code) == 71.5
    after = read(client.get(form_of(code)))
    cell = next(e for e in after.all("td") if "read from the chart" in e.text)
    assert re.search(r"the-coordinator: 70\.0\skg → 71\.5\skg", cell.text)
    assert said("record.changed", n=1) in cell.text
    assert said("record.first") in cell.text
    assert len([e for e in trial.store.read() if e.type == "ItemCorrected"]) == 1


@pytest.mark.requirement("C14")
@pytest.mark.parametrize(
    ("posted", "codes"),
    [
        ({"weight": "71", ".reason": ""}, {"EQ-C004"}),
        ({"weight": "71", ".reason": " a "}, {"EQ-C004"}),
        ({"weight": "70", ".reason": "as before"}, {"EQ-C034"}),
        ({"weight": "7l", ".reason": "misread"}, {"EQ-W002"}),
        ({"weight": "700", ".reason": "misread"}, {"EQ-F003"}),
        ({"weight": "", ".reason": "misread"}, {"EQ-F001"}),
    ],
)
def test_a_correction_is_refused_with_what_was_typed(
    posted: dict[str, str],
    codes: set[str],
    trial: RunningTrial,
    sign_in: SignIn,
) -> None:
    code = course.consented(trial)
    course.enter(trial, code, "vital_signs")
    client = sign_in(Role.COORDINATOR)

    response = client.post(form_of(code) + "correct/weight/", {**posted, "seen": "1"})

    page = read(response)
    assert (response.status_code, page.codes) == (422, codes)
    assert (page.value("weight"), page.value(".reason")) == (
        posted["weight"],
        posted[".reason"].strip(),
    )
    assert page.value("seen") == "1"
    assert weight_of(trial, code) == 70.0


@pytest.mark.requirement("F02")
def test_two_people_correct_the_same_item(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    """The second sees what the first wrote, who and why, beside their own value."""
    address = form_of(code) + "correct/weight/"
    first, second = sign_in(Role.COORDINATOR), sign_in(Role.INVESTIGATOR)
    seen = read(first.get(address)).value("seen")
    assert read(second.get(address)).value("seen") == seen
    first.post(address, {"weight": "71", ".reason": "from the chart", "seen": seen})

    response = second.post(address, {"weight": "72", ".reason": "from the letter", "seen": seen})

    page = read(response)
    assert (response.status_code, page.codes) == (409, {"EQ-C042"})
    assert weight_of(trial, code) == 71.0
    facts = {r.parts and r.text for r in page.all("tr")}
    assert any("71.0" in f and said("correct.stands") in f for f in facts)
    assert any("the-coordinator" in f and "from the chart" in f for f in facts)
    assert any("72.0" in f and said("correct.yours") in f for f in facts)
    assert (page.value("weight"), page.value(".reason")) == ("72", "from the letter")
    posted = {n: page.value(n) for n in ("weight", ".reason", "seen")}
    assert second.post(address, posted).status_code == 302
    assert weight_of(trial, code) == 72.0


@pytest.mark.requirement("F02")
@pytest.mark.parametrize(
    ("item", "first", "told"),
    [("insurance", {"insurance": "no"}, "« Non »"), ("guardianship", {"guardianship": "none"}, "")],
)
def test_a_conflict_is_told_in_the_readers_words(
    item: str, first: dict[str, str], told: str, *, trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """Neither `False` nor the name of a choice: what the form itself says."""
    address = form_of(code, "consent") + f"correct/{item}/"
    client = sign_in(Role.COORDINATOR)
    if told:
        client.post(address, {**first, ".reason": "card expired", "seen": "1"})
    client.cookies["django_language"] = "fr"
    page = read(client.post(address, {**first, ".reason": "carte perdue", "seen": "9"}))
    assert page.codes >= {"EQ-C042"}
    choices = trial.study.forms["consent"].items[item].choices
    told = told or f"« {choices['none'].say('fr')} »"
    assert told in page.text and "False" not in page.text


def test_a_conflict_with_another_item_of_the_form(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """The form has moved on: who corrects looks again, even if another item was changed."""
    client = sign_in(Role.COORDINATOR)
    client.post(
        form_of(code) + "correct/pulse/", {"pulse": "71", ".reason": "misread", "seen": "1"}
    )
    stale = {"weight": "71", ".reason": "misread", "seen": "1"}
    assert client.post(form_of(code) + "correct/weight/", stale).status_code == 409


@pytest.mark.parametrize("seen", ["", "x", "9" * 5000, "-1", "²"])
def test_a_forged_version_is_a_conflict(
    seen: str, trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    posted = {"weight": "71", ".reason": "misread", "seen": seen}
    response = sign_in(Role.COORDINATOR).post(form_of(code) + "correct/weight/", posted)
    assert (response.status_code, read(response).codes) == (409, {"EQ-C042"})
    assert weight_of(trial, code) == 70.0


def test_not_done_is_corrected_both_ways(trial: RunningTrial, sign_in: SignIn) -> None:
    """A score that was left out is found again; one that was entered was another person's."""
    code = course.consented(trial)
    course.enter(trial, code, "mrss")
    client = sign_in(Role.INVESTIGATOR)
    address = form_of(code, "mrss") + "correct/face/"
    left_out = {"face.not_done": "yes", "face.reason": "bandaged", ".reason": "was not seen"}

    assert client.post(address, {**left_out, "seen": "1"}).status_code == 302

    record = trial.state.participants[code].forms["screening", "mrss", 0]
    assert (record.values["face"], record.not_done) == (None, {"face": "bandaged"})
    page = read(client.get(address))
    assert f"{said('field.not_done')}: bandaged" in page.text
    assert "checked" in page.one("input", name="face.not_done").attrs
    assert (
        client.post(address, {"face": "3", ".reason": "seen now", "seen": "2"}).status_code == 302
    )
    record = trial.state.participants[code].forms["screening", "mrss", 0]
    assert (record.values["face"], record.not_done) == (3, {})


@pytest.mark.parametrize(
    ("path", "code_of"),
    [
        ("forms/screening/laboratory/0/correct/crp/", "EQ-C037"),
        ("forms/screening/vital_signs/0/correct/arm/", "EQ-C032"),
        ("forms/screening/vital_signs/1/correct/weight/", "EQ-W021"),
    ],
)
def test_only_what_was_entered_is_corrected(
    path: str, code_of: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    code = course.consented(trial)
    course.enter(trial, code, "vital_signs")
    response = sign_in(Role.COORDINATOR).get(f"/participants/{code}/{path}")
    assert response.status_code in (404, 422)
    assert read(response).codes == {code_of}


@pytest.mark.requirement("C28")
def test_who_may_correct_is_shown_the_way(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    """Those who enter the form, and nobody of the sponsor."""
    ways = {
        role: bool(
            [
                e
                for e in read(sign_in(role).get(form_of(code))).all("a")
                if "/correct/" in e.get("href")
            ]
        )
        for role in (Role.COORDINATOR, Role.INVESTIGATOR, Role.DATA_MANAGER, Role.MONITOR)
    }
    assert ways == {
        Role.COORDINATOR: True,
        Role.INVESTIGATOR: True,
        Role.DATA_MANAGER: False,
        Role.MONITOR: False,
    }


@pytest.mark.requirement("C57")
def test_nothing_changes_after_the_lock(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    """Pages offer nothing, and a form that lay open is refused."""
    client = sign_in(Role.INVESTIGATOR)
    client.post(f"/participants/{code}/end-screening/", {"reason": "moved away"})
    lock_data(trial, by=name_of(Role.DATA_MANAGER), at=course.now())
    posted = {"weight": "71", ".reason": "misread", "seen": "1"}

    refused = client.post(form_of(code) + "correct/weight/", posted)

    assert "EQ-C016" in read(refused).codes
    assert weight_of(trial, code) == 70.0
    for address in (form_of(code), f"/participants/{code}/"):
        page = read(client.get(address))
        acts = [e for e in page.all("a") if re.search("correct|withdraw|sign/|new/", e.get("href"))]
        assert acts == []
    assert read(client.get(form_of(code, "heart"))).codes == {"EQ-C033"}
    assert said("dashboard.locked", on="").rstrip(".") in read(client.get("/")).text


PAIRED = ("fingers", "hand", "forearm", "upper_arm", "thigh", "lower_leg", "foot")
AREAS = ["face", "chest", "abdomen", *(f"{a}_{side}" for a in PAIRED for side in ("right", "left"))]
"""The 17 areas of the modified Rodnan skin score (Khanna 2017, doi 10.5301/jsrd.5000231)."""


def mapped(client: Client, code: str, values: dict[str, str]) -> Reading:
    return read(client.post(form_of(code, "mrss") + "live/", values))


@pytest.mark.requirement("C61")
def test_the_body_map(trial: RunningTrial, sign_in: SignIn) -> None:
    """17 areas of 0 to 3 make 51; the sum says how much of it is known."""
    code = course.consented(trial)
    client = sign_in(Role.OUTCOME_ASSESSOR)
    page = read(client.get(form_of(code, "mrss")))
    assert {e.get("data-item") for e in page.all("rect")} == set(AREAS)
    assert all(len(page.all("input", name=area)) == 4 for area in AREAS)
    assert page.one(class_="map-total").text.startswith("Total score 0 / 51 0 of 17 areas")
    assert said("body.incomplete") in page.text

    whole = mapped(client, code, dict.fromkeys(AREAS, "3"))
    assert whole.one(class_="map-total").text == "Total score 51 / 51 17 of 17 areas"
    half = mapped(client, code, {"face": "3", "hand_left": "1", "foot_left": "x"})
    assert half.one(class_="map-total").text.startswith("Total score 4 / 51 2 of 17 areas")
    assert said("body.incomplete") in half.text
    assert half.one(id="body-face").get("class") == "level-3"
    assert half.one(id="body-number-hand_left").text == "1"
    assert half.one(id="body-hand_right").get("class") == ""


def test_the_patients_right_is_drawn_on_the_left(trial: RunningTrial, sign_in: SignIn) -> None:
    """As the examiner faces the patient; both sides mirror each other and none overlaps."""
    code = course.consented(trial)
    page = read(sign_in(Role.OUTCOME_ASSESSOR).get(form_of(code, "mrss")))
    boxes = {
        e.get("data-item"): [float(e.get(n)) for n in ("x", "y", "width", "height")]
        for e in page.all("rect")
    }
    for area in PAIRED:
        right, left = boxes[f"{area}_right"], boxes[f"{area}_left"]
        assert right[0] + right[2] / 2 < 110 < left[0] + left[2] / 2
        assert right[1:] == left[1:]
        assert right[0] == pytest.approx(220 - left[0] - left[2])
    shapes = sorted(boxes.values())
    for i, (x, y, width, height) in enumerate(shapes):
        for other in shapes[i + 1 :]:
            is_apart = other[0] >= x + width or other[1] >= y + height or y >= other[1] + other[3]
            assert is_apart, (x, y, other)


def test_an_incomplete_map_is_refused_by_area(trial: RunningTrial, sign_in: SignIn) -> None:
    """The form names each area without a score; scores that were given stay."""
    code = course.consented(trial)
    given = {**dict.fromkeys(AREAS[2:], "1"), "rater": "R1", **course.day(".on")}
    response = sign_in(Role.OUTCOME_ASSESSOR).post(form_of(code, "mrss"), given)

    page = read(response)
    assert (response.status_code, page.codes) == (422, {"EQ-F001"})
    assert len(page.all(id="errors-title")) == 1
    summary = page.one(role="alert")
    assert "Face" in summary.text and "Anterior chest" in summary.text
    assert "Abdomen" not in summary.text
    assert page.value("abdomen") == "1"
    assert page.one(id="e-face").text


def test_a_score_out_of_range_is_refused(trial: RunningTrial, sign_in: SignIn) -> None:
    code = course.consented(trial)
    given = {**dict.fromkeys(AREAS, "1"), "rater": "R1", **course.day(".on"), "face": "4"}
    response = sign_in(Role.OUTCOME_ASSESSOR).post(form_of(code, "mrss"), given)
    assert read(response).codes == {"EQ-F003"}


def test_the_record_shows_the_map(trial: RunningTrial, sign_in: SignIn) -> None:
    code = course.consented(trial)
    course.enter(trial, code, "mrss")
    page = read(sign_in(Role.MONITOR).get(form_of(code, "mrss")))
    scores = [int(e.text) for e in page.all("text") if e.get("id").startswith("body-number")]
    assert len(scores) == 17
    assert page.one(id="map-total").text == str(sum(scores))
