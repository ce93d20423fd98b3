"""Sequences in parts: what an amendment closes, what it begins anew, what it leaves as it was."""

import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from itertools import count

import msgspec
import pytest
from meddling import REFUSED, meddling, owner_of, rows_of, tamper
from msgspec.structs import replace
from test_vault_opened import codes
from test_vault_sequence import MINIMIZED, clients_of, old_vault, open_vault, told
from vault_examples import AGREED, CONTENTS, SPECIFICATION

from equipoise.problems import Refused
from equipoise.randomization import digest_list, draw_list
from equipoise.randomization.generator import counter_draws
from equipoise.vault import LocalVault, create_vault
from equipoise.vault.keeping import amending
from equipoise.vault.keeping.amending import Agreement, amend_vault
from equipoise.vault.keeping.copying import back_up_vault, restore_vault
from equipoise.vault.keeping.rotating import rotate_key
from equipoise.vault.protocol import Line
from equipoise.vault.sealing import Slot
from equipoise.vault.sequence import verify_proof
from equipoise.vault.sequence.opened import OpenedList, OpenedPart, Recorded, check_opened, prove
from equipoise.vault.sequence.parts import part_of
from equipoise.vault.stores.seam import Place

SITES = told("permuted_blocks", blocks=(6,), n_planned=6, strata=("01", "02"))
STICK = told("big_stick", tolerance=1, n_planned=6, strata=("01", "02"))
CHANGES = {
    "site added": {"strata": ("01", "02", "03")},
    "stratum added": {"strata": ("01", "01x", "02")},
    "stratum removed": {"strata": ("02",)},
    "ratio": {"ratio": (2, 1, 1), "blocks": (8,), "n_planned": 8},
    "arm closed": {"arms": ("arm-kestrel", "arm-q"), "ratio": (1, 1)},
    "planned number": {"n_planned": 12},
    "blocks": {"blocks": (3,)},
    "all at once": {
        "arms": ("arm-q", "arm-bittern"), "ratio": (2, 1), "strata": ("02", "03"), "n_planned": 12,
    },
}  # fmt: skip


def now():
    return datetime.now(UTC)


def agreement(root, digest="f" * 64, agreed=("sam", "kim")):
    return Agreement(digest=digest, agreed=agreed, commitment=root)


class Kept:
    """A vault on disk, opened for as long as a question takes, and what a ledger would hold."""

    def __init__(self, directory, specification, **more):
        open_vault(directory, specification, **more).close()
        self.directory, self.specification = directory, specification
        self.roots = [self.ask(lambda c: c.anyone.commitment())]
        self.recorded, self.names = [], count(1)

    def ask(self, question):
        vault = LocalVault(self.directory)
        try:
            return question(clients_of(vault, self.directory))
        finally:
            vault.close()

    def assign(self, *strata):
        """A number for each, in this order."""
        return self.ask(lambda c: [self._assign(c, s) for s in strata])

    def _assign(self, clients, stratum):
        who = f"p{next(self.names):03}"
        number = clients.assign.assign(who, stratum=stratum, proof=f"proof of {who}")
        said = {"participant": who, "number": number, "proof": f"proof of {who}"}
        self.recorded.append(Recorded(**said, stratum=stratum))
        return number

    def amend(self, folder="", *, listed=(), **changes):
        changed = replace(self.specification, **changes)
        root = amend_vault(
            self.directory, changed, contents=CONTENTS,
            agreement=agreement(self.roots[-1], digest=folder or f"{len(self.roots):064}"),
            by="keeper", reason="amendment 2", at=now(), listed=listed,
            owner=owner_of(self.directory),
        )  # fmt: skip
        self.specification = changed
        self.roots.append(root)
        return root

    def entries(self):
        """Every entry of the list, without opening it."""
        vault = LocalVault(self.directory)
        query = "SELECT number, sealed FROM vault_slot ORDER BY rowid"
        rows = vault._connection.execute(query).fetchall()
        found = [msgspec.json.decode(vault._seals.open(n, s), type=Slot) for n, s in rows]
        vault.close()
        return found

    def verify(self):
        return self.ask(lambda c: c.anyone.verify())

    def opened(self):
        opened = self.ask(lambda c: c.unblind.disclose(by="dr", reason="locked", **AGREED))
        return msgspec.json.decode(msgspec.json.encode(opened), type=OpenedList)

    def arms(self, numbers):
        return self.ask(lambda c: [c.nature.nature(n) for n in numbers])


@pytest.fixture(params=["file", "database"])
def place(request):
    """Where the list is: in the vault's own file, or in a database."""
    if request.param == "file":
        return None
    made = request.getfixturevalue("database")
    return Place(made.app, made.owner)


@pytest.fixture(params=[SITES, STICK, MINIMIZED], ids=["blocks", "stick", "minimized"])
def kept(request, tmp_path, place):
    return Kept(tmp_path / "v", request.param, place=place)


