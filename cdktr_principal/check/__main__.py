"""cdktr-check: the principal's own loader, run alone.

Every fault of every file, each with its line and a caret below the place; exit 4 when there is
one. It also writes one dialect as another and shows what a run would do. It needs no principal and
changes nothing but what `--into` names.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import INVALID, NOT_FOUND, OK
from cdktr_common.errors import USAGE as WRONG_USAGE
from cdktr_principal.check.files import Checked, How, check, plain, warnings
from cdktr_principal.check.report import as_json, refused, report
from cdktr_principal.language.dialects import DIALECTS, load_text

PROGRAM: Final = "cdktr-check"

USAGE: Final = f"""\
cdktr-check finds all faults of workflow files. No principal is needed.

  cdktr-check workflows/                        all *.yaml and *.yml below a directory
  cdktr-check etl.yaml report.yaml              single files, whatever they are called
  cat etl.yaml | cdktr-check -                  standard input
  cdktr-check --json workflows/ | jq '.faults[]'
  cdktr-check --to cdktr job.yaml               a file of Tork's or Conducktor's as one of CDKTR's
  crontab -l | cdktr-check --from crontab       a workflow for each entry
  crontab -l | cdktr-check --from crontab --into workflows/
  cdktr-check --plan etl.yaml -p day=monday     what a run would do, without running it
  cdktr-check --plan etl.yaml --event 'new-file={{"path": "/data/a"}}'
  cdktr-check --schema > workflow.json          for the editor that you write them with

Usage:
  cdktr-check [options] [--param NAME=VALUE]... [PATH]...

Options:
  --from DIALECT          What the files are: cdktr, conducktor or tork, instead of what they look
                          like; or crontab, to make workflows of one (no PATH: standard input).
  --to DIALECT            Print the workflow of one file in this dialect: cdktr.
  --plan                  Print what a run of one file would do: its tasks by waves, what each would
                          run as far as that is known, what would be skipped and why.
  -p --param NAME=VALUE   With --plan: a param of the run; may be given several times.
  --event EVENT           With --plan: what starts the run: NAME, NAME=JSON with the payload, or
                          {{"name": ..., "payload": ...}}.
  --schema                Print the JSON Schema of the CDKTR dialect.
  --into DIR              With --from crontab: write files into this directory, none over another.
  --strip-image           Tasks that ask for a container are plain processes.
  --json                  One JSON document: files, workflows, faults, warnings.
{cli.OPTIONS}
Exit codes: 0 all files are good, 2 usage, 3 no such file, 4 faults, 5 a file is there already.
"""


def main(argv: Sequence[str]) -> int:
    """Check and tell. Returns the exit code."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    if args["--schema"]:
        return _schema()
    if args["--from"] == "crontab":
        from cdktr_principal.check.crontab import convert

        return convert(_paths(args, default="-"), args["--into"])
    how = How(_dialect(args["--from"], "--from", (*DIALECTS, "crontab")), args["--strip-image"])
    if args["--into"] is not None:
        cli.fail(PROGRAM, "--into goes with --from crontab", WRONG_USAGE)
    if args["--plan"]:
        for option in ("--json", "--to"):
            if args[option]:
                cli.fail(PROGRAM, f"{option} does not go with --plan", WRONG_USAGE)
        from cdktr_principal.check.plan import show

        return show(
            check([_one(args)], how._replace(lone_task=True)), args["--param"], args["--event"]
        )
    for option in ("--param", "--event"):
        if args[option]:
            cli.fail(PROGRAM, f"{option} goes with --plan", WRONG_USAGE)
    if args["--to"] is not None:
        _dialect(args["--to"], "--to", ("cdktr",))
        return _convert(_one(args), how, args["--to"])
    checked = check(_paths(args), how)
    found = warnings(checked)
    if args["--json"]:
        print(as_json(checked, found))
    else:
        for line in report(checked, found):
            print(line)
    return INVALID if checked.faults else OK


def run() -> None:
    """Entry point of the program."""
    cli.program_main(PROGRAM, main)


def _paths(args: cli.Args, default: str | None = None) -> list[str]:
    paths: list[str] = args["PATH"] or ([default] if default else [])
    if not paths:
        cli.fail(PROGRAM, "which files or directories? `-` is standard input", WRONG_USAGE)
    for path in paths:
        if path != "-" and not os.path.exists(path):
            cli.fail(PROGRAM, f"no such file or directory: {plain(path)}", NOT_FOUND)
    return paths


def _one(args: cli.Args) -> str:
    paths = _paths(args)
    if len(paths) > 1 or os.path.isdir(paths[0]):
        cli.fail(PROGRAM, "this takes one file", WRONG_USAGE)
    return paths[0]


def _dialect(name: str | None, option: str, known: tuple[str, ...]) -> str | None:
    if name is not None and name not in known:
        listed = " or ".join((", ".join(known[:-1]), known[-1])) if known[1:] else known[0]
        message = f"{option} takes {listed}, not '{name[:40]}'{cli.near(name, known)}"
        cli.fail(PROGRAM, message, WRONG_USAGE)
    return name


def _schema() -> int:
    from cdktr_principal.language.schema import schema

    print(json.dumps(schema(), indent=2))
    return OK


def _convert(path: str, how: How, to: str) -> int:
    from cdktr_principal.language.writer import write

    checked = check([path], how._replace(lone_task=True))
    if checked.faults:
        return refused(checked)
    plan = checked.good[0].plan
    text = write(plan)
    _, faults = load_text(text.encode(), plan.workflow, f"{checked.files[0]} as {to}", to)
    if faults:  # the other dialect can say what this one cannot
        return refused(Checked([], [], faults, {faults[0].file: text.encode()}))
    sys.stdout.write(text)
    return OK


if __name__ == "__main__":
    run()
