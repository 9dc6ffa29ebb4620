"""The view of output, and the pane that it is made of."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from cdktr_common.catalogue.logd import LogPage, LogQuery, LogRead
from cdktr_common.catalogue.principal import RunStatus, RunWait, TaskList, TaskPage
from cdktr_common.catalogue.values import AttemptRow, RunRow, TaskRow
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.feed.items import Answered, Link, Output
from cdktr_tui.options import Options
from cdktr_tui.views.log import Log
from cdktr_tui.widgets.output import OutputPane
from tests.hostile.corpus import CASES, WORD
from tests.tui.stage import NOW, UP, Stage, perform
from tests.unit.tui.recorder import Recorder

RUN = RunRow(run="r", workflow="w", state="RUNNING", created_ts=NOW, tasks=2)
TASKS = [
    TaskRow(task="t", state="RUNNING", attempts=[
        AttemptRow(n=n, state="FAILED", agent="box", fence=n, assigned_ts=NOW) for n in (1, 2)]),
]  # fmt: skip


def lines(first: int, last: int, word: str = "line") -> bytes:
    return b"".join(f"{word} {number}\n".encode() for number in range(first, last))


def show(
    script: Callable[[Stage, OutputPane], Awaitable[None]],
    recorder: Recorder,
    task: str = "t",
    n: int = 1,
    size: tuple[int, int] = (80, 24),
) -> None:
    async def play(stage: Stage) -> None:
        stage.app.open(views.make("log", stage.app.session, run="r", workflow="w", task=task, n=n))
        await stage.settle()
        assert isinstance(stage.view, Log)
        await script(stage, stage.view.output_pane)

    perform(play, answers(recorder), size=size)


def answers(recorder: Recorder) -> dict:
    return {
        LogQuery: recorder.answer, LogRead: recorder.answer, RunWait: RunStatus(run=RUN),
        TaskList: TaskPage(run="r", tasks=TASKS),
    }  # fmt: skip


async def write(stage: Stage, recorder: Recorder, data: bytes, task: str = "t", **of) -> None:
    pos, chunk = recorder.write(data, task, **of)
    await stage.tell(Output(seq=pos, chunk=chunk))


def test_it_shows_the_newest_lines_and_follows() -> None:
    recorder = Recorder(page=50)
    recorder.write(lines(0, 100))

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert "line 99" in stage.text and "line 70" not in stage.text and "follow" in stage.text
        assert stage.feed.followed == {"log/w/r/t/"}
        await write(stage, recorder, lines(100, 103))
        body = [row for row in stage.rows if row.strip()]
        assert body[-2].endswith("line 102")

    show(script, recorder)


def test_who_scrolls_up_stays_where_he_is_until_end() -> None:
    recorder = Recorder(page=50)
    recorder.write(lines(0, 100))

    async def script(stage: Stage, pane: OutputPane) -> None:
        await stage.press("k", "k")
        before = stage.rows[2:-1]
        await write(stage, recorder, lines(100, 140))
        assert stage.rows[2:-1] == before and "follow" not in stage.rows[1]
        await stage.press("end")
        assert "line 139" in stage.text and "follow" in stage.rows[1]

    show(script, recorder)


def test_one_scrolls_back_to_the_first_line_page_by_page() -> None:
    recorder = Recorder(page=2)
    for number in range(0, 200, 10):
        recorder.write(lines(number, number + 10))

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert "line 0 " not in stage.text
        for _ in range(12):
            await stage.press("pageup")
        assert "line 0 " in stage.rows[2] + " " and pane.script.low is None
        texts = [pane.script.tape.text(number) for number in range(
            pane.script.tape.first, pane.script.tape.end)]  # fmt: skip
        assert texts == [f"line {number}" for number in range(200)]

    show(script, recorder)


def test_g_goes_to_the_beginning_at_once_and_G_back_to_the_newest() -> None:
    recorder = Recorder(page=2)
    for number in range(0, 4000, 100):
        recorder.write(lines(number, number + 100))

    async def script(stage: Stage, pane: OutputPane) -> None:
        await stage.press("g")
        assert "line 0" in stage.rows[2] and len(pane.script.tape) < 1000
        await write(stage, recorder, lines(4000, 4002))
        assert "2 newer" in stage.rows[1]
        await stage.press("G")
        assert "line 4001" in stage.text and "newer" not in stage.rows[1]

    show(script, recorder)


def test_what_the_network_lost_is_there_before_what_came_after_it() -> None:
    recorder = Recorder()

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert "no output yet" in stage.text
        recorder.write(b"lost\n")
        await write(stage, recorder, b"heard\n")
        assert stage.text.index("lost") < stage.text.index("heard") and "refetched" in stage.text

    show(script, recorder)


def test_the_last_words_that_were_lost_are_asked_for_when_it_is_quiet() -> None:
    recorder = Recorder()

    async def script(stage: Stage, pane: OutputPane) -> None:
        await write(stage, recorder, b"heard\n")
        recorder.write(b"last words\n")
        pane._heard_at -= 10
        await stage.pass_time(3)
        assert "last words" in stage.text
        asked = len(stage.asked(LogQuery))
        await stage.pass_time(60)
        assert len(stage.asked(LogQuery)) == asked

    show(script, recorder)


def test_a_search_goes_from_match_to_match_and_shows_only_them() -> None:
    recorder = Recorder(page=50)
    for number in range(200):
        recorder.write(b"%s %d\n" % (b"WARN" if number % 20 == 7 else b"line", number))

    async def script(stage: Stage, pane: OutputPane) -> None:
        await stage.press("/")
        await stage.type("warn")
        await stage.press("enter")
        assert "WARN 187" in stage.text and "/warn" in stage.rows[1]
        await stage.press("N")
        assert pane.row(pane.found or 0).text == "WARN 167"
        for _ in range(9):
            await stage.press("N")
        assert pane.row(pane.found or 0).text == "WARN 7"
        await stage.press("n", "n")
        assert pane.row(pane.found or 0).text == "WARN 47"
        await stage.press("&")
        assert "line" not in "".join(row[9:13] for row in stage.rows[2:-1])
        await stage.press("escape")
        assert pane.sift.pattern is None and "line" in stage.text

    show(script, recorder)


def test_a_match_far_to_the_right_is_found_and_shown() -> None:
    recorder = Recorder()
    for _ in range(4):
        recorder.write(b"A" * 15_000)
    recorder.write(b"END\n" + lines(0, 50))

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert "AEND" not in stage.text
        await stage.type("/AEND")
        await stage.press("enter")
        assert "AEND" in stage.text and "no line matches" not in stage.text
        await stage.type("/line 49")
        await stage.press("enter")
        assert "line 49" in stage.text

    show(script, recorder)


def test_parts_of_a_line_are_one_line_with_one_time_and_copied_as_one() -> None:
    recorder = Recorder()
    recorder.write(b"begin\n")
    for _ in range(3):
        recorder.write(b"A" * 65_000)
    recorder.write(b"END\nlast\n")

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert "3 lines" in stage.text
        times = [row[:8] for row in stage.rows[2:8]]
        assert times[2:4] == ["       …"] * 2 and times[5] == ""
        assert all(times[at].startswith("00:") for at in (0, 1, 4))
        await stage.press("y")
        assert stage.app.clipboard == "begin\n" + "A" * 195_000 + "END\nlast"
        assert "copied 3 lines" in stage.text

    show(script, recorder)


def test_an_expression_that_takes_for_ever_is_given_up_and_keys_go_on() -> None:
    recorder = Recorder()
    recorder.write(b"a" * 3000 + b"\n" + lines(0, 50))

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert pane.find("/(a|a)*b") is None
        await stage.press("n")
        assert "too slow: given up" in stage.rows[1] and "too long on a line" in stage.text
        assert pane.find("line 30") is None
        await stage.press("n")
        assert "line 30" in stage.text

    show(script, recorder)


def test_streams_attempts_and_all_tasks_are_gone_through() -> None:
    recorder = Recorder()
    recorder.write(b"out one\n", n=1)
    recorder.write(b"err one\n", stream="stderr", n=1)
    recorder.write(b"out two\n", n=2)
    recorder.write(b"other task\n", task="u")

    async def script(stage: Stage, pane: OutputPane) -> None:
        await stage.press("s")
        assert "out one" in stage.text and "err one" not in stage.text
        await stage.press("s")
        assert "err one" in stage.text and "out one" not in stage.text
        await stage.press("s", ".")
        assert "out two" in stage.text and "out one" not in stage.text and "try 2" in stage.text
        await stage.press(".")
        assert "out two" in stage.text and "out one" in stage.text
        await stage.press("comma", "comma")
        assert "out two" not in stage.text
        await stage.press("a")
        assert "u        other task" in stage.text and stage.feed.followed == {"log/w/r/"}
        await stage.press("a")
        assert "other task" not in stage.text and "try 1" in stage.text

    show(script, recorder)


def test_wrapped_lines_are_all_there_and_numbers_and_times_change() -> None:
    recorder = Recorder()
    recorder.write(b"begin " + b"x" * 100 + b" end\n")

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert " end" not in stage.rows[2] and "begin" in stage.rows[2]
        await stage.press("w")
        assert "end" in stage.rows[3]
        await stage.press("w", "L", "L", "L")
        assert " end" in stage.rows[2] and "begin" not in stage.rows[2]
        await stage.press("H", "H", "H", "#")
        assert " 1 begin" in stage.rows[2]
        await stage.press("t", "t", "t")
        assert stage.rows[2].startswith("     1 begin")

    show(script, recorder)


def test_one_goes_to_a_time() -> None:
    recorder = Recorder(page=3)
    for number in range(100):
        recorder.write(b"line %d\n" % number)

    async def script(stage: Stage, pane: OutputPane) -> None:
        assert pane.goto("1970-01-01T00:17:10Z") is None
        await stage.settle()
        assert "line 29" in stage.text and "line 99" not in stage.text
        assert pane.goto("nonsense") is not None

    show(script, recorder, size=(80, 12))


def test_without_logd_it_says_so() -> None:
    recorder = Recorder()
    found = answers(recorder) | {LogQuery: ProtocolError("unavailable", "no cdktr-logd is here")}

    async def script(stage: Stage) -> None:
        stage.app.open(views.make("log", stage.app.session, run="r", workflow="w"))
        await stage.settle()
        assert "no cdktr-logd is here" in stage.text
        stage.feed.answers.update(answers(recorder))
        recorder.write(b"it is back\n")
        await stage.press("ctrl+r")
        assert "it is back" in stage.text

    perform(script, found)


@pytest.mark.parametrize("refused", [False, True])
def test_an_answer_to_a_log_that_was_left_touches_nothing(refused: bool) -> None:
    page = TaskPage(run="r", tasks=[])
    given = {LogQuery: LogPage(), RunWait: RunStatus(run=RUN), TaskList: page}

    async def script(stage: Stage) -> None:
        session = stage.app.session
        stage.app.open(views.make("log", session, run="r", task="t"))
        await stage.settle()
        log = stage.view
        stage.app.leave()
        session.past.clear()
        stage.app.switch("local")  # nobody can go back to it now: it is taken down
        await stage.settle()
        assert not log.is_running
        late = [
            Answered(
                number=number, took_s=9.0,
                reply=ProtocolError("unavailable", "away") if refused else given[type(asked)],
            )
            for number, asked in enumerate(stage.feed.requests, 1)
            if type(asked) in given
        ]  # fmt: skip
        assert len(late) == 3
        await stage.tell(*late)
        assert stage.view.is_running and session.followed == stage.view.topics()

    perform(script)


def test_the_workflow_of_a_run_is_asked_for_to_follow_it() -> None:
    recorder = Recorder()

    async def script(stage: Stage) -> None:
        stage.app.open(views.make("log", stage.app.session, run="r"))
        await stage.settle()
        assert stage.feed.followed == {"log/w/r/"}
        await write(stage, recorder, b"heard\n")
        assert "heard" in stage.text

    perform(script, answers(recorder))


@pytest.mark.parametrize("only", [False, True])
def test_nothing_hostile_is_drawn(only: bool) -> None:
    recorder = Recorder(page=200)
    for case in CASES.values():
        recorder.write(case.encode("utf-8", "surrogatepass").replace(b"\n", b"") + b"\n")

    async def script(stage: Stage, pane: OutputPane) -> None:
        if only:
            pane.find(WORD)
            await stage.press("&")
        await stage.press("w")
        shown = [row for row in stage.rows[2:-1] if WORD in row]
        assert len(shown) > 35
        assert all(row.isprintable() or "́" in row for row in shown)

    show(script, recorder, size=(140, 60))


def test_copied_is_what_was_chosen_by_mouse_without_what_steers() -> None:
    recorder = Recorder()
    recorder.write(b"one\n\x1b[31mtwo\x1b[0m\x07\nthree\n")

    async def script(stage: Stage, pane: OutputPane) -> None:
        await stage.pilot.mouse_down(pane, offset=(3, 0))
        await stage.pilot.hover(pane, offset=(3, 1))
        await stage.pilot.mouse_up(pane, offset=(3, 1))
        await stage.press("y")
        assert stage.app.clipboard == "one\ntwo·"

    show(script, recorder)


@pytest.mark.parametrize("form", ["txt", "ndjson", "csv"])
def test_all_output_is_exported_whatever_is_loaded(form: str, tmp_path: Path) -> None:
    recorder = Recorder(page=2)
    for number in range(50):
        recorder.write(b"line %d\nhalf" % number)
        recorder.write(b" line\x1b[31m %d\n" % number)
    path = tmp_path / f"out.{form}"

    async def script(stage: Stage, pane: OutputPane) -> None:
        await stage.press("e")
        assert "write to" in stage.text
        await stage.press("escape")
        assert pane.export(str(path)) is None
        await stage.settle()
        assert "wrote 100 lines" in stage.text
        assert pane.export(str(path)) == "there is such a file already"

    show(script, recorder, size=(200, 24))
    text = path.read_text()
    assert "\x1b" not in text and path.stat().st_mode & 0o777 == 0o600
    if form == "ndjson":
        rows = [json.loads(row) for row in text.splitlines()]
        assert [row["text"] for row in rows[:4]] == [
            "line 0",
            "half line 0",
            "line 1",
            "half line 1",
        ]
        assert [row["line"] for row in rows] == list(range(100))
    elif form == "csv":
        assert text.splitlines()[0] == "time,run,task,n,stream,line,text"
        assert text.count("\n") == 101
    else:
        assert text.splitlines()[99].endswith(" half line 49")


def test_a_lost_link_leaves_old_lines_and_what_was_missed_comes_after() -> None:
    recorder = Recorder()
    recorder.write(b"before\n")

    async def script(stage: Stage, pane: OutputPane) -> None:
        await stage.tell(Link(state="lost", at=NOW - 10))
        assert pane.dimmed and "before" in stage.text
        recorder.write(b"meanwhile\n")
        await stage.tell(UP)
        assert not pane.dimmed and "meanwhile" in stage.text

    show(script, recorder)


def test_a_recorder_that_is_away_leaves_old_lines_and_what_was_missed_comes_after() -> None:
    recorder = Recorder()
    recorder.write(b"before\n")

    async def script(stage: Stage, pane: OutputPane) -> None:
        gone = msgspec.structs.replace(UP, logd_at=NOW - 10)
        await stage.tell(gone)
        assert pane.dimmed and "before" in stage.text
        assert "recorder away 10 s" in stage.rows[0] and "recorder away 10 s" in stage.rows[1]
        await stage.pass_time(4)
        assert "recorder away 14 s" in stage.rows[1]
        stage.feed.answers.pop(LogQuery)  # it answers nothing
        pane.show(pane.scope._replace(n=2))
        await stage.settle()
        assert "loading" not in stage.text and "0+ lines" not in stage.text
        assert "recorder away" in stage.rows[2]
        stage.feed.answers[LogQuery] = recorder.answer
        pane.show(pane.scope._replace(n=1))
        await stage.settle()
        recorder.write(b"meanwhile\n")
        await stage.tell(UP)
        assert not pane.dimmed and "meanwhile" in stage.text and "away" not in stage.text

    show(script, recorder)


def test_output_opened_while_the_recorder_is_away_says_so() -> None:
    async def script(stage: Stage) -> None:
        await stage.tell(msgspec.structs.replace(UP, logd_at=NOW - 7))
        for what in ({"run": "r", "workflow": "w"}, {"run": "r"}):
            stage.app.open(views.make("log", stage.app.session, **what))
            await stage.settle()
            assert "recorder away 7 s" in stage.rows[1] and "loading" not in stage.text
        await stage.press("6")
        assert "recorder away 7 s" in stage.rows[1]
        await stage.type(":diagnostics")
        await stage.press("enter")
        assert any("recorder away" in row for row in stage.rows[3:])
        await stage.tell(msgspec.structs.replace(UP, logd=False))
        assert "no recorder" in stage.rows[0]

    perform(script, answers(Recorder()) | {LogQuery: lambda _: None})


def test_where_only_ascii_can_be_shown_nothing_else_is() -> None:
    recorder = Recorder()
    recorder.write(b"one\n", task="a-name-that-is-far-too-long")
    recorder.write(b"two\n")

    async def script(stage: Stage) -> None:
        stage.app.open(views.make("log", stage.app.session, run="r", workflow="w"))
        await stage.settle()
        await stage.press("m")
        assert "one" in stage.text and "marked" in stage.text and stage.text.isascii()

    perform(script, answers(recorder), options=Options(glyphs="ascii", fps=1000))
