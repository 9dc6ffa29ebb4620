"""What the audit finds: instants without a word, with two, and words of no instant."""

from __future__ import annotations

from typing import Any

from cdktr_common import schedules
from cdktr_common.calendar.schedule import calendar
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.plan import Plan, Schedule
from cdktr_cron.accounts import Accounts, Verdict

MINUTELY = Schedule(cron="* * * * *")
MINE = schedules.schedule_id(MINUTELY)
BASE = 60.0 * 1_000_000


class Books:
    """Facts by hand; times are minutes."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.seq = 0

    def fact(self, kind: type[Any], minute: float, **fields: Any) -> None:
        self.seq += 1
        ts = BASE + 60 * minute
        self.accounts.take(kind(seq=self.seq, ts=ts, **{"workflow": "w", **fields}))

    def load(self, minute: float, *specs: Schedule) -> None:
        plan = Plan(workflow="w", schedules=list(specs))
        self.fact(f.WorkflowLoaded, minute, hash="", plan=plan)

    def tick(self, state: str, due: float, at: float | None = None, **fields: Any) -> None:
        for name in ("from_ts", "into_ts"):
            if name in fields:
                fields[name] = BASE + 60 * fields[name]
        run = f"r{self.seq}" if state in ("fired", "late") else ""
        self.fact(
            f.TickRecorded, due if at is None else at, schedule=MINE, state=state,
            due_ts=BASE + 60 * due, **{"run": run, **fields},
        )  # fmt: skip

    def verdict(self, now: float, since: float = -1e6, grace_s: float = 30.0) -> Verdict:
        return self.accounts.verdict(calendar, BASE + 60 * since, BASE + 60 * now, grace_s)

    def wrong(self, now: float, since: float = -1e6) -> list[tuple[float, str]]:
        return [((one.due_ts - BASE) / 60, one.what) for one in self.verdict(now, since).wrong]


def test_all_is_well() -> None:
    books = Books()
    books.load(0.5, MINUTELY)
    books.tick("fired", 1)
    books.tick("coalesced", 3, from_ts=2, count=2, into_ts=4)
    books.tick("late", 4)
    verdict = books.verdict(5.2)
    assert (verdict.wrong, verdict.untold, verdict.schedules) == ([], 1, 1)
    assert dict(verdict.counts) == {"fired": 1, "coalesced": 2, "late": 1}


def test_instants_without_a_word() -> None:
    books = Books()
    books.load(0.5, MINUTELY)
    books.tick("fired", 2)
    books.tick("fired", 3)
    said = "nothing is said of it"
    assert books.wrong(5) == [(1, said), (4, said)]
    assert books.wrong(5, since=3) == [(4, said)]


def test_instants_with_two_and_words_of_no_instant() -> None:
    books = Books()
    books.load(0.5, MINUTELY)
    books.tick("fired", 1)
    books.tick("fired", 1)
    assert [ts for ts, what in books.wrong(1.1) if "told twice" in what] == [1]
    books = Books()
    books.load(0.5, MINUTELY)
    books.tick("missed", 4, from_ts=1, count=3)
    books.tick("fired", 4.5)
    assert [what for _, what in books.wrong(4.6)] == [
        "fact 2 speaks of 3 instants, and there were 4",
        "fact 3 speaks of 1 instants, and there were 0",
    ]


def test_a_run_counts_for_one_instant() -> None:
    books = Books()
    books.load(0.5, MINUTELY)
    books.tick("fired", 1, run="r")
    books.tick("fired", 2, run="r")
    books.tick("fired", 3, run="")
    assert [ts for ts, what in books.wrong(3) if "no run of its own" in what] == [2, 3]


def test_a_schedule_that_is_changed_ends_and_another_begins() -> None:
    books = Books()
    books.load(0.5, MINUTELY)
    books.load(2.5, Schedule(cron="0 * * * *"))
    assert books.wrong(4) == [(1, "nothing is said of it"), (2, "nothing is said of it")]
    books.tick("missed", 2, at=2.6, from_ts=1, count=2)
    books.fact(f.ScheduleClosed, 2.6, schedule=MINE, until_ts=BASE + 150)
    assert books.wrong(4) == []
    books.load(10.5, MINUTELY)
    books.tick("fired", 11)
    verdict = books.verdict(11.1)
    assert (verdict.wrong, verdict.schedules) == ([], 3)


def test_one_that_is_loaded_again_goes_on() -> None:
    books = Books()
    books.load(0.5, MINUTELY)
    books.tick("fired", 1)
    books.load(1.5, MINUTELY)
    books.tick("fired", 2)
    assert books.verdict(2.1).schedules == 1 and books.wrong(2.1) == []


def test_what_is_paused_is_told_later() -> None:
    books = Books()
    books.load(0.5, MINUTELY)
    assert len(books.wrong(2.2)) == 1
    books.fact(f.WorkflowPaused, 0.6, paused=True)
    assert books.wrong(2.2) == []
