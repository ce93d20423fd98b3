"""The append-only record: entries in hash chains, stores that keep them, seals and verification.

It knows nothing of trials. What an entry means is its writer's business; that it is still what was
written is this package's.
"""

from equipoise.ledger.addresses import as_role, has_password, is_address, without_password
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
from equipoise.ledger.keeping.archive import Making, Manifest, opened_archive, write_archive
from equipoise.ledger.keeping.placing import Finish, do_nothing, placing
from equipoise.ledger.keeping.restoring import (
    Restored,
    check_moved,
    import_archive,
    restore,
    write_backup,
)
from equipoise.ledger.keeping.verification import FirstBad, Verification, verify
from equipoise.ledger.opening import create_ledger, open_store
from equipoise.ledger.seal import RootSearch, merkle_root, tree_root
from equipoise.ledger.sqlite import SqliteStore
from equipoise.ledger.store import Follower, MemoryStore, Store

__all__ = [
    "Draft",
    "Entry",
    "Finish",
    "FirstBad",
    "Follower",
    "Head",
    "Making",
    "Manifest",
    "MemoryStore",
    "Realm",
    "Restored",
    "RootSearch",
    "SqliteStore",
    "Store",
    "Verification",
    "as_role",
    "check_chain",
    "check_entry",
    "check_moved",
    "create_ledger",
    "derive_digest",
    "digest_of",
    "do_nothing",
    "has_password",
    "import_archive",
    "is_address",
    "make_entry",
    "merkle_root",
    "open_store",
    "opened_archive",
    "order_in",
    "placing",
    "restore",
    "to_body",
    "to_instant",
    "tree_root",
    "verify",
    "without_password",
    "write_archive",
    "write_backup",
]
