"""`equipoise ledger`: verify, seal; and what one flipped byte does."""

import datetime as dt
import re
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.conduct import Person, RunningTrial, open_trial
from equipoise.ledger import Draft, open_store
from equipoise.problems import Text
from equipoise.study.protocol import Identity
from equipoise.study.study import Study
from tests.authority import make_authority, serving

from ..postgres import Server
from .conftest import STUDY, Rehearsed, a_body, answer_of, codes, command, refused, run


def flip(path: Path, body: bytes, *, at: int) -> None:
    """Change one byte of an entry's body where it lies in the file; it stays text."""
    content = bytearray(path.read_bytes())
    assert content.count(body) == 1, "the body should stand in one piece in the file"
    place = content.index(body) + at
    content[place] ^= 1
    path.write_bytes(content)


def test_the_ledger_of_a_rehearsal_verifies(rehearsed: Rehearsed) -> None:
    """Every entry was read, and the root is that of the heads as they are."""
    result = run("ledger", "verify", "--store", rehearsed.store, "--json")
    shown = run("ledger", "verify", "--store", rehearsed.store)
    answer = answer_of(result)

    assert (result.exit_code, shown.exit_code) == (0, 0)
    assert answer["ok"] is True and answer["first_bad"] is None
    assert answer["entries"] == rehearsed.answer["entries"]
    assert re.fullmatch("[0-9a-f]{64}", answer["seal"])
    assert shown.stdout == f"{answer['entries']} entries, all chains hold. Seal {answer['seal']}\n"


@pytest.mark.requirement("C04", "C54", "D29")
def test_one_flipped_byte_names_the_entry(own: Rehearsed) -> None:
    """Exit code 1, the chain and the number of the entry."""
    chain, seq, body = a_body(own.store)
    flip(own.store, body, at=len(body) // 2)
    result = run("ledger", "verify", "--store", own.store, "--json")
    shown = command("ledger", "verify", "--store", own.store)
    answer = answer_of(result)

    assert (result.exit_code, shown.returncode) == (1, 1)
    assert answer["ok"] is False
    assert answer["entries"] == own.answer["entries"]
    assert (answer["first_bad"]["chain"], answer["first_bad"]["seq"]) == (chain, seq)
    assert answer["first_bad"]["code"].startswith("EQ-G")
    assert f"{answer['first_bad']['code']}  {chain}:{seq}  " in shown.stderr
    assert shown.stdout == ""


def test_of_two_flipped_bytes_the_first_entry_is_named(own: Rehearsed) -> None:
    """Damage is named in the order of recording, whatever the order in which it was done."""
    with open_store(own.store, read_only=True).connection as connection:
        early, late = connection.execute(
            "SELECT chain, seq, body FROM ledger_entry "
            "WHERE type = 'FormSubmitted' AND length(body) BETWEEN 60 AND 500 "
            "ORDER BY position LIMIT 2"
        ).fetchall()
    connection.close()
    for _, _, body in (late, early):
        flip(own.store, body, at=5)
    bad = answer_of(run("ledger", "verify", "--store", own.store, "--json"))["first_bad"]

    assert (bad["chain"], bad["seq"]) == early[:2]


def test_a_file_that_is_no_ledger_is_a_bad_ledger(tmp_path: Path) -> None:
    """Verification tells what it found; it does not break."""
    (tmp_path / "notes.db").write_text("not a database")
    result = run("ledger", "verify", "--store", tmp_path / "notes.db", "--json")

    assert result.exit_code == 1
    assert answer_of(result)["first_bad"]["code"] == "EQ-G008"


def test_a_seal_is_an_entry_over_the_heads(own: Rehearsed) -> None:
    """The root printed is the one that a verification saw before; one more entry stands after."""
    before = answer_of(run("ledger", "verify", "--store", own.store, "--json"))
    sealed = run("ledger", "seal", "--store", own.store, "--by", "data_manager", "--reason", "cut")
    after = answer_of(run("ledger", "verify", "--store", own.store, "--json"))

    assert sealed.exit_code == 0, sealed.output
    assert sealed.stdout.strip() == before["seal"] != after["seal"]
    assert after["ok"] is True
    assert after["entries"] == before["entries"] + 1


@pytest.mark.requirement("C04")
def test_a_seal_that_was_kept_is_of_this_ledger_or_not(own: Rehearsed) -> None:
    """The root of an earlier moment, which no entry records, is recognised; another is refused."""
    kept = answer_of(run("ledger", "verify", "--store", own.store, "--json"))["seal"]
    assert run("ledger", "seal", "--store", own.store, "--by", "data_manager").exit_code == 0
    assert run("ledger", "seal", "--store", own.store, "--by", "data_manager").exit_code == 0
    place = ("ledger", "verify", "--store", own.store)
    forged = kept[::-1]

    held = run(*place, "--against", kept)
    assert held.exit_code == 0 and f"gave the seal {kept}" in held.output
    told = run(*place, "--against", forged, "--json")
    assert (told.exit_code, answer_of(told)["first_bad"]["code"]) == (1, "EQ-G060")
    assert forged in run(*place, "--against", forged).stderr


@pytest.mark.requirement("C56", "D20")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("FutureHappened", b"{}"),
        ("SiteOpened", b'{"site":"09","colour":"red"}'),
        ("SiteOpened", b"{}"),
    ],
)
def test_what_a_later_version_recorded_is_refused_in_words(
    own: Rehearsed, kind: str, body: bytes
) -> None:
    """A type, a field, or none where this version needs one: EQ-G065 wherever entries are read."""
    at = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
    later = Draft(
        chain="control", stream="later", version=1, type=kind, at=at, by="system",
        role="administrator", body=body,
    )  # fmt: skip
    with closing(open_store(own.store)) as store:
        store.append([later])
    place = ("--store", own.store)
    assert run("ledger", "verify", *place).exit_code == 0
    for words in (
        ("ledger", "seal", *place, "--by", "data_manager"),
        ("ledger", "show", STUDY, *place, "--participant", "01-001"),
        ("export", STUDY, *place, "-o", own.store.with_name("out")),
        ("report", STUDY, *place, "-o", own.store.with_name("report.html")),
        ("ledger", "rebuild", *place),
    ):
        assert refused(*words) == ["EQ-G065"], words