def changes_for(specification, name):
    changes = dict(CHANGES[name])
    if specification.scheme != "permuted_blocks":
        changes = {k: v for k, v in changes.items() if k != "blocks"} or {"n_planned": 9}
    if specification.scheme == "minimization":
        named = {"01": "01/mild", "02": "02/severe", "03": "03/mild", "01x": "01/grave"}
        if "strata" in changes:
            changes["strata"] = tuple(named[s] for s in changes["strata"])
        changes["floor"] = "0.05"
    return changes


@pytest.mark.requirement("F34", "F19", "C69")
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_begins_a_part_of_its_own(kept, name):
    """Old and new numbers are disjoint, each part is committed to, and the audit replays both."""
    first = kept.specification.strata
    before = kept.assign(*[first[k % len(first)] for k in range(5)])
    listed = {slot.number for slot in kept.entries()}
    arms = kept.arms(before)

    kept.amend(**changes_for(kept.specification, name))
    strata, open_arms = kept.specification.strata, set(kept.specification.arms)
    after = kept.assign(*[strata[k % len(strata)] for k in range(40)])

    new = {s.number for s in kept.entries()} - listed
    assert not listed & new
    assert not set(before) & set(after)
    assert {part_of(n) for n in listed} <= {1}
    assert set(kept.arms(after)) == open_arms
    assert kept.arms(before) == arms
    report = kept.verify()
    assert (report.ok, {p.code for p in report.problems} - {"EQ-V118"}) == (True, set())
    assert report.commitment == kept.roots[-1] != kept.roots[0]
    opened = kept.opened()
    assert check_opened(opened, commitment=kept.roots[-1], recorded=kept.recorded) == ()
    assert codes(check_opened(opened, commitment=kept.roots[0], recorded=kept.recorded)) == [
        "EQ-V134"
    ]


@pytest.mark.requirement("F34")
@pytest.mark.parametrize("specification", [SITES, STICK], ids=["blocks", "stick"])
@pytest.mark.parametrize("name", ["site added", "stratum added", "planned number"])
def test_what_does_not_change_goes_on_byte_for_byte(tmp_path, specification, name):
    """The numbers and arms that the other sites get next: the same as in a vault never amended."""
    kept = Kept(tmp_path / "v", specification)
    kept.assign("01", "01", "02")
    shutil.copytree(tmp_path / "v", tmp_path / "never")
    never = object.__new__(Kept)
    never.__dict__ |= kept.__dict__ | {"directory": tmp_path / "never", "recorded": []}
    never.names, kept.names = count(4), count(4)
    rows = "SELECT number, stratum, position, sealed FROM vault_slot ORDER BY rowid"
    sealed = rows_of(kept.directory, rows)

    kept.amend(**CHANGES[name])

    assert rows_of(kept.directory, rows)[: len(sealed)] == sealed
    course = ["02", "01", "01", "02"] * 6  # far past the planned number
    new = [s for s in kept.specification.strata if s not in specification.strata]
    numbers = [n for s in course for n in (kept.assign(s, *new) if new else kept.assign(s))]
    own = numbers[:: 1 + len(new)]
    assert own == never.assign(*course)
    assert kept.arms(own) == never.arms(own)
    assert {part_of(n) for n in numbers if n not in own} <= {2}


@pytest.mark.requirement("F34", "F19")
def test_what_a_closed_part_left_unused_is_spent(tmp_path, place):
    """No entry of it is ever given, the store itself refuses it, nothing opens it."""
    kept = Kept(tmp_path / "v", SITES, place=place)
    kept.assign("01", "02")
    free = {s.number for s in kept.entries()} - {"R-001", "R-007"}
    kept.amend(**CHANGES["arm closed"])

    assert {n for (n,) in rows_of(kept.directory, "SELECT number FROM vault_spent")} == free
    for statement in (
        "INSERT INTO vault_assignment VALUES ('x', 'R-002', 'p', 'now')",
        "DELETE FROM vault_spent",
        "UPDATE vault_spent SET number = 'R-001' WHERE number = 'R-002'",
        "INSERT INTO vault_spent VALUES ('R2-001')",
    ):
        with meddling(kept.directory) as run, pytest.raises(REFUSED):
            run(statement)
    for question in (
        lambda c: c.cells.contents("R-002", "M0"),
        lambda c: c.emergency.reveal("R-002", "arm", by="dr", reason="fall"),
        lambda c: c.nature.nature("R-002"),
    ):
        with pytest.raises(Refused) as caught:
            kept.ask(question)
        assert codes(caught.value.problems) == ["EQ-V002"]
    with pytest.raises(Refused) as caught:
        kept.ask(lambda c: c.assign.compare([Line(participant="x", number="R-002", proof="p")]))
    assert codes(caught.value.problems) == ["EQ-V047"]


