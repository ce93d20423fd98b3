"""The emergency door: the least first, its warnings, who may ask, and what is left behind."""

import datetime as dt
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.test import Client
from msgspec.structs import replace

from equipoise.conduct import (
    RunningTrial,
    check_opened,
    fail_screening,
    list_unblindings,
    lock_data,
    record_breaks,
    remove_person,
)
from equipoise.ledger import open_store
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.vault import VaultClient, read_token
from equipoise.web.running import use_trial
from equipoise.web.standby.keeping import Keeper, Sources
from equipoise.web.standby.roster import RosteredTrial, read_roster, roster_of, write_roster

from . import course
from .conftest import PASSWORD, SignIn, emergency_side, name_of, said
from .reading import Reading, read

REASON = "Shock during the infusion"
BOTH = ("Cells", "Placebo")


def ask(client: Client, code: str, question: str, **given: str) -> Reading:
    """Fill in the page as somebody in a hurry does, and post it."""
    page = read(client.get(f"/participants/{code}/"))
    data = {"question": question, "reason": REASON, "is_read": "yes", **given}
    return read(client.post(f"/participants/{code}/", {"request": page.value("request"), **data}))


def answer_of(page: Reading) -> str:
    (told,) = [e.text for e in page.all("p") if "contents" in e.get("class").split()]
    return told


@pytest.fixture
def register(trial: RunningTrial, vault_folder: Path) -> Callable[[], list[tuple[str, ...]]]:
    """What the vault recorded of the breaks."""

    def read_it() -> list[tuple[str, ...]]:
        assert isinstance(trial.vault, VaultClient)
        found = VaultClient(trial.vault._door, read_token(vault_folder, "audit")).breaks()
        return [(b.participant, b.question, b.kind, b.by, b.role, b.reason) for b in found]

    return read_it


def truth(trial: RunningTrial, folder: Path, code: str, encounter: str) -> str:
    assert isinstance(trial.vault, VaultClient)
    nature = VaultClient(trial.vault._door, read_token(folder, "nature"))
    arm = nature.nature(trial.state.participants[code].number)
    name = trial.study.identity.arms[arm].gives[encounter]
    return trial.study.treatments.products[name].label.en


@pytest.mark.requirement("C67", "C68", "F30")
def test_the_least_first_then_the_arm(
    trial: RunningTrial,
    sign_in: SignIn,
    vault_folder: Path,
    register: Callable[[], list[tuple[str, ...]]],
) -> None:
    """One infusion is told as it is; the arm is offered afterwards alone, with its own reason."""
    code = course.randomized(trial)
    client = sign_in(Role.INVESTIGATOR, door="emergency")
    assert "EQ-W070" in ask(client, code, "arm").codes
    assert register() == []

    told = ask(client, code, "infusion:M0")
    assert answer_of(told) == truth(trial, vault_folder, code, "M0")
    assert "arm" in {e.get("value") for e in told.all("input")}
    told = ask(client, code, "arm", reason="A second drug must be chosen")
    labels = {arm.label.en for arm in trial.study.identity.arms.values()}
    assert answer_of(told) in labels

    who = (name_of(Role.INVESTIGATOR), "investigator")
    assert register() == [
        (code, "infusion:M0", "emergency", *who, REASON),
        (code, "arm", "emergency", *who, "A second drug must be chosen"),
    ]


@pytest.mark.requirement("C68", "F31")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_an_answer_tells_beside_itself_is_said_before(
    trial: RunningTrial, sign_in: SignIn, language: str
) -> None:
    """Placebo at M0 or cells at M3 would tell the arm; after one question the other always does."""
    code = course.randomized(trial)
    client = sign_in(Role.INVESTIGATOR, door="emergency", language=language)

    def warnings() -> list[str]:
        page = read(client.get(f"/participants/{code}/"))
        return [e.text for e in page.all("li") if "«" in e.text or "“" in e.text]

    arm = said("break.arm_always", language=language)
    assert [arm in w for w in warnings()] == [True, True]
    ask(client, code, "infusion:M0")
    later = warnings()
    assert len(later) == 3  # cells at M0 still leave two arms
    assert all(arm in w for w in later)


