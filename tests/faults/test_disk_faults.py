"""Real disks that are full, that cannot be written to, that fail now and then.

A small file system in memory is mounted for it, which takes root; errors come from libfiu, which
answers calls of the operating system with EIO in the place of the kernel.
"""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from equipoise.ledger import Draft, open_store, verify
from equipoise.problems import Refused
from equipoise.randomization import Specification
from equipoise.vault import VaultClient, create_vault, read_token, start_vault

from ..requiring import do_without
from .ledger_writer import draft

WRITER = Path(__file__).with_name("disk_writer.py")
ROOT = Path(__file__).parents[2]
N_APPENDS = 3000 if os.environ.get("EQUIPOISE_NIGHTLY") else 300


def run(*words: object) -> None:
    subprocess.run([str(w) for w in words], check=True, capture_output=True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder)
    except subprocess.CalledProcessError as error:
        do_without(f"no file system can be mounted here: {error.stderr.decode().strip()}")
    yield folder
    run("umount", "--lazy", folder)


def note(version: int, *, big: bool = False) -> Draft:
    return draft("site/1", "w/0", version, "y" * 200_000 if big else "")


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.problems[0].code


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Something else takes what room there is."""
    greedy = folder / "greedy"
    with greedy.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    yield
    greedy.unlink()


@pytest.mark.requirement("D04", "C44")
def test_the_ledger_on_a_full_disk(small: Path) -> None:
    """Refused with the reason, nothing half written; with room again it goes on, as it was open."""
    path = small / "trial.db"
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        kept = [*store.append([note(0)])]
        with filled(small):
            assert refused(lambda: store.append([note(1), note(2, big=True)])) == "EQ-G017"
            with closing(open_store(path)) as other:
                assert refused(lambda: other.append([note(1, big=True)])) == "EQ-G017"
        kept += store.append([note(1), note(2, big=True)])

        assert [e.digest for e in store.read()] == [e.digest for e in kept]
        assert verify(path).problems == ()


@pytest.mark.requirement("D04", "F02", "F19")
def test_the_vault_on_a_full_disk(small: Path) -> None:
    """No number is given that is not on disk; none is passed over afterwards."""
    specification = Specification(
        study="S1", arms=("A", "B"), ratio=(1, 1), blocks=(4,), n_planned=400
    )
    contents = {"A": {"M0": "x"}, "B": {"M0": "y"}}
    create_vault(small / "v", specification, contents=contents, realm="rehearsal")
    given: dict[str, str] = {}
    with start_vault(small / "v", socket_path=small.parent / "s") as process:
        client = VaultClient(process.socket_path, read_token(small / "v", "assign"))

        def assign_until_refused(n_most: int) -> list[str]:
            for k in range(len(given), len(given) + n_most):
                try:
                    given[f"p{k}"] = client.assign(f"p{k}", stratum="", proof="x" * 2000)
                except Refused as found:
                    return [p.code for p in found.problems]
            return []

        with filled(small):
            assert assign_until_refused(300) == ["EQ-V020"]
        assert assign_until_refused(20) == []
        assert client.verify().problems == ()

    assert list(given.values()) == [f"R-{n:03}" for n in range(1, len(given) + 1)]


@pytest.mark.requirement("D05")
def test_a_disk_that_became_read_only(small: Path) -> None:
    """What is there can be read and verified; recording is refused until it is writable again."""
    path = small / "trial.db"
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        store.append([note(0)])
    run("mount", "-o", "remount,ro", small)
    with closing(open_store(path, read_only=True)) as store:
        assert len(list(store.read())) == 1
    assert verify(path).ok
    assert refused(lambda: open_store(path).append([note(1)])) == "EQ-G017"
    run("mount", "-o", "remount,rw", small)
    with closing(open_store(path)) as store:
        store.append([note(1)])
    assert verify(path).entries == 2


@pytest.mark.requirement("D07")
def test_without_a_file_descriptor(tmp_path: Path) -> None:
    """Nothing is opened, nothing recorded, and it goes on when one is free again."""
    path = tmp_path / "trial.db"
    taken: list[int] = []
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, usual[1]))
        try:
            with suppress(OSError):
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            assert refused(lambda: store.append([note(0)])) == "EQ-G017"
            assert refused(lambda: open_store(path)) == "EQ-G017"
        finally:
            for descriptor in taken:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        store.append([note(0)])
    assert verify(path).entries == 1


@pytest.fixture(scope="module")
def fiu_run() -> str:
    """The program that makes calls fail; absent, skipped with the reason, but not in CI."""
    found = shutil.which("fiu-run")
    if found is None:
        do_without("no libfiu on this machine; on Debian: apt-get install fiu-utils")
    return found


def with_errors(
    fiu_run: str, errors: str, path: Path, n_appends: int
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [fiu_run, "-x", "-c", errors, sys.executable, WRITER, str(path), str(n_appends)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.requirement("D05", "D01")
@pytest.mark.parametrize("failing", ["posix/io/rw/pwrite", "posix/io/sync/*"])
def test_calls_that_fail_now_and_then(fiu_run: str, tmp_path: Path, failing: str) -> None:
    """EIO on some of the writes or syncs: each is a refusal, and nothing said is lost."""
    path = tmp_path / "trial.db"
    open_store(path, study="S1", realm="live", create=True).close()
    errors = f"enable_random name={failing},probability=0.05"
    ran = with_errors(fiu_run, errors, path, N_APPENDS)
    lines = [line.split() for line in ran.stdout.splitlines()]
    kept = {int(seq): digest for word, seq, digest in (x for x in lines if x[0] == "kept")}
    codes = {line[1] for line in lines if line[0] == "refused"}

    assert "Traceback" not in ran.stderr, ran.stderr
    assert lines[-1] == ["done"]
    assert codes == {"EQ-G017"}
    with closing(open_store(path)) as store:
        recorded = {e.seq: e.digest for e in store.read()}
        store.append([note(len(recorded))])
    assert kept.items() <= recorded.items()
    assert verify(path).problems == ()


@pytest.mark.requirement("D05")
@pytest.mark.parametrize(
    ("failing", "code"), [("posix/io/rw/pwrite", "EQ-G017"), ("posix/io/rw/pread", "EQ-G008")]
)
def test_a_disk_that_fails_while_the_ledger_is_opened(
    fiu_run: str, tmp_path: Path, failing: str, code: str
) -> None:
    """Damage is said where nothing can be read; a disk not written to sends nobody to a backup."""
    path = tmp_path / "trial.db"
    open_store(path, study="S1", realm="live", create=True).close()
    ran = with_errors(fiu_run, f"enable name={failing}", path, 1)
    assert ran.stdout.split() == ["refused", code, "done"], ran.stderr
    assert verify(path).ok
