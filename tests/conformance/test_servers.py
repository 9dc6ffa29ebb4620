"""The running daemons as a stranger sees them: `cdktr-conform` against each, which has no line of
our own client, and a liar between the two, which must be found out whatever it lies about."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from cdktr_conform.report import Report
from cdktr_conform.server.asking import listeners
from cdktr_conform.server.bench import EVENT, Bench
from cdktr_conform.server.run import CHECKS, examine
from tests.integration.harness import Env, environment, wait_until

SERVERS = ("principal", "logd")
OF = {
    "principal": [check for check in CHECKS if check.of in ("any", "principal")],
    "logd": [check for check in CHECKS if check.of in ("any", "recorder")],
}


@pytest.fixture(scope="module")
def system() -> Iterator[Env]:
    with environment() as env:
        env.workflow("etl", "tasks:\n  a: {command: echo hello}\n")
        env.everything()
        yield env


@pytest.fixture(scope="module")
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    with zmq.Context() as context:
        yield context


class Stranger:
    """A socket to a server, with a bound on waiting."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, kind: int) -> None:
        self.socket = context.socket(kind)
        self.socket.linger = 0
        self.socket.rcvtimeo = 10_000
        self.socket.connect(endpoint)

    def ask(self, body: bytes) -> dict[str, Any]:
        self.socket.send(body)
        reply: dict[str, Any] = json.loads(self.socket.recv())
        return reply

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@pytest.fixture(scope="module")
def reports(system: Env) -> dict[str, Report]:
    """What is said of each server, after something ran there."""
    system.wait(system.run("true"))
    at = {name: f"ipc://{system.home}/run/{name}.sock" for name in SERVERS}
    return {name: examine(endpoint, lambda line: None) for name, endpoint in at.items()}


@pytest.mark.parametrize(
    ("server", "number"),
    [(server, number) for server in SERVERS for number in range(len(OF[server]))],
    ids=lambda one: str(one),
)
def test_a_server_keeps_every_clause(reports: dict[str, Report], server: str, number: int) -> None:
    assert len(reports[server].lines) == len(OF[server])
    line = reports[server].lines[number]
    assert (line.what, line.verdict) == (OF[server][number].what, "PASS"), line
    assert line.looked


def test_what_is_left_behind_is_what_is_said(system: Env, reports: dict[str, Report]) -> None:
    """Events of one name, at most as many as were told, and no run."""
    told = reports["principal"].notes[0]
    bench = Bench(f"ipc://{system.home}/run/principal.sock")
    fired = [fact for fact in bench.facts(0, "event/") if fact["type"] == "event.fired"]
    bench.close()
    assert {fact["event"] for fact in fired} <= {EVENT, f"{EVENT}-other"}
    assert len(fired) <= int(told.split()[4])
    assert not [fact for fact in fired if fact.get("runs")]


def test_nothing_is_fired_where_somebody_listens(system: Env) -> None:
    system.workflow("greedy", "events: ['*']\ntasks:\n  a: {command: 'true'}\n")
    system.command("cdktr-ctl", "reload", check=True)
    endpoint = f"ipc://{system.home}/run/principal.sock"
    bench = Bench(endpoint)
    before = bench.newest()
    assert listeners(bench) == ["greedy"]
    report = examine(endpoint, lambda line: None)
    assert not bench.own(before)
    bench.close()
    assert not report.failed
    skipped = [line for line in report.lines if line.verdict == "SKIP"]
    assert {line.reason for line in skipped} == {f"events named {EVENT} would start greedy"}
    (system.workflows / "greedy.yaml").unlink()
    system.command("cdktr-ctl", "reload", check=True)


# Servers that lie

Said = dict[str, Any]


class Liar:
    """Stands before a principal; passes on what `ask` makes of a request (None: nothing), and what
    `tell` makes of the answer."""

    def __init__(self, principal: str, endpoint: str, ask: Callable[[Said], Any],
                 tell: Callable[[Said, Said], Any]) -> None:  # fmt: skip
        self.endpoint = endpoint
        self._principal, self._ask, self._tell = principal, ask, tell
        self._stopped = threading.Event()
        self._asked: dict[bytes, Said] = {}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as front:
            back = context.socket(zmq.DEALER)
            for socket in (front, back):
                socket.linger = 0
            front.bind(self.endpoint)
            back.connect(self._principal)
            while not self._stopped.is_set():
                if front.poll(10):
                    self._take(front.recv_multipart(), back)
                while back.poll(0):
                    *envelope, body = back.recv_multipart()
                    said = self._tell(self._asked.pop(b"".join(envelope), {}), json.loads(body))
                    front.send_multipart([*envelope, json.dumps(said).encode()])
            back.close()

    def _take(self, frames: list[bytes], back: zmq.Socket[bytes]) -> None:
        *envelope, body = frames
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict):
            said = self._ask(said)
            if said is None:
                return
            self._asked[b"".join(envelope)] = said
            body = json.dumps(said).encode()
        back.send_multipart([*envelope, body])

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()


