"""cdktr-cron diff: which instants one schedule has and another has not."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from cdktr_common import cli, times
from cdktr_common.calendar.schedule import Invalid
from cdktr_common.calendar.zones import Zone
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.errors import FAILED, INVALID, NOT_FOUND, OK, USAGE
from cdktr_cron import expression, output, subjects
from cdktr_cron.differences import Difference, differences
from cdktr_cron.output import Row
from cdktr_cron.subjects import PROGRAM, Subject

usage = f"""\
cdktr-cron diff - the instants that a change of schedules adds, removes and moves

OLD and NEW are each an expression, a workflow as the principal has it, a file, or - for standard
input. A file is what `cdktr-check --json`, `cdktr-ctl schedules --json` or `--ndjson` print. A
workflow on one side is compared with the same one on the other, an expression with the only one
there; of two files, or all, each workflow is compared, also one that only one side has.

Examples:
  cdktr-cron diff '0 3 * * *' '0 4 * * *' --timezone Europe/Berlin
  cdktr-cron diff nightly.etl '30 2 * * mon-fri'
  cdktr-check --json etl.yaml | cdktr-cron diff etl -
  cdktr-check --json workflows/ | cdktr-cron diff --all -
  cdktr-ctl schedules --json > before.json; git pull; cdktr-cron diff before.json --all

Usage:
  cdktr-cron diff [options] OLD NEW
  cdktr-cron diff [options] --all NEW
  cdktr-cron diff [options] OLD --all

An instant that goes on a day on which another one comes is moved. Exit codes as those of diff: 0
the same instants - 1 others - 2 usage - 3 no such workflow or file - 4 not a schedule -
69 principal unreachable.

