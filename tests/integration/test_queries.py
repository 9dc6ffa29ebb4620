"""Queries of people, asked of a logd that records meanwhile: what they give, what they may not be,
and that the greediest of them hurts nobody who has output to store."""

from __future__ import annotations

import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.catalogue.logd import (
    QueryNext,
    QueryPage,
    QueryRun,
    QueryStop,
    QueryStopped,
)
from cdktr_common.client import Client
from cdktr_common.errors import ProtocolError, Unreachable
from tests.integration.harness import Env, wait_until
from tests.integration.recorder import Logd
from tests.integration.recording import append, stored, text_chunk

FOREVER = "select max(hash(a.range + b.range)) from range(1000000) a, range(1000000) b"


@pytest.fixture
def logd(env: Env) -> Iterator[Logd]:
    with ExitStack() as stack:
        yield Logd(env, stack)


@pytest.fixture
def untapped(env: Env) -> None:
    """The file that traffic is written to is no part of what is measured."""
    env.environ.pop("CDKTR_TAP", None)


@pytest.fixture
def client(logd: Logd) -> Client:
    client = logd.client()
    append(client, text_chunk(0, "".join(f"line {i}\n" for i in range(500))))
    return client


def ask(client: Client, sql: str, **fields: Any) -> QueryPage:
    return client.ask(QueryRun(sql=sql, **fields), QueryPage)


def refused(client: Client, request: Request) -> ProtocolError:
    with pytest.raises(ProtocolError) as fault:
        client.ask(request, QueryPage)
    return fault.value


def everything(client: Client, sql: str, **fields: Any) -> list[list[Any]]:
    page = ask(client, sql, **fields)
    rows = page.rows
    while page.next is not None:
        page = client.ask(QueryNext(query=page.query, page=page.next), QueryPage)
        rows += page.rows
    return rows


def test_a_query_gives_columns_types_and_rows(client: Client) -> None:
    page = ask(client, "select run, size, time, ts from output -- all of it;")
    assert page.columns == ["run", "size", "time", "ts"]
    assert page.types == ["VARCHAR", "INTEGER", "TIMESTAMP", "DOUBLE"]
    assert page.rows == [["abcdefghij", 4390, "1970-01-01T00:00:01.500000Z", 1.5]]
    assert page.next is None and not page.cut


def test_values_are_told_as_json_has_them(client: Client) -> None:
    sql = """select 1.5 as d, 'nan'::double as nan, 1e300::double as big, 2::hugeint ** 100 as huge,
        date '2026-02-03' as day, interval 90 minute as i, '\\xAA'::blob as b, [1, null] as l,
        {'a': true} as s, map {'k': 1} as m, '{"a": [1]}'::json as j,
        timestamptz '2026-02-03 04:05:06+01' as z, null as n, 9007199254740993 as exact,
        [timestamptz '2026-02-03 04:05:06+01'] as zs"""
    page = ask(client, sql)
    assert dict(zip(page.columns, page.rows[0], strict=True)) == {
        "d": 1.5, "nan": "nan", "big": 1e300, "huge": 1.2676506002282294e30,
        "day": "2026-02-03", "i": "01:30:00", "b": "\\xAA", "l": [1, None],
        "s": {"a": True}, "m": {"k": 1}, "j": {"a": [1]},
        "z": "2026-02-03T03:05:06Z", "n": None, "exact": 9007199254740993,
        "zs": ["2026-02-03T03:05:06Z"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("timestamp 'infinity'", "infinity"),
        ("date '-infinity'", "-infinity"),
        ("timestamptz 'infinity'", "infinity"),
        ("interval '1 year'", "1 year"),
        ("'\\xAA'::blob", "\\xAA"),
        ("'101'::bit", "101"),
        ("time '01:02:03.5'", "01:02:03.5"),
        ("timestamp 'infinity'::variant", "infinity"),
        ("timestamp_ns '2026-01-01 00:00:00.123456789'", "2026-01-01T00:00:00.123456789Z"),
        ("timestamp_s '2026-01-01 00:00:00'", "2026-01-01T00:00:00Z"),
        ("timestamp '20000-01-01'", "20000-01-01T00:00:00Z"),
        ("date '0044-03-15 (BC)'", "0044-03-15 (BC)"),
    ],
)
def test_a_value_is_the_same_alone_and_within_others(client: Client, value: str, told: str) -> None:
    sql = f"""select {value} as a, {value} as a, [{value}, null] as l, {{'x "y': [{value}]}} as s,
        row(1, {value}) as r, map {{'k': {value}}} as m, map {{{value}: 1}} as k,
        map {{[1]: {value}}} as d, array_value({value}) as f"""
    assert ask(client, sql).rows == [
        [told, told, [told, None], {'x "y': [told]}, [1, told], {"k": told}, {told: 1},
         {"key": [[1]], "value": [told]}, [told]]
    ]  # fmt: skip


