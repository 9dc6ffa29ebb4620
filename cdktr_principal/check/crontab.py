"""`cdktr-check --from crontab`: a crontab as workflow files, printed one after another or written.

What cannot be kept is said, in the file that it belongs to and on stderr. Files that are there
already are left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from cdktr_common import cli
from cdktr_common.errors import CONFLICT, INVALID, OK
from cdktr_principal.check.files import STDIN, Checked, plain, stdin
from cdktr_principal.check.report import told
from cdktr_principal.folder import read
from cdktr_principal.language.crontab import Entry, decoded, entries
from cdktr_principal.language.dialects import CDKTR, load_text
from cdktr_principal.language.nodes import Faults
from cdktr_principal.language.source import MAX_BYTES
from cdktr_principal.language.writer import write

PROGRAM = "cdktr-check"


def convert(paths: list[str], into: str | None) -> int:
    """Print or write a workflow file for each entry. Returns the exit code."""
    name = STDIN if paths[0] == "-" else plain(paths[0])
    data = stdin() if paths[0] == "-" else read(paths[0])
    faults = Faults(name)
    if len(data) > MAX_BYTES:
        faults.add(1, 1, f"the file has more than {MAX_BYTES:,} bytes")
        data = b""
    text = decoded(data, faults)
    found = [entry for entry in entries(text, faults) if _loads(entry, faults)]
    for line in _told(name, found, Checked([name], [], faults.all(), {name: data})):
        print(line, file=sys.stderr)
    if into is not None:
        _save(found, into)
    else:
        for number, entry in enumerate(found):
            print(f"{chr(10) if number else ''}# --- {entry.plan.workflow}.yaml")
            sys.stdout.write(_text(entry))
    return INVALID if faults.all() else OK


def _loads(entry: Entry, faults: Faults) -> bool:
    """Is what would be written good? What it would be refused for is told of the crontab."""
    _, wrong = load_text(_text(entry).encode(), entry.plan.workflow, "", CDKTR)
    for fault in wrong:
        faults.add(entry.line, 1, fault.what, fault.hint)
    return not wrong


def _told(name: str, found: list[Entry], checked: Checked) -> Iterator[str]:
    yield from told(checked)
    for entry in found:
        for note in entry.notes:
            yield plain(f"{name}:{entry.line}: {entry.plan.workflow}: {note}")
    if any(entry.plan.workdir is None for entry in found):
        yield (
            "cron starts commands in the user's home directory, an agent in its own: "
            "set workdir where that matters"
        )
    if any(not schedule.timezone for entry in found for schedule in entry.plan.schedules):
        yield (
            "cron goes by the clock of its machine, a schedule by UTC: "
            "set timezone where that matters"
        )


def _text(entry: Entry) -> str:
    notes = "".join(f"# {plain(note)}\n" for note in entry.notes)
    return notes + write(entry.plan)


def _save(found: list[Entry], into: str) -> None:
    os.makedirs(into, exist_ok=True)
    targets = [os.path.join(into, f"{entry.plan.workflow}.yaml") for entry in found]
    there = [target for target in targets if os.path.lexists(target)]
    if there:
        cli.fail(PROGRAM, f"{plain(there[0])} is there already; nothing was written", CONFLICT)
    for target, entry in zip(targets, found, strict=True):
        with open(target, "x", encoding="utf-8") as file:
            file.write(_text(entry))
        print(plain(target))
