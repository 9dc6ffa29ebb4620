"""The deterministic simulation: the decisions of principal, agent and logd run unchanged under one
seeded clock, network and disk, with every fault we can think of, judged by a ledger outside them.

    world      the clock, processes that freeze and die, the network
    disk       files that a power failure shortens and that can be full
    ledger     the judge: what really ran, what was acknowledged, what is stored
    scenario   what a seed stands for: work to do, and faults
    principal, client, agent, supervisor, tasks, logd, shipping   the actors around the cores
    faults     how each fault is done
    mechanisms what can be switched off, to see that the simulation notices
    runner     one seed; many seeds
    shrink     the shortest story of a failing seed

`python -m tests.sim --help` runs it by hand.
"""
