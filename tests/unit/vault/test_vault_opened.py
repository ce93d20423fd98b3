"""The opened list: drawn again by anybody, held against the ledger; one entry shown by itself."""

import runpy
import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pytest
from msgspec.structs import replace
from test_vault_sequence import NAMES, SCHEMES, clients_of, old_vault, open_vault
from vault_examples import AGREED, CONTENTS, SEED, SPECIFICATION

from equipoise.ledger import tree_root
from equipoise.problems import Refused
from equipoise.randomization import digest_list, draw_list
from equipoise.randomization.generator import counter_draws
from equipoise.vault import LocalVault, create_vault
from equipoise.vault.sequence import verify_proof
from equipoise.vault.sequence.opened import OpenedList, Recorded, check_opened, prove


def codes(problems):
    return [p.code for p in problems]


def disclosed(directory, specification, n=25, **more):
    """A vault of which so many entries are used, its opened list, and what a ledger would say."""
    vault = open_vault(directory, specification, **more)
    made = clients_of(vault, directory)
    recorded = []
    for k in range(n):
        stratum = specification.strata[k % len(specification.strata)]
        number = made.assign.assign(f"p{k:02}", stratum=stratum, proof=f"proof {k}")
        recorded.append(
            Recorded(participant=f"p{k:02}", number=number, stratum=stratum, proof=f"proof {k}")
        )
    opened = made.unblind.disclose(by="dr", reason="after the lock", **AGREED)
    arms = {n.number: made.nature.nature(n.number) for n in recorded}
    vault.close()
    return SimpleNamespace(
        opened=opened, recorded=recorded, root=made.anyone, arms=arms, directory=directory
    )


@pytest.fixture(params=SCHEMES, ids=NAMES)
def told(request, tmp_path):
    return disclosed(tmp_path / "v", request.param)


@pytest.mark.requirement("C69", "F09")
def test_anybody_draws_every_allocation_again(told):
    """From the file alone, through JSON: nothing wrong, and each arm is the one that was given."""
    raw = msgspec.json.encode(told.opened)
    opened = msgspec.json.decode(raw, type=OpenedList)
    assert check_opened(opened, commitment=opened.root, recorded=told.recorded) == ()
    arms = {e.number: e.arm for e in opened.entries}
    assert {n: arms[n] for n in told.arms} == told.arms
    assert opened.seed == SEED.hex()


def altered(opened, place, **changes):
    entries = [*opened.entries]
    entries[place] = replace(entries[place], **changes)
    return replace(opened, entries=tuple(entries))


def other_arm(opened, place):
    return next(a for a in CONTENTS if a != opened.entries[place].arm)


@pytest.mark.requirement("C69", "D29")
def test_whatever_was_altered_is_told(told):
    """An arm, an order, the seed, the scheme, what arms receive, a use, a person, a proof."""
    opened, root = told.opened, told.opened.root

    def found(changed=opened, recorded=None, commitment=root):
        recorded = told.recorded if recorded is None else recorded
        return set(codes(check_opened(changed, commitment=commitment, recorded=recorded)))

    assert found() == set()
    assert "EQ-V135" in found(altered(opened, 3, arm=other_arm(opened, 3)))
    assert found(replace(opened, seed="00" * 16)) == {"EQ-V134", "EQ-V135"}
    assert "EQ-V134" in found(replace(opened, salt="00" * 32))
    swapped = opened.source.replace("otter", "x").replace("heron", "otter").replace("x", "heron")
    assert "EQ-V134" in found(replace(opened, source=swapped))
    assert found(commitment="0" * 64) == {"EQ-V134"}
    assert found(commitment="") == {"EQ-V134"}
    assert found(replace(opened, entries=opened.entries[1:])) >= {"EQ-V135", "EQ-V136"}
    used = opened.used
    assert found(replace(opened, used=used[1:])) >= {"EQ-V136"}
    assert found(replace(opened, used=used[:-1])) == {"EQ-V136"}
    assert found(recorded=told.recorded[1:]) == {"EQ-V136"}
    late = replace(used[0], at="2999-01-01T00:00:00Z")
    assert found(replace(opened, used=(late, *used[1:]))) == {"EQ-V138"}
    exchanged = replace(used[0], number=used[1].number), replace(used[1], number=used[0].number)
    assert "EQ-V136" in found(replace(opened, used=(*exchanged, *used[2:])))
    first = told.recorded[0]
    for change in ({"proof": "other"}, {"stratum": "other"}):
        assert found(recorded=[replace(first, **change), *told.recorded[1:]]) == {"EQ-V137"}
    nowhere = replace(used[-1], number="R-999")
    unknown = [*told.recorded[:-1], replace(told.recorded[-1], number="R-999")]
    assert found(replace(opened, used=(*used[:-1], nowhere)), unknown) == {"EQ-V136"}


