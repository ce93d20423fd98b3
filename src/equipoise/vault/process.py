"""Starting and stopping a vault process from another one: the demo, a rehearsal, a test."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from msgspec import Struct

from equipoise.problems import Refused, problem
from equipoise.vault.sockets import connect_to
from equipoise.vault.stores.seam import read_place

START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class VaultProcess(Struct, frozen=True):
    """A running vault; it also ends by itself when the process that started it is gone."""

    process: subprocess.Popen[bytes]
    socket_path: Path

    def stop(self) -> None:
        """End it as SIGTERM does: the question under way is finished first."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stderr):
            if pipe:
                pipe.close()

    def __enter__(self) -> "VaultProcess":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_vault(directory: str | Path, *, socket_path: str | Path | None = None) -> VaultProcess:
    """Start a vault's process and wait until its socket answers."""
    path = Path(socket_path) if socket_path else Path(directory) / "vault.sock"
    command = [sys.executable, "-m", "equipoise.vault", str(directory), "--socket", str(path)]
    # In a file it asks no database, so it is told no password of one.
    asks = read_place(Path(directory)) is not None
    environment = {name: v for name, v in os.environ.items() if asks or not name.startswith("PG")}
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--while-stdin"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    started = VaultProcess(process, path)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connect_to(path, timeout=1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return started
    process.kill()
    said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    started.stop()
    raise Refused([problem("EQ-V017", str(path), path=str(path), detail=said or "silence")])
