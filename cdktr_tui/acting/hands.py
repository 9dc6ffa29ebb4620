"""What every view can do with what it shows, whatever that is: filter, sort, copy, export, look at
it outside, and the keys that open boxes.

A view gives `record` (the row of a key, as the catalogue has it) and takes `filtered`; the rest is
the same everywhere. It is mixed into `View` and knows the program through it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual.widget import Widget

from cdktr_common.catalogue.base import Reply, Request
from cdktr_common.catalogue.principal import RunShow, WorkflowShow
from cdktr_tui import views
from cdktr_tui.acting import outside
from cdktr_tui.boxes.dialogs import Choice, Menu
from cdktr_tui.boxes.form import command
from cdktr_tui.draw.line import line
from cdktr_tui.widgets.footer import Footer
from cdktr_tui.widgets.prompt import Note, Prompt, Question
from cdktr_tui.widgets.rows import RowsView

if TYPE_CHECKING:
    from cdktr_tui.acting.actions import Subject
    from cdktr_tui.app import CdktrApp
    from cdktr_tui.session import Session


if TYPE_CHECKING:
    Base = Widget
else:
    Base = object


class Hands(Base):
    """See the module text."""

    if TYPE_CHECKING:
        NAME: ClassVar[str]
        filter: str
        asked_filter: str
        session: Session

        @property
        def cdktr(self) -> CdktrApp: ...
        def pane(self) -> Widget | None: ...
        def subjects(self) -> list[Subject]: ...

    # What a view may say of itself.

    def filtered(self, text: str) -> Note | None:
        """Show only what fits; how many do, or what is wrong with the text. Views that search
        instead of filtering do that."""
        return ("this view has no filter", "warn") if text else None

    def record(self, key: str) -> Any:
        """The row of a key of its rows, as it is on the wire; None: there is none."""
        return None

    def sorted_by(self, column: str, descending: bool) -> None:
        """Another order was chosen."""
        rows = self.rows
        if rows is not None:
            rows.post_message(RowsView.Sorted(rows, column))

    @property
    def rows(self) -> RowsView | None:
        """The rows that keys are about: those of the pane with the focus, or the only ones."""
        pane = self.pane()
        if isinstance(pane, RowsView):
            return pane
        found = list(self.query(RowsView))
        return found[0] if found else None

    @property
    def foot(self) -> Footer:
        return self.query_one(Footer)

    # Filter.

    def begin(self, text: str) -> str | None:
        """Show what was asked for when it was gone to: a filter, unless the view knows better. What
        is wrong with it, as far as that is known at once."""
        if self.is_mounted:
            return self.set_filter(text)
        self.asked_filter = text
        return None

    def set_filter(self, text: str) -> str | None:
        """Filter by this; what is wrong with it."""
        before, self.filter = self.filter, text
        note = self.filtered(text)
        if note is not None and note[1] == "bad":
            self.filter = before
            self.filtered(before)
            return note[0]
        return None

    def action_filter(self) -> None:
        """Type a filter; it is used as it is typed, and esc brings the one before back."""
        before = self.filter

        def changed(text: str) -> Note | None:
            self.filter = text
            return self.filtered(text)

        def dropped() -> None:
            self.set_filter(before)

        self.foot.ask(
            Prompt(
                "/", self.set_filter, before, changed=changed, dropped=dropped,
                complete=self.filter_words, history=self.cdktr.acting.filters,
            )
        )  # fmt: skip

    def filter_words(self, text: str) -> list[str]:
        """What a filter could become."""
        return []

    # Order.

    def action_sort(self) -> None:
        """Choose the column."""
        rows = self.rows
        if rows is None:
            return
        letters = "123456789abcdefghi"
        titled = [column for column in rows.columns if column.title]
        choices = [
            Choice(column.title.lower(), column.id, letter)
            for letter, column in zip(letters, titled, strict=False)
        ]
        self.cdktr.acting.box(Menu("sort by", choices), lambda id: self.sorted_by(id, False))

    def action_reverse(self) -> None:
        """The same column the other way round."""
        rows = self.rows
        if rows is not None and rows.sort is not None:
            self.sorted_by(rows.sort[0], not rows.sort[1])

    # Taking it elsewhere.

    def copies(self) -> list[Choice]:
        """What can be copied of the selection."""
        subjects, rows = self.subjects(), self.rows
        keys = rows.selected() if rows is not None else []
        records = [record for key in keys if (record := self.record(key)) is not None]
        found = []
        if subjects:
            found.append(Choice("id", "\n".join(each.id for each in subjects), "i"))
            said = "\n".join(_command(each, self.session.place.name) for each in subjects)
            found.append(Choice("command", said, "c"))
        if rows is not None and keys:
            found.append(Choice("row", "\n".join(outside.texts(rows, keys)), "r"))
        if records:
            found.append(Choice("JSON", outside.ndjson(records).rstrip("\n"), "j"))
        return found

    def action_copy(self) -> None:
        """Choose what of it."""
        found = [choice._replace(more=choice.value.split("\n")[0][:60]) for choice in self.copies()]
        if not found:
            self.cdktr.acting.say("nothing is selected", "warn")
            return
        self.cdktr.acting.box(Menu("copy", found), self._copy)

    def _copy(self, text: str) -> None:
        self.cdktr.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        self.cdktr.acting.say(f"copied {lines} lines" if lines > 1 else f"copied {text[:60]}")

    def action_export(self) -> None:
        """Choose the form, then the file."""
        rows = self.rows
        if rows is None or not rows.keys:
            self.cdktr.acting.say("there is nothing to export", "warn")
            return
        forms = [Choice("one JSON object a line", "ndjson", "n"), Choice("CSV", "csv", "c")]
        forms.append(Choice("text as it is shown", "txt", "t"))
        self.cdktr.acting.box(Menu(f"export {len(rows.keys)} rows", forms), self._export)

    def _export(self, form: str) -> None:
        rows = self.rows
        if rows is None:
            return
        keys = list(rows.keys)
        records = [record for key in keys if (record := self.record(key)) is not None]
        if form == "txt" or not records:
            text = "\n".join(outside.texts(rows, keys)) + "\n"
        else:
            text = outside.ndjson(records) if form == "ndjson" else outside.csv(records)
        self.write(f"cdktr-{self.NAME}", form, text)

    def write(self, name: str, form: str, text: str) -> None:
        """Ask for a file's name, and write it."""

        def done(path: str) -> str | None:
            if not path:
                return None
            fault = outside.write(path, text)
            if fault is None:
                self.cdktr.acting.say(f"wrote {path}")
            return fault

        self.foot.ask(Prompt("write to: ", done, outside.free(name, form)))

    def action_external(self) -> None:
        """What the cursor is on as JSON, in a pager: a workflow or a run with its whole plan."""
        acting, rows = self.cdktr.acting, self.rows
        subjects = self.subjects()[:1]
        keys = rows.selected()[:1] if rows is not None else []
        records = [record for key in keys if (record := self.record(key)) is not None]
        request: Request | None = None
        if subjects and subjects[0].kind == "workflow":
            request = WorkflowShow(workflow=subjects[0].id)
        elif subjects and subjects[0].kind in ("run", "task"):
            request = RunShow(run=subjects[0].of_run)

        def told(reply: Reply) -> None:
            if self.cdktr.view is self:  # nobody who has gone on is given a pager
                self._page_json(reply)

        if request is not None:
            self.session.ask(request, told, acting.failed(subjects[0].id))
        elif records:
            self._page_json(records[0])
        else:
            acting.say("nothing is selected", "warn")

    def _page_json(self, record: Any) -> None:
        if isinstance(record, Reply):  # the id is of the question, not of the thing
            record = msgspec.structs.replace(record, id=None)
        self.page(msgspec.json.format(msgspec.json.encode(record), indent=2).decode(), "json")

    def page(self, text: str, form: str = "txt") -> None:
        """Show a text in $PAGER; the program waits."""
        fault = outside.page(self.cdktr, text, form)
        if fault:
            self.cdktr.acting.say(fault, "bad")

    # Places in it.

    def goto(self, number: int) -> str | None:
        """To the row of this number, from 1."""
        rows = self.rows
        if rows is None or not rows.keys:
            return "there are no rows"
        rows.move_to(rows.keys[max(0, min(number, len(rows.keys)) - 1)])
        return None

    def seek(self, key: str) -> None:
        """To the row of this key, if it is shown."""
        rows = self.rows
        if rows is not None and key in rows.keys:
            rows.move_to(key)

    def panes(self) -> list[Widget]:
        """What can have the focus, from the top left to the bottom right."""
        return [
            widget
            for widget in self.screen.focus_chain
            if not isinstance(widget, Footer) and widget.display
        ]

    def action_pane(self, step: int) -> None:
        """The next pane, or the one before."""
        panes = self.panes()
        if panes:
            at = panes.index(self.screen.focused) if self.screen.focused in panes else -step
            panes[(at + step) % len(panes)].focus()

    def action_zoom(self) -> None:
        """Views with several panes do better."""
        self.cdktr.acting.say("there is one pane only", "dim")

    def action_jump(self) -> None:
        """Letters for the panes: one of them is gone to."""
        letters = "asdfghjkl"
        answers: dict[str, tuple[str, Callable[[], object]]] = {
            letter: (pane.id or type(pane).__name__.lower(), pane.focus)
            for letter, pane in zip(letters, self.panes(), strict=False)
        }
        self.foot.ask(Question(line(("go to:", "bold")), answers))

    # Boxes and views.

    def action_command(self) -> None:
        self.cdktr.acting.command()

    def action_palette(self) -> None:
        self.cdktr.acting.palette()

    def action_suspend_process(self) -> None:
        self.cdktr.action_suspend_process()

    def action_help(self) -> None:
        if self.NAME != "help":
            self.cdktr.open(views.make("help", self.session, place=self.NAME))


def _command(subject: Subject, principal: str) -> str:
    """What shows the same in a shell."""
    if subject.kind in ("run", "task"):
        return f"cdktr-ctl show {subject.of_run}"
    if subject.kind == "agent":
        return f"cdktr-ctl agents {subject.id}"
    return command(subject.of_workflow, {}) if subject.of_workflow else subject.id
