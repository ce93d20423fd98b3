"""Entering a form: what is refused and kept, what is warned of, what comes and goes."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial, submit_form
from equipoise.conduct.state import FormRecord
from equipoise.study.roles import Role
from equipoise.web.views import forms

from . import course
from .conftest import SignIn, name_of, said
from .reading import Reading, read


def address(code: str, form: str, encounter: str = "screening", repeat: int = 0) -> str:
    return f"/participants/{code}/forms/{encounter}/{form}/{repeat}/"


def filled(trial: RunningTrial, form: str, **changes: str) -> dict[str, str]:
    """What a browser posts for plausible answers, with changes."""
    definition = trial.study.forms[form]
    day = course.day(".on")
    return {**course.typed(definition, course.answers(definition)), **day, **changes}


def record_of(trial: RunningTrial, code: str, form: str, encounter: str = "screening") -> Any:
    found: FormRecord | None = trial.state.participants[code].forms.get((encounter, form, 0))
    return found


def post(client: Client, to: str, data: dict[str, str], status: int = 422) -> Reading:
    response = client.post(to, data)
    assert response.status_code == status, read(response).text
    return read(response)


@pytest.fixture
def code(trial: RunningTrial) -> str:
    return course.consented(trial)


@pytest.fixture
def client(sign_in: SignIn) -> Client:
    return sign_in(Role.INVESTIGATOR)


@pytest.mark.requirement("C01")
@pytest.mark.parametrize("form", ["consent", "demography", "heart", "laboratory", "haq", "mrss"])
def test_a_form_is_entered_and_read_again(form: str, trial: RunningTrial, client: Client) -> None:
    """What was typed stands in the record under its day, and on the record's page."""
    code = course.screened(trial) if form == "consent" else course.consented(trial)
    posted = filled(trial, form)
    if form == "laboratory":
        posted["hiv"] = "negative"

    response = client.post(address(code, form), posted)

    assert response.status_code == 302
    entered = record_of(trial, code, form)
    assert entered.on == course.TODAY
    expected = course.answers(trial.study.forms[form])
    assert {n: v for n, v in entered.values.items() if n in expected} == expected
    title = trial.study.forms[form].title.en
    after = read(client.get(response.headers["Location"]))
    assert after.one(class_="done").text == said("form.done", form=title)
    page = read(client.get(address(code, form)))
    assert page.one("h1").text == title
    assert "the-investigator" in page.text
    assert not page.all(class_="done")


@pytest.mark.requirement("C61")
def test_what_is_refused_stands_at_its_item_and_what_was_typed_is_kept(
    trial: RunningTrial, client: Client, code: str
) -> None:
    """All faults at once: unreadable, out of range, empty; each with a link to its field."""
    wrong = filled(
        trial, "vital_signs", weight="7o", temperature="80", systolic="12O", pulse="", spo2="98"
    )

    page = post(client, address(code, "vital_signs"), wrong)

    assert page.codes == {"EQ-W002", "EQ-W004", "EQ-F003", "EQ-F001"}
    summary = page.one(role="alert")
    told = [e.get("href") for e in page.all("a") if summary in e.within]
    assert told == ["#f-weight", "#f-temperature", "#f-systolic", "#f-pulse"]
    for name in ("weight", "temperature", "systolic", "pulse", "spo2"):
        assert page.value(name) == wrong[name]
        field = page.one("input", id=f"f-{name}")
        assert (field.get("aria-invalid") == "true") == (name != "spo2")
        if name != "spo2":
            assert page.one(id=f"e-{name}").text
            assert f"e-{name}" in field.get("aria-describedby").split()
    assert page.value(".on.day") == str(course.TODAY.day)
    assert record_of(trial, code, "vital_signs") is None


