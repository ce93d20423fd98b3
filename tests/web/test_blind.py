"""The blind: names that nobody can guess for arms and products, and not a trace of them."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from msgspec.structs import replace

from equipoise import web as web_package
from equipoise.conduct import RunningTrial
from equipoise.conduct.cells import CellUnit
from equipoise.problems import Text
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from equipoise.vault import VaultClient, read_token
from equipoise.web.running import use_trial

from . import course, walking
from .conftest import SignIn, at_door, enter_as, name_of, open_here


@pytest.mark.requirement("F29")
def test_no_page_takes_a_file() -> None:
    """Nothing comes in on the blinded side but what somebody enters in a form's own items."""
    web = Path(web_package.__file__).parent
    sources = [*web.rglob("*.py"), *web.rglob("*.html"), *web.rglob("*.jinja")]
    assert len(sources) > 50
    taken = re.compile(r"type=.file|multipart/form-data|\.FILES\b|FileField")
    assert [p.name for p in sources if taken.search(p.read_text(encoding="utf-8"))] == []


BLINDED = [r for r in Role if r not in UNBLINDED_ROLES]


def word() -> str:
    """Fourteen letters that stand nowhere else."""
    return "".join(secrets.choice("bcdfghjkmnpqrstvwxz") for _ in range(14))


def with_secret_names(study: Study) -> tuple[Study, dict[str, str]]:
    """The study with canaries for all that tells an arm; the canaries by what they stand for."""
    canaries: dict[str, str] = {}

    def secret(*of: str) -> str:
        return canaries.setdefault("/".join(of), word())

    def secret_text(*of: str) -> Text:
        return Text(secret(*of, "en"), secret(*of, "fr"))

    products = {
        secret("product", name): replace(
            product,
            label=secret_text("product", name, "label"),
            storage=secret_text("product", name, "storage"),
        )
        for name, product in study.treatments.products.items()
    }
    arms = {
        secret("arm", name): replace(
            arm,
            label=secret_text("arm", name, "label"),
            description=secret_text("arm", name, "description"),
            gives={e: secret("product", p) for e, p in arm.gives.items()},
        )
        for name, arm in study.identity.arms.items()
    }
    renamed = replace(
        study,
        identity=replace(study.identity, arms=arms),
        treatments=replace(study.treatments, products=products),
    )
    return renamed, canaries


@pytest.fixture
def canaries() -> dict[str, str]:
    return {}


@pytest.fixture
def trial(study: Study, canaries: dict[str, str], vault_folder: Path) -> Iterator[RunningTrial]:
    """A trial with canaries, in which somebody has had an infusion and fallen ill."""
    renamed, found = with_secret_names(study)
    canaries |= found
    opened = open_here(renamed, vault_folder)
    code = course.given(opened)
    course.fallen_ill(opened, code)
    course.ordered(opened)
    course.eligible(opened)
    yield opened
    assert isinstance(opened.vault, VaultClient)
    opened.vault._door.close()  # type: ignore[attr-defined]


@pytest.fixture
def words(trial: RunningTrial, canaries: dict[str, str], vault_folder: Path) -> list[str]:
    """The canaries, and what opens the vault."""
    return [*canaries.values(), *(p.read_text().strip() for p in vault_folder.glob("*.token"))]


@pytest.mark.requirement("C65")
def test_the_search_can_fail(
    trial: RunningTrial, sign_in: SignIn, canaries: dict[str, str]
) -> None:
    """The same search finds what the cell unit's page says, and each way to hide a word."""
    client = sign_in(Role.CELL_UNIT, door="sealed")
    seen = walking.ask(client, "/work-list/")
    contents = [v for k, v in canaries.items() if k.startswith("product/") and k.endswith("/en")]

    assert walking.find_traces(seen.everything, contents)
    secret = word()
    for hidden in (
        f"/{secret}/",
        secret.upper(),
        secret[::-1],
        secret.encode().hex(),
        "".join(f"&#{ord(c)};" for c in secret),
        "".join(f"%{ord(c):02x}" for c in secret),
        *(walking.base64.b64encode(b"x" * n + secret.encode() + b"yz").decode() for n in range(3)),
    ):
        assert walking.find_traces(f"<p>{hidden}</p>", [secret]) == [secret], hidden
    assert walking.find_traces("<p>nothing</p>", [secret]) == []


