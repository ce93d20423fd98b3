"""The people of a rehearsal: one account for each role, and staff for each site."""

from collections.abc import Iterable

from equipoise.conduct import Person
from equipoise.rehearsal.cells import SECOND
from equipoise.study.roles import Role
from equipoise.study.study import Study

SITE_ROLES = (Role.COORDINATOR, Role.INVESTIGATOR, Role.OUTCOME_ASSESSOR)
"""The roles that each site has its own person for."""


def demo_people(study: Study) -> tuple[Person, ...]:
    """Everybody a rehearsal needs, named after their roles, never after people."""
    central = [Person(role.value, label_of(study, role), role.value) for role in Role]
    second = Person(SECOND, f"{label_of(study, Role.CELL_UNIT)}, second", Role.CELL_UNIT.value)
    local = [
        Person(person_at(site, role), f"{label_of(study, role)}, {site}", role.value, (site,))
        for site in study.identity.sites
        for role in SITE_ROLES
    ]
    return (*central, second, *local)


def label_of(study: Study, role: Role) -> str:
    """What the study calls a role."""
    words = study.identity.roles.get(role)
    return words.en if words else role.value.replace("_", " ").capitalize()


def person_at(site: str, role: Role) -> str:
    """The identifier of a site's person in a role."""
    return f"{role.value}-{site.lower()}"


def who_may(site: str, roles: Iterable[str]) -> str:
    """The site's person for something that these roles do, the first one named; else nobody."""
    return next((person_at(site, Role(r)) for r in roles if r in SITE_ROLES), "")