def test_thousands_or_decimals(trial: RunningTrial, client: Client, code: str) -> None:
    """70,500 kg could be either: it is asked about, never guessed."""
    page = post(client, address(code, "vital_signs"), filled(trial, "vital_signs", weight="70,500"))
    assert page.codes == {"EQ-W003"}
    assert page.value("weight") == "70,500"


def test_comma_decimals_in_french(trial: RunningTrial, sign_in: SignIn, code: str) -> None:
    """A French keypad writes 70,5; the record shows it so, and holds seventy and a half."""
    client = sign_in(Role.COORDINATOR, language="fr")
    posted = filled(trial, "vital_signs", weight="70,5", temperature="36,8")

    assert client.post(address(code, "vital_signs"), posted).status_code == 302

    assert record_of(trial, code, "vital_signs").values["weight"] == 70.5
    page = read(client.get(address(code, "vital_signs")))
    assert "70,5 kg" in page.text.replace("\u00a0", " ")
    again = read(client.get(address(code, "vital_signs") + "correct/weight/"))
    assert again.value("weight") == "70,5"


@pytest.mark.parametrize(
    ("day", "code_of"),
    [(("31", "2", "2026"), "EQ-W005"), (("", "", ""), "EQ-W001"), (("1", "1", "26"), "EQ-W005")],
)
def test_a_form_has_a_day_of_the_calendar(
    day: tuple[str, str, str], code_of: str, trial: RunningTrial, client: Client
) -> None:
    """31 February is told at the three boxes, as typed."""
    code = course.consented(trial)
    boxes = dict(zip((".on.day", ".on.month", ".on.year"), day, strict=True))

    page = post(client, address(code, "vital_signs"), filled(trial, "vital_signs", **boxes))

    assert page.codes == {code_of}
    assert tuple(page.value(name) for name in boxes) == day
    assert page.one("fieldset", aria_describedby="h-.on e-.on")


def test_a_form_of_tomorrow_is_refused(trial: RunningTrial, client: Client, code: str) -> None:
    later = course.day(".on", course.TODAY + dt.timedelta(days=3))
    page = post(client, address(code, "vital_signs"), filled(trial, "vital_signs", **later))
    assert page.codes == {"EQ-C018"}


@pytest.mark.requirement("C78")
def test_nothing_is_entered_before_consent(trial: RunningTrial, client: Client) -> None:
    """Neither without it, nor on a day before it."""
    nobody = course.screened(trial)
    assert post(client, address(nobody, "vital_signs"), filled(trial, "vital_signs")).codes == {
        "EQ-C040"
    }
    code = course.consented(trial)
    before = course.day(".on", course.TODAY - dt.timedelta(days=1))
    early = filled(trial, "vital_signs", **before)
    assert post(client, address(code, "vital_signs"), early).codes == {"EQ-C041"}


@pytest.mark.requirement("C08", "C61")
def test_an_edit_check_warns_and_does_not_stop(
    trial: RunningTrial, client: Client, code: str
) -> None:
    """The value is recorded with the warning beside it, and the page of the record says it."""
    odd = filled(trial, "vital_signs", systolic="90", diastolic="95")
    warning = "The diastolic pressure is not below the systolic pressure."

    response = client.post(address(code, "vital_signs"), odd)

    assert response.headers["Location"] == address(code, "vital_signs")
    assert warning in read(client.get(address(code, "vital_signs"))).text
    assert record_of(trial, code, "vital_signs").warnings == ("pressures",)
    overview = read(client.get(f"/participants/{code}/"))
    assert said("participant.warned", n=1) in overview.text


