"""The view of runs."""

from __future__ import annotations

from typing import Any

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import RunDetail, RunList, RunPage, RunShow
from cdktr_common.catalogue.values import Plan, RunRow, TaskPlan
from cdktr_common.errors import ProtocolError
from cdktr_logd import history
from cdktr_tui.feed.items import Gap
from tests.tui.stage import NOW, Stage, perform

PLAN = Plan(workflow="etl", tasks=[TaskPlan(id="a", argv=["x"]), TaskPlan(id="b", argv=["x"])])


def run(seq: int, state: str = "COMPLETED", **fields: Any) -> RunRow:
    told: dict[str, Any] = {
        "workflow": "etl", "created_ts": NOW - 3600 + seq, "tasks": 4, "done": 4, "seq": seq,
        "started_ts": NOW - 3600 + seq, "ended_ts": NOW - 3500 + seq,
    }  # fmt: skip
    if state in ("RUNNING", "PENDING"):
        told |= {"ended_ts": None, "done": 1}
    return RunRow(run=f"r{seq:04}", state=state, **(told | fields))  # type: ignore[arg-type]


ROWS = [
    run(900, "RUNNING", started_ts=NOW - 161, event="new-file"),
    run(899, "FAILED", failed=1, code=137, reason="killed: memory", workflow="backup"),
    run(898, retry_of="r0890"),
    *(run(seq) for seq in range(897, 400, -1)),
]


def remembered(asked: RunList) -> RunPage:
    """As the principal answers."""
    fit = [
        row
        for row in ROWS
        if row.seq < (asked.before or 1 << 60) and (not asked.states or row.state in asked.states)
    ]
    return RunPage(runs=fit[: asked.limit], more=len(fit) > asked.limit, seq=1000)


COLUMNS = ["run", "workflow", "state", "created_ts", "tasks", "done", "seq", "output"]


def recorded(asked: HistoryList) -> HistoryPage:
    seqs = [seq for seq in range(900, 350, -1) if seq < (asked.before or 1 << 60)][: asked.limit]
    rows: list[list[Any]] = [
        [f"r{seq:04}", "etl", "COMPLETED", 5.0, 4, 4, seq, None] for seq in seqs
    ]
    return HistoryPage(columns=COLUMNS, rows=rows, next=seqs[-1] if seqs[-1] > 351 else None)


ANSWERS = {RunList: remembered, HistoryList: recorded}


def line(stage: Stage, name: str) -> str:
    return next(row for row in stage.rows if name in row)


def created(seq: int, prev: int, **fields: Any) -> f.RunCreated:
    return f.RunCreated(
        seq=seq, prev=prev, ts=NOW, run=f"r{seq:04}", workflow="etl", plan=PLAN, **fields
    )


def test_a_row_tells_how_a_run_goes_and_what_started_it() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2")
        going = line(stage, "r0900")
        assert "● running" in going and "2m41s" in going and "new-file" in going and "1/4" in going
        failed = line(stage, "r0899")
        assert "✗ failed" in failed and "backup" in failed and "exit 137 killed: memory" in failed
        assert "retry r0890" in line(stage, "r0898")
        assert "run/" in stage.feed.followed

    perform(script, ANSWERS, size=(140, 40))


def test_the_clock_of_a_running_one_goes_on() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2")
        await stage.pass_time(20)
        assert "3m01s" in line(stage, "r0900")

    perform(script, ANSWERS)


def test_the_history_is_paged_from_the_principal_and_then_from_the_recorder() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2")
        assert [asked.before for asked in stage.asked(RunList)] == [None]
        await stage.press("G", "G", "G", "G")
        assert [asked.before for asked in stage.asked(RunList)] == [None, 701, 501]
        await stage.press("G", "G", "G")
        assert [asked.before for asked in stage.asked(HistoryList)] == [None, 401]
        await stage.press("G")
        assert "r0351" in stage.text and "r0350" not in stage.text
        await stage.press("G", "g", "G")
        assert len(stage.asked(HistoryList)) == 2, "there is nothing more to ask for"

    perform(script, ANSWERS)


def test_without_a_recorder_the_list_says_that_it_ends_early() -> None:
    def gone(asked: HistoryList) -> ProtocolError:
        return ProtocolError("unreachable", "no recorder is known")

    async def script(stage: Stage) -> None:
        await stage.press("2", "G", "G", "G", "G", "G")
        assert "older runs: no recorder is known" in stage.text
        assert "r0401" in stage.text

    perform(script, {RunList: remembered, HistoryList: gone})


def test_a_filter_is_asked_of_the_principal_and_held_against_what_facts_bring() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2", "slash")
        await stage.type("state:failed")
        await stage.press("enter")
        assert stage.asked(RunList)[-1].states == ["FAILED"]
        assert "r0899" in stage.text and "r0900" not in stage.text and "1 match" in stage.text
        await stage.tell(created(1001, 0), created(1002, 1001))
        assert "r1001" not in stage.text
        await stage.tell(
            f.RunEnded(seq=1003, prev=1002, ts=NOW, run="r1002", workflow="etl", state="FAILED")
        )
        assert "r1002" in stage.text and "2 match" in stage.text
        await stage.press("escape")
        assert "r0900" in stage.text and "r1001" in stage.text

    perform(script, ANSWERS)


def test_what_is_wrong_with_a_filter_is_said_and_the_rows_stay() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2", "slash")
        await stage.type("state:faild")
        assert "did you mean failed" in stage.text
        await stage.press("escape")
        assert "r0900" in stage.text and stage.view.filter == ""

    perform(script, ANSWERS)


