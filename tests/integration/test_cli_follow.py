"""Following facts: each once and in order, also across kills of the principal."""

from __future__ import annotations

import json
import signal

from tests.integration.cli_stand import lines, stand
from tests.integration.harness import wait_until


def test_events_are_followed_without_a_gap_across_restarts() -> None:
    with stand() as made:
        principal = made.env.principal()
        proc = made.start("cdktr-ctl", "events", "-f", "--after", "0", "--ndjson")
        for _ in range(3):
            for _ in range(20):
                made.env.run("true")
            principal.kill()
            principal = made.env.principal()
        newest = json.loads(made.out("cdktr-ctl", "ping", "--json", code=1))[0]["seq"]
        wait_until(lambda: len(lines(proc)) >= newest, what=f"fact {newest}")
        facts = [json.loads(line) for line in lines(proc)]
        assert [fact["seq"] for fact in facts] == list(range(1, newest + 1))
        assert sum(fact["type"] == "run.created" for fact in facts) == 60
        assert "waiting for it" not in lines(proc)
        proc.signal(signal.SIGINT)
        assert proc.popen.wait(10) == 130


def test_a_topic_is_followed_alone() -> None:
    with stand() as made:
        made.env.principal()
        proc = made.start("cdktr-ctl", "events", "-f", "--topic", "event/")
        made.out("cdktr-trigger", "nobody-listens")
        made.out("cdktr-trigger", "my-event")
        wait_until(lambda: len(lines(proc)) == 2)
        assert [line.split()[2:4] for line in lines(proc)] == [
            ["event.fired", "'nobody-listens'"],
            ["event.fired", "'my-event'"],
        ]
        proc.signal(signal.SIGINT)
        proc.popen.wait(10)


def test_a_trigger_outlasts_an_absent_principal() -> None:
    with stand(default_zmq_timeout_ms=300) as made:
        proc = made.start("cdktr-trigger", "my-event", "--retry-for", "60s", "--key", "K")
        wait_until(lambda: "trying again" in proc.errors())
        made.env.principal()
        assert proc.popen.wait(30) == 0
        proc.asked_to_end = True
        assert made.out("cdktr-trigger", "my-event", "--key", "K").split() == lines(proc)
