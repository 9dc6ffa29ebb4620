"""What is done with the database beside storing: checkpoints, and the coming and going of
partitions.

A checkpoint moves the log into the file when nothing has come for a while, or the log is large,
and there is room. Partitions are begun and dropped only while nobody reads: tables change, and a
checkpoint has to follow at once. Everything that fails here is tried again later; what ends the
database is told to the owner, who opens it again.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

from cdktr_common.loop import Loop, Timer
from cdktr_logd.lookback import unended
from cdktr_logd.partitions import Retention
from cdktr_logd.store import WAL_MOST, Store, StoreFull, StoreLost

IDLE_S: Final = 5.0
"""Without anything new for so long, the log is moved into the file."""


class Owner(Protocol):
    """What upkeep needs of the recorder."""

    def nobody_reads(self) -> bool:
        """May tables be changed now?"""

    def gave_up(self, fault: StoreLost) -> bool:
        """The database has to be opened again."""

    def say(self, level: str, text: str) -> None:
        """Write a line to the log."""


class Upkeep:
    """See the module text."""

    def __init__(self, loop: Loop, store: Store, retention: Retention, owner: Owner) -> None:
        self._loop = loop
        self._store = store
        self._retention = retention
        self._owner = owner
        self._settle: Timer | None = None
        self._no_checkpoint_before = 0.0
        self.dropped = 0

    def start(self) -> None:
        """Look after the partitions now and from time to time, when there is a retention."""
        if self._retention.seconds:
            self._loop.later(0.0, self._partitions)
            self._loop.every(self._retention.check_s, self._partitions)

    def stored(self) -> None:
        """Something was stored."""
        if self._settle is not None:
            self._settle.cancel()
        self._settle = self._loop.later(IDLE_S, self._checkpoint)
        if self._loop.now >= self._no_checkpoint_before and self._store.wal_size() >= WAL_MOST:
            self._checkpoint()

    def _checkpoint(self) -> None:
        if not self._store.opened or not self._store.wal_size():
            return
        try:
            if not self._store.checkpoint():
                self._no_checkpoint_before = self._loop.now + IDLE_S
                self._settle = self._loop.later(IDLE_S, self._checkpoint)
        except StoreLost as fault:
            self._owner.gave_up(fault)

    def _partitions(self) -> None:
        store, now = self._store, time.time()
        if not store.opened or not self._owner.nobody_reads():
            return
        try:
            newest = store.partitions[-1]
            if self._retention.full(newest, store.untouched(), now) and store.checkpoint():
                store.begin_partition(now)
            oldest = self._retention.expired(store.partitions, now)
            if oldest is not None and store.checkpoint():
                kept = unended(store, oldest.number)
                store.drop_partition(oldest.number, kept)
                self.dropped += 1
                self._owner.say(
                    "info",
                    f"history from before {_day(store.partitions[0].begun_ts)} was dropped "
                    f"(partition {oldest.number}); streams that go on: {len(kept)}",
                )
        except StoreFull:
            pass  # nothing was done: it is tried again
        except StoreLost as fault:
            self._owner.gave_up(fault)


def _day(ts: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ts))
