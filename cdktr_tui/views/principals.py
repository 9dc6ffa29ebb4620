"""All principals that are known here, how it stands with each, and going to one of them.

Only the one that is shown is talked to all the time; the others are asked for a sign of life while
this view is open. Each keeps the views that were open on it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from textual.app import ComposeResult

from cdktr_common import clean
from cdktr_tui.draw.line import Span
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.prompt import Note
from cdktr_tui.widgets.rows import Column, RowsView

COLUMNS = (
    Column("name", "PRINCIPAL", 14, flex=1),
    Column("state", "STATE", 12),
    Column("latency", "ANSWERS IN", 10, align=">", rank=2),
    Column("running", "RUNNING", 8, align=">"),
    Column("failed", "FAILED/24H", 10, align=">"),
    Column("agents", "AGENTS", 7, align=">", rank=1),
    Column("version", "VERSION", 9, rank=3),
    Column("rules", "RULES", 10),
    Column("endpoint", "ADDRESS", 16, flex=2, rank=1),
)


class Principals(View):
    """Key `@`."""

    NAME = "principals"
    TITLE_ = "Principals"

    def body(self) -> ComposeResult:
        yield RowsView(COLUMNS, self._cells, id="rows")

    def load(self) -> None:
        self.loaded = True
        self.filtered(self.filter)
        rows = self.query_one(RowsView)
        if rows.cursor is None or not self.stale:
            rows.move_to(self.cdktr.session.place.name)

    def filtered(self, text: str) -> Note | None:
        found = [name for name in self.cdktr.places if text.lower() in name.lower()]
        self.query_one(RowsView).set_keys(found)
        return (f"{len(found)} of {len(self.cdktr.places)} match", "dim") if text else None

    def changed(self, dirty: Set[tuple[str, ...]]) -> None:
        if dirty & {("link",), ("counts",)}:
            self.query_one(RowsView).touch(self.session.place.name)

    def tick(self, now: float) -> None:
        """The others are probed and seen here; their news are folded by the program anyhow."""
        self.cdktr.probe()
        self.query_one(RowsView).touch(*self.cdktr.places)

    def on_screen_suspend(self) -> None:
        super().on_screen_suspend()
        self.cdktr.unprobe()

    def record(self, key: str) -> Any:
        return self.cdktr.places[key]._asdict()

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        place, session = self.cdktr.places[key], self.cdktr.sessions.get(key)
        name = place.name.upper() if place.protected else place.name
        style = "protected" if place.protected else place.colour or "accent"
        rules = " ".join(
            word
            for word, is_so in (("protected", place.protected), ("read-only", place.read_only))
            if is_so
        )
        return (
            (clean.line(name, 200), f"{style} bold"), *self._standing(session),
            (rules, "warn"), (clean.line(place.endpoint, 200), "dim"),
        )  # fmt: skip

    def _standing(self, session: Session | None) -> Sequence[Cell]:
        """State, latency, what runs and has failed, agents, version."""
        if session is None:
            return ("not asked", "dim"), "", "", "", "", ""
        link, counts = session.model.link, session.model.counts
        shown = link.state == "up"
        latency = f"{link.latency_s * 1000:.0f} ms" if shown and link.latency_s is not None else ""
        return (
            self.signs.said(link.state), latency, _count(counts, "runs_running", "run"),
            _count(counts, "failed_day", "bad"), _count(counts, "agents_ready", ""),
            clean.line(link.version, 20),
        )  # fmt: skip

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        if self.session.up():
            self.cdktr.switch(event.key)


def _count(counts: dict[str, int], name: str, style: str) -> Span:
    if name not in counts:
        return "", ""
    return f"{counts[name]:,}", style if counts[name] else "dim"
