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
from cdktr_common.errors import CANCELLED, INVALID, NOT_FOUND, OK, USAGE, ProtocolError, Unreachable

if TYPE_CHECKING:
    from cdktr_cli.document import Document

PROGRAM = "cdktr-trigger"

usage = f"""\
{PROGRAM} - fire an event or start a workflow; prints the ids of the runs

Examples:
  cdktr-trigger new-file --payload '{{"path": "/data/a.csv"}}'
  echo '{{"a": 1}}' | cdktr-trigger new-file --payload -
  cdktr-trigger --workflow nightly.etl --wait && echo done
  cdktr-trigger --workflow report -p day=monday -p rows=10 --follow
  cdktr-trigger --file report.yaml --wait # without storing it; any dialect, or a single task
  cdktr-trigger new-file --key "$SHA"     # however often: one set of runs
  cdktr-trigger new-file --retry-for 10m  # the principal may be down for a while
  cdktr-trigger close-books --at 22:30    # the next time the clocks show that
  tail -f access.log | jq -c --unbuffered '{{url}}' | cdktr-trigger --stdin hit
  cdktr-cron range --from 2026-01-01 --to 2026-02-01 etl | cdktr-trigger --stdin -j 4

Usage:
  cdktr-trigger [options] [--param NAME=VALUE]... (EVENT | --workflow WORKFLOW | --file FILE |
                --stdin [EVENT | --workflow WORKFLOW])

Options:
  -w --workflow WORKFLOW  Start this workflow, by id or name, instead of firing an event.
  -f --file FILE          Run this workflow file without storing it; `-` is stdin.
  -p --param NAME=VALUE   A param that the workflow declares; may be given several times.
  --params FILE           Params as a mapping, JSON or YAML; `-` is stdin. `-p` wins over it.
  --payload JSON          Data for the tasks: JSON, `-` for stdin, or `@FILE`; at most 256 KiB.
  --strip-image           With --file: tasks that ask for a container run as plain processes.
  -k --key KEY            The same key with the same content gives the same runs.
  --at TIME               Fire or start it then: 22:30 (the next), `tomorrow 3:00`,
                          `2026-01-31 22:30` (local), or 2026-01-31T22:30:00Z.
  --delay TIME            Fire or start it so long from now.
  --source TEXT           Who fires the event, for people.
  --require-listener      Exit with 3 when nobody listens to the event; it is recorded all the same.
  --wait                  Wait for the runs and exit with the code of the first task that failed.
  --follow                As --wait, and print the output of the runs as it comes.
  --timeout TIME          Wait for the runs at most so long, then exit with 75; they go on.
  --retry-for TIME        Keep trying so long when the principal does not answer or is busy.
  --stdin                 A JSON value a line: the payload of EVENT or of --workflow, or without
                          them an object with "event" or "workflow", and "payload", "key",
                          "params" and so on, as the protocol names them. A line of result each.
  -j --jobs N             With --stdin: at most N lines in work, each until its runs have ended.
  --json                  Print one JSON document instead of run ids.
{cli.OPTIONS}
Exit codes: 0 done (also when nobody listens to the event) - 2 usage, the payload is no JSON, or a
param does not fit - 3 no such workflow - 4 the file has faults - 5 the key was used with other
content - 69 principal unreachable - 75 busy, its disk is full, or still running at --timeout. After
69, and 75 without an answer, the key is told: the same command with that --key starts nothing
twice, whether or not it had been taken.
With --wait the code is that of the first run that did not complete: of its first task that failed,
124 timed out, 125 agent lost, 128+n signal n, 130 cancelled. With --stdin it is that of the first
line that has one; 130 and 141 after Ctrl-C and when stdout is closed, and it says how far it came.
With --stdin and --key K the key of a line that has none of its own is K/ and the line's number.
"""

_ALONE = frozenset({"EVENT", "--workflow", "--payload", "--param", "--key", "--wait", "--json"})
"""Options that go with each other however they are put together."""

_MORE_TO_TELL = frozenset({"held", "passed", "deferred"})


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, argv)
    _refuse_contradictions(args)
    timeout_s, retry_s = length(args, "--timeout"), length(args, "--retry-for") or 0.0
    if args["--stdin"]:
        from cdktr_cli import piped

        return piped.main(args, fixed(args), retry_s)
    key = args["--key"] or f"trigger-{os.urandom(10).hex()}"
    document = _document(args)
    body = request(args, key, document)
    endpoint, answer_s = whereabouts.principal(args, changes=True)
    rows: list[waiting.Row] = []
    with quick.Dealer(endpoint, answer_s) as principal:
        try:
            started = _send(principal, body, key, retry_s)
        except ProtocolError as fault:
            if document is None or fault.code != "invalid":
                raise
            return _show_faults(document, fault)
        runs = [ref["run"] for ref in started.get("runs") or []]
        try:
            _tell(args, started)
            if args["--follow"] and runs:
                from cdktr_cli import follow_runs

                rows = follow_runs.follow(args, principal, runs, timeout_s)
            elif args["--wait"]:
                rows = _wait(principal, runs, timeout_s)
            if args["--json"]:
                _document_of(args, key, started, rows)
        except OSError as fault:
            _unprinted(fault, key, runs)
    return _exit_code(rows) or _unheard(args, started)


