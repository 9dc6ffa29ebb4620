"""What is done to a listener that fires events: one scene for each, in this order.

A scene is what happens to the first asks for one event; every later ask is answered as it should
be. Nothing here is against the page. Pure.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Deed = Literal[
    "answer",  # as it should be
    "lose",  # the request never arrived
    "commit",  # recorded, and the answer was lost
    "hold",  # recorded, and the answer comes late, together with that to the next ask
    "both",  # the late answer, and another one
    "busy", "disk_full", "tired",  # refused for now; the last by a code of a newer version
    "refuse",  # refused for good
    "unread",  # refused for good, without an id: it could not be read
    "odd",  # answered with keys, spaces and an order that nobody has to expect
    "fall",  # the principal dies before it has recorded it, and is started again
    "commit_fall",  # … after it has recorded it
]  # fmt: skip


class Scene(NamedTuple):
    """One scene: the clause it is about, what is looked at, what happens."""

    clause: str
    what: str
    deeds: tuple[Deed, ...]
    again: bool = True
    """Must it be asked again?"""


SCENES: Final = (
    Scene("A1", "a request that was lost is sent again", ("lose",)),
    Scene("A1", "an answer that was lost is asked for again", ("commit",)),
    Scene("B3", "an answer with unknown keys, in another order, is understood", ("odd",), False),
    Scene("A1", "an answer that comes late, and twice, is taken once", ("hold", "both")),
    Scene("B1", "a doubled answer is not taken for that of the next request", ("lose",)),
    Scene("E2", "busy: asked again later", ("busy", "busy")),
    Scene("E2", "disk_full: asked again later", ("disk_full",)),
    Scene("E3", "a code it does not know, with `retry`: asked again later", ("tired",)),
    Scene("A2", "the principal dies after it recorded: asked again", ("commit_fall",)),
    Scene("A2", "the principal dies before it recorded: asked again", ("fall",)),
    Scene("E2", "refused for good: not asked again", ("refuse",), False),
    Scene("A7", "refused without id, since it could not be read: taken as the answer",
          ("unread",), False),
)  # fmt: skip
KILLED_AT: Final = (1, 7)
"""At the first ask for these events a listener that is to be killed is killed: once its event is
recorded and it does not know, and once it has been told to come again."""

FOR_NOW: Final = {
    "busy": ("busy", "too much is in work"),
    "disk_full": ("disk_full", "there is no room"),
    "tired": ("tired", "a code of a newer version"),
}
REFUSALS: Final = ("refuse", "unread")
"""What ends an event without its being recorded."""