def plain(said: Said) -> Said:
    return said


def honest(asked: Said, said: Said) -> Said:
    return said


def fires(said: Said) -> bool:
    return said.get("type") == "event.fire"


def without(*keys: str) -> Callable[[Said], Said]:
    return lambda said: {key: value for key, value in said.items() if key not in keys}


def facts(change: Callable[[Said], Said]) -> Callable[[Said, Said], Said]:
    """Pages with their facts changed."""
    return lambda asked, said: {**said, "events": [change(one) for one in said["events"]]} if (
        "events" in said) else said  # fmt: skip


LIES: list[tuple[str, Callable[[Said], Any], Callable[[Said, Said], Any]]] = [
    ("B1", plain, lambda asked, said: without("id")(said)),
    ("T1", plain, lambda asked, said: without("endpoints")(said)),
    ("V2", plain, lambda asked, said: {**said, "protocol": "1"} if "protocol" in said else said),
    ("A2", without("id", "key"), honest),
    ("A3", without("key"), honest),
    ("A3", lambda said: {**said, "payload": 1} if "key" in said else said, honest),
    ("A4", lambda said: {**said, "key": said["key"][:99] + "x"} if "key" in said else said, honest),
    ("A6", lambda said: {"id": "always", **said} if fires(said) else said, honest),
    ("A8", lambda said: {**said, "wait_s": min(30, said.get("wait_s", 0) * 8)}, honest),
    ("E2", plain, lambda asked, said: {**said, "retry": True} if said["type"] == "error" else said),
    ("E2", plain, lambda asked, said: {**said, "code": "oops"} if said.get("code") else said),
    ("E4", plain, lambda asked, said: {**said, "detail": "Traceback (most recent call last)"}),
    ("V1", lambda said: {**said, "v": 1}, honest),
    ("L1", without("payload"), honest),
    ("L2", without("limit"), honest),
    ("L2", plain, lambda asked, said: {**said, "last": said["newest"]} if "last" in said else said),
    ("S2", plain, facts(lambda one: {**one, "seq": one["seq"] * 2})),
    ("S2", plain, facts(lambda one: {**one, "prev": one["seq"] - 1})),
    ("S7", plain, facts(lambda one: {**one, "ts": 1.0})),
    ("event.list", plain, facts(lambda one: {**one, "seq": str(one["seq"])})),
    ("event.list", without("topic"), honest),
    ("event.fire", lambda said: {"type": "ping"} if fires(said) else said, honest),
    ("P1", plain, lambda asked, said: {**said, "seq": said["seq"] - 1} if "seq" in said else said),
    ("P1", plain, lambda asked, said: without("seq")(said)),
    ("B6", without("states"), honest),
    ("B6", without("event"), honest),
    ("event.cancel", without("delay_s", "at_ts"), lambda asked, said: {**said, "deferred": "d1"}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(LIES)), ids=lambda n: f"{LIES[n][0]} {n}")
def test_a_lie_is_found_out(system: Env, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a check of the clause that it breaks. Only those are asked: the others may be lied to."""
    clause, ask, tell = LIES[number]
    monkeypatch.setattr(
        "cdktr_conform.server.run.CHECKS", [check for check in CHECKS if check.clause == clause]
    )
    monkeypatch.setattr("cdktr_conform.server.bench.PATIENCE_S", 2.0)
    principal = f"ipc://{system.home}/run/principal.sock"
    liar = Liar(principal, f"ipc://{system.directory}/liar.sock", ask, tell)
    try:
        report = examine(liar.endpoint, lambda line: None)
    finally:
        liar.close()
    assert any(line.verdict == "FAIL" for line in report.lines), report


def test_one_line_of_json_starts_a_workflow_and_one_reads_its_output(system: Env) -> None:
    principal = Bench(f"ipc://{system.home}/run/principal.sock")
    run = principal.ask(type="run.start", workflow="etl")["runs"][0]["run"]
    waited = principal.ask(type="run.wait", run=run, wait_s=9)
    assert waited["run"]["state"] == "COMPLETED"
    addresses = principal.ask(type="hello")["endpoints"]
    principal.close()
    logd = Bench(next(address for address in addresses["logd"] if address.startswith("ipc")))
    asked = {"type": "log.read", "run": run, "task": "a"}
    chunks = wait_until(lambda: logd.ask(**asked).get("chunks"))
    logd.close()
    assert chunks[0]["text"] == "hello\n"
