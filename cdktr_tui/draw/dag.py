"""What follows on what: tasks in an order, and the edges that need drawing.

Whatever is given is drawn: what is needed and does not exist is left out, and of a circle (which no
loader lets through) the edge that goes back is. Edges only ever lead on in the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

Needs = Mapping[str, Sequence[str]]
"""For each task, in the order of the plan, those that have to be over before it starts."""


def order(needs: Needs) -> list[str]:
    """All tasks, none before what it needs; that of the plan as far as it can be kept."""
    place = {task: number for number, task in enumerate(needs)}
    missing = {task: {need for need in of if need in place} - {task} for task, of in needs.items()}
    fed = _feeds(missing)
    ready = [place[task] for task, of in missing.items() if not of]
    heapify(ready)
    names, first = list(needs), 0
    drawn: list[str] = []
    taken = [False] * len(names)
    while len(drawn) < len(names):
        if not ready:
            while taken[first]:
                first += 1
            ready.append(first)
        number = heappop(ready)
        if taken[number]:
            continue
        taken[number] = True
        task = names[number]
        drawn.append(task)
        for after in fed.get(task, ()):
            missing[after].discard(task)
            if not missing[after] and not taken[place[after]]:
                heappush(ready, place[after])
    return drawn


def reduced(needs: Needs) -> dict[str, list[str]]:
    """What each task needs, in drawing order, without what follows from the rest."""
    drawn = order(needs)
    place = {task: number for number, task in enumerate(drawn)}
    before: list[int] = []
    kept: dict[str, list[str]] = {}
    for number, task in enumerate(drawn):
        direct = {at for need in needs[task] if (at := place.get(need, number)) < number}
        beyond = 0
        for at in direct:
            beyond |= before[at]
        kept[task] = [drawn[at] for at in sorted(direct) if not beyond >> at & 1]
        for at in direct:
            beyond |= 1 << at
        before.append(beyond)
    return kept


def feeds(needs: Needs) -> dict[str, list[str]]:
    """The same edges from the other end: what each task is needed by."""
    fed = _feeds(needs)
    return {task: fed.get(task, []) for task in needs}


def _feeds(needs: Mapping[str, Sequence[str] | set[str]]) -> dict[str, list[str]]:
    fed: dict[str, list[str]] = {}
    for task, of in needs.items():
        for need in of:
            fed.setdefault(need, []).append(task)
    return fed
