"""How it stands with those whom all is from, in few words. Pure."""

from __future__ import annotations

from cdktr_tui.feed.items import Link


def recorder(link: Link, now: float) -> str:
    """What is wrong with the recorder; nothing while it answers, or nobody could tell of it."""
    if link.state != "up":
        return ""
    if not link.logd:
        return "no recorder"
    if link.logd_at is None:
        return ""
    return f"recorder away {max(0.0, now - link.logd_at):.0f} s"
