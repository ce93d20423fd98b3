"""`equipoise randomization`, a list made elsewhere, and the opened list drawn again."""

import datetime as dt
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.cli.folders import load_checked
from equipoise.conduct import RunningTrial, open_trial
from equipoise.ledger import open_store
from equipoise.randomization import Allocation, write_list
from equipoise.vault import LocalVault, VaultClient, read_token
from equipoise.vault.sequence import verify_proof
from equipoise.vault.server import serving

from .conftest import STUDY, Rehearsed, answer_of, codes, refused, run

Edit = Callable[[str, str, str], int]
OF = ("--study", STUDY)
BY = ("--by", "unblinded_statistician", "--reason", "replay after the lock")


@pytest.mark.requirement("F15")
def test_the_designs_of_the_first_study_are_compared(tmp_path: Path) -> None:
    """Its own first; the same numbers for people, for machines and on the page; French as well."""
    page = tmp_path / "randomization.html"
    answer = answer_of(run("randomization", STUDY, "--sequences", 400, "--json", "-o", page))
    own = answer["rows"][0]
    assert (own["name"]["en"], own["is_own"]) == ("blocks of 9", True)
    assert own["does"]["unbalanced"] == {"estimate": 0.0, "mc_error": 0.0}
    assert answer["setting"] == {"ratio": [1, 1, 1], "n": 18, "n_strata": 1, "shares": []}
    assert answer["seconds"] < 60
    assert "Before the randomization is signed" in page.read_text(encoding="utf-8")

    said = run("randomization", STUDY, "--sequences", 400)
    assert said.exit_code == 0
    first = next(line for line in said.stdout.splitlines() if line.startswith("* "))
    assert f"{100 * own['does']['guessed']['estimate']:.0f}%" in first
    french = run("randomization", STUDY, "--sequences", 400, "--language", "fr").stdout
    assert "blocs de 9" in french and "Devinés" in french


@pytest.mark.requirement("F31", "F22")
def test_code_breaks_and_shipments_are_part_of_what_is_signed(
    folder: Path, edit: Edit, tmp_path: Path
) -> None:
    """Kept to the bound and at chance; a bound that the scheme exceeds ends with 1, named."""
    words = ("randomization", folder, "--sequences", 7000)
    answer = answer_of(run(*words, "--json"))
    assert answer["bound"] == {"breaks": 3, "guessed": 0.45, "certain": 0.0}
    assert answer["problems"] == []
    own, *others = answer["supply"]
    assert own["is_own"] and not any(other["is_own"] for other in others)
    assert abs(own["unbroken"]["gained"]["estimate"]) < 0.01
    assert all(o["broken"]["gained"]["estimate"] > 0.005 for o in others)

    edit("study.yaml", "guessed: 0.45", "guessed: 0.36")
    page = tmp_path / "page.html"
    said = run("randomization", folder, "--sequences", 100, "--language", "fr", "-o", page)
    assert said.exit_code == 1
    assert "EQ-R010" in said.output and "la dépasse" in said.output
    assert "la dépasse" in page.read_text(encoding="utf-8")

    edit("study.yaml", "breaks: 3", "breaks: 18")
    assert "EQ-R012" in run("check", folder).output


def test_what_cannot_be_compared_or_written(folder: Path, edit: Edit, tmp_path: Path) -> None:
    """A page where none can be; a study without a plan."""
    words = ("randomization", folder, "--sequences", 100)
    assert refused(*words, "-o", tmp_path / "no" / "page.html") == ["EQ-X003"]
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    start, end = text.index("randomization:\n"), text.index("\nsites:")
    edit("study.yaml", text[start:end], "")
    edit("study.yaml", "allocation: randomized\n", "")
    assert refused(*words) == ["EQ-R002"]


def opened_list(trial: Rehearsed, tmp_path: Path) -> Path:
    output = tmp_path / "opened.json"
    done = run("vault", "open", trial.vault, *OF, "--store", trial.store, *BY, "-o", output)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"18 entries, 18 used. Written to {output}.\n"
    assert output.stat().st_mode & 0o077 == 0
    return output


@pytest.mark.requirement("C69", "F09")
def test_an_auditor_draws_the_list_again(own: Rehearsed, tmp_path: Path) -> None:
    """Opened after the lock; then the file and the ledger are enough, without vault and key."""
    opened = opened_list(own, tmp_path)
    own.vault.rename(tmp_path / "away")
    good = run("vault", "audit", opened, "--store", own.store)
    assert good.exit_code == 0, good.output
    assert "18 entries lead to the published commitment" in good.stdout
    assert "18 allocations are those of the ledger, drawn again alike" in good.stdout
    answer = answer_of(run("vault", "audit", opened, "--store", own.store, "--json"))
    commitment = json.loads(opened.read_text())["root"]
    assert answer == {
        "ok": True, "entries": 18, "allocated": 18, "commitment": commitment, "problems": [],
    }  # fmt: skip


