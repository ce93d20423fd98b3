"""A personal datum is taken out on the page: two steps, a proof, a gap told, no copy left."""

import pytest
from django.test import Client

from equipoise.conduct import (
    SYSTEM,
    RunningTrial,
    View,
    change_delegation,
    correct_item,
    record_deviation,
)
from equipoise.conduct.events import ScreeningFailed
from equipoise.study.roles import Role

from . import course
from .conftest import PASSWORD, SignIn, name_of, said
from .reading import Reading, read

NAME = "Jeanne Dupont"
REASON = "The name of the participant was typed"
INVESTIGATOR = name_of(Role.INVESTIGATOR)


def with_name(trial: RunningTrial) -> str:
    """Somebody in whose adverse event a name was typed; gives the event's ledger entry."""
    code = course.consented(trial)
    course.fallen_ill(trial, code, term=f"Headache of {NAME}")
    return entry_of(trial)


def entry_of(trial: RunningTrial) -> str:
    (entry,) = [x for x in trial.store.read() if NAME.encode() in (x.body or b"")]
    return f"{entry.chain}:{entry.seq}"


def address_of(entry: str) -> str:
    chain, _, seq = entry.partition(":")
    return f"/audit-trail/{chain}/{seq}/redact/"


def step(client: Client, entry: str, **given: object) -> Reading:
    seen = read(client.get(address_of(entry))).value("seen")
    posted = {"seen": seen, "reason": REASON, "drop": ["term"], **given}
    return read(client.post(address_of(entry), posted, follow=True))


@pytest.mark.requirement("C03", "C11")
def test_a_name_is_taken_out_in_two_steps(trial: RunningTrial, sign_in: SignIn) -> None:
    """Found in the audit trail; what is lost is said; the password; then nothing shows it."""
    entry = with_name(trial)
    client = sign_in(Role.INVESTIGATOR)
    trail = read(client.get("/audit-trail/?form=adverse_event"))
    assert trail.all("a", href=address_of(entry))
    page = read(client.get(address_of(entry)))
    assert NAME in page.text and said("redact.lead") in page.text

    asked = step(client, entry)
    assert NAME not in asked.html
    for words in ("redact.gone_history", "redact.stays"):
        assert said(words) in asked.text
    assert "Emptied in the form" in asked.text and entry in asked.text
    assert entry_of(trial) == entry  # nothing is done yet

    assert step(client, entry, confirm="yes", password="not mine at all").codes == {"EQ-W026"}
    assert entry_of(trial) == entry
    done = step(client, entry, confirm="yes", password=PASSWORD)
    orders = [x for x in trial.store.read() if x.type == "BodyRedacted"]
    assert [(x.by, x.reason) for x in orders] == [(INVESTIGATOR, REASON)]
    order = f"{orders[0].chain}:{orders[0].seq}"
    assert done.one(class_="done").text == said("redact.done", entry=entry, order=order)

    row = next(x.text for x in done.all("tr") if x.text.startswith(entry))
    assert said("ledger.redacted") in row
    assert not done.all("a", href=address_of(entry))
    assert not [x for x in trial.store.read() if NAME.encode() in (x.body or b"")]
    code = next(iter(trial.state.participants))
    overseer = sign_in(Role.MONITOR)
    for reader, address in [
        *((client, f"/participants/{code}/{x}") for x in ("", "forms/-/adverse_event/1/")),
        (client, "/adverse-events/"),
        *((one, two) for one in (client, overseer) for two in ("/ledger/", "/audit-trail/")),
    ]:
        response = reader.get(address)
        assert response.status_code == 200, address
        assert NAME not in response.content.decode(), address
    again = client.get(address_of(entry))
    assert (again.status_code, read(again).codes) == (422, {"EQ-C121"})


@pytest.mark.requirement("C03")
def test_what_the_first_step_refuses(trial: RunningTrial, sign_in: SignIn) -> None:
    """No reason, one that repeats the datum, a form that changed meanwhile; ticks come back."""
    entry = with_name(trial)
    client = sign_in(Role.INVESTIGATOR)
    empty = step(client, entry, reason="")
    assert empty.codes == {"EQ-W001"}
    ticked = [e.get("value") for e in empty.all("input", type="checkbox") if "checked" in e.attrs]
    assert ticked == ["term"]
    assert step(client, entry, reason="It said headache of JEANNE dupont.").codes == {"EQ-C154"}
    # Also in the second step: nothing is carried by trust.
    sent = {"confirm": "yes", "password": PASSWORD}
    assert step(client, entry, reason=f"Headache of {NAME}", **sent).codes == {"EQ-C154"}
    assert step(client, entry, seen="7", **sent).codes == {"EQ-W091"}
    assert not [x for x in trial.store.read() if x.type == "BodyRedacted"]


