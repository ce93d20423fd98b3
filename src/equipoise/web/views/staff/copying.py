"""The site's own complete copy: its investigator takes it at any time, after the lock too."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.http import FileResponse

from equipoise.conduct import record_copy
from equipoise.conduct.events import EVENTS, program
from equipoise.exchange.members import schema_members, study_members
from equipoise.ledger import Making, write_archive
from equipoise.problems import Refused, problem
from equipoise.study.load import load_study
from equipoise.study.roles import Role
from equipoise.web.pages import Visit, page


def sites_to_copy(visit: Visit) -> tuple[str, ...]:
    """The sites of which this person may take the complete copy here: those with entries."""
    if not visit.may(Role.INVESTIGATOR):
        return ()
    chains = visit.trial.store.heads()
    return tuple(
        site
        for site in visit.state.sites
        if visit.person.may_see(site) and f"site-{site}" in chains
    )


@page(roles=(Role.INVESTIGATOR,), methods=("POST",))
def site_copy(visit: Visit, site: str) -> FileResponse:
    """Send the archive of a site, once it is whole and on record.

    The file lies in a folder that nobody else may open, and is gone before the first byte leaves.
    """
    if site not in sites_to_copy(visit):
        raise Refused([problem("EQ-C014", site, site=site)])
    by, at = visit.person.person, visit.now

    def record(file: Path, seal: str) -> None:
        with file.open("rb") as whole:
            told = hashlib.file_digest(whole, "sha256").hexdigest()
        record_copy(visit.trial, by=by, at=at, kind="archive", site=site, digest=told, seal=seal)

    making = Making(
        site=site,
        chains=(f"site-{site}", "control"),
        made_by=program(),
        members={**schema_members(EVENTS), **_study_of(visit)},
    )
    with TemporaryDirectory(prefix="equipoise-") as folder:
        path = Path(folder) / "copy.zip"
        write_archive(visit.trial.store, path, making=making, finish=record)
        file = path.open("rb")
    name = f"{visit.study.identity.study}-site-{site}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


def _study_of(visit: Visit) -> dict[str, bytes]:
    """The folder by which this door goes, if it is still there as it was."""
    loaded = load_study(Path(settings.STUDY))
    if loaded.study is None or loaded.study.digest != visit.study.digest:
        return {}
    return dict(study_members(loaded))
