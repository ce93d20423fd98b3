"""Where every packet is: printed, opened for somebody, or at one of its other ends.

The vault printed them; the ledger learns of each batch, with the commitment to its numbers, from
the vault's own list. Nothing here says what is in a packet.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal, get_args

from msgspec import Struct

from equipoise.conduct import events as e
from equipoise.conduct.door import SYSTEM, Events, RunningTrial, View, act, at_record, refuse_if
from equipoise.conduct.parts import PacketEnd
from equipoise.conduct.rules import check_not_future, check_open, check_reason
from equipoise.conduct.state import Packet, PacketUse, Participant, TrialState
from equipoise.ledger import Entry
from equipoise.problems import Problem, problem
from equipoise.study.roles import Role
from equipoise.vault.packets.messages import PacketRow

ENDS: tuple[PacketEnd, ...] = get_args(PacketEnd)
COUNTERS = (Role.COORDINATOR, Role.INVESTIGATOR, Role.MONITOR, Role.DATA_MANAGER)
"""Who may say what became of a packet."""


class PacketLine(Struct, frozen=True):
    """A packet and where it stands; `use` and `participant` where it was opened for somebody.

    `is_out_of_order` tells that one before it in its batch was still closed then.
    """

    packet: Packet
    stands: Literal["out", "opened"] | PacketEnd
    participant: Participant | None = None
    use: PacketUse | None = None
    is_out_of_order: bool = False


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
    ]
    user = user_of(view.state, packet)
    if user is not None:
        problems.append(problem("EQ-C131", where, packet=packet, participant=user.code))
    if became not in ENDS:
        problems.append(problem("EQ-C134", where, became=became, known=", ".join(ENDS)))
    refuse_if(problems)
    return [e.PacketAccounted(packet=packet, became=became, on=on)]


def user_of(state: TrialState, packet: str) -> Participant | None:
    """The participant for whom a packet was opened."""
    return next((p for p in state.participants.values() if packet in p.packets), None)


def list_packets(state: TrialState) -> tuple[PacketLine, ...]:
    """Every packet in the order in which it was printed, and where it stands."""
    users = {name: p for p in state.participants.values() for name in p.packets}
    early = set(_out_of_order(state, users))
    lines = []
    for name, packet in state.packets.items():
        user = users.get(name)
        ended = packet.ends[-1][0] if packet.ends else "out"
        lines.append(
            PacketLine(
                packet=packet,
                stands="opened" if user else ended,
                participant=user,
                use=user.packets[name] if user else None,
                is_out_of_order=name in early,
            )
        )
    return tuple(lines)


def check_accounted(state: TrialState) -> tuple[Problem, ...]:
    """No packet is out when the trial is closed."""
    out: dict[str, list[str]] = defaultdict(list)
    for line in list_packets(state):
        if line.stands == "out":
            out[line.packet.site].append(line.packet.packet)
    return tuple(
        problem("EQ-C135", site, site=site, packets=", ".join(names)) for site, names in out.items()
    )


def _out_of_order(state: TrialState, users: dict[str, Participant]) -> Iterator[str]:
    """Packets that were opened while one before them in their batch was closed and at hand."""
    closed_until: dict[int, dt.datetime | None] = {}
    for name, packet in state.packets.items():
        if packet.kind != "randomization":
            continue
        use = users[name].packets[name] if name in users else None
        latest = closed_until.get(packet.batch)
        if use is not None and latest is not None and use.opened_at < latest:
            yield name
        gone_at = use.opened_at if use else _gone_at(packet)
        closed_until[packet.batch] = max(filter(None, (latest, gone_at)))


def _gone_at(packet: Packet) -> dt.datetime:
    """When a packet that was not used was no longer at hand; one that is out still is."""
    if not packet.ends:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    _, on, _ = packet.ends[0]
    return dt.datetime.combine(on, dt.time.min, dt.UTC)
