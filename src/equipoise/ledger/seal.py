"""Seals: one digest over the heads of all chains, to be kept where nobody can rewrite it.

A chain alone does not show that its tail was cut off or that a whole chain is missing; a seal does.
The tree is that of RFC 6962 (Certificate Transparency), section 2.1.
"""

import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from equipoise.ledger.entry import Head, Realm, frame
from equipoise.problems import Problem, problem


class Seal(Struct, frozen=True, kw_only=True):
    """The heads of every chain of a study at one moment, and the root over them (hex)."""

    study: str
    realm: Realm
    heads: Mapping[str, Head]
    root: str


def tree_root(leaves: Sequence[bytes]) -> str:
    """The Merkle tree hash of a list (RFC 6962), in hex. Leaves and nodes are told apart."""
    return _tree_hash(leaves).hex()


def merkle_root(heads: Mapping[str, Head]) -> str:
    """The root over chain heads, in the order of the chains' names."""
    return tree_root([_leaf(chain, heads[chain]) for chain in sorted(heads)])


def make_seal(study: str, realm: Realm, *, heads: Mapping[str, Head]) -> Seal:
    """Seal the heads of a study's chains."""
    ordered = {chain: heads[chain] for chain in sorted(heads)}
    return Seal(study=study, realm=realm, heads=ordered, root=merkle_root(ordered))


def check_seal(seal: Seal, digests: Mapping[tuple[str, int], str]) -> tuple[Problem, ...]:
    """What a store lacks of a seal; `digests` has the digest at each (chain, seq) still there."""
    found = [] if merkle_root(seal.heads) == seal.root else [problem("EQ-G016", seal.root)]
    for chain, head in seal.heads.items():
        has = digests.get((chain, head.seq))
        if has is None:
            found.append(problem("EQ-G014", chain, seq=head.seq))
        elif has != head.digest:
            found.append(problem("EQ-G015", chain, seq=head.seq))
    return tuple(found)


def _leaf(chain: str, head: Head) -> bytes:
    return frame(b"equipoise/head/1", chain.encode(), str(head.seq).encode(), head.digest.encode())


def _tree_hash(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = _tree_hash(leaves[:half]), _tree_hash(leaves[half:])
    return hashlib.sha256(b"\x01" + left + right).digest()
