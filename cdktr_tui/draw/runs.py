"""What is said of a run as a whole, in one line each. Pure; what time it is is given."""

from __future__ import annotations

from collections.abc import Sequence

from cdktr_common.catalogue.values import RunRow
from cdktr_tui.draw import bars, glyphs, times
from cdktr_tui.draw.glyphs import Glyphs
from cdktr_tui.draw.line import Line, Span, fit, line


def summary(
    row: RunRow, usual: float | None, now: float, signs: Glyphs, wide: bool, zone: times.Zone = None
) -> Line:
    """How it stands; `usual`: how long runs of its workflow take. `wide`: why it began, too."""
    state = glyphs.of_run(row)
    spans: list[Span | str] = [signs.said(state)]
    begin = row.started_ts if row.started_ts is not None else row.created_ts
    if row.ended_ts is None:
        spans.append((f" {times.running(now - begin)}", glyphs.style(state)))
        spans.append((f"  {row.tasks - row.done}/{row.tasks} left", ""))
        if usual is not None and row.started_ts is not None and begin + usual > now:
            spans.append((f"  eta ~{times.clock(begin + usual, zone)}", "dim"))
    else:
        spans.append((f" {times.span(row.ended_ts - begin)}", ""))
        spans.append((f"  {times.near(begin, now, zone)}", "dim"))
    if wide:
        spans.append((f"  {begun(row, now, zone)}", "dim"))
        if row.reason:
            spans.append((f"  {fit(row.reason, min(50, len(row.reason)))}", "bad"))
    return line(*spans)


def begun(row: RunRow, now: float, zone: times.Zone = None) -> str:
    """Why there is this run."""
    if row.tick is not None:
        return f"for {times.near(row.tick.due_ts, now, zone)}"
    if row.parent:
        return f"called by {row.parent}"
    if row.retry_of:
        return f"repeats {row.retry_of}"
    return f"by event {row.event}" if row.event else "by hand"


def compared(row: RunRow, seconds: Sequence[float], now: float, signs: Glyphs) -> Line:
    """How long the last runs took, and this one at the end."""
    if not seconds or row.started_ts is None:
        return ()
    took = (row.ended_ts if row.ended_ts is not None else now) - row.started_ts
    shown = [*seconds[-19:], took]
    drawn = bars.sparkline(shown, len(shown), signs)
    return line(("took, vs last  ", "dim"), (drawn[:-1], "bar"), (drawn[-1:], "accent"))
