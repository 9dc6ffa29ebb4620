"""What the model keeps, forgets, and says has changed."""

from __future__ import annotations

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import AgentLoad, AgentRow, Plan, RunRow, TaskPlan
from cdktr_tui.feed.items import Counted, Link, Loads, Told
from cdktr_tui.model import events, runs
from cdktr_tui.model.model import Model

PLAN = Plan(workflow="w", tasks=[TaskPlan(id="a", argv=["x"])])


def created(seq: int, run: str = "", prev: int = -1, **fields: object) -> Told:
    return Told(
        fact=f.RunCreated(
            seq=seq, prev=seq - 1 if prev < 0 else prev, ts=float(seq), run=run or f"r{seq}",
            workflow="w", plan=PLAN, **fields,
        )
    )  # fmt: skip


def ended(seq: int, run: str, state: str = "COMPLETED") -> Told:
    return Told(
        fact=f.RunEnded(seq=seq, prev=seq - 1, ts=float(seq), workflow="w", run=run, state=state)  # type: ignore[arg-type]
    )


def row(run: str, seq: int, state: str = "COMPLETED") -> RunRow:
    return RunRow(run=run, workflow="w", state=state, created_ts=1.0, tasks=1, seq=seq)  # type: ignore[arg-type]


def test_of_too_many_runs_the_oldest_that_have_ended_go() -> None:
    model, most = Model(), runs.KEPT + runs._SLACK
    model.fold(created(1, "old"))
    for seq in range(2, 2 * most + 4, 2):
        model.fold(created(seq, f"r{seq}"))
        model.fold(ended(seq + 1, f"r{seq}"))
    assert len(model.runs.rows) <= most
    assert "old" in model.runs.rows and "r2" not in model.runs.rows
    assert model.runs.order[0] == f"r{2 * most + 2}" and model.runs.order[-1] == "old"


def test_more_is_kept_of_what_was_asked_for_and_given_back_when_nobody_looks() -> None:
    model = Model()
    for first in range(0, 12_000, 1000):
        rows = [row(f"r{at}", 20_000 - at) for at in range(first, first + 1000)]
        model.runs.page(p.RunPage(runs=rows, seq=20_000))
    assert len(model.runs.rows) == runs.MOST
    model.runs.shrink()
    assert len(model.runs.rows) == runs.KEPT and model.runs.order[0] == "r0"


def test_facts_are_kept_without_plans_and_the_oldest_go() -> None:
    model = Model()
    for seq in range(1, events.MOST + 2000):
        model.fold(created(seq, payload={"large": 1}))
    kept = model.events.facts
    assert len(kept) <= events.MOST + 500 and kept[-1].seq == events.MOST + 1999
    assert isinstance(kept[-1], f.RunCreated)
    assert kept[-1].payload is None and not kept[-1].plan.tasks


def test_older_facts_go_before_those_that_are_known() -> None:
    model = Model()
    model.fold(created(10))
    before = [f.RunAdmitted(seq=seq, workflow="w", run="x") for seq in (3, 7, 10)]
    assert model.events.older(before) == {("events",)}
    assert [fact.seq for fact in model.events.facts] == [3, 7, 10]
    assert model.events.older(before) == set()


def test_a_fact_says_which_rows_it_changes_and_twice_told_it_changes_none() -> None:
    model = Model()
    assert {("runs",), ("run", "a"), ("events",)} <= model.fold(created(1, "a"))
    assert model.fold(created(1, "a")) == set()
    assert ("run", "a") in model.fold(ended(2, "a"))
    assert model.runs.rows["a"].state == "COMPLETED"


def test_a_run_that_is_not_known_is_remembered_to_be_asked_for() -> None:
    model = Model()
    assert ("runs",) in model.fold(ended(5, "strange"))
    assert model.runs.unknown == {"strange": "w"} and not model.runs.rows
    model.runs.page(p.RunPage(runs=[row("strange", 1)], seq=5))
    assert not model.runs.unknown


def test_texts_of_rows_steer_no_terminal() -> None:
    model = Model()
    model.fold(created(1, "a", event="x\x1b]0;title\x07y"))
    model.runs.page(p.RunPage(runs=[row("b", 2)], seq=2))
    told = f.RunEnded(seq=3, prev=2, workflow="w", run="a", state="FAILED", reason="a\x1b[2Jb\rc")
    model.fold(Told(fact=told))
    assert model.runs.rows["a"].event == "xy" and model.runs.rows["a"].reason == "ab·c"


def test_what_is_left_is_stale_until_it_is_asked_for() -> None:
    model = Model()
    model.runs.page(p.RunPage(runs=[row("a", 1, "RUNNING"), row("b", 2)], seq=5))
    assert model.left(["run/"]) == {("run", "a")} == model.stale
    model.runs.page(p.RunPage(runs=[row("a", 1, "RUNNING")], seq=9))
    assert not model.stale


def test_counts_and_the_link_change_when_they_do() -> None:
    model = Model()
    assert model.fold(Counted(counts={"runs_running": 1}, ts=1.0)) == {("counts",)}
    assert model.fold(Counted(counts={"runs_running": 1}, ts=2.0)) == set()
    assert model.counted_ts == 2.0
    assert model.fold(Link(state="up")) == {("link",)} and model.fold(Link(state="up")) == set()


def test_loads_add_a_sample_every_five_seconds_up_to_five_minutes() -> None:
    model = Model()

    def beat(ts: float) -> None:
        load = AgentLoad(cpu_pct=ts)
        told = AgentRow(agent="x", state="ready", slots=4, load=load, heard_ts=1000 + ts)
        model.fold(Loads(agents=[told]))

    for second in range(21):
        beat(float(second))
    assert model.agents.rows["x"].cpu == [0.0, 5.0, 10.0, 15.0, 20.0]
    for second in range(21, 600):
        beat(float(second))
    assert len(model.agents.rows["x"].cpu) == 60
