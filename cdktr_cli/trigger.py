"""cdktr-trigger: fire an event or start a workflow, from a shell, a hook or a pipe.

Every invocation carries a key, so a request that is sent again, by this process or by a later one
that is given the key, starts nothing twice. It runs in loops and hooks: whatever is not needed for
the common case is not imported.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from cdktr_cli import quick, waiting, whereabouts
from cdktr_common import arguments, cli
from cdktr_common.errors import CANCELLED, INVALID, NOT_FOUND, USAGE, ProtocolError, Unreachable

if TYPE_CHECKING:
    from cdktr_cli.document import Document

PROGRAM = "cdktr-trigger"

usage = f"""\
{PROGRAM} - fire an event or start a workflow; prints the ids of the runs

Examples:
  cdktr-trigger new-file --payload '{{"path": "/data/a.csv"}}'
  echo '{{"a": 1}}' | cdktr-trigger new-file --payload -
  cdktr-trigger --workflow nightly.etl --wait && echo done
  cdktr-trigger --workflow report -p day=monday -p rows=10
  cdktr-trigger --file report.yaml --wait # without storing it; any dialect, or a single task
  cdktr-trigger new-file --key "$SHA"     # however often: one set of runs
  cdktr-trigger new-file --retry-for 10m  # the principal may be down for a while

Usage:
  cdktr-trigger [options] [--param NAME=VALUE]... (EVENT | --workflow WORKFLOW | --file FILE)

