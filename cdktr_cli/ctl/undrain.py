"""cdktr-ctl undrain: give agents work again."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.ctl.drain import COLUMNS, standing
from cdktr_common import cli
from cdktr_common.catalogue.principal import AgentStatus, AgentUndrain
from cdktr_common.errors import OK

usage = f"""\
cdktr-ctl undrain - give agents work again that were drained

Examples:
  cdktr-ctl undrain box1
  cdktr-ctl agents --json | jq -r '.[] | select(.drain) | .agent' | xargs cdktr-ctl undrain

Usage:
  cdktr-ctl undrain [options] AGENT...

Options:
{OPTIONS}"""


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args, changes=True)
    names = list(dict.fromkeys(args["AGENT"]))
    standing(principal, names)  # all of them or none
    rows = [principal.ask(AgentUndrain(agent=name), AgentStatus).agent for name in names]
    table.show(args, rows, COLUMNS)
    return OK
