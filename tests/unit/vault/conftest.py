from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from vault_examples import CONTENTS, SEED, SPECIFICATION

from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from equipoise.vault.drawing import capabilities


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A rehearsal's vault with canary words for its arms and products."""
    directory = tmp_path / "vault"
    create_vault(directory, SPECIFICATION, contents=CONTENTS, realm="rehearsal", seed=SEED)
    return directory


@pytest.fixture
def vault(directory: Path) -> Iterator[LocalVault]:
    vault = LocalVault(directory)
    yield vault
    vault.close()


@pytest.fixture
def clients(vault: LocalVault, directory: Path) -> SimpleNamespace:
    """A client for each capability, and one without any (`anyone`)."""
    made = {c: VaultClient(vault, read_token(directory, c)) for c in capabilities("rehearsal")}
    return SimpleNamespace(**made, anyone=VaultClient(vault))
