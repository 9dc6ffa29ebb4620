"""The whole program on a stage: a screen of any size, a scripted feed, a clock that stands still.

    async def script(stage: Stage) -> None:
        await stage.press("j", "enter")
        assert "RUNNING" in stage.text

    perform(script, {WorkflowList: WorkflowPage(workflows=[...])})

Answers are replies, errors, or functions of the request. What is asked without an answer stays
unanswered. `stage.tell(facts or items)` is news; it returns when they are on the screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Set
from typing import Any, TypeVar

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from cdktr_common.catalogue.base import Fact, Reply, Request
from cdktr_common.errors import ProtocolError
from cdktr_tui.app import CdktrApp
from cdktr_tui.feed.items import Answered, Item, Link, Told
from cdktr_tui.options import Options
from cdktr_tui.session import Place
from cdktr_tui.terminal.program import screen_text
from cdktr_tui.view import View

NOW = 1_767_225_600.0
"""2026-01-01T00:00:00Z: what the clock shows, until somebody moves it."""

UP = Link(state="up", at=NOW, version="0.5.0", epoch=1, logd=True, latency_s=0.001)
HERE = Place("local", "ipc:///h/run/principal.sock")

Reaction = Reply | ProtocolError | Callable[[Any], "Reply | ProtocolError | None"] | None
Answers = Mapping[type[Request], Reaction]
R = TypeVar("R", bound=Request)


class Scripted:
    """A feed that says what it is told to, and notes what it was asked."""

    def __init__(self, answers: dict[type[Request], Reaction], link: Link) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self.followed: frozenset[str] = frozenset()
        self.forgotten: list[int] = []
        self.retries = 0
        self.wake: Callable[[], None] = lambda: None
        self.come: list[Item] = [link]

    def start(self) -> None:
        self.wake()

    def stop(self) -> None: ...

    def ask(self, number: int, request: Request, wait_s: float = 10.0) -> None:
        self.requests.append(request)
        reaction = self.answers.get(type(request))
        reply = reaction(request) if callable(reaction) else reaction
        if reply is not None:
            self.give(Answered(number=number, reply=reply, took_s=0.001))

    def forget(self, number: int) -> None:
        self.forgotten.append(number)

    def follow(self, topics: Set[str]) -> None:
        self.followed = frozenset(topics)

    def retry(self) -> None:
        self.retries += 1

    def give(self, *items: Item) -> None:
        self.come += items
        self.wake()

    def take(self) -> list[Item]:
        come, self.come = self.come, []
        return come


class Stage:
    """What a script sees of the program."""

    def __init__(self, app: CdktrApp, pilot: Pilot[Any], feeds: dict[str, Scripted]) -> None:
        self.app, self.pilot, self.feeds = app, pilot, feeds
        self.now = NOW

    @property
    def feed(self) -> Scripted:
        """That of the principal that is shown."""
        return self.feeds[self.app.session.place.name]

    @property
    def view(self) -> View:
        return self.app.view

    @property
    def text(self) -> str:
        """The screen, as people read it."""
        return screen_text(self.app)

    @property
    def rows(self) -> list[str]:
        """The screen line by line."""
        return self.text.split("\n")

    def asked(self, kind: type[R]) -> list[R]:
        """All requests of this kind so far, without their ids."""
        return [each for each in self.feed.requests if isinstance(each, kind)]

    async def settle(self) -> None:
        """Until everything that has come is on the screen."""
        for _ in range(500):
            await self.pilot.pause()
            quiet = self.app.quiet and self.app.keys_done
            if quiet and not any(feed.come for feed in self.feeds.values()):
                return
            await asyncio.sleep(0.001)
        raise AssertionError("the screen does not come to rest")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Each letter as a key, all at once."""
        for letter in text:
            self.app.post_message(events.Key(_character_to_key(letter), letter))
        await self.settle()

    async def tell(self, *news: Item | Fact) -> None:
        """This comes now."""
        items = [Told(fact=each) if isinstance(each, Fact) else each for each in news]
        self.feed.give(*items)
        await self.settle()

    async def pass_time(self, seconds: float) -> None:
        """The clock goes on, and what counts seconds is drawn anew."""
        self.now += seconds
        self.app.tick()
        await self.settle()


def perform(
    script: Callable[[Stage], Awaitable[None]],
    answers: Answers | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    link: Link = UP,
    places: tuple[Place, ...] = (HERE,),
    options: Options | None = None,
) -> None:
    """Play the script on a new stage."""
    asyncio.run(_perform(script, dict(answers or {}), size, link, places, options))


async def _perform(
    script: Callable[[Stage], Awaitable[None]],
    answers: dict[type[Request], Reaction],
    size: tuple[int, int],
    link: Link,
    places: tuple[Place, ...],
    options: Options | None,
) -> None:
    feeds: dict[str, Scripted] = {}
    shown: list[Stage] = []

    def feed_of(place: Place, wake: Callable[[], None]) -> Scripted:
        feed = feeds[place.name] = Scripted(answers, link)
        feed.wake = wake
        return feed

    app = CdktrApp(
        places, options or Options(fps=1000), feed_of, lambda: shown[0].now if shown else NOW
    )
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, pilot, feeds)
        shown.append(stage)
        await stage.settle()
        await script(stage)
