"""logd as a process: what it acknowledged is stored once, whatever happens to it."""

from __future__ import annotations

import json
import os
import random
import resource
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import zmq

from cdktr_common.catalogue.common import Hello, Ping, Pong, StreamStat, Welcome
from cdktr_common.catalogue.logd import HistoryList, HistoryPage, LogLive, LogPage, LogQuery
from cdktr_common.client import Client
from cdktr_common.errors import BUSY, DAMAGED, ProtocolError
from cdktr_common.sockets import subscriber
from tests.integration.harness import Env, wait_until
from tests.integration.recorder import Logd
from tests.integration.recording import (
    append,
    fired,
    recorded,
    stored,
    text_chunk,
)


@pytest.fixture
def untapped(env: Env) -> None:
    """The file that traffic is written to would be limited like the database."""
    env.environ.pop("CDKTR_TAP", None)


@pytest.fixture
def logd(env: Env) -> Iterator[Logd]:
    with ExitStack() as stack:
        yield Logd(env, stack)


def until(step: Callable[[], Any], what: str) -> None:
    wait_until(step, 60, what)


def test_every_byte_and_every_fact_once_although_it_is_killed_again_and_again(logd: Logd) -> None:
    chance = random.Random(7)
    data = b"".join(b"%d %s\n" % (i, chance.randbytes(chance.randrange(120))) for i in range(40000))
    facts = fired(12000)
    logd.journal(facts)
    sender = logd.sender(data)
    for part in range(1, 7):
        edge = len(data) * part // 8
        while sender.acknowledged < edge:
            sender.step()
        logd.again()
    until(sender.step, "the last acknowledgement")
    client = logd.client()
    assert stored(client) == data
    until(lambda: client.ask(Ping(), Pong).counts["facts_to"] == len(facts), "all facts")
    assert recorded(client) == facts


def test_a_second_logd_is_told_who_owns_the_directory_and_touches_nothing(
    env: Env, logd: Logd
) -> None:
    append(logd.client(), text_chunk(0, "before"))

    def files() -> dict[str, tuple[bytes, int]]:
        found = [*logd.directory.rglob("*"), *(env.home / "run").iterdir()]
        return {
            path.name: (b"" if path.is_socket() else path.read_bytes(), path.stat().st_mtime_ns)
            for path in found
            if not path.is_dir()
        }

    before, began = files(), time.monotonic()
    second = env.start("logd")
    second.asked_to_end = True
    assert second.popen.wait(20) == BUSY
    took = time.monotonic() - began
    assert files() == before
    assert took < 1.0 or os.getloadavg()[0] > 2, took
    owner = f"cdktr-logd (pid {logd.proc.pid} on {socket.gethostname()}, since 20"
    assert owner in second.errors()
    assert append(logd.client(), text_chunk(6, "!")).marks[0].offset == 7