def live(client: Client, at: str, **data: str) -> Reading:
    response = client.post(at + "live/", data, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return read(response)


@pytest.mark.requirement("C61")
def test_warnings_and_derived_values_follow_the_answers(
    client: Client, trial: RunningTrial, code: str
) -> None:
    """Before anything is saved; nothing is recorded by looking."""
    entries = len(list(trial.store.read()))
    page = live(client, address(code, "vital_signs"), systolic="90", diastolic="95")
    assert "not below the systolic" in page.one(class_="warning").text
    assert not live(client, address(code, "vital_signs"), systolic="95").all(class_="warning")
    haq = filled(trial, "haq")
    derived = [o.text for o in live(client, address(code, "haq"), **haq).all("output")]
    assert len(derived) == 9 and not {"", "–"} & set(derived)
    assert {o.text for o in live(client, address(code, "haq")).all("output")} == {"–"}
    assert len(list(trial.store.read())) == entries


def test_items_come_and_go_with_the_answers(client: Client, code: str) -> None:
    """Contraception is asked of a woman who may conceive, condoms of a man, once it is known."""
    at = address(code, "demography")
    empty = read(client.get(at))
    assert empty.all(id="slot-contraception") and not empty.all("input", name="contraception")

    woman = live(client, at, sex="female", may_conceive="yes")
    slot = woman.one(id="slot-contraception")
    assert slot.get("hx-swap-oob") == "true"
    assert len(woman.all("input", name="contraception")) == 3
    assert woman.value("shown") == "contraception"
    assert not woman.all(id="slot-condoms")
    man = live(client, at, sex="male", may_conceive="yes", shown="contraception")
    assert man.all("input", name="condoms")
    assert man.one(id="slot-contraception").text == ""


def test_an_item_that_is_asked_must_be_answered(
    trial: RunningTrial, client: Client, code: str
) -> None:
    at = address(code, "demography")
    page = post(client, at, filled(trial, "demography", sex="female", may_conceive="yes"))
    assert page.codes == {"EQ-F001"}
    assert page.all("input", name="contraception")


def test_what_is_no_longer_asked_is_not_recorded(
    trial: RunningTrial, client: Client, code: str
) -> None:
    """A value behind a question that has gone is dropped: nobody saw it any more."""
    posted = filled(trial, "demography", may_conceive="no", contraception="refused")

    assert client.post(address(code, "demography"), posted).status_code == 302

    assert "contraception" not in record_of(trial, code, "demography").values


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"face.not_done": "yes", "face.reason": "bandaged"}, set()),
        ({"face.not_done": "yes", "face.reason": ""}, {"EQ-W007"}),
        ({"face.not_done": "yes", "face.reason": "bandaged", "face": "2"}, set()),
    ],
)
def test_an_area_is_not_done_for_a_reason(
    more: dict[str, str], codes: set[str], trial: RunningTrial, client: Client
) -> None:
    """A step that was chosen before cannot be cleared again: not done is the last word."""
    code = course.consented(trial)
    posted = {k: v for k, v in filled(trial, "mrss").items() if k != "face"}

    response = client.post(address(code, "mrss"), {**posted, **more})

    if codes:
        assert read(response).codes == codes
        assert read(response).one("input", name="face.not_done").attrs.get("checked") is not None
    else:
        entered = record_of(trial, code, "mrss")
        assert (entered.values["face"], entered.not_done) == (None, {"face": "bandaged"})
        page = read(client.get(address(code, "mrss")))
        assert f"{said('field.not_done')} bandaged" in page.text


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}", "&amp;"]
)
def test_text_is_text(text: str, trial: RunningTrial, client: Client, code: str) -> None:
    """On the form, the record, the participant's page and the ledger: shown as typed, never run."""
    posted = filled(trial, "medical_history", conditions=text, infection="nothing of it")
    refused = post(client, address(code, "medical_history"), posted)
    assert (refused.codes, refused.value("conditions")) == ({"EQ-W008"}, text)
    posted["infection"] = "none"

    assert client.post(address(code, "medical_history"), posted).status_code == 302

    assert record_of(trial, code, "medical_history").values["conditions"] == text
    page = read(client.get(address(code, "medical_history")))
    assert text in page.one(id="f-conditions").text
    for at in (address(code, "medical_history"), "/ledger/", f"/participants/{code}/"):
        found = read(client.get(at))
        assert not [e for e in found.all("script", "img") if not e.get("src").startswith("/static")]
        assert not found.faults


