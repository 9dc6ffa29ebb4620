"""cdktr-logd rebuild: history.duckdb made again, from the principal's facts and the old output.

Facts come from the principal, from the oldest it has; older ones, and all output, from the old
file as far as it can be read. The new file is finished and closed before anything is moved; then a
small file says that the exchange is under way, so that whoever comes next, this command or logd,
ends it when it was cut off in the middle. The old file is kept under a dated name. The caller
holds the lock of the directory.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common.catalogue.principal import EventList, EventPage
from cdktr_common.client import Client
from cdktr_common.files import replace_file, sync_directory
from cdktr_logd.core import Row
from cdktr_logd.facts import fact_rows
from cdktr_logd.head import Head, Heights
from cdktr_logd.partitions import Partition
from cdktr_logd.salvage import Salvage
from cdktr_logd.store import WAL_MOST, Store

NEW: Final = "rebuilt"
UNDER_WAY: Final = "rebuilt.json"
PAGE: Final = 2000

Facts = Iterator[list[msgspec.Raw]]


class _Exchange(msgspec.Struct):
    """What is to be done when the new file is complete."""

    keep: str
    heights: Heights


def rebuild(directory: Path, principal: Client, say: Callable[[str], None]) -> bool:
    """Make the file again; `say` is told what was done. False: something could not be carried
    over. Raises ProtocolError when the principal does not answer, StoreFull without room."""
    finish(directory)
    _sweep(directory)
    old = Salvage(directory / "history.duckdb", directory / "salvage")
    try:
        work = _Rebuild(directory, principal, old)
        heights = work.run()
    finally:
        old.close()
    keep = _keep_name(directory)
    marker = msgspec.json.encode(_Exchange(keep, heights))
    replace_file(directory / UNDER_WAY, marker, durable=True)
    finish(directory)
    work.report(say)
    if (directory / keep).exists():
        say(f"the old file is kept as {directory / keep}; remove it when you need it no more")
    return work.whole


def finish(directory: Path) -> None:
    """Put a complete new file in place, if one waits for that. Can be repeated at any point."""
    marker = directory / UNDER_WAY
    if not marker.exists():
        return
    task = msgspec.json.decode(marker.read_bytes(), type=_Exchange)
    for suffix in ("", ".wal"):
        old, kept = directory / f"history.duckdb{suffix}", directory / f"{task.keep}{suffix}"
        if old.exists() and not kept.exists() and (directory / f"{NEW}.duckdb").exists():
            old.replace(kept)
    if (directory / f"{NEW}.duckdb").exists():
        (directory / f"{NEW}.duckdb").replace(directory / "history.duckdb")
    sync_directory(directory)
    Head(directory).write(task.heights)
    marker.unlink()


def _sweep(directory: Path) -> None:
    """Remove what an earlier attempt has left."""
    shutil.rmtree(directory / "salvage", ignore_errors=True)
    for name in (f"{NEW}.duckdb", f"{NEW}.duckdb.wal"):
        (directory / name).unlink(missing_ok=True)


def _keep_name(directory: Path) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name, count = f"history-{stamp}.duckdb", 1
    while (directory / name).exists() or (directory / f"{name}.wal").exists():
        count += 1
        name = f"history-{stamp}-{count}.duckdb"
    return name


class _Rebuild:
    """One rebuilding."""

    def __init__(self, directory: Path, principal: Client, old: Salvage) -> None:
        self._directory = directory
        self._principal = principal
        self._old = old
        self._told = Head(directory).read()
        first = self._ask(0, limit=1)
        self._oldest, self._newest = first.oldest, first.newest
        self._foreign = self._is_foreign()
        self._after = 0
        self._pending: list[msgspec.Raw] = []
        self._shown = 0.0
        self.rows, self.bytes, self.carried, self.asked, self.lost = 0, 0, 0, 0, 0

    def _ask(self, after: int, limit: int = PAGE) -> EventPage:
        return self._principal.ask(EventList(after=after, limit=limit), EventPage)

    def _is_foreign(self) -> bool:
        """Did the old file record another journal than the principal has?"""
        last = min(self._old.newest_fact(), self._newest)
        body = self._old.fact(last) if last >= self._oldest else None
        if body is None:
            return False
        (raw,) = self._ask(last - 1, limit=1).events
        return bool(json.loads(body) != json.loads(bytes(raw)))

    def run(self) -> Heights:
        """The new file, complete and closed; how far it goes."""
        parts = self._old.partitions()
        if self._foreign:  # its numbers of facts say nothing here
            parts = [part._replace(seq=0, body=None) for part in parts]
        self._after = parts[0].seq
        store = Store(self._directory, NEW, parts[0])
        try:
            facts = self._facts(parts)
            for part, following in zip(parts, [*parts[1:], None], strict=True):
                if part is not parts[0]:
                    store.add_partition(part)
                self._partition(store, part, following, facts)
            self._lift(store, parts[-1].number)
            store.checkpoint()
            return store.heights()
        finally:
            store.close()

    def _partition(
        self, store: Store, part: Partition, following: Partition | None, facts: Facts
    ) -> None:
        for rows in self._old.output(part.number):
            store.commit([Row(*row) for row in rows], [])
            self.rows += len(rows)
            self.bytes += sum(row[7] for row in rows)
            self._settle(store)
        marks = self._old.marks(part.number)
        if marks:
            store.change([], marks=marks)
        bound = self._newest if following is None else following.seq
        for page in self._until(facts, bound):
            found, self._after = fact_rows(self._after, page)
            if found.events:
                store.commit([], [found])
            self._settle(store)

    def _until(self, facts: Facts, bound: int) -> Facts:
        """Pages of the facts up to a number; the rest stays for the next partition."""
        while page := self._pending or next(facts, []):
            mine = [raw for raw in page if _seq(raw) <= bound]
            self._pending = page[len(mine) :]
            if mine:
                yield mine
            if self._pending:
                return

    def _facts(self, parts: Iterable[Partition]) -> Facts:
        """First those that only the old file has, then the principal's."""
        if not self._foreign:
            for part in parts:
                for rows in self._old.facts(part.number, self._oldest):
                    self.carried += len(rows)
                    yield [msgspec.Raw(body.encode()) for _, body in rows]
        after = max(self._after, self._oldest - 1)
        while after < self._newest:
            page = self._ask(after)
            if not page.events:
                return
            self.asked += len(page.events)
            yield page.events
            after = page.last

    def _lift(self, store: Store, number: int) -> None:
        """Numbers of output never go back: whoever follows it would wait for ever."""
        heights = store.heights()
        self.lost = max(0, self._told.pos - heights.pos)
        if self.lost:
            body = store.fact(heights.seq)
            fresh = Partition(number + 1, time.time(), self._told.pos, heights.seq, body)
            store.add_partition(fresh)

    def _settle(self, store: Store) -> None:
        if store.wal_size() >= WAL_MOST:
            store.checkpoint()
        if sys.stderr.isatty() and time.monotonic() - self._shown > 0.2:
            self._shown = time.monotonic()
            done = f"{self.rows:,} pieces of output, {self.carried + self.asked:,} facts"
            print(f"\r\x1b[K{done}", end="", file=sys.stderr, flush=True)

    @property
    def whole(self) -> bool:
        """Was everything carried over that had been recorded?"""
        return not (self._old.troubles or self._foreign or self.lost)

    def report(self, say: Callable[[str], None]) -> None:
        """What was done and what could not be."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        kept = f", {self.carried:,} older ones carried over" if self.carried else ""
        say(f"facts: {self.asked:,} from the principal{kept}")
        say(f"output: {self.rows:,} pieces, {self.bytes:,} bytes carried over")
        for trouble in self._old.troubles:
            say(f"not carried over: {trouble}")
        if self._foreign:
            say("not carried over: facts of the old file, which recorded another journal")
        if self.lost:
            say(f"not carried over: the last {self.lost:,} pieces of output that were recorded")


def _seq(raw: msgspec.Raw) -> int:
    fact: dict[str, Any] = msgspec.json.decode(raw)
    return int(fact["seq"])
