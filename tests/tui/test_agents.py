"""The views of agents and of one agent."""

from __future__ import annotations

from cdktr_common.catalogue.facts import AgentChanged
from cdktr_common.catalogue.principal import AgentDetail, AgentList, AgentPage, AgentShow
from cdktr_common.catalogue.values import AgentLoad, AgentRow, AgentTask
from cdktr_common.errors import ProtocolError
from cdktr_tui.feed.items import Answered, Link, Loads
from cdktr_tui.options import Options
from tests.tui.stage import NOW, Stage, perform

LOAD = AgentLoad(cpu_pct=34.0, mem_pct=91.0, load1=1.5)
DB = AgentRow(
    agent="db-1", state="ready", host="db.example", version="0.5.0", slots=4, running=2, busy=3,
    labels=["gpu", "big"], load=LOAD, heard_ts=NOW - 1, cpu=[10.0, 50.0, 100.0], losses=2,
)  # fmt: skip
WEB = AgentRow(agent="web-1", state="silent", reason="not heard of", slots=2, heard_ts=NOW - 75)
GONE = AgentRow(agent="old", state="gone", reason="left", slots=8)
PAGE = AgentPage(agents=[DB, GONE, WEB], seq=10)
TASKS = [
    AgentTask(run="k3f9x2mq7a", workflow="etl", task="load", n=2, since_ts=NOW - 72, slots=2),
    AgentTask(run="k3f9x2mq7b", workflow="report", task="pdf", n=1, since_ts=NOW - 3),
]


def shown(asked: AgentShow) -> AgentDetail | ProtocolError:
    row = next((row for row in PAGE.agents if row.agent == asked.agent), None)
    if row is None:
        return ProtocolError("not_found", f"no agent '{asked.agent}'")
    return AgentDetail(agent=row, tasks=TASKS if row is DB else [], seq=10)


ANSWERS = {AgentList: PAGE, AgentShow: shown}


def row(stage: Stage, name: str) -> str:
    """The line of the table that begins with this name."""
    return next(line for line in stage.rows[2:] if line.lstrip(" >*").startswith(name + " "))


def test_a_row_tells_whether_an_agent_is_there_and_how_busy_it_is() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        db, web, gone = (row(stage, name) for name in ("db-1", "web-1", "old"))
        assert "● up" in db and "▇▇▇░    3/4" in db and "34%" in db and "91%" in db and " 2 " in db
        assert "▄█" in db, "the samples of its CPU"
        assert "silent" in web and "1m" in web and "%" not in web
        assert "gone" in gone and "/8" not in gone
        assert "up 1  silent 1  gone 1  slots 3/6" in stage.rows[1]
        assert stage.asked(AgentList)[0].cpu == 60
        assert {"agent/", "load/"} <= set(stage.feed.followed)

    perform(script, ANSWERS)


def test_below_stands_what_the_agent_under_the_cursor_works_on() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        assert "etl › load" in stage.text and "1m12s" in stage.text and "try 2" in stage.text
        assert "report › pdf" in stage.text and "cpu of the last 15s, at most 100%" in stage.text
        assert "labels gpu big" in stage.text
        await stage.press("G")
        assert "not heard of" in stage.text and "it holds no task" in stage.text
        assert stage.asked(AgentShow)[-1].agent == "web-1"

    perform(script, ANSWERS, size=(100, 40))


def test_a_load_that_comes_changes_its_row_and_asks_what_is_worked_on() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        before = len(stage.asked(AgentShow))
        load = AgentLoad(cpu_pct=77.0, mem_pct=5.0)
        news = AgentRow(agent="db-1", state="ready", slots=4, running=1, busy=1, load=load,
                        heard_ts=NOW + 5)  # fmt: skip
        await stage.tell(Loads(agents=[news]))
        assert "▇░░░    1/4" in row(stage, "db-1") and "77%" in row(stage, "db-1")
        assert len(stage.asked(AgentShow)) == before + 1
        await stage.tell(Loads(agents=[AgentRow(agent="web-1", state="ready", slots=2)]))
        assert len(stage.asked(AgentShow)) == before + 1, "the cursor is not there"

    perform(script, ANSWERS)


def test_a_question_under_way_is_not_asked_again_until_it_is_answered() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        assert len(stage.asked(AgentShow)) == 1
        for n in range(5):
            await stage.tell(Loads(agents=[AgentRow(agent="db-1", state="ready", slots=4, busy=n)]))
        assert len(stage.asked(AgentShow)) == 1

    perform(script, {AgentList: PAGE})


def test_a_fact_about_an_agent_is_shown_with_its_reason() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        fact = AgentChanged(
            seq=11, prev=0, ts=NOW, agent="db-1", boot="b", state="draining", reason="by oscar"
        )
        await stage.tell(fact)
        assert "draining" in row(stage, "db-1") and "by oscar" in stage.text

    perform(script, ANSWERS, size=(100, 30))


