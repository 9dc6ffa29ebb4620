"""What a command that waits tells while nothing goes on: the causes somebody should hear of.

That a task runs, waits its turn or for another one is the course of things. That no agent has its
label, that its agent is not heard of, that it is held: nobody would know who only waits. Each is
said once, when it has lasted a moment. Knows the codes of causes, not how they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

LOOK_S: Final = 3.0
"""How often it is looked; the first look is as long after the start."""

TELL: Final = frozenset(
    {
        "no_agent",
        "no_label",
        "draining",
        "silent",
        "held",
        "bound",
        "last_chance",
        "disk_full",
        "retry",
        "queued",
        "pool",
        "old_agent",
    }
)


class Obstacles:
    """Remembers what was said, so that each is said once."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def new(self, causes: Iterable[Mapping[str, Any]]) -> str | None:
        """The first of the causes that is worth a line and was not said yet."""
        for cause in causes:
            about = (str(cause["code"]), str(cause.get("task", "")))
            if cause["code"] in TELL and about not in self._said:
                self._said.add(about)
                return f"{about[1]} {cause['text']}".strip()
        return None
