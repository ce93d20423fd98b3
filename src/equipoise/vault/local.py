"""The vault itself, in this process: it checks the token, answers, and logs, in one transaction."""

import hmac
import os
import sqlite3
from collections.abc import Callable, Collection
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag

from equipoise.ledger import Draft, Head, to_body, to_instant
from equipoise.problems import Refused, problem
from equipoise.vault import protocol as p
from equipoise.vault.audit import check_vault
from equipoise.vault.drawing import digest_token
from equipoise.vault.keeping.comparing import compare, is_fit, is_unproven, summary_of
from equipoise.vault.keeping.opening import hold, open_files
from equipoise.vault.keeping.rotating import note
from equipoise.vault.keeping.witness import witness_of
from equipoise.vault.packets import messages as m
from equipoise.vault.packets.entering import (
    check_broken,
    check_number,
    entry_of_packet,
    prove_packet,
    stream_of_packet,
)
from equipoise.vault.packets.keeping import list_packets, number_row, print_packets, slot_of
from equipoise.vault.revealing import (
    INFUSION,
    check_asker,
    check_opening,
    find_whom,
    first_answer,
    read_breaks,
    stream_of,
)
from equipoise.vault.sealing import Slot
from equipoise.vault.sequence.extending import draw_one_more
from equipoise.vault.sequence.opened import open_whole, was_disclosed
from equipoise.vault.sequence.parts import in_force
from equipoise.vault.stores.seam import is_vault
from equipoise.vault.tables import NEXT_SLOT

_LAST_ENTRY = "SELECT max(seq) FROM ledger_entry WHERE chain = 'vault'"
_NEXT = NEXT_SLOT.format(stratum="?")
LASTING = (
    *(p.Assign, p.CallOff, p.Compare, p.Reveal, p.OpenList, p.Disclose),
    *(m.PrintPackets, m.EnterPacket),
)
"""What is answered otherwise, or must be known of, ever after; so no database may forget it."""


def called_off_stream(request: p.Assign | p.CallOff) -> str:
    """The stream of the log in which this proof was called off, if it was."""
    return f"called-off/{request.participant}/{request.proof}"


