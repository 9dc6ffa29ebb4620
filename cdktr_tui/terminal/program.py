"""The terminal that is drawn on, and all that is done to Textual behind its back.

Textual assumes a fast terminal, text that means no harm and a developer who reads its crashes. Here
a slow one is never waited for (frames are left out, keys are not), nothing that reaches it can
steer it, a fault of ours tells no secrets, and it is put back in order however the program ends.
Names that are private to Textual occur in this file alone; `tests/tui/test_terminal.py` uses each
of them, so that another version of it fails there and not in front of somebody.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.color import ColorSystem
from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip

from cdktr_common import clean
from cdktr_common.errors import OWN_FAULT
from cdktr_tui.terminal import signals
from cdktr_tui.terminal.glass import Glass
from cdktr_tui.terminal.pipe import Pipe
from cdktr_tui.terminal.wall import Wall

if TYPE_CHECKING:
    from textual.drivers._writer_thread import WriterThread

SMALLEST: Final = (40, 10)
"""Cells and rows below which nothing useful can be drawn."""
SLOWEST_S: Final = 1.0
"""The longest time between two frames over a slow line."""
FREE: Final = 4
"""So many times as long as a line needs for a frame it is left to others until the next one."""
FORGETS: Final = 0.7
"""How much of the slowest frame is still believed one frame later."""
AGAIN_S: Final = 0.01
"""When a terminal that is behind is looked at again."""
STUCK_S: Final = 1.0
"""A key that is not done with after so long keeps no other one waiting."""
HUNG_UP: Final = 128 + signal.SIGHUP
LAST_WORDS_S: Final = 1.0
"""How long a terminal that takes nothing is waited for at the end."""


class TerminalDriver(LinuxDriver):
    """Textual's driver, which knows how far the terminal has got."""

    _file: Any
    _writer_thread: WriterThread | None

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self.pipe = Pipe(sys.__stderr__)
        self._file = self.pipe

    @property
    def busy(self) -> bool:
        """Has the terminal still to take something that was drawn?"""
        thread = self._writer_thread
        return self.pipe.writing or (thread is not None and thread._queue.qsize() > 0)

    @property
    def hung_up(self) -> bool:
        """Is the terminal gone?"""
        try:
            termios.tcgetattr(self.fileno)
        except termios.error:
            return True
        return self.pipe.broken

    def start_application_mode(self) -> None:
        self.pipe.hurry(None)
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if isinstance(self._app, Terminal):
            self._loop.call_soon_threadsafe(self._app.call_later, self._app.redraw)

    def disable_input(self) -> None:
        self.pipe.hurry(LAST_WORDS_S)
        super().disable_input()