def test_unprintable_text(trial: RunningTrial, client: Client, code: str) -> None:
    """A NUL is dropped; signs that turn the writing around stay within their own cell."""
    turned = "abc\u202eevil\u2066"
    posted = filled(trial, "medical_history", conditions=f"\x00{turned}\x00")

    assert client.post(address(code, "medical_history"), posted).status_code == 302

    assert record_of(trial, code, "medical_history").values["conditions"] == turned
    page = read(client.get(address(code, "medical_history")))
    assert "\0" not in page.html
    assert [e for e in page.all("td") if e.text == turned]


def test_a_long_text_is_refused_not_cut(trial: RunningTrial, client: Client, code: str) -> None:
    at = address(code, "medical_history")
    page = post(client, at, filled(trial, "medical_history", conditions="x" * 4001))
    assert page.codes == {"EQ-F002"}
    assert page.value("conditions") == "x" * 4001
    accepted = client.post(at, filled(trial, "medical_history", conditions="x" * 4000))
    assert accepted.status_code == 302


def test_a_body_that_no_form_has_is_refused(client: Client, code: str, trial: RunningTrial) -> None:
    """A megabyte, or thousands of fields: answered with a page, and nothing is recorded."""
    entries = len(list(trial.store.read()))
    for posted in ({"conditions": "x" * 1_100_000}, {f"n{i}": "1" for i in range(1100)}):
        response = client.post(address(code, "medical_history"), posted)
        assert (response.status_code, read(response).codes) == (400, {"EQ-W022"})
    assert len(list(trial.store.read())) == entries


def test_fields_that_the_form_does_not_have_are_not_recorded(
    trial: RunningTrial, client: Client, code: str
) -> None:
    posted = filled(trial, "vital_signs", arm="placebo", total="9", **{"weight.evil": "1"})

    assert client.post(address(code, "vital_signs"), posted).status_code == 302

    assert set(record_of(trial, code, "vital_signs").values) == set(
        trial.study.forms["vital_signs"].items
    )


@pytest.mark.parametrize(
    ("at", "code_of"),
    [
        (("nothing",), "EQ-C031"),
        (("mrss", "M1"), "EQ-C038"),
        (("mrss", "M99"), "EQ-C038"),
        (("mrss", "-"), "EQ-C038"),
        (("vital_signs", "screening", 1), "EQ-W021"),
        (("adverse_event", "-", 0), "EQ-W021"),
        (("adverse_event", "-", 2), "EQ-W021"),
        (("adverse_event", "-", 10**30), "EQ-W021"),
        (("adverse_event", "screening", 1), "EQ-C038"),
    ],
)
def test_a_form_has_its_own_places_alone(
    at: tuple[Any, ...], code_of: str, trial: RunningTrial, client: Client
) -> None:
    """No form twice at one visit, no entry of a log left out: one fact stands in one place."""
    code = course.consented(trial)
    for response in (
        client.get(address(code, *at)),
        client.post(address(code, *at), filled(trial, "vital_signs")),
    ):
        assert (response.status_code, read(response).codes) == (404, {code_of})


