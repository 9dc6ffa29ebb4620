"""Followers of output and facts: publishers restarted, connections cut aloud or silently, readers
that are slow, stopped, late or many. Each goes on by itself and ends with what is stored."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import zmq

from cdktr_cli.tail import Tail
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.common import Hello, Ping, Pong, Welcome
from cdktr_common.catalogue.logd import LogLive, LogPage, LogRead
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.client import Client
from cdktr_common.sockets import subscriber
from tests.integration.harness import Env, wait_until
from tests.integration.middleman import Middleman
from tests.integration.recording import Sender, append, stored, text_chunk

LISTENER = Path(__file__).parents[2] / "examples" / "listeners" / "listener.py"
RESUME_S = 5.0
PARTS = ("principal", "events", "logd", "logs")


class Reader:
    """A following program, and its lines with the time when each came."""

    def __init__(self, env: Env, *argv: str) -> None:
        self.popen = subprocess.Popen(
            argv, env=env.environ, cwd=env.directory, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.lines: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append((time.monotonic(), line.decode()))

    def when(self, *words: str) -> float | None:
        """When a line with these words came."""
        found = (at for at, line in self.lines if all(word in line for word in words))
        return next(found, None)

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait()
        self._thread.join()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


class Followers:
    """A tail, `events -f` and the listener of the examples, all connected."""

    def __init__(self, env: Env, stack: ExitStack) -> None:
        self.env = env
        tail = (sys.executable, "-m", "cdktr_cli.logs", "tail", "--workflow", "adhoc", "--ndjson")
        events = ("cdktr-ctl", "events", "-f", "--after", "0", "--ndjson")
        listener = (sys.executable, str(LISTENER), f"ipc://{env.home}/run/principal.sock")
        self.tail, self.events, self.listener = (
            Reader(env, *argv) for argv in (tail, events, listener)
        )
        for reader in (self.tail, self.events, self.listener):
            stack.callback(reader.close)
        self.marks: list[str] = []
        wait_until(self._all_there, 30, "the followers")

    def _all_there(self) -> bool:
        self.env.wait(self.env.run("echo warm"))
        return all(reader.lines for reader in (self.tail, self.events, self.listener))

    def mark(self, principal: Client) -> tuple[float, str, str]:
        """Run something; when, which run, what it prints."""
        text = f"mark{len(self.marks)}."
        self.marks.append(text)
        plan = Plan(workflow="adhoc", tasks=[TaskPlan(id="t0", command=f"echo {text}")])
        at = time.monotonic()
        return at, principal.ask(p.RunStart(plan=plan), p.RunStarted).runs[0].run, text

    def seconds(self, at: float, run: str, text: str) -> dict[str, float]:
        """How long after `at` each of them knew of that run."""

        def seen() -> dict[str, float] | None:
            times = {
                "tail": self.tail.when(text),
                "events": self.events.when("run.ended", run),
                "listener": self.listener.when(run),
            }
            found = {name: when - at for name, when in times.items() if when is not None}
            return found if len(found) == 3 else None

        found = wait_until(seen, 30, f"all to know of {run}")
        assert found is not None
        return found

    def check(self) -> None:
        """Nothing was missed, doubled or out of order."""
        texts = [json.loads(line)["text"] for _, line in self.tail.lines]
        assert [text for text in texts if text.startswith("mark")] == self.marks
        seqs = [json.loads(line)["seq"] for _, line in list(self.events.lines)]
        assert seqs == list(range(1, len(seqs) + 1))
        runs = [line.split()[0] for _, line in self.listener.lines]
        assert len(runs) == len(set(runs))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("rounds", [2, pytest.param(10, marks=pytest.mark.long)])
def test_followers_go_on_after_a_silent_cut_without_a_gap(
    env: Env, stack: ExitStack, rounds: int
) -> None:
    env.everything()
    client = env.client()
    wait_until(lambda: client.ask(Hello(), Welcome).endpoints.get("logd"), what="logd's hello")
    # From now on: what is connected goes its own way, and the followers come by the doors.
    doors = [Middleman(env.home / "run" / f"{part}.sock") for part in PARTS]
    for door in doors:
        stack.callback(door.close)
    behind = Client(f"ipc://{env.home}/run/principal.sock.behind", timeout_s=20)
    stack.callback(behind.close)
    followers = Followers(env, stack)
    for round_ in range(rounds):
        for door in doors:
            door.cut() if round_ % 2 else door.silence()
        took = followers.seconds(*followers.mark(behind))
        assert max(took.values()) <= RESUME_S, took
    followers.check()


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.long)])
def test_followers_go_on_when_principal_and_logd_are_restarted(
    env: Env, stack: ExitStack, rounds: int
) -> None:
    principal, logd, _ = env.everything()
    followers = Followers(env, stack)
    for _ in range(rounds):
        logd.kill()
        principal.kill()
        principal, logd = env.start("principal"), env.start("logd")
        principal.ready()
        logd.ready()
        back = time.monotonic()
        _, run, text = followers.mark(env.client())
        took = followers.seconds(back, run, text)
        assert max(took.values()) <= RESUME_S, took
    followers.check()


# Subscribers to live output, in the words of PROTOCOL.md: subscribe, read, drop what is doubled.


class Viewer:
    """Follows one stream as a viewer does: live chunks, and what is missing by request."""

    def __init__(self, env: Env, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        topics = ["log/w/abcdefghij/t/", "stat/"]
        self.live = subscriber(context, f"ipc://{env.home}/run/logs.sock", topics)
        self.client = Client(f"ipc://{env.home}/run/logd.sock", timeout_s=30)
        self.tail = Tail()
        self.data = b""
        self.fills = 0

    def _take(self, chunk: Any) -> bool:
        new = self.tail.take(chunk)
        self.data += new or b""
        return new is not None

    def fill(self) -> None:
        """Read what is missing."""
        self.fills += 1
        more: int | None = 0
        while more is not None:
            read = LogRead(run="abcdefghij", task="t", n=1, offset=self.tail.offset)
            page = self.client.ask(read, LogPage)
            for chunk in page.chunks:
                assert self._take(chunk)
            more = page.next

    def step(self, seconds: float = 0.0) -> bool:
        """Take what has come; True when the stream has ended."""
        while not self.tail.ended and self.live.poll(round(seconds * 1000)):
            _, body = self.live.recv_multipart()
            message = json.loads(body)
            if message["type"] != "log.live":
                if message.get("streams"):
                    self.fill()
            elif not self._take(chunk_of(body)):
                self.fill()
        return self.tail.ended

    def close(self) -> None:
        self.live.close(0)
        self.client.close()


def chunk_of(body: bytes) -> Any:
    import msgspec

    return msgspec.json.decode(body, type=LogLive).chunk


def send_all(env: Env, stack: ExitStack, data: bytes, between: Callable[[int], None]) -> float:
    """Send a stream, and call between the steps with what is acknowledged; seconds it took."""
    sender = Sender(f"ipc://{env.home}/run/logd.sock", data)
    stack.callback(sender.close)
    began = time.monotonic()
    while not sender.step(0.01):
        between(sender.acknowledged)
        assert time.monotonic() < began + 100
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("viewers", "lines"), [(6, 30_000), pytest.param(30, 200_000, marks=pytest.mark.long)]
)
def test_viewers_slow_stopped_and_late_end_with_the_stored_text(
    env: Env, stack: ExitStack, viewers: int, lines: int
) -> None:
    env.logd()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    stack.callback(context.term)

    def viewer() -> Viewer:
        found = Viewer(env, context)
        stack.callback(found.close)
        return found

    quick = [viewer() for _ in range(viewers - 2)]
    stopped = viewer()  # reads nothing until all is sent
    late: list[Viewer] = []
    data = b"".join(b"%d a line of output\n" % i for i in range(lines))

    def between(acknowledged: int) -> None:
        for one in quick:
            one.step()
        if not late and acknowledged > len(data) // 2:
            late.append(viewer())

    send_all(env, stack, data, between)
    for one in [*quick, stopped, *late]:
        wait_until(lambda o=one: o.step(0.1), 30, "a viewer to have all")  # type: ignore[misc]
        assert one.data == data
    with Client(f"ipc://{env.home}/run/logd.sock", timeout_s=20) as client:
        assert stored(client) == data


def test_a_subscriber_that_stopped_reading_slows_nobody(env: Env, stack: ExitStack) -> None:
    """Its process is frozen with a full queue, and storing goes on as before."""
    logd = env.logd()
    code = (
        "import sys, zmq; s = zmq.Context().socket(zmq.SUB); s.subscribe('log/');"
        "s.connect(sys.argv[1]); s.recv(); print('on', flush=True); s.recv()\n"
        "while True: s.recv()"
    )
    frozen = Reader(env, sys.executable, "-c", code, f"ipc://{env.home}/run/logs.sock")
    stack.callback(frozen.close)
    client = stack.enter_context(Client(f"ipc://{env.home}/run/logd.sock", timeout_s=20))
    offset = 0

    def heard() -> bool:
        nonlocal offset
        offset = append(client, text_chunk(offset, "x", task="u")).marks[0].offset
        return bool(frozen.lines)

    wait_until(heard, 20, "the subscription")
    os.kill(frozen.popen.pid, signal.SIGSTOP)
    line, count = "a line that the frozen one does not read\n", 0
    waits: list[float] = []
    while count < 20_000:  # twice what a queue holds
        began = time.monotonic()
        chunks = [text_chunk(i * len(line), line, line=i) for i in range(count, count + 1000)]
        assert append(client, *chunks).marks[0].offset == (count + 1000) * len(line)
        waits.append(time.monotonic() - began)
        count += 1000
    assert max(waits) < 3, waits
    status = Path(f"/proc/{logd.pid}/status").read_text().split("VmRSS:")[1].split()[0]
    assert int(status) < 400_000, "kB of memory"
    pong = client.ask(Ping(), Pong)
    assert (pong.status, pong.seq) == ("ok", pong.counts["chunks"])
    os.kill(frozen.popen.pid, signal.SIGCONT)


def test_a_restarted_logd_is_found_by_live_viewers(env: Env, stack: ExitStack) -> None:
    logd = env.logd()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    stack.callback(context.term)
    viewer = Viewer(env, context)
    stack.callback(viewer.close)
    first, second = ("".join(f"{i}\n" for i in range(n, n + 1000)) for n in (1000, 2000))
    with Client(f"ipc://{env.home}/run/logd.sock", timeout_s=20) as client:
        assert client.ask(Hello(), Welcome).program == "cdktr-logd"
        append(client, text_chunk(0, first))
        viewer.fill()
        logd.kill()
        env.logd()
        back = time.monotonic()
        append(client, text_chunk(len(first), second, line=1000, end=True))
        wait_until(lambda: viewer.step(0.1), 20, "the viewer to have all")
        assert time.monotonic() - back <= RESUME_S
    assert viewer.data == (first + second).encode()
