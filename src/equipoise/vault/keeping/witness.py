"""What the vault remembers of its database, so that a database set back is noticed.

A server that lost what it had confirmed would have the vault give a number a second time. So the
head of the log is kept in memory after each question, and in the vault's folder after each
assignment, before it is answered.
"""

from pathlib import Path

import msgspec

from equipoise.ledger import Head
from equipoise.problems import Refused, problem
from equipoise.vault.drawing import sync_folder, write_private
from equipoise.vault.stores.seam import NEW, VaultStore, read_place

FILE = "vault.seen"
_DIGEST = "SELECT digest FROM ledger_entry WHERE chain = 'vault' AND seq = ?"


def witness_of(directory: Path) -> "Witness | None":
    """The witness of a vault in a database; a file has none."""
    return Witness(directory) if read_place(directory) is not None else None


class Witness:
    """The last entry of the log that was confirmed."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._head = self._read()

    def agrees(self, store: VaultStore) -> bool:
        """Whether what was confirmed is still there; a vault that nobody remembers is not."""
        if self._head is None:
            return not store.connection.execute("SELECT 1 FROM vault_assignment").fetchone()
        found = store.connection.execute(_DIGEST, (self._head.seq,)).fetchone()
        return found is not None and found[0] == self._head.digest

    def note(self, head: Head, *, is_lasting: bool) -> None:
        """Remember what was confirmed just now, on disk if it `is_lasting`.

        Raises:
            Refused: it could not be written; what was confirmed stays, and is asked for again.
        """
        self._head = head
        if not is_lasting:
            return
        new = self._path.with_name(FILE + NEW)
        try:
            write_private(new, msgspec.json.encode(head).decode())
            new.rename(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            where = str(self._path)
            raise Refused([problem("EQ-V200", where, path=where, detail=str(error))]) from error

    def _read(self) -> Head | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Head)
        except (OSError, msgspec.DecodeError):
            return None