@pytest.mark.requirement("F34")
def test_those_who_have_a_number_keep_all_of_it(tmp_path):
    """The number asked for again, what was prepared, the code-break: as before, also if closed."""
    kept = Kept(tmp_path / "v", SITES)
    numbers = kept.assign(*["01"] * 6)
    closed = numbers[kept.arms(numbers).index("arm-bittern")]
    kept.amend(**CHANGES["arm closed"])
    kept.assign("01")

    who = kept.recorded[numbers.index(closed)]
    again = {"stratum": "01", "proof": who.proof}
    assert kept.ask(lambda c: c.assign.assign(who.participant, **again)) == closed
    assert kept.ask(lambda c: c.cells.contents(closed, "M3")) == "product-heron"
    said = {"by": "dr", "reason": "fall"}
    assert kept.ask(lambda c: c.emergency.reveal(who.participant, "arm", **said)) == "arm-bittern"
    assert kept.ask(lambda c: c.emergency.reveal("R2-001", "infusion:M0", **said))
    listed = kept.ask(lambda c: c.unblind.open_list(by="dr", reason="locked", **AGREED))
    assert [(a.number, a.arm) for a in listed][:6] == [*zip(numbers, kept.arms(numbers), strict=1)]
    assert len(kept.ask(lambda c: c.emergency.breaks())) == 2


@pytest.mark.requirement("F34")
def test_amended_again_and_again(kept):
    """Three amendments: a closed site comes back with a list of its own, all of it replays."""
    first = kept.specification.strata
    kept.assign(*first)
    for name in ("stratum removed", "ratio", "site added"):
        changes = changes_for(kept.specification, name) | {"n_planned": 24}
        kept.amend(**changes)
        kept.assign(*kept.specification.strata * 9)
    numbers = [r.number for r in kept.recorded]
    assert len(set(numbers)) == len(numbers)
    assert {part_of(n) for n in numbers} >= {1, 3}
    assert kept.verify().ok
    opened = kept.opened()
    assert check_opened(opened, commitment=kept.roots[-1], recorded=kept.recorded) == ()
    assert len(opened.later) == 3


@pytest.mark.requirement("F34", "C69", "D29")
def test_whatever_is_altered_in_a_later_part_is_told(tmp_path):
    """Its seed, what it follows, how many were given by then, an entry, a commitment between."""
    kept = Kept(tmp_path / "v", SITES)
    kept.assign("01", "02", "01")
    kept.amend(**CHANGES["arm closed"])
    kept.assign("01", "02")
    kept.amend(**CHANGES["site added"], arms=("arm-kestrel", "arm-q"), ratio=(1, 1))
    kept.assign("03", "01")
    opened, root = kept.opened(), kept.roots[-1]

    def found(**changes):
        altered = replace(opened, **changes)
        told = check_opened(altered, commitment=root, recorded=kept.recorded)
        return set(codes(told))

    def later(place, **changes):
        parts = [*opened.later]
        parts[place] = replace(parts[place], **changes)
        return found(later=tuple(parts))

    assert found() == set()
    assert {"EQ-V134", "EQ-V135"} <= later(0, seed="00" * 32)
    assert "EQ-V134" in later(1, salt="00" * 32)
    given_later = opened.later[0].source.replace('"n_given":3', '"n_given":5')
    assert {"EQ-V134", "EQ-V138"} <= later(0, source=given_later)
    follows = opened.later[1].source.replace(kept.roots[1], kept.roots[0])
    assert later(1, source=follows) == {"EQ-V134", "EQ-V135"}
    assert {"EQ-V134", "EQ-V135"} <= found(later=opened.later[1:])
    assert {"EQ-V134", "EQ-V135"} <= found(later=())
    assert later(0, source="{") == {"EQ-V057"}
    place = next(k for k, e in enumerate(opened.entries) if e.number == "R2-004")
    other = "arm-q" if opened.entries[place].arm == "arm-kestrel" else "arm-kestrel"
    entries = [*opened.entries]
    entries[place] = replace(entries[place], arm=other)
    assert {"EQ-V134", "EQ-V135"} <= found(entries=tuple(entries))
    entries[place] = replace(opened.entries[place], number="R9-004")
    assert "EQ-V135" in found(entries=tuple(entries))
    assert isinstance(opened.later[0], OpenedPart)


