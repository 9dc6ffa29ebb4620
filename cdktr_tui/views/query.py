"""Read-only SQL over the history: a statement, its rows, and queries that were saved.

A query goes out when it is entered, and never by itself; its rows are shown as they come. It has a
name of its own, by which it is stopped. What it may be is logd's to say.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

from textual.app import ComposeResult

from cdktr_common import clean
from cdktr_common.catalogue.logd import QueryNext, QueryPage, QueryRun, QueryStop
from cdktr_common.errors import ProtocolError
from cdktr_tui import settings
from cdktr_tui.acting import outside
from cdktr_tui.boxes.dialogs import Choice, Menu, Reading
from cdktr_tui.draw import queries
from cdktr_tui.draw.line import Line, line
from cdktr_tui.session import Session
from cdktr_tui.view import View
from cdktr_tui.widgets.bar import Bar
from cdktr_tui.widgets.columns import Cell
from cdktr_tui.widgets.prompt import Note, Prompt
from cdktr_tui.widgets.rows import RowsView

LIMIT: Final = 1000
TIMEOUT_S: Final = 10.0
PATIENCE_S: Final = 5.0
"""After its time a query is waited for so much longer."""

LETTERS: Final = "123456789abcdefghijklmnopqrstuvwxyz"


class Query(View):
    """Key `6`."""

    NAME = "query"
    TITLE_ = "Query"
    RECORDED = True

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.sql = ""
        self.answer: QueryPage | None = None
        self.records: list[list[Any]] = []
        self._due = False
        self._query = ""
        self._asked: int | None = None
        self._began = 0.0
        self._problem: list[str] = []
        self._history: list[str] = []
        self._saved: dict[str, str] | None = None

    def body(self) -> ComposeResult:
        yield Bar(id="sql")
        yield RowsView((), self._cells, id="rows")

    @property
    def rows(self) -> RowsView:
        return self.query_one("#rows", RowsView)

    @property
    def saved(self) -> dict[str, str]:
        """By name; one's own first."""
        if self._saved is None:
            own = self.cdktr.options.own.queries
            self._saved = {**own, **{k: v for k, v in queries.SAVED.items() if k not in own}}
        return self._saved

    @property
    def running(self) -> bool:
        return self._asked is not None

    # Asking.

    def load(self) -> None:
        """Nothing is asked for that nobody has entered."""
        self.loaded = True
        self._show_sql()
        if self._due:
            self._enter(self.sql)

    def begin(self, text: str) -> str | None:
        """What follows `:query` is a query."""
        if not text:
            return None
        if self.is_mounted and not self.stale:
            self._enter(text)
        else:
            self.sql, self._due = text, True
        return None

    def _enter(self, sql: str) -> None:
        self._give_up()
        self.rows.set_keys(())  # before the records go that its rows are made of
        self.rows.set_sort(None)
        self._due, self.sql, self._problem = False, sql, []
        self.answer, self.records, self.filter = None, [], ""
        if not self._history or self._history[-1] != sql:
            self._history.append(sql)
        self._query = f"tui-{os.urandom(6).hex()}"
        self._began = self.now
        self._show_sql()
        self._send(QueryRun(sql=sql, query=self._query, limit=LIMIT, timeout_s=TIMEOUT_S))

    def _send(self, request: QueryRun | QueryNext) -> None:
        name = self._query

        def told(page: QueryPage) -> None:
            if name == self._query and self.is_running:
                self._page(page)

        def refused(fault: ProtocolError) -> None:
            if name == self._query and self.is_running:
                self._refuse(fault)

        wait_s = TIMEOUT_S + PATIENCE_S
        self._asked = self.session.ask(request, told, refused, wait_s=wait_s)
        self.restate()

    def _page(self, page: QueryPage) -> None:
        self._asked, self.answer = None, page
        first = not self.records
        self.records += page.rows
        if first:
            self.rows.set_columns(queries.columns(page.columns, page.types, self.records))
        self._order()
        if page.next is not None:
            self._send(QueryNext(query=page.query, page=page.next))
        self.restate()

    def _refuse(self, fault: ProtocolError) -> None:
        self._asked = None
        near = f"; {', '.join(fault.near[:6])}?" if fault.near else ""
        self._problem = f"{fault.code}: {fault.detail}{near}".split("\n")
        self.restate()
        if self.records:
            self.cdktr.acting.say(self._problem[0], "bad")

    def _give_up(self) -> bool:
        """End what is running. False: there is nothing."""
        if self._asked is None:
            return False
        self.session.forget(self._asked)
        self._asked = None
        self.session.ask(QueryStop(query=self._query), lambda _: None, lambda _: None)
        self._query = ""
        self._problem = ["stopped"]
        self.restate()
        return True

    def undo(self) -> bool:
        if self._give_up():
            return True
        if not self.filter:
            return False
        self.filtered("")
        return True

    # What is shown.

    def _show_sql(self) -> None:
        sql = clean.line(" ".join(self.sql.split()), 2000)
        shown = line(" ", ("> ", "key"), sql) if sql else line(("  i: type a query", "@edit"))
        self.query_one("#sql", Bar).show(shown, line((" s: saved ", "@saved")))

    def _order(self) -> None:
        rows, nths = self.rows, range(len(self.records))
        chosen = list(nths)
        if rows.sort is not None:
            chosen = queries.order(self.records, int(rows.sort[0]), rows.sort[1])
        wanted = self.filter.lower()
        if wanted:
            chosen = [nth for nth in chosen if wanted in self._words(nth)]
        rows.set_keys([str(nth) for nth in chosen])
        if not chosen:
            rows.set_empty(self.empty())

    def _words(self, nth: int) -> str:
        return "\n".join(queries.text(value) for value in self.records[nth]).lower()

    def _cells(self, key: str, now: int) -> Sequence[Cell]:
        return [queries.cell(value) for value in self.records[int(key)]]

    def empty(self) -> list[Line]:
        if self._problem:
            return [line((clean.line(each, 300), "bad")) for each in self._problem]
        if self.running:
            return [line(("running; esc stops it", "dim"))]
        if self.filter:
            return [line(f"no row has {clean.line(self.filter, 60)}")]
        if self.answer is not None:
            return [line("no rows")]
        names = ", ".join(clean.line(name, 40) for name in self.saved)
        return self.nothing("i types a query, E opens an editor, s has saved ones:", names)

    def summary(self) -> Line:
        count = "1 row" if len(self.records) == 1 else f"{len(self.records):,} rows"
        if self.running:
            return line((f"{count}, {max(0.0, self.now - self._began):.0f} s; esc stops", "run"))
        if self.answer is None:
            return line((f"read-only; {LIMIT:,} rows, {TIMEOUT_S:g} s at most", "dim"))
        cut = " (cut)" if self.answer.cut else ""
        return line((f"{count}{cut} in {self.answer.took_s:.2f} s", "warn" if cut else "dim"))

    def filtered(self, text: str) -> Note | None:
        """Only rows that have this in them."""
        self.filter = text
        self._order()
        return (f"{len(self.rows.keys)} match", "dim") if text else None

    def action_filter(self) -> None:
        before = self.filter

        def done(text: str) -> None:
            self.filtered(text)

        def dropped() -> None:
            self.filtered(before)

        self.foot.ask(Prompt("/", done, before, changed=self.filtered, dropped=dropped))

    def record(self, key: str) -> dict[str, Any] | None:
        if self.answer is None:
            return None
        return dict(zip(self.answer.columns, self.records[int(key)], strict=True))

    def on_rows_view_sorted(self, event: RowsView.Sorted) -> None:
        sort = self.rows.sort
        falling = sort is not None and sort[0] == event.key and not sort[1]
        self.rows.set_sort((event.key, falling))
        self._order()

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        if self.answer is not None:
            lines = queries.told(self.answer.columns, self.records[int(event.key)])
            self.cdktr.acting.box(Reading(f"row {int(event.key) + 1}", lines))

    # Writing it.

    def action_edit(self) -> None:
        """Type it at the foot; what has comments is for an editor."""
        text = queries.on_one_line(self.sql)
        if text is None:
            self.cdktr.acting.say("it has comments: E opens it in $EDITOR", "warn")
            return

        def done(typed: str) -> None:
            if typed.strip():
                self._enter(typed.strip())

        self.foot.ask(
            Prompt("sql> ", done, text, complete=queries.completed, history=self._history)
        )

    def action_external(self) -> None:
        """Write it in $EDITOR; what was changed there is run."""
        text, fault = outside.edit(self.app, self.sql + "\n", "sql")
        if fault:
            self.cdktr.acting.say(fault, "bad")
        elif text.strip() and text.strip() != self.sql.strip():
            self._enter(text.strip())

    def action_saved(self) -> None:
        """Choose one, and run it."""
        choices = [
            Choice(clean.line(name, 40), sql, letter, clean.line(" ".join(sql.split()), 40))
            for letter, (name, sql) in zip(LETTERS, self.saved.items(), strict=False)
        ]
        self.cdktr.acting.box(Menu("saved queries", choices), self._enter)

    def action_save(self) -> None:
        """Keep it in the settings, under a name."""
        if not self.sql:
            self.cdktr.acting.say("there is no query yet", "warn")
            return

        def done(name: str) -> str | None:
            name = name.strip()
            path = self.cdktr.options.own.path
            fault = settings.save_query(path, name, self.sql) if path else "no settings file"
            if fault is None:
                self._saved = {name: self.sql, **self.saved}
                self.cdktr.acting.say(f"saved as {name}")
            return fault

        self.foot.ask(Prompt("save as: ", done))

    def tick(self, now: float) -> None:
        if self.running:
            self.restate()
