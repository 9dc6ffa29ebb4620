"""Keeping the store in order: snapshots, the head file, room on the disk, retention.

What must stay true: a snapshot is written before the segment it closes is left; a segment is
dropped only when every snapshot that is kept covers it, the recorder has it, and its youngest fact
is older than the retention. Want of room delays all of this and ends nothing. Decides nothing
about runs.
"""

from __future__ import annotations

import time
from typing import Final

from cdktr_common.cli import Log
from cdktr_common.loop import Loop
from cdktr_principal.decisions.core import Core
from cdktr_principal.store import snapshot
from cdktr_principal.store.ballast import FULL, Ballast
from cdktr_principal.store.journal import Journal

SNAPSHOT_FACTS: Final = 100_000
"""Facts after which a snapshot bounds the replay of the next start."""

DAY_S: Final = 86_400.0


class Keeper:
    """See the module text. `recorded`: the newest fact that the recorder has said it has."""

    def __init__(
        self, core: Core, journal: Journal, ballast: Ballast, retention_days: float, log: Log
    ) -> None:
        self.core = core
        self.journal = journal
        self.recorded = 0
        self._ballast = ballast
        self._retention_s = retention_days * DAY_S
        self._log = log

    def hook(self, loop: Loop) -> None:
        """Look after things from now on."""
        self._ballast.look()
        self._say_room()
        loop.every(1.0, self.every_second)
        if self._retention_s:
            loop.every(max(1.0, min(3600.0, self._retention_s / 20)), self.retain)

    def after_turn(self) -> None:
        """The facts of a turn were written."""
        self._say_room()
        if self.journal.since_snapshot >= SNAPSHOT_FACTS and not self._ballast.full:
            self._snapshot()

    def every_second(self) -> None:
        """Is there room; how far has the journal come?"""
        if self._ballast.look():
            self._say_room()
        try:
            self.journal.write_head()
        except OSError as fault:
            self._without_room(fault)

    def finish(self) -> None:
        """Stop cleanly: a snapshot makes the next start quick."""
        if self.journal.since_snapshot and not self._ballast.full:
            self._snapshot()
        self.every_second()

    def _snapshot(self) -> None:
        try:
            snapshot.write(self.journal.directory, self.core.state)
            self.journal.rotate()
        except OSError as fault:
            self._without_room(fault)

    def _without_room(self, fault: OSError) -> None:
        """What can be done later is no reason to end."""
        if fault.errno not in FULL:
            raise fault
        self._ballast.full = True
        self._say_room()

    def _say_room(self) -> None:
        if self.core.disk_full == self._ballast.full:
            return
        self.core.disk_full = self._ballast.full
        if self.core.disk_full:
            wanted = f"{self._ballast.wanted / (1 << 20):.0f} MiB"
            self._log(
                "error",
                f"the disk is full: nothing new is taken until {wanted} are free, "
                "what runs is recorded",
            )
        else:
            self._log("info", "there is room on the disk again")

    def retain(self) -> None:
        """Drop old segments that all snapshots and the recorder have; begin a new one in time."""
        now = time.time()
        old = self.journal.since_ts < now - self._retention_s / 10
        if self.journal.since_snapshot and old and not self._ballast.full:
            self._snapshot()
        covered = min(snapshot.oldest(self.journal.directory), self.recorded)
        dropped = self.journal.drop(covered, now - self._retention_s)
        if dropped:
            self._log("info", "dropped old segments of the journal", count=dropped,
                      oldest=self.journal.first)  # fmt: skip