def test_a_click_on_a_title_sorts_and_another_one_turns_it_round() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")

        def order() -> list[str]:
            return list(stage.view.rows.keys)  # type: ignore[attr-defined]

        assert order() == ["db-1", "old", "web-1"]
        await stage.pilot.click("#rows", offset=(20, 0))
        await stage.settle()
        assert order() == ["web-1", "db-1", "old"], "what needs to be looked at first"
        await stage.pilot.click("#rows", offset=(20, 0))
        await stage.settle()
        assert order() == ["old", "db-1", "web-1"]

    perform(script, ANSWERS)


def test_a_filter_looks_for_words_in_names_states_and_labels() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3", "slash")
        await stage.type("gpu")
        assert list(stage.view.rows.keys) == ["db-1"]  # type: ignore[attr-defined]
        await stage.press("enter")
        assert "1 of 3 match" in stage.text
        await stage.press("escape")
        assert len(stage.view.rows.keys) == 3  # type: ignore[attr-defined]
        await stage.press("slash")
        await stage.type("!gone nothing")
        assert "no agent matches !gone nothing" in stage.text

    perform(script, ANSWERS)


def test_what_an_agent_says_of_itself_steers_no_terminal() -> None:
    hostile = AgentRow(
        agent="evil", state="draining", reason="\x1b]0;owned\x07why", host="h\x1b[2J\u202eost",
        labels=["\x9b31mred"], version="1\r2", slots=2,
    )  # fmt: skip

    async def script(stage: Stage) -> None:
        await stage.press("3")
        assert "why" in stage.text and "ost" in stage.text
        assert not set("\x1b\x07\x9b\r\u202e") & set(stage.text)

    perform(script, {AgentList: AgentPage(agents=[hostile], seq=1)}, size=(160, 40))


def test_enter_opens_the_agent_and_escape_is_back_at_its_row() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3", "enter")
        assert "Agents › db-1" in stage.rows[1]
        load = next(line for line in stage.rows if "k3f9x2mq7a" in line)
        assert "etl" in load and "load" in load and "1m12s" in load
        await stage.pass_time(10)
        assert "1m22s" in stage.text
        assert [each.id for each in stage.view.subjects()] == ["k3f9x2mq7a/load"]
        await stage.press("escape")
        assert "SLOTS" in stage.text and "> db-1" in stage.text.replace(">* ", "> ")

    perform(script, ANSWERS)


def test_an_agent_that_was_forgotten_is_told_as_such() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3", "enter")
        stage.feed.answers[AgentShow] = ProtocolError("not_found", "no agent 'db-1'")
        await stage.press("ctrl+r")
        assert "not_found: no agent 'db-1'" in stage.rows[1]

    perform(script, ANSWERS)


def test_without_agents_it_says_that_nothing_can_run() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        assert "nothing can run" in stage.text and "cdktr start agent" in stage.text

    perform(script, {AgentList: AgentPage()})


def test_a_lost_principal_leaves_the_agents_as_they_were() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        await stage.tell(Link(state="lost", at=NOW - 12))
        assert "old data" in stage.rows[1] and "db-1" in stage.text

    perform(script, ANSWERS)


def test_it_fits_where_there_is_little_room_and_fills_much() -> None:
    async def narrow(stage: Stage) -> None:
        await stage.press("3")
        assert "db-1" in stage.text and "up" in stage.text

    async def wide(stage: Stage) -> None:
        await stage.press("3")
        assert "gpu big" in row(stage, "db-1") and "db.example" in row(stage, "db-1")

    perform(narrow, ANSWERS, size=(40, 10))
    perform(wide, ANSWERS, size=(160, 40))


def test_without_more_than_ascii_no_other_character_is_on_the_screen() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3")
        assert "* up" in row(stage, "db-1") and "===-    3/4" in row(stage, "db-1")
        body = "\n".join(stage.rows[2:-1])
        assert body.replace("│", "").replace("›", "").isascii()

    perform(script, ANSWERS, options=Options(fps=1000, glyphs="ascii"))


def test_an_answer_to_a_view_that_is_gone_for_good_is_of_no_interest() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("3", "enter")
        agent, number = stage.view, stage.app.session._number
        await stage.press("escape")
        stage.app.session.past, stage.app.session.future = [], []
        await stage.press("enter", "escape")
        stage.app.session.past, stage.app.session.future = [], []
        await stage.press("1")
        assert not agent.is_running
        reply = AgentDetail(agent=DB, tasks=TASKS, seq=10)
        await stage.tell(*(Answered(number=n, reply=reply) for n in range(number - 2, number + 3)))
        assert "Workflows" in stage.text

    perform(script, {AgentList: PAGE})
