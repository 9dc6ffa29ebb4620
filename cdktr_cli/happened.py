"""The facts about one run: from the principal's journal, or from the recorder when they are older.

What is asked for is bounded: a journal of millions of facts is not read for one run, the recorder
finds them by the run. Knows nothing of what they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cdktr_cli.connection import Connection
from cdktr_cli.story import Fact
from cdktr_cli.table import Row
from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import EventList, EventPage
from cdktr_common.errors import ProtocolError

_PAGE = 1000
_PAGES = 10
"""Pages of the journal that are read before the recorder is asked instead."""


def facts_of(principal: Connection, run: Row, kinds: Sequence[str]) -> list[Fact]:
    """The facts of these kinds, and perhaps others. None when nobody can tell: the rows say the
    most."""
    try:
        found = _journal(principal, run)
        return _recorded(principal, run, kinds) if found is None else found
    except ProtocolError:
        return []


def _journal(principal: Connection, run: Row) -> list[Fact] | None:
    """From the run's first fact on; None when that is too far back."""
    after = run["seq"] - 1
    found: list[Fact] = []
    for _ in range(_PAGES):
        asked = EventList(after=after, limit=_PAGE, topic=f"run/{run['workflow']}/")
        page = principal.ask(asked, EventPage)
        if page.oldest > run["seq"]:
            return None
        facts = (msgspec.json.decode(raw) for raw in page.events)
        found += [fact for fact in facts if fact.get("run") == run["run"]]
        if page.last <= after or page.last >= page.newest:
            return found
        after = page.last
    return None


def _recorded(principal: Connection, run: Row, kinds: Sequence[str]) -> list[Fact]:
    found: list[Fact] = []
    for kind in kinds:
        before: int | None = None
        for _ in range(_PAGES):
            asked = HistoryList(
                table="events", run=run["run"], state=kind, limit=_PAGE, before=before
            )
            page = principal.ask_logd(asked, HistoryPage)
            at = page.columns.index("body")
            found += [row[at] for row in page.rows]
            before = page.next
            if before is None:
                break
    return sorted(found, key=lambda fact: int(fact["seq"]))
