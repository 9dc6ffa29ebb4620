"""The shortest story of a failing seed: parts of its scenario are left out for as long as something
is still violated, then faults are made shorter. What is left is told, with the command that plays
it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.sim.disk import SimulatedOs
from tests.sim.runner import play
from tests.sim.scenario import Scenario

MOST: Final = 400
"""Scenarios tried at most."""

LINES: Final = 60
"""Lines of a story that are printed: the last ones, for they lead to the violation."""


def shrink(scenario: Scenario, machines: SimulatedOs) -> Scenario:
    """A scenario that is violated too, and from which nothing more can be left out."""
    tries = 0
    shorter = True
    while shorter and tries < MOST:
        shorter = False
        for candidate in _shorter(scenario):
            tries += 1
            if play(candidate, machines).violation:
                scenario, shorter = candidate, True
                break
            if tries >= MOST:
                break
    return scenario


def _shorter(scenario: Scenario) -> Iterator[Scenario]:
    """The scenario with one thing less."""
    for i in range(len(scenario.faults)):
        yield scenario._replace(faults=scenario.faults[:i] + scenario.faults[i + 1 :])
    for i in range(len(scenario.works)):
        if len(scenario.works) > 1:
            yield scenario._replace(works=scenario.works[:i] + scenario.works[i + 1 :])
    if scenario.shouts:
        yield scenario._replace(listener=None, shouts=())
    for i, work in enumerate(scenario.works):
        if work.cancel_at is not None:
            changed = work._replace(cancel_at=None)
            yield scenario._replace(works=(*scenario.works[:i], changed, *scenario.works[i + 1 :]))


def kept(whole: Scenario, part: Scenario) -> str:
    """Which of the faults and runs of `whole` are in `part`, as `--keep` takes it."""
    faults = [str(i) for i, fault in enumerate(whole.faults) if fault in part.faults]
    works = [
        f"r{i}" if work in part.works else f"n{i}"
        for i, work in enumerate(whole.works)
        if work._replace(cancel_at=None) in part.works or work in part.works
    ]
    return ",".join([*faults, *works, *(["events"] if part.shouts else [])])


def keep(whole: Scenario, names: str) -> Scenario:
    """The part of `whole` that `kept` has named; `n1`: run 1, but not cancelled."""
    wanted = names.split(",")
    faults = tuple(fault for i, fault in enumerate(whole.faults) if str(i) in wanted)
    works = [
        work if f"r{i}" in wanted else work._replace(cancel_at=None)
        for i, work in enumerate(whole.works)
        if f"r{i}" in wanted or f"n{i}" in wanted
    ]
    part = whole._replace(faults=faults, works=tuple(works))
    return part if "events" in wanted else part._replace(listener=None, shouts=())


def tell(scenario: Scenario, machines: SimulatedOs, lines: int = LINES) -> list[str]:
    """The scenario and what happened, line by line."""
    outcome = play(scenario, machines, tell=True)
    text = [
        f"{scenario.agents} agents of {scenario.slots} slots, leases of {scenario.lost_after_s:g} s"
    ]
    text += [work.text() for work in scenario.works]
    text += [shout.text() for shout in scenario.shouts]
    text += [fault.text() for fault in scenario.faults]
    story = outcome.story
    if len(story) > lines:
        text.append(f"         … {len(story) - lines} lines before")
    return text + story[-lines:]
