"""Retention: a logd that drops its older history goes on without a stumble."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack

from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.catalogue.logd import LogPage, LogQuery
from cdktr_common.client import Client
from tests.integration.harness import Env, wait_until
from tests.integration.recording import Journal, append, fired, recorded, stored, text_chunk

SECOND = 1 / 86400
"""A retention of one second, in days."""


def counts(client: Client) -> dict[str, int]:
    return client.ask(Ping(), Pong).counts


def test_old_partitions_go_and_nothing_stumbles_over_it(env: Env) -> None:
    env.set(retention_days=SECOND)
    logd = env.logd()
    with ExitStack() as stack:
        journal = Journal(f"ipc://{env.home}/run/principal.sock", fired(10))
        stack.callback(journal.close)
        client = stack.enter_context(Client(f"ipc://{env.home}/run/logd.sock", timeout_s=20))
        offset, sent = 0, 0
        append(client, text_chunk(0, "silent from here on", task="slow"))
        end = time.monotonic() + 60
        while counts(client)["dropped"] < 3:
            assert time.monotonic() < end
            text = f"line {sent}\n"
            offset = append(client, text_chunk(offset, text, line=sent)).marks[0].offset
            journal.facts.append(json.dumps(fired(11 + sent)[-1]).encode())
            sent += 1
        page = client.ask(LogQuery(run="abcdefghij", task="t", limit=1000), LogPage)
        lines = [line for part in page.chunks for line in (part.text or "").splitlines()]
        assert lines[-1] == f"line {sent - 1}"
        assert lines == [f"line {i}" for i in range(sent - len(lines), sent)]
        facts = [fact["seq"] for fact in recorded(client)]
        assert facts == list(range(facts[0], facts[-1] + 1))
        assert counts(client)["partitions"] <= 10
        # A stream of which nothing is left goes on where it was, also after kill -9.
        wait_until(lambda: client.ask(LogQuery(task="slow"), LogPage).chunks == [])
        logd.kill()
        logd = env.logd()
        answer = append(client, text_chunk(19, " to here\n", task="slow"))
        assert answer.marks[0].offset == 28
        wait_until(lambda: counts(client)["facts_to"] == 10 + sent, what="the facts")
        # Nothing comes any more, and in the end nothing is left.
        wait_until(lambda: counts(client)["partitions"] == 1, 30, "the last to go")
        wait_until(lambda: client.ask(LogQuery(), LogPage).chunks == [], 30)
        assert counts(client)["facts_to"] == 10 + sent
        assert append(client, text_chunk(offset, "new\n")).marks[0].offset == offset + 4
    assert not [line for line in logd.errors().splitlines() if "error" in line]


def test_without_retention_everything_stays_in_one_partition(env: Env) -> None:
    env.logd()
    with Client(f"ipc://{env.home}/run/logd.sock", timeout_s=20) as client:
        append(client, text_chunk(0, "kept"))
        assert stored(client) == b"kept"
        assert counts(client)["partitions"] == 1
