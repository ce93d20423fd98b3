"""Seals: one digest over the heads of all chains, to be kept where nobody can rewrite it.

A chain alone does not show that its tail was cut off or that a whole chain is missing; a seal does.
The tree is that of RFC 6962 (Certificate Transparency), section 2.1.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from equipoise.ledger.entry import Head, frame

CONTROL = "control"


def tree_root(leaves: Sequence[bytes]) -> str:
    """The Merkle tree hash of a list (RFC 6962), in hex. Leaves and nodes are told apart."""
    return _tree_hash([_leaf_hash(leaf) for leaf in leaves]).hex()


def merkle_root(heads: Mapping[str, Head]) -> str:
    """The root over chain heads, in the order of the chains' names."""
    return tree_root([_leaf(chain, heads[chain]) for chain in sorted(heads)])


class RollingRoots:
    """The roots over the heads of a record at each moment of it, entry by entry.

    Whoever keeps one of them can show it again, whatever was recorded since.
    """

    def __init__(self) -> None:
        self._leaves: dict[str, bytes] = {}
        self._names: list[str] = []

    def add(self, chain: str, head: Head) -> Iterator[str]:
        """After one more entry: the root over all chains, and those of the copies that sites have.

        A site's copy holds its own chain and the control chain.
        """
        if chain not in self._leaves:
            self._names = sorted([*self._names, chain])
        self._leaves[chain] = _leaf_hash(_leaf(chain, head))
        yield self._root_over(self._names)
        for other in self._names if chain == CONTROL else [chain]:
            if other != CONTROL and CONTROL in self._leaves:
                yield self._root_over(sorted([CONTROL, other]))

    def _root_over(self, names: Iterable[str]) -> str:
        return _tree_hash([self._leaves[name] for name in names]).hex()


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
