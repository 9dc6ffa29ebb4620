"""The output of a run, or of one task of it, as far as it is loaded: gapless, each byte once.

Chunks come as pages of the recorder, at either end of what is loaded, and live. Which bytes of each
stream are on the tape is known by offset: what came before is cut off, and what is missing before a
live chunk is asked for while the chunk waits. What nobody has any more is told in a row of its own.
Who looks at the newest is *at the end*: live output is added. Elsewhere it is only counted, and
pages follow one another in both directions as far as there are any.

Nothing is asked here: `asks` says what should be, and its answers are handed to `answer` or
`refused`. Knows no clock and no socket.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.logd import LogPage
from cdktr_common.catalogue.values import LogChunk
from cdktr_tui.model import asks
from cdktr_tui.model.asks import NEWEST, Ask, Scope, Wish, source_of
from cdktr_tui.model.strand import Strand, size_of
from cdktr_tui.model.tape import Block, Source, Tape

HELD: Final = 4 << 20
"""Bytes that wait for what is missing before them, or for the first page; more is not waited for,
it is asked for again."""

ENOUGH: Final = 5000
"""Lines of a page that were missed: there are many more, as after a long time away."""

COMMIT: Final = 10_000
"""Positions by which live chunks may be out of order: they are published commit by commit."""


class Transcript:
    """What is loaded of a scope, and what has to be asked for to load more."""

    def __init__(self, scope: Scope, tape: Tape | None = None) -> None:
        self.scope = scope
        self.tape = Tape() if tape is None else tape
        self.low: int | None = NEWEST
        """Older output was stored before this position; None: there is none."""
        self.high: int | None = None
        """Newer output was stored after this position; None: at the end."""
        self.loaded = False
        self.hold = False
        """Somebody reads: when the tape is full, nothing on it goes for what comes live."""
        self.unseen = 0
        """Lines that have come live and are not on the tape."""
        self.refetched = 0
        """Bytes that live output had lost and that were asked for."""
        self._strands: dict[Source, Strand] = {}
        self._early: list[tuple[int, LogChunk]] = []
        self._early_size = 0
        self._joined = self._looked = 0
        self._newest = 0
        self._turn = 0
        self._asking: set[tuple[Wish, Source | None]] = set()
        self._wanted: list[Ask] = []
        self._want("newest")

    @property
    def at_end(self) -> bool:
        return self.loaded and self.high is None

    # What to ask for.

    def asks(self) -> list[Ask]:
        """What is to be asked for now; each is told once."""
        wanted, self._wanted = self._wanted, []
        return wanted

    def older(self) -> None:
        """More of what was before is wanted."""
        if self.loaded and self.low is not None:
            self._want("older")

    def newer(self) -> None:
        """More of what came after is wanted."""
        if self.loaded and self.high is not None:
            self._want("newer")

    def to_start(self) -> None:
        """The beginning of the output is wanted."""
        if self.low is not None:
            self._reset("oldest")

    def to_end(self) -> None:
        """The newest is wanted."""
        if self.high is not None or not self.loaded:
            self._reset("newest")

    def to_moment(self, ts: float) -> None:
        """What was written at that time is wanted."""
        self._reset("moment", ts)

    def missed(self) -> None:
        """Live output may have been lost without a trace: look after what has come."""
        if self.at_end:
            self._want("missed")
        elif not self.loaded and not self._asking:
            self._want("newest")

    def _reset(self, wish: Wish, ts: float = 0.0) -> None:
        """Go elsewhere; until that has come, what is there stays to be looked at."""
        self._turn += 1
        self._wanted.clear()
        self._asking.clear()
        self.loaded = False
        self._want(wish, ts=ts)

    def _start_anew(self) -> None:
        self.tape.clear()
        self._strands.clear()
        self.low, self.high, self.unseen, self._looked = NEWEST, None, 0, 0

    def _want(self, wish: Wish, source: Source | None = None, ts: float = 0.0) -> None:
        if (wish, source) in self._asking:
            return
        self._asking.add((wish, source))
        self._wanted.append(Ask(wish, self._request(wish, source, ts), self._turn, source))

    def _request(self, wish: Wish, source: Source | None, ts: float) -> Request:
        if source is not None:
            strand = self._strands.get(source)
            if strand is None:  # where it begins is not known
                return asks.after(source, self._joined)
            return asks.missing(source, strand.end, strand.lacks)
        if wish in ("newest", "older"):
            return asks.before(self.scope, (self.low if wish == "older" else None) or NEWEST)
        if wish == "moment":
            return asks.at(self.scope, ts)
        if wish == "missed":
            return asks.after(self.scope, max(self._sure, self._looked), asks.ALL)
        return asks.after(self.scope, (self.high or 0) if wish == "newer" else 0)

    @property
    def _sure(self) -> int:
        """Up to this position all chunks have been seen that ever will be."""
        return max(self._joined, self._newest - COMMIT)

    # What has come.

    def answer(self, ask: Ask, page: LogPage) -> None:
        """The reply to something that was asked."""
        if ask.turn != self._turn:
            return
        self._asking.discard((ask.wish, ask.source))
        if ask.source is not None:
            self._healed(ask.source, page)
        elif ask.wish == "newest":
            self._newest_page(page)
        elif ask.wish == "older":
            self._older(page)
        elif ask.wish == "moment":
            self._moment(page)
        else:
            self._newer(ask, page)

    def refused(self, ask: Ask) -> None:
        """It could not be answered; it can be asked for again."""
        if ask.turn == self._turn:
            self._asking.discard((ask.wish, ask.source))
            if ask.source is not None and ask.source in self._strands:
                self._strands[ask.source].waiting = False

    def live(self, seq: int, chunk: LogChunk) -> bool:
        """A chunk was stored just now. Is it of this scope?"""
        if not self.scope.holds(chunk):
            return False
        self._newest = max(self._newest, seq)
        if self.at_end and self.hold and self.tape.full:
            self.high = self._sure
        if not self.at_end:
            self.unseen += (chunk.text or "").count("\n") if self.loaded else 0
            self._early.append((seq, chunk))
            self._early_size += size_of(chunk)
            while self._early_size > HELD:
                self._early_size -= size_of(self._early.pop(0)[1])
            return True
        self._take(seq, chunk)
        return True

    def _take(self, seq: int, chunk: LogChunk) -> None:
        """A live chunk, at the end."""
        source = source_of(chunk)
        strand = self._strands.get(source)
        if strand is None:
            if seq <= self._joined:
                return  # older than what is loaded
            if chunk.offset and self.low is not None:
                # It wrote before, at some time: what comes first after the page is asked for.
                self._early.append((seq, chunk))
                self._early_size += size_of(chunk)
                self._want("hole", source)
                return
            strand = self._strands[source] = Strand(source, 0)
        if strand.waiting or chunk.offset > strand.end:
            self._hold(strand, seq, chunk)
            return
        self._append(strand, chunk, max(0, seq - COMMIT), seq + 1)

    def _hold(self, strand: Strand, seq: int, chunk: LogChunk) -> None:
        if not strand.held:
            strand.lacks = chunk.offset - strand.end
        strand.held.append((seq, chunk))
        strand.held_size += size_of(chunk)
        if strand.held_size > HELD or strand.lacks > self.tape.room:
            self._reset("newest")
            return
        strand.waiting = True
        self._want("hole", strand.source)

    def _healed(self, source: Source, page: LogPage) -> None:
        """What was missing of a stream, and what waited for it."""
        strand = self._strands.get(source)
        if strand is None:
            waiting = [each for each in self._early if source_of(each[1]) == source]
            self._early = [each for each in self._early if source_of(each[1]) != source]
            self._early_size = sum(size_of(chunk) for _, chunk in self._early)
            begins = [chunk.offset for chunk in (*page.chunks, *(one for _, one in waiting))]
            strand = self._strands[source] = Strand(source, min(begins, default=0))
        else:
            waiting, strand.held, strand.held_size = strand.held, [], 0
        strand.waiting = False
        for chunk in page.chunks:
            self.refetched += size_of(chunk)
            self._append(strand, chunk, self._joined, self._newest + 1)
        for seq, chunk in waiting:
            if chunk.offset > strand.end and page.chunks and page.next is not None:
                self._hold(strand, seq, chunk)
            else:  # what is missing still is nowhere
                self._append(strand, chunk, max(0, seq - COMMIT), seq + 1)

    def _newest_page(self, page: LogPage) -> None:
        self._start_anew()
        self.low = page.next
        self._append_all(page, page.next - 1 if page.next else 0, page.last + 1)
        self._join(page.last)

    def _older(self, page: LogPage) -> None:
        hi, self.low = self.low or 0, page.next
        self._prepend(page.chunks, page.next - 1 if page.next else 0, hi)

    def _moment(self, page: LogPage) -> None:
        """The first chunk of that time: pages go both ways from it. Nothing so new: the newest."""
        if not page.chunks or page.next is None:
            self._want("newest")
            return
        self._start_anew()
        self.loaded = True
        self.low, self.high = page.next, page.next - 1
        self._want("newer")

    def _newer(self, ask: Ask, page: LogPage) -> None:
        if ask.wish == "missed" and self.high is not None:
            return  # live output is not added any more
        if ask.wish == "missed" and page.next is not None:
            self._look_on(page)
            return
        if ask.wish == "oldest":
            self._start_anew()
            self.low, self.loaded = None, True
        lo = {"oldest": 0, "missed": max(self._sure, self._looked)}.get(ask.wish, self.high or 0)
        before = self.tape.end
        self._append_all(page, lo, (page.next or page.last) + 1)
        self.high = page.next
        if page.next is None:
            self._join(page.last)
        elif self.tape.end == before:  # all of it was there
            self._want("newer")

    def _look_on(self, page: LogPage) -> None:
        """There is more of what may have been missed. Who only follows does without, if it is
        much; for who reads, it becomes what can be gone on to."""
        new = self.tape.end
        self._append_all(page, max(self._sure, self._looked), (page.next or 0) + 1)
        self._looked = page.next or 0
        if self.tape.end - new < ENOUGH:
            self._want("missed")
        elif self.hold:
            self.high, self._looked = page.next, 0
        else:
            self._reset("newest")

    def _append_all(self, page: LogPage, lo: int, hi: int) -> None:
        for chunk in page.chunks:
            strand = self._strands.get(source_of(chunk))
            if strand is None:
                strand = self._strands[source_of(chunk)] = Strand(source_of(chunk), chunk.offset)
            self._append(strand, chunk, lo, hi)

    def _join(self, last: int) -> None:
        """At the end: everything stored up to `last` is there, and what came live follows."""
        self.loaded, self.high, self.unseen = True, None, 0
        self._joined, self._newest, self._looked = last, max(last, self._newest), 0
        early, self._early, self._early_size = self._early, [], 0
        for strand in self._strands.values():
            if not strand.waiting:
                early += strand.held
                strand.held, strand.held_size = [], 0
        for seq, chunk in early:
            self._take(seq, chunk)

    # On the tape.

    def _append(self, strand: Strand, chunk: LogChunk, lo: int, hi: int) -> None:
        for block in strand.take(self.tape, chunk, lo, hi):
            for gone in self.tape.append(block):
                self._gone_left(gone)

    def add_mark(self, block: Block) -> None:
        """A row that no task wrote, after the last one."""
        for gone in self.tape.append(block):
            self._gone_left(gone)

    def _gone_left(self, block: Block) -> None:
        self.low = max(self.low or 0, block.hi)
        strand = self._strands.get(block.source)
        if strand is not None and block.kind != "mark":
            strand.begin = max(strand.begin, block.end)

    def _gone_right(self, block: Block) -> None:
        self.high = block.lo if self.high is None else min(self.high, block.lo)
        strand = self._strands.get(block.source)
        if strand is not None and block.kind != "mark":
            strand.cut(block.offset)

    def _prepend(self, chunks: Iterable[LogChunk], lo: int, hi: int) -> None:
        new: list[Block] = []
        fresh: dict[Source, Strand] = {}
        for chunk in chunks:
            source = source_of(chunk)
            strand = self._strands.get(source)
            if source not in fresh:
                begin = chunk.offset if strand is None else min(chunk.offset, strand.begin)
                fresh[source] = Strand(source, begin)
            most = None if strand is None else strand.begin
            new += fresh[source].take(self.tape, chunk, lo, hi, most)
        for source, part in fresh.items():
            strand = self._strands.get(source)
            if strand is None:
                self._strands[source] = part
            else:
                new = strand.joined_before(self.tape, part, new)
        for gone in self.tape.prepend(new):
            self._gone_right(gone)
