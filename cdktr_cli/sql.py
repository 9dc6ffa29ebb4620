"""cdktr-sql: questions in SQL over what is recorded, answered by logd.

One statement goes out under a name of its own, pages come back until the last; what is interrupted
is stopped at logd by that name. All that reads is done there: no database is opened here.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from cdktr_common import arguments, clean, cli
from cdktr_common.errors import BUSY, OK, USAGE, ProtocolError

PROGRAM = "cdktr-sql"

VIEWS = ("runs", "tasks", "attempts", "events", "ticks", "output")
FORMATS = ("table", "json", "ndjson", "csv", "parquet")

usage = f"""\
cdktr-sql - read-only SQL over what is recorded of runs, tasks, attempts, events, ticks and output

Examples:
  cdktr-sql "select state, count(*) as runs from runs group by 1"
  cdktr-sql "from runs where state = 'FAILED' order by created desc" --limit 20
  cdktr-sql -f slowest.sql -o csv > slowest.csv
  echo "select * from attempts" | cdktr-sql -o parquet --limit 1000000 > attempts.parquet
  cdktr-sql --views

Usage:
  cdktr-sql [SQL] [options]

SQL is one statement that reads (SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN), in
the dialect of DuckDB. Without it, or as `-`, it is read from stdin. docs/sql.md has the views and
examples. Ctrl-C stops the query. In tables nothing is rounded; NULL is NULL. In CSV it is nothing,
and an empty text is "".

