"""cdktr config list: every setting, its value and where it came from."""

from __future__ import annotations

from cdktr_cli import table
from cdktr_cli.ctl.common import OPTIONS
from cdktr_cli.table import Column
from cdktr_common import arguments, cli
from cdktr_common.errors import OK
from cdktr_common.settings import HELP

usage = f"""\
cdktr config - the settings in force

Examples:
  cdktr config list
  cdktr config list --json | jq -r '.[] | select(.source != "default") | .setting'

Usage:
  cdktr config list [options]

Options:
{OPTIONS}"""

COLUMNS = (
    Column("SETTING", lambda row: row["setting"]),
    Column("VALUE", lambda row: row["value"]),
    Column("SOURCE", lambda row: row["source"]),
    Column("MEANING", lambda row: row["help"]),
)


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, ["config", *argv])
    loaded = cli.load_settings(args)
    rows = [
        {
            "setting": name,
            "value": getattr(loaded.settings, name),
            "source": loaded.sources[name],
            "help": text,
        }
        for name, text in HELP.items()
    ]
    table.show(args, rows, COLUMNS)
    return OK