@pytest.mark.requirement("C69", "D29")
def test_an_altered_list_does_not_pass(own: Rehearsed, unlocked: Rehearsed, tmp_path: Path) -> None:
    """Two arms exchanged; the list of another trial; an address that tells a password."""
    opened = opened_list(own, tmp_path)
    told = json.loads(opened.read_text())
    one = told["entries"][0]
    other = next(e for e in told["entries"] if e["arm"] != one["arm"])
    one["arm"], other["arm"] = other["arm"], one["arm"]
    (tmp_path / "altered.json").write_text(json.dumps(told))
    bad = run("vault", "audit", tmp_path / "altered.json", "--store", own.store)
    assert bad.exit_code == 1
    assert codes(bad) == ["EQ-V134", "EQ-V135"]
    told_to_all = "postgresql://reader:secret@127.0.0.1/trial"
    assert refused("vault", "audit", opened, "--store", told_to_all) == ["EQ-X926"]
    strange = run("vault", "audit", opened, "--store", unlocked.store)
    assert strange.exit_code == 1
    assert {"EQ-V134", "EQ-V136"} <= set(codes(strange))


@pytest.mark.requirement("C69", "D29")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"study": "another"}, "EQ-V210"),
        ({"realm": "live"}, "EQ-V210"),
        ({"root": "0" * 64}, "EQ-V211"),
    ],
)
def test_what_a_list_says_of_itself_is_held_against_the_ledger(
    own: Rehearsed, tmp_path: Path, change: dict[str, str], code: str
) -> None:
    """The commitment binds the entries and not these; a proof of one entry names two of them."""
    opened, proof = opened_list(own, tmp_path), tmp_path / "proof.json"
    assert run("vault", "prove", opened, "R-004", "-o", proof).exit_code == 0
    for file in (opened, proof):
        told = json.loads(file.read_text())
        if not change.keys() <= told.keys():
            assert (file, *change) == (proof, "realm")
            continue
        file.write_text(json.dumps(told | change))
        bad = run("vault", "audit", file, "--store", own.store)
        assert (bad.exit_code, codes(bad)) == (1, [code])


def test_an_archive_is_no_ledger_and_is_not_damaged(own: Rehearsed, tmp_path: Path) -> None:
    """Who has the archive alone is told to import it; then the audit answers."""
    opened, archive = opened_list(own, tmp_path), tmp_path / "trial.zip"
    done = run("ledger", "export", "--store", own.store, "-o", archive)
    assert done.exit_code == 0, done.output
    assert refused("vault", "audit", opened, "--store", archive) == ["EQ-V212"]
    imported = tmp_path / "imported.db"
    assert run("ledger", "import", archive, "--store", imported).exit_code == 0
    assert run("vault", "audit", opened, "--store", imported).exit_code == 0


@pytest.mark.requirement("C69")
def test_a_commitment_that_was_never_published_is_missed(own: Rehearsed, tmp_path: Path) -> None:
    """A ledger that was opened without its vault cannot show that the list came first."""
    study, store = load_checked(STUDY), tmp_path / "bare.db"
    opened = opened_list(own, tmp_path)
    name = study.identity.study
    with closing(open_store(store, study=name, realm="rehearsal", create=True)) as ledger:
        open_trial(RunningTrial(study, ledger), at=dt.datetime.now(dt.UTC), people=())
    bare = run("vault", "audit", opened, "--store", store)
    assert bare.exit_code == 1
    assert codes(bare)[:2] == ["EQ-V139", "EQ-V134"]


@pytest.mark.requirement("C69")
def test_one_entry_is_proven_by_itself(own: Rehearsed, tmp_path: Path) -> None:
    """To the ledger's commitment by the command, and with Python alone by the small program."""
    opened, proof = opened_list(own, tmp_path), tmp_path / "proof.json"
    assert run("vault", "prove", opened, "R-004", "-o", proof).exit_code == 0
    told = json.loads(proof.read_text())
    good, root = run("vault", "audit", proof, "--store", own.store), told["root"]
    assert (good.exit_code, good.stdout) == (
        0,
        f"R-004 with its arm is entry {told['index']} of the list of the published commitment "
        f"{root}. The proof shows no other entry.\n",
    )
    answer = answer_of(run("vault", "audit", proof, "--store", own.store, "--json"))
    assert answer == {
        "ok": True, "number": "R-004", "entry": told["index"], "commitment": root, "problems": [],
    }  # fmt: skip
    line = [sys.executable, "-I", verify_proof.__file__, str(proof), told["root"]]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.stdout == f"R-004 {told['arm']}: in the committed list\n"
    told["arm"] = "placebo" if told["arm"] != "placebo" else "one_infusion"
    proof.write_text(json.dumps(told))
    bad = run("vault", "audit", proof, "--store", own.store)
    assert (bad.exit_code, codes(bad)) == (1, ["EQ-V140"])
    proof.write_text(json.dumps({**told, "salt": "not hexadecimal"}))
    assert codes(run("vault", "audit", proof, "--store", own.store)) == ["EQ-V140"]
    listed = {**json.loads(opened.read_text()), "seed": "not hexadecimal"}
    (tmp_path / "spoiled.json").write_text(json.dumps(listed))
    spoiled = ("R-004", "-o", tmp_path / "none.json")
    assert refused("vault", "prove", tmp_path / "spoiled.json", *spoiled) == ["EQ-V057"]
    assert refused("vault", "prove", opened, "R-099", "-o", tmp_path / "x") == ["EQ-V142"]
    assert refused("vault", "prove", opened, "R-001", "-o", tmp_path / "no" / "x") == ["EQ-X003"]
    assert refused("vault", "prove", proof, "R-001", "-o", tmp_path / "x") == ["EQ-V142"]
    (tmp_path / "x").write_text("{}")
    assert refused("vault", "audit", tmp_path / "x", "--store", own.store) == ["EQ-V143"]