@pytest.mark.requirement("F34", "C69")
def test_an_entry_of_each_part_is_proven_to_its_own_commitment(tmp_path):
    """By the small program alone; a later part's proof does not lead to the first commitment."""
    kept = Kept(tmp_path / "v", SITES)
    kept.assign("01")
    kept.amend(**CHANGES["ratio"])
    opened = kept.opened()
    for number, root, other in (("R-002", *kept.roots), ("R2-003", *reversed(kept.roots))):
        proof = prove(opened, number)
        raw = tmp_path / f"{number}.json"
        raw.write_bytes(msgspec.json.encode(proof))
        said = [sys.executable, verify_proof.__file__, str(raw)]
        assert subprocess.run([*said, root], check=False, capture_output=True).returncode == 0
        assert subprocess.run([*said, other], check=False, capture_output=True).returncode == 1
        assert proof.root == root
    assert prove(opened, "R3-001") is None
    assert prove(opened, "R2-999") is None
    assert prove(opened, "no number") is None


def test_a_lone_part_without_entries_is_committed_too(tmp_path):
    """More people planned: nothing is drawn anew, and the new number planned is bound."""
    kept = Kept(tmp_path / "v", SITES)
    kept.amend(**CHANGES["planned number"])
    assert len(kept.entries()) == 12
    kept.assign(*["01"] * 11)
    assert kept.verify().problems == ()
    kept.assign("01")
    assert codes(kept.verify().problems) == ["EQ-V118"]


@pytest.mark.requirement("F34", "F18", "F17")
def test_minimization_counts_those_of_earlier_parts(tmp_path):
    """Reckoned by hand: eleven of an arm before a site came, so that arm is the worst choice."""
    kept = Kept(tmp_path / "v", MINIMIZED)
    before = kept.assign(*["01/mild"] * 11)
    counts = Counter(kept.arms(before))
    kept.amend(strata=(*MINIMIZED.strata, "03/mild", "03/severe"))
    (number,) = kept.assign("03/mild")
    (slot,) = [s for s in kept.entries() if s.number == number]
    # At site 03 nobody came yet: a range of 1 wherever the next goes. Among the mild all eleven.
    expected = []
    for arm in SPECIFICATION.arms:
        after = [counts[a] + (a == arm) for a in SPECIFICATION.arms]
        expected.append(1 + max(after) - min(after))
    assert slot.draw.imbalances == tuple(expected)
    assert part_of(number) == 2


@pytest.mark.requirement("F34", "F18")
def test_minimization_after_another_ratio_and_a_closed_arm(tmp_path):
    """Those of an arm take its places in turn; those of a closed arm count nowhere."""
    kept = Kept(tmp_path / "v", MINIMIZED)
    arms = kept.arms(kept.assign(*["01/mild"] * 12))
    kept.amend(arms=("arm-kestrel", "arm-q"), ratio=(2, 1), floor="0.05")
    (number,) = kept.assign("01/mild")
    (slot,) = [s for s in kept.entries() if s.number == number]
    n = arms.count("arm-kestrel")
    by_place = [n - n // 2, n // 2, arms.count("arm-q")]
    expected = []
    for place in range(3):
        after = [have + (k == place) for k, have in enumerate(by_place)]
        expected.append(2 * (max(after) - min(after)))
    assert slot.draw.imbalances == tuple(expected)
    assert slot.allocation.order == 13


@pytest.mark.requirement("F34")
def test_what_an_amendment_cannot_change(tmp_path):
    """Each is refused by name, and the vault is what it was."""
    kept = Kept(tmp_path / "v", SITES)
    kept.assign("01")
    whole = (tmp_path / "v" / "vault.db").read_bytes()
    base = {"by": "k", "reason": "r", "at": now(), "contents": CONTENTS}
    root = kept.roots[0]

    def refused(told=SITES, told_by=None, **more):
        with pytest.raises(Refused) as caught:
            amend_vault(tmp_path / "v", told, agreement=told_by or agreement(root), **(base | more))
        return codes(caught.value.problems)

    assert refused(replace(SITES, study="S2")) == ["EQ-V170"]
    assert refused(told("complete", strata=("01", "02"), n_planned=6)) == ["EQ-V171"]
    four = (*SITES.arms, "arm-new")
    assert refused(replace(SITES, arms=four, ratio=(1,) * 4, blocks=(4, 2))) == [
        "EQ-V102", "EQ-V172",
    ]  # fmt: skip
    assert refused(replace(SITES, strata=("01/mild", "02/mild"))) == ["EQ-V173"]
    assert refused(replace(SITES, ratio=(1,), arms=("arm-q",))) == ["EQ-V105"]
    swapped = {**CONTENTS, "arm-q": CONTENTS["arm-kestrel"]}
    assert refused(contents=swapped) == ["EQ-V174"]
    for people in ((), ("sam",), ("sam", " SAM ")):
        assert refused(told_by=agreement(root, agreed=people)) == ["EQ-V175"]
    assert refused(told_by=agreement("0" * 64)) == ["EQ-V015"]
    assert refused(by=" ") == refused(reason="") == ["EQ-V007"]
    listed = draw_list(SITES, draw_below=counter_draws(b"x"))
    assert refused(listed=listed) == ["EQ-V129"]
    vault = LocalVault(tmp_path / "v")
    assert refused() == ["EQ-V018"]
    vault.close()
    assert (tmp_path / "v" / "vault.db").read_bytes() == whole
    assert kept.verify().commitment == root


@pytest.mark.requirement("F34")
def test_a_closed_arm_stays_closed(tmp_path):
    """Opening it again later is another arm than those in force: refused."""
    kept = Kept(tmp_path / "v", SITES)
    kept.amend(**CHANGES["arm closed"])
    with pytest.raises(Refused) as caught:
        kept.amend(arms=SITES.arms, ratio=SITES.ratio)
    assert codes(caught.value.problems) == ["EQ-V172"]


@pytest.mark.requirement("F34", "F39")
def test_only_a_sound_vault_is_amended(tmp_path):
    """Not after it was disclosed, not before a restore was compared, not with a guard gone."""
    kept = Kept(tmp_path / "v", SITES)
    kept.assign("01")
    back_up_vault(tmp_path / "v", tmp_path / "copy.db")
    key = (tmp_path / "v" / "vault.key").read_text()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "vault.key").write_text(key)
    restore_vault(tmp_path / "copy.db", tmp_path / "r", by="k", reason="r", at=now())
    said = {"contents": CONTENTS, "agreement": agreement(kept.roots[0])}
    said |= {"by": "k", "reason": "r", "at": now()}
    changed = replace(SITES, **CHANGES["site added"])
    with pytest.raises(Refused) as caught:
        amend_vault(tmp_path / "r", changed, **said)
    assert codes(caught.value.problems) == ["EQ-V044"]

    connection = sqlite3.connect(tmp_path / "r" / "vault.db", isolation_level=None)
    connection.execute("DROP TRIGGER vault_slot_no_delete")
    connection.close()
    with pytest.raises(Refused) as caught:
        amend_vault(tmp_path / "r", changed, **said)
    assert codes(caught.value.problems) == ["EQ-V044", "EQ-V177"]

    kept.opened()
    with pytest.raises(Refused) as caught:
        kept.amend(**CHANGES["site added"])
    assert codes(caught.value.problems) == ["EQ-V141"]


