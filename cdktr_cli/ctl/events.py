"""cdktr-ctl events: the facts of the journal, and with -f those to come."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from cdktr_cli import follow, table, words
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, number
from cdktr_common import cli
from cdktr_common.errors import CANCELLED, OK, USAGE, ProtocolError

usage = f"""\
cdktr-ctl events - what happened, oldest first; with -f also what happens from now on

Examples:
  cdktr-ctl events -n 100
  cdktr-ctl events -f --topic run/nightly.etl/
  cdktr-ctl events -f --after 0 --ndjson | jq -r .type

Usage:
  cdktr-ctl events [options]

Options:
  -f --follow             Go on; nothing is missed or doubled, also when the principal restarts.
  --after SEQ             Facts after this number; 0 is from the beginning.
  -n N                    Without --after: the last so many (of TOPIC) [default: 20].
  --topic TOPIC           Only topics that begin so: run/WORKFLOW/ agent/ workflow/ event/ tick/.
{OPTIONS}"""

_SHOWN_APART = (
    "type",
    "seq",
    "prev",
    "ts",
    "plan",
    "token",
    "digest",
    "boot",
    "aid",
    "faults",
    "asked_s",
    "reused",
)


def main(args: cli.Args) -> int:
    """Run the command."""
    if args["--follow"] and args["--json"]:
        cli.fail("cdktr-ctl", "a stream is no single document: use --ndjson with -f", USAGE)
    principal = Connection.of(args)
    topic = args["--topic"] or ""
    if args["--after"] is None:
        after = follow.before_last(principal, number(args, "-n"), topic)
    else:
        after = number(args, "--after")
        if missing := follow.dropped(principal, after):
            print(f"cdktr-ctl: {missing}", file=sys.stderr)
    if not args["--follow"]:
        facts = follow.so_far(principal, after, topic)
        table.document(list(facts)) if args["--json"] else _print(args, facts)
        return OK
    try:
        _print(args, follow.on(principal, after, topic, _away))
    except KeyboardInterrupt:
        return CANCELLED
    return OK


def _away(fault: ProtocolError) -> None:
    print(f"cdktr-ctl: {fault.detail}; waiting for it", file=sys.stderr)


def _print(args: cli.Args, facts: Iterable[follow.Fact]) -> None:
    if args["--ndjson"]:
        table.lines(facts)
        return
    for fact in facts:
        print(line(fact), flush=True)


def _text(value: Any) -> str:
    """A value; what has parts as JSON."""
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return table.text(value)


def line(fact: follow.Fact) -> str:
    """A fact on one line: number, time, type, and what else it says."""
    said, told_of = words.sentence(fact)
    if str(fact.get("key")).startswith("id:"):  # nobody's key: of the request that brought it
        told_of |= {"key"}
    left = " ".join(
        f"{key}={_text(value)}"
        for key, value in table.plain(fact).items()
        if key not in (*_SHOWN_APART, "time", *told_of) and value not in (None, "", [], {})
    )
    rest = "  ".join(part for part in (said, left) if part)
    moment = table.rfc3339(fact.get("ts"))
    return f"{fact.get('seq', 0):>8}  {moment}  {table.text(fact.get('type')):<18}  {rest}".rstrip()
