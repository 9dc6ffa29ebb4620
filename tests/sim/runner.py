"""One scenario, played: all actors on one stage, the faults at their times, then everything is
healed and every run has to end and every byte to arrive."""

from __future__ import annotations

import gc
from typing import NamedTuple

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_principal.decisions.core import Timing
from tests.sim import disk, faults
from tests.sim.agent import Agent
from tests.sim.client import Client
from tests.sim.ledger import Ledger
from tests.sim.logd import Logd
from tests.sim.principal import Principal
from tests.sim.scenario import HORIZON_S, Scenario
from tests.sim.supervisor import Supervisor
from tests.sim.tasks import Machine
from tests.sim.world import Network, Violation, World

LONGEST_S = HORIZON_S + 240.0
"""When every run has to have ended: three losses and a long task may follow one another."""

BEAT_S = 2.0
LEASE_GRACE_S = 2.0
"""More than an agent needs to notice and to end, even when its processes take long to be gone."""


class Outcome(NamedTuple):
    """What became of a scenario."""

    violation: str
    seconds: float
    steps: int
    counts: dict[str, int]
    story: list[str]


class Stage:
    """See the module text."""

    def __init__(self, scenario: Scenario, machines: disk.SimulatedOs, story: list[str] | None):
        self.world = world = World(scenario.seed, story)
        self.net = Network(world)
        self.ledger = ledger = Ledger(world)
        timing = Timing(
            beat_s=BEAT_S, silent_s=5.0, lost_after_s=scenario.lost_after_s,
            lease_grace_s=LEASE_GRACE_S,
        )  # fmt: skip
        self.principal = Principal(world, self.net, ledger, timing)
        self.logd = Logd(world, self.net, ledger)
        self.client = Client(world, self.net, ledger, self.principal)
        self.machines: list[Machine] = []
        machines.reset()
        for number in range(1, scenario.agents + 1):
            machine = Machine(world, ledger, f"A{number}")
            machine.agent = Agent(machine, self.net, self.principal, self.logd, scenario.slots)
            machine.supervisor = Supervisor(machine)
            machines.machines[machine.name] = machine.disk
            self.machines.append(machine)
        for number, work in enumerate(scenario.works):
            world.at(work.at, None, self.client.trigger, (number, work))
        for fault in scenario.faults:
            world.at(fault.at, None, faults.strike, (self, fault))
        world.at(HORIZON_S, None, self._heal, ())
        if scenario.listener is not None:
            noop = TaskPlan(id="t", noop=True)
            self.principal.listens = Plan(
                workflow="listens", tasks=[noop], listeners=[scenario.listener]
            )
        for shout in scenario.shouts:
            world.at(shout.at, None, self.client.shout, (shout,))
        self.scenario = scenario
        self.works = len(scenario.works)
        self._healed = False

    def machine(self, name: str) -> Machine:
        return self.machines[int(name[1:]) - 1]

    def begin(self) -> None:
        """Everybody is started."""
        self.start_principal()
        self.start_logd()
        for machine in self.machines:
            self.start_agent(machine)

    # What service managers and operators do

    def start_principal(self) -> None:
        if not self.principal.alive:
            self.principal.start()
            for machine in self.machines:
                self.reconnect_soon(machine)

    def start_logd(self) -> None:
        if not self.logd.alive:
            self.logd.start()

    def start_agent(self, machine: Machine) -> None:
        if machine.powered and not machine.agent.alive:
            machine.agent.start()

    def reconnect_soon(self, machine: Machine) -> None:
        """Its network process notices within a second that there is another connection."""
        agent = machine.agent
        if agent.alive:
            agent.later(0.02 + self.world.dice.random(), self._reconnect, agent)

    def _reconnect(self, agent: Agent) -> None:
        if self.principal.alive and not self.net.is_cut(agent.host, "P"):
            agent.reconnect()

    def continue_held(self) -> None:
        """An operator looks for held tasks and lets them go on."""
        if not self.principal.alive:
            return
        for run in list(self.principal.core.state.runs.values()):
            if any(task.held for task in run.tasks):
                self.client.ask(p.TaskContinue(run=run.id))

    # The end

    def _heal(self) -> None:
        """All faults are over; operators undo what they did."""
        self.world.tell("fault", "all is well again")
        self.net.heal()
        self.principal.thaw()
        self.principal.set_disk_full(False)
        self.logd.full = False
        self.start_principal()
        self.start_logd()
        for machine in self.machines:
            machine.disk.full = False
            for process in (machine.agent, machine.supervisor):
                if process.frozen:
                    machine.change(process, "thaw")
            if not machine.powered:
                machine.powered = True
            self.start_agent(machine)
            self.client.ask(p.AgentUndrain(agent=machine.name))
        self._healed = True
        self._care()

    def _care(self) -> None:
        self.continue_held()
        self.world.at(self.world.now + 2.0, None, self._care, ())

    def done(self) -> bool:
        """Has everything ended that has begun, and arrived?"""
        ledger = self.ledger
        return (
            self._healed
            and len(ledger.acknowledged) == self.works
            and len(ledger.ended_runs) == len(ledger.runs)
            and not self.client.open
            and len(ledger.shouts.answers) == len(self.scenario.shouts)
            and ledger.shouts.done
            and not self.principal.core.state.windows.open
            and not any(ledger.running.values())
            and all(machine.agent.shipper.empty for machine in self.machines)
        )

    def judge(self) -> None:
        """What can only be said at the end."""
        ledger = self.ledger
        if not self.done():
            raise Violation(self._unfinished())
        ledger.check_acknowledged()
        ledger.check_output()
        ledger.shouts.check(self.scenario.listener)
        self.principal.check_fold()

    def _unfinished(self) -> str:
        ledger = self.ledger
        runs = sorted(ledger.runs.keys() - ledger.ended_runs)
        if runs:
            states = [
                f"{task.plan.id} {task.state}"
                for task in self.principal.core.state.runs[runs[0]].tasks
            ]
            return f"run {runs[0]} has not ended: {', '.join(states)}"
        if self.principal.core.state.windows.open or not ledger.shouts.done:
            return "events wait for ever"
        if len(ledger.acknowledged) < self.works:
            return "a client was never answered"
        if any(ledger.running.values()):
            return "a task runs on although its run is over"
        return "output has not arrived"


def play(scenario: Scenario, machines: disk.SimulatedOs, tell: bool = False) -> Outcome:
    """Play it on disks that are mounted."""
    story: list[str] | None = [] if tell else None
    stage = Stage(scenario, machines, story)
    violation = ""
    try:
        stage.begin()
        stage.world.run(LONGEST_S, stage.done)
        stage.judge()
    except Violation as found:
        violation = str(found)
        stage.world.tell("judge", f"VIOLATION: {violation}")
    world = stage.world
    return Outcome(violation, world.now, world.steps, stage.ledger.counts, story or [])


def freeze_memory() -> None:
    """Collections would take a fifth of the time: what a seed leaves behind is freed in batches."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