@pytest.mark.requirement("C07", "C65", "C66", "F13", "F26", "F27")
@pytest.mark.parametrize("role", BLINDED)
def test_no_blinded_page_tells_an_arm(
    role: Role, words: list[str], trial: RunningTrial, sign_in: SignIn
) -> None:
    """Addresses, headers, cookies, pages, refusals and sessions: none holds a trace."""
    client = sign_in(role)
    seen = list(walking.walk(client, list(walking.every_address(trial))))
    for code in trial.state.participants:
        for act in (
            "judge/2-willing",
            "randomize",
            "exception/ask",
            "exception/confirm",
            "exception/drop",
            "deviation",
            "end-screening",
            "withdraw",
            "sign",
        ):
            seen.append(walking.ask(client, f"/participants/{code}/{act}/", "POST", {}))
        for act in ("order", "start", "end", "give"):
            address = f"/participants/{code}/encounters/M0/{act}/"
            seen.append(walking.ask(client, address, "POST", course.day("on")))

    assert len(seen) > 60
    assert [(s.address, w) for s in seen for w in walking.find_traces(s.everything, words)] == []
    assert walking.find_traces(repr(dict(client.session.items())), words) == []


@pytest.mark.requirement("C07", "C65", "F13")
def test_what_the_site_keeps_holds_no_arm(
    trial: RunningTrial, sign_in: SignIn, canaries: dict[str, str], unit: CellUnit
) -> None:
    """Neither the ledger nor accounts and sessions, after the cell unit has done its work."""
    client = sign_in(Role.CELL_UNIT, door="sealed")
    course.stocked(unit)
    code = next(
        p.code
        for p in trial.state.participants.values()
        for i in p.infusions.values()
        if i.status == "ordered"
    )
    course.composed(unit, code, verified_by=name_of(Role.CELL_UNIT))
    client.post(f"/work-list/{code}/M0/hand-out/", {"is_checked": "yes"})
    prepared = [i for p in trial.state.participants.values() for i in p.infusions.values()]
    assert "prepared" in {i.status for i in prepared}

    kept_apart = "".join(msgspec.json.encode(e).decode() for e in unit.store.read())
    assert walking.find_traces(kept_apart, canaries.values())  # the search finds what is there
    words = [*canaries.values(), "0000000000001"]
    for entry in trial.store.read():
        written = msgspec.json.encode(entry).decode()
        assert walking.find_traces(written, words) == []
    for path in Path(settings.DATABASES["default"]["NAME"]).parent.iterdir():
        kept = path.read_bytes().decode("latin-1")
        assert walking.find_traces(kept, canaries.values()) == []
    assert walking.find_traces(repr(dict(client.session.items())), canaries.values()) == []


def blurred(text: str) -> str:
    """A page without what chance and the clock alone decide."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value=")\w+', r"\1…", text)
    text = re.sub(r"[0-9a-f]{12,}", "…", text)
    return re.sub(r"\b\d\d:\d\d\b|\d{4}-\d\d-\d\dT[\d:.]+Z", "…", text)


@pytest.mark.requirement("C65", "C66", "F26", "F27")
def test_pages_are_the_same_whatever_the_arm(study: Study, tmp_path: Path, accounts: Path) -> None:
    """Two trials that differ by the sealed list alone: not a letter of any page differs."""
    arms, walks = [], []
    for seed in (3, 2):
        folder = tmp_path / str(seed)
        opened = open_here(study, folder, seed=seed)
        course.fallen_ill(opened, course.given(opened))
        course.ordered(opened)
        assert isinstance(opened.vault, VaultClient)
        nature = VaultClient(opened.vault._door, read_token(folder, "nature"))
        arms.append([nature.nature(p.number) for p in opened.state.randomized])
        with at_door("site"):
            use_trial(opened)
            client = enter_as(Role.INVESTIGATOR)
            seen = walking.walk(client, list(walking.every_address(opened)))
            walks.append({s.address: (s.status, blurred(s.body)) for s in seen})
            use_trial(None)
        opened.vault._door.close()  # type: ignore[attr-defined]

    assert all(a != b for a, b in zip(*arms, strict=True))
    assert walks[0].keys() == walks[1].keys()
    assert [a for a in walks[0] if walks[0][a] != walks[1][a]] == []
