"""What a listener did, as the one who plays the principal sees it: no more than requests,
subscriptions and, when it started the listener itself, the lines on its stdout. Pure.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cdktr_common.codec import encode
from cdktr_conform.listener.scenes import SCENES, Deed, Scene

Message = dict[str, Any]

CONTENT: Final = ("type", "event", "workflow", "payload", "params")
PLAIN: Final = Scene("", "", ())


class Asked(msgspec.Struct):
    """One event or start that was asked for, and how often."""

    name: str
    scene: Scene
    content: bytes
    first: Message
    lives: int
    times: list[float] = []
    gaps: list[float] = []
    different: list[Message] = []
    done: bool = False
    refused: bool = False
    after_done: int = 0

    def deed(self) -> Deed:
        """What happens to the newest ask."""
        number = len(self.times) - 1
        return self.scene.deeds[number] if number < len(self.scene.deeds) else "answer"


class Watch:
    """See the module text."""

    def __init__(self) -> None:
        self.begun: float | None = None
        self.requests = 0
        self.wrong: list[tuple[str, str]] = []
        self.events: dict[str, Asked] = {}
        self.doubled: list[Message] = []
        self.keyless: list[Message] = []
        self.ids: dict[str, bytes] = {}
        self.reused: list[Message] = []
        self.topics: set[str] = set()
        self.start: int | None = None
        self.covered: set[int] = set()
        self.last_read = 0.0
        self.unpublished: dict[int, str] = {}
        self.reads: dict[bytes, float] = {}
        self.may_wait = 0
        self.long_polls = 0
        self.impatient: list[Message] = []
        self.lost_reads: dict[bytes, bool] = {}
        self.lost_at = 0.0
        self.printed: dict[str, int] = {}
        self.last_fire = 0.0
        self.killed = 0
        self.hostless = False
        self.asked_alive: bool | None = None

    def fire(self, asked: Message, now: float) -> Asked:
        """Note an event or start that is asked for."""
        self.last_fire = now
        content = encode([asked.get(key) for key in CONTENT])
        name = asked.get("key") or f"id:{asked.get('id') or f'none {len(self.events)}'}"
        if not asked.get("key"):
            self.keyless.append(asked)
        self._note_id(asked, content)
        known = self.events.get(name)
        if known is None:
            twins = [one for one in self.events.values() if one.content == content]
            if any(self.killed or not one.done for one in twins):
                self.doubled.append(asked)
            number = len(self.events)
            scene = SCENES[number] if number < len(SCENES) else PLAIN
            known = self.events[name] = Asked(name, scene, content, asked, self.killed)
        same_life = known.lives == self.killed
        if known.content != content or (same_life and known.first.get("id") != asked.get("id")):
            known.different.append(asked)
        if same_life and known.times:
            known.gaps.append(now - known.times[-1])
        known.after_done += known.done and same_life
        known.lives = self.killed
        known.times.append(now)
        return known

    def _note_id(self, asked: Message, content: bytes) -> None:
        if "id" in asked and self.ids.setdefault(asked["id"], content) != content:
            self.reused.append(asked)

    def kill(self) -> None:
        """It is killed and started again: what it had under way it need not remember, but for the
        key of what it tells of. All that it is given to tell of is different."""
        self.killed += 1
        self.reads.clear()
        self.lost_reads = {body: again for body, again in self.lost_reads.items() if again}

    def read(self, asked: Message, now: float) -> None:
        """Note an `event.list`."""
        if asked.get("after", 0) >= 0:
            self.topics.add(asked.get("topic", ""))
            if self.start is None:
                self.start = asked.get("after", 0)
        self.may_wait += asked.get("wait_s", 0.0) > 0
        self.asked_again(asked)
        if now < self.reads.get(question(asked), 0.0) - 0.1:
            self.impatient.append(asked)

    def asked_again(self, asked: Message) -> None:
        """Note it, if it is what was lost."""
        if question(asked) in self.lost_reads:
            self.lost_reads[question(asked)] = True

    def lose(self, asked: Message, now: float) -> None:
        """It gets no answer, or is refused for now."""
        self.lost_reads.setdefault(question(asked), False)
        self.lost_at = now

    def owes(self, now: float, patience_s: float) -> bool:
        """May it still ask again what was lost?"""
        return not all(self.lost_reads.values()) and now < self.lost_at + patience_s

    def paged(self, page: Message, now: float) -> None:
        """A page has gone out."""
        if page.get("events"):
            self.last_read = now
        if self.start is None:
            self.start = page["last"]
        self.covered |= {fact["seq"] for fact in page.get("events", [])}

    def subscribed(self, topic: str, newest: int) -> None:
        """It follows that from now on."""
        if topic != "stat/":
            self.topics.add(topic)
            if self.start is None:
                self.start = newest

    def follows(self, topic: str) -> bool:
        return any(topic.startswith(one) for one in self.topics)

    def missing(self, facts: list[tuple[str, Message]]) -> list[int]:
        """Facts that it follows and that it was neither sent nor has read."""
        begin = self.start or 0
        return [fact["seq"] for topic, fact in facts[begin:]
                if self.follows(topic) and fact["seq"] not in self.covered]  # fmt: skip


def question(asked: Message) -> bytes:
    """What is asked, whatever its id: to ask anew what changes nothing is as good as to repeat."""
    return encode({key: value for key, value in asked.items() if key != "id"})
