"""A day of schedules in no time: real books of cron and the real core of the principal on one
virtual clock, with both killed again and again, and everything that people do to schedules.

Requests and answers take their time and are lost with whoever dies. The principal keeps what it
has decided before it answers; killed, it is folded again from its facts. What became of every
instant is judged at the end by the same accounts as `cdktr-cron audit`, and runs are counted.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from cdktr_common.calendar.schedule import calendar
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.plan import Plan, Schedule, TaskPlan
from cdktr_common.catalogue.values import ScheduleRow
from cdktr_common.errors import ProtocolError
from cdktr_cron.accounts import Accounts, Verdict
from cdktr_cron.book import Book
from cdktr_principal.decisions import assigning, pauses, ticks
from cdktr_principal.decisions.core import Core, Moment, Timing
from cdktr_principal.requests import queries
from cdktr_principal.state.state import State

HOUR = 3600.0
FOLDED = 40
"""Each principal of this number is folded anew from all facts; others take the state over, which is
the same: a turn is whole or not at all."""


def spec(**fields: Any) -> Schedule:
    return Schedule(**fields)


def first_plans() -> dict[str, Plan]:
    """Schedules of every kind; `busy` has a run that goes on until somebody ends it."""
    berlin = {"timezone": "Europe/Berlin"}
    made = {
        "minutely": [spec(cron="* * * * *")],
        "night": [spec(cron="30 2 * * *", **berlin), spec(cron="*/20 1-3 * * *", **berlin)],
        "hourly": [spec(cron="0 * * * *", catchup="all", catchup_limit=3, **berlin)],
        "none": [spec(cron="*/5 * * * *", catchup="none")],
        "often": [spec(every_s=20.0)],
        "shaken": [spec(cron="*/10 * * * *", jitter_s=400.0, catchup="all")],
        "lord": [spec(cron="15,45 * * * *", timezone="Australia/Lord_Howe", catchup="none")],
        "busy": [spec(cron="*/3 * * * *", overlap="skip")],
        "once": [spec(at="2026-10-25T02:30:00", **berlin)],
    }
    return {name: plan(name, schedules) for name, schedules in made.items()}


def plan(name: str, schedules: list[Schedule]) -> Plan:
    task = TaskPlan(id="a", argv=["true"]) if name == "busy" else TaskPlan(id="a", noop=True)
    return Plan(workflow=name, tasks=[task], schedules=schedules)


class Principal:
    """The core with its facts; `alive` or not."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.facts: list[Fact] = []
        self.alive = False
        self.life = 0
        self.state = State()

    def start(self) -> None:
        self.alive = True
        self.life += 1
        if self.life % FOLDED == 0:
            self.state = State()
            for fact in self.facts:
                self.state.apply(fact, fact.topic())
        self.core = Core(self.state, Timing())
        self.core.begin_epoch("host", self.at())
        self.turn()

    def at(self) -> Moment:
        day = self.day
        return Moment(day.wall(), day.now, lambda n: f"{next(day.names):0{n}d}")

    def turn(self) -> None:
        assigning.settle(self.core, self.at())
        for fact in self.core.facts:
            self.facts.append(fact)
            if fact.topic() == "workflow/":
                self.day.bell(fact)
        self.core.facts = []
        self.core.answers = []

    def load(self, what: Plan) -> None:
        self.core.emit(
            f.WorkflowLoaded, "workflow/", self.at(), workflow=what.workflow, hash="", plan=what
        )
        self.turn()

    def report(self, request: p.TickReport) -> p.TickReported:
        reply = ticks.tick_report(self.core, None, request, self.at())
        self.turn()
        assert isinstance(reply, p.TickReported)
        return reply

    def rows(self, workflow: str | None) -> list[ScheduleRow]:
        asked = p.ScheduleList(workflow=workflow, limit=1000)
        try:
            return queries.schedule_list(self.core.state, self.core.session, asked).schedules
        except ProtocolError:
            return []  # it is gone


