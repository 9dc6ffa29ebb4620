"""One principal as the program has it: its feed, what is known of it, and the views opened on it.

Every principal keeps its own views, so that going to another and back changes nothing. Answers find
their way here to whoever asked. Knows no widget.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from cdktr_common.catalogue.base import Request
from cdktr_common.errors import ProtocolError
from cdktr_tui.feed.items import Answered, Gap, Item, Link, Output
from cdktr_tui.model.model import Model

if TYPE_CHECKING:
    from cdktr_tui.view import View

KEPT: Final = 20
"""Views that stay to go back to."""


class Place(NamedTuple):
    """Where a principal is and how it is to be treated. `colour` is its name's; `protected`: before
    a change its name is asked for; `read_only`: nothing is changed there."""

    name: str
    endpoint: str
    colour: str = ""
    protected: bool = False
    read_only: bool = False


class FeedLike(Protocol):
    """What a feed can be asked for: `feed.feed.Feed`, a replay, a test's."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def ask(self, number: int, request: Request, wait_s: float = 10.0) -> None: ...
    def forget(self, number: int) -> None: ...
    def follow(self, topics: Set[str]) -> None: ...
    def retry(self) -> None: ...
    def take(self) -> list[Item]: ...


class Taken(NamedTuple):
    """What has come: keys of the model that have changed, output, and whether what is shown has to
    be asked for anew, since there is a gap or the principal is back."""

    dirty: set[tuple[str, ...]]
    output: list[Output]
    anew: bool


class _Asked(NamedTuple):
    then: Callable[[Any], None]
    refused: Callable[[ProtocolError], None]


class Session:
    """A principal that was gone to at least once."""

    def __init__(self, place: Place, feed: FeedLike) -> None:
        self.place = place
        self.feed = feed
        self.model = Model(place.name)
        self.roots: dict[str, View] = {}
        self.stack: list[View] = []
        self.past: list[list[View]] = []
        self.future: list[list[View]] = []
        self.followed: frozenset[str] = frozenset()
        self._asked: dict[int, _Asked] = {}
        self._number = 0

    def ask(
        self,
        request: Request,
        then: Callable[[Any], None],
        refused: Callable[[ProtocolError], None],
        wait_s: float = 10.0,
    ) -> int:
        """Ask; one of the two is called later, in the program's thread. A request that changes
        something keeps its id when it is sent again, so it is never done twice."""
        self._number += 1
        self._asked[self._number] = _Asked(then, refused)
        if request.id is None:
            request = msgspec.structs.replace(request, id=f"tui-{os.urandom(8).hex()}")
        self.feed.ask(self._number, request, wait_s)
        return self._number

    def forget(self, number: int) -> None:
        """The answer is of no interest any more."""
        if self._asked.pop(number, None) is not None:
            self.feed.forget(number)

    @property
    def waiting(self) -> int:
        """How many questions are not answered yet."""
        return len(self._asked)

    def follow(self, topics: set[str]) -> None:
        """These topics and no others."""
        wanted = frozenset(topics)
        if wanted != self.followed:
            self.model.left(self.followed - wanted)
            self.followed = wanted
            self.feed.follow(wanted)

    def take(self) -> Taken:
        """Fold what has come."""
        dirty: set[tuple[str, ...]] = set()
        output: list[Output] = []
        anew = False
        for item in self.feed.take():
            if isinstance(item, Answered):
                asked = self._asked.pop(item.number, None)
                if asked is None:
                    continue
                if isinstance(item.reply, ProtocolError):
                    asked.refused(item.reply)
                else:
                    asked.then(item.reply)
            elif isinstance(item, Output):
                output.append(item)
            else:
                was = self.model.link.state
                dirty |= self.model.fold(item)
                anew |= isinstance(item, Gap) and not item.healed
                anew |= isinstance(item, Link) and item.state == "up" != was
        return Taken(dirty, output, anew)

    # Views.

    @property
    def view(self) -> View:
        return self.stack[-1]

    def path(self) -> list[View]:
        """From the root to what is shown."""
        return self.stack

    def open(self, view: View) -> None:
        """Go down to it."""
        self._remember()
        self.stack = [*self.stack, view]

    def root(self, view: View) -> None:
        """Go to one of the views at the beginning of paths."""
        if self.stack:
            self._remember()
        self.stack = [view]

    def up(self) -> bool:
        """To the view above; False: this is the uppermost."""
        if len(self.stack) < 2:
            return False
        self._remember()
        self.stack = self.stack[:-1]
        return True

    def move(self, step: int) -> bool:
        """Back (-1) or forward (1) in what was shown. False: there is nothing."""
        source, target = (self.past, self.future) if step < 0 else (self.future, self.past)
        if not source:
            return False
        target.append(self.stack)
        self.stack = source.pop()
        return True

    def _remember(self) -> None:
        self.past = [*self.past, self.stack][-KEPT:]
        self.future = []

    def kept(self) -> set[View]:
        """All views that can be gone to."""
        stacks = [self.stack, *self.past, *self.future]
        return {view for stack in stacks for view in stack} | set(self.roots.values())
