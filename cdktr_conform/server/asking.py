"""Checks of asking twice, keys, long polls and limits of content: what events a principal takes,
and how often."""

from __future__ import annotations

import json
import threading
import time
from fnmatch import fnmatchcase
from typing import Any

import zmq

from cdktr_conform.report import Line
from cdktr_conform.server.bench import EVENT, Bench, Message, checks, elapsed, parsed

CHECKS, check = checks()


def listeners(bench: Bench) -> list[str]:
    """Workflows that the events of these checks would start."""
    rows = bench.ask(type="workflow.list").get("workflows", [])
    return [
        row["workflow"]
        for row in rows
        if any(fnmatchcase(EVENT, pattern) for pattern in row.get("events", []))
    ]


def recorded(bench: Bench, after: int, mark: str) -> int:
    """How many events with that payload there are."""
    return sum(fact.get("payload") == mark for fact in bench.own(after))


def same(replies: list[Message]) -> bool:
    """Do they tell of the same runs?"""
    return all(one["type"] == "run.started" for one in replies) and (
        len({json.dumps(one.get("runs", [])) for one in replies}) == 1
    )


@check("event.fire", "an event that nobody listens to is taken and recorded")
def fired(bench: Bench, line: Line) -> None:
    before, mark = bench.newest(), bench.new()
    got = bench.fire(payload=mark, key=mark)
    line.expect(got["type"] == "run.started", "run.started", mark, got)
    line.expect(recorded(bench, before, mark) == 1, "one event.fired with its payload", mark)


@check("event.fire", "names that begin with `run.` are refused")
def reserved(bench: Bench, line: Line) -> None:
    got = bench.ask(type="event.fire", event="run.completed")
    line.expect(got["type"] == "error" and not got.get("retry"), "an error", "run.completed", got)


@check("A2", "the same id again: the same answer, and done once")
def same_id(bench: Bench, line: Line) -> None:
    before, mark = bench.newest(), bench.new()
    replies = [bench.fire(id=mark, payload=mark) for _ in range(3)]
    line.expect(same(replies), "the same runs", {"id": mark}, replies)
    count = recorded(bench, before, mark)
    line.expect(count == 1, "one event", {"id": mark}, f"{count} events")


@check("A2", "asked again before it was answered, on many connections at once: done once")
def at_once(bench: Bench, line: Line) -> None:
    before, mark = bench.newest(), bench.new()
    bench.may_fire()
    body = json.dumps({"type": "event.fire", "event": EVENT, "id": mark, "key": mark,
                       "payload": mark}).encode()  # fmt: skip
    with bench.peer(zmq.DEALER) as one, bench.peer(zmq.DEALER) as two:
        for peer in (one, two, one, two, one):
            peer.send([b"", body])
        replies = [parsed(peer.receive()[-1]) for peer in (one, two, one, two, one)]
    line.expect(same(replies), "the same runs in each", body, replies)
    count = recorded(bench, before, mark)
    line.expect(count == 1, "one event", body, f"{count} events")


@check("A3", "the same key with the same content is a duplicate, with other content a conflict")
def keys(bench: Bench, line: Line) -> None:
    before, mark = bench.newest(), bench.new()
    first, second = (bench.fire(id=bench.new(), key=mark, payload=mark) for _ in range(2))
    line.expect(not first.get("duplicate", False), "duplicate is false", {"key": mark}, first)
    line.expect(second.get("duplicate") is True, "duplicate is true", {"key": mark}, second)
    line.expect(same([first, second]), "the same runs", {"key": mark}, [first, second])
    reordered = bench.fire(key=bench.new(), payload={"a": 1, "b": mark})
    line.expect(reordered["type"] == "run.started", "run.started", mark, reordered)
    for other in ({"payload": "other"}, {"payload": None}, {"event": f"{EVENT}-other"}):
        got = bench.fire(id=bench.new(), **{"key": mark, "payload": mark, **other})
        line.expect(got.get("code") == "conflict", "conflict", {"key": mark, **other}, got)
    line.expect(recorded(bench, before, mark) == 1, "one event", {"key": mark})


@check("A4", "a key has 1 to 200 characters")
def key_lengths(bench: Bench, line: Line) -> None:
    longest = (bench.new() + "ü" * 200)[:200]
    for key, good in (("", False), (longest, True), (longest + "x", False)):
        got = bench.fire(key=key)
        said = got["type"] == "run.started" if good else got.get("code") == "bad_field"
        line.expect(said, "run.started" if good else "bad_field", f"{len(key)} characters", got)


@check("A6", "requests without id are answered without, and are not remembered")
def without_id(bench: Bench, line: Line) -> None:
    before, mark = bench.newest(), bench.new()
    for _ in range(2):
        got = bench.fire(payload=mark)
        line.expect(got["type"] == "run.started" and got.get("id") is None, "no id", mark, got)
    count = recorded(bench, before, mark)
    line.expect(count == 2, "two events", mark, f"{count} events")