class LocalVault:
    """An open vault. Safe among threads; only one at a time, in one process, has a vault open."""

    def __init__(
        self, directory: str | Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        directory = Path(directory)
        if not is_vault(directory):
            raise Refused([problem("EQ-V012", str(directory), path=str(directory))])
        self._now = now
        self._lock = Lock()
        self._held = hold(directory)
        try:
            opened = open_files(directory)
        except BaseException:
            os.close(self._held)
            raise
        self._store, self._seals, self._parts = opened.store, opened.seals, opened.parts
        self._connection = opened.store.connection
        self._witness = witness_of(directory)
        self._is_unproven = is_unproven(self._store)

    def answer(
        self, request: p.Request, *, admitted: frozenset[p.Capability] = p.EVERY
    ) -> p.Answer:
        """Answer one question. What it changed and its log entry are on disk before it returns.

        `admitted` are the capabilities that the way by which it came opens, beside its token.
        """
        with self._lock:
            try:
                with self._store.transaction():
                    self._note_a_loss()
                    answer = self._answer_or_refuse(request, admitted)
                    head = self._log(request, answer)
                self._remember(head, request)
                if isinstance(request, p.Compare):
                    self._is_unproven = is_unproven(self._store)
            except Refused as refused:
                return p.Refusal(refused.problems)
            except sqlite3.Error as error:
                return p.Refusal((problem("EQ-V020", detail=str(error)),))
            return answer

    def close(self) -> None:
        """Finish the question under way, then close."""
        with self._lock:
            self._store.close()
            os.close(self._held)

    def _answer_or_refuse(self, request: p.Request, admitted: frozenset[p.Capability]) -> p.Answer:
        try:
            self._admit(request, admitted)
            return self._reply(request)
        except Refused as refused:
            return p.Refusal(refused.problems)

    def _admit(self, request: p.Request, admitted: frozenset[p.Capability]) -> None:
        named = p.CAPABILITIES[type(request)]
        allowed = [c for c in named if c in admitted]
        if named and not allowed:
            raise Refused([problem("EQ-V187", question=type(request).__name__)])
        given, tokens = digest_token(request.token), self._parts[0].tokens
        if allowed and not any(hmac.compare_digest(given, tokens.get(c, "")) for c in allowed):
            raise Refused([problem("EQ-V001", question=type(request).__name__)])

    def _reply(self, request: p.Request) -> p.Answer:
        match request:
            case p.Breaks():
                return p.Broken(tuple(read_breaks(self._store, after=request.after)))
            case p.OpenList():
                return p.Listed(self._open_list(request))
            case p.Disclose():
                check_opening(request)
                return open_whole(self._store, parts=self._parts, seals=self._seals)
            case p.Compare():
                at = to_instant(self._now())
                return compare(self._store, request.lines, at=at, draw=self._draw)
            case m.PrintPackets() | m.Packets():
                return self._tell_packets(request)
            case p.ReadLog():
                return p.Logged(tuple(self._store.read(chain="vault", after=request.after)))
            case p.Verify():
                return check_vault(self._store, parts=self._parts, seals=self._seals)
        return p.Word(self._say(request))

    def _say(
        self,
        request: p.Assign
        | p.CallOff
        | m.EnterPacket
        | p.Contents
        | p.Reveal
        | p.Nature
        | p.Fits
        | p.Commitment,
    ) -> str:
        match request:
            case p.Assign():
                return self._assign(request)
            case p.CallOff():
                return self._call_off(request)
            case m.EnterPacket():
                return self._enter(request)
            case p.Contents():
                return self._product(request.number, request.encounter)
            case p.Reveal():
                return self._reveal(request)
            case p.Nature():
                return self._arm(request.number)
            case p.Fits():
                return "yes" if is_fit(request, self._store, self._parts) else "no"
        return self._parts[-1].root

    def _assign(self, request: p.Assign) -> str:
        known = self._number_of(request)
        if known:
            self._check_proof(request)
            return known
        if request.is_known:
            raise Refused(
                [problem("EQ-V055", request.participant, participant=request.participant)]
            )
        if next(self._store.read(stream=called_off_stream(request)), None) is not None:
            raise Refused([problem("EQ-C161", request.participant)])
        if was_disclosed(self._store):
            raise Refused([problem("EQ-V141", request.participant)])
        if request.stratum not in in_force(self._parts).strata:
            raise Refused([problem("EQ-V005", request.participant, stratum=request.stratum)])
        number = self._one(_NEXT, request.stratum) or self._draw(request.stratum, request.left_out)
        if not number:
            raise Refused([problem("EQ-V004", request.participant, stratum=request.stratum)])
        row = (request.participant, number, request.proof, to_instant(self._now()))
        self._connection.execute("INSERT INTO vault_assignment VALUES (?, ?, ?, ?)", row)
        return number

    def _call_off(self, request: p.CallOff) -> str:
        """Nothing but its entry in the log, in whose stream the next one for this proof looks.

        A number that was given for another proof is no answer to this request; the next one finds
        it, if its proof is that one.
        """
        known, who = self._number_of(request), request.participant
        if known and self._proof_of(who) == request.proof:
            raise Refused([problem("EQ-C160", who, participant=who)])
        return ""

    def _number_of(self, request: p.Assign | p.CallOff) -> str | None:
        """The number that the participant has already, if the vault may say anything of them."""
        self._refuse_unproven(request.participant)
        if not request.participant or not request.proof:
            raise Refused([problem("EQ-V006", request.participant)])
        query = "SELECT number FROM vault_assignment WHERE participant = ?"
        known: str | None = self._one(query, request.participant)
        return known

    def _tell_packets(self, request: m.PrintPackets | m.Packets) -> m.Printed | m.PacketList:
        if isinstance(request, m.Packets):
            return m.PacketList(list_packets(self._connection))
        self._refuse_unproven(request.site)
        if was_disclosed(self._store):
            raise Refused([problem("EQ-V141", request.site)])
        if request.n:
            self._refuse_amended(request.site)
        return print_packets(
            self._connection,
            request,
            header=self._parts[0],
            at=self._now(),
            arm_of=self._arm_behind,
        )

    def _enter(self, request: m.EnterPacket) -> str:
        now, told, header = self._now(), request.opened, self._parts[0]
        row = prove_packet(told, self._store, header=header, now=now)
        if row.kind == "code_break":
            check_broken(request, row, store=self._store)
            return told.participant
        if check_number(request, row, store=self._store):
            return row.number
        self._refuse_unproven(told.participant)
        self._refuse_amended(told.packet)
        if request.is_question:
            return row.number
        if was_disclosed(self._store):
            raise Refused([problem("EQ-V141", told.participant)])
        if not request.proof:
            raise Refused([problem("EQ-V006", told.participant)])
        slot_of(self._connection, row, header=header)
        given = (told.participant, row.number, request.proof, to_instant(now))
        self._connection.execute("INSERT INTO vault_assignment VALUES (?, ?, ?, ?)", given)
        return row.number

    def _refuse_unproven(self, participant: str) -> None:
        if self._is_unproven:
            raise Refused([problem("EQ-V044", participant)])

    def _refuse_amended(self, where: str) -> None:
        """What packets are drawn from is no longer so. All alike: else a refusal tells an arm."""
        if len(self._parts) > 1:
            raise Refused([problem("EQ-V165", where, study=in_force(self._parts).study)])

    def _draw(self, stratum: str, left_out: Collection[str]) -> str | None:
        parts, seals = self._parts, self._seals
        return draw_one_more(self._connection, stratum, parts=parts, seals=seals, left_out=left_out)

    def _check_proof(self, request: p.Assign) -> None:
        """The same proof as when the number was given: another one is another person's."""
        if self._proof_of(request.participant) != request.proof:
            raise Refused(
                [problem("EQ-V045", request.participant, participant=request.participant)]
            )

    def _proof_of(self, participant: str) -> Any:
        query = "SELECT proof FROM vault_assignment WHERE participant = ?"
        return self._one(query, participant)

    def _product(self, number: str, encounter: str) -> str:
        arm = self._arm(number)
        contents = self._parts[0].contents  # an amendment changes no arm's
        if not any(encounter in given for given in contents.values()):
            raise Refused([problem("EQ-V003", number, encounter=encounter)])
        return contents[arm].get(encounter, "")

    def _reveal(self, request: p.Reveal) -> str:
        check_asker(request, self._store, now=self._now())
        _, number = find_whom(self._store, request.number)
        if request.question == "arm":
            return self._arm(number)
        if request.question.startswith(INFUSION):
            return self._product(number, request.question.removeprefix(INFUSION))
        raise Refused([problem("EQ-V008", request.number, question=request.question)])

    def _open_list(self, request: p.OpenList) -> tuple[p.Assigned, ...]:
        check_opening(request)
        rows = self._connection.execute(
            "SELECT number, participant, stratum FROM vault_assignment "
            "LEFT JOIN vault_slot USING (number) ORDER BY vault_slot.rowid IS NULL, "
            "vault_slot.rowid, number"
        ).fetchall()
        return tuple(
            p.Assigned(n, who, self._stratum(n) if stratum is None else stratum, self._arm(n))
            for n, who, stratum in rows
        )

    def _stratum(self, number: str) -> str:
        row = number_row(self._connection, number)
        return row.stratum if row else ""

    def _arm(self, number: str) -> str:
        """The arm of a number that was given."""
        if not self._one("SELECT number FROM vault_assignment WHERE number = ?", number):
            raise Refused([problem("EQ-V002", number, number=number)])
        return self._arm_behind(number)

    def _arm_behind(self, number: str) -> str:
        """The arm of a number, given or not: of the list, or of a packet."""
        sealed = self._one("SELECT sealed FROM vault_slot WHERE number = ?", number)
        row = number_row(self._connection, number)
        if sealed is None and row is not None:
            return slot_of(self._connection, row, header=self._parts[0]).allocation.arm
        try:
            slot = msgspec.json.decode(self._seals.open(number, sealed), type=Slot)
        except InvalidTag:
            raise Refused([problem("EQ-V014", number, number=number)]) from None
        return slot.allocation.arm

    def _one(self, query: str, value: str) -> Any:
        row = self._connection.execute(query, (value,)).fetchone()
        return row[0] if row else None

    def _note_a_loss(self) -> None:
        """A database that lost what it had confirmed is as one restored: it is compared first."""
        if self._witness is not None and not self._witness.agrees(self._store):
            self._is_unproven = True
            reason = "the database lost entries that it had confirmed"
            entry = note(self._store, "Restored", by="vault", reason=reason, at=self._now())
            self._store.append([entry])

    def _remember(self, head: Head, request: p.Request) -> None:
        if self._witness is None:
            return
        with suppress(Refused) if isinstance(request, p.Reveal) else nullcontext():
            self._witness.note(head, is_lasting=isinstance(request, LASTING))

    def _log(self, request: p.Request, answer: p.Answer) -> Head:
        """Who asked what, and whether it was answered; never the answer, never the token."""
        asked = msgspec.to_builtins(request)
        asked |= asked.pop("opened", {})
        reason, by, kind = asked.pop("reason", ""), asked.pop("by", ""), asked.pop("type")
        for name in ("token", "code", "specification", "contents"):
            asked.pop(name, None)
        if isinstance(request, p.Compare):
            asked = summary_of(request, answer)
        body = {"asked": asked, "refused": []}
        stream = "vault"
        if isinstance(answer, p.Refusal):
            body["refused"] = [q.code for q in answer.problems]
        elif isinstance(request, p.CallOff):
            stream = called_off_stream(request)
        elif isinstance(request, m.EnterPacket) and not request.is_question:
            stream = stream_of_packet(request.opened.packet)
            if entry_of_packet(self._store, request.opened.packet) is not None:
                body["again"] = True
        elif isinstance(request, m.PrintPackets) and isinstance(answer, m.Printed):
            body["batch"] = answer.batch
        elif isinstance(request, p.Reveal):
            stream = stream_of(request)
            if first_answer(request, self._store) is not None:
                body["again"] = True
        (last,) = self._connection.execute(_LAST_ENTRY).fetchone()
        role = next(iter(p.CAPABILITIES[type(request)]), "anyone")
        draft = Draft(
            chain="vault",
            stream=stream,
            version=1 + (last or 0),
            type=kind,
            at=self._now(),
            by=by or role,
            role=role,
            reason=reason,
            body=to_body(body),
        )
        (entry,) = self._store.append([draft])
        return Head(entry.seq, entry.digest)