class Terminal(App[int]):
    """An app on a terminal that may be slow, without colours, or gone."""

    HORIZONTAL_BREAKPOINTS = [
        (0, "-tiny"), (SMALLEST[0], "-narrow"), (80, "-normal"), (120, "-wide"),
    ]  # fmt: skip
    VERTICAL_BREAKPOINTS = [
        (0, "-flat"), (SMALLEST[1], "-low"), (24, "-middle"), (36, "-tall"),
    ]  # fmt: skip

    faults: Path | None = None
    """The directory for what is known of faults of our own; None: they are only named."""

    def __init__(self) -> None:
        super().__init__()
        self._glass: Glass | None = None
        self._keys: deque[events.Key] = deque()
        self._key: events.Key | None = None
        self._key_since = 0.0
        self._wall = Wall(colours=not self.no_color)

    def get_driver_class(self) -> type[Driver]:
        return TerminalDriver

    def get_line_filters(self) -> Sequence[LineFilter]:
        if self.no_color:
            return (self._wall,)
        return (*super().get_line_filters(), self._wall)

    @property
    def busy(self) -> bool:
        """Is the terminal slower than we are just now?"""
        return isinstance(self._driver, TerminalDriver) and self._driver.busy

    @property
    def took_s(self) -> float:
        """How long the terminal needed to take what it was given last."""
        return self._driver.pipe.took_s if isinstance(self._driver, TerminalDriver) else 0.0

    @property
    def written(self) -> int:
        """Bytes that the terminal was given."""
        return self._driver.pipe.written if isinstance(self._driver, TerminalDriver) else 0

    # Keys that come at once, as over a slow line. Textual sends each to who has the focus when it
    # comes; but the key before it may be on its way still, and give the focus to another.

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._keys.append(event)
            if self._key is None or time.monotonic() - self._key_since > STUCK_S:
                await self._next_key()
        else:
            await super().on_event(event)

    @property
    def keys_done(self) -> bool:
        """Has every key that came been done with?"""
        return self._key is None and not self._keys

    async def _next_key(self) -> None:
        self._key = None
        while self._keys and self._key is None:
            self._key, self._key_since = self._keys.popleft(), time.monotonic()
            target = self.focused or self.screen
            await super().on_event(self._key)
            if self._key.is_forwarded:
                self._after_key(self._key, target)
            else:
                self._key = None

    def _after_key(self, key: events.Key, node: MessagePump) -> None:
        """Goes the way of the key, one behind it."""
        if not node.call_later(self._passed_key, key, node):
            self.call_later(self._handled_key, key)

    def _passed_key(self, key: events.Key, node: MessagePump) -> None:
        parent = node._parent
        if parent is None or key._stop_propagation:
            # Once more, for what it has asked to be done later: another focus.
            self.call_later(self.call_later, self._handled_key, key)
        else:
            self._after_key(key, parent)

    async def _handled_key(self, key: events.Key) -> None:
        if key is self._key:
            await self._next_key()

    def redraw(self) -> None:
        """Draw everything again: something else has written on the terminal."""
        self._glass = None
        if self._screen_stack:
            self.screen.refresh()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """As Textual's, but of a frame only what differs from the one before is sent."""
        driver = self._driver
        if not isinstance(driver, TerminalDriver) or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
            return
        if driver.pipe.broken:
            self.exit(None, HUNG_UP)
        if self._batch_count or self._closed or not self._running:
            return
        size = (self.size.width, self.size.height)
        if self._glass is None or (self._glass.cols, self._glass.rows) != size:
            colours = self.console._color_system or ColorSystem.TRUECOLOR
            self._glass = Glass(*size, colours)
        for y, x, strip in pieces(renderable):
            self._glass.put(y, x, strip)
        sequence = self._glass.frame(screen.outer_size.clamp_offset(self.cursor_position))
        if sequence:
            self._begin_update()
            driver.write(sequence)
            self._end_update()
        self.post_display_hook()

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_failed)
        if not self.is_headless:
            signals.obey(lambda code: self.exit(None, code))

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something failed that the loop called: asyncio would write that on the screen, and go on
        with half of it done."""
        error = context.get("exception")
        if isinstance(error, Exception):
            self._handle_exception(error)

    # A fault of our own: what is known of it goes to a file, without what the variables held.

    def _fatal_error(self) -> None:
        error = self._exception
        said = "".join(traceback.format_exception_only(error))
        self._give_up(said, "".join(traceback.format_exception(error)))

    def panic(self, *renderables: RenderableType) -> None:
        with self.error_console.capture() as told:
            self.error_console.print(*renderables)
        words = told.get().strip()
        if isinstance(self._driver, TerminalDriver) and self._driver.hung_up:
            self.exit(None, HUNG_UP)  # its keys cannot be read because nobody is there
        else:
            self._give_up(words.rsplit("\n", 1)[-1], words)

    def _give_up(self, said: str, all_of_it: str) -> None:
        if not self._exit_renderables:
            where = self._record(all_of_it)
            more = f"; more in {where}" if where else ""
            said = clean.line(said.strip(), 300)
            self._exit_renderables.append(
                Text(f"cdktr-tui: stopped by a fault of its own: {said}{more}")
            )
        self._return_code = OWN_FAULT
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        try:
            super()._print_error_renderables()
        except OSError:
            pass  # nobody is there to read it

    def _record(self, all_of_it: str) -> Path | None:
        if self.faults is None:
            return None
        file = self.faults / "tui-faults.txt"
        try:
            self.faults.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "w", errors="replace") as out:
                out.write(
                    f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} pid {os.getpid()}\n{all_of_it}\n"
                )
        except OSError:
            return None
        return file


def pieces(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]]:
    """The rows of an update, in pieces: row, cell, and what stands there."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, first, last in update.spans:
            for end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if piece is not None and x < last and end > first:
                    yield y, x, piece


class Governed(Screen[Any]):
    """A screen that is painted only while the terminal keeps up: what changes meanwhile is painted
    when it has, once. Base of everything that is shown."""

    def _on_timer_update(self) -> None:
        if not (isinstance(self.app, Terminal) and self.app.busy):
            super()._on_timer_update()  # else its timer goes on, and asks again


class Governor:
    """How often frames are drawn: `fps` times a second, and over a slow line so seldom that it is
    free most of the time, for what a key changes."""

    def __init__(self, app: Terminal, fps: float) -> None:
        self._app = app
        self._least = self._pause = 1 / fps
        self._drawn = float("-inf")
        self._slow = 0.0

    def wait(self) -> float:
        """Seconds from now to the next frame, as far as can be said."""
        due = self._drawn + self._pause - time.monotonic()
        return max(due, AGAIN_S if self._app.busy else 0.0)

    def ready(self) -> bool:
        """May a frame be drawn? Not while the terminal is behind."""
        return not self._app.busy

    def drawn(self) -> None:
        """A frame is drawn now."""
        self._drawn = time.monotonic()
        self._slow = max(self._app.took_s, self._slow * FORGETS)
        self._pause = min(SLOWEST_S, max(self._least, FREE * self._slow))


def screen_text(app: App[Any]) -> str:
    """What is on the screen as plain text, a line for each row, without blanks at their ends."""
    return "".join(f"{strip.text.rstrip()}\n" for strip in strips(app))


def screen_ansi(app: App[Any]) -> str:
    """What is on the screen with its colours, as a terminal takes it."""
    colours = app.console._color_system
    rows = []
    for strip in strips(app):
        for text, style, _ in strip:
            rows.append(style.render(text, color_system=colours) if style else text)
        rows.append("\n")
    return "".join(rows)


def strips(app: App[Any]) -> list[Strip]:
    """The rows of the screen."""
    return [Strip(row) for row in app.screen._compositor.render_strips()]
