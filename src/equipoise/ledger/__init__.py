"""The append-only record: entries in hash chains, stores that keep them, seals and verification.

It knows nothing of trials. What an entry means is its writer's business; that it is still what was
written is this package's.
"""

from equipoise.ledger.checking import check_chain, check_entry, order_in
from equipoise.ledger.entry import (
    Draft,
    Entry,
    Head,
    Realm,
    derive_digest,
    digest_of,
    make_entry,
    to_body,
    to_instant,
)
from equipoise.ledger.opening import is_address, open_store, without_password
from equipoise.ledger.seal import Seal, check_seal, make_seal, merkle_root, tree_root
from equipoise.ledger.sqlite import SqliteStore
from equipoise.ledger.store import MemoryStore, Store
from equipoise.ledger.verification import FirstBad, Verification, verify

__all__ = [
    "Draft",
    "Entry",
    "FirstBad",
    "Head",
    "MemoryStore",
    "Realm",
    "Seal",
    "SqliteStore",
    "Store",
    "Verification",
    "check_chain",
    "check_entry",
    "check_seal",
    "derive_digest",
    "digest_of",
    "is_address",
    "make_entry",
    "make_seal",
    "merkle_root",
    "open_store",
    "order_in",
    "to_body",
    "to_instant",
    "tree_root",
    "verify",
    "without_password",
]
