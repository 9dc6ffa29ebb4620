"""The program on a real terminal with news that are made up: `python -m tests.tui.terminal.play
SCENE [NUMBER]`. What happens on SIGUSR1 is the scene's.

    rows N      N workflows; the signal pauses one of them, and resumes it
    run N       a run of N tasks that has ended; the signal makes one of them SKIPPED
    flood N     output of a task, N lines a second, in pieces as the recorder tells them
    fault       the program fails as soon as it asks for a workflow
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")

import msgspec

from cdktr_common.catalogue import facts
from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.logd import LogPage, LogQuery, LogRead
from cdktr_common.catalogue.principal import (
    RunDetail,
    RunList,
    RunPage,
    RunShow,
    RunStatus,
    RunWait,
    TaskList,
    TaskPage,
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowShow,
)
from cdktr_common.catalogue.values import (
    AttemptRow,
    LogChunk,
    Plan,
    RunMark,
    RunRow,
    TaskPlan,
    TaskRow,
    WorkflowRow,
)
from cdktr_tui import views
from cdktr_tui.app import CdktrApp
from cdktr_tui.feed.items import Item, Output, Told
from cdktr_tui.options import Options
from cdktr_tui.session import Place
from tests.tui.stage import HERE, NOW, UP, Answers, Scripted

BATCH_S = 0.02
RUN = RunRow(run="r", workflow="w", state="RUNNING", created_ts=NOW, tasks=1)
ATTEMPT = AttemptRow(n=1, state="RUNNING", agent="box", fence=1, assigned_ts=NOW)
TASKS = TaskPage(run="r", tasks=[TaskRow(task="t", state="RUNNING", attempts=[ATTEMPT])])


class Threaded(Scripted):
    """News may be given from any thread."""

    lock = threading.Lock()

    def give(self, *items: Item) -> None:
        with self.lock:
            self.come = [*self.come, *items]
        self.wake()

    def take(self) -> list[Item]:
        with self.lock:
            return super().take()


class Play:
    """A scene: its answers, and the program that shows it."""

    def __init__(self, answers: Answers) -> None:
        self.feed = Threaded(dict(answers), UP)
        self.cue = threading.Event()
        self.app = CdktrApp([HERE], options(), self._feed_of)
        signal.signal(signal.SIGUSR1, lambda *_: self.cue.set())

    def _feed_of(self, place: Place, wake: Callable[[], None]) -> Threaded:
        self.feed.wake = wake
        return self.feed

    def on_cue(self, does: Callable[[], None]) -> None:
        def wait() -> None:
            while self.cue.wait():
                self.cue.clear()
                does()

        threading.Thread(target=wait, daemon=True).start()


def options() -> Options:
    return Options(theme=os.environ.get("PLAY_THEME", "cdktr-dark"), fps=20.0)


def rows(number: int) -> Play:
    marks = [
        RunMark(run=f"r{n}", state=state, created_ts=NOW - 90, started_ts=NOW - 80, ended_ts=NOW)
        for n, state in enumerate(("COMPLETED", "FAILED", "COMPLETED", "CANCELLED") * 3)
    ]
    made = [
        WorkflowRow(workflow=f"etl-{n:05}", tasks=6, schedule="0 * * * *", last=marks)
        for n in range(number)
    ]
    detail = WorkflowDetail(workflow=made[0]) if made else None
    play = Play(
        {
            WorkflowList: WorkflowPage(workflows=made, seq=10),
            WorkflowShow: detail,
            RunList: RunPage(runs=[]),
        }
    )
    seq = iter(range(11, 1000))

    def pause() -> None:
        n = next(seq)
        fact = facts.WorkflowPaused(
            seq=n, prev=n - 1, ts=NOW, workflow="etl-00003", paused=n % 2 > 0
        )
        play.feed.give(Told(fact=fact))

    play.on_cue(pause)
    return play


def run(number: int) -> Play:
    needs = {f"step-{n:03}": [f"step-{n // 2:03}"] if n else [] for n in range(number)}
    ended = msgspec.structs.replace(
        RUN, state="FAILED", started_ts=NOW, ended_ts=NOW + 60, tasks=number, done=number
    )
    over = msgspec.structs.replace(ATTEMPT, state="COMPLETED", ended_ts=NOW + 9)
    tasks = [
        TaskRow(task=task, state="COMPLETED", depends=of, attempts=[over])
        for task, of in needs.items()
    ]
    plan = Plan(workflow="w", tasks=[TaskPlan(id=task, depends=of) for task, of in needs.items()])
    play = Play({
        LogQuery: LogPage(), RunShow: RunDetail(run=ended, plan=plan, seq=9),
        TaskList: TaskPage(run="r", tasks=tasks, seq=9), RunList: RunPage(runs=[]),
        WorkflowList: WorkflowPage(workflows=[], seq=9),
    })  # fmt: skip

    async def ready() -> None:
        play.app.open(views.make("run", play.app.session, run="r", workflow="w"))

    def skip() -> None:
        fact = facts.TaskSkipped(
            seq=10, ts=NOW, run="r", workflow="w", task="step-003", because="x"
        )
        play.feed.give(Told(fact=fact))

    play.app.when_ready = ready
    play.on_cue(skip)
    return play


def flood(rate: int) -> Play:
    empty = LogPage(chunks=[], next=None, last=0)
    play = Play({
        LogQuery: empty, LogRead: empty, RunWait: RunStatus(run=RUN), TaskList: TASKS,
        WorkflowList: WorkflowPage(workflows=[], seq=10),
    })  # fmt: skip

    async def ready() -> None:
        app = play.app
        app.open(views.make("log", app.session, run="r", workflow="w", task="t", n=1))
        threading.Thread(target=write, args=(play.feed, rate), daemon=True).start()

    play.app.when_ready = ready
    return play


def write(feed: Threaded, rate: int) -> None:
    """So many lines a second, for ever."""
    each = max(1, int(rate * BATCH_S))
    offset = line = seq = 0
    due = time.monotonic()
    while True:
        text = "".join(f"line {line + n:08} copying part of something\n" for n in range(each))
        seq += 1
        chunk = LogChunk(
            workflow="w", run="r", task="t", n=1, stream="stdout", offset=offset, line=line,
            ts=NOW + seq * BATCH_S, text=text,
        )  # fmt: skip
        feed.give(Output(seq=seq, chunk=chunk))
        offset, line, due = offset + len(text), line + each, due + BATCH_S
        time.sleep(max(0.0, due - time.monotonic()))


def fault(_: int) -> Play:
    play = rows(3)

    def break_it(request: Request) -> None:
        raise RuntimeError("a fault, told by a test")

    play.feed.answers[WorkflowShow] = break_it
    return play


SCENES: dict[str, Callable[[int], Play]] = {
    "rows": rows, "run": run, "flood": flood, "fault": fault,
}  # fmt: skip


def main(words: Iterator[str]) -> int:
    scene = SCENES[next(words)]
    app = scene(int(next(words, "0"))).app
    app.run(mouse=True)
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(iter(sys.argv[1:])))