@pytest.mark.requirement("F02")
def test_a_form_is_entered_once(trial: RunningTrial, client: Client, code: str) -> None:
    """Who saves it after somebody else sees both versions, and corrects to theirs from there."""
    at = address(code, "vital_signs")
    assert client.post(at, filled(trial, "vital_signs")).status_code == 302
    again = post(client, at, filled(trial, "vital_signs", weight="71.5", pulse="x"), status=409)
    assert again.codes == {"EQ-C030"}
    rows = {r.text for r in again.all("tr") if said("both.differs") in r.text}
    assert any("70.0" in r and "71.5" in r for r in rows), rows
    assert any(" x " in r for r in rows) and len(rows) == 2
    assert record_of(trial, code, "vital_signs").values["weight"] == 70.0

    (mine,) = [f for f in again.all("form") if f.attrs["action"].endswith("/correct/weight/")]
    page = read(client.post(mine.attrs["action"], {"typed": "yes", "weight": "71.5"}))
    assert (page.codes, page.value("weight"), page.value("seen")) == (set(), "71.5", "1")
    reason = {"weight": "71.5", "seen": "1", ".reason": "from the chart"}
    assert client.post(mine.attrs["action"], reason).status_code == 302
    assert record_of(trial, code, "vital_signs").values["weight"] == 71.5


