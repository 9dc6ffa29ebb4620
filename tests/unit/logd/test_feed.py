"""The feed tells the principal how far facts are stored, and does not mistake a journal whose
beginning was dropped for another one. A real socket, the test plays the principal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from cdktr_common.loop import Loop
from cdktr_common.sockets import bind, send
from cdktr_logd import feed
from tests.integration.recording import stand_in


class Owner:
    """Has stored what it was given."""

    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.feed: feed.Feed | None = None

    def last_fact(self) -> tuple[int, str | None]:
        last = self.stored[-1] if self.stored else None
        return (last["seq"], json.dumps(last)) if last else (0, None)

    def take_facts(self, page: list[msgspec.Raw]) -> None:
        self.stored += [json.loads(bytes(raw)) for raw in page]
        assert self.feed is not None
        self.feed.stored()

    def say(self, level: str, text: str) -> None:
        self.said.append(text)


class Stand:
    """A feed in its loop, and the principal's end of it."""

    def __init__(self, path: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.principal = stand_in(self.context)
        bind(self.principal, [f"ipc://{path}/p.sock"])
        self.loop, self.owner = Loop(), Owner()
        self.feed = feed.Feed(self.loop, self.context, f"ipc://{path}/p.sock", self.owner)
        self.owner.feed = self.feed
        self.facts: list[dict[str, Any]] = []
        self.oldest = 1
        self.hellos: list[int] = []
        self.loop.watch(self.principal, self.serve)
        self.feed.start(["ipc://r"], ["ipc://l"])

    def serve(self) -> None:
        *envelope, body = self.principal.recv_multipart()
        asked = json.loads(body)
        newest = self.facts[-1]["seq"] if self.facts else self.oldest - 1
        reply: dict[str, Any] = {"id": asked["id"], "epoch": 1, "newest": newest}
        if asked["type"] == "recorder.hello":
            self.hellos.append(asked.get("stored", 0))
            reply |= {"type": "recorder.welcome"}
        else:
            after = asked.get("after", 0)
            page = [fact for fact in self.facts if fact["seq"] > after][: asked.get("limit", 1000)]
            last = page[-1]["seq"] if page else newest
            reply |= {"type": "event.page", "events": page, "last": last, "oldest": self.oldest}
        send(self.principal, tuple(envelope), json.dumps(reply).encode())

    def until(self, check: Callable[[], Any]) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if check():
                return
            self.loop.turn(0.01)
        raise AssertionError(f"{self.hellos} {self.owner.stored[-1:]} {self.owner.said}")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path)
    yield stand
    stand.feed.close()
    stand.principal.close(0)
    stand.context.term()
    stand.loop._wake.close()
    stand.loop._waker.close()


def fact(seq: int) -> dict[str, Any]:
    return {"type": "event.fired", "seq": seq, "ts": 1.0, "event": str(seq)}


def test_how_far_facts_are_stored_is_told_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "TELL_S", 0.2)
    stand.facts = [fact(1), fact(2)]
    stand.until(lambda: stand.hellos and stand.hellos[-1] == 2)
    stand.facts.append(fact(3))
    stand.until(lambda: stand.hellos[-1] == 3)
    told = len(stand.hellos)
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        stand.loop.turn(0.01)
    assert len(stand.hellos) == told, "nothing has been stored since"


def test_a_journal_whose_beginning_is_gone_is_the_same_journal(stand: Stand) -> None:
    stand.owner.stored = [fact(10)]
    stand.oldest = 12
    stand.facts = [fact(12), fact(13)]
    stand.until(lambda: stand.owner.last_fact()[0] == 13)
    assert not stand.feed.foreign


def test_another_fact_of_the_same_number_is_another_journal(stand: Stand) -> None:
    stand.owner.stored = [fact(10) | {"event": "other"}]
    stand.facts = [fact(seq) for seq in range(1, 12)]
    stand.until(lambda: stand.feed.foreign)
    assert stand.owner.last_fact()[0] == 10
