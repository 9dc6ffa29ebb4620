"""cdktr-watch: the command line of the file-watch source, and the order of its start.

What to watch is checked, the records are locked and read, the directories are watched and looked
at once; then it is ready, whether the principal is there or not.
"""

from __future__ import annotations

import os
from pathlib import Path

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import BAD_SETTINGS, OK
from cdktr_common.errors import USAGE as WRONG_USAGE
from cdktr_common.settings import principal_endpoint
from cdktr_watch.config import ConfigFault, Watch, read_file, watch

PROGRAM = "cdktr-watch"

USAGE = f"""\
cdktr-watch: fires an event for every file that comes, changes, moves or goes, once, whatever is
stopped or killed meanwhile.

Examples:
  cdktr-watch new-file incoming/
  cdktr-watch new-csv /srv/in --glob '*.csv' --recursive --on created --existing
  cdktr-watch log-moved /var/log/app --on moved,deleted
  cdktr-watch scan /mnt/nfs/in --poll 10s --settle 30s
  cdktr-watch --config watches.yaml

Usage:
  cdktr-watch [--host-port HOST:PORT] [--principal NAME] [--home DIR] [--glob GLOB]...
              [--exclude GLOB]... [--recursive] [--hidden] [--on KINDS] [--settle TIME]
              [--existing] [--poll TIME] EVENT PATH...
  cdktr-watch [--host-port HOST:PORT] [--principal NAME] [--home DIR] --config FILE

Arguments:
  EVENT                   Name of the event to fire.
  PATH                    A directory, whose files are watched, or a file.

Options:
  --glob GLOB             Only files that fit: `*.csv` by name, `a/**/*.csv` by the path from PATH.
  --exclude GLOB          Not these; a directory that fits is left out with all in it.
  --recursive             Files in directories below, too, new ones included.
  --hidden                Also names that begin with a dot or end in `~`, which editors and copying
                          programs use while they work.
  --on KINDS              Of created, modified, moved, deleted, with commas; default
                          created,modified.
  --settle TIME           Tell of a file when it has not changed for so long. By default it is told
                          of when it is closed after writing or renamed into its place, and after
                          2s without a change when nobody is seen to close it.
  --existing              The first time, tell of the files that are there already.
  --poll TIME             Look at everything so often instead of listening to the kernel: for
                          network file systems.
  --config FILE           Several watches, from a file: `watches:` with a list of event, paths,
                          glob, exclude, recursive, hidden, on, settle, existing, poll, name.
                          Its relative paths are from the place of the file.
{cli.OPTIONS}
What it told last is in CDKTR_HOME/watch. Stops cleanly on SIGTERM and SIGINT; SIGHUP looks at
everything. Exit codes: 0 stopped, 2 usage, 3 no such path, 74 its record is damaged, 75 another
cdktr-watch of this home fires the event, 78 bad settings.
"""


def main(argv: list[str]) -> int:
    """Watch until told to stop."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    settings = cli.load_settings(args, changes=True).settings
    try:
        watches = read_file(args["--config"]) if args["--config"] else [_watch(args)]
    except ConfigFault as fault:
        if args["--config"] or fault.exit != BAD_SETTINGS:
            raise
        cli.fail(PROGRAM, str(fault), WRONG_USAGE)
    os.umask(0o077)
    from cdktr_watch.service import Service

    log = cli.Log(PROGRAM, settings.log_level)
    service = Service(Path(settings.home), principal_endpoint(settings), watches, log)
    service.begin()
    cli.ready(PROGRAM, [one.name for one in watches])
    service.run()
    return OK


def _watch(args: cli.Args) -> Watch:
    return watch(
        "",
        event=args["EVENT"],
        paths=args["PATH"],
        glob=args["--glob"],
        exclude=args["--exclude"],
        recursive=args["--recursive"],
        hidden=args["--hidden"],
        on=args["--on"],
        settle=args["--settle"],
        existing=args["--existing"],
        poll=args["--poll"],
    )


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main)


if __name__ == "__main__":
    run()
