"""What the principal that is played knows: facts, keys, runs. Pure; time comes with each call.

It takes events and starts as a principal does: by key, or by id, once. Each starts a run that has
ended at once, so that whoever follows has something to follow. Now and then a fact is of a kind
that this version does not know.
"""

from __future__ import annotations

from typing import Any, Final

from cdktr_common import PROTOCOL
from cdktr_common.codec import encode

Message = dict[str, Any]

WORKFLOW: Final = "conform"
STRANGE_EVERY: Final = 9
"""So many runs, and there is a fact that nobody knows."""

PLAN: Final = {"workflow": WORKFLOW, "tasks": [{"id": "none", "command": "true"}]}


class World:
    """See the module text."""

    def __init__(self) -> None:
        self.epoch = 0
        self.facts: list[tuple[str, Message]] = []
        self.keys: dict[str, tuple[bytes, Message]] = {}
        self._newest: dict[str, int] = {}
        self._runs = 0

    def begin(self, now: float) -> None:
        """A principal takes over."""
        self.epoch += 1
        self._emit("principal/", now, type="epoch.started", epoch=self.epoch)

    def _emit(self, topic: str, now: float, **fact: Any) -> None:
        seq = len(self.facts) + 1
        said = {"seq": seq, "prev": self._newest.get(topic, 0), "ts": now, **fact}
        self._newest[topic] = seq
        self.facts.append((topic, said))

    @property
    def newest(self) -> int:
        return len(self.facts)

    def run(self, now: float) -> str:
        """A run that has ended at once."""
        self._runs += 1
        run, topic = f"c{self._runs:09d}", f"run/{WORKFLOW}/"
        self._emit(topic, now, type="run.created", run=run, workflow=WORKFLOW, plan=PLAN)
        if self._runs % STRANGE_EVERY == 0:
            self._emit(topic, now, type="moon.rose", moon={"phase": 1}, workflow=WORKFLOW)
        self._emit(topic, now, type="run.ended", run=run, workflow=WORKFLOW, state="COMPLETED",
                   colour="blue")  # fmt: skip
        return run

    def take(self, asked: Message, now: float) -> Message:
        """The answer to `event.fire` or `run.start`: after it the event is recorded, once."""
        key = asked.get("key") or f"id:{asked['id']}" if asked.get("key") or "id" in asked else None
        content = encode([asked.get("event"), asked.get("workflow"), asked.get("payload")])
        known = self.keys.get(key) if key is not None else None
        if known is not None:
            if known[0] != content:
                return error("conflict", f"key '{key}' was used with other content")
            return {**known[1], "duplicate": True}
        run = self.run(now)
        if "event" in asked:
            self._emit("event/", now, type="event.fired", event=asked["event"], runs=[run],
                       payload=asked.get("payload"), workflows=[WORKFLOW])  # fmt: skip
        reply: Message = {"type": "run.started", "runs": [{"run": run, "workflow": WORKFLOW}]}
        if key is not None:
            self.keys[key] = (content, reply)
        return reply

    def page(self, asked: Message, most: int) -> Message:
        """The answer to `event.list`, of at most so many facts."""
        after, topic = asked.get("after", 0), asked.get("topic", "")
        head = {"type": "event.page", "newest": self.newest, "epoch": self.epoch}
        if after < 0 or after >= self.newest:
            return {**head, "last": self.newest}
        most = min(most, asked.get("limit", 1000))
        found = [fact for of, fact in self.facts[after:] if of.startswith(topic)]
        last = self.newest if len(found) <= most else found[most - 1]["seq"]
        return {**head, "last": last, "events": found[:most]}

    def stat(self) -> Message:
        """What is published on `stat/`."""
        return {"type": "stream.stat", "newest": self.newest, "streams": dict(self._newest)}

    def welcome(self, endpoints: dict[str, list[str]]) -> Message:
        return {"type": "welcome", "program": "cdktr-conform", "version": "1", "protocol": PROTOCOL,
                "endpoints": endpoints, "epoch": self.epoch}  # fmt: skip


def error(code: str, detail: str, retry: bool = False) -> Message:
    return {"type": "error", "code": code, "detail": detail, "retry": retry}
