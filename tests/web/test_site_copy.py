"""The investigator takes the site's own complete copy from a page, at any time; it is on record."""

import hashlib
import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client

from equipoise.conduct import RunningTrial, change_delegation, lock_data, withdraw_participant
from equipoise.study.roles import Role

from . import course
from .conftest import SignIn, name_of, said
from .reading import read

INVESTIGATOR = name_of(Role.INVESTIGATOR)
ADDRESS = "/ledger/copy/01/"


def content_of(response: HttpResponse) -> bytes:
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    response.close()
    return content


def copies(trial: RunningTrial) -> list[dict[str, object]]:
    return [json.loads(x.body) for x in trial.store.read() if x.type == "CopyMade"]


@pytest.mark.requirement("C34", "C57")
def test_the_site_has_its_own_copy_after_the_lock(
    trial: RunningTrial, sign_in: SignIn, tmp_path: Path
) -> None:
    """Whole, verified by Python alone, of this site and the control chain; recorded by digest."""
    code = course.consented(trial)
    ask = {"by": INVESTIGATOR, "at": course.now(), "participant": code, "reason": "left"}
    withdraw_participant(trial, **ask, on=course.now().date())
    lock_data(trial, by=name_of(Role.DATA_MANAGER), at=course.now())
    client = sign_in(Role.INVESTIGATOR)

    page = read(client.get("/ledger/"))
    assert said("ledger.own_copy") in page.text
    assert page.one("form", action=ADDRESS)
    before = [x for x in trial.store.read() if x.chain in ("site-01", "control")]
    response = client.post(ADDRESS)
    content = content_of(response)

    assert response.headers["Content-Disposition"].endswith('-site-01.zip"')
    assert response.headers["Cache-Control"] == "no-store"
    (told,) = copies(trial)
    assert (told["kind"], told["site"]) == ("archive", "01")
    assert told["digest"] == hashlib.sha256(content).hexdigest()
    entry = list(trial.store.read(chain="control"))[-1]
    assert (entry.type, entry.by) == ("CopyMade", INVESTIGATOR)
    with zipfile.ZipFile(BytesIO(content)) as opened:
        lines = [json.loads(line) for line in opened.read("entries.jsonl").splitlines()]
        assert "schemas/FormSubmitted.schema.json" in opened.namelist()
    assert [x["digest"] for x in lines] == [x.digest for x in before]
    (tmp_path / "copy.zip").write_bytes(content)
    line = [sys.executable, "-I", str(tmp_path / "copy.zip")]
    assert subprocess.run(line, cwd="/", check=False, capture_output=True).returncode == 0


@pytest.mark.requirement("C34", "C27")
@pytest.mark.parametrize("role", sorted({*Role} - {Role.INVESTIGATOR}))
def test_nobody_else_takes_it(trial: RunningTrial, sign_in: SignIn, role: Role) -> None:
    """Sponsor roles are refused, and no page offers it to them; nothing is recorded."""
    course.consented(trial)
    client = sign_in(role)
    assert client.post(ADDRESS).status_code == 403
    assert said("ledger.own_copy") not in client.get("/ledger/").content.decode()
    assert copies(trial) == []


@pytest.mark.requirement("C34", "C27")
def test_it_is_of_ones_own_sites(trial: RunningTrial, sign_in: SignIn) -> None:
    """No other site's, none of a site that is not there, none by following a link."""
    course.consented(trial)
    client = sign_in(Role.INVESTIGATOR)
    assert read(client.post("/ledger/copy/99/")).codes == {"EQ-C014"}
    assert client.get(ADDRESS).status_code == 405
    given = {"by": name_of(Role.ADMINISTRATOR), "person": INVESTIGATOR, "reason": "As the log says"}
    change_delegation(trial, **given, at=course.now(), sites=("02",))
    assert read(client.post(ADDRESS)).codes == {"EQ-C014"}
    assert not read(client.get("/ledger/")).all("form", action=ADDRESS)
    assert copies(trial) == []


def test_a_post_without_its_token_takes_nothing(trial: RunningTrial, sign_in: SignIn) -> None:
    """Another page cannot make somebody's browser take it."""
    course.consented(trial)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = sign_in(Role.INVESTIGATOR).cookies
    assert strict.post(ADDRESS).status_code == 403
    assert copies(trial) == []
