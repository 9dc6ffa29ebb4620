"""What every view can do: the command line, the palette, filter, copy, export, help, principals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual import events

from cdktr_common.catalogue.principal import (
    AgentList,
    AgentPage,
    RunCancel,
    RunStart,
    WorkflowList,
    WorkflowPage,
    WorkflowPause,
)
from cdktr_common.catalogue.values import AgentRow, WorkflowRow
from cdktr_tui.feed.items import Counted, Link
from cdktr_tui.options import Options
from cdktr_tui.session import Place
from cdktr_tui.settings import parse
from tests.tui.stage import HERE, NOW, UP, Stage, perform
from tests.tui.test_acting import ANSWERS, RUN, foot

PROD = Place("prod", "tcp://10.0.0.5:5561", "red", protected=True)


def test_a_command_line_starts_a_workflow_by_a_beginning_of_its_name() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":run et")
        assert foot(stage) == ":run etl"
        await stage.press("enter")
        assert [each.workflow for each in stage.asked(RunStart)] == ["etl"]

    perform(script, ANSWERS)


def test_a_command_line_takes_params_and_needs_no_form_then() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":run report day='mo n' mode=full")
        await stage.press("enter")
        (asked,) = stage.asked(RunStart)
        assert asked.params == {"day": "mo n", "mode": "full"}

    perform(script, ANSWERS)


def test_what_is_wrong_with_a_command_stays_to_be_mended() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":pasue etl")
        await stage.press("enter")
        assert foot(stage).endswith("there is no command 'pasue'; pause?")
        await stage.press("ctrl+u")
        await stage.type("pause etl")
        await stage.press("enter")
        assert [each.workflow for each in stage.asked(WorkflowPause)] == ["etl"]

    perform(script, ANSWERS)


def test_commands_of_before_come_back_with_up() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":pause etl")
        await stage.press("enter", "colon", "up")
        assert foot(stage) == ":pause etl"

    perform(script, ANSWERS)


def test_a_number_goes_to_the_row_and_esc_leaves_the_line() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":3")
        await stage.press("enter")
        assert stage.view.rows.cursor == "report"
        await stage.type(":q")
        await stage.press("escape")
        assert "? help" in foot(stage)

    perform(script, ANSWERS)


def test_the_command_q_quits() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":q")
        await stage.pilot.press("enter")
        await stage.pilot.pause()
        assert stage.app.return_code == 0

    perform(script, ANSWERS)


def test_a_filter_is_used_while_it_is_typed_and_esc_brings_back_what_was() -> None:
    async def script(stage: Stage) -> None:
        await stage.type("/ba")
        assert "report" not in stage.text and foot(stage).endswith("1 of 3 match")
        await stage.press("escape")
        assert "report" in stage.text and stage.view.filter == ""
        await stage.type("/re")
        await stage.press("enter")
        assert stage.view.filter == "re" and "backup" not in stage.text

    perform(script, ANSWERS)


def test_the_palette_finds_actions_and_objects_by_some_letters() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "ctrl+p")
        await stage.type("pause")
        await stage.press("enter")
        assert [each.workflow for each in stage.asked(WorkflowPause)] == ["etl"]
        await stage.press("ctrl+p")
        await stage.type("run etl")
        await stage.press("enter")
        assert [each.workflow for each in stage.asked(RunStart)] == ["etl"]
        await stage.press("ctrl+p")
        await stage.type("cdktr-light")
        await stage.press("enter")
        assert stage.app.theme == "cdktr-light"
        await stage.press("ctrl+p")
        await stage.type("xyzzy")
        assert "nothing fits" in stage.text
        await stage.press("escape")
        assert "nothing fits" not in stage.text

    perform(script, ANSWERS)


def test_the_help_lists_the_keys_of_the_place_it_was_asked_from() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("?")
        assert "Keys of workflows" in stage.text
        await stage.type("/cancel")
        await stage.press("enter")
        assert "cancel the run; once more: end it now" in stage.text
        assert "the last row" not in stage.text
        await stage.press("q")
        assert stage.view.NAME == "workflows"

    perform(script, ANSWERS)


def test_a_copy_is_chosen_from_what_there_is_of_the_row() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "y", "i")
        assert stage.app.clipboard == "etl"
        await stage.press("y", "c")
        assert stage.app.clipboard == "cdktr-trigger --workflow etl"
        await stage.press("y", "j")
        assert json.loads(stage.app.clipboard)["workflow"] == "etl"
        await stage.press("y", "r")
        assert stage.app.clipboard.split()[:1] == ["etl"]

    perform(script, ANSWERS)


def test_an_export_writes_a_new_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for form, name in (("n", "a.ndjson"), ("c", "a.csv"), ("t", "a.txt")):
            await stage.press("e", form, "ctrl+u")
            stage.view.foot.asked.paste(str(tmp_path / name))  # type: ignore[union-attr]
            await stage.press("enter")
            assert foot(stage).startswith(" wrote ")
        await stage.press("e", "t", "ctrl+u")
        stage.view.foot.asked.paste(str(tmp_path / "a.txt"))  # type: ignore[union-attr]
        await stage.press("enter")
        assert foot(stage).endswith("there is such a file already")

    perform(script, ANSWERS)
    lines = (tmp_path / "a.ndjson").read_text().splitlines()
    assert [json.loads(line)["workflow"] for line in lines] == ["backup", "etl", "report"]
    assert (tmp_path / "a.csv").read_text().startswith("workflow,")
    assert (tmp_path / "a.txt").read_text().splitlines()[1].split()[0] == "etl"
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o600


def test_nothing_that_leaves_the_program_steers_a_terminal(tmp_path: Path) -> None:
    hostile = WorkflowRow(workflow="etl", description="\x9b2J\x1b]52;c;eA==\x07\u202edrow")

    async def script(stage: Stage) -> None:
        await stage.press("e", "n", "ctrl+u")
        stage.view.foot.asked.paste(str(tmp_path / "a"))  # type: ignore[union-attr]
        await stage.press("enter", "y", "j")
        for text in (stage.app.clipboard, (tmp_path / "a").read_text()):
            assert not set(text) & set("\x1b\x9b\x07\u202e")

    perform(script, {**ANSWERS, WorkflowList: WorkflowPage(workflows=[hostile])})


def test_a_pager_is_given_the_row_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("E")
        assert foot(stage) == " this terminal cannot be given away"

    monkeypatch.setenv("PAGER", "cat")
    perform(script, ANSWERS)


def test_columns_to_sort_by_are_offered_by_name() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("o")
        assert "sort by" in stage.text and "1  workflow" in stage.text
        await stage.press("escape")

    perform(script, ANSWERS)


def test_another_principal_is_gone_to_and_each_keeps_its_views() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "j", "@")
        assert "tcp://10.0.0.5" in stage.text and "PROD" in stage.text
        await stage.pass_time(1)
        stage.feeds["prod"].give(Counted(counts={"runs_running": 7, "failed_day": 2}))
        await stage.settle()
        await stage.pass_time(1)
        prod = next(row for row in stage.rows if "PROD" in row and "tcp" in row)
        assert "7" in prod and "protected" in prod
        await stage.press("j", "enter")
        assert stage.app.session.place.name == "prod" and stage.rows[0].startswith(" PROD")
        await stage.type(":principal local")
        await stage.press("enter")
        assert stage.rows[0].startswith(" local") and stage.view.rows.cursor == "report"

    perform(script, ANSWERS, places=(HERE, PROD), size=(110, 24))


def test_principals_that_were_only_looked_at_are_left_alone_afterwards() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("@")
        await stage.pass_time(1)
        assert set(stage.app.sessions) == {"local", "prod"}
        await stage.press("q")
        assert set(stage.app.sessions) == {"local"}

    perform(script, ANSWERS, places=(HERE, PROD))


def test_diagnostics_tell_what_was_said_and_how_it_stands_with_each_principal() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j", "p")
        await stage.type(":diag")
        await stage.press("enter")
        assert "etl is paused; p resumes it" in stage.text
        assert "ipc:///h/run/principal.sock" in stage.text and "MB at most" in stage.text
        await stage.tell(Link(state="lost", at=NOW), UP)

    perform(script, ANSWERS, size=(100, 40))


def test_a_principal_is_chosen_by_filter_too() -> None:
    async def script(stage: Stage) -> None:
        await stage.type("@/pro")
        assert "10.0.0.5" in stage.text and "principal.sock" not in stage.text

    perform(script, ANSWERS, places=(HERE, PROD), size=(120, 24))


def test_esc_takes_back_the_marks_then_the_filter_and_then_the_view() -> None:
    async def script(stage: Stage) -> None:
        await stage.type("/e")
        await stage.press("enter", "space", "escape")
        assert not stage.view.rows.marks and stage.view.filter == "e"
        await stage.press("escape")
        assert stage.view.filter == "" and "backup" in stage.text

    perform(script, ANSWERS)


def test_panes_are_gone_to_by_letters() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("ctrl+o")
        assert "go to:  a rows" in foot(stage)
        await stage.press("a")
        assert stage.view.focused is stage.view.rows

    perform(script, ANSWERS)


def test_letters_that_come_at_once_after_a_slash_or_colon_all_go_into_the_line() -> None:
    async def script(stage: Stage) -> None:
        for typed in ("/orcrk", ":runq1"):
            for letter in typed:
                stage.app.post_message(
                    events.Key({"/": "slash", ":": "colon"}.get(letter, letter), letter)
                )
            await stage.settle()
            await stage.settle()
            assert foot(stage).startswith(typed)
            await stage.press("escape")
        assert stage.view.NAME == "workflows"
        assert not stage.asked(RunStart) + stage.asked(RunCancel)

    perform(script, ANSWERS)


def test_keys_that_come_at_once_after_a_box_was_opened_go_into_the_box() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("j")
        for key in ("ctrl+p", "r", "e", "p", "o", "r", "t"):
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await stage.settle()
        await stage.settle()
        assert "> report" in stage.text and not stage.asked(RunStart)

    perform(script, ANSWERS)


def test_a_view_may_be_gone_to_with_its_filter() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":agents box1")
        await stage.press("enter")
        assert stage.view.NAME == "agents" and stage.view.filter == "box1"
        assert "db-1" not in stage.text and "box1" in stage.text

    rows = [AgentRow(agent=name, state="ready") for name in ("box1", "db-1")]
    perform(script, {**ANSWERS, AgentList: AgentPage(agents=rows)})


def test_the_output_of_the_last_run_is_gone_to_by_name() -> None:
    async def script(stage: Stage) -> None:
        await stage.type(":logs last")
        await stage.press("enter")
        assert stage.view.NAME == "log" and RUN[:6] in stage.rows[1]

    perform(script, ANSWERS)


def test_own_keys_are_heard_shown_and_explained() -> None:
    async def script(stage: Stage) -> None:
        assert "ctrl+k pause" in foot(stage)
        await stage.press("j", "p")
        assert not stage.asked(WorkflowPause)
        await stage.press("ctrl+k")
        assert [each.workflow for each in stage.asked(WorkflowPause)] == ["etl"]
        await stage.press("ctrl+g")
        assert "Keys of workflows" in stage.text

    own = parse("keys: {act.pause: ctrl+k, view.help: ctrl+g}")
    perform(script, ANSWERS, options=Options(fps=1000, own=own))