def test_who_has_no_role_seals_nothing(own: Rehearsed) -> None:
    """A name that is not in the trial is refused, and so is a role that may not."""
    assert refused("ledger", "seal", "--store", own.store, "--by", "nobody") == ["EQ-C001"]
    assert refused("ledger", "seal", "--store", own.store, "--by", "monitor") == ["EQ-C002"]
    entries = answer_of(run("ledger", "verify", "--store", own.store, "--json"))["entries"]
    assert entries == own.answer["entries"]


def test_the_record_of_a_vault_is_not_taken_for_a_trial(own: Rehearsed, tmp_path: Path) -> None:
    """It has chains and can be verified, but nobody was ever screened in it."""
    vault = own.vault / "vault.db"

    assert run("ledger", "verify", "--store", vault).exit_code == 0
    assert refused("ledger", "seal", "--store", vault, "--by", "data_manager") == ["EQ-G008"]


def test_a_store_that_is_absent_is_wrong_use(tmp_path: Path) -> None:
    """No empty ledger is made where somebody mistyped a name."""
    for verb in (["verify"], ["export", "-o", tmp_path / "a"], ["seal", "--by", "x"]):
        result = run("ledger", *verb, "--store", tmp_path / "absent.db")
        assert (result.exit_code, codes(result)) == (2, [])
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_in_postgresql_is_kept_like_a_file(
    own: Rehearsed, postgres_server: Server, tmp_path: Path
) -> None:
    """The same entries there give the same answers; a server that is away is a problem."""
    with closing(open_store(own.store)) as file:
        place = postgres_server.create(study=file.study).app
        with closing(open_store(place)) as moved:
            moved.restore(file.read())
    of_file = answer_of(run("ledger", "verify", "--store", own.store, "--json"))
    assert answer_of(run("ledger", "verify", "--store", place, "--json")) == of_file
    for store, output in ((own.store, "file.jsonl"), (place, "server.jsonl")):
        assert run("ledger", "export", "--store", store, "-o", tmp_path / output).exit_code == 0
    files = [(tmp_path / name).read_bytes() for name in ("file.jsonl", "server.jsonl")]
    assert files[0] == files[1]
    sealed = run("ledger", "seal", "--store", place, "--by", "data_manager")
    assert sealed.exit_code == 0
    n_entries = answer_of(run("ledger", "verify", "--store", place, "--json"))["entries"]
    assert n_entries == of_file["entries"] + 1
    wrong = run("ledger", "verify", "--store", "postgresql://ann@/db?host=/nowhere")
    assert (wrong.exit_code, codes(wrong)) == (1, ["EQ-G021"])