@check("A8", "a long poll waits, ends in time, and is answered at once when there is news")
def long_poll(bench: Bench, line: Line) -> None:
    begun = time.monotonic()
    asked: dict[str, Any] = {"type": "event.list", "after": bench.newest(), "wait_s": 1,
                             "topic": "nosuch/"}  # fmt: skip
    got = bench.ask(**asked)
    line.expect(got["type"] == "event.page" and elapsed(begun) < 5, "a page in time", asked, got)
    if bench.busy_with:
        return
    asked = {"type": "event.list", "after": bench.newest(), "wait_s": 30, "topic": "event/"}
    threading.Timer(0.3, lambda: bench.fire(payload="news")).start()
    begun = time.monotonic()
    got = bench.ask(**asked)
    news = [fact for fact in got.get("events", []) if fact["seq"] > asked["after"]]
    line.expect(bool(news) and elapsed(begun) < 5, "the news, long before 30 s", asked, got)


@check("A8", "a long poll of one client does not hold up another of the same connection")
def polls_side_by_side(bench: Bench, line: Line) -> None:
    with bench.peer(zmq.DEALER) as peer:
        newest = bench.newest()
        for number in range(5):
            asked = {"type": "event.list", "id": str(number), "after": newest + 1000, "wait_s": 2}
            peer.send([b"", json.dumps(asked).encode()])
        peer.send([b"", b'{"type":"ping","id":"p"}'])
        first = parsed(peer.receive()[-1])
        line.expect(first["type"] == "pong", "the pong first", "5 long polls and a ping", first)


@check("B4", "an integer is accepted where a number is asked for")
def integers(bench: Bench, line: Line) -> None:
    got = bench.ask(type="run.wait", run="nosuchrun0", wait_s=1)
    line.expect(got.get("code") == "not_found", "not_found", "wait_s: 1", got)


@check("B5", "runs are named by id, by a unique beginning, and by `last`")
def names_of_runs(bench: Bench, line: Line) -> None:
    rows = bench.ask(type="run.list", limit=1).get("runs", [])
    if not rows:
        line.skip("there are no runs")
        return
    run = rows[0]["run"]
    got = bench.ask(type="run.show", run=run)
    line.expect(got["type"] == "run.detail" and got["run"]["run"] == run, "its detail", run, got)
    got = bench.ask(type="run.show", run=run[:9])
    good = got["type"] == "run.detail" or got.get("code") == "ambiguous"
    line.expect(good, "its detail, or ambiguous", run[:9], got)
    got = bench.ask(type="run.show", run="last")
    line.expect(got["type"] == "run.detail", "the detail of the newest", "last", got)


@check("E1", "what is not there is refused with a code and words for people")
def not_there(bench: Bench, line: Line) -> None:
    for asked in (
        {"type": "run.start", "workflow": f"{EVENT}-nosuch"},
        {"type": "run.show", "run": "nosuchrun0"},
        {"type": "workflow.show", "workflow": f"{EVENT}-nosuch"},
    ):
        got = bench.ask(**asked)
        good = got.get("code") == "not_found" and bool(got.get("detail"))
        line.expect(good, "not_found, with a detail", asked, got)


@check("L1", "a payload over 256 KiB or 64 levels is refused, one just below is taken")
def payloads(bench: Bench, line: Line) -> None:
    def nested(levels: int) -> Any:
        value: Any = []
        for _ in range(levels - 1):
            value = [value]
        return value

    room = 256 * 1024 - 2
    for payload, good in (
        ("x" * room, True), ("x" * (room + 1), False), (nested(64), True), (nested(65), False),
    ):  # fmt: skip
        got = bench.fire(payload=payload)
        wanted = "run.started" if good else "too_large"
        line.expect(wanted in (got["type"], got.get("code")), wanted, {"payload": payload}, got)


@check("event.cancel", "what is deferred is listed, and can be taken back")
def deferred(bench: Bench, line: Line) -> None:
    before, mark = bench.newest(), bench.new()
    got = bench.fire(key=mark, payload=mark, delay_s=86_400)
    if got.get("code") == "unknown_type" or (
        got["type"] == "run.started" and not got.get("deferred")
    ):
        line.skip("this principal defers nothing")
        return
    name = got.get("deferred", "")
    again = bench.fire(key=mark, payload=mark, delay_s=86_400)
    line.expect(again.get("deferred") == name, "the same again", {"key": mark}, again)
    rows = bench.ask(type="event.pending", limit=10_000).get("deferred", [])
    line.expect(any(row["deferred"] == name for row in rows), f"a row of {name}", "event.pending")
    taken = bench.ask(type="event.cancel", deferred=name, reason="cdktr-conform")
    line.expect(taken["type"] == "event.waiting", "event.waiting", {"deferred": name}, taken)
    dropped = [fact for fact in bench.facts(before, "event/") if fact.get("deferred") == name]
    kinds = [fact["type"] for fact in dropped]
    line.expect(kinds == ["event.deferred", "event.dropped"], "deferred and dropped", name, kinds)
