"""cdktr-http with a real principal over real sockets: what is signed starts runs, once; all else is
refused with a code, and costs little."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import random
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from cdktr_common.catalogue import principal as p
from tests.integration.harness import Env, Proc, wait_until

HOOKS = """
hooks:
  push: {style: github, secret: [env:HOOK_SECRET, file:older], headers: [X-GitHub-Event]}
  paid: {style: stripe, secret: env:HOOK_SECRET, tolerance: 5m, max_body: 1000}
  free: {open: true, rate: 100000}
  rare: {open: true, rate: 2, per_s: 3600}
"""
SECRET = b"hunter2-of-the-tests"
JSON = {"Content-Type": "application/json"}

Answer = tuple[int, Any, dict[str, str]]


class Web:
    """A cdktr-http and ways to post to it."""

    def __init__(self, env: Env, proc: Proc, url: str) -> None:
        self.env = env
        self.proc = proc
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.at = (host, int(port))

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection(*self.at, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        with self.connection() as connection:
            return asked(connection, method, path, body, headers)

    def github(self, body: bytes, delivery: str, secret: bytes = SECRET) -> Answer:
        digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
        headers = JSON | {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": delivery}
        sent = "ping é".encode().decode("latin-1")  # the bytes of UTF-8
        return self.ask("POST", "/hooks/push", body, **headers, **{"X-GitHub-Event": sent})

    def stripe(self, body: bytes, at: float | None = None) -> Answer:
        stamp = int(time.time() if at is None else at)
        digest = hmac.new(SECRET, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        signed = {"Stripe-Signature": f"t={stamp},v1={digest}"}
        return self.ask("POST", "/hooks/paid", body, **JSON, **signed)

    def fired(self) -> list[dict[str, Any]]:
        """All events that the principal knows of."""
        client, after, found = self.env.client(), 0, []
        while True:
            page = client.ask(p.EventList(after=after, topic="event/"), p.EventPage)
            found += [msgspec.json.decode(raw) for raw in page.events]
            if not page.events or page.last >= page.newest:
                return found
            after = page.last


def asked(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
) -> Answer:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    text = response.read()
    kind = response.getheader("Content-Type")
    assert kind == "application/json" or not text, (kind, text)
    return response.status, json.loads(text) if text else None, dict(response.getheaders())


def serve(env: Env, *words: str) -> Web:
    (env.directory / "hooks.yaml").write_text(HOOKS)
    (env.directory / "older").write_bytes(b"older\n")
    env.environ["HOOK_SECRET"] = SECRET.decode()
    proc = env.start("http", "--config", "hooks.yaml", "--listen", "127.0.0.1:0", *words)
    return Web(env, proc, proc.ready()[0])


@pytest.fixture
def web(env: Env) -> Web:
    """With a principal and a workflow that listens to all hooks."""
    env.workflow("take", "events: [push, paid, free]\ntasks:\n  a: {command: 'true'}\n")
    env.principal()
    return serve(env)


def refused(answer: Answer, status: int, code: str) -> str:
    assert (answer[0], answer[1]["error"]["code"]) == (status, code), answer
    return str(answer[1]["error"]["detail"])


def test_what_is_signed_starts_runs_and_a_replay_the_same_ones(web: Web) -> None:
    status, told, _ = web.github(b'{"zen": 1}', "d-1")
    assert (status, told["duplicate"], len(told["runs"])) == (202, False, 1)
    again = web.github(b'{"zen": 1}', "d-1", b"older")
    assert again[:2] == (202, {"runs": told["runs"], "duplicate": True})
    refused(web.github(b'{"zen": 2}', "d-1"), 409, "conflict")
    refused(web.github(b'{"zen": 1}', "d-2", b"wrong"), 401, "denied")
    body = b'{"id": "evt_1", "type": "charge"}'
    first = web.stripe(body)
    later = web.stripe(body, time.time() - 100)
    assert first[0] == 202 and later[1] == first[1] | {"duplicate": True}
    assert "300 s from now" in refused(web.stripe(body, time.time() - 400), 401, "denied")
    refused(web.stripe(b'{"pad": "%s"}' % (b"x" * 1000)), 413, "too_large")
    with ThreadPoolExecutor(20) as pool:
        at_once = list(pool.map(lambda _: web.github(b'{"zen": 3}', "d-3"), range(40)))
    assert len({one[1]["runs"][0] for one in at_once}) == 1
    assert Counter(one[1]["duplicate"] for one in at_once) == {False: 1, True: 39}
    push, paid, _ = web.fired()
    assert push["payload"] == {
        "body": {"zen": 1}, "content_type": "application/json",
        "headers": {"x-github-event": "ping é"},
    }  # fmt: skip
    assert (push["key"], paid["key"]) == ("http/push/d-1", "http/paid/evt_1")
    detail = web.env.client().ask(p.RunShow(run=told["runs"][0]), p.RunDetail)
    assert detail.payload == push["payload"]
    said = web.proc.errors() + web.proc.out.read_text()
    assert "zen" not in said and "charge" not in said and SECRET.decode() not in said
    assert "event=push status=202" in re.sub(
        r"posted status=(\d+) (event=\w+)", r"\2 status=\1", said
    )


def test_every_refusal_has_a_code(web: Web) -> None:
    post = "/hooks/free"
    refused(web.ask("GET", "/"), 404, "not_found")
    refused(web.ask("GET", "/hooks"), 404, "not_found")
    refused(web.ask("POST", post, b"x", **{"X-A": "a" * 20_000}), 431, "too_large")
    refused(web.ask("POST", "/hooks/none", b"x"), 404, "not_found")
    refused(web.ask("GET", post), 405, "unsupported")
    refused(web.ask("POST", post, b"{", **JSON), 400, "bad_message")
    refused(web.ask("POST", post, b"\x1f\x8b", **{"Content-Encoding": "gzip"}), 415, "unsupported")
    refused(web.ask("POST", post, b"--x", **{"Content-Type": "multipart/form-data"}), 415,
            "unsupported")  # fmt: skip
    refused(web.ask("POST", post, b"x" * (300 << 10)), 413, "too_large")
    deep = b"[" * 80 + b"]" * 80
    refused(web.ask("POST", post, deep, **JSON), 413, "too_large")
    refused(web.ask("POST", "/hooks/push", b"{}", **JSON), 401, "denied")
    assert [web.ask("POST", "/hooks/rare", b"")[0] for _ in range(2)] == [202, 202]
    answer = web.ask("POST", "/hooks/rare", b"")
    refused(answer, 429, "busy")
    assert 1700 < int(answer[2]["retry-after"]) <= 1800
    for body, kind in ((b"a=1", "application/x-www-form-urlencoded"), (b"hi", "text/plain")):
        assert web.ask("POST", post, body, **{"Content-Type": kind})[0] == 202
    assert [one["payload"]["body"] for one in web.fired()[-2:]] == [{"a": "1"}, "hi"]
    with socket.create_connection(web.at, 10) as raw:
        raw.sendall(b"this is no HTTP\r\n\r\n")
        assert b'{"error": {"code": "bad_message"' in raw.recv(4096)
    chance = random.Random(3)
    good = b"POST /hooks/free HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    for _ in range(200):
        broken = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        with socket.create_connection(web.at, 10) as raw:
            raw.sendall(bytes(broken[: chance.randint(1, len(broken))]))
    assert web.ask("GET", "/health")[:2] == (200, {"status": "ok"})
    assert "Traceback" not in web.proc.errors()


def test_without_a_principal_it_says_so_and_goes_on(env: Env) -> None:
    web = serve(env)
    answer = web.ask("POST", "/hooks/free", b"x")
    refused(answer, 503, "unavailable")
    assert answer[2]["retry-after"] == "5"
    refused(web.ask("GET", "/health"), 503, "unavailable")
    principal = env.principal()
    wait_until(lambda: web.ask("GET", "/health")[0] == 200, what="health")
    first = web.github(b"{}", "d-1")
    assert first[:2] == (202, {"runs": [], "duplicate": False})
    principal.kill()
    refused(web.github(b"{}", "d-2"), 503, "unavailable")
    env.principal()
    assert web.github(b"{}", "d-2")[0] == 202
    assert web.github(b"{}", "d-1")[1]["duplicate"]
    # A principal that does not answer is given the time of the settings, and no more.
    assert web.proc.stop() == 0


def test_settings_are_read_again_and_wrong_ones_are_not_taken(web: Web) -> None:
    hooks = web.env.directory / "hooks.yaml"
    hooks.write_text(HOOKS.replace("free:", "fresh:"))
    web.proc.signal(signal.SIGHUP)
    wait_until(lambda: web.ask("POST", "/hooks/fresh", b"x")[0] == 202, what="the new hook")
    refused(web.ask("POST", "/hooks/free", b"x"), 404, "not_found")
    hooks.write_text("hooks: {a: {secret: hunter2}}")
    web.proc.signal(signal.SIGHUP)
    wait_until(lambda: "stay as they were" in web.proc.errors(), what="the complaint")
    assert web.ask("POST", "/hooks/fresh", b"x")[0] == 202
    run = ("python", "-m", "cdktr_http", "--config", "hooks.yaml")
    wrong = web.env.command(*run)
    assert (wrong.returncode, "by where it is" in wrong.stderr) == (78, True)
    hooks.write_text(HOOKS)
    taken = web.env.command(*run, "--listen", f"127.0.0.1:{web.at[1]}")
    assert taken.returncode == 75, taken
    assert web.env.command(*run, "--listen", "5580").returncode == 2
    public = web.env.command(*run, "--listen", "0.0.0.0:0")
    assert (public.returncode, "--insecure" in public.stderr) == (78, True)


def test_a_thousand_posts_at_once_are_a_thousand_events(web: Web) -> None:
    """By twenty senders, each delivery twice; the principal is killed in the middle of it."""
    web.env.workflow("take", "events: [other]\ntasks:\n  a: {command: 'true'}\n")
    web.env.client().ask(p.WorkflowReload(), p.WorkflowReloaded)
    done: list[int] = []

    def sender(which: int) -> list[tuple[str, bool]]:
        told = []
        with web.connection() as connection:
            for n in range(50):
                body = json.dumps({"n": n, "of": which}).encode()
                headers = JSON | {"Idempotency-Key": f"{which}-{n}"}
                for _ in range(2):
                    for _ in range(40):  # as a sender does: again when it is told so
                        answer = asked(connection, "POST", "/hooks/free", body, headers)
                        if answer[0] == 202:
                            break
                        refused(
                            answer, 503 if answer[0] == 503 else 429, answer[1]["error"]["code"]
                        )
                    assert answer[0] == 202, answer
                    told.append((f"{which}-{n}", answer[1]["duplicate"]))
                done.append(n)
        return told

    with ThreadPoolExecutor(20) as pool:
        senders = [pool.submit(sender, which) for which in range(20)]
        wait_until(lambda: len(done) > 300, what="some posts")
        web.env.procs[0].kill()
        web.env.principal()
        told = [row for one in senders for row in one.result(60)]
    assert len(told) == 2000
    keys = [fact["key"] for fact in web.fired()]
    assert sorted(keys) == sorted(f"http/free/{w}-{n}" for w in range(20) for n in range(50))


def test_so_many_are_in_work_at_the_same_time(env: Env) -> None:
    """The principal stands still for a while: nobody waits long, and nothing is done twice."""
    env.set(default_zmq_timeout_ms=3000)
    principal = env.principal()
    web = serve(env)
    assert web.ask("POST", "/hooks/free", b"x")[0] == 202
    principal.signal(signal.SIGSTOP)

    def post(n: int) -> int:
        return web.ask("POST", "/hooks/free", b"x", **{"Idempotency-Key": str(n)})[0]

    with ThreadPoolExecutor(100) as pool:
        answers = Counter(pool.map(post, range(100)))
    assert answers == {503: 64, 429: 36}, answers
    principal.signal(signal.SIGCONT)
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(post, range(100))) == {202}
    assert len(web.fired()) == 101


def test_posts_on_one_connection_do_not_wait_for_one_another(web: Web) -> None:
    with web.connection() as connection:
        began = time.monotonic()
        for _ in range(50):
            assert asked(connection, "POST", "/hooks/free", b"x", JSON | {"A": "b"})[0] == 400
            assert asked(connection, "POST", "/hooks/free", b"1", JSON)[0] == 202
    assert time.monotonic() - began < 3, "answers were held back"


def test_slow_ones_are_sent_away_and_others_get_through(web: Web) -> None:
    """300 connections that never finish the head of a request, and one whose is too large."""
    slow = [socket.create_connection(web.at, 30) for _ in range(300)]
    try:
        for one in slow:
            try:
                one.sendall(b"POST /hooks/free HTTP/1.1\r\nHost: x\r\nX-A: ")
            except OSError:
                pass  # sent away already
        began = time.monotonic()
        assert web.ask("POST", "/hooks/free", b"x")[0] == 202
        assert time.monotonic() - began < 3
        endless = socket.create_connection(web.at, 30)
        slow.append(endless)
        endless.sendall(b"POST /hooks/free HTTP/1.1\r\nHost: x\r\nX-B: " + b"b" * 60_000)
        assert b'"bad_message"' in endless.recv(4096)
        assert web.ask("POST", "/hooks/free", b"x")[0] == 202
    finally:
        for one in slow:
            one.close()


@pytest.mark.long
def test_what_is_not_there_in_time_is_not_waited_for(web: Web) -> None:
    begun = b"POST /hooks/free HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(web.at, 30) as body, socket.create_connection(web.at, 30) as head:
        body.sendall(begun + b"Content-Length: 100\r\n\r\nx")
        head.sendall(begun)
        answer = b"".join(iter(lambda: body.recv(4096), b""))
        assert b" 408 " in answer and b'"timeout"' in answer
        try:
            assert head.recv(1) == b""
        except ConnectionError:
            pass