Options:
  -o --output FORMAT      table, json, ndjson, csv or parquet; table when nothing is said.
  -f --file FILE          Read the statement from this file.
  --limit N               Give at most so many rows [default: 1000].
  --timeout TIME          End it after this time: 30s, 5m at most [default: 10s].
  --views                 Print the views and their columns.
  --json                  The same as -o json.
  --ndjson                The same as -o ndjson.
  --color WHEN            auto, always or never.
{cli.OPTIONS}
Exit codes: 0 done, 2 usage or a statement with faults, 3 no such view, 69 no answer from principal
or logd, 75 not over in time or too many queries at once, 77 a statement that does not only read,
130 stopped by Ctrl-C.
"""

_VIEWS_SQL = " union all ".join(
    f"select '{view}' as view, column_name, column_type from (describe {view})" for view in VIEWS
)


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, [_no_option(word) for word in argv])
    if args["--color"]:
        if args["--color"] not in ("auto", "always", "never"):
            cli.fail(PROGRAM, "--color takes auto, always or never", USAGE)
        os.environ["CDKTR_COLOR"] = args["--color"]
    form = _format(args)
    limit = _limit(args["--limit"])
    timeout_s = _timeout(args["--timeout"])
    sql = _statement(args)

    from cdktr_cli.asked import Asking
    from cdktr_cli.connection import Connection
    from cdktr_common.errors import Unreachable

    asking = Asking(Connection.of(args), sql, limit, timeout_s, parquet=form == "parquet")
    try:
        _print(asking, form)
    except ProtocolError as fault:
        if fault.code != "timeout" or isinstance(fault, Unreachable):
            raise
        more = "" if "cannot be interrupted" in fault.detail else ": --timeout gives it more"
        cli.fail(PROGRAM, f"{fault.detail}{more}", BUSY)
    except (KeyboardInterrupt, BrokenPipeError):
        if not asking.stop():
            told = "the query is in a function that cannot be interrupted; logd ends it by itself"
            print(f"{PROGRAM}: {told}", file=sys.stderr)
        raise
    if asking.cut:
        print(f"{PROGRAM}: cut after {asking.count} rows; --limit gives more", file=sys.stderr)
    return OK


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main)


# What is asked for.


def _format(args: cli.Args) -> str:
    chosen = {name for name in ("json", "ndjson") if args[f"--{name}"]}
    if args["--output"]:
        chosen.add(args["--output"])
    if len(chosen) > 1:
        cli.fail(PROGRAM, f"one format at a time, not {' and '.join(sorted(chosen))}", USAGE)
    form = chosen.pop() if chosen else "table"
    if form not in FORMATS:
        hint = cli.near(form, FORMATS)
        cli.fail(PROGRAM, f"-o takes {', '.join(FORMATS)}, not {form}{hint}", USAGE)
    if form == "parquet" and sys.stdout.isatty():
        cli.fail(PROGRAM, "parquet is no text: send it to a file with >", USAGE)
    return form


def _limit(word: str) -> int:
    if not word.isdigit() or not 1 <= int(word) <= 1_000_000:
        cli.fail(PROGRAM, f"--limit takes a number from 1 to 1000000, not {word}", USAGE)
    return int(word)


def _timeout(word: str) -> float:
    from cdktr_common.durations import seconds

    try:
        value = seconds(word)
    except ValueError as fault:
        cli.fail(PROGRAM, f"--timeout: {fault}", USAGE)
    if not 0 < value <= 300:
        cli.fail(PROGRAM, f"--timeout takes up to 5m, not {word}", USAGE)
    return value


def _no_option(word: str) -> str:
    """A statement may begin with a comment: no option has a blank behind its dashes, or a second
    line."""
    return f" {word}" if re.match(r"--(\s|[^=]*\n)", word) else word


def _statement(args: cli.Args) -> str:
    given = [what for what in ("SQL", "--file", "--views") if args[what]]
    if len(given) > 1:
        cli.fail(PROGRAM, "a statement comes from one place", USAGE)
    if args["--views"]:
        return _VIEWS_SQL
    if args["--file"] and args["--file"] != "-":
        with open(args["--file"], "rb") as file:
            return _decoded(file.read(), args["--file"])
    if args["SQL"] and args["SQL"] != "-":
        return str(args["SQL"])
    if sys.stdin.isatty() and not (args["SQL"] or args["--file"]):
        cli.fail(PROGRAM, f"no statement; try: {PROGRAM} 'from runs'", USAGE)
    return _decoded(sys.stdin.buffer.read(), "stdin")


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as fault:
        cli.fail(PROGRAM, f"{where} is not UTF-8: byte {fault.start + 1}", USAGE)


# How it is printed.


def _print(asking: Any, form: str) -> None:
    if form == "parquet":
        for data in asking.data():
            sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    elif form == "table":
        _table(asking)
    elif form == "csv":
        _csv(asking)
    else:
        _json(asking, document=form == "json")


def _table(asking: Any) -> None:
    from cdktr_cli import table

    rows = list(asking.rows())
    if asking.columns == ["explain_key", "explain_value"]:
        for row in rows:
            print(clean.text(row[1]))
        return
    heads = zip(asking.columns, asking.numbers(), strict=True)
    columns = [
        table.Column(clean.line(name).upper(), _shown(at), right)
        for at, (name, right) in enumerate(heads)
    ]
    for line in table.render([{"cells": row} for row in rows], columns, said=said):
        print(line)


def _shown(at: int) -> Callable[[dict[str, Any]], Any]:
    return lambda row: row["cells"][at]


def said(value: Any) -> str:
    """A cell of a table: nothing is rounded, and NULL, an empty text and `-` are three things."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | dict | list):
        return cli.harmless(_dump(value))
    return cli.harmless(repr(value).removesuffix(".0") if isinstance(value, float) else str(value))


def _csv(asking: Any) -> None:
    def lines() -> Iterator[list[Any]]:
        rows = asking.rows()
        first = next(rows, None)
        yield asking.columns
        if first is not None:
            yield first
        yield from rows

    terminal = sys.stdout.isatty()
    for row in lines():
        text = ",".join(_csv_cell(one) for one in row) + "\n"
        sys.stdout.write(clean.text(text) if terminal else text)


def _csv_cell(value: Any) -> str:
    """NULL is nothing, an empty text is `""`."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _dump(value)
    if text and not re.search(r'[",\r\n]', text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _json(asking: Any, document: bool) -> None:
    lead, between, end = ("[\n", ",\n", "\n]\n") if document else ("", "\n", "\n")
    some = False
    for row in asking.rows():
        text = clean.json(_dump(dict(zip(asking.columns, row, strict=True))))
        sys.stdout.write((between if some else lead) + text)
        some = True
    if some or document:
        sys.stdout.write(end if some else "[]\n")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    run()
