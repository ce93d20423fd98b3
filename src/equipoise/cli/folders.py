"""Where things lie: the first study, a checked study, the files of a trial."""

from importlib.resources import files
from pathlib import Path

from equipoise.conduct import check_folder
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
