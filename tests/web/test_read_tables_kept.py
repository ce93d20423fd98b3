"""The read tables when something is in the way: other rights, other layouts, other hands."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from equipoise import conduct
from equipoise.cli.trials import _let_tables_follow
from equipoise.conduct import Person, RunningTrial
from equipoise.ledger import MemoryStore, SqliteStore, open_store, verify
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.web.tables import keeping
from equipoise.web.tables.comparing import compare
from equipoise.web.tables.databases import database_of, layout_of
from equipoise.web.tables.keeping import ReadTables
from equipoise.web.tables.layout import LAYOUT, SIGNATURE, TABLES
from equipoise.web.tables.models import Form, Line
from equipoise.web.tables.opening import ALIAS, follow, make_as_owner, tables_to_read
from tests.postgres import Place, Server
from tests.unit.conduct.conftest import Clock, Course, small_study

NAME = "Jeanne Dupont"


class Followed:
    """The small trial on a store, with its read tables, and somebody with a headache."""

    def __init__(self, store: Any) -> None:
        self.store, self.clock = store, Clock()
        self.trial = RunningTrial(small_study(), store)
        people = [Person(r.value, r.value, r.value) for r in Role]
        conduct.open_trial(self.trial, at=self.clock(), people=people)
        self.course = Course(self.trial, self.clock)

    def headache(self) -> str:
        code = self.course.eligible()
        self.course.submit(code, "event", encounter="", term=f"Headache of {NAME}", grade=2)
        return code

    def correct(self, code: str, *, grade: int) -> None:
        seen = self.trial.state.participants[code].forms["", "event", 0].version
        conduct.correct_item(
            self.trial, by="investigator", at=self.clock(), reason="Misread", participant=code,
            encounter="", form="event", repeat=0, item="grade", value=grade, seen=seen,
        )  # fmt: skip

    def redact(self, code: str) -> None:
        entry = self.trial.state.participants[code].forms["", "event", 0].stamp.entry
        chain, _, seq = entry.rpartition(":")
        conduct.redact_entry(
            self.trial, by="investigator", at=self.clock(), reason="A name was typed",
            chain=chain, seq=int(seq), drop=("term",),
        )  # fmt: skip


def followed(store: Any) -> ReadTables:
    tables = follow(store)
    assert tables is not None
    return tables


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


@pytest.fixture
def sqlite(path: Path) -> Iterator[SqliteStore]:
    with closing(open_store(path, study="small", realm="rehearsal", create=True)) as store:
        yield store


@pytest.fixture
def place(postgres_server: Server) -> Place:
    return postgres_server.create(study="small")


@pytest.fixture
def postgres(place: Place) -> Iterator[Any]:
    """A ledger with tables that its owner made."""
    make_as_owner(place.owner)
    with closing(open_store(place.app)) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def codes(refused: Any) -> list[str]:
    return [p.code for p in refused.value.problems]


def test_whatever_is_changed_by_hand_is_found(store: Any) -> None:
    """A value of any column, a row less, a place moved: the comparison names the table."""
    tables = followed(store)
    tables.rebuild()
    there = Followed(store)
    code = there.headache()
    there.correct(code, grade=3)
    assert compare(tables).differences == () and compare(tables).n_behind == 0
    database = tables.database
    n_tried = 0
    for table in TABLES:
        if not database.execute(f"SELECT 1 FROM {table.name} LIMIT 1"):
            continue
        for column, kind in table.columns.items():
            other = {
                "BigIntegerField": f'"{column}" + 1000',
                "FloatField": f'"{column}" + 1000',
                "BooleanField": f'NOT "{column}"',
                "DateField": "'1999-01-01'",
                "DateTimeField": "'1999-01-01 00:00:00.000000+00:00'",
                "TextField": f"""'x' || coalesce("{column}", '')""",
            }[kind]
            with pytest.raises(ZeroDivisionError), store.transaction():
                database.execute(f'UPDATE {table.name} SET "{column}" = {other}')
                assert [d.table for d in compare(tables).differences] == [table.name]
                n_tried += 1
                raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError), store.transaction():
            key = table.key[0]
            database.execute(
                f'DELETE FROM {table.name} WHERE "{key}" = (SELECT max("{key}") FROM {table.name})'
            )
            assert [d.table for d in compare(tables).differences] == [table.name]
            raise ZeroDivisionError
    assert n_tried > 60
    assert compare(tables).differences == ()


@pytest.mark.requirement("C03", "C11")
@pytest.mark.parametrize("layout", [LAYOUT, "0-older"])
def test_what_is_taken_out_of_the_ledger_leaves_the_tables(
    sqlite: SqliteStore, path: Path, layout: str
) -> None:
    """Out of every row, the correction that names the old value too, and out of the file."""
    tables = followed(sqlite)
    tables.rebuild()
    there = Followed(sqlite)
    code = there.headache()
    seen = there.trial.state.participants[code].forms["", "event", 0].version
    conduct.correct_item(
        there.trial, by="investigator", at=there.clock(), reason="Wrong person", participant=code,
        encounter="", form="event", repeat=0, item="term", value="Headache", seen=seen,
    )  # fmt: skip
    assert NAME in str(sqlite.connection.execute("SELECT old FROM read_correction").fetchall())
    sqlite.connection.execute("UPDATE read_layout SET layout = ?", (layout,))
    there.redact(code)
    files = [path, path.with_name(path.name + "-wal")]
    assert not [f for f in files if f.exists() and NAME.encode() in f.read_bytes()]
    # Who does not know a layout does not know where in it the name was: those tables are gone.
    assert layout_of(tables.database) == (LAYOUT if layout == LAYOUT else "")
    tables.catch_up()
    assert compare(tables).differences == () and compare(tables).n_rows > 20
    old = sqlite.connection.execute("SELECT old, new FROM read_correction").fetchall()
    assert old == [(None, '"Headache"')]


@pytest.mark.requirement("C03")
def test_nothing_is_taken_out_while_the_tables_would_keep_it(postgres: Any) -> None:
    """Tables of another layout that this role may not drop: the owner comes first."""
    tables = followed(postgres)
    there = Followed(postgres)
    code = there.headache()
    tables.catch_up()
    tables.database.execute("UPDATE read_layout SET layout = '0-older'")
    before = list(postgres.read())
    with pytest.raises(Refused) as refused:
        there.redact(code)
    assert codes(refused) == ["EQ-G041"]
    assert list(postgres.read()) == before


def test_an_act_is_refused_whole_if_its_rows_cannot_be_written(store: Any, request: Any) -> None:
    """Entry and rows together or neither; a rebuild mends it, and the same act goes through."""
    tables = followed(store)
    tables.catch_up()
    there = Followed(store)
    code = there.course.screen()
    there.course.consent(code)
    if isinstance(store, SqliteStore):
        store.connection.execute("ALTER TABLE read_form RENAME COLUMN content TO contents")
    else:
        with psycopg.connect(request.getfixturevalue("place").owner) as owner:
            owner.execute("ALTER TABLE read_form RENAME COLUMN content TO contents")
    before = list(store.read())
    with pytest.raises(Refused) as refused:
        there.course.submit(code, "vitals", weight=70.0, pregnant=False)
    assert codes(refused) == ["EQ-G040"]
    assert list(store.read()) == before
    if isinstance(store, SqliteStore):
        tables.rebuild()
    else:
        make_as_owner(request.getfixturevalue("place").owner)
        tables.catch_up()
    there.course.submit(code, "vitals", weight=70.0, pregnant=False)
    assert compare(tables).differences == () and compare(tables).n_behind == 0


def test_what_the_driver_says_on_reading_is_named(store: Any, request: Any) -> None:
    """Tables that are spoiled or may not be read: a page and each command say so in words."""
    tables = followed(store)
    tables.catch_up()
    Followed(store).course.screen()
    if isinstance(store, SqliteStore):
        spoiled = "ALTER TABLE read_layout RENAME COLUMN layout TO layouts"
        store.connection.execute(spoiled)
    else:
        with psycopg.connect(request.getfixturevalue("place").owner) as owner:
            owner.execute("REVOKE SELECT ON read_layout FROM ledger_app")
    acts = (tables.is_current, tables.catch_up, lambda: compare(tables))
    for act in (*acts, lambda: _let_tables_follow(store)):
        with pytest.raises(Refused) as refused:
            act()
        assert codes(refused) == ["EQ-G056"]


def test_who_may_make_tables_in_postgres(place: Place) -> None:
    """The owner alone; a ledger without any goes on as it did, and a reader is told what to do."""
    with closing(open_store(place.app)) as store:
        there = Followed(store)
        tables = followed(store)
        code = there.course.screen()
        for act in (tables.rebuild, tables.catch_up, lambda: tables_to_read(store, place.app)):
            with pytest.raises(Refused) as refused:
                act()
            assert codes(refused) == ["EQ-G041"]
        with pytest.raises(Refused) as refused:
            make_as_owner(place.app)
        assert codes(refused) == ["EQ-G041"]
        with pytest.raises(Refused) as refused:
            make_as_owner(place.owner.replace("ledger_owner", "nobody"))
        assert codes(refused) == ["EQ-G021"]
        make_as_owner(place.owner)
        tables_to_read(store, place.app)
        assert Line.objects.using(ALIAS).filter(stream=code).count() == 1
        assert tables.rebuild() == sum(head.seq for head in store.heads().values())
        assert compare(tables).n_behind == 0
        assert verify(store).problems == ()
        make_as_owner(place.owner)
        assert not tables.is_current()


def test_the_database_may_be_named_beside_the_address(
    postgres: Any, place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a service or in a variable of libpq: Django reads where the ledger is written."""
    address = place.app.replace("@/postgres?", "@/?")
    assert address != place.app
    code = Followed(postgres).course.screen()
    (tmp_path / "services").write_text("[trials]\ndbname=postgres\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    tables_to_read(postgres, f"{address}&service=trials")
    assert Line.objects.using(ALIAS).filter(stream=code).count() == 1
    monkeypatch.setenv("PGDATABASE", "postgres")
    tables_to_read(postgres, address)
    assert Line.objects.using(ALIAS).filter(stream=code).count() == 1


def test_a_live_ledger_in_postgres(postgres_server: Server) -> None:
    """Its role may write the tables and still nothing else; entry and row are there together."""
    place = postgres_server.create(study="small", realm="live")
    make_as_owner(place.owner)
    with closing(open_store(place.app)) as store:
        there = Followed(store)
        code = there.headache()
        tables_to_read(store, place.app)
        row = Form.objects.using(ALIAS).get(participant=code, form="vitals")
        assert msgspec.json.decode(row.content)["weight"] == 70.0
        assert verify(store).problems == ()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            store.connection.execute("UPDATE ledger_entry SET type = 'x'")


def test_a_ledger_from_before_and_one_far_behind(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acts leave alone what is not there, or lies far behind; who reads brings it up to date."""
    tables = followed(sqlite)
    there = Followed(sqlite)
    code = there.headache()
    assert layout_of(tables.database) == "" and compare(tables).n_behind > 20
    tables.catch_up()
    monkeypatch.setattr(keeping, "SHORT", 2)
    sqlite.follower = None
    for grade in (1, 3, 4):
        there.correct(code, grade=grade)
    tables = followed(sqlite)
    there.correct(code, grade=5)
    assert compare(tables).n_behind == 4
    monkeypatch.setattr(keeping, "MUCH", 3)
    tables.catch_up()
    assert tables.is_current() and compare(tables).differences == ()
    there.correct(code, grade=1)
    assert compare(tables).n_behind == 0


def test_tables_of_another_ledger_do_not_pass(tmp_path: Path, sqlite: SqliteStore) -> None:
    """Same study, same numbers, other entries: the digests tell, and all is written anew."""
    Followed(sqlite)
    tables = followed(sqlite)
    tables.catch_up()
    head = sqlite.heads()["control"]
    for change in ("digest = 'x'", "seq = seq + 5", "seq = seq - 3", "chain = 'site-77'"):
        sqlite.connection.execute(f"UPDATE read_position SET {change}")
        sqlite.connection.execute("UPDATE read_person SET name = 'somebody else'")
        assert not tables.is_current()
        tables.catch_up()
        assert compare(tables).differences == ()
    sqlite.connection.execute("UPDATE read_position SET digest = 'x'")
    conduct.add_person(
        RunningTrial(small_study(), sqlite), by="administrator", at=Clock()(), person="new",
        name="New", role=Role.MONITOR,
    )  # fmt: skip
    assert not tables.is_current() and sqlite.heads()["control"].seq == head.seq + 1
    tables.catch_up()
    assert compare(tables).differences == ()


def test_who_stops_a_rebuild_finds_the_tables_as_they_were(store: Any) -> None:
    """Interrupted after some entries; nothing is half written, nothing is lost."""
    tables = followed(store)
    tables.catch_up()
    Followed(store).headache()
    before = {t.name: tables.database.execute(f"SELECT * FROM {t.name}") for t in TABLES}

    def stop(done: int, total: int) -> None:
        assert done == total > 20
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tables.rebuild(progress=stop)
    after = {t.name: tables.database.execute(f"SELECT * FROM {t.name}") for t in TABLES}
    assert after == before
    assert tables.is_current()


def test_a_store_in_memory_has_its_tables_aside() -> None:
    """It is not followed; whoever reads brings them up to date, also after another trial's."""
    first, second = (MemoryStore("small", "rehearsal") for _ in range(2))
    assert follow(first) is None and database_of(first) is None
    for store in (first, second, first):
        there = Followed(store) if not store.heads() else None
        code = there.course.screen() if there else "01-001"
        tables_to_read(store)
        assert Line.objects.using(ALIAS).count() == sum(h.seq for h in store.heads().values())
        assert Line.objects.using(ALIAS).filter(stream=code).count() == 1


@pytest.mark.requirement("C24", "C71")
def test_the_signatures_at_the_end_of_the_blind_are_in_the_table(sqlite: SqliteStore) -> None:
    """They are about everybody, and stand once, also when the tables are written anew."""
    tables = followed(sqlite)
    tables.catch_up()
    small = Followed(sqlite)
    trial, clock = small.trial, small.clock
    for who in conduct.SIGNERS:
        conduct.accept_accountability(trial, by=who.value, at=clock(), statement="It binds me")
    conduct.lock_data(trial, by="data_manager", at=clock())
    digest = conduct.digest_of_populations(trial.study, trial.state)
    said = {"meaning": "So be it", "digest": digest}
    conduct.sign_populations(trial, by="statistician", at=clock(), **said)
    conduct.agree_unblinding(trial, by="safety_officer", at=clock(), **said)
    columns = ("participant", "site", "signed", "by", "meaning", "digest")
    with tables.database.transaction():
        rows = [
            dict(zip(SIGNATURE.columns, r, strict=True)) for r in tables.database.scan(SIGNATURE)
        ]
    assert [tuple(row[c] for c in columns) for row in rows] == [
        ("study", "", "PopulationsSigned", "statistician", "So be it", digest),
        ("study", "", "UnblindingAgreed", "safety_officer", "So be it", digest),
    ]
    assert compare(tables).differences == ()


def test_a_copy_has_no_tables(sqlite: SqliteStore, tmp_path: Path) -> None:
    """A backup is the ledger alone."""
    from equipoise.ledger import write_backup

    followed(sqlite).catch_up()
    Followed(sqlite)
    write_backup(sqlite, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        names = {n for (n,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {n for n in names if n.startswith("read_")} == set()


def test_rows_that_were_loaded_are_changed(store: Any) -> None:
    """Each change of a row by an act of its own, so that the row comes from the database."""
    tables = followed(store)
    tables.catch_up()
    there = Followed(store)
    trial, clock, today = there.trial, there.clock, there.clock.today
    admin = {"by": "administrator", "reason": "As agreed"}
    new = {"person": "ann", "name": "Ann", "role": Role.COORDINATOR}
    conduct.add_person(trial, **admin, at=clock(), **new, from_on=today)
    conduct.change_delegation(trial, **admin, at=clock(), person="ann", sites=("02",))
    conduct.remove_person(trial, **admin, at=clock(), person="ann")
    code = there.headache()
    there.correct(code, grade=4)
    conduct.request_randomization(trial, by="coordinator", at=clock(), participant=code, on=today)
    conduct.record_number(trial, by="coordinator", at=clock(), participant=code, number="R1")
    there.course.submit(code, "vitals", encounter="M0", weight=70.0, pregnant=False)
    there.course.order(code)
    infusion = {"participant": code, "encounter": "M0", "label": "L1"}
    back = {**infusion, "label": "L0"}
    conduct.prepare_infusion(trial, by="cell_unit", at=clock(), **back)
    conduct.take_back_infusion(trial, by="cell_unit", at=clock(), **back)
    conduct.prepare_infusion(trial, by="cell_unit", at=clock(), **infusion)
    conduct.start_infusion(trial, by="coordinator", at=clock(), **infusion, on=today)
    conduct.recall_infusion(trial, by="cell_unit", at=clock(), **infusion)
    del infusion["label"]
    over = {"at": clock(), "stopped_at": clock.at, "volume_ml": 16.5}
    conduct.end_infusion(trial, by="coordinator", **over, **infusion)
    conduct.record_deviation(
        trial, by="monitor", at=clock(), reason="Late", participant=code, kind="treatment", on=today
    )
    conduct.withdraw_participant(
        trial, by="investigator", at=clock(), reason="Moves", participant=code, on=today
    )
    found = compare(tables)
    assert (found.differences, found.n_behind) == ((), 0)

    def one(query: str) -> tuple[Any, ...]:
        (row,) = tables.database.execute(query)
        return tuple(str(x) if x is not None else None for x in row)

    who = "SELECT sites, from_on, is_active FROM read_person WHERE person = 'ann'"
    assert one(who)[:2] == ("02", None) and one(who)[2] in ("0", "False")
    assert one("SELECT status, label, given_on, given_ml FROM read_infusion") == (
        "given", "L1", str(today), "16.5",
    )  # fmt: skip
    assert one("SELECT status, number, randomized_on, left_on, cause FROM read_participant") == (
        "withdrawn", "R1", str(today), str(today), "Moves",
    )  # fmt: skip
    assert one("SELECT kind, what, since FROM read_deviation") == ("treatment", "Late", str(today))
    assert one("SELECT old, new, item, reason, role FROM read_correction") == (
        "2", "4", "grade", "Misread", "investigator",
    )  # fmt: skip
    last = list(store.read(stream=code))[-1]
    assert one("SELECT last_entry, consent_version FROM read_participant") == (
        f"{last.chain}:{last.seq}", "1.0",
    )  # fmt: skip


@pytest.mark.requirement("C03", "C11")
@pytest.mark.parametrize("short", [0, 1000])
def test_a_redaction_that_nobody_followed_is_caught_up(
    store: Any, short: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next act if little is missing, else by who reads; until then nothing is compared."""
    monkeypatch.setattr(keeping, "SHORT", short)
    tables = followed(store)
    tables.catch_up()
    there = Followed(store)
    code = there.headache()
    there.correct(code, grade=5)
    store.follower = None
    there.redact(code)
    assert (compare(tables).n_rows, compare(tables).n_behind > 0) == (0, True)
    tables = followed(store)
    conduct.add_person(
        there.trial, by="administrator", at=there.clock(), person="new", name="New",
        role=Role.MONITOR,
    )  # fmt: skip
    there.course.screen()
    assert compare(tables).n_behind == (0 if short else 4)
    tables.catch_up()
    found = compare(tables)
    assert (found.differences, found.n_behind) == ((), 0)
    assert NAME not in str(tables.database.execute("SELECT content FROM read_form"))
    assert tables.database.execute("SELECT old FROM read_correction") == [(None,)]
