"""After a restore: randomization stays closed until it is proven that nothing was lost.

A backup is older than what it is restored for. What came after it may hold randomizations, and the
vault has spent their numbers; a person randomized anew in their place would get another's. So the
latest seal that anybody kept elsewhere must show that nothing came after, or two people in two
roles must have looked. A seal shows what was there when it was taken, and no more; and whoever has
the files can compute that of what they restored. So the vault, too, must have given no number that
the ledger lacks.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from equipoise.conduct import events as e
from equipoise.conduct.acts.randomizing import proof_of
from equipoise.conduct.door import SYSTEM, Events, RunningTrial, View, act, at_record, refuse_if
from equipoise.conduct.parts import is_own
from equipoise.conduct.rules import check_reason
from equipoise.conduct.state import TrialState
from equipoise.ledger import Entry, Head, merkle_root
from equipoise.problems import Where, problem
from equipoise.study.roles import Role
from equipoise.vault import Vault
from equipoise.vault.protocol import Line


def record_restored(
    trial: RunningTrial, *, at: dt.datetime, source: str, is_complete: bool = True
) -> tuple[Entry, ...]:
    """Record that the trial's ledger was filled from `source`, and close randomization.

    Where the source was damaged, or is a site's copy, something is known to be missing, and no seal
    proves otherwise.
    """
    heads = trial.store.heads()
    control = heads.get("control", Head(0, ""))
    last = trial.store.read(chain="control", after=control.seq - 1)
    restored = e.LedgerRestored(
        source=source,
        n_entries=sum(head.seq for head in heads.values()),
        heads={chain: (head.seq, head.digest) for chain, head in heads.items()},
        root=merkle_root(heads),
        proven_by=_proofs(heads, last) if is_complete else (),
        is_complete=is_complete,
    )
    view = View(trial.study, trial.state, SYSTEM)
    return trial.record(view, [restored], at=at, reason="")


def confirm_restore(
    trial: RunningTrial, *, by: str, at: dt.datetime, root: str
) -> tuple[Entry, ...]:
    """Open randomization again, by the latest seal that anybody kept elsewhere and by the vault.

    Raises:
        Refused: nothing waits for it, the seal is not that of the restored ledger, the vault gave
            numbers that are not in it, or the vault cannot be asked.
    """
    with trial.transaction():
        state = trial.state
        recorded = record_confirmation(trial, by=by, at=at, root=root)
        if state.commitment:
            if trial.vault is None:
                refuse_if([problem("EQ-C053")])
            assert trial.vault is not None
            lost = find_numbers_beyond(state, trial.vault)
            refuse_if([problem("EQ-C205", at_record(p), participant=p) for p, _ in lost])
    return recorded


@act(Role.DATA_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR)
def record_confirmation(
    view: View, *, by: str, at: dt.datetime, reason: str = "", root: str
) -> Events:
    """Record that the latest seal kept elsewhere is that of the ledger as it was restored."""
    restored = view.state.restored
    if restored is None:
        refuse_if([problem("EQ-C111")])
    elif root not in restored.proven_by:
        refuse_if([problem("EQ-C112", seal=root)])
    return [e.RestoreConfirmed(root=root)]


def find_numbers_beyond(state: TrialState, vault: Vault) -> tuple[tuple[str, str], ...]:
    """Participants and numbers that the vault has and the ledger lacks; both are compared.

    One whose randomization is under way is told without a number: the next asking completes it. One
    by a packet is not, and lacks nothing: its number follows no list.

    Raises:
        Refused: they contradict each other, the vault has another list than the one that this
            ledger committed to, or the token is not the one to assign.
    """
    if vault.commitment() != state.commitment:
        refuse_if([problem("EQ-V015", state.study)])
    under_way = [p for p in state.participants.values() if p.status == "randomizing"]
    lines = [
        Line(
            participant=p.code,
            number=p.number,
            proof=proof_of(p),
            stratum=p.stratum,
            left_out=p.left_out,
        )
        for p in (*state.randomized, *(p for p in under_way if not p.packet))
    ]
    by_packet = {p.code for p in under_way if p.packet}
    beyond = vault.compare(lines).beyond
    return tuple((code, number) for code, number in beyond if code not in by_packet)


@act(Role.DATA_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR, Role.INVESTIGATOR, Role.SAFETY_OFFICER)
def attest_gap(view: View, *, by: str, at: dt.datetime, reason: str = "") -> Events:
    """What the restore lost was looked into; the second of two people opens randomization."""
    restored = view.state.restored
    problems = list(check_reason(reason, act="attest_gap", where=Where()))
    if restored is None:
        problems.append(problem("EQ-C111"))
    else:
        problems += [
            problem(
                "EQ-C113",
                name=view.person.person,
                role=view.person.role,
                first=first.by,
                first_role=first.role,
            )
            for first in restored.attested
            if is_own(first, view.person, people=view.state.people)
            or first.role == view.person.role
        ]
    refuse_if(problems)
    return [e.GapAttested()]


def _proofs(heads: Mapping[str, Head], last: Iterable[Entry]) -> tuple[str, ...]:
    """The root over the heads; and that of a seal that nothing followed, its own entry apart."""
    roots = [merkle_root(heads)]
    for event in (e.from_entry(x.type, x.body) for x in last if x.body is not None):
        if isinstance(event, e.StudySealed):
            sealed = {chain: Head(*head) for chain, head in event.heads.items()}
            others = {chain: head for chain, head in heads.items() if chain != "control"}
            is_last = {**sealed, **others} == sealed and len(sealed) == len(heads)
            roots += [event.root] if is_last else []
    return tuple(roots)