def test_files_are_for_the_owner_alone(logd: Logd) -> None:
    append(logd.client(), text_chunk(0, "secret"))
    for path in (logd.directory, *logd.directory.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_it_stops_cleanly_and_knows_everything_afterwards(env: Env, logd: Logd) -> None:
    append(logd.client(), text_chunk(0, "kept\n"))
    assert logd.proc.stop() == 0
    assert not (logd.directory / "history.duckdb.wal").exists()
    env.logd()
    assert stored(logd.client()) == b"kept\n"


def test_a_file_that_is_no_database_is_named_and_left_alone(env: Env) -> None:
    file = env.home / "logd" / "history.duckdb"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not a database " * 1000)
    proc = env.start("logd")
    proc.asked_to_end = True
    assert proc.popen.wait(20) == DAMAGED
    assert str(file) in proc.errors()
    assert file.read_bytes() == b"not a database " * 1000


BAD: list[tuple[bytes, str]] = [
    (b"", "bad_message"),
    (b"\xff\xfe", "bad_message"),
    (b"[" * 100_000, "bad_message"),
    (b"[]", "bad_field"),
    (b"null", "bad_field"),
    (b'{"type":"ping","v":"x"', "bad_message"),
    (b'{"type":"log.eat","id":"1"}', "unknown_type"),
    (b'{"type":"run.start","id":"1"}', "unknown_type"),
    (b'{"type":"log.append","id":"1"}', "bad_field"),
    (b'{"type":"log.append","id":"1","agent":"a","chunks":[{"run":7}]}', "bad_field"),
    (b'{"type":"log.read","id":"1","run":"r","task":"t","offset":-1}', "bad_field"),
    (b'{"type":"log.query","id":"1","regex":"("}', "bad_field"),
    (b'{"type":"log.query","id":"1","limit":0}', "bad_field"),
    (b'{"type":"history.list","id":"1","table":"meta"}', "bad_field"),
    (b'{"type":"ping","id":"1","v":99}', "version"),
]


def test_bad_input_is_answered_and_hurts_nobody(logd: Logd) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    socket.connect(logd.endpoint)
    for body, code in BAD:
        socket.send(body)
        assert socket.poll(20_000), body
        assert json.loads(socket.recv())["code"] == code, body
    with_null = text_chunk(0, "nul \0 inside", task="n")
    client = logd.client()
    assert append(client, with_null).marks[0].offset == 12
    assert stored(client, task="n") == b"nul \0 inside"
    with pytest.raises(ProtocolError) as refusal:
        append(client, text_chunk(0, "x" * 70_000))
    assert refusal.value.code == "too_large"
    with pytest.raises(ProtocolError):
        append(client, text_chunk(0, "good"), text_chunk(4, "bad", n=0))
    assert stored(client) == b""
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.connect(logd.endpoint)
    dealer.send_multipart([b"x"] * 1000)  # dropped unanswered
    dealer.send(b"x" * (5 << 20))  # its connection is closed
    pong = client.ask(Ping(), Pong)
    assert pong.status == "ok"
    assert pong.counts["refused"] >= len(BAD)
    context.destroy(0)


def test_a_full_disk_is_said_and_nothing_is_lost(untapped: None, logd: Logd) -> None:
    client = logd.client()
    append(client, text_chunk(0, "before\n"))
    wal = (logd.directory / "history.duckdb.wal").stat().st_size
    unlimited = resource.prlimit(logd.proc.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(logd.proc.pid, resource.RLIMIT_FSIZE, (wal + 50_000, unlimited[1]))
    text, offset = "x" * 9999 + "\n", 7
    for _ in range(20):
        answer = append(client, text_chunk(offset, text, line=1 + offset // 10_000))
        if answer.refused:
            break
        offset += len(text)
    assert answer.refused == "disk_full"
    assert answer.marks[0].offset == offset
    assert client.ask(Ping(), Pong).status == "disk_full"
    assert stored(client) == b"before\n" + text.encode() * (offset // 10_000)
    resource.prlimit(logd.proc.pid, resource.RLIMIT_FSIZE, unlimited)
    chunk = text_chunk(offset, text, line=1 + offset // 10_000)
    assert append(client, chunk).marks[0].offset == offset + 10_000
    assert client.ask(Ping(), Pong).status == "ok"
    logd.again()
    assert stored(logd.client()) == b"before\n" + text.encode() * (offset // 10_000 + 1)


@pytest.mark.long
def test_a_checkpoint_that_fails_ends_the_database_and_not_logd(untapped: None, logd: Logd) -> None:
    client = logd.client()
    unlimited = resource.prlimit(logd.proc.pid, resource.RLIMIT_FSIZE)
    chance = random.Random(3)
    sent = ""
    for _ in range(8):
        text = "".join(chance.choices("abcdefghij", k=60_000))
        append(client, text_chunk(len(sent), text))
        sent += text
    edge = (logd.directory / "history.duckdb").stat().st_size + 1000
    resource.prlimit(logd.proc.pid, resource.RLIMIT_FSIZE, (edge, unlimited[1]))
    until(lambda: logd.counts().get("reopened"), "the checkpoint to fail")
    wait_until(lambda: append(client, text_chunk(len(sent), "x")).marks[0].offset)
    resource.prlimit(logd.proc.pid, resource.RLIMIT_FSIZE, unlimited)
    until(lambda: not append(client, text_chunk(len(sent), "x")).refused, "it to store again")
    assert stored(client) == (sent + "x").encode()
    logd.again()
    assert stored(logd.client()) == (sent + "x").encode()


def test_a_search_sees_what_was_acknowledged_and_holds_nobody_up(logd: Logd) -> None:
    client, searcher = logd.client(), logd.client()
    lines = "".join(f"{i} some words to look through\n" for i in range(1000))
    chunks = [text_chunk(number * len(lines), lines) for number in range(200)]
    for begin in range(0, 200, 40):
        append(client, *chunks[begin : begin + 40])
    query = LogQuery(regex="no (such|other)* line+$")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    slow = context.socket(zmq.DEALER)
    slow.linger = 0
    slow.connect(logd.endpoint)
    for _ in range(40):
        slow.send_multipart([b"", b'{"type":"log.query","regex":"no (such|other)* line+$"}'])
    wait_until(lambda: logd.counts().get("queries", 0) >= 3, what="the searches to begin")
    append(client, text_chunk(0, "meanwhile", task="other"))
    answered = 0
    while slow.poll(0):
        answered += len(slow.recv_multipart()) > 0
    assert answered < 40, "an append had to wait for all searches"
    assert searcher.ask(LogQuery(task="other"), LogPage).chunks[0].text == "meanwhile"
    assert searcher.ask(query, LogPage).chunks == []
    context.destroy(0)


def test_live_output_is_published_and_told_again_by_stat(env: Env, logd: Logd) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    live = subscriber(context, f"ipc://{env.home}/run/logs.sock", ["log/w/abcdefghij/", "stat/"])
    client = logd.client()
    offset = 0

    def heard() -> bool:
        nonlocal offset
        offset = append(client, text_chunk(offset, "tick\n")).marks[0].offset
        return bool(live.poll(50))

    until(heard, "the subscription to hold")
    last = append(client, text_chunk(offset, "last\n"), text_chunk(0, "not ours", run="zzz"))
    topics: set[bytes] = set()
    seq = 0
    for _ in range(1000):
        assert live.poll(20_000)
        topic, body = live.recv_multipart()
        topics.add(topic)
        if topic == b"stat/":
            stat_ = StreamStat(**{k: v for k, v in json.loads(body).items() if k != "type"})
            if seq and stat_.streams.get("log/w/abcdefghij/t/") == seq:
                break
            continue
        message = json.loads(body)
        assert message["type"] == LogLive.__struct_config__.tag
        if message["chunk"]["text"] == "last\n":
            seq = message["seq"]
            assert message["chunk"]["offset"] + 5 == last.marks[0].offset
    assert topics == {b"log/w/abcdefghij/t/", b"stat/"}
    live.close(0)
    context.term()


@pytest.mark.long
def test_memory_stays_bounded_over_many_chunks_and_streams(untapped: None, logd: Logd) -> None:
    client = logd.client()

    def memory() -> int:
        status = Path(f"/proc/{logd.proc.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    sizes = []
    for batch in range(300):
        chunks = [
            text_chunk(part * 60, "x" * 59 + "\n", run=f"run{batch:04}{i:03}", ts=1.0 + batch)
            for i in range(250)
            for part in range(4)
        ]
        append(client, *chunks)
        sizes.append(memory())
    first, last = max(sizes[90:100]), max(sizes[-20:])
    print(f"300,000 chunks of 75,000 streams: {sizes[0]} {first} {last} kB, {logd.counts()}")
    assert last < 450_000
    assert last < first * 1.6


# The principal.


def test_it_serves_without_a_principal_and_records_when_there_is_one(env: Env, logd: Logd) -> None:
    client = logd.client()
    append(client, text_chunk(0, "alone\n"))
    assert stored(client) == b"alone\n"
    env.principal()
    principal = env.client()
    run = env.run("true")
    wait_until(lambda: principal.ask(Hello(), Welcome).endpoints.get("logd"), what="its hello")

    def known() -> list[list[Any]]:
        return client.ask(HistoryList(table="runs", run=run), HistoryPage).rows

    assert wait_until(known)[0][0] == run


def test_a_restarted_principal_is_told_where_the_recorder_is(env: Env, logd: Logd) -> None:
    principal = env.principal()
    wait_until(lambda: env.client().ask(Hello(), Welcome).endpoints.get("logd"), what="its hello")
    principal.kill()
    env.principal()
    endpoints = wait_until(lambda: env.client().ask(Hello(), Welcome).endpoints.get("logd"))
    assert endpoints == [logd.endpoint]
    run = env.run("true")
    client = logd.client()
    wait_until(lambda: client.ask(HistoryList(table="runs", run=run), HistoryPage).rows)
    seqs = [fact["seq"] for fact in recorded(client)]
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize("others", [fired(40), fired(100, "other-")])
def test_another_journal_is_never_mixed_in(logd: Logd, others: list[dict[str, Any]]) -> None:
    facts = fired(50)
    journal = logd.journal(facts)
    until(lambda: logd.counts()["facts_to"] == 50, "the facts")
    journal.close()
    foreign = logd.journal(others, epoch=2)
    client = logd.client()
    until(lambda: client.ask(Ping(), Pong).status == "foreign_journal", "it to notice")
    assert "another journal" in logd.proc.errors()
    append(client, text_chunk(0, "output goes on\n"))
    assert recorded(client) == facts
    foreign.close()
    logd.journal(fired(60), epoch=3)
    until(lambda: logd.counts()["facts_to"] == 60, "the facts that followed")
    assert recorded(client) == fired(60)


def test_a_busy_principal_is_not_asked_for_every_fact(logd: Logd) -> None:
    facts = fired(1000)
    journal = logd.journal(facts[:1])
    until(lambda: logd.counts()["facts_to"] == 1, "the first fact")
    for fact in facts[1:]:
        journal.facts.append(json.dumps(fact).encode())
    until(lambda: logd.counts()["facts_to"] == 1000, "the facts")
    assert journal.pulls < 200


def test_port_zero_is_told_in_the_ready_line_and_to_the_principal(env: Env) -> None:
    env.set(logs_listening_port=0, logs_publishing_port=0)
    proc = env.start("logd", "--insecure")
    endpoints = proc.ready()
    assert len(endpoints) == 4
    assert "INSECURE" in proc.errors()
    tcp = [endpoint for endpoint in endpoints if endpoint.startswith("tcp://")]
    with Client(tcp[0]) as client:
        welcome = client.ask(Hello(), Welcome)
    assert tcp == [welcome.endpoints["logd"][1], welcome.endpoints["logs"][1]]


def test_tcp_without_keys_is_refused(env: Env) -> None:
    env.set(logs_listening_port=0)
    proc = env.start("logd")
    proc.asked_to_end = True
    assert proc.popen.wait(20) == 78
    assert not Path(env.home, "logd", "history.duckdb").exists()
    assert os.fspath("--insecure") in proc.errors()
