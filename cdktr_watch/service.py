"""cdktr-watch at work: one loop, and for each watch its record, its directories and its teller.

A turn takes notices, looks at what is due, writes down what is to be told, syncs, and only then
sends. When more waits for the principal than MOST_WAITING, files stay unlooked at: they are told
as they are found when there is room again, and none is forgotten.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq

from cdktr_common.cli import Log
from cdktr_common.client import Channel
from cdktr_common.lock import Lock
from cdktr_common.loop import Loop, Timer, clock
from cdktr_watch.changes import Change, Changes
from cdktr_watch.config import Watch
from cdktr_watch.record import Record, directory
from cdktr_watch.teller import Teller
from cdktr_watch.tree import Tree, foreign, look_at

PROGRAM: Final = "cdktr-watch"

MOST_WAITING: Final = 100_000
"""Events of a watch that wait for the principal; more are not decided yet."""

TURN_LOOKS: Final = 1000
"""Files that are looked at before what they say is written down and sent."""

LIMITED_S: Final = 10.0
"""How often everything is looked at when the system allows no more inotify watches."""

RECONNECT_S: Final = 0.1
"""How soon what could not be sent is tried again."""

AWAY_S: Final = 1.0
"""How often a watched directory that went away is looked for."""


class Watcher:
    """One watch. Raises Locked, RecordDamaged, OSError."""

    def __init__(self, home: Path, watch: Watch, channel: Channel, log: Log) -> None:
        self.watch = watch
        self._log = log
        place = directory(home, watch.name)
        self._lock = Lock(place / "lock", PROGRAM, event=watch.event)
        self._record = Record(place / "seen")
        self._changes = Changes(self._record.told, watch.settle_s, "moved" in watch.on)
        self.tree = Tree(watch, self._changes)
        self._acknowledged: list[int] = []
        self._teller = Teller(
            watch.name, watch.event, self._record, channel, log, self._acknowledged.append
        )
        self._again_at: float | None = None
        self._save_after = 0.0
        self._full = False
        self._said: set[str] = set()

    def begin(self) -> None:
        """The first look: what has happened since the last one of an earlier time."""
        found = self.tree.look()
        now, wall = clock(), time.time()
        missing = sorted(self.tree.away)
        if self._record.scope != self.watch.scope:
            if not self._record.fresh:
                new = "told" if self.watch.existing else "not told"
                text = f"what is watched has changed: files that are new to it are {new}"
                self._warn("scope", text)
            for path in [p for p in self._record.told if not self.tree.meant(p)]:
                state = self._record.told.pop(path)
                self._record.note(Change("forgotten", path, state), tell=False)
            if not self.watch.existing:
                for path, state in found.items():
                    if path not in self._record.told:
                        self._record.note(self._changes.take(path, state), tell=False)
            self._record.begin(self.watch.scope)  # last: cut off before, all this is done again
            self._save(now)  # what comes from now on is new, whenever this is killed
        self._changes.compared(found, now, wall, {*missing, *self.tree.unread})
        self._note_trouble()
        for root in self.watch.roots:
            kind = foreign(root)
            if kind and self.tree.bell is not None:
                self._warn(root, f"{root} is on {kind}: what other machines change there is not "
                           "noticed; give --poll 10s")  # fmt: skip

    def heard(self) -> None:
        """Something rang."""
        if self.tree.bell is not None and self.tree.hear(clock()):
            self.look()

    def look(self) -> None:
        """Look at everything."""
        found = self.tree.look()
        self._changes.compared(found, clock(), time.time(), {*self.tree.away, *self.tree.unread})
        self._note_trouble()

    def _note_trouble(self) -> None:
        tree, now = self.tree, clock()
        if tree.trouble:
            self._warn("limit", f"{tree.trouble}: everything is looked at every {LIMITED_S:g} s "
                       "instead")  # fmt: skip
        if tree.overflows:
            self._log("warning", "the kernel dropped notices; everything was looked at instead",
                      watch=self.watch.name, times=tree.overflows)  # fmt: skip
            tree.overflows = 0
        for path in tree.away:
            self._warn(path, f"{path} is not there; nothing is told of it until it is back")
        for path in tree.unread:
            self._warn(path, f"{path!a} cannot be read; nothing is told of it until it can")
        every = self.watch.poll_s if tree.bell is not None or self.watch.poll_s else LIMITED_S
        every = min(every or AWAY_S, AWAY_S) if tree.away else every
        every = every or (LIMITED_S if tree.unread else None)
        self._again_at = now + every if every else None

    def _warn(self, about: str, text: str) -> None:
        if about not in self._said:
            self._said.add(about)
            self._log("warning", text, watch=self.watch.name)

    # A turn.

    def next_due(self) -> float | None:
        """When this has something to do by itself."""
        dues = [] if self._again_at is None else [self._again_at]
        due = self._changes.next_due()
        if due is not None:
            dues.append(max(due, self._save_after))
            if len(self._record.waiting) >= MOST_WAITING:
                dues.pop()
        return min(dues, default=None)

    def turn(self) -> None:
        """Decide what is due, make it durable, send it."""
        now = clock()
        if self._again_at is not None and self._again_at <= now:
            self.look()
        room = MOST_WAITING - len(self._record.waiting)
        if room <= 0:
            self._warn("waiting", f"{MOST_WAITING:,} events wait for the principal; files that "
                       "change more than once meanwhile are told once")  # fmt: skip
        if now >= self._save_after and room > 0:
            self._decide(now, min(room, TURN_LOOKS))
        if self._acknowledged:
            self._record.acknowledged(self._acknowledged)
            self._acknowledged.clear()
        self._save(now)
        self._teller.send()

    def _decide(self, now: float, most: int) -> None:
        moves = []
        for before, after in self._changes.due_moves(now):
            try:
                moves.append((before, after, look_at(after)))
            except OSError:
                moves.append((before, after, None))
        for change in self._changes.moved(moves):
            self._note(change)
        for path in self._changes.due(now, most):
            try:
                state = look_at(path)
            except OSError:
                self._changes.later(path, now)
                continue
            if state is None and path in self._record.told and self._under_away(path):
                self._changes.later(path, now)
                continue
            told = self._changes.looked(path, state, now, time.time())
            if told is not None:
                self._note(told)
        if self._changes.beyond:
            self._warn("beyond", "more files than one watch can keep in mind: those beyond are "
                       "not told of")  # fmt: skip

    def _under_away(self, path: str) -> bool:
        return any(path.startswith(root + "/") for root in self.tree.away)

    def _note(self, change: Change) -> None:
        self._record.note(change, tell=change.kind in self.watch.on)

    def _save(self, now: float) -> None:
        try:
            self._record.save()
        except OSError as fault:
            self._save_after = now + 1.0
            if not self._full:
                self._full = True
                self._log("error", f"cannot write {self._record.path}: {fault.strerror}; nothing "
                          "is told meanwhile", watch=self.watch.name)  # fmt: skip
        else:
            self._full = False

    def once_in_a_while(self) -> None:
        """About once a second."""
        self._teller.look()

    def close(self) -> None:
        """Leave; what is not acknowledged is in the record."""
        self.tree.close()
        self._record.close()
        self._lock.release()


class Service:
    """The whole program but its start. `run` returns when it was told to stop."""

    def __init__(self, home: Path, principal: str, watches: list[Watch], log: Log) -> None:
        self._loop = Loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._channel = Channel(self._context, principal)
        self._watchers = [Watcher(home, watch, self._channel, log) for watch in watches]
        self._timer: Timer | None = None
        self._resending: Timer | None = None

    def begin(self) -> None:
        """Everything is watched from here on."""
        for watcher in self._watchers:
            watcher.begin()

    def run(self) -> None:
        """Watch until SIGTERM or SIGINT; SIGHUP looks at everything."""
        loop = self._loop
        loop.on_signals((signal.SIGTERM, signal.SIGINT), lambda _: loop.stop())
        loop.on_signals((signal.SIGHUP,), lambda _: self._look())
        loop.watch(self._channel.socket, self._channel.pump)
        for watcher in self._watchers:
            if watcher.tree.bell is not None:
                loop.watch(watcher.tree.bell.fileno(), self._heard(watcher))
        loop.after = self._after
        loop.every(1.0, self._once_in_a_while)
        self._after()
        loop.run()
        for watcher in self._watchers:
            watcher.close()
        self._channel.close()
        self._context.term()

    def _heard(self, watcher: Watcher) -> Callable[[], None]:
        bell = watcher.tree.bell
        assert bell is not None
        number = bell.fileno()

        def heard() -> None:
            watcher.heard()
            if watcher.tree.bell is None:
                self._loop.unwatch(number)

        return heard

    def _look(self) -> None:
        for watcher in self._watchers:
            watcher.look()

    def _resend(self) -> None:
        self._resending = None
        self._channel.resend()

    def _once_in_a_while(self) -> None:
        self._channel.resend()
        for watcher in self._watchers:
            watcher.once_in_a_while()

    def _after(self) -> None:
        for watcher in self._watchers:
            watcher.turn()
        if self._channel.unsent and self._resending is None:
            self._resending = self._loop.later(RECONNECT_S, self._resend)
        dues = [due for watcher in self._watchers if (due := watcher.next_due()) is not None]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if dues:
            self._timer = self._loop.at(min(dues), lambda: None)
