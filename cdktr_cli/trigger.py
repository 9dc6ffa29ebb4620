"""cdktr-trigger: fire an event or start a workflow, from a shell, a hook or a pipe.

Every invocation carries a key, so a request that is sent again, by this process or by a later one
that is given the key, starts nothing twice. It runs in loops and hooks: whatever is not needed for
the common case is not imported.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from cdktr_common import cli
from cdktr_common.errors import OK, UNREACHABLE, USAGE, ProtocolError, Unreachable

if TYPE_CHECKING:
    from cdktr_cli.connection import Connection
    from cdktr_common.catalogue.base import Request
    from cdktr_common.catalogue.principal import RunStarted
    from cdktr_common.catalogue.values import RunRow

PROGRAM = "cdktr-trigger"

usage = f"""\
{PROGRAM} - fire an event or start a workflow; prints the ids of the runs

Examples:
  cdktr-trigger new-file --payload '{{"path": "/data/a.csv"}}'
  echo '{{"a": 1}}' | cdktr-trigger new-file --payload -
  cdktr-trigger --workflow nightly.etl --wait && echo done
  cdktr-trigger new-file --key "$SHA"     # however often: one set of runs
  cdktr-trigger new-file --retry-for 10m  # the principal may be down for a while

Usage:
  cdktr-trigger [options] EVENT
  cdktr-trigger [options] --workflow WORKFLOW

Options:
  -w --workflow WORKFLOW  Start this workflow, by id or name, instead of firing an event.
  -p --payload JSON       Data for the tasks: JSON, `-` for stdin, or `@FILE`; at most 256 KiB.
  -k --key KEY            The same key with the same content gives the same runs.
  --wait                  Wait for the runs and exit with the code of the first task that failed.
  --timeout TIME          Wait for the runs at most so long, then exit with 75; they go on.
  --retry-for TIME        Keep trying so long when the principal does not answer or is busy.
  --json                  Print one JSON document instead of run ids.
{cli.OPTIONS}
Exit codes: 0 done (also when nobody listens to the event) - 2 usage, or the payload is no JSON -
3 no such workflow - 5 the key was used with other content - 69 principal unreachable - 75 busy,
or still running at --timeout. With --wait that of the first run that did not complete: the code
of its first task that failed, 124 timed out, 125 agent lost, 128+n signal n, 130 cancelled.
"""


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = cli.parse(usage, argv)
    timeout_s, retry_s = _length(args, "--timeout"), _length(args, "--retry-for")
    key = args["--key"] or f"trigger-{os.urandom(10).hex()}"
    request = _request(args, key)

    from cdktr_cli.connection import Connection

    principal = Connection.of(args)
    try:
        started = _send(principal, request, key, retry_s)
    except Unreachable as away:
        cli.fail(
            PROGRAM,
            f"{away.detail}. It may still have been taken: try again with --key {key} to be sure "
            "that nothing starts twice",
            UNREACHABLE,
        )
    if not started.runs:
        print(f"{PROGRAM}: no workflow listens to '{args['EVENT']}'", file=sys.stderr)
    if not args["--json"]:
        for ref in started.runs:
            print(ref.run, flush=True)
    rows: list[RunRow] = []
    if args["--wait"] and started.runs:
        rows = _wait(principal, started, timeout_s)
    if args["--json"]:
        _print_json(args, key, started, rows)
    return _exit_code(rows)


def _length(args: cli.Args, option: str) -> float | None:
    if args[option] is None:
        return None
    from cdktr_cli.durations import seconds

    try:
        return seconds(args[option])
    except ValueError as fault:
        cli.fail(PROGRAM, f"{option}: {fault}", USAGE)


def _request(args: cli.Args, key: str) -> Request:
    from cdktr_common.catalogue.principal import EventFire, RunStart

    data = _payload(args["--payload"]) if args["--payload"] is not None else None
    if args["--workflow"]:
        return RunStart(workflow=args["--workflow"], payload=data, key=key)
    return EventFire(event=args["EVENT"], payload=data, key=key)


def _payload(source: str) -> Any:
    import msgspec

    from cdktr_cli import payload

    try:
        return msgspec.Raw(payload.read(source))
    except payload.BadPayload as fault:
        cli.fail(PROGRAM, str(fault), USAGE)


def _send(principal: Connection, request: Request, key: str, retry_s: float | None) -> RunStarted:
    from cdktr_common.catalogue.principal import RunStarted

    end = time.monotonic() + (retry_s or 0.0)
    pause_s = 0.2
    while True:
        try:
            return principal.ask(request, RunStarted, request_id=key)
        except ProtocolError as fault:
            left = end - time.monotonic()
            if left <= 0 or not fault.retry:
                raise
            print(f"{PROGRAM}: {fault.detail}; trying again", file=sys.stderr)
        time.sleep(min(pause_s, left))
        pause_s = min(pause_s * 2, 5.0)


def _wait(principal: Connection, started: RunStarted, timeout_s: float | None) -> list[RunRow]:
    from cdktr_cli import waiting

    try:
        return waiting.wait_all(principal, [ref.run for ref in started.runs], timeout_s)
    except waiting.GaveUp as fault:
        cli.fail(PROGRAM, str(fault), fault.code)


def _exit_code(rows: list[RunRow]) -> int:
    if not rows:
        return OK
    from cdktr_cli import waiting

    codes = [waiting.exit_code(row) for row in rows]
    for row, code in zip(rows, codes, strict=True):
        if code:
            reason = f": {row.reason}" if row.reason else ""
            print(f"{PROGRAM}: {row.run} {row.state}{reason}", file=sys.stderr)
    return waiting.first_failure(codes)


def _print_json(args: cli.Args, key: str, started: RunStarted, rows: list[RunRow]) -> None:
    from cdktr_cli import table

    table.document(
        {
            "event": args["EVENT"],
            "key": key,
            "duplicate": started.duplicate,
            "runs": rows or [{"run": ref.run, "workflow": ref.workflow} for ref in started.runs],
        }
    )


def run() -> NoReturn:
    """The program."""
    cli.program_main(PROGRAM, main)
