"""What has become of files: what was told of each, and what there is to tell now.

theory of operation
    A notice (inotify, or a look at everything) only makes a path *dirty*; what is told is the
    difference between the file as it was told last and as it is found when it is looked at. So
    notices may be lost, doubled or late, and a file that changed three times before it was looked
    at is told once, as it is.

        told    found           then
        -       a file          created
        a file  another one     modified (other inode, size or time of change)
        a file  the same        nothing
        a file  nothing         deleted
        at A    the same at B   moved
        the same, and another   moved; unless moves are not told: then B is modified and A deleted
         one was told at B

    A path is looked at when it has been still for `settle_s`; without that, as soon as it was
    closed after writing or renamed into its place, and after CLOSED_S when nobody was seen to close
    it. What is gone is given HOLD_S to come back under another name or with another content: that
    is how editors save. Clocks of files stand still for a few milliseconds, so a file that was
    changed within the last RACY_S is looked at again: it could change once more without showing.

Pure: `now` is a clock that never goes back, `wall` the one that files are dated by.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

CLOSED_S: Final = 2.0
HOLD_S: Final = 0.1
RACY_S: Final = 0.012

MOST_FILES: Final = 1_000_000
"""Files a watch keeps in mind; those beyond are not told of."""


class State(NamedTuple):
    """A file as it is found."""

    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int

    def same(self, other: State) -> bool:
        """Is it the same content under the same or another name, as far as can be seen?"""
        return self[:3] == other[:3]


class Change(NamedTuple):
    """What there is to tell of a path. `source`: where a moved file was before."""

    kind: str
    path: str
    state: State
    source: str = ""


class _Dirty:
    __slots__ = ("closed", "due", "since", "state")

    def __init__(self, since: float, closed: bool, due: float, state: State | None) -> None:
        self.since = since
        self.closed = closed
        self.due = due
        self.state = state


class Changes:
    """Of one watch. `told` is what was told last, by path; `moves`: whether moves are told."""

    def __init__(self, told: dict[str, State], settle_s: float | None, moves: bool = True) -> None:
        self.told = told
        self.settle_s = settle_s
        self.moves = moves
        self.beyond = 0
        self._dirty: dict[str, _Dirty] = {}
        self._order: list[tuple[float, str]] = []
        self._moves: dict[str, tuple[str, float]] = {}
        self._origins: dict[str, str] = {}  # of what is the target of a move

    # Notices.

    def written(self, path: str, now: float) -> None:
        """It was made or written to, and may be still."""
        self._mark(path, now, closed=False)

    def closed(self, path: str, now: float) -> None:
        """It was closed after writing, or renamed into its place."""
        self._mark(path, now, closed=True)

    def touched(self, path: str, now: float) -> None:
        """Something about it changed that need not be its content."""
        if path not in self._dirty:
            self._mark(path, now, closed=True)

    def gone(self, path: str, now: float) -> None:
        """It is not there any more, under this name."""
        if path in self.told:
            self._mark(path, now, closed=True, due=now + HOLD_S)
        else:
            self._dirty.pop(path, None)

    def renamed(self, before: str, after: str, now: float) -> None:
        """What was `before` is now `after`; of both, more may be heard."""
        origin = self._origins.pop(before, None)
        if origin is not None:
            self._moves.pop(origin)  # it goes on from there
            before = origin
        elif before in self._moves:
            return  # what was told by this name has left already; this is another one
        if before in self.told:
            overwritten = self._origins.get(after)
            if overwritten is not None:
                self._moves.pop(overwritten)
            self._moves[before] = (after, now + HOLD_S)
            self._origins[after] = before

    def being_written(self, path: str) -> bool:
        """Was it written to and not seen to be closed?"""
        dirty = self._dirty.get(path)
        return dirty is not None and not dirty.closed

    def found(self, path: str, state: State, now: float, wall: float) -> None:
        """A look at a directory met it. When it changed last is only known by its date."""
        known = self.told.get(path)
        if (known is None or not known.same(state)) and path not in self._dirty:
            age = min(max(0.0, wall - state.mtime_ns / 1e9), 3600.0)
            self._mark(path, now - age, closed=False, state=state)

    def compared(
        self, found: Mapping[str, State], now: float, wall: float, away: Iterable[str] = ()
    ) -> None:
        """A look at everything: what was told and is not there is gone, unless it is or lies in
        something that could not be looked at (`away`)."""
        away = set(away)
        roots = tuple(root.rstrip("/") + "/" for root in away)
        lost = [
            path
            for path in self.told
            if path not in found and path not in away and not path.startswith(roots)
        ]
        by_content = {self.told[path][:3]: path for path in lost}
        for path, state in found.items():
            before = by_content.pop(state[:3], None) if path not in self.told else None
            if before is not None and before not in self._moves:
                self.renamed(before, path, now)
            self.found(path, state, now, wall)
        for path in lost:
            if path not in self._dirty:  # looks may follow one another faster than HOLD_S
                self.gone(path, now)

    def _mark(
        self,
        path: str,
        since: float,
        closed: bool,
        due: float | None = None,
        state: State | None = None,
    ) -> None:
        if due is None:
            due = since + self._patience(closed)
        self._dirty[path] = _Dirty(since, closed, due, state)
        heapq.heappush(self._order, (due, path))

    def _patience(self, closed: bool) -> float:
        if self.settle_s is not None:
            return self.settle_s
        return 0.0 if closed else CLOSED_S

    # Looking.

    def next_due(self) -> float | None:
        """When there is something to look at."""
        while self._order and not self._current(*self._order[0]):
            heapq.heappop(self._order)
        dues = [due for _, due in self._moves.values()]
        if self._order:
            dues.append(self._order[0][0])
        return min(dues, default=None)

    def due_moves(self, now: float) -> list[tuple[str, str]]:
        """Moves to be decided, (before, after); to be answered by `moved`."""
        return [(a, b) for a, (b, due) in self._moves.items() if due <= now]

    def moved(self, found: Iterable[tuple[str, str, State | None]]) -> list[Change]:
        """Decide moves; `found` is what is at `after` now. What does not hold is forgotten: both
        paths are dirty, and each is told for itself. In the order of the changes, no name is taken
        before what had it has left, unless names were exchanged."""
        held: list[tuple[str, str, State]] = []
        for before, after, state in found:
            del self._moves[before], self._origins[after]
            known = self.told.get(before)
            if known is not None and state is not None and known.ino == state.ino:
                held.append((before, after, known._replace(ctime_ns=state.ctime_ns)))
        replaced: list[Change] = []
        moved: list[Change] = []
        for before, after, state in held:
            if not self.moves and after in self.told:
                replaced.append(Change("modified", after, state))
            else:
                moved.append(Change("moved", after, state, before))
        taken = {change.path for change in replaced}
        left = [before for before, after, _ in held if after in taken and before not in taken]
        deleted = [Change("deleted", before, self.told[before]) for before in left]
        for before, _, _ in held:
            self.told.pop(before, None)
        for _, after, state in held:
            self.told[after] = state
        return [*deleted, *moved, *replaced]

    def due(self, now: float, most: int) -> list[str]:
        """Paths to be looked at now, each to be answered by `looked`."""
        paths: dict[str, None] = {}
        while self._order and self._order[0][0] <= now and len(paths) < most:
            due, path = heapq.heappop(self._order)
            if not self._current(due, path):
                continue
            until = self._held(path)
            if until > now:
                self._dirty[path].due = until
                heapq.heappush(self._order, (until, path))
            else:
                paths[path] = None
        return list(paths)

    def _held(self, path: str) -> float:
        """Until when a move that it is part of may still go on."""
        ends = (self._moves.get(path), self._moves.get(self._origins.get(path, "")))
        return max((end[1] for end in ends if end is not None), default=0.0)

    def _current(self, due: float, path: str) -> bool:
        dirty = self._dirty.get(path)
        return dirty is not None and dirty.due == due

    def looked(self, path: str, state: State | None, now: float, wall: float) -> Change | None:
        """What is to be told of a path that was looked at, if it is still enough."""
        dirty = self._dirty.pop(path)
        known = self.told.get(path)
        if state is None:
            return Change("deleted", path, self.told.pop(path)) if known is not None else None
        if known is not None and known.same(state):
            return None
        patience = max(RACY_S, self._patience(dirty.closed))
        if dirty.state is not None and not dirty.state.same(state):
            self._mark(path, now, closed=False, state=state)
            return None
        age = wall - state.mtime_ns / 1e9
        if 0 <= age < patience:
            again = now + max(RACY_S / 2, patience - age)
            self._mark(path, dirty.since, closed=dirty.closed, due=again, state=state)
            return None
        if known is None and len(self.told) >= MOST_FILES:
            self.beyond += 1
            return None
        self.told[path] = state
        return Change("created" if known is None else "modified", path, state)

    def later(self, path: str, now: float) -> None:
        """It cannot be looked at now."""
        self._mark(path, now, closed=False, due=now + 1.0)

    def take(self, path: str, state: State) -> Change:
        """Take a file as told without telling it."""
        self._dirty.pop(path, None)
        self.told[path] = state
        return Change("known", path, state)
