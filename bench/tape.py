"""Output as the terminal view takes it in and searches it, without a terminal.

Part of W11. The budgets are 50,000 lines/s taken in and 100 ms for a
search through 50,000 lines; what a frame costs is measured where there is a terminal.
"""

from __future__ import annotations

import gc
import time
from typing import Final

from bench.figures import US, Figures
from cdktr_common.catalogue.logd import LogPage
from cdktr_common.catalogue.values import LogChunk
from cdktr_tui.draw.loglines import Look, lines
from cdktr_tui.model.asks import Scope
from cdktr_tui.model.sift import Pattern, Sift
from cdktr_tui.model.tape import ROWS
from cdktr_tui.model.transcript import Transcript

SEARCHES: Final = ("part 0012", "/part .*9 of", "!info")


def chunks(count: int, each: int) -> list[LogChunk]:
    """So many lines of a task, `each` a chunk."""
    made, offset = [], 0
    for first in range(0, count, each):
        numbers = range(first, first + each)
        text = "".join(f"12:00:00.123 INFO copying part {n:08d} of many\n" for n in numbers)
        made.append(
            LogChunk(
                workflow="w", run="r", task="t", n=1, stream="stdout", offset=offset, line=first,
                ts=float(first), text=text,
            )
        )  # fmt: skip
        offset += len(text)
    return made


def take(given: list[LogChunk]) -> tuple[Transcript, float, float]:
    """Taken in as if it came live: seconds, and the longest that one chunk took."""
    script = Transcript(Scope("w", "r"))
    for ask in script.asks():
        script.answer(ask, LogPage())
    worst, began = 0.0, time.perf_counter()
    for seq, chunk in enumerate(given, 1):
        before = time.perf_counter()
        script.live(seq, chunk)
        worst = max(worst, time.perf_counter() - before)
    return script, time.perf_counter() - began, worst


def search(script: Transcript, words: str) -> tuple[float, float]:
    """Seconds for all rows, and for the longest slice."""
    sift = Sift(script.tape)
    sift.search(Pattern(words))
    worst, began, more = 0.0, time.perf_counter(), True
    while more:
        before = time.perf_counter()
        more = sift.advance()
        worst = max(worst, time.perf_counter() - before)
    return time.perf_counter() - began, worst


def taping(figures: Figures, quick: bool) -> None:
    """W11: output."""
    for each in (200, 1):
        given = chunks(40_000 if quick else 200_000, each)
        gc.collect()
        script, took, worst = take(given)
        figures.add(f"W11 lines/s taken in, {each} a piece", US, len(given) * each / took)
        figures.add(f"W11 longest stall, {each} a piece, ms", US, worst * 1e3)
        searched = [search(script, words) for words in SEARCHES]
        figures.add(f"W11 ms to search {ROWS:,} lines, {each} a piece", US,
                    1e3 * max(took for took, _ in searched) * ROWS / len(script.tape))  # fmt: skip
        figures.add(f"W11 longest slice of it, {each} a piece, ms", US,
                    1e3 * max(worst for _, worst in searched))  # fmt: skip
    began = time.perf_counter()
    for number in range(script.tape.first, script.tape.first + 1000):
        lines(script.tape.row(number), Look(), 140, 0.0)
    figures.add("W11 µs to draw a line", US, (time.perf_counter() - began) * 1e3)
