"""cdktr-ctl reload: have the principal look at its workflow directory now."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS
from cdktr_common import cli
from cdktr_common.catalogue.principal import WorkflowReload, WorkflowReloaded
from cdktr_common.errors import INVALID, OK

usage = f"""\
cdktr-ctl reload - look at the workflow directory now; exits with 4 when a file is broken

Examples:
  cdktr-ctl reload

Usage:
  cdktr-ctl reload [options]

Options:
{OPTIONS}"""


def main(args: cli.Args) -> int:
    """Run the command."""
    found = Connection.of(args, changes=True).ask(WorkflowReload(), WorkflowReloaded)
    shown = {
        "loaded": found.loaded,
        "removed": found.removed,
        "broken": found.broken,
        "unchanged": found.unchanged,
    }
    if args["--json"]:
        table.document(shown)
    elif args["--ndjson"]:
        table.lines([shown])
    else:
        for word, names in (("loaded", found.loaded), ("removed", found.removed)):
            for name in names:
                print(f"{word} {table.text(name)}")
        for name in found.broken:
            print(f"broken {table.text(name)}: cdktr-ctl workflows tells why")
        print(f"{found.unchanged} unchanged")
    return INVALID if found.broken else OK