def test_rows_come_in_pages_in_their_order(client: Client) -> None:
    sql = "select range as n from range(4321) order by n desc"
    assert everything(client, sql, limit=10_000) == [[n] for n in reversed(range(4321))]
    page = ask(client, sql, limit=10_000)
    again = client.ask(QueryNext(query=page.query, page=0), QueryPage)
    assert again == page or again.rows == page.rows
    second = client.ask(QueryNext(query=page.query, page=1), QueryPage)
    assert client.ask(QueryNext(query=page.query, page=1), QueryPage).rows == second.rows
    assert refused(client, QueryNext(query=page.query, page=0)).code == "bad_field"
    assert refused(client, QueryNext(query=page.query, page=3)).code == "bad_field"
    assert client.ask(QueryStop(query=page.query), QueryStopped).found
    wait_until(lambda: refused(client, QueryNext(query=page.query, page=2)).code == "conflict")
    assert refused(client, QueryNext(query="nobody", page=1)).code == "not_found"


def test_a_page_is_bounded_in_bytes_and_a_query_in_rows(client: Client) -> None:
    page = ask(client, "select repeat('x', 100000) from range(100)")
    assert 8 <= len(page.rows) <= 12 and page.next == 1
    cut = ask(client, "from range(11)", limit=10)
    assert len(cut.rows) == 10 and cut.cut and cut.next is None
    assert not ask(client, "from range(10)", limit=10).cut
    for fields in ({"limit": 0}, {"timeout_s": 0.0}, {"timeout_s": 1e9}, {"query": "x" * 1000}):
        assert refused(client, QueryRun(sql="select 1", **fields)).code == "bad_field"
    assert refused(client, QueryRun(sql="select 1" + " " * 70_000)).code == "too_large"


@pytest.mark.parametrize(
    ("sql", "code", "told"),
    [
        ("select wrong from runs", "bad_field", 'LINE 1: select wrong'),
        ("selec", "bad_field", "syntax error"),
        ("", "bad_field", "one statement"),
        ("select 1; select 2", "bad_field", "not 2"),
        ("select ?", "bad_field", "no parameters"),
        ("select cast('x' as int)", "bad_field", "Could not convert"),
        ("delete from event_1", "denied", "not DELETE"),
        ("with x as (delete from event_1 returning 1) from x", "denied", "read"),
        ("set threads = 4", "denied", "not SET"),
        ("copy (select 1) to 'x'", "denied", "not COPY"),
        ("pragma version", "denied", "not PRAGMA"),
        ("explain delete from event_1", "denied", "not DELETE"),
        ("explain (format json) select 1", "denied", "EXPLAIN"),
        ("explain explain select 1", "bad_field", "syntax"),
        ("from event_1", "not_found", "no view event_1"),
        ("from duckdb_settings()", "denied", "duckdb_settings()"),
        ("from '/etc/passwd'", "not_found", "no view"),
        ("select sleep_ms(10)", "denied", "sleep_ms()"),
        ("select (select 1 where exists (from read_text('x')))", "denied", "read_text"),
        ("pivot runs on state using count(*)", "denied", "IN ('FAILED')"),
        ("select levenshtein('a', 'b')", "denied", "cannot be interrupted"),
        ("select system.main.LEVENSHTEIN('a', 'b')", "denied", "cannot be interrupted"),
        ("select 'a'.levenshtein('b')", "denied", "cannot be interrupted"),
        ("select repeat('ab', 1000000)", "too_large", "repeat()"),
        ("select repeat(repeat('ab', 1000), 1000::int)", "too_large", "repeat()"),
        ("select lpad('a', 2000000, 'b')", "too_large", "lpad()"),
        ("select list_sum(range(5, 2000000))", "too_large", "range()"),
        (f"select {'[' * 500}{']' * 500}", "too_large", "100 deep"),
        (f"explain select {'[' * 500}{']' * 500}", "too_large", "100 deep"),
        ("select string_agg(repeat('x', 1000000), '') from range(1000)", "too_large", "memory"),
    ],
)  # fmt: skip
def test_what_a_query_cannot_be(client: Client, sql: str, code: str, told: str) -> None:
    fault = refused(client, QueryRun(sql=sql))
    assert (fault.code, told in fault.detail) == (code, True), fault
    assert ask(client, "select 1").rows == [[1]]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("show tables", ["name"]),
        ("describe runs", ["column_name"]),
        ("show output", ["column_name"]),
        ("summarize ticks", ["column_name"]),
        ("explain from runs", ["explain_key", "explain_value"]),
        ("EXPLAIN ANALYZE select 1", ["explain_key", "explain_value"]),
        ("from runs pivot (count(*) for state in ('FAILED'))", ["seq"]),
        ("with event as (from events) select seq from event", ["seq"]),
        ("select unnest(range(3)) as n, now() as now /* then */", ["n"]),
        ("select count(*) as n from range(5000000)", ["n"]),
        ("select len(range(1790000000, 1790000100)) as n, repeat('é', 1000) as r", ["n"]),
        (f"select '{'[' * 500}' as n, [(1, 2)] as l -- {'(' * 500}", ["n"]),
        ("select m.run, count(*) from main.output m group by all", ["run"]),
    ],
)
def test_what_a_query_may_be_besides_select(client: Client, sql: str, columns: list[str]) -> None:
    page = ask(client, sql)
    assert page.columns[: len(columns)] == columns


