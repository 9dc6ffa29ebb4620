"""What may be asked in the line at the foot: a text to type, or a question with a letter as answer.

Pure: what happens on which key, and how the line looks. The foot (`footer.py`) shows it and hands
it the keys. A text is edited as in a shell; what is neither typed text nor known here changes
nothing, so no key reaches the view below by accident. The answer that changes nothing is always
the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from cdktr_common import clean
from cdktr_tui.draw.line import Line, Span, crop, fit, line, plain, width

MOST: Final = 4096
"""Characters of a text; a pasted book is cut."""
MOST_HISTORY: Final = 200

Note = tuple[str, str]
"""A short text beside what is typed, and its style: how many match, or what is wrong with it."""


class Edit:
    """A line that is being typed: its text, and before which character the cursor is."""

    def __init__(self, text: str = "") -> None:
        self.text, self.cursor = text, len(text)

    def replace(self, text: str, cursor: int | None = None) -> None:
        self.text = text[:MOST]
        self.cursor = min(len(self.text), len(text) if cursor is None else cursor)

    def insert(self, text: str) -> None:
        before, after = self.text[: self.cursor], self.text[self.cursor :]
        self.replace(before + text + after, len(before) + len(text))

    def _cut(self, first: int, last: int) -> None:
        self.replace(self.text[:first] + self.text[last:], first)

    def _word(self) -> int:
        """Where the word before the cursor begins."""
        before = self.text[: self.cursor].rstrip()
        return before.rfind(" ") + 1

    def key(self, key: str, character: str | None) -> bool:
        """Does this key edit a text? Then it has."""
        at, end = self.cursor, len(self.text)
        moves = {
            "left": at - 1, "ctrl+b": at - 1, "right": at + 1, "ctrl+f": at + 1, "home": 0,
            "ctrl+a": 0, "end": end, "ctrl+e": end, "ctrl+left": self._word(),
        }  # fmt: skip
        cuts = {
            "backspace": (at - 1, at), "ctrl+h": (at - 1, at), "delete": (at, at + 1),
            "ctrl+d": (at, at + 1), "ctrl+u": (0, at), "ctrl+k": (at, end),
            "ctrl+w": (self._word(), at),
        }  # fmt: skip
        if key in moves:
            self.cursor = max(0, min(end, moves[key]))
        elif key in cuts:
            first, last = cuts[key]
            self._cut(max(0, first), last)
        elif character is not None and clean.is_clean(character):
            self.insert(character)
        else:
            return False
        return True

    def drawn(self, cells: int, rest: str = "") -> Line:
        """The text around the cursor, in so many cells; `rest` is what could be added to it."""
        text = _seen(self.text)
        before, after = text[: self.cursor], text[self.cursor :]
        more = after or _seen(rest)
        under = more[:1] if cell_len(more[:1]) else "·" if more else " "
        whole = line(before, (under, "reverse"), (more[1:], "" if after else "dim"))
        start = max(0, cell_len(before) + cell_len(under) - cells)
        return crop(whole, start, cells)


def _seen(text: str) -> str:
    """The text letter by letter as it can be shown; it may have been given, not typed."""
    if clean.is_clean(text):
        return text
    return "".join(letter if clean.is_clean(letter) else "·" for letter in text)


class Prompt:
    """A text is asked for.

    `changed` is told the text as it is typed and may answer with a note; `done` gets it with enter
    and may answer what is wrong, which keeps the line open; `dropped` is called after esc.
    `complete` gives texts that the whole could become, the best first: tab goes through them.
    `history` are texts of before, the newest last; what is done is added to it.
    """

    def __init__(
        self,
        sign: str,
        done: Callable[[str], str | None],
        text: str = "",
        *,
        changed: Callable[[str], Note | None] | None = None,
        dropped: Callable[[], None] | None = None,
        complete: Callable[[str], Sequence[str]] | None = None,
        history: list[str] | None = None,
    ) -> None:
        self.sign, self.edit = sign, Edit(text)
        self._done, self._changed, self._dropped = done, changed, dropped
        self._complete, self._history = complete, history if history is not None else []
        self._past = len(self._history)
        self._typed = text
        self._choices: list[str] = []
        self._choice = -1
        self.note: Note | None = None
        self.over = False

    @property
    def text(self) -> str:
        return self.edit.text

    def key(self, key: str, character: str | None) -> None:
        """A key was pressed."""
        if key == "escape":
            self.over = True
            if self._dropped is not None:
                self._dropped()
        elif key == "enter":
            self._finish()
        elif key in ("tab", "shift+tab"):
            self._next(1 if key == "tab" else -1)
        elif key in ("up", "down", "ctrl+p", "ctrl+n"):
            self._back(-1 if key in ("up", "ctrl+p") else 1)
        elif key == "backspace" and not self.text and self.sign in (":", "/"):
            self.key("escape", None)
        elif self.edit.key(key, character):
            self._edited()

    def paste(self, text: str) -> None:
        """Typed at once: one line of it, without what a terminal would obey."""
        self.edit.insert(clean.line(" ".join(text.split("\n")).strip()))
        self._edited()

    def drawn(self, cells: int) -> Line:
        """The line as it is shown."""
        note = self.note if self.note and self.note[0] else None
        right = min(cell_len(note[0]) + 2, cells // 2) if note else 0
        spans: list[Span] = [(self.sign, "key")]
        room = max(1, cells - cell_len(self.sign) - right)
        spans += self.edit.drawn(room, self._rest())
        if note:
            spans.append(("  " + fit(note[0], right - 2, ">"), note[1]))
        return tuple(spans)

    def _finish(self) -> None:
        text = self.text.strip()
        fault = self._done(text)
        if fault:
            self.note = (fault, "bad")
            return
        self.over = True
        if text:
            while text in self._history:
                self._history.remove(text)
            self._history.append(text)
            del self._history[:-MOST_HISTORY]

    def _edited(self) -> None:
        self._choices, self._choice, self._past = [], -1, len(self._history)
        self._typed = self.text
        self._tell()

    def _tell(self) -> None:
        self.note = self._changed(self.text) if self._changed is not None else None

    def _next(self, step: int) -> None:
        """The next text that it could become."""
        if self._complete is None:
            return
        if not self._choices:
            self._choices = [text for text in self._complete(self._typed) if text != self._typed]
            self._choice = -1 if step > 0 else 0
        if self._choices:
            self._choice = (self._choice + step) % len(self._choices)
            self.edit.replace(self._choices[self._choice])
            self._tell()

    def _back(self, step: int) -> None:
        """An older text, or a newer one; the newest is what was being typed."""
        past = max(0, min(len(self._history), self._past + step))
        if past == self._past:
            return
        if self._past == len(self._history):
            self._typed = self.text
        self._past = past
        self.edit.replace(self._history[past] if past < len(self._history) else self._typed)
        self._tell()

    def _rest(self) -> str:
        """The end of the best completion, shown before it is taken."""
        if self._complete is None or not self.text or self._choice >= 0:
            return ""
        best = next(iter(self._complete(self.text)), "")
        return best[len(self.text) :] if best.startswith(self.text) else ""


class Question:
    """One letter is the answer; any other key leaves all as it is."""

    def __init__(
        self,
        text: Line,
        answers: Mapping[str, tuple[str, Callable[[], object]]],
        dropped: Callable[[], None] | None = None,
    ) -> None:
        self._text, self._answers, self._dropped = text, answers, dropped
        self.over = False

    def key(self, key: str, character: str | None) -> None:
        self.over = True
        answer = self._answers.get(character or key)
        if answer is not None:
            answer[1]()
        elif self._dropped is not None:
            self._dropped()

    def paste(self, text: str) -> None:
        """Nobody answers by pasting."""

    def drawn(self, cells: int) -> Line:
        keys: list[Span] = []
        for name, (label, _) in self._answers.items():
            keys += [("  ", ""), (name, "key"), (f" {label}", "")]
        keys += [("  ", ""), ("esc", "key"), (" leave", "")]
        size = width(keys)
        text = plain(self._text)
        room = max(1, cells - size)
        shown = self._text if cell_len(text) <= room else line((fit(text, room), "warn"))
        return crop((*shown, *keys), 0, cells)


Asked = Prompt | Question
