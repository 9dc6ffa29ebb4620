"""The form of a run: one field a param that the workflow declares, and the command that equals it.

Pure. Values are texts, as `cdktr-trigger -p` takes them: what they become is the workflow's word,
and the principal has the last one. Here is refused at once what cannot be right. A field that is
left empty is not given at all; `""` is the empty text.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from cdktr_common import clean
from cdktr_common.catalogue.plan import Param, Plan
from cdktr_tui.draw.line import Line, Span, fit, line, width
from cdktr_tui.widgets.prompt import Edit

EMPTY: Final = '""'
FIELD: Final = 34
"""Cells of a value."""


def declared(plan: Plan | None) -> dict[str, Param]:
    """The params of a plan; there may be none."""
    return {} if plan is None else plan.params


def text_of(value: Any) -> str:
    """A value as it is typed in a field."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value or EMPTY
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fault(param: Param, text: str) -> str:
    """What cannot be right about a text for this param; "": nothing that is seen from here."""
    if not text:
        return "is needed" if param.required else ""
    value = "" if text == EMPTY else text
    if param.enum and value not in [text_of(one) for one in param.enum]:
        return clean.line(f"is one of {', '.join(text_of(one) for one in param.enum)}", 200)
    try:
        match param.type:
            case "integer":
                int(value)
            case "number":
                float(value)
            case "boolean":
                if value.lower() not in ("true", "false"):
                    return "is true or false"
            case "list" | "object":
                if not isinstance(json.loads(value), list if param.type == "list" else dict):
                    return f"is no {param.type} in JSON"
    except (ValueError, RecursionError):
        return f"is no {param.type}"
    return ""


def command(workflow: str, params: Mapping[str, str], principal: str = "") -> str:
    """The shell's way of doing the same."""
    words = ["cdktr-trigger"]
    if principal:
        words += ["--principal", principal]
    words += ["--workflow", workflow]
    for name, value in params.items():
        words += ["-p", f"{name}={value}"]
    return shlex.join(words)


class Form:
    """A form in a box; params by name come of it."""

    def __init__(
        self,
        workflow: str,
        params: Mapping[str, Param],
        given: Mapping[str, Any],
        principal: str = "",
        wrong: str = "",
    ) -> None:
        self.title, self.over = f"run {clean.line(workflow, 60)}", False
        self.result: dict[str, str] | None = None
        self._workflow, self._principal = workflow, principal
        self._params = dict(params)
        self._edits = {name: Edit(text_of(given.get(name))) for name in params}
        self._at, self._wrong = 0, clean.line(wrong, 300)

    @property
    def params(self) -> dict[str, str]:
        """What is given as it stands."""
        texts = {name: edit.text.strip() for name, edit in self._edits.items()}
        return {name: "" if text == EMPTY else text for name, text in texts.items() if text}

    def faults(self) -> dict[str, str]:
        """What is wrong, by name."""
        found = {
            name: fault(param, self._edits[name].text.strip())
            for name, param in self._params.items()
        }
        return {name: text for name, text in found.items() if text}

    # What it looks like.

    def size(self) -> tuple[int, int]:
        return 92, len(self._params) + 6

    def lines(self, cells: int, rows: int) -> list[Line]:
        names = list(self._params)
        low = rows < 7 + min(3, len(names))
        room = max(1, rows - (3 if low else 6))
        top = max(0, min(self._at - room // 2, len(names) - room))
        label = min(24, max(width([(clean.line(name), "")]) for name in names))
        fields = [
            self._field(at, name, label, cells)
            for at, name in enumerate(names[top : top + room], top)
        ]
        here = self._params[names[self._at]]
        about = line((fit(clean.line(here.description, 400) or "no description", cells), "dim"))
        wrong = line((fit(self._wrong, cells), "bad")) if self._wrong else ()
        equal = clean.line(command(self._workflow, self.params, self._principal))
        said = line(("$ ", "dim"), (fit(equal, max(1, cells - 2)), "accent"))
        keys = self._keys(here)
        if low:
            return [*fields, wrong or about, said, keys]
        return [*fields, (), about, wrong, said, (), keys]

    def _field(self, at: int, name: str, label: int, cells: int) -> Line:
        param, edit, here = self._params[name], self._edits[name], at == self._at
        value: Line
        if here:
            value = edit.drawn(FIELD, "" if edit.text else text_of(param.default))
        elif edit.text:
            value = line(fit(clean.line(edit.text), FIELD))
        else:
            value = line((fit(clean.line(text_of(param.default)), FIELD), "dim"))
        wrong = fault(param, edit.text.strip()) if edit.text or not here else ""
        more = (wrong, "bad") if wrong and (edit.text or self._wrong) else (hint(param), "dim")
        spans: list[Span] = [("> " if here else "  ", "key")]
        spans += [(fit(clean.line(name), label), "bold" if here else ""), ("  ", "")]
        spans += [*value, ("  ", ""), (fit(more[0], max(1, cells - label - FIELD - 6)), more[1])]
        return tuple(spans)

    def _keys(self, here: Param) -> Line:
        keys = [("ctrl+s", "start"), ("enter", "next" if self._more() else "start")]
        if choices(here):
            keys.append(("left right", "choose"))
        keys.append(("esc", "leave"))
        spans: list[Span] = []
        for key, label in keys:
            spans += [(key, "key"), (f" {label}  ", "")]
        return tuple(spans)

    def _more(self) -> bool:
        return self._at + 1 < len(self._params)

    # What keys do.

    def key(self, key: str, character: str | None) -> None:
        name = list(self._params)[self._at]
        values = choices(self._params[name])
        if key == "escape":
            self.over = True
        elif key == "ctrl+s" or (key == "enter" and not self._more()):
            self._start()
        elif key in ("tab", "down", "enter", "wheel_down"):
            self._at = (self._at + 1) % len(self._params)
        elif key in ("shift+tab", "up", "wheel_up"):
            self._at = (self._at - 1) % len(self._params)
        elif key in ("left", "right") and values:
            self._choose(name, values, 1 if key == "right" else -1)
        else:
            self._wrong = ""
            self._edits[name].key(key, character)

    def _choose(self, name: str, values: list[str], step: int) -> None:
        edit = self._edits[name]
        text = edit.text or text_of(self._params[name].default)
        at = values.index(text) + step if text in values else 0
        edit.replace(values[at % len(values)])

    def _start(self) -> None:
        faults = self.faults()
        if not faults:
            self.over, self.result = True, self.params
            return
        name, what = next(iter(faults.items()))
        self._at = list(self._params).index(name)
        self._wrong = f"{clean.line(name, 40)} {what}"

    def paste(self, text: str) -> None:
        name = list(self._params)[self._at]
        self._edits[name].insert(clean.line(" ".join(text.split("\n")).strip()))

    def hit(self, row: int, double: bool) -> None:
        if row < len(self._params):
            self._at = row


def choices(param: Param) -> list[str]:
    """The values that there are, when they can be counted."""
    if param.enum:
        return [text_of(value) for value in param.enum]
    return ["true", "false"] if param.type == "boolean" else []


def hint(param: Param) -> str:
    """What a value looks like."""
    if param.enum:
        text = " | ".join(clean.line(text_of(value), 20) for value in param.enum[:8])
        return text + (" …" if len(param.enum) > 8 else "")
    text = param.type + (f" like {clean.line(param.pattern, 40)}" if param.pattern else "")
    return text + (", needed" if param.required else "")
