"""The view of events."""

from __future__ import annotations

import msgspec
import pytest

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import EventList, EventPage
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_common.errors import ProtocolError
from cdktr_tui.acting import outside
from tests.tui.stage import NOW, Stage, perform

NEWEST = 1000
OLDEST = 500
PLAN = Plan(workflow="etl", tasks=[TaskPlan(id="a", argv=["x"])])


def fact(seq: int) -> Fact:
    """One of several kinds, by its number."""
    prev, ts = seq - 1, NOW - NEWEST + seq
    match seq % 4:
        case 0:
            return f.TaskEnded(
                seq=seq, prev=prev, ts=ts, workflow="etl", run=f"r{seq:04}", task="load", n=2,
                state="FAILED", code=137, reason="killed: memory", agent="db-1",
            )  # fmt: skip
        case 1:
            return f.EventFired(
                seq=seq, prev=prev, ts=ts, event="new-file", source="watch", workflows=["etl"],
                runs=[f"r{seq:04}"],
            )  # fmt: skip
        case 2:
            return f.AgentChanged(
                seq=seq, prev=prev, ts=ts, agent="web-1", boot="b", state="silent",
                reason="not heard of",
            )  # fmt: skip
    return f.RunCreated(
        seq=seq, prev=prev, ts=ts, workflow="etl", run=f"r{seq:04}", plan=PLAN, event="new-file"
    )


def remembered(asked: EventList) -> EventPage:
    """As the principal answers, at most 200 at once."""
    told = range(max(asked.after + 1, OLDEST), NEWEST + 1) if asked.after >= 0 else range(0)
    seqs = list(told)[: min(asked.limit, 200)]
    return EventPage(
        events=[msgspec.Raw(msgspec.json.encode(fact(seq))) for seq in seqs],
        last=seqs[-1] if seqs else asked.after, newest=NEWEST, oldest=OLDEST,
    )  # fmt: skip


def recorded(asked: HistoryList) -> HistoryPage:
    kinds = (fact(seq) for seq in range((asked.before or NEWEST + 1) - 1, 0, -1))
    fit = [
        each
        for each in kinds
        if asked.kind in (None, each.__struct_config__.tag)
    ][: asked.limit]  # fmt: skip
    rows = [[each.seq, each.ts, "", "", msgspec.to_builtins(each)] for each in fit]
    last = fit[-1].seq if len(fit) == asked.limit else None
    return HistoryPage(columns=["seq", "ts", "type", "topic", "body"], rows=rows, next=last)


ANSWERS = {EventList: remembered, HistoryList: recorded}


def line(stage: Stage, name: object) -> str:
    return next(row for row in stage.rows if str(name) in row)


def test_a_row_tells_what_happened_to_what_and_by_whom() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5")
        ended = line(stage, " 1000 ")
        assert "task.ended" in ended and "r1000/load@2 etl" in ended and "db-1" in ended
        assert "FAILED, exit 137, killed: memory" in ended
        assert "event.fired" in line(stage, " 997 ") and "starts etl" in line(stage, " 997 ")
        assert "web-1" in line(stage, " 998 ") and "silent, not heard of" in line(stage, " 998 ")
        assert "by new-file" in line(stage, " 999 ")
        assert "event/" in stage.feed.followed and "run/" in stage.feed.followed

    perform(script, ANSWERS, size=(140, 40))


def test_where_there_is_little_room_the_task_and_its_agent_are_still_told() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5")
        await stage.tell(
            f.TaskAssigned(
                seq=1001, prev=1000, ts=NOW, workflow="orders", run="8t8cjz97ys", task="extract",
                n=2, agent="db-1", token="t", boot="b",
            )
        )  # fmt: skip
        assert "8t8cjz97ys/extract@2" in line(stage, " 1001 ")
        assert "on db-1" in line(stage, " 1001 ")

    perform(script, ANSWERS)


def test_facts_come_at_the_top_as_they_happen() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5")
        await stage.tell(fact(1001), fact(1002))
        assert " 1002 " in stage.rows[3] and stage.rows[3].startswith(">")
        await stage.press("j", "j")
        await stage.tell(fact(1003))
        assert line(stage, " 1000 ").startswith(">")
        await stage.press("f")
        assert line(stage, " 1003 ").startswith(">")

    perform(script, ANSWERS)


def test_while_it_is_paused_news_wait_and_are_counted() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5", "space")
        await stage.tell(fact(1001), fact(1002), fact(1003))
        assert "1003" not in stage.text and "paused: 3 waiting" in stage.text
        await stage.press("space")
        assert "1003" in stage.text and "waiting" not in stage.text

    perform(script, ANSWERS)


def test_a_filter_holds_for_what_comes_and_is_asked_of_the_recorder() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5", "slash")
        await stage.type("type:task.ended")
        await stage.press("enter")
        await stage.tell(fact(1001), fact(1004))
        assert "1004" in stage.text and "1001" not in stage.text and "event.fired" not in stage.text
        await stage.press("G", "G")
        assert stage.asked(HistoryList)[-1].kind == "task.ended"
        assert stage.asked(HistoryList)[0].before == 701
        await stage.press("escape")
        assert "event.fired" in stage.text

    perform(script, ANSWERS)


def test_older_ones_come_from_the_recorder() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5", "G", "G", "G", "G")
        assert "r0003" in stage.text and "1000" not in stage.rows[3]
        assert [asked.before for asked in stage.asked(HistoryList)] == [701, 201]

    perform(script, ANSWERS)


def test_without_a_recorder_the_principal_tells_all_that_it_remembers() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5", "G", "G", "G", "G")
        assert str(OLDEST) in stage.text and "501" in stage.text
        assert all(asked.after >= OLDEST - 1 for asked in stage.asked(EventList)[1:])

    perform(script, {EventList: remembered, HistoryList: ProtocolError("unreachable", "")})


def test_a_fact_is_shown_as_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(outside, "page", lambda app, text, form="txt": shown.append(text))

    async def script(stage: Stage) -> None:
        await stage.press("5", "j", "J")
        assert stage.asked(EventList)[-1].after == 998
        assert '"plan"' in shown[0] and '"seq": 999' in shown[0]

    perform(script, ANSWERS)


def test_what_is_wrong_with_a_filter_is_said() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("5", "slash")
        await stage.type("typ:x")
        assert "did you mean type:" in stage.text

    perform(script, ANSWERS)


def test_names_and_reasons_steer_no_terminal() -> None:
    bad = f.TaskReleased(
        seq=1001, prev=1000, ts=NOW, workflow="etl", run="r1", task="a", n=1, token="t",
        agent="x\x1b]0;t\x07y", reason="a\x1b[2Jb\x9bc",
    )  # fmt: skip

    async def script(stage: Stage) -> None:
        await stage.press("5")
        await stage.tell(bad)
        row = line(stage, " 1001 ")
        assert "xy" in row and "\x1b" not in row and "\x9b" not in row

    perform(script, ANSWERS, size=(140, 40))
