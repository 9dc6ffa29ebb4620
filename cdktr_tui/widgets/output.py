"""The pane of output with its keys: searching, going to a time, other forms, copying.

`OutputPane` is what views put on the screen; what it shows and how is `output_body.py`, how it
moves `output_moves.py`. Its keys are those of the place `output`. What it cannot decide alone,
which attempts there are and where all tasks' output is to be shown, it tells as `Wanted`.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

from textual.binding import BindingsMap
from textual.message import Message

from cdktr_common.moments import moment
from cdktr_tui import keys
from cdktr_tui.acting import exporting, outside
from cdktr_tui.draw import loglines
from cdktr_tui.model.asks import NEWEST, Ask
from cdktr_tui.model.sift import STREAMS, Pattern
from cdktr_tui.model.tape import Block, Source
from cdktr_tui.terminal.patience import unhurried
from cdktr_tui.widgets.footer import Footer
from cdktr_tui.widgets.output_moves import OutputMoves
from cdktr_tui.widgets.prompt import Note, Prompt

PAGER_MOST: Final = 32 << 20
"""Characters that are shown in a pager; all there is can be exported."""

LATE: Final = "the expression takes too long on a line: not all were looked at"


class OutputPane(OutputMoves, can_focus=True):
    """Output of a scope. Whoever has it on the screen follows its `topics`, hands it the `output`
    that comes and the second's `tick`, and calls `load` when the link is back."""

    class Wanted(Message):
        """Another attempt is wanted: the one before (-1) or after (1); all tasks' output (0)."""

        def __init__(self, pane: OutputPane, step: int) -> None:
            super().__init__()
            self.pane, self.step = pane, step

        @property
        def control(self) -> OutputPane:
            return self.pane

    ACTIONS: Final = (
        "follow", "next", "previous", "matches", "streams", "all_tasks", "attempt", "verbose",
        "wrap", "times", "goto_time", "marker", "numbers", "copy", "export", "external",
    )  # fmt: skip
    """Actions that a view with such a pane may hand on to it."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._bindings = BindingsMap(keys.bindings("output"))

    # Searching.

    def action_filter(self) -> None:
        """Ask what to search; what matches is shown while it is typed."""
        before = self.sift.pattern

        def typed(text: str) -> Note | None:
            fault = self.find(text)
            if fault or not text:
                return (fault, "bad") if fault else None
            hits = len(self.sift.hits)
            if self.sift.pattern is not None and self.sift.pattern.late:
                return LATE, "bad"
            return (f"{hits:,} lines", "dim" if hits else "warn")

        def dropped() -> None:
            self.sift.search(before)
            self.draw()

        words = before.words if before is not None else ""
        self._foot(Prompt("/", self._search, words, changed=typed, dropped=dropped))

    def _search(self, text: str) -> str | None:
        fault = self.find(text)
        if fault is None and text:
            ahead = None if self.following else self.sift.next_hit(self._from(1), 1)
            self.seek(-1 if ahead is None and self.script.at_end else 1)
        return fault

    def find(self, words: str) -> str | None:
        """Search for this; nothing ends the search. What is wrong with it, in words."""
        try:
            pattern = Pattern(words, unhurried) if words else None
        except ValueError as fault:
            return str(fault)
        self.found, self.seeking = None, 0
        self.sift.search(pattern)
        self.draw()
        return None

    def action_next(self) -> None:
        self.seek(1)

    def action_previous(self) -> None:
        self.seek(-1)

    def seek(self, step: int) -> None:
        """To the next match; one that is not loaded is looked for where pages come from."""
        if self.sift.pattern is None:
            return
        seeking, self.seeking = self.seeking, 0
        number = self.sift.next_hit(self._from(step), step)
        if number is not None:
            self.found = number
            self.reveal(number)
            self._reveal_match(number)
            return
        more = self.script.low if step < 0 else self.script.high
        if more is not None:
            self.following = False
            self.seeking = step
            self.script.older() if step < 0 else self.script.newer()
            self.pump()
        elif not seeking or not self._sifting:
            late, some = self.sift.pattern.late, len(self.sift.hits)
            none = "no more matches" if some else "no line matches"
            self.say(LATE if late else none, "bad" if late else "warn")

    def _reveal_match(self, number: int) -> None:
        """Sideways as well: a line may be far longer than the screen is wide."""
        row, pattern = self.row(number), self.sift.pattern
        if row is None or pattern is None or self.look.wrap:
            return
        at, room = pattern.first(row.text), self.room()
        if at is not None and not self.left <= at < self.left + room:
            self.left = 0 if at < room else at - room // 2
            self.draw()

    def _from(self, step: int) -> int:
        if self.found is not None and self.found in self.seen():
            return self.found
        rows = self.seen()
        if not rows:
            return self.top
        if self.following:
            return rows[-1] + 1
        return rows[0] - 1 if step > 0 else rows[-1] + 1

    def action_matches(self) -> None:
        """Only the lines that match, or all."""
        if self.sift.pattern is None:
            self.action_filter()
            return
        self.sift.show(only=not self.sift.only)
        self.draw()

    def undo(self) -> bool:
        """Take back the last small thing: what is chosen, what is searched."""
        if self.chosen is not None:
            self.chosen = None
        elif self.seeking:
            self.seeking = 0
        elif self.sift.pattern is not None:
            self.find("")
        else:
            return False
        self.draw()
        return True

    # How it looks.

    def action_streams(self) -> None:
        """Both, only stdout, only stderr."""
        forms = (STREAMS, STREAMS[:1], STREAMS[1:])
        at = next((at for at, form in enumerate(forms) if form == tuple(self.sift.streams)), 0)
        self.sift.show(streams=forms[(at + 1) % 3])
        self.draw()

    def action_all_tasks(self) -> None:
        self.post_message(self.Wanted(self, 0))

    def action_attempt(self, step: int) -> None:
        self.post_message(self.Wanted(self, step))

    def action_verbose(self) -> None:
        self._look(verbose=not self.look.verbose)

    def action_wrap(self) -> None:
        self.left = 0
        self._look(wrap=not self.look.wrap)

    def action_numbers(self) -> None:
        self._look(numbers=not self.look.numbers)

    def action_times(self) -> None:
        at = loglines.CLOCKS.index(self.look.clock)
        self._look(clock=loglines.CLOCKS[(at + 1) % len(loglines.CLOCKS)])

    def _look(self, **changes: Any) -> None:
        self.look, self.sub = self.look._replace(**changes), 0
        self.draw()

    def action_marker(self) -> None:
        """A row of its own after the newest line: what comes later stands below it."""
        if self.script.at_end:
            at = self._now()
            words = f"marked {time.strftime('%H:%M:%S', time.localtime(at))}"
            source = Source("", "", 0, "stdout")
            self.script.add_mark(Block(source, at, 0, [words], 0, 0, NEWEST, 0, "mark"))
            self.draw()

    def action_goto_time(self) -> None:
        """Ask for a time of day, or an instant, and go there."""
        self._foot(Prompt("go to time ", self.goto))

    def goto(self, words: str) -> str | None:
        """To the lines of that time: `14:03`, `14:03:20`, `2026-01-31 14:03`. What is wrong."""
        try:
            ts = moment(words, self._now(), past=True)
        except ValueError as fault:
            return str(fault)
        tape = self.script.tape
        oldest = self.row(tape.first)
        self._leave()
        if oldest is not None and oldest.ts <= ts and (self.script.at_end or self._ends_after(ts)):
            self.reveal(min(tape.near(ts), tape.end - 1))
        else:
            self._going = ts
            self.script.to_moment(ts)
            self.draw()
        return None

    def goto_line(self, number: int) -> str | None:
        """To the line of this number of a stream that is loaded. What is wrong."""
        tape = self.script.tape
        for first, last, block in tape.blocks(tape.first, tape.end):
            if block.kind == "text" and 0 <= number - 1 - block.line < last - first:
                self.reveal(first + number - 1 - block.line)
                return None
        return f"line {number} is not loaded; g goes to the beginning"

    def _ends_after(self, ts: float) -> bool:
        newest = self.row(self.script.tape.end - 1)
        return newest is not None and newest.ts > ts

    def arrived(self, ask: Ask) -> None:
        if self._going is not None and ask.wish in ("newer", "newest"):
            ts, tape = self._going, self.script.tape
            if len(tape):
                self.reveal(min(tape.near(ts), tape.end - 1))
        if ask.wish == "oldest":
            self.top, self.sub = self.script.tape.first, 0

    # Copying.

    def action_copy(self) -> None:
        """To the clipboard, through the terminal."""
        text = self.chosen_text()
        if text:
            self.app.copy_to_clipboard(text)
            self.say(f"copied {text.count(chr(10)) + 1:,} lines", "ok")

    # Taking all of it out of the program.

    def action_export(self) -> None:
        """Ask for a file; its ending says what is written."""
        if self.scope is not None:
            name = re.sub(r"[^A-Za-z0-9_.-]", "-", self.scope.task or "all")[:40]
            path = outside.free(f"cdktr-{self.scope.run[:6]}-{name}", "txt")
            self._foot(Prompt("write to (.txt .ndjson .csv): ", self.export, path))

    def export(self, path: str) -> str | None:
        """Write all output of the scope to a new file. What is wrong."""
        scope, ending = self.scope, path.rpartition(".")[2].lower()
        if scope is None or not path:
            return None
        form = exporting.FORMS.get(ending, "txt")
        return exporting.to_file(self._ask, scope, form, path, self.say)

    def action_external(self) -> None:
        """All output of the scope in $PAGER; the program waits meanwhile."""
        parts: list[str] = []

        def take(text: str) -> bool:
            parts.append(text)
            return sum(map(len, parts)) < PAGER_MOST

        def done(lines: int, fault: str | None) -> None:
            wrong = fault if fault and not lines else outside.page(self.app, "".join(parts), "txt")
            if wrong:
                self.say(wrong, "bad")

        if self.scope is not None:
            exporting.Export(self._ask, self.scope, "txt", take, done).start()

    # The foot of the screen.

    def say(self, words: str, style: str = "") -> None:
        """A word about what was done, unless nobody is here any more."""
        for foot in self.screen.query(Footer) if self.is_attached else ():
            foot.say((words, style))

    def _foot(self, prompt: Prompt) -> None:
        for foot in self.screen.query(Footer):
            foot.ask(prompt)