def test_a_ledger_is_kept_without_its_folder(tmp_path: Path) -> None:
    """Any study's: no other study's trainings are asked of its people."""
    study = Study(identity=Identity(study="another", title=Text("Another")), digest="a" * 64)
    at, place = dt.datetime(2026, 1, 5, tzinfo=dt.UTC), tmp_path / "another.db"
    with closing(open_store(place, study="another", realm="live", create=True)) as store:
        people = [Person("ann", "Ann", "data_manager"), Person("bob", "Bob", "auditor")]
        open_trial(RunningTrial(study, store), at=at, people=people)
    sealed = run("ledger", "seal", "--store", place, "--by", "ann")
    assert sealed.exit_code == 0, sealed.output
    run("ledger", "backup", "--store", place, "-o", tmp_path / "b.db")
    again = ("--store", tmp_path / "again.db")
    assert run("ledger", "restore", tmp_path / "b.db", *again).exit_code == 0
    for who in ("ann", "bob"):
        told = run("ledger", "attest-gap", *again, "--by", who, "--reason", "nothing is missing")
        assert told.exit_code == 0, told.output


@pytest.mark.requirement("C11")
def test_a_datum_is_taken_out_by_a_command(own: Rehearsed) -> None:
    """The ledger still verifies; a wrong place is wrong use, a wrong person is refused."""
    with closing(open_store(own.store)) as store:
        entry = next(e for e in store.read() if e.type == "FormSubmitted")
    words = ("--store", own.store, "--by", f"investigator-{entry.chain.removeprefix('site-')}")
    why = ("--reason", "a name was typed")
    place = f"{entry.chain}:{entry.seq}"
    assert run("ledger", "redact", STUDY, *words, *why, "--entry", "57").exit_code == 2
    emptied = run("ledger", "redact", STUDY, *words, *why, "--entry", place, "--drop", "x")
    assert (emptied.exit_code, codes(emptied)) == (2, ["EQ-C016"])  # the data are locked
    done = run("ledger", "redact", STUDY, *words, *why, "--entry", place)
    assert done.exit_code == 0, done.output
    verified = answer_of(run("ledger", "verify", "--store", own.store, "--json"))
    assert verified["ok"] is True
    with closing(open_store(own.store)) as store:
        gone = [e for e in store.read(chain=entry.chain) if e.body is None]
        assert [(e.chain, e.seq) for e in gone] == [(entry.chain, entry.seq)]


@pytest.mark.requirement("C04", "C12")
def test_a_seal_has_a_witness_outside(own: Rehearsed, tmp_path: Path) -> None:
    """A service signs it; what is kept is checked again later; another authority believes none."""
    roots = make_authority(tmp_path / "tsa")
    words = ("--store", own.store, "--authority", roots)
    with serving(roots.parent) as url:
        done = run("ledger", "stamp", *words, "--by", "auditor", "--url", url)
    assert done.exit_code == 0, done.output
    root = done.stdout.split("\n")[0]
    told = answer_of(run("ledger", "stamps", *words, "--json"))
    assert [row["seal"] for row in told["stamps"]] == [root]
    assert root in run("ledger", "stamps", *words).stdout
    other = ("--store", own.store, "--authority", make_authority(tmp_path / "other"))
    doubted = run("ledger", "stamps", *other)
    assert (doubted.exit_code, codes(doubted)) == (1, ["EQ-X911"])
    gone = run("ledger", "stamp", *words, "--by", "auditor", "--url", "http://127.0.0.1:9/")
    assert (gone.exit_code, codes(gone)) == (2, ["EQ-X910"])
