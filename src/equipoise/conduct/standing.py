"""Where every sealed packet stands: out, opened for somebody, or at one of its other ends."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from equipoise.conduct.parts import PacketEnd
from equipoise.conduct.state import Packet, PacketUse, Participant, TrialState
from equipoise.problems import Problem, problem


class PacketLine(Struct, frozen=True):
    """A packet and where it stands; `use` and `participant` where it was opened for somebody.

    `is_out_of_order` tells that one before it in its batch was still closed then.
    """

    packet: Packet
    stands: Literal["out", "opened"] | PacketEnd
    participant: Participant | None = None
    use: PacketUse | None = None
    is_out_of_order: bool = False

    @property
    def n_days_late(self) -> int:
        """How many whole days after it was opened a packet was entered."""
        return 0 if self.use is None else (self.use.stamp.at - self.use.opened_at).days


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


def check_gathered(state: TrialState) -> tuple[Problem, ...]:
    """Before an amendment no packet to randomize with is out, nor lost: it may yet be found."""
    lines = [x for x in list_packets(state) if x.packet.kind == "randomization"]
    names = [x.packet.packet for x in lines if x.stands in ("out", "lost")]
    return (problem("EQ-C137", state.study, packets=", ".join(names)),) if names else ()


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
