"""Seals: one digest over the heads of all chains, to be kept where nobody can rewrite it.

A chain alone does not show that its tail was cut off or that a whole chain is missing; a seal does.
The tree is that of RFC 6962 (Certificate Transparency), section 2.1.
"""

import hashlib
from collections.abc import Mapping, Sequence

from equipoise.ledger.entry import Entry, Head, frame

CONTROL = "control"


def tree_root(leaves: Sequence[bytes]) -> str:
    """The Merkle tree hash of a list (RFC 6962), in hex. Leaves and nodes are told apart."""
    return _tree_hash([_leaf_hash(leaf) for leaf in leaves]).hex()


def merkle_root(heads: Mapping[str, Head]) -> str:
    """The root over chain heads, in the order of the chains' names."""
    return tree_root([_leaf(chain, heads[chain]) for chain in sorted(heads)])


class RootSearch:
    """Looks for a root while a record is read in the order of recording.

    Whoever kept a root of any moment can show it again, whatever was recorded since: over all
    chains, or over those that the copy of one site holds, its own and the control chain. `found`
    are the heads that it is of; every record began with none.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.found: Mapping[str, Head] | None = {} if root == merkle_root({}) else None
        self._heads: dict[str, Head] = {}
        self._hashes: dict[str, bytes] = {}

    def note(self, entry: Entry) -> None:
        """Look at one more entry."""
        if self.found is not None:
            return
        self._heads[entry.chain] = head = Head(entry.seq, entry.digest)
        self._hashes[entry.chain] = _leaf_hash(_leaf(entry.chain, head))
        copies = self._heads if entry.chain == CONTROL else [entry.chain]
        for names in (self._heads, *({CONTROL, site} & self._heads.keys() for site in copies)):
            ordered = sorted(names)
            if _tree_hash([self._hashes[name] for name in ordered]).hex() == self.root:
                self.found = {name: self._heads[name] for name in ordered}


def _leaf(chain: str, head: Head) -> bytes:
    return frame(b"equipoise/head/1", chain.encode(), str(head.seq).encode(), head.digest.encode())


def _leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def _tree_hash(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    left, right = _tree_hash(hashes[:half]), _tree_hash(hashes[half:])
    return hashlib.sha256(b"\x01" + left + right).digest()
