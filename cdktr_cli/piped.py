"""cdktr-trigger --stdin: from the command line to a stream of lines."""

from __future__ import annotations

import sys
from typing import Any

from cdktr_cli import stream, whereabouts
from cdktr_cli.lines import Maker
from cdktr_common import cli
from cdktr_common.errors import USAGE

MOST = 1000
"""Lines in work at a time, at most."""


def main(args: cli.Args, said: dict[str, Any], retry_s: float) -> int:
    """Run it. `said` is what the command line says of every message."""
    if sys.stdin is None:
        cli.fail("cdktr-trigger", "stdin is closed", USAGE)
    endpoint, timeout_s = whereabouts.principal(args, changes=True)
    named = bool(args["EVENT"] or args["--workflow"])
    jobs = _jobs(args)
    return stream.Stream(
        endpoint,
        timeout_s,
        Maker(said if named else None, args["--key"]),
        at_once=jobs or stream.AT_ONCE,
        wait=bool(jobs or args["--wait"]),
        retry_s=retry_s,
        need_listener=args["--require-listener"],
    ).run()


def _jobs(args: cli.Args) -> int:
    words = args["--jobs"]
    if words is None:
        return 0
    if not words.isdigit() or not 1 <= int(words) <= MOST:
        cli.fail("cdktr-trigger", f"-j takes a number from 1 to {MOST}, not {words}", USAGE)
    return int(words)
