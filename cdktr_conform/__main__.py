"""cdktr-conform: checks a server, or a listener, against PROTOCOL.md, clause by clause."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import FAILED, OK
from cdktr_common.errors import USAGE as WRONG_USAGE
from cdktr_conform.page import clauses
from cdktr_conform.report import Line, Report, summary, text

PROGRAM: Final = "cdktr-conform"

_THERE: Final = re.compile(r"tcp://[^/\s]+:[0-9]{1,5}|ipc://.+")
_HERE: Final = re.compile(r"tcp://[^/\s]+:([0-9]{1,5}|\*)|ipc://.+")
"""Addresses to ask at, and to be asked at: `tcp://127.0.0.1:*` is a port that is free."""

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
Exit codes: 0 all is as the page says, 1 something is not, 2 usage, or the command cannot be
started, 69 nobody answers, 75 ENDPOINT is in use, 78 bad settings, or ENDPOINT cannot be had.
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

    endpoint = _endpoint(args, _THERE) or cli.client_endpoint(args)[1]
    return examine(endpoint, (lambda line: None) if quiet else _tell)


def _serve(args: cli.Args, command: list[str]) -> Report:
    from cdktr_conform.listener.run import serve

    said = args["--expect"]
    if said is not None and not re.fullmatch(r"[0-9]{1,9}", said):
        cli.fail(PROGRAM, f"--expect is a whole number, not '{said}'", WRONG_USAGE)
    return serve(
        _endpoint(args, _HERE), command, seconds=_seconds(args, "--seconds"),
        patience_s=_seconds(args, "--patience"), expect=None if said is None else int(said),
        kill=bool(args["--kill"]),
    )  # fmt: skip


def _endpoint(args: cli.Args, forms: re.Pattern[str]) -> str | None:
    endpoint: str | None = args["ENDPOINT"]
    if endpoint is not None and not forms.fullmatch(endpoint):
        text = f"ENDPOINT is tcp://HOST:PORT or ipc://PATH, not '{endpoint}'"
        cli.fail(PROGRAM, text, WRONG_USAGE)
    return endpoint


def _seconds(args: cli.Args, name: str) -> float:
    with suppress(ValueError):
        if 0 < (seconds := float(args[name])) <= 86_400:
            return seconds
    cli.fail(PROGRAM, f"{name} is a number of seconds, not '{args[name]}'", WRONG_USAGE)


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
