"""Why a run waits or has failed, as lines to read. Pure: answers of the principal go in."""

from __future__ import annotations

from cdktr_common import clean
from cdktr_common.catalogue.principal import RunExplained, TaskPage
from cdktr_common.catalogue.values import AttemptRow, TaskRow
from cdktr_tui.draw import glyphs, times
from cdktr_tui.draw.line import Line, line

MOST = 200
"""Causes and failures that are listed."""


def causes(told: RunExplained) -> list[Line]:
    """What the principal says, the most telling cause first."""
    run = told.run
    word = glyphs.word(glyphs.of_run(run))
    lines = [line((clean.line(run.workflow, 60), "bold"), ": ", (word, glyphs.style(run.state)))]
    if run.reason:
        lines.append(line(("because ", "dim"), clean.line(run.reason, 400)))
    for cause in told.causes[:MOST]:
        name = f"{clean.line(cause.task, 60)} " if cause.task else ""
        lines.append(line("  ", (name, "bold"), clean.line(cause.text, 400)))
    if len(told.causes) > MOST:
        lines.append(line((f"  … and {len(told.causes) - MOST:,} more causes", "dim")))
    return lines


def failures(told: RunExplained, page: TaskPage, task: str = "") -> list[Line]:
    """The same, and how each task ended that failed: all its attempts."""
    failed = [
        row
        for row in page.tasks
        if row.state == "FAILED" and not row.tolerated and task in ("", row.task)
    ]
    lines = causes(told)
    for row in failed[:MOST]:
        lines += [(), *_story(row)]
    if failed:
        lines += [(), line(("l shows the output, R and then f repeats what failed", "dim"))]
    return lines


def _story(row: TaskRow) -> list[Line]:
    code = "" if row.code is None else f" exit {row.code}"
    reason = f": {clean.line(row.reason, 300)}" if row.reason else ""
    lines = [line((clean.line(row.task, 60), "bold"), (" failed", "bad"), f"{code}{reason}")]
    return lines + [line("  ", *_attempt(each)) for each in row.attempts]


def _attempt(row: AttemptRow) -> Line:
    took = None
    if row.started_ts is not None and row.ended_ts is not None:
        took = row.ended_ts - row.started_ts
    code = "" if row.code is None else f", exit {row.code}"
    reason = f": {clean.line(row.reason, 300)}" if row.reason else ""
    after = f" after {times.span(took)}" if took is not None else ""
    return line(
        (f"try {row.n} ", "dim"), (glyphs.word(row.state), glyphs.style(row.state)),
        f" on {clean.line(row.agent, 40)}{after}{code}{reason}",
    )  # fmt: skip