@pytest.mark.requirement("C68", "F27", "F30")
def test_only_one_s_own_sites_and_only_those_two_roles(
    trial: RunningTrial,
    sign_in: SignIn,
    vault_folder: Path,
    register: Callable[[], list[tuple[str, ...]]],
) -> None:
    """A physician of site 02 cannot ask about site 01; nor can anybody about no participant."""
    code = course.randomized(trial)
    people = trial.state.people
    roster = roster_of(trial, at=course.now())
    here = replace(people[name_of(Role.INVESTIGATOR)], sites=("02",))
    away = tuple(here if p.person == here.person else p for p in roster.people)
    client = sign_in(Role.INVESTIGATOR, door="emergency")
    write_roster(vault_folder / "roster.json", replace(roster, people=away))

    assert client.get(f"/participants/{code}/").status_code == 403
    assert "EQ-W072" in read(client.get("/", {"participant": code})).codes
    posted = {"question": "infusion:M0", "reason": REASON, "is_read": "y", "request": "r1"}
    response = client.post(f"/participants/{code}/", posted)
    assert "EQ-W072" in read(response).codes
    unknown = client.post("/participants/02-077/", posted)
    assert "EQ-V002" in read(unknown).codes
    assert register() == []


@pytest.mark.requirement("F26", "F27", "F30")
def test_what_is_missing_is_asked_for_and_nothing_is_told(
    trial: RunningTrial, sign_in: SignIn, register: Callable[[], list[tuple[str, ...]]]
) -> None:
    """A question, a reason, that the warning was read; and later no word that tells the answer."""
    code = course.randomized(trial)
    client = sign_in(Role.INVESTIGATOR, door="emergency")
    assert "EQ-W073" in ask(client, code, "infusion:M0", reason=" x ").codes
    assert "EQ-W073" in ask(client, code, "infusion:M9").codes
    assert "EQ-W073" in ask(client, code, "infusion:M0", request="").codes
    assert (
        "EQ-W074"
        in read(
            client.post(
                f"/participants/{code}/",
                {"question": "infusion:M0", "reason": REASON, "request": "r"},
            )
        ).codes
    )
    assert register() == []
    ask(client, code, "infusion:M0", reason="Placebo or not, we must know")
    page = ask(client, code, "arm", reason="It was placebo, so which arm?")
    assert "EQ-V032" in page.codes
    assert len(register()) == 1


@pytest.mark.requirement("C68", "F30", "F31")
def test_a_number_instead_of_the_code_passes_round_nothing(
    trial: RunningTrial,
    sign_in: SignIn,
    vault_folder: Path,
    register: Callable[[], list[tuple[str, ...]]],
) -> None:
    """What was asked under the code counts under the number; it names no site, so one's own site
    does not let it pass.
    """
    code = course.randomized(trial)
    number = trial.state.participants[code].number
    client = sign_in(Role.SAFETY_OFFICER, door="emergency")
    assert "EQ-W070" in ask(client, number, "arm").codes
    ask(client, code, "infusion:M0")
    page = read(client.get(f"/participants/{number}/"))
    assert page.html.count(said("break.arm_always", language="en")) == 3
    assert "EQ-V032" in ask(client, number, "arm", reason="It was placebo, so which?").codes
    ask(client, number, "arm")
    assert [line[:2] for line in register()] == [(code, "infusion:M0"), (code, "arm")]

    roster = roster_of(trial, at=course.now())
    here = (replace(p, sites=("01",)) for p in roster.people)
    write_roster(vault_folder / "roster.json", replace(roster, people=tuple(here)))
    assert client.get(f"/participants/{code}/").status_code == 200
    assert client.get(f"/participants/{number}/").status_code == 403