@pytest.mark.requirement("C03", "C27")
def test_who_may_and_what_can_be_taken_out(trial: RunningTrial, sign_in: SignIn) -> None:
    """No other role, no investigator without that task or of another site; no other entry."""
    entry = with_name(trial)
    monitor, client = sign_in(Role.MONITOR), sign_in(Role.INVESTIGATOR)
    assert not read(monitor.get("/audit-trail/")).all("a", href=address_of(entry))
    assert read(monitor.get(address_of(entry))).codes == {"EQ-W020"}
    for other, code in (("control:1", "EQ-C121"), ("site-01:999", "EQ-C120"), ("x:1", "EQ-C120")):
        assert read(client.get(address_of(other))).codes == {code}
    (code,), view = trial.state.participants, View(trial.study, trial.state, SYSTEM)
    with trial.transaction():
        failed = [ScreeningFailed(participant=code, criteria=("I1",))]
        (bare,) = trial.record(view, failed, at=course.now(), reason="")
    silent = address_of(f"{bare.chain}:{bare.seq}")
    assert read(client.get(silent)).codes == {"EQ-C121"}
    assert not read(client.get("/audit-trail/")).all("a", href=silent), "it leads nowhere"

    given = {"by": name_of(Role.ADMINISTRATOR), "person": INVESTIGATOR, "reason": "As the log says"}
    change_delegation(trial, **given, at=course.now(), tasks=("forms",))  # type: ignore[arg-type]
    assert not read(client.get("/audit-trail/")).all("a", href=address_of(entry))
    assert read(client.get(address_of(entry))).codes == {"EQ-C148"}
    change_delegation(trial, **given, at=course.now(), sites=("02",))  # type: ignore[arg-type]
    assert read(client.get(address_of(entry))).codes == {"EQ-C003"}


@pytest.mark.requirement("C03")
def test_a_correction_that_held_it(trial: RunningTrial, sign_in: SignIn) -> None:
    """The entry of a correction is chosen by itself; the item may stay as it stands since."""
    code = course.consented(trial)
    course.fallen_ill(trial, code)
    (record,) = [r for r in trial.state.participants[code].forms.values() if r.repeat]
    for seen, value in ((1, f"Headache of {NAME}"), (2, "Headache")):
        correct_item(
            trial, by=INVESTIGATOR, at=course.now(), reason="Misread", participant=code,
            encounter="", form="adverse_event", repeat=record.repeat, item="term", value=value,
            seen=seen,
        )  # fmt: skip
    client, entry = sign_in(Role.INVESTIGATOR), entry_of(trial)
    asked = step(client, entry, drop=[])
    assert said("redact.gone_nothing") in asked.text
    step(client, entry, drop=[], confirm="yes", password=PASSWORD)

    key = ("", "adverse_event", record.repeat)
    assert trial.state.participants[code].forms[key].values["term"] == "Headache"
    shown = read(client.get(f"/participants/{code}/forms/-/adverse_event/{record.repeat}/"))
    assert NAME not in shown.text and "Headache" in shown.text


@pytest.mark.requirement("C03", "C11")
def test_a_name_in_a_reason_is_taken_out_with_the_entry(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Of a deviation: its text and its reason are shown, then gone from every page and table."""
    code, about = course.consented(trial), f"The file of {NAME} was read"
    record_deviation(
        trial, by=INVESTIGATOR, at=course.now(), participant=code, kind="other",
        on=course.now().date(), reason=about,
    )  # fmt: skip
    client, entry = sign_in(Role.INVESTIGATOR), entry_of(trial)
    assert about in read(client.get("/ledger/")).text
    page = read(client.get(address_of(entry)))
    assert page.text.count(about) == 2 and said("redact_text.reason") in page.text
    assert not page.all("input", type="checkbox")
    asked = step(client, entry, drop=[])
    assert said("redact.gone_texts") in asked.text and NAME not in asked.html
    step(client, entry, drop=[], confirm="yes", password=PASSWORD)
    (deviation,) = trial.state.participants[code].deviations
    assert (deviation.what, deviation.stamp.reason) == ("redacted", REASON)
    for address in ("/ledger/", "/audit-trail/", "/deviations/", f"/participants/{code}/"):
        response = client.get(address)
        assert response.status_code == 200, address
        assert NAME not in response.content.decode(), address
