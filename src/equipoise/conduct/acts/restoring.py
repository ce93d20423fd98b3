"""After a restore: randomization stays closed until it is proven that nothing was lost.

A backup is older than what it is restored for. What came after it may hold randomizations, and the
vault has spent their numbers; a person randomized anew in their place would get another's. So the
latest seal that anybody kept elsewhere must show that nothing came after, or two people in two
roles must have looked. A seal shows what was there when it was taken, and no more.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from equipoise.conduct import events as e
from equipoise.conduct.door import SYSTEM, Events, RunningTrial, View, act, refuse_if
from equipoise.conduct.parts import is_own
from equipoise.conduct.rules import check_reason
from equipoise.ledger import Entry, Head, merkle_root
from equipoise.problems import Where, problem
from equipoise.study.roles import Role


def record_restored(
    trial: RunningTrial, *, at: dt.datetime, source: str, is_complete: bool = True
) -> tuple[Entry, ...]:
    """Record that the trial's ledger was filled from `source`, and close randomization.

    Where the source was damaged something is known to be missing, and no seal proves otherwise.
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


@act(Role.DATA_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR)
def confirm_restore(view: View, *, by: str, at: dt.datetime, reason: str = "", root: str) -> Events:
    """The latest seal that anybody kept elsewhere shows that the restored ledger is whole."""
    restored = view.state.restored
    if restored is None:
        refuse_if([problem("EQ-C111")])
    elif root not in restored.proven_by:
        refuse_if([problem("EQ-C112", seal=root)])
    return [e.RestoreConfirmed(root=root)]


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