@pytest.mark.requirement("C69")
def test_one_entry_is_shown_without_the_others(told, tmp_path):
    """Each listed number has a proof; it holds no other number, salt or arm; altered, it fails."""
    opened = told.opened
    n_listed = opened.n_listed
    for entry in opened.entries[:n_listed]:
        proof = prove(opened, entry.number)
        assert proof is not None
        assert verify_proof.root_from(msgspec.to_builtins(proof)) == opened.root
        raw = msgspec.json.encode(proof).decode()
        assert not any(
            e.salt in raw or f'"{e.number}"' in raw
            for e in opened.entries
            if e.number != entry.number
        )
    for entry in opened.entries[n_listed:]:
        assert prove(opened, entry.number) is None
    if n_listed:
        proof = msgspec.to_builtins(prove(opened, "R-002"))
        for change in (
            {"arm": other_arm(opened, 1)}, {"number": "R-003"}, {"order": 3}, {"index": 1},
            {"n_leaves": 1}, {"path": proof["path"][:-1]}, {"path": [*proof["path"], "00" * 32]},
        ):  # fmt: skip
            assert verify_proof.root_from({**proof, **change}) != opened.root


def test_a_proof_is_verified_with_python_alone(tmp_path, monkeypatch):
    """The small program says so in words and by its exit code, without this package."""
    opened = disclosed(tmp_path / "v", SPECIFICATION, n=2).opened
    file = tmp_path / "proof.json"
    proof = prove(opened, "R-007")
    file.write_bytes(msgspec.json.encode(proof))
    program = (sys.executable, "-I", verify_proof.__file__, str(file))
    good = subprocess.run([*program, opened.root], capture_output=True, text=True, check=False)
    bad = subprocess.run([*program, "0" * 64], capture_output=True, text=True, check=False)
    arm = opened.entries[6].arm
    assert (good.returncode, good.stdout) == (0, f"R-007 {arm}: in the committed list\n")
    assert (bad.returncode, bad.stdout) == (1, f"R-007 {arm}: NOT in the committed list\n")
    monkeypatch.setattr(sys, "argv", ["verify_proof.py", str(file), opened.root])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(verify_proof.__file__, run_name="__main__")
    assert ended.value.code == 0
    assert verify_proof.main([str(file), "x"]) == 1


@pytest.mark.parametrize("n", range(1, 34))
def test_paths_lead_to_the_root_for_every_size(n):
    """Of a tree of any size and for each leaf, to the root that the ledger's own tree has."""
    import hashlib

    entries = [
        {"number": f"R-{k}", "stratum": "", "order": k, "arm": "a", "salt": "00"} for k in range(n)
    ]
    leaves = [verify_proof.leaf_of(entry) for entry in entries]
    for k, entry in enumerate(entries):
        path = verify_proof.path_to(leaves, k)
        proof = {**entry, "index": k, "n_leaves": n, "path": path}
        assert verify_proof.root_from(proof) == tree_root(leaves)
        assert len(path) <= (n - 1).bit_length()
    assert hashlib.sha256(b"\0" + leaves[0]).hexdigest() == tree_root(leaves[:1])


@pytest.mark.requirement("F20", "F30")
def test_once_the_whole_list_is_open_nobody_new_gets_a_number(tmp_path):
    """Who has one keeps it; a refused question opens nothing; name and reason are needed."""
    vault = open_vault(tmp_path, SPECIFICATION)
    made = clients_of(vault, tmp_path)
    number = made.assign.assign("p1", stratum="", proof="p")
    for client, by, code in (
        (made.assign, "dr", "EQ-V001"),
        (made.cells, "dr", "EQ-V001"),
        (made.unblind, " ", "EQ-V007"),
    ):
        with pytest.raises(Refused) as caught:
            client.disclose(by=by, reason="x", **AGREED)
        assert codes(caught.value.problems) == [code]
    assert made.assign.assign("p2", stratum="", proof="p") == "R-002"
    made.unblind.disclose(by="dr", reason="after the lock", **AGREED)
    with pytest.raises(Refused) as caught:
        made.assign.assign("p3", stratum="", proof="p")
    assert codes(caught.value.problems) == ["EQ-V141"]
    assert made.assign.assign("p1", stratum="", proof="p") == number
    assert made.anyone.verify().problems == ()
    vault.close()


@pytest.mark.requirement("C69")
def test_the_list_of_the_first_version_is_opened_too(tmp_path):
    """Its commitment is over the entries alone, and its proofs have no first leaf."""
    old_vault(tmp_path / "v")
    vault = LocalVault(tmp_path / "v")
    opened = vault_opened(vault)
    vault.close()
    recorded = [
        Recorded(participant=u.participant, number=u.number, stratum="", proof=u.proof)
        for u in opened.used
    ]
    assert check_opened(opened, commitment=opened.root, recorded=recorded) == ()
    proof = prove(opened, "R-001")
    assert proof is not None
    assert proof.n_leaves == 18
    assert verify_proof.root_from(msgspec.to_builtins(proof)) == opened.root
    other = next(a for a in CONTENTS if a != opened.entries[0].arm)
    changed = altered(opened, 0, arm=other)
    assert codes(check_opened(changed, commitment=opened.root, recorded=recorded)) == [
        "EQ-V134", "EQ-V135",
    ]  # fmt: skip


