"""The sealed allocation: which participant gets which arm is known here and nowhere else.

The vault has its own process, file and key. Others hold a `VaultClient` with the token of one
capability: to assign numbers, to prepare infusions, to unblind, to audit.
"""

from equipoise.vault.client import SocketDoor, VaultClient
from equipoise.vault.drawing import create_vault, read_token
from equipoise.vault.local import LocalVault
from equipoise.vault.process import VaultProcess, start_vault
from equipoise.vault.protocol import Assigned, Break, Capability, Vault, VaultReport
from equipoise.vault.server import serve_vault

__all__ = [
    "Assigned",
    "Break",
    "Capability",
    "LocalVault",
    "SocketDoor",
    "Vault",
    "VaultClient",
    "VaultProcess",
    "VaultReport",
    "create_vault",
    "read_token",
    "serve_vault",
    "start_vault",
]
