"""What checking has found, for people and for programs.

Faults with their line and a mark below the place. What files contain is shown as text only: a
control character in a file never reaches the terminal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.values import Fault
from cdktr_common.errors import INVALID
from cdktr_principal.check.files import Checked, plain

_WIDTH: Final = 100
"""Characters of a source line that are shown."""

_LINE_END: Final = re.compile("\r\n?|\n")


def as_json(checked: Checked, warnings: list[str]) -> str:
    """One document."""
    document: dict[str, Any] = {
        "files": len(checked.files),
        "workflows": [
            {
                "workflow": good.plan.workflow,
                "file": plain(good.file),
                "tasks": len(good.plan.tasks),
                "schedules": good.plan.schedules,
            }
            for good in checked.good
        ],
        # msgspec leaves defaults out on the wire; here every key is always there.
        "faults": [
            {name: getattr(fault, name) for name in Fault.__struct_fields__}
            for fault in checked.faults
        ],
        "warnings": warnings,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def report(checked: Checked, warnings: list[str]) -> Iterator[str]:
    """Lines for people."""
    yield from told(checked)
    for warning in warnings:
        yield plain(f"warning: {warning}")
    bad = len({fault.file for fault in checked.faults})
    if bad:
        yield f"{count(len(checked.faults), 'fault')} in {count(bad, 'file')}"
    elif checked.files:
        tasks = sum(len(good.plan.tasks) for good in checked.good)
        yield f"{count(len(checked.files), 'file')} good, {count(tasks, 'task')}"
    else:
        yield "no workflow files"


def told(checked: Checked) -> Iterator[str]:
    """Each fault, its place in the file, and where the documentation tells of it."""
    lines = {
        file: _LINE_END.split(text.decode("utf-8-sig", "replace"))
        for file, text in checked.texts.items()
        if any(fault.file == file for fault in checked.faults)
    }
    for fault in checked.faults:
        place = f"{fault.file}:{fault.line}:{fault.col}" if fault.line else fault.file
        hint = f" ({fault.hint})" if fault.hint else ""
        yield plain(f"{place}: {fault.what}{hint}")
        if 0 < fault.line <= len(lines.get(fault.file, [])):
            yield from _caret(lines[fault.file][fault.line - 1], fault.col)
        if fault.see:
            yield plain(f"    see {fault.see}")


def refused(checked: Checked) -> int:
    """Tell the faults where nothing else may stand in their place. Returns the exit code."""
    for line in told(checked):
        print(line, file=sys.stderr)
    return INVALID


def count(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _caret(line: str, col: int) -> Iterator[str]:
    """The line, or the part of a long one around the place, and a mark below it."""
    line = "".join(char if char.isprintable() else " " for char in line)
    start = max(0, col - _WIDTH // 2) if len(line) > _WIDTH else 0
    yield "    " + line[start : start + _WIDTH].rstrip()
    yield "    " + " " * (col - 1 - start) + "^"
