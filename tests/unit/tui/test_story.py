"""A task in words, and the tasks of a run as rows of a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cdktr_common import clean
from cdktr_common.catalogue.values import AttemptRow, Call, Cause, Group, Retry, TaskPlan, TaskRow
from cdktr_tui.draw import story, tasks
from cdktr_tui.draw.glyphs import ASCII, BLOCK
from cdktr_tui.draw.line import plain, width
from tests.hostile.corpus import CASES
from tests.unit.tui.shapes import anything, drawn_by_lot

AT = 1000.0


def rows(needs: dict[str, list[str]]) -> dict[str, TaskRow]:
    return {task: TaskRow(task=task, state="COMPLETED", depends=of) for task, of in needs.items()}


def table(known: dict[str, TaskRow], ask: tasks.Ask | None = None) -> tasks.Table:
    made = tasks.Table()
    made.take(list(known), known)
    made.arrange(ask or tasks.Ask(), known, AT)
    return made


@given(anything())
def test_every_task_has_a_row_and_names_stand_below_one_another(
    needs: dict[str, list[str]],
) -> None:
    known = rows(needs)
    made = table(known)
    assert sorted(made.keys) == sorted(known)
    drawn = {task: made.name(known[task], BLOCK) for task in made.keys}
    assert len({width(one) - len(task) for task, one in drawn.items()}) <= 1


COPIES = {
    "split": TaskRow(task="split", state="RUNNING"),
    "split[0].a": TaskRow(task="split[0].a", state="COMPLETED", group="split"),
    "split[0].sub": TaskRow(task="split[0].sub", state="RUNNING", group="split"),
    "split[0].sub[1]": TaskRow(task="split[0].sub[1]", state="RUNNING", group="split[0].sub"),
    "join": TaskRow(task="join", state="PENDING", depends=["split"]),
}


def test_what_groups_have_made_stands_below_them_at_its_depth() -> None:
    made = table(COPIES)
    drawn = [plain(made.name(COPIES[task], BLOCK)) for task in made.keys]
    assert drawn == ["● split (2)", "│ ✓ [0].a", "│ ● [0].sub (1)", "│   ● [1]", "○ join"]
    made.fold("split")
    made.arrange(tasks.Ask(), COPIES, AT)
    assert made.keys == ["split", "join"]
    assert plain(made.name(COPIES["split"], BLOCK)) == "● split (2) +"


def test_a_large_run_begins_with_its_groups_folded() -> None:
    known = {"split": COPIES["split"]} | {
        f"split[{n}]": TaskRow(task=f"split[{n}]", state="PENDING", group="split")
        for n in range(100)
    }
    assert table(known).keys == ["split"]
    assert len(table(known, tasks.Ask("pending")).keys) == 100


def test_a_folded_group_tells_how_many_have_failed_and_is_unfolded_for_one() -> None:
    bad = TaskRow(task="split[0].sub[1]", state="FAILED", group="split[0].sub")
    known = {**COPIES, "split[0].sub[1]": bad}
    made = table(known)
    made.unfolded = set()
    made.arrange(tasks.Ask(), known, AT)
    assert made.keys == ["split", "join"]
    made.reveal(bad.task, known)
    made.arrange(tasks.Ask(), known, AT)
    assert bad.task in made.keys
    assert plain(made.name(known["split[0].sub"], BLOCK)) == "│ ● [0].sub (1) 1 failed"


def test_of_too_many_lanes_none_are_shown() -> None:
    known = rows(drawn_by_lot(400, 4, 2))
    made = table(known)
    made.room = 20
    assert made.lane_cells == 2
    assert plain(made.name(known["n7"], BLOCK)) == "✓ n7"


def test_sorting_by_state_puts_what_failed_first() -> None:
    known = {**COPIES, "bad": TaskRow(task="bad", state="FAILED")}
    assert table(known, tasks.Ask(sort="state")).keys[0] == "bad"
    assert table(known, tasks.Ask(sort="state", descending=True)).keys[-1] == "bad"
    for column in ("task", "try", "agent", "start", "queued", "dur", "time"):
        assert sorted(table(known, tasks.Ask(sort=column)).keys) == sorted(known)


def test_a_filter_looks_at_names_states_and_agents() -> None:
    known = {
        "a": TaskRow(task="a", state="FAILED", attempts=[attempt(1, "FAILED")]),
        "b": TaskRow(task="b", state="COMPLETED"),
    }
    for words in ("failed", "FAIL web", "a web-1"):
        assert table(known, tasks.Ask(words)).keys == ["a"]
    assert table(known, tasks.Ask("failed zz")).keys == []


def attempt(n: int, state: str, end: float | None = AT) -> AttemptRow:
    return AttemptRow(
        n=n, state=state, agent="web-1", fence=n, assigned_ts=AT - 30, started_ts=AT - 24,  # type: ignore[arg-type]
        ended_ts=end, code=137 if state == "FAILED" else None, stdout_bytes=96_000,
        reason="killed: memory" if state == "FAILED" else "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (TaskPlan(id="a", argv=["./load.sh", "a b"]), "./load.sh 'a b'"),
        (TaskPlan(id="a", command="echo 1\nexit 3"), "echo 1 exit 3"),
        (TaskPlan(id="a", call=Call(workflow="etl")), "runs etl"),
        (TaskPlan(id="a", group=Group(tasks=[TaskPlan(id="x", noop=True)])), "group of 1"),
        (TaskPlan(id="a", noop=True), "nothing"),
        (TaskPlan(id="a", argv=["\x1b]0;owned\x07x"]), "''x''"),
        (None, ""),
    ],
)
def test_what_a_task_does_is_told_in_one_line(plan: TaskPlan | None, said: str) -> None:
    assert "\x1b" not in story.command(plan)
    if "owned" not in str(plan):
        assert story.command(plan) == said


def test_an_attempt_is_told_with_its_end_its_length_its_agent_and_how_much_it_wrote() -> None:
    told = plain(story.attempt(attempt(1, "FAILED"), AT, BLOCK))
    assert told == "✗ exit 137, 24s, web-1, 96 kB"
    assert plain(story.attempt(attempt(2, "RUNNING", None), AT + 1, ASCII)).startswith(
        "* running, 25s"
    )


def test_a_task_that_is_tried_again_says_when_and_why() -> None:
    row = TaskRow(task="load", state="PENDING", retry_ts=AT + 10, attempts=[attempt(1, "FAILED")])
    plan = TaskPlan(id="load", retry=Retry(limit=2))
    first, second = (plain(one) for one in story.brief(row, plan, ["report"], {"load": row}, AT))
    assert first.startswith(
        "try 1 failed exit 137 after 24s: killed: memory; again in 10s (1 of 3)"
    )
    assert second == "feeds report"


def test_all_that_is_known_of_a_task_is_told() -> None:
    row = TaskRow(
        task="load", state="RUNNING", name="Load it", depends=["clean"], progress=40.0,
        attempts=[attempt(1, "FAILED"), attempt(2, "RUNNING", None)], outputs={"rows": 7},
        result="fine",
    )  # fmt: skip
    plan = TaskPlan(
        id="load", argv=["./load.sh"], timeout_s=60.0, labels=["db"], env={"A": "1"},
        pools={"io": 2}, retry=Retry(limit=1), description="Loads.",
    )  # fmt: skip
    why = [Cause(code="running", text="runs on web-1")]
    told = "\n".join(
        plain(one) for one in story.about(row, plan, ["report"], {"load": row}, why, AT, BLOCK)
    )
    for word in (
        "running, try 2 of 2", "Load it", "40 %", "exit 137", "killed: memory", "./load.sh",
        "clean", "report", "1m, 36s left", "db", "io:2", "1 set", "rows = 7", "fine",
        "runs on web-1", "Loads.",
    ):  # fmt: skip
        assert word in told, word


@given(some.integers(0, 10**13))
def test_sizes_are_short(count: int) -> None:
    assert len(story.size(count)) <= 8


@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_hostile_text_in_any_place_is_made_clean(text: str) -> None:
    tried = AttemptRow(
        n=1, state="FAILED", agent=text, fence=1, assigned_ts=AT, ended_ts=AT + 1, reason=text,
    )  # fmt: skip
    needed = TaskRow(task=f"need {text}", state="RUNNING")
    row = TaskRow(
        task=text, state="FAILED", name=text, depends=[needed.task], reason=text,
        attempts=[tried], outputs={text: text}, result=text, calls=text,
    )  # fmt: skip
    plan = TaskPlan(
        id=text, argv=[text], labels=[text], pools={text: 1}, env={text: text}, description=text
    )
    known = {text: row, needed.task: needed}
    why = [Cause(code="next", text=text)]
    drawn = [
        *story.about(row, plan, [text], known, why, AT, BLOCK),
        *story.brief(row, plan, [text], known, AT),
        table(known).name(row, BLOCK),
    ]
    assert all(clean.is_clean(piece) for one in drawn for piece, _ in one)
