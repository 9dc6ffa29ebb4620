"""Which schedule's turn it is, what answers mean, and what a row that is read anew changes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from cdktr_common.calendar.schedule import calendar
from cdktr_common.catalogue.plan import Schedule
from cdktr_common.catalogue.values import ScheduleRow, TickResult
from cdktr_cron.book import REFUSED_S, RETRY_S, Book, Report

BASE = 60.0 * 1_000_000


def row(name: str = "w", **fields: Any) -> ScheduleRow:
    spec = Schedule(every_s=60.0, **fields.pop("spec", {}))
    mark = fields.pop("ticked_ts", BASE)
    return ScheduleRow(
        workflow=name, schedule="s", spec=spec, since_ts=BASE, ticked_ts=mark, **fields
    )


def book(*rows: ScheduleRow) -> Book:
    made = Book(calendar)
    made.load(rows)
    return made


def told(made: Book, now: float) -> Report:
    """The next report that says something."""
    while (report := made.due(now)) is not None:
        if report.request.ticks or report.request.closed:
            return report
    raise AssertionError("nothing is due")


def idle(made: Book, now: float) -> None:
    while (report := made.due(now)) is not None:
        assert not (report.request.ticks or report.request.closed)


def results(report: Report, state: str = "fired", **fields: Any) -> list[TickResult]:
    return [
        TickResult(
            workflow=tick.workflow, schedule=tick.schedule, due_ts=tick.due_ts, state=state,
            **{"ticked_ts": tick.due_ts, **fields},
        )
        for tick in report.request.ticks
    ]  # fmt: skip


def test_it_waits_tells_and_goes_on_from_the_answer() -> None:
    made = book(row())
    idle(made, BASE + 1)
    assert made.wake_ts() == BASE + 60
    report = told(made, BASE + 60)
    assert [tick.due_ts for tick in report.request.ticks] == [BASE + 60]
    assert made.wake_ts() is None, "nothing more until it is answered"
    made.answered(report, results(report), BASE + 60)
    idle(made, BASE + 60)
    assert made.wake_ts() == BASE + 120


def test_another_has_told_it() -> None:
    made = book(row())
    idle(made, BASE)
    report = told(made, BASE + 60)
    made.answered(report, results(report, state="", ticked_ts=BASE + 120), BASE + 125)
    idle(made, BASE + 125)
    assert made.wake_ts() == BASE + 180


def test_what_is_not_taken_is_told_again_later() -> None:
    made = book(row())
    idle(made, BASE)
    report = told(made, BASE + 60)
    refused = results(report, state="", ticked_ts=BASE, reason="ahead of the clock")
    made.answered(report, refused, BASE + 60)
    assert made.wake_ts() == BASE + 60 + REFUSED_S
    assert "ahead of the clock" in made.troubles[0]


def test_a_schedule_that_is_not_there_is_asked_for() -> None:
    made = book(row())
    idle(made, BASE)
    report = told(made, BASE + 60)
    made.answered(report, results(report, state="", ticked_ts=None), BASE + 60)
    assert made.unknown == {"w"} and len(made) == 0


def test_one_that_is_wrong_does_not_keep_the_others_back() -> None:
    made = book(*(row(name) for name in "abc"))
    idle(made, BASE)
    report = told(made, BASE + 60)
    assert len(report.request.ticks) == 3
    made.failed(report, BASE + 60, again=False)
    now = BASE + 60 + RETRY_S
    singles = [told(made, now) for _ in range(3)]
    assert [len(one.request.ticks) for one in singles] == [1, 1, 1]
    made.failed(singles[0], now, again=False)
    for one in singles[1:]:
        made.answered(one, results(one), now)
    idle(made, now)
    assert made.wake_ts() == now + REFUSED_S
    made.failed(told(made, now + REFUSED_S), now + REFUSED_S, again=True)
    assert made.wake_ts() == now + REFUSED_S + RETRY_S


def test_rows_that_are_read_anew_change_only_what_is_new() -> None:
    made = book(row("a"), row("b"))
    idle(made, BASE)
    made.load([row("a"), row("b", ticked_ts=BASE + 60), row("c")])
    assert len(made) == 3 and made.wake_ts() == 0.0, "b and c are to be planned"
    idle(made, BASE + 1)
    report = told(made, BASE + 60)
    assert sorted(tick.workflow for tick in report.request.ticks) == ["a", "c"]
    # Under way: the row counts, and the answer does not.
    made.load([row("a", ticked_ts=BASE + 60)], "a")
    made.answered(report, results(report), BASE + 60)
    idle(made, BASE + 61)
    assert made.wake_ts() == BASE + 120
    made.load([], None)
    assert (len(made), made.wake_ts(), made.due(BASE + 999)) == (0, None, None)


def test_what_fires_next_is_told_again_to_a_principal_that_forgot() -> None:
    made = book(row())

    def news() -> list[float | None]:
        found = []
        while (report := made.due(BASE + 1)) is not None:
            found += [told.next_ts for told in report.request.next]
        return found

    assert news() == [BASE + 60]
    made.load([replace(row(), next_ts=BASE + 60)])
    assert news() == []
    made.load([row()])
    assert news() == [BASE + 60]


def test_older_versions_are_told_to_their_end_first() -> None:
    old = row(until_ts=BASE + 90)
    made = book(row(ticked_ts=BASE + 100), old)
    first = told(made, BASE + 200)
    assert [tick.act for tick in first.request.ticks] == ["missed"]
    made.answered(first, results(first, "missed"), BASE + 200)
    second = told(made, BASE + 200)
    assert [ref.until_ts for ref in second.request.closed] == [BASE + 90]
    made.answered(second, [], BASE + 200)
    third = told(made, BASE + 200)
    assert [(tick.act, tick.due_ts) for tick in third.request.ticks] == [
        ("coalesced", BASE + 120), ("fire", BASE + 180),
    ]  # fmt: skip


def test_what_cannot_be_kept_is_said_once_and_left_alone() -> None:
    broken = replace(row(), spec=Schedule(cron="no such line"))
    made = book(broken, row("b"))
    idle(made, BASE)
    assert len(made.troubles) == 1 and made.wake_ts() == BASE + 60


def test_many_are_told_in_parts_and_what_only_waited_comes_first() -> None:
    made = book(*(row(f"w{n}") for n in range(700)))
    idle(made, BASE)
    late = row("late", spec={"catchup": "all"}, ticked_ts=BASE - 6000)
    made.load([late], "late")
    first = told(made, BASE + 60)
    assert len(first.request.ticks) == 500 and first.told[0][0].rows[0].workflow != "late"
    assert len(told(made, BASE + 60).request.ticks) == 200
    assert {tick.workflow for tick in told(made, BASE + 60).request.ticks} == {"late"}
