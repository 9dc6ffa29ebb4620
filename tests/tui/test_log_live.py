"""Output watched while it is written, by real daemons that may die: all of it is there, once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cdktr_common.catalogue.logd import LogPage
from cdktr_tui.feed.feed import Feed
from cdktr_tui.feed.items import Answered, Gap, Link, Output
from cdktr_tui.model.asks import Ask, Scope
from cdktr_tui.model.transcript import Transcript
from tests.integration.harness import Env, environment, wait_until

COUNT = "i=0; while [ $i -lt {n} ]; do echo {word} $i; i=$((i+1)); done"
SLOWLY = "for i in $(seq {n}); do echo {word} $i; [ $((i % 50)) = 0 ] && sleep 0.02; done; true"


class Watcher:
    """A transcript that a feed fills, as the program does it."""

    def __init__(self, env: Env, scope: Scope) -> None:
        self.script = Transcript(scope)
        self.feed = Feed(env.client().endpoint, threading.Event().set)
        self.feed.follow({scope.topic})
        self.feed.start()
        self._asked: dict[int, Ask] = {}
        self._number = 0
        self._up = False

    def turn(self) -> None:
        for item in self.feed.take():
            if isinstance(item, Output):
                self.script.live(item.seq, item.chunk)
            elif isinstance(item, Answered):
                ask = self._asked.pop(item.number)
                if isinstance(item.reply, LogPage):
                    self.script.answer(ask, item.reply)
                else:
                    self.script.refused(ask)
            elif isinstance(item, Gap) or (isinstance(item, Link) and item.state == "up"):
                self._up = True
                self.script.missed()
        if self._up:
            for ask in self.script.asks():
                self._number += 1
                self._asked[self._number] = ask
                self.feed.ask(self._number, ask.request, 2.0)

    def until(self, check: Callable[[], object], seconds: float = 60.0) -> None:
        def checked() -> bool:
            self.turn()
            return bool(check())

        wait_until(checked, seconds)

    def lines(self, task: str) -> list[str]:
        tape = self.script.tape
        rows = (tape.row(number) for number in range(tape.first, tape.end))
        return [row.text for row in rows if row.source.task == task]


def test_two_tasks_that_write_as_fast_as_they_can_are_followed_gapless() -> None:
    with environment() as env:
        env.everything()
        run = env.run(COUNT.format(n=20_000, word="a"), COUNT.format(n=20_000, word="b"))
        watcher = Watcher(env, Scope("adhoc", run))
        last = [("t0", "a 19999"), ("t1", "b 19999")]
        watcher.until(lambda: all(text in watcher.lines(task)[-1:] for task, text in last))
        while watcher.script.low is not None:
            watcher.script.older()
            watcher.until(lambda: not watcher._asked)
        for task, word in (("t0", "a"), ("t1", "b")):
            assert watcher.lines(task) == [f"{word} {number}" for number in range(20_000)]
        watcher.feed.stop()


def test_logd_dies_and_comes_back_and_no_line_is_missing() -> None:
    with environment() as env:
        _, logd, _ = env.everything()
        run = env.run(SLOWLY.format(n=3000, word="line"))
        watcher = Watcher(env, Scope("adhoc", run, "t0", 1))
        for part in (500, 1500):
            watcher.until(lambda part=part: len(watcher.script.tape) > part)
            logd.kill()
            logd = env.logd()
        env.wait(run)

        def whole() -> bool:
            if not watcher._asked:
                watcher.script.missed()
            return len(watcher.script.tape) >= 3000

        watcher.until(whole)
        assert watcher.lines("t0") == [f"line {number}" for number in range(1, 3001)]
        watcher.feed.stop()
