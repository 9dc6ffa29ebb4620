"""cdktr-conform: checks a server, or a listener, against PROTOCOL.md, clause by clause."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import FAILED, OK
from cdktr_common.errors import USAGE as WRONG_USAGE
from cdktr_conform.page import clauses
from cdktr_conform.report import Line, Report, summary, text

PROGRAM: Final = "cdktr-conform"

USAGE: Final = f"""\
cdktr-conform checks a server or a listener against the protocol, clause by clause.

  cdktr-conform                                   the principal of the settings
  cdktr-conform ipc:///srv/cdktr/run/logd.sock    any daemon, by its address
  cdktr-conform --json | jq '.lines[] | select(.verdict == "FAIL")'
  cdktr-conform --serve -- ./lines {{}} event file  a listener, {{}} is where it asks
  cdktr-conform --serve tcp://127.0.0.1:5599      one that somebody else starts, until it is done
  cdktr-conform --clauses                         what the page says, by the names that reports use

Against a server it asks what any client may ask, and fires some hundred events that nobody listens
to; it says what it leaves behind, and fires none if a workflow would start. With --serve it plays a
principal that loses requests and answers, answers late and twice, is busy, dies and comes back, and
publishes with gaps. A listener that fires events is to fire at least a dozen.

Usage:
  cdktr-conform [options] [ENDPOINT]

Options:
  --serve                 Play the principal, at ENDPOINT or an address of its own. Words after --
                          are the command of the listener.
  --expect N              With --serve: so many events are to be fired, no more and no less.
  --kill                  With --serve: kill -9 the listener at bad moments and start it again.
                          What it is given to tell of has to be all different.
  --patience S            With --serve: the longest that a listener may wait for an answer before
                          it asks again. [default: 10]
  --seconds S             With --serve: the longest that all of it takes. [default: 120]
  --clauses               Print the clauses.
  --json                  One JSON document.
{cli.OPTIONS}
Exit codes: 0 all is as the page says, 1 something is not, 2 usage, 69 nobody answers.
"""


def main(argv: Sequence[str]) -> int:
    """One report."""
    cli.show_and_exit(USAGE, argv)
    words, command = list(argv), list[str]()
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1 :]
    args = parse(USAGE, words)
    if args["--clauses"]:
        print(json.dumps(clauses(), ensure_ascii=False, indent=1) if args["--json"] else _clauses())
        return OK
    if command and not args["--serve"]:
        cli.fail(PROGRAM, "a command goes with --serve", WRONG_USAGE)
    if args["--kill"] and not command:
        cli.fail(PROGRAM, "--kill needs the command of a listener", WRONG_USAGE)
    as_json = bool(args["--json"])
    report = _serve(args, command) if args["--serve"] else _examine(args, quiet=as_json)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=1))
    else:
        if args["--serve"]:
            for line in report.lines:
                _tell(line)
        print("\n".join(summary(report)))
    return FAILED if report.failed else OK


def _examine(args: cli.Args, quiet: bool) -> Report:
    from cdktr_conform.server.run import examine

    endpoint = args["ENDPOINT"] or cli.client_endpoint(args)[1]
    return examine(endpoint, (lambda line: None) if quiet else _tell)


def _serve(args: cli.Args, command: list[str]) -> Report:
    from cdktr_conform.listener.run import serve

    expect = None if args["--expect"] is None else round(_number(args, "--expect"))
    return serve(
        args["ENDPOINT"], command, seconds=_number(args, "--seconds"),
        patience_s=_number(args, "--patience"), expect=expect, kill=bool(args["--kill"]),
    )  # fmt: skip


def _number(args: cli.Args, name: str) -> float:
    try:
        return float(args[name])
    except ValueError:
        cli.fail(PROGRAM, f"{name} is a number, not '{args[name]}'", WRONG_USAGE)


def _tell(line: Line) -> None:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print("\n".join(text(line, colour)), flush=True)


def _clauses() -> str:
    return "\n".join(f"{name:<18} {words}" for name, words in clauses().items())


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main, tidy=False)


if __name__ == "__main__":
    run()
