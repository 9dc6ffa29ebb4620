"""What a check found, clause by clause, for people and as JSON.

A line names its clause, what was looked at, PASS, FAIL or SKIP, how often it was looked at, and of
each fault what was sent, what came and what should have. Knows no socket.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

Verdict = Literal["PASS", "FAIL", "SKIP"]

SHOWN: Final = 300
"""Characters of a message that are shown."""

_COLOURS: Final = {"PASS": "\x1b[32m", "FAIL": "\x1b[31m", "SKIP": "\x1b[33m"}


class Fault(msgspec.Struct, frozen=True):
    """Something was not as the clause says."""

    sent: str
    got: str
    wanted: str


class Line(msgspec.Struct):
    """One line of a report."""

    clause: str
    what: str
    verdict: Verdict = "PASS"
    looked: int = 0
    reason: str = ""
    faults: list[Fault] = []

    def expect(self, good: bool, wanted: str, sent: object = "", got: object = "") -> bool:
        """Note one look; a fault when it is not good."""
        self.looked += 1
        if not good:
            self.verdict = "FAIL"
            self.faults.append(Fault(shown(sent), shown(got), wanted))
        return good

    def skip(self, reason: str) -> None:
        """There was nothing to look at."""
        if self.verdict == "PASS":
            self.verdict, self.reason = "SKIP", reason


def shown(value: object) -> str:
    """A message as people can read it on one line."""
    match value:
        case str():
            text = value
        case bytes():
            text = value[: SHOWN * 2].decode(errors="backslashreplace")
        case list() | tuple() if all(isinstance(part, bytes) for part in value):
            text = " | ".join(shown(part) for part in value)
        case _:
            text = json.dumps(value, ensure_ascii=False)
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return safe if len(safe) <= SHOWN else f"{safe[:SHOWN]}… ({len(safe)})"


class Report(msgspec.Struct):
    """All lines about one server or listener. `notes`: what the checks leave behind, why not all
    was seen."""

    subject: str
    lines: list[Line] = []
    notes: list[str] = []

    @property
    def failed(self) -> bool:
        return any(line.verdict == "FAIL" for line in self.lines)

    def count(self, verdict: Verdict) -> int:
        return sum(line.verdict == verdict for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        counts = {verdict.lower(): self.count(verdict) for verdict in ("PASS", "FAIL", "SKIP")}
        made: dict[str, Any] = msgspec.to_builtins(self)
        return {
            "subject": made["subject"],
            **counts,
            "lines": made["lines"],
            "notes": made["notes"],
        }


def text(line: Line, colour: bool) -> list[str]:
    """A line for people, with what was wrong below it."""
    verdict = f"{_COLOURS[line.verdict]}{line.verdict}\x1b[0m" if colour else line.verdict
    detail = (
        f"  ({line.reason})" if line.reason else f"  ({line.looked})" if line.looked > 1 else ""
    )
    lines = [f"{verdict}  {line.clause:<12} {line.what}{detail}"]
    for fault in line.faults[:5]:
        lines.append(f"        wanted  {fault.wanted}")
        lines += [f"        {name:<7} {value}" for name, value in
                  (("sent", fault.sent), ("got", fault.got)) if value]  # fmt: skip
    if len(line.faults) > 5:
        lines.append(f"        and {len(line.faults) - 5} more")
    return lines


def summary(report: Report) -> list[str]:
    """The last lines for people."""
    counts = [f"{report.count(v)} {v}" for v in ("PASS", "FAIL", "SKIP")]
    return [*report.notes, ", ".join(counts)]


def worded(names: Sequence[str]) -> str:
    """`a, b and c`"""
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last