Options:
  --all                   All that the principal has.
  --timezone ZONE         The zone of expressions; default that of the workflow on the other side,
                          else UTC.
  --from TIME             From this time instead of now.
  --days N                So many days [default: 7].
{output.OPTIONS}"""

COLUMNS = ("what", "workflow", "old", "new", "by")

Side = dict[str, list[Subject]]


def main(args: cli.Args) -> int:
    """Run the command."""
    days = subjects.number(args, "--days", 1, 366)
    old, new = sides(args)
    found = (
        (name, one, zone)
        for name in sorted({*old, *new})
        for one, zone in compared(args, old.get(name, []), new.get(name, []), days)
    )
    if args["--json"] or args["--ndjson"]:
        return FAILED if output.show(args, (public(*one) for one in found), ()) else OK
    if output.show(args, (row(*one) for one in found), COLUMNS):
        return FAILED
    print(f"the same instants in {output.counted(days, 'day')}")
    return OK


def compared(
    args: cli.Args, was: list[Subject], will: list[Subject], days: int
) -> Iterator[tuple[Difference, Zone]]:
    """The differences of one workflow, on the clock that will be its clock."""
    if not was and not will:
        return
    clock = (will or was)[0].calendar.zone
    start = subjects.instant(args["--from"], clock)
    stop = start + days * 86400
    # The day at the end is looked at whole: what is moved beyond the end is not removed.
    further = stop + 86400
    before, after = instants(was, start, further), instants(will, start, further)
    for one in differences(before, after, lambda ts: clock.at(ts).date()):
        if one.ts < stop:
            yield one, clock


def instants(side: list[Subject], start: float, stop: float) -> list[float]:
    """When any of these schedules is due, from the start on."""
    begin = math.nextafter(start, -math.inf)
    found = {one.ts for subject in side for one in subject.calendar.between(begin, stop)}
    return sorted(found)


def row(name: str, one: Difference, clock: Zone) -> Row:
    """A difference as people read it."""
    moved = one.old is not None and one.new is not None
    return {
        "what": _what(one),
        "workflow": name,
        "old": None if one.old is None else _shown(clock, one.old),
        "new": None if one.new is None else _shown(clock, one.new),
        "by": _span((one.new or 0) - (one.old or 0)) if moved else None,
    }


def public(name: str, one: Difference, clock: Zone) -> Row:
    """A difference as JSON has it."""
    said: Row = {"workflow": name or None, "what": _what(one), "zone": clock.name}
    for key, ts in (("old", one.old), ("new", one.new)):
        said[key] = None if ts is None else times.rfc3339(ts)
        said[f"{key}_local"] = None if ts is None else clock.at(ts).isoformat()
    return said


def _what(one: Difference) -> str:
    return "added" if one.old is None else "removed" if one.new is None else "moved"


def _shown(clock: Zone, ts: float) -> str:
    wall = clock.at(ts)
    return f"{output.local(wall)} {output.offset(wall)}"


def _span(seconds: float) -> str:
    sign, whole = "-" if seconds < 0 else "+", abs(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{sign}{hours:.0f}:{minutes:02.0f}" + (f":{left:02g}" if left else "")


# The two sides


def sides(args: cli.Args) -> tuple[Side, Side]:
    """The schedules before and after, by workflow; both are of the same workflows."""
    texts = [args["OLD"], args["NEW"]]
    if texts == ["-", "-"]:
        cli.fail(PROGRAM, "only one side can be standard input", USAGE)
    read = [None if _typed(text) else side(args, text) for text in texts]
    known = next((one for one in read if one is not None), None)
    zones = {one.spec.timezone for listed in (known or {}).values() for one in listed}
    timezone = args["--timezone"] or (zones.pop() if len(zones) == 1 else "")
    if known is not None and None in read and len(known) != 1:
        which = f"there are {len(known)}" if known else "there is none"
        cli.fail(PROGRAM, f"an expression is compared with one workflow; {which}", USAGE)
    name = next(iter(known or {""}), "")
    old, new = (
        {name: [subjects.typed(text, timezone)]} if one is None else one
        for text, one in zip(texts, read, strict=True)
    )
    for mine, other, text in ((old, new, texts[1]), (new, old, texts[0])):
        if _is_workflow(text):
            for extra in mine.keys() - other.keys():
                del mine[extra]
    return old, new


def _typed(text: str | None) -> bool:
    return text is not None and expression.is_expression(text)


def _is_file(text: str) -> bool:
    return text == "-" or "/" in text or text.endswith((".json", ".ndjson", ".jsonl"))


def _is_workflow(text: str | None) -> bool:
    return text is not None and not _typed(text) and not _is_file(text)


def side(args: cli.Args, text: str | None) -> Side:
    """The schedules of a file, of a workflow or, without a name, of all."""
    if text is not None and _is_file(text):
        return from_file(text)
    found: Side = {}
    for one in subjects.rows(args, text):
        found.setdefault(one.workflow, []).append(subjects.subject(one.workflow, one.spec))
    return found if found or text is None else {text: []}


def from_file(path: str) -> Side:
    """The schedules of JSON documents, or lines of them. Ends the program when they are none."""
    if path != "-" and not os.path.exists(path):
        cli.fail(PROGRAM, f"no such file: {path}", NOT_FOUND)
    try:
        if path == "-":
            text = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                text = file.read()
        found: Side = {}
        for workflow, specs in documents(text):
            listed = found.setdefault(workflow, [])
            listed += [subjects.subject(workflow, spec) for spec in specs]
        return found
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Invalid) as fault:
        cli.fail(PROGRAM, f"{'standard input' if path == '-' else path}: {fault}", INVALID)


def documents(text: bytes) -> Iterator[tuple[str, list[Schedule]]]:
    """Workflows with their schedules, out of one document or a line each."""
    try:
        found = [msgspec.json.decode(text)]
    except msgspec.DecodeError:
        found = [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    for one in found:
        yield from within(one)


def within(found: Any) -> Iterator[tuple[str, list[Schedule]]]:
    """What one document says: a list, an object with `workflows`, a row of a schedule, a plan."""
    if isinstance(found, list):
        for one in found:
            yield from within(one)
    elif not isinstance(found, dict):
        raise Invalid("neither schedules nor workflows")
    elif faults := found.get("faults"):
        told = output.counted(len(faults), "fault")
        raise Invalid(f"it tells of {told}, and a broken file changes nothing")
    elif "workflows" in found:
        yield from within(found["workflows"])
    elif "spec" in found and not found.get("until") and not found.get("until_ts"):
        yield str(found.get("workflow", "")), [msgspec.convert(found["spec"], Schedule)]
    elif "schedules" in found:
        listed = msgspec.convert(found["schedules"], list[Schedule])
        yield str(found.get("workflow", "")), listed
    elif "spec" not in found:
        raise Invalid("neither schedules nor workflows")
