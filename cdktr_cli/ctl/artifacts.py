"""cdktr-ctl artifacts: the files that the tasks of a run have handed over."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from cdktr_cli import table
from cdktr_cli.connection import Connection
from cdktr_cli.ctl.common import OPTIONS, number
from cdktr_cli.history import rows_of
from cdktr_cli.recorded import READ, Run, find_run, has_task
from cdktr_cli.table import Column, Row
from cdktr_cli.tail import content
from cdktr_common import cli
from cdktr_common.catalogue.logd import HistoryList, HistoryPage, LogPage, LogRead
from cdktr_common.errors import BUSY, NOT_FOUND, OK, ProtocolError

usage = f"""\
cdktr-ctl artifacts - fetch the files that tasks of a run have handed over, or list them

Examples:
  cdktr-ctl artifacts last                  # into a directory named as the run
  cdktr-ctl artifacts k3f9 --task build --into dist
  cdktr-ctl artifacts k3f9 --list

Usage:
  cdktr-ctl artifacts [options] RUN [--into DIR | --list]

Files are written to DIR/TASK/PATH, with --task to DIR/PATH; what is there under the same name is
replaced. Of a task that was tried several times they are those of the last attempt that has any.

Options:
  --task T                Only those of this task.
  --attempt N             Only those of this attempt; default: the last that has any.
  --into DIR              Write there; default: the id of the run.
  --list                  Write nothing; tell what there is.
{OPTIONS}"""

SETTLE_S: Final = 1.0
"""How long after the end of a run a file may still be news to the recorder."""

WHOLE_S: Final = 30.0
"""How long after it the rest of a file is waited for."""

COLUMNS = (
    Column("TASK", lambda row: row["task"]),
    Column("ATTEMPT", lambda row: row["n"], right=True),
    Column("BYTES", lambda row: row["bytes"], right=True),
    Column("PATH", lambda row: row["path"]),
    Column("", lambda row: "" if row["whole"] else "not whole"),
)
FETCHED = (*COLUMNS[:3], Column("FILE", lambda row: row.get("file") or "not whole"))


def main(args: cli.Args) -> int:
    """Run the command."""
    principal = Connection.of(args)
    run = find_run(principal, args["RUN"])
    attempt = None if args["--attempt"] is None else number(args, "--attempt", 1)
    found = _settled(principal, run, args["--task"], attempt)
    if not found and args["--task"] and not has_task(principal, run, args["--task"]):
        raise ProtocolError("not_found", f"run {run.run} has no task '{args['--task']}'")
    if args["--list"]:
        table.show(args, found, COLUMNS)
        return OK
    if not found:
        cli.fail("cdktr-ctl", f"run {run.run} has no artifacts{_yet(run)}", NOT_FOUND)
    directory = Path(args["--into"] or run.run)
    for row in found:
        if row["whole"]:
            row["file"] = _fetch(principal, run, row, directory, args["--task"] is None)
    table.show(args, found, FETCHED)
    partial = [f"{row['task']}/{row['path']}" for row in found if not row["whole"]]
    if partial:
        names = ", ".join(partial[:3]) + ("; …" if partial[3:] else "")
        cli.fail("cdktr-ctl", f"not all has come of {table.harmless(names)}{_yet(run)}", BUSY)
    return OK


def _yet(run: Run) -> str:
    return "" if run.ended else " yet: it is still going on"


def _settled(principal: Connection, run: Run, task: str | None, attempt: int | None) -> list[Row]:
    """What there is; right after the end of a run, once what is on its way has come."""
    while True:
        since = time.time() - run.ended_ts if run.ended and run.live else WHOLE_S
        found = list(_last(_list(principal, run), task, attempt))
        on_its_way = since < SETTLE_S or any(not row["whole"] for row in found)
        if not run.ended or since >= WHOLE_S or not on_its_way:
            return found
        time.sleep(0.1)


def _list(principal: Connection, run: Run) -> list[Row]:
    rows: list[Row] = []
    before: int | None = None
    while True:
        asked = HistoryList(table="artifacts", run=run.run, limit=1000, before=before)
        page = principal.ask_logd(asked, HistoryPage)
        rows += rows_of(page)
        before = page.next
        if before is None:
            return rows


def _last(rows: list[Row], task: str | None, attempt: int | None) -> Iterator[Row]:
    """In the order of their names, of one attempt of each task."""
    newest: dict[str, int] = {}
    for row in rows:
        if attempt in (None, row["n"]):
            newest[row["task"]] = max(row["n"], newest.get(row["task"], 0))
    for row in sorted(rows, key=lambda row: (row["task"], row["path"])):
        if row["n"] == newest.get(row["task"]) and task in (None, row["task"]):
            yield row


def _fetch(principal: Connection, run: Run, row: Row, directory: Path, by_task: bool) -> str:
    """Write one; it has its name when it is whole."""
    path = directory / _inside(row["task"]) if by_task else directory
    path /= _inside(row["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with fresh.open("wb") as file:
            for data in _bytes(principal, run, row):
                file.write(data)
        if path.is_dir():
            raise ProtocolError("conflict", f"{path} is a directory")
        fresh.rename(path)
    finally:
        with suppress(FileNotFoundError):
            fresh.unlink()
    return str(path)


def _inside(name: str) -> str:
    """A name that leads nowhere else. The other side is not trusted with that."""
    if name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")):
        print(f"cdktr-ctl: refused: {table.harmless(name)}", file=sys.stderr)
        raise ProtocolError("bad_field", "an artifact whose name leads out of its directory")
    return name


def _bytes(principal: Connection, run: Run, row: Row) -> Iterator[bytes]:
    offset = 0
    while offset < row["bytes"]:
        request = LogRead(
            run=run.run, task=row["task"], n=row["n"], stream=f"artifact/{row['path']}",
            offset=offset, limit=READ,
        )  # fmt: skip
        page = principal.ask_logd(request, LogPage)
        if not page.chunks:
            raise ProtocolError("unavailable", f"{row['path']} is not there any more")
        for chunk in page.chunks:
            data = content(chunk)
            offset += len(data)
            yield data