@pytest.mark.requirement("F02")
def test_a_form_that_is_entered_meanwhile_is_shown(
    trial: RunningTrial, client: Client, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of the page's trial and the act, in French: the other's values, too."""

    def after_another(trial: RunningTrial, **given: Any) -> None:
        values = {**given["values"], "weight": 82.5}
        submit_form(trial, **{**given, "by": name_of(Role.COORDINATOR), "values": values})
        submit_form(trial, **given)

    monkeypatch.setattr(forms, "submit_form", after_another)
    client.cookies["django_language"] = "fr"
    response = client.post(address(code, "vital_signs"), filled(trial, "vital_signs"))
    page = read(response)
    assert (response.status_code, page.codes) == (409, {"EQ-C030"})
    assert any("82,5" in r.text and "70,0" in r.text for r in page.all("tr"))


@pytest.mark.requirement("F02")
def test_the_second_entry_of_a_log_becomes_the_next(
    trial: RunningTrial, client: Client, code: str
) -> None:
    """Two adverse events reported at one time are two, and nothing is typed again."""
    posted = filled(trial, "adverse_event", term="Headache")
    assert client.post(address(code, "adverse_event", "-", 1), posted).status_code == 302
    second = {**posted, "term": "Nausea"}
    again = post(client, address(code, "adverse_event", "-", 1), second, status=409)
    assert (again.codes, again.value("term")) == ({"EQ-W110"}, "Nausea")
    (form,) = [f for f in again.all("form") if "adverse_event" in f.attrs.get("action", "")]
    assert client.post(form.attrs["action"], second).status_code == 302
    kept = trial.state.participants[code].forms
    assert [kept["", "adverse_event", n].values["term"] for n in (1, 2)] == ["Headache", "Nausea"]


def test_a_form_is_entered_by_its_own_people(
    trial: RunningTrial, sign_in: SignIn, code: str
) -> None:
    """Others are told who enters it, in the words of the study."""
    client = sign_in(Role.COORDINATOR)
    for response in (client.get(address(code, "heart")), client.post(address(code, "heart"), {})):
        assert (response.status_code, read(response).codes) == (403, {"EQ-C033"})
        assert "entered by: Investigator; you are Study coordinator." in read(response).text


def test_a_visit_that_has_not_come_takes_no_form(
    trial: RunningTrial, client: Client, code: str
) -> None:
    at = address(code, "vital_signs", "M0")
    assert post(client, at, filled(trial, "vital_signs")).codes == {"EQ-C039"}


@pytest.mark.requirement("F28")
def test_who_measures_outcomes_sees_no_course(trial: RunningTrial, sign_in: SignIn) -> None:
    """An assessor reads their own forms, and not how often somebody fell ill, nor why one left."""
    code = course.given(trial)
    course.fallen_ill(trial, code)
    client = sign_in(Role.OUTCOME_ASSESSOR)
    investigator = sign_in(Role.INVESTIGATOR)
    investigator.post(
        f"/participants/{code}/withdraw/", {**course.day("on"), "reason": "fever after the bag"}
    )

    assert client.get(address(code, "mrss")).status_code == 200
    for at in (
        address(code, "laboratory"),
        address(code, "adverse_event", "-", 1),
        f"/participants/{code}/log/adverse_event/new/",
    ):
        response = client.get(at)
        assert (response.status_code, read(response).codes) == (403, {"EQ-W020"}), at
        assert "Skin and lung assessor" in read(response).text
    page = read(client.get(f"/participants/{code}/"))
    assert "fever" not in page.text
    assert said("participant.infusion") not in page.text
    assert "fever" in read(investigator.get(f"/participants/{code}/")).text


def test_what_is_not_expected_of_a_person_is_not_asked(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Before the first infusion no safety visit; whoever cannot conceive gets no such form."""
    screened, code = course.screened(trial), course.randomized(trial)
    client = sign_in(Role.COORDINATOR)
    fresh, page = (read(client.get(f"/participants/{c}/")) for c in (screened, code))

    def line(of: Reading, words: str) -> str:
        return next(e.text for e in of.all("tr") if words in e.text)

    assert said("expected.may_be") in line(fresh, "M0, first infusion")
    assert "Able to conceive or to father a child: missing" in line(fresh, "M0, first infusion")
    assert said("timing.not_expected") in line(page, "M1, safety visit")
    assert said("expected.not") in line(page, "M0, first infusion")
    assert not [e for e in page.all("a") if "contraception" in e.get("href")]
    assert not [e for e in page.all("a") if "/M1/miss/" in e.get("href")]
    posted = client.post(f"/participants/{code}/forms/M0/contraception/0/", {"kept": "yes"})
    assert posted.status_code == 422

    infused = course.given(trial)
    after = read(client.get(f"/participants/{infused}/"))
    assert said("timing.upcoming") in line(after, "M1, safety visit")
    assert [e for e in after.all("a") if "/M1/miss/" in e.get("href")]


@pytest.mark.requirement("C45")
def test_a_result_is_entered_in_the_unit_of_the_sheet(trial: RunningTrial, sign_in: SignIn) -> None:
    """A labelled choice of units; the record shows both, and the correction begins as entered."""
    code = course.consented(trial)
    client = sign_in(Role.COORDINATOR)
    page = read(client.get(address(code, "laboratory")))
    chooser = next(x for x in page.all("select") if x.get("name") == "hemoglobin.unit")
    assert [o.text for o in page.all("option")][:3] == ["g/dL", "g/L", "mmol/L"]
    label = next(x for x in page.all("label") if x.get("for") == chooser.get("id"))
    assert label.text == said("field.unit", item="Hemoglobin")

    given = filled(trial, "laboratory", hemoglobin="6.3", hiv="negative")
    posted = client.post(
        address(code, "laboratory"), {**given, "hemoglobin.unit": "mmol/L"}, follow=True
    )
    assert posted.status_code == 200
    record = record_of(trial, code, "laboratory")
    assert record.as_entered == {"hemoglobin": (6.3, "mmol/L")}
    assert record.values["hemoglobin"] == pytest.approx(10.1515, abs=0.001)
    shown = read(client.get(address(code, "laboratory")))
    line = next(e.text for e in shown.all("tr") if e.text.startswith("Hemoglobin"))
    assert "10.2 g/dL (entered as 6.3 mmol/L)" in line

    path = address(code, "laboratory") + "correct/hemoglobin/"
    correction = read(client.get(path))
    chosen = [o.text for o in correction.all("option") if "selected" in o.attrs]
    assert chosen[:1] == ["mmol/L"]
    data = {"hemoglobin": "6.4", "hemoglobin.unit": "mmol/L", "seen": "1", ".reason": "Misread"}
    assert client.post(path, data).status_code == 302
    assert record_of(trial, code, "laboratory").as_entered == {"hemoglobin": (6.4, "mmol/L")}

    strange = client.post(path, {**data, "hemoglobin.unit": "stone", "seen": "2"})
    assert read(strange).codes == {"EQ-F010"}