@pytest.mark.requirement("F34", "D02")
def test_asked_again_it_is_the_same_part(tmp_path):
    """The same folder, before and after the ledger knows of it: one part, the same commitment."""
    kept = Kept(tmp_path / "v", SITES)
    root = kept.amend("a" * 64, **CHANGES["arm closed"])
    for known in kept.roots:
        again = amend_vault(
            tmp_path / "v", kept.specification, contents=CONTENTS,
            agreement=agreement(known, digest="a" * 64), by="k", reason="again", at=now(),
        )  # fmt: skip
        assert again == root
    assert {part_of(s.number) for s in kept.entries()} == {1, 2}
    assert kept.verify().ok


@pytest.mark.requirement("F34", "F13")
def test_a_new_key_is_of_all_parts(tmp_path, place):
    """Each header and each entry is sealed anew, and none of them by the old key alone."""
    kept = Kept(tmp_path / "v", SITES, place=place)
    numbers = kept.assign("01", "02")
    kept.amend(**CHANGES["site added"])
    arms = kept.arms(numbers)
    owner = owner_of(kept.directory)
    rotate_key(kept.directory, by="k", reason="yearly", at=now(), owner=owner)
    assert kept.verify().ok
    assert kept.arms(numbers) == arms
    assert [part_of(n) for n in kept.assign("03", "01")] == [2, 1]


@pytest.mark.requirement("F34", "C05")
def test_a_vault_in_a_database_is_amended_by_its_owner_alone(tmp_path, database, postgres_server):
    """Without the owner, with another's, or after the server lost something: nothing is begun."""
    kept = Kept(tmp_path / "v", SITES, place=Place(database.app, database.owner))
    kept.assign("01")
    asked = {
        "specification": replace(SITES, **CHANGES["site added"]), "contents": CONTENTS,
        "agreement": agreement(kept.roots[0]), "by": "k", "reason": "r", "at": now(),
    }  # fmt: skip
    other = postgres_server.create_schema()
    Kept(tmp_path / "other", SITES, place=Place(other.app, other.owner))
    for owner, code in ((database.app, "EQ-G017"), ("", "EQ-V199"), (other.owner, "EQ-V203")):
        with pytest.raises(Refused) as caught:
            amend_vault(kept.directory, **asked, owner=owner)
        assert codes(caught.value.problems) == [code]
    seen = kept.directory / "vault.seen"
    before = seen.read_bytes()
    seen.write_bytes(before.replace(b'"seq":', b'"seq":9'))
    with pytest.raises(Refused) as caught:
        amend_vault(kept.directory, **asked, owner=database.owner)
    assert codes(caught.value.problems) == ["EQ-V044"]
    seen.write_bytes(before)
    assert {part_of(s.number) for s in kept.entries()} == {1}
    assert kept.verify().problems == ()
    amend_vault(kept.directory, **asked, owner=database.owner)
    assert {part_of(s.number) for s in kept.entries()} == {1, 2}


