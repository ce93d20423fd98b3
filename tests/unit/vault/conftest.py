from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.postgres import Place as Database
from tests.postgres import Server
from vault_examples import CONTENTS, SEED, SPECIFICATION

from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from equipoise.vault.drawing import capabilities
from equipoise.vault.stores.seam import Place


@pytest.fixture
def database(postgres_server: Server) -> Database:
    """An empty schema for a vault of its own: its writer, its owner, its administrator."""
    return postgres_server.create_schema()


@pytest.fixture(params=["file", "database"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A rehearsal's vault with canary words for its arms and products, in each kind of store."""
    directory, place = tmp_path / "vault", None
    if request.param == "database":
        made: Database = request.getfixturevalue("database")
        place = Place(made.app, made.owner)
    create_vault(
        directory, SPECIFICATION, contents=CONTENTS, realm="rehearsal", seed=SEED, place=place
    )
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