def test_a_query_ends_when_its_time_is_over_or_it_is_stopped(logd: Logd, client: Client) -> None:
    began = time.monotonic()
    fault = refused(client, QueryRun(sql=FOREVER, timeout_s=0.3))
    assert fault.code == "timeout" and time.monotonic() - began < 5
    told: list[ProtocolError] = []
    other = logd.client()
    thread = threading.Thread(
        target=lambda: told.append(refused(other, QueryRun(sql=FOREVER, query="mine")))
    )
    thread.start()
    wait_until(lambda: client.ask(QueryStop(query="mine"), QueryStopped).found)
    thread.join(10)
    assert told[0].code == "conflict" and "stopped" in told[0].detail
    assert not client.ask(QueryStop(query="mine"), QueryStopped).found


UNSTOPPABLE = (
    "select length(regexp_replace(repeat('a', 1000000), 'a*?b|a', 'xx', 'g')) as n"
    " from (select count(*) from output)"
)


def test_a_page_that_comes_too_late_never_comes(client: Client) -> None:
    first = ask(client, "from range(5000)", limit=5000, timeout_s=0.5)
    wait_until(lambda: not live(client))
    fault = refused(client, QueryNext(query=first.query, page=1))
    assert (fault.code, fault.retry) == ("timeout", False)


def test_a_file_that_cannot_hold_a_value_is_the_fault_of_the_query(client: Client) -> None:
    fault = refused(client, QueryRun(sql="select interval '-1 day' as i", format="parquet"))
    assert fault.code == "bad_field" and "negative intervals" in fault.detail


def live(client: Client) -> int:
    return client.ask(Ping(), Pong).counts["queries_live"]


def test_a_query_that_nothing_ends_is_told_of_and_logd_begins_anew_without_it(
    logd: Logd,
) -> None:
    client = logd.client()
    began = time.monotonic()
    fault = refused(client, QueryRun(sql=UNSTOPPABLE, timeout_s=0.5))
    assert fault.code == "timeout" and "cannot be interrupted" in fault.detail
    assert time.monotonic() - began < 5 and live(client) == 1
    data = b"".join(b"line %08d of many\n" % i for i in range(1000))
    sender = logd.sender(data, window=1)

    def anew() -> bool:
        sender.step()
        try:
            return client.ask(Ping(), Pong, timeout_s=0.5).counts["begun_anew"] == 1
        except Unreachable:
            return False

    wait_until(anew, 40, "logd to begin anew")
    wait_until(sender.step, 20, "all is stored")
    assert live(client) == 0 and stored(client) == data
    assert "beginning anew" in logd.proc.errors()
    assert logd.proc.out.read_text().count("ready cdktr-logd ") == 2
    assert len(list(logd.directory.glob("query/*"))) == 0
    assert logd.proc.stop() == 0