def vault_opened(vault):
    from equipoise.vault.sequence.opened import open_whole

    return open_whole(vault._store, parts=vault._parts, seals=vault._seals)


@pytest.mark.requirement("F08", "C69")
def test_a_list_made_elsewhere_is_kept_as_it_was_signed(tmp_path):
    """The vault holds exactly its entries, ends with it, and the signed digest is checked again."""
    strata = replace(SPECIFICATION, strata=("01", "02"))
    entries = draw_list(strata, draw_below=counter_draws(b"elsewhere"))
    imported = replace(strata, scheme="imported", blocks=(), digest=digest_list(entries))
    told = disclosed(tmp_path / "v", imported, n=36, seed=None, listed=entries)
    found = [(e.stratum, e.order, e.arm) for e in told.opened.entries]
    assert found == [(e.stratum, e.order, e.arm) for e in entries]
    assert check_opened(told.opened, commitment=told.opened.root, recorded=told.recorded) == ()
    changed = altered(told.opened, 0, arm=other_arm(told.opened, 0))
    rooted = check_opened(changed, commitment=told.opened.root, recorded=told.recorded)
    assert codes(rooted) == ["EQ-V134", "EQ-V135"]

    vault = open_vault(tmp_path / "w", imported, seed=None, listed=entries)
    made = clients_of(vault, tmp_path / "w")
    for k in range(18):
        made.assign.assign(f"p{k}", stratum="01", proof="p")
    with pytest.raises(Refused) as caught:
        made.assign.assign("p18", stratum="01", proof="p")
    assert codes(caught.value.problems) == ["EQ-V004"]
    assert codes(made.anyone.verify().problems) == ["EQ-V118"]
    vault.close()


def test_a_list_belongs_to_its_scheme_alone(tmp_path):
    """None where the vault draws, one where it does not."""
    entries = draw_list(SPECIFICATION, draw_below=counter_draws(b"elsewhere"))
    imported = replace(SPECIFICATION, scheme="imported", blocks=(), digest=digest_list(entries))
    for specification, listed in ((SPECIFICATION, entries), (imported, ())):
        with pytest.raises(Refused) as caught:
            create_vault(
                tmp_path / "v", specification, contents=CONTENTS, realm="live", listed=listed
            )
        assert codes(caught.value.problems) == ["EQ-V129"]
        assert not (tmp_path / "v").exists()


MINIMIZED = SCHEMES[-1]


@pytest.mark.requirement("C69")
@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"seed": "no hex"}, ["EQ-V057"]),
        ({"salt": "0"}, ["EQ-V057"]),
        ({"source": "{"}, ["EQ-V057"]),
        ({"source": "[]"}, ["EQ-V057"]),
        ({"source": ('"0.8"', '"x"')}, ["EQ-V057"]),
        ({"source": ('"0.8"', '"1/0"')}, ["EQ-V057"]),
        ({"source": ('"n_planned":18', '"n_planned":0')}, ["EQ-V057"]),
        ({"source": ('"01/mild"', '"01"')}, ["EQ-V134", "EQ-V135"]),
        ({"source": ('"0.8"', '"0.4"')}, ["EQ-V134", "EQ-V135"]),
        ({"n_listed": -7}, ["EQ-V134"]),
        ({"entries": "salt"}, ["EQ-V057"]),
    ],
)
def test_an_altered_file_is_a_problem(tmp_path, changed, found):
    """Whatever is no longer hexadecimal, JSON or a scheme is told, with no traceback."""
    told = disclosed(tmp_path / "v", MINIMIZED)
    (name, value), *_ = changed.items()
    if isinstance(value, tuple):
        assert value[0] in told.opened.source
        value = told.opened.source.replace(*value)
    if value == "salt":
        value = (replace(told.opened.entries[0], salt="?"), *told.opened.entries[1:])
    altered = replace(told.opened, **{name: value})
    problems = check_opened(altered, commitment=told.opened.root, recorded=told.recorded)
    assert codes(problems)[: len(found)] == found
    if found == ["EQ-V057"]:
        with pytest.raises(Refused):
            prove(altered, "R-001")


def test_a_source_and_entries_that_contradict_each_other_are_a_problem(tmp_path):
    """Both altered alike, to strata that no plan can have: one factor here, two there."""
    told = disclosed(tmp_path / "v", MINIMIZED)
    entries = [
        replace(e, stratum="01" if e.stratum == "01/mild" else e.stratum)
        for e in told.opened.entries
    ]
    source = told.opened.source.replace('"01/mild"', '"01"')
    altered = replace(told.opened, source=source, entries=tuple(entries))
    problems = check_opened(altered, commitment=told.opened.root, recorded=told.recorded)
    assert codes(problems)[:2] == ["EQ-V134", "EQ-V135"]
