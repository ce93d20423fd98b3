"""Where things lie: the first study, a checked study, the files of a trial."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from equipoise.conduct import check_folder
from equipoise.ledger import Realm, is_address, open_store, without_password
from equipoise.problems import Refused, problem
from equipoise.study.study import Study


def first_study() -> Path:
    """The folder of the first study: in the package, or in the checkout it was installed from."""
    packaged = Path(str(files("equipoise"))) / "studies" / "nct06722105"
    checkout = Path(__file__).parents[3] / "studies" / "nct06722105"
    return packaged if packaged.is_dir() else checkout


def load_checked(directory: Path) -> Study:
    """The study of a folder that has no errors.

    Raises:
        Refused: with every problem of the folder.
    """
    checked = check_folder(directory)
    if checked.study is None or not checked.is_ok:
        raise Refused(checked.problems)
    return checked.study


def not_writable(path: Path, error: OSError) -> Refused:
    """What the system said when a file could not be made there."""
    detail = error.strerror or str(error)
    return Refused([problem("EQ-X003", str(path), place=str(path), detail=detail)])


_ANEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


@contextmanager
def _in_turn(folder: Path) -> Iterator[int]:
    """One process at a time in this folder, which is open meanwhile."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield opened
    finally:
        os.close(opened)


class Kept(Struct, frozen=True):
    """The files of a trial that are not in its ledger: accounts, keys, a rehearsal's vault."""

    folder: Path
    name: str

    @property
    def accounts(self) -> Path:
        """Users and sessions."""
        return self.folder / f"{self.name}.accounts.db"

    @property
    def vault(self) -> Path:
        """The folder of a vault that a rehearsal made."""
        return self.folder / f"{self.name}.vault"

    def secret(self, door: str) -> Path:
        """The file with the key of a door's sessions and codes, made where there is none.

        It gets its name when it is whole and on disk; an empty one is none. Two doors that start at
        once take turns, so that both have the same key.
        """
        secret = self.folder / f"{self.name}.{door}.secret"
        try:
            with _in_turn(self.folder) as folder:
                if not secret.exists() or not secret.stat().st_size:
                    beside = secret.with_name(f"{secret.name}.new")
                    with os.fdopen(os.open(beside, _ANEW, 0o600), "w", encoding="ascii") as file:
                        file.write(secrets.token_urlsafe(48))
                        file.flush()
                        os.fsync(file.fileno())
                    beside.replace(secret)
                    os.fsync(folder)
        except OSError as error:
            raise not_writable(secret, error) from error
        return secret


def kept_beside(store: Path) -> Kept:
    """What is kept beside a ledger in a file, and named after it."""
    return Kept(store.parent, store.name.removesuffix(".db"))


def kept_with(store: str | Path, keep: Path | None, *, study: str) -> Kept:
    """What is kept with a ledger; in `keep`, if it is named, under the name of file or study.

    Raises:
        Refused: the ledger is in a database, which has nothing beside it, and no folder is named;
            or the folder cannot be made.
    """
    if keep is None:
        if is_address(store):
            raise Refused([problem("EQ-X925", without_password(store))])
        return kept_beside(Path(store))
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(keep, error) from error
    return Kept(keep, study if is_address(store) else kept_beside(Path(store)).name)


def refuse_taken(*places: str | Path) -> None:
    """A new trial is written over no file.

    Raises:
        Refused: something is there.
    """
    for place in places:
        if not is_address(place) and Path(place).exists():
            raise Refused([problem("EQ-X901", str(place), path=str(place))])


def check_empty(store: str | Path, *, study: Study, realm: Realm) -> None:
    """In a database a new trial has a ledger without entries; a rehearsal's role may make one.

    Raises:
        Refused: it cannot be opened or made, it is another study's, or it has entries.
    """
    if not is_address(store):
        return
    with closing(open_store(store, study=study.identity.study, realm=realm, create=True)) as found:
        if found.heads():
            place = without_password(store)
            raise Refused([problem("EQ-X927", place, place=place)])
