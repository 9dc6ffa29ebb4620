"""Tells the principal: so many events under way at once, each until it is acknowledged.

A change goes out under a key made of what the file is and of its number in the record, so that
telling it again, after whatever went wrong, is telling it once. Of one file there is only one event
under way, so that those of a file come in their order. What the principal cannot take now is told
again from the oldest on; what it will never take is said on stderr and given up, so that the others
get through. Knows the protocol, no files.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
from collections.abc import Callable
from typing import Any, Final

from cdktr_common.catalogue.principal import EventFire
from cdktr_common.cli import Log
from cdktr_common.client import Answer, Channel
from cdktr_common.errors import ProtocolError
from cdktr_common.loop import clock
from cdktr_watch.changes import Change
from cdktr_watch.record import Record

UNDER_WAY: Final = 500
RESEND_S: Final = 2.0
LOOK_AHEAD: Final = 2000
"""How far to look for events that may go out while others of the same files are under way."""

PAUSE_S: Final = 1.0
AWAY_S: Final = 5.0
"""Unanswered for so long: the principal is away, and that is said."""

_TAKEN_LATER: Final = {"denied", "version"}
"""Refusals that somebody has to do something about; until then nothing may be lost."""


def payload(change: Change) -> dict[str, Any]:
    """What a run is given. A name that is no UTF-8 is shown as well as can be, and as bytes."""
    path = os.fsencode(change.path)
    shown: dict[str, Any] = {
        "path": path.decode(errors="replace"),
        "name": os.path.basename(path).decode(errors="replace"),
        "size": change.state.size,
        "mtime": change.state.mtime_ns / 1e9,
        "kind": change.kind,
    }
    if change.source:
        shown["from"] = os.fsencode(change.source).decode(errors="replace")
    if shown["path"].encode() != path:
        shown["path_base64"] = base64.b64encode(path).decode()
    return shown


def key(name: str, number: int, change: Change) -> str:
    """The same for the same change of the same file, whoever tells it when."""
    said = f"{number} {change.kind} {change.path} {change.source} {tuple(change.state)}"
    digest = hashlib.blake2b(said.encode(errors="surrogateescape"), digest_size=12).hexdigest()
    return f"watch/{name[:100]}/{digest}"


class Teller:
    """For one watch. `told` is called with the numbers that were acknowledged."""

    def __init__(
        self,
        name: str,
        event: str,
        record: Record,
        channel: Channel,
        log: Log,
        told: Callable[[int], None],
    ) -> None:
        self._name = name
        self._event = event
        self._record = record
        self._channel = channel
        self._log = log
        self._told = told
        self._under_way: dict[int, float] = {}
        self._not_before = 0.0
        self._said_away = False
        self._complained: set[str] = set()
        self._resting = False

    def send(self) -> None:
        """Send what is on the disk and may go out now, the oldest first."""
        now = clock()
        if now < self._not_before or (self._resting and self._under_way):
            return
        self._resting = False
        free = UNDER_WAY - len(self._under_way)
        before: set[str] = set()  # paths of which an earlier event is not acknowledged
        for number, change in itertools.islice(self._record.waiting.items(), LOOK_AHEAD):
            if free <= 0 or not self._record.sendable(number):
                break
            paths = {change.path, change.source} - {""}
            if number not in self._under_way and before.isdisjoint(paths):
                free -= 1
                self._under_way[number] = now
                self._ask(number, change)
            before |= paths

    def _ask(self, number: int, change: Change) -> None:
        request = EventFire(
            event=self._event,
            payload=payload(change),
            key=key(self._name, number, change),
            source="cdktr-watch",
        )
        self._channel.ask(request, lambda answer: self._answered(number, answer), RESEND_S)

    def _answered(self, number: int, answer: Answer) -> None:
        self._under_way.pop(number, None)
        if self._said_away:
            self._said_away = False
            self._log("info", "the principal answers again", watch=self._name)
        if not isinstance(answer, ProtocolError):
            self._complained.clear()
            self._told(number)
        elif answer.retry or answer.code in _TAKEN_LATER:
            self._rest(answer)
        else:
            path = self._record.waiting[number].path
            self._log(
                "error", f"given up, the principal will not take it: {answer.detail}",
                watch=self._name, code=answer.code, path=ascii(path),
            )  # fmt: skip
            self._told(number)

    def _rest(self, refusal: ProtocolError) -> None:
        self._resting = True
        self._not_before = clock() + PAUSE_S * (1 if refusal.retry else 10)
        if refusal.code not in self._complained:
            self._complained.add(refusal.code)
            self._log(
                "warning", f"told again later: {refusal.detail}", watch=self._name,
                code=refusal.code, waiting=len(self._record.waiting),
            )  # fmt: skip

    def look(self) -> None:
        """Once in a while: say when nobody answers."""
        if self._said_away or not self._under_way:
            return
        if clock() - min(self._under_way.values()) > AWAY_S:
            self._said_away = True
            self._log(
                "warning", "the principal does not answer; what there is to tell waits",
                watch=self._name, waiting=len(self._record.waiting),
            )  # fmt: skip
