"""How this program itself does: what it was told, what it waits for, how much it draws.

For whoever wonders whether the screen or the system is slow. Nothing here asks a principal.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Set

from textual import __version__ as textual_version
from textual.app import ComposeResult
from textual.widget import Widget

from cdktr_common import __version__, clean
from cdktr_tui.draw import standing, times
from cdktr_tui.draw.line import Line, fit, line, plain
from cdktr_tui.feed.items import Link
from cdktr_tui.view import View
from cdktr_tui.views.help import search
from cdktr_tui.widgets.canvas import Canvas
from cdktr_tui.widgets.prompt import Note


class Diagnostics(View):
    """`:diagnostics`."""

    NAME = "diagnostics"
    TITLE_ = "Diagnostics"

    def body(self) -> ComposeResult:
        yield Canvas(id="report")

    def pane(self) -> Widget | None:
        return self.query_one(Canvas)

    def load(self) -> None:
        self.loaded = True
        self._draw()

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        self._draw()

    def tick(self, now: float) -> None:
        self._draw()

    def filtered(self, text: str) -> Note | None:
        self._draw()
        return None

    def action_export(self) -> None:
        self.write("cdktr-diagnostics", "txt", "\n".join(map(plain, self._lines())) + "\n")

    def _draw(self) -> None:
        self.query_one(Canvas).show(search(self._lines(), self.filter))

    def _lines(self) -> list[Line]:
        return [
            *self._program(), (), *self._principals(), (), line(("what was said", "head")),
            *self._said(),
        ]  # fmt: skip

    def _program(self) -> list[Line]:
        app = self.cdktr
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        python = ".".join(map(str, sys.version_info[:3]))
        shown = [
            ("version", f"{__version__}, Textual {textual_version}, Python {python}"),
            ("screen", f"{app.size.width}x{app.size.height}, {app.signs.name} signs, {app.theme}"),
            ("frames", f"at most {app.options.fps:g} a second"),
            ("written", f"{app.written:,} bytes to the terminal"),
            ("memory", f"{memory:.0f} MB at most"),
        ]
        return [line(("this program", "head")), *(_pair(*pair) for pair in shown)]

    def _principals(self) -> list[Line]:
        found: list[Line] = []
        for name, session in self.cdktr.sessions.items():
            model, link = session.model, session.model.link
            topics = " ".join(sorted(session.followed)) or "nothing"
            shown = [
                ("address", session.place.endpoint),
                ("state", f"{link.state} {link.detail}".strip()),
                ("answers in", f"{(link.latency_s or 0) * 1000:.1f} ms"),
                ("recorder", _recorder(link, self.now)),
                ("follows", topics),
                ("waits for", f"{session.waiting} answers"),
                ("knows", f"{len(model.workflows.rows):,} workflows, "
                          f"{len(model.runs.rows):,} runs, {len(model.agents.rows):,} agents"),
                ("newest", f"fact {model.seq:,}"),
            ]  # fmt: skip
            found += [line((clean.line(name, 60), "head")), *(_pair(*pair) for pair in shown)]
        return found

    def _said(self) -> list[Line]:
        told = list(self.cdktr.acting.told)
        return [
            line("  ", (times.clock(ts), "dim"), "  ", text) for ts, text in reversed(told)
        ] or [line(("  nothing yet", "dim"))]


def _recorder(link: Link, now: float) -> str:
    return standing.recorder(link, now) or ("is heard" if link.state == "up" else "not known")


def _pair(name: str, text: str) -> Line:
    return line("  ", (fit(name, 12), "dim"), clean.line(text, 400))
