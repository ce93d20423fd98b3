"""Where every packet is: printed, opened for somebody, or at one of its other ends.

The vault printed them; the ledger learns of each batch, with the commitment to its numbers, from
the vault's own list. Nothing here says what is in a packet.
"""

import datetime as dt
from collections.abc import Iterable
from itertools import groupby
from typing import get_args

from equipoise.conduct import events as e
from equipoise.conduct.acts.unblinding import check_tells_nothing
from equipoise.conduct.door import SYSTEM, Events, RunningTrial, View, act, at_record, refuse_if
from equipoise.conduct.parts import PacketEnd
from equipoise.conduct.rules import check_not_future, check_open, check_reason
from equipoise.conduct.standing import user_of
from equipoise.ledger import Entry
from equipoise.problems import problem
from equipoise.study.roles import Role
from equipoise.vault.packets.messages import PacketRow

ENDS: tuple[PacketEnd, ...] = get_args(PacketEnd)
COUNTERS = (Role.COORDINATOR, Role.INVESTIGATOR, Role.MONITOR, Role.DATA_MANAGER)
"""Who may say what became of a packet."""


def record_packets(
    trial: RunningTrial, printed: Iterable[PacketRow], *, at: dt.datetime
) -> tuple[Entry, ...]:
    """Record each batch that the vault printed and the ledger does not have yet, once."""
    with trial.transaction():
        state = trial.state
        known = {packet.batch for packet in state.packets.values()}
        batches = groupby(printed, key=lambda row: row.batch)
        news = [_printed([*rows]) for batch, rows in batches if batch not in known]
        view = View(trial.study, state, SYSTEM)
        return trial.record(view, news, at=at, reason="") if news else ()


def _printed(rows: list[PacketRow]) -> e.PacketsPrinted:
    first = rows[0]
    return e.PacketsPrinted(
        batch=first.batch,
        site=first.site,
        stratum=first.stratum,
        randomization=tuple(r.packet for r in rows if r.kind == "randomization"),
        code_break={r.packet: r.opens for r in rows if r.kind == "code_break"},
        commitment=first.root,
        printed_at=first.at,
    )


@act(*COUNTERS)
def account_packet(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    packet: str,
    became: PacketEnd,
    on: dt.date,
) -> Events:
    """Say what became of a packet that was not used: returned, destroyed, lost or spoiled."""
    where = at_record(packet)
    known = view.state.packets.get(packet)
    if known is None or not view.person.may_see(known.site):
        refuse_if([problem("EQ-C130", where, packet=packet)])
    problems = [
        *check_open(view.state),
        *check_not_future(on, at=at, where=where),
        *check_reason(reason, act="account_packet", where=where),
        *check_tells_nothing(view.study, (reason,), where=where),
    ]
    user = user_of(view.state, packet)
    if user is not None:
        problems.append(problem("EQ-C131", where, packet=packet, participant=user.code))
    if became not in ENDS:
        problems.append(problem("EQ-C134", where, became=became, known=", ".join(ENDS)))
    refuse_if(problems)
    return [e.PacketAccounted(packet=packet, became=became, on=on)]
