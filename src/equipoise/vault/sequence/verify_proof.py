"""Is an entry in the committed list? With Python alone: python3 verify_proof.py PROOF ROOT.

PROOF is the file of one entry, ROOT the commitment that was published before the first participant.
A leaf is the SHA-256 of 0x00 and the entry's parts, each after its length in eight bytes, big end
first; a node is that of 0x01 and the two below it (RFC 6962, RFC 9162 section 2.1.3).
"""

import hashlib
import json
import sys
from typing import Any


def leaf_of(proof: dict[str, Any]) -> bytes:
    """What the list says of this entry."""
    texts = [proof["number"], proof["stratum"], str(proof["order"]), proof["arm"]]
    parts = [b"equipoise/allocation/1", bytes.fromhex(proof["salt"]), *(t.encode() for t in texts)]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def root_from(proof: dict[str, Any]) -> str:
    """The root that a leaf leads to along its path; empty where the path has a wrong length."""
    node = hashlib.sha256(b"\x00" + leaf_of(proof)).digest()
    index, last = proof["index"], proof["n_leaves"] - 1
    for step in proof["path"]:
        if last == 0:
            return ""
        other = bytes.fromhex(step)
        if index % 2 or index == last:
            node = hashlib.sha256(b"\x01" + other + node).digest()
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            node = hashlib.sha256(b"\x01" + node + other).digest()
        index, last = index // 2, last // 2
    return node.hex() if last == 0 else ""


def path_to(leaves: list[bytes], index: int) -> list[str]:
    """The nodes beside the way from a leaf to the root, from the bottom up."""
    if len(leaves) == 1:
        return []
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < half:
        return [*path_to(leaves[:half], index), _root(leaves[half:])]
    return [*path_to(leaves[half:], index - half), _root(leaves[:half])]


def main(words: list[str]) -> int:
    """Say whether the entry is in the list; 1 if it is not."""
    with open(words[0], encoding="utf-8") as file:  # noqa: PTH123 - so short that it is read first
        proof = json.load(file)
    holds = root_from(proof) == words[1]
    said = f"{proof['number']} {proof['arm']}: {'in' if holds else 'NOT in'} the committed list"
    sys.stdout.write(f"{said}\n")
    return 0 if holds else 1


def _root(leaves: list[bytes]) -> str:
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).hexdigest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    both = bytes.fromhex(_root(leaves[:half]) + _root(leaves[half:]))
    return hashlib.sha256(b"\x01" + both).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