class Cron:
    """A book with a bad connection. A new life knows nothing."""

    def __init__(self, day: Day, name: str) -> None:
        self.day = day
        self.name = name
        self.alive = False
        self.life = 0
        self.book = Book(calendar)

    def start(self) -> None:
        self.alive = True
        self.life += 1
        self.book = Book(calendar)
        self.read(None)

    def read(self, workflow: str | None) -> None:
        """Ask for schedules; asked again until they come."""
        day, life, principal = self.day, self.life, self.day.principal

        def arrives() -> None:
            if not self.alive or self.life != life:
                return
            if not principal.alive:
                day.later(1.0, arrives)
                return
            rows, epoch = principal.rows(workflow), principal.life

            def answered() -> None:
                if self.alive and self.life == life and principal.life == epoch:
                    self.book.load(rows, workflow)
                    self.work()

            day.later(day.delay(), answered)

        day.later(day.delay(), arrives)

    def work(self) -> None:
        """Tell what is due, and wake for the next."""
        day, life = self.day, self.life
        if not self.alive:
            return
        report = self.book.due(day.wall())
        if report is not None:
            day.later(day.delay(), lambda: self.arrive(report, life))
            day.later(0.001, self.work)
            return
        wake = self.book.wake_ts()
        if wake is not None:
            day.at_wall(wake, lambda: self.work() if self.life == life else None)

    def arrive(self, report: Any, life: int) -> None:
        """The report reaches the principal, or nobody. It may be told and its answer lost."""
        day, principal = self.day, self.day.principal
        if not principal.alive:
            return  # on the next connect everything is read anew
        reply, epoch = principal.report(report.request), principal.life

        def answered() -> None:
            if self.alive and self.life == life and principal.life == epoch:
                self.book.answered(report, reply.results, day.wall())
                self.work()

        day.later(day.delay(), answered)


