"""The names of what changes: who draws compares them with what is visible, and repaints that.

`("link",) ("counts",) ("workflows",) ("workflow", id) ("runs",) ("run", id) ("tasks", run)
("task", run, task) ("agents",) ("agent", name) ("schedules",) ("schedule", workflow, id)
("events",)`: the plural is about which there are and in which order, the singular about one row.
`("gap", topic)`: facts were missed, ask anew. Data
alone: it does not know who changes or draws anything.
"""

from __future__ import annotations

from typing import Final

Key = tuple[str, ...]
Keys = set[Key]

LINK: Final[Key] = ("link",)
COUNTS: Final[Key] = ("counts",)
WORKFLOWS: Final[Key] = ("workflows",)
RUNS: Final[Key] = ("runs",)
AGENTS: Final[Key] = ("agents",)
SCHEDULES: Final[Key] = ("schedules",)
EVENTS: Final[Key] = ("events",)


def concerns(missed: str, topic: str) -> bool:
    """Is what was missed of topics that begin with `missed` about `topic`, or may it be?"""
    return topic.startswith(missed) or missed.startswith(topic)