@pytest.mark.requirement("F26", "F27")
def test_the_answer_stays_on_its_page(
    trial: RunningTrial, sign_in: SignIn, vault_folder: Path
) -> None:
    """Not in the address, the title, a header, a cookie, the session or the next page."""
    code = course.randomized(trial)
    client = sign_in(Role.SAFETY_OFFICER, door="emergency")
    page = read(client.get(f"/participants/{code}/"))
    data = {"question": "infusion:M0", "reason": REASON, "is_read": "y"}
    response = client.post(f"/participants/{code}/", {"request": page.value("request"), **data})
    told = read(response)
    word = truth(trial, vault_folder, code, "M0")

    assert answer_of(told) == word
    assert response.headers["Cache-Control"] == "no-store"
    left = f"{response.headers} {client.cookies} {dict(client.session)} {told.all('title')[0].text}"
    assert word not in left
    after = client.get(f"/participants/{code}/")
    assert not [e for e in read(after).all("p") if "contents" in e.get("class").split()]


@pytest.mark.requirement("C75", "C67")
def test_a_planned_break_is_the_safety_officer_s(
    trial: RunningTrial, sign_in: SignIn, register: Callable[[], list[tuple[str, ...]]]
) -> None:
    """For the report of a reaction; whatever an investigator posts is an emergency."""
    code = course.randomized(trial)
    ask(sign_in(Role.INVESTIGATOR, door="emergency"), code, "infusion:M0", kind="planned")
    ask(sign_in(Role.SAFETY_OFFICER, door="emergency"), code, "infusion:M0", kind="planned")
    assert [line[2] for line in register()] == ["emergency", "planned"]


@pytest.mark.requirement("C67", "C68", "F26")
def test_the_sponsor_is_told_without_the_answer(
    trial: RunningTrial, sign_in: SignIn, vault_folder: Path
) -> None:
    """Register, overview and participant's page say that it was broken, by whom and why."""
    code = course.randomized(trial)
    ask(sign_in(Role.INVESTIGATOR, door="emergency"), code, "infusion:M0")
    assert isinstance(trial.vault, VaultClient)
    record_breaks(trial, trial.vault.breaks(), at=course.now())

    officer = sign_in(Role.SAFETY_OFFICER, door="site")
    for address in ("/", "/unblindings/", f"/participants/{code}/"):
        page = officer.get(address)
        text = page.content.decode()
        assert "Somebody" in text and code in text
        assert not re.search("cells|placebo", text.partition("<main")[2], re.IGNORECASE) or (
            address == "/"
        )
    assert REASON in officer.get("/unblindings/").content.decode()
    entry = list_unblindings(trial.state)[0][1].stamp.entry
    address = f"/participants/{code}/unblinding/assess/?entry={entry}"
    assert "EQ-V035" in read(officer.get(address + "9")).codes
    read(officer.post(address, {"impact": "None", "action": "None"}))
    ((_, unblinding),) = list_unblindings(trial.state)
    assert unblinding.assessed is not None
    assert said("unblinding.notice", n=1) not in officer.get("/").content.decode()


