"""What the tests of logd share: a journal that plays the principal, and a sender of output."""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import Any

import msgspec
import zmq

from cdktr_common.catalogue.logd import (
    HistoryList,
    HistoryPage,
    LogAppend,
    LogAppended,
    LogPage,
    LogRead,
)
from cdktr_common.catalogue.values import LogChunk
from cdktr_common.client import Answer, Channel, Client
from cdktr_common.sockets import bind, send
from cdktr_logd.core import as_text, data_of


def stand_in(context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    """A ROUTER whose traffic is not written down: what it says is invented, and abbreviated."""
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    return socket


class Journal:
    """A stand-in for the principal: answers recorder.hello and event.list from a list of facts.
    A real ROUTER on the real address, in a thread."""

    def __init__(self, endpoint: str, facts: list[dict[str, Any]], epoch: int = 1) -> None:
        self.facts = [json.dumps(fact).encode() for fact in facts]
        self.epoch = epoch
        self.hellos: list[dict[str, Any]] = []
        self.pulls = 0
        self.dropped = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = stand_in(self._context)
        bind(self._socket, [endpoint])
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        held: tuple[list[bytes], dict[str, Any]] | None = None
        while not self._stopped.is_set():
            if self._socket.poll(20):
                *envelope, body = self._socket.recv_multipart()
                held = (envelope, json.loads(body))
            reply = None if held is None else self._answer(held[1])
            if held is not None and reply is not None:
                send(self._socket, tuple(held[0]), reply)
                held = None

    def _answer(self, asked: dict[str, Any]) -> bytes | None:
        newest = self.dropped + len(self.facts)
        head = {"id": asked["id"], "epoch": self.epoch, "newest": newest}
        if asked["type"] == "recorder.hello":
            self.hellos.append(asked)
            return json.dumps({"type": "recorder.welcome", **head}).encode()
        after = max(asked.get("after", 0), self.dropped)
        begin = after - self.dropped
        page = self.facts[begin : begin + min(asked.get("limit", 1000), 500)]
        if not page:
            return None  # held back
        self.pulls += 1
        head |= {"type": "event.page", "last": after + len(page), "oldest": self.dropped + 1}
        return json.dumps(head).encode()[:-1] + b',"events":[' + b",".join(page) + b"]}"

    def drop(self, count: int) -> None:
        """Forget the oldest facts, as retention does."""
        del self.facts[:count]
        self.dropped += count

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._socket.close(0)
        self._context.term()


def fired(count: int, mark: str = "") -> list[dict[str, Any]]:
    """So many facts."""
    return [
        {"type": "event.fired", "seq": i, "prev": i - 1, "ts": 1.0 * i, "event": f"{mark}{i}"}
        for i in range(1, count + 1)
    ]


class Sender:
    """Sends one stream as an agent does: windows of chunks, several under way, back to the offset
    that logd wants whenever an answer says so, the same request again when none comes."""

    def __init__(self, endpoint: str, data: bytes, *, cut: int = 4000, window: int = 8) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._channel = Channel(self._context, endpoint)
        self._data = data
        self._cuts = [*range(0, len(data), cut), len(data)]
        self._window = window
        self._next = 0
        self._flights: deque[int] = deque()
        self.acknowledged = 0
        self.refused = 0

    def _chunk(self, number: int) -> LogChunk:
        begin, end = self._cuts[number], self._cuts[number + 1]
        text, b64 = as_text(self._data[begin:end])
        return LogChunk(
            workflow="w", run="abcdefghij", task="t", n=1, stream="stdout", offset=begin,
            line=self._data.count(b"\n", 0, begin), ts=1.5, text=text, b64=b64,
            end=end == len(self._data),
        )  # fmt: skip

    def _answered(self, answer: Answer) -> None:
        self._flights.popleft()
        assert isinstance(answer, LogAppended), answer
        self.refused += bool(answer.refused)
        offset = answer.marks[0].offset
        self.acknowledged = max(self.acknowledged, offset)
        if answer.refused or offset < self._cuts[self._next]:
            behind = [i for i, cut in enumerate(self._cuts) if cut <= self.acknowledged]
            if not self._flights:
                self._next = behind[-1]

    def step(self, seconds: float = 0.05) -> bool:
        """Send what may be under way, take what has come. True: all is acknowledged."""
        while len(self._flights) < 4 and self._next < len(self._cuts) - 1:
            numbers = range(self._next, min(self._next + self._window, len(self._cuts) - 1))
            self._next = numbers[-1] + 1
            self._flights.append(self._next)
            chunks = [self._chunk(number) for number in numbers]
            self._channel.ask(LogAppend(agent="a", chunks=chunks), self._answered, resend_s=0.3)
        self._channel.socket.poll(round(seconds * 1000))
        self._channel.pump()
        self._channel.resend()
        return self.acknowledged == len(self._data) and not self._flights

    def close(self) -> None:
        self._channel.close()
        self._context.term()


def stored(client: Client, **stream: Any) -> bytes:
    """All that logd has of a stream; fails when it overlaps or leaves a gap."""
    data = b""
    while True:
        asked = {"run": "abcdefghij", "task": "t", **stream, "offset": len(data)}
        page = client.ask(LogRead(**asked), LogPage)
        for chunk in page.chunks:
            assert chunk.offset == len(data)
            assert chunk.line == data.count(b"\n")
            data += data_of(chunk)
        if page.next is None:
            return data


def recorded(client: Client) -> list[dict[str, Any]]:
    """All facts that logd has, oldest first."""
    facts: list[dict[str, Any]] = []
    before: int | None = None
    while True:
        asked = HistoryList(table="events", limit=1000, before=before)
        page = client.ask(asked, HistoryPage)
        at = page.columns.index("body")
        facts += [row[at] for row in page.rows]
        if page.next is None:
            return facts[::-1]
        before = page.next


def append(client: Client, *chunks: LogChunk) -> LogAppended:
    """One request."""
    return client.ask(LogAppend(agent="a", chunks=list(chunks)), LogAppended)


def text_chunk(offset: int, text: str, **fields: Any) -> LogChunk:
    """A chunk of the run `abcdefghij`."""
    key = {"workflow": "w", "run": "abcdefghij", "task": "t", "n": 1, "stream": "stdout", "ts": 1.5}
    return msgspec.convert({**key, "offset": offset, "text": text, **fields}, LogChunk)
