"""The vault itself, in this process: it checks the token, answers, and logs, in one transaction."""

import fcntl
import hmac
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import msgspec
from cryptography.exceptions import InvalidTag

from equipoise.ledger import Draft, SqliteStore, to_body, to_instant
from equipoise.ledger.sqlite import connect, lock_beside
from equipoise.problems import Refused, problem
from equipoise.vault import protocol as p
from equipoise.vault.audit import check_vault
from equipoise.vault.drawing import DATABASE, HEADER, KEY, digest_token
from equipoise.vault.sealing import Header, Seals, Slot
from equipoise.vault.tables import NEXT_SLOT

_NEXT = NEXT_SLOT.format(stratum="?")
_INFUSION = "infusion:"


class LocalVault:
    """An open vault. Safe among threads; only one at a time, in one process, has a vault open."""

    def __init__(
        self, directory: str | Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        directory = Path(directory)
        if not (directory / DATABASE).is_file() or not (directory / KEY).is_file():
            raise Refused([problem("EQ-V012", str(directory), path=str(directory))])
        self._now = now
        self._lock = Lock()
        self._held = _hold(directory)
        try:
            self._open(directory)
        except BaseException:
            os.close(self._held)
            raise

    def _open(self, directory: Path) -> None:
        path = directory / DATABASE
        try:
            self._connection = connect(path, is_shared_by_threads=True)
            self._store = SqliteStore(self._connection, lock_path=lock_beside(path))
            key = bytes.fromhex((directory / KEY).read_text(encoding="ascii").strip())
            self._seals = Seals(key, self._store.study, self._store.realm)
            (sealed,) = self._connection.execute("SELECT sealed FROM vault_header").fetchone()
            self._header = msgspec.json.decode(self._seals.open(HEADER, sealed), type=Header)
        except (InvalidTag, ValueError, TypeError, sqlite3.DatabaseError) as error:
            detail = type(error).__name__
            raise Refused([problem("EQ-V013", str(directory), detail=detail)]) from None

    def answer(self, request: p.Request) -> p.Answer:
        """Answer one question. What it changed and its log entry are on disk before it returns."""
        with self._lock:
            try:
                with self._store.transaction():
                    answer = self._answer_or_refuse(request)
                    self._log(request, answer)
                    return answer
            except Refused as refused:
                return p.Refusal(refused.problems)
            except sqlite3.Error as error:
                return p.Refusal((problem("EQ-V020", detail=str(error)),))

    def close(self) -> None:
        """Finish the question under way, then close."""
        with self._lock:
            self._connection.close()
            os.close(self._held)

    def _answer_or_refuse(self, request: p.Request) -> p.Answer:
        try:
            self._admit(request)
            return self._reply(request)
        except Refused as refused:
            return p.Refusal(refused.problems)

    def _admit(self, request: p.Request) -> None:
        capability = p.CAPABILITIES[type(request)]
        if capability is None:
            return
        kept = self._header.tokens.get(capability, "")
        if not hmac.compare_digest(digest_token(request.token), kept):
            raise Refused([problem("EQ-V001", question=type(request).__name__)])

    def _reply(self, request: p.Request) -> p.Answer:
        match request:
            case p.Assign():
                return p.Word(self._assign(request))
            case p.Contents():
                return p.Word(self._product(request.number, request.encounter))
            case p.Reveal():
                return p.Word(self._reveal(request))
            case p.OpenList():
                return p.Listed(self._open_list(request))
            case p.Nature():
                return p.Word(self._arm(request.number))
            case p.ReadLog():
                return p.Logged(tuple(self._store.read(chain="vault", after=request.after)))
            case p.Commitment():
                return p.Word(self._header.root)
        return check_vault(self._store, header=self._header, seals=self._seals)

    def _assign(self, request: p.Assign) -> str:
        if not request.participant or not request.proof:
            raise Refused([problem("EQ-V006", request.participant)])
        known = self._one(
            "SELECT number FROM vault_assignment WHERE participant = ?", request.participant
        )
        if known:
            return known
        if request.stratum not in self._header.specification.strata:
            raise Refused([problem("EQ-V005", request.participant, stratum=request.stratum)])
        number = self._one(_NEXT, request.stratum)
        if not number:
            raise Refused([problem("EQ-V004", request.participant, stratum=request.stratum)])
        row = (request.participant, number, request.proof, to_instant(self._now()))
        self._connection.execute("INSERT INTO vault_assignment VALUES (?, ?, ?, ?)", row)
        return number

    def _product(self, number: str, encounter: str) -> str:
        arm = self._arm(number)
        if not any(encounter in given for given in self._header.contents.values()):
            raise Refused([problem("EQ-V003", number, encounter=encounter)])
        return self._header.contents[arm].get(encounter, "")

    def _reveal(self, request: p.Reveal) -> str:
        _refuse_unnamed(request.by, request.reason)
        if request.question == "arm":
            return self._arm(request.number)
        if request.question.startswith(_INFUSION):
            return self._product(request.number, request.question.removeprefix(_INFUSION))
        raise Refused([problem("EQ-V008", request.number, question=request.question)])

    def _open_list(self, request: p.OpenList) -> tuple[p.Assigned, ...]:
        _refuse_unnamed(request.by, request.reason)
        rows = self._connection.execute(
            "SELECT number, participant, stratum FROM vault_assignment "
            "JOIN vault_slot USING (number) ORDER BY vault_slot.rowid"
        )
        return tuple(p.Assigned(n, who, stratum, self._arm(n)) for n, who, stratum in rows)

    def _arm(self, number: str) -> str:
        sealed = self._connection.execute(
            "SELECT sealed FROM vault_slot JOIN vault_assignment USING (number) WHERE number = ?",
            (number,),
        ).fetchone()
        if not sealed:
            raise Refused([problem("EQ-V002", number, number=number)])
        try:
            slot = msgspec.json.decode(self._seals.open(number, sealed[0]), type=Slot)
        except InvalidTag:
            raise Refused([problem("EQ-V014", number, number=number)]) from None
        return slot.allocation.arm

    def _one(self, query: str, value: str) -> str | None:
        row = self._connection.execute(query, (value,)).fetchone()
        return row[0] if row else None

    def _log(self, request: p.Request, answer: p.Answer) -> None:
        """Who asked what, and whether it was answered; never the answer, never the token."""
        asked = msgspec.to_builtins(request)
        reason, by, kind = asked.pop("reason", ""), asked.pop("by", ""), asked.pop("type")
        del asked["token"]
        refused = [q.code for q in answer.problems] if isinstance(answer, p.Refusal) else []
        head = self._store.heads().get("vault")
        role = p.CAPABILITIES[type(request)] or "anyone"
        draft = Draft(
            chain="vault",
            stream="vault",
            version=head.seq + 1 if head else 1,
            type=kind,
            at=self._now(),
            by=by or role,
            role=role,
            reason=reason,
            body=to_body({"asked": asked, "refused": refused}),
        )
        self._store.append([draft])


def _hold(directory: Path) -> int:
    """Keep every other process away while this one has the vault open."""
    descriptor = os.open(directory / "vault.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Refused([problem("EQ-V018", str(directory), path=str(directory))]) from None
    return descriptor


def _refuse_unnamed(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise Refused([problem("EQ-V007")])
