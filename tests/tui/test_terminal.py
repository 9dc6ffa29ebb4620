"""What is done to Textual behind its back: each private name is used here, so that a version that
has another one fails here."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.color import Color
from textual.containers import Vertical
from textual.drivers._writer_thread import WriterThread
from textual.filter import NoColor
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from cdktr_common import clean
from cdktr_tui import themes
from cdktr_tui.terminal.program import (
    AGAIN_S,
    SLOWEST_S,
    Governed,
    Governor,
    Terminal,
    TerminalDriver,
    screen_text,
)
from cdktr_tui.terminal.wall import Wall, harmless
from tests.hostile.corpus import CASES

BLACK = Color(0, 0, 0)


class App(Terminal):
    """Says a text, through a widget that takes it as it comes."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, text: str = "hello") -> None:
        super().__init__()
        self.text = text
        self.stuck = False

    @property
    def busy(self) -> bool:
        return self.stuck

    def get_default_screen(self) -> Screen[object]:
        return Governed()

    def compose(self) -> ComposeResult:
        yield Static(self.text, markup=False)
        yield Input(self.text)

    def on_mount(self) -> None:
        self.register_theme(themes.ANSI)


def perform(script: Callable[[App, Pilot[int]], Awaitable[None]], app: App | None = None) -> App:
    shown = app or App()

    async def run() -> None:
        async with shown.run_test(size=(60, 12)) as pilot:
            await pilot.pause()
            await script(shown, pilot)

    asyncio.run(run())
    return shown


@pytest.mark.parametrize("name", CASES)
def test_no_hostile_text_gets_by_whatever_widget_it_is_given_to(name: str) -> None:
    async def script(app: App, pilot: Pilot[int]) -> None:
        app.notify(CASES[name], title=CASES[name], markup=False)
        await pilot.pause()
        for row in screen_text(app).split("\n"):
            assert clean.is_clean(row), repr(row)

    perform(script, App(CASES[name]))


def test_the_wall_lets_harmless_text_pass_as_it_is() -> None:
    texts = ["plain", "✓ 漢字 é", "│ ▴ ·"]
    segments = [Segment(text, Style(color="red")) for text in texts]
    assert Wall().apply(segments, BLACK) == segments
    assert harmless("a\x1b[31mb\u202ec\x9b") == "a·[31mb·c·"


def test_a_colour_that_the_terminal_has_anyway_is_not_said() -> None:
    given = [Segment("a", Style(color="default", bgcolor="default")), Segment("b", Style.null())]
    assert Wall().apply(given, BLACK) == [Segment("a", None), Segment("b", None)]


def test_without_colours_nothing_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(app: App, pilot: Pilot[int]) -> None:
        app.query_one(Static).update("some text")
        await pilot.pause()
        styles = [style for strip in _strips(app) for _, style, _ in strip if style]
        assert not [style for style in styles if style.color or style.bgcolor]
        assert not any(isinstance(each, NoColor) for each in app.get_line_filters())

    perform(script)


def _strips(app: App) -> Iterator[list[Segment]]:
    for strip in app.screen._compositor.render_strips():
        yield list(strip)


def test_while_the_terminal_is_behind_nothing_is_painted_and_then_all_at_once() -> None:
    shown: list[object] = []

    async def script(app: App, pilot: Pilot[int]) -> None:
        app.post_display_hook = lambda: shown.append(1)  # type: ignore[method-assign]
        app.stuck = True
        for n in range(5):
            app.query_one(Static).update(f"news {n}", layout=False)
            await pilot.pause(0.03)
        assert not shown
        app.stuck = False
        await pilot.pause(0.1)
        assert len(shown) == 1 and "news 4" in screen_text(app)

    perform(script)


def test_a_slow_line_is_left_free_most_of_the_time_and_a_fast_one_gets_all_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, took = [100.0], [0.0]
    monkeypatch.setattr("cdktr_tui.terminal.program.time.monotonic", lambda: now[0])
    monkeypatch.setattr(App, "took_s", property(lambda _: took[0]))
    app = App()
    governor = Governor(app, 20)
    assert governor.ready() and governor.wait() == 0
    governor.drawn()
    assert governor.wait() == pytest.approx(0.05)
    app.stuck = True
    now[0] += 0.2
    assert not governor.ready() and governor.wait() == AGAIN_S
    app.stuck, took[0] = False, 0.1
    governor.drawn()
    assert governor.wait() == pytest.approx(0.4)
    took[0] = 5.0
    governor.drawn()
    assert governor.wait() == SLOWEST_S
    took[0] = 0.0
    for _ in range(20):
        governor.drawn()
    assert governor.wait() == pytest.approx(0.05)


def test_a_fault_of_ours_tells_no_secrets(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def script(app: App, pilot: Pilot[int]) -> None:
        secret = "hunter2"

        def broken() -> None:
            inside = secret * 2
            raise KeyError("a name\x1b]0;title\x07" + inside[:0])

        app.call_later(broken)
        await pilot.pause()
        await pilot.pause()

    app = App()
    app.faults = tmp_path / "log"
    with pytest.raises(KeyError):
        perform(script, app)
    assert app.return_code == 125
    file = tmp_path / "log" / "tui-faults.txt"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    record, told = file.read_text(), capfd.readouterr()
    assert "KeyError" in record and "broken" in record
    assert "hunter2" not in record.replace('secret = "hunter2"', "") and "hunter2" not in told.err


def test_what_fails_in_a_callback_of_the_loop_is_a_fault_as_well() -> None:
    def fail() -> None:
        raise LookupError("in a callback")

    async def script(app: App, pilot: Pilot[int]) -> None:
        asyncio.get_running_loop().call_soon(fail)
        await pilot.pause()
        await pilot.pause()

    app = App()
    with pytest.raises(LookupError):
        perform(script, app)
    assert app.return_code == 125


class Opens(App):
    """Its key `o` gives the focus to an input, as Textual does: a little later."""

    BINDINGS = [("o", "open"), ("x", "wrong")]
    wrong = 0

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Button("first")
            yield Input(select_on_focus=False)

    def action_open(self) -> None:
        self.query_one(Input).focus()

    def action_wrong(self) -> None:
        self.wrong += 1


def test_keys_that_come_at_once_go_where_the_ones_before_them_lead() -> None:
    async def script(app: App, pilot: Pilot[int]) -> None:
        app.query_one(Button).focus()
        await pilot.pause()
        for letter in "oxox abc":
            app.post_message(events.Key(letter if letter != " " else "space", letter))
        await pilot.pause()
        await pilot.pause()
        assert app.query_one(Input).value == "xox abc"
        assert isinstance(app, Opens) and app.wrong == 0

    perform(script, Opens())


def test_textual_has_the_private_names_that_are_used() -> None:
    app = App()
    names = (
        "_display", "_fatal_error", "_close_messages_no_wait", "_print_error_renderables",
        "_exit_renderables", "_return_code", "_begin_update", "_end_update", "_batch_count",
        "_running", "_closed", "_driver", "_exception",
    )  # fmt: skip
    assert not [name for name in names if not hasattr(app, name)]
    assert hasattr(app.console, "_color_system") and hasattr(Screen, "_on_timer_update")
    assert hasattr(WriterThread(sys.stderr), "_queue")
    assert app.get_driver_class() is TerminalDriver