def fixed(args: cli.Args, document: Document | None = None) -> dict[str, Any]:
    """What the command line says of the message: all but key, id and payload."""
    message: dict[str, Any] = {"type": "run.start"}
    if document is not None:
        message |= {"source": document.text, "file": document.file}
        if args["--strip-image"]:
            message["strip_image"] = True
    elif args["--workflow"]:
        message["workflow"] = args["--workflow"]
    else:
        message = {"type": "event.fire", "event": args["EVENT"]}
    if args["--param"] or args["--params"]:
        message["params"] = _params(args)
    if args["--source"]:
        message["source"] = args["--source"]
    if args["--delay"]:
        message["delay_s"] = length(args, "--delay")
    if args["--at"]:
        message["at_ts"] = _moment(args)
    return message


def request(args: cli.Args, key: str, document: Document | None = None) -> bytes:
    """The message; the payload goes into it as it was written."""
    message = fixed(args, document)
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
    """The file to be run."""
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


def length(args: cli.Args, option: str) -> float | None:
    """The length of time given with an option; what is none ends the program."""
    if args[option] is None:
        return None
    from cdktr_common.durations import seconds

    try:
        return seconds(args[option])
    except ValueError as fault:
        cli.fail(PROGRAM, f"{option}: {fault}", USAGE)


def _moment(args: cli.Args) -> float:
    from cdktr_common.moments import moment

    try:
        return moment(args["--at"], time.time())
    except ValueError as fault:
        cli.fail(PROGRAM, f"--at: {fault}", USAGE)


def _refuse_contradictions(args: cli.Args) -> None:
    """What does not go together ends the program."""
    if _ALONE.issuperset(name for name in args if args[name]):
        return
    from cdktr_cli import together

    fault = together.fault(args)
    if fault:
        cli.fail(PROGRAM, fault, USAGE)


def _send(principal: quick.Dealer, body: bytes, key: str, retry_s: float) -> quick.Message:
    """The answer. What may succeed later is tried again with the same key for `retry_s`; then the
    key is told, and how to go on."""
    again = f"Try again with --key {key}: should it have been taken, nothing starts twice"
    end = time.monotonic() + retry_s
    pause_s, said = 0.2, ""
    try:
        while True:
            try:
                return principal.ask(body, key)
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


def _tell(args: cli.Args, started: quick.Message) -> None:
    """The ids of the runs, and on stderr what else has come of it."""
    runs = started.get("runs") or []
    if not runs or not _MORE_TO_TELL.isdisjoint(started):
        from cdktr_cli import told

        for sentence in told.sentences(started, args["EVENT"]):
            print(f"{PROGRAM}: {sentence}", file=sys.stderr)
    if args["--follow"]:
        for ref in runs:
            print(f"{PROGRAM}: {ref['run']} {ref['workflow']}", file=sys.stderr)
    elif not args["--json"]:
        for ref in runs:
            print(ref["run"], flush=True)


def _unheard(args: cli.Args, started: quick.Message) -> int:
    if not args["--require-listener"]:
        return OK
    from cdktr_cli import told

    return NOT_FOUND if told.unheard(started) else OK


def _document_of(args: cli.Args, key: str, started: quick.Message, rows: list[waiting.Row]) -> None:
    from cdktr_cli import table, told
    from cdktr_common import clean

    shown = {"event": args["EVENT"], "key": key, "duplicate": bool(started.get("duplicate"))}
    shown["runs"] = table.plain(waiting.whole(rows)) if rows else started.get("runs") or []
    shown |= told.document(started)
    print(clean.json(json.dumps(shown, indent=2, ensure_ascii=False)))


def _unprinted(fault: OSError, key: str, runs: list[str]) -> NoReturn:
    """The answer is here and cannot be shown: what there is to know is told on stderr."""
    from cdktr_cli import unprinted

    taken = f"it was taken{', as ' + ' '.join(runs[:10]) if runs else ''}"
    taken += " …" if len(runs) > 10 else ""
    again = f"with --key {key} again, nothing starts twice"
    unprinted.end(PROGRAM, fault, f"{taken}; {again}")


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
