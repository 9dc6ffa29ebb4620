"""Figures: many samples of one thing, their medians and ratios, the goals, the report.

A goal is always a ratio within one run, or a bound that the issue of speed was given; it is met,
missed, or not measured. Knows nothing of how the samples were taken.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

Key = tuple[str, str]
"""What was measured, and of whom."""


class Figures:
    """All samples of a run."""

    def __init__(self) -> None:
        self.samples: dict[Key, list[float]] = defaultdict(list)
        self.notes: list[str] = []

    def add(self, what: str, who: str, value: float) -> None:
        self.samples[what, who].append(value)

    def median(self, what: str, who: str) -> float | None:
        values = self.samples.get((what, who))
        return statistics.median(values) if values else None

    def cell(self, what: str, who: str) -> str:
        """Median, with min and max when there are several samples."""
        values = self.samples.get((what, who))
        if not values:
            return "-"
        text = short(statistics.median(values))
        return text if len(values) == 1 else f"{text} ({short(min(values))}-{short(max(values))})"

    def over(self, what: str, who: str, other: str) -> float | None:
        """How many times `other`'s median."""
        mine, theirs = self.median(what, who), self.median(what, other)
        return None if mine is None or not theirs else mine / theirs

    def whos(self) -> list[str]:
        return list(dict.fromkeys(who for _, who in self.samples))


def short(value: float) -> str:
    """Three digits are enough."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Goal(NamedTuple):
    """A floor that must hold and an aim beyond it. `least`: larger is better."""

    text: str
    value: Callable[[Figures], float | None]
    floor: float | None
    aim: float | None = None
    least: bool = True


US: Final = "CDKTR"

Value = Callable[[Figures], float | None]


def median_of(what: str) -> Value:
    return lambda figures: figures.median(what, US)


def times(what: str, other: str) -> Value:
    return lambda figures: figures.over(what, US, other)


def started(how: str) -> Value:
    return lambda f: f.over("W8 warm ms", f"cdktr-trigger {how}", "python -c pass")


GOALS: Final = (
    Goal("W1, 2 slots: share of raw", median_of("W1 2 slots, share of raw"), 0.45, 0.65),
    Goal("W1, 8 slots: share of raw", median_of("W1 8 slots, share of raw"), 0.50, 0.70),
    Goal("W1, 2 slots: times HyperQueue", times("W1 2 slots, tasks/s", "HyperQueue"), 3),
    Goal("W2: times make's hop", times("W2 ms a hop", "make -j"), 3, 1.3, False),
    Goal("W3: share of raw", median_of("W3 share of raw"), 0.40),
    Goal("W4 p50: times HyperQueue's", times("W4 p50 ms", "HyperQueue"), 0.2, None, False),
    Goal("W4 p50, ms", median_of("W4 p50 ms"), None, 2, False),
    Goal("W5: share of DuckDB's insert rate", times("W5 lines/s", "DuckDB insert"), 0.5),
    Goal("W6: ready, s", median_of("W6 ready s"), 1.5, None, False),
    Goal("W6: memory (PSS), MB", median_of("W6 PSS MB"), 200, None, False),
    Goal("W6: idle CPU, %", median_of("W6 idle CPU %"), 0.5, None, False),
    Goal("W7: tasks/s without processes", median_of("W7 tasks/s"), 20_000, 60_000),
    Goal(
        "restart with 1,000,000 facts, s", median_of("restart s, 1,000,000 facts"), 3, None, False
    ),
    Goal("W8 cdktr-trigger: times python -c pass", started("installed"), 10, 6, False),
    Goal("W8 cdktr-trigger.pyz: times python -c pass", started("zipapp"), 15, None, False),
    Goal("W9: events/s accepted through a pipe", median_of("W9 events/s"), 5_000, 10_000),
    Goal("W10: p99 lateness of 100 at once, ms", median_of("W10 p99 ms"), 50, 20, False),
    Goal("W11: 10,000 rows loaded, ms", median_of("W11 ms to load 10,000 rows"), 50, None, False),
    Goal("W11: filtered, ms", median_of("W11 ms to filter 10,000 rows"), 50, None, False),
    Goal("W11: first frame, ms", median_of("W11 ms to the first frame"), 500, None, False),
    Goal("W11: first frame, bytes", median_of("W11 bytes to the first frame"), 12_000, None, False),
    Goal("W11: one row changed, bytes", median_of("W11 bytes of one row"), 300, None, False),
    Goal("W11: p95 key to screen, ms", median_of("W11 p95 ms from key to screen"), 50, None, False),
    Goal("W11: memory, MB", median_of("W11 MB with 50,000 lines"), 120, None, False),
    Goal("W11: sorted, ms", median_of("W11 ms to sort 10,000 rows"), 50, None, False),
)


def verdict(goal: Goal, value: float | None) -> str:
    """How a goal stands."""
    if value is None:
        return "not measured"

    def reached(bound: float) -> bool:
        return value >= bound if goal.least else value <= bound

    if goal.aim is not None and reached(goal.aim):
        return "✓ aim"
    if goal.floor is None:
        return "short of the aim"
    return "✓" if reached(goal.floor) else "✗"


def tables(figures: Figures) -> str:
    """The report as Markdown: goals first, then every figure beside its neighbours."""
    lines = ["## Goals", "", "| goal | measured | floor | aim | |", "|---|---|---|---|---|"]
    for goal in GOALS:
        value = goal.value(figures)
        sign = "≥" if goal.least else "≤"
        floor = f"{sign} {short(goal.floor)}" if goal.floor is not None else ""
        aim = f"{sign} {short(goal.aim)}" if goal.aim is not None else ""
        shown = short(value) if value is not None else "-"
        lines.append(f"| {goal.text} | {shown} | {floor} | {aim} | {verdict(goal, value)} |")
    lines += [
        "",
        "## Figures",
        "",
        "Median (min-max) of the rounds; every peer in every round.",
        "",
    ]
    blocks: dict[str, list[str]] = defaultdict(list)
    for what, _ in figures.samples:
        block = blocks[what.split()[0]]
        if what not in block:
            block.append(what)
    for whats in blocks.values():
        lines.append("| | " + " | ".join(whats) + " |")
        lines.append("|---" * (len(whats) + 1) + "|")
        for who in figures.whos():
            cells = [figures.cell(what, who) for what in whats]
            if any(cell != "-" for cell in cells):
                lines.append(f"| {who} | " + " | ".join(cells) + " |")
        lines.append("")
    lines += [f"- {note}" for note in dict.fromkeys(figures.notes)]
    return "\n".join(lines) + "\n"


def plot(figures: Figures, what: str, width: int = 50) -> str:
    """One figure of all as bars of text."""
    values = {who: figures.median(what, who) for who in figures.whos()}
    known = {who: value for who, value in values.items() if value}
    if not known:
        return ""
    most = max(known.values())
    rows = sorted(known.items(), key=lambda row: -row[1])
    bars = [f"{who:>16} {'█' * max(1, round(width * v / most))} {short(v)}" for who, v in rows]
    return "\n".join([what, *bars]) + "\n"
