"""The vault as others hold it: a token, and a way to ask."""

import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TypeVar

import msgspec

from equipoise.ledger import Entry, Realm
from equipoise.problems import Problem, Refused, problem
from equipoise.randomization import Specification
from equipoise.vault import protocol as p
from equipoise.vault.packets import messages as m
from equipoise.vault.remote.calling import RemoteAddress, call, is_remote, read_remote, tell_apart
from equipoise.vault.remote.frames import check_length, to_frame
from equipoise.vault.sequence.opened import OpenedList
from equipoise.vault.sockets import connect_to

TIMEOUT_SECONDS = 30.0
A = TypeVar("A", bound=p.Answer)


class SocketDoor:
    """Asks at a Unix socket's path or a `tls://` address.

    Safe among threads and after a fork; reconnects by itself.
    """

    def __init__(self, at: str | Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._connection: socket.socket | None = None
        self._at = read_remote(str(at)) if is_remote(at) else Path(at)
        self._timeout = timeout
        self._lock = Lock()
        self._process = os.getpid()

    def answer(self, request: p.Request) -> p.Answer:
        """Ask; if the connection broke, once more: asking twice assigns once."""
        line = msgspec.json.encode(request)
        if found := check_length(line):
            raise Refused([found])
        line = line + b"\n" if isinstance(self._at, Path) else to_frame(line)
        with self._lock:
            try:
                return p.ANSWERS.decode(self._ask_again(line))
            except (OSError, msgspec.DecodeError) as error:
                self._drop()
                raise Refused([self._unanswered(error)]) from None

    def close(self) -> None:
        """Hang up; the next question connects anew."""
        with self._lock:
            self._drop()

    def __del__(self) -> None:
        self._drop()

    def _ask_again(self, line: bytes) -> bytes:
        if self._connection is not None and self._process == os.getpid():
            try:
                return self._ask(self._connection, line)
            except OSError:
                self._drop()
        self._process = os.getpid()
        self._connection = self._connect()
        return self._ask(self._connection, line)

    def _connect(self) -> socket.socket:
        if isinstance(self._at, Path):
            return connect_to(self._at, timeout=self._timeout)
        return call(self._at, timeout=self._timeout)

    def _unanswered(self, error: Exception) -> Problem:
        if isinstance(error, ssl.SSLError) and isinstance(self._at, RemoteAddress):
            return tell_apart(self._at, error)
        where, detail = str(self._at), str(error) or type(error).__name__
        return problem("EQ-V017", where, path=where, detail=detail)

    def _ask(self, connection: socket.socket, line: bytes) -> bytes:
        connection.sendall(line)
        answer = bytearray()
        while not answer.endswith(b"\n"):
            part = connection.recv(1 << 16)
            if not part:
                raise ConnectionResetError("connection closed")
            answer += part
        return bytes(answer)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class VaultClient:
    """A `Vault` behind a socket's path, an address or another door, with one capability's token.

    Every method raises `Refused` with the vault's own problems.
    """

    def __init__(self, at: str | Path | p.Door, token: str = "") -> None:
        self._door: p.Door = SocketDoor(at) if isinstance(at, str | Path) else at
        self._token = token

    def assign(
        self, participant: str, *, stratum: str, proof: str, left_out: tuple[str, ...] = ()
    ) -> str:
        """The participant's randomization number; the same one if asked again."""
        request = p.Assign(
            token=self._token,
            participant=participant,
            stratum=stratum,
            proof=proof,
            left_out=left_out,
        )
        return self._ask(request, p.Word).word

    def assigned(self, participant: str, *, stratum: str, proof: str) -> str:
        """The number that the participant has already; refused where there is none."""
        request = p.Assign(
            token=self._token, participant=participant, stratum=stratum, proof=proof, is_known=True
        )
        return self._ask(request, p.Word).word

    def call_off(self, participant: str, *, proof: str) -> None:
        """See to it that no number is given for this proof; refused if one was."""
        self._ask(p.CallOff(token=self._token, participant=participant, proof=proof), p.Word)

    def contents(self, number: str, encounter: str) -> str:
        """The product that a number receives at an encounter; empty if nothing."""
        request = p.Contents(token=self._token, number=number, encounter=encounter)
        return self._ask(request, p.Word).word

    def reveal(
        self,
        number: str,
        question: str,
        *,
        by: str,
        reason: str,
        role: str = "",
        kind: p.BreakKind = "emergency",
        request: str = "",
    ) -> str:
        """Break one blind: `infusion:ENCOUNTER` gives the product, `arm` the arm.

        `number` may also be the participant. With the same `request`, asking again is one break.
        """
        asked = p.Reveal(
            token=self._token,
            number=number,
            question=question,
            by=by,
            reason=reason,
            role=role,
            kind=kind,
            request=request,
        )
        return self._ask(asked, p.Word).word

    def breaks(self, *, after: int = 0) -> Sequence[p.Break]:
        """Every break that was answered after an entry of the log, without the answers."""
        return self._ask(p.Breaks(token=self._token, after=after), p.Broken).breaks

    def compare(self, lines: Sequence[p.Line]) -> p.Compared:
        """Hold the ledger's numbers against the vault's; what a restore lost is taken up."""
        return self._ask(p.Compare(token=self._token, lines=tuple(lines)), p.Compared)

    def open_list(
        self, *, by: str, reason: str, agreed: tuple[str, ...], populations: str
    ) -> Sequence[p.Assigned]:
        """Every number assigned so far, with its arm; two people agreed to these populations."""
        request = p.OpenList(
            token=self._token, by=by, reason=reason, agreed=agreed, populations=populations
        )
        return self._ask(request, p.Listed).assigned

    def disclose(
        self, *, by: str, reason: str, agreed: tuple[str, ...], populations: str
    ) -> OpenedList:
        """The whole list, used or not, with its seed; from then on nobody new gets a number."""
        request = p.Disclose(
            token=self._token, by=by, reason=reason, agreed=agreed, populations=populations
        )
        return self._ask(request, OpenedList)

    def nature(self, number: str) -> str:
        """The arm of a virtual participant; rehearsals only."""
        return self._ask(p.Nature(token=self._token, number=number), p.Word).word

    def print_packets(
        self, site: str, *, by: str, reason: str, stratum: str = "", n: int = 0, batch: int = 0
    ) -> m.Printed:
        """A new batch of packets for a site, or the one of that number again."""
        asked = m.PrintPackets(
            token=self._token, site=site, stratum=stratum, n=n, batch=batch, by=by, reason=reason
        )
        return self._ask(asked, m.Printed)

    def enter_packet(
        self,
        opened: m.OpenedPacket,
        *,
        stratum: str = "",
        proof: str = "",
        is_question: bool = False,
    ) -> str:
        """The number that a packet holds, now the participant's; or of whom it broke the code."""
        asked = m.EnterPacket(
            token=self._token, opened=opened, stratum=stratum, proof=proof, is_question=is_question
        )
        return self._ask(asked, p.Word).word

    def packets(self) -> Sequence[m.PacketRow]:
        """The packets that were printed, from outside."""
        return self._ask(m.Packets(token=self._token), m.PacketList).packets

    def read_log(self, *, after: int = 0) -> Sequence[Entry]:
        """What the vault was asked, by whom and when."""
        return self._ask(p.ReadLog(token=self._token, after=after), p.Logged).entries

    def commitment(self) -> str:
        """The Merkle root over the salted list, made before the first participant."""
        return self._ask(p.Commitment(), p.Word).word

    def fits(
        self,
        study: str,
        *,
        realm: Realm,
        specification: Specification | None,
        contents: Mapping[str, Mapping[str, str]],
        commitment: str = "",
    ) -> bool:
        """Whether it was made for this study, realm, scheme and plan of treatment.

        A `commitment` must be that of one of its parts.
        """
        request = p.Fits(
            study=study,
            realm=realm,
            specification=specification,
            contents=contents,
            commitment=commitment,
        )
        return self._ask(request, p.Word).word == "yes"

    def verify(self) -> p.VaultReport:
        """Have the vault replay its list and check all that it recorded."""
        return self._ask(p.Verify(), p.VaultReport)

    def _ask(self, request: p.Request, kind: type[A]) -> A:
        answer = self._door.answer(request)
        if isinstance(answer, p.Refusal):
            raise Refused(answer.problems)
        if not isinstance(answer, kind):
            raise Refused([problem("EQ-V019", detail=type(answer).__name__)])
        return answer
