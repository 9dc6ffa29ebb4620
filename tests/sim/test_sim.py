"""Two thousand scenarios without a violation; and each mechanism taken away is noticed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim import disk, mechanisms, runner, scenario
from tests.sim.__main__ import failure

SEEDS = 2000
PART = 500


@pytest.fixture(name="machines", scope="module")
def machines_fixture() -> Iterator[disk.SimulatedOs]:
    """Simulated disks in place of the real one."""
    thresholds = gc.get_threshold()
    machines = disk.SimulatedOs()
    runner.freeze_memory()
    with disk.mounted(machines):
        yield machines
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def play(seed: int, machines: disk.SimulatedOs) -> None:
    """Play one seed; when it is violated, fail with its shortest story."""
    if runner.play(scenario.draw(seed), machines).violation:
        pytest.fail("\n".join(failure(seed, machines)), pytrace=False)


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_nothing_is_lost_or_doubled(machines: disk.SimulatedOs, first: int) -> None:
    for seed in range(first, first + PART):
        play(seed, machines)


def test_seeds_that_found_a_fault_find_none(machines: disk.SimulatedOs) -> None:
    lines = Path(__file__).with_name("seeds.txt").read_text().splitlines()
    for line in lines:
        if not line.startswith("#"):
            play(int(line.split()[0]), machines)


@pytest.mark.parametrize("name", mechanisms.MECHANISMS)
def test_what_keeps_the_promises_is_missed(machines: disk.SimulatedOs, name: str) -> None:
    """The test of the test: without it the simulation finds a violation soon enough."""
    seeds = mechanisms.MECHANISMS[name][1]
    with mechanisms.without(name):
        for seed in range(seeds):
            if runner.play(scenario.draw(seed), machines).violation:
                return
    pytest.fail(f"{seeds} seeds without '{name}' and nothing was noticed")


def test_the_same_seed_is_the_same_story(machines: disk.SimulatedOs) -> None:
    for seed in range(5):
        first = runner.play(scenario.draw(seed), machines, tell=True)
        assert runner.play(scenario.draw(seed), machines, tell=True) == first
