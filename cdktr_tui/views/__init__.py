"""One file a view: what it asks for, what it follows, what it shows, what is selected in it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cdktr_tui.session import Session
    from cdktr_tui.view import View

MAKERS: Final = {
    "workflows": "Workflows",
    "runs": "Runs",
    "agents": "Agents",
    "schedule": "Schedule",
    "events": "Events",
    "query": "Query",
    "run": "Run",
    "grid": "Grid",
    "log": "Log",
    "agent": "Agent",
    "principals": "Principals",
    "help": "Help",
    "diagnostics": "Diagnostics",
}
"""The class of each view, in the file of its name. They are imported when they are gone to."""


def make(name: str, session: Session, **of: Any) -> View:
    """A new view; `of` says of what."""
    module = import_module(f"cdktr_tui.views.{name}")
    view: View = getattr(module, MAKERS[name])(session, **of)
    return view
