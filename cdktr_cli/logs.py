"""cdktr-logs: the output of tasks, searched, followed and exported.

It asks the principal which run is meant and where logd is; all output comes from logd. With --raw
it writes exactly the bytes that the task wrote.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from cdktr_cli.ago import since
from cdktr_common import arguments, clean, cli
from cdktr_common.errors import BUSY, OK, USAGE, ProtocolError

PROGRAM = "cdktr-logs"

usage = f"""\
cdktr-logs - the output of tasks: search it, follow it, get it back byte for byte

Examples:
  cdktr-logs query --workflow nightly.etl --last 1h
  cdktr-logs query --run last --grep error
  cdktr-logs query --workflow nightly.etl --since 2026-01-31T06:00 --ndjson | jq -r .text
  cdktr-logs tail --workflow nightly.etl
  cdktr-logs tail --run last
  cdktr-logs --raw --run k3f9 --task report > report.txt

Usage:
  cdktr-logs [query | tail] [options]

`query` (also without the word) prints what is recorded. `tail` goes on with what comes; of one run
it ends when the run has ended and all of its output is printed.

Options:
  -w --workflow WORKFLOW  Only output of this workflow.
  -r --run RUN            Only of this run: its id, a unique beginning of it, or `last`.
  -t --task TASK          Only of this task.
  --attempt N             Only of this attempt of a task.
  --stream STREAM         Only `stdout` or only `stderr`.
  --last TIME             Not older than this: 90s, 30m, 1h, 2d.
  --since TIME            From this time on: 2026-01-31T06:00:00Z, or 30m for 30 minutes ago.
  --until TIME            Before this time.
  --grep TEXT             Only lines with this in them, in upper or lower case.
  --regex PATTERN         Only lines that fit this pattern (RE2).
  --tail N                Only the last N lines.
  --limit N               Stop after N lines.
  -f --follow             Go on with what comes: the same as `tail`.
  --raw                   The bytes of one task, unchanged; needs --run and --task.
  --flow WORKFLOW         The older name of --workflow.
  --json                  Print one JSON document.
  --ndjson                Print one JSON object a line.
  --color WHEN            auto, always or never.
{cli.OPTIONS}
Exit codes: 0 done, 2 usage, 3 no such run or workflow, 69 no answer from principal or logd, 75 the
run that was followed has ended and some of its output has not come.
"""

HISTORY = 10
"""Lines that `tail` shows of what was before, when it does not follow one run."""


class Wanted(NamedTuple):
    """What of all output is asked for, as the fields of `log.query`."""

    workflow: str | None
    task: str | None
    n: int | None
    stream: Any
    since_ts: float | None
    until_ts: float | None
    text: str | None
    regex: str | None


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, argv)
    if args["--color"]:
        if args["--color"] not in ("auto", "always", "never"):
            cli.fail(PROGRAM, "--color takes auto, always or never", USAGE)
        os.environ["CDKTR_COLOR"] = args["--color"]
    for option in ("--tail", "--limit", "--attempt"):
        _number(args, option)
    wanted = _wanted(args)

    from cdktr_cli.connection import Connection
    from cdktr_cli.recorded import find_run

    principal = Connection.of(args)
    run = None if args["--run"] is None else find_run(principal, args["--run"])
    if args["--raw"]:
        return _raw(args, principal, run)
    if args["tail"] or args["--follow"]:
        return _follow(args, principal, wanted, run)
    return _query(args, principal, wanted, run)


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main)


# What is asked for.


def _wanted(args: cli.Args) -> Wanted:
    if args["--stream"] not in (None, "stdout", "stderr"):
        cli.fail(PROGRAM, f"--stream takes stdout or stderr, not {args['--stream']}", USAGE)
    if args["--last"] and args["--since"]:
        cli.fail(PROGRAM, "--last and --since say the same: give one of them", USAGE)
    now = time.time()
    since_ts = since(PROGRAM, args, "--last", now, only_long=True)
    if since_ts is None:
        since_ts = since(PROGRAM, args, "--since", now)
    return Wanted(
        workflow=args["--workflow"] or args["--flow"],
        task=args["--task"],
        n=_number(args, "--attempt"),
        stream=args["--stream"],
        since_ts=since_ts,
        until_ts=since(PROGRAM, args, "--until", now),
        text=args["--grep"] or None,
        regex=args["--regex"] or None,
    )


def _number(args: cli.Args, option: str) -> int | None:
    word = args[option]
    if word is None:
        return None
    if not word.isdigit() or not 1 <= int(word) <= 1_000_000:
        cli.fail(PROGRAM, f"{option} takes a number from 1 to 1000000, not {word}", USAGE)
    return int(word)


# The three ways of printing.


def _query(args: cli.Args, principal: Any, wanted: Wanted, run: Any) -> int:
    from cdktr_cli import recorded
    from cdktr_cli.log_follow import Follower, ended_just_now
    from cdktr_cli.log_lines import Assembler, last

    most = _number(args, "--limit")
    tail = _number(args, "--tail")
    show = Printer(args)
    lines = Assembler()
    request = recorded.query(wanted, run)
    chunks = recorded.pages(principal, request, tail)
    if ended_just_now(run) and tail is None:  # the last of its output may be on its way
        batches = Follower(principal, request, run, None, patient=False).batches()
        chunks = itertools.chain.from_iterable(batches)
    found = itertools.chain(
        (line for chunk in chunks for line in lines.feed(chunk)),
        (line for _ in (0,) for line in lines.rest()),
    )
    show.begin()
    for line in itertools.islice(last(found, tail) if tail else found, most):
        show.line(line)
    show.end()
    recorded.warn_if_not_stored(principal)
    if wanted.workflow and not show.count:
        recorded.known_workflow(principal, wanted.workflow)
    return OK


def _follow(args: cli.Args, principal: Any, wanted: Wanted, run: Any) -> int:
    from cdktr_cli import recorded
    from cdktr_cli.log_follow import Follower
    from cdktr_cli.log_lines import Assembler

    if args["--json"]:
        cli.fail(PROGRAM, "--json is one document and following has no end: use --ndjson", USAGE)
    tail = _number(args, "--tail")
    if tail is None and run is None and wanted.since_ts is None:
        tail = HISTORY
    left = _number(args, "--limit")
    show = Printer(args)
    lines = Assembler()
    follower = Follower(principal, recorded.query(wanted, run), run, tail)
    for chunks in follower.batches():
        for chunk in chunks:
            for line in lines.feed(chunk):
                show.line(line)
                left = None if left is None else left - 1
                if left == 0:
                    show.flush()
                    return OK
        show.flush()
    for line in lines.rest():
        show.line(line)
    show.flush()
    if follower.missing:
        what = "; ".join(follower.missing[:3]) + ("; …" if follower.missing[3:] else "")
        later = f"when it has, `cdktr-logs query --run {run.run}` shows it"
        cli.fail(PROGRAM, f"not all output of this run has come yet ({what}); {later}", BUSY)
    return OK


def _raw(args: cli.Args, principal: Any, run: Any) -> int:
    from cdktr_cli import recorded

    if run is None or not args["--task"]:
        cli.fail(PROGRAM, "--raw needs --run and --task", USAGE)
    found = False
    stream: Any = args["--stream"] or "stdout"
    attempt = _number(args, "--attempt")
    for data in recorded.raw(principal, run, args["--task"], attempt, stream):
        found = True
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    recorded.warn_if_not_stored(principal)
    if not found and not recorded.has_task(principal, run, args["--task"]):
        raise ProtocolError("not_found", f"run {run.run} has no task '{args['--task']}'")
    return OK


class Printer:
    """Lines on stdout as text, as a JSON document or as a stream of JSON objects."""

    def __init__(self, args: cli.Args) -> None:
        from cdktr_cli.log_lines import Line, as_object, as_text

        self._out = sys.stdout.buffer
        self._document = bool(args["--json"])
        self.count = 0
        terminal = sys.stdout.isatty()
        self._spell: Callable[[Line], bytes] = lambda line: as_text(line, terminal)
        if args["--json"] or args["--ndjson"]:
            dump: Callable[[Any], str] = json.JSONEncoder(
                ensure_ascii=False, separators=(",", ":")
            ).encode
            self._spell = lambda line: clean.json(dump(as_object(line))).encode()

    def begin(self) -> None:
        if self._document:
            self._out.write(b"[")

    def line(self, line: Any) -> None:
        if self._document:
            self._out.write(b",\n" if self.count else b"\n")
            self._out.write(self._spell(line))
        else:
            self._out.write(self._spell(line) + b"\n")
        self.count += 1

    def end(self) -> None:
        if self._document:
            self._out.write(b"\n]\n" if self.count else b"]\n")
        self.flush()

    def flush(self) -> None:
        self._out.flush()


if __name__ == "__main__":
    run()
