"""The group of commands; each imports what it needs when it is called."""

import click

from equipoise.cli import archiving, looking_back  # noqa: F401 - both add to `ledger`
from equipoise.cli.allocation.amending import amend, amend_parts
from equipoise.cli.allocation.auditing import audit, open_list, prove, status
from equipoise.cli.allocation.comparing import randomization
from equipoise.cli.allocation.packets import packets
from equipoise.cli.allocation.vaulting import vault
from equipoise.cli.answering import Door
from equipoise.cli.designing import check, draft, screen
from equipoise.cli.keeping import export, ledger, report
from equipoise.cli.running import cells_group, demo, invite, open_command, rehearse, serve
from equipoise.cli.setup import restoring  # noqa: F401 - adds to `ledger`


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="equipoise")
def main() -> None:
    """Turn a written clinical trial into a running one, and rehearse it first.

    Exit codes: 0 done, 1 problems found, 2 refused or wrong use, 3 a bug.
    """


COMMANDS = (
    *(check, draft, randomization, screen),
    *(cells_group, demo, invite, open_command, packets, rehearse, serve, vault),
    *(amend, export, ledger, report),
)
for command in COMMANDS:
    main.add_command(command)
for command in (amend_parts, status, open_list, prove, audit):
    vault.add_command(command)
