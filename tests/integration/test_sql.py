"""`cdktr-sql` as a user calls it: formats, places a statement may come from, exit codes, Ctrl-C."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Iterator

import pytest

from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.client import Client
from tests.integration.cli_stand import Stand, stand
from tests.integration.harness import wait_until

STATES = "select state, count(*) as runs from runs group by all order by 1"
FOREVER = "select max(hash(a.range + b.range)) from range(1000000) a, range(1000000) b"


@pytest.fixture(scope="module")
def there() -> Iterator[Stand]:
    """All programs; a run that failed and one that completed are recorded."""
    with stand() as made:
        made.env.principal()
        made.env.logd()
        made.env.agent()
        assert made.call("cdktr-trigger", "--wait", "--workflow", "failing").returncode == 7
        assert made.call("cdktr-trigger", "--wait", "--workflow", "my-workflow").returncode == 0

        def recorded() -> bool:
            rows = json.loads(made.out("cdktr-sql", STATES, "--json"))
            return rows == [{"state": "COMPLETED", "runs": 1}, {"state": "FAILED", "runs": 1}]

        wait_until(recorded, what="both runs to be recorded")
        yield made


def test_rows_in_each_format(there: Stand) -> None:
    assert there.out("cdktr-sql", STATES) == "STATE      RUNS\nCOMPLETED     1\nFAILED        1\n"
    lines = there.out("cdktr-sql", STATES, "-o", "ndjson").splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["COMPLETED", "FAILED"]
    rows = list(csv.reader(io.StringIO(there.out("cdktr-sql", STATES, "-o", "csv"))))
    assert rows == [["state", "runs"], ["COMPLETED", "1"], ["FAILED", "1"]]
    data = there.call("cdktr-sql", STATES, "-o", "parquet").stdout
    assert data[:4] == data[-4:] == b"PAR1"
    assert json.loads(there.out("cdktr-sql", "from runs where false", "-o", "json")) == []
    assert there.out("cdktr-sql", "from runs where false", "-o", "ndjson") == ""
    assert there.out("cdktr-sql", "select run from runs where false", "-o", "csv") == "run\n"


def test_a_table_rounds_nothing_and_tells_nothing_from_an_empty_text(there: Stand) -> None:
    sql = """select 1790000000.123456 as x, 0.1::double as y, 3::double as z, true as b, null as n,
        '' as e, '-' as d, [true, null] as l"""
    head, row = there.out("cdktr-sql", sql).splitlines()
    assert row.split() == [
        "1790000000.123456", "0.1", "3", "true", "NULL", "-", "[true,null]"
    ]  # fmt: skip
    assert row[head.index("E ")] == " "
    text = there.out("cdktr-sql", "-o", "csv", sql)
    assert text.splitlines()[1] == '1790000000.123456,0.1,3.0,true,,"",-,"[true,null]"'


def test_output_of_tasks_steers_no_terminal_and_is_whole_in_a_pipe(there: Stand) -> None:
    sql = "select text, chr(27) || '[2J' as bad from output where task = 'second'"
    assert json.loads(there.out("cdktr-sql", sql, "--json"))[0]["bad"] == "\x1b[2J"
    assert "\x1b" not in there.out("cdktr-sql", sql)
    assert "\x1b" not in there.out("cdktr-sql", sql, "--json")


def test_a_statement_comes_from_an_argument_a_file_or_a_pipe(there: Stand) -> None:
    path = there.env.directory / "one.sql"
    path.write_text(f"-- how many\n{STATES};\n")
    expected = there.out("cdktr-sql", STATES)
    assert there.out("cdktr-sql", "-f", str(path)) == expected
    assert there.out("cdktr-sql", input=STATES.encode()) == expected
    assert there.out("cdktr-sql", "-", input=STATES.encode()) == expected
    there.out("cdktr-sql", STATES, "-f", str(path), code=2)
    for comment in ("-- how many", "--how many"):
        assert there.out("cdktr-sql", f"{comment}\n{STATES}") == expected
    done = there.call("cdktr-sql", input=b"select '\xff'")
    assert (done.returncode, done.stderr) == (2, b"cdktr-sql: stdin is not UTF-8: byte 9\n")


def test_views_and_plans_are_shown(there: Stand) -> None:
    shown = there.out("cdktr-sql", "--views")
    assert all(f"\n{view} " in shown for view in ("runs", "ticks", "output"))
    assert "runs" in there.out("cdktr", "sql", "show tables")
    assert "╭" in there.out("cdktr-sql", "explain from runs")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["select wrong from runs"], 2, "LINE 1: select wrong from runs\n               ^^^^^"),
        (["drop table event_1"], 77, "not DROP"),
        (["from runz"], 3, "no view runz"),
        (["from runs", "-o", "jsn"], 2, "did you mean json?"),
        (["from runs", "--limit", "0"], 2, "--limit"),
        (["from runs", "--timeout", "1h"], 2, "--timeout"),
        (["select interval '-1 day' as i", "-o", "parquet"], 2, "negative intervals"),
        ([FOREVER, "--timeout", "200ms"], 75, "--timeout gives it more"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(
    there: Stand, words: list[str], code: int, told: str
) -> None:
    done = there.call("cdktr-sql", *words)
    assert (done.returncode, told in done.stderr.decode()) == (code, True), done


def test_rows_that_are_left_out_are_told(there: Stand) -> None:
    done = there.call("cdktr-sql", "from range(5000)", "--limit", "2500", "-o", "ndjson")
    assert len(done.stdout.splitlines()) == 2500
    assert done.stderr.decode() == "cdktr-sql: cut after 2500 rows; --limit gives more\n"


def working(there: Stand) -> int:
    with Client(f"ipc://{there.env.home}/run/logd.sock", timeout_s=20) as client:
        return client.ask(Ping(), Pong).counts["queries_live"]


def test_ctrl_c_stops_the_query_at_logd(there: Stand) -> None:
    proc = there.start("cdktr-sql", FOREVER, "--timeout", "5m")
    wait_until(lambda: working(there) == 1, what="the query to be in work")
    proc.asked_to_end = True
    proc.signal(signal.SIGINT)
    assert proc.popen.wait(20) == 130
    wait_until(lambda: working(there) == 0, 5, "the query to be over")


def test_of_a_query_that_cannot_be_ended_it_is_told(there: Stand) -> None:
    """The last one here: what becomes of logd then is told in test_queries.py."""
    sql = "select length(regexp_replace(repeat('a', 1000000), 'a*?b|a', 'xx', 'g'))"
    done = there.call("cdktr-sql", sql, "--timeout", "300ms")
    assert done.returncode == 75 and done.stderr.count(b"\n") == 1
    assert b"cannot be interrupted" in done.stderr and b"--timeout" not in done.stderr
    proc = there.start("cdktr-sql", sql, "--timeout", "5m")
    wait_until(lambda: working(there) == 2, what="the query to be in work")
    proc.asked_to_end = True
    proc.signal(signal.SIGINT)
    assert proc.popen.wait(20) == 130
    assert "cannot be interrupted" in proc.errors()
