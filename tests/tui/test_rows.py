"""The list and the canvas on a screen: keys, the mouse, and that only what changed is painted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen

from cdktr_tui import themes
from cdktr_tui.draw.line import line
from cdktr_tui.terminal.glass import Glass
from cdktr_tui.terminal.program import Governed, Terminal, pieces, screen_text
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.columns import Cell, Column
from cdktr_tui.widgets.rows import RowsView

ROWS = 40
COLUMNS = (
    Column("name", "NAME", 8, flex=1),
    Column("state", "STATE", 8),
    Column("dur", "DUR", 5, ">", rank=1),
)
KEYS = {
    "j": "down", "k": "up", "g": "top", "G": "bottom", "space": "mark", "V": "mark_range",
    "asterisk": "mark_all", "ctrl+d": "half_down", "ctrl+u": "half_up", "pagedown": "page_down",
    "pageup": "page_up", "H": "left", "L": "right", "enter": "open", "w": "wide",
}  # fmt: skip


class Small(Terminal):
    """A list over a canvas, whose keys go to the one that has the focus."""

    BINDINGS = [Binding(key, f"pass('{action}')") for key, action in KEYS.items()]
    CSS = "RowsView { height: 1fr; } Canvas { height: 6; }"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.sent: list[int] = []
        self.rows = RowsView(COLUMNS, self.cells)
        self.canvas = Canvas([line(f"line {n}", ("." * 100, "dim")) for n in range(20)])
        self._seen: Glass | None = None

    def cells(self, key: str, now: int) -> list[Cell]:
        self.asked.append(key)
        return [key, ("running", "run"), f"{now}s"]

    def get_default_screen(self) -> Screen[object]:
        return Governed()

    def compose(self) -> ComposeResult:
        yield self.rows
        yield self.canvas

    def on_mount(self) -> None:
        for theme in themes.ALL:
            self.register_theme(theme)
        self.theme = "cdktr-dark"
        self.rows.set_keys([f"row-{n}" for n in range(ROWS)])

    def action_pass(self, action: str) -> None:
        getattr(self.focused, f"action_{action}")()

    def on_message_said(self, message: Message) -> None:
        self.said.append(type(message).__name__)

    @on(RowsView.Moved)
    @on(RowsView.Opened)
    @on(RowsView.Sorted)
    @on(RowsView.Marked)
    @on(RowsView.NearEnd)
    def _rows_said(self, message: RowsView.Said) -> None:
        self.said.append(f"{type(message).__name__} {message.key}")

    @on(Canvas.Hit)
    def _hit(self, message: Canvas.Hit) -> None:
        self.said.append(f"Hit {message.row},{message.col}")

    def _display(self, screen: Screen[object], renderable: object) -> None:
        """What a terminal would be sent is counted."""
        if self._seen is None:
            self._seen = Glass(*self.size)
        for y, x, strip in pieces(renderable):  # type: ignore[arg-type]
            self._seen.put(y, x, strip)
        self.sent.append(len(self._seen.frame()))
        super()._display(screen, renderable)  # type: ignore[arg-type]


Script = Callable[[Small, Pilot[int]], Awaitable[None]]


def perform(script: Script, size: tuple[int, int] = (40, 16)) -> None:
    async def run() -> None:
        app = Small()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            app.said.clear()
            app.asked.clear()
            app.sent.clear()
            await script(app, pilot)

    asyncio.run(run())


def shown(app: Small) -> list[str]:
    return screen_text(app).splitlines()


def test_rows_stand_under_their_titles_beside_a_scroll_bar() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        rows = shown(app)
        assert rows[0] == "  NAME                  STATE      DUR"
        assert rows[1] == "> row-0                 running     0s █"
        assert rows[9] == "  row-8                 running     0s │"

    perform(script)


def test_keys_move_mark_and_open() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        await pilot.press("j", "space", "j", "V", "enter")
        assert app.rows.selected() == ["row-1", "row-2", "row-3"]
        assert shown(app)[4].startswith(">*row-3") and shown(app)[2].startswith(" *row-1")
        assert "Opened row-3" in app.said and "Marked row-1" in app.said
        await pilot.press("G")
        assert app.rows.cursor == "row-39" and shown(app)[9].startswith("> row-39")
        await pilot.press("g", "ctrl+d", "pagedown", "pageup", "ctrl+u")
        assert app.rows.cursor == "row-0"
        await pilot.press("asterisk")
        assert len(app.rows.selected()) == ROWS
        assert app.rows.unmark() and not app.rows.unmark()

    perform(script)


def test_the_end_of_the_list_is_told_once_for_each_length() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        await pilot.press("G", "g", "G")
        assert app.said.count("NearEnd row-39") == 1
        app.rows.set_keys([f"row-{n}" for n in range(60)])
        await pilot.press("G")
        assert app.said.count("NearEnd row-59") == 1

    perform(script)


def test_the_mouse_selects_opens_sorts_and_scrolls() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        await pilot.click(RowsView, offset=(5, 3))
        assert app.rows.cursor == "row-2" and "Opened row-2" not in app.said
        await pilot.click(RowsView, offset=(5, 3), times=2)
        assert "Opened row-2" in app.said
        await pilot.click(RowsView, offset=(27, 0))
        assert app.said[-1] == "Sorted state"
        app.rows.set_sort(("state", True))
        await pilot._post_mouse_events([_wheel()], RowsView, offset=(5, 5))
        await pilot.pause()
        assert shown(app)[0].split()[1] == "STATE▾"
        assert app.rows.cursor == "row-2" and shown(app)[1].startswith("  row-3")

    perform(script)


def _wheel() -> type:
    from textual.events import MouseScrollDown

    return MouseScrollDown


def test_only_rows_in_sight_are_asked_for_and_one_that_changed_costs_its_cells() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        app.rows.now = 1
        app.rows.touch("row-3", "row-39", "no such row")
        await pilot.pause()
        assert app.asked == ["row-3"]
        assert 0 < sum(app.sent) < 60
        app.rows.tick(1)
        await pilot.pause()
        app.sent.clear()
        app.rows.touch("row-3")
        app.rows.set_keys(list(app.rows.keys))
        await pilot.pause()
        assert sum(app.sent) == 0

    perform(script)


def test_a_hundred_thousand_rows_cost_what_ten_cost() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        app.rows.set_keys([f"row-{n}" for n in range(100_000)])
        app.asked.clear()
        await pilot.press("G")
        assert app.rows.cursor == "row-99999" and len(app.asked) <= 3 * app.rows.page

    perform(script)


def test_clocks_go_on_in_sight_and_old_data_is_dim() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        app.rows.tick(7)
        app.rows.dim(True)
        await pilot.pause()
        assert shown(app)[2].split()[2] == "7s"
        assert app.rows.strip(2)._segments[-1].style == app.rows.colours.style("dim")

    perform(script)


def test_an_empty_list_says_why_and_a_note_stands_below() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        app.rows.set_empty([line(("no workflow matches", "dim")), line("esc clears")])
        app.rows.set_keys([])
        app.rows.set_note("0 of 40 match")
        await pilot.pause()
        assert shown(app)[2:4] == ["  no workflow matches", "  esc clears"]
        assert shown(app)[9] == "                         0 of 40 match".rjust(39)
        assert app.rows.selected() == [] and app.said[-1] == "Moved "
        app.rows.action_open()
        app.rows.action_mark()

    perform(script)


def test_narrow_lists_leave_columns_out_and_show_them_sideways() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        assert shown(app)[0].split() == ["NAME", "STATE"]
        await pilot.press("L", "L", "L", "L", "L", "L", "L", "L")
        assert "DUR" in shown(app)[0]
        await pilot.press(*"HHHHHHHH")
        assert shown(app)[0].split() == ["NAME", "STATE"]

    perform(script, (21, 16))


def test_another_theme_and_another_size_are_painted_at_once() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        dark = app.rows.strip(3)
        app.theme = "cdktr-light"
        await pilot.pause()
        light = app.rows.render_line(3)
        assert light.text == dark.text and light != dark
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert shown(app)[1].endswith("0s █") and len(shown(app)[1]) == 60
        assert app.rows.page == 13

    perform(script)


def test_a_canvas_scrolls_both_ways_and_tells_what_was_hit() -> None:
    async def script(app: Small, pilot: Pilot[int]) -> None:
        app.canvas.focus()
        await pilot.press("j", "j", "L")
        assert shown(app)[10] == "." * 40
        await pilot.click(Canvas, offset=(3, 1))
        assert app.said[-1] == "Hit 3,11"
        app.canvas.reveal(19, 0)
        await pilot.pause()
        assert shown(app)[15].startswith("line 19")
        app.canvas.put(19, line("another"))
        await pilot.pause()
        assert shown(app)[15] == "another"
        app.canvas.show([line("one")])
        await pilot.pause()
        assert shown(app)[10:] == ["one", "", "", "", "", ""]

    perform(script)