@pytest.mark.requirement("C66", "F20", "F32")
def test_the_list_is_opened_after_the_lock_by_the_right_person(
    own: Rehearsed, unlocked: Rehearsed, tmp_path: Path
) -> None:
    """Not before the lock, not by a blinded role, not over a file; the vault is not even asked."""
    words = ("vault", "open", own.vault, *OF, "--store", own.store, "-o", tmp_path / "o.json")
    reason = ("--reason", "x")
    assert refused(*words, "--by", "investigator", *reason) == ["EQ-C002"]
    early = (
        "vault",
        "open",
        unlocked.vault,
        *OF,
        "--store",
        unlocked.store,
        "-o",
        tmp_path / "o.json",
    )
    assert "EQ-A001" in refused(*early, *BY)
    (tmp_path / "o.json").write_text("mine")
    assert refused(*words, *BY) == ["EQ-X002"]
    assert (tmp_path / "o.json").read_text() == "mine"
    nowhere = (*words[:-1], tmp_path / "no" / "o.json")
    assert refused(*nowhere, *BY) == ["EQ-X003"]
    vault = LocalVault(own.vault)
    assert refused(*words[:-1], tmp_path / "again.json", *BY)[0] == "EQ-V017"  # open already
    assert not (tmp_path / "again.json").exists()
    log = VaultClient(vault, read_token(own.vault, "audit")).read_log()
    vault.close()
    assert "Disclose" not in {entry.type for entry in log}


@pytest.fixture
def signed(folder: Path, edit: Edit, tmp_path: Path) -> Path:
    """A study whose list was made elsewhere, and that list, in turn."""
    arms = tuple(load_checked(STUDY).identity.arms)
    text = write_list(Allocation("", k + 1, arms[k % 3]) for k in range(18))
    path = tmp_path / "list.csv"
    path.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    edit("study.yaml", "  scheme: permuted_blocks\n", f"  scheme: imported\n  digest: {digest}\n")
    edit("study.yaml", "  blocks: {decision: blocks, assume: [9, 9]}\n", "")
    return path


@pytest.mark.requirement("F08", "F09")
def test_a_list_made_elsewhere_is_kept(folder: Path, signed: Path, tmp_path: Path) -> None:
    """The signed file and no other; the vault gives its arms in its order; then it is verified."""
    words = ("vault", tmp_path / "v", "--create", folder, "--realm", "rehearsal")
    assert refused(*words) == ["EQ-V129"]
    spoiled = tmp_path / "spoiled.csv"
    spoiled.write_text(signed.read_text().replace("\n", "\r\n"), newline="")
    assert refused(*words, "--list", spoiled) == ["EQ-V120", "EQ-V121"]
    done = run(*words, "--list", signed)
    assert done.exit_code == 0, done.output
    vault = LocalVault(tmp_path / "v")
    assign = VaultClient(vault, read_token(tmp_path / "v", "assign"))
    nature = VaultClient(vault, read_token(tmp_path / "v", "nature"))
    arms = [nature.nature(assign.assign(f"p{k}", stratum="", proof="p")) for k in range(18)]
    assert arms == [line.split(",")[2] for line in signed.read_text().split("\n")[1:-1]]
    assert assign.verify().ok
    vault.close()


def test_a_study_with_a_list_made_elsewhere_is_rehearsed(folder: Path, signed: Path) -> None:
    """The real list stays away from rehearsals; another one stands in, and `check` is content."""
    from equipoise.rehearsal import prepare_rehearsal_vault

    assert signed.exists()
    study = load_checked(folder)
    assert len(prepare_rehearsal_vault(study, folder / "v", seed=1)) == 64


@pytest.mark.requirement("F14", "F36")
def test_anybody_may_ask_how_a_vault_stands(own: Rehearsed, tmp_path: Path) -> None:
    """All eighteen are given: that is told, with the commitment, and nothing of an arm."""
    vault = LocalVault(own.vault)
    with serving(vault, tmp_path / "v.sock"):
        said = run("vault", "status", tmp_path / "v.sock")
        answer = answer_of(run("vault", "status", tmp_path / "v.sock", "--json"))
    vault.close()
    assert (said.exit_code, codes(said)) == (0, ["EQ-V118"])
    assert "18 numbers given" in said.stdout
    assert answer["commitment"] in said.stdout
    assert (answer["ok"], answer["assigned"]) == (True, 18)
    arms = load_checked(STUDY).identity.arms
    assert not any(word in said.output for word in (*arms, "block", "cells", "placebo"))
