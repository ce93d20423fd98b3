"""A whole trial in PostgreSQL by commands alone: its tables, its opening, its doors, its record."""

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import psycopg
import pytest

from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import running_vault
from equipoise.ledger import Entry, open_store
from equipoise.vault import start_vault
from tests.authority import make_authority, serving

from ..postgres import APP, OWNER, Place, Server
from ..progress import without_progress
from .conftest import STUDY, Rehearsed, answer_of, codes, command, free_port, refused, run, wait_for
from .test_cli_serving import await_door

Start = Callable[..., "Popen[str]"]
WORDS = "three words in a row"


class Database(NamedTuple):
    """A whole virtual trial in PostgreSQL, and what the command said of it."""

    place: Place
    keep: Path
    answer: dict[str, object]


@pytest.fixture(scope="session")
def name() -> str:
    """What the first study is called."""
    return load_checked(STUDY).identity.study


@pytest.fixture(scope="module")
def moved(postgres_server: Server, name: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The first study rehearsed into a database, by the role that can only read and add."""
    place, keep = postgres_server.create(study=name), tmp_path_factory.mktemp("kept") / "trial"
    words = ("--keep", keep, "--readings", "--json")
    done = command("rehearse", STUDY, "--store", place.app, *words)
    assert done.returncode == 0, done.stderr
    return Database(place, keep, json.loads(done.stdout))


def create(place: str, *more: object, role: str = APP, realm: str = "live") -> tuple[object, ...]:
    return ("ledger", "create", place, "--study", STUDY, "--role", role, "--realm", realm, *more)


# The tables


@pytest.mark.requirement("C04")
def test_the_owner_makes_the_tables_once_for_another_role(
    postgres_server: Server, name: str
) -> None:
    """It says what comes next; the role can write there; a second time nothing is touched."""
    place = postgres_server.create_schema()
    made = run(*create(place.owner))
    assert made.exit_code == 0, made.output
    assert f'equipoise open {STUDY} --store "{place.app}" --realm live' in made.stdout
    with closing(open_store(place.app, study=name, realm="live")) as store:
        assert store.heads() == {}
    assert refused(*create(place.owner, realm="rehearsal")) == ["EQ-X929"]
    open_store(place.app, realm="live").close()


def test_tables_that_would_not_hold_are_not_made(postgres_server: Server, tmp_path: Path) -> None:
    """No address, no schema, no right, a role that is the owner or could do more: nothing is made.

    Afterwards the schema is as empty as it was.
    """
    postgres_server.create()  # by then the application's role is there
    place = postgres_server.create_schema()
    assert refused(*create(str(tmp_path / "trial.db"))) == ["EQ-X928"]
    assert refused(*create(postgres_server.address(OWNER, "nowhere"))) == ["EQ-G051"]
    assert refused(*create(place.app)) == ["EQ-G051"]
    with psycopg.connect(place.admin) as connection:
        connection.execute(f"GRANT USAGE ON SCHEMA {place.schema} TO {APP}")
    assert refused(*create(place.app)) == ["EQ-G050"]
    assert set(refused(*create(place.owner, role=OWNER))) == {"EQ-G022"}
    assert set(refused(*create(place.owner, role="postgres"))) == {"EQ-G022"}
    with psycopg.connect(place.admin) as connection:
        made = "SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace"
        assert connection.execute(made, [place.schema]).fetchone() == (0,)


@pytest.mark.requirement("F35")
@pytest.mark.parametrize("verb", [("ledger", "verify"), ("ledger", "seal", "--by", "x")])
@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:s3cr3t@/db?host=/nowhere",
        "postgresql://ann:p/s3cr3t@host/db",
        "postgresql://ann@/db?host=/nowhere&password=s3cr3t",
        "postgresql://ann@/db?p%61ssword=s3cr3t",
        "postgresql://ann@/db?sslpassword=s3cr3t",
        "postgres://:s3cr3t@host/db",
    ],
)
def test_a_password_is_not_typed_where_all_can_read_it(verb: tuple[str, ...], address: str) -> None:
    """The list of processes shows what was typed; so it is refused, and not repeated."""
    said = run(*verb, "--store", address)
    assert (said.exit_code, codes(said)) == (2, ["EQ-X926"])
    assert "s3cr3t" not in said.output


@pytest.mark.requirement("F35")
def test_a_vault_knows_no_password_of_a_database(
    rehearsed: Rehearsed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks none, so nothing of the kind is handed on to it."""
    monkeypatch.setenv("PGPASSWORD", "s3cr3t")
    with start_vault(rehearsed.vault, socket_path=tmp_path / "v.sock") as vault:
        environment = Path(f"/proc/{vault.process.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"s3cr3t" not in environment


# From an empty schema to the page of the people


def open_words(tmp_path: Path, store: str, *more: object) -> list[object]:
    person = ("--administrator", "ada", "--name", "Ada Admin", "--realm", "rehearsal")
    return ["open", STUDY, "--store", store, "--vault", tmp_path / "v.sock", *person, *more]


@pytest.mark.requirement("C26", "C35")
@pytest.mark.parametrize("accounts_in", ["a file", "the database"])
def test_a_trial_is_opened_in_postgresql_and_its_administrator_comes_in(
    postgres_server: Server, tmp_path: Path, start: Start, accounts_in: str
) -> None:
    """Tables, vault, opening, two doors, an own password that opens both doors.

    Five wrong passwords make a name wait there as anywhere.
    """
    place, keep = postgres_server.create_schema(), tmp_path / "kept"
    people = postgres_server.create_schema().owner
    more = ("--keep", keep, *(("--accounts", people) if accounts_in == "the database" else ()))
    assert run(*create(place.owner, realm="rehearsal")).exit_code == 0
    run("vault", tmp_path / "vault", "--create", STUDY, "--realm", "rehearsal")
    start("vault", tmp_path / "vault", "--socket", tmp_path / "v.sock")
    wait_for((tmp_path / "v.sock").is_socket)
    opened = command(*open_words(tmp_path, place.app, *more))
    assert opened.returncode == 0, opened.stderr
    code = opened.stdout.splitlines()[-1]
    assert (keep / "nct06722105.accounts.db").exists() == (accounts_in == "a file")
    token = ("--vault", tmp_path / "v.sock", "--token", tmp_path / "vault" / "assign.token")
    ports = [free_port(), free_port()]
    words = ["serve", STUDY, "--store", place.app, *more, *token, "--port"]
    doors = [start(*words, port) for port in ports]
    for door, port in zip(doors, ports, strict=True):
        await_door(door, port)

    first, second = (f"http://127.0.0.1:{port}" for port in ports)
    choice = {"password": WORDS, "again": WORDS}
    post(
        build_opener(HTTPCookieProcessor()),
        f"{first}/welcome/",
        username="ada",
        code=code,
        **choice,
    )
    for door in (first, second):
        browser = build_opener(HTTPCookieProcessor())
        assert "ada" in post(browser, f"{door}/sign-in/", username="ada", password=WORDS)
        assert "/people/add/" in browser.open(f"{door}/people/").read().decode()
    for _ in range(4):
        assert "EQ-W025" in try_in_vain(f"{second}/sign-in/")
    assert "EQ-W028" in try_in_vain(f"{first}/sign-in/")
    for door in doors:
        door.terminate()
        output, errors = door.communicate(timeout=20)
        assert door.returncode == 0
        assert output.startswith("The site door is served at http://127.0.0.1:"), output
        told = without_progress(errors).splitlines()
        assert all(line.startswith("AXES") for line in told), errors


def post(browser: OpenerDirector, url: str, **data: str) -> str:
    """Fill in the form of a page, in a browser that keeps its cookies; the page that comes back."""
    page = browser.open(url).read().decode()
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    body = urlencode({**data, "csrfmiddlewaretoken": found[1]}).encode()
    headers = {"Origin": url[: url.index("/", 8)]}
    try:
        return str(browser.open(Request(url, body, headers)).read().decode())
    except HTTPError as error:
        with error:
            return error.read().decode()


def try_in_vain(url: str) -> str:
    """Sign in with a wrong password."""
    return post(build_opener(HTTPCookieProcessor()), url, username="ada", password="wrong")


def test_a_trial_is_not_opened_over_another_nor_without_a_folder(
    moved: Database, postgres_server: Server, tmp_path: Path, start: Start
) -> None:
    """A ledger that has entries, a live one that its owner has yet to make, no folder named.

    The accounts of another trial in that folder would open this one.
    """
    run("vault", tmp_path / "vault", "--create", STUDY, "--realm", "rehearsal")
    start("vault", tmp_path / "vault", "--socket", tmp_path / "v.sock")
    wait_for((tmp_path / "v.sock").is_socket)
    keep, empty = ("--keep", tmp_path / "kept"), postgres_server.create_schema()
    assert refused(*open_words(tmp_path, moved.place.app)) == ["EQ-X925"]
    assert refused(*open_words(tmp_path, moved.place.app, *keep)) == ["EQ-X927"]
    assert refused(*open_words(tmp_path, empty.app, *keep)) == ["EQ-G021"]
    (tmp_path / "kept" / "nct06722105.accounts.db").write_bytes(b"theirs")
    assert refused(*open_words(tmp_path, empty.owner, *keep)) == ["EQ-X901"]
    (tmp_path / "file").touch()
    under = ("--keep", tmp_path / "file" / "kept")
    assert refused(*open_words(tmp_path, empty.owner, *under)) == ["EQ-X003"]
    apart = ("--keep", tmp_path / "apart", "--accounts", empty.app)
    without_right = command(*open_words(tmp_path, empty.owner, *apart))
    assert without_right.returncode == 2
    assert "EQ-G054" in without_right.stderr and "Traceback" not in without_right.stderr
    people, theirs = postgres_server.create_schema().owner, postgres_server.create_schema().owner
    again = ("--keep", tmp_path / "more", "--accounts", people)
    assert command(*open_words(tmp_path, empty.owner, *again)).returncode == 0
    taken = command(*open_words(tmp_path, theirs, *again))
    assert (taken.returncode, "EQ-X930" in taken.stderr) == (2, True), taken.stderr
    again = ("--keep", tmp_path / "new", "--json")
    assert refused("rehearse", STUDY, "--store", moved.place.app, *again) == ["EQ-X927"]
    assert list((tmp_path / "new").iterdir()) == []


# What is kept


def test_a_rehearsal_in_postgresql_is_the_one_in_a_file(
    moved: Database, rehearsed: Rehearsed
) -> None:
    """The same people, arms, entries and readings, whatever keeps them; salts differ, so seals."""
    assert {k: v for k, v in moved.answer.items() if k not in ("seal", "seconds")} == {
        k: v for k, v in rehearsed.answer.items() if k not in ("seal", "seconds")
    }
    with (
        closing(open_store(moved.place.app, read_only=True)) as there,
        closing(open_store(rehearsed.store, read_only=True)) as here,
    ):
        for ours, theirs in zip(there.read(), here.read(), strict=True):
            assert shape(ours) == shape(theirs)


def shape(entry: Entry) -> tuple[object, ...]:
    """What an entry says, without what a salt or the key of a vault gives."""
    of_keys = entry.type in ("AllocationCommitted", "StudySealed")
    body = b"" if of_keys or entry.body is None else entry.body
    return (entry.chain, entry.seq, entry.stream, entry.type, entry.at, entry.by, body)


def test_every_command_on_the_record_takes_an_address(
    moved: Database, postgres_server: Server, name: str, tmp_path: Path
) -> None:
    """As the role that can only read and add; none of them shows more than who and where."""
    store, study = ("--store", moved.place.app), ("--study", STUDY)
    into = [("--store", postgres_server.create(study=name).app) for _ in range(2)]
    roots = make_authority(tmp_path / "tsa")
    with serving(tmp_path / "tsa") as url:
        for words in (
            ("export", STUDY, *store, "-o", tmp_path / "tables"),
            ("report", STUDY, *store, "-o", tmp_path / "blinded.html"),
            ("report", STUDY, *store, "-o", tmp_path / "open.html", "--vault",
             moved.keep / f"{name}.vault", "--by", "unblinded_statistician"),
            ("ledger", "show", STUDY, *store, "--participant", "01-001"),
            ("ledger", "late", STUDY, *store),
            ("ledger", "seal", *store, "--by", "data_manager"),
            ("ledger", "stamp", *store, "--by", "auditor", "--url", url, "--authority", roots),
            ("ledger", "stamps", *store, "--authority", roots),
            ("ledger", "export", *store, *study, "-o", tmp_path / "trial.zip"),
            ("ledger", "import", tmp_path / "trial.zip", *into[0], "--moved-from", moved.place.app),
            ("ledger", "backup", *store, "-o", tmp_path / "backup.zip"),
            ("ledger", "restore", tmp_path / "backup.zip", *into[1]),
            ("ledger", "attest-gap", *into[1], "--by", "data_manager", "--reason", "compared"),
            ("ledger", "attest-gap", *into[1], "--by", "auditor", "--reason", "asked"),
            ("ledger", "verify", *into[1]),
            ("ledger", "verify", "--store", moved.place.owner),
        ):  # fmt: skip
            done = run(*words)
            assert done.exit_code == 0, (words, done.output)
            assert "search_path" not in done.output
    vault = moved.keep / f"{name}.vault"
    with running_vault(vault) as process:
        token = ("--token", vault / "assign.token")
        compared = run("vault", "compare", process.socket_path, *store, *token)
    assert compared.stdout.startswith("18 numbers of the ledger are the vault's; 0 are")
    taken = refused("ledger", "restore", tmp_path / "backup.zip", *store)
    assert taken == ["EQ-G025"]
    found = answer_of(run("ledger", "verify", *into[0], "--json"))
    assert found == answer_of(run("ledger", "verify", *store, "--json"))


@pytest.mark.requirement("C11")
def test_after_a_restore_a_seal_kept_elsewhere_opens_and_a_datum_is_taken_out(
    moved: Database, postgres_server: Server, name: str, tmp_path: Path
) -> None:
    """In the database too the role takes out what an entry orders, and nothing else."""
    store, place = ("--store", moved.place.app), postgres_server.create(study=name)
    told = answer_of(run("ledger", "backup", *store, "-o", tmp_path / "backup.zip", "--json"))
    restored = ("--store", place.app)
    assert run("ledger", "restore", tmp_path / "backup.zip", *restored).exit_code == 0
    with running_vault(moved.keep / f"{name}.vault") as process:
        vault = (
            "--vault",
            process.socket_path,
            "--token",
            moved.keep / f"{name}.vault/assign.token",
        )
        by = ("--seal", told["seal"], "--by", "data_manager")
        opened = run("ledger", "confirm", *restored, *by, *vault)
    assert opened.exit_code == 0, opened.output
    with psycopg.connect(place.app) as connection:
        row = connection.execute(
            "SELECT chain, seq FROM ledger_entry WHERE type = 'FormSubmitted' ORDER BY position"
        ).fetchone()
    assert row
    chain, seq = row
    words = ("--by", f"investigator-{chain.removeprefix('site-')}", "--reason", "a name was typed")
    done = run("ledger", "redact", STUDY, *restored, "--entry", f"{chain}:{seq}", *words)
    assert done.exit_code == 0, done.output
    with psycopg.connect(place.app) as connection:
        query = "SELECT body FROM ledger_entry WHERE chain = %s AND seq = %s"
        assert connection.execute(query, row).fetchone() == (None,)
    assert run("ledger", "verify", *restored).exit_code == 0
