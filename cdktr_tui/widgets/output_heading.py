"""The heading of a pane of output: whether it follows, where it is, and what is missing; and what
stands in a pane without output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktr_common import clean
from cdktr_tui.draw.line import Line, Span, line

if TYPE_CHECKING:
    from cdktr_tui.widgets.output_body import OutputBody


def heading(pane: OutputBody) -> Line:
    """Short parts, the most important ones first: it may be cut at the right."""
    if pane.scope is None:
        return ()
    script, sift = pane.script, pane.sift
    spans: list[Span] = [("follow", "run") if pane.following else (_where(pane), "")]
    if pane.away:
        spans.append((pane.away, "warn"))
    elif pane.fault is not None:
        spans.append((f"{pane.fault.code}: {clean.line(pane.fault.detail, 200)}", "bad"))
    elif not script.loaded:
        spans.append(("loading", "dim"))
    elif pane.seeking:
        spans.append(("searching further, esc stops", "warn"))
    if sift.pattern is not None:
        spans.append((_matches(pane, sift.pattern.words), "match"))
    spans.append(("all streams" if len(sift.streams) > 1 else sift.streams[0], ""))
    more = "+" if script.low is not None or script.high is not None else ""
    if script.loaded or len(script.tape):
        spans.append((f"{len(script.tape) - script.tape.parts:,}{more} lines", ""))
    if script.unseen:
        spans.append((f"{script.unseen:,} newer", "warn"))
    if script.refetched:
        spans.append((f"{script.refetched:,} bytes refetched", "dim"))
    sign = " - " if pane.look.plain else " ─ "
    return line(*[part for span in spans for part in ((sign, "dim"), span)][1:])


def nothing(pane: OutputBody) -> Line:
    """What stands where there is no output."""
    if pane.scope is None:
        return ()
    if pane.fault is not None:
        return line((f" {pane.fault.code}: {clean.line(pane.fault.detail, 300)}", "bad"))
    if not pane.script.loaded:
        return line((f" {pane.away}", "warn") if pane.away else (" loading", "dim"))
    if pane.sift.only and len(pane.script.tape):
        return line((" no line matches", "dim"))
    return line((" no output yet", "dim"))


def _where(pane: OutputBody) -> str:
    seen, rows = pane.seen(), len(pane.sift)
    return f"{100 * (pane.sift.place(seen[-1]) + 1) // rows} %" if seen and rows else "top"


def _matches(pane: OutputBody, words: str) -> str:
    hits = f"{len(pane.sift.hits):,}" + ("…" if pane.sifting else "")
    if pane.sift.pattern is not None and pane.sift.pattern.late:
        hits += ", too slow: given up"
    elif pane.found is not None:
        hits = f"{pane.sift.hit_place(pane.found):,} of {hits}"
    return f"/{clean.line(words, 40)} {hits}"
