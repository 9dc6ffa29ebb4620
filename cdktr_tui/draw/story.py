"""What is to be told of one task in words: how it stands, what it needs and feeds, every attempt.

The words are the truth where a picture may be ambiguous. Pure; what time it is is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import join

from cdktr_common import clean
from cdktr_common.catalogue.values import AttemptRow, Cause, TaskPlan, TaskRow
from cdktr_tui.draw import glyphs, times
from cdktr_tui.draw.glyphs import Glyphs
from cdktr_tui.draw.line import Line, Span, line

_OPEN = ("PENDING", "RUNNING")


def command(plan: TaskPlan | None) -> str:
    """What it runs, in one line."""
    if plan is None:
        return ""
    if plan.group is not None:
        return f"group of {len(plan.group.tasks)}"
    if plan.call is not None:
        return f"runs {plan.call.workflow or 'a workflow of its own'}"
    if plan.argv:
        return clean.line(join(plan.argv), 400)
    text = plan.command or plan.script or ("nothing" if plan.noop else "")
    return clean.line(" ".join(text.split("\n")), 400)


def attempt(one: AttemptRow, now: float, signs: Glyphs) -> Line:
    """One attempt: `✗ exit 137, 24s, web-2`."""
    spans: list[Span | str] = [signs.span(one.state), " "]
    words = [glyphs.word(one.state)]
    if one.code is not None and one.state == "FAILED":
        words = [f"exit {one.code}"]
    begin = one.started_ts if one.started_ts is not None else one.assigned_ts
    if one.ended_ts is None:
        words.append(times.running(now - begin))
    else:
        words.append(times.span(one.ended_ts - begin))
    spans.append((", ".join(words), glyphs.style(one.state).replace("bold", "").strip()))
    spans.append((f", {clean.line(one.agent, 40)}", "dim"))
    written = (one.stdout_bytes or 0) + (one.stderr_bytes or 0)
    if written:
        spans.append((f", {size(written)}", "dim"))
    return line(*spans)


def size(count: int) -> str:
    """Bytes: `812 B`, `96 kB`, `1.2 MB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return (
                f"{count / scale:.1f} {unit}"
                if count < 10 * scale
                else f"{count / scale:.0f} {unit}"
            )
    return f"{count} B"


def waits(row: TaskRow, rows: Mapping[str, TaskRow]) -> list[str]:
    """What a task that has not begun waits for."""
    if row.state != "PENDING" or row.retry_ts is not None:
        return []
    return [need for need in row.depends if need in rows and rows[need].state in _OPEN]


def about(
    row: TaskRow,
    plan: TaskPlan | None,
    feeds: Sequence[str],
    rows: Mapping[str, TaskRow],
    causes: Sequence[Cause],
    now: float,
    signs: Glyphs,
    zone: times.Zone = None,
) -> list[Line]:
    """All of it, a line each."""
    told = glyphs.of_task(row)
    most = 1 + plan.retry.limit if plan is not None and plan.retry is not None else 1
    tries = f", try {row.attempts[-1].n} of {most}" if row.attempts and most > 1 else ""
    lines = [_said("state", line(signs.said(told), tries))]
    if row.name and row.name != row.task:
        lines.append(_said("name", line(clean.line(row.name, 200))))
    if row.reason:
        style = "bad" if row.state == "FAILED" else ""
        lines.append(_said("reason", line((clean.line(row.reason, 300), style))))
    for need in waits(row, rows)[:5]:
        state = glyphs.of_task(rows[need])
        lines.append(_said("waits", line("for ", clean.line(need, 60), " ", signs.said(state))))
    for cause in causes[:3]:
        lines.append(_said("why", line((clean.line(cause.text, 300), "warn"))))
    if row.retry_ts is not None:
        lines.append(_said("again", line((f"in {times.running(row.retry_ts - now)}", "warn"))))
    if row.progress is not None:
        lines.append(_said("progress", line(f"{row.progress:.0f} %")))
    for one in row.attempts[::-1]:
        lines.append(_said(f"try {one.n}", attempt(one, now, signs)))
        if one.reason:
            lines.append(_said("", line(clean.line(one.reason, 300))))
    if row.calls:
        lines.append(_said("calls", line((clean.line(row.calls, 60), "link"))))
    lines += _planned(row, plan, feeds, now)
    last = row.attempts[-1] if row.attempts else None
    if last is not None and last.started_ts is not None:
        lines.append(_said("began", line(times.near(last.started_ts, now, zone))))
        lines.append(_said("queued", line(times.span(last.started_ts - last.assigned_ts))))
    for name, value in list(row.outputs.items())[:20]:
        lines.append(
            _said("output", line(f"{clean.line(name, 60)} = {clean.line(str(value), 200)}"))
        )
    if row.result is not None:
        lines.append(_said("result", line(clean.line(row.result, 300))))
    return lines


def _planned(row: TaskRow, plan: TaskPlan | None, feeds: Sequence[str], now: float) -> list[Line]:
    lines = []
    what = command(plan)
    if what:
        lines.append(_said("command", line(what)))
    if row.depends:
        lines.append(_said("needs", line(clean.line(", ".join(row.depends), 400))))
    if feeds:
        lines.append(_said("feeds", line(clean.line(", ".join(feeds), 400))))
    if plan is None:
        return lines
    if plan.description:
        lines.append(_said("about", line(clean.line(plan.description, 300))))
    if plan.timeout_s is not None:
        left = ""
        last = row.attempts[-1] if row.attempts else None
        if last is not None and last.ended_ts is None and last.started_ts is not None:
            left = f", {times.running(last.started_ts + plan.timeout_s - now)} left"
        lines.append(_said("timeout", line(times.mark(plan.timeout_s) + left)))
    if plan.labels:
        lines.append(_said("labels", line(clean.line(" ".join(plan.labels), 200))))
    if plan.pools:
        pools = " ".join(f"{name}:{count}" for name, count in plan.pools.items())
        lines.append(_said("pools", line(clean.line(pools, 200))))
    if plan.env:
        lines.append(_said("env", line(f"{len(plan.env)} set")))
    return lines


def brief(
    row: TaskRow, plan: TaskPlan | None, feeds: Sequence[str], rows: Mapping[str, TaskRow],
    now: float,
) -> list[Line]:  # fmt: skip
    """The same in two lines: how the attempt before went or what it waits for; who waits for it."""
    lines: list[Line] = []
    ended = [one for one in row.attempts if one.ended_ts is not None]
    before = ended[-1] if ended else None
    if row.state == "PENDING" and row.retry_ts is None and waits(row, rows):
        lines.append(line(("waits for ", "dim"), _named(waits(row, rows))))
    elif before is not None and before.state in ("FAILED", "CRASHED"):
        how = f"exit {before.code}" if before.code is not None else glyphs.word(before.state)
        began = before.started_ts if before.started_ts is not None else before.assigned_ts
        took = times.span((before.ended_ts or began) - began)
        why = f": {clean.line(before.reason, 100)}" if before.reason else ""
        limit = plan.retry.limit if plan is not None and plan.retry is not None else 0
        spans: list[Span | str] = [(f"try {before.n} failed {how} after {took}{why}", "bad")]
        if row.retry_ts is not None:
            spans.append((f"; again in {times.running(row.retry_ts - now)}", "warn"))
        if limit:
            spans.append((f" ({before.n} of {1 + limit})", "dim"))
        lines.append(line(*spans, ("   x explain", "dim")))
    elif row.reason:
        lines.append(line(clean.line(row.reason, 300)))
    else:
        lines.append(line((command(plan), "dim")))
    waiting = [one for one in feeds if one in rows and rows[one].state == "PENDING"]
    if waiting and row.state in _OPEN:
        lines.append(line((f"{_named(waiting)} ", ""), ("wait for it", "dim")))
    elif feeds:
        lines.append(line(("feeds ", "dim"), _named(feeds)))
    else:
        lines.append(())
    return lines


def _named(tasks: Sequence[str]) -> str:
    return clean.line(", ".join(tasks[:8]), 300) + (" …" if len(tasks) > 8 else "")


def _said(what: str, told: Line) -> Line:
    return ((f"{what:<9}", "dim"), *told)