Options:
  -w --workflow WORKFLOW  Start this workflow, by id or name, instead of firing an event.
  -f --file FILE          Run this workflow file without storing it; `-` is stdin.
  -p --param NAME=VALUE   A param that the workflow declares; may be given several times.
  --params FILE           Params as a mapping, JSON or YAML; `-` is stdin. `-p` wins over it.
  --payload JSON          Data for the tasks: JSON, `-` for stdin, or `@FILE`; at most 256 KiB.
  --strip-image           With --file: tasks that ask for a container run as plain processes.
  -k --key KEY            The same key with the same content gives the same runs.
  --wait                  Wait for the runs and exit with the code of the first task that failed.
  --timeout TIME          Wait for the runs at most so long, then exit with 75; they go on.
  --retry-for TIME        Keep trying so long when the principal does not answer or is busy.
  --json                  Print one JSON document instead of run ids.
{cli.OPTIONS}
Exit codes: 0 done (also when nobody listens to the event) - 2 usage, the payload is no JSON, or a
param does not fit - 3 no such workflow - 4 the file has faults - 5 the key was used with other
content - 69 principal unreachable - 75 busy, its disk is full, or still running at --timeout. After
69 and 75 the key is told: the same command with that --key starts nothing twice, whether or not it
had been taken.
With --wait the code is that of the first run that did not complete: of its first task that failed,
124 timed out, 125 agent lost, 128+n signal n, 130 cancelled.
"""


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, argv)
    timeout_s, retry_s = _length(args, "--timeout"), _length(args, "--retry-for")
    key = args["--key"] or f"trigger-{os.urandom(10).hex()}"
    document = _document(args)
    body = request(args, key, document)
    endpoint, answer_s = whereabouts.principal(args)
    with quick.Dealer(endpoint, answer_s) as principal:
        try:
            refs, duplicate = _send(principal, body, key, retry_s or 0.0)
        except ProtocolError as fault:
            if document is None or fault.code != "invalid":
                raise
            return _show_faults(document, fault)
        if not refs:
            from cdktr_cli.table import harmless

            event = harmless(args["EVENT"] or "")
            print(f"{PROGRAM}: no workflow listens to '{event}'", file=sys.stderr)
        if not args["--json"]:
            for ref in refs:
                print(ref["run"], flush=True)
        runs = [ref["run"] for ref in refs]
        rows = _wait(principal, runs, timeout_s) if args["--wait"] else []
    if args["--json"]:
        shown = {"event": args["EVENT"], "key": key, "duplicate": duplicate, "runs": refs}
        if rows:
            from cdktr_cli import table

            shown["runs"] = table.plain(waiting.whole(rows))
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    return _exit_code(rows)


def request(args: cli.Args, key: str, document: Document | None = None) -> bytes:
    """The message; the payload goes into it as it was written."""
    message: dict[str, Any]
    if document is not None:
        message = {"type": "run.start", "source": document.text, "file": document.file}
        if args["--strip-image"]:
            message["strip_image"] = True
    elif args["--workflow"]:
        message = {"type": "run.start", "workflow": args["--workflow"]}
    else:
        message = {"type": "event.fire", "event": args["EVENT"]}
    if args["--param"] or args["--params"]:
        message["params"] = _params(args)
    body = json.dumps({**message, "key": key, "id": key}, ensure_ascii=False)
    if args["--payload"] is None:
        return body.encode()
    from cdktr_cli import payload

    try:
        data = payload.read(args["--payload"])
    except payload.BadPayload as fault:
        cli.fail(PROGRAM, str(fault), USAGE)
    return body[:-1].encode() + b',"payload":' + data + b"}"


def _document(args: cli.Args) -> Document | None:
    """The file to be run. What does not go together ends the program."""
    if args["--strip-image"] and not args["--file"]:
        cli.fail(PROGRAM, "--strip-image goes with --file", USAGE)
    piped = [name for name in ("--file", "--params", "--payload") if args[name] == "-"]
    if len(piped) > 1:
        cli.fail(PROGRAM, f"{' and '.join(piped)} cannot both be stdin", USAGE)
    if args["--file"] is None:
        return None
    from cdktr_cli import document

    try:
        return document.read(args["--file"])
    except document.BadDocument as fault:
        cli.fail(PROGRAM, str(fault), INVALID)
    except OSError as fault:
        code = NOT_FOUND if isinstance(fault, FileNotFoundError) else USAGE
        cli.fail(PROGRAM, f"{args['--file']}: {fault.strerror}", code)


def _params(args: cli.Args) -> dict[str, Any]:
    from cdktr_cli import params, payload

    try:
        return params.gather(args["--param"], args["--params"])
    except payload.BadPayload as fault:
        cli.fail(PROGRAM, str(fault), USAGE)


def _show_faults(sent: Document, fault: ProtocolError) -> int:
    from cdktr_cli import document

    for line in document.explain(sent, fault.detail):
        print(line, file=sys.stderr)
    return INVALID


def _length(args: cli.Args, option: str) -> float | None:
    if args[option] is None:
        return None
    from cdktr_cli.durations import seconds

    try:
        return seconds(args[option])
    except ValueError as fault:
        cli.fail(PROGRAM, f"{option}: {fault}", USAGE)


def _send(
    principal: quick.Dealer, body: bytes, key: str, retry_s: float
) -> tuple[list[dict[str, str]], bool]:
    """The runs, and whether they had been started before. What may succeed later is tried again
    with the same key for `retry_s`; then the key is told, and how to go on."""
    again = f"Try again with --key {key}: should it have been taken, nothing starts twice"
    end = time.monotonic() + retry_s
    pause_s, said = 0.2, ""
    try:
        while True:
            try:
                started = principal.ask(body, key)
                return started.get("runs") or [], bool(started.get("duplicate"))
            except ProtocolError as fault:
                left = end - time.monotonic()
                if not fault.retry:
                    raise
                away = isinstance(fault, Unreachable)
                hint = whereabouts.hint(principal.endpoint) if away else ""
                if left <= 0:
                    cli.fail(PROGRAM, f"{fault.detail}{hint}. {again}", fault.exit)
                if fault.detail != said:
                    said = fault.detail
                    print(
                        f"{PROGRAM}: {said}{hint}; trying again for {left:.0f} s", file=sys.stderr
                    )
            time.sleep(min(pause_s, left))
            # Asking took its time when nobody answered; a busy one is left in peace.
            pause_s = 0.2 if away else min(pause_s * 2, 5.0)
    except KeyboardInterrupt:
        cli.fail(PROGRAM, f"interrupted before the answer. {again}", CANCELLED)


def _wait(principal: quick.Dealer, runs: list[str], timeout_s: float | None) -> list[waiting.Row]:
    try:
        return waiting.wait_all(principal, runs, timeout_s)
    except waiting.GaveUp as fault:
        cli.fail(PROGRAM, str(fault), fault.code)


def _exit_code(rows: list[waiting.Row]) -> int:
    codes = [waiting.exit_code(row["state"], row.get("code")) for row in rows]
    for row, code in zip(rows, codes, strict=True):
        if code:
            from cdktr_cli.table import harmless

            reason = f": {harmless(row['reason'])}" if row.get("reason") else ""
            print(f"{PROGRAM}: {row['run']} {row['state']}{reason}", file=sys.stderr)
    return waiting.first_failure(codes)


def run() -> NoReturn:
    """The program."""
    cli.program_main(PROGRAM, main, tidy=False)