@pytest.mark.requirement("F34", "D02")
def test_an_amendment_that_was_cut_short(tmp_path, place, monkeypatch):
    """Stopped among its entries nothing of it is there, each guard stands; begun anew it is."""
    kept = Kept(tmp_path / "v", SITES, place=place)
    kept.assign("01")
    real, n_written = amending.write_slot, count(1)

    def write_and_die(*words, **more):
        real(*words, **more)
        if next(n_written) == 3:
            raise OSError("the power is gone")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="power"):
        patched.setattr(amending, "write_slot", write_and_die)
        kept.amend(**CHANGES["arm closed"])
    assert {part_of(s.number) for s in kept.entries()} == {1}
    assert kept.verify().problems == ()
    kept.amend(**CHANGES["arm closed"])
    assert kept.verify().problems == ()
    assert {part_of(s.number) for s in kept.entries()} == {1, 2}


@pytest.mark.requirement("F34", "F39")
def test_a_database_that_lost_an_amendment_gives_nothing(tmp_path, database, postgres_server):
    """Its seed is gone: the vault's folder remembers that there was one."""
    kept = Kept(tmp_path / "v", SITES, place=Place(database.app, database.owner))
    kept.assign("01")
    with postgres_server.going_back():
        kept.amend(**CHANGES["arm closed"])
    with pytest.raises(Refused) as caught:
        kept.assign("02")
    assert codes(caught.value.problems) == ["EQ-V044"]


@pytest.mark.requirement("F34", "F13", "F39")
def test_keys_copies_and_comparisons_are_of_all_parts(tmp_path, monkeypatch):
    """A new key opens every part; a copy from after the amendment takes up what it lost."""
    kept = Kept(tmp_path / "v", SITES)
    kept.assign("01", "02")
    kept.amend(**CHANGES["site added"])
    rotate_key(tmp_path / "v", by="k", reason="yearly", at=now())
    assert kept.verify().ok
    kept.assign("03")
    back_up_vault(tmp_path / "v", tmp_path / "copy.db")
    kept.assign(*["03", "01", "02"] * 9)  # past the end of each list
    numbers = [r.number for r in kept.recorded]
    arms = kept.arms(numbers)
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", (tmp_path / "v" / "vault.key").read_text())
    restore_vault(tmp_path / "copy.db", tmp_path / "r", by="k", reason="r", at=now())
    for token in (tmp_path / "v").glob("*.token"):
        shutil.copy(token, tmp_path / "r")
    kept.directory = tmp_path / "r"
    lines = [Line(**msgspec.structs.asdict(r)) for r in kept.recorded]
    assert len(kept.ask(lambda c: c.assign.compare(lines)).taken_up) == 27
    assert kept.arms(numbers) == arms
    assert kept.verify().ok


@pytest.mark.requirement("F34", "F39")
def test_a_copy_from_before_the_amendment_takes_up_nothing_of_it(tmp_path, monkeypatch):
    """What was drawn anew since is lost with its seed: the vault stays shut."""
    kept = Kept(tmp_path / "v", SITES)
    back_up_vault(tmp_path / "v", tmp_path / "copy.db")
    kept.amend(**CHANGES["arm closed"])
    kept.assign("01")
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", (tmp_path / "v" / "vault.key").read_text())
    restore_vault(tmp_path / "copy.db", tmp_path / "r", by="k", reason="r", at=now())
    for token in (tmp_path / "v").glob("*.token"):
        shutil.copy(token, tmp_path / "r")
    kept.directory = tmp_path / "r"
    assert kept.ask(lambda c: c.anyone.commitment()) == kept.roots[0] != kept.roots[1]
    lines = [Line(**msgspec.structs.asdict(r)) for r in kept.recorded]
    with pytest.raises(Refused) as caught:
        kept.ask(lambda c: c.assign.compare(lines))
    assert codes(caught.value.problems) == ["EQ-V047"]
    with pytest.raises(Refused) as caught:
        kept.assign("01")
    assert codes(caught.value.problems) == ["EQ-V044"]


@pytest.mark.requirement("F34", "D29")
def test_a_store_that_was_altered_after_an_amendment_is_told(tmp_path, place):
    """An entry taken out of what is spent; one of a closed part given after all."""
    kept = Kept(tmp_path / "v", SITES, place=place)
    kept.assign("01")
    kept.amend(**CHANGES["arm closed"])
    kept.assign("01")
    tamper(kept.directory, "DELETE FROM vault_spent WHERE number = 'R-002'")
    assert codes(kept.verify().problems) == ["EQ-V176"]
    tamper(kept.directory, "INSERT INTO vault_assignment VALUES ('x', 'R-002', 'p', 'z')")
    assert set(codes(kept.verify().problems)) == {"EQ-V016", "EQ-V021"}