def test_it_ends_in_order_although_a_query_does_not(logd: Logd, client: Client) -> None:
    refused(client, QueryRun(sql=UNSTOPPABLE, timeout_s=0.2))
    assert logd.proc.stop(10) == 0
    assert "leaked" not in logd.proc.errors()
    logd.again()
    assert ask(logd.client(), "select count(*) from output").rows == [[1]]


def test_so_many_queries_at_once_and_not_more(client: Client) -> None:
    pages = [ask(client, "from range(5000)", limit=5000, query=f"n{i}") for i in range(4)]
    assert refused(client, QueryRun(sql="select 1")).code == "busy"
    assert refused(client, QueryRun(sql="select 1", query="n0")).code == "conflict"
    for page in pages:
        assert client.ask(QueryStop(query=page.query), QueryStopped).found
    wait_until(lambda: idle(client))


def idle(client: Client) -> bool:
    try:
        return bool(ask(client, "select 1").rows)
    except ProtocolError:
        return False


def test_it_sees_what_was_stored_when_it_began(client: Client) -> None:
    append(client, text_chunk(4390, "more\n", run="b"))
    first = ask(client, "select pos from output, range(3000)", limit=5000)
    append(client, text_chunk(0, "later\n", run="later"))
    rest = first
    count = len(first.rows)
    while rest.next is not None:
        rest = client.ask(QueryNext(query=rest.query, page=rest.next), QueryPage)
        count += len(rest.rows)
    assert count == 3000
    assert ask(client, "select count(*) from output").rows == [[2]]


def test_rows_as_a_file(client: Client) -> None:
    sql = "select range as n, md5(range::varchar) as text from range(200000)"
    page = ask(client, sql, limit=150_000, format="parquet")
    data = b64decode(page.b64 or "")
    pages = 1
    while page.next is not None:
        page = client.ask(QueryNext(query=page.query, page=page.next), QueryPage)
        data += b64decode(page.b64 or "")
        pages += 1
    assert page.cut and pages > 1 and page.rows == []
    assert data[:4] == data[-4:] == b"PAR1"


GREEDY = (
    "select string_agg(repeat('x', 100000), '') from range(100000)",
    "select len(list(repeat(md5(range::varchar), 100))) from range(10000000)",
    "select max(length(repeat('x', 500000000 + range::int))) from range(100)",
    "select sum(length(t)) over (order by t) from"
    " (select repeat(md5(range::varchar), 100) t from range(1000000))",
    "select count(distinct md5(range::varchar)) from range(100000000)",
    "select len(list_sort(range(50000000)))",
)  # fmt: skip


def test_the_greediest_queries_hurt_nobody_who_has_output(untapped: None, logd: Logd) -> None:
    data = b"".join(b"line %08d of many\n" % i for i in range(200_000))
    sender, client = logd.sender(data, window=32), logd.client()
    stop = threading.Event()
    ends: list[str] = []

    def greedy(own: Client, begin: int) -> None:
        number = begin
        while not stop.is_set():
            sql = GREEDY[number % len(GREEDY)]
            try:
                ask(own, sql, timeout_s=2)
                ends.append("done")
            except ProtocolError as fault:
                ends.append(fault.code)
            except Unreachable:
                ends.append("unreachable")
            number += 1

    threads = [threading.Thread(target=greedy, args=(logd.client(), i * 2)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_until(sender.step, 60, "all is stored")
        wait_until(lambda: len(ends) > 8, 60, "some queries more")
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert stored(client) == data
    assert set(ends) <= {"too_large", "timeout", "done"} and "too_large" in ends
    counts = logd.counts()
    assert not counts.get("reopened") and logd.proc.popen.poll() is None


@pytest.mark.long
def test_what_is_larger_than_a_query_may_give_is_no_whole_answer(logd: Logd) -> None:
    client = logd.client()
    page = ask(client, "select repeat('x', 1000) from range(300000)", limit=1_000_000, timeout_s=60)
    with pytest.raises(ProtocolError, match="rows are 256 MiB") as fault:
        while page.next is not None:
            page = client.ask(QueryNext(query=page.query, page=page.next), QueryPage)
    assert fault.value.code == "too_large" and not fault.value.retry
