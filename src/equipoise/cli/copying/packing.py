"""What an archive holds beside the entries: study folders, and what each kind of entry means."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from equipoise.conduct.cells import CELL_EVENTS
from equipoise.conduct.cells.door import CHAIN
from equipoise.conduct.events import EVENTS, StudyAmended, StudyOpened, from_entry
from equipoise.exchange.members import schema_members, study_members
from equipoise.ledger import Entry, open_store, without_password
from equipoise.ledger.keeping.archive import TRIAL
from equipoise.problems import Refused, Text, problem
from equipoise.study.load import load_study

CELLS = Text(
    "The record of the cell unit of a clinical trial: every entry that was ever made, by whom,\n"
    "in which role, when and why. IT TELLS WHICH PARTICIPANT GOT WHICH TREATMENT: donors,\n"
    "batches, bags and what went into whom. Keep it from everybody who must not know.",
    "Le registre de l'unité cellulaire d'un essai clinique : chaque entrée jamais faite, par\n"
    "qui, dans quel rôle, quand et pourquoi. IL DIT QUEL PARTICIPANT A REÇU QUEL TRAITEMENT :\n"
    "donneurs, lots, poches et ce qui fut donné à qui. Tenez-le à l'écart de quiconque ne doit\n"
    "pas le savoir.",
)


class Beside(NamedTuple):
    """What stands in an archive beside its entries, and what its README says that it is."""

    members: Mapping[str, bytes]
    what: Text


def beside(
    store: str | Path, directories: Iterable[Path], *, lacking: tuple[str, ...] = ()
) -> Beside:
    """What belongs beside the entries of this ledger, the trial's or the cell unit's.

    Raises:
        Refused: a folder is none by which the trial went, or one that the record names is neither
            given nor said to lack.
    """
    with closing(open_store(store, read_only=True)) as opened:
        is_of_cells = CHAIN in opened.heads()
        named = _studies_in(opened.read(chain="control"))
    studies = _study_files(directories, named, lacking=lacking, place=without_password(store))
    schemas = schema_members(CELL_EVENTS if is_of_cells else EVENTS)
    return Beside({**schemas, **studies}, CELLS if is_of_cells else TRIAL)


def _study_files(
    directories: Iterable[Path], named: list[str], *, lacking: tuple[str, ...], place: str
) -> Mapping[str, bytes]:
    """The study folders by which the trial went, byte for byte."""
    files, found = dict[str, bytes](), set[str]()
    for directory in directories:
        loaded = load_study(directory)
        if loaded.study is None:
            raise Refused(loaded.problems)
        digest = loaded.study.digest
        if digest not in named:
            latest = named[-1][:12] if named else "-"
            raise Refused([problem("EQ-C019", place, digest=latest)])
        found.add(digest)
        files |= study_members(loaded)
    gone = {digest[:12] for digest in lacking}
    absent = [d[:12] for d in named if d not in found and d[:12] not in gone]
    if found and absent:
        raise Refused([problem("EQ-X940", digest, digest=digest) for digest in absent])
    return files


def _studies_in(control: Iterable[Entry]) -> list[str]:
    """The digests of the study folders by which the trial went, the latest last."""
    wanted = {kind.__name__ for kind in (StudyOpened, StudyAmended)}
    entries = [x for x in control if x.type in wanted]
    events = [from_entry(x.type, x.body) for x in entries if x.body is not None]
    return [x.digest for x in events if isinstance(x, StudyOpened | StudyAmended)]