def test_new_runs_come_at_the_top_and_are_counted_while_one_looks_elsewhere() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2")
        await stage.tell(created(1001, 0))
        assert line(stage, "r1001").startswith(">"), "the cursor is at the top: it stays there"
        await stage.press("j", "j")
        await stage.tell(created(1002, 1001), created(1003, 1002))
        assert line(stage, "r0899").startswith(">") and "2 new" in stage.text
        await stage.press("g")
        assert "new" not in stage.rows[-2]

    perform(script, ANSWERS)


def test_a_run_goes_through_its_states_as_facts_tell() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2")
        await stage.tell(created(1001, 0, queued=True))
        assert "queued" in line(stage, "r1001") and "0/2" in line(stage, "r1001")
        await stage.tell(
            f.RunAdmitted(seq=1002, prev=1001, ts=NOW, run="r1001", workflow="etl"),
            f.TaskAssigned(
                seq=1003, prev=1002, ts=NOW, run="r1001", workflow="etl", task="a", n=1, token="t",
                agent="x", boot="b",
            ),
        )  # fmt: skip
        assert "running" in line(stage, "r1001")
        await stage.tell(
            f.TaskEnded(
                seq=1004, prev=1003, ts=NOW, run="r1001", workflow="etl", task="a", state="FAILED",
                code=3, token="t", n=1,
            ),
            f.TaskSkipped(seq=1005, prev=1004, ts=NOW, run="r1001", workflow="etl", task="b"),
            f.RunEnded(
                seq=1006, prev=1005, ts=NOW + 2, run="r1001", workflow="etl", state="FAILED", code=3
            ),
        )  # fmt: skip
        row = line(stage, "r1001")
        assert "failed" in row and "2.0s" in row and "2/2" in row

    perform(script, ANSWERS)


def test_after_a_gap_all_is_asked_anew_and_what_may_be_old_one_by_one() -> None:
    def detail(asked: RunShow) -> RunDetail:
        return RunDetail(run=run(900, done=4), plan=PLAN, seq=2000)

    async def script(stage: Stage) -> None:
        await stage.press("2", "j")
        await stage.tell(Gap(topic="run/", missed=5000, healed=False))
        assert len(stage.asked(RunList)) == 2
        assert line(stage, "r0899").startswith(">")
        await stage.tell(  # it follows on one that was not told
            f.TaskSkipped(seq=1500, prev=1499, ts=NOW, run="r0900", workflow="etl", task="a")
        )
        await stage.pass_time(1)
        assert stage.asked(RunShow)[0].run == "r0900"
        assert "done" in line(stage, "r0900")

    perform(script, {**ANSWERS, RunShow: detail})


def test_rows_are_sorted_by_any_column_and_back() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2", "o")
        await stage.type("1")
        rows = [row for row in stage.rows if " r0" in row]
        assert "r0899" in rows[0] and "r0900" in rows[1]
        await stage.press("O")
        assert "r0900" not in next(row for row in stage.rows if " r0" in row)

    perform(script, ANSWERS)


def test_without_runs_it_says_how_to_begin() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2")
        assert "nothing has run yet" in stage.text
        await stage.press("slash")
        await stage.type("wf:x")
        await stage.press("enter")
        assert "no run matches wf:x" in stage.text

    perform(script, {RunList: RunPage(seq=1), HistoryList: HistoryPage(columns=COLUMNS)})


def test_times_are_shown_as_instants_as_ages_and_in_utc() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("2", "t")
        assert "45m" in line(stage, "r0900")
        await stage.press("t")
        assert "12-31 23:15" in line(stage, "r0900")

    perform(script, ANSWERS)


def test_a_run_that_only_facts_tell_of_is_asked_for_when_it_may_fit() -> None:
    def found(asked: RunList) -> RunPage:
        new = [run(300, "FAILED")] if len(asks) > 1 and asked.states else []
        asks.append(asked)
        return RunPage(runs=[*new, ROWS[1]] if asked.states else ROWS[:3], seq=2000)

    asks: list[RunList] = []

    async def script(stage: Stage) -> None:
        await stage.press("2", "slash")
        await stage.type("state:failed")
        await stage.press("enter")
        await stage.tell(
            f.RunEnded(seq=1001, prev=0, ts=NOW, run="r0300", workflow="etl", state="FAILED")
        )
        assert "r0300" not in stage.text
        await stage.pass_time(1)
        assert "r0300" in stage.text and "2 match" in stage.text
        before = len(asks)
        await stage.pass_time(1)
        assert len(asks) == before

    perform(script, {RunList: found, HistoryList: HistoryPage(columns=COLUMNS)})


def test_what_the_recorder_has_of_runs_and_facts_is_what_the_views_read() -> None:
    runs = history.history_page(HistoryList(table="runs"), []).columns
    assert set(runs) - {"output"} <= set(RunRow.__struct_fields__)
    assert "body" in history.history_page(HistoryList(table="events"), []).columns


def test_a_row_of_the_recorder_that_is_no_run_is_left_out_and_said() -> None:
    def odd(asked: HistoryList) -> HistoryPage:
        good = ["r0001", "etl", "COMPLETED", 5.0, 4, 4, 1, None]
        bad = ["r0002", "etl", "MOONRISE", 5.0, 4, 4, 2, None]
        return HistoryPage(columns=COLUMNS, rows=[good, bad])

    async def script(stage: Stage) -> None:
        await stage.press("2")
        assert "r0001" in stage.text and "r0002" not in stage.text
        assert "1 older runs are told in a way not known here" in stage.text

    perform(script, {RunList: RunPage(runs=ROWS[:3], seq=1), HistoryList: odd})
