"""An agent in lines: what its state says, how busy it is and was, what it holds.

Pure. Samples and tasks are as the caller knows them; how long a task is there is counted from when
the agent was given it, which the principal says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from cdktr_common import clean
from cdktr_common.catalogue.values import AgentRow, AgentTask
from cdktr_tui.draw import bars, glyphs, times
from cdktr_tui.draw.line import Line, Span, Style, fit, line

SAMPLE_S: Final = 5.0
BUSY_PCT: Final = 70.0
FULL_PCT: Final = 90.0
NAME_MOST: Final = 40
ROWS: Final = 3
"""Rows of the picture of the last minutes."""


def state(row: AgentRow, signs: glyphs.Glyphs) -> Span:
    """Its state: sign and word."""
    return signs.said(glyphs.of_agent(row))


def slots(row: AgentRow, cells: int, signs: glyphs.Glyphs) -> Line:
    """`▇▇░░ 2/4`; one that is gone has none."""
    if row.state == "gone":
        return line((times.NONE, "dim"))
    said = f"{row.busy}/{row.slots}"
    drawn = bars.slots(row.busy, row.slots, max(1, cells - len(said) - 1), signs)
    return (*drawn, (f" {said}", ""))


def percent(row: AgentRow, value: float | None) -> Span:
    """A load in percent: nothing of one that is not heard of, since it would be of the past."""
    if value is None or row.state not in ("ready", "draining"):
        return times.NONE, "dim"
    return f"{value:.0f}%", heat(value)


def heat(value: float) -> Style:
    """How a percentage is to be looked at."""
    return "bad" if value >= FULL_PCT else "warn" if value >= BUSY_PCT else ""


def spark(row: AgentRow, cells: int, signs: glyphs.Glyphs) -> Span:
    """Its CPU over the last minutes, full at 100."""
    style = "bar" if row.state in ("ready", "draining") else "dim"
    return bars.sparkline(row.cpu, cells, signs, 100.0), style


def heard(row: AgentRow, now: float) -> Span:
    """How long ago."""
    if row.heard_ts is None:
        return times.NONE, "dim"
    old = now - row.heard_ts
    return times.age(old), "" if old < 10 else "warn"


def about(row: AgentRow, signs: glyphs.Glyphs, now: float, width: int) -> list[Line]:
    """All that is said of an agent besides what it holds."""
    rule = "-" if signs.ascii else "─"
    name = clean.line(row.agent, NAME_MOST)
    head: list[Span] = [(f"{rule} ", "dim"), (name, "title"), (" ", "")]
    head.append((rule * max(0, width - cell_len(name) - 3), "dim"))
    told: list[Span] = [state(row, signs)]
    if row.reason:
        told.append((f"  {row.reason}", "warn"))
    lines = [tuple(head), tuple(told), _machine(row)]
    if row.load is not None and row.state in ("ready", "draining"):
        lines.append(_load(row))
        lines += _waits(row)
    if row.state == "silent":
        lines.append(line(("what it works on is not given to others before its lease ends; "
                           "see cdktr-ctl lost", "dim")))  # fmt: skip
    lost = "1 attempt was lost here" if row.losses == 1 else f"{row.losses} attempts were lost here"
    if row.losses:
        lines.append(line((lost, "lost")))
    return lines


def _machine(row: AgentRow) -> Line:
    labels = " ".join(row.labels)
    spans: list[Span] = [("host ", "dim"), (row.host or times.NONE, ""), ("   version ", "dim"),
                         (row.version or times.NONE, ""), ("   slots ", "dim"),
                         (f"{row.busy} of {row.slots} busy", "")]  # fmt: skip
    if labels:
        spans += [("   labels ", "dim"), (labels, "")]
    return tuple(spans)


def _load(row: AgentRow) -> Line:
    load = row.load
    assert load is not None
    return line(
        ("cpu ", "dim"), (f"{load.cpu_pct:.0f}%", heat(load.cpu_pct)),
        ("   memory ", "dim"), (f"{load.mem_pct:.0f}%", heat(load.mem_pct)),
        ("   load ", "dim"), f"{load.load1:.2f}",
    )  # fmt: skip


def _waits(row: AgentRow) -> list[Line]:
    load = row.load
    assert load is not None
    waits = []
    if load.spool_bytes:
        waits.append(f"{size(load.spool_bytes)} of output for the recorder")
    if load.outbox:
        waits.append(f"{load.outbox} results for the principal")
    return [line(("keeps ", "dim"), (" and ".join(waits), "warn"))] if waits else []


def picture(row: AgentRow, signs: glyphs.Glyphs, width: int) -> list[Line]:
    """Its CPU over the last minutes, in a few rows; nothing when nothing is known."""
    if not row.cpu:
        return []
    shown = row.cpu[-max(1, width - 8) :]
    drawn = bars.columns(shown, ROWS, signs, 100.0)
    begun = times.age(len(shown) * SAMPLE_S)
    edges = ("100% ", *("     " for _ in range(ROWS - 2)), "  0% ")
    lines = [
        line((edge, "dim"), (part, "bar"))
        for edge, part in zip(edges, drawn, strict=True)
    ]  # fmt: skip
    lines.append(line((f"     cpu of the last {begun}, at most {max(shown):.0f}%", "dim")))
    return lines


def held(tasks: Sequence[AgentTask], signs: glyphs.Glyphs, now: float) -> list[Line]:
    """What it works on, a line each, the oldest first."""
    if not tasks:
        return [line(("it holds no task", "dim"))]
    count = "1 task" if len(tasks) == 1 else f"{len(tasks)} tasks"
    lines = [line((f"works on {count}", "dim"))]
    for each in tasks:
        slots = f"  {each.slots} slots" if each.slots != 1 else ""
        again = f"  try {each.n}" if each.n > 1 else ""
        lines.append(
            line(
                " ", signs.span("RUNNING"), (f" {fit(label(each), 34)}", ""),
                (f" {clean.line(each.run)}", "dim"),
                f"  {fit(times.running(now - each.since_ts), 7, '>')}",
                (slots, "dim"), (again, "warn"),
            )
        )  # fmt: skip
    return lines


def label(task: AgentTask) -> str:
    """A task with its workflow."""
    return clean.line(f"{task.workflow} › {task.name or task.task}")


def size(count: int) -> str:
    """Bytes as people read them: `640 B`, `1.2 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
