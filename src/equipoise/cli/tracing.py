"""Questions to the cell unit's own ledger, beside the trial that it belongs to."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from equipoise.cli.folders import load_checked
from equipoise.conduct import RunningTrial
from equipoise.conduct import cells as cell_acts
from equipoise.conduct.cells import CellState, CellUnit
from equipoise.ledger import open_store


@contextmanager
def _cells_of(directory: Path, *, store: str | Path, cells: Path) -> Iterator[CellUnit]:
    """The cell unit's ledger beside its trial, to be read.

    Raises:
        Refused: the two are not of one trial.
    """
    with (
        closing(open_store(store, read_only=True)) as ledger,
        closing(open_store(cells, study=ledger.study, realm=ledger.realm, read_only=True)) as own,
    ):
        yield CellUnit(RunningTrial(load_checked(directory), ledger), own, lambda *_: "")


def read_cells(trial: RunningTrial, cells: Path) -> CellState:
    """All that the cell unit's ledger says, beside an open trial.

    Raises:
        Refused: the two are not of one trial.
    """
    ledger = trial.store
    with closing(open_store(cells, study=ledger.study, realm=ledger.realm, read_only=True)) as own:
        return CellUnit(trial, own, lambda *_: "").state


def trace_cells(
    directory: Path, name: str, *, store: str | Path, cells: Path
) -> tuple[cell_acts.Trace, ...]:
    """The way from or to a donor, a batch or a participant.

    Raises:
        Refused: no record knows the name.
    """
    with _cells_of(directory, store=store, cells=cells) as unit:
        return cell_acts.trace(unit.state, unit.trial.state, name)


def balance_cells(
    directory: Path, *, store: str | Path, cells: Path
) -> dict[str, cell_acts.Balance]:
    """Where the bags of each batch are."""
    with _cells_of(directory, store=store, cells=cells) as unit:
        state = unit.state
        return {name: cell_acts.balance_of(state, name) for name in state.batches}