class Day:
    """See the module text. `start_ts` is the time of day at the beginning; the clock of the wall
    may be set, the other never steps."""

    def __init__(
        self, seed: int, start_ts: float, hours: float = 24.0, clock_is_set: bool = True
    ) -> None:
        self.dice = random.Random(seed)
        self.clock_is_set = clock_is_set
        self.now = 0.0
        self.offset = start_ts
        self.start_ts = start_ts
        self.end = hours * HOUR
        self.names = itertools.count(1)
        self.counts: Counter[str] = Counter()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self.principal = Principal(self)
        self.crons = [Cron(self, f"c{number}") for number in range(2)]

    def wall(self) -> float:
        return self.offset + self.now

    def delay(self) -> float:
        return self.dice.choice((0.001, 0.003, 0.05, 2.0)) * self.dice.random()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), call))

    def at_wall(self, ts: float, call: Callable[[], None]) -> None:
        """When the clock of the wall is there; a clock that is set rings, too."""
        heapq.heappush(self._alarms, (ts, next(self._order), call))

    def bell(self, fact: Fact) -> None:
        workflow = getattr(fact, "workflow", "") or None
        for cron in self.crons:
            if cron.alive:
                cron.read(workflow)

    # What happens

    def run(self) -> Verdict:
        self.principal.start()
        for what in first_plans().values():
            self.principal.load(what)
        for cron in self.crons:
            cron.start()
            self.later(self.dice.uniform(60, 400), lambda one=cron: self.kill_cron(one))  # type: ignore[misc]
        self.later(self.dice.uniform(60, 600), self.kill_principal)
        self.later(self.dice.uniform(60, 600), self.meddle)
        self.until(self.end)
        self.settle()
        return self.judge()

    def until(self, end: float) -> None:
        while True:
            at = self._queue[0][0] if self._queue else end
            ring = self._alarms[0][0] - self.offset if self._alarms else end
            if min(at, ring) >= end:
                self.now = end
                return
            if ring <= at:
                self.now = max(self.now, ring)
                heapq.heappop(self._alarms)[2]()
            else:
                self.now = max(self.now, at)
                heapq.heappop(self._queue)[2]()

    def kill_cron(self, cron: Cron) -> None:
        self.counts["crons killed"] += 1
        cron.alive = False
        away = self.dice.choice((0.5, 5.0, 60.0, 1200.0)) * self.dice.random()
        self.later(away, cron.start)
        self.later(away + self.dice.uniform(60, 600), lambda: self.kill_cron(cron))

    def kill_principal(self) -> None:
        self.counts["principals killed"] += 1
        self.principal.alive = False
        away = self.dice.choice((0.5, 5.0, 300.0)) * self.dice.random()

        def back() -> None:
            self.principal.start()
            for cron in self.crons:
                if cron.alive:
                    cron.read(None)  # a new connection

        self.later(away, back)
        self.later(away + self.dice.uniform(60, 900), self.kill_principal)

    def meddle(self) -> None:
        """People pause, resume, change and remove workflows, end runs and set the clock."""
        self.later(self.dice.uniform(30, 900), self.meddle)
        what = self.dice.choice(("pause", "resume", "resume", "change", "remove", "end", "clock"))
        self.counts[what] += 1
        if what == "clock" and self.clock_is_set:
            self.offset += self.dice.choice((-1, 1)) * self.dice.choice((0.4, 30.0, 1500.0))
            return
        if not self.principal.alive:
            return
        core, at = self.principal.core, self.principal.at()
        name = self.dice.choice([*first_plans()])
        target = self.dice.choice((name, name, name, None))
        if what == "end":
            for run in [run for run in core.state.runs.values() if run.ended_ts is None]:
                core.run_cancel(run, "", at)
        elif what == "change":
            self.principal.load(plan(name, self.changed(name)))
        elif name in core.state.workflows and what == "remove":
            core.emit(f.WorkflowRemoved, "workflow/", at, workflow=name)
        elif what == "pause" and (target is None or target in core.state.workflows):
            pauses.pause(core, None, p.WorkflowPause(workflow=target), at)
        elif what == "resume" and (target is None or target in core.state.workflows):
            pauses.resume(core, None, p.WorkflowResume(workflow=target), at)
        self.principal.turn()

    def changed(self, name: str) -> list[Schedule]:
        """As it was, or another, or several."""
        mine = first_plans()[name].schedules
        other = self.dice.choice([one for each in first_plans().values() for one in each.schedules])
        both = mine if other in mine else [*mine, other]
        return self.dice.choice((mine, both, [other], []))

    def settle(self) -> None:
        """All are up, nobody dies, and what is due gets told."""
        self._queue.clear()
        self._alarms.clear()
        if not self.principal.alive:
            self.principal.start()
        for cron in self.crons:
            cron.start()
        self.until(self.now + 200)

    # What is true at the end

    def judge(self) -> Verdict:
        accounts = Accounts()
        for fact in self.principal.facts:
            accounts.take(fact)
        assert not accounts.orphans
        # A clock that was set back: what is accounted for may lie in its future.
        verdict = accounts.verdict(calendar, 0.0, self.wall(), 30.0)
        started = Counter(
            (fact.workflow, fact.tick.schedule, fact.tick.due_ts)
            for fact in self.principal.facts
            if isinstance(fact, f.RunCreated) and fact.tick is not None
        )
        told = Counter(
            (fact.workflow, fact.schedule, fact.due_ts)
            for fact in self.principal.facts
            if isinstance(fact, f.TickRecorded) and fact.state in ("fired", "late")
        )
        # A workflow that is removed and comes back while the clock is set back has an instant
        # twice; by its key it is the same run.
        assert set(started) == set(told), "each instant that fired has one run"
        assert max(started.values()) == 1
        if not self.clock_is_set:
            assert max(told.values()) == 1
        return verdict