@pytest.mark.requirement("F34")
def test_a_list_made_elsewhere_is_amended_by_another_list(tmp_path):
    """All strata begin anew, with the list that was signed for it."""
    first = draw_list(SITES, draw_below=counter_draws(b"one"))
    bare = replace(SITES, scheme="imported", blocks=())
    kept = Kept(tmp_path / "v", replace(bare, digest=digest_list(first)), listed=first)
    kept.assign("01", "02")
    second = draw_list(replace(SITES, strata=("01", "02", "03")), draw_below=counter_draws(b"two"))
    kept.amend(strata=("01", "02", "03"), digest=digest_list(second), listed=second)
    numbers = kept.assign("03", "01", "02")
    assert {part_of(n) for n in numbers} == {2}
    assert kept.verify().ok
    opened = kept.opened()
    assert check_opened(opened, commitment=kept.roots[-1], recorded=kept.recorded) == ()


def test_a_vault_of_the_first_version_is_amended(tmp_path):
    """Its list ended with its last entry; what an amendment begins goes on like any other."""
    old_vault(tmp_path / "v")
    vault = LocalVault(tmp_path / "v")
    clients, told_before = clients_of(vault, tmp_path / "v"), vault._parts[0]
    root = clients.anyone.commitment()
    vault.close()
    changed = replace(told_before.specification, arms=tuple(told_before.contents)[:2], ratio=(1, 1))
    changed = replace(changed, blocks=(6,), n_planned=6)
    new = amend_vault(
        tmp_path / "v", changed, contents=told_before.contents, agreement=agreement(root),
        by="k", reason="r", at=now(),
    )  # fmt: skip
    vault = LocalVault(tmp_path / "v")
    clients = clients_of(vault, tmp_path / "v")
    numbers = [clients.assign.assign(f"p{k}", stratum="", proof="p") for k in range(3, 12)]
    assert numbers[0] == "R2-001" and numbers[-1] == "R2-009"
    assert clients.anyone.verify().ok
    assert clients.anyone.commitment() == new
    vault.close()


def test_a_vault_that_has_no_header_is_none(tmp_path):
    """A file from which every header was taken does not open."""
    create_vault(tmp_path, SPECIFICATION, contents=CONTENTS, realm="rehearsal", seed=b"x")
    connection = sqlite3.connect(tmp_path / "vault.db", isolation_level=None)
    connection.execute("DROP TRIGGER vault_header_no_delete")
    connection.execute("DELETE FROM vault_header")
    connection.close()
    with pytest.raises(Refused) as caught:
        LocalVault(tmp_path)
    assert codes(caught.value.problems) == ["EQ-V013"]


LEAVING = replace(MINIMIZED, leaves_out=("withdrawn",))


def assign_leaving(kept, n, out):
    """So many people of two strata; from the eleventh on `out` does not count."""
    lines = []
    for k in range(n):
        who, stratum = f"p{k:03}", MINIMIZED.strata[k % 2]
        said = {"stratum": stratum, "proof": "p", "left_out": out if k > 9 else ()}
        number = kept.ask(lambda c, w=who, s=said: c.assign.assign(w, **s))
        lines.append(Line(participant=who, number=number, **said))
    return lines


@pytest.mark.requirement("F18", "F17")
@pytest.mark.parametrize("specification", [LEAVING, MINIMIZED], ids=["left out", "counted"])
def test_who_left_counts_or_not_as_the_specification_says(tmp_path, specification):
    """Reckoned by hand from the arms given: with the rule three fewer, without it everybody."""
    kept = Kept(tmp_path / "v", specification)
    lines = assign_leaving(kept, 10, ())
    out = tuple(line.participant for line in lines[:3])
    before = kept.arms([line.number for line in lines])
    asked = {"stratum": "01/mild", "proof": "p", "left_out": out}
    number = kept.ask(lambda c: c.assign.assign("x", **asked))
    (slot,) = [s for s in kept.entries() if s.number == number]
    stay = range(3, 10) if specification is LEAVING else range(10)
    expected = []
    for arm in SPECIFICATION.arms:
        total = 0
        for level in (0, 1):  # the site, then how severe it is
            mine = ["01", "mild"][level]
            alike = [k for k in stay if lines[k].stratum.split("/")[level] == mine]
            after = [sum(before[k] == a for k in alike) + (a == arm) for a in SPECIFICATION.arms]
            total += max(after) - min(after)
        expected.append(total)
    assert slot.draw.imbalances == tuple(expected)
    assert slot.draw.left_out == ("7" if specification is LEAVING else "")
    assert kept.verify().ok


