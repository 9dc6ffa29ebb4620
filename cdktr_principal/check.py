"""cdktr-check: the principal's own loader, run alone.

Every fault of every file, each with its line and a caret below the place; exit 4 when there is
one. It needs no principal, changes nothing and shows what files contain as text only: a control
character in a file never reaches the terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.catalogue.values import Fault, Plan
from cdktr_common.errors import INVALID, NOT_FOUND, OK
from cdktr_principal.folder import Folder, Found, load, read, workflow_id
from cdktr_principal.language.source import MAX_BYTES

USAGE: Final = f"""\
cdktr-check finds all faults of workflow files. No principal is needed.

  cdktr-check workflows/                        all *.yaml and *.yml below a directory
  cdktr-check etl.yaml report.yaml              single files, whatever they are called
  cat etl.yaml | cdktr-check -                  standard input
  cdktr-check --json workflows/ | jq '.faults[]'

Usage:
  cdktr-check [options] PATH...

Options:
  --json                  One JSON document: files, workflows, faults, warnings.
{cli.OPTIONS}
Exit codes: 0 all files are good, 2 usage, 3 no such file, 4 faults.
"""

_WIDTH: Final = 100
"""Characters of a source line that are shown."""


class Checked(NamedTuple):
    """What was found: files looked at, plans of the good ones, faults, and their source lines."""

    files: list[str]
    plans: list[tuple[str, Plan]]
    faults: list[Fault]
    lines: dict[str, list[str]]


def main(argv: Sequence[str]) -> int:
    """Check and tell. Returns the exit code."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    paths: list[str] = args["PATH"]
    for path in paths:
        if path != "-" and not os.path.exists(path):
            cli.fail("cdktr-check", f"no such file or directory: {_plain(path)}", NOT_FOUND)
    checked = check(paths)
    warnings = ambiguous_names(checked.plans)
    if args["--json"]:
        print(_json(checked, warnings))
    else:
        for line in _report(checked, warnings):
            print(line)
    return INVALID if checked.faults else OK


def run() -> None:
    """Entry point of the program."""
    cli.program_main("cdktr-check", main)


def check(paths: Sequence[str]) -> Checked:
    """Load all files that the paths mean; `-` is standard input."""
    checked = Checked([], [], [], {})
    directories = [path for path in dict.fromkeys(paths) if os.path.isdir(path)]
    for path in directories:
        _check_directory(checked, path)
    done = {os.path.realpath(file) for file in checked.files}
    for path in dict.fromkeys(paths):
        if path == "-":
            _check_text(checked, Found("<stdin>", path, "stdin", 0, 0), _stdin())
        elif path not in directories and os.path.realpath(path) not in done:
            _check_file(checked, path)
    return checked


def _stdin() -> bytes:
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _check_text(checked: Checked, found: Found, data: bytes) -> None:
    checked.files.append(found.name)
    plan, faults = load(found, data)
    if plan is not None:
        checked.plans.append((found.name, plan))
    if faults:
        checked.faults.extend(faults)
        checked.lines[found.name] = data.decode("utf-8-sig", "replace").splitlines()


def _check_file(checked: Checked, path: str) -> None:
    name = _plain(path)
    try:
        data = read(path)
    except OSError as fault:
        checked.files.append(name)
        checked.faults.append(Fault(file=name, what=f"cannot be read: {fault.strerror}"))
        return
    _check_text(checked, Found(name, path, workflow_id(os.path.basename(name)), 0, 0), data)


def _check_directory(checked: Checked, path: str) -> None:
    """As the principal would load it, ids that clash included."""
    scan = Folder(path).scan({})
    checked.files.extend(os.path.join(path, name) for name in scan.known)
    checked.plans.extend((os.path.join(path, good.file), good.plan) for good in scan.loaded)
    checked.faults.extend(Fault(file=_plain(path), what=trouble) for trouble in scan.troubles)
    for broken in scan.broken:
        for fault in broken.faults:
            file = os.path.join(_plain(path), fault.file)
            checked.faults.append(msgspec.structs.replace(fault, file=file))
            if file not in checked.lines:
                checked.lines[file] = _lines_of(os.path.join(path, fault.file))


def _lines_of(path: str) -> list[str]:
    try:
        return read(path).decode("utf-8-sig", "replace").splitlines()
    except OSError:
        return []  # the fault is told without its line


def ambiguous_names(plans: Sequence[tuple[str, Plan]]) -> list[str]:
    """Names that cannot stand for an id: several workflows have them, or one has it as its id."""
    by_name: dict[str, list[str]] = {}
    for _, plan in plans:
        if plan.name:
            by_name.setdefault(plan.name, []).append(plan.workflow)
    ids = {plan.workflow for _, plan in plans}
    warnings = []
    for name, workflows in by_name.items():
        if len(workflows) > 1:
            listed = ", ".join(sorted(workflows))
            warnings.append(f"the name '{name}' is of several workflows, use their ids: {listed}")
        elif name in ids and name != workflows[0]:
            warnings.append(f"the name '{name}' of {workflows[0]} is the id of another workflow")
    return warnings


def _json(checked: Checked, warnings: list[str]) -> str:
    document: dict[str, Any] = {
        "files": len(checked.files),
        "workflows": [
            {"workflow": plan.workflow, "file": _plain(file), "tasks": len(plan.tasks)}
            for file, plan in checked.plans
        ],
        # msgspec leaves defaults out on the wire; here every key is always there.
        "faults": [
            {name: getattr(fault, name) for name in Fault.__struct_fields__}
            for fault in checked.faults
        ],
        "warnings": warnings,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _report(checked: Checked, warnings: list[str]) -> Iterator[str]:
    for fault in checked.faults:
        place = f"{fault.file}:{fault.line}:{fault.col}" if fault.line else fault.file
        hint = f" ({fault.hint})" if fault.hint else ""
        yield _plain(f"{place}: {fault.what}{hint}")
        lines = checked.lines.get(fault.file, [])
        if 0 < fault.line <= len(lines):
            yield from _caret(lines[fault.line - 1], fault.col)
    for warning in warnings:
        yield _plain(f"warning: {warning}")
    bad = len({fault.file for fault in checked.faults})
    if bad:
        yield f"{_count(len(checked.faults), 'fault')} in {_count(bad, 'file')}"
    elif checked.files:
        tasks = sum(len(plan.tasks) for _, plan in checked.plans)
        yield f"{_count(len(checked.files), 'file')} good, {_count(tasks, 'task')}"
    else:
        yield "no workflow files"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _caret(line: str, col: int) -> Iterator[str]:
    """The line, or the part of a long one around the place, and a mark below it."""
    line = "".join(char if char.isprintable() else " " for char in line)
    start = max(0, col - _WIDTH // 2) if len(line) > _WIDTH else 0
    yield "    " + line[start : start + _WIDTH].rstrip()
    yield "    " + " " * (col - 1 - start) + "^"


def _plain(text: str) -> str:
    """Text that does nothing to a terminal."""
    text = os.fsencode(text).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


if __name__ == "__main__":
    run()