@pytest.mark.requirement("C67", "C65", "F31")
def test_what_was_asked_is_on_no_page_of_a_blinded_reader(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """The same pages whether somebody asked once or went on to the arm, at both doors."""
    code = course.randomized(trial)
    physician = sign_in(Role.INVESTIGATOR, door="emergency")
    asked: list[dict[tuple[str, Role, str], str]] = []
    for question in ("infusion:M0", "arm"):
        ask(physician, code, question)
        assert isinstance(trial.vault, VaultClient)
        record_breaks(trial, trial.vault.breaks(), at=course.now())
        seen = {}
        for door, role, address in (
            *(
                ("site", role, address)
                for role in (Role.COORDINATOR, Role.SAFETY_OFFICER, Role.AUDITOR)
                for address in ("/unblindings/", f"/participants/{code}/")
            ),
            ("emergency", Role.SAFETY_OFFICER, f"/participants/{code}/"),
        ):
            text = read(sign_in(role, door=door).get(address)).one("main").text
            seen[door, role, address] = text
            assert "Somebody" in text or name_of(Role.INVESTIGATOR) in text
        asked.append(seen)
    assert asked[0] == asked[1]
    questions = {said("break.the_arm"), "What the infusion"}
    register = asked[0]["site", Role.COORDINATOR, "/unblindings/"]
    assert not [words for words in questions if words in register]


@pytest.mark.requirement("C67")
def test_a_mistake_is_told_at_the_site_door(trial: RunningTrial, sign_in: SignIn) -> None:
    """By whoever saw it; a word that names a product comes back."""
    code = course.randomized(trial)
    client = sign_in(Role.OUTCOME_ASSESSOR)
    address = f"/participants/{code}/unblinding/"
    data = {"learned": "The assessor", "reason": "He said it was placebo", **course.day("on")}
    assert "EQ-V032" in read(client.post(address, data)).codes
    client.post(address, {**data, "reason": "He said what he had got"})
    ((_, unblinding),) = list_unblindings(trial.state)
    assert (unblinding.kind, unblinding.learned) == ("inadvertent", "The assessor")


@pytest.mark.requirement("C68", "C32")
def test_a_lapsed_training_waits_and_a_removed_person_does_not_come_in(
    trial: RunningTrial, sign_in: SignIn, vault_folder: Path
) -> None:
    """The roster is read anew when it changes; duty counts, trainings do not in an emergency."""
    code = course.randomized(trial)
    client = sign_in(Role.INVESTIGATOR, door="emergency")
    roster = roster_of(trial, at=course.now())
    path = vault_folder / "roster.json"

    def become(**changes: object) -> int:
        people = tuple(
            replace(p, **changes) if p.role == "investigator" else p for p in roster.people
        )
        write_roster(path, replace(roster, people=people))
        return client.get(f"/participants/{code}/").status_code

    assert become(trained={}) == 200
    assert become(until_on=dt.date(2020, 1, 1)) == 403
    assert become() == 200
    path.unlink()
    assert client.get(f"/participants/{code}/").status_code == 200
    assert become(is_active=False) == 403


def test_a_roster_must_be_there_once_and_of_this_study(
    trial: RunningTrial, vault_folder: Path, sign_in: SignIn
) -> None:
    """None, a damaged one, another study's; and without a vault the page says so."""
    opened = emergency_side(trial, vault_folder)
    path = vault_folder / "roster.json"
    write_roster(path, replace(read_roster(path), study="other"))
    with pytest.raises(Refused) as refused:
        RosteredTrial(trial.study, None, path)
    assert [p.code for p in refused.value.problems] == ["EQ-W010"]
    for damage in (b"{", b""):
        path.write_bytes(damage)
        with pytest.raises(Refused) as refused:
            RosteredTrial(trial.study, None, path)
        assert [p.code for p in refused.value.problems] == ["EQ-W071"]
    client = sign_in(Role.INVESTIGATOR, door="emergency")
    opened.vault = None
    use_trial(opened)
    assert "EQ-C053" in read(client.get("/participants/01-001/")).codes


@pytest.mark.requirement("C71")
def test_the_end_of_the_blind_is_signed_by_two(trial: RunningTrial, sign_in: SignIn) -> None:
    """Before the lock there is nothing to sign, and the page says what is missing."""
    page = read(sign_in(Role.STATISTICIAN).get("/end-of-blind/"))
    assert "EQ-V038" in page.codes
    assert not [e for e in page.all("button") if e.text == said("unblinding.sign_button")]


@pytest.mark.requirement("C71", "C24")
def test_after_the_lock_two_people_sign_the_same_populations(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Each with their own password; a wrong one, or another digest, signs nothing."""
    code = course.screened(trial)
    by = {"by": name_of(Role.COORDINATOR), "at": course.now(), "reason": "Moved away"}
    fail_screening(trial, **by, participant=code)
    lock_data(trial, by=name_of(Role.DATA_MANAGER), at=course.now())

    def sign(role: Role, password: str = PASSWORD, **given: str) -> Reading:
        client = sign_in(role)
        digest = read(client.get("/end-of-blind/")).value("digest")
        data = {"digest": digest, "password": password, **given}
        return read(client.post("/end-of-blind/", data, follow=True))

    assert "EQ-W026" in sign(Role.STATISTICIAN, "wrong").codes
    assert "EQ-V039" in sign(Role.STATISTICIAN, digest="0" * 64).codes
    assert "EQ-V037" in sign(Role.SAFETY_OFFICER).codes
    assert trial.state.populations is None
    sign(Role.STATISTICIAN)
    page = sign(Role.SAFETY_OFFICER)
    assert said("unblinding.opened") in page.html
    assert check_opened(trial.study, trial.state) == ()


@pytest.mark.requirement("C68", "C55", "F30")
def test_the_keeper_keeps_up_when_the_ledger_is_there(
    trial: RunningTrial, vault_folder: Path, accounts: Path, tmp_path: Path
) -> None:
    """People, passwords and breaks are taken; while the ledger is away nothing is lost or owed."""
    code, study = course.randomized(trial), trial.study
    store = tmp_path / "trial.db"
    with closing(
        open_store(store, study=study.identity.study, realm="rehearsal", create=True)
    ) as made:
        made.restore(trial.store.read())
    assert isinstance(trial.vault, VaultClient)
    vault = VaultClient(trial.vault._door, read_token(vault_folder, "emergency"))
    roster, away = tmp_path / "roster.json", tmp_path / "away.db"
    sources = Sources(study=study, store=store, accounts=accounts, roster=roster)
    keeper = Keeper(sources, vault)
    store.rename(away)
    vault.reveal(code, "infusion:M0", by="locum", role="investigator", reason="Shock")
    trial.vault.assign("09-001", stratum="", proof="lost")
    vault.reveal("09-001", "arm", by="locum", role="investigator", reason="Shock")
    assert not keeper.keep_up(course.now())
    assert not roster.exists()

    away.rename(store)
    assert keeper.keep_up(course.now())
    roster.unlink()
    keeper.tell()
    assert keeper.keep_up(course.now())
    assert {p.person for p in read_roster(roster).people} >= {name_of(Role.INVESTIGATOR)}
    with closing(open_store(store, read_only=True)) as ledger:
        broken = [e for e in ledger.read() if e.type == "CodeBroken"]
    assert [(e.stream, e.by) for e in broken] == [(code, "locum")]


@pytest.mark.requirement("C68", "C55", "F30")
def test_what_cannot_be_read_keeps_nothing_else_back(
    trial: RunningTrial, vault_folder: Path, tmp_path: Path
) -> None:
    """Without the accounts who was removed goes, and breaks arrive; without a place for the roster
    breaks arrive as well.
    """
    code, study = course.randomized(trial), trial.study
    store, roster = tmp_path / "trial.db", tmp_path / "roster.json"
    with closing(
        open_store(store, study=study.identity.study, realm="rehearsal", create=True)
    ) as made:
        made.restore(trial.store.read())
    assert isinstance(trial.vault, VaultClient)
    vault = VaultClient(trial.vault._door, read_token(vault_folder, "emergency"))
    sources = Sources(study=study, store=store, accounts=tmp_path / "none.sqlite", roster=roster)
    by, reason = name_of(Role.INVESTIGATOR), "Shock"
    vault.reveal(code, "infusion:M0", by=by, role="investigator", reason=reason)
    keeper = Keeper(sources, vault)
    with closing(open_store(store)) as opened:
        remove_person(
            RunningTrial(study, opened),
            by=name_of(Role.ADMINISTRATOR),
            at=course.now(),
            person=by,
            reason="Left",
        )
    assert not keeper.keep_up(course.now())
    assert {p.person: p.is_active for p in read_roster(roster).people}[by] is False

    vault.reveal(code, "arm", by="locum", role="investigator", reason=reason)
    nowhere = replace(sources, roster=tmp_path / "none" / "roster.json")
    assert not Keeper(nowhere, vault).keep_up(course.now())
    with closing(open_store(store, read_only=True)) as ledger:
        assert [e.type for e in ledger.read()].count("CodeBroken") == 2