@pytest.mark.requirement("F18", "C69", "D29")
def test_who_was_left_out_is_held_against_the_ledger(tmp_path):
    """The opened list replays; a ledger or a list that says otherwise is told."""
    kept = Kept(tmp_path / "v", LEAVING)
    lines = assign_leaving(kept, 14, ("p001", "p004"))
    recorded = [
        Recorded(**{f: getattr(line, f) for f in Recorded.__struct_fields__}) for line in lines
    ]
    opened = kept.opened()
    root = kept.roots[0]
    assert check_opened(opened, commitment=root, recorded=recorded) == ()
    silent = [*recorded[:-1], replace(recorded[-1], left_out=())]
    assert codes(check_opened(opened, commitment=root, recorded=silent)) == ["EQ-V180"]
    entries = [*opened.entries]
    entries[12] = replace(entries[12], draw=replace(entries[12].draw, left_out=""))
    altered = check_opened(
        replace(opened, entries=tuple(entries)), commitment=root, recorded=recorded
    )
    assert set(codes(altered)) == {"EQ-V135", "EQ-V180"}


@pytest.mark.requirement("F18", "F39")
def test_a_restore_draws_again_without_those_left_out(tmp_path):
    """Each line says who did not count then: the same numbers, the same arms, one length."""
    kept = Kept(tmp_path / "v", LEAVING)
    shutil.copytree(tmp_path / "v", tmp_path / "before")
    lines = assign_leaving(kept, 20, ("p000", "p003", "p007"))
    numbers = [line.number for line in lines]
    arms = kept.arms(numbers)
    assert len(set(rows_of(kept.directory, "SELECT length(sealed) FROM vault_slot"))) == 1
    kept.directory = tmp_path / "before"
    assert len(kept.ask(lambda c: c.assign.compare(lines)).taken_up) == 20
    assert kept.arms(numbers) == arms
    assert kept.verify().ok


@pytest.mark.requirement("F34")
def test_a_stratum_that_is_gone_gets_nothing(tmp_path):
    """Neither a number, nor one that a ledger claims for it, nor one that is called like none."""
    kept = Kept(tmp_path / "v", SITES)
    kept.amend(**CHANGES["stratum removed"])
    with pytest.raises(Refused) as caught:
        kept.assign("01")
    assert codes(caught.value.problems) == ["EQ-V005"]
    for number in ("R-099", "R2-001", "R3-001", "first"):
        line = Line(participant="x", number=number, proof="p", stratum="01")
        with pytest.raises(Refused) as caught:
            kept.ask(lambda c, told=line: c.assign.compare([told]))
        assert codes(caught.value.problems) == ["EQ-V047"]


@pytest.mark.requirement("D29")
def test_an_older_vault_is_brought_up_without_mending_its_guards(tmp_path):
    """What amendments need is added; a guard that somebody took away stays missed."""
    old_vault(tmp_path / "v")
    connection = sqlite3.connect(tmp_path / "v" / "vault.db", isolation_level=None)
    connection.execute("DROP TRIGGER vault_slot_no_delete")
    connection.close()
    for _ in range(2):
        vault = LocalVault(tmp_path / "v")
        report = clients_of(vault, tmp_path / "v").anyone.verify()
        assert codes(report.problems) == ["EQ-G018"]
        vault.close()


@pytest.mark.requirement("F39", "F34", "D02")
@pytest.mark.parametrize("is_amended", [False, True])
def test_who_waited_for_a_number_of_a_later_part_is_found(tmp_path, monkeypatch, is_amended):
    """Drawn when it was needed, counted in its part; the answer was lost, then the vault."""
    kept = Kept(tmp_path / "v", MINIMIZED)
    kept.assign("01/mild")
    if is_amended:
        kept.amend(**changes_for(MINIMIZED, "ratio"))
        kept.assign("01/mild")
    back_up_vault(tmp_path / "v", tmp_path / "copy.db")
    number, _ = kept.assign("01/mild", "02/mild")
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", (tmp_path / "v" / "vault.key").read_text())
    restore_vault(tmp_path / "copy.db", tmp_path / "r", by="k", reason="r", at=now())
    for token in (tmp_path / "v").glob("*.token"):
        shutil.copy(token, tmp_path / "r")
    kept.directory = tmp_path / "r"
    lines = [Line(**msgspec.structs.asdict(r)) for r in kept.recorded]
    lines[-2] = replace(lines[-2], number="")
    found = kept.ask(lambda c: c.assign.compare(lines))
    assert len(found.taken_up) == 2
    who = lines[-2].participant
    again = {"stratum": "01/mild", "proof": lines[-2].proof}
    assert kept.ask(lambda c: c.assign.assign(who, **again)) == number
    assert kept.verify().ok
